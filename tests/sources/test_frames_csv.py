"""kilter-gpt's climbs.csv and what is recognised by content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from setgen.climbing.build import import_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.recognise import Kind, recognise
from setgen.errors import InputError

TEXT = """,uuid,Frames,angle,font_grade
0,aa,p100r1p105r2p110r3,40,6a+
1,bb,p101r1p106r4p108r3,20,7a
2,cc,p100r1p999r3,40,7a
3,dd,p100r1p105r3,40,nope
4,ee,p100r1p105r3,40,
5,ff,p100r1p105r3,35,7a
6,gg,p100r1p105r2,40,7a
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "climbs.data"
    path.write_text(TEXT)
    return path


def test_rows_and_reasons(table: Path, database: Callable[..., Path], tmp_path: Path) -> None:
    dataset = import_dataset(table, Options(board=database()))
    assert write_frames(dataset.board, dataset.climbs) == ["p100r1p105r2p110r3", "p101r1p106r4p108r3"]
    assert dataset.climbs.grade.tolist() == [17, 22]
    assert dataset.climbs.angle.tolist() == [40, 20]
    assert dataset.ids.tolist() == ["AA", "BB"]
    assert dataset.card["rows"]["reasons"] == {
        "frames: hold not on the board": 1,
        "a grade that is on no known scale": 1,
        "no grade (kept with --ungraded)": 1,
        "angle that the board does not list": 1,
        "not legal: too few finishes": 1,
    }
    # A dataset folder serves as well as the database.
    dataset.save(tmp_path / "made")
    again = import_dataset(table, Options(board=tmp_path / "made"))
    assert write_frames(again.board, again.climbs) == write_frames(dataset.board, dataset.climbs)


def test_the_board_can_be_cut_to_a_size(table: Path, database: Callable[..., Path]) -> None:
    dataset = import_dataset(table, Options(board=database(), layout=1, size=2))
    assert len(dataset.board) == 12


def test_without_a_board_one_clear_line(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--board") as caught:
        import_dataset(table)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no Aurora database"):
        import_dataset(table, Options(board=table))
    with pytest.raises(InputError, match=r"board\.json is missing"):
        import_dataset(table, Options(board=tmp_path))


def test_filters_need_their_columns(table: Path, database: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"records no ascents.*--min-ascents"):
        import_dataset(table, Options(board=database(), min_ascents=1))


def test_content_decides_not_the_name(table: Path, database: Callable[..., Path], tmp_path: Path) -> None:
    assert recognise(table) is Kind.CSV
    assert recognise(database()) is Kind.AURORA
    path = tmp_path / "x.sqlite3"
    path.write_text(' \n[{"Grade": "7A"}]')
    assert recognise(path) is Kind.JSON


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello there", "no database"),
        (b"\x89PNG\r\n\x1a\n\x00", "neither a database"),
        (b"a,b,c\n1,2,3\n", "no database"),
        (b"<html>not found</html>", "no database"),
        (b"SQLite format 3\x00", "truncated"),
        (b"PK\x03\x04....", "damaged"),
        (b"\x1f\x8b....", "damaged"),
    ],
)
def test_what_is_not_recognised(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "kilter.sqlite3"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        import_dataset(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        import_dataset(tmp_path / "missing")
    with pytest.raises(InputError, match="is a folder"):
        import_dataset(tmp_path)
