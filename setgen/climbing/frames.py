"""Frames strings, the apps' own notation of a climb, read and written for whole columns at a time.

Grammar of a frames string:

    frames   = frame *("," frame)
    frame    = absolute | delta
    absolute = *("p" placement "r" role)            everything that is lit
    delta    = '"' *("p" placement "r" role | "x" placement)    changes to the frame before; bare = none

The first frame is absolute; only that one may be empty (a delayed start). `x` switches off a hold that is
lit. The set of a climb is the union of its frames, and the first role a placement gets is the one it keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.errors import InputError

PROBLEMS = (
    "",
    "no holds",
    "not a frames string",
    "frames_count disagrees with the frames",
    "hold not on the board",
    "unknown role number",
    "a hold twice in one frame",
    "switches off a hold that is not lit",
)
SWITCHES_OFF = "a route that switches holds off, not one set of holds"
_OK, _EMPTY, _SYNTAX, _COUNT, _HOLD, _ROLE, _TWICE, _UNLIT = range(len(PROBLEMS))

# Byte classes. A letter is any byte that is not a digit; END stands before each row and after the last.
_DIGIT, _P, _R, _X, _COMMA, _DELTA, _END, _OTHER = range(8)
_classes = np.full(256, _OTHER, dtype=np.uint8)
_classes[list(b"0123456789")] = _DIGIT
_classes[list(b'prx,"\n')] = (_P, _R, _X, _COMMA, _DELTA, _END)
_CLASS = _classes.tobytes()

# _FOLLOWS[a, b]: b may be the next letter after a; whether digits stand between is checked apart.
_FOLLOWS = np.zeros((8, 8), dtype=bool)
for _a, _nexts in {
    _P: (_R,),
    _R: (_P, _X, _COMMA, _END),
    _X: (_P, _X, _COMMA, _END),
    _COMMA: (_P, _DELTA),
    _DELTA: (_P, _X, _COMMA, _END),
    _END: (_P, _COMMA, _END),
}.items():
    _FOLLOWS[_a, list(_nexts)] = True

_TAKES_NUMBER = np.isin(np.arange(8), (_P, _R, _X))

_ROWS_AT_ONCE = 4096  # keeps the parser's work arrays in the processor's cache
_LONGEST_NUMBER = 8
_LARGEST_TABLE = 1 << 20

_u64 = np.uint64


@dataclass(frozen=True, eq=False)
class ParsedFrames:
    """What C frames strings say.

    climbs: C climbs sorted by placement, without angle and grade; empty where there is a problem.
    problem: (C,) int8 index into PROBLEMS, 0 where the string is right. n_frames: (C,) number of frames.
    conflicts: (C,) number of placements that get different roles in different frames. switched_off: (C,)
    number of placements that are lit in one frame and not in a later one: the set of such a climb is not what
    it looks like at any time.
    """

    climbs: Climbs
    problem: np.ndarray
    n_frames: np.ndarray
    conflicts: np.ndarray
    switched_off: np.ndarray


def parse_frames(
    board: Board, strings: Sequence[str], frames_count: np.ndarray | None = None
) -> ParsedFrames:
    """Read C frames strings of `board`; wrong ones are flagged, never guessed at.

    frames_count: (C,) how many frames each string should have; values below 1 are not checked.
    """
    if frames_count is None:
        frames_count = np.zeros(len(strings), dtype=np.int64)
    parts = [
        _parse(board, strings[i : i + _ROWS_AT_ONCE], np.asarray(frames_count[i : i + _ROWS_AT_ONCE]))
        for i in range(0, max(1, len(strings)), _ROWS_AT_ONCE)
    ]
    return ParsedFrames(
        Climbs.concatenate([p.climbs for p in parts]),
        np.concatenate([p.problem for p in parts]),
        np.concatenate([p.n_frames for p in parts]),
        np.concatenate([p.conflicts for p in parts]),
        np.concatenate([p.switched_off for p in parts]),
    )


def read_frames(
    board: Board,
    strings: Sequence[str],
    angle: np.ndarray | int = UNKNOWN,
    grade: np.ndarray | int = UNKNOWN,
) -> Climbs:
    """C climbs from C frames strings. Raises InputError that names the first wrong one (1 = the first).

    A route that switches holds off is no set of holds, and an error too.
    """
    parsed = parse_frames(board, strings)
    if parsed.problem.any():
        row = int(np.flatnonzero(parsed.problem)[0])
        shown = strings[row] if len(strings[row]) <= 60 else strings[row][:57] + "…"
        raise InputError(f"climb {row + 1}: {PROBLEMS[parsed.problem[row]]}: {shown!r} ({board.name})")
    if parsed.switched_off.any():
        row = int(np.flatnonzero(parsed.switched_off)[0])
        raise InputError(f"climb {row + 1}: {SWITCHES_OFF} ({board.name})")
    shape = len(strings)
    return parsed.climbs.with_conditions(np.broadcast_to(angle, shape), np.broadcast_to(grade, shape))


def write_frames(board: Board, climbs: Climbs) -> list[str]:
    """C frames strings in the apps' canonical form, sorted by placement id.

    Raises InputError for a hold in a role that the board has no number for.
    """
    ordered = climbs.ordered()
    numbers = np.full(len(board.role_allowed), -1)
    for role, number in board.role_ids.items():
        numbers[role] = number
    if (numbers[ordered.role] < 0).any():
        raise InputError(f"a hold has a role that {board.name} does not have: give climbs of this board")
    names = [[f"p{i}r{n}" for n in numbers.tolist()] for i in board.ids.tolist()]
    holds = [names[p][r] for p, r in zip(ordered.placement.tolist(), ordered.role.tolist(), strict=True)]
    ends = ordered.offsets.tolist()
    return ["".join(holds[a:b]) for a, b in pairwise(ends)]


def _parse(board: Board, strings: Sequence[str], frames_count: np.ndarray) -> ParsedFrames:
    rows = len(strings)
    text = "\n".join(["", *strings, ""])
    if text.count("\n") != rows + 1:  # a line break inside a string: no frames string has one
        text = "\n".join(["", *(s.replace("\n", "?") for s in strings), ""])
    data = text.encode("ascii", errors="replace")

    # Letters: byte position, row (that of an END is the row it opens), and the number that follows.
    kind = np.frombuffer(data.translate(_CLASS), dtype=np.uint8)
    at = np.flatnonzero(kind != _DIGIT).astype(np.int32)
    letter = kind[at]
    row = np.cumsum(letter == _END, dtype=np.int32) - 1
    digits = np.diff(at, append=len(data)) - 1
    value = _numbers(data, at, digits)

    # Frames: each opens at an END or a comma, and is a delta when a quote comes next.
    opens = (letter == _END) | (letter == _COMMA)
    frame = np.cumsum(opens, dtype=np.int32) - 1
    is_delta = np.append(letter, _END)[np.flatnonzero(opens) + 1] == _DELTA

    wrong = (digits > 0) != _TAKES_NUMBER[letter]
    wrong |= digits > _LONGEST_NUMBER
    wrong[:-1] |= ~_FOLLOWS.ravel()[letter[:-1] * 8 + letter[1:]]
    off = np.flatnonzero(letter == _X)
    wrong[off] |= ~is_delta[frame[off]]  # a snapshot switches nothing off

    problem = np.zeros(rows + 1, dtype=np.int8)  # one more for the row that the last END would open

    def flag(bad: np.ndarray, code: int) -> None:
        problem[bad[problem[bad] == _OK]] = code

    flag(row[wrong], _SYNTAX)
    n_frames = np.bincount(row[letter == _COMMA], minlength=rows + 1)[:rows] + 1
    lit_before = np.cumsum(letter == _P, dtype=np.int32)[letter == _END]
    flag(np.flatnonzero(np.diff(lit_before) == 0), _EMPTY)
    flag(np.flatnonzero((frames_count >= 1) & (frames_count != n_frames)), _COUNT)

    # Events: a placement is lit (p, with a role) or switched off (x).
    event = np.flatnonzero(((letter == _P) | (letter == _X)) & (problem[row] == _OK))
    lit = letter[event] == _P
    index = _position(board.ids, value[event])
    flag(row[event[index < 0]], _HOLD)
    index = np.maximum(index, 0)
    role = np.where(lit, _roles(board, value[event + 1]), 0)
    flag(row[event[role < 0]], _ROLE)

    # Sorted by row and placement, stably: the events of one hold of one climb stand together, in time order.
    key = row[event] * len(board) + index
    if (np.diff(key) <= 0).any():
        order = np.argsort(key, kind="stable")
        event, key, lit, index, role = (a[order] for a in (event, key, lit, index, role))
    owner, first = row[event], np.diff(key, prepend=-1) > 0
    was_lit, leader = ~first, np.arange(len(first))
    if was_lit.any():  # a hold has several events
        # The frame that an event's frame builds on: the last absolute one.
        base = np.maximum.accumulate(np.where(is_delta, 0, np.arange(len(is_delta))))
        when = frame[event]
        again = ~first
        again[1:] &= when[1:] == when[:-1]
        flag(owner[again], _TWICE)
        was_lit[1:] &= lit[:-1] & (base[when[1:]] == base[when[:-1]])
        leader = np.maximum.accumulate(np.where(first, leader, 0))
    flag(owner[~lit & ~was_lit], _UNLIT)

    good = problem[owner] == _OK
    off_later = _switched_off(rows, owner[good], index[good], lit[good], frame[event[good]], is_delta)
    clash = np.unique(key[good & lit & (role != role[leader])])
    keep = first & good
    sizes = np.bincount(owner[keep], minlength=rows + 1)[:rows]
    unknown = np.full(rows, UNKNOWN)
    climbs = Climbs(index[keep], role[keep], np.concatenate([[0], np.cumsum(sizes)]), unknown, unknown)
    conflicts = np.bincount(clash // len(board), minlength=rows)
    return ParsedFrames(climbs, problem[:rows], n_frames, conflicts, off_later)


def _switched_off(
    rows: int, row: np.ndarray, index: np.ndarray, lit: np.ndarray, frame: np.ndarray, is_delta: np.ndarray
) -> np.ndarray:
    """(rows,) number of placements that are lit in one frame of a row and not in a later one.

    Of each event (a placement lit or switched off): its row, placement, and frame; is_delta: (F,) of frames.
    """
    counts = np.zeros(rows, dtype=np.int64)
    first = np.full(rows, len(is_delta))
    np.minimum.at(first, row, frame)
    later = ~is_delta[frame] & (frame > first[row])  # lit by an absolute frame that is not the first
    some = np.unique(np.concatenate([row[~lit], row[later]]))
    for r in some.tolist():  # few climbs are routes, and few routes do this
        mine = np.flatnonzero(row == r)
        mine = mine[np.argsort(frame[mine], kind="stable")]
        now: set[int] = set()
        off: set[int] = set()
        at = -1
        for i in mine.tolist():
            if frame[i] != at and not is_delta[frame[i]]:
                before, now = now, set()
                again = set(index[mine[frame[mine] == frame[i]]].tolist())
                off |= before - again
            at = frame[i]
            if lit[i]:
                now.add(int(index[i]))
            else:
                now.discard(int(index[i]))
                off.add(int(index[i]))
        counts[r] = len(off)
    return counts


def _numbers(data: bytes, at: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """The decimal number in the `digits` (at most 8) bytes after each position.

    Eight bytes at once: the first digit is the lowest byte; shifted up, the number gets zeros in front. Then
    neighbours are joined to pairs, fours and eight (D. Lemire, "Quickly parsing eight digits", 2018).
    """
    room = np.frombuffer(data + bytes(8), dtype=np.uint8)
    eight = np.ndarray(len(data) + 1, dtype="<u8", buffer=room, strides=(1,))  # from each byte on
    shift = 64 - 8 * digits.clip(max=_LONGEST_NUMBER).astype(np.uint64)
    value = (eight[at + 1] & _u64(0x0F0F0F0F0F0F0F0F)) << shift
    value = (value * _u64(10) + (value >> _u64(8))) & _u64(0x00FF00FF00FF00FF)
    value = (value * _u64(100) + (value >> _u64(16))) & _u64(0x0000FFFF0000FFFF)
    return (value * _u64(10000) + (value >> _u64(32))).astype(np.uint32).astype(np.int32)


def _position(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Index of each value (≥ 0) in `known` (increasing), −1 where it is not there."""
    if known[0] >= 0 and known[-1] < _LARGEST_TABLE:
        table = np.full(known[-1] + 2, -1, dtype=np.int32)
        table[known] = np.arange(len(known))
        return table[np.minimum(values, known[-1] + 1)]
    index = np.searchsorted(known, values).clip(max=len(known) - 1)
    return np.where(known[index] == values, index, -1)


def _roles(board: Board, numbers: np.ndarray) -> np.ndarray:
    """Role codes of role numbers, −1 where the board has no such number."""
    by_number = sorted((number, role) for role, number in board.role_ids.items())
    known, codes = (np.array(column, dtype=np.int64) for column in zip(*by_number, strict=True))
    return np.append(codes, -1)[_position(known, numbers)]
