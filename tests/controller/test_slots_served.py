"""A controller on an empty folder: makes all, plans its slots, and answers."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from planned import HandClock, scenario
from sqlalchemy import insert, select

from openleo import cells as h3cells
from openleo.controller import plan_arrow, runtime
from openleo.controller.app import create_app
from openleo.controller.database import reading, writing
from openleo.controller.loop import SlotLoop
from openleo.controller.settings import Settings
from openleo.controller.tables import slots, tokens


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def opened(tmp_path: Path, clock: HandClock) -> Iterator[runtime.Runtime]:
    made = runtime.open_runtime(scenario(tmp_path), tmp_path / "data", Settings.load(tmp_path), clock)
    yield made
    made.close()


def token_of(held: runtime.Runtime, *roles: str) -> dict[str, str]:
    """The header that shows a new token with these roles."""
    shown = uuid.uuid4().hex
    row = {"id": uuid.uuid4().hex, "sha256": hashlib.sha256(shown.encode()).hexdigest(), "name": "t", "owner": "o"}
    row |= {"party": "operator", "roles": json.dumps(roles), "created_at": 0.0}
    with writing(held.engine) as connection:
        connection.execute(insert(tokens).values(row))
    return {"Authorization": f"Bearer {shown}"}


def test_an_empty_folder_is_made_ready_and_its_first_token_is_shown_once(tmp_path, clock, opened):
    assert opened.administrator
    with reading(opened.engine) as connection:
        row = connection.execute(select(tokens)).mappings().one()
    assert (row["once"], row["roles"]) == (True, "[]")
    assert opened.administrator not in json.dumps(dict(row))
    again = runtime.open_runtime(scenario(tmp_path), tmp_path / "data", Settings.load(tmp_path), clock)
    assert again.administrator is None
    again.close()


def test_the_administrators_token_reads_nothing(opened):
    SlotLoop(opened).step()
    client = TestClient(create_app(opened, loop=False))
    answer = client.get("/v1/slots/current", headers={"Authorization": f"Bearer {opened.administrator}"})
    assert answer.status_code in (401, 403)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_slot_that_runs_is_told_with_its_map(opened, clock):
    loop = SlotLoop(opened)
    loop.step()
    client = TestClient(create_app(opened, loop=False), headers=token_of(opened, "viewer"))
    said = client.get("/v1/slots/current").json()
    number = opened.twin.slots.number(clock.at_s)
    assert said["number"] == str(number)
    assert said == client.get(f"/v1/slots/{number}").json()
    order = pa.ipc.open_stream(client.get("/v1/cells.arrow").content).read_all()
    assert order["cell"].to_pylist() == h3cells.text(opened.twin.cells)
    content = client.get(f"/v1/slots/{number}/cells.arrow").content
    plan = plan_arrow.read_plan(content, opened.twin.cells)
    assert plan.sha256 == said["plan"]
    assert not plan.served.any()  # without a ledger nothing is permitted
    assert pa.ipc.open_stream(io.BytesIO(content)).read_all().num_rows == len(order)


def test_a_slot_that_there_is_not_is_a_problem(opened):
    client = TestClient(create_app(opened, loop=False), headers=token_of(opened, "viewer"))
    for path in ("/v1/slots/12", "/v1/slots/12/cells.arrow"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/not-found")
    assert client.get("/v1/slots/current").status_code == 503
    assert client.get("/v1/slots/current").headers["retry-after"] == "15"
    assert client.get("/v1/slots/twelve").status_code == 422


def test_who_asks_whether_it_is_ready_is_told_that_nobody_is_served_without_a_ledger(opened):
    client = TestClient(create_app(opened, loop=False))
    assert client.get("/healthz").json() == {"status": "alive"}
    before = client.get("/readyz")
    assert (before.status_code, before.json()["checks"]["plan"]) == (503, "no plan is in force")
    SlotLoop(opened).step()
    after = client.get("/readyz")
    assert after.status_code == 200
    assert any("nobody is served" in said for said in after.json()["warnings"])


def test_the_next_plan_is_stored_before_its_slot_and_applied_at_its_beginning(opened, clock):
    loop, counted = SlotLoop(opened), opened.twin.slots
    loop.step()
    first = opened.current.plan.number
    clock.at_s = counted.begins_s(first + 1) - 1.0
    loop.step()
    assert opened.current.plan.number == first
    with reading(opened.engine) as connection:
        rows = {row["number"]: row for row in connection.execute(select(slots)).mappings()}
    assert rows[first + 1]["applied_at"] is None
    clock.at_s = counted.begins_s(first + 1)
    loop.step()
    assert opened.current.plan.number == first + 1
    with reading(opened.engine) as connection:
        row = connection.execute(select(slots).where(slots.c.number == first + 1)).mappings().one()
    assert row["applied_at"] == clock.at_s
