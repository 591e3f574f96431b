"""Prompts: checked once, one clear line each, before anything is drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from setgen.boards.board import Board
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.completable import check_prompts
from setgen.boards.constraints import Constraints
from setgen.boards.roles import OPEN, Role
from setgen.dataset.batches import to_batch
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.legality import Placed
from setgen.generators.open_roles import decide_roles
from setgen.generators.permitted import Permitted


class Ready(NamedTuple):
    """Prompts that can be completed. sizes: (C,) int64 holds wanted, 0 where the model draws how many.

    permitted: what constraints leave; None without constraints.
    """

    prompts: Climbs
    sizes: np.ndarray
    permitted: Permitted | None


def make_ready(
    generator: Generator,
    prompts: Climbs,
    sizes: np.ndarray | None,
    legal: bool,
    constraints: Constraints | None,
    temperature: float,
    seed: int | np.ndarray,
) -> Ready:
    """Check the prompts, and draw the roles that are left open in them; arguments as `Generator.sample`.

    Raises InputError with the reason for a prompt that cannot be completed.
    """
    board = generator.board
    if constraints is not None and not legal:
        raise InputError("constraints are kept by the rules' own masks: leave the rules on, or drop them")
    some_open = bool((prompts.role == OPEN).any())
    permitted = None
    if legal and (constraints is not None or some_open):
        permitted = Permitted.of(board, constraints or Constraints(), generator.device)
    wanted = check_prompts(board, prompts, sizes, legal)
    if permitted is not None:
        _check_permitted(permitted, prompts, wanted, constraints or Constraints())
    if some_open:
        prompts = decide_roles(generator, prompts, wanted, permitted, temperature, seed)
    return Ready(prompts, wanted, None if constraints is None else permitted)


def sizes_permitted(board: Board, prompt: Climb, constraints: Constraints) -> list[int]:
    """How many holds a climb that contains the prompt's and keeps to the constraints may have, in order.

    Raises InputError with the reason where no climb does.
    """
    return _sizes_permitted(board, Permitted.of(board, constraints), prompt, constraints)


def _check_permitted(
    permitted: Permitted, prompts: Climbs, wanted: np.ndarray, constraints: Constraints
) -> None:
    """Raise InputError for the first prompt from which no climb that keeps to the constraints can come."""
    board, seen = permitted.board, {}
    for climb, size in zip(prompts, wanted.tolist(), strict=True):
        if climb.holds not in seen:
            seen[climb.holds] = _sizes_permitted(board, permitted, climb, constraints)
        sizes = seen[climb.holds]
        if size and size not in sizes:
            raise InputError(
                f"{size} holds cannot be had: under these constraints a climb with the {len(climb.holds)} "
                f"holds given has {sizes[0]} to {sizes[-1]}"
            )


def _sizes_permitted(
    board: Board, permitted: Permitted, prompt: Climb, constraints: Constraints
) -> list[int]:
    for placement, role in prompt.holds:
        name = f"p{board.ids[placement]}"
        if role == Role.FOOT and constraints.feet == "none":
            raise InputError(f"hold {name} is given as a foot hold, and feet are none: choose one")
        if constraints.contradict(placement, role):
            raise InputError(f"hold {name} is given, and forbidden: choose one")
        if role == OPEN and placement in {p for p, _ in constraints.forbidden}:
            raise InputError(f"hold {name} is forbidden in one role, and given in an open one: give its role")
    undecided = sum(role == OPEN for _, role in prompt.holds)
    device = permitted.elements.device
    state = Placed.of(board, to_batch(board, Climbs.from_list([prompt]), device))
    sizes = permitted.sizes(state, torch.tensor([undecided], device=device))[0].nonzero().squeeze(1)
    if not len(sizes):
        given = f"{len(prompt.holds)} holds are given; " if prompt.holds else ""
        raise InputError(f"no climb keeps to these constraints: {given}{permitted.why_not(state, undecided)}")
    return sizes.tolist()
