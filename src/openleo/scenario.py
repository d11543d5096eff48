"""The scenario file: what to compute, in one TOML file.

`Scenario.load` reads it and everything that it names (elements, gateways, rules, areas), reports every problem of all
of them together, and makes the values that a run is computed from. Paths in it are relative to the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import scenario_pairs
from openleo.cells import Cells
from openleo.errors import InputError, Problem, Together, given
from openleo.geodesy import ecef_km, up
from openleo.instants import SlotGrid, utc
from openleo.network import hypatia
from openleo.network.admission import GroundLimits
from openleo.network.capacity.generations import by_radio
from openleo.network.constellation import Constellation
from openleo.network.ground import stations
from openleo.network.pairs import ByElevation, ByRange, Places, Sky
from openleo.network.reach import Network
from openleo.places.areas import Area, parts_of, read_area
from openleo.places.expressions import WORLD_WORD, sha256_of
from openleo.places.territories import territories
from openleo.policy.rules import RuleSet
from openleo.reading import check, examine, read_toml
from openleo.results import Case, OnProgress, OnReach, Results, Source, compute
from openleo.scenario_capacity import notes_on_capacity, read_capacity
from openleo.scenario_causes import read_jamming
from openleo.scenario_failures import as_csv, with_failures
from openleo.scenario_file import LinksRecord, PolicyRecord, ScenarioRecord
from openleo.scenario_network import (
    build_network,
    chain_faults,
    notes_on_ground,
    notes_on_lists,
    notes_on_spans,
    read_constellation,
    read_ground,
    read_horizons,
    read_limits,
    slot_grid,
    with_gateways,
)
from openleo.scenario_pairs import PairCase as PairCase
from openleo.scenario_rules import NO_RULES, ReadPolicy, licensed, notes_on_changes, notes_on_rules, read_policy
from openleo.units import BEAM_KM

HYPATIA = "hypatia"
HYPATIA_LIMITS = ByRange  # how its ground links are admitted


@dataclass(frozen=True)
class Scenario:
    """A scenario read and ready to run. `start` is as written: the slots may begin later, by `slot_phase_s`."""

    path: Path
    case: Case
    start: datetime
    notes_on: Callable[[SlotGrid], tuple[str, ...]]  # what is said of a run over some of its slots

    @classmethod
    def load(cls, path: str | Path, *, own_rules: bool = True, to_run: bool = False) -> Scenario:
        """Read a scenario file and all that it names. Raises InputError with every problem found.

        Without `own_rules` no rules are read: it gives the network and the area alone, and of its [policy] how far a
        beam is felt. With `to_run`, rules that a run would not keep are among the problems; else `run` raises them.
        """
        path = Path(path)
        raw = read_toml(path)
        if raw.get("conventions") == HYPATIA:
            rule = 'is "hypatia", under which only pairs of places are computed.'
            raise InputError(Problem(str(path), "conventions", rule, f"It is read by {scenario_pairs.READ_BY}."))
        return cls.of(raw, path, [], own_rules=own_rules, to_run=to_run)

    @classmethod
    def of(
        cls, raw: dict[str, Any], path: Path, faults: Sequence[Problem], *, own_rules: bool = True, to_run: bool = False
    ) -> Scenario:
        """As `load`, of a scenario's tables; `faults` are raised with those that are found."""
        if not own_rules:
            beam_km = _beam_km(raw.get("policy"), path)
            alone = cls.of({name: table for name, table in raw.items() if name != "policy"}, path, faults)
            return replace(alone, case=replace(alone.case, beam_km=beam_km))
        raw, found = scenario_pairs.without_directory(raw, str(path))
        record, problems = examine(ScenarioRecord, raw, str(path), within_bounds=True)
        problems = [*faults, *found, *problems]
        if record is None:
            raise InputError(problems)
        case, notes_on = _case(record, path, problems, to_run)
        return cls(path, case, utc(record.start), notes_on)

    def first_slots(self, slots: int) -> Scenario:
        """The same scenario, cut to its first slots (at least one)."""
        if slots < 1:
            raise ValueError(f"{slots} slots: a run has at least one")
        grid = replace(self.case.grid, slots=min(slots, self.case.grid.slots))
        return replace(self, case=replace(self.case, grid=grid, notes=self.notes_on(grid)))

    def run(
        self,
        *,
        threads: int | None = None,
        on_progress: OnProgress | None = None,
        on_reach: OnReach | None = None,
    ) -> Results:
        """Compute who is served, where and why not."""
        return compute(self.case, threads=threads, on_progress=on_progress, on_reach=on_reach)


def _beam_km(policy: Any, path: Path) -> float:
    """How far a beam is felt, by a scenario's `[policy]`; no rules are read. Raises InputError."""
    if policy is None:
        return BEAM_KM
    record, problems = examine(PolicyRecord, policy, str(path), "policy")
    if record is None or problems:
        raise InputError(problems)
    return record.beam_km


def _case(
    record: ScenarioRecord, path: Path, faults: list[Problem], to_run: bool
) -> tuple[Case, Callable[[SlotGrid], tuple[str, ...]]]:
    """(the case of a record, the notes on a run over some slots).

    `faults` are those of the file itself, to be raised with those of what it names.
    """
    folder, file = path.parent, str(path)
    problems = Together()
    problems.found += faults
    time_faults = record.time_faults()
    problems.found += [Problem(file, "", fault) for fault in time_faults]
    if not time_faults and slot_grid(record, []).slots < 1:
        rule = "leaves no whole slot between start and end, as slot_phase_s shifts them."
        problems.found.append(Problem(file, "end", rule, "Move the end on, or leave slot_phase_s out."))
    between_sources = record.constellation.faults()
    problems.found += [Problem(file, "constellation", fault) for fault in between_sources]
    notes: list[str] = []
    constellation = None if between_sources else problems.read(lambda: read_constellation(record, folder, file, notes))
    area = problems.read(lambda: read_area(record.ground.area, folder, file, "ground.area"))
    ground = problems.read(lambda: read_ground(record.ground, folder, file, with_chain=record.links.chain))
    problems.found += chain_faults(record.links, file)
    satellites = constellation
    limits = problems.read(lambda: _limits(record, satellites, file)) if satellites else None
    stations_read = ground[0] if ground else None
    skyline = problems.read(lambda: read_horizons(record.ground, stations_read, folder)) if stations_read else None
    loaded = None
    disturbed = read_jamming(record.jamming, file, problems.found, notes, with_capacity=record.capacity.enabled)
    if record.capacity.enabled:
        jammed = tuple(one for one in disturbed if one.loss_db)
        asked = partial(read_capacity, record.capacity, record.demand, record.ground.resolution, folder, file, jammed)
        loaded = problems.read(asked)
        if loaded and satellites:
            problems.read(partial(by_radio, loaded[0], satellites, file))
    notes += notes_on_capacity(record, serves_by_table=bool(ground and ground[2]))
    policy = record.policy
    said = read_policy(policy, folder, file, problems)
    problems.found += said.not_kept if to_run else ()
    if policy is None:
        notes.append(NO_RULES)
    network = None
    if constellation and ground and limits and skyline and not time_faults:
        grid = slot_grid(record, notes)
        hidden = tuple(one for one in disturbed if one.elevation_deg)
        limits = replace(with_gateways(limits, record.links, ground[0], skyline[0]), hidden=hidden)
        network = replace(build_network(record, constellation, ground[0], grid, notes, limits), serving=ground[2])
        notes += notes_on_lists(record) + notes_on_ground(ground[0], ground[2])
        if record.failures:
            people = partial(_people, area, record.ground.resolution)
            network = problems.read(partial(with_failures, record.failures, network, grid, folder, file, notes, people))
    problems.done()
    network, area = given(network), given(area)
    for rule_set in said.both:
        notes += [line for line in notes_on_rules(rule_set) if line not in notes]
    notes += said.of_beams
    every_gateway = network.gateways
    network, second_network, withholding = licensed(network, said.rules, said.compare, grid, notes)
    inputs = {
        **_network_sources(path, network, given(ground)[1], given(skyline)[1]),
        **(loaded[1] if loaded else {}),
        **_place_sources(area, record.ground.area),
        **_rule_sources(said),
    }
    notes_on = partial(_notes_over, tuple(notes), network.constellation, said.both)
    case = Case(
        name=record.name,
        network=network,
        grid=grid,
        area=area,
        resolution=record.ground.resolution,
        classes=said.classes,
        rules=said.rules,
        compare=said.compare,
        inputs=inputs,
        notes=notes_on(grid),
        compare_network=second_network,
        withholding=withholding,
        every_gateway=every_gateway,
        not_kept=said.not_kept,
        of_beams=said.of_beams,
        capacity=loaded[0] if loaded else None,
        beam_km=policy.beam_km if policy else BEAM_KM,
    )
    return case, notes_on


def _notes_over(
    fixed: tuple[str, ...], constellation: Constellation, rule_sets: Sequence[RuleSet], grid: SlotGrid
) -> tuple[str, ...]:
    """The notes on a run over some slots: `fixed` ones, and those on what ends or changes within."""
    changes = [line for rule_set in rule_sets for line in notes_on_changes(rule_set, grid)]
    return (*fixed, *notes_on_spans(constellation, grid), *dict.fromkeys(changes))


def _people(area: Area | None, resolution: int) -> tuple[Cells, NDArray[np.float64]]:
    """The cells of an area and who lives in each; none where the area is at fault, which is told elsewhere."""
    if area is None:
        return np.empty(0, np.uint64), np.empty(0)
    parts = parts_of(area, resolution)
    return parts.cells, np.bincount(parts.cell, parts.people, minlength=len(parts.cells)).astype(np.float64)


def _limits(record: ScenarioRecord, satellites: Constellation, file: str) -> GroundLimits:
    return read_limits(record.links, satellites, file, by_range=record.conventions == HYPATIA)


def _network_sources(
    path: Path, network: Network, ground: dict[str, Source], horizons: dict[str, Source]
) -> dict[str, Source]:
    """The file itself, the satellites, the lists of the ground, and what is out of order."""
    out = {}
    if network.failures:
        digest = hashlib.sha256(as_csv(network.failures).encode()).hexdigest()
        out["failures"] = Source(f"{path.name}, [failures]", digest)
    return {
        "scenario": Source(path.name, hashlib.sha256(path.read_bytes()).hexdigest()),
        "constellation": Source(network.constellation.source, network.constellation.sha256),
        **ground,
        **out,
        **horizons,
    }


def _rule_sources(said: ReadPolicy) -> dict[str, Source]:
    """The files of both rule sets."""
    return {
        name: Source(", ".join(Path(source).name for source in rule_set.sources), rule_set.sha256)
        for name, rule_set in (("rules", said.rules), ("compare", said.compare))
        if rule_set
    }


def _place_sources(area: Area, words: list[str]) -> dict[str, Source]:
    """The embedded borders and people, and the polygons of the area itself."""
    known = next(iter(territories().values()))
    named = [WORLD_WORD] if area.world else sorted(area.ids)  # a file is its polygons, whatever it is called
    named += [region.wkb_hex for region in area.regions] + [sha256_of(expression) for expression in area.expressions]
    digest = hashlib.sha256("\n".join(named).encode()).hexdigest()
    return {
        "area": Source(WORLD_WORD if area.world else ", ".join(words), digest),
        "territories": Source(
            f"{known.source} {known.version}; point of view: {known.point_of_view}",
            _sha256_of_places("land-10m.parquet"),
        ),
        "population": Source(
            "GeoNames places and national totals, spread over land (estimate)",
            _sha256_of_places("population-h3-5.parquet"),
        ),
    }


@cache
def _sha256_of_places(name: str) -> str:
    """Of a file that belongs to the package, and does not change while it runs."""
    return hashlib.sha256((files("openleo.data") / "places" / name).read_bytes()).hexdigest()


def under_hypatia(path: Path) -> bool:
    """Whether a scenario file takes Hypatia's conventions."""
    return read_toml(path).get("conventions") == HYPATIA


def load_pairs(path: Path) -> PairCase:
    """Read a scenario for pairs of places, under either conventions."""
    raw = read_toml(path)
    by_range = raw.get("conventions") == HYPATIA
    if by_range and scenario_pairs.names_directory(raw):
        return scenario_pairs.of_directory(raw, path)
    read = Scenario.of(raw, path, scenario_pairs.refused(raw, str(path)) if by_range else [])
    case, network = read.case, read.case.network
    admitted = ByElevation(network.user_elevation_deg, network.limits)
    sky = Sky(network.constellation, network.topology, admitted, network.failures)
    found = PairCase(case.name, sky, read.start, None, None, case.grid.duration_s, network.gateways, case.notes)
    if not by_range:
        return found
    links = check(LinksRecord, raw.get("links", {}), str(path), "links")
    return scenario_pairs.under_hypatia(found, links, str(path))


def read_sites(path: Path, hypatias: bool) -> Places:
    """Sites from a CSV (name, lat_deg, lon_deg), on WGS 84 or on Hypatia's ellipsoid. Raises InputError."""
    listed, _ = stations.read(path.name, "sites", path.parent, "--sites", "")
    names = tuple(site.name for site in listed)
    latitude = np.array([site.latitude_deg for site in listed])
    longitude = np.array([site.longitude_deg for site in listed])
    if hypatias:
        return hypatia.on_ellipsoid(names, latitude, longitude, np.zeros(len(names)))
    return Places(names, ecef_km(latitude, longitude), up(latitude, longitude))
