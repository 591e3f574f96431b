"""Figures as files: PNG, and SVG that can stand inside an HTML page."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from setgen.errors import InputError
from setgen.files import write_whole

FORMATS = (".png", ".svg")

_DPI = 150
_LONGEST_SIDE, _MOST_PIXELS = 1 << 16, 1 << 28  # matplotlib's own limit, and 1 GiB of memory

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "sans-serif"],
}
"""Matplotlib settings that pictures are made with: text stays text in an SVG."""


def figure_to_png(figure: Figure, dpi: int = _DPI) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        _settle(figure)
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def figure_to_svg(figure: Figure, prefix: str | None = None) -> str:
    """The figure as an `<svg>` element that may stand in an HTML page, beside others.

    No XML prolog, no page-wide style, and only ids that something refers to, each with `prefix` in front
    (default: a digest of the picture). The same figure gives the same text.
    """
    buffer = io.StringIO()
    blank = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "setgen"}):
        _settle(figure)
        figure.savefig(buffer, format="svg", metadata=blank)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # matplotlib's `*{…}` rule would restyle the whole page: say the same on the root, whence it is inherited.
    svg = re.sub(r"<style[^>]*>.*?</style>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*</defs>\s*", "", svg)
    svg = svg.replace("<svg ", '<svg role="img" stroke-linejoin="round" stroke-linecap="butt" ', 1)
    svg = re.sub(r"(\d\.\d{2})\d+", r"\1", svg)  # a hundredth of a point is finer than any screen
    svg = re.sub(r"<g([^<>]*)>\s*((?:<use [^<>]*/>\s*){2,})</g>", _share_style, svg)
    used = list(dict.fromkeys(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg)))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg)
    head = f"s{hashlib.sha256(svg.encode()).hexdigest()[:8]}" if prefix is None else prefix
    short = {name: f"{head}-{i}" for i, name in enumerate(used)}
    return re.sub(r'( id="|href="#|url\(#)([^")]+)', lambda m: m[1] + short[m[2]], svg)


def _settle(figure: Figure) -> None:
    """Lay the figure out once: matplotlib would nudge it at every draw, a little further each time."""
    if figure.get_layout_engine() is not None:
        for _ in range(2):
            figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _share_style(group: re.Match[str]) -> str:
    """Say the style of many equal markers once, on their group, which they inherit it from."""
    styles = set(re.findall(r' style="([^"]*)"', group[2]))
    if len(styles) != 1 or "style=" in group[1] or group[2].count("style=") != group[2].count("<use "):
        return group[0]
    uses = re.sub(r' style="[^"]*"|(?<=>)\s+', "", group[2])
    return f'<g{group[1]} style="{styles.pop()}">{uses}</g>'


def check_picture(path: Path | str) -> None:
    """Raise InputError when `path` is no place for a picture: another ending, or no such folder."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"cannot write a picture to {path}: its name must end with .png or .svg")
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: no such folder")


def _check_size(figure: Figure) -> None:
    width, height = (int(inches * _DPI) for inches in figure.get_size_inches())
    if max(width, height) >= _LONGEST_SIDE or width * height > _MOST_PIXELS:
        raise InputError(
            f"the picture would have {width:,} × {height:,} pixels: draw fewer climbs, or write an .svg"
        )


def save_figure(figure: Figure, path: Path | str) -> None:
    """Write a .png or .svg file. Raises InputError for another ending or a place that cannot be written."""
    path = Path(path)
    check_picture(path)
    svg = path.suffix.lower() == ".svg"
    if not svg:
        _check_size(figure)
    data = figure_to_svg(figure).encode() if svg else figure_to_png(figure)
    write_whole(path, data)
