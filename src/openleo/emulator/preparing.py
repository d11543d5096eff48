"""Everything that can be known of a run before it starts: its places, commands, rules, table and names.

Takes an Experiment; gives Prepared, or raises InputError with all that is wrong, with nothing begun. Reads scenario and
rule files, looks for commands on PATH; makes nothing in the kernel.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from openleo.emulator import planned
from openleo.emulator.experiment import CLASS, Experiment, RulesAt, Terminal
from openleo.emulator.names import names_of, slug
from openleo.emulator.namespaces import Kind
from openleo.emulator.outlook import outlook
from openleo.emulator.table import LinkTable, handed_over
from openleo.errors import InputError, Problem, Together, given, near_names
from openleo.instants import SlotGrid, instant_text
from openleo.network.ground.gateways import geodesics_km
from openleo.network.journeys import Point
from openleo.network.reach import Network
from openleo.places import gazetteer
from openleo.reading import read_toml
from openleo.results import Case
from openleo.scenario import Scenario

Place = Callable[[str], tuple[str, str]]  # (file or option, key in it) of a key of an experiment's file
SAME_TOWN_KM = 50.0  # a town this near to a PoP of its own name is the PoP's town
TERMINAL: Kind = "terminal"
POP: Kind = "pop"
MOST_STEPS = 240  # planned when nobody says how long: an hour of 15 s


@dataclass(frozen=True)
class Started:
    """A command with the endpoint it runs in: its kind, its number there, and its name as a host."""

    at_s: float
    kind: Kind
    number: int
    host: str
    argv: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A run that can start. runs_s: for so long at most. notes: what people should know before."""

    experiment: Experiment
    table: LinkTable
    runs_s: float
    asked_pops: tuple[str, ...]
    commands: tuple[Started, ...]
    servers: tuple[Started, ...]
    notes: tuple[str, ...]

    @property
    def host_names(self) -> tuple[list[str], list[str]]:
        return names_of(self.table.terminals, self.table.anchors, self.asked_pops)


def prepare(experiment: Experiment, place: Place, threads: int | None = None) -> Prepared:
    """Look everything up and plan. `place`: where a key of the experiment's file was said, for what is wrong there."""
    together = Together()
    together.found += _commands_missing(experiment, place) + _no_capture(experiment, place)
    cases = together.read(lambda: _cases(experiment))
    terminals = window = pops = None
    if cases:
        case = cases[0][1]
        terminals = together.read(lambda: _terminals(experiment, case.network, place))
        window = together.read(lambda: _window(experiment, case.grid, place))
        pops = together.read(lambda: _pops(experiment, case.network, place))
    together.done()
    (grid, into_s, runs_s), cases, terminals = given(window), given(cases), given(terminals)
    options = _options(experiment)
    first = planned.link_table(cases[0][1], terminals, grid, options, threads)
    table = _with_pops(first, cases[0][1].network, given(pops))
    if len(cases) > 1:
        fixed = [replace(one, anchor=first.anchors[first.anchor[n]]) for n, one in enumerate(terminals)]
        others = [planned.link_table(case, fixed, grid, options, threads) for _, case in cases[1:]]
        steps = [0, *(math.ceil((at_s + into_s) / grid.slot_s - 1e-9) for at_s, _ in cases[1:])]
        table = spliced([table, *others], steps, experiment.outage_s)
    table = replace(table, terminals=tuple(one.name for one in experiment.terminals), into_s=into_s)
    looked = outlook(table, str(experiment.scenario))
    if looked.never:
        raise InputError(looked.never)
    notes = looked.at_times
    if experiment.duration_s is None and table.steps < MOST_STEPS:
        notes = (*notes, f"The scenario ends after {runs_s:g} s, and the run with it.")
    return ready(experiment, table, runs_s, given(pops), notes)


def ready(
    experiment: Experiment, table: LinkTable, runs_s: float, pops: tuple[str, ...], notes: tuple[str, ...]
) -> Prepared:
    """An experiment with its table, however that was made: its commands find their endpoints."""
    prepared = Prepared(experiment, table, runs_s, pops, (), (), notes)
    commands = tuple(_started(prepared, one.at_s, one.where, one.argv) for one in experiment.commands)
    by_name = {slug(name): name for name in table.anchors}
    servers = tuple(_started(prepared, 0.0, f"pop-{by_name[slug(one.pop)]}", one.argv) for one in experiment.servers)
    return replace(prepared, commands=commands, servers=servers)


def _started(prepared: Prepared, at_s: float, where: str, argv: tuple[str, ...]) -> Started:
    kind, number, host = endpoint(prepared, where)
    return Started(at_s, kind, number, host, argv)


def endpoint(prepared: Prepared, where: str) -> tuple[Kind, int, str]:
    """(kind, number, host name) of an endpoint by any of its names."""
    of_terminals, of_pops = prepared.host_names
    asked = slug(where)
    each: list[tuple[Kind, list[str], tuple[str, ...]]] = [
        (TERMINAL, of_terminals, prepared.table.terminals),
        (POP, of_pops, prepared.table.anchors),
    ]
    for kind, names, written in each:
        for number, (mine, name) in enumerate(zip(names, written, strict=True)):
            if asked == mine or (kind == POP and asked == f"pop-{slug(name)}"):
                return kind, number, mine
    for number, name in enumerate(prepared.table.terminals):  # a terminal whose plain name a PoP has
        if asked == slug(name):
            return TERMINAL, number, of_terminals[number]
    raise KeyError(where)


# --- places ---------------------------------------------------------------------------------------------------------


def town(words: str, network: Network) -> Point | None:
    """A place by its name, as `openleo path` finds it: a gateway or PoP of the scenario, a town, a territory."""
    for station in (*network.gateways.stations, *network.gateways.pops):
        if station.name.casefold() == words.strip().casefold():
            return Point(station.name, station.latitude_deg, station.longitude_deg)
    found = gazetteer.find(words)
    return None if found is None else Point(found.name, found.latitude_deg, found.longitude_deg)


def pop_named(words: str, network: Network) -> str | None:
    """The PoP that some words name: by its own name, or as the town that it stands in."""
    pops = network.gateways.pops
    for station in pops:
        if slug(station.name) == slug(words.removeprefix("pop:")):
            return station.name
    found = gazetteer.find(words)
    for station in pops if found else ():
        assert found is not None
        away_km = geodesics_km(
            np.array([found.latitude_deg]), np.array([found.longitude_deg]),
            np.array([station.latitude_deg]), np.array([station.longitude_deg]),
        )[0, 0]  # fmt: skip
        if slug(found.name) == slug(station.name) and away_km <= SAME_TOWN_KM:
            return station.name
    return None


def joined(
    words: tuple[str, str], network: Network, option: str, class_: str = CLASS
) -> tuple[tuple[Terminal, ...], tuple[str, ...], tuple[str, ...]]:
    """(terminals, PoPs, notes) of `--between A B`: A is a terminal; B a PoP, or else a second terminal.

    `terminal:B` makes a terminal of a town that has a PoP. Towards a PoP, it is the terminal's anchor.
    """
    far = words[1].strip()
    pop = None if far.startswith("terminal:") else pop_named(far, network)
    if pop is not None:
        near = Terminal(_name(words[0], network), words[0].removeprefix("terminal:"), class_, pop)
        said = f"{far}: the PoP at {pop} (write terminal:{far} for a terminal there)"
        return (near,), (pop,), (said,)
    both = [one.strip().removeprefix("terminal:") for one in words]
    if far.startswith("pop:"):
        known = [station.name for station in network.gateways.pops]
        rule = f'there is no PoP "{far.removeprefix("pop:")}".'
        raise InputError(Problem(option, "", rule, near_names(far.removeprefix("pop:"), known) or _listed(known)))
    names = [_name(one, network) for one in both]
    if slug(names[0]) == slug(names[1]):
        rule = f'joins "{words[0]}" to itself.'
        raise InputError(Problem(option, "", rule, "Name two places."))
    return tuple(Terminal(name, one, class_) for name, one in zip(names, both, strict=True)), (), ()


def _name(words: str, network: Network) -> str:
    words = words.removeprefix("terminal:").strip()
    found = town(words, network)
    return found.name if found else words


def _listed(names: Sequence[str]) -> str:
    return f"There are: {', '.join(sorted(names))}."


def _terminals(experiment: Experiment, network: Network, place: Place) -> list[planned.PlacedTerminal]:
    """Where everybody is. Raises InputError with all places and anchors that are not known."""
    problems, found = [], []
    known = [station.name for station in network.gateways.pops]
    for n, one in enumerate(experiment.terminals):
        at = town(one.place, network)
        if at is None:
            rule = f'there is no place "{one.place}".'
            problems.append(Problem(*place(f"terminal[{n}].place"), rule, gazetteer.offer(one.place)))
        anchor = None if one.anchor is None else pop_named(one.anchor, network)
        if one.anchor is not None and anchor is None:
            rule = f'there is no PoP "{one.anchor}" in this scenario.'
            way_out = near_names(one.anchor, known) or _listed(known)
            problems.append(Problem(*place(f"terminal[{n}].anchor"), rule, way_out))
        if at is not None:
            found.append(planned.PlacedTerminal(at, one.class_, anchor))
    if problems:
        raise InputError(problems)
    return found


def _pops(experiment: Experiment, network: Network, place: Place) -> tuple[str, ...]:
    """The PoPs that were named, by their own names."""
    problems, found = [], []
    known = [station.name for station in network.gateways.pops]
    named = [(f"pops[{n}]", words) for n, words in enumerate(experiment.pops)]
    named += [(f"serve[{n}].pop", one.pop) for n, one in enumerate(experiment.servers)]
    for key, words in named:
        name = pop_named(words, network)
        if name is None:
            rule = f'there is no PoP "{words}" in this scenario.'
            problems.append(Problem(*place(key), rule, near_names(words, known) or _listed(known)))
        else:
            found.append(name)
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(found))


def check_commands(experiment: Experiment, place: Place) -> None:
    """Raise InputError with all commands that are not there."""
    if missing := _commands_missing(experiment, place):
        raise InputError(missing)


# --- the rest -------------------------------------------------------------------------------------------------------


def _commands_missing(experiment: Experiment, place: Place) -> list[Problem]:
    found = {}
    named = [(f"serve[{n}].command", one.argv) for n, one in enumerate(experiment.servers)]
    named += [(f"command[{n}].command", one.argv) for n, one in enumerate(experiment.commands)]
    for key, argv in named:
        if argv[0] not in found and shutil.which(argv[0]) is None:
            rule = f'there is no command "{argv[0]}" on this machine.'
            found[argv[0]] = Problem(*place(key), rule, _install(argv[0]))
    return list(found.values())


def _no_capture(experiment: Experiment, place: Place) -> list[Problem]:
    """That the packets' file cannot be made where it was asked for."""
    if experiment.pcap is None:
        return []
    folder = experiment.pcap.absolute().parent
    if not folder.is_dir():
        return [Problem(*place("pcap"), f"the folder {folder} is not there.", "Make it, or name a file elsewhere.")]
    taken = experiment.pcap if experiment.pcap.exists() else folder
    if experiment.pcap.is_dir() or not os.access(taken, os.W_OK):
        return [Problem(*place("pcap"), f"{experiment.pcap} cannot be written.", "Name a file of yours.")]
    return []


def _install(command: str) -> str:
    packages = {"ping": "iputils-ping", "iperf3": "iperf3", "curl": "curl", "traceroute": "traceroute"}
    if command in packages:
        return f"On Debian: apt-get install {packages[command]}"
    return "Check its name, or write its whole path."


def _cases(experiment: Experiment) -> list[tuple[float, Case]]:
    """The scenario under each of the rules that hold one after another, with the time from which on they do."""
    raw = read_toml(experiment.scenario)
    changes = list(experiment.rules)
    if not changes or changes[0].at_s > 0.0:
        changes.insert(0, RulesAt(0.0, ()))
    together = Together()
    cases = [(one.at_s, together.read(lambda one=one: _case(raw, experiment.scenario, one.files))) for one in changes]  # type: ignore[misc]
    if together.found:
        raise InputError(dict.fromkeys(together.found))
    return [(at_s, given(case)) for at_s, case in cases]


def _case(raw: dict[str, Any], path: Path, rules: Sequence[Path]) -> Case:
    """The scenario under its own rules, or under others."""
    if raw.get("conventions") == "hypatia":
        rule = 'is "hypatia", under which only pairs of places are computed: nobody is served there.'
        raise InputError(Problem(str(path), "conventions", rule, "Emulate an ordinary scenario."))
    if rules:
        policy = {name: value for name, value in raw.get("policy", {}).items() if name != "compare"}
        names = [os.path.relpath(file, path.parent) for file in rules]
        raw = {**raw, "policy": {**policy, "rules": names}}
    return Scenario.of(raw, path, []).case


def _window(experiment: Experiment, grid: SlotGrid, place: Place) -> tuple[SlotGrid, float, float]:
    """(the slots that a run needs, how far into the first it begins, how long it runs at most).

    Raises InputError where the scenario is over before.
    """
    ends = instant_text(grid.instant(grid.slots))
    first = 0 if experiment.start is None else grid.slot_at(experiment.start)
    if not 0 <= first < grid.slots:
        rule = f"{instant_text(experiment.start or grid.start)} is not within the scenario, which goes from"
        rule = f"{rule} {instant_text(grid.start)} to {ends}."
        raise InputError(Problem(*place("start"), rule, "Start within it."))
    left = grid.slots - first
    into_s = 0.0 if experiment.start is None else (experiment.start - grid.instant(first)).total_seconds()
    if experiment.duration_s is None:
        slots = min(left, MOST_STEPS)
        runs_s = slots * grid.slot_s - into_s
        _refuse_later(experiment, runs_s, place)
        return replace(grid, start=grid.instant(first), slots=slots), into_s, runs_s
    _refuse_later(experiment, experiment.duration_s, place)
    slots = max(1, math.ceil((experiment.duration_s + into_s) / grid.slot_s - 1e-9))
    if slots > left:
        rule = f"asks for {experiment.duration_s:g} s, and {left * grid.slot_s - into_s:g} s are left of the scenario, "
        rule += f"which ends at {ends}."
        way_out = "Ask for less, start earlier, or give the scenario a longer duration."
        raise InputError(Problem(*place("duration"), rule, way_out))
    return replace(grid, start=grid.instant(first), slots=slots), into_s, experiment.duration_s


def _refuse_later(experiment: Experiment, runs_s: float, place: Place) -> None:
    """Raise InputError for commands that would begin when the run is over."""
    way_out = "Begin it earlier, or let the run be longer: duration, and that of the scenario."
    problems = [
        Problem(
            *place(f"command[{n}].at"), f"is after {one.at_s:g} s, and the run is over after {runs_s:g} s.", way_out
        )
        for n, one in enumerate(experiment.commands)
        if one.at_s >= runs_s
    ]
    if problems:
        raise InputError(problems)


def _options(experiment: Experiment) -> planned.Options:
    pairs: tuple[tuple[int, int], ...] = ()
    if experiment.via == "isl":
        count = len(experiment.terminals)
        pairs = tuple((i, j) for i in range(count) for j in range(i + 1, count))
    return planned.Options(
        outage_s=experiment.outage_s,
        outage_loss=experiment.outage_loss,
        loss=(experiment.loss, experiment.loss),
        queue_s=(experiment.queue_s, experiment.queue_s),
        rates_mbps=(experiment.up_mbps, experiment.down_mbps),
        pairs=pairs,
    )


def _with_pops(table: LinkTable, network: Network, pops: Sequence[str]) -> LinkTable:
    """The same table with more PoPs behind its own, joined by fibre."""
    anchors = tuple(dict.fromkeys([*table.anchors, *pops]))
    if anchors == table.anchors:
        return table
    known = [station.name for station in network.gateways.pops]
    numbers = np.array([known.index(name) for name in anchors])
    return replace(table, anchors=anchors, backbone_ns=planned.backbone_ns(network, numbers))


def spliced(tables: Sequence[LinkTable], first_steps: Sequence[int], outage_s: float) -> LinkTable:
    """One table whose rows are those of each from its first step on, as when rules change during a run.

    All have the same steps and terminals; the first one's anchors hold throughout.
    """
    which = np.searchsorted(np.asarray(first_steps), np.arange(tables[0].steps), side="right") - 1

    def rows(name: str) -> Any:
        each = [getattr(table, name) for table in tables]
        return np.array([each[table][step] for step, table in enumerate(which)])

    by_step = ("served", "why", "because", "satellite", "delay_ns", "rate_mbps", "loss", "direct_ns")
    made = replace(tables[0], **{name: rows(name) for name in by_step})
    hand_over = handed_over(made.served, made.satellite)
    return replace(made, hand_over=hand_over, outage_s=np.where(hand_over, outage_s, 0.0))
