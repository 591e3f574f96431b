"""Generators whose likelihood, next-hold distribution and samples are known in closed form."""

from dataclasses import dataclass

import numpy as np
import torch
from setgen.dataset.batches import to_climbs

from setgen.boards.climbs import Climb, Climbs
from setgen.boards.roles import N_ROLES, Role
from setgen.generators.base import Generator


@dataclass(frozen=True)
class NoConfig:
    pass


class UniformSets(Generator):
    """Every element that is free is as likely as any other; every size from 1 to 20 too."""

    name = "uniform_sets"
    Config = NoConfig

    def __init__(self, board, config=None):
        super().__init__(board, config or NoConfig())
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.calls = []

    def fit_counts(self, climbs):
        pass

    def loss(self, batch):
        return self.weight.sum()

    def log_likelihood(self, batch, orders, legal=True, given=None):
        assert not self.training
        n, count = batch.size, torch.arange(len(self.board) + 1, dtype=torch.float64)
        g = torch.zeros_like(n) if given is None else given
        # Tables of what depends on counts alone, so that no batch changes a digit.
        steps = -torch.log(count.flip(0)[:-1] * N_ROLES).cumsum(0)
        steps = torch.cat([torch.zeros(1), steps])
        log_sizes = torch.log(21 - count[:21].clamp(min=1))
        total = steps[n] - steps[g] + torch.lgamma(count + 1)[n - g] - log_sizes[g]
        self.calls.append((batch, orders))
        return total[:, None].expand(-1, len(orders))

    def next_log_probs(self, prompts, legal=True):
        free = torch.ones(len(prompts), len(self.board), N_ROLES, dtype=torch.bool)
        for i in range(prompts.placement.shape[1]):
            rows = prompts.present[:, i].nonzero().squeeze(1)
            free[rows, prompts.placement[rows, i]] = False
        return torch.zeros(free.flatten(1).shape).masked_fill(~free.flatten(1), -torch.inf).log_softmax(1)

    def sample(self, prompts, *, sizes=None, legal=True, temperature=1.0, seed=0, batch_size=256):
        """Six holds or one or two more than are given: start and finish with masks, any roles without."""
        rng, climbs = np.random.default_rng([seed, legal]), []
        for holds, angle, grade in prompts:
            taken = {r for _, r in holds}
            owed = [r for r in (Role.START, Role.FINISH) if r not in taken]
            new = max(6 - len(holds), len(owed), 1)
            free = np.setdiff1d(np.arange(len(self.board)), [p for p, _ in holds])
            placement = rng.choice(free, new, replace=False).tolist()
            role = [*owed, *[Role.MIDDLE] * (new - len(owed))] if legal else rng.integers(N_ROLES, size=new)
            climbs.append(Climb((*holds, *zip(placement, map(int, role), strict=True)), angle, grade))
        return Climbs.from_list(climbs)


class KnowsTheAnswer(UniformSets):
    """Completes a part of a climb that it has seen to that climb, whatever else it could be."""

    name = "knows_the_answer"

    def __init__(self, board, climbs):
        super().__init__(board)
        self.known = list(climbs)

    def answer(self, prompt):
        """The holds of the only known climb that contains the prompt's, those of the prompt left out."""
        (climb,) = (c for c in self.known if c[1:] == prompt[1:] and set(prompt.holds) <= set(c.holds))
        return tuple(h for h in climb.holds if h not in prompt.holds)

    def next_log_probs(self, prompts, legal=True):
        p = torch.zeros(len(prompts), len(self.board) * N_ROLES)
        for row, prompt in zip(p, to_climbs(self.board, prompts), strict=True):
            row[[N_ROLES * placement + role for placement, role in self.answer(prompt)]] = 1
        return (p / p.sum(1, keepdim=True)).log()

    def sample(self, prompts, *, sizes=None, legal=True, temperature=1.0, seed=0, batch_size=256):
        return Climbs.from_list([p._replace(holds=p.holds + self.answer(p)) for p in prompts])


class LastHoldDecides(UniformSets):
    """Half of the next hold's probability lies on one element that the last hold given decides."""

    name = "last_hold_decides"

    def next_log_probs(self, prompts, legal=True):
        last = prompts.element.gather(1, (prompts.size - 1)[:, None]).squeeze(1)
        p = torch.full((len(prompts), len(self.board) * N_ROLES), 0.5 / (len(self.board) * N_ROLES))
        p[torch.arange(len(prompts)), last] += 0.5
        return p.log()


class OrderDecides(UniformSets):
    """log p(σ) is −(first placement in the order σ), so that the mean over orders is known."""

    name = "order_decides"

    def log_likelihood(self, batch, orders, legal=True, given=None):
        first = torch.stack([batch.reordered(order).placement[:, 0] for order in orders], 1)
        return -first.double()


class Impossible(UniformSets):
    """Gives climbs of more than six holds no probability."""

    name = "impossible"

    def log_likelihood(self, batch, orders, legal=True, given=None):
        nats = super().log_likelihood(batch, orders, legal, given).clone()
        nats[batch.size > 6] = -torch.inf
        return nats
