"""Tests run several processes side by side: one thread each, or they wait for one another."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

# Graders that tests train are not the user's; the processes that xdist starts inherit the folder.
_MADE_HERE = "SETGEN_CACHE" not in os.environ
if _MADE_HERE:
    os.environ["SETGEN_CACHE"] = tempfile.mkdtemp(prefix="setgen-tests-")


def pytest_sessionfinish():
    if _MADE_HERE:
        shutil.rmtree(Path(os.environ["SETGEN_CACHE"]), ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    from experiments.benchmarks.page import chromium

    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=options)
        yield one
        one.close()


class SmallDisk(type(Path())):
    """A disk of its own that can be full or read-only for a while."""

    @contextmanager
    def now(self, how: str) -> Iterator[None]:
        filler = self / "filler"
        if how == "full":
            try:
                with filler.open("wb", buffering=0) as file:
                    while file.write(bytes(4096)):
                        pass
            except OSError:
                pass
        else:
            self.remount("ro")
        try:
            yield
        finally:
            self.remount("rw")
            filler.unlink(missing_ok=True)

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self)], check=True)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[SmallDisk]:
    """8 MiB; the test is skipped where none may be mounted."""
    disk = SmallDisk(tmp_path / "disk")
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="session")
def two_cores() -> Iterator[str]:
    """A local Ray of two cores, however many there are; what is asked for as `local` then joins it."""
    ray = pytest.importorskip("ray")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    for last in (False, False, True):  # it waits 30 s for its own processes, too little on a busy machine
        try:
            ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
            break
        except Exception:
            ray.shutdown()
            if last:
                raise
    yield "local"
    ray.shutdown()
