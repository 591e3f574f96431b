"""A masked set transformer from scratch: network, loss, training, sampling and completion on one page.

    python -m experiments.from_scratch      # a minute on two cores, on climbs of the built-in synthetic board

A set S (a climb) has n elements, (item, label) pairs (holds with roles), no item twice, and conditions c
(angle, grade). Some elements A ⊂ S, |A| = k, are seen and n − k are masked. Masked elements have no positions,
so one distribution p(e | A, n, c) tells what any of them is. With it a set is drawn element by element,

    n ~ p(n | c),   then   A ← A ∪ {e},  e ~ p(e | A, n, c),   until |A| = n,

from A = ∅, or from given elements: completion. All n! orders σ of the elements end in the same set:

    p(S | c) = p(n | c) Σ_σ Π_i p(σ_i | σ_<i, n, c) = p(n | c) · n! · E_σ Π_i p(σ_i | σ_<i, n, c)

log E ≥ E log, and in a random order the first k elements are a random A, the next is any of the others alike.
That leaves a lower bound in which no order appears (Uria, Murray & Larochelle 2014; Hoogeboom et al. 2022):

    log p(S | c) ≥ log p(n | c) + log n! − Σ_k E_A ce(A),     k = 0 … n−1,
    ce(A) = −1/(n − k) Σ_{e ∈ S∖A} log p(e | A, n, c)

The loss is minus this bound per element, with one random A for each set. B sets are padded to L elements;
there are V items and R labels, element number = item · R + label; N is the largest size.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from setgen.climbing.sources.synthetic import synthetic_board, synthetic_climbs, true_grade
from setgen.sets.batch import SetBatch, to_batch, to_sets
from setgen.sets.sets import One
from setgen.sets.space import Space

Model = Callable[[SetBatch, Tensor], tuple[Tensor, Tensor]]
"""(seen A, (B,) n − k) → ((B, V · R) logits of p(e | A, n, c), (B, N + 1) logits of p(n | c))."""


class Block(nn.Module):
    """Each token attends to all of its set, then a feed-forward (Lee et al. 2019): no positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm_attend, self.norm_feed = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        # (B, L, 3 · width) → (B, L, 3, heads, d) → query, key, value of (B, heads, L, d) each
        q, k, v = self.qkv(self.norm_attend(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(2, 3) / k.shape[3] ** 0.5  # (B, heads, L looking, L looked at)
        scores = scores.masked_fill(~present[:, None, None, :], -torch.inf)  # nobody attends to padding
        x = x + self.out((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        return x + self.feed(self.norm_feed(x))


class SetTransformer(nn.Module):
    """A state token and the seen elements; the state's final vector is compared with every element's."""

    place: Tensor

    def __init__(self, space: Space, width: int = 64, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        xy = torch.as_tensor(space.coordinates)
        unit = (xy - xy.amin(0)) / (xy.amax(0) - xy.amin(0)).max()
        waves = math.pi * unit[:, :, None] * 2.0 ** torch.arange(6)  # Fourier features, Tancik et al. 2020
        self.register_buffer("place", torch.cat([waves.sin(), waves.cos()], 2).flatten(1).float())
        self.from_place = nn.Linear(self.place.shape[1], width)
        self.of_item, self.of_label = nn.Embedding(len(space), width), nn.Embedding(space.n_labels, width)
        of = {name: nn.Embedding(len(values) + 1, width) for name, values in space.conditions.items()}
        self.of_condition, self.of_masked = nn.ModuleDict(of), nn.Embedding(space.largest + 1, width)
        for table in (self.of_item, self.of_label, self.of_masked, *of.values()):
            nn.init.normal_(table.weight, std=0.1)  # places speak first: neighbours begin alike
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm_element, self.norm_state = nn.LayerNorm(width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(space.n_elements))
        self.size = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, space.largest + 1))

    def forward(self, seen: SetBatch, masked: Tensor) -> tuple[Tensor, Tensor]:
        """See `Model`. The order of a set's elements changes nothing, rounding aside."""
        items = self.from_place(self.place) + self.of_item.weight
        table = self.norm_element(items[:, None] + self.of_label.weight).flatten(0, 1)  # (V · R, width)
        told = torch.stack([self.of_condition[name](code) for name, code in seen.conditions.items()]).sum(0)
        x = torch.cat([(told + self.of_masked(masked))[:, None], table[seen.element]], 1)
        present = pad(seen.present, (1, 0), value=True)  # column 0 is the state token
        for block in self.blocks:
            x = block(x, present)
        return self.norm_state(x[:, 0]) @ table.T / table.shape[1] ** 0.5 + self.bias, self.size(told)


def owed_and_room(space: Space, seen: SetBatch) -> tuple[Tensor, Tensor]:
    """(B, R) how many elements with each label must still come; (B, R) whether one more may."""
    counts = (one_hot(seen.label, space.n_labels) * seen.present[:, :, None]).sum(1)
    at_least, at_most = torch.from_numpy(space.label_bounds).T
    return (at_least - counts).clamp(min=0), counts < at_most


def log_next(logits: Tensor, space: Space, seen: SetBatch, size: Tensor) -> Tensor:
    """(B, V · R) log p(e | A, n, c): −inf for items in use and labels that cannot end in a legal set."""
    owed, room = owed_and_room(space, seen)
    to_spare = size - seen.size > owed.sum(1)  # when none is to spare, only owed labels may come
    labels = room & (to_spare[:, None] | (owed > 0))
    # Padding writes into a column of its own, which is cut off.
    used = torch.zeros(len(seen), len(space) + 1, dtype=torch.bool)
    used.scatter_(1, seen.item.masked_fill(~seen.present, len(space)), True)
    allowed = (~used[:, :-1, None] & labels[:, None, :]).flatten(1)  # flat index = item · R + label
    return logits.masked_fill(~allowed, -torch.inf).log_softmax(1)


def log_size(logits: Tensor, space: Space, given: SetBatch) -> Tensor:
    """(B, N + 1) log p(n | c) over sizes with room for what is given and owed."""
    fewest = (given.size + owed_and_room(space, given)[0].sum(1)).clamp(min=space.sizes[0])
    return logits.masked_fill(torch.arange(space.largest + 1) < fewest[:, None], -torch.inf).log_softmax(1)


def terms(model: Model, space: Space, batch: SetBatch, k: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) ce(A), A being the first k (B,) elements of each set, and (B,) log p(n | c) + log n!; in nats."""
    size, seen = batch.size, batch.leading(k).columns(int(k.max()))
    logits, size_logits = model(seen, size - k)
    log_p = log_next(logits, space, seen, size).gather(1, batch.element)  # (B, L), of every element of S …
    ce = -log_p.masked_fill(torch.arange(batch.width) < k[:, None], 0.0)  # … but those in A …
    ce = ce.masked_fill(~batch.present, 0.0).sum(1) / (size - k)  # … and the padding
    log_n = log_size(size_logits, space, batch.leading(0 * k)).gather(1, size[:, None])[:, 0]
    return ce, log_n + torch.lgamma((size + 1).to(ce))


def loss(model: Model, space: Space, batch: SetBatch) -> Tensor:
    """Minus the bound in nats per element of the batch, its sum over k estimated by n times one k ~ U{0 … n−1}."""
    k = (torch.rand(1) * batch.size).long()  # one share for all sets, so that little of `seen` is padding
    ce, log_n = terms(model, space, batch.shuffled(), k)
    return (batch.size * ce - log_n).sum() / batch.size.sum()  # each set's own mean would weigh it by 1/n


@torch.no_grad()
def bits(model: Model, space: Space, batch: SetBatch) -> Tensor:
    """(B,) minus the bound in bits per element, with all k, A being the first k elements as they stand."""
    row, k = batch.present.nonzero(as_tuple=True)  # one row for each k of each set
    ce, log_n = terms(model, space, batch.rows(row), k)
    nats = ce.new_zeros(len(batch)).index_add(0, row, ce - log_n / batch.size[row])
    return nats / batch.size / math.log(2)


@torch.no_grad()
def complete(model: Model, space: Space, given: SetBatch) -> SetBatch:
    """Sets with the given elements in front, as `to_batch` lays them; sampling is completing nothing."""
    size = log_size(model(given, 0 * given.size)[1], space, given).exp().multinomial(1)[:, 0]
    grown = given.columns(space.largest)
    while len(rows := (grown.size < size).nonzero()[:, 0]):
        seen = grown.rows(rows)
        logits, _ = model(seen, size[rows] - seen.size)
        element = log_next(logits, space, seen, size[rows]).exp().multinomial(1)[:, 0]
        at = (rows, seen.size)  # each set's first free column
        grown.item[at], grown.label[at] = element // space.n_labels, element % space.n_labels
        grown.present[at] = True
    return grown


def train(model: SetTransformer, space: Space, sets: SetBatch, steps: int, rate: float = 4e-3) -> list[float]:
    """The loss of every step, in bits per element."""
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    losses, began, every = [], time.perf_counter(), max(1, steps // 10)
    for step in range(steps):
        # The learning rate rises for a twentieth of the steps, and falls along half a cosine wave to 0.
        rise, fall = 20 * (step + 1) / steps, (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.param_groups[0]["lr"] = rate * min(rise, fall)
        batch = sets.rows(torch.randint(len(sets), (128,)))
        nats = loss(model, space, batch.partly_asked(hidden=0.1))  # so that conditions may be left out
        optimizer.zero_grad()
        nats.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(nats.item() / math.log(2))
        if (step + 1) % every == 0:
            mean, took = sum(losses[-every:]) / every, time.perf_counter() - began
            print(f"step {step + 1:5} of {steps}: {mean:.3f} bits per hold, {took:3.0f} s", flush=True)
    return losses


def main(steps: int = 1500, climbs: int = 20_000) -> tuple[float, float]:
    """Train, score, complete, and say so; bits per hold on unseen climbs of the model and of frequencies."""
    torch.manual_seed(0)
    board, known = synthetic_board(), synthetic_climbs(climbs, seed=0)
    sets, unseen = to_batch(board, known), to_batch(board, synthetic_climbs(500, seed=1)).shuffled()
    # Frequencies alone: the same bound, of logits that see neither A nor c. The network starts from them.
    holds = (torch.bincount(sets.element[sets.present], minlength=board.n_elements) + 0.5).log()
    sizes = (torch.bincount(sets.size, minlength=board.largest + 1) + 0.5).log()
    counted = bits(lambda A, _: (holds.expand(len(A), -1), sizes.expand(len(A), -1)), board, unseen)
    model = SetTransformer(board)
    model.bias.data.copy_(holds - holds.mean())
    train(model, board, sets, steps)
    ours, share = bits(model, board, unseen), unseen.size / unseen.size.sum()  # all bits over all holds
    mean, frequencies = float(share @ ours), float(share @ counted)
    error = float((share * (ours - counted - mean + frequencies)).norm())
    print(f"{len(unseen)} unseen climbs: {mean:.3f} bits per hold, frequencies {frequencies:.3f},")
    print(f"difference {mean - frequencies:.3f} ± {error:.3f} (standard error over climbs)")
    prompt = One(((3, 0), (5, 0)), (("angle", 40), ("grade", 20)))  # two holds of the lowest row as starts
    given = to_batch(board, type(known).of(board, [prompt] * 4))
    drawn = to_sets(board, complete(model, board, given), like=known).ordered()
    number = {int(role): n for role, n in board.role_ids.items()}
    print("4 made-up climbs of the synthetic board from two given starts, for 40° and grade 20, as frames:")
    print("p<hold>r<role>, r1 start, r2 middle, r3 finish, r4 foot; behind each the grade that it really has")
    for climb, grade in zip(drawn.ones(), true_grade(board, drawn), strict=True):
        print("".join(f"p{board.ids[i]}r{number[label]}" for i, label in climb.elements), grade)
    return mean, frequencies


if __name__ == "__main__":
    main()
