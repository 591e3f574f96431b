"""Hold frequencies: probabilities worked by hand."""

import numpy as np
import pytest
import torch
from contract import TOY, WALL, F, M, S, random_climbs

from baselines.frequency import Frequency, FrequencyConfig
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.grades import UNKNOWN
from setgen.errors import InputError
from setgen.sets.batch import to_batch
from setgen.sets.rules import Partial

TRAIN = Climbs.from_list(
    [
        Climb(((0, S), (1, F)), 20, 15),
        Climb(((0, S), (2, F)), 40, 15),
        Climb(((0, S), (3, M), (1, F)), 20, 18),
    ]
)


def counted(board=TOY, climbs=TRAIN, **settings) -> Frequency:
    generator = Frequency(board, FrequencyConfig(**settings))
    generator.fit_counts(climbs)
    return generator


def test_elements_come_by_frequency_without_replacement():
    # Counts 0S 3, 1F 2, 2F 1, 3M 1, smoothed by 1: 16 elements weigh 7 + 16 = 23 in all.
    generator = counted(smoothing=1.0)
    batch = to_batch(TOY, Climbs.from_list([Climb(((0, S), (1, F)), 20, 15)]))
    nothing = batch.leading(torch.zeros(1))
    rules = generator.rules(legal=False)
    size = generator.size_log_probs(nothing, Partial.of(TOY, nothing), rules)[0, 2]
    terms = generator.log_likelihood(batch, torch.tensor([[[0, 1]], [[1, 0]]]), legal=False)
    # placement 0 weighs 3 + 4 = 7, placement 1 weighs 2 + 4 = 6
    expected = size + np.log(2) + torch.tensor([4 / 23 * 3 / 16, 3 / 23 * 4 / 17], dtype=torch.float64).log()
    assert torch.allclose(terms[0], expected, atol=1e-12)


def test_sizes_back_off_from_angle_and_grade_to_grade_to_all():
    generator = counted(backoff=2.0)
    p_all = [(0 + 2 / 3) / 5, (2 + 2 / 3) / 5, (1 + 2 / 3) / 5]
    p_grade = [(n + 2 * p) / 4 for n, p in zip((0, 2, 0), p_all, strict=True)]  # grade 15
    p_both = [(n + 2 * p) / 3 for n, p in zip((0, 1, 0), p_grade, strict=True)]  # and angle 20
    conditions = [(UNKNOWN, UNKNOWN), (UNKNOWN, 15), (20, 15)]
    batch = to_batch(TOY, Climbs.from_list([Climb((), a, g) for a, g in conditions]))
    p = generator.size_log_probs(batch, Partial.of(TOY, batch), generator.rules(legal=False)).exp()
    assert torch.allclose(p[:, 1:], torch.tensor([p_all, p_grade, p_both], dtype=torch.float64), atol=1e-12)
    assert (p[:, 0] == 0).all()


def test_no_network_no_gradients():
    generator = counted()
    assert generator.n_parameters == 0
    loss = generator.loss(to_batch(TOY, TRAIN))
    assert not loss.requires_grad
    assert loss > 0


def test_counting_beats_not_counting():
    climbs = random_climbs(WALL, 400, seed=1)
    skewed = Climbs(climbs.placement // 2, climbs.role, climbs.offsets, climbs.angle, climbs.grade)
    skewed = skewed[[len({p for p, _ in c.holds}) == len(c.holds) for c in skewed]]
    train, test = skewed[: len(skewed) // 2], skewed[len(skewed) // 2 :]
    torch.manual_seed(0)
    batch = to_batch(WALL, test)
    assert counted(WALL, train).loss(batch) < counted(WALL, train[:0]).loss(batch) - 0.1


def test_settings_must_leave_the_unseen_possible():
    with pytest.raises(InputError, match="above 0"):
        Frequency(TOY, FrequencyConfig(smoothing=0.0))
