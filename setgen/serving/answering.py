"""From arrays to what clients get: climbs and grades as answers."""

from __future__ import annotations

import numpy as np

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.links import sites_of
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import FONT, UNKNOWN, V
from setgen.climbing.grading.grader import Grading
from setgen.climbing.roles import Role
from setgen.climbing.similar import KnownClimbs, Similar, mirrored
from setgen.serving.answers import (
    BoardOut,
    BoardPlacement,
    ClimbOut,
    GradeOut,
    HoldOut,
    KnownOut,
    NamedGrade,
    NearOut,
    RoleOut,
)
from setgen.serving.judging import Judged
from setgen.sets.bounds import lacks


def board_out(wall: Board) -> BoardOut:
    left, right, bottom, top = wall.extent
    return BoardOut(
        name=wall.name,
        synthetic=wall.family == "synthetic",
        extent={"left": left, "right": right, "bottom": bottom, "top": top},
        hold_sets=list(wall.hold_set_names),
        placements=[
            BoardPlacement(
                id=i,
                name=name,
                x=x,
                y=y,
                hold_set=hold_set,
                mirror=None if image < 0 else int(wall.ids[image]),
            )
            for i, name, (x, y), hold_set, image in zip(
                wall.ids.tolist(),
                wall.hole_names,
                wall.xy.tolist(),
                wall.hold_set.tolist(),
                [-1] * len(wall) if wall.mirror is None else wall.mirror.tolist(),
                strict=True,
            )
        ],
        roles=[
            RoleOut(role=role.label, id=number, color=wall.role_colors.get(role))
            for role, number in wall.role_ids.items()
        ],
        angles=list(wall.angles),
        grades=[NamedGrade(grade=FONT[g], v_grade=V[g], difficulty=g) for g in wall.grades],
        limits={name: (low, high) for name, (low, high) in vars(wall.limits).items()},
        sites=sites_of(wall),
    )


def climbs_out(
    board: Board, judged: Judged, among: KnownClimbs | None = None, near: list[list[Similar]] | None = None
) -> list[ClimbOut]:
    """A climb that lacks holds, a start or a finish is not judged: it is a part of some climb to come.

    near: the nearest of the known climbs `among`, for each."""
    off, soft = judged.off, judged.sensible
    still = lacks(board)
    grades = [None] * len(judged.climbs) if judged.grading is None else grades_out(judged)
    return [
        ClimbOut(
            frames=frames,
            holds=holds_out(board, climb),
            angle=known(climb.angle),
            grade=FONT.get(climb.grade),
            v_grade=V.get(climb.grade),
            legal=not breaks,
            breaks=breaks,
            partial=bool(breaks) and still.issuperset(breaks),
            sensible=not _broken(soft, i) if soft is not None and whole else None,
            unusual=_broken(soft, i) if soft is not None and whole else [],
            predicted=grade if whole else None,
            grade_difference=None
            if off is None or grade is None or not whole or np.isnan(off[i])
            else round(float(off[i]), 2),
            near=None
            if among is None or near is None or not near[i]
            else near_out(among, judged.climbs[[i]], near[i])[0],
        )
        for i, (frames, climb, grade) in enumerate(
            zip(write_frames(board, judged.climbs), judged.climbs, grades, strict=True)
        )
        for breaks in [_broken(judged.legal, i)]
        for whole in [still.isdisjoint(breaks)]
    ]


def holds_out(board: Board, climb: Climb) -> list[HoldOut]:
    return [
        HoldOut(
            id=int(board.ids[p]),
            name=board.hole_names[p],
            x=float(board.xy[p, 0]),
            y=float(board.xy[p, 1]),
            role=Role(r).label,
        )
        for p, r in sorted(climb.holds)
    ]


def grades_out(judged: Judged) -> list[GradeOut | None]:
    """One for each climb; None for a climb without holds, of which there is nothing to say."""
    assert judged.grading is not None
    found = grading_out(judged.grading, judged.climbs)
    return [one if size else None for one, size in zip(found, judged.climbs.sizes, strict=True)]


def grading_out(grading: Grading, climbs: Climbs) -> list[GradeOut]:
    median, mean = grading.median, grading.mean
    lowest, highest = grading.interval()
    of_median = np.take_along_axis(grading.probabilities, (median - grading.grades[0])[:, None], 1)[:, 0]
    return [
        GradeOut(
            angle=known(int(climbs.angle[i])),
            grade=FONT[int(median[i])],
            v_grade=V[int(median[i])],
            difficulty=round(float(mean[i]), 3),
            probability=round(float(of_median[i]), 4),
            lowest=FONT[int(lowest[i])],
            highest=FONT[int(highest[i])],
        )
        for i in range(len(grading))
    ]


def near_out(among: KnownClimbs, one: Climbs, near: list[Similar]) -> list[NearOut]:
    """The known climbs `near` to the one climb of `one`, and what differs."""
    board, plain = among.board, set(one.climb(0).holds)
    image = mirrored(board, one) if any(each.mirrored for each in near) else None
    turned = set() if image is None else set(image.climb(0).holds)
    found = []
    for each in near:
        theirs = among.climbs.climb(each.rows[0])
        ours, other = turned if each.mirrored else plain, set(theirs.holds)
        found.append(
            NearOut(
                frames=write_frames(board, among.climbs[[each.rows[0]]])[0],
                similarity=round(each.similarity, 4),
                mirrored=each.mirrored,
                added=holds_out(board, Climb(tuple(ours - other))),
                removed=holds_out(board, Climb(tuple(other - ours))),
                known=[
                    KnownOut(angle=known(angle), grade=FONT.get(grade), v_grade=V.get(grade))
                    for angle, grade in zip(
                        among.climbs.angle[list(each.rows)].tolist(),
                        among.climbs.grade[list(each.rows)].tolist(),
                        strict=True,
                    )
                ],
            )
        )
    return found


def known(value: int) -> int | None:
    """The value, or None where it is UNKNOWN."""
    return None if value == UNKNOWN else value


def _broken(rules: dict[str, np.ndarray], i: int) -> list[str]:
    return [rule for rule, broken in rules.items() if broken[i]]
