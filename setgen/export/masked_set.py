"""What is exported of MaskedSet: its denoiser over padded sets, and the size model as a table."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from setgen.climbing.roles import N_ROLES
from setgen.dataset.batches import ClimbBatch
from setgen.export.exportable import Exportable
from setgen.generators.masked_set import MaskedSet
from setgen.generators.sizes import SizeModel
from setgen.runtime.sampler import Run


class EveryPlace:
    """A `Packing` that leaves nothing out: padded places are carried along and never attended to.

    Packing by `nonzero` makes shapes depend on values, which exported graphs are slow at or cannot do.
    """

    def __init__(self, present: Tensor) -> None:
        self.present = present

    def pad(self, packed: Tensor) -> Tensor:
        return packed.unflatten(0, self.present.shape)

    def pack(self, padded: Tensor) -> Tensor:
        return padded.flatten(0, 1)


class PaddedDenoiser(nn.Module):
    """`MaskedSet.element_logits` of padded sets, with the table of element vectors computed once."""

    table: Tensor
    log_frequency: Tensor

    def __init__(self, generator: MaskedSet) -> None:
        super().__init__()
        self.of_angle, self.of_grade = generator.of_angle, generator.of_grade
        self.of_remaining = generator.of_remaining
        self.encoder, self.pointer = generator.encoder, generator.pointer
        self.register_buffer("table", generator.elements().detach())
        self.register_buffer("log_frequency", generator.log_frequency)

    def forward(
        self, element: Tensor, present: Tensor, angle: Tensor, grade: Tensor, remaining: Tensor
    ) -> Tensor:
        """(B, V·4) logits. element, present: (B, L); the rest: (B,) codes and numbers of masked slots."""
        state = self.of_angle(angle) + self.of_grade(grade) + self.of_remaining(remaining)
        tokens = torch.cat([state[:, None], embedding(element, self.table)], dim=1)
        packing = EveryPlace(torch.cat([torch.ones_like(present[:, :1]), present], dim=1))
        flat = packing.pack(tokens)
        for block in self.encoder.blocks:
            flat = block(flat, packing)
        code = self.pointer(self.encoder.norm(packing.pad(flat)[:, 0]))
        return code @ self.table.T / self.table.shape[1] ** 0.5 + self.log_frequency


def size_table(sizes: SizeModel) -> list[list[list[float]]]:
    """Unmasked log-weights of every size, (angles + 1, grades + 1, most + 1) by condition codes."""
    angle, grade = sizes.of_angle.weight[:, None], sizes.of_grade.weight[None]
    return (sizes.log_frequency + sizes.shift(angle + grade)).tolist()


@torch.no_grad()
def masked_set(generator: MaskedSet) -> Exportable:
    """The adapter of the family."""
    length = 3
    rows = {0: "climbs"}

    def attach(run: Run) -> None:
        def element_logits(known: ClimbBatch, remaining: Tensor, table: Tensor | None = None) -> Tensor:
            arrays = {
                "element": known.element,
                "present": known.present,
                "angle": known.angle,
                "grade": known.grade,
                "remaining": remaining,
            }
            return torch.from_numpy(run(**{name: tensor.numpy() for name, tensor in arrays.items()})[0])

        generator.element_logits = element_logits  # type: ignore[method-assign]

    return Exportable(
        sampler="masked_set",
        board=generator.board,
        network=PaddedDenoiser(generator).eval(),
        settings={"sizes": size_table(generator.sizes)},
        inputs={
            "element": torch.arange(2 * length).view(2, length) % (len(generator.board) * N_ROLES),
            "present": torch.ones(2, length, dtype=torch.bool),
            # Three tensors, for exporters take inputs that are one object for one input.
            "angle": torch.tensor([0, 1]),
            "grade": torch.tensor([1, 0]),
            "remaining": torch.tensor([1, 2]),
        },
        axes={
            "element": {0: "climbs", 1: "holds"},
            "present": {0: "climbs", 1: "holds"},
            "angle": rows,
            "grade": rows,
            "remaining": rows,
        },
        outputs=("logits",),
        attach=attach,
    )
