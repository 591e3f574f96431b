"""Files are whole or not there, and one process at a time writes a folder, however the one before it ended."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from setgen.cli.main import run
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climb_files import write_text
from setgen.climbing.dataset import Dataset
from setgen.errors import DiskError, InputError
from setgen.files import new_files, owned, write_whole


def test_a_failed_write_loses_nothing(tmp_path, monkeypatch) -> None:
    path = tmp_path / "climbs.csv"
    write_whole(path, b"old")

    def full_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(DiskError, match=f"cannot write {path}: No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["climbs.csv"]


def test_what_is_replaced_keeps_its_permissions(tmp_path) -> None:
    path = tmp_path / "climbs.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_and_devices_stay_what_they_are(tmp_path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    for there in (False, True):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write_whole(link, b"data" * (1 + there))
        assert link.is_symlink()
        assert target.read_bytes() == b"data" * (1 + there)
    write_whole("/dev/null", b"gone")
    assert not Path("/dev/null").is_file()


def test_the_longest_name_that_a_folder_takes_can_be_written(tmp_path) -> None:
    path = tmp_path / ("a" * 255)
    write_whole(path, b"data")
    assert path.read_bytes() == b"data"


HOLDER = """
import signal, sys, time
from pathlib import Path
from setgen.files import new_files, owned
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where pytest runs in the background
folder = Path(sys.argv[1])
with owned(folder), new_files(folder, last="card.json") as new:
    (new / "board.json").write_text("half")
    print("in", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def held(tmp_path) -> Callable[[Path], subprocess.Popen]:
    """`held(folder)`: another process that is at work in the folder, and writes files for it."""
    held = []

    def hold(folder: Path) -> subprocess.Popen:
        held.append(subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE))
        assert held[-1].stdout.readline() == b"in\n"
        return held[-1]

    yield hold
    for process in held:
        process.kill()
        process.wait()


def test_a_folder_has_one_owner_until_that_process_ends(held, tmp_path, capsys) -> None:
    """However it ends: the lock of a process that was killed is nobody's, and so is what it left half."""
    dataset, folder = synthetic_dataset(20, seed=1), tmp_path / "d"
    process = held(folder)
    with pytest.raises(InputError, match="another process is at work"):
        dataset.save(folder)
    assert run(["data", "synth", "--out", str(folder), "--climbs", "20"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: another process is at work in")
    assert said.count("\n") == 1
    assert not (folder / "card.json").exists()
    process.kill()
    process.wait()
    dataset.save(folder)
    assert len(Dataset.load(folder).sets) == 20
    assert sorted(os.listdir(folder)) == ["board.json", "card.json", "climbs.parquet"]


def test_an_owner_may_own_again_and_leaves_nothing(tmp_path) -> None:
    folder = tmp_path / "a" / "b"
    with owned(folder):
        with owned(folder):
            pass
        assert (folder / ".lock").exists()
        hold = [sys.executable, "-c", HOLDER, str(folder)]
        assert b"another process" in subprocess.run(hold, capture_output=True).stderr
    assert not folder.exists()


def test_a_process_that_is_told_to_end_takes_its_half_with_it(held, tmp_path) -> None:
    process = held(tmp_path / "d")
    process.send_signal(signal.SIGINT)
    process.wait()
    assert not (tmp_path / "d").exists()


def test_new_files_replace_all_of_the_old_or_nothing(tmp_path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("card", "old", "mine"):
        (folder / name).write_text("before")

    def write(*names: str) -> dict[str, str]:
        with suppress(InputError), new_files(folder, last="card", gone=["old"]) as new:
            for name in names:
                (new / name).write_text("after")
        return {path.name: path.read_text() for path in folder.iterdir()}

    assert write("card", "no/such/folder") == dict.fromkeys(("card", "old", "mine"), "before")
    assert write("a", "card", "z") == {**dict.fromkeys(("a", "card", "z"), "after"), "mine": "before"}


def test_a_full_and_a_read_only_disk_are_one_line_and_lose_nothing(small_disk, capsys) -> None:
    folder, file = small_disk / "d", small_disk / "climbs"
    synthetic_dataset(20, seed=1).save(folder)
    write_text(file, "before")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for how, words in (("full", "No space left"), ("read-only", "Read-only file system")):
        with small_disk.now(how):
            with pytest.raises(DiskError, match=f"cannot write .*climbs: {words}"):
                write_text(file, "after")
            for out in (folder, small_disk / "new"):
                assert run(["data", "synth", "--out", str(out), "--climbs", "200"]) == 2
                said = capsys.readouterr().err
                assert said.startswith(f"error: cannot write {out}: {words}")
                assert said.count("\n") == 1
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert sorted(os.listdir(small_disk)) == ["climbs", "d"]
        assert file.read_text() == "before"
