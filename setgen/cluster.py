"""Ray, where it is asked for: the same functions, job by job, in many processes on one machine or on many.

`ray` below is what a user says: None for this process alone, in which Ray is not even imported; `local` for all
cores of this machine; `auto` for the cluster that this machine belongs to; or a cluster's address, such as
`head:6379` or `ray://head:10001`. Every machine needs setgen in the same version, and the same folders.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from setgen.errors import DiskError, InputError

TRIES = 3
"""How often a job whose process died is begun again."""

Row = dict[str, Any]


@contextmanager
def connected(ray: str) -> Iterator[Any]:
    """The module `ray`, connected; a connection that was there before stays. Raises InputError for none."""
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # workers have the environment that we are in
    try:
        import ray as engine
    except ImportError:
        raise InputError("Ray is not installed: add the extra, as in pip install 'setgen[ray]'") from None
    own = not engine.is_initialized()
    if own:
        _reach(ray)
        try:
            dashboard = False if ray == "local" else None
            engine.init(
                address=ray, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=dashboard
            )
        except Exception as error:  # Ray raises errors of every kind here, Exception itself among them
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if ray == "local":
                raise InputError(f"Ray does not start on this machine ({said}): leave it out") from None
            raise InputError(
                f"there is no Ray cluster at {ray} ({said}): start one, or leave ray out"
            ) from None
    try:
        yield engine
    finally:
        if own:
            engine.shutdown()


def _reach(ray: str) -> None:
    """Raise InputError where an address is none, or nobody answers there: Ray itself would wait for minutes."""
    if ray in ("local", "auto"):
        return
    host, _, port = ray.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"ray is {ray}: give local, auto, or an address such as head:6379")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"there is no Ray cluster at {ray} ({error}): start one, or leave ray out") from None


def share(engine: Any, threads: int | None = None) -> dict[str, float]:
    """What a training takes of the cluster: its cores, and a GPU where there are any."""
    return {"num_cpus": threads or 1, "num_gpus": 1 if engine.cluster_resources().get("GPU") else 0}


def places(engine: Any, taken: dict[str, float]) -> int:
    """How many jobs that take so much find room beside one another, at least 1."""
    there = engine.cluster_resources()
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    return max(1, min(int(there.get(names[key], 0) // need) for key, need in taken.items() if need))


def each(work: Callable[[Row], Row], jobs: Sequence[Row], ray: str | None) -> Iterator[Row]:
    """What `work` says of each job, as it comes: in any order.

    work: an object that can be sent to other processes; what it loads at its first job there it may keep. jobs,
    answers: name → number, text or array. Ray Data streams them: no more than a few wait in memory, and the job of
    a process that died is done again, so that a job must leave the same behind however often it is done. Raises
    what a job raises.
    """
    if ray is None:
        yield from map(work, jobs)
        return
    with connected(ray) as engine:
        import ray.data as streams

        context = streams.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        data = streams.from_items(list(jobs), override_num_blocks=len(jobs))
        done = data.map(partial(_answer, uuid4().hex, work), num_cpus=1)
        with own_errors(engine):
            for row in done.iter_rows():
                if _REFUSED in row:
                    raise InputError(row[_REFUSED])
                yield row


_kept: dict[str, Callable[[Row], Row]] = {}
_REFUSED = "refused"


def _answer(key: str, work: Callable[[Row], Row], job: Row) -> Row:
    """In a process of Ray's, which does many jobs one after the other. Its InputErrors come home as text."""
    if key not in _kept:
        _kept.clear()
        _kept[key] = work
    try:
        return _kept[key](job)
    except InputError as error:
        return {_REFUSED: str(error)}


@contextmanager
def own_errors(engine: Any) -> Iterator[None]:
    """What a job raised is raised here as it is; a job whose process died too often is one clear line."""
    try:
        yield
    except engine.exceptions.RayTaskError as error:
        if isinstance(error, InputError):
            kind = DiskError if isinstance(error, DiskError) else InputError
            raise kind(str(getattr(error, "cause", error))) from None
        raise
    except engine.exceptions.RayError as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"a process died again and again, for lack of memory perhaps ({said})") from None
