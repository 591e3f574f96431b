"""The page of a scale experiment: the grid, the laws, what they predict and how far that can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import jinja2
import numpy as np
from omegaconf import DictConfig

from experiments.scaling.cells import Cell, Ground
from experiments.scaling.figure import draw_scale
from experiments.scaling.law import FEWEST, Fit, fit
from setgen.figures import save_figure
from setgen.files import write_whole

Key = tuple[str, str]
"""(model, network)"""
Curve = dict[int, list[float]]
"""Training climbs → bits per hold of each seed."""

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(folder: Path, cells: list[Cell], ground: Ground, cfg: DictConfig, command: str) -> Path:
    """Write scale.md, scale.png and scale.svg into the folder, and return the page."""
    curves = curves_of(cells)
    fits = {key: fit(curve) for key, curve in curves.items()}
    board, title = ground.dataset.board, ground.dataset.card["title"]
    truth = None if ground.truth is None else float(ground.truth.sum() / ground.test.sizes.sum())
    figure = draw_scale(curves, fits, cfg.target, truth, title)
    for ending in ("png", "svg"):
        save_figure(figure, folder / f"scale.{ending}")
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    ).get_template("scale.md.jinja")
    page = folder / "scale.md"
    text = template.render(
        title=title,
        command=command,
        cfg=cfg,
        each=f"{cfg.budget.steps} steps"
        if cfg.budget.steps
        else f"{60 * cfg.budget.minutes:g} s ({cfg.budget.clock} time)",
        n_test=len(ground.test),
        error=max(cell.error for cell in cells),
        gap_error=max(cell.gap_error or 0.0 for cell in cells),
        numbers=sorted({cell.climbs for cell in cells}),
        grid=rows_of(cells, _bits),
        gaps=rows_of(cells, lambda at: f"{np.mean([cell.gap or 0.0 for cell in at]):.3f}"),
        truth=truth,
        laws=[
            [*key, *_law(fitted, curves[key], cfg.target)]
            for key, fitted in fits.items()
            if fitted is not None
        ],
        fewest=FEWEST,
        target=cfg.target,
        most=max(cell.climbs for cell in cells),
        seen=min((cell.epochs * cell.climbs for cell in cells if cell.n_parameters), default=0),
        kilter="kilter" in board.name.lower(),
        placements=len(board),
    )
    write_whole(page, text.encode())
    return page


def curves_of(cells: list[Cell]) -> dict[Key, Curve]:
    """The curve of each model in each size."""
    curves: dict[Key, Curve] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        curves[cell.model, cell.network][cell.climbs].append(cell.bits)
    return {key: dict(curve) for key, curve in curves.items()}


def rows_of(cells: list[Cell], show: Callable[[list[Cell]], str]) -> list[list[str]]:
    """A row a model and size, a column a number of climbs, in it what `show` says of its seeds' cells."""
    numbers = sorted({cell.climbs for cell in cells})
    by: dict[Key, dict[int, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        by[cell.model, cell.network][cell.climbs].append(cell)
    return [
        [model, network, f"{next(iter(at.values()))[0].n_parameters:,}"]
        + [show(at[n]) if n in at else "" for n in numbers]
        for (model, network), at in by.items()
    ]


def _bits(at: list[Cell]) -> str:
    unseen = "°" if any(cell.n_parameters and cell.epochs < 1 for cell in at) else ""
    return f"{np.mean([cell.bits for cell in at]):.3f}{unseen}"


def _law(fitted: Fit, curve: Curve, target: int) -> list[str]:
    law, (low, high), (weak, strong) = fitted.law, fitted.interval(target), fitted.powers()
    return [
        f"{law.floor:.3f}",
        f"{law.scale:.3f}",
        f"{law.power:.2f} [{weak:.2f}, {strong:.2f}]",
        f"{fitted.noise:.3f} ({fitted.by})",
        f"{law.at(target):.3f} [{low:.3f}, {high:.3f}]",
        f"{np.mean(curve[max(curve)]) - law.at(target):.3f}",
        _without_last(curve),
    ]


def _without_last(curve: Curve) -> str:
    """The law without the largest number of climbs, asked about it."""
    last = max(curve)
    fitted = fit({n: bits for n, bits in curve.items() if n != last})
    if fitted is None:
        return "too few numbers"
    (low, high), measured = fitted.interval(last), float(np.mean(curve[last]))
    found = "within" if low <= measured <= high else "outside"
    return f"{fitted.law.at(last):.3f} [{low:.3f}, {high:.3f}], measured {measured:.3f}: {found}"
