"""Fetch a board's database from an address the user gives, or take it out of an app package (APK)."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from setgen.errors import InputError
from setgen.sources.recognise import recognise

Progress = Callable[[int, int | None], None]
"""Called with the bytes had so far and the total, None where the server does not say."""

_SCHEMES = ("http", "https", "file")
_BLOCK = 1 << 18
_DATABASE = "db.sqlite3"


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

    A zip or APK is replaced by the `db.sqlite3` in it. sha256: hexadecimal, of the file at the address.
    timeout: seconds without an answer. Raises InputError when the address does not answer, the download
    is cut short, its checksum differs, it holds no climbs, or `out` exists (without `force`).
    """
    out = Path(out)
    if out.is_dir():
        raise InputError(f"{out} is a folder: name the file to write")
    if out.exists() and not force:
        raise InputError(f"{out} is already there: choose another name, or --force to replace it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _download(_address(url), file, progress, timeout)
        if sha256 is not None and digest != sha256.strip().lower():
            raise InputError(
                f"{url} has sha256 {digest}, not the one given: the file has changed or is damaged"
            )
        if zipfile.is_zipfile(part):
            _unpack(part, url)
        recognise(part)
        part.chmod(0o644)  # temporary files are private; the dataset need not be
        os.replace(part, out)
    except InputError as error:
        raise InputError(str(error).replace(str(part), url)) from None
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return out


def _address(url: str) -> str:
    scheme = urlsplit(url).scheme.lower()
    if scheme in _SCHEMES:
        return url
    if Path(url).is_file():
        return Path(url).resolve().as_uri()
    if not scheme:
        raise InputError(f"{url}: no such file, and no address either (http://, https:// or file://)")
    raise InputError(f"{url}: setgen fetches from {', '.join(_SCHEMES)} addresses only")


def _download(url: str, file: IO[bytes], progress: Progress | None, timeout: float) -> str:
    """Copy what is at `url` into `file`; the sha256 of it."""
    digest, had = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
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


def _unpack(part: Path, url: str) -> None:
    """Replace a zip file by the database in it."""
    try:
        with zipfile.ZipFile(part) as package:
            names = [n for n in package.namelist() if n.rsplit("/", 1)[-1] == _DATABASE]
            if not names:
                raise InputError(f"{url} is a zip or APK file without a {_DATABASE}: not a board's app")
            inner = part.with_name(part.name + ".inner")
            try:
                with package.open(min(names, key=len)) as source, inner.open("wb") as target:
                    shutil.copyfileobj(source, target, _BLOCK)
                os.replace(inner, part)
            finally:
                inner.unlink(missing_ok=True)
    except (zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{url} is a damaged zip or APK file ({error}): fetch it again") from None
