"""A change that is activated reaches whom it is about in the next slot, and stands summed up on the ledger."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from enforcer_made import Enforcer
from governed import PERMIT, Governed, book, rule
from sqlalchemy import Engine, insert, select, update
from test_enforcement import Slot, body, put

sys.path.insert(0, str(Path(__file__).parent / "security"))

from asking import KINDS_SLOWLY

from openleo.changes import sha256_of
from openleo.controller.database import reading, writing
from openleo.controller.enforcement import Enforced
from openleo.controller.enforcement_summary import check_row, prove_row, row_bytes, rows_of
from openleo.controller.in_force import Gate, LedgerReader
from openleo.controller.tables import leases, plans, slots
from openleo.governance.entries import Published, from_bytes
from openleo.governance.house import House
from openleo.governance.moves import SUSPENDED
from openleo.ledger.faults import LedgerError

SLOT_S = 15.0
ORDER = book("regulator:PRY", rule("ordered", "suspend", "PRY", until="2030-01-01T00:00:00Z"))


class Slots:
    """The slots of a controller that leads, one after the other; every lease holds throughout."""

    def __init__(self, governed: Governed, engine: Engine, cells: np.ndarray):
        self.governed, self.engine, self.cells = governed, engine, cells
        self.enforcer = Enforcer(
            engine, governed.folder, Gate(LedgerReader(governed.folder, engine)), lambda: governed.now, SLOT_S, 24.0
        )
        self.number = int(governed.now.timestamp() / SLOT_S)

    def next(self) -> Enforced:
        """Time goes on to the begin of the next slot."""
        self.number += 1
        self.governed.now = datetime.fromtimestamp(self.number * SLOT_S, UTC)
        row = {"begins_at": self.number * SLOT_S, "token": 1, "rule_set": "", "network": "", "ledger_size": 0}
        row |= {"ledger_root": "", "plan": "", "degraded": "", "stored_at": 0.0, "summary": "{}", "number": self.number}
        with writing(self.engine) as connection:
            connection.execute(insert(slots).values(row))
            connection.execute(insert(plans).values(number=self.number, cells=b"", terminals=b""))
            connection.execute(update(leases).values(until_slot=self.number + 4))
        found = self.enforcer.begin(Slot(self.cells, self.number, self.number * SLOT_S), None)
        self.enforcer.finish()
        return found


def served(found: Enforced, prefix: str) -> int:
    ids = found.held.terminals.id.to_pylist()
    return sum(id_.startswith(prefix) for id_, yes in zip(ids, found.served.tolist(), strict=True) if yes)


def running(tmp_path: Path, engine: Engine, there: int, elsewhere: int, ledger: str = "") -> Slots:
    """Terminals in Paraguay, and others in Germany, all with a lease and permitted. `ledger`: "" is a file."""
    governed = Governed.founded(tmp_path / "data", database=ledger)
    governed.rules(PERMIT)
    random = np.random.default_rng(9)
    rows = [
        {
            "id": f"{land}-{n:05}",
            "account": f"{land}-{n % 7}",
            "body": body(*(middle + random.uniform(-0.5, 0.5, 2)), at="2026-03-01T11:59:50Z"),
        }
        for land, count, middle in (("pry", there, (-25.3, -56.5)), ("deu", elsewhere, (51.0, 10.0)))
        for n in range(count)
    ]
    put(engine, rows, slot=int(governed.now.timestamp() / SLOT_S))
    with reading(engine) as connection:
        bodies = connection.execute(select(leases.c.body)).scalars()
        cells = {int(json.loads(one)["answer"]["cells"][0], 16) for one in bodies}
    return Slots(governed, engine, np.array(sorted(cells), dtype=np.uint64))


def summary_of(governed: Governed) -> tuple[Published, bytes]:
    """The last on the ledger, and the table that it is of."""
    with House(governed.folder, write=False) as house:
        entries = [from_bytes(data) for _, data in house.ledger.entries()]
        last = [one.body for one in entries if one.type == "enforcement.summary"][-1]
        assert isinstance(last, Published)
        return last, house.artefacts.get(last.note.rpartition(" ")[2])


def suspended_and_reinstated(slots: Slots, there: int, elsewhere: int) -> None:
    governed = slots.governed
    assert (served(slots.next(), "pry"), served(slots.enforcer.current, "deu")) == (there, elsewhere)  # type: ignore[arg-type]
    governed.rules(ORDER)
    found = slots.next()  # one slot later
    assert (served(found, "pry"), served(found, "deu")) == (0, elsewhere)
    assert found.counts["suspended"] == there
    said, table = summary_of(governed)
    rows = rows_of(table)
    assert (said.from_, said.until) == (f"{governed.now:%Y-%m-%dT%H:%M:%SZ}",
                                        f"{governed.now + timedelta(seconds=15):%Y-%m-%dT%H:%M:%SZ}")  # fmt: skip
    encoded = [row_bytes(row) for row in rows]
    of_there = [number for number, row in enumerate(rows) if row["terminal"].startswith("pry")]
    for number in of_there[:: max(1, there // 20)]:
        assert (rows[number]["outcome"], rows[number]["rule"]) == ("suspended", "ordered")
        check_row(rows[number], prove_row(encoded, number), said.sha256)
    governed.change("rules", {"book:regulator:PRY": None})
    slots.next()
    found = slots.next()  # within two
    assert (served(found, "pry"), served(found, "deu")) == (there, elsewhere)
    assert summary_of(governed)[0].sha256 != said.sha256


def test_a_suspended_territory_is_served_nowhere_one_slot_later(
    tmp_path: Path, engine: Engine, database_setting: str
) -> None:
    suspended_and_reinstated(running(tmp_path, engine, 40, 20, database_setting), 40, 20)


@pytest.mark.slow
def test_a_thousand_terminals_among_ten_thousand_are_suspended(
    tmp_path: Path, engine: Engine, database_setting: str
) -> None:
    slots = running(tmp_path, engine, 1_000, 9_000, database_setting)
    slots.next()
    began = time.process_time()
    slots.next()
    print(f"a slot of 10,000 leases: {time.process_time() - began:.2f} s of CPU")
    suspended_and_reinstated(slots, 1_000, 9_000)


def test_a_suspended_account_is_served_nowhere(tmp_path: Path, engine: Engine, database_setting: str) -> None:
    slots = running(tmp_path, engine, 14, 7, database_setting)
    made = slots.governed.commit("account", "pry-3")
    slots.governed.act(f"account:{made['pry-3']}", SUSPENDED, terminals=2)
    found = slots.next()
    assert (served(found, "pry"), found.counts["account_suspended"]) == (12, 2)
    slots.governed.act(f"account:{made['pry-3']}", "active")
    assert served(slots.next(), "pry") == 14


def test_what_is_enforced_is_stored_with_the_plan(tmp_path: Path, engine: Engine, database_setting: str) -> None:
    slots = running(tmp_path, engine, 3, 2, database_setting)
    found = slots.next()
    with reading(engine) as connection:
        stored = connection.execute(select(plans.c.terminals).where(plans.c.number == slots.number)).scalar_one()
    assert bytes(stored) == found.arrow


@pytest.mark.parametrize("database_kind", KINDS_SLOWLY, indirect=True)
def test_a_summary_that_cannot_be_logged_is_tried_again(tmp_path: Path, engine: Engine, database_setting: str) -> None:
    slots = running(tmp_path, engine, 3, 2, database_setting)
    with House(slots.governed.folder):  # the command line is writing
        slots.next()
        assert "another process writes" in slots.enforcer.said
    slots.next()
    assert slots.enforcer.said == ""
    assert slots.enforcer.logged is not None
    first = slots.enforcer.logged
    slots.next()
    assert slots.enforcer.logged == first  # nothing changed since


# --- the ledger's storage, and its witnesses ------------------------------------------------------------------------


def test_nothing_activates_in_either_direction_without_storage(tmp_path: Path, engine: Engine) -> None:
    slots = running(tmp_path, engine, 5, 5)
    governed = slots.governed
    governed.put(ORDER)
    order = governed.approved("rules", {"book:regulator:PRY": sha256_of(ORDER)})
    assert served(slots.next(), "") == 10
    ledger = governed.path / "ledger.sqlite"
    ledger.rename(governed.path / "away")
    with pytest.raises(LedgerError, match="is not there"):
        governed.activate(order)
    found = slots.next()
    assert served(found, "") == 10
    assert slots.enforcer.in_force is not None
    assert slots.enforcer.in_force.alarm is not None
    (governed.path / "away").rename(ledger)
    governed.activate(order)
    assert served(slots.next(), "pry") == 0
    lift = governed.approved("rules", {"book:regulator:PRY": None})
    ledger.rename(governed.path / "away")
    with pytest.raises(LedgerError, match="is not there"):
        governed.activate(lift)
    with pytest.raises(LedgerError, match="is not there"):
        governed.break_glass({"book:regulator:PRY": None})
    assert served(slots.next(), "pry") == 0


def test_a_day_without_storage_and_nobody_is_served(tmp_path: Path, engine: Engine) -> None:
    slots = running(tmp_path, engine, 5, 5)
    slots.next()
    (slots.governed.path / "ledger.sqlite").unlink()
    slots.number += int(86_400 / SLOT_S) - 1
    with writing(engine) as connection:
        connection.execute(update(leases).values(until_slot=slots.number + 10))
    found = slots.next()
    assert served(found, "") == 0
    assert found.counts == {"not_permitted": 10}
