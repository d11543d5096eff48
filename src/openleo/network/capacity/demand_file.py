"""Tables that demand is made from, read whole: subscribers by territory, the curve of a day, a user's table by cell.

Embedded ones stand in data/capacity; a user's own are of the same form. Every fault of a file is told at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem, counted, near_names
from openleo.network.capacity.demand import HOURS, Curve, Demand, Floats, PriorityClass
from openleo.network.capacity.subscribers import Subscribers
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.reading import bounded_text, unreadable

CURVES = {"evening": "day-curve.csv", "flat": ""}
SUBSCRIPTIONS = {"starlink-2025": "subscriptions.csv"}
MOST_BYTES = 200_000_000
MOST_TOLD = 20
MOST_MBPS = 1e6  # of one cell: a Tbit/s is a unit that was meant otherwise


@dataclass(frozen=True)
class Row:
    """A line of a CSV: where it stands, and its fields by column."""

    where: str
    fields: dict[str, str]


class Table:
    """A CSV with known columns, and the faults that are found in it."""

    def __init__(self, text: str, file: str, needed: Sequence[str], allowed: Sequence[str] = ()) -> None:
        self.file, self.problems, self._more = file, list[Problem](), 0
        reader = csv.reader(io.StringIO(text))
        header = [name.strip() for name in next(reader, [])]
        known = [*needed, *allowed]
        for name in dict.fromkeys(header):
            if name not in known:
                way_out = near_names(name, known) or f"Columns: {', '.join(known)}."
                self.problems.append(Problem(file, f'column "{name}"', "is not known.", way_out))
            elif header.count(name) > 1:
                self.problems.append(Problem(file, f'column "{name}"', "stands twice."))
        missing = [name for name in needed if name not in header]
        for name in missing:
            self.problems.append(Problem(file, "", f'has no column "{name}".', f"Its header is {','.join(known)}."))
        self.rows: list[Row] = []
        for fields in reader if not missing else ():
            if not any(field.strip() for field in fields):
                continue
            where = f"line {reader.line_num}"
            if len(fields) != len(header):
                self.wrong(where, f"has {counted(len(fields), 'field')}; the header has {len(header)}.")
                continue
            self.rows.append(Row(where, dict(zip(header, (field.strip() for field in fields), strict=True))))
        if not self.rows and not self.problems:
            self.problems.append(Problem(file, "", "holds no row below its header."))

    def wrong(self, where: str, rule: str, way_out: str = "") -> None:
        if len(self.problems) < MOST_TOLD:
            self.problems.append(Problem(self.file, where, rule, way_out))
        else:
            self._more += 1

    def number(self, row: Row, name: str, low: float, high: float, *, default: float | None = None) -> float:
        """A number of a row within its span; NaN, and a problem, where it is none."""
        text = row.fields.get(name, "")
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            self.wrong(f"{row.where}, {name}", f'is "{text[:40]}", which is no number.')
            return math.nan
        if not low <= value <= high:
            said = f"at least {low:g}" if math.isinf(high) or value < low else f"at most {high:g}"
            self.wrong(f"{row.where}, {name}", f"is {value:g}; it must be {said}.")
            return math.nan
        return value

    def done(self) -> None:
        if self._more:
            self.problems.append(Problem(self.file, "", f"has {counted(self._more, 'more fault')}."))
        if self.problems:
            raise InputError(self.problems)


def text_of(path: Path, embedded: dict[str, str], name: str) -> tuple[str, str]:
    """(text, SHA-256) of an embedded table or of a file. Raises InputError."""
    try:
        if name in embedded:
            text = (files("openleo.data") / "capacity" / embedded[name]).read_text("utf-8")
        else:
            text = bounded_text(path, MOST_BYTES, "Leave rows out that are 0.")
    except FileNotFoundError:
        names = ", ".join(f'"{one}"' for one in embedded)
        way_out = "Check the path." + (f" Embedded: {names}." if embedded else "")
        raise InputError(Problem(str(path), "", "there is no such file.", way_out)) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None
    return text, hashlib.sha256(text.encode()).hexdigest()


def read_curve(name: str, folder: Path) -> Curve:
    """An embedded curve by its name, or a CSV (hour,relative) with the 24 hours of local time. Raises InputError."""
    if name == "flat":
        return Curve.of(np.ones(HOURS), name)
    text, _ = text_of(folder / name, CURVES, name)
    table = Table(text, name, ("hour", "relative"))
    found: dict[int, float] = {}
    for row in table.rows:
        hour = table.number(row, "hour", 0, HOURS - 1)
        relative = table.number(row, "relative", 0.0, 1e9)
        if math.isnan(hour):
            continue
        if hour != int(hour):
            table.wrong(f"{row.where}, hour", f"is {hour:g}; it must be a whole hour, 0 to 23.")
        elif int(hour) in found:
            table.wrong(row.where, f"is hour {hour:g} a second time.")
        found[int(hour)] = relative
    missing = [str(hour) for hour in range(HOURS) if hour not in found]
    if missing and not table.problems:
        table.wrong("", f"lacks {'hour' if len(missing) == 1 else 'hours'} {', '.join(missing)}.", "A day has 24.")
    elif not table.problems and not any(found.values()):
        table.wrong("", "is 0 at every hour.", "Write how much there is at each, in any unit.")
    table.done()
    return Curve.of([found[hour] for hour in range(HOURS)], name)


def read_subscriptions(name: str, folder: Path) -> tuple[dict[str, Subscribers], str]:
    """(subscribers by territory, SHA-256): an embedded table, or a CSV (territory,subscribers). Raises InputError."""
    text, sha256 = text_of(folder / name, SUBSCRIPTIONS, name)
    table = Table(text, name, ("territory", "subscribers"), ("low", "high", "date", "source"))
    found: dict[str, Subscribers] = {}
    for row in table.rows:
        word = row.fields["territory"]
        id_ = territory_id(word)
        count = table.number(row, "subscribers", 0.0, math.inf)
        low = table.number(row, "low", 0.0, math.inf, default=count)
        high = table.number(row, "high", 0.0, math.inf, default=count)
        if id_ is None or id_ not in territories():
            table.wrong(f"{row.where}, territory", *unknown_territory(word))
            continue
        if id_ in found:
            table.wrong(f"{row.where}, territory", f"{id_} stands a second time.")
        if not math.isnan(low + count + high) and not low <= count <= high:
            table.wrong(row.where, f"has {count:g} subscribers, outside of {low:g} to {high:g}.")
        if math.isfinite(count) and count > territories()[id_].population:
            people = f"{territories()[id_].population:,} people"
            table.wrong(
                f"{row.where}, subscribers", f"are {count:,.0f}, and {id_} has {people}.", "Are they thousands?"
            )
        found[id_] = Subscribers(count, low, high, row.fields.get("date", ""), row.fields.get("source", ""))
    table.done()
    return found, sha256


@dataclass(frozen=True, eq=False)
class CellTable:
    """A user's own table. Axes (row,): cell, its index; class_, into classes; subscribers, infinite where not said."""

    file: str
    line: tuple[str, ...]
    cell: h3cells.Cells
    class_: NDArray[np.int32]
    down_mbps: Floats
    up_mbps: Floats
    subscribers: Floats
    classes: tuple[PriorityClass, ...]
    sha256: str

    def demand(self, cells: h3cells.Cells, curve: Curve) -> Demand:
        """Of the cells of a run. Raises InputError for rows whose cell is none of them."""
        place = np.minimum(np.searchsorted(cells, self.cell), max(len(cells) - 1, 0))
        strange = np.flatnonzero(cells[place] != self.cell) if len(cells) else np.arange(len(self.cell))
        if len(strange):
            rule = "is not among the cells that are computed."
            told = [
                Problem(self.file, f"{self.line[row]}, cell", f"{format(int(self.cell[row]), 'x')} {rule}", AREA)
                for row in strange[:MOST_TOLD].tolist()
            ]
            if len(strange) > MOST_TOLD:
                more = counted(len(strange) - MOST_TOLD, "more row")
                told.append(Problem(self.file, "", f"has {more} whose cell {rule}", AREA))
            raise InputError(told)
        used = sorted({0, *self.class_.tolist()})
        column = np.searchsorted(used, self.class_)
        made = np.zeros((3, len(cells), len(used)))
        for values, numbers in zip(made, (self.down_mbps, self.up_mbps, self.subscribers), strict=True):
            values[place, column] = numbers
        _, longitude = h3cells.centres_deg(cells)
        number = np.arange(len(cells), dtype=np.int32)
        classes = tuple(self.classes[one] for one in used)
        return Demand(len(cells), number, longitude, made[0], made[1], made[2], classes, curve)


AREA = "See ground.area."


def read_cell_table(name: str, folder: Path, resolution: int, classes: Sequence[PriorityClass]) -> CellTable:
    """What cells ask for in their busiest hour: a CSV (cell,down_mbps,up_mbps and, if needed, class and subscribers).

    A cell that is not listed asks for nothing. Raises InputError with every fault.
    """
    text, sha256 = text_of(folder / name, {}, name)
    table = Table(text, name, ("cell", "down_mbps", "up_mbps"), ("class", "subscribers"))
    column = {known.name: number for number, known in enumerate(classes)}
    rows: list[tuple[str, int, int, float, float, float]] = []
    seen: dict[tuple[int, int], str] = {}
    for row in table.rows:
        cell = _cell(table, row, resolution)
        class_ = _class(table, row, column)
        down = table.number(row, "down_mbps", 0.0, MOST_MBPS)
        up = table.number(row, "up_mbps", 0.0, MOST_MBPS)
        count = table.number(row, "subscribers", 0.0, 1e9, default=math.inf)
        if cell is None or class_ is None:
            continue
        if (before := seen.setdefault((cell, class_), row.where)) != row.where:
            rule = f"{row.fields['cell']} stands in {before} already, with the same class."
            table.wrong(f"{row.where}, cell", rule, "Add them up.")
        rows.append((row.where, cell, class_, down, up, count))
    table.done()
    line, cells, of_class, downs, ups, counts = zip(*rows, strict=True)
    return CellTable(
        name, line, np.array(cells, np.uint64), np.array(of_class, np.int32), np.array(downs), np.array(ups),
        np.array(counts), tuple(classes), sha256,
    )  # fmt: skip


def _cell(table: Table, row: Row, resolution: int) -> int | None:
    word = row.fields["cell"].lower()
    if not h3cells.is_cell(word):
        table.wrong(f"{row.where}, cell", f'"{row.fields["cell"][:40]}" is no H3 cell.', "Write it in hexadecimal.")
        return None
    cell = int(word, 16)
    found = int(h3cells.resolutions(np.array([cell], np.uint64))[0])
    if found != resolution:
        rule = f"{word} is of resolution {found}; this run's cells have {resolution}."
        table.wrong(f"{row.where}, cell", rule, "See ground.resolution.")
        return None
    return cell


def _class(table: Table, row: Row, column: dict[str, int]) -> int | None:
    name = row.fields.get("class") or next(iter(column))
    if name not in column:
        way_out = near_names(name, column) or f"Classes: {', '.join(column)}."
        table.wrong(f"{row.where}, class", f'there is no class "{name}".', way_out)
        return None
    return column[name]
