"""`openleo study`: one scenario computed many times, on this machine or on many."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, note, print_json, tell_if_cold

if TYPE_CHECKING:
    from openleo.study.executors import Pool
    from openleo.study.reading import Study
    from openleo.study.running import Asked, Progress, Shard
    from openleo.study.store import Store

ADDRESS = re.compile(r"([a-z]+://)?.+:[0-9]{1,5}/?")
MOST_SHARDS = 100_000
EXECUTOR = (
    "threads, which begin at once, or processes, which take seconds and memory to begin and then compute sooner: for "
    "many hundreds of runs, or more than two processors. [default: threads]"
)
MOST_NAMED = 5  # runs that are missing
SHOWN = {"can_serve": ".1%", "served": ".1%", "rtt_ms_p50": ".1f"}
EVERY_S = 30.0  # a line of progress, where stderr is no terminal
SUMMARY, REPORT = "study.json", "report.html"


def study(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML): docs/how-to/studies.md.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results. [default: out/NAME]")] = None,
    runs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N runs of the plan.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Runs side by side. [default: all processors]")
    ] = None,
    executor: Annotated[str | None, typer.Option(metavar="KIND", help=EXECUTOR)] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786; its workers compute.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only every N-th run, from the I-th on: one job of N.")
    ] = None,
    merge: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Take the runs of another --out folder; several times.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Compute more runs than most_runs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute a scenario many times with other values of its keys; write all results as one dataset.

    Writes dataset.parquet (a row a run, territory, rule set and class), study.json and report.html, and keeps each run
    under runs/ as soon as it is computed: the same command after an end of any kind computes what is missing alone.

    A file that says kind = "withdrawal" asks what each territory depends on instead: who is still served when an
    operator, a country's gateways, a PoP or the links between satellites are withdrawn (docs/how-to/withdrawal.md).
    One that says kind = "fallback" asks what of a place's traffic satellites carry, by priority class, when its cables
    and other links are cut (docs/how-to/fallback.md). These are computed anew each time.
    """
    from openleo.cli import study_fallback, study_kinds, study_withdrawal
    from openleo.reading import read_toml
    from openleo.report.staging import check_writable
    from openleo.study.reading import read_study
    from openleo.study.running import WHOLE, asked_of, others_there, store_of

    which = _read_shard(shard)
    _refuse_both(cluster=cluster, workers=workers)
    _refuse_both(cluster=cluster, executor=executor)
    _refuse_both(merge=merge, shard=shard)
    pool = _pool(cluster, executor, workers)
    raw = read_toml(study)
    if kind := study_kinds.kind_of(raw, study):
        others = {"runs": runs, "shard": shard, "merge": merge, "yes": yes}
        question = study_withdrawal.question if kind == study_kinds.WITHDRAWAL else study_fallback.question
        study_kinds.answer(question(), raw, study, out, pool, others, as_json)
        return
    read = read_study(study)
    count = len(read.plan) if runs is None else min(runs, len(read.plan))
    if count > read.most_runs and not yes:
        _refuse_so_many(read, count, workers)
    folder = out or Path("out") / read.name
    check_writable(folder)
    store = store_of(folder)
    _tell_other_versions(store)
    mine = asked_of(read, which, runs)
    if merge:
        _merge(merge, mine, store, study)
    else:
        _compute(read, mine, store, pool)
    if not others_there(read, which, store, runs):
        left = max(1, count - sum(1 for _ in store.addresses()))
        if as_json:
            print_json({"study": read.name, "shard": shard, "runs": len(mine), "missing": left})
        own = "its 1 run is" if len(mine) == 1 else f"its {len(mine):,} runs are"
        note(f"Shard {which}: {own} in {folder}; {left:,} of other shards are not there.")
        return
    everything = mine if which == WHOLE else asked_of(read, runs=runs)
    summary = _written(read, everything, store, folder)
    if as_json:
        print_json(summary)
        return
    _show(summary)
    note(f"Written to {folder}: dataset.parquet, {SUMMARY}, {REPORT}")


def _read_shard(text: str | None) -> Shard:
    """Raises InputError for what is no shard."""
    from openleo.errors import InputError, Problem
    from openleo.study.running import WHOLE, Shard

    if text is None:
        return WHOLE
    number, _, of = text.partition("/")
    if text.isascii() and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= MOST_SHARDS:
        return Shard(int(number), int(of))
    rule = "is no shard; the first of four is 1/4, and the last 4/4."
    raise InputError(Problem(f"--shard {text}", "", rule, f"At most {MOST_SHARDS:,}."))


def _refuse_both(**options: object) -> None:
    from openleo.errors import InputError, Problem

    given = [f"--{name}" for name, value in options.items() if value]
    if len(given) == 2:
        raise InputError(Problem(given[0], "", f"was given with {given[1]}; only one of them can be."))


def _pool(cluster: str | None, executor: str | None, workers: int | None) -> Callable[[], AbstractContextManager[Pool]]:
    """How to start what computes. Raises InputError for an executor that is none."""
    from functools import partial

    from openleo.errors import InputError, Problem, near_names
    from openleo.study.executors import KINDS, on_a_cluster, on_this_machine, processors

    kind = next((one for one in KINDS if one == (executor or KINDS[0])), None)
    if kind is None:
        way_out = near_names(str(executor), KINDS) or f"Executors: {', '.join(KINDS)}."
        raise InputError(Problem(f"--executor {executor}", "", "there is no such executor.", way_out))
    if cluster and not ADDRESS.fullmatch(cluster):  # Dask would try it, and say what it did on its way out
        rule = "is no address of a scheduler."
        raise InputError(
            Problem(f"--cluster {cluster}", "", rule, "Write it as the scheduler tells it: tcp://host:8786.")
        )
    return partial(on_a_cluster, cluster) if cluster else partial(on_this_machine, kind, workers or processors())


def _refuse_so_many(read: Study, count: int, workers: int | None) -> None:
    """Raises InputError with what so many runs would take."""
    from openleo.errors import InputError, Problem
    from openleo.study.estimate import estimate
    from openleo.study.executors import processors

    tell_if_cold()
    taking = estimate(read, count).words(workers or processors())
    rule = f"comes to {count:,} runs, more than most_runs ({read.most_runs:,}): {taking}."
    way_out = 'Compute them all with --yes, or draw some of them: [plan] kind = "sample".'
    raise InputError(Problem(str(read.path), "plan", rule, way_out))


def _tell_other_versions(store: Store) -> None:
    from openleo.errors import counted

    for name, runs in store.others().items():
        said = f"holds {counted(runs, 'run', form=',')} of another version ({name})"
        note(f"{store.own.parent} {said}; none of them is used, and its folder there can be removed.")


def _merge(folders: Sequence[Path], asked: Sequence[Asked], store: Store, study: Path) -> None:
    """Raises InputError where runs are missing afterwards."""
    from openleo.errors import InputError, Problem, counted
    from openleo.study.merge import merge
    from openleo.study.running import missing

    found = merge(folders, asked, store)
    note(f"Taken: {counted(found.taken, 'run', form=',')}.")
    if found.twice:
        note(f"{counted(found.twice, 'run', form=',')} stood in several folders, with the same results: taken once.")
    if found.strange:
        note(f"{counted(found.strange, 'run', form=',')} there are of no run of this study, and were left there.")
    if left := missing(asked, store):
        numbers = ", ".join(str(one.run.number) for one in left[:MOST_NAMED]) + (" …" if len(left) > MOST_NAMED else "")
        rule = f"{len(left):,} of {len(asked):,} runs are in none of the folders: {numbers}."
        way_out = f"Merge the shard that has them, too; or `openleo study {study}` computes them."
        raise InputError(Problem("--merge", "", rule, way_out))


def _compute(
    read: Study, asked: Sequence[Asked], store: Store, pool: Callable[[], AbstractContextManager[Pool]]
) -> None:
    from openleo.study.running import compute_missing, missing

    if not missing(asked, store):
        return
    tell_if_cold()
    with pool() as made, _telling() as tell:
        if made.workers == 0:
            note("The cluster has no worker yet; runs wait for one.")
        try:
            compute_missing(read, asked, store, made, tell)
        except KeyboardInterrupt:
            note("What was computed is kept; the same command goes on from there.")
            raise


@contextmanager
def _telling() -> Iterator[Callable[[Progress], None]]:
    """A bar with what is left on a terminal; elsewhere, as in the log of a job, a line now and then."""
    from openleo.cli.common import progress
    from openleo.study.estimate import duration_text

    told_s = time.monotonic()
    with progress(kernels=False) as bar:

        def tell(now: Progress) -> None:
            nonlocal told_s
            bar("computing runs", now.before + now.computed, now.all)
            first = now.computed == 0 and now.before
            if sys.stderr.isatty() or (not first and now.left and time.monotonic() - told_s < EVERY_S):
                return
            told_s = time.monotonic()
            there = f"{now.before + now.computed:,} of {now.all:,} runs are there"
            left = f"; about {duration_text(now.seconds_left)} left" if now.left and now.seconds_left else ""
            note(f"{there}{f', {now.before:,} from before' if first else ''}{left}.")

        yield tell


def _written(read: Study, asked: Sequence[Asked], store: Store, folder: Path) -> dict[str, Any]:
    """The three files, together or not at all; gives the summary."""
    from openleo.report.contents import json_bytes
    from openleo.report.staging import Staging, blaming
    from openleo.report.study_page import render
    from openleo.study import dataset
    from openleo.study.dataset import DATASET
    from openleo.study.running import write_dataset
    from openleo.study.summary import summary_of

    with blaming(folder), Staging(folder) as staging:
        write_dataset(read, asked, store, staging.path / DATASET)
        summary = summary_of(staging.path / DATASET)
        (staging.path / SUMMARY).write_bytes(json_bytes(summary))
        page = render(read.name, read.plan, dataset.read(staging.path / DATASET))
        (staging.path / REPORT).write_text(page, encoding="utf-8")
        staging.commit(ours=(DATASET, SUMMARY, REPORT))
    return summary


def _show(summary: dict[str, Any]) -> None:
    """The table, on stdout: of each figure the median over the runs, and where nine of ten runs put it."""
    from rich.console import Console
    from rich.table import Table

    one_side = len({(row["under"], row["class"]) for row in summary["territories"]}) == 1
    table = Table(title=f"{summary['study']}: {summary['runs']:,} runs")
    for name in ("territory", *(() if one_side else ("under", "class")), "can", "served", "RTT p50 (ms)"):
        table.add_column(name)
    for row in summary["territories"]:
        named = [row["territory"], *([] if one_side else [row["under"], row["class"]])]
        table.add_row(*named, *(_spread(row[key], form) for key, form in SHOWN.items()))
    Console(highlight=False, width=None if sys.stdout.isatty() else 120).print(table)


def _spread(found: dict[str, float] | None, form: str) -> str:
    if found is None:
        return "–"
    return f"{found['p50']:{form}} ({found['p5']:{form}} to {found['p95']:{form}})"
