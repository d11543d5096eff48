"""What a scenario file may hold: every key with its type, default, bounds and meaning.

The reference of the scenario file is generated from here. `scenario` reads a file into these records and makes of them
what a run is computed from.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from openleo.capacity_file import CapacityRecord, DemandRecord
from openleo.failures_file import FailuresRecord, JammingRecord
from openleo.file_values import Duration, Instant, Words
from openleo.instants import instant_text
from openleo.reading import Record
from openleo.units import BEAM_KM, GRAZING_ALTITUDE_KM

LONGEST_RUN_SLOTS = 65_535  # 11 days of 15 s; longer runs are several


PATTERN_LASERS = {"+grid": 4, "zig-zag": 3, "ring": 2}


class ConstellationRecord(Record):
    """`[constellation]`: one of catalogue, elements, ephemerides or [[constellation.shell]] tables."""

    catalogue: str | None = Field(None, description="A system of the catalogue, as filed.")
    elements: str | None = Field(None, description="A file of element sets: OMM (JSON, CSV, XML, KVN) or TLE.")
    ephemerides: str | None = Field(
        None,
        description="A file of ephemerides, a folder, or a pattern such as eph/*.oem: CCSDS OEM (KVN) or MEME_….txt.",
    )
    shell: list[dict[str, Any]] | None = Field(None, description="Walker shells of your own; see below.")
    epoch: Instant | None = Field(
        None, description="Instant at which the angles of your own shells hold. Default: 2026-01-01T00:00:00Z."
    )
    isl: Literal["+grid", "zig-zag", "ring", "nearest", "none"] | None = Field(
        None,
        description="Inter-satellite links: +grid (four lasers), zig-zag (three: every second link across), ring (two: "
        "in the plane), nearest (as many as there are), none. Default: +grid; of element sets and "
        "ephemerides, which do not say who has lasers, none. Given, the grids join planes that are inferred.",
    )
    laser_terminals: int | None = Field(
        None,
        ge=1,
        le=16,
        description="Lasers that a satellite has for its pattern of links: as many as you like with nearest; "
        "the others take a number of their own. Default: that number; 4 with nearest.",
    )
    inter_shell: bool = Field(
        False,
        description="Links to the nearest satellite of the shell above and of the one below, with two lasers more, "
        "decided at the start.",
    )
    isl_range_km: float | None = Field(None, gt=0.0, description="The longest inter-satellite link. Default: no limit.")
    isl_grazing_altitude_km: float = Field(
        GRAZING_ALTITUDE_KM, ge=0.0, le=1000.0, description="No link passes the ground lower than this."
    )
    isl_polar_cutoff_deg: float | None = Field(
        None, ge=0.0, le=90.0, description="No link across planes beyond this latitude. Default: no limit."
    )
    lasers: Literal["filed", "all"] = Field(
        "filed", description='Which satellites have lasers: those that the catalogue says, or "all".'
    )

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        given = [name for name in ("catalogue", "elements", "ephemerides", "shell") if getattr(self, name) is not None]
        found = []
        if len(given) != 1:
            has = " and ".join(given) or "none"
            one_of = "catalogue, elements, ephemerides or [[constellation.shell]]"
            found.append(f"needs exactly one of {one_of}; it has {has}.")
        if self.epoch is not None and self.shell is None:
            found.append("epoch is for [[constellation.shell]] tables; a catalogue and element sets bring their own.")
        pattern = self.isl or "+grid"  # where no planes are found there are no links, however many lasers
        taken = PATTERN_LASERS.get(pattern, 0)
        if self.laser_terminals is not None and pattern != "nearest" and self.laser_terminals != taken:
            fits = next((name for name, lasers in PATTERN_LASERS.items() if lasers == self.laser_terminals), "nearest")
            of = f'isl "{pattern}"' if self.isl else f'isl "{pattern}", its default,'
            found.append(
                f"{of} takes {taken or 'no'} lasers, and laser_terminals is {self.laser_terminals}; "
                f'leave it out, or write isl = "{fits}".'
            )
        return found


class GroundRecord(Record):
    """`[ground]`: where people and stations are."""

    area: Words = Field(
        description='What to compute over: territories, strips of sea, GeoJSON files, expressions, or "world".',
        min_length=1,
    )
    resolution: int = Field(4, ge=0, le=7, description="H3 resolution of the cells: 4 has 1,770 km², 5 has 253 km².")
    gateways: str = Field(
        "starlink-2026", description="An embedded list of gateways, or a CSV (name, lat_deg, lon_deg) or GeoJSON file."
    )
    pops: str | None = Field(
        None, description="PoPs, as gateways. Default: the embedded list of the same name, else starlink-2026."
    )
    horizons: str | None = Field(
        None, description="A CSV (site, azimuth_deg, elevation_deg): the horizon of gateways and named places."
    )
    fibre_detour: float = Field(
        1.5, ge=1.0, le=5.0, description="Length of a fibre from gateway to PoP over the geodesic. Assumed."
    )
    serving_pops: str = Field(
        "nearest",
        description='Which PoP serves a territory: an embedded table ("starlink-2026"), a CSV (territory, pop, share, '
        'as_of, basis), or "nearest": every gateway hands its traffic to the PoP nearest to it.',
    )
    pop_gateways: bool = Field(
        False,
        description="Assume a gateway at each PoP that has none of the list within 300 km: a PoP stands where traffic "
        "lands, and lists of gateways have gaps.",
    )


class ShellMaskRecord(Record):
    """`[[links.shell]]`: the masks under which the satellites of one shell are used."""

    name: str = Field(description="A shell of the constellation.")
    user_elevation_deg: float | None = Field(
        None, ge=0.0, le=90.0, description="For terminals; the greater of this and theirs counts."
    )
    gateway_elevation_deg: float | None = Field(
        None, ge=0.0, le=90.0, description="For gateways; the greater of this and theirs counts."
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
        11.0,
        ge=0.0,
        le=1000.0,
        description="Added once to every round trip to the Internet: scheduling and processing. Assumed.",
    )
    chain: bool = Field(
        False,
        description="Compute round trips to the Internet by the fitted chain (docs: how believable): scheduling, ways "
        "longer than the shortest, fibre, PoP and jitter in place of processing_ms.",
    )
    gso_exclusion_deg: float = Field(
        0.0,
        ge=0.0,
        le=60.0,
        description="Least angle at terminals and gateways between a satellite and the geostationary arc above their "
        "horizon. 0: off.",
    )
    gateway_antennas: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Satellites that a gateway serves at a time, where its list has no antennas of its own. "
        "Default: no limit, whatever the list has.",
    )
    gateway_choice: Literal["nearest", "spread"] = Field(
        "nearest",
        description="Where a satellite lands: at the gateway with the shortest way to its PoP (with gateway_antennas, "
        "of those with one to spare), or spread over all whose way is at most spread_ms longer than that, so that "
        "gateways carry more alike.",
    )
    spread_ms: float = Field(
        1.0,
        ge=0.0,
        le=100.0,
        description='Of light, one way: how much longer a way may be. Only with gateway_choice = "spread".',
    )
    shell: list[ShellMaskRecord] = Field(
        default_factory=list, description="Masks by shell: name, user_elevation_deg, gateway_elevation_deg."
    )
    ground_range_km: float | None = Field(
        None,
        gt=0.0,
        description='Only with conventions = "hypatia": the slant range up to which a ground link counts. Default: the '
        "directory's; else the shells' altitude over the sine of user_elevation_deg.",
    )


class PolicyRecord(Record):
    """`[policy]`: rule files; without the table everything is permitted and the run asks only what can be served."""

    rules: Words = Field(description="The rule files in force, or folders of them: one or a list.", min_length=1)
    compare: Words | None = Field(
        None,
        description="Rule files (or folders) to compare with: the effect of going from `rules` to these.",
        min_length=1,
    )
    classes: Words = Field(
        default_factory=lambda: ["fixed"],
        min_length=1,
        description='Classes of terminals to compute; the summary shows the first. Default: ["fixed"].',
    )
    beam_km: float = Field(
        BEAM_KM,
        ge=0.0,
        le=500.0,
        description="How far a beam is felt around the place that it serves: so far around a place that rules on beams "
        "keep dark nobody is served. Without such rules it changes nothing.",
    )


class ScenarioRecord(Record):
    """The whole file."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the run and its output folder, out/NAME."
    )
    start: Instant = Field(
        description="The first instant, with its zone: 2026-11-20T00:00:00Z. `t` = 0 of round-trip times, exports and "
        "tracks, whatever slot_phase_s is."
    )
    duration: Duration | None = Field(None, description="How long: 15s, 90m, 24h, 7d. Either this or end.")
    end: Instant | None = Field(None, description="The last instant. Either this or duration.")
    slot: Duration = Field(15.0, description="The interval in which the assignment of satellites holds.")
    slot_phase_s: float | None = Field(
        None,
        ge=0.0,
        lt=60.0,
        description="Shifts the slots on to this many seconds past the minute (Starlink: 12); `start` stays the "
        "instant of `t` = 0. Default: none.",
    )
    conventions: Literal["openleo", "hypatia"] = Field(
        "openleo", description='"openleo", or "hypatia" for pairs of places under Hypatia\'s rules; see below.'
    )
    constellation: ConstellationRecord
    ground: GroundRecord
    links: LinksRecord = LinksRecord()
    capacity: CapacityRecord = CapacityRecord()
    demand: DemandRecord = DemandRecord()
    failures: FailuresRecord | None = Field(None, description="What is out of order, and when.")
    jamming: list[JammingRecord] = Field(default_factory=list, description="Where users' links are disturbed.")
    policy: PolicyRecord | None = None

    def time_faults(self) -> list[str]:
        """What is wrong between the keys of time."""
        if self.slot <= 0.0:
            return [f"slot is {self.slot:g} s; it must be longer than 0 s."]
        if (self.duration is None) == (self.end is None):
            return ["needs a duration or an end, and not both."]
        if self.end is not None and self.end <= self.start:
            times = f"end {instant_text(self.end)} is not after start {instant_text(self.start)}"
            return [f"{times}; write an end after the start."]
        found = []
        if self.seconds < self.slot:
            found.append(f"duration is {self.seconds:g} s, shorter than one slot of {self.slot:g} s.")
        if self.slot_phase_s is not None and (60.0 / self.slot) % 1.0:
            whole = f"which slots of {self.slot:g} s do not divide"
            found.append(f"slot_phase_s counts from the minute, {whole}; leave it out.")
        if self.seconds / self.slot > LONGEST_RUN_SLOTS:
            found.append(f"has {self.seconds / self.slot:.0f} slots; a run has at most {LONGEST_RUN_SLOTS}.")
        return found

    @property
    def seconds(self) -> float:
        """How long the run is."""
        if self.end is not None:
            return (self.end - self.start).total_seconds()
        assert self.duration is not None  # held by time_faults
        return self.duration


class HypatiaConstellationRecord(Record):
    """`[constellation]` of a Hypatia scenario."""

    hypatia: str = Field(
        description="A satgenpy directory: tles.txt, isls.txt, ground_stations.txt, description.txt.", min_length=1
    )


class HypatiaGroundRecord(GroundRecord):
    """`[ground]` of a Hypatia directory: gateways and PoPs as names of places; its sites are the directory's own."""

    area: Words = Field(default_factory=list, description="Without effect on pairs of places.")


class HypatiaRecord(Record):
    """A scenario with `conventions = "hypatia"` and a directory: pairs of places only, under Hypatia's conventions.

    Ground links by slant range and not by elevation, WGS 72, places on its ellipsoid, light's time and nothing added.
    Three lines are enough. `rtt`, `path` to a place and `export` traces, load, czml, oem and hypatia read it. Of
    `[links]` only ground_range_km has an effect; the angle to the geostationary arc, the masks of shells, horizons and
    rules are refused.
    With a catalogue, shells or element sets in place of the directory, the file is an ordinary one. Its shells move as
    the TLEs that `export hypatia` writes of them; links between satellites are those of `[constellation]`.
    """

    conventions: Literal["hypatia"]
    name: str | None = Field(None, description="Default: the directory's name.")
    start: Instant | None = Field(None, description="Instant of t = 0. Default: the epoch of the element sets.")
    duration: Duration | None = Field(None, description="How long exports and random failures go on.")
    end: Instant | None = Field(None, description="The last instant, in place of duration.")
    slot: Duration = Field(15.0, description="The duration is cut to whole slots.")
    slot_phase_s: float | None = Field(None, ge=0.0, lt=60.0, description="As above.")
    constellation: HypatiaConstellationRecord
    ground: HypatiaGroundRecord | None = Field(None, description="As above; area may be left out.")
    links: LinksRecord = LinksRecord()
    capacity: CapacityRecord = CapacityRecord()
    failures: FailuresRecord | None = Field(
        None, description="As above: of satellites, planes that are found, and inter-satellite links."
    )
