"""Endpoints that judge: score, grade, similar, validate."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.frames import PROBLEMS, SWITCHES_OFF, parse_frames, write_frames
from setgen.climbing.grading.grader import Grading
from setgen.climbing.holds import parse_holds
from setgen.errors import InputError
from setgen.serving.answering import climbs_out, grading_out, near_out
from setgen.serving.answers import GradesOut, ScoreOut, ScoresOut, SimilarOut, ValidOut
from setgen.serving.calls import Grade, Judge, Nearest, Score
from setgen.serving.problems import ProblemError, about, answers
from setgen.serving.reading import climbs_of, conditions
from setgen.serving.requests import (
    ClimbIn,
    GradeRequest,
    ScoreRequest,
    SimilarRequest,
    ValidateRequest,
    example,
)
from setgen.serving.service import Service, Serving

router = APIRouter(prefix="/v1", tags=["judge"], responses=answers())

_CLIMB = "p5r1p16r2p38r2p60r2p104r3"


@router.post("/score")
async def score(
    service: Serving,
    request: Annotated[
        ScoreRequest,
        Body(openapi_examples={"one climb": example(climbs=[{"holds": _CLIMB, "angle": 40, "grade": "6c"}])}),
    ],
) -> ScoresOut:
    """How likely the model finds climbs, which must be legal: bits per hold, fewer for likelier ones."""
    _check_count(service, request.climbs)
    climbs = climbs_of(service.board, request.climbs, check_legal=True)
    with about("orders"):
        holds, most = len(climbs.placement), service.settings.score_holds
        if holds * request.orders > most:
            raise InputError(
                f"{request.orders} orders of {holds} holds are too much work: holds times orders are {most} "
                "at most"
            )
    found = await service.call(Score(request.orders, request.seed), climbs, len(climbs) * request.orders)
    return ScoresOut(
        orders=request.orders,
        climbs=[
            ScoreOut(
                frames=frames,
                log2_likelihood=_finite(-bits * size),
                bits_per_hold=_finite(bits),
            )
            for frames, bits, size in zip(
                write_frames(service.board, climbs), found.bits.tolist(), climbs.sizes.tolist(), strict=True
            )
        ],
    )


@router.post("/grade", responses=answers(501))
async def grade(
    service: Serving,
    request: Annotated[
        GradeRequest,
        Body(openapi_examples={"at three angles": example(climbs=[{"holds": _CLIMB}], angles=[20, 40, 60])}),
    ],
) -> GradesOut:
    """How hard climbs are, legal or not, at their own angle or at those asked for, and how sure that is."""
    if service.model.grader is None:
        raise ProblemError(501, "this server has no grader for its board: start it with --data")
    _check_count(service, request.climbs)
    climbs = climbs_of(service.board, request.climbs, check_legal=False)
    asked = [
        climbs.with_conditions(np.full(len(climbs), angle), climbs.grade) for angle in request.angles
    ] or [climbs]
    joined = Climbs.concatenate(asked)
    grading: Grading = await service.call(Grade(), joined, len(joined))
    found = grading_out(grading, joined)
    return GradesOut(
        climbs=[
            GradesOut.One(frames=frames, grades=found[i :: len(climbs)])
            for i, frames in enumerate(write_frames(service.board, climbs))
        ]
    )


@router.post("/similar", responses=answers(501))
async def similar(
    service: Serving,
    request: Annotated[
        SimilarRequest,
        Body(openapi_examples={"three near ones": example(climbs=[{"holds": _CLIMB}], n=3)}),
    ],
) -> SimilarOut:
    """Which known climbs share most holds and roles with a climb, or with its mirror image, and what differs."""
    if service.model.known is None:
        raise ProblemError(501, "this server knows no climbs to compare with: start it with --data")
    _check_count(service, request.climbs)
    climbs = climbs_of(service.board, request.climbs, check_legal=False)
    found = await service.call(Nearest(request.n), climbs, len(climbs))
    return SimilarOut(
        climbs=[
            SimilarOut.One(frames=frames, near=near_out(service.model.known, climbs[[i]], near))
            for i, (frames, near) in enumerate(zip(write_frames(service.board, climbs), found, strict=True))
        ]
    )


@router.post("/validate")
async def validate(
    service: Serving,
    request: Annotated[
        ValidateRequest,
        Body(
            openapi_examples={
                "right": example(holds=_CLIMB),
                "no finish": example(holds="p5r1p16r2"),
                "by the names of holes": example(holds="G5:start,G16,C3:foot", angle=40, grade="6c"),
                "not on the board": example(holds="p5r1p99999r2"),
            }
        ),
    ],
) -> ValidOut:
    """What is wrong with a climb: whether it can be read, is legal, and is sensible, with reasons."""
    board = service.board
    asked, text = conditions(board, request.angle, request.grade), request.holds.strip()
    parsed = parse_frames(board, [text])
    frames_count, problem = int(parsed.n_frames[0]), PROBLEMS[parsed.problem[0]]
    climb = parsed.climbs
    if parsed.switched_off[0]:
        problem = SWITCHES_OFF
    elif problem:  # hole names, or a single frame that shows which hold has the problem
        try:
            holds = parse_holds(board, text)
        except InputError as error:
            problem = f"{problem}: {error}"
        else:
            if holds:
                climb, problem, frames_count = Climbs.from_list([Climb(holds)]), "", 1
    if problem:
        return ValidOut(readable=False, problem=problem, climb=None, frames_count=frames_count)
    climb = climb.with_conditions(np.array([asked.angle]), np.array([asked.grade]))
    judged = await service.call(Judge(), climb)
    return ValidOut(
        readable=True, problem=None, climb=climbs_out(board, judged)[0], frames_count=frames_count
    )


def _check_count(service: Service, climbs: list[ClimbIn]) -> None:
    with about("climbs"):
        if len(climbs) > service.settings.most_climbs:
            raise InputError(
                f"{len(climbs)} climbs are too many: this server takes {service.settings.most_climbs}"
            )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
