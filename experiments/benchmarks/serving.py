"""How many completions a second a server gives, and how long each client waits, beside the naive server.

python -m experiments.benchmarks.serving                                # 60 s for each load, some minutes
python -m experiments.benchmarks.serving --seconds 5 --clients 1 8      # a look

The server is a process of its own, `setgen serve` as anyone starts it; this process is the clients, each with
one connection, which ask for the completions of two holds again as soon as they are answered. The naive
server is the same one with batches of one request. Memory is the server's resident set, looked at twice a
second: the most of it, and by how much it grew a minute, a straight line fitted to what followed the first
quarter of the load. The line's standard error counts each look as a new one, so it is rather too small. A
process grows for its first thousand calls, so that a load which is not counted goes before, a third as long.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil

from experiments.benchmarks.command_line import Parser, benchmark, duration, whole
from setgen.errors import InputError

_MOST_REQUESTS = 200_000  # of one load; a server cannot be that quick
_STARTS_WITHIN = 120.0
_ANSWERS_WITHIN = 60.0
_SECONDS_BETWEEN_LOOKS = 0.5
_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Load:
    """What one load gave. seconds: (R,) of each answered request. errors: requests that were not.

    memory: (M, 2) seconds from the load's begin, MiB.
    """

    completions_per_second: float
    seconds: np.ndarray
    errors: int
    memory: np.ndarray

    def row(self) -> str:
        times = "".join(f"{1000 * t:9.0f}" for t in np.percentile(self.seconds, _PERCENTILES))
        slope, error = growth(self.memory)
        memory = f"{self.memory[:, 1].max():9.0f}{slope:+10.2f} ± {error:.2f}"
        return f"{self.completions_per_second:15.1f}{times}{len(self.seconds):10}{self.errors:8}{memory}"


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--seconds", type=duration, default=60.0, help="of each load")
    parser.add_argument("--clients", type=whole, nargs="+", default=[1, 8, 64])
    parser.add_argument("--n", type=whole, default=8, help="completions a request")
    parser.add_argument("--model", type=Path, help="default: the built-in one")
    parser.add_argument("--precision", default="float64", choices=["float64", "float32"])
    args = parser.parse_args()

    head = "".join(f"{f'p{p} ms':>9}" for p in _PERCENTILES)
    print(f"{'':24}{'completions/s':>15}{head}{'requests':>10}{'errors':>8}{'MiB':>9}{'MiB/min':>10}")
    found: dict[str, list[Load]] = {"batched": [], "naive": []}
    chosen = ["--precision", args.precision]
    for name, options in (("batched", []), ("naive", ["--batch", "1"])):
        with server(args.model, [*chosen, *options]) as (process, url):
            asyncio.run(load(url, process, clients=8, n=args.n, seconds=args.seconds / 3))
            for clients in args.clients:
                one = asyncio.run(load(url, process, clients, args.n, args.seconds))
                found[name].append(one)
                print(f"{name + ', ' + str(clients) + ' clients':24}{one.row()}", flush=True)
    for clients, one, other in zip(args.clients, found["batched"], found["naive"], strict=True):
        ratio = one.completions_per_second / other.completions_per_second
        print(f"{clients} clients: batched is {ratio:.2f} × naive")


@contextmanager
def server(model: Path | None, options: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-m", "setgen.cli.main", "serve", "--port", "0", *options]
    command += ["--model", str(model)] if model else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()  # "… : http://127.0.0.1:PORT/", or nothing where it failed
            if "http://" not in line:
                raise InputError(f"the server did not start: {' '.join(command)}")
            url = line.split()[-1].rstrip("/")
            _wait_for(url)
            yield process, url
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    began = time.monotonic()
    while True:
        try:
            httpx.get(f"{url}/health").raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() - began > _STARTS_WITHIN:
                raise
            time.sleep(0.1)


async def load(url: str, process: subprocess.Popen[str], clients: int, n: int, seconds: float) -> Load:
    """`clients` clients for so many seconds; a request under way at the end is waited for."""
    taken: list[float] = []
    errors = 0
    looks: list[tuple[float, float]] = []
    began = time.monotonic()

    async def look() -> None:
        while True:
            looks.append((time.monotonic() - began, memory(process)))
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def one(client: httpx.AsyncClient, number: int) -> None:
        nonlocal errors
        seed = number << 32
        while time.monotonic() - began < seconds and len(taken) + errors < _MOST_REQUESTS:
            body = {"holds": "p5r1p16r2", "angle": 40, "grade": "6c", "n": n, "seed": seed}
            start = time.perf_counter()
            try:
                answer = await client.post("/v1/complete", json=body)
                good = answer.status_code == 200 and len(answer.json()["climbs"]) == n
            except httpx.HTTPError:
                good = False
            if good:
                taken.append(time.perf_counter() - start)
            else:
                errors += 1
                await asyncio.sleep(0.1)
            seed += 1

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=_ANSWERS_WITHIN) as client:
        looking = asyncio.create_task(look())
        await asyncio.gather(*(one(client, number) for number in range(clients)))
        looking.cancel()
    if not taken:
        raise InputError("no request was answered")
    rate = len(taken) * n / (time.monotonic() - began)
    return Load(rate, np.array(taken), errors, np.array(looks))


def memory(process: subprocess.Popen[str]) -> float:
    """MiB of the process's resident set."""
    return psutil.Process(process.pid).memory_info().rss / 2**20


def growth(looks: np.ndarray) -> tuple[float, float]:
    """Slope in MiB a minute and its standard error, after the first quarter of the time.

    looks: (M, 2) seconds, MiB. Least squares; NaN where fewer than three looks are left.
    """
    late = looks[looks[:, 0] >= looks[-1, 0] / 4]
    if len(late) < 3:
        return float("nan"), float("nan")
    x, y = (late - late.mean(0)).T
    slope = 60 * (x @ y) / (x @ x)
    rest = y - slope * x / 60
    return float(slope), float(60 * np.sqrt((rest @ rest) / (len(late) - 2) / (x @ x)))


if __name__ == "__main__":
    main()
