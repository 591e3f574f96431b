"""What is exported of the grader: its network over padded climbs; grades are cut from the line in NumPy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, relu

from setgen.climbing.grading.grader import Grader
from setgen.climbing.grading.hold_graph import GINEConv
from setgen.climbing.roles import N_ROLES
from setgen.climbing.shape import SHAPE_FEATURES
from setgen.export.exportable import Exportable, Network


class PaddedGrader(nn.Module):
    """`Grader.difficulty` of padded climbs: every pair of holds is looked at, those within reach count."""

    table: Tensor
    near: Tensor
    xy: Tensor

    def __init__(self, grader: Grader) -> None:
        super().__init__()
        self.network, self.to_difficulty = grader.network, grader.to_difficulty
        self.register_buffer("table", grader.network.elements().detach())
        self.register_buffer("near", torch.from_numpy(grader.near))
        self.register_buffer("xy", grader.network.xy / grader.network.reach)

    def forward(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """difficulty: (B,) μ, raw_spread: (B,) what softplus makes the spread of, and features: (B, D).

        element, present: (B, L). angle: (B, 2) and shape: (B, F) as `HoldGraphNetwork.forward` has them.
        """
        network = self.network
        element, present, angle, shape = (given[k] for k in ("element", "present", "angle", "shape"))
        condition = network.of_angle(angle)
        holds = embedding(element, self.table) + condition[:, None]
        place = element // N_ROLES
        linked = self.near[place[:, :, None], place[:, None, :]]
        linked = linked & present[:, :, None] & present[:, None, :]
        # A hold is not its own neighbour, and no climb has a placement twice.
        linked = (linked & (place[:, :, None] != place[:, None, :]))[..., None]
        xy = self.xy[place]
        apart = xy[:, None, :, :] - xy[:, :, None, :]  # [b, here, there]
        move = network.move(torch.cat([apart, apart.square().sum(3, keepdim=True).sqrt()], dim=3))
        for layer, norm in zip(network.layers, network.norms, strict=True):
            seen = norm(holds)
            assert isinstance(layer, GINEConv)
            messages = relu(seen[:, None] + move).masked_fill(~linked, 0.0).sum(2)
            holds = holds + layer.nn((1 + layer.eps) * seen + messages)
        there = present[..., None]
        mean = holds.masked_fill(~there, 0.0).sum(1) / there.sum(1).clamp(min=1)
        most = holds.masked_fill(~there, -torch.inf).amax(1).masked_fill(~there.any(1), 0.0)
        features = network.head(torch.cat([mean, most, condition, shape], dim=1))
        difficulty = self.to_difficulty(features)
        return {"difficulty": difficulty[:, 0], "raw_spread": difficulty[:, 1], "features": features}


@torch.no_grad()
def grader(grader: Grader) -> Exportable:
    """The adapter of the family."""
    config = grader.config
    holds, rows = {0: "climbs", 1: "holds"}, {0: "climbs"}
    network = Network(
        PaddedGrader(grader).eval(),
        inputs={
            "element": torch.tensor([[0, 5, 9], [1, 4, 8]]) % (len(grader.board) * N_ROLES),
            "present": torch.tensor([[True, True, True], [True, True, False]]),
            "angle": torch.zeros(2, 2),
            "shape": torch.zeros(2, len(SHAPE_FEATURES)),
        },
        axes={"element": holds, "present": holds, "angle": rows, "shape": rows},
    )
    return Exportable(
        runner="grader",
        space=grader.board,
        networks={"grader": network},
        settings={
            "grades": grader.grades.tolist(),
            "thresholds": grader.thresholds.tolist(),
            "temperature": float(grader.temperature),
            "shape_mean": grader.shape_mean.tolist(),
            "shape_deviation": grader.shape_deviation.tolist(),
            "angle": list(config.angle),
            "angles": list(config.angles),
        },
    )
