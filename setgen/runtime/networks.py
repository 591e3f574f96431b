"""Networks of exported folders: ONNX by onnxruntime, or TorchScript by torch, behind one signature."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from setgen.errors import InputError
from setgen.runtime.sampler import Run

FILES = {"onnx": "model.onnx", "torchscript": "model.pt"}
"""Runtime → the file that it runs."""


def load_network(path: Path, runtime: str, threads: int | None = None) -> Run:
    """The network in `path`; threads: for the work of one operator, None for as many as there are cores.

    Raises InputError when the runtime is not installed or does not take the file.
    """
    return {"onnx": _onnx, "torchscript": _torchscript}[runtime](path, threads)


def _onnx(path: Path, threads: int | None) -> Run:
    try:
        import onnxruntime
    except ImportError:
        raise InputError("onnxruntime is not installed: uv pip install -e '.[export]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Threads that wait in a loop take the cores from whatever else runs here, and from one another.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only; they come as exceptions too
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, which derive from Exception alone
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a network that onnxruntime can run: {reason}") from None
    return lambda **inputs: session.run(None, inputs)


def _torchscript(path: Path, threads: int | None) -> Run:
    try:
        import torch
    except ImportError:
        raise InputError("torch is not installed: export the model with --format onnx instead") from None
    if threads:
        torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch would rather see torch.export
            network = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} is not a network that torch can run: {reason}") from None

    @torch.inference_mode()
    def run(**inputs: np.ndarray) -> list[np.ndarray]:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in inputs.items()}
        found = network(**tensors)
        return [tensor.numpy() for tensor in (found if isinstance(found, tuple) else (found,))]

    return run
