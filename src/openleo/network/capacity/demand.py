"""What people ask of the network: Mbit/s of each place and class, at one instant.

Takes people, subscriptions or terminals of places (cells, or parts of cells: axes (place,)), and the instant; gives
Demand. Places are told apart by nothing but their numbers and longitudes. Every figure of use is an assumption of the
caller's, so none has a default but the shape of the day.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem
from openleo.units import SECONDS_PER_DAY

Floats = NDArray[np.float64]

KBPS_PER_MBPS = 1000.0
HOURS = 24
DEG_PER_HOUR = 15.0
# Traffic of residential broadband by local hour, as parts of the busiest hour: least at 4 in the morning, most at 21.
# An assumption: the shape that operators and exchanges publish for evenings at home, drawn by hand to 5 %.
RESIDENTIAL_DAY = (
    0.65, 0.50, 0.40, 0.35, 0.30, 0.32, 0.37, 0.45, 0.52, 0.57, 0.60, 0.62,
    0.65, 0.66, 0.66, 0.68, 0.72, 0.78, 0.85, 0.93, 0.98, 1.00, 0.95, 0.82,
)  # fmt: skip
FLAT_DAY = (1.0,) * HOURS


@dataclass(frozen=True, eq=False)
class Demand:
    """Axes (place, class): mbps_down, mbps_up, weight. priority (class,): the lowest is served first. names (class,).
    terminals (place,), where they are counted.
    """

    names: tuple[str, ...]
    priority: NDArray[np.int32]
    mbps_down: Floats
    mbps_up: Floats
    weight: Floats
    terminals: Floats | None = None


def local_hour(at: datetime, longitude_deg: ArrayLike) -> Floats:
    """Mean solar time at each place, hours of 0 to 24: the clock of a place's sun, not of its time zone.

    >>> local_hour(datetime(2026, 11, 20, 12, tzinfo=UTC), [0.0, 121.5, -120.0]).tolist()
    [12.0, 20.1, 4.0]
    """
    after_midnight_s = (at.astimezone(UTC) - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() % SECONDS_PER_DAY
    hour_utc = after_midnight_s / SECONDS_PER_DAY * HOURS
    return np.asarray((hour_utc + np.asarray(longitude_deg, np.float64) / DEG_PER_HOUR) % HOURS, np.float64)


def part_of_busy_hour(hour: ArrayLike, by_hour: Sequence[float] = RESIDENTIAL_DAY) -> Floats:
    """The part of the busiest hour's traffic at local hours: straight lines between the middles of hours.

    >>> part_of_busy_hour([21.5, 0.0, 24.0], RESIDENTIAL_DAY).round(3).tolist()
    [1.0, 0.735, 0.735]
    """
    shape = np.asarray(by_hour, np.float64)
    if shape.shape != (HOURS,) or not ((shape >= 0.0) & (shape <= 1.0)).all() or shape.max() != 1.0:
        raise ValueError("a day's shape is 24 numbers of 0 to 1, and its busiest hour is 1")
    return np.asarray(np.interp(np.asarray(hour), np.arange(HOURS) + 0.5, shape, period=HOURS), np.float64)


def of_people(
    people: ArrayLike, penetration: ArrayLike, busy_kbps_down: ArrayLike, busy_kbps_up: ArrayLike, part: ArrayLike = 1.0
) -> tuple[Floats, Floats]:  # fmt: skip
    """(down, up) Mbit/s: people × the part that has the service × the mean rate of one in the busiest hour × `part`.

    Ten per cent of people at 300 kbit/s, as I. del Portillo, B. Cameron and E. Crawley (Acta Astronautica 159, 2019):

    >>> down, up = of_people([1e6], 0.1, 300.0, 0.0)
    >>> down.tolist()
    [30000.0]
    """
    users = _amount("people", people) * _within("penetration", penetration, 1.0) * _within("part", part, 1.0)
    down = users * _amount("busy_kbps_down", busy_kbps_down) / KBPS_PER_MBPS
    return down, users * _amount("busy_kbps_up", busy_kbps_up) / KBPS_PER_MBPS


def of_subscriptions(
    subscriptions: ArrayLike, plan_mbps_down: ArrayLike, plan_mbps_up: ArrayLike, oversubscription: ArrayLike,
    part: ArrayLike = 1.0,
) -> tuple[Floats, Floats]:  # fmt: skip
    """(down, up) Mbit/s of subscriptions whose plans are sold `oversubscription` times over (20 for 20:1).

    One beam's 420 Mbit/s up carry 420 places with 20 Mbit/s up at 20:1:

    >>> of_subscriptions([420.0], 100.0, 20.0, 20.0)[1].tolist()
    [420.0]
    """
    over = np.asarray(oversubscription, np.float64)
    if not ((over >= 1.0) & (over < np.inf)).all():
        raise ValueError("oversubscription is at least 1")
    count = _amount("subscriptions", subscriptions) * _within("part", part, 1.0) / over
    return count * _amount("plan_mbps_down", plan_mbps_down), count * _amount("plan_mbps_up", plan_mbps_up)


def of_terminals(place: ArrayLike, places: int, mbps: ArrayLike) -> Floats:
    """Mbit/s of each place, from terminals that stand there: axes (terminal,) of place and mbps."""
    where = np.asarray(place, np.int64)
    if where.size and not (int(where.min()) >= 0 and int(where.max()) < places):
        raise ValueError(f"a terminal's place is 0 to {places - 1}")
    each = np.broadcast_to(_amount("mbps", mbps), where.shape)
    return np.bincount(where, each, minlength=places).astype(np.float64)


def together(
    classes: Mapping[str, tuple[ArrayLike, ArrayLike]],
    priority: Mapping[str, int] | None = None,
    weight: Mapping[str, ArrayLike] | None = None,
    terminals: ArrayLike | None = None,
) -> Demand:
    """The demands of classes by name, each (down, up) axes (place,). Priority 0 unless said, weight what is asked for.

    `emergency` comes first unless it is given another priority.
    """
    ranks = {name: 0 if name == "emergency" else 1 for name in classes} | dict(priority or {})
    if unknown := set(ranks) - set(classes) | set(weight or {}) - set(classes):
        raise ValueError(f"no class is called {', '.join(sorted(unknown))}; there are {', '.join(classes)}")
    amounts = [_amount(name, pair[way]) for way in (0, 1) for name, pair in classes.items()]
    every = np.stack(np.broadcast_arrays(*amounts, np.zeros(1))[:-1], axis=1)
    down, up = every[:, : len(classes)].copy(), every[:, len(classes) :].copy()
    asked = np.maximum(down, up)
    weighs = [
        np.broadcast_to(np.asarray((weight or {}).get(name, asked[:, k]), np.float64), len(asked))
        for k, name in enumerate(classes)
    ]
    count = None if terminals is None else _amount("terminals", terminals)
    order = np.array([ranks[name] for name in classes], np.int32)
    return Demand(tuple(classes), order, down, up, np.stack(weighs, axis=1), count)


def summed(demand: Demand, cell: ArrayLike, cells: int) -> Demand:
    """From parts of cells to cells: cell (place,) numbers into `cells`."""
    where = np.asarray(cell, np.int64)

    def added(amount: Floats) -> Floats:
        total = np.zeros((cells, *amount.shape[1:]))
        np.add.at(total, where, amount)
        return total

    count = None if demand.terminals is None else added(demand.terminals)
    each = added(demand.mbps_down), added(demand.mbps_up), added(demand.weight)
    return Demand(demand.names, demand.priority, *each, count)


COLUMNS = ("cell", "down_mbps", "up_mbps")


def read_table(path: Path, cells: h3cells.Cells) -> tuple[Floats, Floats]:
    """(down, up) Mbit/s of each of `cells` from a user's CSV with the columns cell, down_mbps, up_mbps.

    Cells that have no row ask for nothing. All that is wrong is told at once: a cell that is none, is not in the area
    or comes twice; a demand that is negative or no number.
    """
    name = str(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        given = tuple(reader.fieldnames or ())
        if missing := [column for column in COLUMNS if column not in given]:
            rule = f"a table of demand has no column {', '.join(missing)}."
            raise InputError(Problem(name, "line 1", rule, f"Begin the file with {','.join(COLUMNS)}."))
        rows = list(reader)
    number = {text: n for n, text in enumerate(h3cells.text(cells))}
    rates, problems, seen = np.zeros((2, len(cells))), [], dict[int, int]()
    for line, row in enumerate(rows, 2):
        word = (row["cell"] or "").strip().lower()
        where = number.get(word)
        if where is None and h3cells.is_cell(word):
            rule = f"{word} is not a cell of the area at its resolution."
            problems.append(Problem(name, f"line {line}", rule, "Take the row out, or widen the area."))
        elif where is None:
            rule = f"{row['cell']!r} is not an H3 cell in hexadecimal."
            problems.append(Problem(name, f"line {line}", rule, "Write it as in cells.parquet, like 834ba0fffffffff."))
        elif where in seen:
            rule = f"{word} comes twice; line {seen[where]} has it too."
            problems.append(Problem(name, f"line {line}", rule, "Add the two up in one row."))
        else:
            seen[where] = line
        for way, column in enumerate(COLUMNS[1:]):
            mbps = _number(row[column])
            if not 0.0 <= mbps < np.inf:
                rule = f"{column} is {row[column]}; a demand is a number of Mbit/s, at least 0."
                problems.append(Problem(name, f"line {line}", rule, "Write 0 for none."))
            elif where is not None:
                rates[way, where] = mbps
    if problems:
        raise InputError(problems)
    return rates[0], rates[1]


def _number(word: str | None) -> float:
    """NaN for what is none; 0 for an empty field."""
    try:
        return float(word or 0.0)
    except ValueError:
        return float("nan")


def _amount(name: str, value: ArrayLike) -> Floats:
    return _within(name, value, np.finfo(np.float64).max)


def _within(name: str, value: ArrayLike, most: float) -> Floats:
    given = np.asarray(value, np.float64)
    wrong = ~((given >= 0.0) & (given <= most))
    if wrong.any():
        bound = "at least 0 and finite" if most > 1.0 else f"0 to {most:g}"
        raise ValueError(f"{name} is {float(given[wrong].flat[0]):g}; it is {bound}")
    return given
