"""Which runs a study has: factors, each with its levels, and how levels meet.

Pure: takes factors, gives runs by number. A run is made when it is asked for, so a study of a million holds no million.

>>> seeds = Factor("seed", Counted("failures.random.seed", 3))
>>> masks = Factor("mask", (Level(25, (("links.user_elevation_deg", 25),)), Level(40, ())))
>>> plan = Plan((seeds, masks))
>>> len(plan), plan.run(0).values, plan.run(1).values, plan.run(5).values
(6, {'seed': 1, 'mask': 25}, {'seed': 1, 'mask': 40}, {'seed': 3, 'mask': 40})
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Override = tuple[str, Any]  # a key of the scenario in full, and what it holds
Value = str | int | float | bool  # as a dataset has it


@dataclass(frozen=True)
class Level:
    """One value of a factor: how it is called in the dataset, and the keys that it sets."""

    value: Value
    overrides: tuple[Override, ...]


@dataclass(frozen=True)
class Counted:
    """Whole numbers one after the other, for one key."""

    key: str
    count: int
    first: int = 1

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Level:
        return Level(self.first + number, ((self.key, self.first + number),))


@dataclass(frozen=True)
class Between:
    """Any value between two bounds, for one key; whole numbers where `whole`, both bounds included."""

    key: str
    least: float
    greatest: float
    whole: bool

    def at(self, share: float) -> Level:
        """The value so far from the least to the greatest.

        >>> Between("links.user_elevation_deg", 20, 22, whole=True).at(0.99).value
        22
        """
        value: Value
        if self.whole:
            value = min(int(self.least + share * (self.greatest - self.least + 1)), int(self.greatest))
        else:
            value = self.least + share * (self.greatest - self.least)
        return Level(value, ((self.key, value),))


@dataclass(frozen=True)
class Factor:
    """Something that differs from run to run."""

    name: str
    levels: tuple[Level, ...] | Counted | Between

    def __len__(self) -> int:
        """How many levels; 0 where they are without number."""
        return 0 if isinstance(self.levels, Between) else len(self.levels)

    def drawn(self, share: float) -> Level:
        """The level at a share of all of them."""
        if isinstance(self.levels, Between):
            return self.levels.at(share)
        return self.levels[min(int(share * len(self.levels)), len(self.levels) - 1)]

    def told_apart_by(self) -> Sequence[Level]:
        """The levels to look at when a study is checked: all that are written, and the ends of those that are not."""
        match self.levels:
            case Between():
                return self.levels.at(0.0), self.levels.at(1.0)
            case Counted():
                return self.levels[0], self.levels[len(self.levels) - 1]
            case _:
                return self.levels


@dataclass(frozen=True)
class Run:
    """One run of a study: its number, its value of every factor, the keys that it sets."""

    number: int
    values: Mapping[str, Value]
    overrides: tuple[Override, ...]


@dataclass(frozen=True)
class Plan:
    """The runs of a study. `runs`, `seed` and `method` are a sample's."""

    factors: tuple[Factor, ...]
    kind: Literal["grid", "list", "sample"] = "grid"
    runs: int = 0
    seed: int = 0
    method: Literal["latin", "random"] = "latin"

    def __len__(self) -> int:
        """How many runs."""
        if self.kind == "grid":
            return prod(len(factor) for factor in self.factors)
        return self.runs if self.kind == "sample" else max(len(factor) for factor in self.factors)

    def __iter__(self) -> Iterator[Run]:
        return (self.run(number) for number in range(len(self)))

    def run(self, number: int) -> Run:
        """The run of that number, from 0."""
        levels = self._levels(number)
        return Run(
            number,
            {factor.name: level.value for factor, level in zip(self.factors, levels, strict=True)},
            tuple(override for level in levels for override in level.overrides),
        )

    def _levels(self, number: int) -> list[Level]:
        if self.kind == "sample":
            return [one.drawn(float(share)) for one, share in zip(self.factors, self._shares[number], strict=True)]
        found = []
        for factor in reversed(self.factors):
            assert not isinstance(factor.levels, Between)  # held by whoever reads the file
            size = len(factor)
            own = number % size  # of a list: a factor with one value has it in every run
            found.append(factor.levels[own])
            number = number // size if self.kind == "grid" else number
        return found[::-1]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Axes (run, factor)."""
        return np.column_stack([shares(self.seed, one.name, self.runs, self.method) for one in self.factors])


def shares(seed: int, name: str, runs: int, method: Literal["latin", "random"]) -> NDArray[np.float64]:
    """Where one factor's values lie in each run of a sample, in [0, 1): axis (run,).

    A factor is drawn from a stream of its own, so that one more factor moves no other. Latin: each of `runs` equal
    pieces has one (McKay, Beckman and Conover 1979).
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    within = random.random(runs)
    return within if method == "random" else (random.permutation(runs) + within) / runs
