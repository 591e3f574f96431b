"""What every generator must hold to: inherit `GeneratorContract` and supply the fixture `make`.

`make(board)` gives a small generator on `board`, counts fitted, in eval mode and float64, with random
weights large enough that its probabilities are far from uniform.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats

from setgen.boards.board import Board, Limits
from setgen.boards.climbs import Climb, Climbs
from setgen.boards.grades import UNKNOWN
from setgen.boards.roles import Role
from setgen.boards.rules import legal, size_range
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.orders import all_orders, random_orders
from setgen.generators.registry import load_generator
from setgen.sets.batch import to_batch

Make = Callable[[Board], Generator]
S, M, F, FOOT = Role
COLORS = dict.fromkeys(Role, "#00ff00")


def wall(placements: int, limits: Limits, roles: tuple[Role, ...] = tuple(Role)) -> Board:
    """A small made-up board with scattered holds on two hold sets."""
    rng = np.random.default_rng(placements)
    return Board(
        name="toy wall",
        family="toy",
        ids=np.arange(placements) * 3 + 7,
        xy=rng.uniform(0, 140, (placements, 2)).round(),
        hold_set=np.arange(placements) % 2,
        hold_set_names=("bolt-on", "screw-on"),
        hole_names=tuple(f"H{i}" for i in range(placements)),
        role_ids={role: 12 + int(role) for role in roles},
        role_colors=COLORS,
        angles=(20, 40),
        grades=(15, 18, 22),
        limits=limits,
    )


TOY = wall(4, Limits(holds=(2, 3), starts=(1, 2), finishes=(1, 2)))
WALL = wall(20, Limits(holds=(2, 9), starts=(1, 2), finishes=(1, 2)))
TIGHT = wall(5, Limits(holds=(4, 5), starts=(2, 2), finishes=(2, 2)))
NO_FREE_ROLE = wall(6, Limits(holds=(2, 6)), (S, F))
NO_ROLES = wall(5, Limits(holds=(2, 4), starts=(0, 0), finishes=(0, 0)), (M,))
BOARDS = [TOY, WALL, TIGHT, NO_FREE_ROLE, NO_ROLES]
NAMES = ["toy", "wall", "tight", "no free role", "no roles"]
PROMPTS = [Climb(((2, M),), 20, 18), Climb(((3, F), (1, S)), 20, 18)]
"""On the toy wall, with room for new holds before, between and behind the given ones."""


def random_climbs(board: Board, n: int, seed: int) -> Climbs:
    """Legal climbs with scattered conditions, some of them not given."""
    rng = np.random.default_rng(seed)
    low, high = size_range(board, Climb(()))
    rest = [r for r in (M, FOOT) if r in board.role_ids] or [S, F]
    climbs = []
    for _ in range(n):
        size = int(rng.integers(low, high + 1))
        roles = [S] * board.limits.starts[0] + [F] * board.limits.finishes[0]
        if rest == [S, F]:
            roles = ([S, F] * 2)[: max(size, 2)]
        roles += [rest[k] for k in rng.integers(len(rest), size=size - len(roles))]
        placements = rng.permutation(len(board))[:size].tolist()
        angle = int(rng.choice([*board.angles, UNKNOWN]))
        grade = int(rng.choice([*board.grades, UNKNOWN]))
        climbs.append(Climb(tuple(zip(placements, map(int, roles), strict=True)), angle, grade))
    return Climbs.from_list(climbs)


def random_prompts(board: Board, n: int, seed: int) -> Climbs:
    """Parts of legal climbs, from nothing to everything, holds in random order."""
    rng = np.random.default_rng(seed)
    prompts = []
    for climb in random_climbs(board, n, seed):
        keep = rng.permutation(len(climb.holds))[: rng.integers(len(climb.holds) + 1)]
        prompts.append(Climb(tuple(climb.holds[i] for i in keep), climb.angle, climb.grade))
    return Climbs.from_list(prompts)


def universe(board: Board, only_legal: bool, angle: int = 20, grade: int = 18) -> Climbs:
    """Every set there is: of 1 hold to the most; or every legal one, in the enumeration's own words."""
    limits, sets = board.limits, []
    roles = [int(r) for r in board.role_ids]
    for n in range(1, min(limits.holds[1], len(board)) + 1):
        for placements in combinations(range(len(board)), n):
            for chosen in product(roles, repeat=n):
                starts, finishes = chosen.count(S), chosen.count(F)
                fits = (
                    limits.holds[0] <= n
                    and limits.starts[0] <= starts <= limits.starts[1]
                    and limits.finishes[0] <= finishes <= limits.finishes[1]
                )
                if fits or not only_legal:
                    sets.append(Climb(tuple(zip(placements, chosen, strict=True)), angle, grade))
    return Climbs.from_list(sets)


def completions(climbs: Climbs, prompt: Climb) -> Climbs:
    """The climbs that contain the prompt's holds, those holds first and in the prompt's order."""
    given = set(prompt.holds)
    rest = [tuple(h for h in climb.holds if h not in given) for climb in climbs if given <= set(climb.holds)]
    return Climbs.from_list([Climb(prompt.holds + new, prompt.angle, prompt.grade) for new in rest])


def exact_and_bound(
    generator: Generator, climbs: Climbs, only_legal: bool, given: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(C,), (C,): log p(S) by summing over all orders, and the mean over them, which bounds it below.

    given: so many holds of each climb, its first, are given; the orders are those of the others.
    """
    exact, bound = np.empty(len(climbs)), np.empty(len(climbs))
    held = given or 0
    for size in np.unique(climbs.sizes):
        rows = np.flatnonzero(climbs.sizes == size)
        batch = to_batch(generator.space, climbs[rows])
        new = all_orders(int(size) - held) + held
        orders = torch.cat([torch.arange(held).expand(*new.shape[:2], held), new], 2)
        orders = orders.expand(-1, len(rows), -1)
        told = None if given is None else torch.full((len(rows),), given)
        terms = generator.log_likelihood(batch, orders, legal=only_legal, given=told)
        assert terms.shape == (len(rows), math.factorial(size - held))
        exact[rows] = (terms.logsumexp(1) - math.log(terms.shape[1])).detach().numpy()
        bound[rows] = terms.mean(1).detach().numpy()
    return exact, bound


def likelihood(
    generator: Generator, climbs: Climbs, orders: torch.Tensor, given: torch.Tensor | None = None
) -> torch.Tensor:
    batch = to_batch(generator.space, climbs)
    return generator.log_likelihood(batch, orders[:, :, : batch.width], given=given)


def assert_follow(drawn: Climbs, climbs: Climbs, exact: np.ndarray) -> None:
    """A chi-square test of the drawn sets against exp(exact), what is rare taken together."""
    n, expected = len(drawn), np.exp(exact) * len(drawn)
    place = {hold_set: i for i, hold_set in enumerate(as_sets(climbs))}
    observed = np.bincount([place[s] for s in as_sets(drawn)], minlength=len(climbs)).astype(float)
    rare = expected < 5
    if rare.any():
        expected = np.append(expected[~rare], expected[rare].sum())
        observed = np.append(observed[~rare], observed[rare].sum())
    assert stats.chisquare(observed, expected * n / expected.sum()).pvalue > 1e-3


def as_sets(climbs: Climbs) -> list[frozenset[tuple[int, int]]]:
    return [frozenset(climb.holds) for climb in climbs]


def assert_given_first(prompts: Climbs, climbs: Climbs) -> None:
    assert len(climbs) == len(prompts)
    assert np.array_equal(climbs.angle, prompts.angle)
    assert np.array_equal(climbs.grade, prompts.grade)
    for prompt, climb in zip(prompts, climbs, strict=True):
        assert climb.holds[: len(prompt.holds)] == prompt.holds


class GeneratorContract:
    """The shared suite. `knows_sets`: what is revealed counts as a set, its order cannot matter."""

    @pytest.fixture
    def knows_sets(self, make: Make) -> bool:
        return make(TOY).order_free

    # --- likelihood ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("only_legal", [True, False])
    @pytest.mark.parametrize("board", BOARDS[:1] + BOARDS[2:], ids=NAMES[:1] + NAMES[2:])
    def test_probabilities_of_all_sets_sum_to_one(self, make, board, only_legal):
        if board is not TOY and not only_legal:
            pytest.skip("the toy wall's 368 sets are enough without the rules")
        generator = make(board)
        conditions = ((20, 18), (UNKNOWN, 22)) if board is TOY else ((UNKNOWN, 22),)
        for angle, grade in conditions:
            climbs = universe(board, only_legal, angle, grade)
            exact, bound = exact_and_bound(generator, climbs, only_legal)
            assert abs(np.exp(exact).sum() - 1) < 1e-6
            assert (bound <= exact + 1e-9).all()
        assert exact[np.isfinite(exact)].std() > 0.1  # far from uniform, so the sum means something

    def test_illegal_sets_have_no_probability(self, make):
        generator = make(TOY)
        everything = universe(TOY, only_legal=False)
        exact, _ = exact_and_bound(generator, everything, only_legal=True)
        assert np.array_equal(np.isfinite(exact), legal(TOY, everything))

    @pytest.mark.parametrize("only_legal", [True, False])
    @pytest.mark.parametrize("prompt", PROMPTS, ids=lambda c: f"{len(c.holds)} given")
    def test_probabilities_of_all_completions_sum_to_one(self, make, prompt, only_legal):
        generator = make(TOY)
        for angle, grade in ((20, 18), (UNKNOWN, 22)):
            sets = completions(universe(TOY, only_legal), Climb(prompt.holds, angle, grade))
            exact, bound = exact_and_bound(generator, sets, only_legal, len(prompt.holds))
            assert abs(np.exp(exact).sum() - 1) < 1e-6
            assert (bound <= exact + 1e-9).all()

    @pytest.mark.parametrize("board", [TIGHT, NO_FREE_ROLE, NO_ROLES], ids=NAMES[2:])
    def test_so_they_do_where_the_rules_bind(self, make, board):
        generator, sets = make(board), universe(board, only_legal=True)
        for i in (0, len(sets) // 2, len(sets) - 1):
            climb = sets.climb(i)
            prompt = Climb(climb.holds[:0:-2], climb.angle, climb.grade)
            exact, _ = exact_and_bound(
                generator, completions(sets, prompt), only_legal=True, given=len(prompt.holds)
            )
            assert abs(np.exp(exact).sum() - 1) < 1e-6

    @pytest.mark.parametrize("only_legal", [True, False])
    def test_with_nothing_given_a_completion_is_a_climb(self, make, only_legal):
        generator, climbs = make(WALL), random_climbs(WALL, 24, seed=40)
        batch, orders = to_batch(WALL, climbs), random_orders(climbs.sizes, 3, seed=41)
        whole = generator.log_likelihood(batch, orders, legal=only_legal)
        nothing = torch.zeros(24, dtype=torch.int64)
        assert (generator.log_likelihood(batch, orders, only_legal, nothing) - whole).abs().max() < 1e-10

    def test_permuting_a_batch_with_its_orders_changes_nothing(self, make):
        generator, climbs = make(WALL), random_climbs(WALL, 24, seed=1)
        batch, orders = to_batch(WALL, climbs), random_orders(climbs.sizes, 3, seed=2)
        shuffle = random_orders(climbs.sizes, 1, seed=3)[0]
        back = shuffle.argsort(1).expand_as(orders)
        for given in (None, torch.arange(24) % 3):
            before = generator.log_likelihood(batch, orders, given=given)
            after = generator.log_likelihood(batch.reordered(shuffle), back.gather(2, orders), given=given)
            assert before.shape == (24, 3)
            assert (before - after).abs().max() < 1e-10

    def test_padding_and_neighbours_change_nothing(self, make):
        generator, climbs = make(WALL), random_climbs(WALL, 24, seed=4)
        orders = random_orders(climbs.sizes, 2, seed=5)
        for given in (None, torch.arange(24) % 3):
            together = likelihood(generator, climbs, orders, given)
            for rows in (np.arange(24)[::-1].copy(), np.array([3]), np.array([7, 3, 7])):
                told = None if given is None else given[rows]
                alone = likelihood(generator, climbs[rows], orders[:, rows.tolist()], told)
                assert (together[rows.tolist()] - alone).abs().max() < 1e-10

    def test_what_is_revealed_is_a_set(self, make, knows_sets):
        # log p(a, b, c) − log p(b, a, c): for a set model the step to c cancels, whatever c is.
        generator = make(WALL)
        climbs = Climbs.from_list([Climb(((2, S), (5, F), (c, M)), 40, 18) for c in (0, 7, 11, 16, 19)])
        orders = torch.tensor([[0, 1, 2], [1, 0, 2]])[:, None].expand(-1, len(climbs), -1)
        terms = generator.log_likelihood(to_batch(WALL, climbs), orders, legal=False)
        spread = (terms[:, 0] - terms[:, 1]).std().item()
        assert spread < 1e-10 if knows_sets else spread > 1e-3

    def test_the_gpt_hears_order_and_exact_models_do_not(self, make):
        generator = make(WALL)
        climbs = random_climbs(WALL, 16, seed=6)
        climbs = climbs[climbs.sizes >= 3]
        terms = likelihood(generator, climbs, random_orders(climbs.sizes, 6, seed=7))
        spread = terms.std(1)
        if not generator.order_free:
            assert (spread > 1e-2).all()
        if generator.exact:
            assert (spread < 1e-10).all()

    def test_conditions_count(self, make):
        generator, climbs = make(WALL), random_climbs(WALL, 32, seed=8)
        orders = random_orders(climbs.sizes, 1, seed=0)
        generator.fit_counts(climbs.with_conditions(climbs.angle, np.where(climbs.sizes > 5, 22, 15)))
        easy, hard = (
            likelihood(generator, climbs.with_conditions(np.full(32, 20), np.full(32, g)), orders)
            for g in (15, 22)
        )
        assert (easy - hard).abs().max() > 1e-3

    @pytest.mark.parametrize("only_legal", [True, False])
    def test_next_element_is_a_distribution_over_what_may_come(self, make, only_legal, knows_sets):
        generator, prompts = make(WALL), random_prompts(WALL, 40, seed=30)
        batch = to_batch(WALL, prompts)
        log_p = generator.next_log_probs(batch, legal=only_legal)
        assert log_p.shape == (40, 4 * len(WALL))
        full = torch.from_numpy(prompts.sizes) == WALL.limits.holds[1]
        assert full.any()
        assert (log_p[full] == -torch.inf).all()
        assert (log_p[~full].logsumexp(1)).abs().max() < 1e-9
        for row, prompt in zip(log_p, prompts, strict=True):
            for element in row.isfinite().nonzero().squeeze(1).tolist():
                grown = Climb((*prompt.holds, (element // 4, element % 4)))
                assert element // 4 not in {p for p, _ in prompt.holds}
                assert not only_legal or size_range(WALL, grown)[0] <= WALL.limits.holds[1]
        shuffled = batch.reordered(random_orders(prompts.sizes, 1, seed=31)[0][:, : batch.width])
        change = (generator.next_log_probs(shuffled, legal=only_legal) - log_p)[log_p.isfinite()].abs().max()
        assert change < 1e-10 if knows_sets else change > 1e-3

    def test_next_element_agrees_with_the_likelihood(self, make):
        # With one hold left to the most there can be, the climbs that extend a prompt differ by that step
        # alone: size and end say the same for all of them.
        generator = make(WALL)
        if generator.exact:
            pytest.skip("what comes next in its fixed order is another question")
        given = ((0, S), (4, F), *((i, M) for i in range(5, 11)))
        ends = [(2, M), (3, FOOT), (11, S), (19, F)]
        climbs = Climbs.from_list([Climb((*given, end), 40, 22) for end in ends])
        identity = torch.arange(9).expand(1, len(ends), 9)
        whole = generator.log_likelihood(to_batch(WALL, climbs), identity).squeeze(1)
        step = generator.next_log_probs(to_batch(WALL, Climbs.prompts(1, given, 40, 22)))[0]
        step = step[[4 * p + r for p, r in ends]]
        assert ((whole - whole[0]) - (step - step[0])).abs().max() < 1e-9

    # --- sampling -----------------------------------------------------------------------------------

    def test_samples_follow_the_enumerated_probabilities(self, make):
        generator, n = make(TOY), 6000
        climbs = universe(TOY, only_legal=True)
        exact, _ = exact_and_bound(generator, climbs, only_legal=True)
        drawn = generator.sample(Climbs.prompts(n, angle=20, grade=18), seed=11, batch_size=2000)
        assert_follow(drawn, climbs, exact)

    @pytest.mark.parametrize("prompt", PROMPTS, ids=lambda c: f"{len(c.holds)} given")
    def test_completions_follow_the_enumerated_probabilities(self, make, prompt):
        generator, n = make(TOY), 3000
        climbs = completions(universe(TOY, only_legal=True), prompt)
        exact, _ = exact_and_bound(generator, climbs, only_legal=True, given=len(prompt.holds))
        drawn = generator.sample(Climbs.prompts(n, *prompt), seed=12, batch_size=3000)
        assert_follow(drawn, climbs, exact)

    @pytest.mark.parametrize("n", [500, pytest.param(10_000, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("board", BOARDS, ids=NAMES)
    def test_given_holds_come_back_first_and_every_climb_is_legal(self, make, board, n):
        generator, prompts = make(board), random_prompts(board, n, seed=12)
        climbs = generator.sample(prompts, seed=13)
        assert_given_first(prompts, climbs)
        assert legal(board, climbs).all()

    def test_without_the_rules_given_holds_still_come_back(self, make):
        generator, prompts = make(WALL), random_prompts(WALL, 300, seed=14)
        climbs = generator.sample(prompts, legal=False, seed=15)
        assert_given_first(prompts, climbs)
        assert not legal(WALL, climbs).all()

    @pytest.mark.parametrize("only_legal", [True, False])
    def test_sizes_are_honoured(self, make, only_legal):
        generator, prompts = make(WALL), random_prompts(WALL, 200, seed=16)
        rng = np.random.default_rng(17)
        sizes = np.array([rng.integers(size_range(WALL, p)[0], 10) for p in prompts])
        free = rng.random(200) < 0.2
        climbs = generator.sample(prompts, sizes=np.where(free, 0, sizes), legal=only_legal, seed=18)
        assert np.array_equal(climbs.sizes[~free], sizes[~free])
        assert_given_first(prompts, climbs)
        assert legal(WALL, climbs).all() or not only_legal

    def test_a_row_depends_on_seed_and_row_alone(self, make):
        generator, prompts = make(WALL), random_prompts(WALL, 60, seed=19)
        one = list(generator.sample(prompts, seed=20, batch_size=60))
        assert one == list(generator.sample(prompts, seed=20, batch_size=7))
        assert one[:25] == list(generator.sample(prompts[:25], seed=20))
        assert one != list(generator.sample(prompts, seed=21))

    def test_calls_made_as_one_give_what_each_gives_alone(self, make):
        generator = make(WALL)
        calls = [(20, random_prompts(WALL, 9, seed=40)), (21, random_prompts(WALL, 5, seed=41))]
        alone = [list(generator.sample(prompts, seed=seed)) for seed, prompts in calls]
        assert alone[1] != list(generator.sample(calls[1][1], seed=20))
        streams = [[seed, row] for seed, prompts in calls for row in range(len(prompts))]
        together = Climbs.concatenate([prompts for _, prompts in calls])
        for order in (np.arange(14), np.random.default_rng(42).permutation(14)):
            made = generator.sample(together[order], seed=np.array(streams)[order], batch_size=4)
            assert list(made) == [(alone[0] + alone[1])[i] for i in order]

    def test_temperature_zero_is_deterministic_and_cold_is_narrow(self, make):
        generator, prompts = make(WALL), Climbs.prompts(200, angle=40, grade=22)
        sizes = np.full(200, 5)
        zero, cold, warm = (
            len(set(as_sets(generator.sample(prompts, sizes=sizes, temperature=t, seed=1))))
            for t in (0, 0.05, 1)
        )
        assert zero == 1
        assert cold < warm

    def test_conditions_may_be_missing(self, make):
        generator = make(WALL)
        for angle, grade in product((40, UNKNOWN), (18, UNKNOWN)):
            climbs = generator.sample(Climbs.prompts(20, [(3, S)], angle, grade), seed=22)
            assert legal(WALL, climbs).all()
            assert (climbs.angle == angle).all()
            assert (climbs.grade == grade).all()

    def test_no_prompts_give_no_climbs(self, make):
        assert len(make(WALL).sample(Climbs.prompts(0))) == 0

    @pytest.mark.parametrize(
        ("prompt", "size", "what"),
        [
            (Climb(((1, S), (2, S), (3, S))), 0, "3 start"),
            (Climb(((1, F), (2, F), (3, F))), 0, "3 finish"),
            (Climb(((1, S), (1, M))), 0, "twice"),
            (Climb(tuple((i, M) for i in range(8))), 0, "more than the 9"),
            (Climb(((1, S), (2, M), (3, M))), 3, "3 holds"),
            (Climb(()), 10, "10 holds"),
            (Climb(()), 1, "1 hold"),
        ],
    )
    def test_impossible_prompts_are_one_clear_line(self, make, prompt, size, what):
        with pytest.raises(InputError, match=what) as error:
            make(WALL).sample(Climbs.from_list([prompt]), sizes=np.array([size]))
        assert "\n" not in str(error.value)

    # --- learning -----------------------------------------------------------------------------------

    def test_loss_is_finite_and_falls(self, make):
        generator = make(WALL)
        batch = to_batch(WALL, random_climbs(WALL, 12, seed=23))
        torch.manual_seed(24)

        def mean_loss() -> float:
            generator.eval()
            with torch.no_grad():
                return float(np.mean([generator.loss(batch).item() for _ in range(4)]))

        before = mean_loss()
        assert math.isfinite(before)
        learned = [p for p in generator.parameters() if p.requires_grad]
        assert generator.n_parameters == sum(p.numel() for p in learned)
        if not learned:
            return
        optimizer = torch.optim.AdamW(learned, lr=3e-3)
        generator.train()
        for _ in range(15):
            optimizer.zero_grad()
            loss = generator.loss(batch)
            assert loss.ndim == 0
            loss.backward()
            grads = [p.grad for p in learned if p.grad is not None]
            assert grads
            assert all(g.isfinite().all() for g in grads)
            optimizer.step()
        assert mean_loss() < before

    # --- files --------------------------------------------------------------------------------------

    def test_a_saved_model_is_the_same_model(self, make, tmp_path):
        generator, climbs = make(WALL), random_climbs(WALL, 10, seed=25)
        if generator.n_parameters:  # networks are stored as they are trained; counts stay float64
            generator = generator.float()
        orders = random_orders(climbs.sizes, 2, seed=26)
        generator.save(tmp_path / "model")
        assert {p.suffix for p in (tmp_path / "model").iterdir()} <= {".json", ".safetensors"}
        loaded = load_generator(tmp_path / "model")
        assert not loaded.training
        assert loaded.config == generator.config
        assert torch.equal(likelihood(loaded, climbs, orders), likelihood(generator, climbs, orders))
        assert list(loaded.sample(climbs.without_holds(), seed=3)) == list(
            generator.sample(climbs.without_holds(), seed=3)
        )

    def test_weights_that_cannot_be_written_are_one_clear_line(self, make, tmp_path):
        (tmp_path / "weights.safetensors").mkdir()
        with pytest.raises(InputError, match="cannot write") as error:
            make(TOY).save(tmp_path)
        assert "\n" not in str(error.value)

    def test_bad_model_folders_are_one_clear_line(self, make, tmp_path):
        good = tmp_path / "good"
        make(TOY).float().save(good)
        files = sorted(p.name for p in good.iterdir())

        def refuse(change: Callable, *name: str) -> None:
            bad = tmp_path / "bad"
            shutil.copytree(good, bad)
            change(*(bad / n for n in name))
            with pytest.raises(InputError) as error:
                load_generator(bad)
            assert "\n" not in str(error.value)
            shutil.rmtree(bad)

        def newer(path):
            data = json.loads(path.read_text())
            path.write_text(json.dumps(data | {"format": 99}))

        def without(key):
            def change(path):
                data = json.loads(path.read_text())
                del data[key]
                path.write_text(json.dumps(data))

            return change

        for name in files:
            refuse(lambda path: path.unlink(), name)
            refuse(lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), name)
            refuse(lambda path: path.write_bytes(b""), name)
            if name.endswith(".json"):
                refuse(newer, name)
                for key in json.loads((good / name).read_text()):
                    if key not in ("edges", "mirror", "app", "leds", "led_colors"):
                        refuse(without(key), name)

        def odd_config(path):
            data = json.loads(path.read_text())
            path.write_text(json.dumps(data | {"config": data["config"] | {"no_such_setting": 1}}))

        refuse(odd_config, "model.json")
        for text in ("[]", '{"format": "new", "generator": "gpt"}', '{"format": 1, "generator": []}'):
            refuse(lambda path, text=text: path.write_text(text), "model.json")
        refuse(lambda path: replace(WALL).save(path), "board.json")  # weights of another board
