"""One opening step by content: packed files, encodings, delimiters and wrappers, whatever their names."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from setgen.climbing.build import import_dataset
from setgen.climbing.climb_files import read_climbs
from setgen.climbing.frames import write_frames
from setgen.climbing.sources.fetch import fetch
from setgen.climbing.sources.opening import decode, opened
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.texts import read_json, read_table, records
from setgen.errors import InputError

Database = Callable[..., Path]


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


APK = {"AndroidManifest_dot_xml": b"x", "classes_dot_dex": b"dex\n035\x00"}


@pytest.fixture
def forms(database: Database) -> dict[str, bytes]:
    """The one database, packed in every way that people come with."""
    plain = database().read_bytes()
    apk = zipped(**APK, assets__db_dot_sqlite3=plain)
    split = zipped(**APK, res__x=b"drawable")
    return {
        "plain": plain,
        "gzip": gzip.compress(plain),
        "zip": zipped(any__name_dot_bin=plain, readme_dot_txt=b"hello"),
        "zip of gzip": zipped(snapshot_dot_gz=gzip.compress(plain)),
        "gzip of zip": gzip.compress(zipped(x=plain)),
        "apk": apk,
        "bundle": zipped(base_dot_apk=apk, split_dot_apk=split, icon_dot_png=b"\x89PNG"),
        "bundle the other way round": zipped(config_dot_apk=split, z_dot_apk=apk),
        "two databases": zipped(assets__db_dot_sqlite3=plain, assets__cache_dot_db=plain[:4096]),
    }


def test_a_database_is_imported_and_fetched_however_it_is_packed(
    forms: dict[str, bytes], tmp_path: Path
) -> None:
    path, expected = tmp_path / "named like nothing", None
    for name, content in forms.items():
        path.write_bytes(content)
        dataset = import_dataset(path, Options(size=2))
        expected = expected or write_frames(dataset.board, dataset.climbs)
        assert write_frames(dataset.board, dataset.climbs) == expected, name
        assert fetch(str(path), tmp_path / f"out-{name}").read_bytes() == forms["plain"], name
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_nothing_is_left_of_what_was_unpacked(forms: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(forms["bundle"])
    with opened(tmp_path / "x", aside=tmp_path) as file:
        assert file.database is not None
        assert file.database.is_file()
    assert [p.name for p in tmp_path.iterdir() if p.name != "any name.bin"] == ["x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(a=b"1", b=b"2"), "without a database: it holds 2 other files"),
        (zipped(**APK), "without a database"),
        (zipped(a=b"SQLite format 3\x00", b=b"SQLite format 3\x00"), "several databases"),
        (gzip.compress(b"x" * 5000)[:-9], "damaged or cut short"),
        (b"\x1f\x8bnothing", "damaged or cut short"),
        (zipped(a=b"hello")[:-8], "damaged or cut short"),
        (b"<!doctype html><p>sign in", "web page"),
        (b'{"error": "no such file"}', "neither a database nor a package"),
        (b"uuid,frames\n", "neither a database nor a package"),
        (bytes(range(256)), "neither a database nor a text"),
        (b"SQLite format 3\x00" + bytes(200), "damaged|truncated"),
    ],
    ids=range(11),
)
def test_what_is_no_database_is_not_fetched(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        fetch(str(tmp_path / "x"), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_bombs_are_left_with_one_line(tmp_path: Path) -> None:
    bomb = gzip.compress(b"SQLite format 3\x00" + bytes(100 << 20), 9)
    for content in (bomb, zipped(db=b"SQLite format 3\x00" + bytes(100 << 20)), zipped(x_dot_gz=bomb)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(InputError, match=r"unpacks to more than 64 MiB from [\d,]+ bytes") as caught:
            import_dataset(tmp_path / "x")
        assert "\n" not in str(caught.value)
    for _ in range(5):
        bomb = gzip.compress(bomb)
    (tmp_path / "x").write_bytes(bomb)
    with pytest.raises(InputError, match="packed more than 4 times"):
        import_dataset(tmp_path / "x")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings(encoding: str) -> None:
    text = "frames;angle\np1r12;40°\n" * 50
    assert decode(text.encode(encoding)) == text


def test_what_is_no_text() -> None:
    for data in (bytes(range(256)), b"\x89PNG\r\n\x1a\n\x00", b"\xff\xfea", b"\xef\xbb\xbf\xff", b"\x80\x01"):
        assert decode(data) is None


TABLE = "uuid,frames,angle,font_grade\naa,p100r1p105r2p110r3,40,6a+\nbb,p101r1p106r4p108r3,20,7a\n"


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace("\n", "\r\n"),
        "\n\n" + TABLE,
        "sep=;\n" + TABLE.replace(",", ";"),
        '"sep=;"\r\n' + TABLE.replace(",", ";"),
        "sep=,\n" + TABLE,
        TABLE.replace("frames", '"Frames"').replace("angle", " Angle "),
        TABLE.replace(",40,", ",40°,").replace(",20,", ",20 deg,"),
        TABLE.replace(",40,", ",40.0,"),
        TABLE.replace(",", ";").replace(";40;", ";40,0;"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("packed", [False, True])
def test_tables_however_they_are_written(
    text: str, encoding: str, packed: bool, database: Database, tmp_path: Path
) -> None:
    data = text.encode(encoding)
    (tmp_path / "x").write_bytes(gzip.compress(data) if packed else data)
    dataset = import_dataset(tmp_path / "x", Options(board=database()))
    assert dataset.climbs.grade.tolist() == [17, 22]
    assert dataset.climbs.angle.tolist() == [40, 20]
    assert dataset.ids.tolist() == ["AA", "BB"]
    again = read_climbs(tmp_path / "x", dataset.board)
    assert write_frames(dataset.board, again) == write_frames(dataset.board, dataset.climbs)
    assert again.grade.tolist() == [17, 22]


def test_rows_of_frames_in_json(database: Database, tmp_path: Path) -> None:
    rows = [{"Frames": "p100r1p105r2p110r3", "angle": "40°", "grade": "V3/6a"}, {"frames": None}]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows)), json.dumps({"climbs": rows})):
        (tmp_path / "x").write_text(text)
        dataset = import_dataset(tmp_path / "x", Options(board=database()))
        assert dataset.climbs.grade.tolist() == [16]
        assert dataset.card["rows"]["reasons"] == {"frames: no holds": 1}


def test_lines_of_tables_are_counted_as_in_the_file() -> None:
    table = read_table('\nsep=;\nid;frames\n1;"a\nb"\n\n2;c\n', "frames")
    assert table is not None
    assert [(line, fields["frames"]) for line, fields in table.rows] == [(5, "a\nb"), (7, "c")]
    assert read_table("a;b\n1;2\n", "frames") is None
    assert read_table("", "frames") is None
    with pytest.raises(InputError, match="line 2: this row has more fields"):
        read_table("frames\na,b\n", "frames")


RECORD = {"Grade": "7A", "Moves": ["A5", "B18"]}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ([RECORD, RECORD], ["1", "2"]),
        ({"total": 2, "data": [RECORD]}, ["1"]),
        ({"Data": [RECORD], "Total": 1, "Errors": None}, ["1"]),
        ({"count": 1, "holdsetup": 15, "problems": [RECORD]}, ["1"]),
        ({"17": RECORD, "18": RECORD}, ["17", "18"]),
        (RECORD, ["1"]),
        ({"problems": {"17": RECORD}}, ["17"]),
    ],
)
def test_wrappers(document: object, names: list[str]) -> None:
    found = records(document)
    assert [name for name, _ in found] == names
    assert all(record["moves"] == ["A5", "B18"] for _, record in found)
    if isinstance(document, dict) and "holdsetup" in document:
        assert found[0][1]["holdsetup"] == 15


def test_json_lines_and_where_they_break() -> None:
    assert read_json('{"a": 1}\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert read_json("[1, 2]") == [1, 2]
    with pytest.raises(InputError, match="line 3: this is not JSON"):
        read_json('{"a": 1}\n\n{"a": \n')
    with pytest.raises(InputError, match=r"broken JSON \(Expecting .* at line 2, column"):
        read_json("[1,\n")


def test_a_text_in_a_zip_is_imported(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(zipped(problems_dot_json=json.dumps([RECORD]).encode()))
    assert len(import_dataset(tmp_path / "x").climbs) == 1


def writing(path: Path, rows: int) -> sqlite3.Connection:
    """A connection that has added climbs which stand in the write-ahead log only."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    for i in range(rows):
        frames = f"p10{i}r1p105r2p110r3"
        db.execute("INSERT INTO climbs VALUES (?, 1, 40, 1, ?, 0, 1)", (f"new{i}", frames))
        db.execute("INSERT INTO climb_stats VALUES (?, 40, 1, 20, 3)", (f"new{i}",))
    db.commit()
    return db


def test_what_stands_in_the_log_is_imported_and_fetched(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(climbs=[(("zz", 1, 40, 1, "p104r1p109r3", 0, 1), [(40, 1, 20.0, 3.0)])])
    db = writing(path, 4)
    try:
        before = path.read_bytes()
        assert len(import_dataset(path).climbs) == 5
        assert len(import_dataset(fetch(str(path), tmp_path / "copy")).climbs) == 5
        assert len(import_dataset(fetch(path.as_uri(), tmp_path / "copy2")).climbs) == 5
        log = path.with_name(path.name + "-wal").read_bytes()
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as made:
            made.writestr("a/board.sqlite3", before)
            made.writestr("a/board.sqlite3-wal", log)
        (tmp_path / "zip").write_bytes(package.getvalue())
        assert len(import_dataset(tmp_path / "zip").climbs) == 5
        assert len(import_dataset(fetch(str(tmp_path / "zip"), tmp_path / "copy3")).climbs) == 5

        # In a folder that cannot be written SQLite cannot open the log: here it is told so.
        connect = sqlite3.connect

        def refuse(address: object, **more: object) -> sqlite3.Connection:
            if str(path.name.split()[0]) in str(address) and "mode=ro" in str(address):
                raise sqlite3.OperationalError("unable to open database file")
            return connect(str(address), **more)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr("setgen.climbing.sources.sqlite_file.sqlite3.connect", refuse)
        assert len(import_dataset(path).climbs) == 5
        monkeypatch.setattr("setgen.climbing.sources.sqlite_file.shutil.copyfile", no_space)
        with pytest.raises(InputError, match="has changes in a log beside it"):
            import_dataset(path)
        assert path.read_bytes() == before
    finally:
        db.close()


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")
