"""A study's dataset as arrays: for each rule set and class of terminals, every figure over (run, territory).

The figures of a run as a whole are means over its territories: shares by people (by area where nobody lives), round
trips and rates by the people who are served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo.study import dataset

Floats = NDArray[np.float64]
BECAUSE = ("not_permitted", "no_satellite", "no_gateway", "no_capacity")
SHARES = ("can_serve", "may_serve", "served", *BECAUSE)
FIGURES = (*SHARES, "rtt_ms_p50", "rtt_ms_p95", "down_mbps_p50", "up_mbps_p50")


@dataclass(frozen=True, eq=False)
class Side:
    """One rule set and class. Axes: factors (run,); figures, people and area_km2 (run, territory), NaN for null."""

    under: str
    class_: str
    territories: tuple[str, ...]
    factors: Mapping[str, NDArray[Any]]
    figures: Mapping[str, Floats]
    people: Floats
    area_km2: Floats

    @property
    def runs(self) -> int:
        """How many runs."""
        return len(self.people)

    def whole(self, figure: str) -> Floats:
        """A figure of each run over all its territories, axis (run,); NaN where no territory has it."""
        weight = np.nan_to_num(self.people)
        weight = np.where(weight.sum(axis=1, keepdims=True) > 0.0, weight, np.nan_to_num(self.area_km2))
        if figure not in SHARES:
            weight = weight * np.nan_to_num(self.figures["served"])
        values = self.figures[figure]
        weight = np.where(np.isnan(values), 0.0, weight)
        total = weight.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean: Floats = (weight * np.nan_to_num(values)).sum(axis=1) / total
        return mean


def sides_of(table: pa.Table) -> tuple[Side, ...]:
    """The rule sets and classes of a dataset, in the order in which it has them."""
    names = ("run", "territory", "under", "class", "population", "area_km2", *FIGURES, *dataset.factors_of(table))
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in names}
    keys = list(zip(columns["under"], columns["class"], strict=True))
    return tuple(
        _side(columns, np.array([one == key for one in keys]), dataset.factors_of(table), *key)
        for key in dict.fromkeys(keys)
    )


def _side(
    columns: Mapping[str, NDArray[Any]], own: NDArray[np.bool_], factors: list[str], under: str, class_: str
) -> Side:
    _, first, run = np.unique(columns["run"][own], return_index=True, return_inverse=True)
    territories = tuple(dict.fromkeys(columns["territory"][own]))
    number = {territory: place for place, territory in enumerate(territories)}
    territory = np.array([number[one] for one in columns["territory"][own]], np.intp)

    def laid_out(name: str) -> Floats:
        out = np.full((len(first), len(territories)), np.nan)
        out[run, territory] = columns[name][own].astype(np.float64)
        return out

    return Side(
        under,
        class_,
        territories,
        {name: columns[name][own][first] for name in factors},
        {name: laid_out(name) for name in FIGURES},
        laid_out("population"),
        laid_out("area_km2"),
    )
