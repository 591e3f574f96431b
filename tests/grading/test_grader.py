"""The grader: a function of the set and the angle, the same for every batch, and better than guessing."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from setgen.builtin_model import BUILTIN
from setgen.climbing.board import Board
from setgen.climbing.build import synthetic_dataset
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.dataset import Dataset
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading import cache
from setgen.climbing.grading.fit import Schedule, fingerprint, fit_grader, score, why_not
from setgen.climbing.grading.grader import Grader, GraderConfig, Grading, load_grader
from setgen.climbing.grading.hold_graph import HoldGraphs
from setgen.climbing.roles import Role
from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs, true_grade
from setgen.errors import InputError


def wall(placements):
    """A made-up board with all four roles, as Kilter's has."""
    rng = np.random.default_rng(placements)
    return Board(
        name="toy wall",
        family="toy",
        ids=np.arange(placements) * 3 + 7,
        xy=rng.uniform(0, 140, (placements, 2)).round(),
        hold_set=np.arange(placements) % 2,
        hold_set_names=("bolt-on", "screw-on"),
        hole_names=tuple(f"H{i}" for i in range(placements)),
        role_ids={role: 12 + int(role) for role in Role},
        role_colors=dict.fromkeys(Role, "#00ff00"),
        angles=(40,),
    )


@pytest.fixture(scope="module")
def dataset():
    return synthetic_dataset(4000, seed=1)


@pytest.fixture(scope="module")
def grader():
    return load_grader(BUILTIN / "grader")  # the same as the evaluators' tests use


@pytest.fixture(scope="module")
def trained(dataset):
    """One that has not seen the dataset's test climbs."""
    return cache.grader_for(dataset)


@pytest.fixture
def untrained():
    """Random weights, in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    made = Grader(synthetic_board(), GraderConfig((10, 30), 43.0, (40.0, 15.0))).double().eval()
    torch.set_default_dtype(before)
    return made


def permuted(climbs, seed=0):
    order = np.lexsort((np.random.default_rng(seed).random(len(climbs.owner)), climbs.owner))
    return Climbs(climbs.placement[order], climbs.role[order], climbs.offsets, climbs.angle, climbs.grade)


def test_the_order_of_holds_changes_nothing_in_float64(untrained):
    climbs = synthetic_climbs(40, 3)
    sets = [climbs, permuted(climbs)]
    # Past `inputs`, which sorts: the network itself must not care.
    one, other = (untrained(HoldGraphs.of(s, untrained.near), *untrained.inputs(climbs)[1:])[0] for s in sets)
    assert (one - other).abs().max() < 1e-10
    np.testing.assert_array_equal(
        untrained.grade(sets[0]).probabilities, untrained.grade(sets[1]).probabilities
    )


def test_neighbours_in_the_batch_change_nothing(grader):
    climbs = synthetic_climbs(700, 3)
    whole = grader.grade(climbs)
    np.testing.assert_allclose(grader.grade(climbs[600:]).probabilities, whole.probabilities[600:], atol=1e-6)
    np.testing.assert_array_equal(grader.grade(climbs).features, whole.features)


def test_probabilities_sum_to_one_and_quantiles_rise(grader):
    found = grader.grade(synthetic_climbs(200, 3))
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-12)
    assert (found.quantile(0.1) <= found.median).all()
    assert (found.median <= found.quantile(0.9)).all()
    assert len(found[:7]) == 7


def test_a_grading_by_hand():
    found = Grading(np.array([10, 11, 12]), np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]]), np.zeros((2, 1)))
    assert found.median.tolist() == [11, 10]
    assert found.mean.tolist() == pytest.approx([11.3, 10.4])
    assert found.quantile(0.9).tolist() == [12, 11]


def test_an_interval_is_never_one_grade_alone(grader):
    p = np.array([[0.2, 0.3, 0.5, 0], [0.96, 0.03, 0.01, 0], [0, 0.02, 0.95, 0.03], [0.03, 0.94, 0.03, 0]])
    ends = np.array([[0, 0, 0, 1.0], [0, 1.0, 0, 0]])  # the hardest of all; neighbours alike
    found = Grading(np.arange(10, 14), np.concatenate([p, ends]), np.zeros((6, 1)))
    low, high = found.interval()
    assert [*zip(low.tolist(), high.tolist(), strict=True)] == [
        *[(10, 12), (10, 11), (12, 13), (11, 12)],
        *[(12, 13), (11, 12)],
    ]
    climbs = grader.grade(synthetic_climbs(500, 3))
    low, high = climbs.interval()
    assert (low < high).all()
    assert climbs.grades[0] <= low.min()
    assert high.max() <= climbs.grades[-1]
    assert (climbs.quantile(0.1) == climbs.quantile(0.9)).any()  # or nothing was shown
    assert (low <= climbs.quantile(0.1)).all()
    assert (climbs.quantile(0.9) <= high).all()


def test_the_score_by_hand():
    p = torch.tensor([[0.2, 0.3, 0.5]])
    expected = -np.log(0.3) + 0.2**2 + (0.5 - 1) ** 2 + 0
    assert score(p.log(), torch.tensor([1])).item() == pytest.approx(expected)
    two, targets = p.log().expand(2, 3), torch.tensor([1, 2])
    other = score(p.log(), torch.tensor([2])).item()
    found = score(two, targets, torch.tensor([0.5, 1.5])).item()
    assert found == pytest.approx((0.5 * expected + 1.5 * other) / 2)


def test_graphs_link_all_holds_of_a_climb_within_reach_and_no_others():
    board = synthetic_board()
    climbs = Climbs.from_list([Climb(((0, 0), (1, 1), (80, 2))), Climb(((5, 0),)), Climb(((3, 0), (4, 2)))])
    near = np.zeros((len(board), len(board)), dtype=bool)
    near[0, 1] = near[1, 0] = near[3, 4] = near[4, 3] = near[0, 5] = near[5, 0] = True
    graphs = HoldGraphs.of(climbs, near)
    assert sorted(zip(*graphs.edges.tolist(), strict=True)) == [(0, 1), (1, 0), (4, 5), (5, 4)]
    assert graphs.climb.tolist() == [0, 0, 0, 1, 2, 2]


@pytest.mark.slow
def test_it_beats_the_median_guess_and_knows_the_angle(trained, dataset):
    test = dataset.part("test")
    error = np.abs(trained.grade(test).median - test.grade).mean()
    guess = np.abs(np.median(dataset.part("train").grade) - test.grade).mean()
    assert error < guess / 3
    flat, steep = (trained.grade(test, angle) for angle in (20, 60))
    assert (steep.mean > flat.mean).mean() > 0.9


@pytest.mark.slow
def test_it_is_near_the_true_grade_and_not_too_sure(trained):
    climbs = synthetic_climbs(600, 9)
    found, true = trained.grade(climbs), true_grade(synthetic_board(), climbs)
    assert np.abs(found.median - true).mean() < 1.2
    inside = (found.quantile(0.1) <= climbs.grade) & (climbs.grade <= found.quantile(0.9))
    assert 0.75 < inside.mean() <= 1


def test_unknown_angles_and_illegal_climbs_are_graded(grader):
    odd = Climbs.from_list([Climb(((0, 0), (0, 1), (999, 1), (5, 9)), UNKNOWN), Climb((), 40)])
    assert np.isfinite(grader.grade(odd).probabilities).all()
    assert len(grader.grade(odd[:0])) == 0


def test_more_climbs_than_the_steps_can_show_cost_no_more(dataset):
    """And neither a wide validation split nor climbs of which no hold is known stop the training."""
    nothing = dataset.climbs[-1:].without_holds().with_conditions(np.array([40]), np.array([20]))
    odd = replace(
        dataset,
        sets=Climbs.concatenate([dataset.climbs, nothing]),
        split=np.append(dataset.split, 0).astype(np.int8),
        ids=np.append(dataset.ids, "nothing"),
    )
    few = Schedule(batch_size=32, most_steps=10, validations=2, judged=50)
    found = fit_grader(odd, 5, few)
    assert found.config.angles == (int(dataset.climbs.angle.min()), int(dataset.climbs.angle.max()))
    test = dataset.part("test")[:50]
    np.testing.assert_array_equal(
        found.grade(test).probabilities, fit_grader(dataset, 5, few).grade(test).probabilities
    )


def test_a_board_with_foot_holds_tells_feet_from_hands():
    """Its grade is the number of hands; the same holds as feet leave the climb easier."""
    rng = np.random.default_rng(0)
    board = wall(120)
    climbs = []
    for _ in range(1200):
        holds = rng.permutation(120)[: rng.integers(6, 16)]
        hands = int(rng.integers(1, len(holds) - 2))
        roles = [Role.START, *[Role.MIDDLE] * hands, Role.FINISH, *[Role.FOOT] * (len(holds) - hands - 2)]
        pairs = tuple((int(h), int(r)) for h, r in zip(holds, roles, strict=True))
        climbs.append(Climb(pairs, 40, 14 + hands))
    split = np.where(np.arange(1200) % 10 == 0, 2, np.where(np.arange(1200) % 10 == 1, 1, 0))
    made = Dataset(board, Climbs.from_list(climbs), split.astype(np.int8), np.arange(1200).astype(object), {})
    grader = fit_grader(made, 0, Schedule(epochs=12))
    test = made.part("test")
    error = np.abs(grader.grade(test).median - test.grade).mean()
    assert error < np.abs(np.median(test.grade) - test.grade).mean() / 3
    footed = Climbs(
        test.placement,
        np.where(test.role == Role.MIDDLE, Role.FOOT, test.role),
        test.offsets,
        test.angle,
        test.grade,
    )
    assert (grader.grade(footed).mean < grader.grade(test).mean).mean() > 0.9


@pytest.mark.slow
def test_the_same_seed_gives_the_same_grader_on_any_number_of_threads(dataset):
    short = Schedule(most_steps=12, validations=2)
    threads = torch.get_num_threads()
    found = []
    for n in (1, 2):
        torch.set_num_threads(n)
        found.append(fit_grader(dataset, 5, short).grade(dataset.part("test")[:50]).probabilities)
        torch.rand(3)  # the caller's random numbers do not matter
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(*found)
    other = fit_grader(dataset, 6, short).grade(dataset.part("test")[:50]).probabilities
    assert not np.array_equal(found[0], other)


def test_a_saved_grader_is_the_same_grader(grader, tmp_path):
    grader.save(tmp_path / "g")
    again = load_grader(tmp_path / "g")
    climbs = synthetic_climbs(50, 3)
    np.testing.assert_array_equal(again.grade(climbs).probabilities, grader.grade(climbs).probabilities)
    np.testing.assert_array_equal(again.grade(climbs).features, grader.grade(climbs).features)
    assert again.config == grader.config


def test_bad_folders_are_one_clear_line(grader, tmp_path):
    with pytest.raises(InputError, match="holds no grader"):
        load_grader(tmp_path)
    grader.save(tmp_path / "g")
    (tmp_path / "g" / "weights.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="damaged"):
        load_grader(tmp_path / "g")
    head = json.loads((tmp_path / "g" / "grader.json").read_text())
    (tmp_path / "g" / "grader.json").write_text(json.dumps(head | {"format": 99}))
    with pytest.raises(InputError, match="newer setgen"):
        load_grader(tmp_path / "g")


def test_too_few_grades_are_said(dataset):
    unknown = replace(
        dataset, sets=dataset.climbs.with_conditions(dataset.climbs.angle, np.full(len(dataset.climbs), -1))
    )
    assert "0 training climbs have a grade" in why_not(unknown)
    assert cache.grader_for(unknown) is None
    with pytest.raises(InputError, match="no grader"):
        fit_grader(unknown)
    assert why_not(dataset) is None


# --- the cache ---------------------------------------------------------------------------------------


@pytest.fixture
def small(dataset, tmp_path, monkeypatch):
    """A dataset whose training is counted, and an empty cache."""
    calls = []

    def counted(data, seed=0, progress=None):
        calls.append(seed)
        return fit_grader(data, seed, Schedule(most_steps=2, validations=1), progress)

    monkeypatch.setenv("SETGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "fit_grader", counted)
    cache._known.cache_clear()
    yield dataset, calls, tmp_path / "cache" / "graders"
    cache._known.cache_clear()


def test_a_grader_is_trained_once_and_then_loaded(small):
    dataset, calls, home = small
    first = cache.grader_for(dataset)
    assert cache.grader_for(dataset) is first
    cache._known.cache_clear()
    again = cache.grader_for(dataset)
    climbs = dataset.part("test")[:20]
    np.testing.assert_array_equal(again.grade(climbs).probabilities, first.grade(climbs).probabilities)
    assert calls == [0]
    assert (home / fingerprint(dataset, 0) / "grader.json").is_file()


def test_other_climbs_or_another_seed_are_another_grader(small):
    dataset, _, _ = small
    assert fingerprint(dataset, 0) != fingerprint(dataset, 1)
    split = dataset.split.copy()
    split[np.flatnonzero(split == 0)[0]] = 1
    assert fingerprint(replace(dataset, split=split), 0) != fingerprint(dataset, 0)
    rows = np.random.default_rng(0).permutation(len(dataset.climbs))
    shuffled = replace(dataset, sets=dataset.climbs[rows], split=dataset.split[rows], ids=dataset.ids[rows])
    assert fingerprint(shuffled, 0) == fingerprint(dataset, 0)


def test_ascents_are_part_of_what_decides_a_grader(dataset):
    ascents = np.random.default_rng(0).integers(1, 50, len(dataset.climbs)).astype(float)
    twice = np.concatenate([np.arange(len(ascents)), [0]])  # one climb a second time, with other ascents
    sets, split = dataset.climbs[twice], dataset.split[twice]
    made = Dataset(dataset.board, sets, split, dataset.ids[twice], {}, {"ascents": np.append(ascents, 99.0)})
    key = fingerprint(made, 0)
    rows = np.random.default_rng(1).permutation(len(twice))
    shuffled = replace(
        made,
        sets=made.climbs[rows],
        split=split[rows],
        ids=made.ids[rows],
        columns={"ascents": made.columns["ascents"][rows]},
    )
    assert fingerprint(shuffled, 0) == key
    assert fingerprint(replace(made, columns={"ascents": made.columns["ascents"] + 1}), 0) != key
    assert fingerprint(replace(made, columns={}), 0) != key


def test_a_damaged_or_unwritable_cache_is_no_reason_to_stop(small):
    dataset, calls, home = small
    cache.grader_for(dataset)
    (home / fingerprint(dataset, 0) / "weights.safetensors").write_bytes(b"x")
    cache._known.cache_clear()
    assert cache.grader_for(dataset) is not None
    assert calls == [0, 0]
    cache._known.cache_clear()
    shutil.rmtree(home)
    home.write_text("a file is in the way")
    assert cache.grader_for(dataset) is not None
    assert calls == [0, 0, 0]


def test_the_grader_of_the_built_in_board_comes_with_setgen(tmp_path, monkeypatch):
    """Made anew (`experiments.builtin`) whenever a change of climbs, schedule or version asks for another one."""
    monkeypatch.setenv("SETGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "fit_grader", lambda *_, **__: pytest.fail("trained, though one is at hand"))
    cache._known.cache_clear()
    dataset = synthetic_dataset(20_000, seed=1)  # as `experiments.data` makes it
    test = dataset.part("test")
    grader = cache.grader_for(dataset)
    assert np.abs(grader.grade(test).median - test.grade).mean() < 0.4
    assert not list(tmp_path.iterdir())
