"""The file of a study of withdrawals: what is withdrawn of whom, and what is asked then.

Paths are relative to the file. Every problem of the file and of the scenarios that it names is reported together.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from openleo.errors import InputError, Problem, Together, near_names
from openleo.file_values import Words
from openleo.network.ground import stations
from openleo.reading import Record, examine
from openleo.results import Case
from openleo.scenario import Scenario
from openleo.study.dependence import CutAsked, SitesAsked, WithdrawalStudy
from openleo.study.served import check_alike
from openleo.study.sites import check_days
from openleo.study.withdrawal import Cable, Kind, Operators, Thing, Withdrawal, things_of, unknown

ALL = "all"
WORDS: dict[str, Kind] = {  # keys of a table of things
    "operators": "operator",
    "countries": "country",
    "gateways": "gateway",
    "pops": "pop",
    "cables": "cable",
    "planes": "plane",
    "shells": "shell",
}


def _things(of: str) -> Any:
    return Field(default_factory=list, description=f'{of} "all", or a list of names.')


class ThingsRecord(Record):
    """`[withdraw]`, and `after` in other tables: things by name."""

    operators: Words = _things("Whole operators.")
    countries: Words = _things("All gateways that stand in a territory.")
    gateways: Words = _things("Single gateways.")
    pops: Words = _things("PoPs; gateways hand their traffic to the nearest one that is left.")
    cables: Words = _things("Cables of this file.")
    isls: bool = Field(False, description="All links between satellites.")
    planes: Words = _things("Planes, as in [failures].")
    shells: Words = _things("Shells.")


class TogetherRecord(ThingsRecord):
    """`[[together]]`: things that are withdrawn at once, as one withdrawal."""

    name: str = Field(description="What it is called in tables and pictures.", min_length=1)


class OperatorRecord(Record):
    """`[[operator]]`: one operator's network, as a scenario over the same area and time as the others."""

    name: str = Field(description="What it is called.", min_length=1)
    scenario: str = Field(description="Its scenario file.", min_length=1)


class CableRecord(Record):
    """`[[cable]]`: a cable system, and the stations that have no way but over it."""

    name: str = Field(description="What it is called.", min_length=1)
    gateways: Words = Field(default_factory=list, description="Gateways that hang on it.")
    pops: Words = Field(default_factory=list, description="PoPs that hang on it.")
    source: str = Field(description="Where that is known from, or that it is invented.", min_length=1)


class CutRecord(Record):
    """`[[cut]]`: the smallest set of things of a kind that cuts a territory off."""

    kind: Literal["operator", "country", "gateway", "pop", "cable", "plane", "shell"] = Field(
        description="What the set is made of."
    )
    threshold: float = Field(0.0, ge=0.0, lt=1.0, description="Cut off is what is served up to this share.")
    territories: Words = Field(default_factory=list, description="Default: those of the study.")
    after: ThingsRecord = Field(ThingsRecord(), description="Withdrawn before, and counted as none of the set.")
    time_limit_s: float = Field(60.0, gt=0.0, le=3600.0, description="Then the best set so far is told, with a bound.")


class SitesRecord(Record):
    """`[[sites]]`: the best next gateway sites for a territory."""

    territory: str = Field(description="Whose people are to be served.", min_length=1)
    operator: str | None = Field(None, description="Whose gateways they would be. Default: the first operator.")
    number: int = Field(1, ge=1, le=50, description="How many.")
    candidates: str | None = Field(None, description="A CSV (name, lat_deg, lon_deg, days) or GeoJSON of sites.")
    cells_of: Words = Field(
        default_factory=list,
        description="Without candidates: the centres of the cells of these territories. Default: of the territory.",
    )
    after: ThingsRecord = Field(ThingsRecord(), description="Withdrawn before.")
    restore: float | None = Field(
        None, gt=0.0, le=1.0, description="Tell the day from which this share is served; candidates have days then."
    )


class WithdrawalRecord(Record):
    """The whole file."""

    kind: Literal["withdrawal"] = Field(description="What makes it a study of withdrawals.")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the study.")
    scenario: str | None = Field(None, description="The scenario of the only operator; or [[operator]] tables.")
    operator: list[OperatorRecord] = Field(default_factory=list, description="Operators, one table each.")
    slots: int | None = Field(None, ge=1, description="Only the scenarios' first slots. Default: all.")
    territories: Words = Field(default_factory=list, description="To tell of. Default: all of the area.")
    mixes: bool = Field(True, description="With several operators, compute every mix of them.")
    withdraw: ThingsRecord = Field(ThingsRecord(), description="Things that are withdrawn one by one.")
    together: list[TogetherRecord] = Field(default_factory=list, description="Things that are withdrawn at once.")
    cable: list[CableRecord] = Field(default_factory=list, description="Cable systems.")
    cut: list[CutRecord] = Field(default_factory=list, description="Smallest sets.")
    sites: list[SitesRecord] = Field(default_factory=list, description="Best sites.")


def read_withdrawal(raw: dict[str, Any], path: Path) -> WithdrawalStudy:
    """A study of withdrawals from the tables of its file. Raises InputError with every problem."""
    file, folder, problems = str(path), path.parent, Together()
    record, problems.found = examine(WithdrawalRecord, raw, file, within_bounds=True)
    if record is None:
        raise InputError(problems.found)
    cases = _operators(record, folder, file, problems)
    cables = tuple(Cable(one.name, tuple(one.gateways), tuple(one.pops), one.source) for one in record.cable)
    if len(cases) < max(len(record.operator), 1):  # all else is about names that they have
        problems.done()
    problems.read(lambda: check_alike(cases, file))
    problems.found += _cable_faults(cables, cases, file)
    withdrawals = [
        Withdrawal.of(thing) for thing in _things_named(record.withdraw, cases, cables, file, "withdraw", problems)
    ]
    for number, one in enumerate(record.together):
        named = tuple(_things_named(one, cases, cables, file, f"together[{number}]", problems))
        withdrawals.append(Withdrawal(one.name, named))
    names = [one.name for one in withdrawals]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        problems.found.append(Problem(file, "together", f'two withdrawals are called "{name}".', "Names must differ."))
    cuts = [
        CutAsked(
            one.kind, one.threshold, tuple(one.territories),
            tuple(_things_named(one.after, cases, cables, file, f"cut[{number}].after", problems)), one.time_limit_s,
        ) for number, one in enumerate(record.cut)
    ]  # fmt: skip
    sites = [
        _sites(one, cases, cables, folder, file, f"sites[{number}]", problems)
        for number, one in enumerate(record.sites)
    ]
    if not withdrawals and not cuts and not sites and not problems.found:
        rule = "asks nothing: there is no [withdraw], [[together]], [[cut]] or [[sites]]."
        problems.found.append(Problem(file, "", rule, "Write one of them."))
    problems.done()
    return WithdrawalStudy(
        record.name, cases, tuple(withdrawals), cables, tuple(record.territories), record.mixes, tuple(cuts),
        tuple(sites), file,
    )  # fmt: skip


def _operators(record: WithdrawalRecord, folder: Path, file: str, problems: Together) -> dict[str, Case]:
    """The case of each operator, by name; a scenario's own name where it is the only one."""
    if (record.scenario is None) == (not record.operator):
        rule = "needs a scenario, or [[operator]] tables, and not both."
        problems.found.append(Problem(file, "scenario", rule))
        return {}
    listed = [(one.name, one.scenario) for one in record.operator] or [("", record.scenario or "")]
    cases: dict[str, Case] = {}
    for name, scenario in listed:
        read = problems.read(partial(Scenario.load, folder / scenario))
        if read is None:
            continue
        if name in cases:
            problems.found.append(
                Problem(file, "operator", f'two operators are called "{name}".', "Names must differ.")
            )
        case = (read.first_slots(record.slots) if record.slots else read).case
        cases[name or case.name] = case
    return cases


def _things_named(
    record: ThingsRecord, cases: Operators, cables: tuple[Cable, ...], file: str, where: str, problems: Together
) -> Iterator[Thing]:
    """The things of a table; adds to `problems` those that nobody has."""
    for key, kind in WORDS.items():
        names: list[str] = getattr(record, key)
        things = things_of(cases, kind, cables) if names == [ALL] else [Thing(kind, name) for name in names]
        for thing in things:
            fault = unknown(cases, thing, cables, file, f"{where}.{key}")
            problems.found += [fault] if fault else []
            yield thing
    if record.isls:
        fault = unknown(cases, Thing("isls"), cables, file, f"{where}.isls")
        problems.found += [fault] if fault else []
        yield Thing("isls")


def _sites(
    record: SitesRecord, cases: Operators, cables: tuple[Cable, ...], folder: Path, file: str, where: str,
    problems: Together,
) -> SitesAsked:  # fmt: skip
    operator = record.operator or next(iter(cases))
    if operator not in cases:
        rule = f'there is no operator "{operator}".'
        problems.found.append(Problem(file, f"{where}.operator", rule, near_names(operator, cases)))
    listed: tuple[stations.Station, ...] = ()
    if record.candidates is not None:
        source = record.candidates
        read = problems.read(lambda: stations.read(source, "sites", folder, file, f"{where}.candidates"))
        listed = read[0] if read else ()
    if record.restore is not None and record.candidates is None:
        rule = "needs candidates that say in how many days each can stand; there is no default."
        problems.found.append(Problem(file, f"{where}.restore", rule, 'Write candidates = "sites.csv".'))
    elif listed:
        problems.read(lambda: check_days(listed, record.restore, file))
    after = tuple(_things_named(record.after, cases, cables, file, f"{where}.after", problems))
    return SitesAsked(record.territory, operator, record.number, listed, tuple(record.cells_of), after, record.restore)


def _cable_faults(cables: tuple[Cable, ...], cases: Operators, file: str) -> Iterator[Problem]:
    """What is wrong with the names that cables have and name."""
    names = [cable.name for cable in cables]
    gateways = {one.name for case in cases.values() for one in case.network.gateways.stations}
    pops = {one.name for case in cases.values() for one in case.network.gateways.pops}
    for number, cable in enumerate(cables):
        where = f"cable[{number}]"
        if names.index(cable.name) < number:
            yield Problem(file, f"{where}.name", f'two cables are called "{cable.name}".', "Names must differ.")
        if not cable.gateways and not cable.pops:
            yield Problem(file, where, f'"{cable.name}" names no station.', "Write gateways or pops.")
        for kind, those, known in (("gateway", cable.gateways, gateways), ("PoP", cable.pops, pops)):
            for name in those:
                if name not in known:
                    yield Problem(file, where, f'there is no {kind} "{name}".', near_names(name, known))
