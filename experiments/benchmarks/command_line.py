"""What the command lines of benchmarks share: wrong input is one line and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn

from setgen.errors import InputError


def benchmark(main: Callable[[], None]) -> Callable[[], None]:
    """Decorator of a main function: its InputErrors are shown as one line."""

    @wraps(main)
    def run() -> None:
        try:
            main()
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return run


class Parser(argparse.ArgumentParser):
    """A parser described by the first line of a module's docstring, whose complaints are one line."""

    def __init__(self, doc: str | None) -> None:
        super().__init__(description=(doc or "").partition("\n")[0])

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; --help says more\n")


def whole(text: str, least: int = 1) -> int:
    """A number of things, for argparse."""
    number = int(text) if text.isdecimal() and len(text) <= 10 else -1
    if not least <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number, {least} to {2**32 - 1}")
    return number


def seed(text: str) -> int:
    """A seed, for argparse."""
    return whole(text, 0)


def duration(text: str) -> float:
    """Seconds, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return seconds
