"""A person confirms a wall clock that is behind what was counted: slots come round again, and are served anew."""

from __future__ import annotations

import json
from pathlib import Path

from running import Running
from sqlalchemy import insert, select

from openleo.controller import clock_kept, plan_store
from openleo.controller.database import reading, writing
from openleo.controller.tables import leases, plans, slots

BACK_S = 3600.0


def rows(here: Running) -> dict[int, dict[str, object]]:
    with reading(here.runtime.engine) as connection:
        return {row["number"]: dict(row) for row in connection.execute(select(slots)).mappings()}


def set_back(here: Running) -> int:
    """The clock is set back, which is confirmed, and noticed with the next slot; gives the slot that it is then."""
    here.clock.step_s(-BACK_S)
    here.slot()
    assert here.runtime.clock.jump() is not None
    assert clock_kept.confirm(here.runtime.engine, "ada")
    here.until(0.0)
    return here.runtime.twin.slots.number(here.runtime.clock.now_s())


def lease(number: int) -> dict[str, object]:
    given = {"id": f"{number:032x}", "terminal": "t-1", "slot": number, "until_slot": number + 4, "token": 1}
    return given | {"rule_set": "", "ledger_size": 1, "plan": "", "body": "{}"}


def test_slots_go_on_at_once_and_come_round_with_what_was_applied_before(tmp_path: Path) -> None:
    here = Running.on(tmp_path)
    try:
        here.step()
        here.slot(3)
        ahead = here.runtime.current
        assert ahead is not None
        first = rows(here)
        with writing(here.runtime.engine) as connection:
            connection.execute(insert(leases), [lease(ahead.plan.number)])
        now = set_back(here)
        assert now < ahead.plan.number - 200
        here.slot()
        plan = here.runtime.plan_now()
        assert plan is not None
        assert plan.number == here.runtime.twin.slots.number(here.runtime.clock.now_s()) < ahead.plan.number
        assert plan_store.newest_applied(here.runtime.engine) == plan.number
        with reading(here.runtime.engine) as connection:
            kept = connection.execute(select(plans.c.number)).scalars().all()
            held = connection.execute(select(leases.c.until_slot)).scalars().one()
        assert max(kept) <= plan.number + 1, "plans of a time that was none make no room for those of now scarce"
        assert held < ahead.plan.number, "a lease of a time that was none holds in no slot to come"
        here.clock.pass_s((min(first) - plan.number - 1) * here.runtime.twin.slots.slot_s)
        here.slot(3)
        again = rows(here)
        both = [number for number in first if again[number] != first[number]]
        assert both, "slots came round again"
        for number in both:
            before = json.loads(str(again[number]["summary"]))["before"]
            assert [one["plan"] for one in before] == [first[number]["plan"]]
    finally:
        here.close()


def test_a_controller_that_starts_after_it_goes_on_from_now(tmp_path: Path) -> None:
    here = Running.on(tmp_path)
    here.step()
    here.slot(2)
    ahead = here.runtime.current
    assert ahead is not None
    here.clock.step_s(-BACK_S)
    here.slot()
    clock_kept.confirm(here.runtime.engine, "ada")
    here.close()
    anew = Running.on(tmp_path, here.clock)
    try:
        anew.step()
        anew.slot()
        plan = anew.runtime.plan_now()
        assert plan is not None
        assert plan.number < ahead.plan.number
    finally:
        anew.close()
