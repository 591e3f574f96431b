"""Export: a trained model as a folder of ONNX graphs, which runs without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from setgen.errors import InputError
from setgen.export.exportable import Exportable, Network
from setgen.files import writing
from setgen.runtime.folder import SETTINGS, WEIGHTS, write_card
from setgen.runtime.networks import NEXT
from setgen.runtime.networks import Network as Loaded

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

PRECISIONS = ("float32", "fp16", "int8")
OPSET = 18
TOLERANCE = 1e-4
"""How far float32 outputs may be from the model's, in units of the largest one, or of 1."""

_LARGE = 1024  # bytes of a weight that stands in the file that all networks share


def check_form(form: str, precision: str) -> None:
    """Raises InputError for a format or a precision that there is not."""
    if form != "onnx":
        raise InputError(f"unknown format {form!r}: use onnx or web")
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}: use {', '.join(PRECISIONS)}")


def export(what: Exportable, folder: Path | str, precision: str = "float32") -> None:
    """Write the networks, the space, settings.json and export.json into a new `folder`.

    precision: float32; fp16: weights and arithmetic in half precision; int8:
    the weights of every matrix product in whole numbers from −64 to 64, one scale a column, activations
    rounded to 0 … 255 as they come on a scale of the whole batch, so that a row depends a little on its
    neighbours in the batch. Rules and draws stay as they are.
    The folder appears when it is complete. Raises InputError when it is there already, cannot be written,
    or a library is missing.
    """
    check_form("onnx", precision)
    folder = Path(folder)
    check_new(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".setgen-") as aside:
            whole = Path(aside) / "exported"
            whole.mkdir()
            with _quiet():
                _write_networks(what, whole, precision)
            what.space.save(whole / what.space.file)
            settings = {"runner": what.runner, **what.settings}
            (whole / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
            write_card(
                whole,
                {
                    "runtime": "onnx",
                    "precision": precision,
                    "runner": what.runner,
                    "space": what.space.name,
                    "networks": {name: f"{name}.onnx" for name in what.networks},
                    "inputs": {name: _described(network) for name, network in what.networks.items()},
                },
            )
            put(whole, folder)


def put(whole: Path, folder: Path) -> None:
    """Move what is complete to its place. Raises InputError when another process put something there meanwhile."""
    check_new(folder)
    if folder.is_dir():
        folder.rmdir()
    whole.rename(folder)


def check_new(folder: Path) -> None:
    """Raises InputError when the folder is there already, unless it is empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already: choose another folder")


def _described(network: Network) -> dict[str, str]:
    """Type and shape of each input, in words."""
    found = {}
    for name, example in network.inputs.items():
        shape = ", ".join(network.axes[name].get(i, str(n)) for i, n in enumerate(example.shape))
        found[name] = f"{str(example.dtype).removeprefix('torch.')} ({shape})"
    return found


# --- tracing ----------------------------------------------------------------------------------------------


def traced(network: Network) -> torch.export.ExportedProgram:
    """The network as one graph of tensors, for any number of sets."""
    varies = {name: dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for name, axes in network.axes.items()}
    # Not strict: a state is a Python object, whose fields change.
    program = torch.export.export(network.module, (network.inputs,), dynamic_shapes=(varies,), strict=False)
    program.example_inputs = None  # else later steps check what they are given against the examples' paths
    return program


def outputs_of(program: torch.export.ExportedProgram) -> list[str]:
    """Names of what the network returns."""
    names = program.call_spec.out_spec
    assert names is not None
    return [str(name) for name in names.context]


def _write_networks(what: Exportable, folder: Path, precision: str) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401 — what torch.onnx exports with
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: uv pip install -e '.[export]'") from None
    weights, programs = _Weights(), {name: traced(network) for name, network in what.networks.items()}
    for name, network in what.networks.items():
        path, program = folder / f"{name}.onnx", programs[name]
        torch.onnx.export(
            program,
            (),
            path,
            input_names=list(network.inputs),
            output_names=[NEXT + output for output in outputs_of(program)],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
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
        model = onnx.load(path)
        if precision == "fp16":
            model = convert_float_to_float16(model, keep_io_types=_not_state(network))
        _drop_unread(model.graph)
        weights.take(model)
        onnx.save(model, path)
    (folder / WEIGHTS).write_bytes(weights.data)
    if precision == "float32":
        for name, network in what.networks.items():
            _verify(network, programs[name], folder / f"{name}.onnx")


def _not_state(network: Network) -> list[str]:
    """Inputs and outputs that are float32 whatever the precision: all but a model's own, which it reads again."""
    names = [*network.inputs, *(NEXT + name for name in network.inputs)]
    return [name for name in names if not name.removeprefix(NEXT).startswith("state.")]


def _drop_unread(graph: GraphProto) -> None:
    """Leave out the inputs that no node reads."""
    read = set(_names_read(graph))
    kept = [value for value in graph.input if value.name in read]
    del graph.input[:]
    graph.input.extend(kept)


def _names_read(graph: GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _names_read(attribute.g)
    yield from (value.name for value in graph.output)


class _Weights:
    """One file for the large weights of several networks, each once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.places: dict[bytes, int] = {}

    def take(self, model: ModelProto) -> None:
        """Move the model's large weights here."""
        from onnx import TensorProto
        from onnx.external_data_helper import set_external_data

        for tensor in model.graph.initializer:
            if len(tensor.raw_data) < _LARGE:
                continue
            key = hashlib.sha256(tensor.raw_data).digest()
            if key not in self.places:
                self.data += b"\0" * (-len(self.data) % 64)
                self.places[key] = len(self.data)
                self.data += tensor.raw_data
            set_external_data(tensor, WEIGHTS, self.places[key], len(tensor.raw_data))
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL


def _verify(network: Network, program: torch.export.ExportedProgram, path: Path) -> None:
    """Raises RuntimeError when the exported network does not agree with its model at other sizes too."""
    run, module = Loaded(path), program.module(check_guards=False)
    names = {name for axes in network.axes.values() for name in axes.values()}
    for size in (1, 3):  # 1 is what exporters like to take for a constant
        inputs = network.resized(dict.fromkeys(names, size))
        expected: dict[str, Any] = module(inputs)
        given = run({name: tensor.numpy() for name, tensor in inputs.items()})
        for name, there in given.items():
            here = expected[name].numpy()
            there = np.asarray(there)
            # What is ruled out is −inf on both sides, a row without any choice is nan: only the rest can differ.
            same = here == there
            if here.dtype.kind == "f":
                same = same | (np.isnan(here) & np.isnan(there))
            apart = np.where(same, 0.0, here.astype(np.float64))
            error = float(np.abs(apart - np.where(same, 0.0, there)).max(initial=0))
            largest = np.abs(np.where(np.isfinite(here), here, 0)).max(initial=0)
            if not error <= TOLERANCE * max(1.0, float(largest)):
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
