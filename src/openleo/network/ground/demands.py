"""Reading demands: a CSV of from, to and mbps, a row the traffic from a place to another.

`parse` takes the file apart; whoever knows the places says which place each name means; `check` gives the demands, or
every fault of numbers and names at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openleo.errors import InputError, Problem
from openleo.reading import csv_rows

COLUMNS = ("from", "to", "mbps")
LEAST_MBPS, MOST_MBPS = 1e-6, 1e12  # one bit a second, below which tables say 0; an exabit, beyond any network


@dataclass(frozen=True)
class Row:
    """A row as the file has it."""

    line: int
    start: str
    end: str
    mbps: str


@dataclass(frozen=True)
class Demand:
    """A demand between places, each by one name however the file spells it."""

    start: str
    end: str
    mbps: float


def parse(path: Path, option: str) -> tuple[Row, ...]:
    """The rows of a file. Raises InputError if it is no table of demands."""
    file = str(path)
    rows = csv_rows(path, option, COLUMNS, f"Demands need {', '.join(COLUMNS)}.")
    if not rows:
        raise InputError(Problem(file, "", "holds no demand."))
    return tuple(Row(line, *(str(row[column] or "").strip() for column in COLUMNS)) for line, row in rows)


def check(
    rows: Sequence[Row], file: str, place: Mapping[str, str], way_out: Callable[[str], str]
) -> tuple[Demand, ...]:
    """The demands. Raises InputError with every fault.

    `place`: what the place is called that each spelling means, without those that mean none; way_out: what to say of
    the latter.
    """
    problems: list[Problem] = []
    first: dict[tuple[str, str], Row] = {}
    found: list[Demand] = []
    unknown: set[str] = set()
    for row in rows:
        mbps = _number(row.mbps)
        rules = []
        if not LEAST_MBPS <= mbps <= MOST_MBPS:
            rule = f"has mbps {row.mbps!r}; it is a number from {LEAST_MBPS:g} to {MOST_MBPS:g}."
            rules.append((rule, "Leave out pairs without traffic."))
        if not (row.start and row.end):
            rules.append(("lacks a place.", ""))
        for name in dict.fromkeys((row.start, row.end)):
            if name and name not in place and name not in unknown:
                unknown.add(name)
                rules.append((f'there is no place "{name}".', way_out(name)))
        if row.start and row.end:
            start, end = place.get(row.start, row.start), place.get(row.end, row.end)
            if start == end:
                both = f'"{row.start}" is both ends.'
                if row.start != row.end:
                    both = f'"{row.start}" and "{row.end}" are one place.'
                rules.append((both, "A demand has two places."))
            elif (start, end) in first:
                rules.append((_twice(row, first[start, end]), "Add them up."))
            first.setdefault((start, end), row)
            found.append(Demand(start, end, mbps))
        problems += [Problem(file, f"line {row.line}", rule, out) for rule, out in rules]
    if problems:
        raise InputError(problems)
    return tuple(found)


def _number(words: str) -> float:
    try:
        return float(words)
    except ValueError:
        return np.nan


def _twice(row: Row, first: Row) -> str:
    said = f'"{row.start}" to "{row.end}" is there twice'
    if (row.start, row.end) == (first.start, first.end):
        return f"{said}."
    return f'{said}: line {first.line} has "{first.start}" to "{first.end}", the same places.'
