"""Whom a plan serves: every lease decided again under the rules in force, as `policy.answer` decides each alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h3.api.numpy_int as h3
import numpy as np
import pyarrow as pa
import pytest
from governed import PERMIT, Governed, book, rule
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from command_line import openleo
from openleo.changes import Books
from openleo.controller.database import address_of, connect, reading, upgrade, writing
from openleo.controller.enforcement import BY_RULES, SCHEMA, WORDS, Enforced, Lands, enforce
from openleo.controller.enforcement_summary import (
    RowProof,
    Summary,
    check_row,
    due,
    last,
    log,
    prove_row,
    remember,
    rows_of,
)
from openleo.controller.held import HeldLeases, held
from openleo.controller.in_force import LedgerReader
from openleo.controller.named_targets import Meant
from openleo.controller.tables import accounts, audit, leases, metadata, terminals
from openleo.governance.entries import Published
from openleo.governance.house import House
from openleo.ledger.faults import NotProven
from openleo.policy.answer import answer
from openleo.policy.rules import RuleSet
from openleo.service.serve import Reason

NUMBER, SLOT_S = 120_000_000, 15.0
BEGINS_S = NUMBER * SLOT_S
AT = datetime.fromtimestamp(BEGINS_S, UTC)
SIGNED = "2027-01-15T07:59:50Z"
assert datetime(2027, 1, 15, 8, tzinfo=UTC) == AT
CLASSES = ("fixed", "vehicle", "emergency")


@dataclass(frozen=True, eq=False)
class Slot:
    """A plan that serves its cells by one satellite and gateway."""

    cells: np.ndarray
    number: int = NUMBER
    begins_s: float = BEGINS_S
    classes: tuple[str, ...] = CLASSES
    reasons: Mapping[tuple[int, str], Reason] = field(default_factory=dict)

    @property
    def satellite(self) -> np.ndarray:
        return np.full(len(self.cells), 7, dtype=np.int32)

    @property
    def gateway(self) -> np.ndarray:
        return np.full(len(self.cells), 3, dtype=np.int16)

    @property
    def pop(self) -> np.ndarray:
        return np.zeros(len(self.cells), dtype=np.int16)

    @property
    def down_mbps(self) -> np.ndarray:
        return np.full(len(self.cells), np.nan, dtype=np.float32)

    up_mbps = down_mbps

    @property
    def reason(self) -> np.ndarray:
        made = np.zeros((len(self.cells), len(self.classes)), dtype=np.uint8)
        for (cell, class_), reason in self.reasons.items():
            made[list(self.cells).index(cell), self.classes.index(class_)] = reason
        return made


def rules_of(*documents: dict[str, Any]) -> RuleSet:
    return Books({one["book"]: one for one in documents}).rules


def body(latitude: float, longitude: float, circles: list[list[float]] | None = None, **more: Any) -> str:
    """As lease_desk keeps a decision."""
    position = {"lat_deg": latitude, "lon_deg": longitude, "uncertainty_m": 100.0, "age_s": 5.0, "source": "gnss"}
    signed = {"at": SIGNED, "position": position | more.pop("position", {}), "speed_kmh": 0.0} | more
    cells = [format(int(h3.latlng_to_cell(latitude, longitude, 4)), "x")]
    said = {"signed": signed, "request": {"days_abroad": None}, "answer": {"cells": cells}}
    return json.dumps(said if circles is None else said | {"circles": circles})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(address_of(tmp_path))
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def put(engine: Engine, rows: list[dict[str, Any]], slot: int = NUMBER - 1) -> None:
    """Terminals with a lease each; `body`, and what else of the terminal is not usual."""
    usual = {
        "account": "acme", "class": "fixed", "home_territory": "PRY", "groups": "[]", "state": "active",
        "enrolled_at": 0.0,
    }  # fmt: skip
    made = [
        usual
        | {"public_key": one["id"].encode(), "commitment": one["id"]}
        | {key: value for key, value in one.items() if key != "body"}
        for one in rows
    ]
    of_lease = {"slot": slot, "until_slot": slot + 4, "token": 1, "rule_set": "", "ledger_size": 1, "plan": ""}
    given_out = [of_lease | {"id": f"l-{one['id']}", "terminal": one["id"], "body": one["body"]} for one in rows]
    names = sorted({one["account"] for one in made})
    with writing(engine) as connection:
        connection.execute(insert(accounts), [{"id": name, "created_at": 0.0, "commitment": name} for name in names])
        connection.execute(insert(terminals), made)
        connection.execute(insert(leases), given_out)


def of_slot(engine: Engine, meant: Meant | None = None) -> HeldLeases:
    with reading(engine) as connection:
        return held(connection, NUMBER, BEGINS_S, meant or Meant())


def plan_of(some: HeldLeases, **more: Any) -> Slot:
    return Slot(np.unique(some.cell[some.cell > 0])[::-1], **more)


def outcomes(found: Enforced) -> dict[str, str]:
    return {row["terminal"]: row["outcome"] for row in found.table.to_pylist()}


STRIP = book("regulator:PRY", rule("strip", "forbid", "PRY", emergency="keep"))


def test_what_is_in_force_decides_and_not_what_the_lease_said(store: Engine) -> None:
    put(
        store,
        [
            {"id": "asuncion", "body": body(-25.3, -57.6)},
            {"id": "ambulance", "class": "emergency", "body": body(-25.3, -57.6)},
            {"id": "berlin", "body": body(52.5, 13.4)},
        ],
    )
    some = of_slot(store)
    assert set(outcomes(enforce(some, rules_of(PERMIT), plan_of(some))).values()) == {"served"}
    found = enforce(some, rules_of(PERMIT, STRIP), plan_of(some))
    assert outcomes(found) == {"asuncion": "forbidden", "ambulance": "served", "berlin": "served"}
    assert found.counts == {"served": 2, "forbidden": 1}
    assert found.table.schema == SCHEMA
    rows = {row["terminal"]: row for row in found.table.to_pylist()}
    assert (rows["asuncion"]["rule"], rows["asuncion"]["satellite"]) == ("strip", None)
    assert (rows["berlin"]["rule"], rows["berlin"]["satellite"], rows["berlin"]["gateway"]) == ("everywhere", 7, 3)


def test_registry_and_ledger_come_before_the_rules(store: Engine) -> None:
    states = ("enrolled", "active", "suspended", "revoked", "lost")
    rows = [{"id": state, "state": state, "body": body(52.5, 13.4)} for state in states]
    put(store, [*rows, {"id": "unpaid", "account": "cut-off", "body": body(52.5, 13.4)}])
    with writing(store) as connection:
        connection.execute(insert(leases).values(id="l-x", terminal="stranger", slot=NUMBER, until_slot=NUMBER + 1,
                           token=1, rule_set="", ledger_size=1, plan="", body=body(52.5, 13.4)))  # fmt: skip
    some = of_slot(store, Meant(suspended_accounts=frozenset({"cut-off"})))
    found = outcomes(enforce(some, rules_of(PERMIT), plan_of(some)))
    assert found == {
        "enrolled": "terminal_enrolled", "active": "served", "suspended": "terminal_suspended",
        "revoked": "terminal_revoked", "lost": "terminal_lost", "unpaid": "account_suspended",
        "stranger": "terminal_unregistered",
    }  # fmt: skip


def test_leases_that_lapsed_or_begin_later_do_not_count_and_the_newest_does(store: Engine) -> None:
    put(store, [{"id": "here", "body": body(52.5, 13.4)}], slot=NUMBER - 2)
    usual = {"token": 1, "rule_set": "", "ledger_size": 1, "plan": "", "terminal": "here"}
    given_out = [
        ("old", NUMBER - 4, NUMBER, 10.0),
        ("new", NUMBER, NUMBER + 4, -25.3),
        ("next", NUMBER + 1, NUMBER + 5, 0.0),
    ]
    with writing(store) as connection:
        for id_, slot, until, latitude in given_out:
            row = {"id": id_, "slot": slot, "until_slot": until, "body": body(latitude, -57.6)}
            connection.execute(insert(leases).values(usual | row))
    some = of_slot(store)
    assert some.lease == ("new",)
    assert some.terminals.latitude_deg.tolist() == [-25.3]
    assert some.terminals.age_s.tolist() == [15.0]


def test_the_ledgers_classes_and_groups_are_those_that_count(store: Engine) -> None:
    put(store, [{"id": "t", "body": body(52.5, 13.4), "groups": '["Rescue"]'}])
    meant = Meant(classes={("account", "acme"): "vehicle"}, groups={"rescue": frozenset()})
    some = of_slot(store, meant)
    assert (some.terminals.class_.of(0), some.terminals.groups.of(0)) == ("vehicle", frozenset())
    assert of_slot(store).terminals.groups.of(0) == {"rescue"}


def test_what_the_plan_does_not_give_is_not_served(store: Engine) -> None:
    put(store, [{"id": "berlin", "body": body(52.5, 13.4)}, {"id": "oslo", "body": body(59.9, 10.7)}])
    some = of_slot(store)
    berlin = int(some.cell[0])
    plan = Slot(np.array([berlin], dtype=np.uint64), reasons={(berlin, "fixed"): Reason.NO_GATEWAY})
    assert outcomes(enforce(some, rules_of(PERMIT), plan)) == {"berlin": "no_gateway", "oslo": "no_satellite"}
    nothing = Slot(np.array([], dtype=np.uint64))
    assert set(outcomes(enforce(some, rules_of(PERMIT), nothing)).values()) == {"no_satellite"}


def test_who_may_be_in_two_places_needs_both(store: Engine) -> None:
    """Where the network's measurement disagrees with the terminal's, the union of both circles counts."""
    here, there = [52.5, 13.4, 100.0], [-25.3, -57.6, 5_000.0]
    put(
        store,
        [
            {"id": "one", "body": body(52.5, 13.4, [here])},
            {"id": "two", "body": body(52.5, 13.4, [here, there])},
            {"id": "moved", "body": body(52.5, 13.4, [there])},
            {"id": "none", "body": body(52.5, 13.4, [])},
        ],
    )
    some = of_slot(store)
    found = enforce(some, rules_of(PERMIT, STRIP), plan_of(some))
    assert outcomes(found) == {"one": "served", "two": "indeterminate", "moved": "forbidden", "none": "indeterminate"}
    assert some.terminals.source.of(3) is None  # in the order of ids: two is the last


def test_one_record_that_cannot_be_read_stops_nobody_else(store: Engine) -> None:
    leap = body(52.5, 13.4, at="2026-12-31T23:59:60Z")
    bad = ("{}", "null", "[1]", "{", body(52.5, 13.4).replace("2027-01-15T07:59:50Z", "yesterday"))
    put(store, [{"id": "leap", "body": leap}, *({"id": f"bad-{n}", "body": one} for n, one in enumerate(bad))])
    some = of_slot(store)
    found = outcomes(enforce(some, rules_of(PERMIT, STRIP), plan_of(some)))
    age_s = some.terminals.age_s[some.lease.index("l-leap")]
    assert age_s == pytest.approx(5.0 + BEGINS_S - datetime(2027, 1, 1, tzinfo=UTC).timestamp(), abs=1e-3)
    assert found.pop("leap") == "indeterminate"  # too old a position
    assert "served" not in found.values()
    assert len(found) == len(bad)


def test_traffic_that_has_to_land_elsewhere_finds_no_gateway(store: Engine) -> None:
    put(store, [{"id": "berlin", "body": body(52.5, 13.4)}])
    some = of_slot(store)
    rules = rules_of(book("operator", rule("at-home", "permit", "DEU", land_in=["DEU"])))
    for land, outcome in (("DEU", "served"), ("POL", "no_gateway"), (None, "no_gateway")):
        lands = Lands((None, None, None, land), ("DEU",))
        assert outcomes(enforce(some, rules, plan_of(some), lands)) == {"berlin": outcome}
    assert outcomes(enforce(some, rules, plan_of(some))) == {"berlin": "no_gateway"}


SEVERAL = rules_of(
    PERMIT,
    STRIP,
    book(
        "operator-2",
        rule("fast", "forbid", "BRA", conditions={"speed_kmh_min": 100}),
        rule("fresh", "suspend", "BOL", conditions={"location_age_s_max": 60}, until="2028-01-01T00:00:00Z"),
        rule("rescue", "forbid", "URY", who={"groups": ["rescue"]}),
    ),
)
some_number = st.one_of(st.none(), st.floats(0.0, 200.0))
one_terminal = st.fixed_dictionaries(
    {
        "class": st.sampled_from(CLASSES),
        "groups": st.sampled_from(["[]", '["rescue"]']),
        "lat_deg": st.floats(-36.0, -18.0),
        "lon_deg": st.floats(-66.0, -50.0),
        "uncertainty_m": st.one_of(st.none(), st.sampled_from([0.0, 100.0, 30_000.0])),
        "age_s": st.one_of(st.none(), st.sampled_from([0.0, 30.0, 90.0, 90_000.0])),
        "speed_kmh": some_number,
    }
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(one_terminal, min_size=1, max_size=12))
def test_each_is_decided_exactly_as_alone(
    drawn: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = connect(address_of(tmp_path_factory.mktemp("drawn")))
    metadata.create_all(engine)
    rows = []
    for number, one in enumerate(drawn):
        position = {name: one[name] for name in ("uncertainty_m", "age_s")}
        text = body(one["lat_deg"], one["lon_deg"], position=position, speed_kmh=one["speed_kmh"])
        rows.append({"id": f"t-{number:02}", "class": one["class"], "groups": one["groups"], "body": text})
    put(engine, rows)
    some = of_slot(engine)
    engine.dispose()
    found = enforce(some, SEVERAL, plan_of(some))
    for number in range(len(some)):
        alone = answer(SEVERAL, some.terminals.request(number, AT))
        assert WORDS[found.outcome[number]] == BY_RULES[alone.outcome]
        assert set(found.rule[number].split()) == {one.rule for one in alone.because}


# --- the summary ----------------------------------------------------------------------------------------------------


@pytest.fixture
def summary(store: Engine) -> Summary:
    put(
        store,
        [{"id": f"t-{n:03}", "body": body(-25.3 if n < 7 else 52.5, -57.6 if n < 7 else 13.4)} for n in range(50)],
    )
    some = of_slot(store)
    return Summary(enforce(some, rules_of(PERMIT, STRIP), plan_of(some)), SLOT_S, bytes(32))


def test_every_row_is_checked_against_the_root(summary: Summary) -> None:
    rows = rows_of(summary.arrow)
    assert len(rows) == 50
    for index, row in enumerate(rows):
        proof = RowProof.from_json(json.loads(json.dumps(prove_row(summary.rows, index).as_json())))
        check_row(row, proof, summary.root)
        with pytest.raises(NotProven):
            check_row({**row, "outcome": "forbidden" if row["outcome"] == "served" else "served"}, proof, summary.root)
        with pytest.raises(NotProven):
            check_row(row, replace(proof, index=(index + 1) % 50), summary.root)


def test_a_terminal_s_row_is_proved_and_checked_at_the_command_line(summary: Summary, tmp_path: Path) -> None:
    governed = Governed.founded(tmp_path / "data")
    number = log(governed.folder, summary, lambda: governed.now)
    engine = connect(address_of(governed.path))
    upgrade(engine)
    out = tmp_path / "proof.json"
    words = ("controller", "enforcement-proof", "--data", governed.path, "--by", "ada", "--out", out)
    code, said, err = openleo(*words, "t-003")
    assert (code, f"entry {number}" in said) == (0, True), err
    check = ("controller", "check-enforcement", out, "--root")
    assert openleo(*check, summary.root)[1].startswith("t-003 was ")
    assert openleo(*check, "00" * 32)[0] == 3
    assert openleo(*check, "none")[0] == 2
    made = json.loads(out.read_text())
    assert "t-004" not in out.read_text()
    out.write_text(json.dumps({**made, "row": {**made["row"], "outcome": "never"}}))
    assert openleo(*check, summary.root)[0] == 3
    assert openleo(*words, "t-999")[0] == 3
    assert openleo(*words, "t-003", "--entry", "0")[0] == 3
    with reading(engine) as connection:
        rows = connection.execute(select(audit.c.principal, audit.c.what, audit.c.about)).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("ada", "read_position", "terminal t-003")]


def test_another_secret_makes_another_root(summary: Summary) -> None:
    assert replace(summary, secret=b"x" * 32).root != summary.root


def test_the_public_note_tells_few_apart_from_none(summary: Summary) -> None:
    note = summary.published.note
    assert "served 43" in note
    assert "forbidden <10" in note
    assert "t-0" not in note


def test_it_is_logged_after_an_activation_and_once_a_day(summary: Summary, store: Engine, tmp_path: Path) -> None:
    governed = Governed.founded(tmp_path / "data")
    governed.rules(PERMIT)
    reader = LedgerReader(governed.folder, store)
    now_s = governed.now.timestamp()
    assert due(reader.read(governed.now), last(store), now_s, 24.0)
    number = log(governed.folder, summary, lambda: governed.now)
    remember(store, reader.read(governed.now), now_s, None)
    found = reader.read(governed.now)
    assert not due(found, last(store), now_s + 86_399.0, 24.0)
    assert due(found, last(store), now_s + 86_400.0, 24.0)
    governed.rules(STRIP)
    assert due(reader.read(governed.now), last(store), now_s + 15.0, 24.0)
    with House(governed.folder, write=False) as house:
        logged = house.entry(number)
        assert isinstance(logged.body, Published)
        assert (logged.type, logged.body.sha256) == ("enforcement.summary", summary.root)
        sha256 = str(logged.body.note).rpartition(" ")[2]
        kept = house.artefacts.get(sha256)
        assert house.artefacts.path(sha256).stat().st_mode & 0o077 == 0
    check_row(rows_of(kept)[3], prove_row(summary.rows, 3), summary.root)


def test_the_table_is_read_back(summary: Summary) -> None:
    read = pa.ipc.open_file(pa.BufferReader(summary.enforced.arrow)).read_all()
    assert read.num_rows == 50
    assert read.column("outcome").unique().to_pylist() == ["forbidden", "served"]
