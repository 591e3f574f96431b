"""Scaling laws: bits per hold = floor + scale · (climbs / 1000)^(−power), with intervals by bootstrap.

The form is that of Kaplan et al. 2020 and Hoffmann et al. 2022 (for one size of model and one training time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit

FEWEST = 4
"""Numbers of climbs that a law is fitted to: three parameters, and one to say how well they fit."""

_UNIT = 1000.0
_POWERS = (0.05, 3.0)


@dataclass(frozen=True)
class Law:
    """One fitted curve."""

    floor: float
    scale: float
    power: float

    def at(self, climbs: float | np.ndarray) -> np.ndarray:
        """Bits per hold after so many training climbs."""
        return self.floor + self.scale * (np.asarray(climbs, dtype=float) / _UNIT) ** -self.power


@dataclass(frozen=True)
class Fit:
    """A law, and those fitted to data that chance could have given instead.

    noise: standard deviation of one cell about the law, in bits. by: what it was taken from.
    """

    law: Law
    others: tuple[Law, ...]
    noise: float
    by: str

    def interval(self, climbs: float) -> tuple[float, float]:
        """95 % of the curves pass between these bits per hold."""
        at = [float(law.at(climbs)) for law in self.others]
        low, high = np.quantile(at, [0.025, 0.975])
        return float(low), float(high)

    def powers(self) -> tuple[float, float]:
        """95 % of the powers lie between these."""
        low, high = np.quantile([law.power for law in self.others], [0.025, 0.975])
        return float(low), float(high)


def fit_law(climbs: np.ndarray, bits: np.ndarray) -> Law:
    """The law of least squares with 0 ≤ floor, 0 ≤ scale and a power from 0.05 to 3."""

    def curve(n: np.ndarray, floor: float, scale: float, power: float) -> np.ndarray:
        return Law(floor, scale, power).at(n)

    spread = max(float(np.ptp(bits)), 1e-3)
    low, high = (0.0, 0.0, _POWERS[0]), (float(bits.max()), 1e3 * spread, _POWERS[1])
    start = (max(float(bits.min()) - 0.1 * spread, 0.0), spread, 0.5)
    found, _ = curve_fit(curve, climbs, bits, p0=start, bounds=(low, high), max_nfev=10_000)
    return Law(*map(float, found))


def fit(by_climbs: Mapping[int, Sequence[float]], draws: int = 300, seed: int = 0) -> Fit | None:
    """Fit to the mean over seeds at each number of climbs; None under FEWEST of them.

    Bootstrap: the law's own values plus normal noise, fitted again. The noise is that between seeds of one
    cell (pooled) or, with one seed, that of the cells about the law; each draw has another standard deviation
    that this noise, of so few degrees of freedom, may have come from.
    """
    if len(by_climbs) < FEWEST:
        return None
    climbs = np.array(sorted(by_climbs), dtype=float)
    values = [np.array(by_climbs[int(n)]) for n in climbs]
    seeds, bits = np.array([len(v) for v in values]), np.array([v.mean() for v in values])
    law = fit_law(climbs, bits)
    free, by = int((seeds - 1).sum()), "seeds"
    if free:
        squares = sum(((v - v.mean()) ** 2).sum() for v in values)
    else:
        free, by = len(bits) - 3, "cells"
        squares = ((bits - law.at(climbs)) ** 2).sum()
    noise, rng = np.sqrt(squares / free), np.random.default_rng(seed)
    others = []
    for _ in range(draws):
        deviation = np.sqrt(squares / rng.chisquare(free)) / np.sqrt(seeds)
        others.append(fit_law(climbs, law.at(climbs) + rng.standard_normal(len(climbs)) * deviation))
    return Fit(law, tuple(others), float(noise), by)
