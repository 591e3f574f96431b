"""one_heap: threads that allocate much get no heaps of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import ctypes, sys, threading
from setgen.serving.memory import one_heap
if sys.argv[1] == "one":
    assert one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
places = []
def allocate():
    places.append(libc.malloc(1000))
for _ in range(4):
    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()
    allocate()
print(max(places) - min(places))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_threads_share_one_heap() -> None:
    apart = {}
    for name in ("one", "many"):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, name], capture_output=True, text=True, check=True
        )
        apart[name] = int(done.stdout)
    if apart["many"] < 1 << 30:
        pytest.skip("this system's allocator has one heap anyway")
    assert apart["one"] < 1 << 30
