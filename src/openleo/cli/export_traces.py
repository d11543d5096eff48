"""`openleo export traces`: round-trip times of pairs over a run, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import ScenarioFile, Threads, load_pair_case, note, progress, tell_lost_at
from openleo.cli.spans import duration_s, seconds_over

if TYPE_CHECKING:
    import pyarrow

ENDINGS = (".csv", ".parquet")


def traces(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(help="The file to write, .csv or .parquet.")],
    sites: Annotated[
        Path | None, typer.Option(help="A CSV of places: name,lat_deg,lon_deg. A Hypatia directory has its own.")
    ] = None,
    every: Annotated[str, typer.Option(help="From one row of a pair to the next.")] = "15s",
    duration: Annotated[
        str | None,
        typer.Option(
            help="How long from the scenario's start, without the end itself. [default: as the scenario says]"
        ),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="NAME", help="Only pairs from this place.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="NAME", help="Only pairs to this place.")] = None,
    threads: Threads = None,
) -> None:
    """Write t_s,src,dst,rtt_ms,down_mbps,up_mbps of every ordered pair of places, instant after instant.

    Light's time over the satellites alone along the shortest way, nothing added; empty where there is no way. Rates are
    not computed yet: their columns are there, and empty.
    """
    from openleo.errors import InputError, Problem, Together, counted, near_names
    from openleo.interchange import traces as of_pairs
    from openleo.network.reach import default_threads
    from openleo.report.staging import StagedFile, blaming, check_distinct
    from openleo.scenario import HYPATIA_LIMITS, read_sites

    reading = Together()
    problems = reading.found
    if out.suffix.lower() not in ENDINGS:
        rule = f"ends in {out.suffix or 'nothing'!r}; traces are written as {' or '.join(ENDINGS)}."
        problems.append(Problem("--out", "", rule, "Name it for example traces.parquet."))
    reading.read(lambda: check_distinct({"--out": out}, {"SCENARIO": scenario, "--sites": sites}))
    step_s = reading.read(lambda: duration_s(every, "--every"))
    case = reading.read(lambda: load_pair_case(scenario))
    whole_s = case.duration_s if case else None
    if duration is not None:
        whole_s = reading.read(lambda: duration_s(duration, "--duration"))
    elif case and whole_s is None:
        rule = "is needed: a Hypatia scenario says no duration."
        problems.append(Problem("--duration", "", rule, "Write for example 200s."))
    places = case.sites if case else None
    if sites and case:
        places = reading.read(lambda: read_sites(sites, isinstance(case.sky.admitted, HYPATIA_LIMITS)))
    elif case and places is None:
        rule = "is needed: this scenario has no sites of its own."
        problems.append(Problem("--sites", "", rule, "Give a CSV."))
    for option, name in (("--from", start), ("--to", end)):
        if places is not None and name is not None and name not in places.names:
            way_out = near_names(name, places.names) or "Names are those of the sites."
            problems.append(Problem(option, "", f'there is no site "{name}".', way_out))
    if places is not None and len(places.names) < 2:
        problems.append(Problem("--sites", "", "holds one place; a pair has two.", "Add another."))
    if start is not None and start == end:
        problems.append(Problem("--to", "", f'is "{end}", where the pair starts.', "A pair has two places."))
    seconds = None
    if case and step_s is not None and whole_s is not None:
        option = "--every" if duration is None else "--duration"
        begins, span_s, apart_s = case.start, whole_s, step_s
        seconds = reading.read(lambda: seconds_over(begins, span_s, apart_s, option))
    if problems:
        raise InputError(problems)
    assert case is not None
    assert seconds is not None
    assert places is not None
    tell_lost_at(case.sky.constellation, case.start, seconds)
    places, pairs = of_pairs.needed(places, of_pairs.pairs_of(places.names, start, end))
    rows = unreachable = 0
    with StagedFile(out) as path, blaming(out), _writer(path, of_pairs.SCHEMA) as writer, progress() as tell:
        found = of_pairs.batches(case.sky, places, pairs, case.start, seconds, threads or default_threads())
        for done, batch in enumerate(found, start=1):
            writer.write_batch(batch)
            rows += batch.num_rows
            unreachable += batch.column("rtt_ms").null_count
            tell("computing instants", done, len(seconds))
    note(f"{counted(rows, 'row')}, {unreachable} of them unreachable, written to {out}")


def _writer(path: Path, schema: pyarrow.Schema) -> Any:
    """A context manager with `write_batch`."""
    if path.suffix.lower() == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(str(path), schema, write_options=csv.WriteOptions(quoting_header="none"))
    from pyarrow import parquet

    return parquet.ParquetWriter(str(path), schema, compression="zstd", use_dictionary=["src", "dst"])
