"""The scenario file: what to compute, in one TOML file.

`Scenario.load` reads it and everything that it names (elements, gateways, rules, areas), reports every problem of all
of them together, and makes the values that a run is computed from. Paths in it are relative to the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

import numpy as np

from openleo.errors import InputError, Problem, near_names
from openleo.geodesy import ecef_km, up
from openleo.instants import SlotGrid, utc
from openleo.network import hypatia, topology
from openleo.network.constellation import Constellation, catalogue, from_elements, from_shells
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.shells import Shell, read_shell
from openleo.network.ground import gateways as gateway_list
from openleo.network.ground import stations
from openleo.network.pairs import ByElevation, ByRange, Places, Sky
from openleo.network.reach import Network
from openleo.network.routing import LOWEST_LINK_KM
from openleo.places.areas import WORLD, Area, read_area
from openleo.places.territories import territories
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, RuleSet
from openleo.reading import check, examine, read_toml
from openleo.results import Case, OnProgress, OnReach, Results, Source, compute
from openleo.scenario_file import GroundRecord, HypatiaRecord, ScenarioRecord
from openleo.units import SECONDS_PER_DAY

T = TypeVar("T")

HYPATIA = "hypatia"
HYPATIA_LIMITS = ByRange  # how its ground links are admitted
SHELL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # of a scenario's own shells, as of the catalogue's
OLD_ELEMENTS_DAYS = 7.0  # an element set a day older is off by 7 km in the median and by 370 km at worst


@dataclass(frozen=True)
class Scenario:
    """A scenario read and ready to run."""

    path: Path
    case: Case

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a scenario file and all that it names. Raises InputError with every problem found."""
        path = Path(path)
        raw = read_toml(path)
        if raw.get("conventions") == HYPATIA:
            rule = 'is "hypatia", under which only pairs of places are computed.'
            raise InputError(Problem(str(path), "conventions", rule, "Use `openleo rtt`."))
        record, problems = examine(ScenarioRecord, raw, str(path))
        if record is None:
            raise InputError(problems)
        return cls(path, _case(record, path, problems))

    def first_slots(self, slots: int) -> Scenario:
        """The same scenario, cut to its first slots (at least one)."""
        if slots < 1:
            raise ValueError(f"{slots} slots: a run has at least one")
        grid = replace(self.case.grid, slots=min(slots, self.case.grid.slots))
        return replace(self, case=replace(self.case, grid=grid))

    def run(
        self,
        *,
        threads: int | None = None,
        on_progress: OnProgress | None = None,
        on_reach: OnReach | None = None,
    ) -> Results:
        """Compute who is served, where and why not."""
        return compute(self.case, threads=threads, on_progress=on_progress, on_reach=on_reach)


class _Problems:
    """Collects the problems of several readings, so that they are raised together."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def read(self, reading: Callable[[], T]) -> T | None:
        try:
            return reading()
        except InputError as error:
            self.found += error.problems
            return None


def _case(record: ScenarioRecord, path: Path, faults: list[Problem]) -> Case:
    """The case of a record; `faults` are those of the file itself, to be raised with those of what it names."""
    folder, file = path.parent, str(path)
    problems = _Problems()
    problems.found += faults
    time_faults = record.time_faults()
    problems.found += [Problem(file, "", fault) for fault in time_faults]
    if not time_faults and _grid(record, []).slots < 1:
        rule = "leaves no whole slot between start and end, as slot_phase_s shifts them."
        problems.found.append(Problem(file, "end", rule, "Move the end on, or leave slot_phase_s out."))
    between_sources = record.constellation.faults()
    problems.found += [Problem(file, "constellation", fault) for fault in between_sources]
    notes: list[str] = []
    constellation = None if between_sources else problems.read(lambda: _constellation(record, folder, file, notes))
    area = problems.read(lambda: read_area(record.ground.area, folder, file, "ground.area"))
    ground = problems.read(lambda: _ground(record.ground, folder, file))
    policy = record.policy
    rules = problems.read(lambda: _rules(policy.rules, folder)) if policy else None
    second = policy.compare if policy else None
    compare = problems.read(lambda: _rules(second, folder)) if second else None
    classes = tuple(dict.fromkeys(policy.classes)) if policy else ("fixed",)
    known = {*CLASSES, *(rules.classes if rules else ()), *(compare.classes if compare else ())}
    for name in classes if (rules or not policy) else ():
        if name not in known:
            way_out = near_names(name, known) or f"Classes: {', '.join(sorted(known))}."
            problems.found.append(Problem(file, "policy.classes", f'there is no class "{name}".', way_out))
    if problems.found:
        raise InputError(problems.found)
    assert constellation is not None
    assert ground is not None
    assert area is not None
    gateways, ground_sources = ground
    if rules is None:
        notes.append("No rules were given: everything is permitted in this run.")
    grid = _grid(record, notes)
    notes += _ages(constellation, grid)
    pattern = record.constellation.isl or ("+grid" if constellation.shells else "none")
    if pattern == "+grid" and not constellation.shells:
        notes.append("Planes are not yet inferred from element sets: inter-satellite links are left out.")
        pattern = "none"
    neighbours = topology.neighbours(constellation, pattern)
    if pattern == "+grid" and (neighbours < 0).all():
        notes.append('No satellite has lasers, so there are no inter-satellite links; lasers = "all" gives them some.')
    network = Network(
        constellation=constellation,
        neighbours=neighbours,
        gateways=gateways,
        user_elevation_deg=record.links.user_elevation_deg,
        gateway_elevation_deg=record.links.gateway_elevation_deg,
        mask_at=record.links.mask_at,
        hand_over=record.links.hand_over,
        processing_ms=record.links.processing_ms,
    )
    inputs = {
        "scenario": Source(path.name, hashlib.sha256(path.read_bytes()).hexdigest()),
        "constellation": Source(constellation.source, constellation.sha256),
        **ground_sources,
        **_place_sources(area, record.ground.area),
        **{
            name: Source(", ".join(Path(source).name for source in rule_set.sources), rule_set.sha256)
            for name, rule_set in (("rules", rules), ("compare", compare))
            if rule_set
        },
    }
    return Case(
        name=record.name,
        network=network,
        grid=grid,
        area=area,
        resolution=record.ground.resolution,
        classes=classes,
        rules=rules,
        compare=compare,
        inputs=inputs,
        notes=tuple(notes),
    )


def _grid(record: ScenarioRecord, notes: list[str]) -> SlotGrid:
    grid = SlotGrid.covering(record.start, record.seconds, record.slot, record.slot_phase_s)
    if record.end is not None and grid.instant(grid.slots) > record.end:
        grid = replace(grid, slots=grid.slots - 1)
    left_s = record.seconds - grid.duration_s
    if left_s > 1e-6:
        notes.append(f"{left_s:g} s of the time asked for make no whole slot and are left out.")
    return grid


def _ages(constellation: Constellation, grid: SlotGrid) -> list[str]:
    """A note when element sets are used far from their epochs."""
    days = [(grid.start - one.epoch).total_seconds() / SECONDS_PER_DAY for one in constellation.elements]
    if not days or max(abs(day) for day in days) <= OLD_ELEMENTS_DAYS:
        return []
    median = sorted(days)[len(days) // 2]
    spread = f"the median one is {median:.0f} days old at the start, the extremes {max(days):.0f} and {min(days):.0f}"
    return [f"Element sets drift by kilometres a day, and {spread}."]


def _constellation(record: ScenarioRecord, folder: Path, file: str, notes: list[str]) -> Constellation:
    said = record.constellation
    if said.elements is not None:
        sets = read_elements(folder / said.elements)
        notes += [f"Set aside: {problem}" for problem in sets.set_aside]
        return from_elements(said.elements, sets)
    if said.catalogue is not None:
        made = catalogue.load(said.catalogue, file=file).constellation()
    else:
        shells, problems = [], []
        for number, table in enumerate(said.shell or []):
            shell = read_shell(table, file, f"constellation.shell[{number}]")
            if isinstance(shell, Shell):
                shells.append(shell)
            else:
                problems += shell
        names = [shell.name for shell in shells]
        problems += [
            Problem(file, "constellation.shell", f'two shells are called "{name}".', "Satellites are named after them.")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if not shells and not problems:
            problems.append(Problem(file, "constellation.shell", "holds no shell."))
        if problems:
            raise InputError(problems)
        made = from_shells(
            record.name, utc(said.epoch or SHELL_EPOCH), shells, source=f"{file}, [[constellation.shell]]"
        )
    if said.lasers == "all":
        return replace(made, has_laser=made.has_laser | True)
    return made


def _ground(record: GroundRecord, folder: Path, file: str) -> tuple[gateway_list.Gateways, dict[str, Source]]:
    problems = _Problems()
    pop_source = record.pops or (record.gateways if record.gateways in stations.embedded("pops") else "starlink-2026")
    gateways = problems.read(lambda: stations.read(record.gateways, "gateways", folder, file, "ground.gateways"))
    pops = problems.read(lambda: stations.read(pop_source, "pops", folder, file, "ground.pops"))
    if problems.found:
        raise InputError(problems.found)
    assert gateways is not None
    assert pops is not None
    sources = {
        name: Source(source, hashlib.sha256(content).hexdigest())
        for name, source, (_, content) in (("gateways", record.gateways, gateways), ("pops", pop_source, pops))
    }
    return gateway_list.join(gateways[0], pops[0], record.fibre_detour), sources


def _rules(words: list[str], folder: Path) -> RuleSet:
    return read_rules([folder / word for word in words])


def _place_sources(area: Area, words: list[str]) -> dict[str, Source]:
    """The embedded borders and people, and the polygons of the area itself."""
    places = files("openleo.data") / "places"
    known = next(iter(territories().values()))
    named = [WORLD] if area.world else sorted(area.ids)  # a file is its polygons, whatever it is called
    digest = hashlib.sha256("\n".join([*named, *(region.wkb_hex for region in area.regions)]).encode()).hexdigest()
    return {
        "area": Source(WORLD if area.world else ", ".join(words), digest),
        "territories": Source(
            f"{known.source} {known.version}; point of view: {known.point_of_view}",
            hashlib.sha256((places / "land-10m.parquet").read_bytes()).hexdigest(),
        ),
        "population": Source(
            "GeoNames places and national totals, spread over land (estimate)",
            hashlib.sha256((places / "population-h3-5.parquet").read_bytes()).hexdigest(),
        ),
    }


@dataclass(frozen=True)
class PairCase:
    """What round-trip times between pairs of places are computed from; `sites` are the scenario's own, if any."""

    name: str
    sky: Sky
    start: datetime
    sites: Places | None


def load_pairs(path: Path) -> PairCase:
    """Read a scenario for pairs of places: an ordinary one, or one of three lines that names a Hypatia directory."""
    raw = read_toml(path)
    if raw.get("conventions") != HYPATIA:
        case = Scenario.load(path).case
        network = case.network
        admitted = ByElevation(network.user_elevation_deg)
        sky = Sky(network.constellation, network.neighbours, admitted, LOWEST_LINK_KM)
        return PairCase(case.name, sky, case.grid.start, None)
    record = check(HypatiaRecord, raw, str(path))
    folder = path.parent / record.constellation.hypatia
    found = hypatia.read(folder)
    sky = Sky(found.constellation, found.neighbours, ByRange(found.longest_ground_link_km), 0.0, found.longest_isl_km)
    return PairCase(record.name or folder.name, sky, record.start or found.constellation.epoch, found.places)


def read_sites(path: Path, hypatias: bool) -> Places:
    """Sites from a CSV (name, lat_deg, lon_deg), on WGS 84 or on Hypatia's ellipsoid. Raises InputError."""
    listed, _ = stations.read(path.name, "sites", path.parent, "--sites", "")
    names = tuple(site.name for site in listed)
    latitude = np.array([site.latitude_deg for site in listed])
    longitude = np.array([site.longitude_deg for site in listed])
    if hypatias:
        return hypatia.on_ellipsoid(names, latitude, longitude, np.zeros(len(names)))
    return Places(names, ecef_km(latitude, longitude), up(latitude, longitude))


def warm_up() -> None:
    """Compile every kernel that a run needs, by running the starter scenario for two slots."""
    with as_file(files("openleo.data") / "starter") as folder:
        scenario = Scenario.load(folder / "scenario.toml")
    scenario.first_slots(2).run()
