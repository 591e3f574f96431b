"""Endpoints that design: generate, complete, edit, and the distribution of the next hold."""

from __future__ import annotations

import secrets
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body

from setgen.climbing.choosing import best
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.roles import N_ROLES, Role
from setgen.errors import InputError
from setgen.generators.sampling import Sampling
from setgen.generators.unmasking import Unmasking
from setgen.serving.answering import climbs_out
from setgen.serving.answers import ClimbsOut, ElementOut, NextOut, PlacementOut
from setgen.serving.calls import Nearest, NextHold, Sample, Wanted
from setgen.serving.constraining import constraints_of, sizes_possible
from setgen.serving.problems import about, answers
from setgen.serving.reading import Conditions, conditions, given_holds, kept_holds, wanted_sizes
from setgen.serving.requests import (
    LARGEST_SEED,
    CompleteRequest,
    EditRequest,
    GenerateRequest,
    NextRequest,
    example,
)
from setgen.serving.service import Service, Serving

router = APIRouter(prefix="/v1", tags=["design"], responses=answers())

_Holds = tuple[tuple[int, int], ...]


@router.post("/generate")
async def generate(
    service: Serving,
    request: Annotated[
        GenerateRequest,
        Body(
            openapi_examples={
                "four 6c climbs at 40°": example(angle=40, grade="6c", n=4, seed=7),
                "on the left, no marked feet, eight holds at most": example(
                    region=[0, 0, 80, 160], feet="none", max_holds=8, n=4, seed=7
                ),
                "true to the grade, nothing odd": example(
                    angle=40, grade="6c", guidance=0.5, top_p=0.9, n=4, seed=7
                ),
            }
        ),
    ],
) -> ClimbsOut:
    """New climbs for an angle and a grade. Every one is legal, and keeps to the limits that are laid down."""
    return await _drawn(service, request, ())


@router.post("/complete")
async def complete(
    service: Serving,
    request: Annotated[
        CompleteRequest,
        Body(
            openapi_examples={
                "around two holds": example(holds="p5r1p16r2", angle=40, grade="V5", n=8, seed=7),
                "one of them in the role that suits": example(holds="G5:start,G16:?", angle=40, n=8, seed=7),
                "without three others": example(holds="p5r1p16r2", forbid="p17,p27,G20:start", n=8, seed=7),
            }
        ),
    ],
) -> ClimbsOut:
    """Climbs that contain the given holds, each in the role it was given in, or where that is `?` in the one
    that the model gives it. Every one is legal, and keeps to the limits that are laid down."""
    given = given_holds(service.board, request.holds, open_roles=True)
    with about("holds"):
        if not given:
            raise InputError("no holds are given: name some, or use /v1/generate")
    return await _drawn(service, request, given)


@router.post("/edit")
async def edit(
    service: Serving,
    request: Annotated[
        EditRequest,
        Body(
            openapi_examples={
                "start and finish stay, a grade harder": example(
                    holds="p5r1p16r2p38r2p60r2p104r3", keep=[5, 104], angle=40, grade="6c+", n=4, seed=7
                ),
                "anything but one hold": example(
                    holds="p5r1p16r2p38r2p60r2p104r3", keep=[5, 16, 60, 104], forbid="p38", n=4, seed=7
                ),
            }
        ),
    ],
) -> ClimbsOut:
    """A climb with some holds kept and the rest drawn anew, for another angle or grade too."""
    kept, now = kept_holds(service.board, request.holds, request.keep)
    if request.size is None:
        possible = sizes_possible(service.board, Climb(kept), constraints_of(service.board, request))
        request = request.model_copy(update={"size": min(possible, key=lambda size: abs(size - now))})
    return await _drawn(service, request, kept)


@router.post("/next")
async def next_hold(
    service: Serving,
    request: Annotated[
        NextRequest,
        Body(openapi_examples={"after two holds": example(holds="p5r1p16r2", angle=40, grade="6c", top=3)}),
    ],
) -> NextOut:
    """What the model would add next to the holds given: the likeliest holds, and a number a placement. Under
    limits that is what still leads to a climb which keeps to them."""
    board = service.board
    given = given_holds(board, request.holds)
    asked = conditions(board, request.angle, request.grade)
    prompt = Climb(given, asked.angle, asked.grade)
    laid = constraints_of(board, request)
    sizes_possible(board, prompt, laid)
    call = NextHold(None if laid == Constraints() else laid)
    elements = (await service.call(call, Climbs.from_list([prompt]))).reshape(len(board), N_ROLES)
    likeliest = np.argsort(-elements, axis=None, kind="stable")[: request.top].tolist()
    return NextOut(
        top=[
            ElementOut(
                id=int(board.ids[i // N_ROLES]),
                role=Role(i % N_ROLES).label,
                probability=float(elements.flat[i]),
            )
            for i in likeliest
            if elements.flat[i] > 0
        ],
        placements=[
            PlacementOut(id=i, probability=min(1.0, p), role=Role(role).label)
            for i, p, role in zip(
                board.ids.tolist(), elements.sum(1).tolist(), elements.argmax(1).tolist(), strict=True
            )
            if p > 0
        ],
    )


def _sampling(service: Service, request: GenerateRequest, laid: Constraints) -> Sampling:
    """How the request wants climbs drawn. What the model does not have is a 422 that names the field."""
    generator = service.model.generator
    with about("guidance"):
        generator.check_sampling(Sampling(guidance=request.guidance))
    with about("calls"):
        unmasking = Unmasking(calls=request.calls)
        generator.check_sampling(Sampling(unmasking=unmasking))
    return Sampling(
        temperature=request.temperature,
        constraints=None if laid == Constraints() else laid,  # type: ignore[arg-type]  # of boards alone
        guidance=request.guidance,
        top_p=request.top_p,
        unmasking=unmasking,
    )


async def _drawn(service: Service, request: GenerateRequest, given: _Holds) -> ClimbsOut:
    """Draw and judge what is asked for around `given`."""
    board = service.board
    with about("n"):
        if request.n > service.settings.most_climbs:
            raise InputError(
                f"{request.n} climbs are too many: this server makes {service.settings.most_climbs}"
            )
    draws = request.n * request.best_of
    with about("best_of"):
        if request.best_of > 1 and draws > service.settings.most_draws:
            raise InputError(
                f"the best of {request.best_of} for each of {request.n} climbs are {draws} draws: this server makes "
                f"{service.settings.most_draws} at most"
            )
    asked: Conditions = conditions(board, request.angle, request.grade)
    prompt = Climb(given, asked.angle, asked.grade)
    laid = constraints_of(board, request)
    sizes = wanted_sizes(sizes_possible(board, prompt, laid), len(given), draws, request.size)
    seed = secrets.randbelow(LARGEST_SEED + 1) if request.seed is None else request.seed
    wanted = Wanted(Climbs.from_list([prompt] * draws), sizes, seed)
    call = Sample(_sampling(service, request, laid))
    judged = await service.call(call, wanted, draws * (2 if request.guidance else 1))
    if request.best_of > 1:
        judged = judged[best(judged.climbs, request.n, judged.is_sensible, judged.off)]
    known, near = service.model.known, None
    if request.near and known is not None:
        near = await service.call(Nearest(1), judged.climbs, len(judged.climbs))
    return ClimbsOut(seed=seed, climbs=climbs_out(board, judged, known, near))
