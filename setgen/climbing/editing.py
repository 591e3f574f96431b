"""Editing: keep what is liked of a climb and redraw the rest, or draw more like several climbs.

Both are completion: a set model finishes any part of a set, so nothing here is trained for editing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from setgen.climbing.board import Board, board_of
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.grades import UNKNOWN, V, grade_name
from setgen.climbing.roles import Role
from setgen.climbing.rules import check_prompt, size_range
from setgen.errors import InputError
from setgen.generators.base import Generator

_POOL = 4  # candidates drawn for each climb that is "more like these"
_BORROWED = 0.5  # share of a climb's holds that such a candidate takes over


def edit(
    generator: Generator,
    climb: Climb,
    *,
    keep: Sequence[int] | None = None,
    redraw: int | None = None,
    angle: int | None = None,
    grade: int | None = None,
    size: int | None = None,
    n: int = 8,
    seed: int = 0,
    temperature: float = 1.0,
    constraints: Constraints | None = None,
) -> Climbs:
    """n climbs with some holds of `climb` kept, each in its role, and the others drawn anew.

    keep: placement indices that stay. redraw: instead, so many holds are drawn anew, another random choice
    of them for each proposal, beginning with those that `constraints` forbid.
    angle (degrees), grade (difficulty id): of the new climbs; left out, those of `climb`.
    size: holds of the new climbs; left out, as many as now, and as the model likes under `constraints`.
    Raises InputError when `keep` names a hold that the climb lacks, or nothing can be drawn.
    """
    if (keep is None) == (redraw is None):
        raise InputError("say either which holds to keep, or how many to draw anew")
    now = len(climb.holds)
    if not now:
        raise InputError("the climb to edit has no holds")
    if keep is not None:
        kept = [_kept(board_of(generator.space), climb, keep)] * n
    else:
        kept = _random_parts(climb, redraw or 0, n, seed, constraints or Constraints())
    angle, grade = climb.angle if angle is None else angle, climb.grade if grade is None else grade
    prompts = Climbs.from_list([Climb(part, angle, grade) for part in kept])
    sizes = _sizes(
        board_of(generator.space), prompts, now if size is None else size, size is not None, constraints
    )
    return generator.sample(prompts, sizes=sizes, seed=seed, temperature=temperature, constraints=constraints)


def more_like(
    generator: Generator,
    liked: Climbs,
    *,
    keep: Sequence[tuple[int, int]] = (),
    angle: int | None = None,
    grade: int | None = None,
    n: int = 8,
    seed: int = 0,
    temperature: float = 1.0,
    constraints: Constraints | None = None,
) -> Climbs:
    """n climbs in the spirit of several: drawn around holds of theirs, the nearest to all of them first.

    Four candidates a climb are drawn. Each takes over half as many holds as the liked climbs have on
    average, at random, a hold that k of them share being k times as likely to come first; the model draws
    the others. Those with the smallest mean Jaccard distance to the liked climbs, holds and roles counted,
    are kept; none twice, and none that is a liked climb itself. So there may be fewer than n.
    keep: (placement, role) of every climb. angle, grade: left out, the liked climbs' commonest angle and
    middle grade.
    """
    rng = np.random.default_rng([seed, 1])
    shared = Counter(hold for climb in liked for hold in dict.fromkeys(climb.holds))
    wanted = max(len(keep), round(_BORROWED * float(liked.sizes.mean())))
    laid = constraints or Constraints()
    prompt_of = [
        _borrowed(board_of(generator.space), shared, tuple(keep), wanted, laid, rng) for _ in range(_POOL * n)
    ]
    angle = _commonest(liked.angle) if angle is None else angle
    grade = _middle(liked.grade) if grade is None else grade
    prompts = Climbs.from_list([Climb(holds, angle, grade) for holds in prompt_of])
    drawn = generator.sample(prompts, seed=seed, temperature=temperature, constraints=constraints)
    theirs = [frozenset(climb.holds) for climb in liked]
    new = {s: climb for climb in drawn if (s := frozenset(climb.holds)) not in theirs}
    nearest = sorted(new, key=lambda s: np.mean([1 - len(s & t) / len(s | t) for t in theirs]))
    return Climbs.from_list([new[s] for s in nearest[:n]])


def grade_steps(board: Board, grade: int, steps: int) -> int:
    """The difficulty id so many V grades harder (easier below 0): the lowest of that V grade.

    Raises InputError where the board, or the scale, ends before.
    """
    number = int(V[grade].removeprefix("V")) + steps
    of_number = [g for g in board.grades if V.get(g) == f"V{number}"]
    if not of_number:
        way = "harder" if steps > 0 else "easier"
        raise InputError(f"{abs(steps)} V {way} than {grade_name(grade)} is beyond this board's grades")
    return min(of_number) if steps else grade


def changes(board: Board, before: Climb, after: Climb) -> str:
    """What was drawn anew, in words: `+G5:start −C3:foot`; empty where nothing was."""
    old, new = set(before.holds), set(after.holds)
    signed = [(sign, hold) for sign, some in (("+", new - old), ("−", old - new)) for hold in sorted(some)]
    return " ".join(
        f"{sign}{board.hole_names[p] or f'p{board.ids[p]}'}:{Role(r).label}" for sign, (p, r) in signed
    )


def _kept(board: Board, climb: Climb, keep: Sequence[int]) -> tuple[tuple[int, int], ...]:
    roles = dict(climb.holds)
    for placement in keep:
        if placement not in roles:
            raise InputError(f"hold p{board.ids[placement]} is to be kept, but the climb does not have it")
    return tuple((p, roles[p]) for p in dict.fromkeys(keep))


def _random_parts(
    climb: Climb, redraw: int, n: int, seed: int, constraints: Constraints
) -> list[tuple[tuple[int, int], ...]]:
    now = len(climb.holds)
    if not 1 <= redraw <= now:
        raise InputError(f"{redraw} holds cannot be drawn anew: the climb has {now}")
    stays = np.array([not constraints.contradict(*hold) for hold in climb.holds])
    keys = [np.random.default_rng([seed, i, 2]).random(now) + stays for i in range(n)]
    chosen = [key.argsort()[max(redraw, int((~stays).sum())) :] for key in keys]
    return [tuple(climb.holds[j] for j in sorted(part)) for part in chosen]


def _sizes(
    board: Board, prompts: Climbs, size: int, asked: bool, constraints: Constraints | None
) -> np.ndarray | None:
    """(C,) holds wanted; a size nobody asked for gives way to constraints, and to the board's limits."""
    if asked:
        return np.full(len(prompts), size)
    if constraints is not None:
        return None
    return np.array([np.clip(size, *size_range(board, prompt)) for prompt in prompts])


def _borrowed(
    board: Board,
    shared: Counter[tuple[int, int]],
    keep: tuple[tuple[int, int], ...],
    wanted: int,
    constraints: Constraints,
    rng: np.random.Generator,
) -> tuple[tuple[int, int], ...]:
    """`keep` and holds of the liked climbs that may come, `wanted` in all where there are as many."""
    allowed = constraints.elements(board)
    holds = [hold for hold in shared if allowed[hold]]
    # Sorted by exponentials over weights, they come as in draws by weight without replacement.
    keys = rng.exponential(size=len(holds)) / np.array([shared[hold] for hold in holds], dtype=float)
    taken = keep
    for i in np.argsort(keys):
        if len(taken) >= wanted:
            break
        if holds[i][0] not in {p for p, _ in taken} and _possible(board, (*taken, holds[i]), constraints):
            taken = (*taken, holds[i])
    return taken


def _possible(board: Board, holds: tuple[tuple[int, int], ...], constraints: Constraints) -> bool:
    try:
        check_prompt(board, Climb(holds))
    except InputError:
        return False
    fewest, most = size_range(board, Climb(holds))
    foot = constraints.feet == "marked" and Role.FOOT not in {r for _, r in holds}
    return fewest + foot <= min(most, constraints.most or most)


def _commonest(angles: np.ndarray) -> int:
    known = Counter(angle for angle in angles.tolist() if angle != UNKNOWN)
    return known.most_common(1)[0][0] if known else UNKNOWN


def _middle(grades: np.ndarray) -> int:
    known = np.sort(grades[grades != UNKNOWN])
    return int(known[(len(known) - 1) // 2]) if len(known) else UNKNOWN
