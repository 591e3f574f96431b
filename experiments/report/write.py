"""Write the report folder: metrics.json, report.md and the self-contained report.html."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files as package_files
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from experiments.report import numbers
from experiments.report.climb_map import climb_map, map_json, static_map
from experiments.report.content import Report
from experiments.report.document import document, to_json
from experiments.report.gallery import condition_title, shelves
from experiments.report.grades import grade_plots
from experiments.report.hold_usage import hold_usage
from experiments.report.leaderboard import CLASSES, leaderboard
from experiments.report.near_far import near_far
from experiments.report.parallel import parallel
from experiments.report.plots import curves, histograms
from experiments.report.table import by_family, families, heading
from experiments.report.walls import Wall
from setgen.boards.roles import Role
from setgen.errors import InputError

ARROWS = {"up": "↑", "down": "↓", "floor": "≈", "none": ""}
READ_ARROWS = {
    "up": "higher is better",
    "down": "lower is better",
    "floor": "closest to real is best",
    "none": "",
}
KINDS = {"set": "set generator", "baseline": "baseline", "file": "file of climbs"}
MARKS = {"best": "★", "close": "☆", "": ""}


_WEIGHT = "\ue000"  # stands for the page's weight until that is known


def write_report(folder: Path, report: Report) -> Path:
    """Write metrics.json, report.md, report.html into `folder`; returns the path of report.html. Of trained
    models there is curves.png too, their bits against seconds.

    Files of those names that are there already are replaced. Raises InputError when one cannot be written.
    """
    folder = Path(folder)
    content = document(report)
    files = {
        "metrics.json": to_json(content),
        "report.md": render_markdown(report, content),
        "report.html": render_html(report, content),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        picture = curves(report)
        if picture is not None:
            (folder / "curves.png").write_bytes(picture.png)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}; choose another report folder") from None
    return folder / "report.html"


def render_markdown(report: Report, content: dict[str, Any]) -> str:
    return _environment(autoescape=False).get_template("report.md.jinja").render(**_shared(report, content))


def render_html(report: Report, content: dict[str, Any]) -> str:
    """One page that loads nothing: styles, pictures and the map's two scripts are in it.

    The scripts are the only ones its Content-Security-Policy lets run, by their hashes.
    """
    wall = Wall(report.board)
    found = climb_map(report)
    scripts = [get_plotlyjs(), (package_files(__package__) / "templates" / "map.js").read_text("utf-8")]
    pictures = {
        "wall": wall,
        "curves": curves(report),
        "histograms": histograms(report),
        "usage": hold_usage(report),
        "parallel": parallel(report),
        "grades": grade_plots(report),
        "near_far": near_far(report),
        "map": found,
        "static_map": found and static_map(found),
        "map_data": found and map_json(found),
        "scripts": [Markup(s) for s in scripts]
        if found
        else [],  # our own files, none of them holds </script
        "script_hashes": [_hash(s) for s in scripts] if found else [],
        "shelves": [
            (
                shelf.title,
                [
                    (label, climb, climb and wall.climb(climb, f"{label} climb, {shelf.title}"))
                    for label, climb in shelf.climbs
                ],
            )
            for shelf in shelves(report)
        ],
        "roles": [(role.label, wall.role_key(role)) for role in Role if role in report.board.role_ids],
    }
    template = _environment(autoescape=True).get_template("report.html.jinja")
    weights = {"page": _WEIGHT, "plotly": numbers.megabytes(len(scripts[0].encode())) if found else ""}
    page = template.render(**_shared(report, content), **pictures, weights=weights)
    before, _, after = page.rpartition(_WEIGHT)
    return f"{before}{numbers.megabytes(len(page.encode()))}{after}"


def columns(n: int) -> Markup:
    """Style of a gallery of n pictures: rows of equal length where they can be, on a screen and on paper."""
    wide, paper = (-(-n // -(-n // most)) if n else 1 for most in (7, 4))
    return Markup(f"--columns: {wide}; --paper: {paper}")


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _shared(report: Report, content: dict[str, Any]) -> dict[str, Any]:
    table, grouped = families(report), by_family(report.metrics)
    return {
        "report": report,
        "content": content,
        "families": [f for f in table if not all(row.silent for row in f.rows)],
        "silent": [row.metric.name for f in table for row in f.rows if row.silent],
        "leaderboard": leaderboard(report),
        "anchors": {m.name: f"metric-{i}" for i, m in enumerate(chain(*grouped.values()))},
        "glossary": [(heading(name), infos) for name, infos in grouped.items()],
        "classes": CLASSES,
        "arrows": ARROWS,
        "read_arrows": READ_ARROWS,
        "marks": MARKS,
        "kinds": KINDS,
        "condition_title": condition_title,
    }


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("experiments.report", "templates"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        plain=numbers.plain, signed=numbers.signed, md=_markdown, cell=_table_code, fence=_fence
    )
    environment.globals.update(
        pair=numbers.pair,
        shown=numbers.shown,
        interval=numbers.interval,
        decimals_of=numbers.decimals_of,
        columns=columns,
    )
    return environment


def _markdown(text: object) -> str:
    """Text that stays text: what Markdown and HTML give a meaning is escaped, line breaks become spaces."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*{}\[\]<>|#~$&]|(?<!\w)_|_(?!\w))", r"\\\1", line)


def _table_code(text: object) -> str:
    """As code inside a table cell: fenced by more backticks than it holds, its bars escaped."""
    line = " ".join(str(text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", r"\|") if line else ""


def _fence(text: str) -> str:
    """A code block, fenced by more backticks than the text holds."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"
