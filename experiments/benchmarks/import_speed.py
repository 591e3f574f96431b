"""How long the import of a large database takes, beside the reference way.

    python -m experiments.benchmarks.import_speed [--database FILE] [--climbs 350000] [--repeats 3]

The database is made by replication: climbs of FILE (of the synthetic board without one), each with one
hold moved. The reference way is that of kilter-gpt's preprocessing: read both tables into pandas, merge,
filter, name grades by `apply`, check every frames string in a Python loop by `apply`, and write CSV. Its
training then cuts the strings to tokens in a second loop, counted here once: both ways end with numbers.
The two take turns; of their repeats the least and the median count, the least being the one that other work
on the machine disturbed least.
"""

from __future__ import annotations

import gc
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.benchmarks.command_line import Parser, benchmark, whole
from setgen.climbing.build import import_dataset
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import FONT
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError

_SCHEMA = """
CREATE TABLE layouts (id INT PRIMARY KEY, product_id INT, name TEXT);
CREATE TABLE holes (id INT PRIMARY KEY, product_id INT, name TEXT, x FLOAT, y FLOAT);
CREATE TABLE placements (id INT PRIMARY KEY, layout_id INT, hole_id INT, set_id INT);
CREATE TABLE placement_roles (id INT PRIMARY KEY, product_id INT, name TEXT);
CREATE TABLE difficulty_grades (difficulty INT PRIMARY KEY, boulder_name TEXT);
CREATE TABLE climbs (uuid TEXT PRIMARY KEY, layout_id INT, angle INT, frames_count INT, frames TEXT,
    is_draft BOOLEAN, is_listed BOOLEAN);
CREATE TABLE climb_stats (climb_uuid TEXT, angle INT, ascensionist_count INT, difficulty_average FLOAT,
    quality_average FLOAT, PRIMARY KEY (climb_uuid, angle));
"""


def synthetic_database(path: Path, n: int = 5000) -> None:
    """A database of the synthetic board in the Aurora schema, with n climbs without stats."""
    board, climbs = synthetic_board(), synthetic_climbs(n, seed=0)
    with sqlite3.connect(path) as db:
        db.executescript(_SCHEMA)
        db.execute("INSERT INTO layouts VALUES (1, 1, 'synthetic')")
        ids = board.ids.tolist()
        db.executemany(
            "INSERT INTO holes VALUES (?, 1, ?, ?, ?)",
            [(i, name, *xy) for i, name, xy in zip(ids, board.hole_names, board.xy.tolist(), strict=True)],
        )
        sets = zip(ids, ids, board.hold_set.tolist(), strict=True)
        db.executemany("INSERT INTO placements VALUES (?, 1, ?, ?)", sets)
        roles = [(number, role.label) for role, number in board.role_ids.items()]
        db.executemany("INSERT INTO placement_roles VALUES (?, 1, ?)", roles)
        db.executemany(
            "INSERT INTO difficulty_grades VALUES (?, ?)", [(i, FONT.get(i, "?")) for i in range(1, 40)]
        )
        frames = write_frames(board, climbs)
        db.executemany(
            "INSERT INTO climbs VALUES (?, 1, NULL, 1, ?, 0, 1)",
            [(f"{i:032X}", f) for i, f in enumerate(frames)],
        )


def replicate(path: Path, n: int, seed: int = 0) -> None:
    """Replace the climbs of a database by n single-frame ones with a hold moved, and a line of stats each."""
    rng = np.random.default_rng(seed)
    with sqlite3.connect(path) as db:
        (layout, _) = db.execute(
            "SELECT layout_id, count(*) AS n FROM climbs GROUP BY 1 ORDER BY n DESC"
        ).fetchone()
        query = "SELECT frames FROM climbs WHERE layout_id = ? AND frames NOT LIKE '%,%'"
        frames = [f for (f,) in db.execute(query, [layout])]
        places = sorted({h.split("r")[0] for f in frames for h in f.split("p")[1:]})
        full = {row[1]: (row[2].upper(), row[3]) for row in db.execute("PRAGMA table_info(climbs)")}
        db.execute("DELETE FROM climbs")
        db.execute("DELETE FROM climb_stats")
        given = ("uuid", "layout_id", "frames_count", "frames", "is_draft", "is_listed")
        # Columns that must not be empty and that the benchmark does not read.
        others = [c for c, (_, needed) in full.items() if needed and c not in given]
        blanks = ["" if "TEXT" in full[c][0] else 0 for c in others]
        marks = ", ".join("?" * (len(given) + len(others)))
        moved = rng.choice(places, n).tolist()
        rows = []
        for i in range(n):
            holds = frames[i % len(frames)].split("p")[1:]
            at = i % len(holds)
            if not any(h.startswith(f"{moved[i]}r") for h in holds):
                holds[at] = f"{moved[i]}r{holds[at].split('r')[1]}"
            holds.sort(key=lambda h: int(h.split("r")[0]))
            rows.append((f"{i:032X}", layout, 1, "".join(f"p{h}" for h in holds), 0, 1, *blanks))
        db.executemany(f"INSERT INTO climbs ({', '.join((*given, *others))}) VALUES ({marks})", rows)
        names = [c[1] for c in db.execute("PRAGMA table_info(climb_stats)")]
        known = {"angle": 40, "ascensionist_count": 3, "quality_average": 2.5}
        grades = rng.uniform(12, 28, n).tolist()
        lines = [
            tuple(
                r[0]
                if c == "climb_uuid"
                else g
                if "difficulty" in c and "bench" not in c
                else known.get(c, "")
                for c in names
            )
            for r, g in zip(rows, grades, strict=True)
        ]
        db.executemany(f"INSERT INTO climb_stats VALUES ({', '.join('?' * len(names))})", lines)


def large_database(path: Path, n: int, like: Path | None = None) -> None:
    """A database of n climbs, replicated from `like`, or from one of the synthetic board. Raises InputError."""
    if like is None:
        synthetic_database(path)
    else:
        try:
            shutil.copyfile(like, path)
        except OSError as error:
            raise InputError(f"{like} cannot be read: {error.strerror}") from None
    path.chmod(0o600)
    try:
        replicate(path, n)
    except sqlite3.Error as error:
        raise InputError(f"{like} is no Aurora database: {error}") from None


def reference_import(path: Path, out: Path) -> int:
    """Rows kept when the database is read the way of kilter-gpt's preprocessing."""
    with sqlite3.connect(path) as db:
        climbs = pd.read_sql_query("SELECT * FROM climbs", db)
        stats = pd.read_sql_query("SELECT * FROM climb_stats", db)
        grades = pd.read_sql_query("SELECT * FROM difficulty_grades", db).set_index("difficulty")
        places = set(pd.read_sql_query("SELECT id FROM placements", db)["id"].tolist())
        roles = pd.read_sql_query("SELECT id, name FROM placement_roles", db)
    start, finish = (set(roles.loc[roles["name"] == name, "id"]) for name in ("start", "finish"))
    table = pd.merge(climbs.drop(columns="angle"), stats, left_on="uuid", right_on="climb_uuid")
    table = table[(table["frames_count"] == 1) & (table["is_listed"] == 1)]
    table["average_grade"] = table["difficulty_average"].apply(lambda d: grades.loc[round(d), "boulder_name"])
    table["font_grade"] = table["average_grade"].apply(lambda name: name.split("/")[0])

    def valid(row: pd.Series) -> bool:
        holds, starts, finishes = set(), 0, 0
        for pair in row["frames"].split("p")[1:]:
            hold, role = pair.split("r")
            if int(hold) in holds or int(hold) not in places:
                return False
            holds.add(int(hold))
            starts += int(role) in start
            finishes += int(role) in finish
        return 2 <= len(holds) <= 35 and 1 <= starts <= 2 and 1 <= finishes <= 2

    tokens = {name: i for i, name in enumerate([f"p{p}" for p in places] + [f"r{r}" for r in roles["id"]])}

    def encode(frames: str) -> np.ndarray:
        words = [word for pair in frames.split("p")[1:] for word in zip("pr", pair.split("r"), strict=True)]
        return np.array([tokens[letter + number] for letter, number in words])

    kept = table[table.apply(valid, axis=1)]
    kept.to_csv(out)
    encoded = [encode(frames) for frames in kept["frames"]]
    return len(encoded)


def _timed(action: Callable[[], int]) -> tuple[int, float, float]:
    """(rows, seconds by the clock, seconds of processor time); the latter is fair on a busy machine."""
    gc.collect()
    clock, processor = time.perf_counter(), time.process_time()
    rows = action()
    return rows, time.perf_counter() - clock, time.process_time() - processor


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--database", type=Path, help="an Aurora database to replicate")
    parser.add_argument("--climbs", type=whole, default=350_000)
    parser.add_argument("--repeats", type=whole, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.sqlite3"
        large_database(path, args.climbs, args.database)
        print(f"{args.climbs:,} climbs, {path.stat().st_size / 2**20:.0f} MiB, {args.repeats} repeats")

        def ours() -> int:
            dataset = import_dataset(path)
            dataset.save(Path(folder) / "dataset")
            return len(dataset.climbs)

        def reference() -> int:
            return reference_import(path, Path(folder) / "reference.csv")

        # Ours first, so that the reference finds the file in memory.
        runs = [(_timed(ours), _timed(reference)) for _ in range(args.repeats)]
        (rows, *_), (reference_rows, *_) = runs[0]
        seconds = np.array([[one[1:], other[1:]] for one, other in runs])  # repeat, way, clock or processor
        print(f"setgen keeps {rows:,} rows, the reference way {reference_rows:,}")
        print(f"{'':24}setgen  reference   ratio")
        for k, kind in enumerate(("clock", "processor")):
            for name, of in (("least", np.min), ("median", np.median)):
                fast, slow = of(seconds[:, :, k], axis=0)
                print(f"{kind + ' seconds, ' + name:24}{fast:6.2f} {slow:10.2f} {slow / fast:6.1f}×")


if __name__ == "__main__":
    main()
