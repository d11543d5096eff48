"""Days abroad, as the controller counts them: since a terminal was first decided on elsewhere, until it is at home."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import leasing
from openleo.controller.abroad import Abroad, Place
from openleo.controller.alarms import Alarms
from openleo.controller.database import Fenced, reading
from openleo.controller.held import read_record
from openleo.controller.lease_records import HeldLease
from openleo.controller.tables import abroad, leases
from openleo.controller.telemetry import Bounds, Telemetry
from openleo.policy.request import Request
from openleo.units import SECONDS_PER_DAY


def away(at_s: float, terminal: str = "t-1", home: str = "JPN") -> Place:
    return Place(terminal, home, False, at_s)


def at_home(at_s: float, terminal: str = "t-1", home: str = "JPN") -> Place:
    return Place(terminal, home, True, at_s)


def days(of: Abroad, at_s: float, home: str = "JPN") -> float | None:
    return of.counted(leasing.terminal(home=home), at_s).days_abroad


@pytest.fixture
def counted(engine: Engine) -> Abroad:
    leasing.lead(engine)
    made = Abroad()
    made.load(engine, 1)
    return made


def test_they_are_counted_from_the_first_place_elsewhere_to_the_next_at_home(engine: Engine, counted: Abroad) -> None:
    day = SECONDS_PER_DAY
    assert days(counted, 5.0 * day) == 0.0
    counted.note(engine, 1, [away(2.0 * day), away(1.0 * day)])
    counted.note(engine, 1, [away(3.0 * day)])
    assert days(counted, 5.0 * day) == 4.0
    assert days(counted, 5.0 * day, home="TWN") == 0.0  # its home was changed since
    after = Abroad()
    after.note(engine, 1, [at_home(4.0 * day)])  # before it has read the table it changes nothing
    after.load(engine, 1)
    assert days(after, 5.0 * day) == 4.0
    after.note(engine, 1, [away(6.0 * day), at_home(5.0 * day)])
    assert days(after, 7.0 * day) == 1.0
    after.note(engine, 1, [at_home(8.0 * day)])
    assert days(after, 9.0 * day) == 0.0
    with reading(engine) as connection:
        assert connection.execute(select(abroad)).all() == []


def test_who_does_not_lead_counts_nothing(engine: Engine, counted: Abroad) -> None:
    leasing.lead(engine, 2)
    with pytest.raises(Fenced):
        counted.note(engine, 1, [away(1.0)])
    assert days(counted, SECONDS_PER_DAY) == 0.0


def test_leases_elsewhere_are_counted_where_the_place_is_one_only(engine: Engine, counted: Abroad) -> None:
    """Tokyo, at home in Taiwan; of two circles, or of one over the sea's edge, nobody knows."""

    def lease(number: int, *circles: tuple[float, float, float]) -> HeldLease:
        latitude, longitude, radius_m = circles[0]
        asked = Request(
            at=datetime.fromtimestamp(clock.at_s, UTC), terminal=f"t-{number}", home_territory="TWN",
            latitude_deg=latitude, longitude_deg=longitude, uncertainty_m=radius_m,
        )  # fmt: skip
        return HeldLease(f"{number:032x}", f"t-{number}", 0, 1, clock.at_s, (), asked, circles)

    clock, tokyo, taichung = leasing.Clock(), (35.68, 139.69, 30.0), (*leasing.TAICHUNG, 30.0)
    given = [[tokyo], [tokyo, taichung], [(24.0, 123.0, 250_000.0)], [taichung]]
    telemetry = Telemetry(
        engine, clock.now_s, lambda: 1, lambda _slot: [lease(number, *one) for number, one in enumerate(given)],
        Bounds(1.0, 1), Alarms(), leasing.RESOLUTION, abroad=counted,
    )  # fmt: skip
    clock.at_s += 60.0
    telemetry.step(0)
    with reading(engine) as connection:
        assert connection.execute(select(abroad)).all() == [("t-0", "TWN", clock.at_s)]
    given[0] = [taichung]
    clock.at_s += 60.0
    telemetry.step(0)
    with reading(engine) as connection:
        assert connection.execute(select(abroad)).all() == []


def test_a_rule_on_days_abroad_is_decided_by_them(engine: Engine, tmp_path: Path) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 1)
    office = leasing.Office(engine, leasing.rules(tmp_path, leasing.PERMIT | {"conditions": {"days_abroad_max": 60}}))

    async def asked() -> list[bool]:
        async with office as desk:
            first = await desk.ask(leasing.body())
            left_s = office.clock.at_s - 61.0 * SECONDS_PER_DAY
            desk.abroad.note(engine, 1, [away(left_s, home="TWN")])
            return [first.given, (await desk.ask(leasing.body(nonce="m" * 22))).given]

    assert asyncio.run(asked()) == [True, False]
    with reading(engine) as connection:
        assert read_record(connection.execute(select(leases.c.body)).scalar_one()).days_abroad == 0.0
