"""Progress on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

_SOON, _EVERY = 2.0, 10.0  # seconds to the first line where no one watches, and from line to line


@contextmanager
def grader_training() -> Iterator[Callable[[int, int], None]]:
    """What the training of a grader calls with (steps done, steps in all); nothing is shown before it does."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    said = False
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("training the grader, once", total=None, visible=False)

        def show(done: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total, visible=True)
            if not said and not console.is_terminal and sys.stderr is not None:
                print("training the grader, once: about a minute", file=sys.stderr, flush=True)
            said = True

        yield show


def counted(numbers: Iterable[int], total: int, what: str) -> Iterator[int]:
    """The numbers of things that are done, while it is shown how many of all that is, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began, done, due = time.monotonic(), 0, _SOON
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for n in numbers:
            done += n
            bar.update(task, completed=done)
            spent = time.monotonic() - began
            if not console.is_terminal and sys.stderr is not None and spent >= due and done < total:
                left = spent * (total - done) / done
                print(f"{what}: {done:,} of {total:,}, {left:.0f} s left", file=sys.stderr, flush=True)
                due = spent + _EVERY
            yield n
