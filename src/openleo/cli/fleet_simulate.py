"""`openleo fleet simulate`: labelled traces of a simulated fleet, or terminals that keep leases at controllers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow import Table

    from openleo.results import OnProgress

SCENARIO_HELP = "all: misuse and jamming; honest: jamming alone; quiet: neither."
SLOT_S = 15.0
TRACES = {"out": "--out", "days": "--days", "scenario": "--scenario"}
ROLL = {"enrol_table": "--enrol-table", "in_": "--in", "accounts": "--accounts"}
LEASES = {"url": "--url", "slots": "--slots", "minutes": "--minutes", "slot_s": "--slot-s", "ca": "--ca"}


def simulate(
    out: Annotated[Path | None, typer.Option(metavar="F.parquet", help="Traces: the file to write.")] = None,
    terminals: Annotated[
        int | None,
        typer.Option(min=1, max=200_000, metavar="N", help="How many. [default: 1000; leases: all of --keys]"),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0.01, metavar="D", help="Traces: how long they are followed. [default: 7]")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="S", help="The same seed gives the same trace, or places to stand.")
    ] = 0,
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Traces: {SCENARIO_HELP} [default: all]")
    ] = None,
    enrol_table: Annotated[
        Path | None,
        typer.Option(metavar="F.csv", help="Leases, first step: write this table to enrol, with public keys."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Leases: the terminals with their private keys; written with --enrol-table."),
    ] = None,
    in_: Annotated[
        list[str] | None,
        typer.Option(
            "--in", metavar="T", help="With --enrol-table: stand in this territory; repeat it. [default: TWN]"
        ),
    ] = None,
    accounts: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With --enrol-table: of so many accounts. [default: 1]")
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Leases: a controller's address; repeat it for one that stands by."),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, metavar="N", help="Leases: run for so many slots. [default: 4]")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=100_000, metavar="M", help="Leases: or for so many minutes.")
    ] = None,
    slot_s: Annotated[
        float | None, typer.Option(min=1.0, max=900.0, metavar="S", help="Leases: the slot's length. [default: 15]")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="F.pem", help="Leases: trust this authority for https. [default: system's]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate terminals: what a fleet reports (traces), or terminals that ask a running controller (leases).

    Traces, with --out: a fleet in central Europe, and what it reports, labelled. Households, some on borders; people
    who move and travel; vehicles, ships and aircraft; holders with many terminals; positions kept to 1 km; jammers.
    Beside them each kind of misuse, a fortieth of the honest terminals: the column `label` says which rows are.
    docs/misuse.md has the columns.

    Leases, in two steps. With --enrol-table and --keys it draws dishes on roofs and writes them: the table goes to
    `openleo controller terminals enrol`, the keys stay. With --url and --keys these terminals ask for leases and renew
    them, signed, as devices do; each slot a line says how many hold one, who was refused and why, whose lapsed, and
    how quickly they were answered. Lines go to stderr with --json, which prints all of it at the end.
    """
    given = {name for name, value in locals().items() if value is not None}
    if _form(given) == "traces":
        assert out is not None
        _traces(out, terminals or 1_000, 7.0 if days is None else days, seed, scenario or "all")
        return
    from openleo.cli import fleet_live

    assert keys is not None
    if enrol_table is not None:
        fleet_live.write_roll(terminals or 1_000, in_ or ["TWN"], accounts or 1, seed, enrol_table, keys)
        return
    length_s = SLOT_S if slot_s is None else slot_s
    counted = slots or (4 if minutes is None else max(1, round(60.0 * minutes / length_s)))
    fleet_live.keep_leases(keys, terminals, url or [], counted, length_s, ca, as_json)


def _form(given: set[str]) -> str:
    """Which form is asked for, by the options given. Raises InputError with all that do not go together."""
    from openleo.errors import InputError, Problem

    forms = {"out": TRACES, "enrol_table": ROLL, "url": LEASES}
    asked = [name for name in forms if name in given]
    if len(asked) != 1:
        way_out = "--out F.parquet writes traces; --enrol-table F.csv --keys F writes terminals to enrol; "
        way_out += "--url URL --keys F lets them ask for leases."
        rule = f"{', '.join(forms[one][one] for one in asked)} were given together." if asked else "is needed."
        raise InputError(Problem("" if asked else "--out, --enrol-table or --url", "", rule, way_out))
    mine, name = forms[asked[0]], forms[asked[0]][asked[0]]
    problems = [
        Problem(option, "", f"does not go with {name}.")
        for other in forms.values()
        if other is not mine
        for key, option in other.items()
        if key in given
    ]
    if (asked[0] == "out") == ("keys" in given):
        rule = "does not go with --out." if "keys" in given else f"is needed with {name}."
        problems.append(Problem("--keys", "", rule))
    if {"slots", "minutes"} <= given:
        problems.append(Problem("--minutes", "", "was given with --slots; only one of them can be."))
    if problems:
        raise InputError(problems)
    return "traces" if asked[0] == "out" else "leases"


def _traces(out: Path, terminals: int, days: float, seed: int, scenario: str) -> None:
    """Write what a fleet reports. Raises InputError."""
    from openleo.errors import InputError, Problem, near_names
    from openleo.fleet import trace
    from openleo.fleet.simulate import PART_S, SCENARIOS, FleetAsked, Simulation
    from openleo.report.staging import StagedFile, blaming
    from openleo.units import SECONDS_PER_DAY

    problems = []
    if scenario not in SCENARIOS:
        way_out = near_names(scenario, SCENARIOS) or f"There are {', '.join(SCENARIOS)}."
        problems.append(Problem("--scenario", "", f'there is no scenario "{scenario}".', way_out))
    if out.suffix.lower() != ".parquet":
        problems.append(Problem(f"--out {out}", "", "is not named as a Parquet file.", "Name it F.parquet."))
    if problems:
        raise InputError(problems)
    parts = max(1, round(days * SECONDS_PER_DAY / PART_S))
    with progress(kernels=False) as tell, StagedFile(out) as path, blaming(out):
        tell("drawing the fleet", 0, parts)
        made = Simulation(FleetAsked.of(terminals, days, seed, scenario))
        rows = trace.write(_told(made.parts(), parts, tell), path)
    typer.echo(f"wrote {out}: {rows:,} reports of {len(made.cast.devices):,} devices over {days:g} days")


def _told(made: Iterator[Table], parts: int, tell: OnProgress) -> Iterator[Table]:
    for number, part in enumerate(made, 1):
        yield part
        tell("quarters of days", number, parts)
