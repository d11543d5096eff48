"""`openleo score`: how believable a scenario is, beside measured round-trip times and rates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, ScenarioFile, Threads, load_scenario, note, print_json, progress

if TYPE_CHECKING:
    from openleo.score import Score


def score(
    scenario: ScenarioFile,
    measured: Annotated[
        Path,
        typer.Option(metavar="F.csv", help="iso3, latency_p50_ms and, if known, down_p50_mbps, up_p50_mbps."),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for score.json, score.csv and score.png.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Only the first N slots.")] = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Compare modelled medians with measured ones, territory by territory.

    Computes the territories of the table alone, by the scenario's network: errors, a naive model of distance fitted on
    the same rows, the same network with nearest PoPs, and the ten that miss by most with the likely reason.
    """
    from openleo.errors import Together
    from openleo.report.score_files import write
    from openleo.report.staging import check_writable
    from openleo.score import read_measured
    from openleo.scoring import score as compute

    together = Together()
    rows = together.read(lambda: read_measured(measured))
    read = together.read(lambda: load_scenario(scenario, slots=slots))
    if out:
        together.read(lambda: check_writable(out))
    together.done()
    assert rows is not None
    assert read is not None
    with progress() as tell:
        found = compute(read.case, rows, threads=threads, on_progress=tell)
    for said in found.notes[len(read.case.notes) :]:
        note(said)
    if out:
        written = write(found, read.case.name, out)
        note(f"Written to {out}: {', '.join(written)}")
    if as_json:
        print_json(found.as_json())
        return
    _show(found)


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
    for way in ("down", "up"):
        rates = figures[way]
        if rates["n"]:
            of = f"{rates['n']} territories, rank correlation {rates['spearman']}"
            console.print(f"{way}: {of}, mean error {rates['mae_mbps']} Mbit/s")
        else:
            console.print(f"{way}: the model gives no rates")
    worst = Table(title="Farthest off, with the likely reason")
    for name in ("territory", "error (ms)", "likely reason"):
        worst.add_column(name, justify="right" if name == "error (ms)" else "left")
    for row in figures["worst"]:
        worst.add_row(row["iso3"], f"{row['error_ms']:+.1f}", row["likely"])
    console.print(worst)


def _headline(rtt: dict[str, Any]) -> str:
    if not rtt["n"]:
        return "No territory has a result."
    naive = f"{rtt['naive_ms']:.1f} ms + {rtt['naive_ms_per_1000_km']:.2f} ms per 1,000 km"
    return (
        f"{rtt['n']} territories: mean absolute error {rtt['mae_ms']:.2f} ms, median {rtt['median_abs_ms']:.2f}, 90 % "
        f"within {rtt['p90_abs_ms']:.2f}, bias {rtt['bias_ms']:+.2f}; rank correlation {rtt['spearman']}; above 35 ms "
        f"told with balanced accuracy {rtt['balanced_accuracy_35_ms']}.\n"
        f"Distance alone ({naive}, fitted on these rows): {rtt['naive_mae_ms']:.2f} ms; "
        f"the best line there is: {rtt['naive_least_absolute_mae_ms']:.2f} ms. "
        f"Nearest PoPs: {rtt['nearest_pop_mae_ms']} ms."
    )


def _ms(value: float | None, form: str = ".1f") -> str:
    return "–" if value is None else format(value, form)
