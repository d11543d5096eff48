"""What a study will take, by one run of it, before all of them are computed."""

from __future__ import annotations

from dataclasses import dataclass

import rfc8785

from openleo.errors import InputError
from openleo.scenario import Scenario
from openleo.study.compute import Task, compute_task
from openleo.study.keys import address_of
from openleo.study.reading import Study

SLOTS_TIMED = 40  # of a run, which is then taken to need as long for each of the others
HEAD_BYTES = 250  # of a file, beside its rows
BLOCK_BYTES = 4096  # a file takes whole blocks
UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


@dataclass(frozen=True)
class Estimate:
    """Of `runs` runs: the time on one worker, and the room on disk."""

    runs: int
    seconds: float
    bytes: int

    def words(self, workers: int) -> str:
        """For a person.

        >>> Estimate(20_000, 9_000.0, 82_000_000).words(workers=2)
        'about 75 min on 2 workers, and 82 MB'
        """
        of = f"{workers} workers" if workers > 1 else "one worker"
        return f"about {duration_text(self.seconds / workers)} on {of}, and {bytes_text(self.bytes)}"


def estimate(study: Study, runs: int) -> Estimate:
    """By the first run, computed twice over its first slots: the first time, kernels are loaded."""
    tables = study.tables_of(study.plan.run(0).overrides)
    slots = Scenario.of(tables, study.scenario, [], to_run=True).case.grid.slots
    slots = min(slots, study.slots or slots)
    timed = min(slots, SLOTS_TIMED)
    task = Task(address_of(tables, study.scenario, timed), tables, str(study.scenario.resolve()), timed)
    compute_task(task)
    done = compute_task(task)
    if done.problems:
        raise InputError(done.problems)
    size = HEAD_BYTES + len(rfc8785.dumps([dict(row) for row in done.rows]))
    blocks = -(-size // BLOCK_BYTES)
    return Estimate(runs, runs * done.seconds * slots / timed, runs * blocks * BLOCK_BYTES)


def duration_text(seconds: float) -> str:
    """Roughly how long, in the unit that suits it.

    >>> duration_text(42.0), duration_text(4_500.0), duration_text(700_000.0)
    ('42 s', '75 min', '8.1 d')
    """
    for unit_s, unit in UNITS:
        if seconds >= 2.0 * unit_s:
            return f"{seconds / unit_s:.{0 if seconds >= 10.0 * unit_s else 1}f} {unit}"
    return f"{seconds:.0f} s"


def bytes_text(count: int) -> str:
    """Roughly how much.

    >>> bytes_text(40_960_000), bytes_text(1_000)
    ('41 MB', '1 kB')
    """
    for size, unit in BYTES:
        if count >= size:
            return f"{count / size:.0f} {unit}"
    return f"{count / 1e3:.0f} kB"
