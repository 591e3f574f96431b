"""Damage files at random and read them: python -m experiments.benchmarks.fuzz --seconds 600 [--seed 0]

Each case takes a good file (MoonBoard JSON in several forms, CSV, JSON lines, an Aurora database, gzip and zip of
them, frames strings, links, a dataset folder, a model folder), changes bytes, words or values in it, and reads it as
the commands do. Every reader must give what it reads or one clear line (InputError); anything else is a fault: its
case is kept in --keep, and told. Exit code 1 where there was one. Cases that take longer than 20 seconds are faults
too.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from setgen.builtin_model import BUILTIN
from setgen.climbing.build import import_dataset, synthetic_dataset
from setgen.climbing.climb_files import climbs_in_text
from setgen.climbing.dataset import Dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.holds import parse_holds
from setgen.climbing.sources.readout import Options
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.generators.registry import load_generator

_SLOW = 20  # seconds
BOARD = synthetic_board()
FRAMES = write_frames(BOARD, synthetic_climbs(8, 0))
# What files of the wild have where they should not.
_ODD = (
    "",
    "null",
    "NaN",
    "-1",
    "1e309",
    "9" * 40,
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
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"), help="Folder for cases that fail.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="setgen-fuzz-") as folder:
        sys.exit(1 if campaign(Path(folder), args.seconds, random.Random(args.seed), args.keep) else 0)


def campaign(work: Path, seconds: float, rng: random.Random, keep: Path) -> int:
    """How many cases failed within so many seconds."""
    targets, counts, failed = _targets(work), Counter[str](), 0
    ends = time.monotonic() + seconds
    signal.signal(signal.SIGALRM, _too_slow)
    while time.monotonic() < ends:
        name, data, read = rng.choice(targets)
        changed = mutated(data, rng)
        try:
            signal.alarm(_SLOW)
            read(changed)
            counts[f"{name}: read"] += 1
        except InputError:
            counts[f"{name}: refused"] += 1
        except Exception as error:
            failed += 1
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{failed}-{name}").write_bytes(changed)
            print(f"{name}: {type(error).__name__}: {error}, kept as {keep / f'{failed}-{name}'}", flush=True)
            traceback.print_exc(limit=-2)
        finally:
            signal.alarm(0)
    print(
        f"{counts.total() + failed:,} cases, {failed} faults; "
        + ", ".join(f"{k} {n:,}" for k, n in sorted(counts.items()))
    )
    return failed


def _too_slow(*_: Any) -> None:
    raise TimeoutError(f"takes longer than {_SLOW} s")


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


# --- what is damaged, and how it is read --------------------------------------------------------------------------


def _targets(work: Path) -> list[tuple[str, bytes, Callable[[bytes], Any]]]:
    """(name, good bytes, reader) of each."""
    home = work / "board"
    home.mkdir()
    BOARD.save(home / "board.json")
    at, on_board = work / "case", Options(board=home)

    def file(options: Options) -> Callable[[bytes], Any]:
        def read(data: bytes) -> Any:
            at.write_bytes(data)
            return import_dataset(at, options)

        return read

    def text(data: bytes) -> Any:
        return climbs_in_text(data.decode(errors="replace"), BOARD, "case", False)

    def holds(data: bytes) -> Any:
        return parse_holds(BOARD, data.decode(errors="replace"), open_roles=True)

    csv = "frames,angle,grade,uuid\n" + "".join(f"{f},40,7a/V6,{i}\n" for i, f in enumerate(FRAMES))
    lines = "\n".join(json.dumps({"frames": f, "angle": 30, "v_grade": "V4"}) for f in FRAMES)
    moon = [json.dumps(document).encode() for document in _moonboard()]
    database = _aurora(work / "aurora.sqlite3")
    plain, with_board = file(Options()), file(on_board)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("assets/db.sqlite3", database)
    link = f"https://www.boardsesh.com/kilter/1/10/1,20/40/create?forkFrames={FRAMES[0]}&forkName=x"
    return [
        *(("moonboard.json", document, plain) for document in moon),
        ("climbs.csv", csv.encode(), with_board),
        ("climbs-16.csv", csv.replace(",", ";").encode("utf-16"), with_board),
        ("climbs.jsonl", lines.encode(), with_board),
        ("aurora.sqlite3", database, plain),
        ("aurora.gz", gzip.compress(database), plain),
        ("aurora.zip", packed.getvalue(), plain),
        *(("text", one.encode(), text) for one in (csv, lines, "\n".join(FRAMES), link)),
        *(("holds", one.encode(), holds) for one in (FRAMES[0], "G5:start, G16 G104:finish", "p5r?p16r2")),
        *_folders(work),
    ]


def _folders(work: Path) -> list[tuple[str, bytes, Callable[[bytes], Any]]]:
    """The JSON files of a dataset and a model folder, which carry no checksums here: damage must be seen without."""
    data, model = work / "data", work / "model"
    synthetic_dataset(60, 0).save(data)
    shutil.copytree(BUILTIN, model)
    card = json.loads((data / "card.json").read_text())
    card.pop("sha256")
    (data / "card.json").write_text(json.dumps(card))
    head = json.loads((model / "model.json").read_text())
    head.pop("sha256")
    (model / "model.json").write_text(json.dumps(head | {"format": 2}))

    def replacing(path: Path, read: Callable[[], Any]) -> tuple[str, bytes, Callable[[bytes], Any]]:
        good = path.read_bytes()

        def with_other(data: bytes) -> Any:
            path.write_bytes(data)
            try:
                return read()
            finally:
                path.write_bytes(good)

        return f"{path.parent.name}-{path.name}", good, with_other

    return [
        *(
            replacing(data / name, lambda: Dataset.load(data))
            for name in ("board.json", "card.json", "climbs.parquet")
        ),
        *(replacing(model / name, lambda: load_generator(model)) for name in ("model.json", "board.json")),
        replacing(model / "weights.safetensors", lambda: load_generator(model)),
    ]


def _moonboard() -> list[Any]:
    full = {
        "apiId": 1,
        "grade": "6B+",
        "holdsetup": {"apiId": 15, "description": "MoonBoard Masters 2017"},
        "moonBoardConfiguration": {"id": 1, "description": "40° MoonBoard"},
        "isBenchmark": False,
        "repeats": 3,
        "moves": [
            {"description": hole, "isStart": i == 0, "isEnd": i == 2}
            for i, hole in enumerate(("A4", "C9", "A18"))
        ],
    }
    short = {"Grade": "7A", "Moves": ["A4", "C9", "D12", "A18"]}
    text = {
        "holdsetup": 15,
        "moves": "s~G5~|l~C12~|e~C18~",
        "configurations": [{"configuration": "40°", "grade": "6A"}],
    }
    return [
        [full] * 3,
        {"1": short, "2": short},
        {"count": 1, "holdsetup": 17, "problems": [text]},
        {"total": 1, "data": [full]},
    ]


def _aurora(path: Path) -> bytes:
    """A small database in the apps' schema: a grid of 16 holes."""
    db = sqlite3.connect(path)
    db.executescript(
        """
        CREATE TABLE products (id INT, name TEXT); CREATE TABLE layouts (id INT, product_id INT, name TEXT);
        CREATE TABLE sets (id INT, name TEXT); CREATE TABLE products_angles (product_id INT, angle INT);
        CREATE TABLE product_sizes (id INT, product_id INT, name TEXT, is_listed INT, edge_left INT, edge_right INT,
            edge_bottom INT, edge_top INT);
        CREATE TABLE product_sizes_layouts_sets (id INT, product_size_id INT, layout_id INT, set_id INT);
        CREATE TABLE holes (id INT, product_id INT, name TEXT, x INT, y INT, mirrored_hole_id INT);
        CREATE TABLE placements (id INT, layout_id INT, hole_id INT, set_id INT);
        CREATE TABLE placement_roles (id INT, product_id INT, name TEXT, screen_color TEXT);
        CREATE TABLE climbs (uuid TEXT, layout_id INT, angle INT, frames_count INT, frames TEXT, is_draft INT,
            is_listed INT);
        CREATE TABLE climb_stats (climb_uuid TEXT, angle INT, ascensionist_count INT, difficulty_average FLOAT);
        INSERT INTO products VALUES (4, 'Tension Board'); INSERT INTO layouts VALUES (1, 4, 'Original');
        INSERT INTO sets VALUES (1, 'Wood'); INSERT INTO products_angles VALUES (4, 40);
        INSERT INTO product_sizes VALUES (1, 4, 'full', 1, 0, 50, 0, 50);
        INSERT INTO product_sizes_layouts_sets VALUES (1, 1, 1, 1);
        """
    )
    for i in range(16):
        db.execute(
            "INSERT INTO holes VALUES (?, 4, ?, ?, ?, NULL)",
            (i, f"H{i}", 10 + 10 * (i % 4), 10 + 10 * (i // 4)),
        )
        db.execute("INSERT INTO placements VALUES (?, 1, ?, 1)", (100 + i, i))
    for i, role in enumerate(("start", "middle", "finish", "foot"), 1):
        db.execute("INSERT INTO placement_roles VALUES (?, 4, ?, '00FF00')", (i, role))
    for i in range(6):
        db.execute(
            "INSERT INTO climbs VALUES (?, 1, 40, 1, ?, 0, 1)", (f"c{i}", f"p10{i}r1p10{i + 1}r2p11{i % 6}r3")
        )
        db.execute("INSERT INTO climb_stats VALUES (?, 40, 3, 18.2)", (f"c{i}",))
    db.commit()
    db.close()
    return path.read_bytes()


if __name__ == "__main__":
    main()
