"""Damages that only climbs know: roles, the ways in which models build badly, and the app's hard rules."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.roles import Role
from setgen.metrics.damage import changed, chosen, damage
from setgen.sets.per_set import random_ranks
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


def _to_top(board: Board, climbs: Climbs, moves: np.ndarray, rng: np.random.Generator) -> Sets:
    """These holds, (N,) bool, go to free places of the board's highest row, as many of a climb's as it has."""
    row = np.flatnonzero(board.xy[:, 1] == board.xy[:, 1].max())
    item = climbs.placement.copy()
    for i in np.unique(climbs.owner[moves]):
        own = slice(*climbs.offsets[i : i + 2])
        free = rng.permutation(np.setdiff1d(row, item[own]))
        moving = (own.start + np.flatnonzero(moves[own]))[: len(free)]
        item[moving] = free[: len(moving)]
    return changed(climbs, item=item)


@damage("top row piled", space=Board)
def piled(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs with about half of their middle and foot holds in the highest row."""
    rest = ~np.isin(climbs.role, (Role.START, Role.FINISH)) & (rng.random(len(climbs.role)) < 0.5)
    return _to_top(board, climbs, chosen(climbs, degree, rng)[climbs.owner] & rest, rng)


@damage("starts on top", space=Board)
def starts_on_top(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Sets:
    """This share of climbs with their starts in the highest row."""
    hit = chosen(climbs, degree, rng)[climbs.owner]
    return _to_top(board, climbs, hit & (climbs.role == Role.START), rng)


@damage("foot on top", space=Board)
def foot_on_top(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs with one of their foot holds in the highest row, where no hand hold is above it."""
    feet = np.flatnonzero(climbs.role == Role.FOOT)
    feet = feet[rng.permutation(len(feet))]
    _, first = np.unique(climbs.owner[feet], return_index=True)
    moves = np.zeros(len(climbs.role), dtype=bool)
    moves[feet[first]] = True
    return _to_top(board, climbs, moves & chosen(climbs, degree, rng)[climbs.owner], rng)


@damage("finishes apart", space=Board)
def finishes_apart(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Sets:
    """Of this share of climbs one finish, where there are two, as far from the other as a free hold at least as
    high is."""
    item = climbs.placement.copy()
    for i in np.flatnonzero(chosen(climbs, degree, rng)):
        own = slice(*climbs.offsets[i : i + 2])
        ends = rng.permutation(own.start + np.flatnonzero(climbs.role[own] == Role.FINISH))
        if len(ends) < 2:
            continue
        apart = board.xy - board.xy[item[ends[0]]]
        free = np.setdiff1d(np.flatnonzero(apart[:, 1] >= 0), item[own])
        if len(free):
            item[ends[1]] = free[np.linalg.norm(apart[free], axis=1).argmax()]
    return changed(climbs, item=item)


@damage("hand out of reach", space=Board)
def out_of_reach(
    board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator
) -> Sets:
    """This share of climbs with one middle hold moved to one of the free holds, a tenth of the board, that are
    farthest from every lower hand hold."""
    item = climbs.placement.copy()
    for i in np.flatnonzero(chosen(climbs, degree, rng)):
        own = slice(*climbs.offsets[i : i + 2])
        hands = own.start + rng.permutation(np.flatnonzero(climbs.role[own] != Role.FOOT))
        one = hands[climbs.role[hands] == Role.MIDDLE][:1]
        free = np.setdiff1d(np.arange(len(board)), item[own])
        apart = board.xy[free, None] - board.xy[item[np.setdiff1d(hands, one)]]
        reach = np.where(apart[..., 1] > 0, np.linalg.norm(apart, axis=-1), np.inf).min(1)
        free, reach = free[np.isfinite(reach)], reach[np.isfinite(reach)]
        if len(one) and len(free):
            item[one] = rng.choice(free[np.argsort(reach)[-max(1, len(board) // 10) :]])
    return changed(climbs, item=item)


@damage("one hold overused", degrees=(0.05, 0.1, 0.2, 0.4), space=Board)
def overused(board: Board, climbs: Climbs, train: Climbs, degree: float, rng: np.random.Generator) -> Sets:
    """This share of climbs with one and the same hold, one of the training climbs', in the place of one of theirs."""
    same = rng.choice(train.placement)
    without = np.bincount(climbs.owner[climbs.placement == same], minlength=len(climbs)) == 0
    gone = (random_ranks(climbs, rng) == 0) & (chosen(climbs, degree, rng) & without)[climbs.owner]
    return changed(climbs, item=np.where(gone, same, climbs.placement))


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
