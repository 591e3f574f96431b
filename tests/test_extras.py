"""What the package needs is little: everything else is asked for where it is used."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    "hydra-core": ("hydra", "omegaconf"),
    "scikit-learn": ("sklearn",),
    "pot": ("ot",),
    "fastapi-offline": ("fastapi_offline",),
    "prometheus-client": ("prometheus_client",),
    "torch-geometric": ("torch_geometric",),
}
PROGRAM = """
import sys
from importlib.machinery import PathFinder
find, banned = PathFinder.find_spec, set(sys.argv[1].split(","))
PathFinder.find_spec = classmethod(
    lambda cls, name, path=None, target=None: None if name.split(".")[0] in banned else find(name, path, target)
)
import numpy as np
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.registry import generator_class
from setgen.sets.space import Items
from setgen.sets.sets import One, Sets
from setgen.training import Options, Training

baskets = Items("b", tuple("abcde"), (1, 3))
rng = np.random.default_rng(0)
some = Sets.of(baskets, [One(tuple((int(i), 0) for i in rng.permutation(5)[:3])) for _ in range(80)])
for space, sets in ((baskets, some), (synthetic_board(), synthetic_climbs(80, 0))):
    kind = generator_class("masked_set")
    model = kind(space, kind.Config(width=16, depth=1, heads=2))
    model.fit_counts(sets)
    Training(model, sets, sets[:20], Options(steps=3)).run()
    assert len(model.sample(sets.emptied(), seed=0)) == 80
from setgen.cli.main import run
assert run(["generate", "-n", "2"]) == 0
"""


@pytest.mark.slow
def test_the_core_trains_and_samples_without_any_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {re.match(r"[a-z0-9-]+", one)[0] for extra in extras.values() for one in extra} - {"setgen"}
    names -= {"pydantic"}  # which typer needs itself
    banned = [module for name in names for module in MODULES.get(name, (name.replace("-", "_"),))]
    assert len(banned) > 15
    command = [sys.executable, "-c", PROGRAM, ",".join(banned)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
