"""The batcher: jobs share calls, the queue is bounded, and a caller that leaves frees its job."""

from __future__ import annotations

import asyncio
import threading

import pytest

from setgen.serving.batching import Batcher, Full, OwnerFull

pytestmark = pytest.mark.anyio


class Worker:
    """Notes the works of each call; a call waits for `go` where it is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.go: threading.Event | None = None
        self.threads: set[int] = set()

    def run(self, kind: str, works: list[int]) -> list[int]:
        self.calls.append((kind, works))
        self.threads.add(threading.get_ident())
        if self.go is not None:
            assert self.go.wait(20)
        if -1 in works:
            raise ValueError("minus one")
        return [10 * work for work in works]

    async def started(self, calls: int) -> None:
        async with asyncio.timeout(120):
            while len(self.calls) < calls:
                await asyncio.sleep(0.001)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def batcher(worker):
    one = Batcher(worker.run, rows=10, wait=0.2, waiting=20)
    one.start()
    yield one
    if worker.go is not None:
        worker.go.set()
    await one.stop()


async def test_jobs_that_come_together_share_a_call(batcher, worker) -> None:
    results = await asyncio.gather(*(batcher.submit("a", i) for i in range(5)))
    assert results == [0, 10, 20, 30, 40]
    assert worker.calls == [("a", [0, 1, 2, 3, 4])]
    assert worker.threads.isdisjoint({threading.get_ident()})


async def test_a_call_has_one_kind_and_bounded_rows(batcher, worker) -> None:
    jobs = [("a", 1, 4), ("b", 2, 1), ("a", 3, 4), ("a", 4, 4), ("b", 5, 1)]
    results = await asyncio.gather(*(batcher.submit(*job) for job in jobs))
    assert results == [10, 20, 30, 40, 50]
    assert worker.calls == [("a", [1, 3]), ("b", [2, 5]), ("a", [4])]
    assert len(worker.threads) == 1


async def test_who_is_alone_does_not_wait_and_who_has_company_does(worker) -> None:
    patient = Batcher(worker.run, rows=10, wait=0.5, waiting=20)
    patient.start()
    for i in range(3):
        alone = asyncio.ensure_future(patient.submit("a", i))
        for _ in range(5):
            await asyncio.sleep(0)
        assert patient.waiting == 0  # its call has begun
        assert await alone == 10 * i
    assert await asyncio.gather(patient.submit("b", 1), patient.submit("b", 2)) == [10, 20]
    first = asyncio.ensure_future(patient.submit("c", 3))
    for _ in range(20):
        await asyncio.sleep(0)
    assert patient.waiting == 1
    assert await asyncio.gather(first, patient.submit("c", 4)) == [30, 40]
    assert [works for kind, works in worker.calls if kind != "a"] == [[1, 2], [3, 4]]
    await patient.stop()


async def test_a_full_call_does_not_wait(worker) -> None:
    patient = Batcher(worker.run, rows=2, wait=60, waiting=20)
    patient.start()
    async with asyncio.timeout(120):
        assert await asyncio.gather(patient.submit("a", 1), patient.submit("a", 2)) == [10, 20]
    await patient.stop()


async def test_what_does_not_fit_the_queue_is_refused_and_told_when_to_return(batcher, worker) -> None:
    worker.go = threading.Event()
    running = asyncio.ensure_future(batcher.submit("a", 0, 10))
    await worker.started(1)
    waiting = [asyncio.ensure_future(batcher.submit("a", i, 10)) for i in (1, 2)]
    await asyncio.sleep(0)
    assert batcher.waiting == 20
    with pytest.raises(Full) as full:
        await batcher.submit("a", 3)
    assert 1 <= full.value.retry_after <= 60
    worker.go.set()
    assert await asyncio.gather(running, *waiting) == [0, 10, 20]
    assert batcher.waiting == 0
    assert await batcher.submit("a", 4) == 40


async def test_one_owner_cannot_take_all_the_room(worker) -> None:
    batcher = Batcher(worker.run, rows=1, wait=0, waiting=20, each=10)
    batcher.start()
    worker.go = threading.Event()
    running = asyncio.ensure_future(batcher.submit("a", 0, owner="me"))
    await worker.started(1)
    waiting = [asyncio.ensure_future(batcher.submit("a", i, 5, "me")) for i in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(OwnerFull) as full:
        await batcher.submit("a", 3, 1, "me")
    assert 1 <= full.value.retry_after <= 60
    large = asyncio.ensure_future(batcher.submit("a", 4, 10, "you"))  # all that is allowed, at once
    await asyncio.sleep(0)
    with pytest.raises(Full) as full:
        await batcher.submit("a", 5, 1, "them")
    assert not isinstance(full.value, OwnerFull)
    waiting[0].cancel()
    await asyncio.sleep(0)
    again = asyncio.ensure_future(batcher.submit("a", 6, 5, "me"))
    worker.go.set()
    assert await asyncio.gather(running, waiting[1], large, again) == [0, 20, 40, 60]
    assert batcher.waiting == 0
    assert not batcher._waiting_of  # nothing is kept of owners that are done
    await batcher.stop()


async def test_a_call_is_abandoned_when_its_last_caller_has_left(batcher, worker) -> None:
    worker.go = threading.Event()
    one, two = (asyncio.ensure_future(batcher.submit("a", i)) for i in (-1, 2))
    await worker.started(1)
    one.cancel()
    await asyncio.sleep(0)
    assert not batcher.abandoned
    two.cancel()
    await asyncio.sleep(0)
    assert batcher.abandoned
    three = asyncio.ensure_future(batcher.submit("a", 3))
    worker.go.set()
    assert await three == 30
    # The call failed, for -1 is in it; nobody being there, it was not made again for each job alone.
    assert [works for _, works in worker.calls] == [[-1, 2], [3]]


async def test_a_job_whose_caller_leaves_is_never_run_and_makes_room(batcher, worker) -> None:
    worker.go = threading.Event()
    running = asyncio.ensure_future(batcher.submit("a", 0))
    await worker.started(1)
    leaving = asyncio.ensure_future(batcher.submit("a", 1, 20))
    await asyncio.sleep(0)
    assert batcher.waiting == 20
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert batcher.waiting == 0
    staying = asyncio.ensure_future(batcher.submit("a", 2))
    worker.go.set()
    assert await asyncio.gather(running, staying) == [0, 20]
    assert [works for _, works in worker.calls] == [[0], [2]]


async def test_a_caller_that_leaves_during_the_call_harms_nobody(batcher, worker) -> None:
    worker.go = threading.Event()
    one, two = (asyncio.ensure_future(batcher.submit("a", i)) for i in (1, 2))
    await worker.started(1)
    one.cancel()
    worker.go.set()
    assert await two == 20
    assert one.cancelled()


async def test_one_job_s_failure_is_its_own(batcher, worker) -> None:
    jobs = (batcher.submit("a", i) for i in (1, -1, 3))
    good, bad, also_good = await asyncio.gather(*jobs, return_exceptions=True)
    assert (good, also_good) == (10, 30)
    assert isinstance(bad, ValueError)
    assert batcher.alive


async def test_stopping_cancels_what_waits(worker) -> None:
    worker.go = threading.Event()
    batcher = Batcher(worker.run, rows=1, wait=0, waiting=20)
    batcher.start()
    running = asyncio.ensure_future(batcher.submit("a", 0))
    await worker.started(1)
    waiting = asyncio.ensure_future(batcher.submit("a", 1))
    await asyncio.sleep(0)
    worker.go.set()
    await batcher.stop()
    assert waiting.cancelled() or isinstance(waiting.exception(), asyncio.CancelledError)
    assert not batcher.alive
    running.cancel()
