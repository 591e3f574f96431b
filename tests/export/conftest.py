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


# An export takes seconds of a core: here the whole of one model and its damages; all models where slow tests run.
_DEFAULT = (
    "test_the_same_seed_gives_the_same_climbs[masked_set]",
    "test_constraints_are_kept_and_the_climbs_are_the_same[masked_set]",
    "test_the_folder_is_whole_and_plain",
    "test_wrong_wishes",
    "test_damage_is_found",
    "test_a_damaged_card_is_found",
    "test_a_folder_of_another_format_says_so",
    "test_files_of_another_kind_with_the_right_checksum",
    "test_the_padded_grader_is_the_grader",
    "test_prompts_are_checked",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "export" and not item.name.startswith(_DEFAULT):
            item.add_marker(pytest.mark.slow)
