"""Completion: some holds of a test climb are given, and the model is asked for the others.

Prompts are at most MOST test climbs, the same for every model. Each climb's holds are put in one random
order and the last h of them are hidden, so that what is hidden at 25 % is hidden at 50 % and 75 % too:

    h = 25 %, 50 % or 75 % of n, rounded, at least 1 and at most n − 1: at least one hold is given

(of a climb of one hold that one is hidden). The given holds come to the model in that random order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import torch

from setgen.boards.climbs import Climbs
from setgen.boards.roles import N_ROLES
from setgen.boards.rules import legal
from setgen.evaluation.comparison import Sample
from setgen.evaluation.estimate import Estimate, mean, share
from setgen.evaluation.jaccard import distance_blocks
from setgen.evaluation.likelihood import bits_per_hold, likelihood
from setgen.evaluation.metric import Metric
from setgen.evaluation.trial import SCORED, Trial
from setgen.sets.batch import to_batch

SHARES = (0.25, 0.5, 0.75)
"""Shares of the holds that are hidden."""

HALF = 0.5
"""What is hidden where climbs are completed and looked at."""

MOST = 200
"""Test climbs that become prompts."""

DRAWN, COMPLETIONS = 100, 3
"""Prompts that are completed several times, and how often: drawing is what costs most."""

K = 10

_DIGITS = 6  # log-probabilities nearer than that are ties: they differ by rounding


@dataclass(frozen=True, eq=False)
class Hidden:
    """C climbs, the given holds first and the hidden ones behind. given: (C,) how many are given."""

    climbs: Climbs
    given: np.ndarray

    @classmethod
    def of(cls, climbs: Climbs, hidden: float, seed: int) -> Hidden:
        """Hide a share of each climb's holds; with one seed, the same ones and more at a larger share."""
        order = np.lexsort((np.random.default_rng(seed).random(len(climbs.placement)), climbs.owner))
        shuffled = Climbs(
            climbs.placement[order], climbs.role[order], climbs.offsets, climbs.angle, climbs.grade
        )
        sizes = climbs.sizes
        count = np.floor(hidden * sizes + 0.5).astype(np.int64).clip(1, np.maximum(sizes - 1, 1))
        return cls(shuffled, sizes - count)

    @property
    def count(self) -> np.ndarray:
        """(C,) how many holds are hidden."""
        return self.climbs.sizes - self.given

    @property
    def prompts(self) -> Climbs:
        """The given holds, with angle and grade."""
        return split(self.climbs, self.given)[0]

    @property
    def holds(self) -> Climbs:
        """The hidden holds."""
        return split(self.climbs, self.given)[1]


def split(climbs: Climbs, given: np.ndarray) -> tuple[Climbs, Climbs]:
    """The first given[i] holds of each climb, and the others."""
    owner = climbs.owner
    first = np.arange(len(owner)) - climbs.offsets[owner] < given[owner]
    offsets = np.concatenate([[0], np.cumsum(given)])
    before, behind = (
        Climbs(climbs.placement[keep], climbs.role[keep], ends, climbs.angle, climbs.grade)
        for keep, ends in ((first, offsets), (~first, climbs.offsets - offsets))
    )
    return before, behind


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


@torch.no_grad()
def recall(trial: Trial, hidden: Hidden, k: int = K) -> np.ndarray:
    """(C,) share of each climb's hidden placements among the k likeliest next ones, of at most k."""
    generator, prompts = trial.generator, hidden.prompts
    was_training = generator.training
    generator.eval()
    hits = np.empty(len(prompts))
    wanted = Sample(trial.dataset.board, hidden.holds).incidence
    for start in range(0, len(prompts), SCORED):
        rows = np.arange(start, min(start + SCORED, len(prompts)))
        batch = to_batch(generator.space, prompts[rows], generator.device)
        log_p = generator.next_log_probs(batch).double().unflatten(1, (-1, N_ROLES)).logsumexp(2)
        hits[rows] = wanted[rows].multiply(chances_of_top(log_p.cpu().numpy(), k)).sum(1)
    generator.train(was_training)
    return hits / np.minimum(hidden.count, k)


def prompted(trial: Trial, part: float, most: int = MOST) -> Hidden:
    """At most so many of the trial's test climbs with a share of their holds hidden."""
    chosen = trial.test.at_most(most, [trial.seed, len(trial.test)])
    return Hidden.of(chosen, part, trial.seed)


def _note(trial: Trial, most: int = MOST) -> str:
    return f"{most} of {len(trial.test)} test climbs" if len(trial.test) > most else ""


def _bits(part: float, trial: Trial) -> Estimate:
    hidden = prompted(trial, part)
    found = likelihood(
        trial.generator,
        hidden.climbs,
        orders=trial.orders,
        seed=trial.seed,
        batch_size=SCORED,
        given=hidden.given,
    )
    return bits_per_hold(found.bound, _note(trial))


def _recall(part: float, trial: Trial) -> Estimate:
    return mean(recall(trial, prompted(trial, part)), trial.seed, _note(trial), (0, 1))


def _legal(trial: Trial) -> Estimate:
    completed = trial.complete(prompted(trial, HALF).prompts, legal=False)
    return share(legal(trial.dataset.board, completed), _note(trial))


def _distances(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """(C,), (C,): mean distance between the new holds of a prompt's completions, and to the hidden ones."""

    def compute() -> tuple[np.ndarray, np.ndarray]:
        hidden = prompted(trial, HALF, DRAWN)
        c = np.arange(len(hidden.climbs))
        rows = np.repeat(c, COMPLETIONS)
        drawn = split(trial.complete(hidden.prompts[rows]), hidden.given[rows])[1]
        new, real = (Sample(trial.dataset.board, x).incidence for x in (drawn, hidden.holds))
        apart, away = (
            np.concatenate([block for _, block in distance_blocks(new, other)]) for other in (new, real)
        )
        apart = apart.reshape(len(c), COMPLETIONS, len(c), COMPLETIONS)[c, :, c]
        pairs = [apart[:, i, j] for i, j in combinations(range(COMPLETIONS), 2)]
        return np.mean(pairs, 0), away[np.arange(len(rows)), rows].reshape(-1, COMPLETIONS).mean(1)

    return trial.once("completions", compute)


def _diversity(trial: Trial) -> Estimate:
    return mean(_distances(trial)[0], trial.seed, _note(trial, DRAWN), (0, 1))


def _distance(trial: Trial) -> Estimate:
    return mean(_distances(trial)[1], trial.seed, _note(trial, DRAWN), (0, 1))


_FIRST = f"of ≤ {MOST} test climbs"

METRICS = (
    *(
        Metric(
            f"bits per hidden hold ({part:.0%} hidden)".replace("%", " %"),
            "bits",
            "↓",
            f"mean over climbs, {_FIRST}, of −(log₂ p(n | G) + log₂ h! + mean over orders of H of "
            "log₂ p(order | G, n)) / h, H the h hidden holds, G the given ones; p as prompts are completed",
            "the order-averaged bound, Uria, Murray & Larochelle 2014, on the hidden holds",
            partial(_bits, part),
            "none",
            "completion",
        )
        for part in SHARES
    ),
    *(
        Metric(
            f"recall@{K} ({part:.0%} hidden)".replace("%", " %"),
            "share",
            "↑",
            f"mean over climbs, {_FIRST}, of |H ∩ the {K} placements likeliest to come next| / min({K}, h), "
            "H the h hidden placements, roles summed out, equal ones in random order",
            "Recall@R of held-out items, Liang, Krishnan, Hoffman & Jebara 2018",
            partial(_recall, part),
            "none",
            "completion",
        )
        for part in SHARES
    ),
    Metric(
        "completions legal without masks",
        "share",
        "↑",
        f"share of prompts, {_FIRST} with half of the holds hidden, whose completion with legality masks off "
        "breaks no hard rule",
        "the board apps' own limits",
        _legal,
        "none",
        "completion",
    ),
    Metric(
        "diversity of completions",
        "Jaccard distance",
        "none",
        f"mean over ≤ {DRAWN} prompts, half of the holds hidden, of the mean over pairs of {COMPLETIONS} "
        "completions of 1 − |A ∩ B| / |A ∪ B|, over the placements of new holds only: the given ones are "
        "common to all and would only dilute it",
        "mean pairwise distance of outputs for one input, Zhu et al. 2017 (BicycleGAN), on Jaccard 1901",
        _diversity,
        "none",
        "completion",
    ),
    Metric(
        "completion to hidden holds",
        "Jaccard distance",
        "↓",
        f"mean over ≤ {DRAWN} prompts, half of the holds hidden, and over {COMPLETIONS} completions of "
        "1 − |A ∩ H| / |A ∪ H|, A the placements of the new holds and H those of the hidden ones",
        "Jaccard 1901",
        _distance,
        "none",
        "completion",
    ),
)
