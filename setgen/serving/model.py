"""What a server serves: a generator, and what judges climbs of its board (rules, grader)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board, board_of
from setgen.climbing.grading.grader import Grader
from setgen.climbing.judges import judges_for, read_json
from setgen.climbing.sensible import SensibleRules
from setgen.climbing.similar import KnownClimbs
from setgen.errors import InputError
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
) -> ServedModel:
    """The model in a folder, or the built-in one.

    Grader and sensible rules: see `judges_for`. precision: of the generator. Who else is in a batch changes
    the last digits of float32, and so now and then a draw; those of float64 are too small for that.
    Raises InputError when a folder is not what it should be.
    """
    folder = BUILTIN if model is None else Path(model)
    generator = load_generator(folder).to(getattr(torch, precision))
    board = board_of(generator.space)
    card = read_json(folder / "card.json") or read_json(folder / "run.json") or {}
    if not isinstance(card, dict):
        raise InputError(f"{folder / 'card.json'} is no model card: it holds no names and values")
    card.pop("curve", None)
    judges = judges_for(board, data, folder)
    return ServedModel(generator, judges.rules, judges.grader, card, judges.known)
