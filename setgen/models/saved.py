"""Networks in folders: a JSON file that says what the network is, its space, its weights, and checksums of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as safetensors
from torch import Tensor, nn

from setgen.errors import InputError
from setgen.files import check_links, check_sums, checksums, new_files, parse_json
from setgen.sets.space import Space

WEIGHTS = "weights.safetensors"
_SMALL = 4096

Network = TypeVar("Network", bound=nn.Module)


def save_network(network: nn.Module, space: Space, folder: Path, name: str, head: Mapping[str, Any]) -> None:
    """Write `head` with checksums into the JSON file `name`, the space and the weights, all or nothing.

    Raises InputError.
    """
    with new_files(Path(folder), last=name) as new:
        weights = {k: v.contiguous() for k, v in network.state_dict().items()}
        (new / WEIGHTS).write_bytes(safetensors(weights))
        space.save(new / space.file)
        sums = checksums(new, (WEIGHTS, space.file))
        (new / name).write_text(json.dumps({**head, "sha256": sums}, indent=2), encoding="utf-8")


def load_network(folder: Path, name: str, newest: int, build: Callable[[dict[str, Any]], Network]) -> Network:
    """The network in a folder of `save_network`, built from the `config` in its head, ready to be asked.

    newest: the newest format that is read. Raises InputError where it is newer, or the folder is damaged.
    """
    try:
        head = parse_json((folder / name).read_text(encoding="utf-8"))
        if head["format"] > newest:
            raise InputError(
                f"{folder} was written by a newer setgen (format {head['format']}): update setgen"
            )
        check_links(folder)
        check_sums(folder, head.get("sha256"))  # which earlier versions did not note
        weights = read_weights(folder, head["config"])
        network = build(head["config"])
        network.load_state_dict(weights)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
        SafetensorError,
        OSError,
    ) as error:
        raise InputError(f"{folder} is damaged: {str(error).splitlines()[0]}") from None
    return network.eval()


def read_weights(folder: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights in a folder. Raises InputError where one is no number, and for a config whose network is larger
    than they are: before it is built, which takes the memory."""
    weights = load_file(folder / WEIGHTS)
    for name, weight in weights.items():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise InputError(f"its weights {name} are not all numbers")
    numbers = sum(weight.numel() for weight in weights.values())
    for name, value in config.items():
        most = len(weights) if name == "depth" else max(numbers, _SMALL)
        if isinstance(value, int) and value > most:
            raise InputError(f"its {name} is {value}, and its weights are {numbers:,} numbers")
    return weights
