"""The transformer: causal, and the same through its cache as without."""

import pytest
import torch
from baselines.gpt_sampling import CachedReader, SlidingReader
from setgen.dataset.vocabulary import PAD

from baselines.benchmark import RereadingReader
from baselines.gpt import GPT, Cache


@pytest.fixture
def gpt():
    torch.manual_seed(0)
    gpt = GPT(tokens=11, context=12, width=16, depth=3, heads=4, dropout=0.0).double().eval()
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return gpt


@pytest.fixture
def tokens():
    return torch.randint(1, 11, (5, 9), generator=torch.Generator().manual_seed(1))


def test_a_token_sees_what_is_before_it_and_nothing_after(gpt, tokens):
    changed = tokens.clone()
    changed[:, 4] = tokens[:, 4] % 10 + 1
    difference = (gpt(tokens) - gpt(changed)).abs().amax((0, 2))
    assert (difference[:4] == 0).all()
    assert (difference[4:] > 1e-6).all()


def test_position_counts(gpt):
    same = gpt(torch.full((1, 6), 3))[0]
    assert (same[1:] - same[0]).abs().max() > 1e-3


@pytest.mark.parametrize("cuts", [[9], [1] * 9, [2, 1, 1, 5], [4, 4, 1]])
def test_the_cache_changes_nothing(gpt, tokens, cuts):
    cache = Cache()
    parts = [gpt(part, cache) for part in tokens.split(cuts, 1)]
    assert cache.length == 9
    assert (torch.cat(parts, 1) - gpt(tokens)).abs().max() < 1e-12


def test_rows_of_a_cache_go_on_alone(gpt, tokens):
    cached, reread = CachedReader(gpt), RereadingReader(gpt)
    for reader in (cached, reread):
        reader.feed(tokens[:, :4])
        reader.keep(torch.tensor([3, 0, 0]))
    after = tokens[:3, 4:6]
    assert (cached.feed(after) - reread.feed(after)).abs().max() < 1e-12


def test_the_sliding_window_is_the_left_padded_text(gpt, tokens):
    reader, text = SlidingReader(gpt), torch.cat([tokens, tokens], 1)
    for t in range(1, text.shape[1] + 1):
        window = text[:, max(0, t - gpt.context) : t]
        padded = torch.nn.functional.pad(window, (gpt.context - window.shape[1], 0), value=PAD)
        assert (reader.feed(text[:, t - 1 : t]) - gpt(padded)[:, -1]).abs().max() < 1e-12
