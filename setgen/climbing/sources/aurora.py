"""Aurora app databases (Kilter, Tension, Grasshopper, Decoy, …): one row per climb and angle.

Community snapshots are read here too: they have the same tables under other names (see `snapshot`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.frames import parse_frames
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources import aurora_board as wall
from setgen.climbing.sources import rules
from setgen.climbing.sources.aurora_sizes import Size, choose_size, on_size, sizes
from setgen.climbing.sources.columns import numbers, whole_numbers
from setgen.climbing.sources.frames_rows import drop_frames, routes_warning
from setgen.climbing.sources.moonboard import deduced_sets, moonboard
from setgen.climbing.sources.readout import Options, Readout, Sieve
from setgen.climbing.sources.setups import ROWS, Setup, by_layout
from setgen.climbing.sources.snapshot import MOONBOARD, as_aurora
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError

_STATS = (
    *("climb_uuid", "angle", "difficulty_average", "display_difficulty", "benchmark_difficulty"),
    *("ascensionist_count", "quality_average"),
)
_CLIMBS = ("uuid", "layout_id", "frames", "frames_count", "angle", "created_at", "published_at")


def check_aurora(db: SqliteFile) -> None:
    """Raise InputError unless the database has the tables that a board and its climbs need."""
    db.require("climbs", "uuid", "layout_id", "frames")
    db.require("placements", "id", "layout_id", "hole_id")
    db.require("holes", "id", "x", "y")
    db.require("placement_roles", "id", "name")


def read_board(db: SqliteFile, options: Options) -> tuple[Board, list[str]]:
    """Only the board of a database, and warnings; without a size asked for, the whole layout."""
    check_aurora(db)
    per_layout = dict(db.rows("SELECT layout_id, count(*) FROM climbs GROUP BY layout_id"))
    layout, name, warnings = wall.choose_layout(db, options.layout, per_layout)
    board = wall.layout_board(db, layout, name)
    found = sizes(db, layout, board)
    size, more = choose_size(db, found, options.size or "all", {})
    return on_size(board, size), warnings + more


def read_aurora(db: SqliteFile, options: Options) -> Readout:
    """All (climb, angle) rows of a database; the grade is the average difficulty, rounded as the apps do."""
    check_aurora(db)
    return _read(db, options, "Aurora app database", lambda layout, name: wall.layout_board(db, layout, name))


def read_snapshot(db: SqliteFile, options: Options, hardware: Path | None, board: Board | None) -> Readout:
    """All (climb, angle) rows of a snapshot. Where the holds are says hardware, a file, or board."""
    kind = "boardsesh snapshot"
    if board is not None:
        family, warnings = as_aurora(db, None, needs_holds=False)
        wall_of = partial(_same_wall, db, board, family)
        readout = _read(db, options, kind, wall_of, {i: str(i) for i in _layouts(db)})
    else:
        family, warnings = as_aurora(db, hardware)
        if family == MOONBOARD:
            grids = {i: getattr(by_layout(i), "name", f"layout {i}") for i in _layouts(db)}
            readout = _read(db, options, kind, lambda layout, _: _grid(db, layout), grids)
        else:
            readout = _read(
                db, options, kind, lambda layout, name: wall.layout_board(db, layout, name, family)
            )
    readout.warnings[:0] = warnings
    return readout


def _same_wall(db: SqliteFile, board: Board, family: str, layout: int, name: str) -> Board:
    """The board, where it can be that layout of a snapshot's board. Raises InputError where it cannot."""
    if board.family != "aurora" and not family.startswith(board.family):  # "So iLL" is `soill` there
        raise InputError(f"{db.label} has climbs of {family}, and --board is of another board: {board.name}")
    if board.app is not None and board.app.layout != layout:
        raise InputError(
            f"{db.label} has climbs on layout {layout} of {family}, and --board is layout {board.app.layout}, "
            f"{board.name}, where the same numbers are other holds"
        )
    return board


def _layouts(db: SqliteFile) -> list[int]:
    return [i for (i,) in db.rows("SELECT DISTINCT layout_id FROM climbs") if isinstance(i, int)]


def _grid(db: SqliteFile, layout: int) -> Board:
    """The MoonBoard of a snapshot's layout, and which hold set is in each cell as far as climbs tell."""
    setup = by_layout(layout) or Setup(-1, f"MoonBoard layout {layout}", layout)
    board = moonboard((), setup.rows or ROWS, setup)
    climbs = db.columns("climbs", "layout_id", "frames", "required_set_ids")
    here = [i for i, at in enumerate(climbs["layout_id"]) if at == layout]
    parsed = parse_frames(board, [str(climbs["frames"][i] or "") for i in here])
    names = {number: name for name, number in setup.sets.items()}
    needed = [_set_names(climbs["required_set_ids"][i], names) for i in here]
    cell_sets, mounted = deduced_sets(parsed.climbs, needed, len(board))
    return moonboard((), setup.rows or ROWS, setup, cell_sets, mounted)


def _set_names(value: Any, names: dict[int, str]) -> frozenset[str]:
    """The hold sets of a list of numbers, as JSON or as Postgres writes it (`{2,3}`)."""
    numbers_in = re.findall(r"\d+", value) if isinstance(value, str) else []
    return frozenset(names.get(int(n), f"set {n}") for n in numbers_in)


def _read(
    db: SqliteFile,
    options: Options,
    kind: str,
    board_of: Callable[[int, str], Board],
    grids: dict[int, str] | None = None,
) -> Readout:
    """All rows of Aurora's tables `climbs` and `climb_stats`.

    board_of: the whole layout of an (id, name). grids: see `choose_layout`.
    """
    withdrawn = rules.withdrawn_columns(db.columns_of("climbs"))
    climbs = db.columns("climbs", *_CLIMBS, *withdrawn)
    per_layout = Counter(climbs["layout_id"])
    layout, layout_name, warnings = wall.choose_layout(db, options.layout, per_layout, grids)
    whole = board_of(layout, layout_name)
    stats = db.columns("climb_stats", *_STATS)
    found = [] if grids else sizes(db, layout, whole)

    here = numbers(climbs["layout_id"], -1) == layout
    parsed = parse_frames(
        whole,
        [
            (f if isinstance(f, str) else str(f or "")) if at else ""
            for f, at in zip(climbs["frames"], here.tolist(), strict=True)
        ],
        whole_numbers(climbs["frames_count"], 0),
    )
    good = here & (parsed.problem == 0)
    fits = _fits(parsed.climbs, found)
    if grids:
        size, more = None, list[str]()
        if options.size is not None:
            raise InputError(f"{whole.name} comes in one size here: leave out --size")
    else:
        size, more = choose_size(db, found, options.size, {i: int(f[good].sum()) for i, f in fits.items()})

    rows = _rows(climbs, stats)
    angle = rows["angle"]
    if options.angle is not None:
        angle = np.where(angle == UNKNOWN, options.angle, angle)
    sieve, climb = Sieve(len(rows["climb"])), rows["climb"].clip(min=0)
    sieve.drop(rows["climb"] < 0, "stats of a climb that the file does not have")
    sieve.drop(rows["repeated"], "a climb and angle listed twice")
    sieve.drop(~here[climb], "on another layout")
    rules.drop_withdrawn(sieve, {name: climbs[name] for name in withdrawn}, options, climb)
    drop_frames(sieve, parsed, options, climb)
    if size is not None:
        sieve.drop(~fits[size.id][climb], "a hold lies outside the size")
    rules.drop_unreadable(sieve, angle, rows["grade"], options)

    board = on_size(whole, size)
    if not board.angles:
        seen = np.unique(angle[sieve.kept])
        board = replace(board, angles=tuple(int(a) for a in seen if a >= 0))
    index = np.arange(len(whole)) if size is None else np.cumsum(size.inside) - 1
    kept = parsed.climbs[np.where(sieve.kept, climb, 0)] if len(climb) else parsed.climbs
    routes = good & (parsed.n_frames > 1)
    facts: dict[str, Any] = {
        "climbs_read": len(here),
        "layout": {"id": layout, "name": layout_name},
        "size": None if size is None else {"id": size.id, "name": size.name},
        "routes": {
            "well_formed": int(routes.sum()),
            "with_role_conflicts": int((parsed.conflicts[routes] > 0).sum()),
            "holds_in_conflict": int(parsed.conflicts[routes].sum()),
            "with_holds_switched_off": int((parsed.switched_off[routes] > 0).sum()),
        },
        "roles": "from the source",
    }
    readout = Readout(
        kind,
        board,
        Climbs(index[kept.placement], kept.role, kept.offsets, angle, rows["grade"]),
        rows["id"],
        sieve,
        facts,
        warnings + more + routes_warning(parsed, options),
        rules.known({name: rows[name] for name in ("ascents", "quality", "benchmark", "published")}),
    )
    rules.drop_unwanted(readout, options)
    return readout


def _uuids(values: list[Any]) -> pa.Array:
    """Uuids in capitals, since the apps' tables disagree on their case."""
    try:
        texts = pa.array(values, pa.string())
    except (pa.ArrowException, TypeError):
        texts = pa.array([None if v is None else rules.writable(v) for v in values], pa.string())
    return pc.ascii_upper(pc.fill_null(texts, ""))


def _fits(climbs: Climbs, found: list[Size]) -> dict[int, np.ndarray]:
    """Size id → (C,) bool: every hold of the climb lies on that size."""
    placement = climbs.placement.astype(np.intp)
    outside, fits = np.zeros(len(placement) + 1, dtype=np.int32), {}
    for size in found:
        np.cumsum(~size.inside[placement], out=outside[1:])
        fits[size.id] = np.diff(outside[climbs.offsets]) == 0
    return fits


def _rows(climbs: dict[str, list[Any]], stats: dict[str, list[Any]]) -> dict[str, np.ndarray]:
    """One row per line of stats and one per climb without any, in the order of the climbs, then by angle.

    climb: index into the climbs, −1 where there is none. repeated: the climb and angle came before.
    """
    if not len(climbs["uuid"]):
        raise InputError("the table `climbs` is empty: fetch the database again")
    uuid, stats_uuid = _uuids(climbs["uuid"]), _uuids(stats["climb_uuid"])
    codes = pa.concat_arrays([uuid, stats_uuid]).dictionary_encode().indices.to_numpy()
    # Codes count up from 0 as uuids appear, so a first appearance is where the code is a new highest one.
    first = np.diff(np.maximum.accumulate(codes[: len(uuid)]), prepend=-1) > 0
    of_code = np.flatnonzero(first)
    stats_code = codes[len(uuid) :]
    known = stats_code < len(of_code)
    stats_climb = np.where(known, of_code[np.where(known, stats_code, 0)], -1)
    bare = np.ones(len(uuid), dtype=bool)
    bare[stats_climb[stats_climb >= 0]] = False
    alone = np.flatnonzero(bare)
    climb = np.concatenate([stats_climb, alone])
    angle = np.append(rules.angles(stats["angle"]), rules.angles(climbs["angle"])[alone])
    order = np.lexsort((angle, np.where(climb < 0, len(uuid), climb)))
    climb, angle = climb[order], angle[order]
    repeated = ~first[climb]
    repeated[1:] |= (climb[1:] == climb[:-1]) & (angle[1:] == angle[:-1])

    def stat(column: np.ndarray, missing: float) -> np.ndarray:
        return np.append(column, np.full(len(alone), missing, dtype=column.dtype))[order]

    grades = {name: stats[name] for name in ("difficulty_average", "display_difficulty")}
    marks = stats["benchmark_difficulty"]
    benchmark = np.array([value is not None for value in marks], dtype=np.int64)
    if not benchmark.any():  # a table without the column, or a board without benchmarks
        benchmark[:] = UNKNOWN
    days = next(
        (climbs[name] for name in ("published_at", "created_at") if any(climbs[name])), [None] * len(uuid)
    )
    ids = np.append(
        stats_uuid.to_numpy(zero_copy_only=False), uuid.take(alone).to_numpy(zero_copy_only=False)
    )
    return {
        "climb": climb,
        "angle": angle,
        "grade": stat(rules.grades(grades), UNKNOWN),
        "ascents": stat(numbers(stats["ascensionist_count"], np.nan), np.nan),
        "quality": stat(numbers(stats["quality_average"], np.nan), np.nan),
        "benchmark": stat(benchmark, UNKNOWN),
        "published": rules.dates(days)[climb],
        "repeated": repeated & (climb >= 0),
        "id": ids[order],
    }
