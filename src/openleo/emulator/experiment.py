"""An experiment: which places are joined over which network, and what runs where and when; a value, and its file.

The file is TOML; paths in it are relative to it. Nothing is computed here: `preparing` looks up the places and plans.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from openleo.emulator.names import slug
from openleo.emulator.table import QUEUE_S
from openleo.errors import InputError, Problem, near_names
from openleo.file_values import Duration, Instant, Words
from openleo.instants import utc
from openleo.reading import Record, examine, read_toml

CLASS = "fixed"
MTU, MTU_MIN, MTU_MAX = 1_500, 1_280, 9_000  # bytes; IPv6 needs the least of them (RFC 8200 §5)


def _argv(value: object) -> object:
    if isinstance(value, str):
        return shlex.split(value)  # its ValueError ("No closing quotation") is told with the place
    return value


Argv = Annotated[list[str], BeforeValidator(_argv)]


# --- the file ------------------------------------------------------------------------------------------------------


class TerminalRecord(Record):
    """`[[terminal]]`: a terminal, which has a network namespace of its own."""

    place: str = Field(description="A town, a territory, a gateway, or latitude,longitude.", min_length=1)
    name: str | None = Field(None, description="How commands and hosts call it. Default: its place.", min_length=1)
    class_: str = Field(CLASS, alias="class", description="Its class, which rules ask for.")
    anchor: str | None = Field(
        None, description="The PoP where its traffic meets the Internet. Default: the one that serves the place."
    )


class ServeRecord(Record):
    """`[[serve]]`: a server behind a PoP, from before the start to the end."""

    pop: str = Field(description="The PoP.", min_length=1)
    command: Argv = Field(description="The program and its words: a text, or a list.", min_length=1)


class CommandRecord(Record):
    """`[[command]]`: what runs, where and from when on."""

    at: Duration = Field(0.0, description="After the start.")
    where: str = Field(description="A terminal or PoP of the experiment, by its name.", min_length=1)
    command: Argv = Field(description="The program and its words: a text, or a list.", min_length=1)


class RulesAtRecord(Record):
    """`[[rules]]`: other rules from a time on, in place of those before."""

    at: Duration = Field(0.0, description="After the start; they hold from the first step that begins then or later.")
    file: Words = Field(description="Rule files, or folders of them: one or a list.", min_length=1)


class RatesRecord(Record):
    """`[rates]`: of each terminal, in place of the scenario's own where it computes rates."""

    down_mbps: float | None = Field(None, gt=0.0, description="Towards the terminal. Default: no limit but the plan's.")
    up_mbps: float | None = Field(None, gt=0.0, description="From the terminal. Default: no limit but the plan's.")
    queue_ms: float = Field(QUEUE_S * 1e3, gt=0.0, description="What would wait longer to depart is dropped. Assumed.")


class ExperimentRecord(Record):
    """The whole file."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the run and its output folder, out/NAME."
    )
    scenario: str = Field(description="The scenario file.", min_length=1)
    rules: Words | list[RulesAtRecord] = Field(
        default_factory=list,
        description="Rule files in place of the scenario's own; or `[[rules]]` tables, each with a time.",
    )
    start: Instant | None = Field(
        None, description="The instant of the scenario at which it begins. Default: its first."
    )
    duration: Duration | None = Field(None, description="How long. Default: until the last command has ended.")
    terminal: list[TerminalRecord] = Field(description="Terminals, one table each.", min_length=1)
    pops: Words = Field(default_factory=list, description="PoPs besides those of terminals and servers.")
    serve: list[ServeRecord] = Field(default_factory=list, description="Servers behind PoPs, one table each.")
    command: list[CommandRecord] = Field(default_factory=list, description="What runs, one table each.")
    via: Literal["pop", "isl"] = Field(
        "pop", description="Between two terminals: through their PoPs, or over satellites alone."
    )
    nat: bool = Field(False, description="Terminals behind their PoP's address, as operators do (CGNAT).")
    vnet: bool = Field(False, description="Move super-packets: faster TCP, and a drop takes many segments at once.")
    mtu: int = Field(MTU, ge=MTU_MIN, le=MTU_MAX, description="The longest packet, bytes.")
    loss: float = Field(0.0, ge=0.0, lt=1.0, description="The chance of each packet to be lost, each way.")
    outage: Duration = Field(
        0.0, description="How long nothing passes at a hand-over. 0: no source gives the length of such bursts."
    )
    outage_loss: float = Field(
        1.0, gt=0.0, le=1.0, description="The chance of each packet to be lost in that time. 1: nothing passes."
    )
    pcap: str | None = Field(None, description="Every packet that was delivered, as a pcap file.", min_length=1)
    rates: RatesRecord = RatesRecord()


# --- the value -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terminal:
    """A terminal as it is asked for. anchor: a PoP's name, or None for the one that serves its place."""

    name: str
    place: str
    class_: str = CLASS
    anchor: str | None = None


@dataclass(frozen=True)
class Server:
    """What runs behind a PoP the whole time."""

    pop: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """What runs at a terminal or PoP from `at_s` on."""

    at_s: float
    where: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class RulesAt:
    """The rules that hold from the first step that begins at `at_s` or later."""

    at_s: float
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Experiment:
    """All that is asked for. No `rules`: the scenario's own. No `duration_s`: until the commands have ended."""

    name: str
    scenario: Path
    terminals: tuple[Terminal, ...]
    pops: tuple[str, ...] = ()
    rules: tuple[RulesAt, ...] = ()
    servers: tuple[Server, ...] = ()
    commands: tuple[Command, ...] = ()
    via: Literal["pop", "isl"] = "pop"
    nat: bool = False
    vnet: bool = False
    mtu: int = MTU
    loss: float = 0.0
    outage_s: float = 0.0
    outage_loss: float = 1.0  # within it
    down_mbps: float | None = None
    up_mbps: float | None = None
    queue_s: float = QUEUE_S
    pcap: Path | None = None
    start: datetime | None = None
    duration_s: float | None = None
    ends_with_commands: bool = True  # and not only when the time is over


def read(path: Path) -> Experiment:
    """An experiment's file. Raises InputError with every fault of it."""
    record, problems = examine(ExperimentRecord, read_toml(path), str(path))
    if record is not None:
        problems += [Problem(str(path), where, rule, way_out) for where, rule, way_out in _faults(record)]
    if record is None or problems:
        raise InputError(problems)
    return _made(record, path.parent)


def _made(record: ExperimentRecord, folder: Path) -> Experiment:
    return Experiment(
        name=record.name,
        scenario=folder / record.scenario,
        terminals=tuple(Terminal(one.name or one.place, one.place, one.class_, one.anchor) for one in record.terminal),
        pops=tuple(record.pops),
        rules=tuple(RulesAt(at_s, tuple(folder / file for file in files)) for at_s, files in _rules(record)),
        servers=tuple(Server(one.pop, tuple(one.command)) for one in record.serve),
        commands=tuple(Command(one.at, one.where, tuple(one.command)) for one in record.command),
        via=record.via,
        nat=record.nat,
        mtu=record.mtu,
        vnet=record.vnet,
        loss=record.loss,
        outage_s=record.outage,
        outage_loss=record.outage_loss,
        down_mbps=record.rates.down_mbps,
        up_mbps=record.rates.up_mbps,
        queue_s=record.rates.queue_ms / 1e3,
        pcap=folder / record.pcap if record.pcap else None,
        start=None if record.start is None else utc(record.start),
        duration_s=record.duration,
        ends_with_commands=record.duration is None,
    )


def _rules(record: ExperimentRecord) -> list[tuple[float, list[str]]]:
    listed = [one for one in record.rules if isinstance(one, RulesAtRecord)]
    if listed:
        return [(one.at, one.file) for one in listed]
    words = [one for one in record.rules if isinstance(one, str)]
    return [(0.0, words)] if words else []


def _faults(record: ExperimentRecord) -> Iterator[tuple[str, str, str]]:
    """(where, what is wrong between the keys, a way out)."""
    names = [one.name or one.place for one in record.terminal]
    yield from _twice(names)
    if record.duration is not None and record.duration <= 0.0:
        yield "duration", f"is {record.duration:g} s; it must be more than nothing.", "Write for example 60s."
    if record.duration is None and not record.command:
        yield "duration", "is missing, and there is no [[command]]: the run would have no end.", "Write one of them."
    timed = [(f"command[{n}]", one.at) for n, one in enumerate(record.command)]
    changes = [one.at for one in record.rules if isinstance(one, RulesAtRecord)]
    timed += [(f"rules[{n}]", at) for n, at in enumerate(changes)]
    for where, at in timed:
        if record.duration is not None and at >= record.duration > 0.0:
            rule = f"begins at {at:g} s, and the run ends after {record.duration:g} s."
            yield f"{where}.at", rule, "Begin it earlier, or write a longer duration."
    for n, (before, after) in enumerate(pairwise(changes), start=1):
        if after <= before:
            yield f"rules[{n}].at", f"is {after:g} s, not after the {before:g} s before it.", "Write them in order."
    pops = [*record.pops, *(one.pop for one in record.serve), *(one.anchor for one in record.terminal if one.anchor)]
    known = {slug(name): name for name in [*pops, *names]} | {f"pop-{slug(name)}": f"pop-{name}" for name in pops}
    for n, one in enumerate(record.command):
        if slug(one.where) not in known:
            way_out = near_names(one.where, known.values()) or f"There are: {', '.join(dict.fromkeys(known.values()))}."
            yield f"command[{n}].where", f'there is no terminal and no named PoP "{one.where}".', way_out
    if record.nat and record.vnet:
        rule = "and nat are both true: super-packets carry half a checksum, which the NAT cannot follow."
        yield "vnet", rule, "Take one of them."
    if record.outage_loss < 1.0 and record.outage <= 0.0:
        yield "outage_loss", f"is {record.outage_loss:g}, of no outage.", 'Say how long, for example outage = "0.5s".'
    if record.via == "isl" and len(record.terminal) < 2:
        yield "via", 'is "isl", which joins two terminals over satellites; there is one.', "Add another [[terminal]]."


def _twice(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    first: dict[str, int] = {}
    for n, name in enumerate(names):
        if slug(name) in first:
            rule = f'is "{name}", as terminal[{first[slug(name)]}] is called.'
            yield f"terminal[{n}].name", rule, "Give each terminal a name of its own."
        first.setdefault(slug(name), n)
