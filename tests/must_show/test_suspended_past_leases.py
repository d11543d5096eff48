"""A thousand terminals of a territory suspended for longer than their leases hold: refused, and back by themselves.

`openleo serve` runs as a process, in slots of three seconds, and two crowds of simulated terminals keep their leases
with it over HTTP: one where the order is, one elsewhere. What is shown is read from the plans that the controller
stored and applied, and from the requests that the terminals made.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from controller.faulty_place import Place
from controller.governed import PERMIT, Governed, book, rule
from controller.processes import SCENARIO, SLOT_S, running, wait_for
from openleo.controller import database
from openleo.controller.database import writing
from openleo.controller.leases import OLDEST_PLAN_SLOTS
from openleo.controller.tables import accounts, leases, slots, terminals
from openleo.fleet import client, roll
from openleo.governance.activate import Activation
from openleo.ledger.faults import LedgerError

pytestmark = pytest.mark.slow

THERE, ELSEWHERE = 1_000, 100
LEASE_SLOTS = 4
DARK_SLOTS = 2 * LEASE_SLOTS
ASKS_AGAIN_S = 2 * SLOT_S  # who is refused
KNOWN_BEFORE = 0.5  # of a slot: plans are made 0.4 of one before they hold, and know of leases that were given by then
BACK_SLOTS = 2  # after a terminal asked again
ORDER = book("regulator:CZE", rule("ordered", "suspend", "CZE", until="2090-01-01T00:00:00Z"))


class Noted(Counter[str]):
    """Counts, and when each one came."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s: list[tuple[float, str]] = []

    def __setitem__(self, key: str, value: int) -> None:
        self.at_s.append((time.time(), key))
        super().__setitem__(key, value)


@dataclass
class Crowd(threading.Thread):
    """Terminals that keep their leases as long as the block lasts; `asked_s`: when each of them asked."""

    kits: tuple[roll.Kit, ...]
    url: str
    asked_s: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        devices = [replace(one.device, report=self._noting(one.device)) for one in self.kits]
        self.fleet = client.Fleet(devices, [self.url], time.time, Random(7), refused_again_s=ASKS_AGAIN_S)
        self.faults = self.fleet.kept.faults = Noted()
        self._ended = threading.Event()

    def _noting(self, device: client.Device) -> Any:
        mine = self.asked_s.setdefault(device.id, [])

        def report(at_s: float) -> dict[str, Any]:
            mine.append(at_s)
            return device.report(at_s)

        return report

    def run(self) -> None:
        async def keep() -> None:
            keeping = asyncio.create_task(self.fleet.run(600.0, begin_over_s=SLOT_S))
            while not self._ended.is_set() and not keeping.done():
                await asyncio.sleep(0.05)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

        asyncio.run(keep())

    def __enter__(self) -> Crowd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    __hash__ = threading.Thread.__hash__


@dataclass
class Seen:
    """What the controller stored of the terminals."""

    place: Place

    def served(self) -> dict[int, set[str]]:
        return self.place.served()

    def newest(self) -> set[str]:
        """Whom the plan applied last serves."""
        return self.place.served_last()

    def giving_nothing(self) -> list[tuple[float, float]]:
        """(from, until), UTC in seconds: the plan applied last was too old, or the lead was lost and taken again."""
        rows = sorted(
            (row["applied_at"], row["begins_at"], row["token"]) for row in self.place.rows(slots) if row["applied_at"]
        )
        found = []
        for (applied_s, begins_s, token), (next_s, _, next_token) in itertools.pairwise(rows):
            from_s = begins_s + OLDEST_PLAN_SLOTS * SLOT_S if token == next_token else applied_s
            if from_s < next_s:
                found.append((from_s, next_s))
        return found

    def given(self) -> dict[str, list[tuple[float, int]]]:
        """By terminals: when each lease was given, and the first slot in which it does not hold."""
        found: dict[str, list[tuple[float, int]]] = {}
        for row in self.place.rows(leases):
            found.setdefault(row["terminal"], []).append((int(row["id"][:12], 16) / 1_000.0, row["until_slot"]))
        return {terminal: sorted(rows) for terminal, rows in found.items()}


def placed(folder: Path, kits: tuple[roll.Kit, ...]) -> Place:
    """A data folder in which everybody is permitted, with the terminals in its registry."""
    data = folder / "data"
    governed = Governed.founded(data)
    (data / "settings.toml").write_text("terminal_requests_per_minute = 100000\n")
    governed.now = datetime.now(UTC)
    governed.rules(PERMIT)
    scenario = folder / "running.toml"
    scenario.write_text(SCENARIO.replace('["TWN"]', '["TWN", "CZE"]'))
    engine = database.connect(database.address_of(data))
    database.upgrade(engine)
    rows = [
        {"id": one.id, "account": one.account, "class": "fixed", "home_territory": one.home_territory, "groups": "[]",
         "public_key": one.device.key.public_key().public_bytes_raw(), "commitment": one.id, "state": "active",
         "enrolled_at": 0.0}
        for one in kits
    ]  # fmt: skip
    with writing(engine) as connection:
        held = [{"id": one, "commitment": one, "created_at": 0.0} for one in sorted({row["account"] for row in rows})]
        connection.execute(insert(accounts), held)
        connection.execute(insert(terminals), rows)
    return Place(scenario, data, engine, [], governed)


def activated(governed: Governed, moves: Any) -> float:
    """An approved change, as soon as the controller is not writing; when it was active."""

    def change() -> Activation | None:
        governed.now = datetime.now(UTC)
        try:
            return moves()  # type: ignore[no-any-return]
        except LedgerError as error:
            if "another process writes" not in str(error):
                raise
            return None

    wait_for(change, 10.0)
    return time.time()


def test_a_thousand_terminals_outlive_their_leases_and_come_back_by_themselves(tmp_path: Path) -> None:
    kits = roll.draw(THERE, ("CZE",), 50, 1, Random(1).randbytes)
    others = tuple(
        replace(one, id=f"else-{one.id}") for one in roll.draw(ELSEWHERE, ("TWN",), 5, 2, Random(2).randbytes)
    )
    there, elsewhere = {one.id for one in kits}, {one.id for one in others}
    place = placed(tmp_path, (*kits, *others))
    seen = Seen(place)
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        with Crowd((*kits, *others), one.url) as crowd:
            wait_for(lambda: seen.newest() == there | elsewhere, 90.0, SLOT_S / 2)
            dark_s = activated(place.governed, lambda: place.governed.rules(ORDER))
            time.sleep((DARK_SLOTS + 1) * SLOT_S)
            standing = crowd.fleet.standing(time.time())
            lit_s = activated(place.governed, lambda: place.governed.change("rules", {"book:regulator:CZE": None}))
            wait_for(lambda: seen.newest() == there | elsewhere, 10 * SLOT_S, SLOT_S / 2)
            time.sleep(SLOT_S)
    place.engine.dispose()
    served, given = seen.served(), seen.given()

    # Dark: a slot after the order none of them is in any plan; who is elsewhere is in every one.
    dark = [number for number in served if dark_s + SLOT_S <= number * SLOT_S and number * SLOT_S < lit_s]
    assert len(dark) >= DARK_SLOTS - 1
    assert all(served[number] == elsewhere for number in dark), {number: len(served[number]) for number in dark}
    # They asked on, were told why, and no lease of theirs held to the end of it.
    assert standing.refused == Counter({"suspended by ordered": THERE})
    assert standing.held == ELSEWHERE
    slot_lit = int(lit_s / SLOT_S)
    last_before = {one: max(until for at_s, until in given[one] if at_s < lit_s) for one in there}
    assert max(last_before.values()) < slot_lit
    assert not [at_s for one in there for at_s, _ in given[one] if dark_s + SLOT_S <= at_s < lit_s]
    # Lit: whoever asks a slot after the reinstatement, or later, is given a lease, and is in a plan within two slots.
    in_force_s = lit_s + SLOT_S
    waited, since = Counter[int](), Counter[int]()
    for one in there:
        again_s = next(at_s for at_s in crowd.asked_s[one] if at_s >= in_force_s)
        first_s = next(at_s for at_s, _ in given[one] if at_s >= lit_s)
        first = min(number for number in served if number > slot_lit and one in served[number])
        assert first <= math.ceil(first_s / SLOT_S + KNOWN_BEFORE), (
            "in the first plan that was made when it had a lease"
        )
        if first_s < again_s + KNOWN_BEFORE * SLOT_S:
            waited[max(0, first - int(again_s / SLOT_S))] += 1
        since[first - slot_lit] += 1
    print(f"in a plan so many slots after the first request in force: {dict(waited)}; after the change: {dict(since)}")
    assert waited.total() > THERE / 2, "most are answered within half a slot, or this says nothing"
    assert max(waited) <= BACK_SLOTS
    for number, after in itertools.pairwise(sorted(number for number in served if number > slot_lit)):
        assert served[number] <= served[after], "and whoever is back stays"
    # Nobody was mistaken. Who was put off asked while nothing could be given, as the slots' own records say: the
    # machine was too slow for them, or for the leader's signs of life.
    answers, slowest_s = crowd.fleet.kept.answers, max(crowd.fleet.kept.latency_s)
    assert set(answers) <= {"201", "403", "503"}, (answers, crowd.faults.at_s)
    put_off_s = [at_s for at_s, _ in crowd.faults.at_s]
    assert len(put_off_s) == answers["503"]
    assert set(crowd.faults) <= {"no-plan", "not-leading", "not-ready"}, crowd.faults
    spans = seen.giving_nothing()
    print(f"put off: {dict(crowd.faults)}; nothing was given, in s: {[(a - lit_s, b - lit_s) for a, b in spans]}")
    assert all(any(a <= at_s <= b + slowest_s for a, b in spans) for at_s in put_off_s), (spans, slowest_s)
