"""On real climbs: held-out ones stand at the floor, and climbs of random holds stand far from it."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from setgen.climbing.build import import_dataset
from setgen.climbing.climbs import Climbs
from setgen.climbing.sources.readout import Options
from setgen.metrics.evaluate import evaluate
from setgen.sets.identity import fingerprints

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SETGEN_DATA" not in os.environ, reason="needs the real climbs of SETGEN_DATA"),
]

FIDELITY = ("hold usage", "hold and role usage", "W₁ largest hop", "W₁ hop", "W₁ height gained")


def errors_above_floor(evaluation, name):
    v = evaluation[name]
    return (v.value - v.floor) / np.hypot(v.standard_error, v.floor_standard_error)


@pytest.fixture(scope="module", params=["kilter.sqlite3", "moonboard_2017.json"])
def dataset(request):
    """One row of each set of holds: Kilter has the same one at up to 15 angles, which are not 15 draws, as the
    errors take rows to be."""
    options = Options(layout=1, size=10) if request.param.startswith("kilter") else Options()
    found = import_dataset(Path(os.environ["SETGEN_DATA"]) / request.param, options)
    _, first = np.unique(fingerprints(found.space, found.sets), return_index=True)
    columns = {name: values[first] for name, values in found.columns.items()}
    return replace(
        found, sets=found.sets[first], split=found.split[first], ids=found.ids[first], columns=columns
    )


def test_held_out_climbs_stand_at_the_floor(dataset):
    found = evaluate(dataset.part("valid"), dataset)
    assert found["legal"].value == 1
    assert found["novel"].value == 1
    for name in FIDELITY:
        assert abs(errors_above_floor(found, name)) < 5, name


def test_random_holds_stand_far_from_it(dataset):
    valid, rng = dataset.part("valid"), np.random.default_rng(0)
    placement = np.concatenate([rng.choice(len(dataset.board), s, replace=False) for s in valid.sizes])
    found = evaluate(Climbs(placement, valid.role, valid.offsets, valid.angle, valid.grade), dataset)
    assert found["legal"].value == 1
    assert found["sensible"].value < 0.5
    for name in FIDELITY:
        assert errors_above_floor(found, name) > 2, name
