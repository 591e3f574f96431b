"""The nightly script: it runs both campaigns, ends with 1 where one finds something, and keeps that."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "nightly.sh"


@pytest.fixture
def nightly(tmp_path):
    """`nightly(finds, *words)`: the script in a folder where `python` finds something in that campaign."""
    home, programs = tmp_path / "home", tmp_path / "programs"
    (home / "tests").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(SCRIPT, home / "tests")

    def run(finds: str, *words: str) -> tuple[int, Path]:
        (programs / "python").write_text(
            f'#!/bin/bash\necho "asked $*"\nif [[ $2 == *kill ]]; then mkdir "${{10}}"; fi\n[[ $2 != *.{finds} ]]\n'
        )
        (programs / "python").chmod(0o755)
        path = f"{programs}:{os.environ['PATH']}"
        done = subprocess.run(
            [str(home / "tests" / "nightly.sh"), *words], env=os.environ | {"PATH": path}, capture_output=True
        )
        return done.returncode, home / "runs" / "nightly"

    return run


@pytest.mark.parametrize(("finds", "code"), [("none", 0), ("fuzz", 1), ("kill", 1)])
def test_what_a_campaign_finds_is_kept_and_told(nightly, finds, code):
    ended, folder = nightly(finds, "--minutes", "3")
    assert ended == code
    (kept,) = folder.iterdir()
    log = (kept / "log").read_text()
    assert log.count("asked") == 2  # the second runs though the first found something
    assert log.count("--seconds 90 ") == 4  # half of the minutes each: told, and asked for
    assert (kept / "kill").exists() == bool(code)


@pytest.mark.parametrize("words", [("--minutes", "soon"), ("--minutes", "0"), ("10",)])
def test_other_words_are_refused(nightly, words):
    ended, folder = nightly("none", *words)
    assert ended == 2
    assert not folder.exists()
