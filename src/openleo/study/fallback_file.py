"""The file of a study of falling back: a place's links, what it asks for, and what of it is cut.

Paths are relative to the file. Every problem of the file and of its scenario is reported together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from openleo.errors import InputError, Problem, Together, given, near_names
from openleo.file_values import Words
from openleo.network.capacity.demand_file import read_curve
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.reading import Record, examine
from openleo.results import Case
from openleo.scenario import Scenario
from openleo.study.fallback import ALL_CUT, NOTHING_CUT, Cut, Link, Wanted
from openleo.study.fallback_run import FallbackStudy, Satellites

MOST_GBPS = 1e6
SHARES_MAKE = 1e-9  # how far from 1 shares may be together
Gbps = Annotated[float, Field(ge=0.0, le=MOST_GBPS)]


class ClassRecord(Record):
    """`[[class]]`: a priority class of what the place asks for; the first in the file is served first."""

    name: str = Field(description="What it is called.", min_length=1)
    gbps: Gbps | None = Field(None, description="What it asks for in the busiest hour, Gbit/s.")
    share: float | None = Field(None, ge=0.0, le=1.0, description="Or its share of `peak_gbps`; all make 1.")


class LinkRecord(Record):
    """`[[link]]`: a way to the rest of the world that is no satellite's."""

    name: str = Field(description="What it is called.", min_length=1)
    kind: str = Field("cable", description="cable, microwave, … : a word for tables.", min_length=1)
    gbps: Gbps = Field(description="What it carries, Gbit/s.")
    source: str = Field(description="Where that is known from, or that it is assumed.", min_length=1)
    gateways: Words = Field(default_factory=list, description="Gateways that have no way but over it.")
    pops: Words = Field(default_factory=list, description="PoPs that have no way but over it.")


class SatelliteRecord(Record):
    """`[satellite]`: what there is to fall back on."""

    terminals: int | None = Field(
        None, ge=0, le=10_000_000, description="How many. Default: as many as the place needs."
    )
    terminal_mbps: float | None = Field(
        None, gt=0.0, le=1e6, description="The most that one takes, Mbit/s. Default: as the scenario's terminal."
    )


class TogetherRecord(Record):
    """`[[together]]`: links that are cut at once, for a time."""

    name: str = Field(description="What the case is called.", min_length=1)
    links: Words = Field(description="Their names.")
    begin: AwareDatetime | None = Field(None, alias="from", description="From when on. Default: the run's start.")
    until: AwareDatetime | None = Field(None, description="Until before when. Default: the run's end.")


class FallbackRecord(Record):
    """The whole file."""

    kind: Literal["fallback"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the study.")
    scenario: str = Field(description="The scenario of the satellites, with `[capacity]` enabled.", min_length=1)
    place: Words = Field(description="The territories of its area whose links are told of.")
    slots: int | None = Field(None, ge=1, description="Only the scenario's first slots. Default: all.")
    peak_gbps: Gbps | None = Field(
        None, description="What the place asks for in the busiest hour, where classes are shares."
    )
    source: str = Field(description="Where what is asked for is known from, or that it is assumed.", min_length=1)
    curve: str = Field(
        "flat",
        description='What is asked for by local hour: "flat" (the peak, always), "evening", or a CSV (hour,relative).',
    )
    class_: list[ClassRecord] = Field(alias="class", min_length=1, description="Priority classes, the first one first.")
    link: list[LinkRecord] = Field(min_length=1, description="Links other than satellites.")
    satellite: SatelliteRecord = Field(SatelliteRecord(), description="What there is to fall back on.")
    together: list[TogetherRecord] = Field(default_factory=list, description="Links that are cut at once.")


def read_fallback(raw: dict[str, Any], path: Path) -> FallbackStudy:
    """A study of falling back from the tables of its file. Raises InputError with every problem."""
    file, folder, problems = str(path), path.parent, Together()
    record, problems.found = examine(FallbackRecord, raw, file, within_bounds=True)
    if record is None:
        raise InputError(problems.found)
    curve = problems.read(lambda: read_curve(record.curve, folder))
    scenario = problems.read(lambda: Scenario.load(folder / record.scenario))
    problems.found += [*_place_faults(record, file), *_class_faults(record, file), *_link_faults(record, file)]
    if scenario is not None:
        problems.found += _scenario_faults(record, scenario.case, file)
    problems.done()
    read = given(scenario)
    return FallbackStudy(
        record.name,
        (read.first_slots(record.slots) if record.slots else read).case,
        tuple(dict.fromkeys(map(_label, record.place))),
        tuple(Wanted(one.name, _gbps(one, record)) for one in record.class_),
        record.source,
        tuple(
            Link(one.name, one.kind, one.gbps, one.source, tuple(one.gateways), tuple(one.pops)) for one in record.link
        ),
        Satellites(record.satellite.terminals, record.satellite.terminal_mbps),
        tuple(Cut(one.name, tuple(one.links), one.begin, one.until) for one in record.together),
        given(curve),
        file,
    )


def _gbps(one: ClassRecord, record: FallbackRecord) -> float:
    return one.gbps if one.gbps is not None else (one.share or 0.0) * (record.peak_gbps or 0.0)


def _label(word: str) -> str:
    """A territory by its id, whatever it is called; with its strip of sea, if it names one."""
    land, dot, strip = word.partition(".")
    return f"{territory_id(land) or land}{dot}{strip}"


def _place_faults(record: FallbackRecord, file: str) -> Iterator[Problem]:
    """Names that no territory has."""
    if not record.place:
        yield Problem(file, "place", "names no territory.", "Name those whose links are told of.")
    for word in record.place:
        if _label(word).partition(".")[0] not in territories():
            yield Problem(file, "place", *unknown_territory(word))


def _class_faults(record: FallbackRecord, file: str) -> Iterator[Problem]:
    """What is wrong with what is asked for."""
    names = [one.name for one in record.class_]
    for number, one in enumerate(record.class_):
        where = f"class[{number}]"
        if names.index(one.name) < number:
            yield Problem(file, f"{where}.name", f'two classes are called "{one.name}".', "Names must differ.")
        if (one.gbps is None) == (one.share is None):
            yield Problem(file, where, f'"{one.name}" needs gbps, or share, and not both.')
    shares = [one.share for one in record.class_ if one.share is not None]
    if shares and record.peak_gbps is None:
        yield Problem(file, "peak_gbps", "is missing, and classes are shares of it.", "Write it, or give classes gbps.")
    if shares and len(shares) < len(names):
        yield Problem(file, "class", "some have gbps, and some a share.", "Write the same of all.")
    elif shares and abs(sum(shares) - 1.0) > SHARES_MAKE:
        yield Problem(file, "class", f"shares make {sum(shares):g} together; they must make 1.")
    if not shares and record.peak_gbps is not None:
        yield Problem(file, "peak_gbps", "is given, and no class is a share of it.", "Leave it out, or write shares.")


def _link_faults(record: FallbackRecord, file: str) -> Iterator[Problem]:
    """What is wrong with links, and with what is cut of them."""
    names = [one.name for one in record.link]
    for number, name in enumerate(names):
        if names.index(name) < number:
            yield Problem(file, f"link[{number}].name", f'two links are called "{name}".', "Names must differ.")
    taken = [NOTHING_CUT, ALL_CUT, *names]
    for number, one in enumerate(record.together):
        where = f"together[{number}]"
        if one.name in taken:
            yield Problem(file, f"{where}.name", f'another case is called "{one.name}".', "Names must differ.")
        taken.append(one.name)
        if not one.links:
            yield Problem(file, f"{where}.links", "names no link.", "Name those that are cut.")
        for name in one.links:
            if name not in names:
                yield Problem(file, f"{where}.links", f'there is no link "{name}".', near_names(name, names))
        if one.begin is not None and one.until is not None and one.until <= one.begin:
            yield Problem(file, f"{where}.until", "is not after from.", "Swap them, or leave one out.")


def _scenario_faults(record: FallbackRecord, case: Case, file: str) -> Iterator[Problem]:
    """What the scenario lacks of that which the study names."""
    if case.capacity is None:
        rule = "has no capacity, so that no rate is known."
        yield Problem(file, "scenario", rule, "Write enabled = true in its [capacity].")
    elif (
        record.satellite.terminals
        and record.satellite.terminal_mbps is None
        and math.isinf(case.capacity.caps().terminal_down_mbps)
    ):
        rule = "is given, and nothing says what one terminal takes: the scenario's has no mbps_down_max."
        yield Problem(file, "satellite.terminals", rule, "Write terminal_mbps, or leave terminals out.")
    gateways = case.network.gateways
    known = {"gateway": [one.name for one in gateways.stations], "PoP": [one.name for one in gateways.pops]}
    for number, link in enumerate(record.link):
        for kind, those in (("gateway", link.gateways), ("PoP", link.pops)):
            for name in those:
                if name not in known[kind]:
                    rule = f'there is no {kind} "{name}" in the scenario.'
                    yield Problem(file, f"link[{number}]", rule, near_names(name, known[kind]))
