"""Generators whose likelihood, next-hold distribution and samples are known in closed form."""

from dataclasses import dataclass

import numpy as np
import torch

from setgen.boards.climbs import Climbs
from setgen.boards.roles import N_ROLES
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
        n, v = batch.size, len(self.board)
        g = torch.zeros_like(n) if given is None else given
        step = torch.arange(batch.placement.shape[1])
        each = -torch.log((v - step).double() * N_ROLES)
        total = (each * ((step >= g[:, None]) & (step < n[:, None]))).sum(1)
        total = total + torch.lgamma(n - g + 1.0).double() - torch.log(21.0 - g.clamp(min=1)).double()
        self.calls.append((batch, orders))
        return total[:, None].expand(-1, len(orders))

    def next_log_probs(self, prompts, legal=True):
        free = torch.ones(len(prompts), len(self.board), N_ROLES, dtype=torch.bool)
        for i in range(prompts.placement.shape[1]):
            rows = prompts.present[:, i].nonzero().squeeze(1)
            free[rows, prompts.placement[rows, i]] = False
        return torch.zeros(free.flatten(1).shape).masked_fill(~free.flatten(1), -torch.inf).log_softmax(1)

    def sample(self, prompts, *, sizes=None, legal=True, temperature=1.0, seed=0, batch_size=256):
        """One start, one finish and four middles with masks; six holds in any role without."""
        rng = np.random.default_rng([seed, legal])
        placement = np.concatenate(
            [rng.choice(len(self.board), 6, replace=False) for _ in range(len(prompts))]
        )
        role = (
            np.tile([0, 1, 1, 1, 1, 2], len(prompts)) if legal else rng.integers(N_ROLES, size=len(placement))
        )
        offsets = 6 * np.arange(len(prompts) + 1)
        return Climbs(placement, role, offsets, prompts.angle, prompts.grade)


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
