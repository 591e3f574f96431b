"""Anything where a value is expected: an import in which every row has its reason, or one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setgen.climbing.build import import_dataset
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 50),
    st.integers(),
    st.floats(),
    st.sampled_from(
        ["", "40°", "25", "V5/6c", "6B+", "s~G5~|e~C18~", "A5", "t", "0", "\ud800", "²", "１", "1e999"]
    ),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["apiId", "id", "description", "angle", "grade", "isStart", "isEnd", "moves"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=6,
)
MOON_KEYS = st.sampled_from(
    [
        *("apiId", "Grade", "Moves", "holdsetup", "holdsets", "configurations", "moonBoardConfiguration"),
        *(
            "moonBoardConfigurationId",
            "angle",
            "dateDeleted",
            "Active",
            "repeats",
            "userRating",
            "isBenchmark",
        ),
        *("dateInserted", "is_draft", "v_grade", "difficulty"),
    ]
)
GOOD = {"Grade": "7A", "Moves": ["A5", "B18"]}
FRAMES = {"frames": "p5r1p30r3", "angle": 40, "grade": "6c"}


def outcome(path: Path, document: Any, options: Options) -> None:
    path.write_text(json.dumps(document))
    dataset, message = None, ""
    try:
        dataset = import_dataset(path, options)
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    if dataset is not None:
        rows = dataset.card["rows"]
        assert rows["read"] == rows["kept"] + sum(rows["reasons"].values())
        assert all(len(values) == len(dataset.climbs) for values in dataset.columns.values())
        dataset.save(path.with_name("d"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(MOON_KEYS, VALUES, max_size=4), min_size=1, max_size=3), st.sampled_from("ldw")
)
def test_any_values_in_moonboard_problems(tmp_path: Path, changes: list[dict[str, Any]], wrap: str) -> None:
    records = [GOOD, *({**GOOD, **change} for change in changes)]
    document: Any = {
        "l": records,
        "d": dict(enumerate(records)),
        "w": {"holdsetup": changes[0].get("holdsetup"), "problems": records},
    }[wrap]
    outcome(tmp_path / "x", document, Options())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "frames",
                    "angle",
                    "grade",
                    "uuid",
                    "id",
                    "is_draft",
                    "frames_count",
                    "created_at",
                    "ascents",
                ]
            ),
            VALUES,
            max_size=4,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_values_in_rows_of_frames(tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    board = tmp_path / "board"
    board.mkdir(exist_ok=True)
    synthetic_board().save(board / "board.json")
    outcome(tmp_path / "x", [FRAMES, *({**FRAMES, **change} for change in changes)], Options(board=board))


@pytest.mark.parametrize(
    "document", [1, "x", None, True, [], {}, [[]], [None], {"data": None}, {"data": [1]}]
)
def test_documents_without_records(tmp_path: Path, document: Any) -> None:
    (tmp_path / "x").write_text(json.dumps(document))
    with pytest.raises(InputError):
        import_dataset(tmp_path / "x")
