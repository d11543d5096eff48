"""`openleo export traces`: round-trip times of pairs over a run, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import ScenarioFile, Threads, load_pair_case, note, pairs_of_places, progress, tell_lost_at
from openleo.cli.spans import duration_s, seconds_over, whole_s

if TYPE_CHECKING:
    import pyarrow

    from openleo.network.pairs import Places
    from openleo.scenario import PairCase

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
    from openleo.errors import counted
    from openleo.interchange import traces as of_pairs
    from openleo.network.reach import default_threads
    from openleo.report.staging import StagedFile, blaming

    case, places, seconds = _asked(scenario, out, sites, every, duration, start, end)
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


def _asked(
    scenario: Path, out: Path, sites: Path | None, every: str, duration: str | None, start: str | None, end: str | None
) -> tuple[PairCase, Places, list[float]]:
    """(the case, its places, seconds after its start). Raises InputError with all that is at fault."""
    from openleo.errors import Problem, Together, given, near_names
    from openleo.report.staging import check_distinct

    reading, span_s = Together(), None
    problems = reading.found
    if out.suffix.lower() not in ENDINGS:
        rule = f"ends in {out.suffix or 'nothing'!r}; traces are written as {' or '.join(ENDINGS)}."
        problems.append(Problem("--out", "", rule, "Name it for example traces.parquet."))
    reading.read(lambda: check_distinct({"--out": out}, {"SCENARIO": scenario, "--sites": sites}))
    step_s = reading.read(lambda: duration_s(every, "--every"))
    case = reading.read(lambda: load_pair_case(scenario))
    if case or duration is not None:
        span_s = reading.read(lambda: whole_s(duration, case.duration_s if case else None, "200s"))
    places = reading.read(lambda: pairs_of_places(case, sites)) if case else None
    for option, name in (("--from", start), ("--to", end)):
        if places is not None and name is not None and name not in places.names:
            way_out = near_names(name, places.names) or "Names are those of the sites."
            problems.append(Problem(option, "", f'there is no site "{name}".', way_out))
    if start is not None and start == end:
        problems.append(Problem("--to", "", f'is "{end}", where the pair starts.', "A pair has two places."))
    seconds = None
    if case and step_s is not None and span_s is not None:
        option = "--every" if duration is None else "--duration"
        begins, lasts_s, apart_s = case.start, span_s, step_s
        seconds = reading.read(lambda: seconds_over(begins, lasts_s, apart_s, option))
    reading.done()
    return given(case), given(places), given(seconds)


def _writer(path: Path, schema: pyarrow.Schema) -> Any:
    """A context manager with `write_batch`."""
    if path.suffix.lower() == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(str(path), schema, write_options=csv.WriteOptions(quoting_header="none"))
    from pyarrow import parquet

    return parquet.ParquetWriter(str(path), schema, compression="zstd", use_dictionary=["src", "dst"])
