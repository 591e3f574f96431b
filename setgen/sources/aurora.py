"""Aurora app databases (Kilter, Tension, Grasshopper, Decoy, …): one row per climb and angle."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.frames import PROBLEMS, parse_frames
from setgen.boards.grades import UNKNOWN
from setgen.errors import InputError
from setgen.sources import aurora_board as wall
from setgen.sources.aurora_sizes import Size, choose_size, on_size, sizes
from setgen.sources.columns import numbers, whole_numbers
from setgen.sources.readout import Options, Readout, Sieve
from setgen.sources.sqlite_file import SqliteFile

_STATS = ("climb_uuid", "angle", "difficulty_average", "ascensionist_count", "quality_average")


def open_aurora(path: Path) -> SqliteFile:
    """The database, with the tables that a board and its climbs need. Raises InputError otherwise."""
    db = SqliteFile(path)
    db.require("climbs", "uuid", "layout_id", "frames")
    db.require("placements", "id", "layout_id", "hole_id")
    db.require("holes", "id", "x", "y")
    db.require("placement_roles", "id", "name")
    return db


def read_board(path: Path, options: Options) -> tuple[Board, list[str]]:
    """Only the board of a database, and warnings; without a size asked for, the whole layout."""
    with open_aurora(path) as db:
        per_layout = dict(db.rows("SELECT layout_id, count(*) FROM climbs GROUP BY layout_id"))
        layout, name, warnings = wall.choose_layout(db, options.layout, per_layout)
        board = wall.layout_board(db, layout, name)
        found = sizes(db, layout, board)
        size, more = choose_size(db, found, options.size or "all", {})
        return on_size(board, size), warnings + more


def read_aurora(path: Path, options: Options) -> Readout:
    """All (climb, angle) rows of a database; the grade is round(difficulty_average)."""
    with open_aurora(path) as db:
        climbs = db.columns(
            "climbs", "uuid", "layout_id", "frames", "frames_count", "angle", "is_draft", "is_listed"
        )
        per_layout = Counter(climbs["layout_id"])
        layout, layout_name, warnings = wall.choose_layout(db, options.layout, per_layout)
        whole = wall.layout_board(db, layout, layout_name)
        stats = db.columns("climb_stats", *_STATS)
        found = sizes(db, layout, whole)

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
        size, more = choose_size(db, found, options.size, {i: int(f[good].sum()) for i, f in fits.items()})

    rows = _rows(climbs, stats)
    sieve, climb = Sieve(len(rows["climb"])), rows["climb"].clip(min=0)
    sieve.drop(rows["climb"] < 0, "stats of a climb that the file does not have")
    sieve.drop(rows["repeated"], "a climb and angle listed twice")
    sieve.drop(~here[climb], "on another layout")
    if not options.drafts:
        sieve.drop(numbers(climbs["is_draft"], 0)[climb] == 1, "draft (kept with --drafts)")
    if not options.unlisted:
        sieve.drop(numbers(climbs["is_listed"], 1)[climb] == 0, "unlisted (kept with --unlisted)")
    for code, reason in enumerate(PROBLEMS[1:], start=1):
        sieve.drop(parsed.problem[climb] == code, f"frames: {reason}")
    if not options.routes:
        sieve.drop(parsed.n_frames[climb] > 1, "route of several frames (kept with --routes)")
    if size is not None:
        sieve.drop(~fits[size.id][climb], "a hold lies outside the size")
    if not options.ungraded:
        sieve.drop(rows["grade"] == UNKNOWN, "no grade (kept with --ungraded)")

    board = on_size(whole, size)
    if not board.angles:
        seen = np.unique(rows["angle"][sieve.kept])
        board = replace(board, angles=tuple(int(a) for a in seen if a != UNKNOWN))
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
        },
        "roles": "from the source",
    }
    readout = Readout(
        "Aurora app database",
        board,
        replace(kept, placement=index[kept.placement], angle=rows["angle"], grade=rows["grade"]),
        rows["id"],
        sieve,
        facts,
        warnings + more,
    )
    _filter(readout, rows, options)
    return readout


def _filter(readout: Readout, rows: dict[str, np.ndarray], options: Options) -> None:
    """Leave out by angle, ascents and quality."""
    sieve, angle = readout.sieve, rows["angle"]
    for wanted in options.angles:
        readout.board.check_angle(wanted)
    if options.angles:
        sieve.drop(~np.isin(angle, options.angles), "another angle than --angles")
    sieve.drop(
        (angle != UNKNOWN) & ~np.isin(angle, readout.board.angles), "angle that the board does not list"
    )
    sieve.drop(rows["ascents"] < options.min_ascents, "fewer ascents than --min-ascents")
    if options.min_quality > 0:
        sieve.drop(~(rows["quality"] >= options.min_quality), "quality below --min-quality")


def _uuids(values: list[Any]) -> pa.Array:
    """Uuids in capitals, since the apps' tables disagree on their case."""
    try:
        texts = pa.array(values, pa.string())
    except (pa.ArrowException, TypeError):
        texts = pa.array([None if v is None else str(v) for v in values], pa.string())
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
    angle = np.append(whole_numbers(stats["angle"], UNKNOWN), whole_numbers(climbs["angle"], UNKNOWN)[alone])
    order = np.lexsort((angle, np.where(climb < 0, len(uuid), climb)))
    climb, angle = climb[order], angle[order]
    repeated = ~first[climb]
    repeated[1:] |= (climb[1:] == climb[:-1]) & (angle[1:] == angle[:-1])

    def stat(column: np.ndarray, missing: int) -> np.ndarray:
        return np.append(column, np.full(len(alone), missing))[order]

    ids = np.append(
        stats_uuid.to_numpy(zero_copy_only=False), uuid.take(alone).to_numpy(zero_copy_only=False)
    )
    return {
        "climb": climb,
        "angle": angle,
        "grade": stat(whole_numbers(stats["difficulty_average"], UNKNOWN), UNKNOWN),
        "ascents": stat(numbers(stats["ascensionist_count"], 0), 0),
        "quality": stat(numbers(stats["quality_average"], UNKNOWN), UNKNOWN),
        "repeated": repeated & (climb >= 0),
        "id": ids[order],
    }
