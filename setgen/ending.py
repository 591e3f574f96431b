"""SIGTERM, which batch systems and `kill` send, ends a command as Ctrl-C does: whole, and with one line."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ended_by: list[int] = []


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def heeded() -> Iterator[None]:
    """In here SIGTERM raises `Terminated`: once, so that what is put away then is not broken off."""
    _ended_by.clear()
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code() -> int:
    """Of a command that was told to end: 143 after SIGTERM, 130 after Ctrl-C, as shells have it."""
    return 128 + (_ended_by[0] if _ended_by else signal.SIGINT)


def _terminate(number: int, _: Any) -> None:
    signal.signal(number, signal.SIG_IGN)
    _ended_by.append(number)
    raise Terminated
