"""The failures of a scenario: outages from its file, its tables and by chance, joined to the names of the network."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.cells import Cells
from openleo.errors import InputError, Problem, join_or
from openleo.failures_file import FailuresRecord, RandomRecord
from openleo.instants import SlotGrid, instant_text, stated_instant
from openleo.network.constellation import Constellation
from openleo.network.failures import (
    JOIN,
    KINDS,
    Chance,
    Drawn,
    Failures,
    Kind,
    Outage,
    draw,
    plane_name,
    resolve,
    satellite_names,
)
from openleo.network.ground.gateways import Gateways
from openleo.network.loads import loads
from openleo.network.reach import Network
from openleo.network.topology import Topology
from openleo.scenario_causes import Loads, read_causes

Floats = NDArray[np.float64]

COLUMNS = ("kind", "name", "from", "until")
Placed = tuple[str, str, Outage]  # file, place in it, outage


@dataclass(frozen=True)
class Things:
    """What can fail, where there is no whole Network: pairs of places have none."""

    constellation: Constellation
    topology: Topology
    gateways: Gateways


def read_failures(
    record: FailuresRecord, network: Things, grid: SlotGrid, folder: Path, file: str, notes: list[str],
    loads: Loads | None = None,
) -> Failures:  # fmt: skip
    """All outages that a scenario speaks of; adds to `notes` what each cause did.

    Raises InputError with every problem of the table and of its file. Only with `loads` can anything be targeted.
    """
    problems: list[Problem] = []
    outages: list[Placed] = []
    for number, one in enumerate(record.out):
        where = f"failures.out[{number}]"
        problems += [Problem(file, where, fault) for fault in one.faults()]
        outages.append((file, where, Outage(one.kind, one.name, one.from_, one.until)))
    if record.file is not None:
        outages += _read_file(folder / record.file, problems)
    drawn = None
    if record.random is not None:
        chances = _chances(record.random, file, problems)
        if any(one.hours_out is not None for one in chances.values()):
            drawn = Drawn(file, grid.start, grid.instant(grid.slots))
        found = draw(record.random.seed, _names(network), chances, grid.start, grid.instant(grid.slots))
        outages += [(file, "failures.random", outage) for outage in found]
    for cause in read_causes(record, network.constellation, network.gateways, grid, loads, file, problems):
        outages += [(file, cause.where, outage) for outage in cause.outages]
        notes.append(cause.note)
    resolved = resolve(outages, network.constellation, network.gateways, network.topology.neighbours)
    if not isinstance(resolved, Failures):
        said = {(one.file, one.where) for one in problems}
        problems += [one for one in resolved if (one.file, one.where) not in said]
    if problems or not isinstance(resolved, Failures):
        raise InputError(problems)
    return replace(resolved, drawn=drawn)


def with_failures(
    record: FailuresRecord, network: Network, grid: SlotGrid, folder: Path, file: str, notes: list[str],
    people: Callable[[], tuple[Cells, Floats]],
) -> Network:  # fmt: skip
    """The network with its failures; adds to `notes` what is out. Raises InputError with every problem.

    `people` gives the cells of the area and who lives in each, where a target is chosen by them.
    """
    things = Things(network.constellation, network.topology, network.gateways)

    def on_what(kind: Kind, by: str, slots: SlotGrid, gone: Sequence[str]) -> Mapping[str, float]:
        out = [(file, "", Outage(kind, name)) for name in gone]
        without = resolve(out, network.constellation, network.gateways, network.topology.neighbours)
        assert isinstance(without, Failures)  # names of the network itself
        now_s = slots.start.timestamp()
        left = replace(network, failures=without, gateways=without.ground(network.gateways, now_s, now_s))
        return loads(left, slots, kind, people() if by == "people" else None)

    failures = read_failures(record, things, grid, folder, file, notes, on_what)
    notes.append(describe(failures))
    return replace(network, failures=failures)


def describe(failures: Failures) -> str:
    """A sentence that counts what is out."""
    names = {"isl": "inter-satellite link", "pop": "PoP"}
    parts = []
    for kind in KINDS:
        things = {outage.name for outage in failures.outages if outage.kind == kind}
        times = sum(outage.kind == kind for outage in failures.outages)
        if things:
            plural = "" if len(things) == 1 else "s"
            parts.append(f"{len(things)} {names.get(kind, kind)}{plural} ({times} outage{'' if times == 1 else 's'})")
    return f"Out of order at some time: {', '.join(parts)}." if parts else "No failure was drawn: all works."


def as_csv(failures: Failures) -> str:
    """The outages as a file that a scenario can name."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in failures.outages:
        rows.writerow([one.kind, one.name, *(instant_text(at) if at else "" for at in (one.begin, one.end))])
    return text.getvalue()


def _read_file(path: Path, problems: list[Problem]) -> list[Placed]:
    try:
        lines = list(_lines(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        problems.append(Problem(str(path), "", f"cannot be read: {why}.", "Paths are relative to the scenario."))
        return []
    if not lines:
        rule = "is empty; a list of outages begins with its columns."
        problems.append(Problem(str(path), "", rule, f"Its first line is {','.join(COLUMNS)}."))
        return []
    (at, columns), *rows = lines
    if faults := _column_faults(columns):
        way_out = f"The columns are {', '.join(COLUMNS)}; the last two may be left out."
        problems += [Problem(str(path), f"line {at}", fault, way_out) for fault in faults]
        return []
    placed = []
    for number, cells in rows:
        where = f"line {number}"
        if len(cells) == len(columns):
            placed.append(_outage(dict(zip(columns, cells, strict=True)), str(path), where, problems))
            continue
        rule = f"has {len(cells)} cells, and there are {len(columns)} columns."
        problems.append(Problem(str(path), where, rule, "Put a name with a comma in quotes; leave a cell empty."))
    return [one for one in placed if one is not None]


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, its cells without blanks around them) of every line of a CSV that is not empty."""
    reader, ended = csv.reader(io.StringIO(text), strict=True), 0
    for row in reader:
        cells, begins, ended = [cell.strip() for cell in row], ended + 1, reader.line_num
        if any(cells):
            yield begins, cells


def _column_faults(columns: Sequence[str]) -> list[str]:
    """What is wrong with the names of the columns."""
    unknown = [f'has a column "{name}", which is none of its own.' for name in columns if name not in COLUMNS]
    missing = [f"lacks the column {name}." for name in COLUMNS[:2] if name not in columns]
    twice = [f"has the column {name} twice." for name in COLUMNS if columns.count(name) > 1]
    return unknown + missing + twice


def _outage(row: Mapping[str, str], file: str, where: str, problems: list[Problem]) -> Placed | None:
    kind: Kind | None = next((known for known in KINDS if known == row["kind"]), None)
    found: list[Problem] = []
    if kind is None:
        found.append(Problem(file, where, f"is of kind {row['kind']!r}; it must be {join_or(KINDS)}."))
    if not row["name"]:
        found.append(Problem(file, where, "has no name.", "Write what is out."))
    times = []
    for column in ("from", "until"):
        text = row.get(column, "")
        try:
            times.append(stated_instant(text) if text else None)
        except ValueError as error:
            found.append(Problem(file, where, f"{column} {error}"))
    problems += found
    if found or kind is None:
        return None
    return file, where, Outage(kind, row["name"], *times)


def _chances(record: RandomRecord, file: str, problems: list[Problem]) -> dict[Kind, Chance]:
    said = {
        "satellite": record.satellites,
        "plane": record.planes,
        "isl": record.isls,
        "gateway": record.gateways,
        "pop": record.pops,
    }
    chances: dict[Kind, Chance] = {}
    for kind in KINDS:
        one = said[kind]
        if one is None:
            continue
        problems += [Problem(file, f"failures.random.{kind}s", fault) for fault in one.faults()]
        chances[kind] = Chance(one.share or 0.0, one.hours_between, one.hours_out)
    return chances


def _names(network: Things) -> dict[Kind, Sequence[str]]:
    constellation, neighbours = network.constellation, network.topology.neighbours
    names = satellite_names(constellation)
    here, k = np.nonzero(neighbours > np.arange(len(neighbours))[:, np.newaxis])  # each link from its lower number
    links = sorted(set(zip(here.tolist(), neighbours[here, k].tolist(), strict=True)))
    return {
        "satellite": names,
        "plane": [plane_name(constellation, plane) for plane in range(constellation.planes)],
        "isl": [f"{names[a]}{JOIN}{names[b]}" for a, b in links],
        "gateway": [station.name for station in network.gateways.stations],
        "pop": [pop.name for pop in network.gateways.pops],
    }
