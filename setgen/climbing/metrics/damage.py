"""Damages that only climbs know: roles, and the app's hard rules."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.metrics.damage import changed, chosen, damage
from setgen.sets.sets import Sets


@damage("roles swapped", space=Board)
def swapped(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs whose starts and finishes trade roles with other holds."""
    role = climbs.role.copy()
    for i in np.flatnonzero(chosen(climbs, degree, rng)):
        own = role[slice(*climbs.offsets[i : i + 2])]
        ends = np.flatnonzero((own == Role.START) | (own == Role.FINISH))
        others = rng.permutation(np.setdiff1d(np.arange(len(own)), ends))[: len(ends)]
        ends = rng.permutation(ends)[: len(others)]
        own[ends], own[others] = own[others], own[ends]
    return changed(climbs, label=role)


@damage("roles lost", space=Board)
def lost(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs left with one start, one finish and no foot holds."""
    role = climbs.role.copy()
    for i in np.flatnonzero(chosen(climbs, degree, rng)):
        own = role[slice(*climbs.offsets[i : i + 2])]
        own[own == Role.FOOT] = Role.MIDDLE
        for end in (Role.START, Role.FINISH):
            own[np.flatnonzero(own == end)[1:]] = Role.MIDDLE
    return changed(climbs, label=role)


@damage("rules broken", degrees=(0.05, 0.2, 0.8), space=Board)
def broken(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs made to break a hard rule, by turns: no start, a third start, no finish, a third
    finish, a hold twice, an unknown hold or role, one hold only, too many holds."""
    hit, free = chosen(climbs, degree, rng), np.arange(len(board))
    damaged = []
    for i, climb in enumerate(climbs):
        if not hit[i]:
            damaged.append(climb)
            continue
        holds = list(climb.holds)
        unused = rng.permutation(np.setdiff1d(free, [p for p, _ in holds])).tolist()
        match i % 9:
            case 0 | 2:
                end = Role.START if i % 9 == 0 else Role.FINISH
                holds = [(p, int(Role.MIDDLE) if r == end else r) for p, r in holds]
            case 1 | 3:
                holds += [(p, int(Role.START if i % 9 == 1 else Role.FINISH)) for p in unused[:3]]
            case 4:
                holds.append(holds[0])
            case 5:
                holds.append((len(board), int(Role.MIDDLE)))
            case 6:
                holds = holds[:1]
            case 7:
                holds[0] = (holds[0][0], len(Role))
            case 8:
                holds += [(p, int(Role.MIDDLE)) for p in unused[: board.limits.holds[1]]]
        damaged.append(Climb(tuple(holds), climb.angle, climb.grade))
    return Climbs.from_list(damaged)
