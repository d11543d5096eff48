"""A running network whose file of element sets is renewed, breaks off, goes away and comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from flown import FLOWN, later, sets, with_elements, write
from planned import BEGINS, in_force, permitting
from running import Running, SaidGate
from sqlalchemy import select

from openleo.controller import elements_file, runtime, twin
from openleo.controller.app import create_app
from openleo.controller.clock import ManualClock
from openleo.controller.database import reading, writing
from openleo.controller.elements_file import CONTENT
from openleo.controller.loop import SlotLoop
from openleo.controller.settings import Settings
from openleo.controller.slot_plan import SlotPlan, compute
from openleo.controller.tables import events, known, slots
from openleo.errors import InputError
from openleo.governance.moves import NETWORK

DAY_S = 86_400.0
LANDS = permitting("POL", "URY")
Starting = Callable[..., Running]


@pytest.fixture
def starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starting]:
    """Controllers on one folder and one clock, one after the other; `approved`: the network in force."""
    clock, made = ManualClock(utc=BEGINS.timestamp() + 1.0), []
    (tmp_path / "data").mkdir()

    def start(approved: str | None = None, **given: object) -> Running:
        gate = SaidGate(replace(in_force(LANDS), active={NETWORK: approved} if approved else {}))
        monkeypatch.setattr(runtime, "_network_in_force", lambda *_given: approved)
        held = runtime.open_runtime(
            tmp_path / "small.toml", tmp_path / "data", Settings.load(tmp_path / "data", **given), clock
        )
        held.gate = gate  # type: ignore[assignment]
        made.append(Running(held, SlotLoop(held), clock, gate))
        made[-1].step()
        return made[-1]

    with_elements(tmp_path)
    yield start
    for one in made:
        one.close()


def plan_of(one: Running) -> SlotPlan:
    assert one.runtime.current is not None
    return one.runtime.current.plan


def summary_of(one: Running, number: int) -> dict[str, Any]:
    with reading(one.runtime.engine) as connection:
        found = connection.execute(select(slots.c.summary).where(slots.c.number == number)).scalar_one()
    return dict(json.loads(found)["ephemeris"])


def told(one: Running, alarm: str) -> list[bool]:
    """Whether it was over, each time that it was told."""
    with reading(one.runtime.engine) as connection:
        rows = connection.execute(select(events.c.body).where(events.c.kind == "alert").order_by(events.c.id))
        found = [json.loads(body) for body in rows.scalars()]
    return [said["over"] for said in found if said["alarm"] == alarm]


def test_the_source_is_gone_and_comes_back(starting: Starting, tmp_path: Path) -> None:
    """The last elements go on, less and less certain, with an alarm; after days nothing is served on doubt."""
    here = starting(elements_every_minutes=1.0)
    held = here.runtime.twin.elements
    assert plan_of(here).served.any()
    (tmp_path / "sats.json").unlink()
    here.slot(5)
    assert list(here.runtime.alarms.now) == ["elements_file"]
    assert "No such file" in here.runtime.alarms.now["elements_file"]
    off_km = [summary_of(here, plan_of(here).number)["off_km_p95"]]
    for days in (1.0, 1.0, 4.0):
        here.pass_s(days * DAY_S)
        here.slot()
        assert (plan_of(here).elements, plan_of(here).degraded) == (held, "")
        assert plan_of(here).served.any()
        off_km.append(summary_of(here, plan_of(here).number)["off_km_p95"])
        assert ("elements" in here.runtime.alarms.now) == (here.clock.utc - FLOWN.timestamp() > 2.0 * DAY_S)
    assert off_km == sorted(off_km)
    assert off_km[0] < 5.0
    assert off_km[-1] > 90.0
    here.pass_s(DAY_S)  # the eighth day
    here.slot()
    assert not (plan_of(here).satellite >= 0).any()
    assert "528 of 528 satellites are no longer used" in here.runtime.alarms.now["elements"]
    assert set(here.runtime.alarms.now) == {"elements", "elements_file"}
    write(tmp_path, later(timedelta(seconds=here.clock.utc - FLOWN.timestamp() - 3_600.0)))
    here.slot(6)
    assert here.runtime.alarms.now == {}
    assert plan_of(here).served.any()
    assert plan_of(here).elements == here.runtime.twin.elements != held
    assert summary_of(here, plan_of(here).number)["off_km_p95"] < 1.0
    assert (told(here, "elements_file"), told(here, "elements")) == ([False, True], [False, True])


def test_newer_elements_move_the_satellites_of_the_network_that_was_approved(
    starting: Starting, tmp_path: Path
) -> None:
    approved = twin.load(tmp_path / "small.toml").network
    here = starting(approved, elements_every_minutes=1.0)
    first = plan_of(here)
    here.slot(2)
    before = plan_of(here)
    write(tmp_path, later(timedelta(hours=6), ahead_deg=0.5)[:-3])
    while plan_of(here).elements == before.elements:
        before = plan_of(here)
        here.slot()
        assert plan_of(here).number < first.number + 8
    after = plan_of(here)
    assert after.network == before.network == approved
    assert after.served.any()
    assert here.runtime.alarms.now == {}
    said = summary_of(here, after.number)
    assert (said["elements"], said["unusable"], said["satellites"]) == (after.elements, 0, 528)
    assert said["age_h_max"] > 6.0 > said["age_h_p50"]  # three satellites kept what they had
    # Both are made again, to the last bit, from what is kept.
    for plan, last in ((first, None), (after, before)):
        content = elements_file.kept(here.runtime.engine, plan.elements)
        assert content is not None
        there = elements_file.with_elements(tmp_path / "small.toml", omm_of_first(here))
        if plan is after:
            there = elements_file.with_sets(there, content)
        again = compute(there.using(7.0), plan.number, here.gate.now, last)  # type: ignore[arg-type]
        assert again.sha256 == plan.sha256


def omm_of_first(here: Running) -> bytes:
    assert here.runtime.elements is not None
    return here.runtime.elements.approved


def test_half_a_file_is_an_alarm_and_changes_nothing(starting: Starting, tmp_path: Path) -> None:
    here = starting(elements_every_minutes=0.25)
    held = here.runtime.twin.elements
    whole = write(tmp_path, later(timedelta(hours=6))).read_bytes()
    (tmp_path / "sats.json").write_bytes(whole[: len(whole) // 2])
    here.slot(2)
    assert "malformed" in here.runtime.alarms.now["elements_file"]
    write(tmp_path, later(timedelta(hours=6))[:100])
    here.slot(2)
    assert "100 of the network's satellites" in here.runtime.alarms.now["elements_file"]
    assert plan_of(here).elements == held
    (tmp_path / "sats.json").write_bytes(whole)
    here.slot(2)
    assert here.runtime.alarms.now == {}
    assert plan_of(here).elements != held


def test_a_look_that_breaks_off_is_an_alarm(starting: Starting, monkeypatch: pytest.MonkeyPatch) -> None:
    here = starting(elements_every_minutes=0.25)

    def breaks(*_given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(elements_file.ElementsFile, "look", breaks)
    here.slot(2)
    assert "could not be read" in here.runtime.alarms.now["elements_file"]
    assert plan_of(here).degraded == ""


def test_a_look_that_takes_long_delays_no_slot(starting: Starting, monkeypatch: pytest.MonkeyPatch) -> None:
    here = starting(elements_every_minutes=0.25)
    looks = []

    def slow(*_given: object) -> None:
        looks.append(here.clock.pass_s(1.0))

    monkeypatch.setattr(elements_file.ElementsFile, "look", slow)
    here.slot(3)
    assert looks
    with reading(here.runtime.engine) as connection:
        rows = connection.execute(select(slots.c.begins_at, slots.c.applied_at).order_by(slots.c.number)).all()
    assert len(rows) == 4
    assert all(row.applied_at == row.begins_at for row in rows[1:])


def test_a_file_is_not_looked_at_where_that_is_set(starting: Starting, tmp_path: Path) -> None:
    here = starting(elements_every_minutes=0.0)
    held = here.runtime.twin.elements
    write(tmp_path, later(timedelta(hours=6)))
    here.slot(4)
    assert (plan_of(here).elements, here.runtime.alarms.now) == (held, {})


def test_everybody_may_read_how_old_elements_are(starting: Starting, tmp_path: Path) -> None:
    here = starting(elements_every_minutes=0.25)
    newcomers = [replace(one, id=one.id + 5_000) for one in later(timedelta(hours=5))[:4]]
    write(tmp_path, (*later(timedelta(hours=5)), *newcomers))
    here.slot(2)
    said = TestClient(create_app(here.runtime)).get("/readyz").json()["ephemeris"]
    assert (said["elements"], said["satellites"], said["not_in_network"]) == (here.runtime.twin.elements, 528, 4)
    assert said["age_h_p50"] == pytest.approx(1.0, abs=0.05)
    assert said["off_km_p95"] == pytest.approx(0.4, abs=0.1)


def test_shells_have_no_source_and_no_alarm(tmp_path: Path) -> None:
    here = Running.on(tmp_path, elements_every_minutes=0.25)
    here.step()
    here.pass_s(30 * DAY_S)
    here.slot()
    assert here.runtime.elements is None
    assert plan_of(here).served.any()
    assert (plan_of(here).elements, here.runtime.alarms.now) == ("", {})
    assert TestClient(create_app(here.runtime)).get("/readyz").json()["ephemeris"] is None
    with reading(here.runtime.engine) as connection:
        assert not list(connection.execute(select(known.c.name).where(known.c.name.startswith("elements"))))
    here.close()


# --- started again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("meanwhile", ["renewed", "gone", "broken"])
def test_a_restart_goes_on_with_the_network_that_was_approved(
    starting: Starting, tmp_path: Path, meanwhile: str
) -> None:
    approved = twin.load(tmp_path / "small.toml").network
    first = starting(approved, elements_every_minutes=0.25)
    write(tmp_path, later(timedelta(hours=4)))
    first.slot(2)
    used = plan_of(first).elements
    first.close()
    if meanwhile == "renewed":
        write(tmp_path, later(timedelta(hours=5)))
    elif meanwhile == "gone":
        (tmp_path / "sats.json").unlink()
    else:
        (tmp_path / "sats.json").write_bytes(b"[{")
    second = starting(approved, elements_every_minutes=0.25)
    second.clock.pass_s(20.0)
    second.slot(2)
    assert second.runtime.leader.role.leading
    assert second.runtime.twin.network == approved
    assert plan_of(second).served.any()
    assert (plan_of(second).elements == used) is (meanwhile != "renewed")
    assert list(second.runtime.alarms.now) == ([] if meanwhile == "renewed" else ["elements_file"])


def test_without_what_was_approved_another_file_is_another_network(starting: Starting, tmp_path: Path) -> None:
    approved = twin.load(tmp_path / "small.toml").network
    write(tmp_path, later(timedelta(hours=4)))
    here = starting(approved)  # whose elements this controller never saw
    assert "in force is" in here.runtime.alarms.now["network"]
    assert not plan_of(here).served.any()


def test_another_scenario_is_not_taken_for_the_one_that_was_approved(starting: Starting, tmp_path: Path) -> None:
    approved = twin.load(tmp_path / "small.toml").network
    starting(approved).close()
    text = (tmp_path / "small.toml").read_text()
    (tmp_path / "small.toml").write_text(text.replace("resolution = 3", "resolution = 3\nfibre_detour = 1.7"))
    write(tmp_path, later(timedelta(hours=4)))
    here = starting(approved)
    assert here.runtime.twin.network == twin.load(tmp_path / "small.toml").network != approved
    (tmp_path / "sats.json").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        starting(approved)


def test_elements_that_no_decision_needs_any_more_go_and_the_approved_ones_stay(
    starting: Starting, tmp_path: Path
) -> None:
    here = starting()
    held, engine = here.runtime.twin, here.runtime.engine
    approved = omm_of_first(here)
    used = [held.elements]
    for day in range(1, 5):
        newer = held.renewed(later(timedelta(days=day)), f"{day:064x}")
        used.append(newer.elements)
        with writing(engine) as connection:
            elements_file.keep(connection, newer, approved, day * DAY_S, keep_s=1.5 * DAY_S)
    with reading(engine) as connection:
        stand = connection.execute(select(known.c.name).where(known.c.name.startswith(CONTENT)))
        found = {name.removeprefix(CONTENT) for name in stand.scalars() if " of " not in name}
    assert found == {used[0], *used[2:]}  # the one of the first day was used last on the second


def test_what_was_altered_in_the_database_is_not_flown(starting: Starting) -> None:
    here = starting()
    sha256 = hashlib.sha256(omm_of_first(here)).hexdigest()
    assert elements_file.kept(here.runtime.engine, sha256) == omm_of_first(here)
    with writing(here.runtime.engine) as connection:
        other = connection.execute(select(known.c.value).where(known.c.name == CONTENT + sha256)).scalar_one()
        assert other
        elements_file.put(connection, known, name=CONTENT + "0" * 64, value=other)
    assert elements_file.kept(here.runtime.engine, "0" * 64) is None
    assert elements_file.kept(here.runtime.engine, "1" * 64) is None


def test_a_renewed_file_has_the_satellites_in_any_order(starting: Starting, tmp_path: Path) -> None:
    here = starting(elements_every_minutes=0.25)
    names = here.runtime.twin.case.network.constellation.satellite_name
    write(tmp_path, later(timedelta(hours=6))[::-1])
    here.slot(2)
    moved = here.runtime.twin.case.network.constellation
    assert moved.satellite_name == names
    assert [one.id for one in moved.elements] == [one.id for one in sets()]
