"""Order sensitivity: how much a model's next hold depends on the order in which it is told the known ones.

A climb has no order, so the same known holds should give the same answer. A set model's does, by
construction; a GPT's need not. (The chain p(σ(S)) varies over orders σ for set models too, because their
conditionals need not fit together; the answer to one and the same known set is what tells the two apart.)
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch

from setgen.boards.climbs import Climbs
from setgen.evaluation.estimate import Estimate, mean, undefined
from setgen.evaluation.metric import Metric
from setgen.evaluation.trial import SCORED, Trial
from setgen.generators.base import Generator
from setgen.generators.orders import random_orders
from setgen.sets.batch import to_batch

MOST = 100
"""Test climbs whose halves are asked about: each is asked several times, hold by hold."""


def halves(climbs: Climbs, seed: int = 0) -> Climbs:
    """Prompts: a random half (rounded down) of each climb's holds, with its angle and grade."""
    owner = climbs.owner
    shuffled = np.lexsort((np.random.default_rng(seed).random(len(owner)), owner))
    rank = np.empty(len(owner), dtype=np.int64)
    rank[shuffled] = np.arange(len(owner)) - climbs.offsets[owner]
    keep = rank < (climbs.sizes // 2)[owner]
    offsets = np.concatenate([[0], np.cumsum(climbs.sizes // 2)])
    return Climbs(climbs.placement[keep], climbs.role[keep], offsets, climbs.angle, climbs.grade)


@torch.no_grad()
def order_sensitivity(
    generator: Generator,
    prompts: Climbs,
    *,
    shuffles: int = 4,
    seed: int = 0,
    legal: bool = True,
    batch_size: int = 256,
) -> Estimate:
    """Mean over prompts of the mean over pairs of shuffles of ½ Σ_e |p(e | order a) − p(e | order b)|.

    p is `Generator.next_log_probs` after the prompt's holds in `shuffles` random orders; the value is a
    total-variation distance between 0 and 1. Prompts of fewer than two holds have one order and are left
    out. The standard error is over prompts.
    """
    prompts = prompts[prompts.sizes >= 2]
    if len(prompts) == 0:
        return undefined("no prompt has two holds")
    orders = random_orders(prompts.sizes, shuffles, seed)
    spread = np.empty(len(prompts))
    was_training = generator.training
    generator.eval()
    for start in range(0, len(prompts), batch_size):
        rows = np.arange(start, min(start + batch_size, len(prompts)))
        batch = to_batch(generator.space, prompts[rows], generator.device)
        taken = orders[:, rows, : batch.width].to(generator.device)
        p = [generator.next_log_probs(batch.reordered(order), legal=legal).double().exp() for order in taken]
        apart = [(a - b).abs().sum(1) / 2 for a, b in combinations(p, 2)]
        spread[rows] = torch.stack(apart).mean(0).cpu().numpy()
    generator.train(was_training)
    return mean(spread, seed, bounds=(0, 1))


def _order_sensitivity(trial: Trial) -> Estimate:
    return order_sensitivity(
        trial.generator,
        halves(trial.test.at_most(MOST, trial.seed), trial.seed),
        shuffles=trial.shuffles,
        seed=trial.seed,
        batch_size=SCORED,
    )


METRICS = (
    Metric(
        "order sensitivity",
        "total variation",
        "↓",
        f"mean over ≤ {MOST} test climbs of the total variation between next-hold distributions after one "
        "known half in several orders",
        "ours; 0 for a function of the set",
        _order_sensitivity,
        "none",
        "likelihood",
    ),
)
