"""`openleo export load`: what traffic between places puts on every link at an instant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import ScenarioFile, check_png, load_pair_case, note, places_of, progress, tell_lost_at
from openleo.cli.demand_places import resolve
from openleo.cli.spans import check_years
from openleo.errors import Together, counted, given
from openleo.network.demand_routing import MOST_PATHS, PATHS, DemandRouting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openleo.network.load import Demand, Loads
    from openleo.network.pairs import Places
    from openleo.scenario import PairCase

MOST_NAMED = 3  # demands without a way


def load(
    scenario: ScenarioFile,
    demand: Annotated[Path, typer.Option(metavar="F.csv", help="The traffic: from,to,mbps, a row an ordered pair.")],
    out: Annotated[Path, typer.Option(metavar="F.csv|F.parquet", help="The table of links to write.")],
    at: Annotated[float, typer.Option(metavar="T", help="Seconds after the scenario's start.")] = 0.0,
    routing: Annotated[
        DemandRouting,
        typer.Option(help="On the shortest path; in equal shares on K; on that of K whose fullest ISL has least."),
    ] = "shortest",
    paths: Annotated[
        int | None, typer.Option(metavar="K", min=1, max=MOST_PATHS, help=f"How many paths. [default: {PATHS}]")
    ] = None,
    sites: Annotated[
        Path | None, typer.Option(help="A CSV of places: name,lat_deg,lon_deg. Others go by the gazetteer.")
    ] = None,
    isl_mbps: Annotated[
        float | None, typer.Option(help="What an inter-satellite link can carry one way: the table gives the share.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="F.png", help="Draw the links on a map by their load.")] = None,
) -> None:
    """Write what every directed link carries that carries something, at an instant.

    Columns: link,from,to,mbps,flows,share_of_capacity,from_id,to_id. Over the satellites alone, without a relay on the
    ground. Nothing is turned away, also where a link would be full; traffic without a path is counted and named.
    """
    from openleo.network import load as network_load
    from openleo.report import load as table
    from openleo.report.rows import RowsWriter
    from openleo.report.staging import Outputs

    files = {"--out": out, "--plot": plot}
    reading = Together()
    _check(files, {"SCENARIO": scenario, "--demand": demand, "--sites": sites}, reading)
    _check_numbers(at, routing, paths, isl_mbps, reading)
    case, places, asked = _asked(scenario, demand, sites, at, reading)
    tell_lost_at(case.sky.constellation, case.start, [at])
    constellation, most = case.sky.constellation, paths or PATHS
    with Outputs(files) as to:
        with progress() as tell:
            loads = network_load.load(
                case.sky, places, asked, case.start, at, routing, most,
                lambda done: tell("routing demands", done, len(asked)),
            )  # fmt: skip
        with RowsWriter(to["--out"], table.COLUMNS) as writer:
            writer.write(table.rows(loads, places.names, constellation, isl_mbps))
        if picture := to.get("--plot"):
            from openleo.report import load_map

            ways = {"shortest": "shortest path", "k-paths": f"{counted(most, 'path')} in equal shares"}
            how = ways.get(routing, f"the least loaded of {counted(most, 'path')}")
            load_map.draw(loads, places, case.start, at, case.name, how, isl_mbps, picture)
    called = table.node_names(places.names, table.told_apart(constellation))
    for line in _summary(loads, called, places.names, isl_mbps):
        note(line)
    note(f"Written to {out}")
    if plot:
        note(f"Drawn to {plot}")


def _check(outputs: dict[str, Path | None], inputs: dict[str, Path | None], reading: Together) -> None:
    """Names of files."""
    from openleo.report.rows import check_ending
    from openleo.report.staging import check_distinct

    reading.read(lambda: check_ending(given(outputs["--out"]), "--out"))
    reading.read(lambda: check_png(outputs["--plot"], "--plot", "load.png"))
    reading.read(lambda: check_distinct(outputs, inputs))


def _check_numbers(
    at: float, routing: DemandRouting, paths: int | None, isl_mbps: float | None, reading: Together
) -> None:
    import math

    from openleo.errors import Problem
    from openleo.network.ground.demands import LEAST_MBPS, MOST_MBPS

    if paths is not None and routing == "shortest":
        rule = "is for --routing k-paths and least-loaded; the shortest is one."
        reading.found.append(Problem("--paths", "", rule, "Leave it out."))
    if not math.isfinite(at):
        reading.found.append(Problem("--at", "", f"is {at}; it is a number of seconds.", "Write for example 0."))
    if isl_mbps is not None and not LEAST_MBPS <= isl_mbps <= MOST_MBPS:
        rule = f"is {isl_mbps:g}; a capacity is from {LEAST_MBPS:g} to {MOST_MBPS:g}."
        reading.found.append(Problem("--isl-mbps", "", rule, "Write for example 20000."))


def _asked(
    scenario: Path, demand: Path, sites: Path | None, at: float, reading: Together
) -> tuple[PairCase, Places, list[Demand]]:
    """(the case, the places of the demands, the demands). Raises InputError with all that is at fault."""
    import math

    from openleo.network.ground import demands as demand_file
    from openleo.network.load import Demand

    case = reading.read(lambda: load_pair_case(scenario))
    if case and math.isfinite(at):
        reading.read(lambda: check_years("--at", case.start, [at]))
    rows = reading.read(lambda: demand_file.parse(demand, "--demand")) or ()
    spellings = {name for row in rows for name in (row.start, row.end)}
    known = case.sites if case else None
    if sites and case:
        known = reading.read(lambda: places_of(case, sites))
    named = resolve(spellings, known, case) if case and (known or not sites) else None
    traffic = reading.read(
        lambda: demand_file.check(
            rows, str(demand), named.place if named else dict(zip(spellings, spellings, strict=True)),
            named.way_out if named else str,
        )
    )  # fmt: skip
    reading.done()
    places = given(given(named).places)
    number = {name: n for n, name in enumerate(places.names)}
    asked = [Demand(number[one.start], number[one.end], one.mbps) for one in given(traffic)]
    return given(case), places, asked


def _summary(loads: Loads, names: Sequence[str], places: Sequence[str], isl_mbps: float | None) -> list[str]:
    """What the loads come to, in lines for people."""
    import numpy as np

    from openleo.network.load import ISL
    from openleo.report.load import three_digits

    lost = [loads.demands[number] for number in loads.unreachable]
    lost_mbps = sum(one.mbps for one in lost)
    carried_mbps = sum(one.mbps for one, ways in zip(loads.demands, loads.ways, strict=True) if ways)
    carried = len(loads.demands) - len(lost)
    rtt_ms = loads.rtt_ms_mean()
    mean = "" if rtt_ms is None else f", {rtt_ms:.1f} ms there and back in the mean"
    amounts = f"{three_digits(carried_mbps)} of {three_digits(carried_mbps + lost_mbps)} Mbps"
    lines = [f"{carried} of {counted(len(loads.demands), 'demand')} carried: {amounts}{mean}"]
    if lost:
        named = "; ".join(f"{places[one.start]} → {places[one.end]}" for one in lost[:MOST_NAMED])
        more = " …" if len(lost) > MOST_NAMED else ""
        lines.append(f"{len(lost)} unreachable, {three_digits(lost_mbps)} Mbps: {named}{more}")
    (isl,) = np.nonzero(loads.kinds() == ISL)
    used = isl[loads.flows[isl] > 0]
    if len(used):
        from_node, to_node = loads.graph.ends()
        most = used[loads.mbps[used].argmax()]
        ends = f"{names[from_node[most]]} → {names[to_node[most]]}"
        mean_mbps, most_mbps = three_digits(loads.mbps[used].mean()), three_digits(loads.mbps[most])
        lines.append(
            f"{len(used)} of {counted(len(isl), 'directed inter-satellite link')} carry something, "
            f"{mean_mbps} Mbps in the mean, at most {most_mbps} Mbps: {ends}"
        )
    else:
        lines.append(f"None of {counted(len(isl), 'directed inter-satellite link')} carries anything")
    if isl_mbps is not None:
        over = int((loads.mbps[used] > isl_mbps).sum())
        lines.append(f"{over} of them above {three_digits(isl_mbps)} Mbps")
    return lines
