"""Files written whole or not at all, by one process at a time, so that a full disk, Ctrl-C or kill cannot cost what
stood there before."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from setgen.errors import DiskError, InputError

LOCK, ASIDE = ".lock", ".new"
"""What stands in a folder while it is written: nobody's when a process that was killed left it."""
PARTS = ".setgen-*.part"
"""What `write_whole` writes; one that is there was left by a process that was killed."""
_LONGEST_NAME = 255  # bytes: of a longer one, systems do not even say that it is not there
_OF_A_NAME = {
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
    errno.EEXIST,
    errno.EINVAL,
    errno.ELOOP,
    errno.EACCES,
    errno.EPERM,
}
"""What the system says of a name or of who may use it, rather than of a disk: waiting does not mend it."""
_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def check_target(target: Path | str) -> None:
    """Raise InputError, before the work and not after it, when `target` is no place for a file.

    `-`, standard output, is always one.
    """
    if not str(target).strip():
        raise InputError("the name of the file to write is empty: name one, or - for standard output")
    path = Path(target)
    if str(target) != "-" and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InputError(f"cannot write {target}: {'it is a folder' if path.is_dir() else 'no such folder'}")


def write_whole(path: Path | str, data: bytes | memoryview) -> None:
    """Write `data` beside `path` and put it in its place when it is complete. Raises InputError, as `writing` does.

    Pipes, devices and links, and files of folders in which nothing new may be made, are written straight.
    """
    with writing(path):
        _write_whole(Path(path), data)


def _write_whole(path: Path, data: bytes | memoryview) -> None:
    there = path.exists()
    plain = path.is_file() and not path.is_symlink() if there else not path.is_symlink()
    if (
        not plain
        or not os.access(path.absolute().parent, os.W_OK)
        or (there and not os.access(path, os.W_OK))
    ):
        path.write_bytes(data)
        return
    part = path.with_name(f".setgen-{os.getpid()}.part")
    try:
        part.write_bytes(data)
        if there:
            shutil.copymode(path, part)
        part.replace(path)
    except BaseException:
        with suppress(OSError):  # of a disk that became read-only nothing goes away
            part.unlink(missing_ok=True)
        raise


@contextmanager
def writing(target: Path | str, what: str = "write") -> Iterator[None]:
    """What the system says of a write in here is an error that names `target`: an InputError where the name is wrong,
    or else a DiskError."""
    try:
        yield
    except OSError as error:
        kind = InputError if error.errno in _OF_A_NAME else DiskError
        raise kind(f"cannot {what} {target}: {error.strerror or error}") from None


def of_a_disk(error: BaseException) -> bool:
    """Whether a disk is the reason, one that is full or read-only: when that is mended, the same again does it."""
    return isinstance(error, DiskError) or (isinstance(error, OSError) and error.errno in _OF_A_DISK)


@contextmanager
def owned(folder: Path, name: Path | None = None) -> Iterator[None]:
    """In here `folder` is written by this thread alone; it is made, and goes away again if nothing came into it.

    name: what messages call it. A thread may own what it owns already. The system takes the lock away when the
    process ends, however it ends. Raises InputError where another process owns the folder, DiskError where none can
    be made.
    """
    from filelock import FileLock, Timeout  # 0.1 s that `setgen --help` need not wait

    name, is_new = name or folder, not folder.exists()
    try:
        with writing(name):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder.resolve() / LOCK, timeout=0, is_singleton=True)
            is_outermost = not lock.is_locked
            try:
                lock.acquire()
            except Timeout:
                raise InputError(f"another process is at work in {name}: wait for it, or end it") from None
        try:
            yield
        finally:
            if is_outermost:
                with suppress(OSError):  # Windows keeps what is open
                    (folder / LOCK).unlink()
            lock.release()
    finally:
        if is_new:
            with suppress(OSError):
                folder.rmdir()  # works only where nothing came into it


@contextmanager
def new_files(folder: Path, last: str, gone: Iterable[str] = ()) -> Iterator[Path]:
    """A folder for files that come into `folder` when all are written: old ones stand until then.

    last: the file without which `folder` is none of ours. It goes first and comes last, so that new files never
    stand beside old ones. gone: other old files that go. Raises InputError where another process owns the folder,
    DiskError where it cannot be written.
    """
    with owned(folder), writing(folder):
        aside = folder / ASIDE
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            yield aside
            for name in (last, *gone):
                (folder / name).unlink(missing_ok=True)
            for name in sorted((path.name for path in aside.iterdir()), key=lambda name: name == last):
                (aside / name).replace(folder / name)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def checksum(path: Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Name → checksum of files in a folder."""
    return {name: checksum(folder / name) for name in names}


def check_sums(folder: Path, sums: Mapping[str, str] | None) -> None:
    """Raise InputError when a file is not the one of which the checksum was noted. None: nothing was noted.

    Checksums find damage, not malice: who can change a file can change them too.
    """
    if sums is None:
        return
    if not isinstance(sums, Mapping) or not all(map(is_name, sums)):
        raise InputError(f"{folder} is damaged: its checksums are none that setgen wrote")
    for name, noted in sums.items():
        if not (folder / name).is_file() or checksum(folder / name) != noted:
            raise InputError(
                f"{folder} is damaged: {name} is not the file that was saved; copy the folder again"
            )


def is_name(name: object) -> bool:
    """Whether a file in a folder can have that name, which leads nowhere else."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and len(name.encode(errors="replace")) <= _LONGEST_NAME
    )


def check_links(folder: Path, but: str | None = None) -> None:
    """Raise InputError when something in a folder is a link out of it, as no folder that setgen wrote has.

    but: a pattern of links that others leave there, and that nothing is read from or written to.
    """
    home = folder.resolve()
    spared = set(folder.rglob(but)) if but else set()
    for path in set(folder.rglob("*")) - spared:
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise InputError(
                f"{path} is a link to something outside of its folder: put the file itself there, if you trust it"
            )


def parse_json(text: str) -> Any:
    """What a JSON text says. Raises ValueError for what is no JSON, or says one thing twice."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("its lists are too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise InputError(f"{twice!r} stands twice in one object")
    return found


def read_json(path: Path) -> Any:
    """What a JSON file holds; None where there is none. Raises InputError when it is something else."""
    if not path.is_file():
        return None
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path} is damaged: it is not JSON") from None
