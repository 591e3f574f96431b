"""Endpoints about what is served: the board, pictures of climbs on it, and the model card."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

import setgen
from setgen.climbing.climbs import Climb
from setgen.climbing.holds import parse_holds
from setgen.serving.answering import board_out
from setgen.serving.answers import BoardOut, ModelOut, ModelsOut, OfferedOut
from setgen.serving.problems import about, answers
from setgen.serving.reading import conditions
from setgen.serving.requests import LONGEST_HOLDS
from setgen.serving.service import Service, Serving

router = APIRouter(prefix="/v1", tags=["board"], responses=answers())

Holds = Annotated[
    str,
    Query(
        max_length=LONGEST_HOLDS,
        description="A frames string or hole names; none: the bare board.",
        openapi_examples={"a climb": {"value": "p5r1p16r2p38r2p60r2p104r3"}},
    ),
]
Angle = Annotated[int | None, Query(ge=0, le=90, description="For the title.")]
Grade = Annotated[str | None, Query(max_length=20, description="For the title, as the grade asked for.")]
Numbers = Annotated[bool, Query(description="Write every placement's id.")]


@router.get("/board")
async def board(service: Serving) -> BoardOut:
    """Placements in inches with their mirror images, roles with their numbers and colours, angles, grades,
    limits."""
    return board_out(service.board)


@router.get("/model")
async def model(service: Serving) -> ModelOut:
    """The model card: what it is, how it was made, what was measured."""
    generator, settings = service.model.generator, service.settings
    return ModelOut(
        generator=generator.name,
        config=vars(generator.config),
        parameters=generator.n_parameters,
        board=service.board.name,
        synthetic=service.board.family == "synthetic",
        version=setgen.__version__,
        grader=service.model.grader is not None,
        known=0 if service.model.known is None else len(service.model.known.climbs),
        sensible=None if service.model.rules is None else service.model.rules.to_json(),
        limits={
            "climbs": settings.most_climbs,
            "draws": settings.most_draws,
            "score_holds": settings.score_holds,
            "body_bytes": settings.body_bytes,
            "request_seconds": settings.request_seconds,
        },
        card=service.model.card,
    )


@router.get("/models")
async def models(service: Serving) -> ModelsOut:
    """The models of this server; which of them is asked is a matter of the path before `/v1`."""
    here = next(one.path for one in service.offered if one.here)
    up = "../" * here.count("/")
    return ModelsOut(
        models=[
            OfferedOut(name=one.name, path=(up + one.path) or "./", here=one.here) for one in service.offered
        ]
    )


@router.get(
    "/draw.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_svg(
    service: Serving, holds: Holds = "", angle: Angle = None, grade: Grade = None, numbers: Numbers = False
) -> Response:
    """A climb, legal or not, on its board as SVG."""
    picture = await _picture(service, holds, angle, grade, numbers, "svg")
    return Response(picture, media_type="image/svg+xml")


@router.get(
    "/draw.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def draw_png(
    service: Serving, holds: Holds = "", angle: Angle = None, grade: Grade = None, numbers: Numbers = False
) -> Response:
    """A climb, legal or not, on its board as PNG."""
    picture = await _picture(service, holds, angle, grade, numbers, "png")
    return Response(picture, media_type="image/png")


async def _picture(
    service: Service, holds: str, angle: int | None, grade: str | None, numbers: bool, form: str
) -> bytes:
    wall = service.board
    asked = conditions(wall, angle, grade)
    with about("holds"):
        climb = Climb(parse_holds(wall, holds), asked.angle, asked.grade)

    def draw() -> bytes:
        from setgen.climbing.draw import (  # matplotlib is slow to import
            climb_title,
            draw_climb,
            figure_to_png,
            figure_to_svg,
        )

        title = climb_title(climb, asked=True) if climb.holds else f"{len(wall)} holds"
        figure = draw_climb(wall, climb, title=title, numbers=numbers)
        return figure_to_png(figure) if form == "png" else figure_to_svg(figure).encode()

    return await service.picture(draw)
