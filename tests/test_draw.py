"""Pictures: to scale, roles told apart by shape, and SVG that several may share a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.image import imread

from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.draw import draw_climb, draw_climbs, figure_to_png, figure_to_svg, save_figure
from setgen.climbing.heatmaps import draw_usage
from setgen.climbing.roles import Role
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs
from setgen.errors import InputError

CLIMB = Climb(((2, 0), (17, 1), (40, 3), (60, 2)), 40, 22)


def grid(family: str = "moonboard", columns: int = 11, rows: int = 9) -> Board:
    """A board whose holes are named by column and row, in two hold sets."""
    i = np.arange(columns * rows)
    return Board(
        name="Test Wall",
        family=family,
        ids=i + 1001,
        xy=np.stack([i % columns, i // columns], 1) * 8.0,
        hold_set=i % 2,
        hold_set_names=("wood", "resin"),
        hole_names=tuple(f"{chr(ord('A') + k % columns)}{k // columns + 1}" for k in i.tolist()),
        role_ids={Role.START: 1, Role.MIDDLE: 2, Role.FINISH: 3, Role.FOOT: 4},
        role_colors={
            Role.START: "#00dd00",
            Role.MIDDLE: "#00ffff",
            Role.FINISH: "#ff00ff",
            Role.FOOT: "#ffa500",
        },
        angles=(40,),
    )


def texts(figure) -> str:
    figure.draw_without_rendering()
    parts = [t for axes in figure.axes for t in (axes.title, *axes.texts, *axes.get_xticklabels())]
    parts += figure.legends[0].get_texts() if figure.legends else []
    parts += [figure._suptitle] if figure._suptitle else []
    return "\n".join(t.get_text() for t in parts)


def test_title_and_legend_say_everything() -> None:
    shown = texts(draw_climb(grid(), CLIMB))
    for word in (
        "Test Wall",
        "40°",
        "7a/V6",
        "4 holds",
        "start",
        "middle",
        "finish",
        "foot",
        "wood",
        "resin",
    ):
        assert word in shown


def test_synthetic_boards_say_so() -> None:
    board, climbs = grid("synthetic"), Climbs.from_list([CLIMB] * 3)
    assert "synthetic" in texts(draw_climb(board, CLIMB))
    assert "synthetic" in texts(draw_climb(board, CLIMB, title="mine"))
    assert "synthetic" in texts(draw_climbs(board, climbs, 2, ["a", "b", "c"]))
    assert "synthetic" in texts(draw_usage(board, np.ones(len(board))))
    assert "synthetic" not in texts(draw_climb(grid(), CLIMB))


def test_every_hold_is_ringed_where_it_is_in_its_role_s_shape() -> None:
    board = grid()
    (axes,) = draw_climb(board, CLIMB).axes
    rings = [line for line in axes.lines if line.get_zorder() == 4]
    drawn = {tuple(xy): line for line in rings for xy in line.get_xydata()}
    assert set(drawn) == {tuple(board.xy[p]) for p, _ in CLIMB.holds}
    by_role = {role: drawn[tuple(board.xy[p])] for p, role in CLIMB.holds}
    assert len({line.get_marker() for line in by_role.values()}) == 4
    assert by_role[Role.FINISH].get_markeredgecolor() == "#ff00ff"


def test_boards_are_to_scale_and_hold_sets_have_their_own_shapes() -> None:
    board = grid()
    (axes,) = draw_climb(board, CLIMB).axes
    assert axes.get_aspect() == 1
    assert (*axes.get_xlim(), *axes.get_ylim()) == board.extent
    sets = [line for line in axes.lines if line.get_zorder() == 1]
    assert sum(len(line.get_xdata()) for line in sets) == len(board)
    assert len({line.get_marker() for line in sets}) == 2


def test_grid_boards_name_their_columns_and_others_show_inches() -> None:
    assert "J" in texts(draw_climb(grid(), CLIMB)).splitlines()
    board = synthetic_board()
    (axes,) = draw_climb(board, synthetic_climbs(1, 0).climb(0)).axes
    assert axes.get_xlabel() == "inches"


def test_numbers_are_the_placement_ids() -> None:
    board = grid()
    shown = texts(draw_climb(board, CLIMB, numbers=True)).splitlines()
    assert set(map(str, board.ids)) <= set(shown)
    assert "1001" not in texts(draw_climb(board, CLIMB))


def test_a_gallery_has_a_panel_for_each_climb() -> None:
    figure = draw_climbs(grid(), Climbs.from_list([CLIMB] * 5), columns=3, titles=list("abcde"))
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes if axes.axison] == list("abcde")


def test_usage_colours_follow_the_weights() -> None:
    board = grid()
    weights = np.linspace(0, 1, len(board))
    axes = draw_usage(board, weights).axes[0]
    seen = np.concatenate([np.asarray(c.get_array()) for c in axes.collections])
    np.testing.assert_allclose(np.sort(seen), weights)
    draw_usage(board, np.zeros(len(board)))  # nothing used is no reason to fail


def test_svg_is_small_well_formed_and_bare() -> None:
    svg = figure_to_svg(draw_climb(grid(columns=17, rows=28), CLIMB))
    assert svg.startswith("<svg")
    assert ET.fromstring(svg).tag.endswith("svg")
    assert len(svg) < 150_000
    assert "<style" not in svg
    assert "metadata" not in svg
    assert not re.search(r"(href|src)=\"(?!#)", svg)


def test_svgs_share_a_page_without_sharing_ids() -> None:
    def ids(svg: str) -> list[str]:
        return re.findall(r' id="([^"]+)"', svg)

    board = grid()
    one, two = (figure_to_svg(draw_climb(board, CLIMB._replace(grade=g))) for g in (20, 25))
    for svg in (one, two):
        assert len(set(ids(svg))) == len(ids(svg)) > 0
        assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg)) == set(ids(svg))
    assert not set(ids(one)) & set(ids(two))
    assert one == figure_to_svg(draw_climb(board, CLIMB._replace(grade=20)))
    assert all(i.startswith("mine-") for i in ids(figure_to_svg(draw_climb(board, CLIMB), "mine")))


def test_files_are_what_their_names_say(tmp_path) -> None:
    figure = draw_climb(grid(), CLIMB)
    save_figure(figure, tmp_path / "a.PNG")
    save_figure(figure, tmp_path / "a.svg")
    image = imread(tmp_path / "a.PNG")
    assert min(image.shape[:2]) > 600
    assert (tmp_path / "a.PNG").read_bytes() == figure_to_png(figure)
    assert (tmp_path / "a.svg").read_text() == figure_to_svg(figure)
    with pytest.raises(InputError, match="its name must end"):
        save_figure(figure, tmp_path / "a.pdf")
    with pytest.raises(InputError, match="no such folder"):
        save_figure(figure, tmp_path / "missing" / "a.png")
