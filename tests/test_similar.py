"""Similar climbs: as enumeration finds them, mirror images too, and a climb known at several angles once."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from setgen.cli.main import run
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.similar import mirrored, similar
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs

BOARD = synthetic_board()
# A board whose columns swap: each placement's image lies as far from the other side.
_AT = {(round(x, 3), round(y, 3)): i for i, (x, y) in enumerate(BOARD.xy.tolist())}
_MIDDLE = BOARD.xy[:, 0].min() + BOARD.xy[:, 0].max()
MIRROR = np.array([_AT.get((round(_MIDDLE - x, 3), round(y, 3)), -1) for x, y in BOARD.xy.tolist()])


def jaccard(one: Climb, other: Climb) -> float:
    a, b = set(one.holds), set(other.holds)
    return len(a & b) / len(a | b)


def test_it_finds_what_comparing_all_finds():
    climbs, known = synthetic_climbs(20, seed=1), synthetic_climbs(400, seed=2)
    for climb, near in zip(climbs, similar(BOARD, climbs, known, 4), strict=True):
        every = {frozenset(other.holds): jaccard(climb, other) for other in known}
        best = sorted(every.values(), reverse=True)[:4]
        assert [one.similarity for one in near] == pytest.approx([x for x in best if x > 0])
        for one in near:
            assert one.similarity == pytest.approx(jaccard(climb, known.climb(one.rows[0])))


def test_the_same_climb_at_several_angles_is_one_with_all_its_rows():
    climb = synthetic_climbs(1, seed=3).climb(0)
    turned = Climb(tuple(reversed(climb.holds)), 20, climb.grade)
    known = Climbs.from_list([climb, *synthetic_climbs(5, seed=4), turned])
    first, second = similar(BOARD, Climbs.from_list([climb]), known, 2)[0]
    assert (first.similarity, first.rows, first.mirrored) == (1.0, (0, 6), False)
    assert second.similarity < 1


def test_mirror_images_are_found_where_the_board_has_them():
    board = replace(BOARD, mirror=MIRROR)
    climbs = synthetic_climbs(5, seed=5)
    image = mirrored(board, climbs)
    assert image is not None
    for near in similar(board, climbs, image, 1):
        assert near[0].similarity == 1
    assert [near[0].mirrored for near in similar(board, climbs, image, 1)].count(True) >= 4
    assert mirrored(BOARD, climbs) is None
    assert all(one.similarity < 1 for near in similar(BOARD, climbs, image, 1) for one in near)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "set"
    dataset = synthetic_dataset(200, seed=0)
    dataset.save(folder)
    return folder, dataset


@pytest.mark.parametrize("format", ["table", "jsonl", "csv"])
def test_the_command_says_what_is_near(data, capsys, format):
    folder, dataset = data
    from setgen.climbing.frames import write_frames

    frames = write_frames(dataset.board, dataset.climbs[[7]])[0]
    assert run(["similar", "--data", str(folder), "--holds", frames, "-n", "2", "--format", format]) == 0
    out = capsys.readouterr().out
    assert frames in out
    if format == "jsonl":
        first = json.loads(out.splitlines()[0])
        assert first["similarity"] == 1
        assert first["known"] == frames


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--holds", ""], "no holds"),
        ([], "either --climbs, a file, or --holds"),
        (["--holds", "p5r1", "--format", "xml"], "table, jsonl, csv"),
        (["--holds", "p99999r1"], "99999"),
    ],
)
def test_wrong_input_is_one_line(data, capsys, arguments, said):
    assert run(["similar", "--data", str(data[0]), *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
