"""The sizes that a layout of an Aurora app comes in: which placements each has, and their LEDs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from setgen.climbing.board import AppIds, Board
from setgen.climbing.sources import rules
from setgen.climbing.sources.aurora_board import is_id, is_number, product_of
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError

# Of the sizes that hold nearly as many climbs as the best one, the smallest is where those climbs are set.
_NEARLY = 0.9


@dataclass(frozen=True, eq=False)
class Size:
    """One size of a layout. inside: (V,) bool over the layout's placements. edges: inches, see Board.

    leds: (V,) LED of each placement on this size, −1 where it has none; None without a table of LEDs.
    """

    id: int
    name: str
    edges: tuple[float, float, float, float]
    inside: np.ndarray
    listed: bool
    leds: np.ndarray | None = None


def sizes(db: SqliteFile, layout: int, board: Board) -> list[Size]:
    """The sizes that this layout comes in; none where the database has no tables of sizes.

    A placement is on a size when it lies strictly within its edges and its hold set is on that size.
    """
    edges = ("edge_left", "edge_right", "edge_bottom", "edge_top")
    if not db.has("product_sizes", "id", *edges):
        return []
    name = "name" if db.has("product_sizes", "name") else "''"
    listed = "is_listed" if db.has("product_sizes", "is_listed") else "1"
    product = product_of(db, layout)
    where = "WHERE product_id = ?" if product is not None and db.has("product_sizes", "product_id") else ""
    rows = db.rows(
        f"SELECT id, {name}, {listed}, {', '.join(edges)} FROM product_sizes {where} ORDER BY id",
        [product] if where else [],
    )
    by_size: dict[int, set[int]] | None = None
    if db.has("product_sizes_layouts_sets", "product_size_id", "layout_id", "set_id"):
        by_size = {}
        for size, set_id in db.rows(
            "SELECT product_size_id, set_id FROM product_sizes_layouts_sets WHERE layout_id = ?", [layout]
        ):
            by_size.setdefault(size, set()).add(set_id)
    set_of = dict(db.rows("SELECT id, set_id FROM placements")) if db.has("placements", "set_id") else {}
    found = []
    x, y = board.xy.T
    for size_id, size_name, is_listed, left, right, bottom, top in rows:
        if not isinstance(size_id, int) or not all(map(is_number, (left, right, bottom, top))):
            continue
        inside = (left < x) & (x < right) & (bottom < y) & (y < top)
        if by_size is not None:
            inside &= np.array([set_of.get(i) in by_size.get(size_id, ()) for i in board.ids.tolist()])
        if inside.any():
            box = (float(left), float(right), float(bottom), float(top))
            label, leds = str(size_name or f"size {size_id}"), _leds(db, layout, size_id, board)
            found.append(Size(size_id, label, box, inside, rules.flag(is_listed) != 0, leds))
    return found


def choose_size(
    db: SqliteFile, found: list[Size], wanted: int | Literal["all"] | None, holds_per_size: dict[int, int]
) -> tuple[Size | None, list[str]]:
    """(size or None for the whole layout, warnings). holds_per_size: climbs that fit on each size id."""
    listing = ", ".join(f"{s.id} ({s.name}, {int(s.inside.sum())} placements)" for s in found) or "none"
    if wanted == "all":
        return None, []
    if wanted is not None:
        for size in found:
            if size.id == wanted:
                return size, []
        raise InputError(f"{db.label} has no size {wanted} of this layout: it has {listing}, or `all`")
    if not found:
        return None, ["the database lists no sizes of this layout: took all of its placements"]
    candidates = [s for s in found if s.listed] or found
    most = max(holds_per_size[s.id] for s in candidates)
    near = [s for s in candidates if holds_per_size[s.id] >= _NEARLY * most]
    best = min(near, key=lambda s: (int(s.inside.sum()), -holds_per_size[s.id], s.id))
    if len(found) == 1:
        return best, []
    return best, [
        f"several sizes: took {best.id} ({best.name}), the smallest that holds at least {_NEARLY:.0%} of the "
        f"climbs that the best one holds; --size chooses among {listing}, or all"
    ]


def on_size(board: Board, size: Size | None) -> Board:
    """The board cut down to a size; its mirror map stays only where every placement has its image."""
    if size is None and board.mirror is None:  # no Aurora layout: a grid, or a board that was cut before
        return board
    inside = np.ones(len(board), dtype=bool) if size is None else size.inside
    assert board.mirror is not None
    new = np.where(inside, np.cumsum(inside) - 1, -1)
    image = board.mirror[inside]
    mirror = np.where(image >= 0, new[image], -1)
    true_mirror = (mirror >= 0).all() and (mirror[mirror] == np.arange(len(mirror))).all()
    used = np.unique(board.hold_set[inside])
    app = board.app and AppIds(
        board.app.layout, None if size is None else size.id, tuple(board.app.sets[s] for s in used)
    )
    return replace(
        board,
        name=board.name if size is None else f"{board.name}, {size.name}",
        ids=board.ids[inside],
        xy=board.xy[inside],
        hold_set=np.searchsorted(used, board.hold_set[inside]),
        hold_set_names=tuple(board.hold_set_names[s] for s in used),
        hole_names=tuple(n for n, keep in zip(board.hole_names, inside, strict=True) if keep),
        edges=None if size is None else size.edges,
        mirror=mirror if true_mirror else None,
        app=app,
        leds=None if size is None or size.leds is None else size.leds[inside],
    )


def _leds(db: SqliteFile, layout: int, size: int, board: Board) -> np.ndarray | None:
    """(V,) LED of each placement on a size: the one of its hole, which the table `leds` lists by size."""
    if not db.has("leds", "product_size_id", "hole_id", "position"):
        return None
    rows = db.rows(
        "SELECT p.id, l.position FROM leds AS l JOIN placements AS p ON p.hole_id = l.hole_id "
        "WHERE l.product_size_id = ? AND p.layout_id = ?",
        [size, layout],
    )
    led = {placement: position for placement, position in rows if is_id(position)}
    return np.array([led.get(i, -1) for i in board.ids.tolist()]) if led else None
