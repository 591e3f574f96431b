"""Likelihood in bits per hold: one number that compares every model that draws holds one after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from setgen.boards.climbs import Climbs
from setgen.evaluation.estimate import Estimate, mean
from setgen.evaluation.metric import Metric
from setgen.evaluation.trial import SCORED, Trial
from setgen.generators.base import Generator
from setgen.generators.orders import random_orders
from setgen.sets.batch import to_batch

_BITS = 1 / np.log(2)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """−log₂ p(S | c) / n of C climbs S of n holds, from K orders σ_k of each.

    bound: (C,) with log p taken as the mean over k of log n! + log p(σ_k) + log p(n | c), a lower bound on
    log p(S | c) in expectation, so these bits are not too few. tight: (C,) with the log of the mean of
    the p(σ_k) instead: fewer bits, nearer to the truth, equal to it over all n! orders. An impossible
    climb has infinitely many bits. The angle and the grade are given, not counted.
    """

    bound: np.ndarray
    tight: np.ndarray
    orders: int

    @property
    def impossible(self) -> int:
        """How many climbs the model gives probability 0 under every order."""
        return int(np.isinf(self.tight).sum())

    def to_json(self) -> dict[str, Any]:
        """The two means with their standard errors, and how they were got."""
        return {
            **{
                k: {"bits_per_hold": e.value, "standard_error": e.standard_error}
                for k, e in (("bound", bits_per_hold(self.bound)), ("tight", bits_per_hold(self.tight)))
            },
            "orders": self.orders,
            "climbs": len(self.bound),
            "impossible": self.impossible,
        }


def bits_per_hold(bits: np.ndarray, note: str = "") -> Estimate:
    """The mean over (C,) climbs and its standard error s/√C; infinite if one climb is impossible."""
    if np.isinf(bits).any():
        impossible = f"{np.isinf(bits).sum()} climbs have probability 0"
        return Estimate(float("inf"), None, len(bits), "; ".join(filter(None, (note, impossible))))
    return mean(bits, note=note)


@torch.no_grad()
def likelihood(
    generator: Generator,
    climbs: Climbs,
    *,
    orders: int = 4,
    seed: int = 0,
    legal: bool = True,
    batch_size: int = 256,
    given: np.ndarray | None = None,
) -> Likelihood:
    """Bits per hold of `climbs`, each under `orders` random orders that depend on `seed` alone.

    The same climbs, orders and legality masks serve every model, whatever the batch size. The generator
    is put in eval mode and back. The climbs must be legal where `legal` is on. given: (C,) so many holds
    of each climb, its first, are given in their order; the bits are those of the others, per such hold.
    """
    drawn = random_orders(climbs.sizes, orders, seed, given)
    nats = np.empty((len(climbs), orders))
    was_training = generator.training
    generator.eval()
    by_size = np.argsort(climbs.sizes, kind="stable")  # little padding
    for start in range(0, len(climbs), batch_size):
        rows = by_size[start : start + batch_size]
        batch = to_batch(generator.space, climbs[rows], generator.device)
        taken = drawn[:, rows, : batch.width].to(generator.device)
        told = None if given is None else torch.from_numpy(given[rows]).to(generator.device)
        nats[rows] = generator.log_likelihood(batch, taken, legal, told).double().cpu().numpy()
    generator.train(was_training)
    per_hold = _BITS / np.maximum(climbs.sizes - (0 if given is None else given), 1)
    log_mean = np.logaddexp.reduce(nats, axis=1) - np.log(orders)
    return Likelihood(-nats.mean(1) * per_hold, -log_mean * per_hold, orders)


def of_trial(trial: Trial) -> Likelihood:
    """The likelihood of a trial's test climbs, computed once."""
    return trial.once(
        "likelihood",
        lambda: likelihood(
            trial.generator, trial.test, orders=trial.orders, seed=trial.seed, batch_size=SCORED
        ),
    )


def _bound(trial: Trial) -> Estimate:
    return bits_per_hold(of_trial(trial).bound)


def _tight(trial: Trial) -> Estimate:
    return replace(bits_per_hold(of_trial(trial).tight), note=f"{trial.orders} orders")


METRICS = (
    Metric(
        "bits per hold",
        "bits",
        "↓",
        "mean over test climbs of −(log₂ p(n) + log₂ n! + mean over orders of log₂ p(order)) / n",
        "the order-averaged bound, Uria, Murray & Larochelle 2014; set-corrected by n!",
        _bound,
        "none",
        "likelihood",
    ),
    Metric(
        "bits per hold, tighter",
        "bits",
        "↓",
        "mean over test climbs of −(log₂ p(n) + log₂ n! + log₂ mean over orders of p(order)) / n",
        "importance-weighted bound, Burda, Grosse & Salakhutdinov 2016, over orders",
        _tight,
        "none",
        "likelihood",
    ),
)
