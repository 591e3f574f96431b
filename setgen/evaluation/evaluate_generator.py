"""evaluate_generator: sample from a model and judge it, by the same code whatever the model is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from setgen.boards.climbs import Climbs
from setgen.boards.rules import legal
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation.estimate import Estimate, share
from setgen.evaluation.evaluate import Evaluation, evaluate
from setgen.evaluation.likelihood import Likelihood, bits_per_hold, likelihood
from setgen.evaluation.metric import Metric, MetricValue
from setgen.evaluation.order_sensitivity import halves, order_sensitivity
from setgen.evaluation.reference import Reference
from setgen.generators.base import Generator


@dataclass(frozen=True, eq=False)
class Trial:
    """A generator on a dataset, and what is drawn from it once for all metrics.

    n: climbs to sample. orders: orders for the likelihood. test_climbs: at most so many test climbs are
    scored (None: all), drawn with `seed`.
    """

    generator: Generator
    dataset: Dataset
    n: int
    seed: int = 0
    orders: int = 4
    shuffles: int = 4
    test_climbs: int | None = None
    batch_size: int = 256

    @cached_property
    def test(self) -> Climbs:
        """The test climbs that are scored."""
        test = self.dataset.part("test")
        return test[np.sort(np.random.default_rng(self.seed).permutation(len(test))[: self.test_climbs])]

    @cached_property
    def conditions(self) -> Climbs:
        """n empty prompts at the angles and grades of test climbs, each used as often as any other ± 1."""
        test, rng = self.dataset.part("test").without_holds(), np.random.default_rng(self.seed)
        rounds = [rng.permutation(len(test)) for _ in range(-(-self.n // len(test)))]
        return test[np.concatenate(rounds)[: self.n]]

    @cached_property
    def samples(self) -> Climbs:
        """n generated climbs at `conditions`, with legality masks."""
        return self._sample(True)

    @cached_property
    def unmasked(self) -> Climbs:
        """The same without legality masks."""
        return self._sample(False)

    @cached_property
    def likelihood(self) -> Likelihood:
        return likelihood(
            self.generator, self.test, orders=self.orders, seed=self.seed, batch_size=self.batch_size
        )

    def _sample(self, masks: bool) -> Climbs:
        self.generator.eval()
        return self.generator.sample(self.conditions, legal=masks, seed=self.seed, batch_size=self.batch_size)


def _bound(trial: Trial) -> Estimate:
    return bits_per_hold(trial.likelihood.bound)


def _tight(trial: Trial) -> Estimate:
    return replace(bits_per_hold(trial.likelihood.tight), note=f"{trial.orders} orders")


def _order_sensitivity(trial: Trial) -> Estimate:
    return order_sensitivity(
        trial.generator,
        halves(trial.test, trial.seed),
        shuffles=trial.shuffles,
        seed=trial.seed,
        batch_size=trial.batch_size,
    )


def _legal_unmasked(trial: Trial) -> Estimate:
    return share(legal(trial.dataset.board, trial.unmasked))


MODEL_METRICS: tuple[Metric, ...] = (
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
    Metric(
        "order sensitivity",
        "total variation",
        "↓",
        "mean total variation between next-hold distributions after one known half in several orders",
        "the design notes; 0 for a function of the set",
        _order_sensitivity,
        "none",
        "likelihood",
    ),
    Metric(
        "legal without masks",
        "share",
        "↑",
        "share of climbs, sampled with legality masks off, that break no hard rule",
        "the board apps' own limits",
        _legal_unmasked,
        "none",
        "validity",
    ),
)
"""What needs the model itself, from a Trial. A new one is one file and one line here."""


@dataclass(frozen=True, eq=False)
class GeneratorEvaluation:
    """evaluation: MODEL_METRICS, then METRICS on the samples. samples: the n climbs that were judged."""

    evaluation: Evaluation
    samples: Climbs
    likelihood: Likelihood


def evaluate_generator(
    generator: Generator,
    dataset: Dataset | Reference,
    *,
    n: int = 1000,
    seed: int = 0,
    orders: int = 4,
    shuffles: int = 4,
    test_climbs: int | None = None,
    batch_size: int = 256,
    progress: Callable[[Sequence[Metric]], Iterable[Metric]] = iter,
) -> GeneratorEvaluation:
    """Judge a generator on a dataset: likelihood of test climbs, order sensitivity, and n samples.

    It samples n climbs at the angles and grades of test climbs, with legality masks on; "legal without
    masks" comes from a second sample with them off. Arguments: see Trial. Equal seeds give equal climbs,
    orders, prompts and conditions to every generator. Raises InputError when the generator was trained
    on another board.
    """
    reference = dataset if isinstance(dataset, Reference) else None
    dataset = dataset.dataset if isinstance(dataset, Reference) else dataset
    ours, theirs = generator.board, dataset.board
    if not np.array_equal(ours.ids, theirs.ids) or ours.role_ids != theirs.role_ids:
        raise InputError(
            f"the model was trained on another board ({ours.name}) than the dataset's "
            f"({theirs.name}): give the dataset it was trained on"
        )
    if not len(dataset.part("test")):
        raise InputError("the dataset has no test climbs to compare with: it is too small")
    if min(n, orders, 1 if test_climbs is None else test_climbs) < 1:
        raise InputError(
            f"{n} samples, {orders} orders and {test_climbs} test climbs judge nothing: "
            "give at least one of each"
        )
    trial = Trial(generator, dataset, n, seed, orders, shuffles, test_climbs, batch_size)
    own = {}
    for metric in progress(MODEL_METRICS):
        estimate = metric.compute(trial)
        if estimate is not None:
            own[metric.name] = MetricValue.of(estimate, needs=metric.needs)
    judged = evaluate(trial.samples, reference or dataset, seed=seed, progress=progress)
    both = Evaluation(
        own | judged.values,
        {m.name: m for m in MODEL_METRICS if m.name in own} | judged.metrics,
        judged.rules,
        n,
        seed,
        {
            "generator": generator.name,
            "parameters": generator.n_parameters,
            "likelihood": trial.likelihood.to_json(),
        },
    )
    return GeneratorEvaluation(both, trial.samples, trial.likelihood)
