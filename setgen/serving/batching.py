"""Batching: what several clients ask for becomes one call, in one worker thread, with a bounded queue."""

from __future__ import annotations

import asyncio
import math
import time
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


@dataclass(eq=False)
class _Job:
    kind: Hashable
    work: Any
    rows: int
    arrived: float
    result: asyncio.Future[Any]


class Batcher:
    """A queue in front of one worker thread.

    The oldest job decides the kind of the next call; younger ones of that kind join it while its rows are
    within `rows`. A job waits at most `wait` seconds for others to come, and not at all while the thread is
    busy. Jobs beyond `waiting` rows are refused with `Full`, except for one that comes to an empty queue. A
    job whose caller has gone leaves the queue at once.
    """

    def __init__(
        self,
        run: Run,
        *,
        rows: int,
        wait: float,
        waiting: int,
        observe: Observer = lambda jobs, rows, seconds: None,
    ) -> None:
        self._run, self._observe = run, observe
        self._rows, self._wait, self._most_waiting = rows, wait, waiting
        self._queue: dict[_Job, None] = {}  # in order of arrival
        self._waiting = 0
        self._seconds_per_row = 0.01
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "setgen-worker")
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        return self._waiting

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to work; inside the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Drop what waits, and end when the call under way has ended."""
        for job in list(self._queue):
            job.result.cancel()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown()

    async def submit(self, kind: Hashable, work: Any, rows: int = 1) -> Any:
        """The result of one job. Raises Full, or what `run` raised. Cancelling the caller frees the job."""
        if self._queue and self._waiting + rows > self._most_waiting:
            raise Full(max(1, min(60, math.ceil(self._waiting * self._seconds_per_row))))
        loop = asyncio.get_running_loop()
        job = _Job(kind, work, rows, loop.time(), loop.create_future())
        self._queue[job] = None
        self._waiting += rows
        self._arrived.set()
        try:
            return await job.result
        finally:
            self._leave(job)

    def _leave(self, job: _Job) -> None:
        if job in self._queue:
            del self._queue[job]
            self._waiting -= job.rows

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            await self._gather(loop)
            jobs = self._take()
            if not jobs:
                self._arrived.clear()
                continue
            began = time.perf_counter()
            outcomes = await loop.run_in_executor(self._thread, self._outcomes, jobs)
            seconds, rows = time.perf_counter() - began, sum(job.rows for job in jobs)
            self._seconds_per_row += 0.2 * (seconds / rows - self._seconds_per_row)
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
        if self._queue and self._waiting < self._rows:
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
            if len(jobs) == 1:
                return [error]
            return [self._outcomes([job])[0] for job in jobs]
