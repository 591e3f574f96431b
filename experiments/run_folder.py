"""Run folders: each run makes one that was not there before, so that no run overwrites another."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from setgen.errors import InputError


def new_run_folder(parent: Path, label: str) -> Path:
    """Make and return parent/label-YYYYMMDD-HHMMSS, with -2, -3 … behind it if that is taken."""
    stem = f"{label}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
            try:
                folder.mkdir()
            except FileExistsError:
                if not folder.is_dir():
                    raise
                continue
            return folder
    except OSError as error:
        raise InputError(f"cannot make a run folder in {parent}: {error.strerror}") from None
    raise InputError(f"{parent} has too many runs that began in this second")


def write_json(path: Path, data: Any) -> None:
    """Write at once or not at all, so that an interrupted run leaves no half file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, indent=2))
    part.replace(path)
