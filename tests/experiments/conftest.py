"""What tests of command lines share."""

from __future__ import annotations

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
