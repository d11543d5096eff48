"""`openleo path`: one path, hop by hop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, ScenarioFile, instant, one_of, point, print_json, tell_if_cold

if TYPE_CHECKING:
    from openleo.network import journeys

INTERNET = "internet"


def path(
    scenario: ScenarioFile,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="A town, a territory, a gateway, or latitude,longitude."),
    ] = None,
    end: Annotated[
        str, typer.Option("--to", metavar="PLACE", help='Another place, or "internet": the PoP that `plan` would use.')
    ] = INTERNET,
    track: Annotated[
        Path | None,
        typer.Option("--from-track", metavar="F.csv", help="In place of --from, a user who moves: t,lat,lon,alt."),
    ] = None,
    at: Annotated[str | None, typer.Option(help="An instant, UTC. [default: the scenario's start]")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the links that a packet crosses.

    To another place: the shortest path over satellites alone at that instant, light's time and nothing added. To the
    internet: as `plan` computes it in the slot that holds the instant, with gateway, fibre and processing.
    """
    from openleo.network import journeys
    from openleo.network.ground.tracks import read_track
    from openleo.scenario import Scenario

    read = Scenario.load(scenario)
    network, grid = read.case.network, read.case.grid
    one_of(from_=start, from_track=track)
    when = instant(at, "--at", grid.start)
    user = read_track(track, grid.start) if track else point(start or "", "--from", read)
    tell_if_cold()
    if end.casefold() == INTERNET:
        found = journeys.to_internet(network, grid, user, when)
    else:
        found = journeys.between(network, user, point(end, "--to", read), when)
    if as_json:
        print_json(_json(found))
        return
    typer.echo(journeys.describe(found))
    for number, hop in enumerate(found.hops, start=1):
        ends = f"{hop.start} → {hop.end}" if hop.end else hop.start
        length = f"{hop.length_km:10.1f} km" if hop.length_km else " " * 13
        typer.echo(f"{number:3}  {hop.kind:21} {length} {hop.delay_ms:8.3f} ms  {ends}")


def _json(found: journeys.Path) -> dict[str, Any]:
    from openleo.instants import instant_text

    return {
        "at": instant_text(found.at),
        "rtt_ms": None if found.rtt_ms is None else round(found.rtt_ms, 6),
        "why_none": found.why_none or None,
        "hops": [
            {
                "kind": hop.kind,
                "from": hop.start,
                "to": hop.end or None,
                "length_km": round(hop.length_km, 6),
                "delay_ms": round(hop.delay_ms, 6),
            }
            for hop in found.hops
        ],
    }
