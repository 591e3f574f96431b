"""What judges climbs of a board: the soft rules and the grader, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.cache import grader_for
from setgen.climbing.grading.grader import Grader, Grading, load_grader
from setgen.climbing.sensible import SensibleRules
from setgen.climbing.similar import KnownClimbs
from setgen.errors import InputError
from setgen.files import read_json


@dataclass(frozen=True, eq=False)
class Judges:
    """rules, grader: None where nothing is known of the board's real climbs. known: the climbs of the dataset that
    they come from, if they come from one."""

    rules: SensibleRules | None
    grader: Grader | None
    known: KnownClimbs | None = None

    def sensible(self, climbs: Climbs) -> np.ndarray | None:
        """(C,) bool: nothing about the climb is rare in real climbs; None without rules."""
        return None if self.rules is None else self.rules.sensible(climbs)

    def off(self, climbs: Climbs) -> np.ndarray | None:
        """(C,) as `above_asked`; None without a grader."""
        return None if self.grader is None else above_asked(climbs, self.grader.grade(climbs))


def above_asked(climbs: Climbs, grading: Grading) -> np.ndarray:
    """(C,) difficulty ids that climbs are graded above the grade asked for; NaN where none was."""
    return np.where(climbs.grade == UNKNOWN, np.nan, grading.mean - climbs.grade)


def judges_for(
    board: Board,
    data: Path | None,
    model: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Judges:
    """From the dataset `data` where it is given (the grader is trained when first asked for, then kept); else
    from the model's own folder; else, on the synthetic board, from the built-in model.

    Raises InputError when a folder is not what it should be, or is of another board.
    """
    if data is not None:
        dataset = Dataset.load(data)
        check_same_wall(board, dataset.board, data)
        known = KnownClimbs(dataset.board, dataset.climbs, dataset.ids)
        return Judges(
            SensibleRules.fit(dataset.board, dataset.part("train")),
            grader_for(dataset, progress=progress),
            known,
        )
    homes: Sequence[Path] = (BUILTIN,) if model is None else (Path(model), BUILTIN)
    for home in homes:
        if (home / "sensible.json").is_file() and (home / "grader").is_dir():
            grader = load_grader(home / "grader")
            if same_wall(grader.board, board):
                return Judges(SensibleRules.from_json(board, read_json(home / "sensible.json")), grader)
    return Judges(None, None)


def check_same_wall(board: Board, of_data: Board, data: Path) -> None:
    """Raise InputError when a dataset's board is another one than a model's."""
    if not same_wall(board, of_data):
        raise InputError(f"{data} is of another board than the model: {of_data.name}")


def same_wall(one: Board, other: Board) -> bool:
    """Whether two boards have the same placements and roles, so that a climb means the same on both."""
    return (
        one.ids.tolist() == other.ids.tolist()
        and one.xy.tolist() == other.xy.tolist()
        and dict(one.role_ids) == dict(other.role_ids)
    )
