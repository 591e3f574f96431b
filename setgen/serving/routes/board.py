"""Endpoints about what is served: the board, pictures of climbs on it, and the model card."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

import setgen
from setgen.climbing.climbs import Climb
from setgen.climbing.delivery.links import sites_of
from setgen.climbing.grades import FONT, V
from setgen.climbing.holds import parse_holds
from setgen.serving.answers import BoardOut, BoardPlacement, ModelOut, ModelsOut, NamedGrade, RoleOut
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
Grade = Annotated[str | None, Query(max_length=20, description="For the title.")]
Numbers = Annotated[bool, Query(description="Write every placement's id.")]


@router.get("/board")
async def board(service: Serving) -> BoardOut:
    """Placements in inches with their mirror images, roles with their numbers and colours, angles, grades,
    limits."""
    wall = service.board
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
            ModelsOut.One(name=one.name, path=(up + one.path) or "./", here=one.here)
            for one in service.offered
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
            draw_climb,
            figure_to_png,
            figure_to_svg,
        )

        bare = None if climb.holds else f"{len(wall)} holds"
        figure = draw_climb(wall, climb, title=bare, numbers=numbers)
        return figure_to_png(figure) if form == "png" else figure_to_svg(figure).encode()

    return await service.picture(draw)
