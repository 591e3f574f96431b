"""Boards as small inline SVG: climbs and hold usage. One wall is defined once and every picture reuses it.

`setgen.draw` makes pictures that stand alone; a page with fifty walls needs them a hundred times smaller.
Roles have the same shapes here as there.
"""

from __future__ import annotations

import json

import numpy as np
from markupsafe import Markup, escape

from setgen.boards.board import Board
from setgen.boards.climbs import Climb
from setgen.boards.roles import Role

_SHAPES = {
    Role.START: "M-.85-.85H.85V.85H-.85Z",
    Role.MIDDLE: "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z",
    Role.FINISH: "M0-1.15L1.15 0L0 1.15L-1.15 0Z",
    Role.FOOT: "M0-1.1L1.1.8H-1.1Z",
}
_LETTERS = {Role.START: "S", Role.FINISH: "F"}  # small as they are, only those where a climb begins and ends


def _letter(role: Role) -> str:
    return f'<text y=".38">{_LETTERS[role]}</text>' if role in _LETTERS else ""


class Wall:
    """Draws on one board. Every picture needs `definitions` somewhere on the same page.

    Lengths are inches on the board, y turned down as SVG wants it.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        left, right, bottom, top = board.extent
        self.xy = np.stack([board.xy[:, 0] - left, top - board.xy[:, 1]], axis=1)
        self.width, self.height = right - left, top - bottom
        self.ring = 0.026 * max(self.width, self.height)
        self.dot = float(np.sqrt(self.width * self.height / max(1, len(board))))

    def definitions(self) -> Markup:
        """The bare wall and the four role shapes, in an `<svg>` of no size."""
        sets = "".join(
            f'<path d="{"".join(f"M{x:.4g} {y:.4g}h0" for x, y in self.xy[self.board.hold_set == i])}" '
            f'stroke-width="{self.dot * (0.3, 0.2)[i % 2]:.3g}"/>'
            for i in range(len(self.board.hold_set_names))
        )
        roles = "".join(
            f'<g id="role-{role.label}" transform="scale({self.ring:.3g})">'
            f'<path class="edge" d="{_SHAPES[role]}"/>'
            f'<path class="ring" stroke="{escape(self.board.role_colors.get(role, "currentColor"))}" '
            f'd="{_SHAPES[role]}"/>{_letter(role)}</g>'
            for role in self.board.role_ids
        )
        return Markup(
            '<svg class="definitions" width="0" height="0" aria-hidden="true"><defs>'
            f'<rect id="panel" class="panel" width="{self.width:.4g}" height="{self.height:.4g}"/>'
            f'<g id="wall"><use href="#panel"/><g class="placements">{sets}</g></g>'
            f'<circle id="given" class="given" r="{1.7 * self.ring:.3g}"/>{roles}</defs></svg>'
        )

    def climb(self, climb: Climb, description: str, given: Climb | None = None) -> Markup:
        """One climb, a second ring around the holds of `given`.

        Holds that are not on the board, or play no known role, are left out.
        """
        held = set(given.holds) if given else set()
        rings = "".join(
            f'<use href="#role-{Role(r).label}" x="{x:.4g}" y="{y:.4g}"/>'
            + (f'<use href="#given" x="{x:.4g}" y="{y:.4g}"/>' if (p, r) in held else "")
            for p, r in climb.holds
            if 0 <= p < len(self.board) and r in self.board.role_ids
            for x, y in [self.xy[p]]
        )
        return self._picture(rings, description)

    def empty(self) -> Markup:
        """The bare wall for the map's script, with every placement's (x, y) for it to draw at."""
        places = json.dumps(self.xy.round(2).tolist(), separators=(",", ":"))
        return Markup(
            f'<svg class="wall" id="map-wall" viewBox="0 0 {self.width:.4g} {self.height:.4g}" role="img" '
            f'aria-label="No climb chosen" data-xy="{places}"><use href="#wall"/></svg>'
        )

    def role_key(self, role: Role) -> Markup:
        """The role's shape by itself, for a legend."""
        r = self.ring * 1.5
        return Markup(
            f'<svg class="key" viewBox="{-r:.3g} {-r:.3g} {2 * r:.3g} {2 * r:.3g}" aria-hidden="true">'
            f'<use href="#role-{role.label}"/></svg>'
        )

    def heat(self, weights: np.ndarray, full: float, description: str) -> Markup:
        """weights: (V,). A disc a placement: the larger |weight|, the larger and darker, up to `full`.

        Weights below zero are hollow, so that the two signs are told apart without colour.
        """
        discs = {
            name: "".join(
                self._disc(x, y, abs(weight), full)
                for (x, y), weight in zip(self.xy, weights.tolist(), strict=True)
                if weight * side > 0.004 * full
            )
            for name, side in (("more", 1), ("less", -1))
        }
        marks = "".join(f'<g class="{name}">{shapes}</g>' for name, shapes in discs.items() if shapes)
        return self._picture(marks, description, "panel")

    def heat_key(self, weight: float, full: float, *, less: bool = False) -> Markup:
        """The disc of one weight by itself, for a legend."""
        r = 0.6 * self.dot
        return Markup(
            f'<svg class="key" viewBox="{-r:.3g} {-r:.3g} {2 * r:.3g} {2 * r:.3g}" aria-hidden="true">'
            f'<g class="{"less" if less else "more"}">{self._disc(0, 0, weight, full)}</g></svg>'
        )

    def _disc(self, x: float, y: float, weight: float, full: float) -> str:
        share = min(weight / full, 1.0)
        return (
            f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{0.52 * self.dot * np.sqrt(share):.3g}" '
            f'opacity="{0.45 + 0.55 * share:.2g}"/>'
        )

    def _picture(self, marks: str, description: str, ground: str = "wall") -> Markup:
        return Markup(
            f'<svg class="wall" viewBox="0 0 {self.width:.4g} {self.height:.4g}" role="img" '
            f'aria-label="{escape(description)}"><use href="#{ground}"/>{marks}</svg>'
        )
