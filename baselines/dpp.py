"""Determinantal point processes: the field's own distribution over sets.

    p(S) = det L_S / det(L + I)

over the elements of a space, L_S being the rows and columns of L of the elements in S (Kulesza & Taskar 2012). L is
of low rank (Gartrell et al. 2016), and not symmetric (Gartrell et al. 2019, 2021), so that elements may attract each
other as well as repel:

    L = Q^½ (V Vᵀ + B Dᵀ − D Bᵀ + ε I) Q^½,      Q = diag(quality of each element | conditions)

L is then a sum of a positive semidefinite and a skew matrix: no principal minor is negative, every set has a
probability. ε, which is small, gives some to sets of more items than the rank.

**Drawing.** Items come by number. With A the elements that are in, all others before item i being out, the next
element e is one of item i with the probability that A and e are in, and all else up to item i is out, over what may
come behind. With one label and no bounds these steps multiply to the DPP itself, conditioned on a set not being
empty; given elements are conditioned on exactly, wherever they lie. Bounds and limits renormalise every step, as in
every generator: what is drawn, and what `log_likelihood` gives, is then that chain and no longer a DPP.

**Labels.** A label is part of an element, and nothing in a determinant forbids two labels of one item: that training
never sees such a set makes their vectors alike, and it improbable. The chain forbids it: an element comes *without*
the other labels of its item, and steps are renormalised over that. So `log_likelihood` is of proper sets, and above
`log_det_probability`, the DPP's own, by what that wastes on improper ones. Training climbs the latter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from setgen.errors import InputError
from setgen.generators.base import Generator, Steps, per_item
from setgen.generators.config import GeneratorConfig
from setgen.generators.counts import element_counts
from setgen.generators.unmasking import Unmasking
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Partial
from setgen.sets.sets import Sets
from setgen.sets.space import Space

_ROWS = 64  # sets whose kernels are held at once, each (V·R, 2 (rank + skew rank)) float64
_NODES = 16  # of the quadrature over the number of items still to come


@dataclass(frozen=True)
class DPPConfig(GeneratorConfig):
    """rank: columns of V. skew_rank: columns of B and D together, an even number; 0 for a symmetric kernel.

    condition_width: rank of the table (conditions × elements) of log-qualities. floor: ε. regularisation: α of the
    penalty α Σ_e ‖row e of V, B and D‖² quality_e / count_e (Gartrell et al. 2019). condition_dropout: how often each
    condition is hidden in training.
    """

    rank: int = 32
    skew_rank: int = 32
    condition_width: int = 16
    floor: float = 1e-5
    regularisation: float = 0.0
    condition_dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1 or self.condition_width < 1:
            raise InputError("rank and condition_width are at least 1")
        if self.skew_rank < 0 or self.skew_rank % 2:
            raise InputError(f"skew_rank is {self.skew_rank}: give an even number, 0 for a symmetric kernel")
        if self.floor <= 0:
            raise InputError(f"floor is {self.floor}: it must be above 0, for sets larger than the rank")
        if self.regularisation < 0:
            raise InputError(f"regularisation is {self.regularisation}: give 0 or more")
        if not 0 <= self.condition_dropout <= 1:
            raise InputError(f"condition_dropout is {self.condition_dropout}: it is a share, from 0 to 1")


@dataclass
class Kernel:
    """L of U different prompts, L_ef = y_e X y_fᵀ + d_e [e = f], given elements being in, their items out of it.

    y: (U, V, R, K). d: (U, V, R). x: (U, K, K). All float64.
    """

    y: Tensor
    d: Tensor
    x: Tensor

    @classmethod
    def given(cls, y: Tensor, d: Tensor, x: Tensor, given: SetBatch, used: Tensor) -> Kernel:
        """Conditioned on the elements of `given` (U sets): X − X Y_Gᵀ (L_G)⁻¹ Y_G X, a Schur complement.

        used: (U, V) items of these elements, of which no other label may come either.
        """
        row = torch.arange(len(y), device=y.device)[:, None]
        own = y[row, given.item, given.label] * given.present[:, :, None]
        diagonal = d[row, given.item, given.label].masked_fill(~given.present, 1.0)
        l_given = own @ x @ own.mT + torch.diag_embed(diagonal)
        x = x - x @ own.mT @ torch.linalg.solve(l_given, own @ x)
        return cls(y.masked_fill(used[:, :, None, None], 0.0), d.masked_fill(used[:, :, None], 0.0), x)

    def __len__(self) -> int:
        return len(self.y)

    def next_shares(self) -> Tensor:
        """(U, V, R) in proportion to E[[e ∈ S] / |S|]: what comes next where S comes in random order.

        1 / |S| is the integral of t^(|S| − 1) over t from 0 to 1, and weighing each set by t^|S| makes the DPP of
        t L. By quadrature; of d, which is small, t is left out.
        """
        nodes = torch.from_numpy(np.stack(np.polynomial.legendre.leggauss(_NODES))).to(self.y)
        t, share = (nodes[0, :, None] + 1) / 2, nodes[1, :, None] / 2
        y, d = self.y.flatten(1, 2), self.d.flatten(1)
        gram = y.mT @ (y / (1 + d)[:, :, None])
        square = torch.eye(y.shape[2]).to(y) + t[:, :, None, None] * (self.x @ gram)  # (T, U, K, K)
        log_z = torch.linalg.slogdet(square)[1]
        weight = share * (log_z - log_z.amax(0)).exp()
        inner = (weight[:, :, None, None] * torch.linalg.solve(square, self.x)).sum(0)
        shares = ((y @ inner) * y).sum(2).clamp(min=0) / (1 + d) ** 2 + d / (1 + d) * weight.sum(0)[:, None]
        return shares.view_as(self.d)


@dataclass
class Suffixes:
    """What a kernel says of the items behind each item i, these being free to be in or out.

    With H_i = (X⁻¹ + Σ_{e behind i} y_eᵀ y_e / (1 + d_e))⁻¹, for elements e and f of item i:
    right: (U, V, R, K) H_i y_eᵀ. left: (U, V, R, K) y_e H_i. weight: (U, V, R) y_e H_i y_eᵀ + d_e.
    block: (U, V, R, R) inverse of (I + diag(d) + y_e H_i y_fᵀ), so that H_{i−1} = H_i − right block left.
    log_z: (U, V) log of the sum of det L_T over all sets T of elements behind i.
    """

    kernel: Kernel
    right: Tensor
    left: Tensor
    weight: Tensor
    block: Tensor
    log_z: Tensor

    @classmethod
    def of(cls, kernel: Kernel) -> Suffixes:
        """One scan over the items, the last first."""
        y, d, h = kernel.y, kernel.d, kernel.x
        right, left, weight = torch.empty_like(y), torch.empty_like(y), torch.empty_like(d)
        block, log_z = y.new_empty(*d.shape, d.shape[2]), y.new_empty(d.shape[:2])
        one, so_far = torch.eye(d.shape[2], dtype=y.dtype, device=y.device), y.new_zeros(len(y))
        for i in reversed(range(y.shape[1])):
            own = y[:, i]
            right[:, i], left[:, i] = own @ h.mT, own @ h
            l_own = left[:, i] @ own.mT + torch.diag_embed(d[:, i])
            weight[:, i], log_z[:, i] = l_own.diagonal(dim1=1, dim2=2), so_far
            block[:, i] = torch.linalg.inv(one + l_own)
            h = h - right[:, i].mT @ (block[:, i] @ left[:, i])
            so_far = so_far + torch.linalg.slogdet(one + l_own)[1]
        return cls(kernel, right, left, weight, block, log_z)

    def products(self, vectors: Tensor, row: Tensor, y: Tensor) -> Tensor:
        """(B, V, R) products of `vectors` (U, V, R, K), of prompt `row` (B,) each, with y (B, K)."""
        found = y.new_empty(len(y), *vectors.shape[1:3])
        for u in row.unique().tolist():
            here = (row == u).nonzero().squeeze(1)
            found[here] = (y[here] @ vectors[u].flatten(0, 1).T).view(len(here), *vectors.shape[1:3])
        return found


@dataclass
class Drawn:
    """B sets with n new elements A = a_1 … a_n each, as seen from every item i that lies behind them.

    row: (B,) which prompt of `suffixes`. y: (B, n, K). left, right: (B, n, V, R) y_a H_i y_eᵀ and y_e H_i y_aᵀ.
    inverse: (B, n, n, V) of F_i = (y_a H_i y_bᵀ + d_a [a = b]). log_det: (B, V) log det F_i. weight: (B, V, R) that
    of each element in `suffixes`, A being in. At items before the last of A these numbers mean nothing.
    """

    suffixes: Suffixes
    row: Tensor
    y: Tensor
    left: Tensor
    right: Tensor
    inverse: Tensor
    log_det: Tensor
    weight: Tensor

    @classmethod
    def nothing(cls, suffixes: Suffixes, row: Tensor) -> Drawn:
        weight = suffixes.weight[row]
        rows, items, _ = weight.shape
        y, none = suffixes.kernel.y.new_empty(rows, 0, suffixes.kernel.y.shape[3]), weight[:, None][:, :0]
        inverse, log_det = weight.new_empty(rows, 0, 0, items), weight.new_zeros(rows, items)
        return cls(suffixes, row, y, none, none, inverse, log_det, weight)

    def rows(self, index: Tensor | slice) -> Drawn:
        ours = ("row", "y", "left", "right", "inverse", "log_det", "weight")
        return replace(self, **{name: getattr(self, name)[index] for name in ours})

    def logits(self) -> Tensor:
        """(B, V·R + 1) log-probabilities, but for a constant, of what is in next, all before it being out."""
        floor = self.suffixes.kernel.d[self.row]
        log_p = self.weight.maximum(floor).log()
        log_p = log_p + (self.suffixes.log_z[self.row] + self.log_det)[:, :, None]
        return torch.cat([log_p.flatten(1), self.log_det[:, -1:]], 1)

    def add(self, item: Tensor, label: Tensor) -> None:
        """One more element (B,) in: F_i grows by a row and a column, its inverse by bordering."""
        given, row = self.suffixes, self.row
        y, d = given.kernel.y[row, item, label], given.kernel.d[row, item, label][:, None]
        left, right = given.products(given.right, row, y), given.products(given.left, row, y)
        block, x = given.block[row], given.kernel.x[row]
        self.y = torch.cat([self.y, y[:, None]], 1)
        lefts, rights = torch.cat([self.left, left[:, None]], 1), torch.cat([self.right, right[:, None]], 1)
        # Products with H_i are those with X, less what the items behind i have taken away. Sums of products are
        # written out: as matrix products they would be very many very small ones.
        taken_right = (block * right[:, :, None, :]).sum(3)
        taken_left = (block * left[:, :, :, None]).sum(2)
        down = self.y @ x @ y[:, :, None] - _behind((lefts * taken_right[:, None]).sum(3))
        across = self.y @ x.mT @ y[:, :, None] - _behind((rights * taken_left[:, None]).sum(3))
        corner, down, across = down[:, -1] + d, down[:, :-1], across[:, :-1]
        solved, rowed = (self.inverse * down[:, None]).sum(2), (self.inverse * across[:, :, None]).sum(1)
        # y H yᵀ is never negative: what rounding takes below that is put back.
        pivot = (corner - (across * solved).sum(1)).maximum(d)
        left = left - (self.left * rowed[..., None]).sum(1)
        right = right - (self.right * solved[..., None]).sum(1)
        self.weight = self.weight - left * right / pivot[..., None]
        self.log_det = self.log_det + pivot.log()
        pivot = pivot[:, None, None]
        upper = self.inverse + solved[:, :, None] * (rowed[:, None] / pivot)
        upper = torch.cat([upper, -solved[:, :, None] / pivot], 2)
        lower = torch.cat([-rowed[:, None] / pivot, 1 / pivot], 2)
        self.inverse, self.left, self.right = torch.cat([upper, lower], 1), lefts, rights


def _behind(terms: Tensor) -> Tensor:
    """(B, n, V): the sum over all items behind each."""
    sums = terms.flip(2).cumsum(2).flip(2)
    return torch.cat([sums[:, :, 1:], torch.zeros_like(sums[:, :, :1])], 2)


class DPP(Generator):
    """A low-rank determinantal point process, see the module. It draws an end, so sizes follow from the kernel.

    A size that is asked for renormalises every step, as other rules do; it is no k-DPP.
    """

    name = "dpp"
    Config = DPPConfig
    draws_size = False
    not_exported = "how many kernels it works out depends on the prompts (torch.unique in `_different`)"
    counts: Tensor
    frequency: Tensor
    occurs: Tensor

    def __init__(self, space: Space, config: DPPConfig) -> None:
        super().__init__(space, config)
        self.ranks = torch.arange(len(space))[None]
        n, both = space.n_elements, config.rank + config.skew_rank
        # Rows of about length 1: a set of one element then begins with the odds of its frequency.
        scale = torch.full((both,), config.rank**-0.5)
        scale[config.rank :] = max(config.skew_rank, 1) ** -0.5
        self.vectors = nn.Parameter(torch.randn(n, both) * scale)
        self.asked = nn.ModuleDict(
            {
                name: nn.Embedding(len(values) + 1, config.condition_width)
                for name, values in space.conditions.items()
            }
        )
        self.quality = nn.Parameter(torch.zeros(n, config.condition_width)) if space.conditions else None
        occurs = torch.from_numpy(np.tile(space.label_occurs, len(space)))
        self.register_buffer("occurs", occurs, persistent=False)
        self.register_buffer("counts", torch.zeros(n))
        self.register_buffer("frequency", torch.zeros(n))

    def fit_counts(self, sets: Sets) -> None:
        """Qualities begin at the odds of each element's share of the sets."""
        counts = element_counts(sets, self.space)
        share = (counts + 0.5) / (len(sets) + 1)
        self.counts.copy_(counts)
        self.frequency.copy_(share.logit())

    # --- the kernel -------------------------------------------------------------------------------------------

    def _inner(self) -> Tensor:
        """(K, K) X: the identity for V, and for (B, D) the skew matrix of B Dᵀ − D Bᵀ."""
        rank, half = self.config.rank, self.config.skew_rank // 2
        x = torch.zeros(rank + 2 * half, rank + 2 * half, dtype=torch.float64, device=self.device)
        x[:rank, :rank] = torch.eye(rank)
        x[rank : rank + half, rank + half :] = torch.eye(half)
        x[rank + half :, rank : rank + half] = -torch.eye(half)
        return x

    def _log_quality(self, batch: SetBatch) -> Tensor:
        """(B, V·R) float64."""
        log_q = self.frequency.double().expand(len(batch), -1)
        if self.quality is not None:
            told = torch.stack([table(batch.conditions[name]) for name, table in self.asked.items()])
            log_q = log_q + told.sum(0).double() @ self.quality.double().T
        return log_q.masked_fill(~self.occurs, -torch.inf)

    def _kernel(self, given: SetBatch) -> Kernel:
        """The kernels of different prompts."""
        log_q = self._log_quality(given)
        shape = (len(given), len(self.space), self.space.n_labels)
        y = ((log_q / 2).exp()[:, :, None] * self.vectors.double()).view(*shape, -1)
        d = (self.config.floor * log_q.exp()).view(shape)
        x = self._inner().expand(len(given), -1, -1)
        return Kernel.given(y, d, x, given, Partial.of(self.space, given).used)

    def log_det_probability(self, batch: SetBatch) -> Tensor:
        """(B,) nats: log det L_S − log det(L + I), of the DPP alone: what papers give, and training climbs.

        Its sum over all sets, the empty one and those with two labels of one item among them, is 1.
        """
        codes = torch.stack([torch.zeros_like(batch.size), *batch.conditions.values()], 1)
        first, where = _different(codes)
        log_q, z, x = self._log_quality(batch.rows(first)), self.vectors.double(), self._inner()
        q, floor = log_q.exp(), self.config.floor
        own = z[batch.element] * batch.present[:, :, None]
        # Padding is 1 on the diagonal alone, and leaves the determinant as it is.
        l_own = own @ x @ own.mT + torch.diag_embed(
            torch.ones_like(own[:, :, 0]).masked_fill(batch.present, floor)
        )
        log_det = torch.linalg.slogdet(l_own)[1]
        log_det = log_det + log_q[where[:, None], batch.element].masked_fill(~batch.present, 0.0).sum(1)
        gram = z.T @ ((q / (1 + floor * q))[:, :, None] * z)
        square = torch.eye(len(x), dtype=z.dtype, device=z.device) + x @ gram
        log_z = (floor * q).log1p().sum(1) + torch.linalg.slogdet(square)[1]
        return log_det - log_z[where]

    def loss(self, batch: SetBatch) -> Tensor:
        """Minus `log_det_probability` in nats per item, with the penalty."""
        if self.training:
            batch = batch.partly_asked(self.config.condition_dropout)
        loss = -self.log_det_probability(batch)
        if self.config.regularisation:
            length = self.vectors.double().square().sum(1) * self.frequency.double().exp()
            loss = loss + self.config.regularisation * (length / (self.counts.double() + 1)).sum()
        return per_item(loss, batch.size)

    # --- start and step ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def start(self, given: SetBatch, size: Tensor, order: Tensor) -> Drawn:
        first, where = self._prompts(given)
        return Drawn.nothing(Suffixes.of(self._kernel(given.rows(first))), where)

    def step(self, state: Drawn) -> Tensor:
        return state.logits()

    def append(self, state: Drawn, element: Tensor) -> None:
        state.add(element // self.space.n_labels, element % self.space.n_labels)

    @torch.no_grad()
    def steps(
        self, batch: SetBatch, given: Tensor, order: Tensor, unmasking: Unmasking | None
    ) -> Iterator[Steps]:
        """One scan for each different prompt; what is drawn is then added an element at a time.

        No gradients: training has `log_det_probability`.
        """
        held = given.sum(1)  # given ones stand first
        _, where = self._prompts(batch.only(given))
        for rows in where.argsort(stable=True).split(_ROWS):
            part, new = batch.rows(rows), (batch.size - held)[rows]
            state = self.start(part.only(given[rows]), new, order[rows])
            for n in range(int(new.max()) + 1):
                going = (new >= n).nonzero().squeeze(1)
                if len(going) < len(new):
                    rows, new, part, state = rows[going], new[going], part.rows(going), state.rows(going)
                yield Steps(rows, held[rows] + n, self.step(state))
                more = (new > n).nonzero().squeeze(1)
                rows, new, part, state = rows[more], new[more], part.rows(more), state.rows(more)
                if len(more):
                    column = (held[rows] + n)[:, None]
                    self.append(state, part.element.gather(1, column).squeeze(1))

    def _prompts(self, given: SetBatch) -> tuple[Tensor, Tensor]:
        """One row of each different prompt, and which of them each row's is."""
        elements = given.element.masked_fill(~given.present, -1).sort(1).values
        return _different(torch.cat([elements, *(code[:, None] for code in given.conditions.values())], 1))

    # --- the next element -------------------------------------------------------------------------------------

    def next_scores(
        self, prompts: SetBatch, size: Tensor, state: Partial, left: Tensor, allowed: Tensor
    ) -> Tensor:
        """Of the DPP conditioned on the given elements, those to come standing in random order."""
        first, where = self._prompts(prompts)
        parts = [self._kernel(prompts.rows(rows)).next_shares().flatten(1) for rows in first.split(_ROWS)]
        return torch.cat(parts).log()[where].masked_fill(~allowed, -torch.inf).log_softmax(1)


def _different(table: Tensor) -> tuple[Tensor, Tensor]:
    """The place of one of each of the different rows of (B, C), and which of them each row is."""
    rows, where = torch.unique(table, dim=0, return_inverse=True)
    place = torch.arange(len(table), device=table.device)
    return torch.zeros(len(rows), dtype=torch.int64, device=table.device).scatter(0, where, place), where
