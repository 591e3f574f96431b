"""A page without a server: page, model and onnxruntime-web in one static folder.

index.html, page/     the page that `setgen serve` shows, with web/api.js in place of its calls of a server
web/                  the loop around the model, the judges and limits, in JavaScript
model/, grader/       exported as `setgen export` does it; data.json: the board, the soft rules, settings
ort/                  onnxruntime-web
sw.js                 keeps all of that on the device, so that it works offline
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board
from setgen.climbing.delivery.links import boardsesh_address
from setgen.climbing.grades import FONT, V
from setgen.climbing.judges import Judges, judges_for
from setgen.climbing.roles import Role
from setgen.errors import InputError
from setgen.export.exportable import Exportable
from setgen.export.grader import grader
from setgen.export.registry import exportable
from setgen.export.write import check_new, export, put
from setgen.files import read_json
from setgen.runtime.folder import CARD, SETTINGS

_HOME = Path(__file__).resolve().parent.parent
_PAGE, _WEB = _HOME / "serving" / "page", _HOME / "web"
_RUNTIME = {"ort.wasm.bundle.min.mjs": "ort.js", "ort-wasm-simd-threaded.wasm": "ort.wasm"}
_PACKAGE = "onnxruntime-web@1.30"
_MANIFEST = {
    "name": "setgen – design a climb",
    "short_name": "setgen",
    "start_url": "./",
    "display": "standalone",
    "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<rect width="64" height="64" rx="12" fill="#26262b"/>'
    '<circle cx="20" cy="48" r="7" fill="#00dd00"/><circle cx="38" cy="32" r="7" fill="#00ccff"/>'
    '<circle cx="26" cy="15" r="7" fill="#ff00ff"/></svg>'
)


def export_web(
    model: Path | None,
    folder: Path,
    precision: str = "int8",
    data: Path | None = None,
    runtime: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the static page of the model of a board (None: the built-in one) into a new `folder`.

    data: a dataset of the board, for soft rules and grader; None: those that are with the model, if any. runtime: an
    unpacked onnxruntime-web package, or its .tgz; None: npm fetches it. progress: called while a
    grader is trained. The folder appears when it is complete. Raises
    InputError when the model is of no board, cannot be exported, or the runtime cannot be had.
    """
    check_new(folder)
    what = exportable(BUILTIN if model is None else model)
    board = what.space
    if what.runner != "generator" or not isinstance(board, Board):
        raise InputError(f"{model} is no model of a board: a page draws climbs")
    judges = judges_for(board, data, model, progress)
    networks = {name: part for name, part in what.networks.items() if name != "label"}
    what = Exportable(what.runner, board, networks, what.settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".setgen-") as aside:
        whole = Path(aside) / "web"
        whole.mkdir()
        _take_runtime(runtime, whole / "ort", Path(aside))
        settings = {"model": _write_part(what, whole / "model", precision), "grader": None}
        if judges.grader is not None:
            settings["grader"] = _write_part(grader(judges.grader), whole / "grader", "float32")
        text = json.dumps(settings | _data(board, judges), allow_nan=False)
        (whole / "data.json").write_text(text, encoding="utf-8")
        _write_page(whole)
        put(whole, folder)


def _write_part(what: Exportable, folder: Path, precision: str) -> Any:
    """Networks and weights into a folder, and the settings of what runs them, which go into data.json."""
    export(what, folder, precision)
    settings = read_json(folder / SETTINGS)
    for name in (CARD, SETTINGS, what.space.file):
        (folder / name).unlink()
    return settings


def _data(board: Board, judges: Judges) -> dict[str, Any]:
    """What the page knows of the board and its judges."""
    from setgen.serving.answering import board_out

    shown = board_out(board).model_dump()
    shown["sites"] = [site for site in shown["sites"] if site == "boardsesh"]
    conditions = {name: list(values) for name, values in board.conditions.items()}
    return {
        "board": shown,
        "rules": None if judges.rules is None else judges.rules.to_json(),
        "link": boardsesh_address(board) if shown["sites"] else None,
        "space": {
            "roles": [role.label for role in Role],
            "labels": board.n_labels,
            "placements": len(board),
            "widest": board.widest,
            "bounds": board.label_bounds.tolist(),
            "sizes": [board.sizes[0], board.largest],
            "angles": conditions["angle"],
            "difficulties": conditions["grade"],
            "grades": [{"grade": FONT[g], "v_grade": V[g], "difficulty": g} for g in FONT],
        },
    }


def _write_page(whole: Path) -> None:
    shutil.copytree(_PAGE, whole / "page", ignore=shutil.ignore_patterns("index.html", "api.js"))
    shutil.copy(_WEB / "api.js", whole / "page" / "api.js")
    (whole / "web").mkdir()
    for name in ("sampling.js", "limits.js", "geometry.js", "judging.js"):
        shutil.copy(_WEB / name, whole / "web" / name)
    page = (_PAGE / "index.html").read_text(encoding="utf-8")
    link = '<link rel="manifest" href="manifest.webmanifest">'
    (whole / "index.html").write_text(page.replace("</title>", f"</title>\n  {link}"), encoding="utf-8")
    (whole / "manifest.webmanifest").write_text(json.dumps(_MANIFEST), encoding="utf-8")
    (whole / "icon.svg").write_text(_ICON, encoding="utf-8")
    _write_worker(whole)


def _write_worker(whole: Path) -> None:
    """sw.js, which has a new name where any file is another."""
    (whole / "sw.js").unlink(missing_ok=True)
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    names = ["./", *(path.relative_to(whole).as_posix() for path in files if path.name != "index.html")]
    worker = (_WEB / "sw.js").read_text(encoding="utf-8")
    worker = worker.replace("@NAME@", digest[:16]).replace('"@FILES@"', json.dumps(names))
    (whole / "sw.js").write_text(worker, encoding="utf-8")


def _take_runtime(given: Path | None, target: Path, aside: Path) -> None:
    """Copy the two files of onnxruntime-web that the page needs."""
    package = fetch_runtime(aside) if given is None else given
    if package.is_file():
        try:
            with tarfile.open(package) as archive:
                archive.extractall(aside / "runtime", filter="data")
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise InputError(f"{package} is no package of onnxruntime-web: {error}") from None
        package = aside / "runtime"
    target.mkdir()
    for name, short in _RUNTIME.items():
        places = (package / name, package / "dist" / name, package / "package" / "dist" / name)
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise InputError(f"{given or package} is no package of onnxruntime-web: it has no {name}")
        shutil.copy(found, target / short)


def fetch_runtime(aside: Path) -> Path:
    """onnxruntime-web's package, fetched by npm into the folder `aside`. Raises InputError where it cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            "the page needs onnxruntime-web, and npm, which fetches it, is not installed: install npm, or give "
            "--onnxruntime-web the package's .tgz"
        )
    command = [npm, "pack", _PACKAGE, "--silent", "--pack-destination", str(aside)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=aside)
    packages = list(aside.glob("onnxruntime-web-*.tgz"))
    if done.returncode or not packages:
        said = (done.stderr.strip().splitlines() or ["npm gave no package"])[-1]
        raise InputError(
            f"onnxruntime-web cannot be fetched ({said}): give --onnxruntime-web the package's .tgz"
        )
    return packages[0]
