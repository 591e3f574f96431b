"""Datasets: the card adds up, splits do not leak and depend on nothing but hold set and seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setgen.climbing.build import build, synthetic_dataset
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources.readout import Readout, Sieve
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.sets.identity import fingerprints
from setgen.sets.splits import SPLITS, assign

BOARD = synthetic_board()


def from_climbs(climbs: Climbs, seed: int = 1) -> Dataset:
    ids = np.array([f"c{i}" for i in range(len(climbs))], dtype=object)
    return build(Readout("test", BOARD, climbs, ids, Sieve(len(climbs))), {}, {}, seed)


def test_the_card_adds_up_and_says_synthetic() -> None:
    card = synthetic_dataset(3000, seed=4).card
    assert card["source"]["synthetic"] is True
    assert card["rows"]["read"] == 3000 == card["rows"]["kept"]
    assert sum(part["rows"] for part in card["splits"].values()) == 3000
    assert sum(part["hold_sets"] for part in card["splits"].values()) == card["hold_sets"]
    for histogram in card["kept"].values():
        assert sum(histogram.values()) == 3000


@given(
    st.lists(
        st.builds(
            Climb,
            st.lists(st.tuples(st.integers(0, 149), st.integers(0, 3)), max_size=5).map(tuple),
            st.sampled_from((20, 40)),
            st.sampled_from((UNKNOWN, 9, 10, 30, 31)),
        ),
        max_size=20,
    )
)
def test_read_is_kept_plus_dropped_for_any_rows(climbs: list[Climb]) -> None:
    fine = Climb(((0, 0), (1, 2)), 40, 20)
    rows = from_climbs(Climbs.from_list([*climbs, fine])).card["rows"]
    assert rows["read"] == len(climbs) + 1
    assert rows["read"] == rows["kept"] + sum(rows["reasons"].values())
    assert rows["dropped"] == sum(rows["reasons"].values())


def test_a_row_has_the_first_reason_only() -> None:
    sieve = Sieve(4)
    sieve.drop(np.array([True, True, False, False]), "one")
    sieve.drop(np.array([True, False, True, False]), "two")
    sieve.drop(np.array([False] * 4), "never")
    assert sieve.reasons() == {"one": 2, "two": 1}
    assert sieve.kept.tolist() == [False, False, False, True]


def test_nothing_left_is_an_error_with_reasons() -> None:
    with pytest.raises(InputError, match=r"no climb is left of 1 rows \(not legal: too few holds: 1\)"):
        from_climbs(Climbs.from_list([Climb(((0, 0),), 40, 20)]))
    with pytest.raises(InputError, match="0 climbs"):
        synthetic_dataset(0)


def test_one_hold_set_is_on_one_side_whatever_its_roles_angle_and_order() -> None:
    base = synthetic_climbs(1500, seed=3)
    twins = Climbs.from_list(
        [Climb(tuple((p, 1 if r == 3 else r) for p, r in reversed(c.holds)), 60, 12) for c in base]
    )
    dataset = from_climbs(Climbs.concatenate([base, twins]))
    assert dataset.split[:1500].tolist() == dataset.split[1500:].tolist()
    prints = fingerprints(BOARD, dataset.climbs)
    sides = [set(prints[dataset.split == i].tolist()) for i in range(len(SPLITS))]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_a_split_depends_on_the_hold_set_and_the_seed_alone() -> None:
    climbs = synthetic_climbs(2000, seed=3)
    whole, rng = from_climbs(climbs), np.random.default_rng(0)
    some = rng.permutation(2000)[:700]
    assert from_climbs(climbs[some]).split.tolist() == whole.split[some].tolist()
    assert from_climbs(climbs, seed=2).split.tolist() != whole.split.tolist()
    shares = np.bincount(whole.split, minlength=3) / 2000
    assert np.allclose(shares, (0.85, 0.05, 0.10), atol=0.03)


def test_split_shares_over_many_fingerprints() -> None:
    prints = np.random.default_rng(0).integers(0, 2**63, 200_000, dtype=np.uint64)
    shares = np.bincount(assign(prints, 1), minlength=3) / len(prints)
    assert np.allclose(shares, (0.85, 0.05, 0.10), atol=0.005)


def test_a_saved_dataset_loads_unchanged(tmp_path: Path) -> None:
    dataset = synthetic_dataset(300, seed=2)
    dataset.save(tmp_path / "d")
    back = Dataset.load(tmp_path / "d")
    assert list(back.climbs) == list(dataset.climbs)
    assert back.split.tolist() == dataset.split.tolist()
    assert back.ids.tolist() == dataset.ids.tolist()
    assert back.card == dataset.card
    assert back.board.to_json() == dataset.board.to_json()
    parts = [len(back.part(name)) for name in SPLITS]
    assert sum(parts) == 300
    dataset.save(tmp_path / "d")  # our own folder may be replaced


def test_folders_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    dataset = synthetic_dataset(5)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        dataset.save(tmp_path / "mine")
    with pytest.raises(InputError, match="in the way"):
        dataset.save(tmp_path / "mine" / "thesis.txt")
    with pytest.raises(InputError, match="cannot write"):
        dataset.save(tmp_path / "mine" / "thesis.txt" / "below")
    with pytest.raises(InputError, match="not a dataset folder"):
        Dataset.load(tmp_path / "none")
    dataset.save(tmp_path / "d")
    (tmp_path / "d" / "climbs.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="damaged"):
        Dataset.load(tmp_path / "d")
    (tmp_path / "d" / "card.json").write_text("{}")  # of a version that noted no checksums
    with pytest.raises(InputError, match="cannot be read"):
        Dataset.load(tmp_path / "d")
    (tmp_path / "d" / "board.json").unlink()
    with pytest.raises(InputError, match=r"board\.json missing"):
        Dataset.load(tmp_path / "d")


def test_a_save_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = synthetic_dataset(20, seed=1)
    old.save(tmp_path / "d")
    (tmp_path / "d" / "notes.txt").write_text("mine")
    before = {p.name: p.read_bytes() for p in (tmp_path / "d").iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("setgen.sets.dataset.pq.write_table", full)
        for name in ("d", "new"):
            with pytest.raises(InputError, match="No space left"):
                synthetic_dataset(10, seed=2).save(tmp_path / name)
    assert {p.name: p.read_bytes() for p in (tmp_path / "d").iterdir()} == before
    assert not (tmp_path / "new").exists()
    synthetic_dataset(10, seed=2).save(tmp_path / "d")
    assert len(Dataset.load(tmp_path / "d").climbs) == 10
    assert {p.name for p in (tmp_path / "d").iterdir()} == before.keys()
