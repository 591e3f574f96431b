"""Likelihood, which compares every model that draws items one after another, and order sensitivity.

A set has no order, so the same known items should give the same answer. A set model's does, by construction;
a GPT's need not. (The chain p(σ(S)) varies over orders σ for set models too, because their conditionals need
not fit together; the answer to one and the same known set is what tells the two apart.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import torch

from setgen.generators.base import Generator, evaluating
from setgen.generators.orders import random_orders
from setgen.metrics.context import SCORED, Context, cached, scored
from setgen.metrics.estimate import Estimate, mean, ratio, undefined
from setgen.metrics.metric import metric
from setgen.sets.batch import SetBatch, to_batch
from setgen.sets.per_set import random_ranks
from setgen.sets.sets import Sets

AnySets = TypeVar("AnySets", bound=Sets)
_BITS = 1 / np.log(2)

MOST = 100
"""Test sets whose halves are asked about: each is asked several times, item by item."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """log p(S | c) of C sets S, from K orders σ_k of each, or of what is hidden of them.

    nats: (C,) log n! + log p(n | c) + the log of the mean of the p(σ_k): a lower bound on log p(S | c) in
    expectation, the nearer the more orders, and equal to it over all n!. one_order_nats: (C,) the mean over k of
    the logs instead, what one order gives on average. An impossible set has −∞. items: (C,) that they are of. The
    conditions are given, not counted.
    """

    nats: np.ndarray
    one_order_nats: np.ndarray
    items: np.ndarray
    orders: int

    @property
    def bits(self) -> np.ndarray:
        """(C,) bits per item of each set, all orders together."""
        return -self.nats * (_BITS / np.maximum(self.items, 1))

    @property
    def one_order_bits(self) -> np.ndarray:
        """(C,) bits per item of each set by one order, on average."""
        return -self.one_order_nats * (_BITS / np.maximum(self.items, 1))

    @property
    def impossible(self) -> int:
        """How many sets the model gives probability 0 under every order."""
        return int(np.isinf(self.nats).sum())

    def to_json(self) -> dict[str, Any]:
        """Bits of all sets over all items, with their standard errors, and how they were got."""
        both = {
            "together": bits_of_all(self.nats, self.items),
            "one_order": bits_of_all(self.one_order_nats, self.items),
        }
        return {
            **{k: {"bits_per_item": e.value, "standard_error": e.standard_error} for k, e in both.items()},
            "orders": self.orders,
            "sets": len(self.nats),
            "impossible": self.impossible,
        }


def nats_a_set(nats: np.ndarray, note: str = "", sets: str = "sets") -> Estimate:
    """The mean over (C,) sets and its standard error s/√C; infinite if one set is impossible."""
    return _impossible(nats, note, sets) or mean(nats, note=note)


def bits_of_all(nats: np.ndarray, items: np.ndarray, note: str = "", sets: str = "sets") -> Estimate:
    """Minus (C,) log-likelihoods of sets in bits, all of them over all their items; infinite if one is impossible.

    The mean over sets of each one's own bits per item would be smallest not for p(S) but for p(S)/n made to sum
    to one: it favours a model that believes in smaller sets than there are.
    """
    return _impossible(-nats, note, sets) or ratio(-nats * _BITS, items, note=note)


def _impossible(values: np.ndarray, note: str, sets: str) -> Estimate | None:
    """±∞ where one of the (C,) values is."""
    hopeless = np.isinf(values)
    if not hopeless.any():
        return None
    said = f"{hopeless.sum()} {sets} have probability 0"
    return Estimate(float(values[hopeless][0]), None, len(values), "; ".join(filter(None, (note, said))))


def batches(generator: Generator, sets: Sets, rows: np.ndarray, size: int) -> Iterator[tuple[Any, SetBatch]]:
    """The sets of `rows`, in this order and so many at a time: which rows, and they as a batch.

    Meanwhile the generator is in eval mode, and nothing is differentiated.
    """
    with evaluating(generator), torch.no_grad():
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield part, to_batch(generator.space, sets[part], generator.device)


def likelihood(
    generator: Generator,
    sets: Sets,
    *,
    orders: int = 4,
    seed: int = 0,
    legal: bool = True,
    batch_size: int = 256,
    given: np.ndarray | None = None,
) -> Likelihood:
    """The likelihood of `sets`, each under `orders` random orders that depend on `seed` alone.

    The same sets, orders and legality masks serve every model, whatever the batch size. The sets must be
    legal where `legal` is on. given: (C,) so many items of each set, its first, are given in their order; the
    likelihood is that of the others.
    """
    drawn = random_orders(sets.sizes, orders, seed, given)
    nats = np.empty((len(sets), orders))
    by_size = np.argsort(sets.sizes, kind="stable")  # little padding
    for rows, batch in batches(generator, sets, by_size, batch_size):
        taken = drawn[:, rows, : batch.width].to(generator.device)
        told = None if given is None else torch.from_numpy(given[rows]).to(generator.device)
        nats[rows] = generator.log_likelihood(batch, taken, legal, told).double().cpu().numpy()
    items = sets.sizes - (0 if given is None else given)
    return Likelihood(np.logaddexp.reduce(nats, axis=1) - np.log(orders), nats.mean(1), items, orders)


@cached
def scored_likelihood(c: Context) -> Likelihood:
    """Of the test sets that are scored."""
    return likelihood(c.generator, scored(c), orders=c.orders, seed=c.seed, batch_size=SCORED)


_likelihood = partial(metric, family="likelihood", floor="none", needs_generator=True)
_URIA = "the order-averaged bound, Uria, Murray & Larochelle 2014; set-corrected by n!"
_BURDA = "importance-weighted bound, Burda, Grosse & Salakhutdinov 2016, over orders; set-corrected by n!"


@_likelihood(name="bits per {item}", unit="bits", source=_BURDA)
def bits_per_item(c: Context) -> Estimate:
    """Sum over test {sets} of −(log₂ p(n) + log₂ n! + log₂ mean over orders of p(order)), over the sum of n."""
    found = scored_likelihood(c)
    return bits_of_all(found.nats, found.items, f"{c.orders} orders", c.words["sets"])


@_likelihood(name="bits per {item}, one order", unit="bits", source=_URIA)
def one_order_bits_per_item(c: Context) -> Estimate:
    """Sum over test {sets} of −(log₂ p(n) + log₂ n! + mean over orders of log₂ p(order)), over the sum of n."""
    found = scored_likelihood(c)
    return bits_of_all(found.one_order_nats, found.items, sets=c.words["sets"])


@_likelihood(name="log-likelihood per {set}", unit="nats", direction="↑", source=_BURDA)
def log_likelihood_per_set(c: Context) -> Estimate:
    """Mean over test {sets} of log p(n) + log n! + log mean over orders of p(order)."""
    return nats_a_set(scored_likelihood(c).nats, f"{c.orders} orders", c.words["sets"])


def halves(sets: AnySets, seed: int = 0) -> AnySets:
    """Prompts: a random half (rounded down) of each set's items, with its conditions."""
    rank = random_ranks(sets, np.random.default_rng(seed))
    return sets.kept(rank < (sets.sizes // 2)[sets.owner])


def order_sensitivity(
    generator: Generator,
    prompts: Sets,
    *,
    shuffles: int = 4,
    seed: int = 0,
    legal: bool = True,
    batch_size: int = 256,
) -> Estimate:
    """Mean over prompts of the mean over pairs of shuffles of ½ Σ_e |p(e | order a) − p(e | order b)|.

    p is `Generator.next_log_probs` after the prompt's items in `shuffles` random orders; the value is a
    total-variation distance between 0 and 1. Prompts of fewer than two items have one order and are left
    out. The standard error is over prompts.
    """
    prompts = prompts[prompts.sizes >= 2]
    if len(prompts) == 0:
        return undefined(f"no prompt has two {generator.space.item_word}s")
    orders = random_orders(prompts.sizes, shuffles, seed)
    spread = np.empty(len(prompts))
    for rows, batch in batches(generator, prompts, np.arange(len(prompts)), batch_size):
        taken = orders[:, rows, : batch.width].to(generator.device)
        p = [generator.next_log_probs(batch.reordered(x), legal=legal).double().exp() for x in taken]
        apart = [(a - b).abs().sum(1) / 2 for a, b in combinations(p, 2)]
        spread[rows] = torch.stack(apart).mean(0).cpu().numpy()
    return mean(spread, seed, bounds=(0, 1))


@_likelihood(
    name="order sensitivity", unit="total variation", most=MOST, source="ours; 0 for a function of the set"
)
def sensitivity(c: Context) -> Estimate:
    """Mean over ≤ {most} test {sets} of the total variation between next-{item} distributions after one known
    half in several orders."""
    half = halves(scored(c).at_most(MOST, c.seed), c.seed)
    return order_sensitivity(c.generator, half, shuffles=c.shuffles, seed=c.seed, batch_size=SCORED)
