"""Reports of terminals as arrays, and the names that numbers in them stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]
Words = NDArray[np.uint64]

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Reports:
    """Axes (report,). NaN, 0 of a session or cell, and −1 are unknown.

    `permitted` and `territory` are answers of policy and places for the whole circle of uncertainty: −1 where the
    circle touches both sides of a border. `home` and `territory` share their codes.
    """

    at_s: Floats  # UTC, since the Unix epoch
    terminal: Numbers
    account: Numbers
    class_: Numbers
    home: Numbers
    registered: Numbers  # 1, 0, −1
    latitude_deg: Floats
    longitude_deg: Floats
    uncertainty_m: Floats
    by_gnss: Numbers  # 1: the terminal's own receiver says so; 0: an address, the network; −1
    speed_kmh: Floats
    session: Words
    cell: Words  # H3, of the beam that serves, as the network knows it
    permitted: Numbers  # 1, 0, −1
    territory: Numbers
    quota: Numbers  # terminals that the account may run

    def __len__(self) -> int:
        return len(self.at_s)

    def of(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Reports:
        """Some of the reports."""
        return replace(self, **{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    @staticmethod
    def joined(several: Iterable[Reports]) -> Reports:
        """All reports of several, one after the other."""
        parts = list(several)
        columns = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Reports)}
        return Reports(**columns)

    def in_order(self) -> Reports:
        """By terminal, then time; ties by what they say, so that no order of arrival matters."""
        ties = (self.cell, self.longitude_deg, self.latitude_deg, self.session)
        return self.of(np.lexsort((*ties, self.at_s, self.terminal)))


class Names:
    """Names as numbers from 0 on, in the order in which they are first met."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.words: list[str] = []

    def __len__(self) -> int:
        return len(self.words)

    def number(self, word: str | None) -> int:
        """The number of a name, new or known; −1 for none."""
        if word is None:
            return UNKNOWN
        found = self.known.setdefault(word, len(self.words))
        if found == len(self.words):
            self.words.append(word)
        return found

    def word(self, number: int) -> str | None:
        return None if number < 0 else self.words[number]


@dataclass(frozen=True, eq=False)
class Registers:
    """The names of one stream of reports."""

    terminals: Names
    accounts: Names
    classes: Names
    territories: Names

    @staticmethod
    def empty() -> Registers:
        return Registers(Names(), Names(), Names(), Names())
