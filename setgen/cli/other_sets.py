"""The commands on sets that are no climbs: what `setgen data import`, `generate`, `complete` and `score` do there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from setgen.errors import InputError
from setgen.files import write_whole
from setgen.sets.rules import Limits
from setgen.sets.sets import One, Sets
from setgen.sets.space import Items

if TYPE_CHECKING:
    from setgen.generators.base import Generator
    from setgen.sets.dataset import SetDataset


def import_sets(
    text: str,
    name: str,
    source: dict[str, Any],
    *,
    kind: str | None = None,
    items: str | None = None,
    by_set: bool = True,
    shares: str = "",
    without: str = "",
    seed: int = 1,
) -> SetDataset | None:
    """The dataset of a text of baskets or of a long table; None where it is neither.

    kind: `baskets` or `table`, where the content should not decide. items: the text of an items file.
    """
    from setgen.sets.reading import (
        build,
        is_table,
        looks_like_baskets,
        read_baskets,
        read_items,
        read_table,
        rows_of,
    )
    from setgen.sets.splits import SHARES

    rows = rows_of(text)
    table = kind == "table" or (kind is None and is_table(rows))
    if table and not is_table(rows):
        raise InputError(f"{name} has no header with the columns set and item")
    if kind is None and not table and not looks_like_baskets(rows):
        return None
    skipped = [word.strip() for word in without.split(",") if word.strip()]
    if skipped and not table:
        raise InputError("--without leaves out columns of a table, and baskets have none")
    found = read_table(rows, skipped) if table else read_baskets(rows)
    return build(
        found,
        name,
        {**source, "kind": "table" if table else "baskets"},
        items=None if items is None else read_items(rows_of(items)),
        by_set=by_set,
        shares=_shares(shares) if shares else SHARES,
        seed=seed,
    )


def _shares(text: str) -> tuple[float, ...]:
    try:
        parts = [float(word) for word in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) != 3 or min(parts) < 0 or not sum(parts) > 0:
        raise InputError(f"--shares {text!r} are not three numbers, of train, valid and test: write 60,10,30")
    return tuple(part / sum(parts) for part in parts)


def limits_of(
    space: Items, forbid: str | None, groups: str | None, fewest: int | None, most: int | None
) -> Limits | None:
    """What the options lay down; None where it is nothing. Raises InputError for what the space lacks."""
    from setgen.sets.reading import read_prompt
    from setgen.sets.space import OPEN

    if (forbid, groups, fewest, most) == (None,) * 4:
        return None
    elements = np.ones((len(space), space.n_labels), dtype=bool)
    if groups is not None:
        wanted = [name.strip() for name in groups.split(",")]
        unknown = [name for name in wanted if name not in space.group_names]
        if unknown:
            known = ", ".join(space.group_names) or "none"
            raise InputError(f"there is no group {unknown[0]!r}: there are {known}")
        assert space.group is not None
        elements &= np.isin(space.group, [space.group_names.index(name) for name in wanted])[:, None]
    for item, label in read_prompt(space, forbid or ""):
        named = label != OPEN and space.n_labels > 1
        elements[item, label if named else slice(None)] = False
    if fewest is not None and most is not None and fewest > most:
        raise InputError(f"at least {fewest} and at most {most} items cannot be had at once")
    return Limits(elements, sizes=(fewest, most))


def prompts_of(space: Items, texts: list[str], conditions: list[str], n: int) -> Sets:
    """n equal prompts for each text, in order; blank lines among several are skipped."""
    from setgen.sets.reading import read_prompt
    from setgen.sets.text import read_conditions

    told = read_conditions(space, conditions)
    ones = []
    for number, text in enumerate(texts, 1):
        if len(texts) > 1 and not text.strip():
            continue
        try:
            ones += [One(read_prompt(space, text), told)] * n
        except InputError as error:
            raise InputError(f"line {number}: {error}" if len(texts) > 1 else str(error)) from None
    return Sets.of(space, ones)


def write(out: str, text: str) -> None:
    """The text to a file, whole or not at all, or to standard output. Raises InputError."""
    if out == "-":
        sys.stdout.write(text)
        return
    write_whole(out, text.encode())


def score_sets(
    generator: Generator, text: str, conditions: list[str], orders: int, seed: int, form: str, out: str
) -> str:
    """Write how likely each set is, and return the mean in words."""
    from setgen.metrics.likelihood import bits_of_all, likelihood, nats_a_set
    from setgen.sets.text import read_conditions, read_sets, written

    space = generator.space
    assert isinstance(space, Items)
    sets = read_sets(space, text)
    for name, value in read_conditions(space, conditions):
        sets.conditions[name][sets.conditions[name] < 0] = value
    found = likelihood(generator, sets, orders=orders, seed=seed)
    write(out, written(space, sets, form, {"log_likelihood": found.nats, "bits_per_item": found.bits}))
    mean, bits = nats_a_set(found.nats), bits_of_all(found.nats, found.items)
    note = f"; {mean.note}" if mean.note else ""
    return f"{mean.shown} nats a set, {bits.value:.3f} bits per item over {len(sets)} sets{note}"
