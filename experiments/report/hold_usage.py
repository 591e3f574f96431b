"""How often each hold is used, real and by each model, and the differences: all on one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.report.content import Report, usage

_ROOM = 1.5  # how far beyond real climbs' most used hold the scale reaches


@dataclass(frozen=True, eq=False)
class Used:
    """shares: (V,) of climbs that use each placement; difference: minus the real shares, None of real."""

    label: str
    shares: np.ndarray
    difference: np.ndarray | None

    @property
    def most(self) -> float:
        return float(self.shares.max(initial=0))

    @property
    def widest(self) -> float:
        return 0.0 if self.difference is None else float(np.abs(self.difference).max(initial=0))


@dataclass(frozen=True)
class HoldUsage:
    """full: the share at which a mark has its full size, so that one collapsed model does not shrink all."""

    full: float
    sources: list[Used]


def hold_usage(report: Report) -> HoldUsage | None:
    """Real climbs first; None where no model has samples."""
    real = usage(report.board, report.real)
    models = [(m.label, usage(report.board, m.samples)) for m in report.models if m.samples is not None]
    if not models:
        return None
    found = [Used("real", real, None), *(Used(label, u, u - real) for label, u in models)]
    most = max(one.most for one in found)
    return HoldUsage(min(most, _ROOM * found[0].most) or most, found)
