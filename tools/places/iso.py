"""ISO 3166-1: the 249 officially assigned codes, and XKX (Kosovo) which ISO leaves to its users."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One row of `iso3166.csv`."""

    alpha3: str
    alpha2: str
    numeric: str  # three digits; empty for XKX
    name: str  # a short English name of ours, not ISO's


def entries() -> list[Entry]:
    with Path(__file__).with_name("iso3166.csv").open(newline="", encoding="utf-8") as file:
        return [Entry(**row) for row in csv.DictReader(file)]


def by_numeric() -> dict[str, str]:
    return {entry.numeric: entry.alpha3 for entry in entries() if entry.numeric}
