"""What clients send. Pydantic refuses what can be told without the board; `reading` does the rest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from setgen.climbing.delivery.forms import Form
from setgen.generators.unmasking import MOST_CALLS
from setgen.serving.settings import Settings

LONGEST_HOLDS = 4000
LONGEST_SELECTION = 8000  # every hold of a large board
LONGEST_TEXT = 32_000
LARGEST_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exact

_HOLDS = (
    "A frames string (`p<placement>r<role>`, one after another), or hole names with a role behind a colon: "
    "`G5:start,G16,C3:foot`; without a role, middle."
)
Holds = Annotated[
    str,
    Field(
        max_length=LONGEST_HOLDS,
        description=_HOLDS,
        examples=["p5r1p16r2"],
    ),
]
Angle = Annotated[
    int | None, Field(ge=0, le=90, description="Wall angle in degrees; null: any.", examples=[40])
]
Grade = Annotated[
    str | None,
    Field(max_length=20, description="Font grade, V grade or both; null: any.", examples=["6c", "V5"]),
]
N = Annotated[
    int, Field(ge=1, le=Settings.most_climbs, description="How many climbs; a server may allow fewer.")
]
Size = Annotated[
    int | None, Field(ge=1, le=1000, description="Holds of every climb, given ones included; null: any.")
]
Seed = Annotated[
    int | None,
    Field(
        ge=0,
        le=LARGEST_SEED,
        description="The same seed gives the same climbs, whatever else the server does; "
        "null: a random one, which the answer names.",
    ),
]
Temperature = Annotated[
    float,
    Field(ge=0, le=10, allow_inf_nan=False, description="Below 1: safer and more alike; above 1: wilder."),
]


Guidance = Annotated[
    float,
    Field(
        ge=-1,
        le=100,
        allow_inf_nan=False,
        description="Above 0: angle and grade are listened to harder, at some cost in variety; two network calls "
        "for one.",
    ),
]
TopP = Annotated[
    float,
    Field(
        gt=0,
        le=1,
        description="Each hold is drawn among the likeliest ones that hold this share. 1: among all.",
    ),
]
Calls = Annotated[
    int | None,
    Field(
        ge=1,
        le=MOST_CALLS,
        description="Network calls for a climb at most: quicker and rougher, of models that reveal several holds "
        "a call. null: one for each hold.",
    ),
]
BestOf = Annotated[
    int,
    Field(
        ge=1,
        le=64,
        description="So many draws for each climb of the answer, which are the best of them: sensible, near the "
        "grade asked for, and unlike one another, the best first. There may be fewer than n. 1: as they are drawn.",
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ConstrainedRequest(_Request):
    """What every climb must keep to, beyond the board's rules."""

    forbid: Annotated[
        str | None,
        Field(
            max_length=LONGEST_SELECTION,
            description="Holds that must not come: `p5,p7` or hole names; `G5:start` in that role only. "
            "null: none.",
            examples=["p17,G20:start"],
        ),
    ] = None
    region: Annotated[
        list[Annotated[float, Field(allow_inf_nan=False)]] | None,
        Field(
            min_length=4,
            max_length=4,
            description="New holds lie inside: left, bottom, right, top in inches, edges included. null: "
            "anywhere.",
            examples=[[0, 0, 80, 130]],
        ),
    ] = None
    hold_sets: Annotated[
        list[Annotated[str, Field(max_length=200)]] | None,
        Field(min_length=1, max_length=50, description="Hold sets that new holds come from; null: any."),
    ] = None
    min_holds: Annotated[
        int | None, Field(ge=1, le=1000, description="Fewest holds of a climb, given ones included.")
    ] = None
    max_holds: Annotated[
        int | None, Field(ge=1, le=1000, description="Most holds of a climb, given ones included.")
    ] = None
    feet: Annotated[
        Literal["any", "marked", "none"],
        Field(description="any: as the model likes; marked: one foot hold at least; none: no foot holds."),
    ] = "any"
    reach: Annotated[
        float | None,
        Field(
            gt=0,
            le=1000,
            description="Inches; new holds lie so near to others, wherever the rest leaves such a hold.",
        ),
    ] = None


class GenerateRequest(ConstrainedRequest):
    """New climbs."""

    angle: Angle = None
    grade: Grade = None
    n: N = 8
    size: Size = None
    seed: Seed = None
    temperature: Temperature = 1.0
    guidance: Guidance = 0.0
    top_p: TopP = 1.0
    calls: Calls = None
    best_of: BestOf = 1
    near: Annotated[
        bool, Field(description="Say which known climb is nearest to each, where the server knows some.")
    ] = False


class CompleteRequest(GenerateRequest):
    """Climbs around holds that are given and stay as they are."""

    holds: Annotated[
        Holds, Field(description=f"{_HOLDS} `?` for a role (`G16:?`, `p16r?`) leaves it to the model.")
    ]


class EditRequest(GenerateRequest):
    """A climb some of whose holds are kept, and the rest drawn anew."""

    holds: Annotated[Holds, Field(description="The whole climb as it is.", examples=["p5r1p16r2p38r2p104r3"])]
    keep: Annotated[
        list[Annotated[int, Field(ge=0, le=10**9)]],
        Field(max_length=1000, description="Placement ids of the holds that stay.", examples=[[5, 104]]),
    ]
    size: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Holds of the new climb; null: as many as it has, or as near to that as can be.",
        ),
    ] = None


class NextRequest(ConstrainedRequest):
    """What would the model add next?"""

    holds: Holds = ""
    angle: Angle = None
    grade: Grade = None
    top: Annotated[int, Field(ge=1, le=100, description="How many single holds to list.")] = 10


class ClimbIn(_Request):
    """A whole climb."""

    holds: Annotated[Holds, Field(examples=["p5r1p16r2p38r2p60r2p104r3"])]
    angle: Angle = None
    grade: Grade = None


Several = Annotated[list[ClimbIn], Field(min_length=1, max_length=Settings.most_climbs)]


class ScoreRequest(_Request):
    """Climbs, to say how likely the model finds each."""

    climbs: Several
    orders: Annotated[int, Field(ge=1, le=16, description="Random orders to average over.")] = 4
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="Seed of the orders.")] = 0


class GradeRequest(_Request):
    """Climbs, to say how hard each is, at its own angle or at others."""

    climbs: Several
    angles: Annotated[
        list[Annotated[int, Field(ge=0, le=90)]],
        Field(max_length=20, description="Angles in degrees; none: each climb's own.", examples=[[30, 40]]),
    ] = []


class SimilarRequest(_Request):
    """Climbs, to say which known ones are near."""

    climbs: Several
    n: Annotated[int, Field(ge=1, le=100, description="How many known climbs for each.")] = 5


class ValidateRequest(_Request):
    """A climb, to say what is wrong with it, if only that it cannot be read."""

    holds: Annotated[
        str,
        Field(
            max_length=LONGEST_HOLDS,
            validation_alias=AliasChoices("holds", "frames"),
            description=f"{_HOLDS} Several frames, separated by commas, too. `frames` is an older name of it.",
            examples=["p5r1p16r2p38r2p104r3"],
        ),
    ]
    angle: Angle = None
    grade: Grade = None


class ConvertRequest(_Request):
    """Climbs in any form that is known, to be read, and written in another."""

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_TEXT,
            description="Climbs as apps, sites and boards have them: frames strings, links, app and MoonBoard JSON, "
            "LED messages, CSV; or hole names.",
            examples=["G5:start,G16,G38,G104:finish"],
        ),
    ]
    to: Annotated[
        Form,
        Field(
            description="The form to write. links and app go where the board has an app, moonboard on MoonBoards."
        ),
    ] = "frames"
    angle: Angle = None
    grade: Grade = None
    name: Annotated[
        str | None, Field(max_length=100, description="Of the climb, for app, links and moonboard.")
    ] = None
    site: Annotated[
        Literal["boardsesh", "climbdex"] | None,
        Field(
            description="For links: boardsesh opens its editor on the climb, climbdex looks for published climbs "
            "with all of its holds. null: boardsesh."
        ),
    ] = None
    level: Annotated[Literal[2, 3] | None, Field(description="For leds: the board's API level. null: 3.")] = (
        None
    )
    description: Annotated[
        str | None, Field(max_length=1000, description="For app. null: the grade of each climb.")
    ] = None
    setter_id: Annotated[
        int | None, Field(ge=1, le=LARGEST_SEED, description="For app: the user's number there.")
    ] = None
    publish: Annotated[bool | None, Field(description="For app: for everyone to see, not a draft.")] = None
    routes: Annotated[
        bool, Field(description="Take a route that switches holds off for all holds it ever lights.")
    ] = False


def example(**fields: Any) -> dict[str, Any]:
    """One entry of an OpenAPI `examples`."""
    return {"value": fields}
