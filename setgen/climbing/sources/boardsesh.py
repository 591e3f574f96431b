"""Community snapshots by their manifests: what boardsesh publishes each night, one of them with its holds.

Two manifests have stable addresses, below one root: `v1-gzip/manifest.json` lists the snapshots, one a board
and layout, and `v1-catalog/manifest.json` the hardware file. Downloads are kept for a day on this machine:
boardsesh asks for one a day at most.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urljoin, urlsplit

from setgen.climbing.sources.fetch import Progress, download, new_file, take_database
from setgen.climbing.sources.opening import opened
from setgen.climbing.sources.snapshot import MOONBOARD, lay_in
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError
from setgen.files import parse_json

SCHEME = "boardsesh:"
ROOT = "https://boardsesh-board-snapshots.t3.tigrisfiles.io/board-snapshots/"
_FORMAT = 1
_CACHED = re.compile(r"boardsesh-[0-9a-f]{24}|\.part-boardsesh-\w+")
_DAY = 24 * 3600.0
_KEPT = 14 * _DAY  # as long as boardsesh keeps an artifact

Follow = Callable[[str], Progress]
"""Given what is downloaded, what is told of its progress."""


@dataclass(frozen=True)
class Entry:
    """A file that a manifest lists. rows: how many each table has."""

    board: str
    layout: int | None
    url: str
    bytes: int
    gzipped: bool
    unpacked_bytes: int | None
    built: str
    rows: Mapping[str, int]

    @property
    def name(self) -> str:
        return self.board if self.layout is None else f"{self.board}/{self.layout}"


def snapshots(root: str = ROOT, cache: Path | None = None, fresh: bool = False) -> list[Entry]:
    """All snapshots that are published. Raises InputError."""
    manifest, base = _manifest(root, "v1-gzip", cache, fresh)
    entries = manifest.get("entries")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{base} lists no snapshots")
    return sorted((_entry(e, base) for e in entries), key=lambda e: (e.board, e.layout or 0))


def fetch_snapshot(
    name: str,
    out: Path,
    *,
    root: str = ROOT,
    cache: Path | None = None,
    fresh: bool = False,
    force: bool = False,
    follow: Follow | None = None,
) -> Entry:
    """Write the snapshot `name` (`boardsesh:kilter/1`) to `out`, with its board's part of the hardware file.

    cache: the folder in which downloads are kept for a day; fresh: ask again now. Raises InputError when
    there is none of that name, or it is not what the manifest says.
    """
    board, layout = read_name(name)
    with new_file(out, force) as part:
        found = [e for e in snapshots(root, cache, fresh) if e.board == board]
        entry = next((e for e in found if e.layout == layout), None)
        if layout is None and len(found) == 1:
            entry = found[0]
        if entry is None:
            listing = ", ".join(e.name for e in found or snapshots(root, cache))
            wanted = f"has no snapshot {board}{_slash(layout)}" if board else "has several snapshots"
            raise InputError(f"boardsesh {wanted}: name one of {listing}")
        _take(entry, part, cache, follow)
        if board != MOONBOARD:
            manifest, base = _manifest(root, "v1-catalog", cache, fresh)
            listed = manifest.get("artifact") or (manifest.get("entries") or [manifest])[0]
            hardware = part.with_name("hardware")
            _take(_entry(listed, base, "hardware"), hardware, cache, follow)
            lay_in(part, hardware, board)
            with SqliteFile(part, name) as db:
                if not db.has("board_placements"):
                    raise InputError(
                        "the hardware file that boardsesh publishes has no table `board_placements`"
                    )
    return entry


def read_name(name: str) -> tuple[str, int | None]:
    """(board, layout) of `boardsesh:kilter/1`; either may be left out. Raises InputError."""
    match = re.fullmatch(r"([a-z0-9]*)(?:/(\d{1,9}))?/?", name.removeprefix(SCHEME).strip("/").lower())
    if match is None:
        raise InputError(f"{name} is no snapshot: write boardsesh:BOARD/LAYOUT, such as boardsesh:kilter/1")
    return match[1], None if match[2] is None else int(match[2])


def cache_folder() -> Path:
    """Where downloads are kept: `SETGEN_CACHE`, or setgen's folder among the user's caches."""
    own = os.environ.get("SETGEN_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(own) if own else Path(base or Path.home() / ".cache") / "setgen"


def _slash(layout: int | None) -> str:
    return "" if layout is None else f"/{layout}"


def _entry(data: Any, base: str, board: str = "") -> Entry:
    try:
        tables = data.get("tables") or {}
        unpacked = data.get("uncompressedBytes")
        url = urljoin(base, str(data["url"]))
        if urlsplit(url).scheme != urlsplit(base).scheme and urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(url)
        return Entry(
            board or str(data["boardType"]),
            None if board else int(data["layoutId"]),
            url,
            int(data["bytes"]),
            data.get("contentEncoding") == "gzip",
            None if unpacked is None else int(unpacked),
            str(data.get("builtAt") or ""),
            {str(t): int(s["rowCount"]) for t, s in tables.items() if "rowCount" in s},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{base} is no manifest that setgen reads ({error!r})") from None


def _manifest(root: str, part: str, cache: Path | None, fresh: bool) -> tuple[dict[str, Any], str]:
    """(the manifest, its address)."""
    url = urljoin(root if root.endswith("/") else root + "/", f"{part}/manifest.json")
    path = _cached(url, cache, _DAY, fresh, None)
    try:
        with opened(path, url) as file:
            data = parse_json(file.text or "")
    except ValueError:
        data = None
    if not isinstance(data, dict) or "formatVersion" not in data:
        path.unlink(missing_ok=True)
        raise InputError(f"{url} is no manifest: a JSON object with `formatVersion`")
    if data["formatVersion"] != _FORMAT:
        raise InputError(f"{url} has format {data['formatVersion']}, and this setgen reads {_FORMAT}")
    return data, url


def _take(entry: Entry, target: Path, cache: Path | None, follow: Follow | None) -> None:
    """The database of an entry at `target`, checked against the manifest."""
    path = _cached(entry.url, cache, _KEPT, False, follow(entry.name) if follow else None)
    try:
        size = path.stat().st_size
        with opened(path, entry.url, aside=target.parent) as file:
            if file.database is None:
                raise InputError(f"{entry.url} is no database")
            plain = file.database.stat().st_size
            # A server or proxy may have unpacked what the manifest says is gzipped: its size tells nothing.
            sent_plain = entry.gzipped and not file.unpacked
            if entry.unpacked_bytes is not None and plain != entry.unpacked_bytes:
                raise InputError(_wrong(entry, plain, entry.unpacked_bytes))
            if entry.bytes not in (size, plain) and not (sent_plain and entry.bytes < plain):
                raise InputError(_wrong(entry, size, entry.bytes))
            if not file.unpacked:  # the cached file itself
                file = replace(file, database=Path(shutil.copyfile(file.database, target)))
            take_database(file, target, entry.url)
        with SqliteFile(target, entry.url) as db:
            for table, n in entry.rows.items():
                has = db.rows(f'SELECT count(*) FROM "{table}"')[0][0] if db.has(table) else 0
                if has != n:
                    raise InputError(
                        f"{entry.url} has {has} rows in `{table}`, the manifest says {n}: try again later"
                    )
    except InputError:
        path.unlink(missing_ok=True)  # not again from the cache
        raise


def _wrong(entry: Entry, size: int, should: int) -> str:
    return f"{entry.url} is of {size} bytes where the manifest says {should}: try again later"


def _cached(url: str, cache: Path | None, longest: float, fresh: bool, progress: Progress | None) -> Path:
    """What is at an address, as it was sent; from the cache if it came less than `longest` seconds ago."""
    folder = cache or cache_folder()
    path = folder / f"boardsesh-{hashlib.sha256(url.encode()).hexdigest()[:24]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if _CACHED.fullmatch(old.name) and time.time() - old.stat().st_mtime > _KEPT:
                old.unlink()
        if path.is_file() and not fresh and time.time() - path.stat().st_mtime < longest:
            return path
        with NamedTemporaryFile(dir=folder, prefix=".part-boardsesh-", delete=False) as file:
            try:
                download(url, file, progress)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        os.replace(file.name, path)
    except OSError as error:
        raise InputError(
            f"downloads cannot be kept in {folder} ({error.strerror or error}): "
            "SETGEN_CACHE names another folder"
        ) from None
    return path
