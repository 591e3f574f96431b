"""What a table of metrics comes to, in a few sentences: how far what was made is from real sets, and in what."""

from __future__ import annotations

import pandas as pd

_TOLD = "two-sample AUC"
_UNITS = ("share", "holds", "inches", "items")
_WORDS = (
    (0.55, "cannot be told from"),
    (0.65, "can now and then be told from"),
    (0.8, "can often be told from"),
)


def verdict(rows: pd.DataFrame, sets: str) -> list[str]:
    """Sentences, the most telling first; none where the table has nothing of it.

    rows: `Evaluation.table()`. sets: the word for what was judged, such as `climbs`.
    """
    found = [
        _told(rows, sets),
        _share(rows, "legal", f"{{value}} of them are legal {sets}.", always=False),
        _share(rows, "sensible", f"{{value}} are sensible, of real {sets} {{floor}}."),
        _grades(rows, sets),
        _share(
            rows, "novel", f"{{value}} are in no training {sets[:-1]}: the rest are copies.", always=False
        ),
        _furthest(rows, sets),
    ]
    return [line for line in found if line]


def _told(rows: pd.DataFrame, sets: str) -> str:
    judged = rows[rows.index.str.startswith(_TOLD)].dropna(subset=["value"])
    if judged.empty:
        return ""
    most = float(judged.value.max())
    words = next((words for bound, words in _WORDS if most < bound), "are easily told from")
    return (
        f"They {words} real {sets}: of one each, a classifier picks the made one in {most:.0%} of pairs "
        "(50 %: by luck)."
    )


def _share(rows: pd.DataFrame, name: str, words: str, always: bool = True) -> str:
    """A share in words; without `always`, only where it is not whole."""
    if name not in rows.index or pd.isna(rows.value[name]) or (not always and rows.value[name] == 1):
        return ""
    value, floor = float(rows.value[name]), float(rows.floor[name])
    return words.format(value=f"{value:.1%}", floor="unknown" if pd.isna(floor) else f"{floor:.1%}")


def _grades(rows: pd.DataFrame, sets: str) -> str:
    name = "grade error ratio"
    if name not in rows.index or pd.isna(rows.value[name]):
        return ""
    ratio = float(rows.value[name])
    if ratio <= 1.1:
        return f"Their grades are as near those asked for as the grader finds real {sets} to be."
    return f"Their grades are {ratio:.2f} times as far from those asked for as the grader finds real {sets} to be."


def _furthest(rows: pd.DataFrame, sets: str) -> str:
    """The metrics in which value and floor differ most by their ratio, of those whose intervals do not meet and whose
    units can be pictured."""
    better = ((rows.direction == "↓") & (rows.value < rows.floor)) | (
        (rows.direction == "↑") & (rows.value > rows.floor)
    )
    told = rows.apart & ~better & (rows.direction != "") & rows.unit.isin(_UNITS)
    apart = rows[told & ~rows.index.str.contains("legal")]
    size = (apart.value - apart.floor).abs() / apart[["value", "floor"]].abs().max(axis=1)
    names = [
        f"{name} ({apart.value[name]:.3g}, real {apart.floor[name]:.3g})"
        for name in size.sort_values(ascending=False, kind="stable").index[:3]
    ]
    return f"Furthest from real {sets}: {'; '.join(names)}." if names else ""
