"""Damage files at random, led by coverage: python -m experiments.benchmarks.fuzz --cases 10000 [KIND …] [--seed 0]

Each kind (`fuzz_kinds.KINDS`: frames strings, the importers, dataset and model folders and their files, configs) has
good examples, which atheris (libFuzzer) changes: bytes, words and values, and, where Hypothesis draws the case or
`fuzz_built` builds it, choices. A case that reaches new lines of setgen is kept and changed further. Every reader
must give what it reads, sound, or one clear line (InputError), and write nowhere else; anything else is a fault, as
is whatever takes 20 seconds or 4 GiB: it is kept and told, and the exit code is 1. What is in --keep is gone on with:
cases worth changing, and counts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from setgen.errors import InputError

_SLOW, _MEMORY = 20, 4096  # seconds, MiB
_KEPT_ALIKE = 3  # cases of one fault
_NOTED = 1000  # cases between two notes of the counts
_AT_ONCE = 50_000  # cases of one process: atheris keeps what `change` returns
_A_TURN = 60.0  # seconds that a kind gets at least: up to half of them go into getting ready
# What files of the wild have where they should not.
_ODD = (
    "",
    "null",
    "NaN",
    "-1",
    "1e309",
    "9" * 40,
    "9" * 5000,
    "\0",
    "\ufeff",
    "é°",
    "[]",
    "{}",
    "true",
    "p1r1",
    '"',
    ";",
    "\u2028",
    "%s",
    "../x",
    "[" * 3000,
    "!!python/name:os.system",
    "_target_: os.system",
    "${oc.env:HOME}",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", help="All of them where none is named.")
    parser.add_argument(
        "--cases", type=int, help="Of each kind: 1,000, or as many as --seconds leave time for."
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="In all; the kinds share them.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"), help="Folder for cases and counts.")
    parser.add_argument("--of-one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.of_one:
        _campaign_of_one(args.kinds[0], args.cases, args.seed, args.keep, args.seconds)
    kinds, until = args.kinds or _kinds(), time.monotonic() + args.seconds
    first = args.seed % len(kinds)  # where there is no time for all, other nights begin with other ones
    each = max(_A_TURN, args.seconds / len(kinds))
    cases = args.cases or (1000 if math.isinf(args.seconds) else sys.maxsize)
    faults = 0
    for kind in kinds[first:] + kinds[:first]:
        if (left := until - time.monotonic()) > 0:
            faults += campaign(kind, cases, args.seed, args.keep, min(each, left))
    sys.exit(1 if faults else 0)


def _kinds() -> list[str]:
    """The names of all kinds; imported only where they are needed, for they take a GB of memory."""
    from experiments.benchmarks.fuzz_kinds import KINDS

    return list(KINDS)


def campaign(kind: str, cases: int, seed: int, keep: Path, seconds: float = math.inf) -> int:
    """How many faults so many cases of a kind show, or as many as there is time for, in processes of their own."""
    before, faults, until = counts_of(keep / kind), 0, time.monotonic() + seconds
    for done in range(0, cases, _AT_ONCE):
        if (left := until - time.monotonic()) <= 0:
            break
        command = [sys.executable, "-m", "experiments.benchmarks.fuzz", kind, "--of-one"]
        options = ["--cases", str(min(_AT_ONCE, cases - done)), "--seed", str(seed), "--keep", str(keep)]
        options += [] if math.isinf(left) else ["--seconds", str(left)]
        ended = subprocess.run(
            [*command, *options], stderr=subprocess.PIPE, text=True, errors="replace", check=False
        )
        if ended.returncode:
            faults += 1
            said = " ".join(ended.stderr.splitlines()[-6:])
            print(f"{kind}: ended with {ended.returncode}: {said}", flush=True)
    counts = counts_of(keep / kind) - before
    told = ", ".join(f"{n:,} {what}" for what, n in sorted(counts.items()))
    print(f"{kind}: {counts.total():,} cases: {told}", flush=True)
    return faults + counts["fault"]


def counts_of(folder: Path) -> Counter[str]:
    """How the cases of a kind ended so far: read, refused, fault."""
    path = folder / "counts.json"
    return Counter(json.loads(path.read_text())) if path.is_file() else Counter()


def _campaign_of_one(name: str, cases: int, seed: int, keep: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    import atheris  # a development package, of Linux on x86-64

    with atheris.instrument_imports(include=["setgen", "experiments"]):
        from experiments.benchmarks.fuzz_kinds import KINDS, MOST_BYTES

    if name not in KINDS:
        print(f"there is no kind {name}: there are {', '.join(KINDS)}", file=sys.stderr)
        sys.exit(2)
    folder = (keep / name).resolve()
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="setgen-fuzz-", dir=_in_memory()) as work:
        kind = KINDS[name](Path(work))
        for i, example in enumerate(kind.examples):
            (corpus / f"example-{i}").write_bytes(example)
        judge, counts = Judge(kind.read, folder), counts_of(folder)

        def one(data: bytes) -> None:
            judge(data)
            n = judge.counts.total()
            ends = n >= cases or time.monotonic() > until
            if n % _NOTED == 0 or ends:
                (folder / "counts.json").write_text(json.dumps(counts + judge.counts))
            if ends:
                os._exit(0)  # libFuzzer has no other end

        def change(data: bytes, most: int, seed: int) -> bytes:
            rng = random.Random(seed)
            if kind.packed and rng.random() < 0.5:
                unpack, pack = kind.packed
                try:
                    return pack(mutated(unpack(data), rng))[:most]
                except Exception:  # it is too damaged to be unpacked
                    pass
            return mutated(data, rng)[:most] if rng.random() < 0.5 else atheris.Mutate(data, most)

        most = max(MOST_BYTES, *(2 * len(example) for example in kind.examples))
        limits = [
            f"-timeout={_SLOW}",
            f"-rss_limit_mb={_MEMORY}",
            "-detect_leaks=0",
            "-mutate_depth=1",
            f"-max_len={most}",
        ]
        files = [f"-artifact_prefix={folder}/", str(corpus)]
        began = seed * 1_000_003 + counts.total() + 1
        atheris.Setup(
            [name, *limits, "-verbosity=0", f"-seed={began % 2**31}", *files], one, custom_mutator=change
        )
        atheris.Fuzz()


def _in_memory() -> str | None:
    """A folder that no disk has to be waited for; what setgen puts aside goes there too. None where there is none."""
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    return tempfile.tempdir


class Judge:
    """Reads cases and counts how they end; a fault's case is kept in the folder and told."""

    def __init__(self, read: Callable[[bytes], Any], folder: Path) -> None:
        self.read, self.folder = read, folder
        self.counts, self._alike = Counter[str](), Counter[str]()

    def __call__(self, data: bytes) -> str:
        """`read`, `refused` or `fault`; `no case`, which is not counted."""
        try:
            if self.read(data) == "no case":
                return "no case"
            end = "read"
        except InputError as error:
            end = "fault" if "\n" in str(error) or not str(error) else "refused"
            if end == "fault":
                self._keep(data, error)
        except Exception as error:
            end = "fault"
            self._keep(data, error)
        self.counts[end] += 1
        return end

    def _keep(self, data: bytes, error: Exception) -> None:
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}-{Path(at.filename).stem}-{at.lineno}"
        self._alike[where] += 1
        if self._alike[where] > _KEPT_ALIKE:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"fault-{where}-{self._alike[where]}"
        path.write_bytes(data)
        print(f"{self.folder.name}: {type(error).__name__}: {error}, kept as {path}", flush=True)
        traceback.print_exception(error, limit=-3, file=sys.stdout)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with one to four changes: bytes, cuts, doubled parts, odd words in place of words."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not changed:
            break
        at, kind = rng.randrange(len(changed)), rng.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 2:
            changed[at:at] = changed[at : at + rng.randint(1, 60)]
        elif kind == 3:
            changed[at : at + rng.randint(0, 12)] = rng.choice(_ODD).encode()
        elif kind == 4:
            del changed[rng.randint(0, len(changed)) :]
        else:
            other = rng.randrange(len(changed))
            changed[at : at + 8], changed[other : other + 8] = (
                changed[other : other + 8],
                changed[at : at + 8],
            )
    return bytes(changed)


if __name__ == "__main__":
    main()
