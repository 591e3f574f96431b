"""The body with which an Aurora app saves a climb: JSON, one object a climb.

Fields as in `save_climb` of BoardLib (github.com/lemeryfertitta/BoardLib, src/boardlib/api/aurora.py), which
sends them as `PUT https://<board's host>/climbs/save`; boardsesh (saveClimb.ts in
github.com/marcodejongh/boardsesh) sends the same ones. A climb for any angle has no `angle` there. The body
has no field for a grade: climbers propose one when they have climbed it, so here the grade asked for stands
in the description. Kilter left Aurora's service in early 2026: its climbs go by link (see `links`) instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.errors import InputError


def create_climbs(
    board: Board,
    climbs: Climbs,
    names: Sequence[str],
    *,
    description: str | None = None,
    setter_id: int | None = None,
    draft: bool = True,
) -> list[dict[str, Any]]:
    """C bodies for C climbs with C names.

    description: of every climb; None for the grade of each, where it has one. setter_id: the user's number
    in the app, which the app asks for. draft: seen by its setter only. A climb keeps its uuid when it is
    written again, so that saving it twice does not make two of it.
    Raises InputError when the board does not know its layout in the app.
    """
    if board.family == "moonboard":
        raise InputError(f"{board.name} is of no Aurora app: its climbs go by link, or as MoonBoard JSON")
    if board.app is None:
        raise InputError(
            f"{board.name} does not know its layout in the app: import it again from the app's database"
        )
    bodies = []
    for frames, climb, name in zip(write_frames(board, climbs), climbs, names, strict=True):
        key = f"{board.family}/{board.app.layout}/{setter_id}/{climb.angle}/{frames}"
        body: dict[str, Any] = {
            "uuid": uuid.uuid5(uuid.NAMESPACE_URL, key).hex.upper(),
            "layout_id": board.app.layout,
            "setter_id": setter_id,
            "name": name,
            "description": _description(climb.grade) if description is None else description,
            "is_draft": draft,
            "frames_count": 1,
            "frames_pace": 0,
            "frames": frames,
        }
        if climb.angle != UNKNOWN:
            body["angle"] = climb.angle
        bodies.append(body)
    return bodies


def _description(grade: int) -> str:
    return "" if grade == UNKNOWN else grade_name(grade)
