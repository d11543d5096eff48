"""`openleo passes`: who is in view of a place, with the predicted hand-overs and a picture of the sky."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import (
    AsJson,
    ScenarioFile,
    check_png,
    load_scenario,
    note,
    one_of,
    point,
    print_json,
    tell_if_cold,
    tell_lost_in,
)
from openleo.cli.spans import FOR, FROM, duration_s, window

LONGEST_S = 6 * 3600.0  # every satellite is followed in steps of 5 s

if TYPE_CHECKING:
    from openleo.instants import SlotGrid
    from openleo.network.ground.tracks import Track
    from openleo.network.hand_overs import HandOver
    from openleo.network.journeys import Pass, Point


def passes(
    scenario: ScenarioFile,
    at: Annotated[
        str | None, typer.Option(metavar="PLACE", help="A town, a territory, a gateway, or latitude,longitude.")
    ] = None,
    track: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="In place of --at, a user who moves: t,lat,lon,alt.")
    ] = None,
    start: Annotated[str | None, typer.Option(help=FROM)] = None,
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help=f"{FOR} For example 30m.")] = "10m",
    out: Annotated[
        Path | None, typer.Option(help="Where to draw the sky (PNG). [default: out/NAME/passes-PLACE.png]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the satellites that pass over a place, its hand-overs, and draw its sky.

    A track is a CSV of where a ship, an aircraft or a convoy is: t (seconds after the scenario's start, or instants),
    lat, lon, alt (metres above the ellipsoid); between its rows the user follows the geodesic at a steady speed.
    """
    from openleo.errors import InputError, Problem, counted
    from openleo.instants import instant_text
    from openleo.network import journeys
    from openleo.network.ground.tracks import read_track
    from openleo.report import sky

    check_png(out, "--out", "sky.png")
    read = load_scenario(scenario)
    network, grid = read.case.network, read.case.grid
    one_of(at=at, track=track)
    place = read_track(track, read.start) if track else point(at or "", "--at", read)
    if duration_s(for_, "--for") > LONGEST_S:
        raise InputError(
            Problem("--for", "", f"{for_} is longer than {LONGEST_S / 3600:g} h.", "Look at a part of it.")
        )
    shown = window(grid, start, for_)
    tell_if_cold()
    tell_lost_in(network.constellation, shown)
    seen = journeys.passes(network, place, shown.start, shown.duration_s)
    changes = journeys.hand_overs(network, shown, place)
    name = re.sub(r"[^\w-]+", "-", place.name)
    picture = out or Path("out") / read.case.name / f"passes-{name}.png"
    marked = _where(place, shown, degree="°")
    sky.draw(seen, changes, place.name, marked, shown, network.user_elevation_deg, picture)
    note(f"Sky drawn to {picture}")
    if as_json:
        print_json(
            {
                "place": place.name,
                "start": instant_text(shown.start),
                "for_s": shown.duration_s,
                "passes": [_pass_json(one) for one in seen],
                "hand_overs": [_hand_over_json(one) for one in changes],
            }
        )
        return
    said_for = for_ if shown.duration_s == duration_s(for_, "--for") else f"{shown.duration_s:g}s"
    above = f"{counted(len(seen), 'satellite')} above {network.user_elevation_deg:g}° in {said_for}"
    typer.echo(f"{place.name} ({_where(place, shown)}): {above}")
    _print(seen, changes)


def _print(seen: list[Pass], changes: list[HandOver]) -> None:
    """The tables of passes and of changes."""
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


def _where(user: Point | Track, window: SlotGrid, degree: str = "") -> str:
    """Where a user is: its place, or where it is when the time looked at begins and ends."""
    from openleo.network import journeys

    def said(place: Point) -> str:
        return f"{place.latitude_deg:.3f}{degree}, {place.longitude_deg:.3f}{degree}"

    if isinstance(user, journeys.Point):
        return said(user)
    begins, ends = max(user.first, window.start), min(user.last, window.instant(window.slots))
    places = [journeys.point_of(user, at) for at in (begins, ends)]
    return " to ".join(said(place) for place in places if place) or "not on its track"


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
        "served_s": one.served_s,
    }
