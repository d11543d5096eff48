"""Terminals in bulk: what is known of each, in columns.

Takes a Parquet or CSV table; gives Terminals, which `bulk` decides. A column that is not there, and a null or empty
field, is unknown, exactly as a key that a request leaves out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo.policy.conditions import NUMBERS
from openleo.policy.request import Request
from openleo.policy.terminal_columns import Coded, read_columns

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Terminals:
    """Axes (terminal,). NaN, a code of −1 and a null are unknown. Numbers carry their units."""

    id: pa.StringArray
    account: pa.StringArray
    subscription: pa.StringArray
    class_: Coded[str]
    groups: Coded[frozenset[str]]
    source: Coded[str]  # of the position
    home_territory: Coded[str]
    latitude_deg: Floats
    longitude_deg: Floats
    uncertainty_m: Floats  # radius that holds the terminal with 95 %
    age_s: Floats  # of the position, at the instant that is decided for
    speed_kmh: Floats
    altitude_m: Floats
    days_abroad: Floats

    def __len__(self) -> int:
        return len(self.id)

    def request(self, row: int, at: datetime | None) -> Request:
        """What is known of one terminal, as `decide` asks for it."""
        return Request(
            at=at,
            terminal=self.id[row].as_py(),
            account=self.account[row].as_py(),
            subscription=self.subscription[row].as_py(),
            **self.inputs(row),
        )

    def inputs(self, row: int) -> dict[str, Any]:
        """What rules may ask of one terminal, by the attributes of a Request."""
        known: dict[str, Any] = {name: getattr(self, name).of(row) for name in CODED}
        for name in NUMBERED:
            value = float(getattr(self, name)[row])
            known[name] = None if value != value else value
        return known


ASKED_NUMBERS = tuple(dict.fromkeys(input_.attribute for input_ in NUMBERS.values()))
CODED = ("class_", "groups", "source", "home_territory")
NUMBERED = (
    "latitude_deg", "longitude_deg", "uncertainty_m", "age_s", "speed_kmh", "altitude_m", "days_abroad",
)  # fmt: skip


def read_terminals(path: Path, classes: Collection[str] | None = None) -> Terminals:
    """The terminals of a table. Raises InputError with every kind of fault, each with its rows.

    `classes` are those that there are; None: not known, so none is refused. `terminal_columns.COLUMNS` says what a
    table may hold.
    """
    return Terminals(**read_columns(path, classes))
