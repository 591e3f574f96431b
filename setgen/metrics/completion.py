"""Completion: some items of a test set are given, and the model is asked for the others.

Prompts are at most MOST test sets, the same for every model. Each set's items are put in one random order and
the last h of them are hidden, so that what is hidden at 25 % is hidden at 50 % and 75 % too:

    h = 25 %, 50 % or 75 % of n, rounded, at least 1 and at most n − 1: at least one item is given

(of a set of one item that one is hidden). The given items come to the model in that random order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from setgen.metrics.context import SCORED, Context, cached, scored
from setgen.metrics.estimate import Estimate, mean, share, undefined
from setgen.metrics.features import item_matrix
from setgen.metrics.jaccard import distance_blocks
from setgen.metrics.likelihood import batches, bits_of_all, likelihood
from setgen.metrics.metric import metric
from setgen.sets.bounds import legal
from setgen.sets.sets import Sets

SHARES = (0.25, 0.5, 0.75)
"""Shares of the items that are hidden."""

HALF = 0.5
"""What is hidden where sets are completed and looked at."""

MOST = 200
"""Test sets that become prompts."""

DRAWN, COMPLETIONS = 100, 3
"""Prompts that are completed several times, and how often: drawing is what costs most."""

K = 10

_DIGITS = 6  # log-probabilities nearer than that are ties: they differ by rounding


@dataclass(frozen=True, eq=False)
class Hidden:
    """C sets, the given items first and the hidden ones behind. given: (C,) how many are given."""

    sets: Sets
    given: np.ndarray

    @classmethod
    def of(cls, sets: Sets, hidden: float | None, seed: int) -> Hidden:
        """Hide a share of each set's items, or one (None); with one seed, the same and more the larger it is."""
        order = np.lexsort((np.random.default_rng(seed).random(len(sets.item)), sets.owner))
        sizes = sets.sizes
        count = np.ones_like(sizes)
        if hidden is not None:
            count = np.floor(hidden * sizes + 0.5).astype(np.int64).clip(1, np.maximum(sizes - 1, 1))
        return cls(sets.reordered(order), sizes - count)

    @property
    def count(self) -> np.ndarray:
        """(C,) how many items are hidden."""
        return self.sets.sizes - self.given

    @property
    def prompts(self) -> Sets:
        """The given items, with the conditions."""
        return split(self.sets, self.given)[0]

    @property
    def items(self) -> Sets:
        """The hidden items."""
        return split(self.sets, self.given)[1]


def split(sets: Sets, given: np.ndarray) -> tuple[Sets, Sets]:
    """The first given[i] items of each set, and the others."""
    owner = sets.owner
    first = np.arange(len(owner)) - sets.offsets[owner] < given[owner]
    return sets.kept(first), sets.kept(~first)


def chances_of_top(scores: np.ndarray, k: int) -> np.ndarray:
    """(C, M) chance of each entry to be among the k highest of its row, equal ones in random order.

    scores: (C, M), −inf for what cannot be chosen. The mean over all orders of ties favours nobody
    (McSherry & Najork 2008).
    """
    scores = np.round(scores, _DIGITS)
    last = -np.partition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, min(k, scores.shape[1]) - 1, None]
    above, level = scores > last, scores == last
    chance = (k - above.sum(1, keepdims=True)) / level.sum(1, keepdims=True)
    return np.where(np.isfinite(scores), above + level * np.minimum(chance, 1), 0)


def percentile_ranks(scores: np.ndarray, hidden: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(C,) per cent of each row's free entries that score no more than the hidden one, itself one.

    scores: (C, M), −inf for what cannot be chosen. hidden: (C,). free: (C, M) bool. Others that score the
    same count half, as on average where ties are broken at random: 100 is the best, a blind guess about 50.
    """
    scores, rows = np.round(scores, _DIGITS), np.arange(len(hidden))
    own = scores[rows, hidden][:, None]
    below, level = ((free & x).sum(1) for x in (scores < own, scores == own))
    return 100 * (below + (level + 1) / 2) / free.sum(1)


def next_items(c: Context, prompts: Sets) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, (rows, V) log-probabilities of the next item, labels summed out) of prompts, batch by batch."""
    for rows, batch in batches(c.generator, prompts, np.arange(len(prompts)), SCORED):
        log_p = c.generator.next_log_probs(batch).double()
        yield rows, log_p.unflatten(1, (-1, c.space.n_labels)).logsumexp(2).cpu().numpy()


def recall(c: Context, hidden: Hidden, k: int = K) -> np.ndarray:
    """(C,) share of each set's hidden items among the k likeliest next ones, of at most k."""
    hits, wanted = np.empty(len(hidden.sets)), item_matrix(c.space, hidden.items)
    for rows, log_p in next_items(c, hidden.prompts):
        hits[rows] = wanted[rows].multiply(chances_of_top(log_p, k)).sum(1)
    return hits / np.minimum(hidden.count, k)


def prompted(c: Context, part: float, most: int = MOST) -> Hidden:
    """At most so many of the scored test sets with a share of their items hidden."""
    tests = scored(c)
    return Hidden.of(tests.at_most(most, [c.seed, len(tests)]), part, c.seed)


def _note(c: Context, most: int = MOST) -> str:
    tests = len(scored(c))
    return f"{most} of {tests} test {c.words['sets']}" if tests > most else ""


_completion = partial(metric, family="completion", floor="none", needs_generator=True)
_FIRST = f"of ≤ {MOST} test {{sets}}"


def _bits(c: Context, part: float) -> Estimate:
    hidden = prompted(c, part)
    found = likelihood(c.generator, hidden.sets, orders=c.orders, seed=c.seed, given=hidden.given)
    return bits_of_all(found.nats, found.items, _note(c), c.words["sets"])


def _recall(c: Context, part: float) -> Estimate:
    return mean(recall(c, prompted(c, part)), c.seed, _note(c), (0, 1))


for _part in SHARES:
    _completion(
        name=f"bits per hidden {{item}} ({_part:.0%} hidden)".replace("%", " %"),
        unit="bits",
        formula=f"sum over {{sets}}, {_FIRST}, of −(log₂ p(n | G) + log₂ h! + log₂ mean over orders of H "
        "of p(order | G, n)), over the sum of h: H the h hidden {items}, G the given ones; p as prompts are "
        "completed",
        source="importance-weighted bound, Burda, Grosse & Salakhutdinov 2016, over orders of the hidden {items}",
    )(partial(_bits, part=_part))
    _completion(
        name=f"recall@{K} ({_part:.0%} hidden)".replace("%", " %"),
        unit="share",
        direction="↑",
        formula=f"mean over {{sets}}, {_FIRST}, of |H ∩ the {K} {{items}} likeliest to come next| / "
        f"min({K}, h), H the h hidden {{items}}, {{labels}} summed out, equal ones in random order",
        source="Recall@R of held-out items, Liang, Krishnan, Hoffman & Jebara 2018",
    )(partial(_recall, part=_part))


@_completion(
    name="percentile rank of one hidden {item}",
    unit="%",
    direction="↑",
    source="mean percentile rank, Hu, Koren & Volinsky 2008; of one hidden item: Gartrell, Paquet & "
    "Koenigstein 2017",
)
def percentile_rank(c: Context) -> Estimate:
    """Mean over test {sets} of ≥ 2 {items}, one of them hidden at random, of 100 · |{{j ∉ A: p(j | A) ≤
    p(hidden | A)}}| / |{{j ∉ A}}|, A the given ones, {labels} summed out; others that tie count half."""
    tests = scored(c)
    hidden = Hidden.of(tests[tests.sizes >= 2], None, c.seed)
    if not len(hidden.sets):
        return undefined("no test {set} has two {items}".format(**c.words))
    prompts, target = hidden.prompts, hidden.items.item
    given, ranks = item_matrix(c.space, prompts), np.empty(len(target))
    for rows, log_p in next_items(c, prompts):
        ranks[rows] = percentile_ranks(log_p, target[rows], given[rows].toarray() == 0)
    return mean(ranks, c.seed, bounds=(0, 100))


@_completion(
    name="completions legal without masks",
    unit="share",
    direction="↑",
    most=MOST,
    source="the {space}'s own bounds",
)
def legal_completions(c: Context) -> Estimate:
    """Share of prompts, of ≤ {most} test {sets} with half of the {items} hidden, whose completion with
    legality masks off breaks no hard rule."""
    completed = c.complete(prompted(c, HALF).prompts, False)
    return share(legal(c.space, completed), _note(c))


@cached
def _distances(c: Context) -> tuple[np.ndarray, np.ndarray]:
    """(C,), (C,): mean distance between the new items of a prompt's completions, and to the hidden ones."""
    hidden = prompted(c, HALF, DRAWN)
    each = np.arange(len(hidden.sets))
    rows = np.repeat(each, COMPLETIONS)
    drawn = split(c.complete(hidden.prompts[rows]), hidden.given[rows])[1]
    new, real = (item_matrix(c.space, x) for x in (drawn, hidden.items))
    apart, away = (np.concatenate([block for _, block in distance_blocks(new, x)]) for x in (new, real))
    apart = apart.reshape(len(each), COMPLETIONS, len(each), COMPLETIONS)[each, :, each]
    pairs = [apart[:, i, j] for i, j in combinations(range(COMPLETIONS), 2)]
    return np.mean(pairs, 0), away[np.arange(len(rows)), rows].reshape(-1, COMPLETIONS).mean(1)


_drawn = partial(_completion, unit="Jaccard distance", most=DRAWN)


@_drawn(
    name="diversity of completions",
    direction="none",
    source="mean pairwise distance of outputs for one input, Zhu et al. 2017 (BicycleGAN), on Jaccard 1901",
)
def diversity_of_completions(c: Context) -> Estimate:
    """Mean over ≤ {most} prompts, half of the {items} hidden, of the mean over pairs of three completions of
    1 − |A ∩ B| / |A ∪ B|, over the new {items} only: the given ones would only dilute it."""
    return mean(_distances(c)[0], c.seed, _note(c, DRAWN), (0, 1))


@_drawn(name="completion to hidden {items}", source="Jaccard 1901")
def completion_to_hidden(c: Context) -> Estimate:
    """Mean over ≤ {most} prompts, half of the {items} hidden, and over three completions of
    1 − |A ∩ H| / |A ∪ H|, A the new {items} and H the hidden ones."""
    return mean(_distances(c)[1], c.seed, _note(c, DRAWN), (0, 1))
