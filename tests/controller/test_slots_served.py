"""A controller on an empty folder: makes all, plans its slots, and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from planned import BEGINS
from running import Running, shows_token
from sqlalchemy import make_url, select

from openleo import cells as h3cells
from openleo.controller import plan_arrow
from openleo.controller.app import create_app
from openleo.controller.database import reading
from openleo.controller.in_force import unfounded
from openleo.controller.tables import tokens


@pytest.fixture
def setting(database_address: str) -> str:
    """Of a database that has nothing yet."""
    url = make_url(database_address)
    sqlite = url.drivername == "sqlite"
    return "" if sqlite else url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def here(tmp_path: Path, setting: str) -> Iterator[Running]:
    made = Running.on(tmp_path, database=setting)
    yield made
    made.close()


def asking(here: Running, *roles: str) -> TestClient:
    return TestClient(create_app(here.runtime, loop=False), headers=shows_token(here.runtime, *roles) if roles else {})


def test_an_empty_folder_is_made_ready_and_its_first_token_is_shown_once(
    tmp_path: Path, here: Running, setting: str
) -> None:
    shown = here.runtime.administrator
    assert shown
    with reading(here.runtime.engine) as connection:
        row = connection.execute(select(tokens)).mappings().one()
    assert (row["once"], row["roles"]) == (True, "[]")
    assert shown not in json.dumps(dict(row))
    again = Running.on(tmp_path, database=setting)
    assert again.runtime.administrator is None
    again.close()


def test_the_administrators_token_reads_nothing(here: Running) -> None:
    here.step()
    answer = asking(here).get("/v1/slots/current", headers={"Authorization": f"Bearer {here.runtime.administrator}"})
    assert answer.status_code in (401, 403)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_slot_that_runs_is_told_with_its_map(here: Running) -> None:
    here.step()
    client = asking(here, "viewer")
    said = client.get("/v1/slots/current").json()
    number = here.runtime.twin.slots.number(BEGINS.timestamp())
    assert said["number"] == str(number)
    assert said == client.get(f"/v1/slots/{number}").json()
    order = pa.ipc.open_stream(client.get("/v1/cells.arrow").content).read_all()
    assert order["cell"].to_pylist() == h3cells.text(here.runtime.twin.cells)
    content = client.get(f"/v1/slots/{number}/cells.arrow").content
    plan = plan_arrow.read_plan(content, here.runtime.twin.cells)
    assert plan.sha256 == said["plan"]
    served = said["summary"]["by_class"]["fixed"]["served"]
    assert served == plan.served[:, plan.classes.index("fixed")].sum() > 0


def test_a_map_that_the_client_has_is_not_sent_again(here: Running) -> None:
    here.step()
    client = asking(here, "viewer")
    number = client.get("/v1/slots/current").json()["number"]
    for path in (f"/v1/slots/{number}/cells.arrow", "/v1/cells.arrow"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_slots_are_listed_in_pages_the_newest_first(here: Running) -> None:
    here.step()
    here.slot(3)
    client = asking(here, "viewer")
    path, found = "/v1/slots?limit=2", []
    while path:
        said = client.get(path).json()
        assert len(said["items"]) <= 2
        found += [int(one["number"]) for one in said["items"]]
        path = said["next"]
    newest = here.runtime.twin.slots.number(here.clock.utc)
    assert found == [newest, newest - 1, newest - 2, newest - 3]
    assert client.get("/v1/slots?after=one").status_code == 422
    assert client.get("/v1/slots?limit=0").status_code == 422
    unknown = client.get("/v1/slots?limi=2")
    assert unknown.status_code == 422
    assert "limi" in unknown.json()["detail"]


def test_a_slot_that_there_is_not_is_a_problem(here: Running) -> None:
    client = asking(here, "viewer")
    for path in ("/v1/slots/12", "/v1/slots/12/cells.arrow"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(":not-found")
    none = client.get("/v1/slots/current")
    assert (none.status_code, none.headers["retry-after"]) == (503, "15")
    assert client.get("/v1/slots/twelve").status_code == 422


def test_who_asks_whether_it_is_ready_is_told_that_nobody_is_served_without_a_ledger(here: Running) -> None:
    here.gate.now = unfounded(BEGINS)
    client = asking(here)
    assert client.get("/healthz").json() == {"status": "alive"}
    before = client.get("/readyz")
    assert (before.status_code, before.json()["checks"]["plan"]) == (503, "no plan is in force")
    here.step()
    here.runtime.taking_over = lambda: True
    taking_over = client.get("/readyz")
    assert taking_over.status_code == 503
    assert {name for name, said in taking_over.json()["checks"].items() if said != "ok"} == {"leases"}
    here.runtime.taking_over = lambda: False
    after = client.get("/readyz")
    assert after.status_code == 200
    assert any("nobody is served" in said for said in after.json()["warnings"])
    assert not here.runtime.current.plan.served.any()  # type: ignore[union-attr]
