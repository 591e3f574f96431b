"""The map: real and generated climbs in the learned space, two dimensions of it; a page's script draws it.

PCA of the real test climbs gives the two directions, so that no model moves the map. Without a grader the
space is that of the shape features.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from experiments.report.content import Report
from experiments.report.picture import FAINT, INK, MARKERS, SERIES, Picture, literal, new_figure
from experiments.report.sources import sources
from setgen.boards.climbs import Climbs
from setgen.boards.grades import UNKNOWN, grade_name
from setgen.boards.metrics.grader import LEARNED, grader_of
from setgen.boards.metrics.shape import climbs_of
from setgen.boards.roles import Role
from setgen.metrics.features import SHAPE

MOST = 250
"""Climbs of each source on the map."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """One source. xy: (C, 2)."""

    label: str
    xy: np.ndarray
    climbs: Climbs


@dataclass(frozen=True)
class ClimbMap:
    """space: `learned` or `shape`. explained: share of the real climbs' variance on each axis."""

    space: str
    explained: tuple[float, float]
    clouds: list[Cloud]


def climb_map(report: Report) -> ClimbMap | None:
    """At most MOST climbs a source; None without a reference, or with fewer than three real climbs."""
    if report.reference is None or len(report.reference.test) < 3:
        return None
    space = SHAPE if grader_of(report.reference) is None else LEARNED
    drawn = [(label, sample.fewer(MOST)) for label, sample in sources(report) if len(sample)]
    mean, axes, explained = _principal(space.points(report.reference.test.fewer(2000)))
    clouds = [Cloud(label, (space.points(s) - mean) @ axes, climbs_of(s)) for label, s in drawn]
    return ClimbMap(space.name, explained, clouds)


def _principal(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """(D,) mean, (D, 2) directions of the most variance, their largest entries positive, and its shares."""
    points = np.asarray(points, dtype=np.float64)
    mean = points.mean(0)
    _, size, rows = np.linalg.svd(points - mean, full_matrices=False)
    rows = np.vstack([rows, np.zeros((2, rows.shape[1]))])[:2]
    sign = np.sign(rows[np.arange(2), np.abs(rows).argmax(1)])
    share = np.append(np.square(size) / max(float(np.square(size).sum()), 1e-12), [0.0, 0.0])
    return mean, (rows * np.where(sign == 0, 1, sign)[:, None]).T, (float(share[0]), float(share[1]))


def static_map(found: ClimbMap) -> Picture:
    """The same without script and on paper: a marker a source."""
    figure, axes = new_figure(7.6, 5.2)
    for i, cloud in enumerate(found.clouds):
        real = i == 0
        axes.scatter(
            cloud.xy[:, 0],
            cloud.xy[:, 1],
            s=16,
            marker="." if real else MARKERS[(i - 1) % 8],
            color=INK if real else "none" if MARKERS[(i - 1) % 8] not in "xX+" else SERIES[(i - 1) % 8],
            edgecolors=INK if real else SERIES[(i - 1) % 8],
            linewidths=0.8,
            label=literal(cloud.label),
        )
    axes.set_xlabel(f"first axis ({found.explained[0]:.0%} of the variance)")
    axes.set_ylabel(f"second axis ({found.explained[1]:.0%})")
    axes.grid(color=FAINT, linewidth=0.4)
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    return Picture(figure, f"Map of real and generated climbs in the {found.space} space.")


def map_json(found: ClimbMap) -> Markup:
    """What the script reads, safe inside a <script>: points; each climb as placement and role by turns."""
    data: dict[str, Any] = {
        "roles": {int(role): role.label for role in Role},
        "axes": [f"first axis ({found.explained[0]:.0%})", f"second axis ({found.explained[1]:.0%})"],
        "sources": [
            {
                "label": cloud.label,
                "x": cloud.xy[:, 0].round(3).tolist(),
                "y": cloud.xy[:, 1].round(3).tolist(),
                "at": [_at(c.angle, c.grade) for c in cloud.climbs],
                "holds": [[int(v) for hold in c.holds for v in hold] for c in cloud.climbs],
            }
            for cloud in found.clouds
        ],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))


def _at(angle: int, grade: int) -> str:
    said = [f"{angle}°"] if angle != UNKNOWN else []
    return " · ".join([*said, grade_name(grade)] if grade != UNKNOWN else said)
