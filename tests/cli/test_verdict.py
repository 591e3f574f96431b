"""The sentences under a table of metrics say what is in it, and nothing where it has nothing."""

from __future__ import annotations

import pandas as pd

from setgen.cli.verdict import verdict


def table(**values: tuple[float, float]) -> pd.DataFrame:
    rows = {
        name.replace("_", " "): {"value": value, "floor": floor, "apart": abs(value - floor) > 0.05}
        for name, (value, floor) in values.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").assign(direction="=", unit="share")


def test_how_far_from_real_is_said_in_words() -> None:
    rows = table(legal=(1.0, 1.0), sensible=(0.9, 0.96), novel=(0.97, 1.0), grade_error_ratio=(1.3, 1.0))
    rows.loc["two-sample AUC (trees)"] = {
        "value": 0.62,
        "floor": 0.5,
        "apart": True,
        "direction": "↓",
        "unit": "AUC",
    }
    rows.loc["two-sample AUC (Deep Sets)"] = {
        "value": 0.7,
        "floor": 0.5,
        "apart": True,
        "direction": "↓",
        "unit": "AUC",
    }
    lines = verdict(rows, "climbs")
    assert lines[0].startswith("They can often be told from real climbs")
    assert "70%" in lines[0]
    assert lines[1] == "90.0% are sensible, of real climbs 96.0%."
    assert "1.30 times" in lines[2]
    assert "97.0% are in no training climb" in lines[3]
    assert lines[4].startswith("Furthest from real climbs: grade error ratio (1.3, real 1); sensible")
    for auc, words in ((0.51, "cannot be told from"), (0.97, "are easily told from")):
        rows.loc[rows.unit == "AUC", "value"] = auc
        assert words in verdict(rows, "climbs")[0]


def test_what_is_better_than_real_is_not_furthest_from_it() -> None:
    rows = table(W1=(0.2, 0.5), coverage=(0.9, 0.5), size=(0.3, 0.2)).assign(direction=["↓", "↑", "↓"])
    assert verdict(rows, "climbs") == ["Furthest from real climbs: size (0.3, real 0.2)."]


def test_illegal_sets_are_said_and_nothing_is_said_of_what_is_not_there() -> None:
    assert verdict(table(legal=(1.0, 1.0)), "climbs") == []
    [line] = verdict(table(legal=(0.8, 1.0)), "sets")
    assert line == "80.0% of them are legal sets."
    assert verdict(table(unique=(0.5, 0.5)), "sets") == []
