"""Can these prompts be completed? Checked once, one clear line each, before anything is drawn."""

from __future__ import annotations

import numpy as np

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN
from setgen.boards.roles import OPEN
from setgen.boards.rules import check_prompt, size_range
from setgen.errors import InputError


def check_prompts(board: Board, prompts: Climbs, sizes: np.ndarray | None, legal: bool) -> np.ndarray:
    """(C,) int64 sizes wanted, 0 where free. Raises InputError for a prompt that cannot be completed."""
    wanted = np.zeros(len(prompts), np.int64) if sizes is None else np.asarray(sizes, dtype=np.int64)
    if wanted.shape != (len(prompts),):
        raise InputError(f"{wanted.size} sizes are given for {len(prompts)} prompts: give one each")
    for angle in set(prompts.angle.tolist()) - {UNKNOWN}:
        board.check_angle(angle)
    for grade in set(prompts.grade.tolist()) - {UNKNOWN}:
        board.check_grade(grade)
    seen: dict[tuple[tuple[int, int], ...], tuple[int, int]] = {}
    for climb, size in zip(prompts, wanted.tolist(), strict=True):
        if climb.holds not in seen:
            seen[climb.holds] = _range(board, climb, legal)
        fewest, most = seen[climb.holds]
        if size and not fewest <= size <= most:
            raise InputError(
                f"{size} holds cannot be had: with the {len(climb.holds)} holds given this board allows "
                f"{fewest} to {most}"
            )
    return wanted


def _range(board: Board, prompt: Climb, legal: bool) -> tuple[int, int]:
    for placement, role in prompt.holds:
        if not (0 <= placement < len(board) and (0 <= role < len(board.role_allowed) or role == OPEN)):
            raise InputError(f"the prompt's hold ({placement}, {role}) is not on this board")
    check_prompt(board, prompt)
    fewest, most = size_range(board, prompt)
    if legal:
        return fewest, most
    return max(1, len(prompt.holds)), min(board.limits.holds[1], len(board))
