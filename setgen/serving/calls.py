"""The calls of a network, each for several requests at once: what the worker thread runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from setgen.climbing.climbs import Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.grading.grader import Grading
from setgen.climbing.similar import Similar
from setgen.generators.sampling import Sampling
from setgen.metrics.likelihood import Likelihood, likelihood
from setgen.serving.judging import Judged, judge
from setgen.serving.model import ServedModel
from setgen.sets.batch import to_batch
from setgen.sets.rules import Partial


class Call(Protocol):
    """A kind of call; equal ones can be made together."""

    def run(self, model: ServedModel, works: list[Any]) -> list[Any]:
        """One result for each work."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Climbs that one request asks for. sizes: (C,), 0 where free. Row i is drawn from (seed, i)."""

    prompts: Climbs
    sizes: np.ndarray
    seed: int

    @property
    def streams(self) -> np.ndarray:
        """(C, 2) the noise of each row, the same whatever it is drawn together with."""
        return np.stack([np.full(len(self.prompts), self.seed), np.arange(len(self.prompts))], axis=1)


@dataclass(frozen=True)
class Sample:
    """Draw climbs and judge them: `Wanted` → `Judged`. Requests with equal options share a call."""

    how: Sampling = field(default_factory=Sampling)

    def run(self, model: ServedModel, works: list[Wanted]) -> list[Judged]:
        prompts = Climbs.concatenate([work.prompts for work in works])
        climbs = model.generator.sample(
            prompts,
            self.how,
            sizes=np.concatenate([work.sizes for work in works]),
            seed=np.concatenate([work.streams for work in works]),
            batch_size=max(1, len(prompts)),
        )
        return _split(judge(model, climbs), [len(work.prompts) for work in works])


@dataclass(frozen=True)
class Judge:
    """Judge climbs: `Climbs` → `Judged`."""

    def run(self, model: ServedModel, works: list[Climbs]) -> list[Judged]:
        return _split(judge(model, Climbs.concatenate(works)), [len(work) for work in works])


@dataclass(frozen=True)
class Grade:
    """Grade climbs at their own angles: `Climbs` → `Grading`. The model must have a grader."""

    def run(self, model: ServedModel, works: list[Climbs]) -> list[Grading]:
        assert model.grader is not None
        return _split(model.grader.grade(Climbs.concatenate(works)), [len(work) for work in works])


@dataclass(frozen=True)
class NextHold:
    """The distribution of the next element: a prompt (one climb) → (V·4,) probabilities; all 0 where none may
    follow. With constraints it is that of the elements behind which a climb can still keep to them."""

    constraints: Constraints | None = None

    def run(self, model: ServedModel, works: list[Climbs]) -> list[np.ndarray]:
        board, device = model.board, model.generator.device
        batch = to_batch(board, Climbs.concatenate(works), device)
        with torch.inference_mode():
            chances = model.generator.next_log_probs(batch).double().exp()
            if self.constraints is not None:
                rules, state = model.generator.rules(True, self.constraints), Partial.of(board, batch)
                need, room = rules.to_come(state, torch.zeros_like(state.count))
                chances = chances * rules.allowed(state, need, room).flatten(1)
                chances = chances / chances.sum(1, keepdim=True).clamp(min=1e-300)
            return list(chances.cpu().numpy())


@dataclass(frozen=True)
class Nearest:
    """The n known climbs nearest to each: `Climbs` → a list of `Similar` for each. The model must know some."""

    n: int

    def run(self, model: ServedModel, works: list[Climbs]) -> list[list[list[Similar]]]:
        assert model.known is not None
        return _split(model.known.similar(Climbs.concatenate(works), self.n), [len(work) for work in works])


@dataclass(frozen=True)
class Score:
    """How likely the model finds climbs: `Climbs` → `Likelihood`. Orders depend on a request's own climbs,
    so that each request is a call of its own."""

    orders: int
    seed: int

    def run(self, model: ServedModel, works: list[Climbs]) -> list[Likelihood]:
        return [likelihood(model.generator, work, orders=self.orders, seed=self.seed) for work in works]


def _split(joined: Any, sizes: list[int]) -> list[Any]:
    ends = np.cumsum(sizes).tolist()
    return [joined[end - size : end] for size, end in zip(sizes, ends, strict=True)]
