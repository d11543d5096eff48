"""`openleo fleet detect`: misuse told from anyone's trace."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, check_png, note, print_json, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openleo.errors import Problem
    from openleo.misuse.detector import Detector
    from openleo.misuse.evaluation import Evaluation, Truth
    from openleo.misuse.evidence import Evidence
    from openleo.misuse.thresholds import Kind
    from openleo.misuse.trace_reader import Reader, Trace
    from openleo.results import OnProgress

Traces = Annotated[Path, typer.Argument(metavar="TRACES.parquet", help="One row a report, in order of time.")]


def detect(
    traces: Traces,
    out: Annotated[Path, typer.Option(metavar="F.jsonl", help="The evidence to write, one JSON object a line.")],
    rules: Annotated[
        str | None, typer.Option(metavar="KIND,…", help="Only these kinds of misuse. [default: all]")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="F.png", help="Draw recall against wrongly cut terminals; needs labels.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find misuse in a trace of reports: each with its inputs, the rule and a score.

    A column that the trace does not have turns off the detectors that need it, and that is said. Where a column `label`
    says which rows are misuse, precision, recall and the rate of wrongly cut terminals are told as well.
    """
    from openleo.errors import InputError, Together, counted
    from openleo.misuse.detector import Detector
    from openleo.misuse.evaluation import Truth, evaluate
    from openleo.misuse.trace_reader import Reader, open_trace
    from openleo.report.staging import StagedFile, blaming, check_distinct

    both = Together()
    kinds = both.read(lambda: _kinds(rules))
    both.read(lambda: check_png(plot, "--plot", "curve.png"))
    both.read(lambda: check_distinct({"--out": out, "--plot": plot}, {"TRACES": traces}))
    trace = both.read(lambda: open_trace(traces))
    if both.found or kinds is None or trace is None:
        raise InputError(both.found)
    labelled = "label" in trace.columns
    if plot and not labelled:
        raise InputError(_no_labels(traces))
    for kind, lacks in trace.off.items():
        if kind in kinds:
            note(f"off: {kind}, for the trace has no column {', '.join(lacks)}")
    if "cell" not in trace.columns:
        note("The trace has no column cell: what the network would have seen is not known, so positions hold nothing.")
    reader, truth = Reader(), Truth()
    detector = Detector(reader.registers, kinds=kinds - set(trace.off))
    found: list[Evidence] = []
    with (
        progress(kernels=False) as tell,
        StagedFile(out) as path,
        blaming(out),
        path.open("w", encoding="utf-8") as file,
    ):
        for one in _read_through(trace, reader, detector, truth if labelled else None, tell):
            file.write(one.line() + "\n")
            found.append(one)
    scored = evaluate(truth, detector, found) if labelled else None
    if scored and plot:
        from openleo.misuse.curve import draw

        draw(scored, plot)
    on = sorted(kinds - set(trace.off))
    told = Counter(one.kind for one in found)
    held = Counter(one.kind for one in found if one.holds_renewal)
    if as_json:
        print_json({
            "reports": trace.rows, "terminals": len(reader.registers.terminals),
            "evidence": {str(kind): {"evidence": told[kind], "holds": held[kind]} for kind in on},
            "off": {str(kind): list(lacks) for kind, lacks in trace.off.items()},
            "evaluation": scored.as_json() if scored else None,
        })  # fmt: skip
        return
    _show(told, held, on, scored)
    typer.echo(f"wrote {out}: {counted(len(found), 'piece', form=',')} of evidence from {trace.rows:,} reports")


def _read_through(
    trace: Trace, reader: Reader, detector: Detector, truth: Truth | None, tell: OnProgress
) -> Iterator[Evidence]:
    """A trace, piece by piece; labels go to `truth`, and nowhere else."""
    done = 0
    for table in trace.batches():
        reports = reader.reports(table)
        yield from detector.take(reports)
        if truth is not None:
            truth.add(table, reports)
        done += len(reports)
        tell("reports", done, trace.rows)
    yield from detector.finish()


def _kinds(rules: str | None) -> frozenset[Kind]:
    """Those of --rules. Raises InputError with all that there are not."""
    from openleo.errors import InputError, Problem, near_names
    from openleo.misuse.thresholds import KINDS, Kind

    if rules is None:
        return frozenset(KINDS)
    words = [word.strip() for word in rules.split(",")]
    problems = [
        Problem("--rules", "", f'there is no kind "{word}".', near_names(word, KINDS) or f"Kinds: {', '.join(KINDS)}.")
        for word in words if word not in set(KINDS)
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    return frozenset(Kind(word) for word in words)


def _no_labels(traces: Path) -> Problem:
    from openleo.errors import Problem

    return Problem("--plot", "", f"needs labels, and {traces} has no column label.", "Leave --plot out.")


def _show(told: Counter[Kind], held: Counter[Kind], on: list[Kind], scored: Evaluation | None) -> None:
    """The headline, and a row a kind; wide enough to be read in a file as on a terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    columns = ["evidence", "holds a renewal"]
    of_kind = {one.kind: one for one in scored.kinds} if scored else {}
    if scored:
        console.print(scored.headline())
        columns += ["precision", "misusers", "recall", "held", "held at least"]
    table = Table(title="Misuse told")
    table.add_column("kind")
    for name in columns:
        table.add_column(name, justify="right")
    for kind in on:
        row = [str(told[kind]), str(held[kind])]
        if kind in of_kind:
            said = of_kind[kind].as_json()
            shares = [said[name] for name in ("precision", "recall_evidence", "recall_held", "recall_held_least")]
            shown = ["–" if share is None else f"{share:.3f}" for share in shares]
            row += [shown[0], str(said["misusers"]), *shown[1:]]
        table.add_row(str(kind), *row)
    console.print(table)
