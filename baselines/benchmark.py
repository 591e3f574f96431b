"""`python -m baselines.benchmark`: climbs a second from the GPT, with its key-value cache and without."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from baselines.gpt import GPT
from baselines.gpt_generators import ShuffledConfig, ShuffledGPT
from baselines.gpt_sampling import Reader
from setgen.boards.board import Board
from setgen.boards.climbs import Climbs
from setgen.boards.roles import Role


class RereadingReader:
    """Reads the whole text again at every step."""

    def __init__(self, gpt: GPT) -> None:
        self.gpt, self.text = gpt, torch.empty(0)

    def feed(self, tokens: Tensor) -> Tensor:
        self.text = torch.cat([self.text, tokens], 1) if self.text.numel() else tokens
        return self.gpt(self.text)[:, -1]

    def keep(self, rows: Tensor) -> None:
        self.text = self.text[rows]

    def branch(self, tokens: Tensor) -> Tensor:
        self.keep(torch.zeros_like(tokens))
        return self.feed(tokens[:, None])


class RereadingGPT(ShuffledGPT):
    def _reader(self) -> Reader:
        return RereadingReader(self.gpt)


def grid(columns: int = 17, rows: int = 28) -> Board:
    """A wall of 476 placements, as many as the Kilter Board 12×12 has."""
    xy = np.stack(np.meshgrid(np.arange(columns) * 8.0, np.arange(rows) * 5.0), -1).reshape(-1, 2)
    return Board(
        name="grid",
        family="benchmark",
        ids=np.arange(len(xy)),
        xy=xy,
        hold_set=np.zeros(len(xy), dtype=np.int64),
        hold_set_names=("all",),
        hole_names=tuple(str(i) for i in range(len(xy))),
        role_ids={role: int(role) for role in Role},
        role_colors=dict.fromkeys(Role, "#000000"),
        angles=(40,),
    )


def seconds(generator: ShuffledGPT, n: int) -> float:
    prompts = Climbs.prompts(n, angle=40, grade=20)
    sizes = np.random.default_rng(0).integers(7, 21, n)  # 13.5 holds on average, as real climbs have
    start = time.perf_counter()
    generator.sample(prompts, sizes=sizes)
    return time.perf_counter() - start


def main(n: int = 512) -> None:
    torch.manual_seed(0)
    board = grid()
    sliding = ShuffledConfig(smoothing="last", loss="bce", crop=True)
    for label, generator in (
        ("key-value cache", ShuffledGPT(board, ShuffledConfig())),
        ("no cache", RereadingGPT(board, ShuffledConfig())),
        ("kilter-gpt's sliding window", ShuffledGPT(board, sliding)),
    ):
        print(f"{label}: {n / seconds(generator, n):.0f} climbs/s")
    print(f"{generator.n_parameters} parameters, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
