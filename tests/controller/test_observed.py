"""GET /metrics of a controller that ran for some slots: every measure is filled by what happened."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from planned import BEGINS, in_force, permitting
from processes import Device
from prometheus_client.parser import text_string_to_metric_families
from running import Running, shows_token
from sqlalchemy import insert

from openleo.controller import tracing
from openleo.controller.app import create_app
from openleo.controller.database import writing
from openleo.controller.elements import Ages
from openleo.controller.in_force import Outage
from openleo.controller.metrics import MEASURES
from openleo.controller.tables import accounts, evidence, terminals
from openleo.controller.twin import Twin

WARSAW = (52.23, 21.01)
BEGAN_S = BEGINS.timestamp()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    made = Running.on(tmp_path)
    made.gate.now = replace(in_force(permitting("POL", "URY")), witnessed=True)
    known = np.array([BEGAN_S - 3_600.0])  # as if its satellites were known by element sets
    monkeypatch.setattr(Twin, "ages", lambda _, at_s: Ages("sha256", at_s - known, 7.0))
    yield made
    made.close()


def enrolled(here: Running) -> Device:
    device = Device("t-1", at=WARSAW)
    row = {"id": "t-1", "account": "a-1", "class": "fixed", "home_territory": "POL", "groups": "[]", "state": "active"}
    with writing(here.runtime.engine) as connection:
        connection.execute(insert(accounts).values(id="a-1", created_at=0.0, commitment="a-1"))
        said = {"public_key": device.public_key, "enrolled_at": 0.0, "commitment": "t-1"}
        connection.execute(insert(terminals).values(row | said))
        odd = {
            "id": "e",
            "at": 0.0,
            "terminal": "t-1",
            "kind": "spoof",
            "score": 1.0,
            "holds_renewal": False,
            "body": "",
        }
        connection.execute(insert(evidence).values(odd))
    return device


def samples(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {f"{one.name}{sorted(one.labels.items())}": one.value for family in families for one in family.samples}


def test_every_measure_is_filled_by_what_happens(here: Running) -> None:
    device = enrolled(here)
    here.step()
    here.slot()
    here.pass_s(60.0)  # stopped meanwhile, so slots have no plan
    here.step()
    runtime = here.runtime
    with TestClient(create_app(runtime, loop=False)) as client:
        for _ in range(50):  # the desk takes what the lead left
            said = device.request(at=datetime.fromtimestamp(runtime.clock.now_s(), UTC))
            here.runtime.leader.step()
            answer = client.post("/v1/leases", json=said)
            if answer.status_code == 201:
                break
            time.sleep(0.1)
        assert answer.status_code == 201, answer.text
        runtime.hub.listening.update({"somebody": 2})
        here.clock.step_s(3_600.0)
        here.step()
        runtime.alarms.set("clock", "jumped")
        shown = shows_token(runtime, "viewer")
        asked = client.get("/metrics", headers=shown)
        found = samples(client.get("/metrics", headers=shown).text)
        assert client.get("/metrics").status_code == 401
    assert asked.headers["content-type"].startswith("text/plain")
    assert runtime.current is not None
    exactly = {
        "leading[]": 1.0,
        "leadership_changes_total[('to', 'leading')]": 1.0,
        "slot_number[]": runtime.current.plan.number,
        "slots_total[('plan', 'none')]": runtime.outcomes["passed_over"],
        "slots_late_total[]": runtime.outcomes["passed_over"] + 1,
        "leases[]": 1.0,
        "lease_requests_total[('outcome', 'given')]": 1.0,
        "commit_rows_sum[]": 1.0,
        "ledger_size[]": 7.0,
        "witnessed[]": 1.0,
        "alerts[('kind', 'clock')]": 1.0,
        "database_up[]": 1.0,
        "clock_jump_seconds[]": pytest.approx(3_600.0, abs=1.0),
        "ephemeris_age_seconds[]": pytest.approx(3_600.0 + runtime.clock.now_s() - BEGAN_S, abs=0.1),
        "evidence_open[('kind', 'spoof')]": 1.0,
        "events_clients[]": 2.0,
        "http_requests_total[('method', 'GET'), ('route', '/metrics'), ('status', '200')]": 1.0,
    }
    above_zero = {
        "slots_total[('plan', 'whole')]", "cells[('reason', 'served')]",
        "ledger_age_seconds[]", "lease_seconds_count[]", "http_seconds_count[('route', '/v1/leases')]",
        *(f"slot_seconds_count[('step', '{step}')]" for step in ("read", "compute", "enforce", "store", "apply")),
    }  # fmt: skip
    assert {name: found.get(f"openleo_{name}") for name in exactly} == exactly
    assert [name for name in above_zero if not found.get(f"openleo_{name}", 0.0) > 0.0] == []
    named = {name.partition("[")[0].removesuffix("_count").removesuffix("_sum") for name in (*exactly, *above_zero)}
    assert named == set(MEASURES)


def test_slots_and_requests_are_spans(here: Running) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra otel is not installed")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    seen = InMemorySpanExporter()
    here.runtime.span, here.runtime.end_spans = tracing.over(sdk.SimpleSpanProcessor(seen), "test")
    here.step()
    here.slot()
    with TestClient(create_app(here.runtime, loop=False)) as client:
        client.get("/healthz")
    found = {one.name: one for one in seen.get_finished_spans()}
    assert {"slot.read", "slot.compute", "slot.enforce", "slot.store", "slot.apply", "request"} <= set(found)
    assert dict(found["request"].attributes or {}) == {"method": "GET", "route": "/healthz", "status": 200}


def test_what_is_wrong_is_told_to_viewers_alone(here: Running) -> None:
    here.gate.now = Outage("no route to the host db-7.example", BEGINS)
    here.step()
    with TestClient(create_app(here.runtime, loop=False)) as client:
        open_to_all = client.get("/readyz")
        shown = client.get("/readyz", headers=shows_token(here.runtime, "viewer")).json()
        planner = client.get("/readyz", headers=shows_token(here.runtime, "planner"))
    assert "db-7" in shown["alarms"]["ledger"]
    assert open_to_all.json()["warnings"] == ["the ledger cannot be read"]
    assert "ledger" in open_to_all.json()["alarms"]
    for said in (open_to_all, planner):
        assert "db-7" not in said.text


def test_positions_are_for_the_owner_of_the_folder_alone(tmp_path: Path) -> None:
    def modes() -> dict[str, int]:
        return {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.sqlite*")}

    before = os.umask(0)
    try:
        made = Running.on(tmp_path / "new" / "data")
        made.step()
        assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700
        assert modes() == {"controller.sqlite": 0o600, "controller.sqlite-wal": 0o600, "controller.sqlite-shm": 0o600}
        made.close()
        (tmp_path / "new" / "data" / "controller.sqlite").chmod(0o644)  # as an earlier version left it
        Running.on(tmp_path / "new" / "data").close()
        assert set(modes().values()) == {0o600}
    finally:
        os.umask(before)
