"""What a study will take, by one run of it, before all of them are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from openleo.errors import InputError
from openleo.scenario import Scenario
from openleo.study.compute import Outcome, Task, compute_task
from openleo.study.keys import address_of
from openleo.study.reading import Study

SLOTS_TIMED = (20, 120)
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
    """By the first run, over few of its slots and over more: what each slot adds, beside what is done once.

    It is computed once before it is timed: the first time, kernels are loaded.
    """
    tables = study.tables_of(study.plan.run(0).overrides)
    slots = Scenario.of(tables, study.scenario, [], to_run=True).case.grid.slots
    slots = min(slots, study.slots or slots)
    few, more = (min(slots, timed) for timed in SLOTS_TIMED)
    first, short, long = (_timed(study, tables, timed) for timed in (few, few, more))
    each_s = max(0.0, long.seconds - short.seconds) / max(1, more - few)
    size = HEAD_BYTES + len(rfc8785.dumps([dict(row) for row in first.rows]))
    blocks = -(-size // BLOCK_BYTES)
    return Estimate(runs, runs * (long.seconds + each_s * (slots - more)), runs * blocks * BLOCK_BYTES)


def _timed(study: Study, tables: Mapping[str, Any], slots: int) -> Outcome:
    address = address_of(tables, study.scenario, slots)
    done = compute_task(Task(address, tables, str(study.scenario.resolve()), slots))
    if done.problems:
        raise InputError(done.problems)
    return done


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
