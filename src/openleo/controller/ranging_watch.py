"""Ranging of a running controller: a step a second aside, what a fail-over needs in the table, evidence for people.

Locating takes 6 to 13 ms of a processor; a step locates `fixes_per_second` terminals and ends early where its time is
over, so that leases and plans have the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select

from openleo.controller.alarms import Alarms
from openleo.controller.database import Fenced, Unavailable, reading, writing
from openleo.controller.lease_records import time_ordered_id
from openleo.controller.location import Evidence, Located
from openleo.controller.ranged import Kept, Ranged
from openleo.controller.runtime import Runtime
from openleo.controller.tables import evidence, located
from openleo.controller.twin import Twin
from openleo.misuse.thresholds import Kind
from openleo.network.ranging import sky
from openleo.network.ranging.errors import public_elements_km
from openleo.network.ranging.sky import Flown, Lookup
from openleo.units import SECONDS_PER_DAY

EVERY_S, STEP_S = 1.0, 0.4  # how often, and how long a step may take
TOLD = ("position-disagrees", "report-outside-beam", "ranging-inconsistent")  # evidence of `spoof`; jamming is none
DOUBTED_BY, DOUBTED_WITHIN_S = 3, 900.0  # so many terminals whose round trips fit without a satellite: an alarm
ALARM = "ranging"
FAULT = "locator"
LOG = logging.getLogger("openleo.controller")


def lookup_of(twin: Twin, at: datetime) -> Lookup:
    """Where a network's satellites are around an instant, and how well that is known: by their elements' age."""
    constellation = twin.case.network.constellation
    plain = sky.of(constellation, at)
    if not constellation.elements:
        return plain
    epochs_s = np.array([one.epoch.timestamp() for one in constellation.elements])

    def flown(satellites: Sequence[int], instants: Sequence[datetime]) -> Flown:
        found, numbers = plain(satellites, instants), np.asarray(satellites, dtype=np.int64)
        known = (numbers >= 0) & (numbers < len(epochs_s))
        age_s = np.array([one.timestamp() for one in instants]) - epochs_s[np.where(known, numbers, 0)]
        return replace(found, ephemeris_km=public_elements_km(age_s))

    return flown


class Watch:
    """One controller's worker. `token`: None while it does not lead."""

    def __init__(
        self,
        engine: Engine,
        ranged: Ranged,
        now_s: Callable[[], float],
        token: Callable[[], int | None],
        alarms: Alarms,
        most: int,
        step_s: float = STEP_S,
    ):
        self._engine, self.ranged, self._now_s, self._token = engine, ranged, now_s, token
        self._alarms, self._most, self._step_s = alarms, most, step_s
        self._led: int | None = None
        self._in_table: set[str] = set()
        self._doubted: dict[tuple[str, str], float] = {}  # (satellites, terminal): when

    def step(self) -> int:
        """Locate some, and keep what has to be kept; gives how many. Raises Unavailable, Fenced."""
        token, now_s = self._token(), self._now_s()
        if token is None:
            self._led = None
            return 0
        if token != self._led:
            kept = load(self._engine, now_s - self.ranged.keep_s)
            self.ranged.load(kept)
            self._led, self._in_table = token, {one.terminal for one in kept}
        until_s = time.monotonic() + self._step_s
        found = self.ranged.step(now_s, self._most, lambda: time.monotonic() < until_s)
        self._keep(found, token, now_s)
        self._tell_of_satellites(found, now_s)
        return len(found)

    def _keep(self, found: Sequence[tuple[Kept, Located]], token: int, now_s: float) -> None:
        """In the table: who is decided for otherwise than by the report, and nobody else."""
        now_in = {kept.terminal: kept for kept, _ in found if kept.matters}
        gone = [kept.terminal for kept, _ in found if not kept.matters and kept.terminal in self._in_table]
        told = [(kept.terminal, one) for kept, at in found for one in at.evidence if one.kind in TOLD]
        if not now_in and not gone and not told:
            return
        with writing(self._engine, token) as connection:
            for terminal in (*now_in, *gone):
                connection.execute(delete(located).where(located.c.terminal == terminal))
            for terminal, kept in now_in.items():
                row = {"terminal": terminal, "at": kept.at_s, "body": json.dumps(asdict(kept))}
                connection.execute(insert(located).values(row))
            for terminal, one in told:
                _tell(connection, terminal, one, now_s)
        self._in_table = (self._in_table - set(gone)) | now_in.keys()

    def _tell_of_satellites(self, found: Sequence[tuple[Kept, Located]], now_s: float) -> None:
        for kept, at in found:
            for one in at.evidence:
                if one.kind == "satellite-doubted":
                    self._doubted[str(one.inputs["satellites"]), kept.terminal] = now_s
        self._doubted = {key: at for key, at in self._doubted.items() if now_s - at <= DOUBTED_WITHIN_S}
        many = Counter(satellites for satellites, _ in self._doubted)
        named = sorted(one for one, terminals in many.items() if terminals >= DOUBTED_BY)
        says = "Round trips of several terminals fit only without satellite {}: it is not where its ephemeris has it."
        self._alarms.set(ALARM, says.format(" or ".join(named)) if named else None)


def _tell(connection: Connection, terminal: str, one: Evidence, now_s: float) -> None:
    """Once a day of a terminal: whoever dismissed it has a day before it is told again. It holds nothing."""
    lately = (evidence.c.terminal == terminal) & (evidence.c.at > now_s - SECONDS_PER_DAY)
    query = select(evidence.c.id).where(lately, evidence.c.kind == Kind.SPOOF.value, ~evidence.c.holds_renewal)
    if connection.execute(query.limit(1)).first() is not None:
        return
    row = {
        "id": time_ordered_id(now_s), "at": now_s, "terminal": terminal, "kind": Kind.SPOOF.value, "score": 0.0,
        "holds_renewal": False, "state": "open",
        "body": json.dumps({"rule": one.says, "inputs": {"found": one.kind, **one.inputs}}),
    }  # fmt: skip
    connection.execute(insert(evidence).values(row))


def load(engine: Engine, since_s: float) -> list[Kept]:
    """What the table has. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(located.c.body).where(located.c.at >= since_s)).scalars().all()
    return [_read(json.loads(body)) for body in rows]


def _read(said: dict[str, object]) -> Kept:
    circles = tuple(tuple(one) for one in said["circles"])  # type: ignore[attr-defined]
    tested = said["tested"]
    return Kept(**said | {"circles": circles, "tested": None if tested is None else tuple(tested)})  # type: ignore


def open_ranged(runtime: Runtime) -> Ranged:
    """Nothing was heard yet."""
    return Ranged(lambda at: lookup_of(runtime.twin, at), runtime.settings.ranging_keep_s)


@asynccontextmanager
async def ranging(runtime: Runtime, ranged: Ranged) -> AsyncIterator[Watch]:
    """While the service lives."""
    watch = Watch(
        runtime.engine, ranged, runtime.clock.now_s, lambda: runtime.role.token if runtime.role.leading else None,
        runtime.alarms, runtime.settings.fixes_per_second,
    )  # fmt: skip
    following = asyncio.create_task(_follow(watch, runtime.alarms))
    try:
        yield watch
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(watch: Watch, alarms: Alarms) -> None:
    """What fails now is tried again with the next; no fault of it ends service."""
    while True:
        try:
            await asyncio.to_thread(watch.step)
            alarms.clear(FAULT)
        except (Unavailable, Fenced) as error:
            LOG.warning("terminals are not located now: %s", error)
        except Exception as error:  # leases go on by what terminals report
            LOG.exception("locating terminals failed")
            alarms.set(FAULT, f"terminals are not located: {type(error).__name__}; see the log")
        await asyncio.sleep(EVERY_S)
