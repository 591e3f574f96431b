"""Fetch a board's database from an address the user gives, or take it out of what it is packed in."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from setgen.climbing.sources.opening import Opened, opened
from setgen.climbing.sources.sqlite_file import SqliteFile, copy_with_logs, fold_logs, logs
from setgen.errors import InputError
from setgen.files import ASIDE, LOCK, owned, writing

Progress = Callable[[int, int | None], None]
"""Called with the bytes had so far and the total, None where the server does not say."""

_SCHEMES = ("http", "https", "file")
_BLOCK = 1 << 18


def fetch(
    url: str,
    out: Path,
    *,
    sha256: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    timeout: float = 60.0,
) -> Path:
    """Download `url` (http, https, file, or a path) to `out` and return `out`; all or nothing.

    A package (gzip, zip, APK, a bundle of APKs) is replaced by the database in it; what stands in a log
    beside a database on this machine is written into it. sha256: hexadecimal, of the file at the address.
    timeout: seconds without an answer. Raises InputError when the address does not answer, the download is
    cut short, its checksum differs, it is neither database nor package, `out` exists (without `force`), or
    another process fetches to it.
    """
    out = Path(out)
    with new_file(out, force) as part:
        path = _local(url)
        if path is not None and logs(path):
            copy_with_logs(path, part)
            digest = sha256_of(path)
        else:
            with part.open("wb") as file:
                digest = download(_address(url), file, progress, timeout)
        if sha256 is not None and digest != sha256.strip().lower():
            raise InputError(
                f"{url} has sha256 {digest}, not the one given: the file has changed or is damaged"
            )
        with opened(part, url, aside=part.parent) as file_in:
            take_database(file_in, part, url)
    return out


def sha256_of(path: Path) -> str:
    """The checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def take_database(file: Opened, target: Path, label: str) -> None:
    """Put the database that was opened in the place of `target`, whole and checked. Raises InputError."""
    if file.database is None:
        begins = " ".join((file.text or "").split())[:40]
        page = " (a web page)" if begins.startswith("<") else ""
        raise InputError(f"{label} is neither a database nor a package of one: it begins {begins!r}{page}")
    if logs(file.database):
        fold_logs(file.database, label)
    with SqliteFile(file.database, label) as db:
        db.quick_check()
    if file.database != target:
        os.replace(file.database, target)


@contextmanager
def new_file(out: Path, force: bool) -> Iterator[Path]:
    """A file beside `out` that takes its place if all goes well. Raises InputError where `out` cannot be, or another
    process is about to write it."""
    _check_free(out, force)
    aside = out.with_name(f".setgen-{out.name}{ASIDE}")  # what a process that was killed left is taken over
    if aside.is_symlink():  # for what is in it goes
        raise InputError(f"cannot write {out}: {aside} is a link, and in the way")
    try:
        with owned(aside, out):
            _check_free(out, force)  # it may have come while nobody owned it
            _empty(aside)
            part = aside / "part"
            try:
                with writing(out):
                    yield part
                    part.chmod(0o644)  # temporary files are private; the dataset need not be
                    os.replace(part, out)
            finally:
                with suppress(OSError):  # what was wrong before is what is told
                    _empty(aside)
    finally:
        with suppress(OSError):  # someone else's, or not there
            aside.rmdir()


def _check_free(out: Path, force: bool) -> None:
    if out.is_dir():
        raise InputError(f"{out} is a folder: name the file to write")
    if out.exists() and not force:
        raise InputError(f"{out} is already there: choose another name, or --force to replace it")


def _empty(aside: Path) -> None:
    """Take away all that is in a folder, but for its lock."""
    for path in aside.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink()


def _local(url: str) -> Path | None:
    """The file on this machine that an address or a path names."""
    parts = urlsplit(url)
    path = Path(urllib.request.url2pathname(parts.path)) if parts.scheme.lower() == "file" else Path(url)
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None


def _address(url: str) -> str:
    scheme = urlsplit(url).scheme.lower()
    if scheme in _SCHEMES:
        return url
    if Path(url).is_file():
        return Path(url).resolve().as_uri()
    if not scheme:
        raise InputError(f"{url}: no such file, and no address either (http://, https:// or file://)")
    raise InputError(f"{url}: setgen fetches from {', '.join(_SCHEMES)} addresses only")


def download(url: str, file: IO[bytes], progress: Progress | None = None, timeout: float = 60.0) -> str:
    """Copy what is at `url` into `file`, as it is sent; the sha256 of it. Raises InputError."""
    digest, had = hashlib.sha256(), 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "setgen"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            length = answer.headers.get("Content-Length")
            total = int(length) if length and length.isdigit() else None
            while block := answer.read(_BLOCK):
                file.write(block)
                digest.update(block)
                had += len(block)
                if progress is not None:
                    progress(had, total)
    except urllib.error.HTTPError as error:
        raise InputError(f"{url} answers {error.code} {error.reason}: check the address") from None
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(f"{url} cannot be reached ({reason}): check the address and the network") from None
    if total is not None and had != total:
        raise InputError(f"{url} was cut short, {had} of {total} bytes came: try again")
    return digest.hexdigest()
