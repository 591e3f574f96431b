"""Export: a trained model as a folder that runs without setgen's networks, and without torch if ONNX."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from setgen.errors import InputError
from setgen.export.exportable import Exportable
from setgen.runtime.folder import BOARD, SAMPLER, write_card
from setgen.runtime.networks import FILES, load_network
from setgen.runtime.sampler import Run

PRECISIONS = ("float32", "fp16", "int8")
OPSET = 18
TOLERANCE = 1e-4
"""How far float32 outputs may be from the model's, in units of the largest one, or of 1."""


def check_form(form: str, precision: str) -> None:
    """Raises InputError for a format or a precision that there is not, or not together."""
    if form not in FILES:
        raise InputError(f"unknown format {form!r}: use {' or '.join(FILES)}")
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}: use {', '.join(PRECISIONS)}")
    if form == "torchscript" and precision != "float32":
        raise InputError(f"TorchScript is exported in float32 only: use --format onnx for {precision}")


def export(what: Exportable, folder: Path | str, form: str = "onnx", precision: str = "float32") -> None:
    """Write the network, board.json, sampler.json and export.json into a new `folder`.

    form: onnx or torchscript. precision: float32; fp16: weights and arithmetic in half precision; int8:
    the weights of every matrix product in whole numbers from −64 to 64, one scale a column, activations
    rounded to 0 … 255 as they come on a scale of the whole batch, so that a row depends a little on its
    neighbours in the batch.
    The folder appears when it is complete. Raises InputError when it is there already, cannot be written,
    or a library is missing.
    """
    check_form(form, precision)
    folder = Path(folder)
    check_new(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".setgen-") as aside:
            whole = Path(aside) / "exported"
            whole.mkdir()
            _write_network(what, whole / FILES[form], form, precision)
            if precision == "float32":
                _verify(what, load_network(whole / FILES[form], form))
            what.board.save(whole / BOARD)
            settings = {"sampler": what.sampler, **what.settings}
            (whole / SAMPLER).write_text(json.dumps(settings), encoding="utf-8")
            write_card(
                whole,
                {
                    "runtime": form,
                    "precision": precision,
                    "sampler": what.sampler,
                    "board": what.board.name,
                    "inputs": {name: _describe(what, name) for name in what.inputs},
                    "outputs": list(what.outputs),
                },
            )
            if folder.is_dir():
                folder.rmdir()
            shutil.move(whole, folder)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from None


def check_new(folder: Path) -> None:
    """Raises InputError when the folder is there already, unless it is empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already: choose another folder")


def _describe(what: Exportable, name: str) -> str:
    example, axes = what.inputs[name], what.axes[name]
    shape = ", ".join(axes.get(i, str(n)) for i, n in enumerate(example.shape))
    return f"{str(example.dtype).removeprefix('torch.')} ({shape})"


def _write_network(what: Exportable, path: Path, form: str, precision: str) -> None:
    if form == "torchscript":
        with _quiet():
            # Its own check compares names of submodules too, which differ from trace to trace; see `_verify`.
            traced = torch.jit.trace(what.network, example_kwarg_inputs=what.inputs, check_trace=False)
            torch.jit.save(traced, str(path))
        return
    try:
        import onnx
        import onnxscript  # noqa: F401 — what torch.onnx exports with
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: uv pip install -e '.[export]'") from None
    with _quiet():
        _to_onnx(what, path)
        if precision == "fp16":
            onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), path)
        if precision == "int8":
            full = path.rename(path.with_suffix(".float32"))
            # x86 without VNNI adds products in pairs in 16 bits and cuts off what is larger: of weights up to
            # 64 nothing is (2 · 255 · 64 < 2¹⁵), of weights up to 127 much is.
            quantize_dynamic(
                full,
                path,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
            full.unlink()


def _to_onnx(what: Exportable, path: Path) -> None:
    torch.onnx.export(
        what.network,
        tuple(what.inputs.values()),
        path,
        input_names=list(what.inputs),
        output_names=list(what.outputs),
        dynamic_shapes=tuple(what.axes.values()),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def _verify(what: Exportable, run: Run) -> None:
    """Raises RuntimeError when the exported network does not agree with its model at other sizes too."""
    sizes = {name for axes in what.axes.values() for name in axes.values()}
    for size in (1, 2):  # 1 is what exporters like to take for a constant; no example has 2 throughout
        inputs = what.resized(dict.fromkeys(sizes, size))
        with torch.no_grad():
            expected = what.outputs_of(inputs)
        given = run(**{name: tensor.numpy() for name, tensor in inputs.items()})
        for name, here, there in zip(what.outputs, expected, given, strict=True):
            error = float(np.abs(here.numpy() - there).max())
            if not error <= TOLERANCE * max(1.0, float(here.abs().max())):
                raise RuntimeError(f"the exported {name} are off by {error:.2g}: please report this")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' remarks on themselves: deprecations, axis names that stand twice."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
