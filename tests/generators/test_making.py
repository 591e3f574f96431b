"""Sets by the million are the sets of one call, however they are cut into shards, and whoever makes them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from baselines.frequency import Frequency
from setgen.climbing.climbs import Climbs
from setgen.climbing.frames import write_frames
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.generators.making import Maker, make
from setgen.generators.registry import load_generator
from setgen.sets.shards import Shards


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    generator = Frequency(synthetic_board(), Frequency.Config())
    generator.fit_counts(synthetic_climbs(300, 1))
    generator.save(tmp_path_factory.mktemp("model"))
    return partial(load_generator, tmp_path_factory.getbasetemp() / "model0")


def maker_in(folder, model, n: int, size: int) -> Maker:
    shards = Shards.begin(folder, synthetic_board(), n, size, {})
    return Maker(shards, model, Climbs.prompts(1, angle=40, grade=16), None, 3, {"temperature": 0.9})


def frames(maker: Maker) -> list[str]:
    return write_frames(synthetic_board(), maker.shards.pick(np.arange(maker.shards.n)))


def contents(maker: Maker) -> list[bytes]:
    return [maker.shards.path(i).read_bytes() for i in range(len(maker.shards))]


@pytest.mark.parametrize("size", [7, 20, 60])
def test_they_are_the_sets_of_one_call(size, model, tmp_path):
    maker = maker_in(tmp_path / "made", model, 60, size)
    assert sum(make(maker)) == 60
    whole = model().sample(Climbs.prompts(60, angle=40, grade=16), seed=3, temperature=0.9)
    assert frames(maker) == write_frames(synthetic_board(), whole)
    assert set(maker.shards.read(0).angle.tolist()) == {40}


def test_going_on_makes_what_is_missing_and_nothing_else(model, tmp_path):
    maker = maker_in(tmp_path / "made", model, 60, 20)
    list(make(maker))
    whole = contents(maker)
    maker.shards.path(1).unlink()
    times = [maker.shards.path(i).stat().st_mtime_ns for i in (0, 2)]
    again = maker_in(tmp_path / "made", model, 60, 20)
    assert list(make(again)) == [20]
    assert contents(again) == whole
    assert [maker.shards.path(i).stat().st_mtime_ns for i in (0, 2)] == times
    assert list(make(again)) == []


@pytest.mark.slow
def test_on_ray_they_are_the_same_to_the_byte(two_cores, model, tmp_path):
    here, there = (maker_in(tmp_path / name, model, 90, 20) for name in ("here", "there"))
    list(make(here))
    assert sorted(make(there, two_cores)) == [10, 20, 20, 20, 20]
    assert contents(there) == contents(here)
