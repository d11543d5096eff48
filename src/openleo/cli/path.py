"""`openleo path`: one path, hop by hop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import (
    AsJson,
    ScenarioFile,
    check_png,
    load_pair_case,
    load_scenario,
    note,
    one_of,
    point,
    print_json,
    tell_if_cold,
    tell_lost_at,
)
from openleo.cli.spans import moment
from openleo.network.demand_routing import MOST_PATHS

if TYPE_CHECKING:
    from datetime import datetime

    from openleo.network import journeys
    from openleo.network.reach import Network

INTERNET = "internet"
POP = "pop:"  # before the name of one


def path(
    scenario: ScenarioFile,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="A town, a territory, a gateway, or latitude,longitude."),
    ] = None,
    end: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="PLACE",
            help='Another place; "internet": the PoP that `plan` would use; or "pop:NAME", a PoP of the scenario.',
        ),
    ] = INTERNET,
    track: Annotated[
        Path | None,
        typer.Option(
            "--from-track", "--track", metavar="F.csv", help="In place of --from, a user who moves: t,lat,lon,alt."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="T|INSTANT",
            help="Seconds after the scenario's start, or an instant, UTC. "
            "[default: the scenario's start; to the internet, its first slot]",
        ),
    ] = None,
    paths: Annotated[
        int, typer.Option(metavar="K", min=1, max=MOST_PATHS, help="Between two places: so many, the shortest first.")
    ] = 1,
    disjoint: Annotated[
        bool, typer.Option("--disjoint", help="With --paths: no path meets a satellite of those before it.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="F.png", help="Draw the round trip as a waterfall.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the links that a packet crosses.

    To another place: the shortest path over satellites alone at that instant, light's time and nothing added; with
    --paths the K shortest without a loop. To the internet: as `plan` computes it in the slot that holds the instant,
    with gateway, fibre and processing; to a named PoP the same, over gateways with a fibre to it.

    Under Hypatia's conventions: to another place, over the links that `openleo rtt` counts there; places are the
    scenario's own sites, too.
    """
    from openleo.network import journeys
    from openleo.network.ground.tracks import read_track
    from openleo.scenario import under_hypatia

    check_png(plot, "--plot", "path.png")
    if under_hypatia(scenario):
        one_of(from_=start, from_track=track)
        _by_range(scenario, start, end, at, paths, disjoint, plot, as_json)
        return
    read = load_scenario(scenario)
    network, grid = read.case.network, read.case.grid
    one_of(from_=start, from_track=track)
    # Before the first slot there is nothing that `plan` would use; over satellites alone t = 0 is that of `rtt`.
    when = moment(at, "--at", read.start, grid.start if _on_ground(end) else read.start)
    user = read_track(track, read.start) if track else point(start or "", "--from", read)
    several = _several_asked(end, paths, disjoint, plot)
    pop = _pop(end, network)
    tell_if_cold()
    tell_lost_at(network.constellation, when, [0.0])
    if several:
        many, why_none = journeys.alternatives(network, user, point(end, "--to", read), when, paths, disjoint=disjoint)
        _print_several(many, why_none, when, paths, as_json)
        return
    jitter_ms = network.chain.jitter_ms if network.chain and _on_ground(end) else 0.0
    if pop is not None:
        found = journeys.to_pop(network, grid, user, pop, when)
    elif _on_ground(end):
        found = journeys.to_internet(network, grid, user, when)
    else:
        found = journeys.between(network, user, point(end, "--to", read), when)
    if plot:
        _draw(found, user.name, end, network.constellation.name, jitter_ms, plot)
    _print_one(found, as_json)


def _on_ground(end: str) -> bool:
    """Whether a path ends where traffic is handed to the internet, not at another place."""
    return end.casefold() == INTERNET or end.casefold().startswith(POP)


def _pop(end: str, network: Network) -> int | None:
    """The number of the PoP that --to names; None where it names something else. Raises InputError for one unknown."""
    from openleo.errors import InputError, Problem, join_or, near_names

    if not end.casefold().startswith(POP):
        return None
    name = end[len(POP) :].strip()
    names = [pop.name for pop in network.gateways.pops]
    for number, one in enumerate(names):
        if one.casefold() == name.casefold():
            return number
    way_out = near_names(name, names) or f"PoPs of this scenario: {join_or(names)}."
    raise InputError(Problem("--to", "", f'there is no PoP "{name}".', way_out))


def _draw(found: journeys.Path, start: str, end: str, constellation: str, jitter_ms: float, plot: Path) -> None:
    """As a waterfall; without a path there is nothing to draw, and it is said so."""
    from openleo.network.journeys import FIBRE
    from openleo.report import chain_plot

    if found.rtt_ms is None:
        note(f"No path, so nothing is drawn to {plot}")
        return
    fibres = [hop.end for hop in found.hops if hop.kind == FIBRE]
    where = "the Internet" if end.casefold() == INTERNET else (fibres or [found.hops[-1].end])[0]
    said = chain_plot.subtitle(found, constellation)
    chain_plot.draw(found, f"Round trip: {start} to {where}", said, plot, jitter_ms)
    note(f"Drawn to {plot}")


def _by_range(
    scenario: Path, start: str | None, end: str, at: str | None, paths: int, disjoint: bool, plot: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """The same between two places under Hypatia's conventions."""
    from dataclasses import replace

    import numpy as np

    from openleo.cli.demand_places import resolve
    from openleo.errors import InputError, Problem
    from openleo.network import pair_paths

    problems = []
    if start is None:
        rule = "is for a user of an ordinary scenario; Hypatia's places stand still."
        problems.append(Problem("--from-track", "", rule, "Name a --from."))
    if _on_ground(end):
        rule = "is for an ordinary scenario; Hypatia's conventions know pairs of places, and no gateways on the way."
        problems.append(Problem(f"--to {end}", "", rule, "Name a place with --to."))
    if problems:
        raise InputError(problems)
    several = _several_asked(end, paths, disjoint, plot)
    case = load_pair_case(scenario)
    when = moment(at, "--at", case.start, case.start)
    spelled = {"--from": start or "", "--to": end}
    named = resolve([words.strip() for words in spelled.values()], case.sites, case)
    unknown = [
        Problem(option, "", f'there is no place "{words}".', named.way_out(words.strip()))
        for option, words in spelled.items()
        if words.strip() not in named.place
    ]
    if unknown or named.places is None:
        raise InputError(unknown)
    which = np.array([named.places.names.index(named.place[words.strip()]) for words in spelled.values()])
    own = {name.casefold(): name for name in (case.sites.names if case.sites else ())}
    said = [named.places.names[n] for n in which]
    names = tuple(name if name in own.values() else own.get(name.casefold(), name) for name in said)
    ends = replace(named.places, names=names, position_km=named.places.position_km[which], up=named.places.up[which])
    tell_if_cold()
    tell_lost_at(case.sky.constellation, when, [0.0])
    if several:
        _print_several(*pair_paths.alternatives(case.sky, ends, when, paths, disjoint=disjoint), when, paths, as_json)
    else:
        found = pair_paths.between(case.sky, ends, when)
        if plot:
            _draw(found, names[0], end, case.sky.constellation.name, 0.0, plot)
        _print_one(found, as_json)


def _print_one(found: journeys.Path, as_json: bool) -> None:
    from openleo.network import journeys

    if as_json:
        print_json(_json(found))
        return
    typer.echo(journeys.describe(found))
    _print_hops(found)


def _several_asked(end: str, paths: int, disjoint: bool, plot: Path | None) -> bool:
    """Whether more than one path is asked for. Raises InputError where the options do not go together."""
    from openleo.errors import InputError, Problem

    problems = []
    if _on_ground(end) and (paths > 1 or disjoint):
        option = "--paths" if paths > 1 else "--disjoint"
        problems.append(Problem(option, "", "is for two places; down to a PoP there is one path.", "Name a --to."))
    elif disjoint and paths == 1:
        problems.append(Problem("--disjoint", "", "needs more than one path.", "Write for example --paths 2."))
    if plot and paths > 1:
        problems.append(Problem("--plot", "", "draws one path.", "Leave out --paths."))
    if problems:
        raise InputError(problems)
    return paths > 1


def _print_several(found: list[journeys.Alternative], why_none: str, when: datetime, asked: int, as_json: bool) -> None:
    from openleo.errors import counted
    from openleo.instants import instant_text

    if as_json:
        paths = [
            {
                "rtt_ms": round(one.path.rtt_ms or 0.0, 6),
                "links": len(one.path.hops),
                "links_shared_with_first": one.links_shared,
                "hops": _hops_json(one.path),
            }
            for one in found
        ]
        print_json({"at": instant_text(when), "asked": asked, "why_none": why_none or None, "paths": paths})
        return
    if not found:
        typer.echo(f"{instant_text(when)}: no path ({why_none})")
        return
    typer.echo(f"{instant_text(when)}: {len(found)} of {counted(asked, 'path')}")
    for number, one in enumerate(found, start=1):
        shared = f", {one.links_shared} of them shared with path 1" if number > 1 else ""
        typer.echo(
            f"path {number}: {one.path.rtt_ms:.3f} ms there and back, {counted(len(one.path.hops), 'link')}{shared}"
        )
        _print_hops(one.path)


def _print_hops(found: journeys.Path) -> None:
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
        "hops": _hops_json(found),
    }


def _hops_json(found: journeys.Path) -> list[dict[str, Any]]:
    return [
        {
            "kind": hop.kind,
            "from": hop.start,
            "to": hop.end or None,
            "length_km": round(hop.length_km, 6),
            "delay_ms": round(hop.delay_ms, 6),
        }
        for hop in found.hops
    ]
