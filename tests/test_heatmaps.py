"""Heat maps on the wall: colours follow the numbers, on one scale; rings and marks where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from setgen.climbing.climbs import Climb
from setgen.climbing.heatmaps import draw_heatmaps
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.errors import InputError
from setgen.figures import figure_to_png

BOARD = synthetic_board()
CLIMB = Climb(((2, 0), (17, 1), (40, 3), (60, 2)), 40, 22)


def shown(axes: Axes) -> np.ndarray:
    return np.concatenate([np.asarray(c.get_array()) for c in axes.collections])


def limits(axes: Axes) -> set[tuple[float, float]]:
    return {c.get_clim() for c in axes.collections}


def test_maps_share_one_scale() -> None:
    maps = {"a": np.linspace(0, 1, len(BOARD)), "b": np.linspace(0, 3, len(BOARD))}
    figure = draw_heatmaps(BOARD, maps)
    panels = figure.axes[:2]
    assert [axes.get_title() for axes in panels] == ["a", "b"]
    for axes, values in zip(panels, maps.values(), strict=True):
        np.testing.assert_allclose(np.sort(shown(axes)), values)
        assert limits(axes) == {(0.0, 3.0)}


def test_signed_maps_are_white_at_zero_and_need_to_be_asked_for() -> None:
    values = np.linspace(-1, 2, len(BOARD))
    assert limits(draw_heatmaps(BOARD, {"a": values}, signed=True).axes[0]) == {(-2.0, 2.0)}
    with pytest.raises(InputError, match="signed"):
        draw_heatmaps(BOARD, {"a": values})


def test_a_map_of_another_board_is_refused() -> None:
    with pytest.raises(InputError, match="150 placements"):
        draw_heatmaps(BOARD, {"a": np.zeros(149)})


def test_rings_and_marks_lie_on_their_holds() -> None:
    zero = np.zeros(len(BOARD))
    bare, ringed, marked = draw_heatmaps(
        BOARD, {"a": zero, "b": zero, "c": zero}, climbs=[None, CLIMB], marked=[None, None, 77]
    ).axes[:3]
    assert not bare.get_lines()
    ends = {tuple(xy) for line in ringed.get_lines() for xy in line.get_xydata()}
    assert ends == {tuple(BOARD.xy[p]) for p, _ in CLIMB.holds}
    (cross,) = marked.get_lines()
    assert tuple(cross.get_xydata()[0]) == tuple(BOARD.xy[77])


def test_a_gallery_of_maps_is_a_picture() -> None:
    maps = {str(i): np.zeros(len(BOARD)) for i in range(5)}
    figure = draw_heatmaps(BOARD, maps, climbs=[CLIMB] * 5, columns=3)
    assert sum(axes.axison for axes in figure.axes[:6]) == 5
    assert figure_to_png(figure, 30).startswith(b"\x89PNG")
