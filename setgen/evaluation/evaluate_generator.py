"""evaluate_generator: sample from a model and judge it, by the same code whatever the model is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from setgen.boards.climbs import Climbs
from setgen.dataset.dataset import Dataset
from setgen.errors import InputError
from setgen.evaluation import completion, likelihood, order_sensitivity, validity
from setgen.evaluation.evaluate import Evaluation, evaluate
from setgen.evaluation.likelihood import Likelihood
from setgen.evaluation.metric import Metric, MetricValue
from setgen.evaluation.reference import Reference
from setgen.evaluation.trial import Trial
from setgen.generators.base import Generator
from setgen.grading.grader import one_thread

MODEL_METRICS: tuple[Metric, ...] = (
    *likelihood.METRICS,
    *order_sensitivity.METRICS,
    *validity.MODEL_METRICS,
    *completion.METRICS,
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
    seed: int | None = None,
    orders: int = 4,
    shuffles: int = 4,
    test_climbs: int | None = None,
    batch_size: int = 256,
    progress: Callable[[Sequence[Metric]], Iterable[Metric]] = iter,
) -> GeneratorEvaluation:
    """Judge a generator on a dataset: likelihood and completion of test climbs, and n samples.

    It samples n climbs at the angles and grades of test climbs, with legality masks on; "legal without
    masks" comes from a second sample with them off. Arguments: see Trial. Equal seeds give equal climbs,
    orders, prompts and conditions to every generator; a Reference brings its own seed. On a CPU no digit
    depends on the number of threads: networks are asked on one. batch_size bounds the memory of drawing and
    changes no score; it changes a climb only where two holds are level to the last digit. seed: 0 where none
    is given and no Reference brings one. Raises InputError when the generator was trained on another board.
    """
    if isinstance(dataset, Reference) and seed not in (None, dataset.seed):
        raise InputError(f"seed {seed} is not that of the reference, {dataset.seed}: leave it out")
    data = dataset.dataset if isinstance(dataset, Reference) else dataset
    ours, theirs = generator.space, data.board
    if not np.array_equal(ours.ids, theirs.ids) or ours.role_ids != theirs.role_ids:
        raise InputError(
            f"the model was trained on another board ({ours.name}) than the dataset's "
            f"({theirs.name}): give the dataset it was trained on"
        )
    if min(n, orders, 1 if test_climbs is None else test_climbs) < 1:
        raise InputError(
            f"{n} samples, {orders} orders and {test_climbs} test climbs judge nothing: "
            "give at least one of each"
        )
    reference = dataset if isinstance(dataset, Reference) else Reference.of(dataset, seed or 0)
    trial = Trial(generator, data, n, reference.seed, orders, shuffles, test_climbs, batch_size)
    own = {}
    with one_thread():
        for metric in progress(MODEL_METRICS):
            estimate = metric.compute(trial)
            if estimate is not None:
                own[metric.name] = MetricValue.of(estimate, notes=[metric.wanting(estimate.n)])
        likely, samples = likelihood.of_trial(trial), trial.samples
    judged = evaluate(samples, reference, progress=progress)
    both = Evaluation(
        own | judged.values,
        {m.name: m for m in MODEL_METRICS if m.name in own} | judged.metrics,
        judged.rules,
        n,
        reference.seed,
        {
            "generator": generator.name,
            "parameters": generator.n_parameters,
            "likelihood": likely.to_json(),
            **judged.details,
        },
    )
    return GeneratorEvaluation(both, samples, likely)
