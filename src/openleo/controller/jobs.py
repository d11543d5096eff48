"""Long work that a request starts: one at a time, its progress told, its outcome kept for a while.

What a job did stands on the ledger; the job itself is gone with the process, and can be asked for again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from openleo.controller.problems import EXPECTED, Stopped
from openleo.controller.problems import of as problem_of

LOG = logging.getLogger("openleo.controller")
MOST_KEPT, MOST_WAITING, MOST_OF_A_PARTY = 200, 8, 4
MOST_HEAVY = 8  # whose outcomes hold a word of every cell: a megabyte each
Tell = Callable[[str, int, int], None]
Work = Callable[[Tell], Mapping[str, Any]]


class TooMany(Exception):
    """Enough waits already."""


@dataclass
class Job:
    """`party`: who started it; nobody of another party sees it, and nobody but its `owner`, if it has one.

    `heavy`: its outcome is large, and goes sooner.
    """

    id: str
    what: str
    party: str
    heavy: bool = False
    owner: str = ""
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    step: str = ""
    done: int = 0
    of: int = 0
    result: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.id,
            "what": self.what,
            "state": self.state,
            "progress": {"step": self.step, "done": self.done, "of": self.of},
            "result": self.result,
            "problem": self.problem,
        }


@dataclass(eq=False)
class Jobs:
    """Those of one controller."""

    _kept: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "jobs"))

    def start(self, what: str, party: str, work: Work, *, heavy: bool = False, owner: str = "") -> Job:
        """Raises TooMany."""
        job = Job(secrets.token_hex(16), what, party, heavy, owner)
        with self._lock:
            waiting = [one.party for one in self._kept.values() if one.state in ("waiting", "running")]
            if len(waiting) >= MOST_WAITING:
                raise TooMany(f"{MOST_WAITING} jobs wait already")
            if waiting.count(party) >= MOST_OF_A_PARTY:
                raise TooMany(f"{MOST_OF_A_PARTY} jobs of {party} wait already")
            self._kept[job.id] = job
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            for one in [one for one in self._kept.values() if one.heavy][:-MOST_HEAVY]:
                del self._kept[one.id]
        self._pool.submit(self._run, job, work)
        return job

    def close(self) -> None:
        """What waits is not begun, and what runs ends when it next tells how far it is. Waits for nothing."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def find(self, id_: str) -> Job | None:
        with self._lock:
            return self._kept.get(id_)

    def _run(self, job: Job, work: Work) -> None:
        def tell(step: str, done: int, of: int) -> None:
            job.step, job.done, job.of = step, done, of
            if self._stopped.is_set():
                raise Stopped

        job.state = "running"
        try:
            job.result = work(tell)
        except Exception as error:
            if isinstance(error, EXPECTED):
                LOG.info("job %s was not done: %s", job.what, type(error).__name__)
            else:
                LOG.exception("job %s failed", job.what)
            job.problem, job.state = problem_of(error).as_json(), "failed"
        else:
            job.state = "done"
