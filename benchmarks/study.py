"""Studies: runs side by side beside an empty control, the plan for very many workers, and what sizes cost.

`python -m benchmarks study` prints it all, and draws docs/pictures/study-scaling.png.

The runs of examples/studies/failures-shell1.toml are computed on one worker and on two that are warm: by threads, by
processes and on a Dask cluster of this machine. In turn with them the two processes spin through empty loops as long as
a run, which need no memory and no lock: two workers cannot be had for more than that. How often sooner two are than one
is said as a share of the control's in the same round, the median of all rounds, so that whatever else this machine does
weighs on both. Starting workers is told apart, and goes into the simulated plan.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import study_costs, study_plot
from benchmarks.threads import _spin
from openleo.study import dataset
from openleo.study.compute import Compute, Outcome, Task, compute_task
from openleo.study.estimate import duration_text
from openleo.study.execute import outcomes
from openleo.study.executors import Pool, on_a_cluster, on_this_machine
from openleo.study.keys import address_of
from openleo.study.reading import Study, read_study
from openleo.study.running import Asked, asked_of, missing, store_of, task_of, write_dataset
from openleo.study.scaling import Overheads, Simulated, bootstrapped, over_workers, saturated
from openleo.study.store import Store
from openleo.study.summary import summary_of

STUDY = Path(__file__).parents[1] / "examples" / "studies" / "failures-shell1.toml"
ROUNDS, RUNS = 7, 20  # runs of a piece
EMPTY = 1000  # tasks that do nothing
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DAY = {"duration": "24h"}  # beside the hour of the example
SIMULATED = ((1_000, "hour"), (100_000, "hour"), (100_000, "day"))  # runs, each over how long
AIM = 0.85


@dataclass(frozen=True)
class Warm:
    """Workers that have computed: `start_s` from nothing to the first run done by all, a run's own time left out."""

    pool: Pool
    start_s: float


def timed_run(task: Task) -> Outcome:
    """A run, with the seconds of the processor that it took."""
    begun = time.thread_time()
    done = compute_task(task)
    return replace(done, seconds=time.thread_time() - begun)


def spin(rounds: int, task: Task) -> Outcome:
    """The control: an empty loop instead of a run."""
    begun = time.thread_time()
    _spin(rounds)
    return Outcome(task.address, (), time.thread_time() - begun)


def nothing(seconds: float, task: Task) -> Outcome:
    """A task of no length, which says that it was as long as a run: short ones are handed out together."""
    return Outcome(task.address, (), seconds)


def _where(task: Task) -> tuple[int, int]:
    compute_task(task)
    return os.getpid(), threading.get_ident()


def run(_: Path) -> dict[str, Any]:
    """Measure, print and draw everything."""
    study = read_study(STUDY)
    asked = asked_of(study, runs=RUNS)
    tasks = [task_of(study, one) for one in asked]
    for task in tasks[:2]:
        compute_task(task)
    day_s = _day_over_hour(tasks[0])
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(Path(folder))
        rounds, run_s, starts, hand_s = _side_by_side(tasks, store, [1.0, day_s])
        alone_s = _alone(study, Path(folder) / "alone", compute_task(tasks[0]))
    gains = _told(rounds)
    start_s = starts.get("dask", starts["processes"])
    overheads = dict(zip(("hour", "day"), (Overheads(start_s, one, alone_s) for one in hand_s), strict=True))
    typical_s = statistics.median(run_s)
    print(
        f"a run takes {typical_s * 1e3:.0f} ms of one processor (median of {len(run_s)}), a day {day_s:.1f} times that"
    )
    print("workers are ready after", ", ".join(f"{value:.1f} s ({kind})" for kind, value in starts.items()))
    hand_ms = " or ".join(f"{one * 1e3:.2f} ms" for one in hand_s)
    print(f"the scheduler needs {hand_ms} a run (of an hour, of a day), and alone {alone_s * 1e3:.2f} ms", flush=True)
    plans = {}
    for size, span in SIMULATED:
        lengths = [one * (day_s if span == "day" else 1.0) for one in run_s]
        some = over_workers(bootstrapped(lengths, size, seed=1), WORKERS, overheads[span])
        plans[f"{size:,} runs of a{'n' if span == 'hour' else ''} {span}"] = some
    for name, some in plans.items():
        print(f"simulated, {name}:")
        for one in some:
            print(
                f"  {one.workers:5,} workers {one.wall_s:9.1f} s {one.speed_up:7.1f}× efficiency {one.efficiency:.2f}"
            )
        if last := saturated(some):
            print(f"  below half from {last.workers:,} workers on", flush=True)
    study_plot.draw(gains, plans, study_plot.PICTURE)
    _print_tables(gains, starts, plans)
    costs = study_costs.run()
    return {
        "gains": gains,
        "run_s": run_s,
        "start_s": starts,
        "overheads": {span: asdict(one) for span, one in overheads.items()},
        "simulated": {name: [asdict(one) for one in some] for name, some in plans.items()},
        "costs": costs,
    }


def _print_tables(
    gains: dict[str, dict[str, float]], starts: dict[str, float], plans: dict[str, list[Simulated]]
) -> None:
    """As docs/how-to/studies.md has them."""
    print("\n| workers are | two are sooner than one | of the control's | ready after |\n| --- | ---: | ---: | ---: |")
    for name, one in gains.items():
        share, ready = ("", "") if name == "control" else (f"{one['share']:.2f}", f"{starts[name]:.1f} s")
        print(f"| {study_plot.NAMES[name]} | {one['gain']:.2f}× | {share} | {ready} |")
    print("\n| simulated | 64 workers | sooner | efficiency | 1,024 workers | sooner | efficiency |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, some in plans.items():
        told = [one for one in some if one.workers in (64, 1024)]
        cells = [f"{duration_text(one.wall_s)} | {one.speed_up:.0f}× | {one.efficiency:.2f}" for one in told]
        print(f"| {name} | {' | '.join(cells)} |")
    print(flush=True)


# --- side by side ---------------------------------------------------------------------------------------------------


@contextmanager
def _on_dask(workers: int) -> Iterator[Pool]:
    import distributed

    quiet = {"dashboard_address": ":0", "silence_logs": "CRITICAL"}
    with distributed.LocalCluster(workers, threads_per_worker=1, processes=True, **quiet) as cluster:  # noqa: SIM117
        with on_a_cluster(cluster.scheduler_address) as pool:
            yield pool


KINDS: dict[str, Callable[[int], Any]] = {
    "threads": partial(on_this_machine, "threads"),
    "processes": partial(on_this_machine, "processes"),
    **({"dask": _on_dask} if find_spec("distributed") else {}),
}


def _side_by_side(
    tasks: list[Task], store: Store, spans: list[float]
) -> tuple[dict[str, list[tuple[float, float]]], list[float], dict[str, float], list[float]]:
    """(seconds on one worker and on two, by kind, in each round; of each run; until started; to hand out each span)."""
    with ExitStack() as stack:
        opened = {(kind, workers): _warmed(stack, kind, workers, tasks) for kind in KINDS for workers in (1, 2)}
        pools = {key: one.pool for key, one in opened.items()}
        alone = pools["processes", 1]
        run_s = [one.seconds for one in outcomes(tasks, alone.executor, alone.at_a_time, timed_run)]
        rounds_of_spin = round(statistics.median(run_s) / _seconds_of_a_round())
        control = partial(spin, rounds_of_spin)
        works: dict[str, tuple[str, Compute]] = {"control": ("processes", control)}
        works |= {kind: (kind, timed_run) for kind in KINDS}
        for kind, compute in works.values():  # once for nothing
            _seconds(pools[kind, 2], tasks, compute, store)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for number in range(ROUNDS):
            for name in list(works)[:: 1 if number % 2 else -1]:
                kind, compute = works[name]
                one, two = (_seconds(pools[kind, workers], tasks, compute, store) for workers in (1, 2))
                found[name].append((one, two))
        starts = {kind: one.start_s for (kind, workers), one in opened.items() if workers == 2}
        at_scheduler = pools.get(("dask", 2), pools["processes", 2])
        hand_s = [
            _own_seconds(at_scheduler, tasks[:1] * EMPTY, store, statistics.median(run_s) * times) for times in spans
        ]
    return found, run_s, starts, hand_s


def _warmed(stack: ExitStack, kind: str, workers: int, tasks: list[Task]) -> Warm:
    begun = time.perf_counter()
    pool: Pool = stack.enter_context(KINDS[kind](workers))
    seen: set[tuple[int, int]] = set()
    while len(seen) < workers:
        seen |= {one.result() for one in [pool.executor.submit(_where, task) for task in tasks[: 2 * workers]]}
    ready_s = time.perf_counter() - begun
    again = time.perf_counter()
    pool.executor.submit(_where, tasks[0]).result()
    return Warm(pool, max(0.0, ready_s - 2.0 * (time.perf_counter() - again)))


def _seconds(pool: Pool, tasks: list[Task], compute: Compute, store: Store) -> float:
    """Wall seconds until all are computed and kept, as a study does it."""
    begun = time.perf_counter()
    for done in outcomes(tasks, pool.executor, pool.at_a_time, compute, pool.hand_out_s):
        store.keep(done)
    return time.perf_counter() - begun


def _own_seconds(pool: Pool, tasks: list[Task], store: Store, seconds: float) -> float:
    """A task, of this process, which gives them out and keeps what comes back; a Dask scheduler is in it, too."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        _seconds(pool, tasks, partial(nothing, seconds), store)
        found.append((time.process_time() - begun) / len(tasks))
    return min(found)


def _day_over_hour(task: Task) -> float:
    """How many times as long as a run over its hour one over a day takes."""
    tables = {**task.tables, **DAY}
    day = replace(task, tables=tables, address=address_of(tables, Path(task.scenario), None), slots=None)
    seconds = [min(timed_run(one).seconds for _ in range(2)) for one in (task, day)]
    return seconds[1] / seconds[0]


def _seconds_of_a_round() -> float:
    rounds = 20_000_000
    _spin(1)
    begun = time.thread_time()
    _spin(rounds)
    return (time.thread_time() - begun) / rounds


def _told(rounds: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """How often sooner two workers are than one, and as a share of the control's in the same round: medians."""
    best = [one / two for one, two in rounds["control"]]
    found = {}
    for name, seconds in rounds.items():
        gains = [one / two for one, two in seconds]
        shares = [gain / possible for gain, possible in zip(gains, best, strict=True)]
        found[name] = {"gain": statistics.median(gains), "share": statistics.median(shares)}
        one_s, two_s = (statistics.median(column) / RUNS for column in zip(*seconds, strict=True))
        aim = "" if name == "control" else f", {found[name]['share']:.2f} of the control's (aim {AIM})"
        ms = f"{one_s * 1e3:5.0f} ms on one worker, {two_s * 1e3:5.0f} ms on two"
        print(f"{name:10} a run {ms}: {found[name]['gain']:.2f}×{aim}", flush=True)
    return found


def _alone(study: Study, folder: Path, like: Outcome) -> float:
    """Seconds a run before the first is given out, and after the last came back."""
    store = store_of(folder)
    begun = time.perf_counter()
    asked: list[Asked] = asked_of(study, runs=200)
    missing(asked, store)
    seconds = time.perf_counter() - begun
    for one in asked:
        store.keep(replace(like, address=one.address))
    begun = time.perf_counter()
    missing(asked, store)
    write_dataset(study, asked, store, folder / "dataset.parquet")
    summary_of(folder / "dataset.parquet")
    dataset.read(folder / "dataset.parquet")
    return (seconds + time.perf_counter() - begun) / len(asked)
