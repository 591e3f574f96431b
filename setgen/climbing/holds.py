"""Holds as a person types them: a frames string (`p1164r12p1185r12`) or hole names (`J5:start,H10`)."""

from __future__ import annotations

import re

from setgen.climbing.board import Board
from setgen.climbing.roles import OPEN, Role, role_from_name
from setgen.errors import InputError

_FRAMES = re.compile(r"(?:p\d{1,9}r(?:\d{1,9}|\?))+")
_HOLD = re.compile(r"p(\d+)r(\d+|\?)")
_OPEN = "?"


def parse_holds(board: Board, text: str, open_roles: bool = False) -> tuple[tuple[int, int], ...]:
    """(placement index, role) of each hold in `text`, in the order given; none for an empty text.

    Hole names are separated by commas, semicolons or blanks; `:role` may follow each, middle by default. Names with a
    comma in them, as Kilter's are, may stand in a list too: `28,21:start,30,21`. With `open_roles`,
    `G5:?` and `p5r?` give a hold and leave its role OPEN.
    Raises InputError when the text is neither, a hold or role is not the board's, or a hold comes twice.
    """
    text = text.strip()
    if not text:
        return ()
    if _FRAMES.fullmatch(text):
        holds = _framed(board, text)
    elif re.match(r"p\d+(?:[rpx]|$)", text) or (
        re.fullmatch(r"[prx\d,\"]+", text) and re.search("[prx]", text)
    ):
        raise InputError(
            f"{_short(text)} is not a frames string: write p<placement>r<role>, one after another"
        )
    else:
        holds = [_named(board, word) for word in _words(board, text)]
    for i, (placement, _) in enumerate(holds):
        if placement in [p for p, _ in holds[:i]]:
            name = f"p{board.ids[placement]}"
            if board.hole_names[placement]:
                name += f" ({board.hole_names[placement]})"
            raise InputError(f"hold {name} is given twice: give each hold once")
        if not open_roles and holds[i][1] == OPEN:
            raise InputError(
                f"hold p{board.ids[placement]} has an open role, which only a climb to be completed may have"
            )
    return tuple(holds)


def parse_selection(board: Board, text: str) -> tuple[tuple[int, int], ...]:
    """(placement index, role) of each hold named, OPEN where it is meant in any role.

    `p5` and hole names mean any role; a frames string and `G5:start` mean the role they give.
    Raises InputError for what is not on the board, and for an empty text.
    """
    if _FRAMES.fullmatch(text.strip()):
        return tuple(dict.fromkeys(_framed(board, text)))
    words = _words(board, text)
    if not words:
        raise InputError("no holds are named: write for instance p5,p7 or hole names")
    return tuple(dict.fromkeys(_selected(board, word) for word in words))


def _words(board: Board, text: str) -> list[str]:
    """The words of a list; parts that are a hole's name only together are one word."""
    names = {name.lower() for name in board.hole_names}
    longest = max(name.count(",") for name in names) + 1
    words = []
    for chunk in re.split(r"[;\s]+", text):
        parts = [part for part in chunk.split(",") if part]
        while parts:
            several = (n for n in range(min(longest, len(parts)), 1, -1) if _name_in(parts[:n]) in names)
            n = next(several, 1)
            words.append(",".join(parts[:n]))
            parts = parts[n:]
    return words


def _name_in(parts: list[str]) -> str:
    """The hole's name that parts are together, in small letters; the last may have a role behind it."""
    return ",".join(parts).partition(":")[0].lower() if ":" not in "".join(parts[:-1]) else ""


def _selected(board: Board, word: str) -> tuple[int, int]:
    if re.fullmatch(r"p\d{1,9}", word):
        return board.index_of(int(word[1:])), OPEN
    return _named(board, word if ":" in word else f"{word}:{_OPEN}")


def _framed(board: Board, frames: str) -> list[tuple[int, int]]:
    return [
        (board.index_of(int(p)), OPEN if r == _OPEN else int(board.role_of(int(r))))
        for p, r in _HOLD.findall(frames)
    ]


def _named(board: Board, word: str) -> tuple[int, int]:
    name, _, role_name = word.partition(":")
    role: int | None = role_from_name(role_name) if role_name else Role.MIDDLE
    known = [r.label for r in board.role_ids]
    if role_name == _OPEN:
        role = OPEN
    elif role is None or role not in board.role_ids:
        raise InputError(
            f"role {_short(role_name)} of hold {_short(name)} is unknown: use {', '.join(known)}"
        )
    try:
        return board.index_of_name(name), int(role)
    except InputError as error:
        example = f"p{board.ids[0]}r{next(iter(board.role_ids.values()))}"
        raise InputError(f"{error}: use its hole names or a frames string such as {example}") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
