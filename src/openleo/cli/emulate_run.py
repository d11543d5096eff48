"""`openleo emulate run`: two places joined by the planned network, and a command at the first."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from openleo.cli.common import AsJson, ScenarioFile, Threads

if TYPE_CHECKING:
    from datetime import datetime

    from openleo.emulator.experiment import Experiment, Server, Terminal

Command = Annotated[
    list[str] | None, typer.Argument(metavar="-- COMMAND…", help="What runs at A: a program and its words, after `--`.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where summary.json, seconds.csv and emulation.png go. [default: out/NAME/emulate]"
    ),
]
Parquet = Annotated[bool, typer.Option("--parquet", help="Write seconds.parquet, too.")]


def run(
    scenario: ScenarioFile,
    between: Annotated[
        tuple[str, str],
        typer.Option(
            metavar="A B",
            help="A terminal at A; B: a PoP by its name, or a second terminal. terminal:B where a town has a PoP, too.",
        ),
    ],
    command: Command = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", metavar="F", help="Rule files in place of the scenario's own.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="INSTANT", help="The instant at which it begins, UTC. [default: the scenario's first]"
        ),
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="For so long at most. [default: until COMMAND ends, 240 slots at most]"
        ),
    ] = None,
    class_: Annotated[str, typer.Option("--class", help="The terminals' class, which rules ask for.")] = "fixed",
    via: Annotated[
        str, typer.Option(metavar="pop|isl", help="Between two terminals: through their PoPs, or satellites alone.")
    ] = "pop",
    serve: Annotated[
        list[str] | None, typer.Option(metavar="POP:CMD", help='A server behind a PoP: "Tokyo:iperf3 -s". Repeatable.')
    ] = None,
    nat: Annotated[bool, typer.Option("--nat", help="Terminals behind their PoP's address, as operators do.")] = False,
    vnet: Annotated[
        bool, typer.Option("--vnet", help="Super-packets: faster TCP, where a drop takes many segments at once.")
    ] = False,
    mtu: Annotated[  # IPv6 needs 1,280 (RFC 8200 §5)
        int, typer.Option(metavar="BYTES", min=1_280, max=9_000, help="The longest packet.")
    ] = 1_500,
    loss: Annotated[
        float, typer.Option(metavar="P", min=0.0, max=0.999, help="The chance of each packet to be lost, each way.")
    ] = 0.0,
    outage: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long nothing passes at a hand-over: 0.08s. [default: 0]")
    ] = None,
    outage_loss: Annotated[
        float, typer.Option(metavar="P", min=0.0, max=1.0, help="The chance of each packet to be lost in an outage.")
    ] = 1.0,
    rate_down: Annotated[
        float | None, typer.Option(metavar="MBPS", help="Towards terminals. [default: the plan's, or no limit]")
    ] = None,
    rate_up: Annotated[
        float | None, typer.Option(metavar="MBPS", help="From terminals. [default: the plan's, or no limit]")
    ] = None,
    pcap: Annotated[Path | None, typer.Option(metavar="F.pcap", help="Write every packet that was delivered.")] = None,
    out: Out = None,
    parquet: Parquet = False,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Run a command over the planned network (what `emulate` does where no verb is named).

    `openleo emulate examples/taiwan.toml --between Manila Tokyo -- ping -c 10 tokyo`: places have names in the run,
    packets take as long as planned, and where service is not permitted nothing passes. Leaves with the command's exit
    code. Without a command the network stays up, for `openleo emulate shell`, until Ctrl-C, or 240 slots at most.
    """
    from openleo.cli import emulate_common
    from openleo.errors import Problem, Together, given

    emulate_common.check_machine_or_enter()
    together = Together()
    behind = together.read(lambda: servers(serve or []))
    when = together.read(lambda: _instant(start))
    seconds = together.read(lambda: _seconds(for_, "--for"))
    outage_s = together.read(lambda: _seconds(outage, "--outage"))
    for option, value in (("--rate-down", rate_down), ("--rate-up", rate_up)):
        if value is not None and not value > 0.0:
            together.found.append(
                Problem(option, "", f"is {value:g}; it must be more than 0.", "Leave it out for no limit.")
            )
    if outage_loss < 1.0 and not outage_s:
        rule = f"is {outage_loss:g}, of no outage."
        together.found.append(Problem("--outage-loss", "", rule, "Say how long, for example --outage 0.5s."))
    if via not in ("pop", "isl"):
        together.found.append(Problem("--via", "", f'is "{via}"; it must be pop or isl.'))
    if nat and vnet:
        rule = "and --nat do not go together: super-packets carry half a checksum, which the NAT cannot follow."
        together.found.append(Problem("--vnet", "", rule, "Take one of them."))
    ends = together.read(lambda: emulate_common.ends(scenario, between, class_))
    if ends and via == "isl" and len(ends[0]) < 2:
        rule = f"isl joins two terminals, and {between[1]} is a PoP."
        together.found.append(Problem("--via", "", rule, f"Write --between {between[0]} terminal:{between[1]}."))
    together.done()
    terminals, pops = given(ends)
    asked = _experiment(
        scenario, terminals=terminals, pops=pops, servers=given(behind), command=tuple(command or ()),
        rules=tuple(rules or ()), via="isl" if via == "isl" else "pop",
    )  # fmt: skip
    from dataclasses import replace

    asked = replace(
        asked, nat=nat, vnet=vnet, mtu=mtu, loss=loss, outage_s=outage_s or 0.0, outage_loss=outage_loss,
        down_mbps=rate_down, up_mbps=rate_up, pcap=pcap, start=when, duration_s=seconds,
    )  # fmt: skip
    target = out or Path("out") / asked.name / "emulate"
    code = emulate_common.carry_out(
        asked, _place, target, parquet=parquet, threads=threads, as_json=as_json, foreground=True
    )
    raise typer.Exit(code)


# Where each key of an experiment's file is said on the command line.
OPTIONS = {
    "terminal": "--between",
    "pops": "--between",
    "serve": "--serve",
    "command": "COMMAND",
    "start": "--from",
    "duration": "--for",
    "pcap": "--pcap",
}


def _place(key: str) -> tuple[str, str]:
    return OPTIONS[re.split(r"\W", key)[0]], ""


def _experiment(
    scenario: Path,
    *,
    terminals: tuple[Terminal, ...],
    pops: tuple[str, ...],
    servers: tuple[Server, ...],
    command: tuple[str, ...],
    rules: tuple[Path, ...],
    via: Literal["pop", "isl"],
) -> Experiment:
    from openleo.emulator.experiment import Command as At
    from openleo.emulator.experiment import Experiment, RulesAt
    from openleo.reading import read_toml

    first = terminals[0].name
    commands = (At(0.0, first, command),) if command else ()
    name = str(read_toml(scenario).get("name", scenario.stem))
    holding = (RulesAt(0.0, rules),) if rules else ()
    return Experiment(name, scenario, terminals, pops, holding, servers, commands, via)


def servers(words: list[str]) -> tuple[Server, ...]:
    """The programs of --serve. Raises InputError with all that are not POP:CMD."""
    from openleo.emulator.experiment import Server
    from openleo.errors import InputError, Problem

    found, problems = [], []
    for one in words:
        pop, _, line = one.partition(":")
        try:
            argv = shlex.split(line)
        except ValueError as error:
            problems.append(Problem("--serve", "", f'"{one}": {error}.', "Close what is quoted."))
            continue
        if not pop.strip() or not argv:
            problems.append(Problem("--serve", "", f'"{one}" is not POP:CMD.', 'Write for example "Tokyo:iperf3 -s".'))
            continue
        found.append(Server(pop.strip(), tuple(argv)))
    if problems:
        raise InputError(problems)
    return tuple(found)


def _instant(text: str | None) -> datetime | None:
    from openleo.cli.spans import instant
    from openleo.instants import parse_instant

    return None if text is None else instant(text, "--from", parse_instant("2000-01-01T00:00:00Z"))


def _seconds(text: str | None, option: str) -> float | None:
    from openleo.cli.spans import duration_s

    return None if text is None else duration_s(text, option)
