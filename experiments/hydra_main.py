"""How experiments start: Hydra's own errors and ours end in one line on stderr and exit code 2."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import hydra
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from experiments.option_values import check_values
from setgen.errors import InputError

_CONFIGS = str(Path(__file__).parent / "conf")


def experiment(config_name: str) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Decorator: a function of a config becomes the main function of an experiment."""

    def decorate(run: Callable[[DictConfig], None]) -> Callable[[], None]:
        @wraps(run)
        def reported(cfg: DictConfig) -> None:
            quieten()
            try:
                check_values(cfg)
                run(cfg)
            except (InputError, OmegaConfBaseException) as error:
                print(f"Error: {str(error).splitlines()[0]}", file=sys.stderr)
                sys.exit(2)
            except KeyboardInterrupt:
                print("Interrupted. Go on with resume=FOLDER, the folder named above.", file=sys.stderr)
                sys.exit(130)

        def main() -> None:
            try:
                hydra.main(version_base="1.3", config_path=_CONFIGS, config_name=config_name)(reported)()
            except SystemExit as stop:
                # Hydra ends with 1 on a wrong override, after it has said what is wrong.
                sys.exit(2 if stop.code == 1 else stop.code)

        return main

    return decorate


def quieten() -> None:
    """Lightning's advice about loaders, loggers and devices is not news to our users."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    warnings.filterwarnings("ignore", category=FutureWarning)
