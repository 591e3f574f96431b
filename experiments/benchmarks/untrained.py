"""Models with random weights, for benchmarks: speed does not depend on what was learned."""

from __future__ import annotations

from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.generators.base import Generator
from setgen.generators.registry import generator_class

_CONF = Path(__file__).resolve().parents[1] / "conf"
MODELS = sorted(path.stem for path in (_CONF / "model").glob("*.yaml"))
NETWORKS = sorted(path.stem for path in (_CONF / "network").glob("*.yaml"))


def untrained(model: str, network: str, board: Board, climbs: Climbs) -> Generator:
    """`model=… network=…` as `experiments.train` builds it on `board`, with the counts of `climbs`."""
    with initialize_config_dir(str(_CONF), version_base=None):
        settings = compose("train", [f"model={model}", f"network={network}"]).model
    cls = generator_class(settings.generator)
    config = OmegaConf.to_container(settings.config, resolve=True)
    assert isinstance(config, dict)
    torch.manual_seed(0)
    generator = cls(board, cls.Config(**{str(k): v for k, v in config.items()}))
    generator.fit_counts(climbs)
    return generator.eval()
