"""`setgen export`: a trained model as a folder for onnxruntime, or as a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from setgen.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(export)


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="Folder of a trained model, or a grader from `setgen grader`; left out with --format web: the "
            "built-in one.",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="onnx, which runs without torch; web: a page that needs no server, with the model in it.",
        ),
    ] = "onnx",
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            help="float32, or fp16 or int8: smaller files, rounded numbers. Left out: int8 for web, else float32.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="For web: dataset of the board, for the grader and what is sensible."),
    ] = None,
    onnxruntime_web: Annotated[
        Path | None,
        typer.Option(
            help="For web: the package of that name, as .tgz or a folder; left out, npm fetches it."
        ),
    ] = None,
) -> None:
    """Export a trained model, to run it with `setgen generate --runtime onnx`, elsewhere, or as a page.

    Example: setgen export --model runs/mine --format web --data data/board --out page
    """
    from setgen.export.write import check_form, check_new
    from setgen.export.write import export as write

    web = format == "web"
    precision = precision or ("int8" if web else "float32")
    check_form("onnx" if web else format, precision)
    for option, value in (("--data", data), ("--onnxruntime-web", onnxruntime_web)):
        if value is not None and not web:
            raise InputError(f"{option} goes with --format web, not with {format}")
    check_new(out)
    if web:
        from setgen.cli.progress import grader_training
        from setgen.web.write import export_web

        with grader_training() as progress:
            export_web(model, out, precision, data, onnxruntime_web, progress)
        print(f"Exported: {out}; try it with: python -m http.server --directory {out}", file=sys.stderr)
        return
    if model is None:
        raise InputError("--model is missing: name the folder of a trained model, or of a grader")
    from setgen.export.registry import exportable

    write(exportable(model), out, precision)
    print(f"Exported: {out}", file=sys.stderr)
