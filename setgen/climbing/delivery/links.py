"""Links that open a climb on boardsesh or Climbdex, made and read.

boardsesh opens its editor on any climb: `constructCreateClimbUrl` in packages/web/app/lib/url-utils.ts of
github.com/boardsesh/boardsesh gives `/<board>/<layout>/<size>/<sets>/<angle>/create?forkFrames=…&forkName=…`,
and its pages take the app's numbers (`/kilter/1/10/1,20/40/…`, url-utils.server.ts there) as well as names.

A MoonBoard's layouts, sets and holds have boardsesh's own numbers there (see `sources.setups`).

Climbdex has no link to a climb that is not published: its editor `/create` starts empty (climbdex/views.py of
github.com/lemeryfertitta/Climbdex). What it has is a search by holds, `/results?…&holds=<frames>` (an example
in its README, the parameters in climbdex/db.py): the published climbs that use all holds of this one.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

from setgen.climbing.board import AppIds, Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.frames import write_frames
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.sources.setups import by_layout, setup_in_name
from setgen.errors import InputError

SITES = ("boardsesh", "climbdex")

# The boards that each site serves. Ours are named by the first word of the product ("So iLL Board").
_NAMES = {"so": "soill"}
_SERVED = {
    "boardsesh": ("kilter", "tension", "moonboard", "decoy", "touchstone", "grasshopper", "soill"),
    "climbdex": ("kilter", "tension", "decoy", "touchstone", "grasshopper"),
}
_PARAMETERS = {"boardsesh": "forkFrames", "climbdex": "holds"}
_PUBLISHED = re.compile(r"/(?:(-?\d{1,9})/)?(?:view|play)/([^/]+)/?$")
_UUID = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", re.IGNORECASE)
_ANGLE_IN_PATH = re.compile(r"/(-?\d+)/create/?$")


def boardsesh_links(board: Board, climbs: Climbs, names: list[str]) -> list[str]:
    """C links that open boardsesh's editor on C climbs, under C names.

    Raises InputError for a climb without an angle, and for a board that boardsesh cannot find.
    """
    begin = boardsesh_address(board)
    links = []
    for i, (frames, climb) in enumerate(zip(write_frames(board, climbs), climbs, strict=True)):
        if climb.angle == UNKNOWN:
            raise InputError(f"climb {i + 1} has no angle, and a boardsesh link needs one: give an angle")
        query = urlencode({"forkFrames": frames, "forkName": names[i]})
        links.append(f"{begin}/{climb.angle}/create?{query}")
    return links


def boardsesh_address(board: Board) -> str:
    """Where boardsesh has the board; its editor is at `/<angle>/create` below. Raises InputError for no place."""
    app, name = _wall(board, "boardsesh")
    sets = quote(",".join(map(str, app.sets)), safe=",")
    return f"https://www.boardsesh.com/{name}/{app.layout}/{app.size}/{sets}"


def sites_of(board: Board) -> list[str]:
    """The sites that links to climbs of the board can be made for."""
    found = []
    for site in SITES:
        try:
            _wall(board, site)
        except InputError:
            continue
        found.append(site)
    return found


def climbdex_searches(board: Board, climbs: Climbs) -> list[str]:
    """C links to Climbdex's search for published climbs that contain all holds of C climbs, roles and all.

    At the climb's angle, or any; of every grade and quality. Raises InputError for a board that Climbdex
    cannot find.
    """
    app, name = _wall(board, "climbdex")
    frames = write_frames(board, climbs)
    return [_search(board, app, name, f, c) for f, c in zip(frames, climbs, strict=True)]


def read_link(link: str) -> tuple[str, int | None]:
    """(frames string, angle or None) that a link carries. Raises InputError where it carries no frames."""
    parts = _parts(link)
    query = parse_qs(parts.query)
    frames = next((query[p][0] for p in _PARAMETERS.values() if p in query), None)
    if frames is None:
        if _PUBLISHED.search(parts.path):
            raise InputError(
                "this link names a published climb and does not carry its holds: give --board a dataset that has "
                "the climb (a server: --data), or the address of the editor with the climb in it "
                "(…/create?forkFrames=…)"
            )
        known = " or ".join(f"{p}= ({site})" for site, p in _PARAMETERS.items())
        raise InputError(f"this link carries no climb: it needs {known}")
    angle = _ANGLE_IN_PATH.search(parts.path)
    text = angle[1] if angle else query.get("angle", ["any"])[0]
    return frames, int(text) if re.fullmatch(r"-?\d{1,3}", text) else None


def published_climb(link: str) -> tuple[str, int | None] | None:
    """(uuid in capitals, angle or None) of a boardsesh link to a published climb; None for any other link."""
    match = _PUBLISHED.search(_parts(link).path)
    if match is None:
        return None
    uuid = _UUID.search(match[2])  # behind the climb's name
    return (uuid[0] if uuid else match[2]).upper(), int(match[1]) if match[1] else None


def check_link(board: Board, link: str) -> None:
    """Raise InputError when a boardsesh link is of another board, or of another layout of it.

    `/kilter/1/10/1,20/40/…` by numbers, `/moonboard/masters-2017/…` by names; `/b/…`, a wall of somebody's,
    says neither.
    """
    parts = [part for part in _parts(link).path.split("/") if part]
    site, layout = [*parts, "", ""][:2]
    if site not in _SERVED["boardsesh"]:
        return
    name = _NAMES.get(board.family, board.family)
    if site != name:
        raise InputError(f"this link is of a climb on the board {site}, and {board.name} is another")
    number = int(layout) if layout.isdecimal() else None
    if site == "moonboard" and (number is None or by_layout(number) is None):
        setup = setup_in_name(layout)
        number = None if setup is None else setup.layout
    if number is not None and board.app is not None and number != board.app.layout:
        raise InputError(f"this link is of a climb on layout {layout} of {site}, and {board.name} is another")


def _parts(link: str) -> SplitResult:
    """Raises InputError for what is no link."""
    try:
        return urlsplit(link.strip())
    except ValueError as error:
        raise InputError(f"this is no link ({error})") from None


def _search(board: Board, app: AppIds, name: str, frames: str, climb: Climb) -> str:
    query = [
        ("minGrade", board.grades[0]),
        ("maxGrade", board.grades[-1]),
        ("angle", "any" if climb.angle == UNKNOWN else climb.angle),
        ("minAscents", 0),
        ("sortBy", "ascents"),
        ("sortOrder", "desc"),
        ("minRating", "0.0"),
        ("onlyClassics", 0),
        ("gradeAccuracy", 1),
        ("holds", frames),
        ("board", name),
        ("layout", app.layout),
        ("size", app.size),
        *(("set", s) for s in app.sets),
        ("roleMatch", "strict"),
    ]
    return f"https://climbdex.com/results?{urlencode(query)}"


def _wall(board: Board, site: str) -> tuple[AppIds, str]:
    """(the app's numbers, the site's name) of a board."""
    name = _NAMES.get(board.family, board.family)
    if name not in _SERVED[site]:
        served = ", ".join(_SERVED[site])
        raise InputError(f"{site} has no links to climbs of {board.name}: it serves {served}")
    if name == "moonboard" and board.app is None:
        raise InputError(
            f"{board.name} does not know its hold setup, which a link needs: import it again, with "
            "--layout for the setup"
        )
    if board.app is None or board.app.size is None:
        raise InputError(
            f"{board.name} does not know its layout and size in the app, which a link needs: import it again "
            "from the app's database, and for one size (--size)"
        )
    return board.app, name
