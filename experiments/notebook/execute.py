"""Execute notebooks afresh: in a folder of their own, so that they write nothing beside themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from setgen.files import write_whole

_TIMEOUT = 900  # seconds a cell, on a busy machine


def execute(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook with the outputs of a new run in `folder`, by the running interpreter.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_ThisPython())
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return _tidy(notebook)


def execute_in_place(path: Path) -> None:
    """Execute a notebook and write it back with its outputs."""
    with TemporaryDirectory(prefix="setgen-notebook-") as folder:
        notebook = execute(path, Path(folder))
    nbformat.validate(notebook)
    write_whole(path, nbformat.writes(notebook).encode() + b"\n")


class _ThisPython(KernelSpecManager):
    """Knows one kernel, whatever is installed: ipykernel in the interpreter that runs this."""

    def get_kernel_spec(self, kernel_name: str) -> Any:
        from ipykernel.kernelspec import RESOURCES, get_kernel_dict
        from jupyter_client.kernelspec import KernelSpec

        spec = get_kernel_dict()
        spec["argv"][0] = sys.executable
        return KernelSpec(resource_dir=RESOURCES, **spec)


def _tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what differs from machine to machine and says nothing: versions, cell metadata."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook
