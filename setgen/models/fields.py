"""Fields: what each known item says of the places around it, added to the logits of the elements there.

A known item at x_u emits, for each label r, F complex coefficients a_u,r, which a network makes of the item's code.
An item at x_v gets from it

    field_u(v, r) = Re Σ_f a_u,r,f · exp(i k_f · (x_v − x_u)) / √(2F)

a function of the offset alone: a hold can call for another two feet above it, or speak against a second start far
away, wherever on the wall it is. The wave vectors k_f are fixed, so this is one product: coefficients, turned by
their item's own place, are summed over the known items and multiplied by the waves of all places. A field costs about
what the pointer to the elements costs, one more known item is one more term of a sum, and the sum knows no order.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from setgen.models.embedding import longest_side
from setgen.sets.space import Space

_WAVELENGTHS = 2.0, 1 / 12  # longest and shortest, in parts of that length


class Fields(nn.Module):
    """Fields in a space with coordinates. kinds: how many each item emits, for different uses. waves: F. length:
    of which the wavelengths are parts; 0 for the space's longest side.

    All fields are 0 before training, so that a model with them starts as the one without.
    """

    waves: Tensor

    def __init__(self, space: Space, width: int, waves: int, kinds: int = 1, length: float = 0.0) -> None:
        super().__init__()
        assert space.coordinates is not None
        xy = torch.from_numpy(space.coordinates).double()
        side = length or longest_side(space.coordinates)
        vectors = wave_vectors(waves, xy.shape[1])
        phase = (xy - xy.amin(0)) / (side or 1.0) @ vectors.T
        both = torch.stack([phase.cos(), phase.sin()], 1).to(torch.get_default_dtype())
        self.register_buffer("waves", both, persistent=False)  # (V, 2, F)
        self.shape = kinds, space.n_labels, 2, waves
        self.emit = nn.Linear(width, math.prod(self.shape))
        nn.init.zeros_(self.emit.weight)
        nn.init.zeros_(self.emit.bias)

    def forward(self, code: Tensor, item: Tensor) -> Tensor:
        """(…, kinds, R, 2F): what items (…) with codes (…, width) emit, turned by their places."""
        real, imaginary = self.emit(code).unflatten(-1, self.shape).unbind(-2)
        cos, sin = self.waves[item][..., None, None, :, :].unbind(-2)
        return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], -1)

    def logits(self, field: Tensor) -> Tensor:
        """(T, V·R): summed fields (T, R, 2F) at every place, by element."""
        waves = self.waves.flatten(1) * self.waves[0].numel() ** -0.5
        return (field @ waves.T).transpose(1, 2).flatten(1)


def fields_of(space: Space, width: int, waves: int, kinds: int = 1, length: float = 0.0) -> Fields | None:
    """None where none are wanted (no waves), or the space has no coordinates."""
    return Fields(space, width, waves, kinds, length) if waves and space.coordinates is not None else None


def wave_vectors(waves: int, dimensions: int) -> Tensor:
    """(F, D) float64: wave vectors spread evenly over directions, and over the logarithm of wavelengths."""
    # The first two points are the corner and the middle, which have no direction.
    points = torch.quasirandom.SobolEngine(dimensions + 1).draw(waves + 2, dtype=torch.float64)[2:]
    longest, shortest = _WAVELENGTHS
    length = longest * (shortest / longest) ** points[:, :1]
    direction = torch.special.ndtri(points[:, 1:].clamp(1e-6, 1 - 1e-6))
    return 2 * math.pi / length * direction / direction.norm(dim=1, keepdim=True)
