"""The notebooks: committed with all their outputs, clean, small, and running afresh on the built-in board."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from experiments.notebook.execute import execute
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.grades import UNKNOWN

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("01_data", "02_baseline_vs_set", "03_completion", "04_metrics")
LARGEST = 900_000  # bytes
# A home, a temporary or a working folder of some machine, POSIX or Windows.
A_MACHINE = re.compile(r"(?<![\w.])(?:/(?:home|root|tmp|work|Users|private|mnt|opt|var)/|[A-Za-z]:\\\\?\w)")


def path_of(name: str) -> Path:
    return ROOT / "notebooks" / f"{name}.ipynb"


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(cell: nbformat.NotebookNode) -> str:
    """The source and every output that is text."""
    parts = [cell.source]
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        parts += [str(v) for kind, v in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(parts)


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """What a reader of an executed notebook should not have to see."""
    found = []
    for i, cell in enumerate(code_of(notebook), 1):
        outputs = cell.outputs
        if cell.execution_count != i:
            found.append(f"code cell {i} was not executed in turn")
        if any(o.output_type == "error" for o in outputs):
            found.append(f"code cell {i} ends in an error")
        if any(o.output_type == "stream" and o.name == "stderr" for o in outputs):
            found.append(f"code cell {i} writes to standard error")
        if not outputs and not is_setting(cell.source):
            found.append(f"code cell {i} shows nothing")
    found += [
        f"cell {i} names a folder of some machine: {hit[0]}"
        for i, cell in enumerate(notebook.cells, 1)
        if (hit := A_MACHINE.search(text_of(cell)))
    ]
    return found


def is_setting(source: str) -> bool:
    """Nothing but assignments: imports, and what is computed for the cells below, have nothing to show."""
    return all(isinstance(line, ast.Assign | ast.AugAssign) for line in ast.parse(source).body)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_notebook_is_tested() -> None:
    assert sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb")) == sorted(NAMES)


def test_is_valid_executed_clean_and_small(name: str) -> None:
    path = path_of(name)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert faults(notebook) == []
    assert path.stat().st_size < LARGEST
    pictures = [o for cell in code_of(notebook) for o in cell.outputs if "image/png" in o.get("data", {})]
    assert pictures


def test_data_are_chosen_by_one_variable_near_the_top(name: str) -> None:
    notebook = nbformat.read(path_of(name), as_version=4)
    first, *rest = code_of(notebook)
    assert ast.unparse(ast.parse(first.source).body[0]) == "DATA = None"
    assigned = [n.id for cell in rest for n in ast.walk(ast.parse(cell.source)) if is_stored(n)]
    assert "DATA" not in assigned


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def test_is_text_between_short_cells(name: str) -> None:
    """Text comes first, never more than two code cells stand together, and none defines a function."""
    notebook = nbformat.read(path_of(name), as_version=4)
    kinds = "".join(cell.cell_type[0] for cell in notebook.cells)
    assert kinds.startswith("mmc")
    assert "cccc" not in kinds
    for cell in code_of(notebook):
        assert len(cell.source.splitlines()) <= 22
        assert not re.search(r"^\s*(def|class) ", cell.source, re.MULTILINE)


def test_faults_are_found() -> None:
    def cell(source: str, **output: Any) -> nbformat.NotebookNode:
        outputs = [nbformat.v4.new_output(**output)] if output else []
        return nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1)

    def judged(one: nbformat.NotebookNode) -> str:
        return "; ".join(faults(nbformat.v4.new_notebook(cells=[one])))

    assert judged(cell("DATA = None")) == ""
    assert judged(cell("1", output_type="stream", name="stdout", text="1")) == ""
    assert "shows nothing" in judged(cell("print()"))
    assert "standard error" in judged(cell("1", output_type="stream", name="stderr", text="warning"))
    assert "error" in judged(cell("1", output_type="error", ename="E", evalue="", traceback=[]))
    for folder in ("/home/someone/climbs", "/tmp/x.png", r"C:\Users"):
        assert "some machine" in judged(cell("1", output_type="stream", name="stdout", text=f"see {folder}"))
    assert "some machine" not in judged(cell("1", output_type="stream", name="stdout", text="7a/V6, a/tmp/x"))


@pytest.mark.slow
def test_runs_afresh_and_writes_nothing(name: str, tmp_path: Path) -> None:
    before = listing()
    notebook = execute(path_of(name), tmp_path)
    assert faults(notebook) == []
    committed = nbformat.read(path_of(name), as_version=4)
    assert [kinds(cell) for cell in code_of(notebook)] == [kinds(cell) for cell in code_of(committed)]
    assert listing() == before
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder with what real ones may lack: grades, and more angles than one."""
    dataset = synthetic_dataset(3000, 1)
    n = len(dataset.climbs)
    folder = tmp_path_factory.mktemp("data") / "bare"
    climbs = dataset.climbs.with_conditions(np.full(n, 40), np.full(n, UNKNOWN))
    replace(dataset, sets=climbs).save(folder)
    return folder


@pytest.mark.slow
def test_runs_on_data_without_grades_and_with_one_angle(name: str, bare: Path, tmp_path: Path) -> None:
    source = path_of(name).read_text(encoding="utf-8")
    quick = {"DATA = None": f"DATA = '{bare}'", "SECONDS = 20 ": "SECONDS = 1 ", "STEPS = 500": "STEPS = 5"}
    for old, new in quick.items():
        source = source.replace(old, new)
    (tmp_path / "run").mkdir()
    (tmp_path / "copy.ipynb").write_text(source, encoding="utf-8")
    notebook = execute(tmp_path / "copy.ipynb", tmp_path / "run")
    assert not [fault for fault in faults(notebook) if "error" in fault]


def kinds(cell: nbformat.NotebookNode) -> list[tuple[str, ...]]:
    """What a cell shows, without the digits that an equal wall-clock budget leaves to the machine."""
    return [(o.output_type, *sorted(o.get("data", {}))) for o in cell.outputs]


def listing() -> set[Path]:
    """What notebooks might leave in the checkout."""
    return {p for folder in ("notebooks", "data", "runs") for p in (ROOT / folder).rglob("*")}
