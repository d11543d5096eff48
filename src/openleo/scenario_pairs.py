"""Scenarios under Hypatia's conventions, of which only pairs of places are computed: a directory, or any satellites.

Takes a file's tables, or an ordinary scenario that is read; gives a PairCase with ground links admitted by range. What
these conventions cannot honour is refused with its reason; keys of `[links]` without effect are told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from openleo.errors import InputError, Problem, Together
from openleo.failures_file import FailuresRecord
from openleo.instants import SlotGrid, utc
from openleo.interchange.hypatia_out import moved_by_tles
from openleo.network import hypatia
from openleo.network.constellation import Constellation
from openleo.network.failures import NONE, Failures
from openleo.network.ground.gateways import Gateways
from openleo.network.pairs import ByRange, Places, Sky
from openleo.places.areas import read_area
from openleo.reading import examine
from openleo.scenario_failures import Things, describe, read_failures
from openleo.scenario_file import ConstellationRecord, HypatiaRecord, LinksRecord, ScenarioRecord
from openleo.scenario_network import read_ground, slot_grid

READ_BY = "`openleo rtt`, `openleo path` to a place, and `openleo export` traces, load, czml, oem and hypatia"
NO_GATEWAYS = Gateways((), np.empty(0), np.empty(0), (), np.empty(0, np.int32), np.empty(0), 1.0)

BY_RANGE = "under Hypatia's conventions a ground link counts up to a slant range, whatever its direction."
LEAVE_OUT = 'Leave it out, or take conventions = "openleo".'
OF_DIRECTORY = "is not for a Hypatia directory: its files say the satellites, the links and their limits."
NOT_OF_DIRECTORY = "is for a directory's gateways and PoPs, and a [ground] table names those."
OF_CELLS = "it disturbs the links of cells, and here there are pairs of places."
# (table, key, why it is refused)
REFUSED = (
    ("links", "gso_exclusion_deg", f"is not honoured: {BY_RANGE}"),
    ("links", "shell", f"are not honoured: {BY_RANGE}"),
    ("ground", "horizons", f"is not honoured: {BY_RANGE}"),
    ("capacity", "enabled", "is not honoured: rates are of cells, and here there are pairs of places."),
    ("constellation", "ephemerides", "is not honoured: Hypatia moves its satellites by SGP4, from element sets."),
)


@dataclass(frozen=True)
class PairCase:
    """What round-trip times between pairs of places are computed from; `sites` are the scenario's own, if any."""

    name: str
    sky: Sky
    start: datetime  # as written: the instant of t = 0
    sites: Places | None
    directory: hypatia.Directory | None = None  # of a Hypatia scenario
    duration_s: float | None = None  # none: the scenario does not say
    gateways: Gateways | None = None  # none: the scenario knows of none
    notes: tuple[str, ...] = ()  # what was set aside or assumed while reading


def names_directory(raw: Mapping[str, Any]) -> bool:
    """Whether a file under Hypatia's conventions is to name a directory: unless it names other satellites alone."""
    said = _table(raw, "constellation")
    return "hypatia" in said or not {"catalogue", "elements", "ephemerides", "shell"} & said.keys()


def without_directory(raw: dict[str, Any], file: str) -> tuple[dict[str, Any], list[Problem]]:
    """An ordinary file's tables, and the problem if it names a directory."""
    if "hypatia" not in _table(raw, "constellation"):
        return raw, []
    rule = 'names a Hypatia directory, which is read under conventions = "hypatia" alone.'
    way_out = "Write that line, or name elements = DIR/tles.txt."
    return _without(raw, "constellation", "hypatia"), [Problem(file, "constellation.hypatia", rule, way_out)]


def refused(raw: Mapping[str, Any], file: str) -> list[Problem]:
    """A problem for each thing of an ordinary scenario that cannot be honoured under Hypatia's conventions."""
    jammed = [Problem(file, "jamming", f"is not honoured: {OF_CELLS}", LEAVE_OUT)] if raw.get("jamming") else []
    return jammed + [
        Problem(file, f"{table}.{key}", why, LEAVE_OUT)
        for table, key, why in REFUSED
        if _table(raw, table).get(key)  # 0 and an empty list are off
    ]


def of_directory(raw: dict[str, Any], path: Path) -> PairCase:
    """The case of a scenario that names a directory. Raises InputError with every problem found."""
    folder, file = path.parent, str(path)
    together = Together()
    raw, together.found = _without_ordinary(raw, file)
    together.found += refused(raw, file)
    record, faults = examine(HypatiaRecord, {key: table for key, table in raw.items() if key != "jamming"}, file)
    together.found += faults
    if record is None:
        raise InputError(together.found)
    notes = _without_effect(record.links)
    where, ground = folder / record.constellation.hypatia, record.ground
    directory = together.read(lambda: hypatia.read(where))
    listed = together.read(lambda: read_ground(ground, folder, file)) if ground else None
    if ground and ground.area:
        together.read(lambda: read_area(ground.area, folder, file, "ground.area"))
    if directory is None:
        raise InputError(together.found)
    start = record.start or directory.constellation.epoch
    grid = _grid(record, start, file, together.found, notes)
    failures = NONE
    gateways = listed[0] if listed else None
    if record.failures and grid:
        said = record.failures
        together.found += _of_stations(said, file) if ground is None else []
        together.found += _without_end(said, file) if not record.duration and not record.end else []
        if not together.found:
            failures = together.read(lambda: _failures(said, directory, gateways, grid, folder, file, notes)) or NONE
    if together.found or grid is None:
        raise InputError(together.found)
    range_km = record.links.ground_range_km or directory.longest_ground_link_km
    sky = Sky(directory.constellation, directory.topology, ByRange(range_km), failures)
    lasts_s = grid.duration_s if record.duration or record.end else None
    name = record.name or where.name
    return PairCase(name, sky, start, directory.places, directory, lasts_s, gateways, tuple(notes))


def under_hypatia(case: PairCase, links: LinksRecord, file: str) -> PairCase:
    """An ordinary scenario's pairs by Hypatia's rules: ground links by range, shells moved as TLEs written of them.

    Raises InputError where satgenpy's formula has no range for these satellites, or TLEs cannot hold them.
    """
    constellation = case.sky.constellation
    problems = Together()
    range_km = problems.read(lambda: links.ground_range_km or satgenpys_range_km(constellation, links, file))
    moved = constellation
    if constellation.shells:
        moved = problems.read(lambda: moved_by_tles(case.name, constellation, case.start, file)) or constellation
    if problems.found:
        raise InputError(problems.found)
    assert range_km is not None
    notes = case.notes
    if links.ground_range_km is None:
        how = f"the altitude over the sine of user_elevation_deg ({links.user_elevation_deg:g}°)"
        notes = (*notes, f"Ground links count up to {range_km:.1f} km: {how}. links.ground_range_km sets another.")
    return replace(case, sky=replace(case.sky, constellation=moved, admitted=ByRange(range_km)), notes=notes)


def satgenpys_range_km(constellation: Constellation, links: LinksRecord, file: str) -> float:
    """The slant range that satgenpy's main scripts derive from one altitude and a mask, on a flat Earth.

    There MAX_GSL_LENGTH_M = √(cone² + altitude²), with a cone of radius altitude / tan(mask): the altitude over the
    mask's sine.
    """
    altitudes = sorted({shell.altitude_km for shell in constellation.shells})
    way_out = (
        "Write links.ground_range_km; or export these satellites (`openleo export hypatia`) and name them as hypatia = "
        '"DIR".'
    )
    if len(altitudes) != 1:
        several = f"shells at {', '.join(f'{km:g}' for km in altitudes)} km" if altitudes else "no shells of its own"
        rule = f"has {several}, and satgenpy derives the range of ground links from one altitude."
        raise InputError(Problem(file, "constellation", rule, way_out))
    sine = math.sin(math.radians(links.user_elevation_deg))
    if sine <= 0.0:
        rule = "is 0, and satgenpy derives the range of ground links as the altitude over its sine."
        raise InputError(Problem(file, "links.user_elevation_deg", rule, way_out))
    return altitudes[0] / sine


def _without_ordinary(raw: dict[str, Any], file: str) -> tuple[dict[str, Any], list[Problem]]:
    """A directory's scenario without the keys that an ordinary one has and this one cannot; a problem for each."""
    problems = []
    for key in sorted(_table(raw, "constellation").keys() & ConstellationRecord.model_fields.keys()):
        problems.append(Problem(file, f"constellation.{key}", OF_DIRECTORY, "Leave it out, or leave hypatia out."))
        raw = _without(raw, "constellation", key)
    if "policy" in raw:
        rule = "says who may be served; under Hypatia's conventions nobody is, and pairs of places are computed."
        problems.append(Problem(file, "policy", rule, LEAVE_OUT))
        raw = {key: value for key, value in raw.items() if key != "policy"}
    return raw, problems


def _without_effect(links: LinksRecord) -> list[str]:
    said = sorted(links.model_fields_set - {"ground_range_km"})
    if not said:
        return []
    why = "ground links count up to the directory's range, and nothing is added to the time of light"
    return [f"Without effect on pairs of a Hypatia directory: links.{', links.'.join(said)} ({why})."]


def _grid(
    record: HypatiaRecord, start: datetime, file: str, problems: list[Problem], notes: list[str]
) -> SlotGrid | None:
    """The slots of the time, if it is said; else one slot. None where something is wrong; adds to the problems."""
    said = {name: getattr(record, name) for name in ("duration", "end", "slot", "slot_phase_s")}
    if record.duration is None and record.end is None:
        said["duration"] = max(record.slot, 0.0)
    timed = ScenarioRecord.model_construct(start=utc(start), **said)
    faults = timed.time_faults()
    problems += [Problem(file, "", fault) for fault in faults]
    return None if faults else slot_grid(timed, notes)


def _of_stations(record: FailuresRecord, file: str) -> list[Problem]:
    """Outages of stations, of which a directory knows none."""
    places = [f"failures.out[{n}]" for n, one in enumerate(record.out) if one.kind in ("gateway", "pop")]
    chances = record.random
    places += [f"failures.random.{key}" for key in ("gateways", "pops") if chances and getattr(chances, key)]
    places += [f"failures.{key}" for key in ("targeted", "region", "control") if getattr(record, key)]
    way_out = "Leave it out, or name gateways and PoPs in [ground]; they are on no way between places."
    return [Problem(file, place, NOT_OF_DIRECTORY, way_out) for place in places]


def _without_end(record: FailuresRecord, file: str) -> list[Problem]:
    """Chances over time in a scenario that does not say how long it is."""
    chances = record.random
    if chances is None:
        return []
    each = (chances.satellites, chances.planes, chances.isls, chances.gateways, chances.pops)
    if all(one is None or one.hours_out is None for one in each):
        return []
    rule = "has hours_between and hours_out, and the scenario does not say how long it lasts."
    return [Problem(file, "failures.random", rule, "Write a duration.")]


def _failures(
    record: FailuresRecord,
    directory: hypatia.Directory,
    gateways: Gateways | None,
    grid: SlotGrid,
    folder: Path,
    file: str,
    notes: list[str],
) -> Failures:
    things = Things(directory.constellation, directory.topology, gateways or NO_GATEWAYS)
    found = read_failures(record, things, grid, folder, file, notes)
    notes.append(describe(found))
    return found


def _table(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of a file; an empty one where it is none, which the record then tells."""
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def _without(raw: dict[str, Any], table: str, key: str) -> dict[str, Any]:
    return {**raw, table: {name: value for name, value in raw[table].items() if name != key}}
