"""The network's part of a past decision: looked up again in the plan of its slot, or said to be gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from governed import PERMIT, Governed
from planned import BEGINS, SCENARIO, scenario, small_twin
from running import Running
from sqlalchemy import delete, select, update

import leasing
from command_line import openleo
from openleo.controller import lease_seal, settings
from openleo.controller.clock import ManualClock
from openleo.controller.database import reading, writing
from openleo.controller.in_force import Gate, LedgerReader
from openleo.controller.lease_desk import Answer, LeaseDesk, Now, as_reported
from openleo.controller.lease_offers import Offers, ground
from openleo.controller.leases import Terms
from openleo.controller.tables import leases, plans
from postgres_server import Server

WARSAW, OSAKA = (52.23, 21.01), (34.69, 135.50)  # a town in the network's area, and one outside


@dataclass
class Past:
    """A lease that a slot's plan gave, and a request that it could not serve; the scenario that was run."""

    data: Path
    scenario: Path
    running: Running
    lease: Answer
    refusal: Answer

    def explained(self, answer: Answer, *more: object) -> tuple[int, dict[str, Any]]:
        code, said, _ = openleo("policy", "explain", answer.id, "--data", self.data, "--json", *more)
        return code, json.loads(said) if said else {}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def past(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("explained")
    with ExitStack() as stack:
        address = ""
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgres")
            address = stack.enter_context(server.database())
        yield stack.enter_context(made(folder, address))


@contextmanager
def made(folder: Path, address: str) -> Iterator[Past]:
    data = folder / "data"
    governed = Governed.founded(data, database=address)
    (data / settings.FILE).write_text(f"database = {json.dumps(address)}\n" if address else "")
    governed.now = BEGINS
    governed.rules(PERMIT)
    running = Running.on(data, ManualClock(utc=BEGINS.timestamp() + 1.0), database=address)
    try:
        engine = running.runtime.engine
        running.runtime.gate = Gate(LedgerReader(governed.folder, engine))
        running.slot(2)
        leasing.enrol(engine, 2)
        lease_seal.publish(engine, leasing.SEAL, BEGINS.timestamp())
        lease, refusal = asyncio.run(asked(running))
        yield Past(data, scenario(folder), running, lease, refusal)
    finally:
        running.close()


async def asked(running: Running) -> tuple[Answer, Answer]:
    """What a desk answers in the slot that runs, by its plan and what is in force."""
    made = running.runtime
    held, in_force, gateways = made.current, made.in_force, made.twin.case.network.gateways
    assert held is not None
    assert in_force is not None
    now = Now(in_force, Offers(held.plan, ground(gateways.stations, gateways.pops)))
    clock = leasing.Clock(made.clock.now_s() + 1.0)
    desk = LeaseDesk(
        made.engine, clock, made.twin.case.resolution, Terms(4), lambda _now_s: now, lambda: made.leader.role.token,
        linger_s=0.0, seal=leasing.SEAL, locate=as_reported,
    )  # fmt: skip
    desk.start()
    await asyncio.to_thread(desk.step, held.plan.number)
    try:
        one = await desk.ask(leasing.body(1, clock.at_s, place=WARSAW))
        return one, await desk.ask(leasing.body(2, clock.at_s, place=OSAKA))
    finally:
        await asyncio.to_thread(desk.stop)


def test_what_the_network_gave_is_looked_up_in_the_slot_s_plan(past: Past) -> None:
    assert (past.lease.given, past.refusal.given, past.refusal.body["why"]) == (True, False, "no_satellite")
    for answer in (past.lease, past.refusal):
        code, said = past.explained(answer, "--scenario", past.scenario)
        assert (code, said["ok"]) == (0, True), said
        assert "the network's part was reproduced" in said["plan"]
        assert small_twin().network in said["plan"]
        assert said["answer"] == answer.body


def test_without_the_network_it_is_said_that_it_was_not(past: Past) -> None:
    code, said = past.explained(past.lease)
    assert (code, "was not reproduced" in said["plan"]) == (0, True)


def test_a_satellite_that_the_plan_did_not_give_is_found_with_the_network_alone(past: Past) -> None:
    """Even under the controller's own signature."""
    engine, which = past.running.runtime.engine, leases.c.id == past.lease.id
    with reading(engine) as connection:
        body = connection.execute(select(leases.c.body).where(which)).scalar_one()
    said = json.loads(body)
    answer = {name: value for name, value in said["answer"].items() if name not in ("signed_by", "signature")}
    said["answer"] = leasing.SEAL.sealed(answer | {"satellite": "9999"})
    with writing(engine) as connection:
        connection.execute(update(leases).where(which).values(body=json.dumps(said)))
    try:
        assert past.explained(past.lease)[0] == 0
        code, found = past.explained(past.lease, "--scenario", past.scenario)
    finally:
        with writing(engine) as connection:
            connection.execute(update(leases).where(which).values(body=body))
    assert (code, found["ok"]) == (3, False)
    assert "satellite: '9999' was answered" in found["why"]


def test_another_network_is_told(past: Past, tmp_path: Path) -> None:
    other = scenario(tmp_path, SCENARIO.replace("altitude_km = 550", "altitude_km = 560"))
    code, found = past.explained(past.lease, "--scenario", other)
    assert (code, found["ok"]) == (3, False)
    assert f"was planned for {small_twin().network}" in found["why"]


def test_another_area_of_the_same_network_is_told(past: Past, tmp_path: Path) -> None:
    other = scenario(tmp_path, SCENARIO.replace('["POL", "URY"]', '["POL"]'))
    code, found = past.explained(past.lease, "--scenario", other)
    assert (code, found["ok"]) == (3, False), found


def test_a_plan_that_is_gone_is_told(past: Past) -> None:
    engine, number = past.running.runtime.engine, past.lease.body["slots"][0]
    with reading(engine) as connection:
        row = dict(connection.execute(select(plans).where(plans.c.number == number)).mappings().one())
    with writing(engine) as connection:
        connection.execute(delete(plans).where(plans.c.number == number))
    try:
        code, found = past.explained(past.lease, "--scenario", past.scenario)
        assert past.explained(past.lease)[0] == 0
    finally:
        with writing(engine) as connection:
            connection.execute(plans.insert().values(row))
    assert (code, found["ok"]) == (3, False)
    assert "is no longer kept" in found["why"]


def test_a_scenario_goes_with_a_lease_and_has_to_be_one(past: Past, tmp_path: Path) -> None:
    assert past.explained(past.lease, "--scenario", tmp_path / "none.toml")[0] == 2
    code, _, said = openleo("policy", "explain", "rules.toml", "--scenario", past.scenario)
    assert (code, "--scenario" in said) == (2, True)
