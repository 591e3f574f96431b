"""Tiny made-up databases in the Aurora schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

SCHEMA = """
CREATE TABLE products (id INT, name TEXT, min_count_in_frame INT, max_count_in_frame INT);
CREATE TABLE layouts (id INT, product_id INT, name TEXT);
CREATE TABLE sets (id INT, name TEXT);
CREATE TABLE product_sizes (id INT, product_id INT, name TEXT, is_listed INT,
    edge_left INT, edge_right INT, edge_bottom INT, edge_top INT);
CREATE TABLE product_sizes_layouts_sets (id INT, product_size_id INT, layout_id INT, set_id INT);
CREATE TABLE products_angles (product_id INT, angle INT);
CREATE TABLE holes (id INT, product_id INT, name TEXT, x INT, y INT, mirrored_hole_id INT);
CREATE TABLE placements (id INT, layout_id INT, hole_id INT, set_id INT);
CREATE TABLE placement_roles (id INT, product_id INT, name TEXT, screen_color TEXT);
CREATE TABLE climbs (uuid TEXT, layout_id INT, angle INT, frames_count INT, frames TEXT,
    is_draft INT, is_listed INT);
CREATE TABLE climb_stats (climb_uuid TEXT, angle INT, ascensionist_count INT, difficulty_average FLOAT,
    quality_average FLOAT);
"""

# Layout 1: Tension-like, roles 1–4, a 4 × 4 grid of holes that mirrors. Placement id = 100 + hole id.
# Hole i (0…15) lies at x = 10 + 10·(i mod 4), y = 10 + 10·(i div 4); set 1 for even i, set 2 for odd i.
# Layout 2: TB2-like, roles 5–8, placements 201 and 202 and 203; 203 has no mirror image.


def fill(db: sqlite3.Connection) -> None:
    db.executescript(SCHEMA)
    db.executemany(
        "INSERT INTO products VALUES (?, ?, 2, 10)", [(4, "Tension Board"), (5, "Tension Board 2")]
    )
    db.executemany("INSERT INTO layouts VALUES (?, ?, ?)", [(1, 4, "Original"), (2, 5, "Two")])
    db.executemany("INSERT INTO sets VALUES (?, ?)", [(1, "Wood"), (2, "Plastic")])
    sizes = [(1, "full", 0, 50, 0, 50), (2, "low", 0, 50, 0, 40), (3, "wood only", 0, 50, 0, 50)]
    db.executemany("INSERT INTO product_sizes VALUES (?, 4, ?, 1, ?, ?, ?, ?)", sizes)
    pairs = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]
    db.executemany("INSERT INTO product_sizes_layouts_sets VALUES (0, ?, 1, ?)", pairs)
    db.executemany("INSERT INTO products_angles VALUES (4, ?)", [(20,), (40,)])
    for i in range(16):
        mirror = 4 * (i // 4) + 3 - i % 4
        db.execute(
            "INSERT INTO holes VALUES (?, 4, ?, ?, ?, ?)",
            (i, f"H{i}", 10 + 10 * (i % 4), 10 + 10 * (i // 4), mirror),
        )
        db.execute("INSERT INTO placements VALUES (?, 1, ?, ?)", (100 + i, i, 1 + i % 2))
    holes = [(31, 0, 0, 32), (32, 10, 0, 31), (33, 20, 10, None)]
    db.executemany("INSERT INTO holes VALUES (?, 5, '', ?, ?, ?)", holes)
    db.executemany("INSERT INTO placements VALUES (?, 2, ?, 1)", [(201, 31), (202, 32), (203, 33)])
    names = ("start", "middle", "finish", "foot")
    for product, first in ((4, 1), (5, 5)):
        for i, name in enumerate(names):
            row = (first + i, product, name, f"0000{first + i:02d}")
            db.execute("INSERT INTO placement_roles VALUES (?, ?, ?, ?)", row)


CLIMBS = [
    # uuid, layout, angle, frames_count, frames, draft, listed; stats: (angle, ascents, difficulty, quality)
    (("aa", 1, None, 1, "p100r1p105r2p110r3", 0, 1), [(20, 5, 15.6, 2.9), (40, 1, 18.4, 2.0)]),
    (("bb", 1, 40, 1, "p101r1p106r4p108r3", 0, 1), [(40, 2, 20.0, 3.0)]),
    (("cc", 1, 40, 1, "p101r1p106r4p114r3", 0, 1), [(40, 2, 20.0, 3.0)]),  # 114 is above size 2
    (("dd", 1, 40, 1, "p101r1p109r3", 1, 1), [(40, 2, 20.0, 3.0)]),  # draft
    (("ee", 1, 40, 1, "p101r1p109r3", 0, 0), [(40, 2, 20.0, 3.0)]),  # unlisted
    (("ff", 1, 40, 1, "p101r1p109r3", 0, 1), []),  # no grade
    (("gg", 1, 40, 2, 'p101r1,"p105r2p109r3', 0, 1), [(40, 2, 20.0, 3.0)]),  # a route
    (("hh", 1, 40, 1, "p101r5p109r3", 0, 1), [(40, 2, 20.0, 3.0)]),  # another product's role
    (("ii", 1, 40, 1, "p101r1p202r3", 0, 1), [(40, 2, 20.0, 3.0)]),  # another layout's hold
    (("jj", 1, 40, 1, "p101r1p102r1p103r1p109r3", 0, 1), [(40, 2, 20.0, 3.0)]),  # three starts
    (("kk", 1, 40, 1, "p100r1p109r3", 0, 1), [(35, 2, 20.0, 3.0)]),  # an angle that is not listed
    (("ll", 1, 40, 1, "p100r1p107r3", 0, 1), [(40, 2, 36.0, 3.0)]),  # 9b: off the scale
    (("mm", 2, 40, 1, "p201r5p202r6p203r7", 0, 1), [(40, 2, 20.0, 3.0)]),
]


def insert(db: sqlite3.Connection, climbs: list = CLIMBS) -> None:
    for row, stats in climbs:
        db.execute("INSERT INTO climbs VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        for line in stats:
            # The apps' tables disagree on the case of uuids.
            db.execute("INSERT INTO climb_stats VALUES (?, ?, ?, ?, ?)", (row[0].upper(), *line))


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a database: with our climbs, or those given, changed by SQL statements."""

    def write(*statements: str, climbs: list = CLIMBS) -> Path:
        path = tmp_path / "any name.bin"
        path.unlink(missing_ok=True)
        db = sqlite3.connect(path)
        db.execute("PRAGMA synchronous = OFF")  # nothing here must outlive a power cut
        fill(db)
        insert(db, climbs)
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()
        return path

    return write
