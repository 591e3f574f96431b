"""Community snapshots: from a server on this machine, by their manifests, and imported with their holds."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setgen.cli.main import run
from setgen.climbing.build import import_dataset
from setgen.climbing.delivery.links import boardsesh_links
from setgen.climbing.frames import write_frames
from setgen.climbing.roles import Role
from setgen.climbing.sources.boardsesh import fetch_snapshot, read_name, snapshots
from setgen.climbing.sources.readout import Options
from setgen.errors import InputError

Database = Callable[..., Path]

HARDWARE = ("products", "layouts", "product_sizes", "sets", "placement_roles", "holes", "placements")


def hardware(aurora: Path, path: Path) -> Path:
    """A hardware file: the Aurora tables with a board_type in front, another board of the same ids."""
    with sqlite3.connect(path) as db:
        db.execute("ATTACH ? AS a", (str(aurora),))
        for table in (*HARDWARE, "product_sizes_layouts_sets"):
            db.execute(f"CREATE TABLE board_{table} AS SELECT 'tension' AS board_type, * FROM a.{table}")
            db.execute(f"INSERT INTO board_{table} SELECT 'decoy', * FROM a.{table}")
        db.execute("UPDATE board_holes SET x = x + 500 WHERE board_type = 'decoy'")
        db.execute("UPDATE board_placement_roles SET id = id + 70 WHERE board_type = 'decoy'")
    return path


CLIMBS = [
    # uuid, angle, frames, draft, listed, published, sets
    # stats: angle, difficulty, display, ascents, quality
    ("u0", None, "p100r1p105r2p110r3", 0, 1, "2024-05-06T07:08:09.000Z", "[1,2]", [(20, 15.5, 15, 5, 4.5)]),
    (
        "u1",
        40,
        "p101r1p106r4p108r3",
        0,
        1,
        None,
        "[1,2]",
        [(40, None, 20.0, 2, 3.0), (20, 18.0, 18, 1, None)],
    ),
    ("u2", 40, "p101r1p109r3", 1, 1, None, "[2]", [(40, 20.0, 20, 2, 3.0)]),  # draft
    ("u3", 40, "p103r1p109r3", 0, 0, None, "[2]", [(40, 20.0, 20, 2, 3.0)]),  # unlisted
    ("u4", 40, "p103r1p107r3", 0, 1, None, "[2]", []),  # no stats
]


def snapshot(path: Path, climbs: list = CLIMBS, board: str = "tension", layout: int = 1) -> Path:
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE board_climbs (uuid TEXT, board_type TEXT, layout_id INT, name TEXT, angle INT, "
            "frames_count INT, frames TEXT, is_draft INT, is_listed INT, created_at TEXT, published_at TEXT, "
            "required_set_ids TEXT, compatible_size_ids TEXT)"
        )
        db.execute(
            "CREATE TABLE board_climb_stats (board_type TEXT, climb_uuid TEXT, angle INT, "
            "display_difficulty REAL, benchmark_difficulty REAL, ascensionist_count INT, "
            "difficulty_average REAL, quality_average REAL)"
        )
        db.execute("CREATE TABLE snapshot_meta (table_name TEXT, row_count INT)")
        for uuid, angle, frames, draft, listed, published, sets, stats in climbs:
            row = (uuid, board, layout, "n", angle, 1, frames, draft, listed, None, published, sets, "[1]")
            db.execute(f"INSERT INTO board_climbs VALUES ({', '.join('?' * 13)})", row)
            for at, difficulty, display, ascents, quality in stats:
                line = (board, uuid, at, display, None, ascents, difficulty, quality)
                db.execute(f"INSERT INTO board_climb_stats VALUES ({', '.join('?' * 8)})", line)
    return path


@dataclass
class Site:
    """A server of made files. files: path → (content, Content-Encoding). asked: the paths, in order."""

    root: str = ""
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, name: str, path: Path, encoding: str = "gzip", send: str = "gzip") -> dict[str, Any]:
        """Serve a file; what a manifest says of it. send: `plain` for a server that unpacks it."""
        plain = path.read_bytes()
        packed = gzip.compress(plain) if encoding == "gzip" else plain
        sent = packed if send == "gzip" else plain
        self.files[f"/{name}"] = (sent, encoding if sent is packed and encoding == "gzip" else "")
        with sqlite3.connect(path) as db:
            tables = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'board_%'")]
            counts = {t: {"rowCount": db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]} for t in tables}
        return {
            "url": f"{self.root}/{name}",
            "bytes": len(packed),
            "contentEncoding": encoding,
            "builtAt": "2026-08-15T12:00:00.000Z",
            "schemaVersion": 3,
            "tables": counts,
        }

    def manifest(self, name: str, content: Any) -> None:
        self.files[f"/{name}/manifest.json"] = (json.dumps(content).encode(), "")

    def list_snapshots(self) -> None:
        self.manifest("v1-gzip", {"formatVersion": 1, "generatedAt": "x", "entries": self.entries})


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """Two layouts of one board and a MoonBoard, as boardsesh publishes them."""
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            if self.path not in made.files:
                self.send_error(404)
                return
            content, encoding = made.files[self.path]
            self.send_response(200)
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made.root = f"http://127.0.0.1:{server.server_address[1]}"
    first = snapshot(tmp_path / "tension-1")
    second = snapshot(tmp_path / "tension-2", CLIMBS[:1], layout=2)
    for layout, path in ((1, first), (2, second)):
        entry = {"boardType": "tension", "layoutId": layout, **made.publish(f"t{layout}.db", path)}
        made.entries.append(entry)
    made.list_snapshots()
    made.manifest(
        "v1-catalog",
        {"formatVersion": 1, "artifact": made.publish("hw.db", hardware(database(), tmp_path / "hw"))},
    )
    yield made
    server.shutdown()
    server.server_close()


def test_a_snapshot_comes_with_its_holds_and_is_imported(site: Site, tmp_path: Path) -> None:
    seen: list[str] = []

    def follow(name: str) -> Callable[[int, int | None], None]:
        return lambda had, total: seen.append(f"{name} {had == total}")

    out = tmp_path / "new" / "tension.sqlite3"
    entry = fetch_snapshot("boardsesh:tension/1", out, root=site.root, cache=tmp_path / "c", follow=follow)
    assert entry.rows == {"board_climbs": 5, "board_climb_stats": 5}
    assert seen == ["tension/1 True", "hardware True"]
    assert [p.name for p in out.parent.iterdir()] == ["tension.sqlite3"]
    dataset = import_dataset(out, Options(size=1))
    assert write_frames(dataset.board, dataset.climbs) == [CLIMBS[0][2], CLIMBS[1][2], CLIMBS[1][2]]
    assert dataset.climbs.angle.tolist() == [20, 20, 40]
    assert dataset.climbs.grade.tolist() == [
        16,
        18,
        20,
    ]  # 15.5 rounds up; without an average, what is displayed
    assert dataset.board.xy.max() < 100  # not the other board's holes
    assert dataset.board.role_ids[Role.START] == 1
    assert dataset.board.angles == (20, 40)  # a hardware file lists none: those seen
    assert dataset.board.app is not None
    assert dataset.card["source"]["kind"] == "boardsesh snapshot"
    assert dataset.card["rows"]["reasons"] == {
        "draft (kept with --drafts)": 1,
        "unlisted (kept with --unlisted)": 1,
        "no grade (kept with --ungraded)": 1,
    }
    assert dataset.columns["ascents"].tolist() == [5, 1, 2]
    assert np.allclose(dataset.columns["quality"], [4.5, np.nan, 3.0], equal_nan=True)
    assert dataset.columns["published"][0] == np.datetime64("2024-05-06")


def test_it_is_downloaded_once_a_day(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch() -> list[str]:
        site.asked.clear()
        fetch_snapshot(
            "boardsesh:tension/1", tmp_path / "x", root=site.root, cache=tmp_path / "c", force=True
        )
        return list(site.asked)

    assert fetch() == ["/v1-gzip/manifest.json", "/t1.db", "/v1-catalog/manifest.json", "/hw.db"]
    assert fetch() == []
    (tmp_path / "c" / "somebody else's").touch()
    os.utime(tmp_path / "c" / "somebody else's", (0, 0))
    now = time.time
    monkeypatch.setattr("setgen.climbing.sources.boardsesh.time.time", lambda: now() + 25 * 3600)
    # The manifests are asked for again; what they list under the same address is the same.
    assert fetch() == ["/v1-gzip/manifest.json", "/v1-catalog/manifest.json"]
    monkeypatch.setattr("setgen.climbing.sources.boardsesh.time.time", lambda: now() + 15 * 24 * 3600)
    assert "/t1.db" in fetch()
    assert (tmp_path / "c" / "somebody else's").exists()


@pytest.mark.parametrize(("encoding", "send"), [("gzip", "gzip"), ("gzip", "plain"), ("identity", "plain")])
def test_what_arrives_may_be_packed_or_not(encoding: str, send: str, site: Site, tmp_path: Path) -> None:
    entry = site.publish("t1.db", tmp_path / "tension-1", encoding, send)
    site.entries[0].update(entry)
    site.list_snapshots()
    fetch_snapshot("boardsesh:tension/1", tmp_path / "x", root=site.root, cache=tmp_path / "c")
    assert len(import_dataset(tmp_path / "x", Options(size=1)).climbs) == 3
    site.entries[0]["bytes"] = len((tmp_path / "tension-1").read_bytes())  # of what was packed
    site.list_snapshots()
    fetch_snapshot("boardsesh:tension/1", tmp_path / "y", root=site.root, cache=tmp_path / "d")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bytes": 12}, "bytes where the manifest says 12"),
        ({"bytes": 10**9}, "bytes where the manifest says"),
        ({"uncompressedBytes": 10**6}, "bytes where the manifest says 1000000"),
        ({"tables": {"board_climbs": {"rowCount": 6}}}, "5 rows in `board_climbs`, the manifest says 6"),
        ({"tables": {"board_beta": {"rowCount": 1}}}, "0 rows in `board_beta`"),
        ({"url": "none.db"}, "404"),
        ({"url": "file:///etc/hostname"}, "no manifest that setgen reads"),
        ({"bytes": None}, "no manifest that setgen reads"),
        ({"url": "v1-catalog/manifest.json"}, "no database|bytes where"),
        ({"boardType": "kilter"}, "no snapshot tension/1: name one of tension/2"),
    ],
)
def test_what_is_not_as_the_manifest_says_is_refused(
    change: dict[str, Any], message: str, site: Site, tmp_path: Path
) -> None:
    if "/" in change.get("url", "") and ":" not in change["url"]:
        change = {"url": f"{site.root}/{change['url']}"}
    site.entries[0].update(change)
    site.list_snapshots()
    for _ in range(2):  # nor is it taken from the cache then
        with pytest.raises(InputError, match=message) as caught:
            fetch_snapshot("boardsesh:tension/1", tmp_path / "n" / "x", root=site.root, cache=tmp_path / "c")
        assert "\n" not in str(caught.value)
        assert list((tmp_path / "n").iterdir()) == []


def test_a_damaged_database_is_refused(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "tension-1"
    site.entries[0].update(site.publish("t1.db", path))
    whole = bytearray(path.read_bytes())
    whole[4096 + 3 : 4096 + 5] = b"\xff\xff"  # how many rows the second page has
    packed = gzip.compress(whole)
    site.files["/t1.db"] = (packed, "gzip")
    site.entries[0]["bytes"] = len(packed)
    site.list_snapshots()
    with pytest.raises(InputError, match="damaged database"):
        fetch_snapshot("boardsesh:tension/1", tmp_path / "x", root=site.root, cache=tmp_path / "c")


@pytest.mark.parametrize(
    "content", [[], {"formatVersion": 2, "entries": [1]}, {"formatVersion": 1}, {"a": 1}, "x"]
)
def test_manifests_that_are_none(content: Any, site: Site, tmp_path: Path) -> None:
    site.manifest("v1-gzip", content)
    with pytest.raises(InputError, match="manifest"):
        snapshots(site.root, tmp_path / "c")


def test_names() -> None:
    assert read_name("boardsesh:kilter/1") == ("kilter", 1)
    assert read_name("boardsesh:Kilter") == ("kilter", None)
    assert read_name("boardsesh:") == ("", None)
    with pytest.raises(InputError, match="boardsesh:BOARD/LAYOUT"):
        read_name("boardsesh:kilter/one")


def test_the_command(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETGEN_SNAPSHOTS", site.root)
    monkeypatch.setenv("SETGEN_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "tension.sqlite3"
    for name, listed in (("boardsesh:", 2), ("boardsesh:tension", 2), ("boardsesh:decoy", 0)):
        assert run(["data", "fetch", name]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == listed
    assert run(["data", "fetch", "boardsesh:tension/1", "--out", str(out)]) == 0
    assert "a database of 5 climbs, built 2026-08-15" in capsys.readouterr().out
    assert run(["data", "import", str(out), "--out", str(tmp_path / "d")]) == 0
    capsys.readouterr()
    for arguments, message in (
        (["boardsesh:tension/1", "--out", out], "--force"),
        (["boardsesh:tension/9", "--out", tmp_path / "x"], "name one of tension/1, tension/2"),
        (["boardsesh:tension", "--out", tmp_path / "x"], "name one of tension/1, tension/2"),
        (["boardsesh:", "--out", tmp_path / "x"], "name one of"),
        (["boardsesh:tension/1"], "--out"),
        ([site.root + "/hw.db"], "--out"),
    ):
        assert run(["data", "fetch", *map(str, arguments)]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]


def test_snapshot_and_hardware_may_be_two_files(database: Database, tmp_path: Path) -> None:
    path, wall = snapshot(tmp_path / "s"), hardware(database(), tmp_path / "hw")
    whole = import_dataset(path, Options(board=wall, size=1))
    assert len(whole.climbs) == 3
    packed = tmp_path / "hw.gz"
    packed.write_bytes(gzip.compress(wall.read_bytes()))
    aurora = database()
    whole.save(tmp_path / "folder")
    for board in (packed, aurora):
        again = import_dataset(path, Options(board=board, size=1))
        assert list(again.climbs) == list(whole.climbs)
    again = import_dataset(path, Options(board=tmp_path / "folder"))
    assert list(again.climbs) == list(whole.climbs)
    with pytest.raises(InputError, match="give a hardware file with --board"):
        import_dataset(path)
    with pytest.raises(InputError, match="and has no climbs"):
        import_dataset(wall)
    other = snapshot(tmp_path / "o", board="kilter")
    with pytest.raises(InputError, match="no table that says where they are"):
        import_dataset(other, Options(board=wall))


def test_climbs_of_boards_without_a_name(database: Database, tmp_path: Path) -> None:
    path, wall = snapshot(tmp_path / "s"), hardware(database(), tmp_path / "hw")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE board_climbs SET board_type = NULL WHERE uuid = 'u2'")
        db.execute("UPDATE board_climbs SET board_type = 7 WHERE uuid = 'u3'")
    dataset = import_dataset(path, Options(board=wall, size=1))
    assert len(dataset.climbs) == 3
    assert dataset.card["warnings"][0].endswith("left: 7 (1 climbs), None (1 climbs)")


# A MoonBoard's holds are cells: (row − 1)·11 + column + 1.
A4, C9, F12, A5, K18 = 34, 91, 127, 45, 198
MOON = [
    ("m0", 40, f"p{A4}r42p{C9}r43p{K18}r44", 0, 1, None, "[2,4]", [(40, 20.4, 20, 9, 4.0)]),
    ("m1", 40, f"p{A4}r42p{F12}r43p{K18}r44", 0, 1, None, "{2,3}", [(40, 22.0, 22, 1, 4.0)]),
    ("m2", 40, f"p{A5}r42p{F12}r43p199r44", 0, 1, None, "[3]", [(40, 22.0, 22, 1, 4.0)]),
]


def test_moonboards_need_no_hardware_file(site: Site, tmp_path: Path) -> None:
    path = snapshot(tmp_path / "m", MOON, "moonboard", 2)
    site.entries.append({"boardType": "moonboard", "layoutId": 2, **site.publish("m.db", path)})
    site.list_snapshots()
    fetch_snapshot("boardsesh:moonboard", tmp_path / "x", root=site.root, cache=tmp_path / "c")
    assert "/hw.db" not in site.asked
    dataset = import_dataset(tmp_path / "x")
    board = dataset.board
    assert (board.name, len(board), board.angles) == ("MoonBoard 2016", 198, (40,))
    assert {board.hole_names[p]: Role(r) for p, r in dataset.climbs.climb(0).holds} == {
        "A4": Role.START,
        "C9": Role.MIDDLE,
        "K18": Role.FINISH,
    }
    assert dataset.climbs.grade.tolist() == [20, 22]
    assert dataset.card["rows"]["reasons"] == {"frames: hold not on the board": 1}
    # Hold Set A is the one set that both climbs on A4 need; F12's may be one of two.
    sets = {n: board.hold_set_names[board.hold_set[board.index_of_name(n)]] for n in ("A4", "F12")}
    assert sets == {"A4": "Hold Set A", "F12": "hold set not known"}
    (link, _) = boardsesh_links(board, dataset.climbs, ["a", "b"])
    assert link.startswith("https://www.boardsesh.com/moonboard/2/1/2,3,4/40/create?forkFrames=p34r42")


def test_mini_moonboards_have_twelve_rows(tmp_path: Path) -> None:
    climbs = [("m", 40, "p34r42p91r43p127r44", 0, 1, None, None, [(40, 20.0, 20, 1, 4.0)])]
    dataset = import_dataset(snapshot(tmp_path / "m", climbs, "moonboard", 7))
    assert (dataset.board.name, len(dataset.board)) == ("Mini MoonBoard 2025", 132)
