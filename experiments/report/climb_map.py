"""The map: real and generated climbs in two directions of a space, drawn by plotly; the climb under the pointer.

PCA of the real test climbs gives the two directions, so that no model moves the map. The space is the learned one;
without a grader, that of the shape features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.subplots import make_subplots

from experiments.charts import COLORS, INK
from experiments.report.content import Report
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climbs
from setgen.climbing.metrics.grader import LEARNED, grader_of
from setgen.climbing.metrics.shape import climbs_of
from setgen.climbing.roles import Role
from setgen.metrics.features import SHAPE

MOST = 250
"""Climbs of each source on the map."""

_SYMBOLS = (
    "circle-open",
    "square-open",
    "triangle-up-open",
    "diamond-open",
    "cross-open",
    "x-open",
    "star-open",
)
_ROLES = {
    Role.START: "square-open",
    Role.MIDDLE: "circle-open",
    Role.FINISH: "diamond-open",
    Role.FOOT: "triangle-up-open",
}

_POINT_AT = """
const map = document.getElementById("{plot_id}");
const places = map.data.find((trace) => trace.name === "placements");
const rings = map.data.map((trace, i) => [trace.meta, i]).filter(([role]) => role !== undefined && role !== null);
const show = (event) => {
  const held = event.points[0].customdata;
  if (!held) return;
  const holds = held.split(" ").map((h) => h.split(":").map(Number));
  const of = (role) => holds.filter(([place, r]) => r === role && place in places.x);
  Plotly.restyle(map, {
    x: rings.map(([role]) => of(role).map((h) => places.x[h[0]])),
    y: rings.map(([role]) => of(role).map((h) => places.y[h[0]])),
  }, rings.map(([, i]) => i));
};
map.on("plotly_hover", show);
map.on("plotly_click", show);
show({ points: [{ customdata: map.data[0].customdata[0] }] });
"""


@dataclass(frozen=True, eq=False)
class Cloud:
    """One source. xy: (C, 2)."""

    label: str
    xy: np.ndarray
    climbs: Climbs


@dataclass(frozen=True)
class ClimbMap:
    """space: `learned` or `shape`. explained: share of the real climbs' variance on each axis."""

    board: Board
    space: str
    explained: tuple[float, float]
    clouds: list[Cloud]


def climb_map(report: Report) -> ClimbMap | None:
    """At most MOST climbs a source; None of sets that are no climbs, or with fewer than three real ones."""
    reference = report.reference
    if not isinstance(reference.space, Board) or len(reference.test) < 3:
        return None
    space = SHAPE if grader_of(reference) is None else LEARNED
    mean, axes, explained = _principal(space.points(reference.test.fewer(2000)))
    drawn = {label: c.fewer(MOST) for label, c in report.samples.items() if len(c)}
    clouds = [Cloud(label, (space.points(c) - mean) @ axes, climbs_of(c)) for label, c in drawn.items()]
    return ClimbMap(reference.space, space.name, explained, clouds)


def _principal(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """(D,) mean, (D, 2) directions of the most variance, their largest entries positive, and its shares."""
    points = np.asarray(points, dtype=np.float64)
    mean = points.mean(0)
    _, size, rows = np.linalg.svd(points - mean, full_matrices=False)
    rows = np.vstack([rows, np.zeros((2, rows.shape[1]))])[:2]
    sign = np.sign(rows[np.arange(2), np.abs(rows).argmax(1)])
    share = np.append(np.square(size) / max(float(np.square(size).sum()), 1e-12), [0.0, 0.0])
    return mean, (rows * np.where(sign == 0, 1, sign)[:, None]).T, (float(share[0]), float(share[1]))


def figure_of(found: ClimbMap) -> go.Figure:
    """The map, and beside it the wall that shows the climb pointed at."""
    board = found.board
    figure = make_subplots(1, 2, column_widths=[0.62, 0.38], horizontal_spacing=0.04)
    for i, cloud in enumerate(found.clouds):
        look = {
            "color": COLORS[(i - 1) % len(COLORS)],
            "symbol": _SYMBOLS[(i - 1) % len(_SYMBOLS)],
            "size": 7,
        }
        held = [" ".join(f"{p}:{r}" for p, r in climb.holds) for climb in cloud.climbs]
        figure.add_scatter(
            x=cloud.xy[:, 0].round(3),
            y=cloud.xy[:, 1].round(3),
            mode="markers",
            name=cloud.label,
            customdata=held,
            hoverinfo="name",
            marker=look if i else {"color": INK, "size": 5, "opacity": 0.6},
            row=1,
            col=1,
        )
    wall = {"mode": "markers", "hoverinfo": "skip", "showlegend": False, "row": 1, "col": 2}
    grey = {"color": "#c9ced5", "size": 4}
    figure.add_scatter(
        x=board.xy[:, 0].tolist(), y=board.xy[:, 1].tolist(), name="placements", marker=grey, **wall
    )
    for role, symbol in _ROLES.items():
        if role in board.role_ids:
            ring = {"symbol": symbol, "size": 12, "color": INK, "line": {"width": 2.5}}
            figure.add_scatter(
                x=[], y=[], name=role.label, meta=int(role), marker=ring, **(wall | {"showlegend": True})
            )
    first, second = found.explained
    figure.update_xaxes(title=f"first axis ({first:.0%} of the variance)", row=1, col=1)
    figure.update_yaxes(title=f"second axis ({second:.0%})", row=1, col=1)
    figure.update_xaxes(visible=False, row=1, col=2)
    figure.update_yaxes(visible=False, scaleanchor="x2", row=1, col=2)
    figure.update_layout(
        template="simple_white", legend={"orientation": "h", "y": -0.15}, margin={"t": 10}, height=520
    )
    return figure


def markup(found: ClimbMap) -> Markup:
    """The figure with plotly's script in it, so that nothing is loaded."""
    config = {"displaylogo": False, "responsive": True}
    return Markup(
        figure_of(found).to_html(
            full_html=False, include_plotlyjs=True, post_script=_POINT_AT, config=config, div_id="climb-map"
        )
    )
