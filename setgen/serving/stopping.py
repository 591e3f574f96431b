"""Ending a network call that nobody waits for, without a word about it in the generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from setgen.generators.base import Generator


class Stopped(Exception):
    """A call ended because nobody waits for its result."""


@contextmanager
def stoppable(network: nn.Module, unwanted: Callable[[], bool]) -> Iterator[None]:
    """Inside, the next step of `network` raises Stopped once `unwanted()` is true.

    A step is a call of one of its parts, or of a generator's own `step` and `steps`: whatever it does, climb by climb
    or hold by hold, goes through them.
    """

    def check(*_: object) -> None:
        if unwanted():
            raise Stopped

    def checked(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            check()
            return method(*arguments)

        return run

    wrapped = [name for name in ("step", "steps") if isinstance(network, Generator)]
    for name in wrapped:
        setattr(network, name, checked(getattr(network, name)))
    handles = [part.register_forward_pre_hook(check) for part in network.children()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for name in wrapped:
            delattr(network, name)
