"""What is done beside the plans, once a slot: by the leader, aside, so that no slot waits for it.

    a slot was applied ─► the registry follows the ledger, where that has grown ─► who was not heard is written down
                       ─► what is due is deleted, for a while

What was begun in a slot before and still runs is not begun again. What fails is due again with the next slot.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from openleo.controller import audit, retention
from openleo.controller.clock import SteadyClock
from openleo.controller.database import Fenced, Unavailable, writing
from openleo.controller.door import LEASES
from openleo.controller.in_force import InForce
from openleo.controller.ledger_desk import LedgerDesk
from openleo.controller.registrar import Registrar
from openleo.controller.registry import Stale
from openleo.controller.roles import ANONYMOUS
from openleo.controller.runtime import Runtime
from openleo.governance.house import Folder, NotInOrder
from openleo.governance.state import Refused
from openleo.instants import instant_of
from openleo.ledger.faults import LedgerError

LOG = logging.getLogger("openleo.controller")
SWEPT_FOR = 0.2  # of a slot: at most so long, of which half is left to others
NOT_NOW = (Unavailable, Fenced, LedgerError, NotInOrder, Refused, Stale, OSError)


class Chores:
    """Of a runtime."""

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.followed = -1  # how far the registry followed the ledger: its size then; −1: not at all yet
        self.swept: retention.Swept | None = None  # the last time
        self._pool = ThreadPoolExecutor(1, "chores")
        self._running: Future[None] | None = None

    def begin(self, in_force: InForce) -> None:
        """After a slot was applied. Waits for nothing."""
        if self._running is None or self._running.done():
            self._running = self._pool.submit(self._all, in_force)

    def wait(self) -> None:
        """Until what was begun is done."""
        if self._running is not None:
            self._running.result()

    def close(self) -> None:
        """What runs ends after its present step."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _all(self, in_force: InForce) -> None:
        works: tuple[Callable[[], None], ...] = (partial(self._follow, in_force), self._note_unheard, self._sweep)
        for work in works:
            try:
                work()
            except NOT_NOW as error:
                LOG.warning("a chore waits for the next slot: %s", error)
            except Exception:  # whatever it is: the other chores are done, and this one is due again
                LOG.exception("a chore failed")

    def _follow(self, in_force: InForce) -> None:
        """What changes and acts made of terminals is written into the registry, a part that a kill left out too."""
        runtime = self.runtime
        if not in_force.founded or in_force.alarm is not None or in_force.ledger_size == self.followed:
            return
        clock = runtime.clock
        desk = LedgerDesk(folder_of(runtime), lambda: instant_of(clock.now_s()))
        if moved := Registrar(runtime.engine, desk, clock.now_s).follow():
            LOG.info("%s terminals of the registry followed the ledger", len(moved))
        self.followed = in_force.ledger_size

    def _note_unheard(self) -> None:
        """Requests for leases that were refused undecided: anybody can send any number, so a slot's share one row."""
        runtime = self.runtime
        refused, runtime.unheard = runtime.unheard, Counter()
        if not refused:
            return
        try:
            with writing(runtime.engine) as connection:
                counted = {"method": "POST", "by_status": dict(sorted(refused.items()))}
                audit.record(connection, runtime.clock.now_s(), ANONYMOUS, "refused", LEASES, counted)
        except Unavailable:
            runtime.unheard.update(refused)
            raise

    def _sweep(self) -> None:
        runtime = self.runtime
        token, now_s = runtime.leader.role.token, runtime.clock.now_s()
        if token is None:
            return
        slots = runtime.twin.slots
        due = retention.due(runtime.settings, slots, now_s)
        self.swept = retention.sweep(
            runtime.engine, token, due, _Passing(runtime.clock), SWEPT_FOR * slots.slot_s, runtime.stopping.wait
        )


class _Passing:
    """A steady clock as one of a machine: what has passed on it is what has passed."""

    def __init__(self, clock: SteadyClock):
        self._clock = clock

    def utc_s(self) -> float:
        return self._clock.now_s()

    def monotonic_s(self) -> float:
        return self._clock.timeline.until_s


def folder_of(runtime: Runtime) -> Folder:
    """Where the ledger of a runtime is kept."""
    return Folder(runtime.data, runtime.settings.database.get_secret_value())
