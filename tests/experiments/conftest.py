"""What tests of command lines share."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest


@pytest.fixture
def refusal(monkeypatch, capsys) -> Callable[..., str]:
    """`refusal(main, *words)`: the one line with which main refuses this command line; it ends with 2."""

    def run(main: Callable[[], None], *words: str) -> str:
        monkeypatch.setattr("sys.argv", ["command", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        errors: str = capsys.readouterr().err
        assert stop.value.code == 2, errors
        assert "Traceback" not in errors
        assert len(errors.strip().splitlines()) == 1, errors
        return errors

    return run


@pytest.fixture
def start(monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """`start(main, *words)`: exit code and standard error of the command."""

    def run(main: Callable[[], None], *words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["experiments", *words])
        signal.signal(
            signal.SIGINT, signal.default_int_handler
        )  # ignored, where pytest runs in the background
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, capsys.readouterr().err

    return run
