"""One set of rules for all readers: which climbs do not count, and how conditions are written.

A value is read, or stands for "not given" (UNKNOWN), or cannot be read (UNREADABLE): rows of the last kind
are left out with a reason. Names of columns count without case and underscores: `is_draft` is `isDraft`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import UNKNOWN, parse_grade
from setgen.climbing.sources.columns import half_up, numbers, one_by_one
from setgen.climbing.sources.readout import Options, Readout, Sieve
from setgen.errors import InputError
from setgen.sets.identity import element_prints

UNREADABLE = -2

_MISSING = ("", "nan", "none", "null", "?", "-")
_YES, _NO = ("1", "1.0", "t", "true", "y", "yes"), ("0", "0.0", "f", "false", "n", "no")
# How .NET and MySQL write that there is no date.
_NO_DATES = ("0001-01-01", "0000-00-00", "/Date(-62135596800000")

# Where a grade may stand, the more precise first.
_IDS = ("difficultyaverage", "difficulty", "displaydifficulty")
_NAMES = ("fontgrade", "grade", "bouldername", *_IDS, "vgrade")
_ANGLE = re.compile(r"([+-]?\d{1,3})(?:[.,]0*)?\s*(?:Â?[°º˚]|deg\.?|degrees?)?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?")
_LARGEST = 2**15 - 1


@lru_cache(10_000)
def plain(name: Any) -> str:
    """The name of a column without case, spaces and underscores."""
    return re.sub(r"[\s_]", "", str(name)).lower()


def is_grade(name: str) -> bool:
    """Whether a column of that name holds grades."""
    return plain(name) in _NAMES


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none."""
    return value is None or value != value or str(value).strip().lower() in _MISSING


def writable(name: Any) -> str:
    """Text that can be written: JSON may hold halves of surrogate pairs."""
    return str(name).encode("utf-8", errors="replace").decode()


def flag(value: Any) -> int:
    """1, 0, UNKNOWN where it is not given, or UNREADABLE; booleans may be numbers or text (`t`, `false`)."""
    if isinstance(value, bool):  # nearly always, and there are many
        return int(value)
    if is_missing(value):
        return UNKNOWN
    text = str(value).strip().lower()
    return 1 if text in _YES else 0 if text in _NO else UNREADABLE


def angle(value: Any) -> int:
    """Whole degrees of `40`, `40.0`, `40°` or `40 deg`, UNKNOWN, or UNREADABLE."""
    if is_missing(value):
        return UNKNOWN
    if isinstance(value, bool):
        return UNREADABLE
    match = _ANGLE.fullmatch(str(value).strip())
    return int(match[1]) if match and abs(int(match[1])) <= 90 else UNREADABLE


def grade(value: Any, column: str = "grade") -> int:
    """Difficulty id of a grade in a column of that name, UNKNOWN, or UNREADABLE.

    `7a`, `V6`, `7a/V6`, `V6/7a`, or a difficulty id, which is rounded as the apps do it. A bare number in a
    column of V grades is one of those; 4 and 5 are Font grades where the column does not say otherwise.
    """
    column = plain(column)
    if is_missing(value):
        return UNKNOWN
    if isinstance(value, bool):
        return UNREADABLE
    text = str(value).strip()
    if _NUMBER.fullmatch(text) or isinstance(value, int | float):
        number = float(numbers([text.replace(",", ".")], np.nan)[0])
        if not abs(number) <= _LARGEST:
            return UNREADABLE
        if column == "vgrade":
            return _text_grade(f"V{number:g}")
        if column not in _IDS and text in ("4", "5", "4.0", "5.0"):  # the latter as pandas writes them
            return _text_grade(text[0])
        return max(int(half_up(number)), 0)  # which is no grade, as the board will say
    return _text_grade(text)


@lru_cache(10_000)
def _text_grade(text: str) -> int:
    try:
        return parse_grade(text)
    except InputError:
        return UNREADABLE


def grades(columns: Mapping[str, Sequence[Any]]) -> np.ndarray:
    """(R,) difficulty id of each row: of its first grade, in the order of `_NAMES`; UNKNOWN or UNREADABLE.

    columns: R values by the name of the column; those that hold no grades are not looked at.
    """
    by_name = {plain(name): values for name, values in columns.items()}
    found: np.ndarray | None = None
    for name in (n for n in _NAMES if n in by_name):
        read = _grade_column(by_name[name], name)
        found = read if found is None else np.where(found == UNKNOWN, read, found)
    rows = len(next(iter(columns.values()), ()))
    return np.full(rows, UNKNOWN) if found is None else found


def grade_of(record: Mapping[str, Any]) -> int:
    """The grade of one record, as `grades` finds it."""
    by_name = {plain(name): value for name, value in record.items()}
    read = (grade(by_name[name], name) for name in _NAMES if name in by_name)
    return next((g for g in read if g != UNKNOWN), UNKNOWN)


def _grade_column(values: Sequence[Any], name: str) -> np.ndarray:
    if name in _IDS:
        try:  # the usual case, a hundred times as fast
            column = np.array(values, dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            pass
        else:
            ids = half_up(np.clip(column, 0, _LARGEST))
            readable = np.isfinite(column) & (np.abs(column) <= _LARGEST)
            return np.where(readable, ids, np.where(np.isnan(column), UNKNOWN, UNREADABLE)).astype(np.int64)
    return one_by_one(values, lambda value: grade(value, name))


def angles(values: Sequence[Any]) -> np.ndarray:
    """(R,) degrees, UNKNOWN or UNREADABLE."""
    return one_by_one(values, angle)


def dates(values: Sequence[Any]) -> np.ndarray:
    """(R,) datetime64[D], NaT where there is none: of ISO dates, with or without a time."""
    texts = pd.Series([v[:10] if isinstance(v, str) else None for v in values], dtype=object)
    days = pd.to_datetime(texts, format="%Y-%m-%d", errors="coerce").to_numpy().astype("datetime64[D]")
    return np.where(days < np.datetime64("1990-01-01"), np.datetime64("NaT"), days)


def benchmarks(values: Sequence[Any], read: Callable[[Any], int] = flag) -> np.ndarray:
    """(R,) 1, 0 or UNKNOWN."""
    return one_by_one(values, read).clip(min=UNKNOWN)


def known(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of a readout's `columns` in which something is known."""
    return {
        name: values
        for name, values in columns.items()
        if not (values == UNKNOWN if name == "benchmark" else pd.isna(values)).all()
    }


# Name of a column → (the value that leaves a climb out, reason, the option that keeps it).
_WITHDRAWN = {
    "deleted": (1, "deleted", ""),
    "isdeleted": (1, "deleted", ""),
    "active": (0, "inactive", ""),
    "isactive": (0, "inactive", ""),
    "isdraft": (1, "draft (kept with --drafts)", "drafts"),
    "draft": (1, "draft (kept with --drafts)", "drafts"),
    "islisted": (0, "unlisted (kept with --unlisted)", "unlisted"),
    "listed": (0, "unlisted (kept with --unlisted)", "unlisted"),
    "inactive": (1, "inactive", ""),
    "isinactive": (1, "inactive", ""),
    "unlisted": (1, "unlisted (kept with --unlisted)", "unlisted"),
    "isunlisted": (1, "unlisted (kept with --unlisted)", "unlisted"),
}
_DATES = ("datedeleted", "deletedat")


def withdrawn_columns(names: set[str]) -> list[str]:
    """Those of `names` that `drop_withdrawn` looks at."""
    return sorted(name for name in names if plain(name) in {*_WITHDRAWN, *_DATES})


def drop_withdrawn(
    sieve: Sieve, columns: Mapping[str, Sequence[Any]], options: Options, rows: np.ndarray | None = None
) -> None:
    """Leave out what is deleted, inactive, a draft or unlisted.

    columns: C values by name; rows: (R,) which of the C each row of the sieve is, all in order if left out.
    """
    for name, values in columns.items():
        key = plain(name)
        if key in _DATES:
            read, out, reason = one_by_one(values, _deleted), 1, "deleted"
        elif key in _WITHDRAWN:
            out, reason, option = _WITHDRAWN[key]
            if option and getattr(options, option):
                continue
            read = one_by_one(values, flag)
        else:
            continue
        read = read if rows is None else read[rows]
        sieve.drop(read == out, reason)
        sieve.drop(read == UNREADABLE, f"`{name}` says neither yes nor no")


def _deleted(value: Any) -> int:
    gone = not is_missing(value) and flag(value) != 0 and not str(value).startswith(_NO_DATES)
    return 1 if gone else 0


def drop_unreadable(sieve: Sieve, angle: np.ndarray, grade: np.ndarray, options: Options) -> None:
    """Leave out rows whose angle or grade cannot be read, and those without a grade unless asked for."""
    sieve.drop(angle == UNREADABLE, "an angle that cannot be read")
    sieve.drop(grade == UNREADABLE, "a grade that is on no known scale")
    if not options.ungraded:
        sieve.drop(grade == UNKNOWN, "no grade (kept with --ungraded)")


def drop_unwanted(readout: Readout, options: Options) -> None:
    """Leave out by angle, ascents and quality. Raises InputError for what the source does not record."""
    sieve, angle = readout.sieve, readout.climbs.angle
    for wanted in options.angles:
        readout.board.check_angle(wanted)
    if options.angles:
        sieve.drop(~np.isin(angle, options.angles), "another angle than --angles")
    sieve.drop(
        (angle != UNKNOWN) & ~np.isin(angle, readout.board.angles), "angle that the board does not list"
    )
    for option, least, column, reason in (
        ("--min-ascents", options.min_ascents, "ascents", "fewer ascents than --min-ascents"),
        ("--min-quality", options.min_quality, "quality", "quality below --min-quality"),
    ):
        if least > 0:
            if column not in readout.columns:
                raise InputError(f"this file records no {column}: leave out {option}")
            sieve.drop(~(readout.columns[column] >= least), reason)


def drop_repeats(readout: Readout) -> None:
    """Of the rows that are still in, leave out all but one of each problem.

    The same problem: one name at one angle, or the same holds in the same roles at one angle. The first
    stays; of the same holds under several names one with a grade, and of those the one with the most ascents.
    """
    sieve, climbs = readout.sieve, readout.climbs
    kept = np.flatnonzero(sieve.kept)
    same_name = pd.DataFrame({"id": readout.ids[kept], "angle": climbs.angle[kept]}).duplicated()
    again = np.zeros(len(sieve), dtype=bool)
    again[kept[same_name.to_numpy()]] = True
    sieve.drop(again, "a climb and angle listed twice")

    kept = np.flatnonzero(sieve.kept)
    ascents = readout.columns.get("ascents", np.zeros(len(sieve)))[kept]
    order = kept[np.lexsort((-ascents, climbs.grade[kept] == UNKNOWN))]
    prints = element_prints(climbs)
    same_holds = pd.DataFrame({"holds": prints[order], "angle": climbs.angle[order]}).duplicated()
    again = np.zeros(len(sieve), dtype=bool)
    again[order[same_holds.to_numpy()]] = True
    sieve.drop(again, "the same holds at the same angle as another climb")


def without_angle(climbs: Climbs, kept: np.ndarray) -> list[str]:
    """A warning where rows that are kept have no angle."""
    n = int((climbs.angle[kept] == UNKNOWN).sum())
    return [f"{n} rows state no angle and are kept without one: --angle says which they are at"] if n else []
