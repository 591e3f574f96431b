"""The grader of a dataset: trained when first asked for, then kept in the user's cache folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from setgen.builtin_model import BUILTIN
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.fit import fingerprint, fit_grader, why_not
from setgen.climbing.grading.grader import Grader, load_grader
from setgen.errors import InputError

_LONGEST_WAIT = 1800  # seconds for another process to train the same grader


def cache_folder() -> Path:
    """Where graders are kept: $SETGEN_CACHE, or the platform's folder for caches."""
    chosen = os.environ.get("SETGEN_CACHE")
    return Path(chosen) if chosen else user_cache_path("setgen")


def grader_for(
    dataset: Dataset, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Grader | None:
    """The grader of the dataset's training climbs; None where they carry too few grades (`fit.why_not`).

    That of the built-in board comes with setgen. Others are trained when first asked for (a minute at most)
    and kept under a fingerprint of all that decides them. Processes that ask at once wait for the first. A
    damaged copy is trained anew; where the cache cannot be written the grader lives as long as the process.
    """
    if why_not(dataset):
        return None
    key = fingerprint(dataset, seed)
    if key not in _known():
        _known()[key] = _brought(key) or _from_cache(dataset, seed, key, progress)
    return _known()[key]


@lru_cache(maxsize=1)
def _known() -> dict[str, Grader]:
    """The graders that this process has loaded."""
    return {}


def _brought(key: str) -> Grader | None:
    """The grader that comes with setgen, where it is the one asked for."""
    grader = load_grader(BUILTIN / "grader")
    return grader if grader.config.fingerprint == key else None


def _from_cache(dataset: Dataset, seed: int, key: str, progress: Callable[[int, int], None] | None) -> Grader:
    home = cache_folder() / "graders"
    folder = home / key
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{key}.lock", timeout=_LONGEST_WAIT):
            with suppress(InputError):
                return load_grader(folder)
            grader = fit_grader(dataset, seed, progress=progress)
            _keep(grader, folder)
            return grader
    except (OSError, NotImplementedError, Timeout):  # not implemented: file systems without locks
        return fit_grader(dataset, seed, progress=progress)


def _keep(grader: Grader, folder: Path) -> None:
    """Written aside, then moved in whole; a cache that cannot be written is no reason to stop."""
    with suppress(OSError, InputError), tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        grader.save(Path(aside) / "grader")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(aside) / "grader").replace(folder)
