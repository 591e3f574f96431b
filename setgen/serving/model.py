"""What a server serves: a generator, and what judges climbs of its board (rules, grader)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board, board_of
from setgen.climbing.dataset import Dataset
from setgen.climbing.grading.cache import grader_for
from setgen.climbing.grading.grader import Grader, load_grader
from setgen.climbing.sensible import SensibleRules
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import load_generator


@dataclass(frozen=True, eq=False)
class ServedModel:
    """rules, grader: None where nothing is known of the board's real climbs. card: how the model was made."""

    generator: Generator
    rules: SensibleRules | None
    grader: Grader | None
    card: dict[str, Any]

    @property
    def board(self) -> Board:
        return board_of(self.generator.space)


def load_model(
    model: Path | None = None,
    data: Path | None = None,
    precision: Literal["float64", "float32"] = "float64",
) -> ServedModel:
    """The model in a folder, or the built-in one.

    Grader and sensible rules come from the dataset `data` where it is given (the grader is trained when
    first asked for, then kept); else from the model's own folder; else, for models of the synthetic board,
    from the built-in one. precision: of the generator. Who else is in a batch changes the last digits of
    float32, and so now and then a draw; those of float64 are too small for that.
    Raises InputError when a folder is not what it should be.
    """
    folder = BUILTIN if model is None else Path(model)
    generator = load_generator(folder).to(getattr(torch, precision))
    board = board_of(generator.space)
    card = _json(folder / "card.json") or _json(folder / "run.json") or {}
    if not isinstance(card, dict):
        raise InputError(f"{folder / 'card.json'} is no model card: it holds no names and values")
    card.pop("curve", None)
    if data is not None:
        dataset = Dataset.load(data)
        if not same_wall(dataset.board, board):
            raise InputError(f"{data} is of another board than the model: {dataset.board.name}")
        rules = SensibleRules.fit(dataset.board, dataset.part("train"))
        return ServedModel(generator, rules, grader_for(dataset), card)
    for home in (folder, BUILTIN):
        if (home / "sensible.json").is_file() and (home / "grader").is_dir():
            grader = load_grader(home / "grader")
            if same_wall(grader.board, board):
                rules = SensibleRules.from_json(board, _json(home / "sensible.json"))
                return ServedModel(generator, rules, grader, card)
    return ServedModel(generator, None, None, card)


def same_wall(one: Board, other: Board) -> bool:
    """Whether two boards have the same placements and roles, so that a climb means the same on both."""
    return (
        one.ids.tolist() == other.ids.tolist()
        and one.xy.tolist() == other.xy.tolist()
        and dict(one.role_ids) == dict(other.role_ids)
    )


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path} is damaged: it is not JSON") from None
