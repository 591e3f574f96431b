"""Files are whole or not there: what a failed write leaves is what stood there before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from setgen.files import write_whole


def test_a_failed_write_loses_nothing(tmp_path, monkeypatch) -> None:
    path = tmp_path / "climbs.csv"
    write_whole(path, b"old")

    def full_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
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
