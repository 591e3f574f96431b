"""Which hold a GPT would write next behind a given partial set: one row at a time, every hold tried."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from baselines.gpt import GPT, Cache
from baselines.gpt_sampling import Reader, TokenGroups
from setgen.boards.roles import N_ROLES
from setgen.dataset.batches import ClimbBatch
from setgen.dataset.vocabulary import Vocabulary


def next_behind(reader: Reader, vocabulary: Vocabulary, given: ClimbBatch, allowed: Tensor) -> Tensor:
    """(V·4,) log p(hold | not the end) + log p(role | hold) behind the given holds as they stand.

    given: one row without padding. allowed: (V·4,) bool, at least one of them true.
    """
    groups = TokenGroups(vocabulary, allowed.device)
    allowed = allowed.view(-1, N_ROLES)
    candidates = allowed.any(1).nonzero().squeeze(1)
    hold = reader.feed(vocabulary.encode_batch(given)[:, : 2 + 2 * int(given.size)])
    hold = hold[0, groups.holds[candidates]].double().log_softmax(0)
    role = reader.branch(groups.holds[candidates])[:, groups.roles].double()
    return _table(allowed, candidates, hold, role)


def next_between(gpt: GPT, vocabulary: Vocabulary, given: ClimbBatch, allowed: Tensor) -> Tensor:
    """(V·4,) unnormalised scores of a model that writes holds in ascending order.

    A hold is scored where it would stand: as the one that comes next behind the given holds before it.
    The given holds after it are not looked at, so this is an approximation to p(hold | given set).
    Arguments as above, the given holds ascending.
    """
    groups = TokenGroups(vocabulary, allowed.device)
    allowed = allowed.view(-1, N_ROLES)
    n, cache = int(given.size), Cache()
    hold = gpt(vocabulary.encode_batch(given)[:, : 2 + 2 * n], cache)[0, 1::2][:, groups.holds[:-1]].double()
    index = torch.arange(len(allowed), device=allowed.device)
    bounds = [-1, *given.placement[0, :n].tolist(), len(allowed)]
    scores = torch.full(allowed.shape, -torch.inf, dtype=torch.float64, device=allowed.device)
    for j, (last, following) in enumerate(pairwise(bounds)):
        candidates = (allowed.any(1) & (index > last) & (index < following)).nonzero().squeeze(1)
        if len(candidates):
            here = hold[j].masked_fill(index <= last, -torch.inf).log_softmax(0)[candidates]
            role = gpt(groups.holds[candidates][:, None], cache.prefix(2 + 2 * j, len(candidates)))
            part = _table(allowed, candidates, here, role[:, 0, groups.roles].double())
            scores[candidates] = part.view(-1, N_ROLES)[candidates]
    return scores.flatten()


def _table(allowed: Tensor, candidates: Tensor, hold: Tensor, role: Tensor) -> Tensor:
    """(V·4,) hold plus role log-probabilities of the candidates, −inf elsewhere."""
    scores = torch.full(allowed.shape, -torch.inf, dtype=torch.float64, device=allowed.device)
    role = role.masked_fill(~allowed[candidates], -torch.inf).log_softmax(1)
    scores[candidates] = hold[:, None] + role
    return scores.flatten()
