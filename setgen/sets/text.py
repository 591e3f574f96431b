"""Sets of any kind in files and pipes: one set a line, or JSON lines with labels and conditions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from setgen.errors import InputError
from setgen.files import parse_json
from setgen.sets.bounds import check_given
from setgen.sets.reading import read_prompt
from setgen.sets.sets import One, Sets
from setgen.sets.space import UNKNOWN, Items

FORMATS = ("lines", "jsonl", "csv")


def format_for(out: str, form: str | None) -> str:
    """The format asked for, else that of the file's ending, else lines. Raises InputError for another."""
    if form is None:
        ending = out.rpartition(".")[2].lower()
        return {"jsonl": "jsonl", "json": "jsonl", "csv": "csv"}.get(ending, "lines")
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: sets are written as {', '.join(FORMATS)}")
    return form


def written(space: Items, sets: Sets, form: str, extra: Mapping[str, np.ndarray] | None = None) -> str:
    """The sets as text. lines: `a,b:left`, one set a line. jsonl: an object a line. csv: the long table that
    `setgen data import` reads. extra: name → (C,) numbers, written beside each set (not in lines)."""
    extra = extra or {}
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    labelled = space.n_labels > 1 or space.labels[0].name
    if form == "csv":
        rows.writerow(["set", "item", *(["label"] if labelled else []), *space.conditions, *extra])
    for i, one in enumerate(sets.ones()):
        told = {name: space.value_name(name, value) for name, value in one.conditions}
        numbers = {name: float(values[i]) for name, values in extra.items()}
        named = [(space.item_name(item), space.labels[label].name) for item, label in one.elements]
        if form == "jsonl":
            record: dict[str, Any] = {"items": [item for item, _ in named]}
            if labelled:
                record["labels"] = [label for _, label in named]
            out.write(json.dumps(record | told | numbers, ensure_ascii=False) + "\n")
        elif form == "csv":
            behind = [told.get(name, "") for name in space.conditions]
            for item, label in named:
                rows.writerow([i + 1, item, *([label] if labelled else []), *behind, *numbers.values()])
        else:
            rows.writerow([f"{item}:{label}" if labelled else item for item, label in named])
    return out.getvalue()


def read_sets(space: Items, text: str, check: bool = True) -> Sets:
    """Sets of `space` from lines or JSON lines, as `written` makes them.

    check: whether one that breaks the space's bounds is an error. Raises InputError with the line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = _from_json(space, line) if line.lstrip().startswith("{") else One(read_prompt(space, line))
            if check:
                check_given(space, one.elements)
                if not space.sizes[0] <= len(one.elements) <= space.sizes[1]:
                    low, high = space.sizes
                    raise InputError(
                        f"{len(one.elements)} items, and sets of this space have {low} to {high}"
                    )
        except InputError as error:
            raise InputError(f"line {number}: {error}") from None
        found.append(one)
    if not found:
        raise InputError("there are no sets in it")
    return Sets.of(space, found)


def _from_json(space: Items, line: str) -> One:
    try:
        record = parse_json(line)
        items, labels = record["items"], record.get("labels")
        names = [f"{a}:{b}" for a, b in zip(items, labels, strict=True)] if labels else list(map(str, items))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError('is no set: write {"items": ["a", "b"]}') from None
    buffer = io.StringIO()
    csv.writer(buffer).writerow(names)
    told = [f"{name}={record[name]}" for name in space.conditions if record.get(name) is not None]
    return One(read_prompt(space, buffer.getvalue()), read_conditions(space, told))


def read_conditions(space: Items, texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """(name, value) of `name=value` texts. Raises InputError for what the space does not have."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"{text!r} is no condition: write name=value")
        if name not in space.conditions:
            known = ", ".join(space.conditions) or "none"
            raise InputError(f"there is no condition {name!r}: there are {known}")
        names = list(space.values[name])
        if value not in names:
            shown = ", ".join(names if len(names) <= 12 else [*names[:6], "…", names[-1]])
            raise InputError(f"{name} {value!r} is not known: it is one of {shown}")
        found[name] = names.index(value)
    return tuple((name, value) for name, value in found.items() if value != UNKNOWN)
