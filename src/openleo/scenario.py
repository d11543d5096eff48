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
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from openleo.errors import InputError, Problem, near_names
from openleo.instants import SlotGrid, instant_text, parse_duration_s, utc
from openleo.network import topology
from openleo.network.constellation import Constellation, catalogue, from_elements, from_shells
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.shells import Shell, read_shell
from openleo.network.ground import gateways as gateway_list
from openleo.network.ground import stations
from openleo.network.reach import Network
from openleo.places.areas import WORLD, Area, read_area
from openleo.places.territories import territories
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, RuleSet
from openleo.reading import Record, check, read_toml
from openleo.results import Case, OnProgress, OnReach, Results, Source, compute

T = TypeVar("T")

SHELL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # of a scenario's own shells, as of the catalogue's
LONGEST_RUN_SLOTS = 65_535  # 11 days of 15 s; longer runs are several


def _seconds(value: object) -> object:
    return parse_duration_s(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _no_number(value: object) -> object:
    if isinstance(value, int | float):
        # pydantic reports a ValueError with its place, and lets a TypeError through
        raise ValueError(f"is {value}, a number; write an instant such as 2026-11-20T00:00:00Z.")  # noqa: TRY004
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
Duration = Annotated[float, BeforeValidator(_seconds)]
Words = Annotated[list[str], BeforeValidator(_listed)]


class ConstellationRecord(Record):
    """`[constellation]`: one of catalogue, elements or [[constellation.shell]] tables."""

    catalogue: str | None = Field(None, description="A system of the catalogue, as filed.")
    elements: str | None = Field(None, description="A file of element sets: OMM (JSON, CSV, XML, KVN) or TLE.")
    shell: list[dict[str, Any]] | None = Field(None, description="Walker shells of your own; see below.")
    epoch: Instant | None = Field(
        None, description="Instant at which the angles of your own shells hold. Default: 2026-01-01T00:00:00Z."
    )
    isl: Literal["+grid", "none"] | None = Field(
        None, description="Inter-satellite links. Default: +grid for shells, none for element sets."
    )
    lasers: Literal["filed", "all"] = Field(
        "filed", description='Which satellites have lasers: those that the catalogue says, or "all".'
    )

    @model_validator(mode="after")
    def one_source(self) -> ConstellationRecord:
        given = [name for name in ("catalogue", "elements", "shell") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of catalogue, elements or [[constellation.shell]]; it has {found}.")
        if self.epoch is not None and self.shell is None:
            raise ValueError(
                "epoch is for [[constellation.shell]] tables; a catalogue and element sets bring their own."
            )
        return self


class GroundRecord(Record):
    """`[ground]`: where people and stations are."""

    area: Words = Field(
        description='What to compute over: territories, strips of sea, GeoJSON files, or "world".', min_length=1
    )
    resolution: int = Field(4, ge=0, le=7, description="H3 resolution of the cells: 4 has 1,770 km², 5 has 253 km².")
    gateways: str = Field(
        "starlink-2026", description="An embedded list of gateways, or a CSV (name, lat_deg, lon_deg) or GeoJSON file."
    )
    pops: str | None = Field(
        None, description="PoPs, as gateways. Default: the embedded list of the same name, else starlink-2026."
    )
    fibre_detour: float = Field(
        1.5, ge=1.0, le=5.0, description="Length of a fibre from gateway to PoP over the geodesic. Assumed."
    )


class LinksRecord(Record):
    """`[links]`: masks, the hand-over policy, and what is added to the time of light."""

    user_elevation_deg: float = Field(25.0, ge=0.0, le=90.0, description="Elevation mask of user terminals.")
    gateway_elevation_deg: float = Field(25.0, ge=0.0, le=90.0, description="Elevation mask of gateways.")
    mask_at: Literal["middle", "both_ends"] = Field(
        "middle",
        description="When in a slot a link must be above its mask: at mid-slot (a share of slots is then a share of "
        "time), or at both ends (only links that last their slot count).",
    )
    hand_over: Literal["highest", "least_rtt", "longest_remaining", "least_change"] = Field(
        "least_rtt",
        description="Which satellite serves, among those that are visible and have a path to a gateway.",
    )
    processing_ms: float = Field(
        11.0, ge=0.0, description="Added once to every round trip to the Internet: scheduling and processing. Assumed."
    )


class CapacityRecord(Record):
    """`[capacity]`: not yet computed."""

    enabled: Literal[False] = Field(False, description="Beams and shares of capacity are not yet computed.")


class PolicyRecord(Record):
    """`[policy]`: rule files; without the table everything is permitted and the run asks only what can be served."""

    rules: Words = Field(description="The rule files in force, one or a list.", min_length=1)
    compare: Words | None = Field(
        None, description="Rule files to compare with: the effect of going from `rules` to these.", min_length=1
    )
    classes: Words = Field(
        default_factory=lambda: ["fixed"],
        min_length=1,
        description='Classes of terminals to compute; the summary shows the first. Default: ["fixed"].',
    )


class ScenarioRecord(Record):
    """The whole file."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the run and its output folder, out/NAME."
    )
    start: Instant = Field(description="The first instant, with its zone: 2026-11-20T00:00:00Z.")
    duration: Duration | None = Field(None, description="How long: 15s, 90m, 24h, 7d. Either this or end.")
    end: Instant | None = Field(None, description="The last instant. Either this or duration.")
    slot: Duration = Field(15.0, description="The interval in which the assignment of satellites holds.")
    slot_phase_s: float = Field(
        0.0, ge=0.0, lt=60.0, description="Shifts the slots to this many seconds past the minute (Starlink: 12)."
    )
    conventions: Literal["openleo"] = Field("openleo", description="The conventions of geometry and delay.")
    constellation: ConstellationRecord
    ground: GroundRecord
    links: LinksRecord = LinksRecord()
    capacity: CapacityRecord = CapacityRecord()
    policy: PolicyRecord | None = None

    @model_validator(mode="after")
    def time_runs_forward(self) -> ScenarioRecord:
        if (self.duration is None) == (self.end is None):
            raise ValueError("needs a duration or an end, and not both.")
        if self.end is not None and self.end <= self.start:
            times = f"end {instant_text(self.end)} is not after start {instant_text(self.start)}"
            raise ValueError(f"{times}; write an end after the start.")
        if self.slot <= 0.0:
            raise ValueError(f"slot is {self.slot:g} s; it must be longer than 0 s.")
        if self.seconds < self.slot:
            raise ValueError(f"duration is {self.seconds:g} s, shorter than one slot of {self.slot:g} s.")
        if self.seconds / self.slot > LONGEST_RUN_SLOTS:
            raise ValueError(f"has {self.seconds / self.slot:.0f} slots; a run has at most {LONGEST_RUN_SLOTS}.")
        return self

    @property
    def seconds(self) -> float:
        """How long the run is."""
        if self.end is not None:
            return (self.end - self.start).total_seconds()
        assert self.duration is not None  # held by time_runs_forward
        return self.duration


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
        record = check(ScenarioRecord, raw, str(path))
        return cls(path, _case(record, path))

    def first_slots(self, slots: int) -> Scenario:
        """The same scenario, cut to its first slots."""
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


def _case(record: ScenarioRecord, path: Path) -> Case:
    folder, file = path.parent, str(path)
    problems = _Problems()
    notes: list[str] = []
    constellation = problems.read(lambda: _constellation(record, folder, file, notes))
    area = problems.read(lambda: read_area(record.ground.area, folder, file, "ground.area"))
    ground = problems.read(lambda: _ground(record.ground, folder, file))
    policy = record.policy
    rules = problems.read(lambda: _rules(policy.rules, folder)) if policy else None
    second = policy.compare if policy else None
    compare = problems.read(lambda: _rules(second, folder)) if second else None
    classes = tuple(policy.classes) if policy else ("fixed",)
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
        grid=SlotGrid.covering(record.start, record.seconds, record.slot, record.slot_phase_s),
        area=area,
        resolution=record.ground.resolution,
        classes=classes,
        rules=rules,
        compare=compare,
        inputs=inputs,
        notes=tuple(notes),
    )


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
    named = [WORLD] if area.world else area.ids  # a file is its polygons, whatever it is called
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


def warm_up() -> None:
    """Compile every kernel that a run needs, by running the starter scenario for two slots."""
    with as_file(files("openleo.data") / "starter") as folder:
        scenario = Scenario.load(folder / "scenario.toml")
    scenario.first_slots(2).run()
