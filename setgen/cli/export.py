"""`setgen export`: a trained model as a folder for onnxruntime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(export)


def export(
    model: Annotated[
        Path, typer.Option("--model", help="Folder of a trained model, or a grader from `setgen grader`.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    format: Annotated[str, typer.Option("--format", help="onnx, which runs without torch.")] = "onnx",
    precision: Annotated[
        str,
        typer.Option("--precision", help="float32, or fp16 or int8: smaller files, rounded numbers."),
    ] = "float32",
) -> None:
    """Export a trained model, to run it with `setgen generate --runtime onnx` or elsewhere.

    Example: setgen export --model runs/mine --format onnx --out exported/mine
    """
    from setgen.export.write import check_form, check_new
    from setgen.export.write import export as write

    check_form(format, precision)
    check_new(out)
    from setgen.export.registry import exportable

    write(exportable(model), out, precision)
    print(f"Exported: {out}", file=sys.stderr)
