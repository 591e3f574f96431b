"""Model configs: names in conf/model or files of the same form, with training options of their own.

A model's `training` section stands over the shared one; what is given on the command line stands over both.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from setgen.errors import InputError

MODELS = Path(__file__).parent / "conf" / "model"
_KEYS = {"label", "generator", "kind", "note", "config"}


def is_config(name: str) -> bool:
    """Whether `name` is a model config: a name in conf/model or a .yaml file."""
    return (MODELS / f"{name}.yaml").is_file() or (name.endswith((".yaml", ".yml")) and Path(name).is_file())


def known_models() -> str:
    """The names in conf/model, for messages."""
    return ", ".join(sorted(path.stem for path in MODELS.glob("*.yaml")))


def load_model(name: str) -> DictConfig:
    """The model config of that name or file. Raises InputError when there is none or it is damaged."""
    path = MODELS / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
        if not is_config(name):
            raise InputError(f"model {name!r} is neither a model's .yaml file nor one of {known_models()}")
    try:
        model = OmegaConf.load(path)
    except (OSError, ValueError) as error:  # what YAML says is a ValueError for OmegaConf's loader or its own
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    except Exception as error:
        raise InputError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(model, DictConfig) or not set(model) >= _KEYS or set(model) - _KEYS - {"training"}:
        raise InputError(
            f"{path} is no model config: it needs {', '.join(sorted(_KEYS))}, and may have training"
        )
    for section in ("config", "training"):
        if section in model and not isinstance(model[section], DictConfig):
            raise InputError(f"{path}: {section} is {model[section]}, give it options")
    return model


def tuned_file(tuned: str, label: str) -> Path:
    """The file with what a sweep found for the model `label`; `tuned` is that file or the sweep's folder."""
    path = Path(tuned)
    if path.is_dir():
        path = path / f"{label}.yaml"
    if not path.is_file():
        raise InputError(f"{path} does not exist: give tuned= a folder of experiments.sweep, or a file in it")
    return path


def settings_of(cfg: DictConfig, model: DictConfig, typed: Collection[str] = ()) -> DictConfig:
    """`cfg` for the training of one model: with its config, and its own training options.

    typed: dotted keys that were given on the command line. Raises InputError for unknown training options.
    """
    plain: Any = OmegaConf.to_container(cfg, resolve=False)
    own = dict(model.get("training") or {})
    plain["model"] = {k: v for k, v in _plain(model).items() if k != "training"}
    unknown = own.keys() - plain["training"].keys()
    if unknown:
        raise InputError(f"model {model.label}: training has no option {min(unknown)!r}")
    plain["training"] |= {k: v for k, v in own.items() if f"training.{k}" not in typed}
    return OmegaConf.create(plain)


def tuned_settings(cfg: DictConfig, typed: Collection[str] = ()) -> DictConfig:
    """`cfg` of one training with what a sweep found (`cfg.tuned`) for its model. Raises InputError."""
    model = load_model(str(tuned_file(str(cfg.tuned), cfg.model.label)))
    if model.generator != cfg.model.generator:
        raise InputError(f"{cfg.tuned} is of {model.generator}: it does not fit model={cfg.model.label}")
    if any(key.split(".")[0] == "network" for key in typed):
        raise InputError("a tuned model has its own network: leave network= out")
    for key in typed:
        if key.startswith("model."):
            OmegaConf.update(model, key.removeprefix("model."), OmegaConf.select(cfg, key))
    return settings_of(cfg, model, typed)


def typed_keys() -> set[str]:
    """Dotted keys that were given on the command line of this run."""
    if not HydraConfig.initialized():
        return set()
    return {o.partition("=")[0].lstrip("+~") for o in HydraConfig.get().overrides.task}


def _plain(model: DictConfig) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(model, resolve=False)
    return plain
