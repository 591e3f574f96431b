"""The folders that tiny models are exported to, once for all tests and all processes that run them."""

import os

import pytest
from filelock import FileLock
from tiny_models import SPACES, build, build_grader

from setgen.export.generator import generator
from setgen.export.grader import grader
from setgen.export.write import export


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The folder of a model by name, exported when first asked for; tests that harm it take a copy."""
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent  # of this worker's folder: the folder of the run
    home = home / "exported"
    home.mkdir(exist_ok=True)

    def folder(name, precision="float32", space="wall"):
        key = "-".join((name, precision, space))
        with FileLock(home / f"{key}.lock"):
            if not (home / key).exists():
                place = SPACES[space]
                what = grader(build_grader(place)) if name == "grader" else generator(build(name, place))
                export(what, home / key, precision)
        return home / key

    return folder


def pytest_collection_modifyitems(items):
    """One export takes half a minute of a core, most of it torch's: what needs one runs where slow tests do."""
    for item in items:
        if item.path.parent.name == "export" and {"exported", "copy"} & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
