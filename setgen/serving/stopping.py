"""Ending a network call that nobody waits for, without a word about it in the generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn


class Stopped(Exception):
    """A call ended because nobody waits for its result."""


@contextmanager
def stoppable(network: nn.Module, unwanted: Callable[[], bool]) -> Iterator[None]:
    """Inside, the next step of `network` raises Stopped once `unwanted()` is true.

    A step is a call of one of its parts: whatever it does, climb by climb or hold by hold, goes through them.
    """

    def check(*_: object) -> None:
        if unwanted():
            raise Stopped

    handles = [part.register_forward_pre_hook(check) for part in network.children()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
