"""Networks of one size: no choice of a search may give a model more parameters than the others have."""

from __future__ import annotations

from dataclasses import replace

from omegaconf import DictConfig

from experiments.option_values import check_values
from experiments.training import check_trainable, untrained
from experiments.tuning.space import Option, with_values
from setgen.climbing.dataset import Dataset
from setgen.errors import InputError

_TOLERANCE = 0.05
"""Share by which a choice may differ from the model as it stands, so that no two models differ by 10 %."""


def of_one_size(
    settings: DictConfig, space: list[Option], dataset: Dataset
) -> tuple[list[Option], list[str]]:
    """The space without choices whose network is not of the model's size, and the names of these choices.

    Raises InputError for a choice that is no network at all.
    """

    def parameters(of: DictConfig) -> int:
        return untrained(of.model, dataset.space).n_parameters

    aim = parameters(settings)
    kept, left_out = [], []
    for option in space:
        fitting = {}
        for choice, sets in option.choices.items():
            changed = with_values(settings, sets)
            check_values(changed)
            in_model = any(key.startswith("model.") for key in sets)
            if in_model and abs(parameters(changed) / aim - 1) > _TOLERANCE:
                left_out.append(f"{option.key.rpartition('.')[2]} {choice}")
            else:
                fitting[choice] = sets
        if not option.choices:
            for limit in (option.low, option.high):
                check_trainable(with_values(settings, {option.key: limit}), dataset.space)
            kept.append(option)
        elif len(fitting) > 1:
            kept.append(replace(option, choices=fitting))
    if not kept:
        raise InputError(f"nothing is left to search for {settings.model.label}")
    return kept, left_out
