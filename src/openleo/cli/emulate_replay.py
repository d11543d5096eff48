"""`openleo emulate replay`: a command over a link as somebody recorded it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson
from openleo.cli.emulate_run import Out, Parquet, servers

if TYPE_CHECKING:
    from openleo.emulator.replay import RecordedTerminal
    from openleo.emulator.table import LinkTable

USER, INTERNET = "user", "internet"
STEP_MIN_S = 0.05
RECORDINGS = (".json", ".json.gz", ".csv")


def replay(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE",
            help="What irtt recorded (.json), round trips (.csv, LENS's too), or Mahimahi's downlink (any other name).",
        ),
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND…", help="What runs at `user`; the far end is `internet`.")
    ] = None,
    up: Annotated[
        Path | None, typer.Option(metavar="F", help="Mahimahi's uplink. [default: the same as the downlink]")
    ] = None,
    rtt: Annotated[
        float, typer.Option(metavar="MS", min=0.0, help="With Mahimahi's traces, which have none: the round trip.")
    ] = 40.0,
    step: Annotated[
        str, typer.Option(metavar="DURATION", help="Delay is a straight line over each step; loss and rate hold in it.")
    ] = "1s",
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="For so long at most. [default: the recording's]")
    ] = None,
    serve: Annotated[list[str] | None, typer.Option(metavar="CMD", help="A server at `internet`. Repeatable.")] = None,
    out: Out = None,
    parquet: Parquet = False,
    as_json: AsJson = False,
) -> None:
    """Run a command over a link as somebody recorded it: its round trips, losses and rates, over again.

    `openleo emulate replay trace.csv -- ping internet`.
    """
    from openleo.cli import emulate_common
    from openleo.cli.spans import duration_s
    from openleo.emulator.experiment import Command, Experiment, Terminal
    from openleo.emulator.preparing import check_commands, ready
    from openleo.errors import Problem, Together, given
    from openleo.report.staging import check_writable

    together = Together()
    step_s = together.read(lambda: duration_s(step, "--step"))
    seconds = together.read(lambda: None if for_ is None else duration_s(for_, "--for"))
    if step_s is not None and step_s < STEP_MIN_S:
        rule = f"is {step}; the engine is told of each step beforehand, and cannot follow steps under {STEP_MIN_S:g} s."
        together.found.append(Problem("--step", "", rule, "Take longer ones: delay goes by straight lines over them."))
    line = together.read(lambda: _line(trace, up, rtt))
    behind = together.read(lambda: servers([f"{INTERNET}:{words}" for words in serve or []]))
    asked = Experiment(
        name=re.sub(r"[^\w.-]+", "-", trace.name.partition(".")[0]) or "trace",
        scenario=trace,
        terminals=(Terminal(USER, USER),),
        pops=(INTERNET,),
        servers=behind or (),
        commands=(Command(0.0, USER, tuple(command)),) if command else (),
        duration_s=seconds,
    )
    together.read(lambda: check_commands(asked, lambda key: ("COMMAND" if key[0] == "c" else "--serve", "")))
    together.done()
    emulate_common.check_machine_or_enter()
    table = _table(given(line), given(step_s), seconds)
    target = out or Path("out") / asked.name / "emulate"
    check_writable(target)
    runs_s = table.duration_s if seconds is None else min(seconds, table.duration_s)
    prepared = ready(asked, table, runs_s, (INTERNET,), ())
    raise typer.Exit(emulate_common.run_prepared(prepared, target, parquet=parquet, as_json=as_json, foreground=True))


def _line(trace: Path, up: Path | None, rtt_ms: float) -> RecordedTerminal:
    from openleo.emulator.recordings import read_opportunities, read_recording
    from openleo.emulator.replay import RecordedTerminal
    from openleo.errors import InputError, Problem

    if trace.name.lower().endswith(RECORDINGS):
        if up is not None:
            rule = "is for Mahimahi's traces; a recording of round trips knows both ways."
            raise InputError(Problem("--up", "", rule, "Leave it out."))
        return RecordedTerminal(USER, INTERNET, read_recording(trace))
    down = read_opportunities(trace)
    return RecordedTerminal(USER, INTERNET, rtt_ms=rtt_ms, up=read_opportunities(up) if up else down, down=down)


def _table(line: RecordedTerminal, step_s: float, seconds: float | None) -> LinkTable:
    from datetime import UTC, datetime

    from openleo.emulator.replay import replayed

    lasts_s = 60.0 if line.recording is None and seconds is None else seconds  # Mahimahi's go round for ever
    return replayed([line], datetime.now(UTC).replace(microsecond=0), step_s, lasts_s)
