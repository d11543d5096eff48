"""`openleo rtt`: round-trip times between all ordered pairs of places."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import ScenarioFile, note, progress, tell_if_cold


def rtt(
    scenario: ScenarioFile,
    at: Annotated[str, typer.Option(metavar="T[,T…]", help="Seconds after the scenario's start, one or several.")],
    out: Annotated[Path, typer.Option(help="The CSV to write: t_s,from,to,rtt_ms,hops.")],
    sites: Annotated[
        Path | None, typer.Option(help="A CSV of places: name,lat_deg,lon_deg. A Hypatia directory has its own.")
    ] = None,
) -> None:
    """Write the round-trip time of every ordered pair of places, at each instant.

    Light's time over the satellites alone along the shortest way, nothing added. `hops` counts links, both ground links
    included; both fields are empty where there is no way.
    """
    from openleo.errors import InputError, Problem
    from openleo.network.pairs import rtt_between
    from openleo.report.pairs import PairsWriter
    from openleo.scenario import HYPATIA_LIMITS, load_pairs, read_sites

    instants = [(word.strip(), _seconds(word)) for word in at.split(",")]
    case = load_pairs(scenario)
    places = read_sites(sites, isinstance(case.sky.admitted, HYPATIA_LIMITS)) if sites else case.sites
    if places is None:
        raise InputError(Problem("--sites", "", "is needed: this scenario has no sites of its own.", "Give a CSV."))
    tell_if_cold()
    with PairsWriter(out, places.names) as writer, progress() as tell:
        times = rtt_between(case.sky, places, case.start, [seconds for _, seconds in instants])
        for done, ((word, _), found) in enumerate(zip(instants, times, strict=True), start=1):
            writer.write(word, found)
            tell("computing instants", done, len(instants))
    note(f"{writer.pairs} pairs, {writer.unreachable} of them unreachable, written to {out}")


def _seconds(word: str) -> float:
    from openleo.errors import InputError, Problem

    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InputError(
            Problem("--at", "", f"{word.strip()!r} is no number of seconds.", "Write for example 0,15,30.")
        )
    return seconds
