"""Critic: how much more a set looks like a real one than like a model's draw, given what was asked for.

A set transformer learns to tell training sets from a model's draws under the same conditions. The best score there is

    score(set, conditions) = log p(set | conditions) − log q(set | conditions)

p of real sets, q of draws (Goodfellow et al. 2014). So of k draws for one prompt, one that is taken with a
probability ∝ e^score comes nearer to a real one the larger k is (importance resampling, Rubin 1988); the one with
the highest score is the most convincing, at some loss of variety. The draws themselves stay the model's.

Whoever chooses should not judge too: judge what was chosen by metrics that share nothing with the critic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from setgen.errors import InputError
from setgen.generators.base import Generator, evaluating
from setgen.generators.config import NetworkConfig
from setgen.models.embedding import ConditionEmbedding, ElementEmbedding
from setgen.models.fitting import fit
from setgen.models.saved import WEIGHTS, load_network, save_network
from setgen.models.transformer import SetTransformer
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.dataset import SetDataset
from setgen.sets.identity import as_sets
from setgen.sets.sets import Sets
from setgen.sets.space import Space, load_space
from setgen.threads import one_thread

FORMAT = 1
_HEAD = "critic.json"
WAYS = ("best", "resampled")
AnySets = TypeVar("AnySets", bound=Sets)

_ROWS = 512  # sets scored at once; fixed, so that no caller's batch size can change a digit


@dataclass(frozen=True)
class Schedule:
    """draws: of the model, under conditions of training sets, at most one each. judged: real validation sets, and as
    many draws, that stopping asks."""

    draws: int = 10_000
    judged: int = 1000
    batch_size: int = 128
    steps: int = 1200
    validations: int = 12
    learning_rate: float = 2e-3
    weight_decay: float = 0.1


class Critic(nn.Module):
    """Scores sets of one space. Neither the order of items nor the batch matters."""

    def __init__(self, space: Space, config: NetworkConfig) -> None:
        super().__init__()
        self.space, self.config = space, config
        self.elements = ElementEmbedding(space, config.width)
        self.asked = ConditionEmbedding(space, config.width)
        self.encoder = SetTransformer(config.width, config.depth, config.heads, config.dropout)
        self.out = nn.Linear(config.width, 1)

    def forward(self, batch: SetBatch) -> Tensor:
        """(B,) scores."""
        state = self.asked(batch.conditions, len(batch))
        code, _ = self.encoder(state, batch.element, self.elements(), batch.present)
        return self.out(code).squeeze(1)

    @torch.no_grad()
    def score(self, sets: Sets) -> np.ndarray:
        """(C,) log-odds that a set under its conditions is real rather than drawn; unknown items are left out."""
        sets, starts = as_sets(self.space, sets), range(0, len(sets), _ROWS)
        with evaluating(self), one_thread():
            parts = [self(to_batch(self.space, sets[i : i + _ROWS])).double().numpy() for i in starts]
        return np.concatenate([np.empty(0), *parts])

    def save(self, folder: Path) -> None:
        """Write critic.json, the space and weights.safetensors into `folder`, all or nothing. Raises InputError."""
        save_network(self, self.space, folder, _HEAD, {"format": FORMAT, "config": asdict(self.config)})


def load_critic(folder: Path | str) -> Critic:
    """Load what `Critic.save` wrote. Raises InputError when the folder holds no critic, or a damaged one."""
    folder = Path(folder)
    missing = [name for name in (_HEAD, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} holds no critic: {', '.join(missing)} missing")
    return load_network(
        folder, _HEAD, FORMAT, lambda config: Critic(load_space(folder), NetworkConfig(**config))
    )


def fit_critic(
    generator: Generator,
    dataset: SetDataset,
    seed: int = 0,
    *,
    config: NetworkConfig | None = None,
    schedule: Schedule | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Critic:
    """A critic that tells the dataset's training sets from the generator's draws; of its validations on validation
    sets the best is kept. progress is called with (steps done, steps in all).

    The same generator, dataset and seed give the same critic. Raises InputError where the two are of different
    spaces, or a split has no sets.
    """
    if not np.array_equal(generator.space.keys, dataset.space.keys):
        raise InputError("the model is of another space than the dataset: give the dataset it was trained on")
    schedule = schedule or Schedule()
    pairs = []
    for i, (part, most) in enumerate((("train", schedule.draws), ("valid", schedule.judged))):
        real = as_sets(dataset.space, dataset.part(part))
        if not len(real):
            raise InputError(
                f"the dataset has no {part} {dataset.space.set_word}s: it is too small for a critic"
            )
        asked = real.at_most(most, (seed, i)).emptied()
        # Not the seed itself: what is judged later may be drawn with that, and should be new to the critic.
        drawn = generator.sample(asked, seed=int(np.random.default_rng((seed, i)).integers(2**32)))
        pairs.append((real, as_sets(dataset.space, drawn)))
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic(dataset.space, config or NetworkConfig(width=64, depth=2))
        _train(critic, pairs[0], pairs[1], seed, schedule, progress)
    return critic.eval()


def _train(
    critic: Critic,
    train: tuple[Sets, Sets],
    valid: tuple[Sets, Sets],
    seed: int,
    schedule: Schedule,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Half of each batch is real."""
    rng, half = np.random.default_rng(seed), schedule.batch_size // 2

    def loss() -> Tensor:
        real, drawn = (critic(_some(critic, part, half, rng)) for part in train)
        return (softplus(-real).mean() + softplus(drawn).mean()) / 2  # cross-entropy

    fit(
        critic,
        loss,
        lambda: cross_entropy(critic, *valid),
        steps=schedule.steps,
        validations=schedule.validations,
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
        progress=progress,
    )


def _some(critic: Critic, sets: Sets, n: int, rng: np.random.Generator) -> SetBatch:
    """n of the sets, each condition hidden now and then, so that the critic can do without."""
    batch = to_batch(critic.space, sets[rng.integers(len(sets), size=n)])
    return batch.partly_asked(critic.config.condition_dropout)


def cross_entropy(critic: Critic, real: Sets, drawn: Sets) -> float:
    """Nats a set, both kinds weighing the same: log 2 = 0.693 where the critic cannot tell."""
    told, taken = critic.score(real), critic.score(drawn)
    return float((np.logaddexp(0, -told).mean() + np.logaddexp(0, taken).mean()) / 2)


def chosen(scores: np.ndarray, way: str, seed: int = 0) -> np.ndarray:
    """(C,) which of k draws to take for each of C prompts. scores: (C, k).

    best: the highest. resampled: one at random, with a probability ∝ e^score (Gumbel's trick). Raises InputError for
    another way.
    """
    if way not in WAYS:
        raise InputError(f"there is no way {way!r} to choose: {' or '.join(WAYS)}")
    luck = np.random.default_rng(seed).gumbel(size=scores.shape) if way == "resampled" else 0.0
    return (scores + luck).argmax(1)


def sample_by(
    critic: Critic, generator: Generator, prompts: AnySets, k: int, way: str = "best", seed: int = 0
) -> AnySets:
    """One set for each prompt, out of k draws of the generator. Raises InputError when a prompt cannot be completed
    or k is under 1.

    >>> climbs = sample_by(critic, generator, prompts, 4)  # doctest: +SKIP
    """
    if k < 1:
        raise InputError(f"k is {k}: choose among 1 draw at least")
    draws = generator.sample(prompts[np.repeat(np.arange(len(prompts)), k)], seed=seed)
    column = chosen(critic.score(draws).reshape(len(prompts), k), way, seed)
    return draws[np.arange(len(prompts)) * k + column]
