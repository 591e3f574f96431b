"""Files as people have them, each with the value that is right: made up, one kind of fault each."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from setgen.cli.main import run
from setgen.climbing.build import import_dataset
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.climbing.sources.moonboard import moonboard
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.setups import by_id
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError

BOARD = synthetic_board()
FRAMES = write_frames(BOARD, synthetic_climbs(6, 0))
COLUMNS = "ABCDEFGHIJK"


def problem(i: int = 0, **more: Any) -> dict[str, Any]:
    holes = (f"{COLUMNS[i % 11]}4", f"{COLUMNS[(i + 2) % 11]}9", f"{COLUMNS[i % 11]}18")
    moves = [{"description": h, "isStart": j == 0, "isEnd": j == 2} for j, h in enumerate(holes)]
    return {
        "apiId": i + 1,
        "grade": "6B+",
        "holdsetup": 15,
        "moonBoardConfigurationId": 1,
        "moves": moves,
        **more,
    }


_NULLS = {"holdsetup": None, "moonBoardConfigurationId": None}
_ENTRIES = [{"configuration": 1, "grade": "6B", "active": False}, {"configuration": 2, "grade": "6A"}]


def imported(tmp_path: Path, content: Any, name: str = "problems.json", **options: Any) -> Dataset:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return import_dataset(tmp_path / name, Options(**options))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that says where the synthetic board's holds are."""
    (tmp_path / "board").mkdir()
    BOARD.save(tmp_path / "board" / "board.json")
    return tmp_path / "board"


# --- MoonBoard ----------------------------------------------------------------------------------------------------


def angles_and_grades(dataset: Dataset) -> list[tuple[int, str]]:
    pairs = zip(dataset.climbs.angle.tolist(), dataset.climbs.grade.tolist(), strict=True)
    return sorted((angle, grade_name(grade)) for angle, grade in pairs)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # An entry that states no angle is at the one that the record states.
        ([problem(moonBoardConfigurationId=2, configurations=[{"grade": "6B"}])], [(25, "6b/V4")]),
        # Configurations by their angle.
        (
            [problem(moonBoardConfigurationId=None, configurations={"40": {"grade": "6A"}, "25": {"grade": "7A"}})],
            [(25, "7a/V6"), (40, "6a/V3")],
        ),
        # What a wrapper says of itself is not its records'.
        (
            {
                "id": 15,
                "name": "2017",
                "holdsetup": 15,
                "configurations": [{"id": 1, "description": "40°"}, {"id": 2, "description": "25°"}],
                "problems": [{k: v for k, v in problem(i).items() if k != "apiId"} for i in range(3)],
            },
            [(40, "6b+/V4")] * 3,
        ),
        # A null says nothing: the wrapper holds.
        (
            {"holdsetup": 15, "moonBoardConfigurationId": 2, "data": [problem(**_NULLS)]},
            [(25, "6b+/V4")],
        ),
        # Pages, one a line or in a list.
        ([{"total": 2, "data": [problem(0)]}, {"total": 2, "data": [problem(1)]}], [(40, "6b+/V4")] * 2),
        # Entries that are withdrawn.
        (
            [
                problem(configurations=_ENTRIES),
                problem(1, unlisted="true"),
                problem(2, dateDeleted="0000-00-00 00:00:00"),
                problem(3, dateDeleted="/Date(-62135596800000)/"),
            ],
            [(25, "6a/V3"), (40, "6b+/V4"), (40, "6b+/V4")],
        ),
        # What is no number of ascents is none.
        ([problem(repeats=[1]), problem(1, repeats=[1])], [(40, "6b+/V4")] * 2),
    ],
)  # fmt: skip
def test_moonboard_files(content: Any, expected: list[tuple[int, str]], tmp_path: Path) -> None:
    assert angles_and_grades(imported(tmp_path, content)) == expected


def test_an_angle_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    said = {"moonBoardConfigurationId": None}
    content = [problem(moonBoardConfiguration=f"{text} MoonBoard", **said) for text in ("22.5°", "-5°")]
    dataset = imported(tmp_path, [*content, problem(2), problem(3, moonBoardConfiguration="25.0°", **said)])
    assert sorted(dataset.climbs.angle.tolist()) == [25, 40]
    assert dataset.card["rows"]["reasons"]["an angle that cannot be read"] == 2


def test_a_date_in_the_name_is_no_setup(tmp_path: Path) -> None:
    content = [{k: v for k, v in problem().items() if k not in ("holdsetup", "moonBoardConfigurationId")}]
    dataset = imported(tmp_path, content, "problems 25-05-2024.json")
    assert dataset.board.name == "MoonBoard"
    assert any("no climb states its angle" in line for line in dataset.card["warnings"])


def test_convert_reads_what_only_the_files_name_says_and_refuses_other_setups(tmp_path: Path) -> None:
    board = moonboard((25, 40), setup=by_id(15))
    bare = {k: v for k, v in problem().items() if k not in ("holdsetup", "moonBoardConfigurationId")}
    file = tmp_path / "problems MoonBoard Masters 2017 25.json"
    file.write_text(json.dumps([bare]))
    assert read_climbs(file, board).angle.tolist() == [25]
    other = tmp_path / "problems MoonBoard 2016 40.json"
    other.write_text(json.dumps([bare]))
    with pytest.raises(InputError, match="MoonBoard 2016, where the same cells hold other holds"):
        read_climbs(other, board)
    for setup in (99, "Spray wall"):
        (tmp_path / "p.json").write_text(json.dumps([problem(holdsetup=setup)]))
        with pytest.raises(InputError, match="where the same cells hold other holds"):
            read_climbs(tmp_path / "p.json", board)


# --- tables and lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["sep=;\n", "sep=;\n\n", "sep=;;;;\n", '"sep=;"\n'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tables_as_spreadsheets_write_them(head: str, end: str, home: Path, tmp_path: Path) -> None:
    rows = [f"{FRAMES[0]};6b;40;", f"{FRAMES[1]};7a;30;"]
    text = (head + "\n".join(["frames;grade;angle", *rows, ""])).replace("\n", end)
    (tmp_path / "climbs.csv").write_bytes(text.encode())
    dataset = import_dataset(tmp_path / "climbs.csv", Options(board=home))
    assert angles_and_grades(dataset) == [(30, "7a/V6"), (40, "6b/V4")]


def test_grades_as_pandas_writes_them_and_grades_that_are_none(home: Path, tmp_path: Path) -> None:
    lines = [f"{frames},{grade},40" for frames, grade in zip(FRAMES, ("4.0", "5.0", "20.0"), strict=False)]
    dataset = imported(tmp_path, "\n".join(["frames,grade,angle", *lines, ""]), "c.csv", board=home)
    assert angles_and_grades(dataset) == [(40, "4a/V0"), (40, "5a/V1"), (40, "6c/V5")]
    (tmp_path / "d.csv").write_text(f"frames,grade\n{FRAMES[0]},36\n")
    with pytest.raises(InputError, match="grade '36' is on no known scale"):
        read_climbs(tmp_path / "d.csv", BOARD)


def test_a_row_that_is_too_long_is_named_with_its_file(home: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "c.csv").write_text(f"frames,angle\n{FRAMES[0]},40,6b\n")
    command = ["data", "import", str(tmp_path / "c.csv"), "--out", str(tmp_path / "d")]
    assert run([*command, "--board", str(home)]) == 2
    assert f"{tmp_path / 'c.csv'}, line 2: this row has more fields" in capsys.readouterr().err
    assert run(command) == 2
    assert "c.csv" in capsys.readouterr().err


def test_a_row_without_an_id_is_not_taken_for_another(home: Path, tmp_path: Path) -> None:
    text = f"id,frames,angle,grade\n2,{FRAMES[0]},40,6b\n,{FRAMES[1]},40,6b\n"
    dataset = imported(tmp_path, text, "c.csv", board=home)
    assert sorted(dataset.ids.tolist()) == ["2", "row 2"]
    records = {name: {"frames": FRAMES[i], "angle": 40, "grade": "6b"} for i, name in enumerate(("AA", "BB"))}
    assert sorted(imported(tmp_path, records, "c.json", board=home).ids.tolist()) == ["AA", "BB"]


def test_of_equal_climbs_a_graded_one_is_kept(home: Path, tmp_path: Path) -> None:
    text = f"uuid,frames,angle,grade\na,{FRAMES[0]},40,\nb,{FRAMES[0]},40,6b\n"
    dataset = imported(tmp_path, text, "c.csv", board=home, ungraded=True)
    assert dataset.ids.tolist() == ["B"]
    assert UNKNOWN not in dataset.climbs.grade


@pytest.mark.parametrize("letter", ["\u2028", "\u0085"])
def test_lines_of_json_end_where_lines_end(letter: str, home: Path, tmp_path: Path) -> None:
    records = [
        {"uuid": str(i), "name": f"x{letter}y", "frames": FRAMES[i], "angle": 40, "grade": "6b"}
        for i in (0, 1)
    ]
    text = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    assert len(imported(tmp_path, text, "c.jsonl", board=home).sets) == 2
    assert len(read_climbs(tmp_path / "c.jsonl", BOARD)) == 2


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (f"{FRAMES[0]}\n{FRAMES[1]}\n", "frames strings"),
        ('p1001r12p1002r13,"x1002p1003r14\n' + "p1001r12p1002r13\n" * 6, "frames strings"),
        ("l#S3,P8,E161#\nl#S4,P9,E160#\n", "LED messages"),
        ("id;moves;grade;angle\n1;s~G5~|l~C12~|e~C18~;6A;40\n", "MoonBoard moves"),
    ],
)
def test_climbs_are_not_taken_for_baskets(text: str, form: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "c.txt").write_text(text)
    assert run(["data", "import", str(tmp_path / "c.txt"), "--out", str(tmp_path / "d")]) == 2
    assert f"holds {form}" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_a_readme_beside_the_climbs_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as package:
        package.writestr("README.txt", "hello")
        package.writestr("problems.json", json.dumps([problem()]))
    assert len(import_dataset(tmp_path / "p.zip", Options()).sets) == 1
    with zipfile.ZipFile(tmp_path / "q.zip", "w") as package:
        for name in ("a.json", "b.json"):
            package.writestr(name, json.dumps([problem()]))
    with pytest.raises(InputError, match=r"several texts \(a.json, b.json\)"):
        import_dataset(tmp_path / "q.zip", Options())


# --- snapshots ----------------------------------------------------------------------------------------------------


def snapshot(path: Path, board: str, layout: int, frames: str) -> Path:
    db = sqlite3.connect(path)
    db.execute(
        "CREATE TABLE board_climbs (uuid, board_type, layout_id, frames, frames_count, angle, is_draft, is_listed)"
    )
    db.execute(
        "CREATE TABLE board_climb_stats (board_type, climb_uuid, angle, display_difficulty, ascensionist_count)"
    )
    db.execute("INSERT INTO board_climbs VALUES ('a', ?, ?, ?, 1, 40, 0, 1)", (board, layout, frames))
    db.execute("INSERT INTO board_climb_stats VALUES (?, 'a', 40, 18, 3)", (board,))
    db.commit()
    db.close()
    return path


def test_a_snapshot_is_not_read_onto_another_wall(tmp_path: Path) -> None:
    cells = "p34r42p90r43p188r44"
    for year, id_ in ((2016, 1), (2017, 15)):
        (tmp_path / str(year)).mkdir()
        moonboard((25, 40), setup=by_id(id_)).save(tmp_path / str(year) / "board.json")
    file = snapshot(tmp_path / "snapshot.db", "moonboard", 4, cells)
    assert len(import_dataset(file, Options(board=tmp_path / "2017")).sets) == 1
    with pytest.raises(InputError, match="on layout 4 of moonboard, and --board is layout 2"):
        import_dataset(file, Options(board=tmp_path / "2016"))
    other = snapshot(tmp_path / "kilter.db", "kilter", 1, cells)
    with pytest.raises(InputError, match="climbs of kilter, and --board is of another board: MoonBoard"):
        import_dataset(other, Options(board=tmp_path / "2017"))


def test_an_aurora_database_of_another_board_is_no_hardware_file(database: Any, tmp_path: Path) -> None:
    aurora = tmp_path / "tension.sqlite3"
    shutil.copy(database(), aurora)
    file = snapshot(tmp_path / "kilter.db", "kilter", 1, "p101r1p102r2p103r3")
    with pytest.raises(InputError, match=r"climbs of kilter, and .* is of another board: Tension Board"):
        import_dataset(file, Options(board=aurora))


def test_text_booleans_hide_a_size_too(database: Any, tmp_path: Path) -> None:
    shown = import_dataset(database(), Options()).card["size"]["id"]
    for hidden in ("f", "false", "0"):
        file = database(f"UPDATE product_sizes SET is_listed = '{hidden}' WHERE id = {shown}")
        assert import_dataset(file, Options()).card["size"]["id"] != shown


def test_a_hardware_file_with_a_log_is_read_where_nothing_can_be_written(tmp_path: Path, monkeypatch) -> None:
    """As a folder that cannot be written makes it: SQLite refuses to open the file with its log."""
    from setgen.climbing.sources import sqlite_file

    hardware = tmp_path / "hardware.db"
    db = sqlite3.connect(hardware)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE board_holes (board_type, id)")
    db.execute("INSERT INTO board_holes VALUES ('kilter', 1)")
    db.commit()  # in the log, which stays while the connection is open
    assert sqlite_file.logs(hardware)
    plain = sqlite_file.SqliteFile._open

    def refusing(self: Any, uri: str) -> Any:
        if uri.endswith("hardware.db?mode=ro"):
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return plain(self, uri)

    monkeypatch.setattr(sqlite_file.SqliteFile, "_open", refusing)
    file = snapshot(tmp_path / "snapshot.db", "kilter", 1, "p1r1")
    with sqlite_file.SqliteFile(file) as opened:
        assert opened.attach(hardware, "hardware")["board_holes"] == {"board_type", "id"}
        assert opened.rows("SELECT id FROM hardware.board_holes") == [(1,)]
    db.close()
