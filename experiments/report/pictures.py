"""The report's pictures, by section: made once, for the page and for a tracker. Climbs are drawn on boards only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.charts import draw_curves, draw_grades, draw_histograms, literal
from experiments.report.content import Report
from setgen.climbing.board import Board
from setgen.climbing.climbs import Climb, Climbs
from setgen.climbing.draw import draw_climbs
from setgen.climbing.geometry import geometry
from setgen.climbing.grades import UNKNOWN, grade_name
from setgen.climbing.heatmaps import draw_heatmaps
from setgen.climbing.metrics.shape import climbs_of
from setgen.metrics.context import Context
from setgen.metrics.features import elements
from setgen.metrics.jaccard import nearest

_MOST = 2000
"""Sets of each source at most that are looked at."""

Section = dict[str, Figure]


def sections(report: Report) -> dict[str, tuple[str, Section]]:
    """Heading → (what is to be seen, name → figure), without sections that have none."""
    samples = {label: c.fewer(_MOST) for label, c in report.samples.items()}
    curves = {
        label: [one.facts.curve for one in runs if one.facts.curve] for label, runs in report.runs.items()
    }
    curves = {label: lines for label, lines in curves.items() if lines}
    words = report.reference.words
    found: dict[str, tuple[str, Section | None]] = {
        "Training": (
            f"{report.primary.capitalize()} of the validation {words['sets']}, a line a seed.",
            {"curves": draw_curves(curves, words["item"])} if curves else None,
        ),
        "Sizes": (
            f"The line is the model's {words['sets']}, the grey area the real test {words['sets']}.",
            {words["items"]: _histogram({k: c.raw.sizes for k, c in samples.items()}, words["items"])},
        ),
    }
    if isinstance(report.reference.space, Board):
        found |= _of_climbs(report, report.reference.space, samples)
    return {heading: (said, drawn) for heading, (said, drawn) in found.items() if drawn}


def _histogram(values: dict[str, np.ndarray], title: str) -> Figure:
    known = {label: v[np.isfinite(v)] for label, v in values.items()}
    return draw_histograms({label: v for label, v in known.items() if len(v) or label == "real"}, title)


def _of_climbs(
    report: Report, board: Board, samples: dict[str, Context]
) -> dict[str, tuple[str, Section | None]]:
    hops = {label: geometry(board, climbs_of(c)).largest_hop for label, c in samples.items()}
    grades = draw_grades(samples)
    shares = {label: usage(board, c.raw) for label, c in samples.items()}
    apart = {label: own - shares["real"] for label, own in shares.items() if label != "real"}
    return {
        "Largest hops": (
            "On the best path from start to finish over hand holds, in inches.",
            {"largest hop": _histogram(hops, "inches")} if np.isfinite(hops["real"]).any() else None,
        ),
        "Grades": (
            "The median of what the grader reads at each grade asked for, and the band that holds 80 % of the "
            "climbs. Real climbs show how near to the dashed line the grader itself gets.",
            {"grades": grades} if grades else None,
        ),
        "Hold usage": (
            "Share of the climbs that use each hold, and the model's share minus the real one.",
            {
                "usage": draw_heatmaps(board, _titled(shares), width=2.4),
                "usage minus real": draw_heatmaps(board, _titled(apart), signed=True, width=2.4),
            },
        ),
        "Climbs": (
            "Of each source the first climb at that angle and grade, taken by rule: none was picked by eye.",
            {title: gallery(board, climbs) for title, climbs in shelves(report).items()},
        ),
        "Nearest, farthest, and what may be copied": (
            "Jaccard's distance: 0 is the same climb, 1 has no hold in common. A generated climb at 0 from a "
            "training climb is a copy.",
            {
                label: _near_far(report, board, c)
                for label, c in samples.items()
                if label != "real" and len(c)
            },
        ),
        "Completions": (
            "Half of a real climb's holds, chosen by lot, is given; every model completes it.",
            _completions(report, board) if report.prompts else None,
        ),
    }


def _titled(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{literal(k)}, most {100 * np.abs(v).max(initial=0):.1f} %": v for k, v in maps.items()}


def usage(board: Board, climbs: Climbs) -> np.ndarray:
    """(V,) share of the climbs that use each placement, whatever its role."""
    known = (climbs.item >= 0) & (climbs.item < len(board))
    pairs = np.unique(np.stack([climbs.owner[known], climbs.item[known]]), axis=1)
    return np.bincount(pairs[1], minlength=len(board)) / max(1, len(climbs))


def gallery(board: Board, climbs: Sequence[tuple[str, Climb | None]], columns: int = 7) -> Figure:
    """Titled climbs. Holds that are not on the board, or play no role of it, are left out."""
    there = [(title, climb) for title, climb in climbs if climb is not None]
    known = [
        climb._replace(
            holds=tuple((p, r) for p, r in climb.holds if 0 <= p < len(board) and r in board.role_ids)
        )
        for _, climb in there
    ]
    titles = [literal(title) for title, _ in there]
    return draw_climbs(board, Climbs.from_list(known), columns, titles, width=2.0)


def condition_title(angle: int, grade: int) -> str:
    """`40° · 7a/V6`, with words where one is not given."""
    told = f"{angle}°" if angle != UNKNOWN else "any angle"
    return f"{told} · {grade_name(grade) if grade != UNKNOWN else 'any grade'}"


def shelves(report: Report, most: int = 4) -> dict[str, list[tuple[str, Climb | None]]]:
    """Angle and grade → of each source the first climb there: so many conditions, spread over the grades.

    Conditions are those of real climbs at which every model drew one too; where there is none, any did.
    """
    sources = {label: c.raw for label, c in report.samples.items()}
    at = {label: list(zip(c.angle.tolist(), c.grade.tolist(), strict=True)) for label, c in sources.items()}
    real, *others = map(set, at.values())
    shared = real.intersection(*others) or (real & set().union(*others))
    if not shared:
        return {}
    ordered = sorted(shared, key=lambda c: (c[1], c[0]))
    chosen = np.unique(np.linspace(0, len(ordered) - 1, most).round().astype(int))
    found = {}
    for angle, grade in (ordered[i] for i in chosen):
        first = {
            label: conditions.index((angle, grade))
            for label, conditions in at.items()
            if (angle, grade) in conditions
        }
        row = [(label, c.climb(first[label]) if label in first else None) for label, c in sources.items()]
        found[condition_title(angle, grade)] = row
    return found


def _near_far(report: Report, board: Board, c: Context, each: int = 2) -> Figure:
    """The climbs nearest to test climbs and farthest from them; two beside their nearest training climb: the one
    nearest to any, and the first of the others."""
    own = climbs_of(c)
    to_test, _ = nearest(elements(c), elements(report.reference.test))
    to_train, which = nearest(elements(c), elements(report.reference.train))
    order = np.argsort(to_test, kind="stable")
    shown = [(f"nearest to test: {to_test[i]:.2f}", own.climb(int(i))) for i in order[:each]]
    shown += [(f"farthest from test: {to_test[i]:.2f}", own.climb(int(i))) for i in order[::-1][:each]]
    closest = int(np.argmin(to_train))
    train = climbs_of(report.reference.train)
    for i in [closest, *(j for j in range(len(own)) if j != closest)][:each]:
        how = "nearest of all" if i == closest else "not chosen"
        shown += [
            (f"generated, {how}", own.climb(i)),
            (f"training climb: {to_train[i]:.2f}", train.climb(int(which[i]))),
        ]
    return gallery(board, shown, columns=8)


def _completions(report: Report, board: Board) -> Section:
    assert report.prompts is not None
    given, whole, found = *report.prompts, {}
    for i in range(len(given)):
        shown = [("the real climb", whole.climb(i)), ("the prompt", given.climb(i))]
        done = {label: runs[0].completions for label, runs in report.runs.items() if runs[0].completions}
        shown += [(label, climbs[i].climb(0)) for label, climbs in done.items()]
        title = condition_title(int(whole.angle[i]), int(whole.grade[i]))
        found[f"Prompt {i + 1}: {title}"] = gallery(board, shown, columns=8)
    return found
