"""Fetching, against a server on this machine that also misbehaves."""

from __future__ import annotations

import gzip
import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from setgen.cli.main import run
from setgen.climbing.sources.fetch import fetch
from setgen.errors import InputError


@pytest.fixture
def site(database: Callable[..., Path], tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """(address, the database it serves as /db, as /cut one byte short, and as /app inside an APK)."""
    whole = database().read_bytes()
    package = tmp_path / "board.apk"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("AndroidManifest.xml", "x")
        file.writestr("assets/db.sqlite3", whole)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("readme", "x")
    bodies = {"/db": whole, "/cut": whole[:-1], "/app": package.read_bytes(), "/zip": other.read_bytes()}
    bodies["/page"] = b"<html>sign in</html>"
    bodies["/packed"] = gzip.compress(whole)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in bodies:
                self.send_error(404, "Not Found")
                return
            self.send_response(200)
            if self.path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            self.send_header(
                "Content-Length", str(len(whole) if self.path == "/cut" else len(bodies[self.path]))
            )
            self.end_headers()
            self.wfile.write(bodies[self.path])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", whole
    server.shutdown()
    server.server_close()


def test_download_with_progress_and_checksum(site: tuple[str, bytes], tmp_path: Path) -> None:
    url, whole = site
    seen: list[tuple[int, int | None]] = []
    digest = hashlib.sha256(whole).hexdigest()
    out = tmp_path / "new" / "db.sqlite3"
    fetch(f"{url}/db", out, sha256=digest.upper(), progress=lambda had, total: seen.append((had, total)))
    assert out.read_bytes() == whole
    assert seen[-1] == (len(whole), len(whole))
    assert [p.name for p in out.parent.iterdir()] == ["db.sqlite3"]


def test_what_a_server_packs_for_the_way_is_unpacked(site: tuple[str, bytes], tmp_path: Path) -> None:
    url, whole = site
    assert fetch(f"{url}/packed", tmp_path / "x").read_bytes() == whole


def test_the_database_comes_out_of_an_apk(site: tuple[str, bytes], tmp_path: Path) -> None:
    url, whole = site
    assert fetch(f"{url}/app", tmp_path / "a" / "x").read_bytes() == whole
    apk = tmp_path / "board.apk"
    assert fetch(apk.as_uri(), tmp_path / "a" / "y").read_bytes() == whole
    assert fetch(str(apk), tmp_path / "a" / "z").read_bytes() == whole
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/cut", "cut short"),
        ("/none", "404"),
        ("/zip", "without a database"),
        ("/page", "neither a database nor a package"),
    ],
)
def test_what_goes_wrong_leaves_nothing_behind(
    site: tuple[str, bytes], tmp_path: Path, path: str, message: str
) -> None:
    folder = tmp_path / "a"
    with pytest.raises(InputError, match=message) as caught:
        fetch(site[0] + path, folder / "x")
    assert site[0] + path in str(caught.value)
    assert list(folder.iterdir()) == []


def test_a_wrong_checksum_and_files_in_the_way(site: tuple[str, bytes], tmp_path: Path) -> None:
    url, whole = site
    out = tmp_path / "kept"
    out.write_text("old")
    with pytest.raises(InputError, match="--force"):
        fetch(f"{url}/db", out)
    with pytest.raises(InputError, match="sha256"):
        fetch(f"{url}/db", out, sha256="0" * 64, force=True)
    assert out.read_text() == "old"
    assert fetch(f"{url}/db", out, force=True).read_bytes() == whole
    with pytest.raises(InputError, match="folder"):
        fetch(f"{url}/db", tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        fetch(f"{url}/db", out / "below")


def test_a_second_fetch_to_one_file_is_refused(site: tuple[str, bytes], tmp_path: Path, capsys) -> None:
    """As long as the first one is at work, from any process or thread, and to that file alone."""
    url, whole = site
    out, other = tmp_path / "a" / "x", tmp_path / "a" / "y"
    codes: list[int] = []

    def meanwhile(had: int, total: int | None) -> None:
        def second() -> None:
            for target, more in ((out, []), (out, ["--force"]), (other, [])):
                codes.append(run(["data", "fetch", f"{url}/db", "--out", str(target), *more]))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    fetch(f"{url}/db", out, progress=meanwhile)
    assert codes[:3] == [2, 2, 0]
    said = [line for line in capsys.readouterr().err.splitlines() if "another process" in line]
    assert len(said) >= 2
    assert all(f"another process is at work in {out}" in line for line in said)
    assert out.read_bytes() == other.read_bytes() == whole
    assert sorted(path.name for path in out.parent.iterdir()) == ["x", "y"]


def test_what_a_fetch_that_was_killed_left_is_taken_over(site: tuple[str, bytes], tmp_path: Path) -> None:
    url, whole = site
    left = tmp_path / "a" / ".setgen-x.new"
    (left / ".setgen-1").mkdir(parents=True)
    for file in (left / ".lock", left / "part", left / ".setgen-1" / "0"):
        file.write_text("x")
    assert fetch(f"{url}/db", tmp_path / "a" / "x").read_bytes() == whole
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kept").write_text("mine")
    left.symlink_to(tmp_path / "home")
    with pytest.raises(InputError, match="is a link"):
        fetch(f"{url}/db", tmp_path / "a" / "x", force=True)
    assert (tmp_path / "home" / "kept").read_text() == "mine"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/db", "ftp://example.org/x", "nowhere.sqlite3", "file:///no/such"]
)
def test_addresses_that_cannot_be_reached(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError) as caught:
        fetch(url, tmp_path / "x", timeout=5)
    assert "\n" not in str(caught.value)
