"""Losses worked by hand or by enumeration, kilter-gpt's windows, and the sorted model's completions."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from contract import NO_FREE_ROLE, TOY, WALL, F, M, S, random_climbs, random_prompts

from baselines.gpt import GPTConfig, GPTGenerator, Sliding
from baselines.gpt_loss import token_targets, windows
from baselines.vocabulary import END, PAD, Vocabulary
from setgen.climbing.board import Limits
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import grade_name
from setgen.climbing.rules import legal
from setgen.errors import InputError
from setgen.generators.orders import random_orders
from setgen.sets.batch import to_batch

SMALL = {"width": 16, "depth": 2, "heads": 2}
KILTER_GPT = {"smoothing": "last", "loss": "bce", "crop": True}


def shuffled_gpt(board=WALL, **settings) -> GPTGenerator:
    torch.manual_seed(0)
    generator = GPTGenerator(board, GPTConfig(**SMALL, **settings))
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return generator.double().eval()


def sorted_gpt(board=WALL, **settings) -> GPTGenerator:
    return shuffled_gpt(board, order="sorted", **settings)


@pytest.fixture
def three():
    """One climb of three holds beside one of two."""
    climbs = [Climb(((6, S), (1, M), (9, F)), 40, 18), Climb(((3, S), (12, F)), 20, 15)]
    return to_batch(WALL, Climbs.from_list(climbs))


def test_smoothing_keeps_the_loss_averaged_over_orders(three, monkeypatch):
    orders = [torch.tensor([o, [0, 1, 2]]) for o in itertools.permutations(range(3))]
    mean = {}
    for smoothing in ("all", "none"):
        generator, losses = shuffled_gpt(smoothing=smoothing), []
        for order in orders:
            monkeypatch.setattr(generator, "_arranged", lambda batch, _, order=order: batch.reordered(order))
            losses.append(generator.loss(three).item())
        mean[smoothing] = np.mean(losses)
        assert np.std(losses) > 1e-3  # each order has its own loss
    # The two-hold climb stood in one order only, where smoothing does change its term: take it out.
    lone = {}
    for smoothing in ("all", "none"):
        generator = shuffled_gpt(smoothing=smoothing)
        monkeypatch.setattr(generator, "_arranged", lambda batch, _: batch)
        row = to_batch(WALL, Climbs.from_list([Climb(((3, S), (12, F)), 20, 15)]))
        lone[smoothing] = generator.loss(row).item()
    assert abs(lone["all"] - lone["none"]) > 1e-4
    # The loss is of all five holds, of which two are that climb's.
    difference = (5 * mean["all"] - 2 * lone["all"]) - (5 * mean["none"] - 2 * lone["none"])
    assert abs(difference) < 1e-9


@pytest.mark.parametrize("board", [TOY, WALL, NO_FREE_ROLE], ids=["toy", "wall", "no free role"])
@pytest.mark.parametrize(
    "make",
    [
        lambda b: shuffled_gpt(b, smoothing="none"),
        sorted_gpt,
        lambda b: shuffled_gpt(b, order="sweep", tokens="joint", embedding="space"),
        lambda b: shuffled_gpt(b, tokens="joint", smoothing="none"),
    ],
    ids=["shuffled", "sorted", "joint sweep", "joint shuffled"],
)
def test_the_loss_is_minus_the_likelihood_per_hold(make, board):
    generator, climbs = make(board), random_climbs(board, 30, seed=1)
    batch, orders = to_batch(board, climbs), random_orders(climbs.sizes, 1, seed=2)
    if not generator.exact:
        generator._arranged = lambda batch, _: batch.reordered(orders[0])
    expected = -generator.log_likelihood(batch, orders, legal=False)[:, 0].sum() / batch.size.sum()
    assert abs(generator.loss(batch).item() - expected.item()) < 1e-9


def test_every_pass_shuffles_anew_and_the_seed_decides(three):
    generator = shuffled_gpt(smoothing="none")

    def losses(seed):
        torch.manual_seed(seed)
        return [generator.loss(three).item() for _ in range(6)]

    assert losses(1) == losses(1)
    assert len(set(losses(1))) > 1


def test_conditions_are_hidden_in_training_only(three):
    nothing, always = (
        sorted_gpt(condition_dropout=0.0, dropout=0.0),
        sorted_gpt(condition_dropout=1.0, dropout=0.0),
    )
    climbs = Climbs.from_list([Climb(((6, S), (1, M), (9, F))), Climb(((3, S), (12, F)))])
    bare = nothing.loss(to_batch(WALL, climbs)).item()
    assert always.loss(three).item() == nothing.loss(three).item() != bare
    assert abs(always.train().loss(three).item() - bare) < 1e-12


def test_windows_end_anywhere_and_stand_at_the_right_edge(three):
    vocabulary = Vocabulary.of(WALL)
    tokens = vocabulary.encode(three)
    torch.manual_seed(3)
    stops = [set(), set()]
    for _ in range(200):
        inputs, target = windows(vocabulary, three, tokens, context=14)
        for row in range(2):
            length = int((inputs[row] != PAD).sum())
            text = tokens[row, : length + 1]
            assert inputs[row].tolist() == [PAD] * (14 - length) + text[:-1].tolist()
            assert tokens[row, target[row, -length:]].tolist() == text[1:].tolist()
            assert (target[row, :-length] == -1).all()
            stops[row].add(length + 1)
    assert stops == [set(range(4, 10)), set(range(4, 8))]  # from one hold to the end of 9 and 7 tokens


def test_a_short_context_keeps_the_end_of_the_text(three):
    tokens = Vocabulary.of(WALL).encode(three)
    torch.manual_seed(4)
    for _ in range(50):
        inputs, target = windows(Vocabulary.of(WALL), three, tokens, context=5)
        for row in range(2):
            real = target[row] >= 0
            assert torch.equal(inputs[row][real], tokens[row, target[row][real] - 1])


def test_only_the_last_position_is_smoothed_in_kilter_gpts_form(three):
    vocabulary = Vocabulary.of(WALL)
    tokens = vocabulary.encode(three)
    target = torch.tensor([[-1, 1, 2, 3, 4], [-1, -1, 1, 2, 3]])  # windows that end at a hold and at a role
    last = token_targets(vocabulary, three, tokens, target, "last")
    names = [[vocabulary.text(p.nonzero()[:, 0]).split(" ") for p in row] for row in last]
    p = [f"p{i}" for i in WALL.ids]
    grade = {g: f"grade={grade_name(g)}" for g in WALL.grades}
    assert names[0][:4] == [["pad"], [grade[18]], [p[6]], ["start"]]
    assert sorted(names[0][4]) == sorted([p[1], p[9]])
    assert names[1] == [["pad"], ["pad"], [grade[15]], [p[3]], ["start"]]
    everywhere = token_targets(vocabulary, three, tokens, target, "all")
    assert everywhere[0, 2].sum() == 3
    assert everywhere[1, 3].sum() == 2
    assert torch.equal(everywhere.sum(2)[:, [0, 1]], torch.ones(2, 2))
    assert token_targets(vocabulary, three, tokens, torch.tensor([[8], [6]]), "all")[:, 0, END].all()


@pytest.mark.parametrize("crop", [True, False])
def test_binary_cross_entropy_of_a_model_that_knows_nothing_is_log_2(three, crop):
    generator = shuffled_gpt(smoothing="all", loss="bce", crop=crop)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.zero_()
    assert abs(generator.loss(three).item() - math.log(2)) < 1e-12


def test_cropped_cross_entropy_counts_nats_per_hold():
    generator = shuffled_gpt(loss="ce", crop=True)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.zero_()
    climbs = random_climbs(WALL, 20, seed=5)
    n = climbs.sizes
    log_orders = np.array([math.lgamma(k + 1) for k in n])
    expected = np.sum((2 * n + 1) * math.log(len(generator.vocabulary)) - log_orders) / n.sum()
    assert abs(generator.loss(to_batch(WALL, climbs)).item() - expected) < 1e-6


@pytest.mark.parametrize("settings", [KILTER_GPT, {}], ids=["kilter", "corrected"])
def test_dropout_is_off_in_likelihood_and_sampling(settings, three):
    generator = shuffled_gpt(dropout=0.5, **settings)
    orders = torch.arange(3).expand(1, 2, 3)
    prompts = Climbs.prompts(20, [(2, S)], 40, 18)
    calm = generator.log_likelihood(three, orders), list(generator.sample(prompts))
    generator.train()
    assert torch.equal(generator.log_likelihood(three, orders), calm[0])
    assert list(generator.sample(prompts)) == calm[1]
    assert generator.training


def test_sorted_completions_ascend_and_fit_around_what_is_given():
    generator, prompts = sorted_gpt(), random_prompts(WALL, 300, seed=6)
    climbs = generator.sample(prompts, seed=7)
    assert legal(WALL, climbs).all()
    before = 0
    for prompt, climb in zip(prompts, climbs, strict=True):
        new = [p for p, _ in climb.holds[len(prompt.holds) :]]
        assert new == sorted(new)
        before += bool(new and prompt.holds and new[0] < max(p for p, _ in prompt.holds))
    assert before > 50  # holds are drawn in front of given ones too


def test_sorted_completion_may_fill_the_last_placements_only_with_what_is_owed():
    # Everything but the topmost placement is given or too low: the one finish owed must land there.
    given = [(i, M if i else S) for i in range(7)]
    climbs = sorted_gpt().sample(Climbs.prompts(50, given, 40, 18), sizes=np.full(50, 8), seed=8)
    assert {climb.holds[-1][1] for climb in climbs} == {int(F)}
    assert min(climb.holds[-1][0] for climb in climbs) >= 7


def test_without_the_rules_a_gpt_may_repeat_itself():
    generator = shuffled_gpt(TOY)
    climbs = generator.sample(Climbs.prompts(200, angle=20, grade=18), legal=False)
    assert any(len({p for p, _ in c.holds}) < len(c.holds) for c in climbs)
    batch = to_batch(TOY, Climbs.from_list([Climb(((1, S), (1, F)), 20, 18)]))
    assert generator.log_likelihood(batch, torch.tensor([[[0, 1]]]), legal=False).item() == -math.inf


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"smoothing": "last"}, "needs crop=true"),
        ({"smoothing": "some"}, "choose all or last or none"),
        ({"loss": "mse"}, "choose ce or bce"),
        ({"context": 9}, "needs crop=true"),
        ({"crop": True, "tokens": "joint"}, "kilter-gpt's form"),
        ({"order": "random"}, "choose shuffled or sorted or sweep"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(settings, what):
    with pytest.raises(InputError, match=what):
        shuffled_gpt(**settings)
    with pytest.raises(InputError, match="not a multiple"):
        GPTConfig(width=10, heads=4)


def test_a_climb_above_the_boards_limit_is_one_clear_line(three):
    strict = replace(WALL, limits=Limits(holds=(2, 3)))
    with pytest.raises(InputError, match="more than the 3"):
        sorted_gpt(strict).loss(to_batch(strict, random_climbs(WALL, 10, seed=1)))


def test_a_sentence_reads_in_words(three):
    alone, joint = (Vocabulary.of(WALL, joint) for joint in (False, True))
    p, grade = [f"p{i}" for i in WALL.ids], f"grade={grade_name(15)}"
    text = [alone.text(alone.encode(three)[1]), joint.text(joint.encode(three)[1])]
    assert text[0] == f"angle=20° {grade} {p[3]} start {p[12]} finish end pad pad"
    assert text[1] == f"angle=20° {grade} {p[3]}:start {p[12]}:finish end pad"
    nothing = to_batch(WALL, Climbs.prompts(1))
    assert alone.text(alone.encode(nothing)[0]) == "any-angle any-grade end pad pad"


def test_the_sliding_window_is_the_left_padded_text():
    """Keys and values of the padding are kept, and positions counted from the right: the same as reading
    the whole window with its padding."""
    generator = shuffled_gpt(crop=True, context=9)
    gpt, table = generator.gpt, generator.gpt.table()
    tokens = torch.randint(1, len(generator.vocabulary), (4, 14), generator=torch.Generator().manual_seed(1))
    for t in range(1, 15):
        window = tokens[:, max(0, t - 9) : t]
        padded = torch.nn.functional.pad(window, (9 - window.shape[1], 0), value=PAD)
        everything, nowhere = torch.ones_like(padded, dtype=torch.bool), torch.zeros(4, dtype=torch.int64)
        whole = gpt.codes(padded, everything, table, nowhere)[:, -1]
        length = torch.full((4,), t)
        kept = generator._window_code(Sliding(tokens[:, :t], length, generator._padding(table), table))
        assert (kept - whole).abs().max() < 1e-12


def test_windows_of_several_lengths_do_not_disturb_each_other():
    generator = shuffled_gpt(crop=True, context=9)
    table, tokens = generator.gpt.table(), torch.arange(1, 43).view(3, 14) % 25
    length, padding = torch.tensor([14, 3, 7]), generator._padding(generator.gpt.table())
    together = generator._window_code(Sliding(tokens, length, padding, table))
    for b, n in enumerate(length.tolist()):
        alone = generator._window_code(Sliding(tokens[b : b + 1, :n], length[b : b + 1], padding, table))
        assert (alone[0] - together[b]).abs().max() < 1e-12


def test_frequency_bias_starts_at_the_counts():
    climbs = random_climbs(WALL, 200, seed=3)
    for tokens, things in (("alternating", 20), ("joint", 80)):
        generator = shuffled_gpt(tokens=tokens, frequency_bias=True)
        generator.fit_counts(climbs)
        first = generator.vocabulary.first_item
        p = generator.gpt.bias[first : first + things].exp()
        element = climbs.placement if tokens == "alternating" else climbs.placement * 4 + climbs.role
        counts = np.bincount(element, minlength=things)
        assert p.sum().item() == pytest.approx(1, abs=1e-9)
        assert np.allclose(p.detach().numpy(), counts / counts.sum(), atol=2e-3)
