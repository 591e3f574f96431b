"""Given holds whose roles are left open: the model chooses, before it draws any new hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import N_ROLES, OPEN
from setgen.dataset.batches import ClimbBatch, to_batch, to_climbs
from setgen.generators.base import Generator
from setgen.generators.drawing import draw, row_uniforms
from setgen.generators.legality import Placed
from setgen.generators.permitted import Permitted

_ROWS = 256  # prompts asked about at once


@torch.no_grad()
def decide_roles(
    generator: Generator,
    prompts: Climbs,
    wanted: np.ndarray,
    permitted: Permitted | None,
    temperature: float,
    seed: int | np.ndarray,
) -> Climbs:
    """The prompts with every open role drawn, holds in the same order.

    Each is drawn from the generator's `next_log_probs` at that placement, given the holds whose roles are
    known by then, among the roles behind which the climb can still be completed. permitted: None where
    rules do not count.
    """
    board, device = generator.board, generator.device
    training = generator.training
    generator.eval()
    batch = to_batch(board, prompts, device)
    noise = row_uniforms(seed, np.arange(len(prompts)), batch.role.shape[1], stream=1).to(device)
    sizes = torch.from_numpy(wanted).to(device)
    for column in range(batch.role.shape[1]):
        rows = ((batch.role[:, column] == OPEN) & batch.present[:, column]).nonzero().squeeze(1)
        if not len(rows):
            continue
        part = batch.rows(rows)
        logits = _role_logits(generator, part, column)
        if permitted is not None:
            left = ((part.role == OPEN) & part.present).sum(1)
            allowed = permitted.roles_open(Placed.of(board, part), left, sizes[rows])
            logits = logits.masked_fill(~allowed, -torch.inf)
        batch.role[rows, column] = draw(logits, noise[rows, column], temperature)
    generator.train(training)
    return to_climbs(board, batch)


def _role_logits(generator: Generator, batch: ClimbBatch, column: int) -> Tensor:
    """(B, 4) log p(the hold in this column, in each role, comes next | holds whose roles are known)."""
    board = generator.board
    known = to_climbs(board, replace(batch, present=batch.present & (batch.role != OPEN)))
    asked: list[tuple[Climb, int]] = list(zip(known, batch.placement[:, column].tolist(), strict=True))
    different = list(dict.fromkeys(asked))  # equal prompts are asked once
    parts = []
    for start in range(0, len(different), _ROWS):
        chosen = different[start : start + _ROWS]
        prompts = to_batch(board, Climbs.from_list([climb for climb, _ in chosen]), generator.device)
        log_p = generator.next_log_probs(prompts, legal=False).unflatten(1, (len(board), N_ROLES))
        at = torch.tensor([placement for _, placement in chosen], device=log_p.device)
        parts.append(log_p[torch.arange(len(chosen), device=log_p.device), at])
    row = {one: i for i, one in enumerate(different)}
    return torch.cat(parts)[[row[one] for one in asked]]
