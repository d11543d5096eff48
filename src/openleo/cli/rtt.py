"""`openleo rtt`: round-trip times between all ordered pairs of places."""

from __future__ import annotations

import math
from contextlib import ExitStack
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import spans
from openleo.cli.common import (
    ScenarioFile,
    Threads,
    check_png,
    load_pair_case,
    note,
    pairs_of_places,
    progress,
    tell_lost_at,
)
from openleo.errors import counted

if TYPE_CHECKING:
    from openleo.errors import Problem
    from openleo.network.pairs import Places
    from openleo.network.ways import Gathered
    from openleo.scenario import PairCase

Instant = tuple[str, float]  # as it is written to the file, and in seconds after the scenario's start
Told = list[tuple[str, str]]  # option, what is said before its file's name once it is there


def rtt(
    scenario: ScenarioFile,
    at: Annotated[
        str,
        typer.Option(
            metavar="T[,T…]",
            help="Seconds after the scenario's start, one or several, or START:STOP:STEP without STOP itself.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="The CSV to write: t_s,from,to,rtt_ms,hops.")
    ] = None,
    sites: Annotated[
        Path | None, typer.Option(help="A CSV of places: name,lat_deg,lon_deg. A Hypatia directory has its own.")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="F.csv|F.parquet", help="What each pair's times and ways add up to.")
    ] = None,
    paths: Annotated[
        Path | None, typer.Option(metavar="F.jsonl", help="The satellites of every way, a line of JSON each.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="F.png", help="Draw the times over time.")] = None,
    threads: Threads = None,
) -> None:
    """Write the round-trip time of every ordered pair of places, at each instant.

    Light's time over the satellites alone along the shortest way, nothing added. `hops` counts links, both ground links
    included; both fields are empty where there is no way. The summary takes the instants in the order of time, each
    once.
    """
    from openleo.report.staging import Outputs

    instants = _instants(at)
    asked_for = {"--out": out, "--summary": summary, "--paths": paths, "--plot": plot}
    _check(asked_for, {"SCENARIO": scenario, "--sites": sites})
    case = load_pair_case(scenario)
    places = pairs_of_places(case, sites)
    spans.check_years("--at", case.start, [after_s for _, after_s in instants])
    tell_lost_at(case.sky.constellation, case.start, [after_s for _, after_s in instants])
    in_time = list({seconds: (word, seconds) for word, seconds in sorted(instants, key=lambda one: one[1])}.values())
    gathered = _gather_for(places, len(in_time)) if summary or plot else None
    # What is gathered follows the order of time, what is written as asked the order given: if they differ, twice.
    together = [one[1] for one in instants] == [one[1] for one in in_time]
    with Outputs(asked_for) as to:
        told = []
        if out or paths or together:
            also = gathered if together else None
            told += _compute(case, places, instants, to.get("--out"), to.get("--paths"), also, threads)
        if gathered and not together:
            _compute(case, places, in_time, None, None, gathered, threads)
        if gathered:
            told += _conclude(
                case, gathered, [after_s for _, after_s in in_time], to.get("--summary"), to.get("--plot")
            )
    for option, said in told:
        note(f"{said} {asked_for[option]}")


def _check(outputs: dict[str, Path | None], inputs: dict[str, Path | None]) -> None:
    """Raise InputError unless there is something to write, and each file is named as what it is."""
    from openleo.errors import InputError, Problem
    from openleo.report.rows import check_csv, check_ending
    from openleo.report.staging import check_distinct

    if not any(outputs.values()):
        rule = "or --summary, --paths or --plot is needed: there is nothing to write."
        raise InputError(Problem("--out", "", rule, "Name a CSV."))
    if out := outputs["--out"]:
        check_csv(out, "--out")
    if summary := outputs["--summary"]:
        check_ending(summary, "--summary")
    check_png(outputs["--plot"], "--plot", "rtt.png")
    check_distinct(outputs, inputs)


def _compute(
    case: PairCase,
    places: Places,
    instants: list[Instant],
    out: Path | None,
    paths: Path | None,
    gathered: Gathered | None,
    threads: int | None,
) -> Told:
    """Run through the instants, and hand each one to whatever was asked for; gives what is to be told of it."""
    from openleo.network.pairs import rtt_between
    from openleo.network.reach import default_threads
    from openleo.network.ways import ways_between
    from openleo.report.pairs import PairsWriter
    from openleo.report.ways import PathsWriter

    seconds = [after_s for _, after_s in instants]
    threads = threads or default_threads()
    with ExitStack() as open_, progress() as tell:
        writer = open_.enter_context(PairsWriter(out, places.names)) if out else None
        names = case.sky.constellation.satellite_name
        trails = open_.enter_context(PathsWriter(paths, places.names, names)) if paths else None
        if trails or gathered:
            found = ways_between(case.sky, places, case.start, seconds, threads)
            for done, ((word, _), ways) in enumerate(zip(instants, found, strict=True), start=1):
                if writer:
                    writer.write(word, ways.times)
                if trails:
                    trails.write(word, ways)
                if gathered:
                    gathered.add(ways)
                tell("computing instants", done, len(instants))
        elif writer:
            times = rtt_between(case.sky, places, case.start, seconds, threads)
            for done, ((word, _), one) in enumerate(zip(instants, times, strict=True), start=1):
                writer.write(word, one)
                tell("computing instants", done, len(instants))
    told = []
    if writer:
        told.append(("--out", f"{counted(writer.pairs, 'pair')}, {writer.unreachable} of them unreachable, written to"))
    if paths:
        told.append(("--paths", f"The ways at {counted(len(instants), 'instant')} written to"))
    return told


def _gather_for(places: Places, instants: int) -> Gathered:
    from openleo.errors import InputError, Problem
    from openleo.network.ways import MOST_VALUES, Gathered

    values = instants * len(places.names) ** 2
    if values > MOST_VALUES:
        asked = f"{counted(len(places.names), 'place')} at {counted(instants, 'instant')}"
        rule = f"{asked} are {values:,} times to keep; {MOST_VALUES:,} fit."
        way_out = "Take a longer step, fewer places or parts of the time, or only --out."
        raise InputError(Problem("--at", "", rule, way_out))
    return Gathered(places, instants)


def _conclude(
    case: PairCase, gathered: Gathered, seconds: list[float], summary: Path | None, plot: Path | None
) -> Told:
    """Write the summary and draw the plot; gives what is to be told of them."""
    names, told = gathered.places.names, []
    if summary:
        from openleo.report import ways
        from openleo.report.rows import RowsWriter

        with RowsWriter(summary, ways.COLUMNS) as writer:
            writer.write(ways.rows(gathered.figures(), names))
        pairs = counted(len(names) * (len(names) - 1), "pair")
        told.append(("--summary", f"{pairs} over {counted(len(seconds), 'instant')} summed up in"))
    if plot:
        from openleo.report import pair_plot

        pair_plot.draw(gathered.rtt_ms, names, seconds, case.start, f"Round-trip times: {case.name}", plot)
        told.append(("--plot", "Drawn to"))
    return told


def _instants(text: str) -> list[Instant]:
    """The instants of `--at`: words as they stand, ranges in the shortest decimals."""
    from openleo.errors import InputError

    problems: list[Problem] = []
    found: list[Instant] = []
    for word in text.split(","):
        found += _range(word, problems) if ":" in word else _one(word, problems)
    if problems:
        raise InputError(problems)
    return found


def _one(word: str, problems: list[Problem]) -> list[Instant]:
    from openleo.errors import Problem

    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        problems.append(Problem("--at", "", f"{word.strip()!r} is no number of seconds.", "Write for example 0,15,30."))
    return [(word.strip(), seconds)]


def _range(word: str, problems: list[Problem]) -> list[Instant]:
    """START, START + STEP, … below STOP, so that 0:60:15 and 60:120:15 have no instant in common."""
    from openleo.errors import InputError, Problem

    try:
        start, stop, step = (Decimal(part.strip()) for part in word.split(":"))
        usable = (
            all(one.is_finite() and abs(one.adjusted()) < 30 for one in (start, stop, step))
            and step > 0
            and start < stop
        )
    except (InvalidOperation, ValueError):
        usable = False
    if not usable:
        rule = f"{word.strip()!r} is no range START:STOP:STEP with START below STOP and STEP above 0."
        problems.append(Problem("--at", "", rule, "Write for example 0:3600:15: every 15 s of an hour."))
        return []
    try:
        return [(_shortest(one), float(one)) for one in spans.instants(start, stop, step, "--at")]
    except InputError as error:
        problems += error.problems
        return []


def _shortest(value: Decimal) -> str:
    """The shortest decimal, without an exponent: 0.1, 15, 3600."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
