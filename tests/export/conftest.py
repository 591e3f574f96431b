"""The folders that tiny models are exported to, once for all tests."""

import pytest
from tiny_models import BOARDS, build, build_grader

from setgen.export.registry import adapted
from setgen.export.write import export


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The folder of a model by name, exported when first asked for; tests that harm it take a copy."""
    home, done = tmp_path_factory.mktemp("exported"), {}

    def folder(name, form="onnx", precision="float32", board="wall"):
        key = name, form, precision, board
        if key not in done:
            model = build_grader(BOARDS[board]) if name == "grader" else build(name, BOARDS[board])
            family = "grader" if name == "grader" else model.name
            done[key] = home / "-".join(key)
            export(adapted(family, model), done[key], form, precision)
        return done[key]

    return folder
