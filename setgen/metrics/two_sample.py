"""Classifier two-sample tests: how well can a judge tell generated sets from real ones?

A judge is trained on some generated and some test sets and scores the others (cross-fitting); the area
under its ROC curve, the chance that it finds a random generated set less real than a random real one, is
0.5 when it cannot tell (Lopez-Paz & Oquab 2017; AUC in place of accuracy, which needs balanced classes). Two
judges that see different things: boosted trees on numbers of each set, and a Deep-Sets network on the items.
Neither sees conditions: sets asked for under one would be known by it.

Sets of the same items are always in one fold, or copies would be recognised rather than judged. Scores of
different folds cannot be ranked together, so the AUC is the folds' mean. Its error is DeLong's (1988) with
copies of one set counted as one draw (Obuchowski 1997): 50 sets twenty times over say no more than 50.
DeLong takes the judges as given, yet folds lend each other theirs. Two sets that differ by chance teach a
judge about each other and are judged by it, both ways, so that where there is nothing to find every pair of
sets counts twice in the sum over folds, and the variance is twice DeLong's (measured: 1.3 to 2.8 times; see
`test_intervals.py`). Far from 0.5 that is too wide an interval rather than too narrow a one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from setgen.metrics.context import Context, cached
from setgen.metrics.estimate import Estimate, symmetric, undefined
from setgen.metrics.features import incidence, shape
from setgen.metrics.metric import metric
from setgen.models.deep_sets import DeepSets
from setgen.sets.identity import fingerprints
from setgen.sets.per_set import informative
from setgen.sets.sets import Sets
from setgen.threads import one_thread

FOLDS = 3
MOST = 10_000
FEWEST = 30
MOST_ITEMS = 256
"""Items whose presence the trees see where items have no coordinates: those that most training sets have."""

_WIDTH, _DROPOUT, _BATCH, _RATE, _DECAY = 48, 0.2, 128, 3e-3, 0.05
_EPOCHS, _FEWEST_STEPS, _MOST_STEPS = 12, 60, 600

Judge = Callable[[Context, np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
"""(context, is-generated (N,), rows to learn from, rows to score, seed) → scores, high: generated.

Rows: the generated sets, then the test sets."""


def boosted_trees(
    c: Context, generated: np.ndarray, learn: np.ndarray, judge: np.ndarray, seed: int
) -> np.ndarray:
    """Gradient-boosted trees on `numbers`."""
    features = np.concatenate([numbers(c), numbers(c.test)])
    features = features[:, informative(features[learn])]
    trees = HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.1, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )  # the default stops early above 10,000 rows, judged on rows whose copies it has learnt
    with threadpool_limits(limits=1):  # sums in one order
        trees.fit(features[learn], generated[learn])
        return trees.decision_function(features[judge])


@cached
def numbers(c: Context) -> np.ndarray:
    """(C, F) `features.shape`; where items have no coordinates, also which of the common ones are there."""
    if c.space.coordinates is not None:
        return shape(c)
    common = np.argsort(-np.asarray(incidence(c.train).sum(0)), kind="stable")[:MOST_ITEMS]
    return np.concatenate([shape(c), incidence(c)[:, np.sort(common)].toarray()], axis=1)


def deep_sets(
    c: Context, generated: np.ndarray, learn: np.ndarray, judge: np.ndarray, seed: int
) -> np.ndarray:
    """A Deep-Sets network on the (item, label) elements, trained for a fixed number of steps."""
    sets = type(c.sets).concatenate([c.sets, c.test.sets])
    # Each class weighs the same, however many sets it has.
    share = generated[learn].mean()
    weight = np.where(generated, 0.5 / share, 0.5 / (1 - share))
    steps = int(np.clip(_EPOCHS * len(learn) / _BATCH, _FEWEST_STEPS, _MOST_STEPS))
    rng, labels = np.random.default_rng(seed), c.space.n_labels
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DeepSets(c.space, _WIDTH, _DROPOUT)
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_DECAY)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
        for _ in range(steps):
            rows = rng.choice(learn, min(_BATCH, len(learn)), replace=False)
            loss = nn.functional.binary_cross_entropy_with_logits(
                network(*_tensors(sets[rows], labels)),
                torch.from_numpy(generated[rows]).float(),
                torch.from_numpy(weight[rows]).float(),
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
        network.eval()
        with torch.no_grad():
            parts = [
                network(*_tensors(sets[rows], labels))
                for rows in np.array_split(judge, -(-len(judge) // 2048))
            ]
            return torch.cat(parts).numpy()


def _tensors(sets: Sets, labels: int) -> tuple[torch.Tensor, torch.Tensor]:
    element = sets.item.astype(np.int64) * labels + sets.label
    return torch.from_numpy(element), torch.from_numpy(sets.offsets[:-1])


def folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """(N,) fold of each row: equal groups in one fold, folds of about equal numbers of groups."""
    distinct, which = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(distinct)) % FOLDS)[which]


def placements(generated: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's components: (n,) share of real scores below each generated one, (m,) share of generated scores
    above each real one; ties count half. Both have the AUC as their mean."""

    def below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
        ordered = np.sort(others)
        less, at_most = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
        return (less + at_most) / (2 * len(others))

    return below(generated, real), 1 - below(real, generated)


def _auc(c: Context, judge: Judge) -> Estimate:
    c, note = c.at_most(MOST)
    n, m = len(c), len(c.test_sets)
    generated = np.arange(n + m) < n
    groups = np.concatenate([fingerprints(c.space, part.sets) for part in (c, c.test)])
    fold = folds(groups, c.seed)
    different = [len(np.unique(groups[part])) for part in (generated, ~generated)]
    counts = [np.bincount(fold[part], minlength=FOLDS) for part in (generated, ~generated)]
    if min(different) < FEWEST or min(count.min() for count in counts) < 5:
        found = f"there are {different[0]} generated and {different[1]} real ones"
        return undefined(f"wants {FEWEST} different {c.words['sets']} of each kind: {found}", n)
    influence, areas = np.empty(n + m), []
    for k in range(FOLDS):
        learn, rest = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        scores = judge(c, generated, learn, rest, c.seed)
        ours, theirs = rest[generated[rest]], rest[~generated[rest]]
        one, other = placements(scores[generated[rest]], scores[~generated[rest]])
        influence[ours] = (one - one.mean()) / len(one) / FOLDS
        influence[theirs] = (other - other.mean()) / len(other) / FOLDS
        areas.append(one.mean())
    value = float(np.mean(areas))
    pulls = np.bincount(np.unique(groups, return_inverse=True)[1], influence)  # of each set of items
    error = float(np.sqrt(2 * (pulls**2).sum()))
    return symmetric(value, error, n, note, (0, 1))


for _name, _said, _judge in (
    ("trees", "boosted trees on numbers of each {set}", boosted_trees),
    ("Deep Sets", "a Deep-Sets network on the {items}", deep_sets),
):
    metric(
        name=f"two-sample AUC ({_name})",
        unit="AUC",
        family="two-sample",
        formula=f"mean over {FOLDS} folds, by set of {{items}}, of P(score of a generated {{set}} > score of "
        f"a test {{set}}), scores out of fold by {_said}, of ≤ {MOST} {{sets}} of each kind; 0.5: cannot be "
        "told apart",
        source="C2ST, Lopez-Paz & Oquab 2017; interval: DeLong et al. 1988, by set: Obuchowski 1997",
        needs=300,
        sees=("{items} replaced", "random {sets}", "{labels} swapped", "few ideas", "one side dropped"),
    )(partial(_auc, judge=_judge))
