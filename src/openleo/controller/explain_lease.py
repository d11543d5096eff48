"""A past decision on a lease, made again from its hashes, and told.

    record ─► who signed it ─► the ledger at the size that it names ─► the books ─► the rule set of its hash ─┐
    record ─► the request, and what the plan gave ───────────────────────────────────────────────────────────┼─► decided
    scenario's network, the slot's plan as it is kept ─► what the plan gave, in place of what the record says ┘

Nothing is taken on trust that can be made again: the rules come from the ledger's entries and the artefacts that these
name, and the decision is computed anew and compared with the one that was answered. Without a network what it gave is
as the record has it, and that is told; the plan that it names by its hash is compared with the one stored for the slot.
The request is signed by its terminal, and a lease by the controller that gave it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.engine import RowMapping

from openleo import changes
from openleo.cells import Cells
from openleo.controller import elements_file, lease_seal, plan_store
from openleo.controller import leases as deciding
from openleo.controller.database import reading
from openleo.controller.device_identity import LEASE, Unsigned, message, signature, signed_by
from openleo.controller.lease_offers import Ground, Offers, ground
from openleo.controller.lease_place import Placed, place
from openleo.controller.lease_records import Recorded, recorded
from openleo.controller.leases import Lease, Offer
from openleo.controller.proven import History
from openleo.controller.tables import leases, plans, refusals, slots
from openleo.errors import InputError
from openleo.governance.house import Folder
from openleo.governance.state import Refused
from openleo.ledger.faults import LedgerError
from openleo.ledger.mark import Mark
from openleo.ledger.store import open_ledger
from openleo.policy import explain as explaining
from openleo.policy.explain import Explanation
from openleo.policy.rules import RuleSet
from openleo.service.beams import felt

SEAL = {"signed_by", "signature"}  # what a lease is given with, and no decision gives
COARSEST = 0  # resolution: of a place here only what rules ask is read; cells are those that the record names


class NotReproduced(Exception):
    """Why a decision cannot be made again: what is missing, or what is not as it was."""


@dataclass(frozen=True)
class Explained:
    """A decision that was made again, and came out as it was answered. `plan`: what is known of the plan it names.

    `signed_by`: the controller's key, whose signature on the answer holds; None of a refusal, which nobody signs.
    """

    id: str
    record: Recorded
    rule_set: str
    ledger_size: int
    explanation: Explanation
    plan: str
    signed_by: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "lease": self.id,
            "reproduced": True,
            "rule_set": self.rule_set,
            "ledger_size": self.ledger_size,
            "plan": self.plan,
            "signed_by": self.signed_by,
            "at": deciding.at_text(self.record.at_s),
            "answer": self.record.answer,
        }


@dataclass(frozen=True, eq=False)
class Network:
    """Of a scenario's network, what the numbers in a plan mean: the order of its cells, and who its stations are."""

    sha256: str
    cells: Cells
    resolution: int
    ground: Ground


Networks = Callable[[str], Network]  # by the hash that a plan names; another one where there is no such


def network_of(scenario: Path, engine: Engine, sha256: str) -> Network:
    """A scenario's network, with the elements it was approved with where these are kept. Raises InputError."""
    made, _ = elements_file.first(scenario, engine, sha256)
    gateways = made.case.network.gateways
    return Network(made.network, made.cells, made.case.resolution, ground(gateways.stations, gateways.pops))


@dataclass(frozen=True)
class _Rules:
    """What of in_force.InForce a decision reads."""

    rules: RuleSet
    ledger_size: int


@dataclass(frozen=True)
class _Plan:
    """What the plan gave, by the record."""

    number: int
    begins_s: float
    slot_s: float
    sha256: str
    given: dict[int, Offer]
    why_not: deciding.Why

    def offer(self, cell: int, _class: str) -> Offer:
        return self.given.get(cell, Offer(cell, self.why_not))


def explain(id_: str, engine: Engine, folder: Folder, networks: Networks | None = None) -> Explained:
    """`networks`: with it, what the network gave is made again too. Raises NotReproduced, Unavailable, InputError."""
    row = _row(engine, id_)
    record = recorded(row["body"])
    _check_signed(record)
    by = _check_sealed(engine, record.answer)
    rules = rules_of(folder, record, row["rule_set"], row["ledger_size"])
    known = _of_plan(engine, record.slot[0], record.answer["plan"])
    size = row["ledger_size"]
    if networks is None:
        placed = place(record.circles, rules.regions, COARSEST)
        _check_decided(id_, record, *_as_recorded(record, placed), rules, size)
    else:
        network, offers = _as_planned(engine, record, networks)
        placed = place(record.circles, rules.regions, network.resolution)
        _check_decided(id_, record, placed, offers, rules, size)
        known = (
            f"the one kept of slot {offers.number} ({offers.sha256}); the network's part was reproduced from it, and "
        )
        known += f"from the cells and stations of network {network.sha256}"
    where = None if record.asked.stale(record.terms.stale_after_s) else placed.where
    explanation = explaining.explain(rules, record.asked, where)
    return Explained(id_, record, row["rule_set"], size, explanation, known, by)


def _row(engine: Engine, id_: str) -> RowMapping:
    with reading(engine) as connection:
        for table in (leases, refusals):
            row = connection.execute(select(table).where(table.c.id == id_)).mappings().one_or_none()
            if row is not None:
                return row
    raise NotReproduced(f"no lease or refusal {id_} is kept: it is another one's, or older than decisions are kept")


def _check_signed(record: Recorded) -> None:
    """The terminal's own words, by the key that it had."""
    try:
        good = signed_by(record.terminal.public_key, signature(record.signature), message(LEASE, record.signed))
    except Unsigned:
        good = False
    if not good:
        raise NotReproduced("the signature does not hold: the record is not what the terminal said")


def _check_sealed(engine: Engine, answer: Mapping[str, Any]) -> str | None:
    """The id of the key that a lease was given under. Raises NotReproduced where it was not signed so."""
    if "lease" not in answer:
        return None
    if not answer.keys() >= SEAL:
        raise NotReproduced("the lease carries no signature of a controller")
    by = str(answer["signed_by"])
    key = lease_seal.public_key(engine, by)
    if key is None:
        raise NotReproduced(f"the lease is signed by a key {by}, which no controller on this database ever had")
    if not lease_seal.holds(answer, key):
        raise NotReproduced(f"the signature of the controller's key {by} does not hold: the answer is not what it gave")
    return by


# --- the rules ----------------------------------------------------------------------------------------------------


def rules_of(folder: Folder, record: Recorded, sha256: str, size: int) -> RuleSet:
    """The rule set of a hash, from the ledger's first entries. Raises NotReproduced."""
    assert record.asked.at is not None
    tried = []
    try:
        for active in _active(_history(folder, size), record.asked.at):
            books = tuple(sorted((name, value) for name, value in active.items() if name.startswith(changes.BOOK)))
            if books in tried:
                continue
            tried.append(books)
            written = changes.in_force(dict(books), folder.artefacts).rules
            if written.sha256 == sha256:
                return felt(written, record.terms.beam_km)
    except (LedgerError, Refused, InputError, OSError) as error:
        raise NotReproduced(f"the rules at {size} entries of the ledger cannot be read: {error}") from error
    raise NotReproduced(f"{size} entries of the ledger make no rule set {sha256}, which the record names")


def _history(folder: Folder, size: int) -> History:
    """The ledger's first entries, followed. Raises NotReproduced, LedgerError."""
    history, mark = History(), Mark.beside(folder.key)
    if size == 0:
        return history
    with open_ledger(folder.ledger, write=False, mark=None if mark.unreadable else mark) as ledger:
        if ledger.size < size:
            raise NotReproduced(f"the ledger has {ledger.size} entries, and the record names {size}")
        findings = history.follow(entry for _, entry in ledger.entries(0, size))
    if findings:
        raise NotReproduced(f"entry {findings[0].entry} of the ledger should not be there: {findings[0].why}")
    return history


def _active(history: History, at: datetime) -> Iterator[dict[str, str | None]]:
    """What may have been in force: all that was settled, or without the newest, which no witness had seen yet."""
    active = history.state.active(at) if history.state.size else {}
    yield dict(active)
    for moved in reversed(history.moved):
        active = active | dict(moved.before)
        yield dict(active)


# --- the decision -------------------------------------------------------------------------------------------------


def _check_decided(id_: str, record: Recorded, placed: Placed, plan: deciding.Plan, rules: RuleSet, size: int) -> None:
    """Raises NotReproduced where another answer comes out."""
    asked, terms = record.asked, record.terms
    try:
        found = deciding.decide(asked, record.terminal, placed, _Rules(rules, size), plan, terms, record.at_s)
    except deciding.Doubt as error:
        raise NotReproduced(f"no answer comes out of what the record says: {error}") from error
    answer = found.as_json(id_) if isinstance(found, Lease) else found.as_json()
    answered = {key: value for key, value in record.answer.items() if key not in SEAL}
    told = [
        f"{key}: {answered.get(key)!r} was answered, {answer.get(key)!r} comes out"
        for key in sorted(answer.keys() | answered.keys())
        if answer.get(key) != answered.get(key)
    ]
    if told:
        raise NotReproduced(f"another answer comes out of what the record says: {'; '.join(told)}")


def _as_recorded(record: Recorded, placed: Placed) -> tuple[Placed, _Plan]:
    """The cells that the record names, and what they got by it."""
    given = _given(record)
    why_not: deciding.Why = record.answer.get("why", "no_satellite")
    cells = tuple(given) or (0,)  # of a refusal the cell is nowhere else than in the position, and got nothing
    plan = _Plan(*record.slot, record.answer["plan"], given, why_not)
    return Placed(placed.circles, placed.where, cells), plan


def _as_planned(engine: Engine, record: Recorded, networks: Networks) -> tuple[Network, Offers]:
    """What the slot's plan gives, as it is kept. Raises NotReproduced where it is not, or is not of the network."""
    number, sha256 = record.slot[0], record.answer["plan"]
    with reading(engine) as connection:
        named = connection.execute(select(slots.c.network).where(slots.c.number == number)).scalar_one_or_none()
        is_kept = connection.execute(select(plans.c.number).where(plans.c.number == number)).first() is not None
    if named is None or not is_kept:
        raise NotReproduced(f"the plan of slot {number} ({sha256}) is no longer kept, so what it gave is not known")
    network = networks(named)
    if network.sha256 != named:
        raise NotReproduced(f"the scenario is the network {network.sha256}, and slot {number} was planned for {named}")
    try:
        kept = plan_store.of_slot(engine, number, network.cells)
    except ValueError as error:
        raise NotReproduced(f"the plan of slot {number} cannot be read by the scenario's cells: {error}") from error
    if kept is None:  # since it was looked for
        raise NotReproduced(f"the plan of slot {number} ({sha256}) is no longer kept, so what it gave is not known")
    if kept.plan.sha256 != sha256:
        raise NotReproduced(f"the plan kept of slot {number} is {kept.plan.sha256}, and the record names {sha256}")
    return network, Offers(kept.plan, network.ground)


def _given(record: Recorded) -> dict[int, Offer]:
    """The cells of a lease, with what the plan gave: rates as answered, which what was bought bounds once more."""
    answer = record.answer
    lands = tuple(answer["decision"].get("land_in") or ())[:1] if "lease" in answer else ()
    return {
        int(cell, 16): Offer(
            int(cell, 16), None, answer["satellite"], answer["gateway"], answer["pop"], lands,
            answer["down_mbps"], answer["up_mbps"],
        )
        for cell in answer.get("cells", ())
    }  # fmt: skip


def _of_plan(engine: Engine, number: int, sha256: str) -> str:
    """What is known of the plan that a record names. Raises NotReproduced where another one was stored."""
    with reading(engine) as connection:
        row = connection.execute(select(slots.c.plan, slots.c.summary).where(slots.c.number == number)).one_or_none()
        kept = connection.execute(select(plans.c.number).where(plans.c.number == number)).first() is not None
    if row is None:
        return f"the network's part was not reproduced: nothing is kept of slot {number} ({sha256})"
    if sha256 not in (row.plan, *(one["plan"] for one in json.loads(row.summary).get("before", []))):
        raise NotReproduced(f"the plan stored for slot {number} is {row.plan}, and the record names {sha256}")
    named = f"the one stored for slot {number} ({sha256})"
    if not kept:
        return f"{named}; the network's part was not reproduced: the plan of slot {number} is no longer kept"
    return f"{named}; the network's part was not reproduced: what it gave is as the record has it"
