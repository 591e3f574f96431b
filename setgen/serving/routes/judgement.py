"""Endpoints that judge: score, grade, similar, validate, convert."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body

from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.delivery.forms import Writing, written
from setgen.climbing.frames import PROBLEMS, SWITCHES_OFF, parse_frames, write_frames
from setgen.climbing.grading.grader import Grading
from setgen.climbing.holds import parse_holds
from setgen.climbing.prompts import with_missing
from setgen.errors import InputError
from setgen.serving.answering import climbs_out, grading_out, near_out
from setgen.serving.answers import (
    ConvertedOut,
    GradedOut,
    GradesOut,
    ScoreOut,
    ScoresOut,
    SimilarClimbOut,
    SimilarOut,
    ValidOut,
)
from setgen.serving.calls import Grade, Judge, Nearest, Score
from setgen.serving.problems import ProblemError, about, answers
from setgen.serving.reading import climbs_in, climbs_of, conditions
from setgen.serving.requests import (
    ClimbIn,
    ConvertRequest,
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
            GradedOut(frames=frames, grades=found[i :: len(climbs)])
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
            SimilarClimbOut(frames=frames, near=near_out(service.model.known, climbs[[i]], near))
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


@router.post("/convert")
async def convert(
    service: Serving,
    request: Annotated[
        ConvertRequest,
        Body(
            openapi_examples={
                "hole names as a frames string": example(text="G5:start,G16,G38,G104:finish"),
                "a climb, with an angle and a grade": example(text=_CLIMB, angle=40, grade="V5"),
                "two climbs with their angles": example(
                    text=f"frames,angle,grade\n{_CLIMB},40,V5\n{_CLIMB},30,6b\n"
                ),
            }
        ),
    ],
) -> ConvertedOut:
    """Climbs out of any form that is known (frames strings, links, app and MoonBoard JSON, LED messages, CSV, hole
    names), judged, and written in another: links for boardsesh, the body that saves a climb in an Aurora app,
    MoonBoard JSON, the message that lights a board. Illegal climbs are read too, and say what they break."""
    board, known = service.board, service.model.known
    published = None if known is None or known.ids is None else lambda: known.by_id
    climbs = climbs_in(board, request.text, request.routes, published)
    with about("text"):
        if len(climbs) > service.settings.most_climbs:
            raise InputError(
                f"{len(climbs)} climbs are too many: this server takes {service.settings.most_climbs}"
            )
    conditions(board, request.angle, request.grade)  # what is wrong with them names its field
    climbs = with_missing(board, climbs, request.angle, request.grade)
    how = Writing(
        request.site, request.level, request.name, request.description, request.setter_id, request.publish
    )
    misplaced = how.misplaced(request.to)
    if misplaced is not None:
        with about(misplaced[0]):
            raise InputError(f"this goes with {' or '.join(misplaced[1])}, not with {request.to}")
    with about("to"):
        text = written(board, climbs, request.to, how)
    judged = await service.call(Judge(), climbs, len(climbs))
    gone = request.to == "app" and board.family == "kilter"
    return ConvertedOut(
        climbs=climbs_out(board, judged),
        text=text,
        note="Kilter left the service that takes these bodies in March 2026: use links or leds"
        if gone
        else None,
    )


def _check_count(service: Service, climbs: list[ClimbIn]) -> None:
    with about("climbs"):
        if len(climbs) > service.settings.most_climbs:
            raise InputError(
                f"{len(climbs)} climbs are too many: this server takes {service.settings.most_climbs}"
            )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
