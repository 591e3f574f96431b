"""Batching: what several clients ask for becomes one call, in one worker thread, with a bounded queue."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Run = Callable[[Any, list[Any]], list[Any]]
"""(kind, works) → the result of each work. Works of one kind can be done together."""

Observer = Callable[[int, int, float], None]
"""Called after each call with its jobs, its rows and its seconds."""


class Full(Exception):
    """Nothing more is taken on; `retry_after` seconds from now there may be room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"full for {retry_after} s")
        self.retry_after = retry_after


class OwnerFull(Full):
    """Nothing more is taken on of this owner, whose jobs wait already; others' may be."""


@dataclass(eq=False)
class _Job:
    kind: Hashable
    work: Any
    rows: int
    owner: Hashable
    arrived: float
    result: asyncio.Future[Any]


class Batcher:
    """A queue in front of one worker thread.

    The oldest job decides the kind of the next call; younger ones of that kind join it while its rows are
    within `rows`. A job that comes to an idle thread waits `wait` seconds at most for others, and not at all
    where the last call had a single job and nobody came during it. Jobs beyond `waiting` rows are refused
    with `Full`, and those of one owner beyond `each` rows with `OwnerFull`, except for one that comes to an
    empty queue (of that owner). A job whose caller has gone leaves the queue at once; a call under way which
    nobody waits for any more is `abandoned`, and `run` may end it with an exception.
    """

    def __init__(
        self,
        run: Run,
        *,
        rows: int,
        wait: float,
        waiting: int,
        each: int | None = None,
        observe: Observer = lambda jobs, rows, seconds: None,
    ) -> None:
        self._run, self._observe = run, observe
        self._rows, self._wait, self._most_waiting = rows, wait, waiting
        self._most_of_one = waiting if each is None else each
        self._queue: dict[_Job, None] = {}  # in order of arrival
        self._running: list[_Job] = []
        self._waiting_of: Counter[Hashable] = Counter()  # rows of each owner
        self._shared = False  # whether the last call had several jobs, or others came during it
        self._seconds_per_row = 0.01
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "setgen-worker")
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        return self._waiting_of.total()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any more for the call under way; for `run` to ask, in the worker thread."""
        return all(job.result.done() for job in self._running)

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to work; inside the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Drop what waits, abandon the call under way, and end when it has ended."""
        for job in [*self._queue, *self._running]:
            job.result.cancel()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown()

    async def submit(self, kind: Hashable, work: Any, rows: int = 1, owner: Hashable = None) -> Any:
        """The result of one job. Raises Full, OwnerFull, or what `run` raised. Cancelling the caller frees
        the job."""
        own = self._waiting_of[owner]  # of a Counter: 0, and nothing is kept, for one that is not there
        if own and own + rows > self._most_of_one:
            raise OwnerFull(self._seconds_until_done())
        if self._queue and self.waiting + rows > self._most_waiting:
            raise Full(self._seconds_until_done())
        loop = asyncio.get_running_loop()
        job = _Job(kind, work, rows, owner, loop.time(), loop.create_future())
        self._queue[job] = None
        self._waiting_of[owner] += rows
        self._arrived.set()
        try:
            return await job.result
        finally:
            self._leave(job)

    def _leave(self, job: _Job) -> None:
        if job in self._queue:
            del self._queue[job]
            self._waiting_of[job.owner] -= job.rows
            if not self._waiting_of[job.owner]:
                del self._waiting_of[job.owner]

    def _seconds_until_done(self) -> int:
        return max(1, min(60, math.ceil(self.waiting * self._seconds_per_row)))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            await self._gather(loop)
            jobs = self._take()
            if not jobs:
                self._arrived.clear()
                continue
            self._running, began = jobs, time.perf_counter()
            outcomes = await loop.run_in_executor(self._thread, self._outcomes, jobs)
            seconds, rows = time.perf_counter() - began, sum(job.rows for job in jobs)
            if not self.abandoned:
                self._seconds_per_row += 0.2 * (seconds / rows - self._seconds_per_row)
            self._running, self._shared = [], len(jobs) > 1 or bool(self._queue)
            self._observe(len(jobs), rows, seconds)
            for job, outcome in zip(jobs, outcomes, strict=True):
                if job.result.done():
                    continue
                if isinstance(outcome, BaseException):
                    job.result.set_exception(outcome)
                else:
                    job.result.set_result(outcome)

    async def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the oldest job's companions their chance to come."""
        if self._shared and self._queue and self.waiting < self._rows:
            left = next(iter(self._queue)).arrived + self._wait - loop.time()
            if left > 0:
                await asyncio.sleep(left)

    def _take(self) -> list[_Job]:
        """The jobs of the next call, out of the queue."""
        jobs: list[_Job] = []
        rows = 0
        for job in self._queue:
            if jobs and (job.kind != jobs[0].kind or rows + job.rows > self._rows):
                continue
            jobs.append(job)
            rows += job.rows
        for job in jobs:
            self._leave(job)
        return jobs

    def _outcomes(self, jobs: list[_Job]) -> list[Any]:
        """In the worker thread: results or exceptions. A call that fails is made again for each job alone,
        so that nobody pays for another's request."""
        try:
            return self._run(jobs[0].kind, [job.work for job in jobs])
        except Exception as error:
            if len(jobs) == 1 or self.abandoned:
                return [error] * len(jobs)
            return [self._outcomes([job])[0] for job in jobs]
