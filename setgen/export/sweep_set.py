"""What is exported of SweepSet: one step over new tokens; keys and values of those told before go in.

Reading every hold again at each step would need no memory; in onnxruntime a climb of twelve holds then took
1.3 times (a batch of one) to 4 times (of 256) as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, scaled_dot_product_attention

from setgen.climbing.padding import PaddedClimbs
from setgen.climbing.roles import N_ROLES
from setgen.export.exportable import Exportable
from setgen.export.masked_set import size_table
from setgen.generators.sweep_set import ANY, GIVEN, LINE, MET, SweepSet
from setgen.generators.sweeps import Told
from setgen.runtime.sampler import Run
from setgen.runtime.sweep_set import Telling


class SweepStep(nn.Module):
    """What `SweepSet` makes of the last of T new tokens, with the table of element vectors computed once."""

    table: Tensor
    bias: Tensor

    def __init__(self, generator: SweepSet) -> None:
        super().__init__()
        self.of_angle, self.of_grade, self.of_left = generator.of_angle, generator.of_grade, generator.of_left
        self.of_direction, self.of_kind = generator.of_direction, generator.of_kind
        self.network, self.pointer = generator.network, generator.pointer
        self.register_buffer("table", generator.elements().detach())
        self.register_buffer("bias", generator.bias.detach())

    def forward(
        self,
        element: Tensor,
        kind: Tensor,
        left: Tensor,
        present: Tensor,
        angle: Tensor,
        grade: Tensor,
        direction: Tensor,
        known: Tensor,
        past: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """(B, V·4) logits behind the last token, and the keys and values of the new ones.

        element, kind, left, present: (B, T), as `SweepSet` has them; the line's token has no element.
        angle, grade, direction: (B,) codes. past: (depth, 2, B, heads, P, d), what earlier calls returned,
        P may be 0; known: (B, P), which of these count. New tokens see all of these, the given holds among
        themselves, and the line and what it has met those of them that come before.
        """
        moves = (kind == LINE) | (kind == MET)
        condition = self.of_angle(angle) + self.of_grade(grade)
        x = embedding(element, self.table) * (kind >= GIVEN)[..., None] + condition[:, None]
        x = (
            x
            + self.of_left(left)
            + self.of_kind(kind)
            + self.of_direction(direction)[:, None] * moves[..., None]
        )
        place = torch.arange(kind.shape[1], device=kind.device)
        behind = place[:, None] >= place
        seen = moves[:, :, None] & moves[:, None, :] & behind | (kind == GIVEN)[:, None, :]
        seen = seen & present[:, None, :] | (place[:, None] == place)
        seen = torch.cat([known[:, None, :].expand(-1, kind.shape[1], -1), seen], dim=2)[:, None]
        kept = []
        for layer, block in enumerate(self.network.layers):
            attention = block.attention
            qkv = attention.to_qkv(block.norm_attention(x)).unflatten(2, (3, attention.heads, -1))
            query, key, value = qkv.permute(2, 0, 3, 1, 4)
            kept.append(torch.stack([key, value]))
            key, value = torch.cat([past[layer, 0], key], 2), torch.cat([past[layer, 1], value], 2)
            mixed = scaled_dot_product_attention(query, key, value, attn_mask=seen)
            x = x + attention.out(mixed.transpose(1, 2).flatten(2))
            x = x + block.feed(block.norm_feed(x))
        code = self.pointer(self.network.norm(x[:, -1]))
        return code @ self.table.T / self.table.shape[1] ** 0.5 + self.bias, torch.stack(kept)


@torch.no_grad()
def sweep_set(generator: SweepSet) -> Exportable:
    """The adapter of the family."""
    config = generator.config
    depth, heads, width = config.depth, config.heads, config.width // config.heads
    settings: dict[str, Any] = {
        "sizes": size_table(generator.sizes),
        "ranks": generator.rank.tolist(),
        "kinds": {"line": LINE, "any": ANY, "given": GIVEN, "met": MET},
        "memory": [depth, heads, width],
    }

    def attach(run: Run) -> None:
        generator.sweep_logits = lambda told: told_by(run, settings, told)  # type: ignore[method-assign]

    rows, new, old = 3, 2, 4
    several, one = {0: "climbs", 1: "new"}, {0: "climbs"}
    return Exportable(
        sampler="sweep_set",
        board=generator.board,
        network=SweepStep(generator).eval(),
        settings=settings,
        inputs={
            "element": torch.arange(rows * new).view(rows, new) % (len(generator.board) * N_ROLES),
            "kind": torch.tensor([[GIVEN, LINE], [GIVEN, ANY], [LINE, MET]]),
            "left": torch.tensor([[2, 1]] * rows),
            "present": torch.ones(rows, new, dtype=torch.bool),
            # Three tensors, for exporters take inputs that are one object for one input.
            "angle": torch.tensor([0, 1, 0]),
            "grade": torch.tensor([1, 0, 0]),
            "direction": torch.arange(rows) % config.directions,
            "known": torch.ones(rows, old, dtype=torch.bool),
            "past": torch.zeros(depth, 2, rows, heads, old, width),
        },
        axes={
            **dict.fromkeys(("element", "kind", "left", "present"), several),
            **dict.fromkeys(("angle", "grade", "direction"), one),
            "known": {0: "climbs", 1: "old"},
            "past": {2: "climbs", 4: "old"},
        },
        outputs=("logits", "memory"),
        attach=attach,
    )


def told_by(run: Run, settings: dict[str, Any], told: Told) -> Tensor:
    """`SweepSet.sweep_logits` by an exported network, told hold by hold as its sampler tells it."""
    n_given, left = told.n_given, told.left.numpy()
    batch = {name: tensor.numpy() for name, tensor in vars(told.batch).items()}
    batch["present"] = told.given.numpy()
    to_come = (told.size - n_given).numpy()
    telling = Telling(run, settings, PaddedClimbs(**batch), told.size.numpy(), told.direction.numpy())
    steps = np.zeros((int(to_come.max(initial=0)), *telling.logits.shape), np.float32)
    for step in range(len(steps)):
        rows = (to_come > step).nonzero()[0]
        steps[step, rows] = telling.logits[rows]
        rows = (to_come > step + 1).nonzero()[0]
        if len(rows):
            place = n_given.numpy()[rows] + step
            telling.tell(rows, told.batch.element.numpy()[rows, place], left[rows, place])
    at, column = told.swept.nonzero(as_tuple=True)
    return torch.from_numpy(steps)[column - n_given[at], at]
