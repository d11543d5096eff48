"""Terminals counted where a rule is tried: for whom, from where they were last known, and that the audit has it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asking import Answer, ask, controller
from fastapi import FastAPI
from governed import PERMIT, Governed, book, rule
from secured import House
from sqlalchemy import Engine, insert, select, update

import leasing
from openleo import changes
from openleo.changes import Books
from openleo.controller import audit, governing, last_known
from openleo.controller.database import reading, writing
from openleo.controller.lease_records import time_ordered_id
from openleo.controller.named_targets import Meant
from openleo.controller.roles import Role
from openleo.controller.tables import audit as audit_table
from openleo.controller.tables import leases, refusals, terminals

JSON = {"content-type": "application/json"}
PATH = "/v1/policy/effect/terminals"
WARSAW, KRAKOW, MONTEVIDEO, VILNIUS = (52.23, 21.01), (50.06, 19.94), (-34.9, -56.19), (54.69, 25.28)
STRIP = book("operator", PERMIT["rule"][0], rule("tried-1", "forbid", "POL"), rule("tried-2", "forbid", "LTU"))
WHERE = [WARSAW] * 12 + [KRAKOW] * 3 + [MONTEVIDEO] * 2 + [VILNIUS]  # the last is outside the area


def said(place: tuple[float, float], at_s: float, age_s: float | None = 0.0, **answer: Any) -> str:
    """A record as the desk writes it, as far as it says where."""
    position = {"lat_deg": place[0], "lon_deg": place[1], "uncertainty_m": 30.0, "age_s": age_s, "source": "gnss"}
    told = {"position": position, "at": leasing.instant(at_s), "speed_kmh": 0.0, "altitude_m": 100.0}
    return json.dumps(
        {
            "signed": told,
            "request": {"at": told["at"], "days_abroad": 0.0},
            "circles": [[*place, 30.0]],
            "answer": answer,
        }
    )


def note(engine: Engine, number: int, place: tuple[float, float], at_s: float, *, refused: bool = False) -> None:
    """The terminal said at an instant where it is, and was given a lease of four slots or was refused."""
    row = {"id": time_ordered_id(at_s), "terminal": f"t-{number}", "rule_set": "", "ledger_size": 1}
    slot = int(at_s // leasing.SLOT_S)
    with writing(engine) as connection:
        if refused:
            row |= {"at": at_s, "body": said(place, at_s, decision="NOT_PERMITTED")}
            connection.execute(insert(refusals).values(row))
        else:
            row |= {"slot": slot, "until_slot": slot + 4, "token": 1, "plan": "", "body": said(place, at_s, cells=[])}
            connection.execute(insert(leases).values(row))


def known(engine: Engine, at_s: float, meant: Any = None) -> dict[str, tuple[float, float]]:
    with reading(engine) as connection:
        table, _ = last_known.in_service(connection, at_s, meant or Meant())
    places = zip(table.latitude_deg.tolist(), table.longitude_deg.tolist(), strict=True)
    return dict(zip(table.id.to_pylist(), places, strict=True))


def test_a_terminal_is_where_its_newest_lease_or_refusal_of_a_day_has_it(engine: Engine) -> None:
    at_s = leasing.NOW_S
    leasing.enrol(engine, 6)
    note(engine, 1, WARSAW, at_s - 900.0)
    note(engine, 1, KRAKOW, at_s - 600.0)
    note(engine, 2, WARSAW, at_s - 600.0)
    note(engine, 2, MONTEVIDEO, at_s - 300.0, refused=True)  # it was carried away, and refused there
    note(engine, 3, KRAKOW, at_s - 300.0, refused=True)
    note(engine, 4, WARSAW, at_s - 2 * 86_400.0)
    note(engine, 4, WARSAW, at_s - 3 * 86_400.0, refused=True)
    note(engine, 6, WARSAW, at_s)
    with writing(engine) as connection:
        connection.execute(update(terminals).where(terminals.c.id == "t-6").values(state="suspended"))
    found = known(engine, at_s)
    assert {id_: place for id_, place in found.items() if place[0] == place[0]} == {
        "t-1": KRAKOW, "t-2": MONTEVIDEO, "t-3": KRAKOW,
    }  # fmt: skip
    assert sorted(found) == ["t-1", "t-2", "t-3", "t-4", "t-5"]
    assert known(engine, at_s, leasing.Meant(frozenset({"account-1"}))) == {}


@dataclass
class Served:
    app: FastAPI
    house: House
    runtime: Any

    def ask(self, headers: dict[str, str], path: str = PATH, **more: Any) -> Answer:
        body = json.dumps({"books": [STRIP], "slots": 1} | more).encode()
        return ask(self.app, "POST", path, headers | JSON, body)

    def done(self, answer: Answer, headers: dict[str, str]) -> dict[str, Any]:
        assert answer.status == 202, answer.text
        while (job := ask(self.app, "GET", answer.headers["location"], headers).json())["state"] not in DONE:
            pass
        assert job["state"] == "done", job
        result: dict[str, Any] = job["result"]
        return result

    def read(self) -> list[Any]:
        """What the audit has of positions that were read."""
        asked = select(audit_table).where(audit_table.c.what == audit.READ_POSITION).order_by(audit_table.c.id)
        with reading(self.house.engine) as connection:
            return [dict(row) for row in connection.execute(asked).mappings()]


DONE = ("done", "failed")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("counting")
    Governed.founded(folder / "data").rules(PERMIT)
    with controller(folder) as (app, house):
        runtime = app.state.runtime
        runtime.in_force = runtime.gate.current(governing.now(runtime))
        leasing.enrol(house.engine, len(WHERE) + 1)  # of the last nobody knows where it is
        for number, place in enumerate(WHERE, 1):
            note(house.engine, number, place, runtime.clock.now_s() - 60.0, refused=number % 2 == 0)
        yield Served(app, house, runtime)


@pytest.mark.slow
def test_the_counts_are_those_of_a_table_of_the_same_terminals_and_public_only_below_ten(
    served: Served, tmp_path: Path
) -> None:
    headers = served.house.token(Role.REQUESTER)
    result = served.done(served.ask(headers), headers)
    counted = result["counted"]
    assert (counted["terminals"], counted["not_counted"]) == (len(WHERE), 1)
    assert counted["territories"] == [{"territory": "POL", "class": "fixed", "lost": 15, "gained": 0}]
    assert counted["totals"] == [{"class": "fixed", "lost": 15, "gained": 0}]
    outside = {"territory": "LTU", "class": "fixed", "lost": 1, "gained": 0, "reached": True}
    assert counted["elsewhere"] == [outside]
    (row,) = [row for row in result["territories"] if row["lost"]["terminals"]]
    assert (row["territory"], row["class"], row["lost"]["terminals"]) == ("POL", "fixed", 15)
    assert {row["lost"]["terminals"] for row in result["totals"]} == {None}

    path = tmp_path / "terminals.csv"
    with path.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["id", "class", "lat_deg", "lon_deg", "uncertainty_m", "age_s"])
        table.writerows([f"t-{number}", "fixed", *place, 30, 60] for number, place in enumerate(WHERE, 1))
    network = governing.network_of(served.runtime, 1)
    old, new = Books({"operator": PERMIT}).rules, Books({"operator": STRIP}).rules
    by_table = changes.compared(
        network, old, new, governing.now(served.runtime), terminals=changes.counted(path, old, new)
    )
    by_rows = [row for row in by_table.effect.rows if row.lost.terminals or row.gained.terminals]
    assert [(row.territory, row.class_, row.lost.terminals) for row in by_rows] == [("POL", "fixed", 15)]
    assert [one.as_json() for one in by_table.effect.elsewhere] == [outside]
    assert "counted" not in served.done(served.ask(headers, "/v1/policy/effect"), headers)


@pytest.mark.slow
def test_a_network_without_terminals_counts_none(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = served.house.token(Role.REQUESTER)
    monkeypatch.setattr(last_known, "IN_SERVICE", "a state that none is in")
    counted = served.done(served.ask(headers), headers)["counted"]
    nothing: dict[str, Any] = {"territories": [], "totals": [], "elsewhere": []}
    assert counted == {"terminals": 0, "not_counted": 0} | nothing


@pytest.mark.slow
def test_who_counts_terminals_is_in_the_audit_and_alone_sees_the_job(served: Served) -> None:
    headers, before = served.house.token(Role.REQUESTER), len(served.read())
    answer = served.ask(headers)
    served.done(answer, headers)
    (entry,) = served.read()[before:]
    assert entry["about"] == "all terminals in service, counted for a trial of operator"
    assert entry["party"] == "operator"
    assert not any(str(part) in json.dumps(entry) for part in (*WARSAW, *KRAKOW))
    other = served.house.token(Role.REQUESTER, Role.VIEWER)
    assert ask(served.app, "GET", answer.headers["location"], other).status == 404


@pytest.mark.parametrize(("roles", "party", "status"), [
    ((Role.PLANNER,), "operator", 403), ((Role.APPROVER, Role.VIEWER), "operator", 403),
    (tuple(Role), "regulator:TWN", 404),
])  # fmt: skip
@pytest.mark.slow
def test_who_may_not_read_positions_is_refused_and_nothing_is_read(
    served: Served, roles: tuple[Role, ...], party: str, status: int
) -> None:
    before = served.read()
    headers = served.house.token(*roles, party=party)
    assert served.ask(headers).status == status
    assert served.read() == before
    assert served.ask(headers, "/v1/policy/effect", slots=0).status == 422  # it may be asked, without terminals
