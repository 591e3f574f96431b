"""Tests run several processes side by side: one thread each, or they wait for one another."""

import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

# Graders that tests train are not the user's; the processes that xdist starts inherit the folder.
_MADE_HERE = "SETGEN_CACHE" not in os.environ
if _MADE_HERE:
    os.environ["SETGEN_CACHE"] = tempfile.mkdtemp(prefix="setgen-tests-")


def pytest_sessionfinish():
    if _MADE_HERE:
        shutil.rmtree(Path(os.environ["SETGEN_CACHE"]), ignore_errors=True)
