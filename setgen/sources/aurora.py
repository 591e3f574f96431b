"""Aurora app databases (Kilter, Tension, Grasshopper, Decoy, …): one row per climb and angle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.frames import PROBLEMS, ParsedFrames, parse_frames
from setgen.boards.grades import UNKNOWN
from setgen.errors import InputError
from setgen.sources import aurora_board as wall
from setgen.sources.readout import Options, Readout, Sieve
from setgen.sources.sqlite_file import SqliteFile


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
        layout, name, warnings = wall.choose_layout(db, options.layout)
        board = wall.layout_board(db, layout, name)
        found = wall.sizes(db, layout, board)
        size, more = wall.choose_size(db, found, options.size or "all", {})
        return wall.on_size(board, size), warnings + more


def read_aurora(path: Path, options: Options) -> Readout:
    """All (climb, angle) rows of a database; the grade is round(difficulty_average)."""
    with open_aurora(path) as db:
        layout, layout_name, warnings = wall.choose_layout(db, options.layout)
        whole = wall.layout_board(db, layout, layout_name)
        climbs = db.select(
            "climbs",
            {
                "uuid": "''",
                "layout_id": "0",
                "frames": "''",
                "frames_count": "0",
                "angle": "NULL",
                "is_draft": "0",
                "is_listed": "1",
            },
        )
        stats = _stats(db)
        found = wall.sizes(db, layout, whole)

        here = _numbers(climbs["layout_id"], -1) == layout
        parsed = _parse(whole, climbs, here)
        good = here & (parsed.problem == 0)
        fits = {s.id: _inside(parsed.climbs, s.inside) for s in found}
        size, more = wall.choose_size(
            db, found, options.size, {i: int(f[good].sum()) for i, f in fits.items()}
        )

    rows = _rows(climbs, stats)
    sieve, climb = Sieve(len(rows["climb"])), rows["climb"].clip(min=0)
    sieve.drop(rows["climb"] < 0, "stats of a climb that the file does not have")
    sieve.drop(rows["repeated"], "a climb and angle listed twice")
    sieve.drop(~here[climb], "on another layout")
    if not options.drafts:
        sieve.drop(_numbers(climbs["is_draft"], 0)[climb] == 1, "draft (kept with --drafts)")
    if not options.unlisted:
        sieve.drop(_numbers(climbs["is_listed"], 1)[climb] == 0, "unlisted (kept with --unlisted)")
    for code, reason in enumerate(PROBLEMS[1:], start=1):
        sieve.drop(parsed.problem[climb] == code, f"frames: {reason}")
    if not options.routes:
        sieve.drop(parsed.n_frames[climb] > 1, "route of several frames (kept with --routes)")
    if size is not None:
        sieve.drop(~fits[size.id][climb], "a hold lies outside the size")
    if not options.ungraded:
        sieve.drop(rows["grade"] == UNKNOWN, "no grade (kept with --ungraded)")

    board = wall.on_size(whole, size)
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


def _numbers(values: np.ndarray, missing: float) -> np.ndarray:
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(numbers), numbers, missing)


def _stats(db: SqliteFile) -> dict[str, np.ndarray]:
    if not db.has("climb_stats", "climb_uuid", "angle", "difficulty_average"):
        return {
            "climb_uuid": np.empty(0, object),
            **{k: np.empty(0) for k in ("angle", "grade", "ascents", "quality")},
        }
    table = db.select(
        "climb_stats",
        {
            "climb_uuid": "''",
            "angle": "NULL",
            "difficulty_average": "NULL",
            "ascensionist_count": "0",
            "quality_average": "NULL",
        },
    )
    return {
        "climb_uuid": table["climb_uuid"],
        "angle": _numbers(table["angle"], UNKNOWN),
        "grade": np.rint(_numbers(table["difficulty_average"], UNKNOWN)),
        "ascents": _numbers(table["ascensionist_count"], 0),
        "quality": _numbers(table["quality_average"], -1),
    }


def _parse(board: Board, climbs: dict[str, np.ndarray], here: np.ndarray) -> ParsedFrames:
    """The frames of every climb; those of other layouts count as empty."""
    frames = np.where(here, climbs["frames"], "").tolist()
    strings = [f if isinstance(f, str) else str(f or "") for f in frames]
    return parse_frames(board, strings, _numbers(climbs["frames_count"], 0).astype(np.int64))


def _inside(climbs: Climbs, inside: np.ndarray) -> np.ndarray:
    """(C,) bool: every hold of the climb lies in `inside` (V,)."""
    return np.bincount(climbs.owner[~inside[climbs.placement]], minlength=len(climbs)) == 0


def _rows(climbs: dict[str, np.ndarray], stats: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One row per line of stats and one per climb without any, in the order of the climbs, then by angle.

    climb: index into the climbs, −1 where there is none. repeated: the climb and angle came before.
    """
    uuid, stats_uuid = climbs["uuid"], stats["climb_uuid"]
    series = pd.Series(uuid, dtype=object)
    twice = series.duplicated().to_numpy()
    if (~twice).sum() == 0:
        raise InputError("the table `climbs` is empty: fetch the database again")
    first = np.flatnonzero(~twice)
    at = pd.Index(uuid[first]).get_indexer(pd.Index(stats_uuid, dtype=object))
    stats_climb = np.where(at >= 0, first[at], -1)
    bare = np.ones(len(uuid), dtype=bool)
    bare[stats_climb[stats_climb >= 0]] = False
    alone = np.flatnonzero(bare)
    none = np.full(len(alone), UNKNOWN)
    climb = np.concatenate([stats_climb, alone])
    angle = np.concatenate([stats["angle"], _numbers(climbs["angle"], UNKNOWN)[alone]])
    order = np.lexsort((angle, np.where(climb < 0, len(uuid), climb)))
    climb, angle = climb[order].astype(np.int64), angle[order].astype(np.int64)
    repeated = np.zeros(len(climb), dtype=bool)
    repeated[1:] = (climb[1:] == climb[:-1]) & (angle[1:] == angle[:-1]) & (climb[1:] >= 0)
    return {
        "climb": climb,
        "angle": angle,
        "grade": np.concatenate([stats["grade"], none])[order].astype(np.int64),
        "ascents": np.concatenate([stats["ascents"], 0 * none])[order],
        "quality": np.concatenate([stats["quality"], none])[order],
        "repeated": repeated | twice[climb.clip(min=0)],
        "id": np.concatenate([stats_uuid, uuid[alone]])[order],
    }
