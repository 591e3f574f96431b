"""The wall in an Aurora app database: layouts, placements and roles joined by name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from setgen.climbing.board import AppIds, Board, Limits
from setgen.climbing.roles import Role, role_from_name
from setgen.climbing.sources.sqlite_file import SqliteFile
from setgen.errors import InputError


def choose_layout(
    db: SqliteFile,
    wanted: int | str | None,
    climbs_per_layout: Mapping[Any, int],
    grids: Mapping[int, str] | None = None,
) -> tuple[int, str, list[str]]:
    """(id, name, warnings) of the layout asked for, by id or name, or of the one with the most climbs.

    grids: the layouts whose holds no table lists, and their names.
    """
    climbs = Counter(climbs_per_layout)
    titles = db.rows("SELECT id, name FROM layouts") if db.has("layouts", "id", "name") else []
    names = {i: str(name) for i, name in titles if name} | dict(grids or {})
    holds: dict[Any, int] = dict.fromkeys(grids or (), 1)
    if not grids:
        holds = dict(db.rows("SELECT layout_id, count(*) FROM placements GROUP BY layout_id"))

    def listing(ids: list[int]) -> str:
        return ", ".join(f"{i} ({names.get(i, 'no name')}, {climbs[i]} climbs)" for i in ids)

    known = sorted(i for i in {*names, *holds, *climbs} if isinstance(i, int))
    full = [i for i in known if holds.get(i) and climbs[i]]
    if isinstance(wanted, str):
        wanted = next((i for i in known if names.get(i, "").lower() == wanted.lower()), wanted)
    if wanted is not None:
        if not isinstance(wanted, int) or wanted not in known:
            raise InputError(f"{db.label} has no layout {wanted}: it has {listing(full or known)}")
        if wanted not in full:
            lacks = "climbs" if holds.get(wanted) else "placements"
            others = f"choose one of {listing(full)}" if full else "and no other layout has both"
            raise InputError(f"layout {wanted} of {db.label} is empty, it has no {lacks}: {others}")
        return wanted, names.get(wanted, f"layout {wanted}"), []
    if not full:
        raise InputError(f"{db.label} is empty: no layout has both placements and climbs")
    best = max(full, key=lambda i: (climbs[i], -i))
    warnings = []
    if len(full) > 1:
        warnings.append(
            f"several layouts: took {listing([best])}, the one with the most climbs; "
            f"--layout chooses among {listing(full)}"
        )
    return best, names.get(best, f"layout {best}"), warnings


def layout_board(db: SqliteFile, layout: int, name: str, family: str = "aurora") -> Board:
    """The whole layout as a board; angles are left empty where the database does not list them.

    family: of a database that does not name its products.
    """
    set_id = "p.set_id" if db.has("placements", "set_id") else "0"
    hole_name = "h.name" if db.has("holes", "name") else "''"
    mirrored = "h.mirrored_hole_id" if db.has("holes", "mirrored_hole_id") else "NULL"
    rows = db.rows(
        f"SELECT p.id, h.x, h.y, {set_id}, {hole_name}, h.id, {mirrored} FROM placements AS p "
        "JOIN holes AS h ON h.id = p.hole_id WHERE p.layout_id = ? ORDER BY p.id",
        [layout],
    )
    # A column may hold anything; and an id listed twice counts once.
    rows = list({r[0]: r for r in rows if is_id(r[0]) and is_number(r[1]) and is_number(r[2])}.values())
    if not rows:
        raise InputError(f"layout {layout} of {db.label} is empty: none of its placements has a hole")
    ids, x, y, sets, hole_names, holes, mirrors = zip(*rows, strict=True)
    set_ids = sorted(set(sets), key=lambda s: (s is None, str(type(s)), s))
    titles = dict(db.rows("SELECT id, name FROM sets")) if db.has("sets", "id", "name") else {}
    product = product_of(db, layout)
    role_ids, role_colors = _roles(db, product, "screen_color")
    place = {(hole, s): i for i, (hole, s) in enumerate(zip(holes, sets, strict=True))}
    return Board(
        name=name,
        family=_family(db, product, family),
        ids=np.array(ids, dtype=np.int64),
        xy=np.array([x, y], dtype=np.float64).T,
        hold_set=np.array([set_ids.index(s) for s in sets]),
        hold_set_names=tuple(str(titles.get(s, f"set {s}")) for s in set_ids),
        hole_names=tuple(str(n or "") for n in hole_names),
        role_ids=role_ids,
        role_colors=role_colors,
        angles=_angles(db, product),
        limits=_limits(db, product),
        mirror=np.array([place.get((m, s), -1) for m, s in zip(mirrors, sets, strict=True)]),
        app=AppIds(layout, None, tuple(set_ids)) if set_id != "0" and all(map(is_id, set_ids)) else None,
        led_colors=_roles(db, product, "led_color")[1],
    )


def is_id(value: object) -> bool:
    """Whether a frames string can name it."""
    return isinstance(value, int) and value >= 0


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def product_of(db: SqliteFile, layout: int) -> int | None:
    """The product that a layout is of, by its own row or, where there is none, by its holes."""
    if db.has("layouts", "id", "product_id"):
        rows = db.rows("SELECT product_id FROM layouts WHERE id = ?", [layout])
        if rows and rows[0][0] is not None:
            return rows[0][0]
    if not db.has("holes", "product_id"):
        return None
    rows = db.rows(
        "SELECT DISTINCT h.product_id FROM placements AS p JOIN holes AS h ON h.id = p.hole_id "
        "WHERE p.layout_id = ?",
        [layout],
    )
    return rows[0][0] if len(rows) == 1 else None


def _roles(db: SqliteFile, product: int | None, color_column: str) -> tuple[dict[Role, int], dict[Role, str]]:
    """(number, colour) of each role; a colour that is not six hexadecimal digits is left out."""
    color = color_column if db.has("placement_roles", color_column) else "NULL"
    where = "WHERE product_id = ?" if product is not None and db.has("placement_roles", "product_id") else ""
    rows = db.rows(
        f"SELECT id, name, {color} FROM placement_roles {where} ORDER BY id", [product] if where else []
    )
    numbers: dict[Role, int] = {}
    colors: dict[Role, str] = {}
    for number, name, value in rows:
        role = role_from_name(str(name))
        if role is None or not is_id(number):
            continue
        if role in numbers and not where:
            raise InputError(f"{db.label} has several products but does not say whose the roles are")
        numbers.setdefault(role, number)
        if re.fullmatch(r"#?[0-9A-Fa-f]{6}", str(value)):
            colors.setdefault(role, "#" + str(value).lstrip("#"))
    if not numbers:
        raise InputError(f"{db.label} names no start, middle, finish or foot role for product {product}")
    return dict(sorted(numbers.items())), dict(sorted(colors.items()))


def _family(db: SqliteFile, product: int | None, otherwise: str) -> str:
    if product is not None and db.has("products", "id", "name"):
        rows = db.rows("SELECT name FROM products WHERE id = ?", [product])
        if rows and rows[0][0]:
            return str(rows[0][0]).split()[0].lower()
    return otherwise


def _angles(db: SqliteFile, product: int | None) -> tuple[int, ...]:
    if product is None or not db.has("products_angles", "product_id", "angle"):
        return ()
    rows = db.rows(
        "SELECT DISTINCT angle FROM products_angles WHERE product_id = ? ORDER BY angle", [product]
    )
    return tuple(int(a) for (a,) in rows if is_number(a) and abs(a) <= 90)


def _limits(db: SqliteFile, product: int | None) -> Limits:
    if product is not None and db.has("products", "id", "min_count_in_frame", "max_count_in_frame"):
        rows = db.rows("SELECT min_count_in_frame, max_count_in_frame FROM products WHERE id = ?", [product])
        if rows and all(map(is_id, rows[0])):
            return Limits(holds=rows[0])
    return Limits()
