"""Round trips by the network's own door, through HTTP: the jammed, the spoofed and the honest near a border."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

import leasing
from leasing import NOW_S, Office
from openleo.controller import leases as deciding
from openleo.controller import problems, tables, tokens
from openleo.controller.alarms import Alarms
from openleo.controller.api import evidence, leases, ranging
from openleo.controller.database import reading, writing
from openleo.controller.enforcement import enforce
from openleo.controller.held import held
from openleo.controller.lease_place import Placed
from openleo.controller.lease_records import HeldLease
from openleo.controller.location import Located
from openleo.controller.ranged import Heard, Ranged, Whereabouts
from openleo.controller.ranging_watch import Watch
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.controller.telemetry import Bounds, Telemetry
from openleo.geodesy import ecef_km, look_angles
from openleo.instants import instant_text
from openleo.network import ephemeris
from openleo.network.constellation import catalogue
from openleo.network.ranging import sky
from openleo.network.ranging.ranges import KM_PER_MS
from openleo.policy.request import Request

SATELLITES = catalogue.load("starlink-gen1").constellation()
BEGINS = datetime.fromtimestamp(NOW_S - 22.0, UTC)
LOOKUP = sky.of(SATELLITES, BEGINS, lambda age_s: np.full_like(age_s, 0.02))
LIESTAL, MULHOUSE = (47.484, 7.735), (47.750, 7.335)  # 12 km within Switzerland; 20 km beyond its border
CELL = leasing.cell_of(LIESTAL)
PERMIT = {
    "id": "che-1", "effect": "permit", "territory": {"in": "CHE", "include": []}, "reason": "licence",
    "authority": "operator",
}  # fmt: skip


def measured(place: tuple[float, float], satellites: int = 3, seed: int = 1) -> list[dict[str, Any]]:
    """Round trips of 20 s of a terminal at a place, as a gateway tells them: 100 ns of noise."""
    after_s = np.arange(0.0, 20.1, 4.0)
    edges = ephemeris.positions(SATELLITES, BEGINS, [0.0, 20.0]).position_km
    best = np.argsort(-look_angles(*place, edges)[1].min(axis=0))[: 3 * satellites : 3]
    random, found = np.random.default_rng(seed), []
    for number in best.tolist():
        at = [BEGINS + timedelta(seconds=one) for one in after_s.tolist()]
        distance = np.linalg.norm(LOOKUP([number] * len(at), at).position_km - ecef_km(*place, 0.5), axis=1)
        trips = distance / KM_PER_MS + 100e-6 * random.standard_normal(len(at))
        found += [
            {"satellite": number, "at": instant_text(one), "round_trip_ms": trip, "sigma_ns": 100.0}
            for one, trip in zip(at, trips.tolist(), strict=True)
        ]
    return found


@dataclass
class House:
    """A desk, the network's measurements and detectors, with people who may ask."""

    client: TestClient
    office: Office
    watch: Watch
    shown: dict[str, dict[str, str]]
    nonces: int = 0

    def ask(self, number: int = 1, **changes: Any) -> Any:
        self.nonces += 1
        changes = {"at_s": self.office.clock.at_s, "nonce": f"nonce-{self.nonces:012d}"} | changes
        return self.client.post("/v1/leases", content=leasing.body(number, **changes))

    def bring(self, place: tuple[float, float], number: int = 1, who: str = "gateways") -> Any:
        """A gateway measures a terminal, and the worker has its turn."""
        batch = {"terminals": [{"terminal": f"t-{number}", "measurements": measured(place)}]}
        return self.client.post("/v1/ranging", json=batch, headers=self.shown[who])

    def rows(self, table: Any) -> list[Any]:
        with reading(self.office.engine) as connection:
            return list(connection.execute(select(table)).all())


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> Iterator[House]:
    leasing.lead(engine)
    leasing.enrol(engine, 2)
    ranged = Ranged(lambda _at: LOOKUP, 300.0)
    plan = leasing.plan(middle=LIESTAL)
    office = Office(engine, leasing.rules(tmp_path, PERMIT), plan=plan, ranged=ranged)
    alarms, shown = Alarms(), {}
    with writing(engine) as connection:
        for name, party, roles in (
            ("gateways", "operator", [Role.REQUESTER]), ("viewer", "operator", [Role.VIEWER]),
            ("regulator", "regulator:CHE", [Role.REQUESTER]),
        ):  # fmt: skip
            _, token = tokens.make(connection, name=name, party=party, owner=name, roles=roles, now_s=NOW_S)
            shown[name] = {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def lives(app: FastAPI) -> AsyncIterator[None]:
        async with office as desk:
            app.state.desk, app.state.ranged = desk, ranged
            yield

    app = FastAPI(lifespan=lives)
    role = SimpleNamespace(leading=True, token=1)
    app.state.runtime = SimpleNamespace(engine=engine, clock=office.clock, settings=Settings(), role=role)
    problems.install(app)
    for one in (leases, ranging, evidence):
        app.include_router(one.router)
    with TestClient(app) as client:
        yield House(client, office, Watch(engine, ranged, office.clock.now_s, lambda: 1, alarms, 10, 60.0), shown)


def test_a_jammed_terminal_near_a_border_is_served_where_the_network_puts_it(house: House, tmp_path: Path) -> None:
    assert house.bring(LIESTAL).json() == {"terminals": 1, "measurements": 18, "not_of_now": 0, "unknown": 0}
    jammed = house.ask(position=None)
    assert (jammed.status_code, jammed.json()["decision"]) == (403, "INDETERMINATE")
    assert house.watch.step() == 1
    served = house.ask(position=None)
    assert served.status_code == 201, served.text
    record = json.loads(house.rows(tables.leases)[0].body)
    assert record["by"] == "network"
    assert record["request"]["position"]["age_s"] == pytest.approx(2.0, abs=0.1)
    with reading(house.office.engine) as connection:
        kept = held(connection, leasing.NUMBER, leasing.BEGINS_S, leasing.Meant())
    assert kept.terminals.age_s[0] == pytest.approx(2.0, abs=0.1)
    assert house.office.plan is not None
    assert enforce(kept, house.office.rules, house.office.plan).counts == {"served": 1}
    assert enforce(kept, leasing.rules(tmp_path), house.office.plan).counts == {"not_permitted": 1}


def test_a_spoofer_across_the_border_is_refused_and_gives_evidence(house: House) -> None:
    """In Mulhouse, and says Liestal: served while nobody measured, refused once the network has it in France."""
    assert house.ask(place=LIESTAL).status_code == 201
    house.bring(MULHOUSE)
    assert house.ask(place=LIESTAL).status_code == 201
    house.watch.step()
    refused = house.ask(place=LIESTAL)
    assert (refused.status_code, refused.json()["decision"]) == (403, "INDETERMINATE")
    (told,) = house.rows(tables.evidence)
    assert (told.terminal, told.kind, told.holds_renewal) == ("t-1", "spoof", False)
    assert json.loads(told.body)["inputs"]["away_km"] == pytest.approx(42.0, abs=2.0)
    house.bring(MULHOUSE)
    house.watch.step()
    assert len(house.rows(tables.evidence)) == 1
    # Another controller that takes the lead knows it too.
    other = Ranged(lambda _at: LOOKUP, 300.0)
    Watch(house.office.engine, other, house.office.clock.now_s, lambda: 1, Alarms(), 10).step()
    reported = house.office.ranged._reports["t-1"]
    assert other.whereabouts(reported, ((*LIESTAL, 30.0),), NOW_S).by == "both"
    # What was measured too long ago counts no more.
    assert other.whereabouts(reported, ((*LIESTAL, 30.0),), NOW_S + 400.0).by == "report"


def test_an_honest_terminal_is_not_disturbed_and_leaves_nothing_in_the_table(house: House) -> None:
    house.bring(LIESTAL)
    house.ask(place=LIESTAL)
    house.watch.step()
    assert house.ask(place=LIESTAL).status_code == 201
    assert json.loads(house.rows(tables.leases)[-1].body)["by"] == "report"
    assert house.rows(tables.evidence) == house.rows(tables.located) == []


def test_who_says_another_place_than_was_tested_is_decided_for_both(house: House) -> None:
    """It told the truth while it was looked at: from then on another place has to touch where the network has it."""
    house.bring(MULHOUSE)
    house.ask(place=MULHOUSE)
    house.watch.step()
    assert house.ask(place=LIESTAL).json()["decision"] == "INDETERMINATE"


def test_what_fits_nowhere_permits_nothing_and_without_measurements_the_report_counts() -> None:
    ranged = Ranged(lambda _at: LOOKUP, 300.0)
    reported = leasing.asking(place=LIESTAL)
    said = ((*LIESTAL, 30.0),)
    request = deciding.request(reported.form, leasing.terminal(), Placed(said, None, ()), NOW_S)
    assert ranged.whereabouts(request, said, NOW_S) == Whereabouts(said)
    trips = [one | {"round_trip_ms": one["round_trip_ms"] + 0.2 * (n % 3)} for n, one in enumerate(measured(LIESTAL))]
    records = ranging.Measured.model_validate({"terminal": "t-1", "measurements": trips}).measurements
    assert ranged.hear([Heard("t-1", tuple(records))], NOW_S) == 0
    ranged.whereabouts(request, said, NOW_S)
    ((_, located),) = ranged.step(NOW_S, 5, lambda: True)
    assert isinstance(located, Located)
    assert ranged.whereabouts(request, said, NOW_S) == Whereabouts((), "nobody")


def test_only_the_operator_brings_measurements_and_each_batch_is_audited(house: House) -> None:
    assert [house.bring(LIESTAL, who=one).status_code for one in ("viewer", "regulator")] == [403, 404]
    assert house.bring(LIESTAL, number=9).json()["unknown"] == 1
    (row,) = [one for one in house.rows(tables.audit) if one.what == "wrote_positions"]
    assert (row.party, json.loads(row.body)) == ("operator", {"terminals": 0})
    assert [id_ for id_, _ in house.office.desk.strangers.take()] == ["t-9"]
    many = {"terminals": [{"terminal": "t-1"}] * 1_001}
    cell = {"terminals": [{"terminal": "t-1", "cell": "zz"}]}
    for wrong in (many, cell, {"terminals": []}):
        assert house.client.post("/v1/ranging", json=wrong, headers=house.shown["gateways"]).status_code == 422


def test_who_is_doubted_for_good_starves_nobody() -> None:
    ranged = Ranged(lambda _at: LOOKUP, 300.0)
    ranged.hear([Heard(f"t-{number}", cell=CELL) for number in range(20)], NOW_S)
    ranged._reports |= {f"t-{number}": leasing_request(number) for number in range(20)}
    looked: set[str] = set()
    for turn in range(10):
        looked |= {kept.terminal for kept, _ in ranged.step(NOW_S + turn, 4, lambda: True)}
        ranged.hear([Heard(f"t-{number}", cell=CELL) for number in range(3)], NOW_S + turn)
    assert looked == {f"t-{number}" for number in range(20)}
    assert ranged.cell("t-1", NOW_S) == CELL
    assert ranged.cell("t-9", NOW_S + 400.0) == 0


def leasing_request(number: int) -> Any:
    """The first three ask without a position."""
    at = datetime.fromtimestamp(NOW_S, UTC)
    here = {} if number < 3 else {"latitude_deg": 47.5, "longitude_deg": 7.7, "uncertainty_m": 30.0}
    return Request(at=at, terminal=f"t-{number}", class_="fixed", **here)


def test_evidence_that_holds_refuses_the_next_renewal_until_it_is_dismissed(house: House) -> None:
    """Four terminals are too many for a quota of one: told, held, refused by the desk, dismissed, served."""
    engine, clock = house.office.engine, house.office.clock
    with writing(engine) as connection:
        connection.execute(tables.accounts.update().values(quota=1))
    assert [house.ask(number, place=LIESTAL).status_code for number in (1, 2)] == [201, 201]

    def as_of_now(one: HeldLease) -> HeldLease:
        return replace(one, asked=replace(one.asked, at=datetime.fromtimestamp(clock.at_s, UTC)))

    telemetry = Telemetry(
        engine,
        clock.now_s,
        lambda: 1,
        lambda _slot: [as_of_now(one) for one in house.office.desk],
        Bounds(1e9, 20),
        Alarms(),
        4,
    )
    began_s: float = clock.at_s
    found: list[Any] = []
    for day in range(9):
        clock.at_s = began_s + day * 86_400.0
        found += telemetry.step(0)
    assert {one.terminal for one in found if one.holds_renewal} == {"t-1", "t-2"}
    clock.at_s = began_s
    house.office.desk.step(leasing.NUMBER)
    refused = house.ask(1, place=LIESTAL)
    assert (refused.status_code, refused.json()["because"][0]["rule"]) == (403, "registry/under-review")
    people = house.shown["gateways"]
    for one in house.client.get("/v1/evidence?terminal=t-1", headers=people).json()["items"]:
        review = {"state": "dismissed", "finding": "a school"}
        assert house.client.post(f"/v1/evidence/{one['id']}/review", json=review, headers=people).status_code == 200
    house.office.desk.step(leasing.NUMBER)
    assert house.ask(1, place=LIESTAL).status_code == 201
    assert house.ask(2, place=LIESTAL).status_code == 403
