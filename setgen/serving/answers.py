"""What the server answers, as pydantic models: the OpenAPI page is made of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

Rules = Annotated[list[str], Field(description="The rules that are broken; none: it keeps them all.")]


class HoldOut(BaseModel):
    """A hold in a climb; x and y in inches from the board's lower left corner."""

    id: int = Field(examples=[5])
    name: str = Field(examples=["G5"])
    x: float = Field(examples=[60.0])
    y: float = Field(examples=[24.0])
    role: str = Field(examples=["start"])


class GradeOut(BaseModel):
    """A grader's answer: the median of its distribution, and where four out of five fall."""

    angle: int | None = Field(description="Degrees; null: any.", examples=[40])
    grade: str = Field(examples=["6c"])
    v_grade: str = Field(examples=["V5"])
    difficulty: float = Field(description="Mean difficulty id, 10 (4a) to 33 (8c+).", examples=[20.3])
    probability: float = Field(description="Of this very grade.", examples=[0.41])
    lowest: str = Field(description="10 % quantile.", examples=["6b+"])
    highest: str = Field(description="90 % quantile.", examples=["6c+"])


class KnownOut(BaseModel):
    """How a known climb is set: at which angle, and its grade there."""

    angle: int | None = Field(description="Degrees; null: not known.", examples=[40])
    grade: str | None = Field(description="Font; null: not known.", examples=["6c"])
    v_grade: str | None = Field(examples=["V5"])


class NearOut(BaseModel):
    """A known climb that is near."""

    frames: str = Field(description="The known climb.", examples=["p5r1p16r2p38r2p104r3"])
    similarity: float = Field(
        description="Holds in their roles that both have, of those that either has; 1: the same climb.",
        examples=[0.6],
    )
    mirrored: bool = Field(description="It is the mirror image of the climb that is so near.")
    added: list[HoldOut] = Field(
        description="What the climb, or its mirror image, has and the known one has not."
    )
    removed: list[HoldOut] = Field(description="What the known climb has, and the climb has not.")
    known: list[KnownOut] = Field(description="Every angle that it is known at.")


class ClimbOut(BaseModel):
    """A climb, what was asked of it, and what is to be said of it."""

    frames: str = Field(examples=["p5r1p16r2p38r2p104r3"])
    holds: list[HoldOut]
    angle: int | None = Field(description="As asked.", examples=[40])
    grade: str | None = Field(description="As asked, Font.", examples=["6c"])
    v_grade: str | None = Field(examples=["V5"])
    legal: bool
    breaks: Rules
    partial: bool = Field(
        description="Nothing is wrong with it but that holds, a start or a finish are still to come."
    )
    sensible: bool | None = Field(
        description="Nothing about it is rare in real climbs; null: not known, or it lacks a start or a finish."
    )
    unusual: Annotated[list[str], Field(description="What is rare in real climbs.")]
    predicted: GradeOut | None = Field(
        description="What the grader says; null: there is no grader, or the climb lacks a start or a finish."
    )
    grade_difference: float | None = Field(
        description="Difficulty ids that the grader's mean lies above the grade asked for; null: not known.",
        examples=[0.3],
    )
    near: NearOut | None = Field(
        default=None, description="The nearest known climb; null: not asked for, or none shares a hold."
    )


class ConvertedOut(BaseModel):
    """Climbs as they were read, and as they are written."""

    climbs: list[ClimbOut]
    text: str = Field(
        description="In the form asked for: a line a climb, but one JSON document for MoonBoards."
    )
    note: str | None = Field(description="What to know of this form on this board.")


class ClimbsOut(BaseModel):
    """Climbs, and the seed that gives them again."""

    seed: int = Field(examples=[7])
    climbs: list[ClimbOut]


class ScoreOut(BaseModel):
    frames: str
    log2_likelihood: float | None = Field(
        description="Lower bound on log₂ p(climb | angle, grade); null: the model finds it impossible."
    )
    bits_per_hold: float | None = Field(description="Minus that, for each hold: fewer, more likely.")


class ScoresOut(BaseModel):
    orders: int
    climbs: list[ScoreOut]


class GradedOut(BaseModel):
    frames: str
    grades: list[GradeOut] = Field(description="One for each angle asked for.")


class GradesOut(BaseModel):
    climbs: list[GradedOut]


class SimilarClimbOut(BaseModel):
    frames: str
    near: list[NearOut] = Field(description="The nearest first; none: no known climb shares a hold.")


class SimilarOut(BaseModel):
    climbs: list[SimilarClimbOut]


class PlacementOut(BaseModel):
    id: int = Field(examples=[5])
    probability: float = Field(description="That the next hold is on it, in any role.", examples=[0.031])
    role: str = Field(description="The likeliest role of it.", examples=["middle"])


class ElementOut(BaseModel):
    id: int = Field(examples=[5])
    role: str = Field(examples=["middle"])
    probability: float = Field(examples=[0.029])


class NextOut(BaseModel):
    """The distribution of the next hold. Both lists are empty where none may follow."""

    top: list[ElementOut] = Field(description="The likeliest holds, the likeliest first.")
    placements: list[PlacementOut] = Field(description="Every placement that may come, by its id.")


class ValidOut(BaseModel):
    """What is to be said of a climb."""

    readable: bool = Field(description="It names holds of this board.")
    problem: str | None = Field(description="What is wrong with it where it is not.")
    climb: ClimbOut | None = Field(description="The climb it stands for; null where it cannot be read.")
    frames_count: int = Field(description="How many frames it has; the climb is their union.")


class RoleOut(BaseModel):
    role: str = Field(examples=["start"])
    id: int = Field(description="Its number in frames strings.", examples=[1])
    color: str | None = Field(examples=["#00DD00"])


class BoardPlacement(BaseModel):
    id: int
    name: str
    x: float
    y: float
    hold_set: int = Field(description="Index into hold_sets.")
    mirror: int | None = Field(description="Id of its mirror image; null: it has none.")


class NamedGrade(BaseModel):
    grade: str = Field(examples=["6c"])
    v_grade: str = Field(examples=["V5"])
    difficulty: int = Field(examples=[20])


class BoardOut(BaseModel):
    """The board: placements in inches, y up, and what its app accepts."""

    name: str
    synthetic: bool = Field(description="Made up; no such board can be bought.")
    extent: dict[str, float] = Field(description="left, right, bottom, top in inches.")
    hold_sets: list[str]
    placements: list[BoardPlacement]
    roles: list[RoleOut] = Field(description="Those that holds may have.")
    angles: list[int]
    grades: list[NamedGrade]
    limits: dict[str, tuple[int, int]] = Field(description="Fewest and most holds, starts, finishes.")
    sites: list[str] = Field(
        description="Sites that links to climbs of it can be made for.", examples=[["boardsesh"]]
    )


class ModelOut(BaseModel):
    """The model card."""

    generator: str = Field(examples=["masked_set"])
    config: dict[str, Any]
    parameters: int
    board: str
    synthetic: bool
    version: str
    grader: bool = Field(description="Climbs are graded.")
    known: int = Field(
        description="Known climbs that others are compared with; 0: none, `--data` gives some."
    )
    sensible: list[dict[str, Any]] | None = Field(description="The soft rules and their thresholds.")
    limits: dict[str, float] = Field(description="What one request may ask for.")
    card: dict[str, Any] = Field(description="How the model was made and what was measured, as recorded.")


class OfferedOut(BaseModel):
    name: str = Field(examples=["Kilter Board Original, sweep_set"])
    path: str = Field(description="Of its page, from the page of this one.", examples=["./"])
    here: bool = Field(description="It is this one.")


class ModelsOut(BaseModel):
    """The models of this server, each with a page and an API of its own."""

    models: list[OfferedOut]


class HealthOut(BaseModel):
    status: str = Field(examples=["ok"])
    waiting: int = Field(description="Climbs in the queue.")
