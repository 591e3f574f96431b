"""How experiments start: Hydra's errors and ours are one line on standard error, with exit code 2."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from experiments.option_values import check_values
from experiments.run_folder import GO_ON, command_of_now
from setgen import ending
from setgen.errors import InputError, one_line
from setgen.files import of_a_disk

_CONFIGS = str(Path(__file__).parent / "conf")


def experiment(config_name: str) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Decorator: a function of a config becomes the main function of an experiment."""

    def decorate(run: Callable[[DictConfig], None]) -> Callable[[], None]:
        began = False

        @wraps(run)
        def reported(cfg: DictConfig) -> None:
            nonlocal began
            began = True
            quieten()
            try:
                check_values(cfg)
                run(cfg)
            except (InputError, OmegaConfBaseException, OSError) as error:
                _refuse(error, config_name)

        def main() -> None:
            nonlocal began
            began = False
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # so that Hydra's own errors come here, unprinted
            try:
                with ending.heeded():
                    hydra.main(version_base="1.3", config_path=_CONFIGS, config_name=config_name)(reported)()
            except (OmegaConfBaseException, HydraException) as error:
                _refuse(error, config_name)
            except (ValueError, OSError) as error:  # what Hydra makes of `model=3`, and of names too long
                # A disk's errors Hydra, too, may meet between the runs of a multirun.
                if began and not of_a_disk(error):
                    raise
                _refuse(error, config_name)
            except KeyboardInterrupt as error:
                _end("stopped", error, ending.exit_code(), config_name)

        return main

    return decorate


def line_of(error: Exception) -> str:
    """What is wrong in one line, without what Hydra and OmegaConf say of their own insides."""
    said = str(error).partition("Config search path")[0].strip()
    line = " ".join(said.split()) if "Available options" in said else said.partition("\n")[0]
    if isinstance(error, OverrideParseException):
        line = (
            f"{error.override} cannot be read ({line}): a value with = , ( ) [ ] {{ }} or a blank in it goes in "
            "quotes that the shell leaves there, such as 'data.path=\"my=folder\"'"
        )
    if isinstance(error, OSError) and not isinstance(error, HydraException):  # some of which are both
        line = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}"
        line = f"cannot write {line}" if of_a_disk(error) else line
    return one_line(line) or type(error).__name__


def _refuse(error: Exception, experiment: str) -> NoReturn:
    """Say what is wrong, and end."""
    _end(f"Error: {line_of(error)}", error, 2, experiment)


def _end(line: str, error: BaseException, code: int, experiment: str) -> NoReturn:
    """End with one line, and how the work goes on, where it can: with the same command, where no folder is begun."""
    if os.environ.get("RANK", "0") == "0":  # of processes that torchrun started, one speaks for all
        # Hydra has notes too.
        notes = [note for note in getattr(error, "__notes__", ()) if note.startswith(GO_ON)]
        if not notes and (of_a_disk(error) or isinstance(error, KeyboardInterrupt)):
            notes = [GO_ON + command_of_now(experiment, sys.argv[1:])]
        print("; ".join([line, *notes]), file=sys.stderr)
    sys.exit(code)


def quieten() -> None:
    """Lightning's advice about loggers and devices is not news to our users."""
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning_fabric\..*")
    warnings.filterwarnings("ignore", category=FutureWarning)
