"""From what a reader read to a dataset: the rules for legal climbs, the split by hold set, and the card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from setgen.climbing.board import Limits
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.climbing.roles import Role
from setgen.climbing.rules import broken_rules
from setgen.climbing.sources import rules
from setgen.climbing.sources.readout import Options, Readout, Sieve
from setgen.climbing.sources.recognise import read
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError
from setgen.sets.identity import fingerprints
from setgen.sets.splits import SPLITS, assign

CARD_FORMAT = 1


def import_dataset(path: Path, options: Options | None = None, seed: int = 1) -> Dataset:
    """The dataset of any file that setgen reads. seed: of the split. Raises InputError for wrong input."""
    path, options = Path(path), options or Options()
    readout = read(path, options)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = {"kind": readout.kind, "file": path.name, "sha256": digest, "synthetic": False}
    if options.roles == "ignore":
        readout = without_roles(readout)
    drop_illegal(readout)
    rules.drop_repeats(readout)
    readout.warnings += rules.without_angle(readout.climbs, readout.sieve.kept)
    return build(readout, source, _plain(options), seed)


def synthetic_dataset(n: int, seed: int = 1) -> Dataset:
    """n climbs of the built-in synthetic board, labelled as such; `seed` is of the climbs and the split."""
    if n < 1:
        raise InputError(f"{n} climbs make no dataset: ask for at least one")
    board = synthetic_board()
    ids = np.array([f"synthetic-{i}" for i in range(n)], dtype=object)
    facts = {"climbs_read": n, "roles": "from the generating process"}
    warnings = ["made up by a program: these are no real climbs"]
    readout = Readout("synthetic", board, synthetic_climbs(n, seed), ids, Sieve(n), facts, warnings)
    return build(readout, {"kind": "synthetic", "synthetic": True, "seed": seed}, {"climbs": n}, seed)


def without_roles(readout: Readout) -> Readout:
    """The same rows with every hold a middle one, on a board that asks for no starts and finishes."""
    board = readout.board
    number = board.role_ids.get(Role.MIDDLE, next(iter(board.role_ids.values())))
    color = board.role_colors.get(Role.MIDDLE)
    return replace(
        readout,
        board=replace(
            board,
            name=f"{board.name}, roles ignored",
            role_ids={Role.MIDDLE: number},
            role_colors={Role.MIDDLE: color} if color else {},
            limits=Limits(holds=board.limits.holds, starts=(0, 0), finishes=(0, 0)),
        ),
        climbs=readout.climbs.relabelled(np.full_like(readout.climbs.role, Role.MIDDLE)),
        facts={**readout.facts, "roles": "ignored: every hold is a middle one"},
        warnings=[w for w in readout.warnings if not w.startswith("roles are derived")],
    )


def drop_illegal(readout: Readout) -> None:
    """Leave out the rows that the board's rules do not allow."""
    board, sieve, grade = readout.board, readout.sieve, readout.climbs.grade
    low, high = grade_name(board.grades[0]), grade_name(board.grades[-1])
    sieve.drop((grade != UNKNOWN) & ~np.isin(grade, board.grades), f"grade outside {low} to {high}")
    for rule, broken in broken_rules(board, readout.climbs).items():
        sieve.drop(broken, f"not legal: {rule}")


def build(readout: Readout, source: Mapping[str, Any], options: Mapping[str, Any], seed: int) -> Dataset:
    """Keep the legal rows, split them and write the card. Raises InputError when no row is left."""
    board, sieve = readout.board, readout.sieve
    drop_illegal(readout)
    if not len(sieve):
        raise InputError("the source has no climbs at all")
    if not sieve.kept.any():
        reasons = "; ".join(f"{reason}: {n}" for reason, n in list(sieve.reasons().items())[:4])
        raise InputError(f"no climb is left of {len(sieve)} rows ({reasons}): ask for less strict options")
    climbs = readout.climbs[sieve.kept].ordered()
    ids = readout.ids[sieve.kept]
    prints = fingerprints(board, climbs)
    split = assign(prints, seed)
    splits = _splits(prints, split)
    card = {
        "format": CARD_FORMAT,
        "title": board.name,
        "source": dict(source),
        "options": {**options, "seed": seed},
        "rows": {
            "read": len(sieve),
            "kept": len(climbs),
            "dropped": len(sieve) - len(climbs),
            "reasons": sieve.reasons(),
        },
        "climbs": {"read": readout.facts.get("climbs_read", len(sieve)), "kept": len(set(ids.tolist()))},
        "hold_sets": sum(part["hold_sets"] for part in splits.values()),
        "splits": splits,
        "board": {
            "family": board.family,
            "placements": len(board),
            "hold_sets": {
                name: int((board.hold_set == i).sum()) for i, name in enumerate(board.hold_set_names)
            },
            "roles": {role.label: number for role, number in board.role_ids.items()},
            "angles": list(board.angles),
            "mirrors": board.mirror is not None,
        },
        "kept": _histograms(climbs),
        **{key: value for key, value in readout.facts.items() if key != "climbs_read"},
        "warnings": readout.warnings,
    }
    columns = {name: values[sieve.kept] for name, values in readout.columns.items()}
    return Dataset(board, climbs, split, ids, card, columns)


def _splits(prints: np.ndarray, split: np.ndarray) -> dict[str, dict[str, int]]:
    _, first = np.unique(prints, return_index=True)
    rows, sets = (np.bincount(s, minlength=len(SPLITS)).tolist() for s in (split, split[first]))
    return {name: {"rows": rows[i], "hold_sets": sets[i]} for i, name in enumerate(SPLITS)}


def _histograms(climbs: Climbs) -> dict[str, dict[str, int]]:
    """How many rows have each number of holds, grade and angle."""

    def counts(values: np.ndarray) -> dict[int, int]:
        found, n = np.unique(values, return_counts=True)
        return dict(zip(found.tolist(), n.tolist(), strict=True))

    grades = {grade_name(g): n for g, n in counts(climbs.grade).items()}
    angles = {("?" if a == UNKNOWN else str(a)): n for a, n in counts(climbs.angle).items()}
    return {"sizes": {str(s): n for s, n in counts(climbs.sizes).items()}, "grades": grades, "angles": angles}


def _plain(options: Options) -> dict[str, Any]:
    """Options as JSON; the board file by its name only."""
    board = None if options.board is None else options.board.name
    return {**asdict(options), "angles": list(options.angles), "board": board}
