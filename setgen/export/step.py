"""The step of any generator as modules of named tensors: network, rules, limits and draw, in one graph.

    sizes    prompts, limits, a uniform            → which sizes are possible, the size of each set
    start    prompts, sizes, limits, uniforms      → the first element of each set, and the state behind it
    step     the state, limits, uniforms           → the next element, and what has changed in the state
    label    prompts, one item whose label is open → its label

They call the generator's own hooks and the one `Rules`, as `revealing` does; limits are inputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from setgen.export.state import caches_of, tensors_of, with_tensors
from setgen.generators.base import Generator, next_given
from setgen.generators.drawing import draw
from setgen.generators.revealing import known_first
from setgen.sets.batch import SetBatch
from setgen.sets.rules import Ahead, Partial, Rules
from setgen.sets.space import OPEN

Arrays = dict[str, Tensor]

CACHE = "new."
"""In front of the name of a cache's array: the columns that a step adds to it, which the caller puts there."""


class Part(nn.Module):
    """What all of them share."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def rules(self, given: Arrays) -> Rules:
        """The bounds and limits that are among the inputs (see `sets.limits.Bounds`)."""
        return Rules(
            self.generator.space,
            given["labels"],
            (given["sizes"][0], given["sizes"][1]),
            given["elements"],
            given["near"],
            given["anchors"],
            given["repeats"],
            given["reach"] if torch.compiler.is_exporting() else None,
        )

    def prompts(self, given: Arrays) -> SetBatch:
        space = self.generator.space
        codes = {name: given[f"of.{name}"] for name in space.conditions}
        return SetBatch(given["item"], given["label"], given["present"], codes, space.n_labels)


class Sizes(Part):
    """Which sizes are possible, and the size that is drawn where none is wanted (0)."""

    def forward(self, given: Arrays) -> Arrays:
        generator, rules, batch = self.generator, self.rules(given), self.prompts(given)
        undecided = ((batch.label == OPEN) & batch.present).sum(1)
        state = Partial.of(generator.space, batch)
        found = {"possible": rules.possible_sizes(state, undecided)}
        if generator.draws_size:
            drawn = draw(generator.size_log_probs(batch, state, rules), given["uniform"])
            found["size"] = torch.where(given["wanted"] > 0, given["wanted"], drawn)
            if "forced" in given:
                log_p = generator.size_log_probs(batch, state, rules).gather(1, given["wanted"][:, None])
                found["log_p"] = log_p.squeeze(1)
        return found


class Label(Part):
    """The label of the item in one column, which is open: as `revealing.decide_labels` draws it."""

    def forward(self, given: Arrays) -> Arrays:
        generator, rules, batch = self.generator, self.rules(given), self.prompts(given)
        item = batch.item.index_select(1, given["column"][None]).squeeze(1)
        undecided = ((batch.label == OPEN) & batch.present).sum(1)
        state = Partial.of(generator.space, batch)
        allowed = rules.labels_for_open(state, undecided, given["size"])
        scores = generator.label_scores(known_first(batch), item).masked_fill(~allowed, -torch.inf)
        return {"drawn": draw(scores, given["uniform"], given["temperature"])}


class Growth(Part):
    """One element more of each set. With `forced` among the inputs it is that one, and `log_p` says how likely it
    was: for judging what an export costs."""

    def next(self, model: Any, sofar: Arrays, given: Arrays) -> Arrays:
        """The elements drawn, which are new, and all that is known behind them."""
        generator, rules, space = self.generator, self.rules(given), self.generator.space
        rank = None if generator.ranks is None else generator.ranks[sofar["order"]]
        state = Partial(sofar["label_of"], sofar["counts"], sofar["counts"].sum(1))
        ahead = None
        if rank is not None:
            ahead = Ahead(rank, sofar["beyond"], sofar.get("latest"), sofar["line"])
        waiting = sofar.get("waiting")
        given_next = None
        if waiting is not None and rank is not None:
            given_next = next_given(waiting, rank, space.n_labels)
        allowed, ends = generator.choices(state, sofar["size"], rules, ahead, given_next)
        found = self.draw(model, allowed, ends, state, sofar["size"], given)
        element = found["element"]
        known = element.clamp(max=space.n_elements - 1)  # of a set that has ended, nobody asks any more
        item, label = known // space.n_labels, known % space.n_labels
        new = element < space.n_elements
        if rank is not None:
            found["line"] = rank.gather(1, item[:, None]).squeeze(1)
        if waiting is not None:  # a given one is only ticked off
            new = new & (waiting.gather(1, item[:, None]).squeeze(1) == 0)
            found["waiting"] = waiting.scatter(1, item[:, None], 0)
        shown = label[:, None].to(torch.int8)
        found["label_of"] = sofar["label_of"].scatter(1, item[:, None], shown)
        every = torch.arange(space.n_labels, device=item.device)
        found["counts"] = sofar["counts"] + ((label[:, None] == every) & new[:, None])
        return found | {"new": new}

    def draw(
        self, model: Any, allowed: Tensor, ends: Tensor, state: Partial, size: Tensor, given: Arrays
    ) -> Arrays:
        """element: (B,), V·R for the end, as `revealing` draws them."""
        generator, space, labels = self.generator, self.generator.space, self.generator.space.n_labels
        forced = given.get("forced")
        logits = generator.step(model)
        if generator.draws_size:
            possible = allowed.flatten(1)
            if type(generator).log_probs is Generator.log_probs:  # a draw normalises by itself
                log_p = logits.masked_fill(~possible, -torch.inf)
            else:
                log_p = generator.log_probs(logits, state, size - state.count, possible)
            return _chosen(log_p, 0, given, forced)
        things = allowed.any(2) if generator.item_first else allowed.flatten(1)
        masked = logits.masked_fill(~torch.cat([things, ends[:, None]], 1), -torch.inf)
        if not generator.item_first:
            return _chosen(masked, 0, given, forced)
        first = _chosen(masked, 0, given, None if forced is None else forced // labels)
        ended, item = first["element"] >= len(space), first["element"].clamp(max=len(space) - 1)
        here = item[:, None, None].expand(-1, 1, labels)
        masked = generator.label_step(model, item).masked_fill(
            ~allowed.gather(1, here).squeeze(1), -torch.inf
        )
        second = _chosen(masked, 1, given, None if forced is None else forced % labels)
        found = {"element": torch.where(ended, space.n_elements, item * labels + second["element"])}
        if forced is not None:
            found["log_p"] = first["log_p"] + second["log_p"].masked_fill(ended, 0.0)
        return found


class Start(Growth):
    """Reads the prompts and draws the first element of each set. kept: names of the model's own tensors, one
    row a set; the others are the same for all sets."""

    def __init__(self, generator: Generator, kept: list[str]) -> None:
        super().__init__(generator)
        self.kept = kept

    def forward(self, given: Arrays) -> Arrays:
        generator, batch = self.generator, self.prompts(given)
        state = Partial.of(generator.space, batch)
        sofar = {"size": given["size"], "order": given["order"]}
        sofar |= {"label_of": state.label_of, "counts": state.counts}
        if generator.ranks is not None:
            ahead = self.rules(given).ahead(state, generator.ranks[given["order"]])
            sofar |= {"beyond": ahead.beyond, "line": ahead.line}
            if ahead.latest is not None:
                sofar["latest"] = ahead.latest
        if generator.in_place:
            sofar["waiting"] = state.label_of.long() + 1
        model = generator.start(batch, given["size"], given["order"])
        sofar |= self.next(model, sofar, given)
        del sofar["size"], sofar["order"]  # which the caller has
        own = tensors_of(model)
        return sofar | {name: own[name] for name in self.kept} | new_columns(model)


class Step(Growth):
    """Appends the element drawn last to each set and draws the next. model: a state, of which what is among the
    inputs is replaced."""

    def __init__(self, generator: Generator, model: Any) -> None:
        super().__init__(generator)
        self.model = model

    def forward(self, given: Arrays) -> Arrays:
        model = with_tensors(self.model, given)
        element = given["element"].clamp(max=self.generator.space.n_elements - 1)
        self.generator.append(model, element)
        found = self.next(model, given, given)
        own = tensors_of(model)
        changed = {name: own[name] for name in given if name in own and own[name] is not given[name]}
        return found | changed | new_columns(model)


def _chosen(scores: Tensor, which: int, given: Arrays, forced: Tensor | None) -> Arrays:
    """element: (B,) of scores (B, M), −inf where it may not be; drawn, or forced and then with its log_p."""
    if forced is None:
        return {"element": draw(scores, given["uniform"][:, which], given["temperature"])}
    log_p = scores.double().log_softmax(1).gather(1, forced[:, None]).squeeze(1)
    # A tensor of its own: the exporter takes inputs that are one object for one input.
    return {"element": forced.clone(), "log_p": log_p}


def new_columns(model: Any) -> Arrays:
    """The columns that this call adds to the model's caches, each by the name of the array it belongs to."""
    found: Arrays = {}
    for name, cache in caches_of(model).items():
        for i, (key, value) in enumerate(cache.new):
            found |= {f"{CACHE}{name}.layers.{i}.0": key, f"{CACHE}{name}.layers.{i}.1": value}
            found[f"{CACHE}{name}.present"] = torch.ones_like(key[:, 0, :, 0], dtype=torch.bool)
    return found
