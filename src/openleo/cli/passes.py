"""`openleo passes`: who is in view of a place, with the predicted hand-overs and a picture of the sky."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, ScenarioFile, duration_s, instant, note, point, print_json, tell_if_cold

LONGEST_S = 6 * 3600.0  # every satellite is followed in steps of 5 s

if TYPE_CHECKING:
    from openleo.network.journeys import HandOver, Pass


def passes(
    scenario: ScenarioFile,
    at: Annotated[str, typer.Option(metavar="PLACE", help="A town, a territory, a gateway, or latitude,longitude.")],
    start: Annotated[str | None, typer.Option(help="From this instant, UTC. [default: the scenario's start]")] = None,
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="For so long, for example 30m.")] = "10m",
    out: Annotated[
        Path | None, typer.Option(help="Where to draw the sky (PNG). [default: out/NAME/passes-PLACE.png]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the satellites that pass over a place, its hand-overs, and draw its sky."""
    from openleo.errors import InputError, Problem
    from openleo.instants import SlotGrid
    from openleo.network import journeys
    from openleo.report import sky
    from openleo.scenario import Scenario

    read = Scenario.load(scenario)
    network, grid = read.case.network, read.case.grid
    place = point(at, "--at", read)
    seconds = duration_s(for_, "--for")
    if seconds > LONGEST_S:
        raise InputError(
            Problem("--for", "", f"{for_} is longer than {LONGEST_S / 3600:g} h.", "Look at a part of it.")
        )
    first = grid.slot_at(instant(start, "--start", grid.start))
    window = replace(grid, start=grid.instant(first), slots=max(1, round(seconds / grid.slot_s)))
    assert isinstance(window, SlotGrid)
    tell_if_cold()
    seen = journeys.passes(network, place, window.start, window.duration_s)
    changes = journeys.hand_overs(network, window, place)
    if out is not None and out.suffix.lower() != ".png":
        raise InputError(Problem(str(out), "", "is not named as a PNG file.", "Name it sky.png, for example."))
    name = re.sub(r"[^\w-]+", "-", place.name)
    picture = out or Path("out") / read.case.name / f"passes-{name}.png"
    sky.draw(seen, changes, place, window, network.user_elevation_deg, picture)
    note(f"Sky drawn to {picture}")
    if as_json:
        print_json(
            {
                "place": place.name,
                "passes": [_pass_json(one) for one in seen],
                "hand_overs": [_hand_over_json(one) for one in changes],
            }
        )
        return
    where = f"{place.name} ({place.latitude_deg:.3f}, {place.longitude_deg:.3f})"
    typer.echo(f"{where}: {len(seen)} satellites above {network.user_elevation_deg:g}° in {for_}")
    typer.echo(f"{'rises':>9} {'highest':>9} {'sets':>9}  elevation  satellite")
    for one in seen:
        times = " ".join(f"{_clock(at):>9}" for at in (one.rises, one.culminates, one.sets))
        typer.echo(f"{times}  {one.elevation_deg_max:8.1f}°  {one.satellite}")
    handed = sum(bool(change.from_satellite and change.to_satellite) for change in changes)
    typer.echo(f"\nChanges of the serving satellite, {handed} of them hand-overs:")
    for change in changes:
        servers = " → ".join(name or "nobody" for name in (change.from_satellite, change.to_satellite))
        rtts = " → ".join(
            "–" if rtt is None else f"{rtt:.1f} ms" for rtt in (change.rtt_ms_before, change.rtt_ms_after)
        )
        typer.echo(f"{_clock(change.at):>9}  {servers}  {rtts}  ({change.why})")


def _clock(at: datetime | None) -> str:
    return at.strftime("%H:%M:%S") if at else "–"


def _pass_json(one: Pass) -> dict[str, Any]:
    from openleo.instants import instant_text

    return {
        "satellite": one.satellite,
        "rises": instant_text(one.rises) if one.rises else None,
        "culminates": instant_text(one.culminates),
        "sets": instant_text(one.sets) if one.sets else None,
        "elevation_deg_max": round(one.elevation_deg_max, 3),
    }


def _hand_over_json(one: HandOver) -> dict[str, Any]:
    from openleo.instants import instant_text

    return {
        "at": instant_text(one.at),
        "from": one.from_satellite or None,
        "to": one.to_satellite or None,
        "why": one.why,
        "rtt_ms_before": one.rtt_ms_before,
        "rtt_ms_after": one.rtt_ms_after,
    }
