"""SweepSet: holds are revealed as a line sweeps over the board, with an exact likelihood of sets.

A climb S of n holds, of which G are given, is completed in the order in which a line that moves over the
board in direction d meets the other holds. That order is a function of the set, so each set has one, and

    p(S | G, c) = p(n | G, c) · 1/D Σ_d Π_i p(e_i | G, e_1 … e_(i−1), n, d, c)

needs no factor n! and is no bound: it is exact, for completions of any G too. The network sees G, and what
the line has met, as sets (`models.sweep_transformer`): one pass learns from every prefix of a sweep, and each
pass draws another G. Elements behind the line, or so far ahead that too few placements would be left, have
probability 0.

The same pass trains the answer to "which holds go with these?", G alone being known: the set-aware target,
uniform over all holds still to come (Uria, Murray & Larochelle 2014). That is `next_log_probs`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.constraints import Constraints
from setgen.boards.roles import N_ROLES, Role
from setgen.dataset.batches import ClimbBatch, to_batch, to_climbs
from setgen.errors import InputError
from setgen.generators.config import NetworkConfig
from setgen.generators.drawing import draw, row_uniforms
from setgen.generators.legality import Placed, elements_allowed, roles_allowed, rule_out
from setgen.generators.permitted import Permitted
from setgen.generators.prompts import make_ready
from setgen.generators.sharpening import Sharpening
from setgen.generators.sized import SizedGenerator, log_frequencies, put, widen
from setgen.generators.sweeps import Ahead, Told, sweep_ranks
from setgen.models.hold_embedding import ElementEmbedding
from setgen.models.set_transformer import Packing
from setgen.models.sweep_transformer import SweepTransformer

LINE, ANY, GIVEN, MET = range(4)
"""Kinds of tokens: two in front of the holds, the line's and that of "any hold of the set"; two of holds."""

_HEADS = LINE, ANY


@dataclass(frozen=True)
class SweepSetConfig(NetworkConfig):
    """The network's, and directions: D, of which the first is upwards. given: share of the training climbs
    of which some holds are given."""

    directions: int = 1
    given: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.directions < 1:
            raise InputError(f"directions is {self.directions}: a sweep needs at least one")
        if not 0 <= self.given <= 1:
            raise InputError(f"given is {self.given}: it is a share of climbs, from 0 to 1")


class SweepSet(SizedGenerator):
    """The generator that sweeps. A climb takes one network call a hold, of one new token each."""

    name = "sweep_set"
    Config = SweepSetConfig
    rank: Tensor

    def __init__(self, board: Board, config: SweepSetConfig) -> None:
        super().__init__(board, config)
        width = config.width
        self.elements = ElementEmbedding(board, width)
        self.of_angle = nn.Embedding(len(board.angles) + 1, width)
        self.of_grade = nn.Embedding(len(board.grades) + 1, width)
        self.of_left = nn.Embedding(self.sizes.most + 1, width)
        self.of_direction = nn.Embedding(config.directions, width)
        self.of_kind = nn.Embedding(4, width)
        for table in (self.of_angle, self.of_grade, self.of_left, self.of_direction, self.of_kind):
            nn.init.normal_(table.weight, std=0.3)
        self.network = SweepTransformer(width, config.depth, config.heads, config.dropout)
        self.pointer = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(board) * N_ROLES))
        self.register_buffer("rank", sweep_ranks(board, config.directions), persistent=False)

    def fit_counts(self, climbs: Climbs) -> None:
        """Count sizes; the bias of each element starts at its log-frequency and is learned from there."""
        self.sizes.fit_counts(climbs)
        with torch.no_grad():
            self.bias.copy_(log_frequencies(climbs, len(self.board)))

    def loss(self, batch: ClimbBatch) -> Tensor:
        """Nats per hold of sweep and size, and of "any hold" (see the module), each a mean over climbs."""
        size, rows, device = batch.size, len(batch), batch.angle.device
        batch = self.hide_conditions(batch)
        log_size = self.log_size(batch, batch.leading(torch.zeros_like(size)), legal=False)
        some = torch.rand(rows, device=device) < self.config.given
        n_given = (torch.rand(rows, device=device) * size).long().clamp(max=size - 1) * some
        key = torch.rand(batch.present.shape, device=device).masked_fill(~batch.present, 2.0)
        given = batch.present & (key.argsort(1).argsort(1) < n_given[:, None])
        direction = torch.randint(self.config.directions, (rows,), device=device)
        told = Told.of(batch, given, direction, self.rank)
        table = self.elements()
        codes = self._codes(told, table)
        sweep = (self._sweep(told, self._line_logits(told, codes, table), legal=False) + log_size) / size
        return -(sweep + self._any(told, codes, table) / (size - n_given)).mean()

    def log_likelihood(
        self, batch: ClimbBatch, orders: Tensor, legal: bool = True, given: Tensor | None = None
    ) -> Tensor:
        """The exact log p(S | c) in every column; with `given`, of completing each column's given holds."""
        if given is None:
            nothing = torch.zeros_like(batch.present)
            return self._log_probability(batch, nothing, legal)[:, None].repeat(1, len(orders))
        columns = []
        for order in orders.to(self.device):
            ordered = batch.reordered(order)
            columns.append(self._log_probability(ordered, ordered.leading(given).present, legal))
        return torch.stack(columns, 1)

    def next_log_probs(self, prompts: ClimbBatch, legal: bool = True) -> Tensor:
        """See `Generator.next_log_probs`: any hold of the set, wherever the line would meet it."""
        state = Placed.of(self.board, prompts)
        size = self.likely_size(prompts, state, legal)
        table = self.elements()
        told = Told(prompts, prompts.present, size, torch.zeros_like(size))
        allowed = elements_allowed(self.board, state, size - prompts.size, legal)
        logits = self._logits(self._codes(told, table)[:, ANY], table).masked_fill(~allowed, -torch.inf)
        return logits.log_softmax(1).masked_fill((prompts.size >= self.most(legal))[:, None], -torch.inf)

    @torch.inference_mode()
    def sample(
        self,
        prompts: Climbs,
        *,
        sizes: np.ndarray | None = None,
        legal: bool = True,
        temperature: float = 1.0,
        seed: int | np.ndarray = 0,
        batch_size: int = 256,
        constraints: Constraints | None = None,
        sharpening: Sharpening | None = None,
    ) -> Climbs:
        """See `Generator.sample`. At temperature 0 every sweep goes in the first direction."""
        ready = make_ready(self, prompts, sizes, legal, constraints, temperature, seed)

        def complete(part: Climbs, wanted: Tensor, rows: np.ndarray) -> Climbs:
            noise = row_uniforms(seed, rows, self.sizes.most + 2).to(self.device)
            given = to_batch(self.board, part, self.device)
            rules = (legal, ready.permitted, temperature)
            grown = self._complete(given, wanted, noise, *rules, sharpening or Sharpening())
            return to_climbs(self.board, grown)

        return self.sample_in_batches(ready.prompts, ready.sizes, batch_size, complete)

    def _complete(
        self,
        given: ClimbBatch,
        wanted: Tensor,
        noise: Tensor,
        legal: bool,
        permitted: Permitted | None,
        temperature: float,
        sharpening: Sharpening,
    ) -> ClimbBatch:
        state = Placed.of(self.board, given)
        drawn = draw(self.size_log_probs(given, state, legal, permitted), noise[:, -1])
        size = torch.where(wanted > 0, wanted, drawn)
        direction = (noise[:, -2] * self.config.directions * (temperature > 0)).long()
        # Climbs with most to come stand first, so that those still growing are always the leading rows.
        to_come, by_work = (size - state.count).sort(descending=True, stable=True)
        growing = (to_come[:, None] > torch.arange(int(to_come.max()), device=size.device)).sum(0).tolist()
        given, state, noise = given.rows(by_work), state.rows(by_work), noise[by_work]
        size, direction = size[by_work], direction[by_work]

        asks = sharpening.asks
        asked, heading = sharpening.asked(given), direction.repeat_interleave(asks)
        told = Told(asked, asked.present, size.repeat_interleave(asks), heading)
        table, rank = self.elements(), self.rank[direction]
        ahead, line = Ahead.of(rank, ~state.used), torch.full_like(size, -1)
        beyond = None if permitted is None else permitted.left_beyond(~state.used, rank)
        codes, memory = self.network.begin(*self._tokens(told, table, (LINE,)), max(0, len(growing) - 1))
        code, width = codes[:, 0], codes.shape[1]
        about = self._about(asked, torch.full_like(heading, MET), heading)
        grown, every = widen(given, int(size.max())), torch.arange(len(size), device=size.device)
        for step, rows in enumerate(growing):
            here, left = state.rows(slice(rows)), (size - state.count)[:rows]
            roles = roles_allowed(self.board, here, left, legal)
            logits = sharpening.guided(self._logits(code[: rows * asks], table))
            open_ahead = ahead.open(slice(rows), line[:rows], left)
            logits = rule_out(logits, open_ahead, roles)
            if permitted is not None and beyond is not None:
                may = permitted.may_follow(here, left, left, beyond[:rows], open_ahead).flatten(1)
                logits = logits.masked_fill(~may, -torch.inf)
            element = draw(sharpening.narrowed(logits), noise[every[:rows], here.count], temperature)
            put(grown, state, every[:rows], element)
            line[:rows] = rank[every[:rows], element // N_ROLES]
            if step + 1 < len(growing):
                going = growing[step + 1]
                token = table[element[:going]] + self.of_left(left[:going] - 1)
                token = token.repeat_interleave(asks, 0) + about[: going * asks]
                code = self.network.tell(token, memory.first(going * asks), width + step)
        return grown.rows(by_work.argsort())

    def _about(self, batch: ClimbBatch, kind: Tensor, direction: Tensor) -> Tensor:
        """(B, …, width): what the climb is for, and what the token is.

        Given holds, and the question for any hold, know no direction.
        """
        shape = (*kind.shape[:1], *(1 for _ in kind.shape[1:]), -1)
        condition = (self.of_angle(batch.angle) + self.of_grade(batch.grade)).view(shape)
        moves = ((kind == LINE) | (kind == MET))[..., None]
        return condition + self.of_kind(kind) + self.of_direction(direction).view(shape) * moves

    def _tokens(
        self, told: Told, table: Tensor, heads: tuple[int, ...] = _HEADS
    ) -> tuple[Tensor, Packing, Tensor]:
        """Packed tokens: the heads, in front, and the holds; their places; (B, L, L) who sees whom.

        Everybody sees the given holds. The line and the holds it has met see those met before.
        """
        batch, given, n = told.batch, told.given, len(heads)
        head = torch.tensor(heads, device=given.device).expand(len(batch), n)
        kind = torch.cat([head, torch.where(given, GIVEN, MET)], 1)
        to_come = (told.size - told.n_given)[:, None].expand(-1, n)
        element = pad(embedding(batch.element, table), (0, 0, n, 0))
        left = torch.cat([to_come, told.left], 1)
        tokens = element + self.of_left(left) + self._about(batch, kind, told.direction)
        packing = Packing.of(pad(batch.present, (n, 0), value=True))

        sweeping = (kind == LINE) | ((kind == MET) & packing.present)
        behind = torch.ones(kind.shape[1], kind.shape[1], dtype=torch.bool, device=kind.device).tril()
        seen = sweeping[:, :, None] & sweeping[:, None, :] & behind
        seen = seen | (kind == GIVEN)[:, None, :] | behind.diag().diag()
        return packing.pack(tokens), packing, seen

    def _codes(self, told: Told, table: Tensor) -> Tensor:
        """(B, 2 + L, width): what the network makes of each token."""
        tokens, packing, seen = self._tokens(told, table)
        return packing.pad(self.network(tokens, packing, seen))

    def _logits(self, code: Tensor, table: Tensor) -> Tensor:
        """(T, V·4) unnormalised log-probabilities of the next element."""
        return torch.addmm(self.bias, self.pointer(code), table.T, alpha=table.shape[1] ** -0.5)

    def sweep_logits(self, told: Told) -> Tensor:
        """(T, V·4) unnormalised log-probabilities at each hold that the line meets, T as in `told.swept`."""
        table = self.elements()
        return self._line_logits(told, self._codes(told, table), table)

    def _line_logits(self, told: Told, codes: Tensor, table: Tensor) -> Tensor:
        row, place = told.swept.nonzero(as_tuple=True)
        first = place == told.n_given[row]
        return self._logits(codes[row, torch.where(first, LINE, place + len(_HEADS) - 1)], table)

    def _sweep(self, told: Told, logits: Tensor, legal: bool) -> Tensor:
        """(B,) log p(holds that the line meets | given, n, direction), from their `sweep_logits`."""
        batch = told.batch
        row, place = told.swept.nonzero(as_tuple=True)
        first = place == told.n_given[row]
        rank, left = self.rank[told.direction], told.size[row] - place
        used = Placed.of(self.board, replace(batch, present=told.given)).used
        line = rank[row, batch.placement[row, place - 1]].masked_fill(first, -1)
        starts, finishes, feet = (
            (((batch.role == r) & batch.present).cumsum(1) - (batch.role == r).long())[row, place]
            for r in (Role.START, Role.FINISH, Role.FOOT)
        )
        state = Placed(used[row], used[row], starts, finishes, feet, place)  # hands matter to no rule
        roles = roles_allowed(self.board, state, left, legal)
        allowed = Ahead.of(rank, ~used).open(row, line, left)[:, :, None] & roles[:, None, :]
        log_p = logits.masked_fill(~allowed.flatten(1), -torch.inf).log_softmax(1)
        chosen = log_p.gather(1, batch.element[row, place][:, None]).squeeze(1)
        return torch.zeros(len(batch), dtype=log_p.dtype, device=log_p.device).index_add(0, row, chosen)

    def _any(self, told: Told, codes: Tensor, table: Tensor) -> Tensor:
        """(B,) Σ over the holds not given of log p(it is the next of them to be named | given, n)."""
        state = Placed.of(self.board, replace(told.batch, present=told.given))
        allowed = elements_allowed(self.board, state, told.size - told.n_given, legal=False)
        log_p = self._logits(codes[:, ANY], table).masked_fill(~allowed, -torch.inf).log_softmax(1)
        return log_p.gather(1, told.batch.element).masked_fill(~told.swept, 0.0).sum(1)

    def _log_probability(self, batch: ClimbBatch, given: Tensor, legal: bool) -> Tensor:
        """(B,) log p(the other holds | given, c): the mean over directions, and the size."""
        by_direction = []
        for d in range(self.config.directions):
            told = Told.of(batch, given, torch.full_like(batch.size, d), self.rank)
            by_direction.append(self._sweep(told, self.sweep_logits(told), legal))
        log_size = self.log_size(batch, replace(batch, present=given), legal)
        return torch.stack(by_direction).logsumexp(0) - np.log(len(by_direction)) + log_size
