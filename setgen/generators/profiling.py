"""Profiling: how many bits the next item takes when so much of a set is known, which plans schedules."""

from __future__ import annotations

import numpy as np
import torch

from setgen.generators.base import Generator, evaluating
from setgen.generators.orders import random_orders
from setgen.sets.batch import to_batch
from setgen.sets.rules import Partial
from setgen.sets.sets import Sets

_ROWS = 512


@torch.no_grad()
def measure_profile(generator: Generator, sets: Sets, points: int = 9, seed: int = 0) -> tuple[float, ...]:
    """(points,) mean bits of the next item when shares 0, 1/(points − 1), … 1 of its set are known.

    Of the last share, all items but one are known. Every item that is still to come is a next item.
    """
    orders = random_orders(sets.sizes, points, seed)
    bits = np.zeros((points, len(sets)))
    rules = generator.rules(legal=False)
    with evaluating(generator):
        for start in range(0, len(sets), _ROWS):
            batch = to_batch(generator.space, sets[start : start + _ROWS], generator.device)
            for j, share in enumerate(np.linspace(0, 1, points)):
                order = orders[j, start : start + _ROWS, : batch.width].to(generator.device)
                shuffled = batch.reordered(order)
                known = shuffled.leading((batch.size * share).long().clamp(max=batch.size - 1))
                left = batch.size - known.size
                state = Partial.of(generator.space, known)
                allowed = rules.allowed(state, left, left).flatten(1)
                logits = generator.step(generator.start(known, batch.size, torch.zeros_like(left)))
                log_p = generator.log_probs(logits, state, left, allowed).gather(1, shuffled.element)
                masked = shuffled.present & ~known.present
                nats = -log_p.masked_fill(~masked, 0.0).sum(1) / left
                bits[j, start : start + _ROWS] = nats.double().cpu().numpy() / np.log(2)
    return tuple(bits.mean(1).tolist())
