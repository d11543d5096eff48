"""A past decision made again from its hashes, by a verb; and told plainly where it cannot be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import governed
import pytest
from sqlalchemy import Engine, update
from sqlalchemy.engine import RowMapping

import leasing
from command_line import openleo
from leasing import Office
from openleo.controller import database, lease_seal, settings, tables
from openleo.controller.in_force import LedgerReader
from openleo.controller.lease_desk import Answer
from openleo.units import BEAM_KM
from postgres_server import Server

EVERYWHERE = governed.book("operator", governed.rule("everywhere", "permit", "world"))
DARK = governed.book("regulator:TWN", governed.rule("dark", "forbid", "world"))


@dataclass
class Past:
    """A lease, and after it a change of rules, under which the same request was refused."""

    data: Path
    engine: Engine
    lease: Answer
    refusal: Answer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def past(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Past]:
    data = tmp_path_factory.mktemp("explained") / "data"
    with ExitStack() as stack:
        address = ""
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgres")
            address = stack.enter_context(server.database())
        yield stack.enter_context(made(data, address))


@contextmanager
def made(data: Path, address: str) -> Iterator[Past]:
    """On a database of an address, where the ledger is too; "": files of the folder."""
    house = governed.Governed.founded(data, database=address)
    (data / settings.FILE).write_text(f"database = {json.dumps(address)}\n" if address else "")
    house.rules(EVERYWHERE)
    house.wait(minutes=1)
    engine = database.connect(database.address_of(data, address))
    tables.metadata.create_all(engine)
    leasing.lead(engine)
    leasing.enrol(engine)
    lease_seal.publish(engine, leasing.SEAL, house.now.timestamp())
    lease = given(engine, house, "m" * 22)
    house.rules(DARK)
    house.wait(minutes=1)
    yield Past(data, engine, lease, given(engine, house, "n" * 22))
    engine.dispose()


def given(engine: Engine, house: governed.Governed, nonce: str) -> Answer:
    """What the desk answers under what the ledger says then."""
    in_force = LedgerReader(house.folder).read(house.now)
    at_s = house.now.timestamp() + 1.0
    plan = leasing.plan(begins_s=at_s - 5.0)
    office = Office(engine, in_force.rules, clock=leasing.Clock(at_s), plan=plan, ledger_size=in_force.ledger_size)

    async def work() -> Answer:
        async with office as desk:
            return await desk.ask(leasing.body(at_s=at_s, nonce=nonce))

    return asyncio.run(work())


@dataclass
class Done:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def run(*arguments: object) -> Done:
    return Done(*openleo(*arguments))


def explained(past: Past, id_: str, *more: str) -> Done:
    return run("policy", "explain", id_, "--data", past.data, *more)


def test_a_lease_is_made_again_under_the_rules_of_then(past: Past) -> None:
    """The rules have changed since; the answer is the old one."""
    assert (past.lease.given, past.refusal.given) == (True, False)
    done = explained(past, past.lease.id)
    assert done.exit_code == 0, done.output
    by = f"given under the controller's key {leasing.SEAL.id}, whose signature holds"
    for words in (by, past.lease.body["rule_set"], "the same answer comes out", "everywhere", "PERMITTED", "Changhua"):
        assert words.casefold() in done.output.casefold()
    assert "dark" not in done.output


def test_a_refusal_is_made_again_too(past: Past) -> None:
    done = explained(past, past.refusal.id, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["ok"] is True
    assert said["answer"] == past.refusal.body
    assert said["signed_by"] is None  # nobody signs a refusal
    assert said["rule_set"] == past.refusal.body["rule_set"] != past.lease.body["rule_set"]
    assert said["answer"]["because"][0]["rule"] == "dark"


def test_what_the_network_gave_is_said_to_be_taken_from_the_record(past: Past) -> None:
    said = json.loads(explained(past, past.lease.id, "--json").stdout)
    assert "the network's part was not reproduced" in said["plan"]


def test_a_record_says_how_far_beams_were_felt(past: Past) -> None:
    """Of a record from before that was written, the default holds."""
    said = json.loads(row_of(past)["body"])
    assert said["terms"] == [4, 86_400.0, BEAM_KM]
    said["terms"] = said["terms"][:2]
    with altered(past, said):
        assert explained(past, past.lease.id).exit_code == 0


def test_a_lease_that_is_not_kept(past: Past) -> None:
    done = explained(past, "0" * 32)
    assert done.exit_code == 3
    assert "is kept" in done.output


def test_an_artefact_that_is_gone_is_named(past: Past) -> None:
    kept = (past.data / "artefacts").iterdir()
    (book,) = [path for path in kept if path.read_bytes().startswith(b'{"book":"operator"')]
    moved = book.rename(book.with_suffix(".gone"))
    try:
        done = explained(past, past.lease.id, "--json")
    finally:
        moved.rename(book)
    assert done.exit_code == 3
    assert book.name in json.loads(done.stdout)["why"]


@pytest.mark.parametrize("what", ["answer", "request", "signed", "rule set"])
def test_a_record_that_was_altered_comes_out_otherwise(past: Past, what: str) -> None:
    row = row_of(past)
    said = json.loads(row["body"])
    values: dict[str, Any] = {}
    if what == "answer":
        said["answer"]["valid_until"] = "2099-01-01T00:00:00Z"
    elif what == "request":
        said["request"]["position"]["age_s"] = 90_000.0
    elif what == "signed":
        said["signed"]["speed_kmh"] = 500.0
    else:
        values["rule_set"] = "0" * 64
    with altered(past, said, **values):
        done = explained(past, past.lease.id)
    assert done.exit_code == 3
    assert "cannot be reproduced" in done.output


SEALS: dict[str, tuple[dict[str, Any], str]] = {
    "another rate": ({"down_mbps": 1_000.0}, f"the signature of the controller's key {leasing.SEAL.id} does not hold"),
    "another's signature": ({"signature": "A" * 86 + "=="}, "does not hold"),
    "a key of nobody": ({"signed_by": "0" * 16}, "no controller on this database ever had"),
    "no signature": ({"signature": None, "signed_by": None}, "carries no signature of a controller"),
}


@pytest.mark.parametrize(("changes", "why"), SEALS.values(), ids=SEALS)
def test_a_lease_that_no_controller_signed_so_is_told(past: Past, changes: dict[str, Any], why: str) -> None:
    said = json.loads(row_of(past)["body"])
    answer = said["answer"] | changes
    said["answer"] = {name: value for name, value in answer.items() if value is not None or name not in changes}
    with altered(past, said):
        done = explained(past, past.lease.id, "--json")
    assert done.exit_code == 3, done.output
    found = json.loads(done.stdout)
    assert (found["ok"], why in found["why"]) == (False, True), found


def row_of(past: Past) -> RowMapping:
    with database.reading(past.engine) as connection:
        return connection.execute(tables.leases.select().where(tables.leases.c.id == past.lease.id)).mappings().one()


@contextmanager
def altered(past: Past, said: dict[str, Any], **values: Any) -> Iterator[None]:
    """A block in which the lease's record says something else."""
    row, change = row_of(past), update(tables.leases).where(tables.leases.c.id == past.lease.id)
    with database.writing(past.engine) as connection:
        connection.execute(change.values(values | {"body": json.dumps(said)}))
    try:
        yield
    finally:
        with database.writing(past.engine) as connection:
            connection.execute(change.values(body=row["body"], rule_set=row["rule_set"]))


def test_what_the_verb_needs(past: Past, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('schema = 1\nbook = "operator"\n')
    done = run("policy", "explain", str(rules))
    assert done.exit_code == 2
    assert "--at" in done.output
    assert "--class" in done.output
    assert run("policy", "explain", "a", "b", "--data", str(past.data)).exit_code == 2
    assert run("policy", "explain", "a", "--data", str(tmp_path / "nowhere")).exit_code == 2
