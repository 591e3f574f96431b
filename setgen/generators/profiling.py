"""Profiling: how many bits the next hold takes when so much of a climb is known, which plans schedules."""

from __future__ import annotations

import numpy as np
import torch

from setgen.boards.climbs import Climbs
from setgen.dataset.batches import to_batch
from setgen.generators.denoiser import Denoiser
from setgen.generators.legality import Placed, elements_allowed
from setgen.generators.orders import random_orders

_ROWS = 512


@torch.no_grad()
def measure_profile(generator: Denoiser, climbs: Climbs, points: int = 9, seed: int = 0) -> tuple[float, ...]:
    """(points,) mean bits of the next hold when shares 0, 1/(points − 1), … 1 of its climb are known.

    Of the last share, all holds but one are known. Every hold that is still to come is a next hold.
    """
    was_training = generator.training
    generator.eval()
    orders = random_orders(climbs.sizes, points, seed)
    bits = np.zeros((points, len(climbs)))
    for start in range(0, len(climbs), _ROWS):
        part = climbs[start : start + _ROWS]
        batch = to_batch(generator.board, part, generator.device)
        for j, share in enumerate(np.linspace(0, 1, points)):
            order = orders[j, start : start + _ROWS, : batch.placement.shape[1]].to(generator.device)
            shuffled = batch.reordered(order)
            known = shuffled.leading((batch.size * share).long().clamp(max=batch.size - 1))
            left = batch.size - known.size
            state = Placed.of(generator.board, known)
            allowed = elements_allowed(generator.board, state, left, legal=False)
            logits = generator.element_logits(known, left)
            log_p = generator.step_log_probs(logits, state, left, allowed).gather(1, shuffled.element)
            masked = shuffled.present & ~known.present
            nats = -log_p.masked_fill(~masked, 0.0).sum(1) / left
            bits[j, start : start + _ROWS] = nats.double().cpu().numpy() / np.log(2)
    generator.train(was_training)
    return tuple(bits.mean(1).tolist())
