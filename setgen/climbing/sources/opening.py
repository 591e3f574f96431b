"""What is in a file, told by its first bytes: one opening step for all readers, and for `setgen data fetch`.

Taken off here, as often as they are nested: gzip, zip, app packages (APK) and bundles of them (XAPK, APKS).
What is left is a database or a text, whose encoding is told by its byte-order mark.
"""

from __future__ import annotations

import codecs
import gzip
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from setgen.errors import InputError

SQLITE = b"SQLite format 3\x00"
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_TEXT_ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt")
_LOGS = ("-wal", "-journal")  # what SQLite keeps beside a database, and what belongs to it
_DATABASE = "db.sqlite3"  # its name in the apps' packages

# What the standard library raises for packages that are damaged: a name that is no text is a ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
)

_BLOCK = 1 << 18
_LAYERS = 4
# What is unpacked of a file, all in all, beyond so much and so many times as large as the file, is no board's data:
# databases and JSON shrink to between a half and a fiftieth.
_FREE, _RATIO = 64 << 20, 250
_MEMBERS = 50_000  # of a zip file: the apps' packages have some thousands
_MOST, _MOST_TEXT = 8 << 30, 1 << 30

_MARKS = (  # the longer first: a UTF-32 mark begins like a UTF-16 one
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Opened:
    """What is in a file. Either `database`, a path, or `text` is given.

    name: the names that the file and what it was packed in have. unpacked: it was packed, and the database
    is a copy that ends with the context.
    """

    name: str
    database: Path | None = None
    text: str | None = None
    unpacked: bool = False


@contextmanager
def opened(path: Path, name: str = "", aside: Path | None = None) -> Iterator[Opened]:
    """The database or text in a file, whatever it is packed in.

    name: what messages call the file; its path if left out. aside: a folder for what is unpacked.
    Raises InputError when there is no file, or it is damaged, too large, or neither database nor text.
    """
    label = name or str(path)
    try:
        _check_file(path, label)
        with tempfile.TemporaryDirectory(prefix=".setgen-", dir=aside) as folder:
            inner, names = _unpacked(path, Path(folder), label)
            whole = " ".join([Path(label).name, *names])
            if _head(inner).startswith(SQLITE):
                yield Opened(whole, database=inner, unpacked=inner != path)
            else:
                yield Opened(whole, text=_text(inner, label), unpacked=inner != path)
    except OSError as error:
        raise InputError(f"{label} cannot be read: {error.strerror or error}") from None


def decode(data: bytes) -> str | None:
    """Text by its byte-order mark, or UTF-8, or else what Windows writes; None for what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    if b"\0" not in data:
        text = _strictly(data, "utf-8")
        return data.decode("cp1252", errors="replace") if text is None and _printable(data) else text
    even, odd = data[: 1 << 12 : 2], data[1 : 1 << 12 : 2]  # UTF-16 without a mark: every other byte is 0
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zeros.count(0) > 0.9 * len(zeros) and others.count(0) == 0:
            return _strictly(data, encoding)
    return None


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _printable(data: bytes) -> bool:
    """Whether bytes that are no UTF-8 could be text of one byte a letter: no control characters."""
    return not set(data) & (set(range(32)) - set(b"\t\n\r\f"))


def _check_file(path: Path, label: str) -> None:
    if path.is_dir():
        raise InputError(f"{label} is a folder: give the file with the climbs")
    if not path.exists():
        raise InputError(f"cannot read {label}: no such file")
    if not path.is_file():
        raise InputError(f"{label} is a device or a pipe: save what it gives to a file first")
    if not path.stat().st_size:
        raise InputError(f"{label} is empty")


def _head(path: Path, n: int = 16) -> bytes:
    with path.open("rb") as file:
        return file.read(n)


def _text(path: Path, label: str) -> str:
    if path.stat().st_size > _MOST_TEXT:
        raise InputError(f"{label} is a text of more than {_size(_MOST_TEXT)}: give it in parts")
    text = decode(path.read_bytes())
    if text is None:
        raise InputError(f"{label} is neither a database nor a text file")
    return text


def _unpacked(path: Path, folder: Path, label: str) -> tuple[Path, list[str]]:
    """(the innermost file, the names of what it was in)."""
    names: list[str] = []
    room = _Room(label, path.stat().st_size)
    for layer in range(_LAYERS + 1):
        head = _head(path)
        if not head.startswith((_GZIP, _ZIP)):
            return path, names
        if layer == _LAYERS:
            break
        target = folder / str(layer)
        try:
            if head.startswith(_GZIP):
                with gzip.open(path) as source:
                    room.copy(source, target)
                path = target
            else:
                path, member = _from_zip(path, target, room)
                names.append(member)
        except InputError:
            raise
        except _DAMAGED as error:
            kind = "gzip" if head.startswith(_GZIP) else "zip or APK"
            raise InputError(f"{label} is a {kind} file that is damaged or cut short ({error})") from None
        except (RuntimeError, NotImplementedError) as error:  # a password, or a rare compression
            raise InputError(f"{label} is a zip file that cannot be unpacked ({error})") from None
    raise InputError(f"{label} is packed more than {_LAYERS} times over: unpack it yourself")


class _Room:
    """How much may be unpacked of one file, in all its layers together. packed: its own bytes."""

    def __init__(self, label: str, packed: int) -> None:
        self.label, self.packed = label, packed
        self.most = min(_MOST, max(_FREE, _RATIO * packed))
        self.had = 0

    def copy(self, source: IO[bytes] | gzip.GzipFile, target: Path) -> None:
        """Unpack into `target`."""
        with target.open("wb") as file:
            while block := source.read(_BLOCK):
                self.had += len(block)
                if self.had > self.most:
                    raise InputError(
                        f"{self.label} unpacks to more than {_size(self.most)} from {self.packed:,} bytes: that is "
                        "no board's database, so it was left"
                    )
                file.write(block)


def _from_zip(path: Path, target: Path, room: _Room) -> tuple[Path, str]:
    """The one thing in a zip file that can be read, written to `target`, and its name there.

    A database, or else a package with one in it, or else, where that is all there is, a text. Members' names say
    nothing of where they are written, so that none can lie outside.
    """
    label = room.label
    with zipfile.ZipFile(path) as package:
        if len(package.infolist()) > _MEMBERS:
            raise InputError(
                f"{label} is a zip file of {len(package.infolist()):,} members: unpack it yourself"
            )
        infos = {
            info.filename: info
            for info in package.infolist()
            if info.filename
            and info.file_size
            and not info.is_dir()
            and not info.filename.startswith("__MACOSX/")
        }
        heads = {}
        for name, info in infos.items():
            with package.open(info) as member:
                heads[name] = member.read(len(SQLITE))

        def unpack(name: str, to: Path) -> Path:
            with package.open(infos[name]) as member:
                room.copy(member, to)
            return to

        databases = [name for name, head in heads.items() if head.startswith(SQLITE)]
        if databases:
            name = _the_one(databases, label)
            for log in _LOGS:
                if name + log in infos:
                    unpack(name + log, target.with_name(target.name + log))
            return unpack(name, target), name
        packages = [name for name, head in heads.items() if head.startswith((_GZIP, _ZIP))]
        if len(packages) == 1:
            return unpack(packages[0], target), packages[0]
        holders = [n for n in packages if _holds_database(unpack(n, target))]
        if holders:
            name = _the_one(holders, label)
            return unpack(name, target), name
        texts = [n for n in infos if n.lower().endswith(_TEXT_ENDINGS) and not Path(n).name.startswith(".")]
        texts = [n for n in texts if not n.lower().endswith(".txt")] or texts  # a README beside the climbs
        if len(texts) == 1 and not packages and "AndroidManifest.xml" not in infos:
            return unpack(texts[0], target), texts[0]
    if len(texts) > 1:
        raise InputError(f"{label} holds several texts ({', '.join(texts[:5])}): unpack the one you mean")
    found = f"{len(infos)} other files" if infos else "nothing"
    raise InputError(f"{label} is a zip or APK file without a database: it holds {found}")


def _holds_database(path: Path) -> bool:
    """Whether a package holds a database itself."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as package:
        for info in package.infolist():
            with package.open(info) as member:
                if member.read(len(SQLITE)) == SQLITE:
                    return True
    return False


def _the_one(names: list[str], label: str) -> str:
    """The name itself where there is one; of several, the app's own."""
    if len(names) > 1:
        own = sorted((n for n in names if n.rsplit("/", 1)[-1] == _DATABASE), key=len)
        if not own:
            raise InputError(f"{label} holds several databases ({', '.join(names)}): unpack the one you mean")
        names = own
    return names[0]


def _size(n: int) -> str:
    return f"{n / (1 << 30):.3g} GiB" if n >= 1 << 30 else f"{n / (1 << 20):.3g} MiB"
