"""Generators whose likelihood, next-item distribution and samples are known in closed form, in any space."""

import numpy as np
import torch

from setgen.sets.batch import to_sets
from setgen.sets.sets import One


class UniformSets(torch.nn.Module):
    """Every element that is free is as likely as any other; every size from 1 to 20 too."""

    name = "uniform_sets"
    device = torch.device("cpu")
    n_parameters = 3

    def __init__(self, space):
        super().__init__()
        self.space, self.calls = space, []

    def log_likelihood(self, batch, orders, legal=True, given=None):
        assert not self.training
        n, count = batch.size, torch.arange(len(self.space) + 1, dtype=torch.float64)
        g = torch.zeros_like(n) if given is None else given
        # Tables of what depends on counts alone, so that no batch changes a digit.
        steps = -torch.log(count.flip(0)[:-1] * self.space.n_labels).cumsum(0)
        steps = torch.cat([torch.zeros(1), steps])
        log_sizes = torch.log(21 - count[:21].clamp(min=1))
        total = steps[n] - steps[g] + torch.lgamma(count + 1)[n - g] - log_sizes[g]
        self.calls.append((batch, orders))
        return total[:, None].expand(-1, len(orders))

    def next_log_probs(self, prompts, legal=True):
        free = torch.ones(len(prompts), len(self.space), self.space.n_labels, dtype=torch.bool)
        for i in range(prompts.width):
            rows = prompts.present[:, i].nonzero().squeeze(1)
            free[rows, prompts.item[rows, i]] = False
        return torch.zeros(free.flatten(1).shape).masked_fill(~free.flatten(1), -torch.inf).log_softmax(1)

    def sample(self, prompts, *, sizes=None, legal=True, seed=0, batch_size=256):
        """Six items or one or two more than are given: with masks what labels owe, any labels without."""
        rng, sets, labels = np.random.default_rng([seed, legal]), [], self.space.labels
        spare = next(r for r, label in enumerate(labels) if label.at_most is None)
        for one in prompts.ones():
            taken = {r for _, r in one.elements}
            owed = [r for r, label in enumerate(labels) if label.at_least and r not in taken]
            new = max(6 - len(one.elements), len(owed), 1)
            free = np.setdiff1d(np.arange(len(self.space)), [item for item, _ in one.elements])
            item = rng.choice(free, new, replace=False).tolist()
            label = [*owed, *[spare] * (new - len(owed))] if legal else rng.integers(len(labels), size=new)
            sets.append(One((*one.elements, *zip(item, map(int, label), strict=True)), one.conditions))
        return prompts.of(self.space, sets)


class KnowsTheAnswer(UniformSets):
    """Completes a part of a set that it has seen to that set, whatever else it could be."""

    name = "knows_the_answer"

    def __init__(self, space, sets):
        super().__init__(space)
        self.sets, self.known = sets, list(sets.ones())

    def answer(self, prompt):
        """The elements of the only known set that contains the prompt's, those of the prompt left out."""
        (found,) = (
            x
            for x in self.known
            if x.conditions == prompt.conditions and set(prompt.elements) <= set(x.elements)
        )
        return tuple(e for e in found.elements if e not in prompt.elements)

    def next_log_probs(self, prompts, legal=True):
        p, labels = torch.zeros(len(prompts), self.space.n_elements), self.space.n_labels
        for row, prompt in zip(p, to_sets(self.space, prompts, self.sets).ones(), strict=True):
            row[[labels * item + label for item, label in self.answer(prompt)]] = 1
        return (p / p.sum(1, keepdim=True)).log()

    def sample(self, prompts, *, sizes=None, legal=True, seed=0, batch_size=256):
        whole = [One(p.elements + self.answer(p), p.conditions) for p in prompts.ones()]
        return prompts.of(self.space, whole)


class LastItemDecides(UniformSets):
    """Half of the next item's probability lies on one element that the last item given decides."""

    name = "last_item_decides"

    def next_log_probs(self, prompts, legal=True):
        last = prompts.element.gather(1, (prompts.size - 1)[:, None]).squeeze(1)
        p = torch.full((len(prompts), self.space.n_elements), 0.5 / self.space.n_elements)
        p[torch.arange(len(prompts)), last] += 0.5
        return p.log()


class OrderDecides(UniformSets):
    """log p(σ) is −(first item in the order σ), so that the mean over orders is known."""

    name = "order_decides"

    def log_likelihood(self, batch, orders, legal=True, given=None):
        return -torch.stack([batch.reordered(order).item[:, 0] for order in orders], 1).double()


class Impossible(UniformSets):
    """Gives sets of more than six items no probability."""

    name = "impossible"

    def log_likelihood(self, batch, orders, legal=True, given=None):
        nats = super().log_likelihood(batch, orders, legal, given).clone()
        nats[batch.size > 6] = -torch.inf
        return nats
