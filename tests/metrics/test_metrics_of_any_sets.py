"""Metrics of sets that are no climbs: what a space has is measured, what it lacks is named with the reason."""

import ast
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from measuring import floor, look, measure
from scipy.spatial.distance import pdist, squareform
from spaces import BASKETS, ROOM, baskets, rooms
from toy_generators import KnowsTheAnswer, UniformSets

import setgen.metrics
from setgen.metrics.completion import Hidden, percentile_ranks
from setgen.metrics.context import Context, scored
from setgen.metrics.damage import damages_of
from setgen.metrics.evaluate import evaluate, evaluate_generator, metrics_for
from setgen.metrics.features import shape
from setgen.metrics.metric import metrics_of
from setgen.metrics.proof import prove
from setgen.metrics.transport import matching, set_vectors
from setgen.sets.bounds import legal
from setgen.sets.sets import One, Sets

SETGEN = Path(setgen.metrics.__file__).parents[1]
DOMAIN = ("climbing", "serving", "export", "cli", "builtin_model")


class Data:
    """What a context asks of a dataset."""

    def __init__(self, space, train, test):
        self.space, self.parts = space, {"train": train, "test": test}

    def part(self, name):
        return self.parts[name]


@pytest.fixture(scope="module")
def bought():
    return Data(BASKETS, baskets(600, 0), baskets(300, 1))


@pytest.fixture(scope="module")
def furnished():
    return Data(ROOM, rooms(600, 0), rooms(300, 1))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, path
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(name):
    parts = name.split(".")[1:]
    for end in (len(parts), len(parts) - 1):
        for path in (
            SETGEN.joinpath(*parts[:end]).with_suffix(".py"),
            SETGEN.joinpath(*parts[:end], "__init__.py"),
        ):
            if parts[:end] and path.is_file():
                return path
    return None


def test_metrics_know_no_climbs_nor_does_what_they_import():
    waiting, seen = sorted(SETGEN.joinpath("metrics").glob("*.py")), set()
    assert len(waiting) > 15
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports_of(path):
            if name.split(".")[0] == "setgen":
                assert name.split(".")[1] not in DOMAIN, (path, name)
                found = file_of(name)
                assert found is not None, name
                waiting.append(found)
    assert any(path.parent.name == "generators" for path in seen)


def test_baskets_have_every_metric_that_needs_no_place(bought):
    found = evaluate(baskets(300, 5), bought)
    assert set(found.values) | set(found.left_out) == {m.name for m in metrics_for(BASKETS)}
    assert set(found.left_out.values()) == {
        "the items have no coordinates",
        "the items have no labels",
    }
    for name in ("unique", "novel", "item usage", "item coverage", "nearest training set", "W₁ size"):
        assert name in found.values, name
    for name in ("MMD (Jaccard)", "precision (Jaccard)", "two-sample AUC (trees)", "Vendi score", "legal"):
        assert name in found.values, name
    for name in ("precision (shape)", "transport distance", "W₁ spread"):
        assert name in found.left_out, name
    assert found["legal"].value == 1
    assert found["illegal: an item twice"].value == 0
    table = found.table()
    assert list(table.index) == list(found.values)
    assert table.loc["unique", "value"] == found["unique"].value
    report = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert report["space"] == "baskets"
    words = json.dumps(report, ensure_ascii=False)
    assert not [word for word in ("climb", "hold ", "role", "{") if word in words.replace('{"', "")]


@pytest.mark.slow
def test_real_sets_stand_at_the_floor_and_faults_do_not(bought):
    c = Context.of_dataset(bought)
    fresh, names = c.judging(baskets(300, 7)), ("item usage", "MMD (Jaccard)", "two-sample AUC (trees)")
    names += ("two-sample AUC (Deep Sets)",)
    rng = np.random.default_rng(0)
    blind = BASKETS, baskets(300, 8)
    random = c.judging(damages_of(BASKETS)["random sets"].apply(*blind, c.train_sets, 1.0, rng))
    for name in names:
        own, bad, at = measure(fresh, name), measure(random, name), floor(c, name, 300)
        assert abs(own.value - at.value) < 4 * np.hypot(own.standard_error, at.standard_error), name
        assert bad.low > at.high, name
    copies = c.judging(c.train_sets[:200])
    assert measure(copies, "novel").value == 0
    assert measure(copies, "nearest training set").value == 0


@pytest.mark.slow
def test_rooms_have_shapes_in_three_dimensions_and_labels(furnished):
    found = evaluate(rooms(300, 5), furnished)
    assert found.left_out == {}
    for name in ("W₁ lamp items", "W₁ chair items", "item and label usage", "transport distance"):
        assert name in found.values, name
    assert found["illegal: too few lamps"].value == 0
    assert found.metrics["W₁ spread"].unit == "units"


def test_shape_is_what_it_says(furnished):
    """One set by hand: sizes, counts of labels, along every axis four numbers, centres, nearest."""
    c = look(ROOM, furnished.part("train"))
    one, row = c.raw.one(3), shape(c)[3]
    places = np.array([ROOM.xy[item] for item, _ in one.elements])
    labels = np.array([label for _, label in one.elements])
    apart = squareform(pdist(places)) + np.diag(np.full(len(places), np.inf))
    expected = [len(places), *(np.sum(labels == r) for r in (0, 1))]
    for x in places.T:
        expected += [x.mean(), x.std(), x.min(), x.max()]
    for r in (0, 1):
        expected += [*places[labels == r].mean(0)]
    expected += [apart.min(1).mean(), apart.min()]
    np.testing.assert_allclose(row, expected)


def test_moving_every_item_moves_the_set_as_far_in_three_dimensions(furnished):
    """By (1, 0, 0) units, inside the room: 1."""
    inside = [x for x in rooms(300, 2).ones() if all(ROOM.xy[item, 0] < 3 for item, _ in x.elements)]
    both = [One(tuple((item + 6, label) for item, label in x.elements), x.conditions) for x in inside]
    assert len(inside) > 50
    a, b = (
        set_vectors(look(ROOM, Sets.of(ROOM, sets), train=furnished.part("train"))) for sets in (inside, both)
    )
    np.testing.assert_allclose(np.linalg.norm(a - b, axis=1), 1, rtol=1e-6)
    assert matching(a, b)[0] <= 1 + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bought", "furnished"])
def test_a_generator_is_judged_in_any_space(name, request):
    data = request.getfixturevalue(name)
    found = evaluate_generator(UniformSets(data.space), data, n=120, test_sets=60)
    assert set(found.values) | set(found.left_out) == set(metrics_of(data.space))
    assert len(found.samples) == 120
    assert legal(data.space, found.samples).all()
    assert found["order sensitivity"].value == pytest.approx(0, abs=1e-9)
    asked = Context.of_dataset(data).asking(UniformSets(data.space), 10, most_tests=60)
    sizes = scored(asked).sizes
    bits = found["bits per item"].value
    assert found["log-likelihood per set"].value == pytest.approx(
        -np.log(2) * np.mean(found.likelihood.bits * sizes)
    )
    assert bits == pytest.approx(np.average(found.likelihood.bits, weights=sizes))
    conditions = asked.raw.conditions
    assert set(conditions) == set(data.space.conditions)


def test_the_percentile_rank_of_a_blind_model_is_a_half_and_of_one_that_knows_is_all(bought):
    c = Context.of_dataset(bought)
    blind = measure(c.asking(UniformSets(BASKETS), 10), "percentile rank of one hidden item")
    tests = c.test_sets[c.test_sets.sizes >= 2]
    free = len(BASKETS) - (tests.sizes - 1)
    assert blind.value == pytest.approx(np.mean(50 + 50 / free))
    assert blind.n == len(tests)
    known = KnowsTheAnswer(BASKETS, _without_rivals(c.test_sets))
    rest = Context(BASKETS, known.sets, known.sets, c.train_sets).asking(known, 10)
    assert measure(rest, "percentile rank of one hidden item").value == pytest.approx(100)


def _without_rivals(sets):
    """Those of which no other contains what is given of it when one item is hidden with seed 0."""
    whole = [frozenset(x.elements) for x in sets.ones()]
    while True:
        kept = Sets.of(BASKETS, [One(tuple(sorted(x))) for x in whole])
        prompts = [frozenset(p.elements) for p in Hidden.of(kept[kept.sizes >= 2], None, 0).prompts.ones()]
        rivals = [sum(p <= x for x in whole) for p in prompts]
        if max(rivals) == 1:
            return kept
        whole = [x for x, n in zip([w for w in whole if len(w) >= 2], rivals, strict=True) if n == 1]


def test_the_percentile_rank_sums_over_every_choice_to_the_definition():
    """By enumeration: each hidden item's place among the free ones, others that tie counted half."""
    rng = np.random.default_rng(0)
    scores = np.log(rng.integers(1, 4, size=(6, 9)) / 9)
    free = rng.random((6, 9)) < 0.7
    hidden = np.array([rng.choice(np.flatnonzero(row)) for row in free])
    scores[~free] = -np.inf
    expected = []
    for s, f, h in zip(scores, free, hidden, strict=True):
        others = [j for j in np.flatnonzero(f) if j != h]
        counted = Counter(np.sign(np.round(s[j] - s[h], 6)) for j in others)
        expected.append(100 * (1 + counted[-1] + counted[0] / 2) / (1 + len(others)))
    np.testing.assert_allclose(percentile_ranks(scores, hidden, free), expected)


def test_damages_are_those_of_the_space():
    names = set(damages_of(BASKETS))
    assert {"items replaced", "random sets", "duplicated", "few ideas"} <= names
    assert not {"one side dropped", "roles lost", "rules broken"} & names
    assert {"one side dropped", "seasons shuffled", "labels swapped"} <= set(damages_of(ROOM))


def test_the_proof_runs_in_any_space():
    bought = Data(BASKETS, baskets(600, 0), baskets(500, 1))
    table = metrics_of(BASKETS)
    chosen = [table[name] for name in ("novel", "item usage", "unique")]
    damages = [damages_of(BASKETS)[name] for name in ("training copied", "random sets", "duplicated")]
    found = {(s.metric, s.damage): s for s in prove(bought, damages=damages, metrics=chosen)}
    assert found["item usage", "random sets"].seen_from is not None
    assert found["unique", "duplicated"].seen_from is not None
