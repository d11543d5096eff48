"""Misuse told from leases: evidence in the table, holds that are bounded, and reviews that end them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

import leasing
from openleo.controller import problems, tables, telemetry, tokens
from openleo.controller.alarms import Alarms
from openleo.controller.api import evidence as api
from openleo.controller.database import Fenced, Unavailable, reading, writing
from openleo.controller.lease_known import Known
from openleo.controller.lease_records import HeldLease
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.controller.strangers import Strangers
from openleo.controller.telemetry import Bounds, Telemetry
from openleo.policy.request import Request

HOUR_S, DAY_S = 3_600.0, 86_400.0
PEOPLE = {
    "requester": ("operator", [Role.REQUESTER]),
    "auditor": ("operator", [Role.AUDITOR]),
    "viewer": ("operator", [Role.VIEWER]),
    "regulator": ("regulator:TWN", [Role.REQUESTER, Role.AUDITOR]),
}


@dataclass
class Watch:
    """Detectors over leases that a test gives."""

    engine: Engine
    clock: leasing.Clock = field(default_factory=leasing.Clock)
    token: int | None = 1
    terminals: int = 5
    holds_a_day: int = 20
    holder_terminals: int = 4
    alarms: Alarms = field(default_factory=Alarms)

    def __post_init__(self) -> None:
        bounds = Bounds(72 * HOUR_S, self.holds_a_day)
        self.telemetry = Telemetry(
            self.engine, self.clock.now_s, lambda: self.token, lambda _slot: self.leases(), bounds, self.alarms, 4,
            holder_terminals=self.holder_terminals,
        )  # fmt: skip

    def leases(self) -> list[HeldLease]:
        return [self.lease(number) for number in range(1, self.terminals + 1)]

    def lease(self, number: int) -> HeldLease:
        """One of several terminals of one account."""
        at = datetime.fromtimestamp(self.clock.at_s, UTC)
        place = 24.1 + number / 100, 120.674
        asked = Request(
            at=at, terminal=f"t-{number}", account="account-1", class_="fixed", latitude_deg=place[0],
            longitude_deg=place[1], uncertainty_m=30.0, source="gnss", speed_kmh=0.0, home_territory="TWN",
        )  # fmt: skip
        return HeldLease(f"{number:032x}", f"t-{number}", 0, 1, self.clock.at_s + 60.0, (), asked, ((*place, 30.0),))

    def run(self, days: float) -> list[Any]:
        """A look in six hours."""
        found = []
        for _ in range(int(days * 4)):
            self.clock.at_s += 6.0 * HOUR_S
            found += self.telemetry.step(0)
        return found

    def rows(self) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(tables.evidence).order_by(tables.evidence.c.terminal)).all())

    def held_back(self) -> list[str]:
        """As the desk of leases sees it."""
        known = Known(self.engine)
        known.load()
        return sorted(
            id_ for id_ in (f"t-{number}" for number in range(1, 10))
            if (one := known.terminal(id_, leasing.Meant())) is not None and one.held
        )  # fmt: skip


@pytest.fixture
def watch(engine: Engine) -> Watch:
    leasing.lead(engine)
    leasing.enrol(engine, 5)
    return Watch(engine)


def test_too_many_terminals_of_one_holder_are_held_and_lapse_unreviewed(watch: Watch) -> None:
    watch.run(8.0)
    assert {(row.kind, row.holds_renewal, row.state) for row in watch.rows()} == {
        ("holder", False, "open"), ("holder", True, "open"),
    }  # fmt: skip
    assert watch.held_back() == ["t-1", "t-2", "t-3", "t-4", "t-5"]
    held = next(row for row in watch.rows() if row.holds_renewal)
    assert json.loads(held.body)["inputs"]["terminals_active"] == 5
    watch.run(3.5)
    assert watch.held_back() == []
    assert all(row.state == "open" for row in watch.rows())


def test_four_are_a_family(engine: Engine) -> None:
    leasing.lead(engine)
    family = Watch(engine, terminals=4)
    assert family.run(8.0) == []


def test_a_holder_runs_as_many_as_the_registry_states(engine: Engine) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 5)
    unstated = Watch(engine, holder_terminals=0)
    assert unstated.run(8.0) == []
    with writing(engine) as connection:
        connection.execute(tables.accounts.update().values(quota=3))
    assert {row.kind for row in unstated.run(8.0)} == {"holder"}
    with writing(engine) as connection:
        connection.execute(tables.accounts.update().values(quota=5_000))
    assert Watch(engine, holder_terminals=2).run(8.0) == []


def test_a_clone_is_told_by_sessions_that_come_back(engine: Engine) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 1)
    watch = Watch(engine, terminals=1)
    turns = iter(range(10_000))
    plain = watch.lease
    watch.lease = lambda number: replace(plain(number), session=f"session-{next(turns) % 2}")  # type: ignore[method-assign]
    for _ in range(60):
        watch.clock.at_s += 60.0
        watch.telemetry.step(0)
    assert ("clone", True) in {(row.kind, row.holds_renewal) for row in watch.rows()}
    assert watch.held_back() == ["t-1"]


def test_strangers_are_told_bounded_and_take_nobody_s_place(engine: Engine) -> None:
    leasing.lead(engine)
    heard = Strangers(most=30, most_names=40)
    watch = Watch(engine, terminals=0, holds_a_day=1)
    watch.telemetry._strangers = heard
    for _ in range(5 * 60):
        watch.clock.at_s += 60.0
        for number in range(50):
            heard.note(f"made-up-{number}", watch.clock.at_s)
        watch.telemetry.step(0)
    rows = watch.rows()
    assert {row.kind for row in rows} == {"unregistered"}
    assert len(rows) == 30
    assert heard.left_out > 0
    assert not any(row.holds_renewal for row in rows)
    assert "misuse" not in watch.alarms.now


def test_detectors_hold_only_so_many_a_day_by_themselves(engine: Engine) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 5)
    bounded = Watch(engine, holds_a_day=2)
    while not bounded.rows() or not any(row.holds_renewal for row in bounded.rows()):
        bounded.run(0.25)
    assert len(bounded.held_back()) == 2
    assert "unless evidence is dismissed" in bounded.alarms.now["misuse"]
    without = [json.loads(row.body).get("not_held_because") for row in bounded.rows() if not row.holds_renewal]
    assert any(without)


def test_upheld_holds_are_counted_as_well_and_dismissed_ones_make_room(engine: Engine) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, 5)
    bounded = Watch(engine, holds_a_day=2)
    while not any(row.holds_renewal for row in bounded.rows()):
        bounded.run(0.25)
    since_s = bounded.clock.at_s - DAY_S
    held = [row.id for row in bounded.rows() if row.holds_renewal]
    for state, left in (("upheld", 2), ("dismissed", 1)):
        with writing(engine) as connection:
            holds = {} if state == "upheld" else {"holds_renewal": False}
            connection.execute(
                tables.evidence.update().where(tables.evidence.c.id == held[0]).values(state=state, **holds)
            )
        with reading(engine) as connection:
            assert len(telemetry._held_since(connection, since_s)) == left


def test_what_no_commit_took_is_stored_with_the_next_slot(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors say a thing once: the first commit of each evidence fails."""

    def fails(*_: Any) -> Any:
        raise Unavailable("gone")

    found = 0
    while found < 5:
        watch.clock.at_s += 6.0 * HOUR_S
        with monkeypatch.context() as without:
            without.setattr(telemetry, "_waiting", fails)
            try:
                watch.telemetry.step(0)
            except Unavailable:
                assert watch.rows() == []
                watch.clock.at_s += 15.0
                with pytest.raises(Unavailable):
                    watch.telemetry.step(0)
                break
    watch.clock.at_s += 15.0
    kept = watch.telemetry.step(0)
    assert {(one.kind, one.terminal) for one in kept} == {("holder", f"t-{number}") for number in range(1, 6)}
    assert len(watch.rows()) == 5
    watch.clock.at_s += 15.0
    assert watch.telemetry.step(0) == []


def test_a_refusal_that_is_committed_late_is_read_and_no_other_twice(watch: Watch) -> None:
    def refused(number: int, at_s: float) -> None:
        asked = {"terminal": f"t-{number}", "account": "account-1", "at": None, "class": "fixed"}
        body = {"request": asked, "answer": {"decision": "forbidden"}, "signed": {}, "circles": []}
        row = {"id": f"{number:032x}", "terminal": f"t-{number}", "at": at_s, "rule_set": "", "ledger_size": 1}
        with writing(watch.engine) as connection:
            connection.execute(tables.refusals.insert().values(row | {"body": json.dumps(body)}))

    def read() -> list[str | None]:
        return [one.asked.terminal for one in watch.telemetry._refused(watch.clock.at_s)]

    begun_s = watch.clock.at_s
    refused(1, begun_s + 59.9)
    watch.clock.at_s += 60.0
    assert read() == ["t-1"]
    refused(2, begun_s + 52.0)  # decided before that look, and on the disk after it
    watch.clock.at_s += 60.0
    assert read() == ["t-2"]
    assert read() == []


def test_a_restart_finds_nothing_new_in_what_waits(watch: Watch) -> None:
    watch.run(8.0)
    before = len(watch.rows())
    again = Watch(watch.engine, watch.clock)
    again.run(2.0)
    assert len(again.rows()) == before


def test_who_does_not_lead_writes_nothing(watch: Watch) -> None:
    watch.token = None
    assert watch.run(8.0) == []
    watch.token = 7
    with pytest.raises(Fenced):
        watch.run(8.0)
    assert watch.rows() == []


# --- people ---------------------------------------------------------------------------------------------------------


TOKENS: dict[str, str] = {}


@pytest.fixture
def client(watch: Watch) -> Iterator[TestClient]:
    with writing(watch.engine) as connection:
        for name, (party, roles) in PEOPLE.items():
            _, TOKENS[name] = tokens.make(
                connection, name=name, party=party, owner=name, roles=roles, now_s=watch.clock.at_s
            )
    watch.run(8.0)
    app = FastAPI()
    app.state.runtime = SimpleNamespace(engine=watch.engine, clock=watch.clock, settings=Settings())
    problems.install(app)
    app.include_router(api.router)
    with TestClient(app) as found:
        yield found


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def first_held(client: TestClient) -> dict[str, Any]:
    items = client.get("/v1/evidence?state=open&limit=500", headers=by("requester")).json()["items"]
    return next(one for one in items if one["holds_renewal"])


def test_a_dismissal_frees_the_terminal_and_is_audited(client: TestClient, watch: Watch) -> None:
    one = first_held(client)
    review = {"state": "dismissed", "finding": "a boarding school"}
    for nobody in ("auditor", "viewer", "regulator"):
        answer = client.post(f"/v1/evidence/{one['id']}/review", json=review, headers=by(nobody))
        assert answer.status_code == (404 if nobody == "regulator" else 403)
    answer = client.post(f"/v1/evidence/{one['id']}/review", json=review, headers=by("requester"))
    assert (answer.status_code, answer.json()["holds_renewal"]) == (200, False)
    assert one["terminal"] not in watch.held_back()
    assert client.post(f"/v1/evidence/{one['id']}/review", json=review, headers=by("requester")).status_code == 409
    number = watch.telemetry._names.terminals.known[one["terminal"]]
    assert watch.telemetry.detector.state["score"][number].max() > 0.0
    watch.clock.at_s += 1.0
    watch.telemetry.step(0)
    assert watch.telemetry.detector.state["score"][number].max() == 0.0
    with reading(watch.engine) as connection:
        rows = connection.execute(select(tables.audit).where(tables.audit.c.what == "reviewed")).all()
    assert [(row.party, row.about) for row in rows] == [("operator", f"evidence {one['id']}")]


def test_a_review_whose_answer_was_cut_off_is_sent_again_and_answered_as_before(client: TestClient) -> None:
    one, headers = first_held(client), by("requester") | {"Idempotency-Key": "once"}
    review = {"state": "upheld", "finding": "x"}
    first, again = (client.post(f"/v1/evidence/{one['id']}/review", json=review, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())


def test_what_is_upheld_lapses_as_a_hold_and_says_what_ends_service(client: TestClient, watch: Watch) -> None:
    one = first_held(client)
    answer = client.post(
        f"/v1/evidence/{one['id']}/review", json={"state": "upheld", "finding": "x"}, headers=by("requester")
    )
    assert answer.json()["next_step"].startswith("Held back until 20")
    assert f"/v1/terminals/{one['terminal']}/state" in answer.json()["next_step"]
    watch.run(0.5)
    assert one["terminal"] in watch.held_back()
    watch.run(3.0)
    assert one["terminal"] not in watch.held_back()
    assert client.get(f"/v1/evidence/{one['id']}", headers=by("auditor")).json()["state"] == "upheld"


def test_what_is_upheld_can_be_dismissed_later(client: TestClient, watch: Watch) -> None:
    one = first_held(client)
    address = f"/v1/evidence/{one['id']}/review"
    upheld = {"state": "upheld", "finding": "resold"}
    assert client.post(address, json=upheld, headers=by("requester")).status_code == 200
    assert one["terminal"] in watch.held_back()
    assert client.post(address, json=upheld, headers=by("requester")).status_code == 409
    dismissed = {"state": "dismissed", "finding": "a mistake"}
    assert client.post(address, json=dismissed, headers=by("requester")).status_code == 200
    assert one["terminal"] not in watch.held_back()


def test_the_queue_shows_no_place_and_reading_one_is_audited(client: TestClient, watch: Watch) -> None:
    one = first_held(client)
    page = client.get("/v1/evidence?limit=2", headers=by("auditor")).json()
    assert len(page["items"]) == 2
    assert client.get(page["next"], headers=by("auditor")).json()["items"][0]["id"] > page["items"][-1]["id"]
    assert "lat_deg" not in json.dumps(page)
    for nobody in ("viewer", "regulator"):
        answer = client.get(f"/v1/evidence/{one['id']}", headers=by(nobody))
        assert answer.status_code == (404 if nobody == "regulator" else 403)
    whole = client.get(f"/v1/evidence/{one['id']}", headers=by("auditor")).json()
    assert whole["rule"] == "is one of more terminals than its holder may run"
    assert client.get(f"/v1/evidence/{'0' * 32}", headers=by("auditor")).status_code == 404
    with reading(watch.engine) as connection:
        rows = connection.execute(select(tables.audit).where(tables.audit.c.what == "read_position")).all()
    assert [(row.party, row.about) for row in rows] == [("operator", f"terminal {one['terminal']}")]


def test_a_review_says_what_it_found(client: TestClient) -> None:
    one = first_held(client)
    for wrong in ({"state": "open", "finding": "x"}, {"state": "upheld"}, {"state": "upheld", "finding": "\x00"}):
        assert client.post(f"/v1/evidence/{one['id']}/review", json=wrong, headers=by("requester")).status_code == 422
