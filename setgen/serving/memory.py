"""Memory that stays flat under load: glibc's allocator is told not to spread over a heap for every thread.

Batches differ in shape, and the holes that their tensors leave in several heaps add up: a server grew as long
as 64 clients asked, with as many Python objects as before. With one heap the holes are filled again.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_M_ARENA_MAX, _M_TRIM_THRESHOLD = -8, -1  # of malloc.h
_KEPT = 1 << 16  # bytes that may stay free at the top of the heap


def one_heap() -> bool:
    """Whether the allocator took the advice. Call it before there are threads. Elsewhere nothing is done."""
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_M_ARENA_MAX, 1)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT))
    return False
