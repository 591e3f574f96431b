"""Networks of exported folders: ONNX by onnxruntime, named arrays in and named arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from setgen.errors import InputError

NEXT = "next."
"""In front of the name of every output, for some are inputs too."""

Arrays = dict[str, np.ndarray]


class Network:
    """A network that onnxruntime runs. inputs: names of what it reads; whatever else it is given is left aside."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """threads: for the work of one operator, None for as many as there are cores.

        Raises InputError when onnxruntime is not installed or does not take the file.
        """
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
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes, which derive from Exception alone
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} is not a network that onnxruntime can run: {reason}") from None
        self.inputs = tuple(node.name for node in self.session.get_inputs())
        self.outputs = tuple(node.name.removeprefix(NEXT) for node in self.session.get_outputs())

    def __call__(self, *arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Outputs by name. Of arrays of one name, the last counts."""
        known = {name: given[name] for given in arrays for name in self.inputs if name in given}
        return dict(zip(self.outputs, self.session.run(None, known), strict=True))
