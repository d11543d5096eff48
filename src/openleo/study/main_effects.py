"""What moves a figure: the mean of it at each level of a factor, over all runs that have the level.

In a grid each level meets all levels of the other factors equally often, and the difference of two means is the
factor's main effect. In a sample it is so nearly; in a list, factors that move together cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_LEVELS = 12  # numbers with more values are put into fifths
FIFTHS = (0.2, 0.4, 0.6, 0.8)
OF_TEN, NINE = 0.05, 0.95
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of a factor: what each is called, and which one each run has, axis (run,)."""

    labels: tuple[str, ...]
    of_run: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MainEffect:
    """The mean of a figure at each level of a factor, axis (level,); NaN where no run of the level has the figure."""

    factor: str
    labels: tuple[str, ...]
    mean: Floats

    @property
    def span(self) -> float:
        """From the least mean to the greatest; 0 where there is none."""
        return float(np.nanmax(self.mean) - np.nanmin(self.mean)) if self.there else 0.0

    @property
    def moves(self) -> bool:
        """Whether the means differ by more than rounding."""
        return self.span > ROUNDING * max(1.0, float(np.nanmax(np.abs(self.mean))))

    @property
    def there(self) -> bool:
        """Whether any level has a mean."""
        return not bool(np.isnan(self.mean).all())

    @property
    def least(self) -> int:
        """The level of the least mean."""
        return int(np.nanargmin(self.mean))

    @property
    def greatest(self) -> int:
        """The level of the greatest mean."""
        return int(np.nanargmax(self.mean))


@dataclass(frozen=True)
class Chance:
    """How far runs lie from the mean of all that differ from them by seeds alone: of ten of them nine are between."""

    low: float
    high: float


def levels_of(values: NDArray[Any]) -> Levels:
    """The levels of a factor from its value in each run: as they are, or fifths where numbers are many.

    >>> levels_of(np.array([40.0, 25.0, 40.0])).labels
    ('25', '40')
    >>> levels_of(np.arange(100.0)).labels
    ('0 to 19', '20 to 39', '40 to 59', '60 to 79', '80 to 99')
    """
    numbers = values.dtype.kind in "iuf"
    distinct = sorted(set(values.tolist())) if numbers else list(dict.fromkeys(values.tolist()))
    if not numbers or len(distinct) <= MOST_LEVELS:
        place = {value: number for number, value in enumerate(distinct)}
        return Levels(tuple(map(_label, distinct)), np.array([place[one] for one in values.tolist()], np.intp))
    fifth = np.searchsorted(np.quantile(values, FIFTHS), values, side="right")
    there, of_run = np.unique(fifth, return_inverse=True)
    ends = [(values[fifth == one].min(), values[fifth == one].max()) for one in there]
    return Levels(tuple(f"{_label(low)} to {_label(high)}" for low, high in ends), of_run.astype(np.intp))


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main_effect(factor: str, levels: Levels, figure: Floats) -> MainEffect:
    """Of one factor on a figure, axis (run,)."""
    there = ~np.isnan(figure)
    sums = np.bincount(levels.of_run[there], figure[there], len(levels.labels))
    counts = np.bincount(levels.of_run[there], minlength=len(levels.labels))
    mean = np.divide(sums, counts, out=np.full(len(levels.labels), np.nan), where=counts > 0)
    return MainEffect(factor, levels.labels, mean)


def ranked(factors: Mapping[str, NDArray[Any]], figure: Floats) -> list[MainEffect]:
    """The main effects of factors with two levels and more, the widest first; equal ones as the study names them."""
    levels = {name: levels_of(values) for name, values in factors.items()}
    made = [main_effect(name, one, figure) for name, one in levels.items() if len(one.labels) > 1]
    return sorted((one for one in made if one.there), key=lambda one: -one.span)


def chance(others: Sequence[NDArray[Any]], figure: Floats) -> Chance | None:
    """What seeds alone do to a figure, axis (run,). `others`: all factors that are no seeds.

    Runs that are alike in these are compared with each other, as estimates of variance are, by √(n / (n − 1)) for n of
    them; None where no two are alike.
    """
    alike = list(zip(*(values.tolist() for values in others), strict=True)) if others else [()] * len(figure)
    number = {key: place for place, key in enumerate(dict.fromkeys(alike))}
    group = np.array([number[key] for key in alike], np.intp)
    there = ~np.isnan(figure)
    group, own = group[there], figure[there]
    counts = np.bincount(group, minlength=len(number))
    means = np.divide(np.bincount(group, own, len(number)), counts, out=np.zeros(len(number)), where=counts > 0)
    several = counts[group] > 1
    if not several.any():
        return None
    few = np.sqrt(counts / np.maximum(counts - 1, 1))  # runs lie nearer to their own mean than to the true one
    low, high = np.quantile(((own - means[group]) * few[group])[several], (OF_TEN, NINE)).tolist()
    mean = own.mean()  # no run is beyond the least and the greatest of all
    return Chance(max(low, float(own.min() - mean)), min(high, float(own.max() - mean)))
