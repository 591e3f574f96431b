"""Do edits move the grade the way they are asked to, and what does each constraint cost?

python -m experiments.benchmarks.editing --model RUN --data DATASET

Every grade is the dataset's grader's. Edits keep half of the holds of a test climb, drawn at random, and
redraw the others at the same angle: at the climb's own grade (the baseline), one V grade harder, one easier.
The original counts as graded too, so a grader that is off by a constant does not matter. A constraint's cost
is seen in the bits per hold that the free model gives the climbs drawn under it, and in how sensible and how
diverse they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from experiments.benchmarks.command_line import Parser, benchmark, seed, whole
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.constraints import Constraints
from setgen.climbing.dataset import Dataset
from setgen.climbing.editing import edit, grade_steps
from setgen.climbing.geometry import geometry
from setgen.climbing.grades import UNKNOWN
from setgen.climbing.grading.cache import grader_for
from setgen.climbing.grading.grader import Grader
from setgen.climbing.roles import OPEN, Role
from setgen.climbing.sensible import SensibleRules
from setgen.errors import InputError
from setgen.generators.base import Generator
from setgen.generators.registry import load_generator
from setgen.metrics.evaluate import check_space
from setgen.metrics.features import item_matrix
from setgen.metrics.jaccard import mean_to_others
from setgen.metrics.likelihood import bits_of_all, likelihood


@benchmark
def main() -> None:
    parser = Parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="run folder of a trained model")
    parser.add_argument("--data", type=Path, required=True, help="dataset folder of the same board")
    parser.add_argument("--climbs", type=whole, default=300, help="test climbs to edit, and climbs drawn")
    parser.add_argument("--seed", type=seed, default=0)
    args = parser.parse_args()
    dataset, generator = Dataset.load(args.data), load_generator(args.model)
    check_space(generator, dataset.space)
    grader = grader_for(dataset)
    if grader is None:
        raise InputError(f"{args.data} has too few grades to train a grader")
    test = dataset.part("test")
    test = test[test.grade != UNKNOWN]
    rows = np.random.default_rng(args.seed).permutation(len(test))[: args.climbs]
    edits(generator, grader, test[np.sort(rows)], args.seed)
    rules = SensibleRules.fit(dataset.board, dataset.part("train"))
    constraints(generator, rules, test[np.sort(rows)], args.seed)


def edits(generator: Generator, grader: Grader, climbs: Climbs, seed: int) -> None:
    """Print, for each direction, the share of edits graded harder (easier) than the climb they come from."""
    board = cast(Board, generator.space)
    kept = [c for c in climbs if all(_can(board, c, steps) for steps in (-1, 1))]
    before = grader.grade(Climbs.from_list(kept)).mean
    shift = {}
    for name, steps in (("harder", 1), ("same", 0), ("easier", -1)):
        drawn = [
            edit(
                generator,
                climb,
                redraw=max(1, len(climb.holds) // 2),
                grade=grade_steps(board, climb.grade, steps),
                n=1,
                seed=seed + i,
            )
            for i, climb in enumerate(kept)
        ]
        shift[name] = grader.grade(Climbs.concatenate(drawn)).mean - before
    print(f"edits of {len(kept)} test climbs, half of the holds redrawn; ± standard error")
    print(f"{'asked for':10}{'right way':>18}{'at the same grade':>20}{'difference':>18}{'shift, ids':>18}")
    for name, sign in (("harder", 1), ("easier", -1)):
        right, chance = (sign * shift[key] > 0 for key in (name, "same"))
        moved = sign * (shift[name] - shift["same"])
        parts = (right, chance, right.astype(float) - chance, moved)
        print(
            f"{name:10}" + "".join(f"{_shown(x):>{w}}" for x, w in zip(parts, (18, 20, 18, 18), strict=True))
        )


def constraints(generator: Generator, rules: SensibleRules, climbs: Climbs, seed: int) -> None:
    """Print bits per hold, sensible share, diversity, and the share of climbs whose largest hop is within
    reach, of climbs drawn with and without each constraint."""
    board, prompts = cast(Board, generator.space), climbs.without_holds()
    hops = geometry(board, climbs).largest_hop
    reach = float(np.round(np.nanquantile(hops, 0.75)))
    print(f"\n{len(prompts)} climbs at the test climbs' angles and grades; ± standard error")
    heads = ("bits per hold", "sensible", "diversity", f"within {reach:.0f} in")
    print(f"{'constraint':34}" + "".join(f"{head:>18}" for head in heads))
    laid_down = _constraints(board, climbs) | {
        f'reach {reach:.0f}" (3 in 4 climbs)': Constraints(reach=reach)
    }
    for name, laid in laid_down.items():
        try:
            drawn = generator.sample(prompts, seed=seed, constraints=laid)
        except InputError as error:
            print(f"{name:34}  {error}")
            continue
        found = likelihood(generator, drawn, orders=4, seed=seed)
        bits = bits_of_all(found.nats, found.items).shown
        within = (geometry(board, drawn).largest_hop <= reach).astype(float)
        to_others = mean_to_others(item_matrix(board, drawn))
        diversity = f"{to_others.mean():.3f} ± {2 * to_others.std(ddof=1) / len(drawn) ** 0.5:.3f}"
        print(f"{name:34}{bits:>18}{_shown(rules.sensible(drawn)):>18}{diversity:>18}{_shown(within):>18}")


def _constraints(board: Board, climbs: Climbs) -> dict[str, Constraints | None]:
    """One of each kind, made for the board at hand."""
    left, right, bottom, top = board.extent
    uses = np.bincount(climbs.placement, minlength=len(board))
    often = np.argsort(-uses, kind="stable")[: len(board) // 10].tolist()
    fewest, most = np.quantile(climbs.sizes, (0.4, 0.6)).astype(int).tolist()
    found: dict[str, Constraints | None] = {
        "none": None,
        "the tenth used most forbidden": Constraints(tuple((p, OPEN) for p in often)),
        "left half of the board": Constraints(region=(left, bottom, (left + right) / 2, top)),
        f"{fewest} to {most} holds": Constraints(fewest=fewest, most=most),
    }
    if len(board.hold_set_names) > 1:
        largest = board.hold_set_names[int(np.bincount(board.hold_set).argmax())]
        found[f"hold set {largest} alone"] = Constraints(hold_sets=(largest,))
    if Role.FOOT in board.role_ids:
        found |= {f"feet {feet}": Constraints(feet=feet) for feet in ("marked", "none")}
    return found


def _can(board: Board, climb: Climb, steps: int) -> bool:
    try:
        grade_steps(board, climb.grade, steps)
    except InputError:
        return False
    return True


def _shown(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
