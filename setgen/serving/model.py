"""What a server serves: a generator, and what judges climbs of its board (rules, grader)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board, board_of, find_board
from setgen.climbing.grading.grader import Grader
from setgen.climbing.judges import judges_for, same_wall
from setgen.climbing.sensible import SensibleRules
from setgen.climbing.similar import KnownClimbs
from setgen.errors import InputError
from setgen.files import read_json
from setgen.generators.base import Generator
from setgen.generators.registry import load_generator


@dataclass(frozen=True, eq=False)
class ServedModel:
    """rules, grader: None where nothing is known of the board's real climbs. card: how the model was made.
    known: climbs that others can be compared with; None without a dataset."""

    generator: Generator
    rules: SensibleRules | None
    grader: Grader | None
    card: dict[str, Any]
    known: KnownClimbs | None = None

    @property
    def board(self) -> Board:
        return board_of(self.generator.space)


def load_model(
    model: Path | None = None,
    data: Path | None = None,
    precision: Literal["float64", "float32"] = "float64",
    progress: Callable[[int, int], None] | None = None,
) -> ServedModel:
    """The model in a folder, or the built-in one.

    Grader and sensible rules: see `judges_for`. precision: of the generator. Who else is in a batch changes
    the last digits of float32, and so now and then a draw; those of float64 are too small for that.
    progress: called while a grader is trained.
    Raises InputError when a folder is not what it should be.
    """
    folder = BUILTIN if model is None else Path(model)
    generator = load_generator(folder).to(getattr(torch, precision))
    board = board_of(generator.space)
    card = read_json(folder / "card.json") or read_json(folder / "run.json") or {}
    if not isinstance(card, dict):
        raise InputError(f"{folder / 'card.json'} is no model card: it holds no names and values")
    card.pop("curve", None)
    judges = judges_for(board, data, folder, progress)
    return ServedModel(generator, judges.rules, judges.grader, card, judges.known)


def load_models(
    models: Sequence[Path],
    data: Sequence[Path],
    precision: Literal["float64", "float32"] = "float64",
    progress: Callable[[int, int], None] | None = None,
) -> list[ServedModel]:
    """The models in folders, or the built-in one where there are none, each with the dataset of its board.

    Raises InputError as `load_model`, and for a dataset of no model's board, or of one that has another already.
    """
    folders: Sequence[Path | None] = models or [None]
    if len(folders) == 1 and len(data) < 2:
        return [load_model(folders[0], next(iter(data), None), precision, progress)]
    boards = [find_board(BUILTIN if folder is None else folder) for folder in folders]
    of_model: list[Path | None] = [None] * len(boards)
    for folder in data:
        wall = find_board(folder)
        fitting = [i for i, board in enumerate(boards) if same_wall(board, wall)]
        if not fitting:
            raise InputError(f"{folder} is of another board than the model: {wall.name}")
        for i in fitting:
            if of_model[i] is not None:
                raise InputError(
                    f"{of_model[i]} and {folder} are of the same board, {wall.name}: give one --data"
                )
            of_model[i] = folder
    return [load_model(*pair, precision, progress) for pair in zip(folders, of_model, strict=True)]
