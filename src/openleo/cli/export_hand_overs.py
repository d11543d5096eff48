"""`openleo export hand-overs`: every change of the serving satellite, with its reason, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import (
    AsJson,
    ScenarioFile,
    load_scenario,
    note,
    one_of,
    print_json,
    progress,
    tell_lost_in,
)
from openleo.cli.spans import FOR, FROM, window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from openleo.network.ground.tracks import Track
    from openleo.network.reach import Network
    from openleo.network.visibility import Sites
    from openleo.network.watch import Watched
    from openleo.results import OnProgress


def hand_overs(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(metavar="F.csv|F.parquet", help="The file to write.")],
    sites: Annotated[Path | None, typer.Option(metavar="F.csv", help="Places: name,lat_deg,lon_deg.")] = None,
    track: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="In place of --sites, a user who moves: t,lat,lon,alt.")
    ] = None,
    start: Annotated[str | None, typer.Option(help=FROM)] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help=f"{FOR} [default: up to the scenario's end]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write who serves each place, from when, why it changed, and the round-trip time before and after.

    The first record of a place is that of the first slot. Fields that do not exist are empty. Prints hand-overs an hour
    (from one satellite to another), the stays with one satellite and the outages of each place. A user on a track
    counts while it is there.
    """
    from openleo.errors import counted
    from openleo.instants import instant_text
    from openleo.network import hand_overs as found
    from openleo.network.watch import watch
    from openleo.report import hand_overs as table
    from openleo.report.rows import RowsWriter, check_ending
    from openleo.report.staging import check_distinct

    one_of(sites=sites, track=track)
    check_ending(out, "--out")
    check_distinct({"--out": out}, {"SCENARIO": scenario, "--sites": sites, "--track": track})
    read = load_scenario(scenario)
    network, grid = read.case.network, read.case.grid
    names, users = _users(network, read.start, sites, track)
    shown = window(grid, start, for_)
    tell_lost_in(network.constellation, shown)
    diary, written = found.Diary(len(names)), 0
    with RowsWriter(out, table.COLUMNS) as writer, progress() as tell:
        for chunk in found.hand_overs(_told(watch(network, shown, users), tell, shown.slots), shown.slot_s):
            diary.add(chunk)
            writer.write(table.row(one) for one in found.in_words(chunk, network, shown, names))
            written += len(chunk)
    summary = table.summary(diary.finish(shown), names)
    note(f"{counted(written, 'record')} of {counted(shown.slots, 'slot')} written to {out}")
    if as_json:
        print_json({"start": instant_text(shown.start), "slots": shown.slots, "sites": summary})
        return
    for line in table.lines(summary):
        typer.echo(line)


def _told(chunks: Iterator[Watched], tell: OnProgress, slots: int) -> Iterator[Watched]:
    for chunk in chunks:
        tell("computing slots", chunk.reach.first_slot, slots)
        yield chunk
    tell("computing slots", slots, slots)


def _users(
    network: Network, start: datetime, sites: Path | None, track: Path | None
) -> tuple[tuple[str, ...], Sites | Track]:
    """The users' names, and who they are; `t` of a track counts from `start`."""
    import numpy as np

    from openleo.network.ground import stations
    from openleo.network.ground.tracks import read_track
    from openleo.network.reach import place_users

    if track:
        moving = read_track(track, start)
        return (moving.name,), moving
    assert sites is not None
    listed, _ = stations.read(sites.name, "sites", sites.parent, "--sites", "")
    latitude = np.array([site.latitude_deg for site in listed])
    longitude = np.array([site.longitude_deg for site in listed])
    return tuple(site.name for site in listed), place_users(
        network, latitude, longitude, names=[site.name for site in listed]
    )
