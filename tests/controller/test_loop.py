"""The slot loop: plans ahead of their slots, lesser plans where one is late or fails, and who goes on after whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planned import BEGINS, STRIP, permitting
from running import Running, SaidGate
from sqlalchemy import func, insert, select

from openleo.controller import custody, enforced, plan_arrow
from openleo.controller import loop as slot_loop
from openleo.controller.clock import ManualClock
from openleo.controller.database import Unavailable, reading, writing
from openleo.controller.in_force import Outage
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.tables import accounts, events, plans, slots, terminals
from openleo.policy import states


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    made = Running.on(tmp_path)
    made.step()
    yield made
    made.close()


def plan_of(one: Running) -> SlotPlan:
    assert one.runtime.current is not None
    return one.runtime.current.plan


def rows(one: Running) -> dict[int, Any]:
    with reading(one.runtime.engine) as connection:
        return {row["number"]: row for row in connection.execute(select(slots)).mappings()}


def told(one: Running, kind: str) -> list[str]:
    with reading(one.runtime.engine) as connection:
        return list(
            connection.execute(select(events.c.body).where(events.c.kind == kind).order_by(events.c.id)).scalars()
        )


def test_the_next_plan_is_stored_before_its_slot_and_applied_at_its_beginning(here: Running) -> None:
    first = plan_of(here)
    here.pass_s(10.0)  # 4 s before the next slot
    assert plan_of(here) is first
    assert rows(here)[first.number + 1]["applied_at"] is None
    here.pass_s(3.9)
    assert plan_of(here) is first
    here.pass_s(0.1)
    assert plan_of(here).number == first.number + 1
    row = rows(here)[first.number + 1]
    assert row["applied_at"] == here.clock.utc == row["begins_at"]
    assert row["stored_at"] < row["begins_at"]
    assert +here.runtime.outcomes == {"whole": 2}


def test_every_slot_is_planned_and_only_the_last_plans_are_kept_whole(tmp_path: Path) -> None:
    here = Running.on(tmp_path, keep_plans=3)
    here.step()
    here.slot(6)
    kept = rows(here)
    assert sorted(kept) == list(range(plan_of(here).number - 6, plan_of(here).number + 1))
    with reading(here.runtime.engine) as connection:
        assert connection.execute(select(func.count()).select_from(plans)).scalar_one() == 3
    here.close()


def slow(here: Running, monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    """Computing takes so long, on the clock that is moved by hand."""
    right = slot_loop.compute

    def late(*given: Any) -> SlotPlan:
        here.clock.pass_s(by_s)
        return right(*given)

    monkeypatch.setattr(slot_loop, "compute", late)


def test_a_plan_that_is_computed_too_late_gives_way_to_the_last_one(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan_of(here)
    slow(here, monkeypatch, 3.5)
    here.slot()
    lesser = plan_of(here)
    assert lesser.number == first.number + 1
    assert "too late" in lesser.degraded
    assert not (lesser.served & ~first.served).any()
    stays = lesser.satellite >= 0
    assert np.array_equal(lesser.satellite[stays], first.satellite[stays])
    assert here.runtime.outcomes["late"] == 1
    assert rows(here)[lesser.number]["degraded"] == lesser.degraded


def test_a_computation_that_hangs_is_left_to_itself_and_the_slots_go_on(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, right, hang = plan_of(here), slot_loop.compute, threading.Event()
    counted = here.runtime.twin.slots

    def hangs(*given: Any) -> SlotPlan:
        assert hang.wait(20.0)
        return right(*given)

    monkeypatch.setattr(slot_loop, "compute", hangs)
    begins_s = counted.begins_s(first.number + 1)
    here.pass_s(begins_s - 1.2 - here.clock.utc)  # 0.15 s are left, which are waited for
    here.pass_s(1.2)
    assert "not computed within" in plan_of(here).degraded
    here.slot()  # the first still hangs
    assert "still being computed" in plan_of(here).degraded
    assert (here.runtime.outcomes["late"], here.runtime.outcomes["busy"]) == (1, 1)
    hang.set()
    monkeypatch.setattr(slot_loop, "compute", right)
    here.loop._plans._running.result(20.0)  # type: ignore[union-attr]
    here.slot()
    assert plan_of(here).degraded == ""


def breaks(*_given: Any) -> SlotPlan:
    raise FloatingPointError("a satellite at the Earth's centre")


def test_a_computation_that_breaks_off_gives_way_and_is_an_alarm_after_some_slots(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = slot_loop.compute
    monkeypatch.setattr(slot_loop, "compute", breaks)
    here.slot(3)
    assert here.runtime.alarms.now == {}
    here.slot(1)
    assert "4 slots in a row" in here.runtime.alarms.now["degraded"]
    assert "FloatingPointError" in plan_of(here).degraded
    assert any('"alarm": "degraded", "over": false' in one for one in told(here, "alert"))
    monkeypatch.setattr(slot_loop, "compute", right)
    here.slot()
    assert (plan_of(here).degraded, here.runtime.alarms.now) == ("", {})
    assert any('"alarm": "degraded", "over": true' in one for one in told(here, "alert"))


def test_a_lesser_plan_loses_the_satellites_that_have_set(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    many = int((plan_of(here).satellite >= 0).sum())
    monkeypatch.setattr(slot_loop, "compute", breaks)
    here.slot(25)  # 6 minutes: nobody stays above 25° for so long
    assert many > 0
    assert not (plan_of(here).satellite >= 0).any()


def test_rules_that_come_into_force_after_the_plan_was_made_hold_from_its_beginning(here: Running) -> None:
    here.pass_s(10.0)
    made = here.loop.next
    assert made is not None
    here.gate.says(permitting("POL", "URY", more=STRIP.format(land="POL", more="")))
    here.pass_s(4.0)
    plan = plan_of(here)
    assert "other rules" in plan.degraded
    assert plan.served.sum() < made.plan.served.sum()
    assert plan.rule_set == here.gate.now.rules.sha256  # type: ignore[union-attr]
    here.slot()
    assert plan_of(here).degraded == ""
    assert [one for one in told(here, "policy") if plan.rule_set in one]


def test_what_is_permitted_meanwhile_waits_for_the_next_plan(here: Running) -> None:
    here.gate.says(permitting("URY"))
    here.slot()
    few = plan_of(here).served.sum()
    here.until(4.0)
    here.gate.says(permitting("POL", "URY"), 9)
    here.until(0.0)
    assert plan_of(here).served.sum() <= few
    here.slot()
    assert plan_of(here).served.sum() > few


def test_nobody_is_served_once_the_ledger_is_gone_too_long(here: Running) -> None:
    assert plan_of(here).served.any()
    here.gate.now = Outage("the disk is gone.", BEGINS)
    here.slot()
    assert not plan_of(here).served.any()
    assert here.runtime.alarms.now["ledger"] == "the disk is gone."


def gone(*_given: object, **_more: object) -> Any:
    raise Unavailable("the server has gone")


def test_without_the_database_no_plan_is_applied_and_the_slots_go_on_when_it_is_back(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, right = plan_of(here), writing
    with monkeypatch.context() as patch:
        for module in ("loop", "clock_kept"):
            patch.setattr(f"openleo.controller.{module}.writing", gone)
        here.slot(3)
        assert plan_of(here) is first  # nothing that is not stored is applied
        assert here.runtime.plan_now() is first
        here.slot(1)
        assert here.runtime.plan_now() is None  # every lease under it has lapsed
        assert here.runtime.alarms.now["slot"].startswith("no_database")
    assert right is writing
    here.step()
    here.step()
    assert here.runtime.plan_now() is plan_of(here)
    assert plan_of(here).number == here.runtime.twin.slots.number(here.clock.utc)
    assert here.runtime.outcomes["passed_over"] == 3
    assert here.runtime.alarms.now == {}


# --- two controllers ------------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path, database_address: str) -> Iterator[Callable[[], Running]]:
    """Controllers of one database and one clock."""
    clock, gate, made = ManualClock(utc=BEGINS.timestamp() + 1.0), SaidGate(), []
    database = database_address if database_address.startswith("postgresql") else ""

    def another() -> Running:
        made.append(Running.on(tmp_path, clock, gate, database=database))
        return made[-1]

    yield another
    for one in made:
        one.close()


def test_a_second_controller_stands_by_and_goes_on_from_the_stored_plans(two: Callable[[], Running]) -> None:
    first, second = two(), two()
    first.step()
    for _ in range(2):  # both live
        first.pass_s(3.0)
        second.step()
    assert not second.runtime.role.leading
    assert plan_of(second).sha256 == plan_of(first).sha256  # it reads what the leader applied
    first.pass_s(4.0)  # the next plan is stored, and then the leader dies
    waiting, was = first.loop.next, plan_of(first)
    assert waiting is not None
    for _ in range(7):
        second.pass_s(3.0)
    assert second.runtime.role.leading
    plan = plan_of(second)
    assert plan.number - was.number <= 2  # slots
    assert plan.degraded == ""
    before = rows(second)
    first.step()  # the old leader wakes, and stands by
    assert not first.runtime.role.leading
    assert rows(second) == before
    assert plan_of(first).sha256 == plan.sha256


def test_no_cell_changes_its_satellite_because_of_a_take_over(two: Callable[[], Running]) -> None:
    """Beside a controller that never died: the same plans."""
    first, second = two(), two()
    first.step()
    second.step()
    first.pass_s(10.0)
    second.step()
    stored = first.loop.next
    assert stored is not None
    first.runtime.leader.resign()
    second.pass_s(4.0)
    assert second.runtime.role.leading
    assert plan_of(second).sha256 == stored.plan.sha256
    assert np.array_equal(plan_of(second).satellite, stored.plan.satellite)


def test_a_leader_that_lost_its_lead_writes_nothing(two: Callable[[], Running]) -> None:
    first, second = two(), two()
    first.step()
    first.runtime.leader.resign()
    second.step()
    assert second.runtime.role.leading
    first.runtime.leader._resigned, first.runtime.leader._token = False, 1  # as if it did not know
    first.runtime.leader._until_s = first.clock.monotonic + 60.0
    first.clock.pass_s(14.0)
    before = rows(second)
    first.step(beats=False)
    assert first.runtime.outcomes["fenced"] == 1
    assert rows(second) == before


def test_plans_of_other_cells_are_an_alarm_and_not_taken(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    here.runtime.leader.resign()

    def of_others(_content: bytes, _cells: object) -> SlotPlan:
        raise ValueError("the plan is not what its hash says")

    monkeypatch.setattr(plan_arrow, "read_plan", of_others)
    here.runtime.current = None
    here.step()
    assert "cannot be read" in here.runtime.alarms.now["other_cells"]
    assert here.runtime.current is None


def test_a_leader_that_finds_a_plan_of_other_cells_says_so_and_makes_its_own(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = plan_arrow.read_plan

    def of_others(_content: bytes, _cells: object) -> SlotPlan:
        raise ValueError("the plan is not what its hash says")

    here.until(4.0)
    monkeypatch.setattr(plan_arrow, "read_plan", of_others)
    here.loop.next = None  # as after a take-over
    here.until(0.0)
    assert "cannot be read" in here.runtime.alarms.now["other_cells"]
    assert plan_of(here).degraded == ""
    monkeypatch.setattr(plan_arrow, "read_plan", right)
    here.slot()
    assert "other_cells" not in here.runtime.alarms.now


def test_signs_of_life_go_on_after_one_that_fails_by_a_fault_of_ours(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, alarms, ended = here.runtime.leader, here.runtime.alarms, threading.Event()
    said: list[dict[str, str]] = []

    def step() -> None:
        said.append(alarms.now)
        if len(said) == 3:
            ended.set()
        if len(said) == 1:
            raise KeyError("a column")

    monkeypatch.setattr(leader, "step", step)
    leader.beat_s = 0.01
    leader.live(alarms, ended)
    assert "KeyError" in said[1]["beats"]
    assert "beats" not in said[2]


def test_a_terminal_that_is_lost_after_the_plan_was_stored_is_not_served_in_its_slot(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No target of the ledger moves by it: the registry's history tells."""
    decided: list[int] = []
    right = enforced.terminals_of

    def terminals_of(*said: Any) -> Any:
        decided.append(said[2].number)
        return right(*said)

    monkeypatch.setattr(enforced, "terminals_of", terminals_of)
    number = plan_of(here).number + 1
    here.slot()
    assert decided == [number]
    here.until(4.0)
    with writing(here.runtime.engine) as connection:
        connection.execute(insert(accounts).values(id="a", commitment="a", created_at=0.0))
        connection.execute(
            insert(terminals).values(
                {"id": "t-1", "account": "a", "class": "fixed", "home_territory": "POL", "groups": "[]",
                 "state": "lost", "enrolled_at": 0.0, "public_key": b"k", "commitment": "c"}
            )
        )  # fmt: skip
        custody.add(connection, [custody.Event("t-1", 0.0, custody.What.STATE, {}, {"state": "lost"}, "kim")])
    here.until(0.0)
    assert decided == [number, number + 1, number + 1]
    here.slot()
    assert decided == [number, number + 1, number + 1, number + 2]


def test_two_who_ask_for_a_new_rule_set_s_mask_have_it_made_once(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The late plan of a slot, and the restriction of the one that runs."""
    made: list[object] = []
    right, begun = states.compute, threading.Event()

    def compute(*said: Any) -> Any:
        made.append(said)
        begun.set()
        time.sleep(0.2)
        return right(*said)

    monkeypatch.setattr(states, "compute", compute)
    twin, rules = here.runtime.twin, permitting("POL", more=STRIP.format(land="URY", more=""))
    number = plan_of(here).number + 1
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(twin.permitted, rules, number)
        assert begun.wait(5.0)
        second = pool.submit(twin.permitted, rules, number)
        assert np.array_equal(first.result().yes, second.result().yes)
    assert len(made) == 1
