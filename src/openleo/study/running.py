"""A study run: what is not in the store is computed and put there, run by run; then all of it is one dataset.

Whoever is ended on the way loses the runs that were being computed, and nothing else: the same command goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openleo.errors import InputError, Problem, counted
from openleo.study import dataset
from openleo.study.compute import Compute, Outcome, Task, compute_task
from openleo.study.execute import outcomes
from openleo.study.executors import Pool
from openleo.study.keys import address_of, version
from openleo.study.plan import Run
from openleo.study.reading import Study
from openleo.study.store import Store

MOST_FAILED = 10  # runs at fault, until the others are left alone


@dataclass(frozen=True)
class Shard:
    """Every so many-th run, beginning with the `number`-th: 1 of 4 has the runs 0, 4, 8 …"""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Shard()


@dataclass(frozen=True)
class Progress:
    """How far a study is: runs that were there before, that were computed since, and that are left."""

    before: int
    computed: int
    left: int
    seconds_left: float | None  # None: not yet known

    @property
    def all(self) -> int:
        return self.before + self.computed + self.left


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Asked:
    """A run with its address."""

    run: Run
    address: str


def asked_of(study: Study, shard: Shard = WHOLE, runs: int | None = None) -> list[Asked]:
    """The runs of a shard of (the first `runs` of) a study, with their addresses."""
    return list(_asked(study, shard, runs))


def _asked(study: Study, shard: Shard, runs: int | None) -> Iterator[Asked]:
    count = len(study.plan) if runs is None else min(runs, len(study.plan))
    for one in map(study.plan.run, range(shard.number - 1, count, shard.of)):
        yield Asked(one, address_of(study.tables_of(one.overrides), study.scenario, study.slots))


def others_there(study: Study, own: Shard, store: Store, runs: int | None = None) -> bool:
    """Whether the runs of all other shards are in the store. The first that is not ends the search, mostly at once."""
    others = (Shard(number, own.of) for number in range(1, own.of + 1) if number != own.number)
    return all(one.address in store for shard in others for one in _asked(study, shard, runs))


def store_of(folder: Path) -> Store:
    """The results of this version in a study's folder."""
    return Store(folder, version())


def missing(asked: Iterable[Asked], store: Store) -> list[Asked]:
    """Those whose results are not there; runs that are computed from the same once."""
    first = {one.address: one for one in reversed(list(asked))}
    return sorted((one for one in first.values() if one.address not in store), key=lambda one: one.run.number)


def compute_missing(
    study: Study,
    asked: Sequence[Asked],
    store: Store,
    pool: Pool,
    on_progress: OnProgress,
    compute: Compute = compute_task,
) -> Progress:
    """Compute what the store lacks and keep it. Raises InputError, in the end, with the runs that could not be."""
    store.clear_abandoned()
    to_do = missing(asked, store)
    run_at = {one.address: one.run for one in to_do}
    before = len(asked) - len(to_do)
    now = Progress(before, 0, len(to_do), None)
    on_progress(now)
    failed: list[Outcome] = []
    pace = _Pace(pool.workers)
    tasks = (task_of(study, one) for one in to_do)

    def called(task: Task) -> str:
        return _called(run_at[task.address])

    for done in outcomes(tasks, pool.executor, pool.at_a_time, compute, pool.hand_out_s, called):
        if done.problems:
            failed.append(done)
            if len(failed) == MOST_FAILED:
                break
        else:
            store.keep(done)
        left = now.left - 1
        now = Progress(before, now.computed + (not done.problems), left, pace.seconds_left(left))
        on_progress(now)
    if failed:
        raise InputError(list(_told(study, failed, run_at, now.left)))
    return now


def task_of(study: Study, one: Asked) -> Task:
    """What an executor is given."""
    return Task(one.address, study.tables_of(one.run.overrides), str(study.scenario.resolve()), study.slots)


def write_dataset(study: Study, asked: Sequence[Asked], store: Store, path: Path) -> None:
    """All rows of these runs as one Parquet file at `path`. Raises InputError where a run is not there."""
    said = dataset.about(study.name, store.version, study.scenario.name)
    schema = dataset.schema_of(study.plan.factors, said)
    dataset.write(path, schema, ((one.run, _kept(study, one, store).rows) for one in asked))


def _kept(study: Study, one: Asked, store: Store) -> Outcome:
    found = store.get(one.address)
    if found is None:
        rule = f"has no results of run {one.run.number}."
        raise InputError(Problem(str(store.own), "", rule, f"`openleo study {study.path}` computes it."))
    return found


def _told(study: Study, failed: Sequence[Outcome], run_at: dict[str, Run], left: int) -> Iterator[Problem]:
    """What was wrong with runs; with many of them, that others were left alone."""
    for one in failed:
        run = run_at[one.address]
        for problem in one.problems:
            where = _called(run) + (f": {problem.where}" if problem.where else "")
            yield Problem(str(study.path), where, problem.rule, problem.way_out)
    if len(failed) == MOST_FAILED and left:
        rule = f"was left with {counted(left, 'run', form=',')} to do: so many at fault are enough to mend first."
        yield Problem(str(study.path), "", rule, "What was computed is kept.")


def _called(run: Run) -> str:
    values = ", ".join(f"{name} = {value}" for name, value in run.values.items())
    return f"run {run.number} ({values})"


class _Pace:
    """How long it takes still, by the runs of late: the first ones of each worker warm up, and are not counted."""

    def __init__(self, warming: int):
        self._warming = warming
        self._done = 0
        self._since = time.monotonic()

    def seconds_left(self, left: int) -> float | None:
        """After one run more."""
        self._done += 1
        if self._done <= self._warming:
            self._since = time.monotonic()
            return None
        return left * (time.monotonic() - self._since) / (self._done - self._warming)
