"""`openleo score`: how believable a scenario is, beside measured round-trip times and rates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import (
    AsJson,
    Draws,
    ScenarioFile,
    Seed,
    Threads,
    load_scenario,
    note,
    one_of,
    point,
    print_json,
    progress,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from openleo.score import Score

WAYS = ("down", "up")


def score(
    scenario: ScenarioFile,
    measured: Annotated[
        Path | None,
        typer.Option(metavar="F.csv", help="iso3, latency_p50_ms and, if known, down_p50_mbps, up_p50_mbps."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="F.csv", help="In place of --measured, one place over time: t, rtt_ms (empty: lost)."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where the trace was taken: a town, or latitude,longitude.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for score.json, score.csv and score.png.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Only the first N slots.")] = None,
    draws: Draws = 0,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Compare modelled medians with measured ones, territory by territory.

    Computes the territories of the table alone, by the scenario's network: errors, a naive model of distance fitted on
    the same rows, the same network with nearest PoPs, and the ten that miss by most with the likely reason. With
    [capacity] enabled, rates as well, among everybody in the scenario's area and in these territories.

    With --draws N all is computed N times more, with what is not known drawn anew (where satellites stand, elevation
    masks, who subscribes, the chain's fitted constants): `intervals` says where nine of ten draws put each figure.

    With --trace, round trips from one place slot by slot: how both spread, steps at the edges of slots, hand-overs.
    """
    from openleo.errors import InputError, Problem, Together
    from openleo.report.score_files import write
    from openleo.report.staging import check_writable
    from openleo.score import read_measured
    from openleo.scoring import score as compute

    one_of(measured=measured, trace=trace)
    if trace is not None:
        if draws:
            raise InputError(Problem("--draws", "", "is for --measured.", "Leave it out beside --trace."))
        _trace(scenario, trace, at, out, slots, threads, as_json)
        return
    assert measured is not None
    together = Together()
    rows = together.read(lambda: read_measured(measured))
    read = together.read(lambda: load_scenario(scenario, slots=slots))
    if out:
        together.read(lambda: check_writable(out))
    together.done()
    assert rows is not None
    assert read is not None
    with progress() as tell:
        found = compute(read.case, rows, threads=threads, on_progress=tell, draws=draws, seed=seed)
    for said in found.notes[len(read.case.notes) :]:
        note(said)
    if out:
        written = write(found, read.case.name, out)
        note(f"Written to {out}: {', '.join(written)}")
    if as_json:
        print_json(found.as_json())
        return
    _show(found)


def _trace(
    scenario: Path, file: Path, at: str | None, out: Path | None, slots: int | None, threads: int | None, as_json: bool
) -> None:
    """One place over time."""
    import json

    from openleo.errors import InputError, Problem
    from openleo.report.staging import StagedFile, blaming
    from openleo.score_trace import compare, read_trace
    from openleo.scoring import twin_of

    if at is None:
        raise InputError(Problem("--at", "", "is needed with --trace.", "Say where it was taken."))
    measured = read_trace(file)
    read = load_scenario(scenario, slots=slots)
    start_s = read.start.timestamp()
    found = compare(measured, twin_of(read.case, start_s, point(at, "--at", read), threads), start_s).as_json()
    if out:
        with StagedFile(out / "trace-score.json") as path, blaming(out):
            path.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if as_json:
        print_json(found)
        return
    for line in _told(found):
        typer.echo(line)


def _told(found: dict[str, Any]) -> list[str]:
    """A trace's figures in lines."""
    edges, over, lines = found["edges"], found["hand_overs"], []
    for name in ("measured", "twin"):
        figures = ", ".join(f"{which.removesuffix('_ms')} {value}" for which, value in found[name].items())
        lines.append(f"{name:9} {figures} ms")
    compared = f"{found['slots_compared']} of {found['slots']} slots, {found['lost']} of {found['samples']} lost"
    apart = f"mean error {found['mae_ms']} ms, bias {found['bias_ms']}, rank correlation {found['spearman']}"
    begin = f"slots begin at {edges['phase_s']} s in the trace, at {edges['twin_phase_s']} s in the twin"
    steps = f"steps of {edges['step_ms_p50']} ms between slots, {edges['within_slot_ms_p50']} ms within"
    there = f"steps of {over['step_ms_p50']} ms there, {over['step_ms_p50_without']} ms elsewhere"
    larger = f"larger than the median step: {over['aligned']} of them"
    return [
        *lines,
        f"{compared}: {apart}",
        f"{begin}; {steps}",
        f"{over['n']} hand-overs of the twin: {there}; {larger}",
    ]


def _show(found: Score) -> None:
    """The tables, on stdout; wide enough to be read in a file as on a terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    table = Table(title="Round-trip times, medians in ms")
    for name in ("territory", "measured", "modelled", "error", "nearest PoPs", "PoPs"):
        table.add_column(name, justify="left" if name in ("territory", "PoPs") else "right")
    for row in found.rows:
        model = row.modelled
        table.add_row(
            model.iso3,
            f"{row.measured.rtt_ms:.1f}",
            model.why_missing or _ms(model.rtt_ms),
            _ms(row.error_ms, "+.1f"),
            _ms(model.nearest_pop_rtt_ms),
            ", ".join(model.pops),
        )
    console.print(table)
    figures = found.as_json()
    console.print(_headline(figures["rtt"]))
    _show_rates(console, figures)
    if found.intervals:
        for line in _drawn(found.intervals):
            console.print(line)
    worst = Table(title="Farthest off, with the likely reason")
    for name in ("territory", "error (ms)", "likely reason"):
        worst.add_column(name, justify="right" if name == "error (ms)" else "left")
    for row in figures["worst"]:
        worst.add_row(row["iso3"], f"{row['error_ms']:+.1f}", row["likely"])
    console.print(worst)


def _drawn(found: Mapping[str, Any]) -> list[str]:
    """Where nine of ten draws put the figures, in lines."""
    said = {"mae_ms": "mean error (ms)", "bias_ms": "bias (ms)", "mae_mbps": "mean error (Mbit/s)",
            "bias_mbps": "bias (Mbit/s)", "spearman": "rank correlation"}  # fmt: skip
    lines = [f"5 to 95 % of {found['draws']} draws of {', '.join(source['name'] for source in found['sources'])}:"]
    for part in ("rtt", *WAYS):
        told = [f"{said[name]} {one['p5']:.3g} to {one['p95']:.3g}" for name, one in found[part].items() if one]
        lines += [f"  {part}: {', '.join(told)}"] if told else []
    return lines


def _show_rates(console: Console, figures: dict[str, Any]) -> None:
    """Rates by territory, how they compare, and the ten that are farthest off; or that there are none."""
    from rich.table import Table

    if not any(figures[way]["n"] for way in WAYS):
        console.print("Rates: the model gives none.")
        return
    columns = ("territory", "down, measured", "modelled", "up, measured", "modelled", "subscribers", "load")
    table = Table(title="Rates of users, medians in Mbit/s (subscribers are assumptions)")
    for name in columns:
        table.add_column(name, justify="left" if name == "territory" else "right")
    for row in figures["territories"]:
        rates = (row[f"{side}{way}_mbps"] for way in WAYS for side in ("measured_", ""))
        load = "–" if row["load"] is None else f"{row['load']:.2f}"
        who = "–" if row["subscribers"] is None else f"{row['subscribers']:,.0f}"
        table.add_row(row["iso3"], *(_ms(rate) for rate in rates), who, load)
    console.print(table)
    for way in WAYS:
        rates = figures[way]
        if not rates["n"]:
            console.print(f"{way}: the model gives no rates")
            continue
        between = "" if rates["spearman_95"] is None else " (95 %: {} to {})".format(*rates["spearman_95"])
        rank = "of one value alone" if rates["spearman"] is None else rates["spearman"]
        of = f"{rates['n']} territories, rank correlation {rank}{between}"
        console.print(f"{way}: {of}, mean error {rates['mae_mbps']} Mbit/s, bias {rates['bias_mbps']:+}")
        worst = Table(title=f"Rates {way}: farthest off, with the likely reason")
        for name in ("territory", "error (Mbit/s)", "likely reason"):
            worst.add_column(name, justify="right" if "error" in name else "left")
        for row in figures[f"worst_{way}"]:
            worst.add_row(row["iso3"], f"{row['error_mbps']:+.1f}", row["likely"])
        console.print(worst)


def _headline(rtt: dict[str, Any]) -> str:
    if not rtt["n"]:
        return "No territory has a result."
    naive = f"{rtt['naive_ms']:.1f} ms + {rtt['naive_ms_per_1000_km']:.2f} ms per 1,000 km"
    return (
        f"{rtt['n']} territories: mean absolute error {rtt['mae_ms']:.2f} ms{_within(rtt['mae_ms_95'])}, "
        f"median {rtt['median_abs_ms']:.2f}, 90 % within {rtt['p90_abs_ms']:.2f}, bias {rtt['bias_ms']:+.2f}; "
        f"rank correlation {rtt['spearman']}{_within(rtt['spearman_95'])}; "
        f"above 35 ms told with balanced accuracy {rtt['balanced_accuracy_35_ms']}.\n"
        f"Distance alone ({naive}, fitted on these rows): {rtt['naive_mae_ms']:.2f} ms; "
        f"the best line there is: {rtt['naive_least_absolute_mae_ms']:.2f} ms. "
        f"Nearest PoPs: {rtt['nearest_pop_mae_ms']} ms."
    )


def _within(ends: list[float] | None) -> str:
    return "" if ends is None else f" (95 %: {ends[0]:.2f} to {ends[1]:.2f})"


def _ms(value: float | None, form: str = ".1f") -> str:
    return "–" if value is None else format(value, form)
