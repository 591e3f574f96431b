"""Progress on standard error: a bar on a terminal, one line elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
