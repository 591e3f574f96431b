"""What choosing among draws brings: python -m experiments.benchmarks.choosing RUN DATA --best-of 1 4 8

Climbs at four angles and four grades, eight each. Grade errors are by the very grader that chose, so they say what a
user sees of it, not how true the climbs are.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from setgen.climbing.board import board_of
from setgen.climbing.choosing import best
from setgen.climbing.grades import grade_name
from setgen.climbing.judges import judges_for
from setgen.climbing.prompts import make_prompts
from setgen.errors import InputError
from setgen.generators.registry import load_generator

_SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--best-of", type=int, nargs="+", default=[1, 4, 8])
    args = parser.parse_args()
    try:
        generator = load_generator(args.model)
        board = board_of(generator.space)
        judges = judges_for(board, args.data)
    except InputError as error:
        parser.error(str(error))
    if judges.rules is None or judges.grader is None:
        parser.error(f"{args.data} has too few grades for a grader")
    spread = (0.2, 0.4, 0.6, 0.8)
    angles = [board.angles[int(q * len(board.angles))] for q in spread]
    grades = [grade_name(board.grades[int(q * len(board.grades))]) for q in spread]
    print("| best of | sensible | grade error, steps | distinct | seconds for eight |")
    print("| --: | --: | --: | --: | --: |")
    for k in args.best_of:
        sensible, off, distinct, spent = [], [], [], []
        for seed, (angle, grade) in enumerate((a, g) for a in angles for g in grades):
            began = time.perf_counter()
            drawn = generator.sample(make_prompts(board, _SHOWN * k, angle=angle, grade=grade), seed=seed)
            good, far = judges.sensible(drawn), judges.off(drawn)
            assert good is not None
            assert far is not None
            rows = np.arange(_SHOWN) if k == 1 else best(drawn, _SHOWN, good, far)
            spent.append(time.perf_counter() - began)
            sensible += good[rows].tolist()
            off += np.abs(far[rows]).tolist()
            distinct.append(len({frozenset(drawn.climb(row).holds) for row in rows.tolist()}))
        print(
            f"| {k} | {np.mean(sensible):.3f} | {np.mean(off):.2f} | {np.mean(distinct):.2f} "
            f"| {np.mean(spent):.2f} |"
        )


if __name__ == "__main__":
    main()
