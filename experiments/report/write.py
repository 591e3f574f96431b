"""Write the report folder: metrics.json, report.md, and report.html, one page that loads nothing."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from experiments.report.climb_map import climb_map, markup
from experiments.report.content import KINDS, Report
from experiments.report.pictures import Section
from experiments.report.summary import summary
from experiments.report.tables import CLASSES, cells, differences, headlines, models, number, shown
from setgen.errors import InputError
from setgen.figures import figure_to_png
from setgen.files import write_whole, writing
from setgen.metrics.metric import Metric

FORMAT = 2
_DPI = 90

Drawn = dict[str, tuple[str, dict[str, bytes]]]
"""Heading → what is said of it, and name → picture, a PNG file."""


def drawn(pictures: dict[str, tuple[str, Section]]) -> Drawn:
    """The figures of `pictures.sections` as PNG files: drawing is slow, so each is drawn once for all uses."""
    return {
        heading: (said, {name: figure_to_png(figure, _DPI) for name, figure in section.items()})
        for heading, (said, section) in pictures.items()
    }


def write_report(folder: Path, report: Report, pictures: Drawn) -> Path:
    """Write metrics.json, report.md, report.html into `folder`; returns the path of report.html. Of trained models
    there is curves.png too.

    pictures: see `drawn`. Files of those names that are there already are replaced. Raises InputError when one
    cannot be written.
    """
    folder, told = Path(folder), _told(report)
    found = climb_map(report)
    embedded = {
        heading: (said, {name: _embedded(png) for name, png in section.items()})
        for heading, (said, section) in pictures.items()
    }
    page = _render("report.html.jinja", **told, sections=embedded, map=found and markup(found))
    texts = {
        "metrics.json": json.dumps(
            _plain(document(report, told)), indent=1, ensure_ascii=False, allow_nan=False
        )
        + "\n",
        "report.md": _render("report.md.jinja", **told),
        "report.html": page,
    }
    files = {name: text.encode() for name, text in texts.items()}
    if "Training" in pictures:
        files["curves.png"] = pictures["Training"][1]["curves"]
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot write {folder}: it is a file; choose another report folder")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_whole(folder / name, data)
    return folder / "report.html"


def _told(report: Report) -> dict[str, Any]:
    """What both pages say."""
    found = cells(report)
    silent = (found.value.abs() < 1e-6) & (found.floor.fillna(0).abs() < 1e-6)
    quiet = silent.groupby("metric", sort=False).all()
    families = {
        family: shown(part)
        for family, part in found[~found.index.get_level_values("metric").isin(quiet[quiet].index)].groupby(
            "family", sort=False
        )
    }
    return {
        "report": report,
        "summary": summary(report, found),
        "cells": found,
        "headlines": shown(headlines(report, found)),
        "families": families,
        "quiet": list(quiet[quiet].index),
        "notes": _notes(found),
        "differences": differences(report),
        "models": models(report),
        "metrics": metrics_of_runs(report),
        "classes": CLASSES,
        "kinds": KINDS,
    }


def _notes(found: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Metric → what the evaluators have to say of it → of which models."""
    said: dict[str, dict[str, list[str]]] = {}
    for metric, model, note in found.note.reset_index().itertuples(index=False):
        if note:
            said.setdefault(metric, {}).setdefault(note, []).append(model)
    n = len(found.index.unique("model"))
    return {
        metric: {note: "all" if len(of) == n else ", ".join(of) for note, of in notes.items()}
        for metric, notes in said.items()
    }


def metrics_of_runs(report: Report) -> dict[str, Metric]:
    """Name → metric, of all runs."""
    runs = [one for several in report.runs.values() for one in several]
    return {name: metric for one in runs for name, metric in one.evaluation.metrics.items()}


def document(report: Report, told: dict[str, Any]) -> dict[str, Any]:
    """The report as plain values, complete but for the pictures: each run's own numbers, and those over seeds."""
    found = told["cells"].reset_index()
    return {
        "format": FORMAT,
        "title": report.title,
        "date": report.date,
        "summary": told["summary"],
        "primary": report.primary,
        "synthetic": report.synthetic,
        "counts": dict(report.counts),
        "settings": dict(report.settings),
        "table": found.to_dict("records"),
        "differences": told["differences"].to_dict("records"),
        "models": [
            {
                "label": label,
                "generator": runs[0].generator,
                "kind": runs[0].facts.kind,
                "note": runs[0].facts.note,
                "n_parameters": runs[0].facts.n_parameters,
                "runs": [
                    {
                        "folder": one.folder.name,
                        **vars(one.facts),
                        "sets_per_second": one.sets_per_second,
                        "evaluation": one.evaluation.to_json(),
                    }
                    for one in runs
                ],
            }
            for label, runs in report.runs.items()
        ],
    }


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _plain(value: Any) -> Any:
    """The same as JSON types: numbers that are none as null, keys as text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):  # of NumPy
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def _render(name: str, **told: Any) -> str:
    environment = Environment(
        loader=PackageLoader("experiments.report", "templates"),
        autoescape=name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=number, md=_markdown)
    return environment.get_template(name).render(**told)


def _markdown(text: object) -> str:
    """Text that stays text: what Markdown and HTML give a meaning is escaped, line breaks become spaces."""
    line = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>|#~$&" else c for c in line)
