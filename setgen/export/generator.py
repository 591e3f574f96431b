"""What is exported of a generator: the parts of its step (see `step`), with an example of every input."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from setgen.errors import InputError
from setgen.export.exportable import Exportable, Network
from setgen.export.state import caches_of, tensors_of
from setgen.export.step import Arrays, Label, Part, Sizes, Start, Step
from setgen.generators.base import Generator
from setgen.models.embedding import ElementEmbedding
from setgen.sets.limits import Bounds
from setgen.sets.space import Space

Axes = dict[str, dict[int, str]]


@torch.no_grad()
def generator(model: Generator, forced: bool = False) -> Exportable:
    """The parts of any generator whose hooks can be traced. Raises InputError for one that says it cannot.

    forced: elements are not drawn but given, and their log-probabilities asked for.
    """
    if model.not_exported:
        raise InputError(f"{model.name} cannot be exported: {model.not_exported}. Use it with torch")
    model = deepcopy(model).eval()
    for module in model.modules():  # the vectors of elements are the same at every call: worked out once
        if isinstance(module, ElementEmbedding):
            module.forward = Fixed(module())  # type: ignore[method-assign]
    given = _prompts(model.space, 2, 3) | _limits(model.space)
    drawn = {"uniform": torch.full((2,), 0.5, dtype=torch.float64), "wanted": torch.tensor([0, 2])}
    elements = {"forced": torch.tensor([0, 1])} if forced else {}
    asked = given | elements | (drawn if model.draws_size else {})
    networks = {"sizes": _network(Sizes(model), asked, {})}
    given |= elements
    given |= {"size": torch.full((2,), min(3, model.space.widest)), "order": torch.tensor([0, 0])}
    given |= {"uniform": torch.full((2, 2), 0.5, dtype=torch.float64)}
    given |= {"temperature": torch.tensor(1.0, dtype=torch.float64)}

    state, other = _begun(model, 2, 3), _begun(model, 3, 4)
    shapes = {name: tensor.shape for name, tensor in tensors_of(other).items()}
    own = {n: t for n, t in tensors_of(state).items() if (t.shape[0], shapes[n][0]) == (2, 3)}
    caches = {
        name: 1 if name.endswith(".present") else 2
        for cache in caches_of(state)
        for name in own
        if name.startswith(f"{cache}.")
    }
    vary = {n: {i: "items" for i in range(1, t.ndim) if t.shape[i] != shapes[n][i]} for n, t in own.items()}
    vary |= {name: {axis: "columns"} for name, axis in caches.items()}
    start = Start(model, list(own))
    networks["start"] = _network(start, given, {})
    # Where nothing is exported, the caches are as long as they will ever be.
    sofar = {name: tensor.clone() for name, tensor in start(given).items() if name != "new"}
    rest = ["size", "order", *_limits(model.space), "uniform", "temperature", *elements]
    sofar |= {name: given[name] for name in rest}
    networks["step"] = _network(Step(model, state), sofar, vary)
    asked = given | {"column": torch.tensor(0), "uniform": given["uniform"][:, 0].clone()}
    networks["label"] = _network(Label(model), asked, {})
    return Exportable(
        "generator",
        model.space,
        networks,
        {
            "model": model.name or type(model).__name__,
            "draws_size": model.draws_size,
            "orders": 0 if model.ranks is None else len(model.ranks),
            "repeats": model.repeats_without_rules,
            "noise": "column" if model.blocks else "draw",
            "caches": caches,
        },
    )


class Fixed:
    """The same answer at every call."""

    def __init__(self, answer: Tensor) -> None:
        self.answer = answer

    def __call__(self) -> Tensor:
        return self.answer


def _begun(model: Generator, rows: int, width: int) -> Any:
    """A state of so many sets, of which some items are given."""
    given = _prompts(model.space, rows, width)
    order = torch.zeros(rows, dtype=torch.int64)
    return model.start(Part(model).prompts(given), torch.full_like(order, model.space.widest), order)


def _prompts(space: Space, rows: int, width: int) -> Arrays:
    """Examples of prompts: two items in the first, one in each other, and room for at least one more."""
    item = (torch.arange(width) % len(space)).repeat(rows, 1)
    few = torch.where(torch.arange(rows) == 0, 2, 1).clamp(max=space.widest - 1)
    present = torch.arange(width) < few[:, None]
    label = torch.full_like(item, int(space.label_occurs.argmax()))
    # A tensor for each, for exporters take inputs that are one object for one input.
    codes = {f"of.{name}": torch.arange(rows) % 2 for name in space.conditions}
    return {"item": item, "label": label, "present": present} | codes


def _limits(space: Space) -> Arrays:
    """The bounds of the space itself, as the inputs that limits are."""
    return {name: torch.from_numpy(array) for name, array in Bounds.of(space).arrays().items()}


_FIXED = ("labels", "sizes", "elements", "near", "anchors", "repeats", "reach", "temperature", "column")


def _network(module: nn.Module, inputs: Arrays, vary: Axes) -> Network:
    axes = {name: {} if name in _FIXED else {0: "sets"} | vary.get(name, {}) for name in inputs}
    for name in ("item", "label", "present"):
        if name in inputs:
            axes[name] = {0: "sets", 1: "items"}
    return Network(module, inputs, axes)
