"""Reading sets of any kind: baskets, one set a line, and long tables, one element a line."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from setgen.errors import InputError
from setgen.sets.dataset import SetDataset
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items, Label
from setgen.sets.splits import SHARES, SPLITS, split_of

_MOST_VALUES = 200
CARD_FORMAT = 1
_TWICE = "an item named twice counts once"


def rows_of(text: str) -> list[list[str]]:
    """The cells of a text of lines, split at commas, semicolons or tabs, whichever its first lines hold most
    of. Raises InputError where quotes do not close."""
    lines = text.splitlines()
    head = "\n".join(lines[:20])
    if lines and lines[0].strip().lower().startswith("sep="):
        delimiter, lines = lines[0].strip()[4:5], lines[1:]
    else:
        delimiter = max(",;\t", key=head.count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter or ",")]
    except csv.Error as error:
        raise InputError(f"the table cannot be read: {error}") from None


def is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the rows are a long table: the first names columns `set` and `item`."""
    return bool(rows) and {"set", "item"} <= {cell.lower() for cell in rows[0]}


def looks_like_baskets(rows: Sequence[Sequence[str]]) -> bool:
    """Whether unnamed rows read as baskets: several in most lines, or nothing but whole numbers."""
    some = [row for row in rows[:1000] if any(row)]
    several = sum(len(row) > 1 for row in some)
    numbers = all(cell.lstrip("-").isdigit() for row in some for cell in row if cell)
    return bool(some) and (several > 0.3 * len(some) or numbers)


class Builder:
    """Collects sets by name, and the reason for each that is left out."""

    def __init__(self) -> None:
        self.elements: dict[str, dict[str, str]] = {}  # set → item → label
        self.told: dict[str, dict[str, str]] = {}  # set → condition → value
        self.bad: dict[str, str] = {}  # set → why it is left out
        self.rows_read = 0
        self.bad_rows: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()

    def add(self, key: str, item: str, label: str, told: dict[str, str]) -> None:
        """One element of the set `key`."""
        mine = self.elements.setdefault(key, {})
        if not item:
            self.bad.setdefault(key, "an item without a name")
        elif mine.get(item, label) != label:
            self.bad.setdefault(key, "an item with two labels")
        elif item in mine:
            self.notes[_TWICE] += 1
        mine[item] = label
        known = self.told.setdefault(key, {})
        for name, value in told.items():
            if value and known.setdefault(name, value) != value:
                self.bad.setdefault(key, f"two values of {name}")


def read_baskets(rows: Sequence[Sequence[str]]) -> Builder:
    """One set a row, a cell an item. Empty lines are left out and counted."""
    found = Builder()
    for number, row in enumerate(rows, 1):
        found.rows_read += 1
        while row and not row[-1]:  # spreadsheets end short lines in empty cells
            row = row[:-1]
        if not row:
            found.bad_rows["an empty line"] += 1
            continue
        for item in row:
            found.add(str(number), item, "", {})
    return found


def read_table(rows: Sequence[Sequence[str]], without: Sequence[str] = ()) -> Builder:
    """A long table: columns set, item, optionally label; every further one is a condition of the set.

    without: columns to leave out. Raises InputError for a header that cannot be meant.
    """
    header = [cell.lower() for cell in rows[0]]
    twice = [name for name, n in Counter(header).items() if n > 1]
    if twice:
        raise InputError(f"the table has the column {twice[0]!r} twice: rename one")
    unknown = [name for name in without if name.lower() not in header]
    if unknown:
        raise InputError(f"there is no column {unknown[0]!r} to leave out: there are {', '.join(header)}")
    skipped = {name.lower() for name in without}
    told = [name for name in header if name not in {"set", "item", "label"} | skipped and name]
    for name in told:
        if name in ("id", "split"):
            raise InputError(f"a condition cannot be called {name!r}: rename the column, or leave it out")
    at = {name: i for i, name in enumerate(header)}
    found = Builder()
    for row in rows[1:]:
        if not any(row):
            continue
        found.rows_read += 1
        if len(row) != len(header):
            found.bad_rows[f"{len(row)} cells where the header has {len(header)}"] += 1
            # A row that cannot be read makes its set incomplete, where it says which.
            if len(row) > at["set"] and row[at["set"]]:
                found.elements.setdefault(row[at["set"]], {})
                found.bad.setdefault(row[at["set"]], "a row that cannot be read")
            continue
        if not row[at["set"]]:
            found.bad_rows["no name of a set"] += 1
            continue
        label = row[at["label"]] if "label" in at and "label" not in skipped else ""
        found.add(row[at["set"]], row[at["item"]], label, {name: row[at[name]] for name in told})
        if "label" in at and "label" not in skipped and not label:
            found.bad.setdefault(row[at["set"]], "an item without a label")
    return found


def read_items(rows: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Names, (V, D) coordinates and groups of an items file with columns item, and x, y, z and group, as there
    are. Raises InputError for what cannot be read: here every row counts."""
    if not rows:
        raise InputError("the items file is empty: it needs a header such as item,x,y,group")
    header = [cell.lower() for cell in rows[0]]
    if "item" not in header:
        raise InputError(f"the items file has no column `item`: it has {', '.join(header)}")
    axes = [name for name in ("x", "y", "z") if name in header]
    at = {name: i for i, name in enumerate(header)}
    names, xy, groups = [], [], []
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        if len(row) != len(header) or not row[at["item"]]:
            raise InputError(f"line {number} of the items file is not {', '.join(header)}")
        names.append(row[at["item"]])
        try:
            place = [float(row[at[axis]]) for axis in axes]
        except ValueError:
            place = [math.nan]
        if not all(map(math.isfinite, place)):
            raise InputError(
                f"line {number} of the items file: {', '.join(axes)} of {names[-1]} are no numbers"
            )
        xy.append(place)
        if "group" in at:
            groups.append(row[at["group"]])
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputError(f"the items file names {twice[0]!r} twice")
    return names, np.array(xy) if axes else None, groups if "group" in at else None


def build(
    found: Builder,
    name: str,
    source: dict[str, Any],
    *,
    items: tuple[list[str], np.ndarray | None, list[str] | None] | None = None,
    by_set: bool = True,
    shares: Sequence[float] = SHARES,
    seed: int = 1,
) -> SetDataset:
    """The dataset of what was read. items: as `read_items`. Raises InputError when nothing is left."""
    names = items[0] if items else _sorted({i for mine in found.elements.values() for i in mine if i})
    index = {item: i for i, item in enumerate(names)}
    for key, mine in found.elements.items():
        if any(item and item not in index for item in mine):
            found.bad.setdefault(key, "an item that the items file lacks")
        if not mine:
            found.bad.setdefault(key, "no items")
    kept = [key for key in found.elements if key not in found.bad]
    reasons = Counter(found.bad.values())
    if not kept:
        said = "; ".join(f"{why}: {n}" for why, n in (reasons + found.bad_rows).most_common(4))
        raise InputError(f"no set is left of {len(found.elements)}" + (f" ({said})" if said else ""))
    labels = _sorted({label for key in kept for label in found.elements[key].values()})
    told = sorted({c for key in kept for c in found.told.get(key, {})})
    values = {c: _sorted({found.told[key][c] for key in kept if c in found.told.get(key, {})}) for c in told}
    for condition, known in values.items():
        if len(known) > _MOST_VALUES:
            raise InputError(
                f"column {condition} has {len(known)} values, at most {_MOST_VALUES} make a condition: "
                f"put them into classes, or leave it out with --without {condition}"
            )
    sizes = [len(found.elements[key]) for key in kept]
    groups = items[2] if items else None
    group_names = tuple(_sorted(set(groups))) if groups else ()
    space = Items(
        name,
        tuple(names),
        (1, max(sizes)),
        tuple(Label(label) for label in labels),
        {condition: tuple(known) for condition, known in values.items()},
        items[1] if items else None,
        np.array([group_names.index(g) for g in groups]) if groups else None,
        group_names,
    )
    code = {label: r for r, label in enumerate(labels)}
    place = {c: {value: i for i, value in enumerate(known)} for c, known in values.items()}
    sets = Sets.of(
        space,
        (
            One(
                tuple((index[item], code[label]) for item, label in found.elements[key].items()),
                tuple((c, place[c][value]) for c, value in found.told.get(key, {}).items()),
            )
            for key in kept
        ),
    ).ordered()
    split = split_of(space, sets, seed, by_set, shares)
    card = {
        "format": CARD_FORMAT,
        "title": name,
        "source": {**source, "synthetic": False},
        "options": {"split": "by-set" if by_set else "random", "shares": list(shares), "seed": seed},
        "rows": {
            "read": found.rows_read,
            "kept": len(kept),
            "dropped": len(found.elements) - len(kept) + found.bad_rows.total(),
            "reasons": dict((reasons + found.bad_rows).most_common()),
        },
        "splits": {part: {"rows": int((split == i).sum())} for i, part in enumerate(SPLITS)},
        "space": {
            "items": len(space),
            "labels": labels if labels != [""] else [],
            "conditions": {c: len(known) for c, known in values.items()},
            "coordinates": 0 if space.xy is None else space.xy.shape[1],
            "groups": list(group_names),
        },
        "kept": {"sizes": {str(n): c for n, c in sorted(Counter(sizes).items())}},
        "warnings": [f"{note}: {n} times" for note, n in found.notes.items()],
    }
    return SetDataset(space, sets, split, np.array(kept, dtype=object), card)


def _sorted(names: set[str]) -> list[str]:
    """By number where all are numbers, else by name."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def read_prompt(space: Items, text: str) -> tuple[tuple[int, int], ...]:
    """(item, label) of `a,b:left,c:?`: items by name, a label behind a colon, `?` for an open one. Without one,
    the only label, or an open one where there are several. Raises InputError for what is not of this space."""
    from setgen.sets.bounds import check_elements
    from setgen.sets.space import OPEN

    codes = {label.name: r for r, label in enumerate(space.labels)} | {"?": OPEN}
    elements = []
    for cell in next(csv.reader(io.StringIO(text)), []):
        name, _, label = cell.strip().rpartition(":") if ":" in cell else (cell.strip(), "", "")
        if cell.strip() in space.index_of_name:  # a name may hold a colon itself
            name, label = cell.strip(), ""
        if name not in space.index_of_name:
            raise InputError(f"there is no item {name!r} in {space.name}: see them with `setgen data show`")
        if label and label not in codes:
            raise InputError(f"there is no label {label!r}: there are {', '.join(filter(None, codes))}")
        default = 0 if space.n_labels == 1 else OPEN
        elements.append((space.index_of_name[name], codes[label] if label else default))
    check_elements(space, elements)
    return tuple(elements)
