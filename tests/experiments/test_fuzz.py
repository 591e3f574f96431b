"""The campaign of damaged files: each kind is read or refused in one line, and a reader that breaks is found."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.benchmarks import fuzz
from experiments.benchmarks import fuzz_built as built
from experiments.benchmarks.fuzz_kinds import FRAMES, KINDS, plain_frames, same_frames
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError


@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    return KINDS[request.param](tmp_path_factory.mktemp("fuzz"))


@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_damage_of_every_kind_is_seen(kind, tmp_path: Path, random: random.Random) -> None:
    judge = fuzz.Judge(kind.read, tmp_path)
    data = random.choice(kind.examples)
    if kind.packed and random.random() < 0.5:
        unpack, pack = kind.packed
        assert judge(pack(fuzz.mutated(unpack(data), random))) != "fault"
    assert judge(fuzz.mutated(data, random)) != "fault"


def test_good_ones_are_read(kind, tmp_path: Path) -> None:
    """The first example of each kind above all: where it is refused, nothing behind that is tried."""
    ends = [fuzz.Judge(kind.read, tmp_path)(example) for example in kind.examples]
    assert "fault" not in ends
    assert ends[0] in ("read", "no case")


@settings(max_examples=40, deadline=None, database=None)
@given(st.binary(max_size=300))
def test_what_is_built_wrong_is_built_again_from_the_same_bytes(data: bytes) -> None:
    document = {"a": [1, 2.5, "x", {"b": None}], "c": True}
    rows = [["frames", "angle"], ["p1r1", "40"]]
    for build in (
        lambda choices: built.odd_json(document, choices),
        lambda choices: built.odd_csv(rows, choices),
        lambda choices: built.odd_package([b"one", b"two"], choices),
    ):
        assert build(built.Choices(data)) == build(built.Choices(data))
    assert built.Choices(data).changed(b"abc") == built.Choices(data).changed(b"abc")
    assert document == {"a": [1, 2.5, "x", {"b": None}], "c": True}


def test_without_choices_nothing_is_changed(tmp_path: Path) -> None:
    none = built.Choices(b"")
    assert json.loads(built.odd_json({"a": [1]}, none)) == {"a": [1]}
    assert built.odd_csv([["a", "b"], ["1", "2"]], none) == b"a,b\n1,2\n"
    database = KINDS["sqlite"](tmp_path).examples[0]
    assert built.odd_database(database, none) == database
    files = {"a.json": b"{}", "b": b"x"}
    assert built.odd_folder(files, [files], "a.json", tmp_path / "at", tmp_path / "outside", none)
    assert {path.name: path.read_bytes() for path in (tmp_path / "at").iterdir()} == files


TOKENS = st.sampled_from(
    ["p5r1", "p5r2", "p7r2", "p9r3", "x5", "x7", ",", ',"', "p5", "r", "p6r1", "p5r9", " ", "p05r1"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKENS, max_size=12).map("".join) | st.text(alphabet='prx,"0123456789', max_size=20))
def test_frames_are_read_as_their_grammar_says(text: str) -> None:
    try:
        same_frames(text)
    except InputError:
        assert plain_frames(synthetic_board(), text) is None
    else:
        assert plain_frames(synthetic_board(), text)


def test_the_grammar_reads_what_is_written_and_refuses_what_is_not() -> None:
    board = synthetic_board()
    for text in FRAMES:
        assert plain_frames(board, text) == {
            int(a): int(b) for a, b in (h.split("r") for h in text[1:].split("p"))
        }
    for wrong in ("", ",", "p5", "p5r1x5", 'p5r1,"x7', "p5r1p5r1", '"p5r1', "p5r1,"):
        assert plain_frames(board, wrong) is None


@pytest.mark.slow
def test_sixty_damaged_ones_of_every_kind(kind, tmp_path: Path) -> None:
    judge, random_ = fuzz.Judge(kind.read, tmp_path), random.Random(1)
    for _ in range(60):
        judge(fuzz.mutated(random_.choice(kind.examples), random_))
    assert judge.counts["fault"] == 0


@pytest.mark.slow
def test_a_campaign_finds_nothing_and_keeps_what_reaches_new_lines(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    # One of each way to make cases; every kind is damaged above, and each here takes a process that reads all anew.
    for name in ("text", "gzip", "schema", "model-folder"):
        assert fuzz.campaign(name, 60, 1, tmp_path) == 0
        assert fuzz.counts_of(tmp_path / name).total() == 60
    assert fuzz.campaign("text", 1500, 1, tmp_path) == 0
    assert fuzz.counts_of(tmp_path / "text").total() == 1560  # it went on with what was there
    assert len(list((tmp_path / "text" / "corpus").iterdir())) > 10 > len(KINDS["text"](tmp_path).examples)


def test_a_reader_that_breaks_is_found(tmp_path: Path, capsys) -> None:
    def broken(data: bytes) -> int:
        if data[:1] == b"y":
            raise InputError("two\nlines")
        if data[:1] == b"z":
            raise InputError("one line")
        return 1 // (data[:1] == b"x")

    judge = fuzz.Judge(broken, tmp_path / "kept")
    assert [judge(data) for data in (b"x", b"a", b"b", b"y", b"z")] == [
        "read",
        "fault",
        "fault",
        "fault",
        "refused",
    ]
    assert judge.counts == {"read": 1, "fault": 3, "refused": 1}
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert {path.read_bytes() for path in (tmp_path / "kept").iterdir()} == {b"a", b"b", b"y"}


def test_damage_changes_something() -> None:
    rng = random.Random(0)
    assert (
        sum(fuzz.mutated(b"frames,angle\np1r1,40\n", rng) != b"frames,angle\np1r1,40\n" for _ in range(100))
        > 90
    )
