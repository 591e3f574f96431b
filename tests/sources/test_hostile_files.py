"""Files that someone made to do harm: each is read as what it is, or refused in one line; nothing else is touched."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from setgen.cli.main import run
from setgen.climbing.build import import_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.sources import opening, sqlite_file
from setgen.climbing.sources.fetch import fetch
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError

Database = Callable[..., Path]


def refused(read: Callable[..., Any], *arguments: Any, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read(*arguments)
    assert "\n" not in str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# --- databases ----------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(tmp_path: Path) -> tuple[bytes, bytes]:
    """(a database in the midst of a change, the journal that undoes it)."""
    path = tmp_path / "begun.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE climbs (uuid, layout_id, frames)")
    db.executemany("INSERT INTO climbs VALUES (?, 1, 'p1r1')", [(f"c{i}",) for i in range(200)])
    db.commit()
    db.execute("PRAGMA cache_size = 1")
    db.execute("UPDATE climbs SET frames = ?", ("p2r2" * 100,))
    files = path.read_bytes(), path.with_name("begun.db-journal").read_bytes()
    db.rollback()
    db.close()
    path.unlink()
    return files


def naming(journal: bytes, other: Path, page: int = 4096) -> bytes:
    """The journal as one of a change to several databases, which names a file that SQLite then deletes."""
    name = str(other).encode()
    lock = struct.pack(">I", (1 << 30) // page + 1)
    return journal + lock + name + struct.pack(">II", len(name), sum(name)) + journal[:8]


def test_a_journal_undoes_what_was_begun(begun: tuple[bytes, bytes], tmp_path: Path) -> None:
    for name, data in zip(("x.db", "x.db-journal"), begun, strict=True):
        (tmp_path / name).write_bytes(data)
    before = contents(tmp_path)
    with SqliteFile(tmp_path / "x.db") as db:
        assert set(db.rows("SELECT frames FROM climbs")) == {("p1r1",)}
    assert contents(tmp_path) == before


def test_a_journal_cannot_have_a_file_deleted(begun: tuple[bytes, bytes], tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    database, journal = begun[0], naming(begun[1], precious)
    (tmp_path / "x.db").write_bytes(database)
    (tmp_path / "x.db-journal").write_bytes(journal)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as package:
        package.writestr("x.db", database)
        package.writestr("x.db-journal", journal)
    for name in ("x.db", "x.zip"):
        refused(import_dataset, tmp_path / name, match="change to several databases")
        refused(fetch, str(tmp_path / name), tmp_path / "out", match="change to several databases")
        assert precious.read_text() == "kept"


@pytest.mark.parametrize("log", [False, True])
def test_reading_leaves_nothing_beside_a_database(log: bool, database: Database, tmp_path: Path) -> None:
    path = database()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("UPDATE climb_stats SET ascensionist_count = 9")
    db.commit()
    home = tmp_path / "home"
    home.mkdir()
    (home / "x.db").write_bytes(path.read_bytes())
    if log:
        (home / "x.db-wal").write_bytes(path.with_name(path.name + "-wal").read_bytes())
    db.close()
    before = contents(home)
    (home / "x.db").chmod(0o444)
    assert (import_dataset(home / "x.db").columns["ascents"] == 9).all() == log
    assert contents(home) == before


def test_a_database_half_in_wal_mode_leaves_nothing_either(database: Database, tmp_path: Path) -> None:
    """The header says it twice, and SQLite goes by the second one."""
    home = tmp_path / "home"
    home.mkdir()
    data = bytearray(database().read_bytes())
    for write, read in ((1, 2), (2, 1), (2, 2)):
        data[18:20] = write, read
        (home / "x.db").write_bytes(data)
        before = contents(home)
        assert len(import_dataset(home / "x.db").climbs)
        assert contents(home) == before


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'c' || i AS uuid, 1 AS layout_id"
)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (f"{ENDLESS}, 'p100r1p105r3' AS frames FROM n", "`climbs` is a view"),
        ("SELECT load_extension('x') AS uuid, 1 AS layout_id, 'p1r1' AS frames", "`climbs` is a view"),
        ("SELECT * FROM old", "`climbs` is a view"),
    ],
)
def test_a_view_is_no_table(select: str, message: str, database: Database) -> None:
    path = database("ALTER TABLE climbs RENAME TO old", f"CREATE VIEW climbs AS {select}")
    refused(import_dataset, path, match=message)


def test_pages_in_circles_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven pages that claim 300 ** 5 times the rows of one."""
    path = tmp_path / "x.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE climbs (uuid)")
    db.executemany("INSERT INTO climbs VALUES (?)", [(i,) for i in range(50)])
    db.commit()
    db.close()
    data = bytearray(path.read_bytes())
    page = struct.unpack(">H", data[16:18])[0]
    leaf = bytes(data[page : 2 * page])
    for number in range(2, 7):
        cells = 300
        at = [page - 5 * (i + 1) for i in range(cells)]
        inner = bytearray(page)
        inner[:12] = b"\5" + struct.pack(">HHHBI", 0, cells, at[-1], 0, number + 1)
        inner[12 : 12 + 2 * cells] = b"".join(struct.pack(">H", a) for a in at)
        for a in at:
            inner[a : a + 5] = struct.pack(">IB", number + 1, 1)
        data[(number - 1) * page : number * page] = inner
    data[6 * page :] = leaf
    data[28:32] = struct.pack(">I", 7)
    path.write_bytes(bytes(data))
    monkeypatch.setattr(sqlite_file, "_FREE_STEPS", 1 << 21)
    with SqliteFile(path) as file:
        refused(file.columns, "climbs", "uuid", match="more rows than its 28,672 bytes can hold")
        refused(file.rows, "SELECT uuid FROM climbs", match="more rows than its 28,672 bytes can hold")
        refused(file.rows, "SELECT max(uuid) FROM climbs", match="more rows than its 28,672 bytes can hold")


def test_triggers_do_not_fire_and_what_is_generated_is_no_column(database: Database) -> None:
    usual = import_dataset(database())
    path = database("CREATE TRIGGER t BEFORE UPDATE ON climbs BEGIN SELECT RAISE(FAIL, 'x'); END")
    frames = write_frames(usual.board, usual.climbs)
    assert write_frames(usual.board, import_dataset(path).climbs) == frames
    path = database(
        "ALTER TABLE climbs DROP COLUMN frames",
        "ALTER TABLE climbs ADD COLUMN frames AS (printf('%.*c', 900000000, 'p'))",
    )
    refused(import_dataset, path, match="table `climbs` lacks frames")


def test_other_encodings_of_a_database(database: Database, tmp_path: Path) -> None:
    usual = import_dataset(database())
    for encoding in ("UTF-16le", "UTF-16be"):
        plain, other = sqlite3.connect(database()), sqlite3.connect(tmp_path / encoding)
        other.execute(f"PRAGMA encoding = '{encoding}'")
        other.executescript("\n".join(plain.iterdump()))
        other.close()
        found = import_dataset(tmp_path / encoding)
        assert write_frames(found.board, found.climbs) == write_frames(usual.board, usual.climbs)
        assert found.board.name == usual.board.name
    refused(
        import_dataset, database("UPDATE climbs SET uuid = CAST(x'ff41fe' AS TEXT)"), match="cannot be read"
    )
    refused(
        import_dataset,
        database("UPDATE layouts SET name = CAST(x'ff41fe' AS TEXT)"),
        match="cannot be read",
    )


@pytest.mark.parametrize("letter", [b"\xb9", b"\n"])
def test_a_schema_that_is_no_text(letter: bytes, database: Database, tmp_path: Path) -> None:
    """SQLite's message of what is wrong with it is no text then either, or of several lines."""
    data = database().read_bytes().replace(b"CREATE TABLE climbs", b"CREATE TABEL climbs")
    (tmp_path / "x.db").write_bytes(data.replace(b"tableclimbsclimbs", b"table" + 2 * (b"cl%smbs" % letter)))
    refused(import_dataset, tmp_path / "x.db", match="damaged database")
    refused(fetch, str(tmp_path / "x.db"), tmp_path / "out", match="damaged database")


# --- packages -----------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members.items():
            package.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_damaged_within_a_package(packing: int, database: Database, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as package:
        package.writestr("é.db", database().read_bytes())
    whole = buffer.getvalue()
    name = "é".encode()
    content = bytearray(whole)
    content[60:90] = bytes(30)
    for data in (whole.replace(name, b"\xc3\xc3"), bytes(content), whole[:-30] + b"\xff" * 8 + whole[-22:]):
        (tmp_path / "x.zip").write_bytes(data)
        refused(import_dataset, tmp_path / "x.zip", match="damaged|cannot be read")


@pytest.mark.parametrize(
    "name", ["../../evil.db", "/evil.db", "a/../../evil.db", "C:\\evil.db", "\x1b[2J.db"]
)
def test_members_are_written_nowhere_but_aside(name: str, database: Database, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    data = database().read_bytes()
    (inside / "x.zip").write_bytes(zipped({name: data, f"{name}-wal": b""}))
    before = sorted(tmp_path.rglob("*"))
    assert len(import_dataset(inside / "x.zip").climbs)
    assert sorted(tmp_path.rglob("*")) == before
    assert fetch(str(inside / "x.zip"), inside / "out").read_bytes() == data
    assert sorted(tmp_path.rglob("*")) == sorted([*before, inside / "out"])


def test_a_package_is_unpacked_within_one_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_FREE", 1 << 20)
    monkeypatch.setattr(opening, "_RATIO", 2)
    bomb = gzip.compress(bytes(700_000), 9)
    many = {f"{i}.apk": zipped({"x": bytes(300_000)}) for i in range(4)}
    for data in (
        zipped(many | {"y.gz": bomb}),
        gzip.compress(zipped({"a.gz": gzip.compress(bytes(2 << 20))})),
    ):
        (tmp_path / "x").write_bytes(data)
        refused(import_dataset, tmp_path / "x", match=r"unpacks to more than 1 MiB|without a database")
    inflated = zipped({f"{i}.apk": zipped({"x": bytes(i)}) + bytes(400_000) for i in range(4)})
    (tmp_path / "x").write_bytes(inflated)
    refused(import_dataset, tmp_path / "x", match="unpacks to more than 1 MiB")
    monkeypatch.setattr(opening, "_MEMBERS", 10)
    (tmp_path / "x").write_bytes(zipped({f"{i}.json": b"[]" for i in range(11)}))
    refused(import_dataset, tmp_path / "x", match="zip file of 11 members")


def test_devices_are_not_read() -> None:
    refused(import_dataset, Path("/dev/zero"), match="a device or a pipe")


# --- texts --------------------------------------------------------------------------------------------------------

PROBLEM = '{"Grade": "7A", "Moves": ["A5", "B18"]}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 200_000 + "]" * 200_000, "too deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too deep"),
        (f'[{PROBLEM}, {{"Grade": {"9" * 5000}}}]', "too long"),
        (f'{{"1": {PROBLEM}, "1": {PROBLEM}}}', "'1' stands twice"),
        ('[{"Grade": "7A", "Moves": ["A5", "B18"], "Moves": ["A5", "C18"]}]', "'Moves' stands twice"),
        ('[{"Grade": "7A", "Moves": ["A5", "B18"], "moves": ["A5", "C18"]}]', "'moves' twice, in capitals"),
        (f'{PROBLEM}\n{{"Grade": "7A", "Grade": "7B"}}\n', "line 2: .*'Grade' stands twice"),
    ],
)
def test_json_that_says_too_much(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    refused(import_dataset, tmp_path / "x.json", match=message)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "-0", "1e-400"])
@pytest.mark.parametrize("key", ["Grade", "angle", "repeats", "userRating", "holdsetup", "apiId"])
def test_numbers_that_are_none(value: str, key: str, tmp_path: Path) -> None:
    """The row is kept or has its reason, and what is kept can be written and read again."""
    good = '{"Grade": "7A", "angle": 40, "Moves": ["A5", "B18"]}'
    (tmp_path / "x.json").write_text(f'[{good}, {{"Moves": ["A6", "C18"], "{key}": {value}}}]')
    dataset = import_dataset(tmp_path / "x.json", Options(ungraded=True))
    rows = dataset.card["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["reasons"].values()) == 2
    dataset.save(tmp_path / "d")
    assert len(type(dataset).load(tmp_path / "d").climbs) == rows["kept"]


def test_a_table_with_a_column_twice(database: Database, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("frames,Angle,grade,angle\np100r1p105r3,40,7a,20\n")
    refused(import_dataset, tmp_path / "x.csv", Options(board=database()), match="line 1: .*'angle' twice")


def test_a_line_without_end(database: Database, tmp_path: Path) -> None:
    endless = "x" * 200_000
    for text in (endless, f"frames,{endless}\np100r1p105r3,1\n", f"frames,grade\np100r1p105r3,{endless}\n"):
        (tmp_path / "x.csv").write_text(text)
        refused(
            import_dataset, tmp_path / "x.csv", Options(board=database()), match="line .*not CSV|no climbs"
        )


def test_names_do_not_speak_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"\x1b[2Jevil\x07": 1}))
    path = tmp_path / "\x1b[31mx.json"
    path.write_bytes((tmp_path / "x.json").read_bytes())
    assert run(["data", "import", str(path), "--out", str(tmp_path / "d")]) == 2
    said = capsys.readouterr().err.strip()
    assert said
    assert said.isprintable()
