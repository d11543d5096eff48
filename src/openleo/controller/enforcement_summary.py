"""What was enforced, onto the ledger: a Merkle root over every terminal's row, which nobody can change afterwards.

    Enforced ─► rows (RFC 8785, each with its salt) ─► root ─► enforcement.summary
                 └─ kept privately as an Arrow file, named by its sha256

A row with its path is checked against the root by anybody (`check_row`). Other rows of the path are hashes, and their
salts keep what nobody was shown from being guessed. Due after each change of what is in force, and once a day.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
from sqlalchemy import Engine, insert, select, update

from openleo.controller.database import reading, writing
from openleo.controller.enforcement import Enforced
from openleo.controller.in_force import InForce
from openleo.controller.tables import known
from openleo.governance.activate import witnessed
from openleo.governance.canonical import canonical
from openleo.governance.entries import Published, entry, instant
from openleo.governance.house import Folder, House
from openleo.governance.losses import shown
from openleo.instants import instant_of
from openleo.ledger import merkle
from openleo.ledger.faults import LedgerError

LOG = logging.getLogger("openleo.controller")
TYPE = "enforcement.summary"
LAST = "enforcement"  # in the table `known`: the last summary
SECRET_BYTES, SALT_BYTES = 32, 16
HOUR_S = 3600.0
Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Summary:
    """Every lease of one slot, and what became of it. `secret` makes the salts, and is kept nowhere else."""

    enforced: Enforced
    slot_s: float
    secret: bytes

    @cached_property
    def rows(self) -> list[bytes]:
        """The bytes that the tree is of."""
        number = str(self.enforced.plan.number)
        return [row_bytes(row) for row in _rows(self.table, number)]

    @cached_property
    def root(self) -> str:
        """Hex."""
        return merkle.root(_reader(self.rows), len(self.rows)).hex()

    @cached_property
    def table(self) -> pa.Table:
        """The table of what is enforced, with every row's salt."""
        ids = self.enforced.held.terminals.id.to_pylist()
        salts = [hmac.digest(self.secret, id_.encode(), "sha256")[:SALT_BYTES].hex() for id_ in ids]
        stated = self.enforced.table.append_column("salt", pa.array(salts, pa.string()))
        return stated.replace_schema_metadata({"slot": str(self.enforced.plan.number), "form": "openleo-enforced@v1"})

    @cached_property
    def arrow(self) -> bytes:
        """The table as it is kept."""
        sink = io.BytesIO()
        feather.write_feather(self.table, sink, compression="zstd")
        return sink.getvalue()

    @property
    def published(self) -> Published:
        """What goes onto the ledger. Few are not told apart."""
        begins_s = self.enforced.plan.begins_s
        counted = ", ".join(f"{word} {shown(count)}" for word, count in self.enforced.counts.items()) or "no lease"
        said = {
            "sha256": self.root,
            "from": _instant(begins_s),
            "until": _instant(begins_s + self.slot_s),
            "note": f"slot {self.enforced.plan.number}: {counted}; rules {self.enforced.rule_set}; "
            f"table sha256 {hashlib.sha256(self.arrow).hexdigest()}",
        }
        return Published.model_validate(said)


def row_bytes(row: Row) -> bytes:
    """One row, as the tree holds it."""
    return canonical(row, plain=True)


def _rows(table: pa.Table, number: str) -> list[Row]:
    return [
        {
            "slot": number,
            "terminal": one["terminal"],
            "lease": one["lease"],
            "cell": "" if one["cell"] is None else format(one["cell"], "x"),
            "outcome": one["outcome"],
            "rule": one["rule"],
            "salt": one["salt"],
        }
        for one in table.select(["terminal", "lease", "cell", "outcome", "rule", "salt"]).to_pylist()
    ]


def _instant(at_s: float) -> str:
    return instant(instant_of(at_s))


# --- checked by anybody ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowProof:
    """That a row is among those of a root."""

    index: int
    size: int
    hashes: tuple[bytes, ...]

    def as_json(self) -> dict[str, Any]:
        return {"index": self.index, "size": self.size, "hashes": [one.hex() for one in self.hashes]}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> RowProof:
        return cls(int(said["index"]), int(said["size"]), tuple(bytes.fromhex(one) for one in said["hashes"]))


def rows_of(arrow: bytes) -> list[Row]:
    """The rows of a table that was kept."""
    table = feather.read_table(pa.BufferReader(arrow))
    return _rows(table, (table.schema.metadata or {})[b"slot"].decode())


def prove_row(rows: Sequence[bytes], index: int) -> RowProof:
    """The path from a row to the root."""
    return RowProof(index, len(rows), tuple(merkle.inclusion_proof(_reader(rows), index, len(rows))))


def check_row(row: Row, proof: RowProof, root: str) -> None:
    """Raises NotProven where the row is not one of those that the root on the ledger is of."""
    leaf = merkle.leaf_hash(row_bytes(row))
    merkle.check_inclusion(proof.index, proof.size, leaf, proof.hashes, bytes.fromhex(root))


def _reader(rows: Sequence[bytes]) -> merkle.HashReader:
    """The hashes of whole subtrees, level upon level; the right edge is the tree's own to complete."""
    levels = [merkle.leaf_hashes(rows)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([merkle.node_hash(*pair) for pair in zip(below[::2], below[1::2], strict=False)])
    return lambda level, index: levels[level][index]


# --- onto the ledger ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Last:
    """The summary that was logged last: of which targets' values, and when."""

    active: str
    at_s: float


def active_sha256(in_force: InForce) -> str:
    """Of every target's value: another one means that something was activated, or lapsed."""
    return hashlib.sha256(json.dumps(dict(sorted(in_force.active.items()))).encode()).hexdigest()


def last(engine: Engine) -> Last | None:
    """Raises Unavailable."""
    with reading(engine) as connection:
        found = connection.execute(select(known.c.value).where(known.c.name == LAST)).scalar_one_or_none()
    return None if found is None else Last(**json.loads(found))


def due(in_force: InForce, before: Last | None, now_s: float, every_h: float) -> bool:
    """Whether a summary is to be logged: what is in force is another one, or the last was a day ago."""
    if not in_force.founded or in_force.alarm is not None:
        return False
    return before is None or before.active != active_sha256(in_force) or now_s - before.at_s >= every_h * HOUR_S


def log(folder: Folder, summary: Summary, clock: Callable[[], datetime]) -> int:
    """Keep the table, append the entry, show it to the witnesses. Gives its number. Raises LedgerError, Refused."""
    folder.artefacts.put(summary.arrow, private=True)
    with House(folder, write=True) as house:
        number = house.append([entry(house.now(clock()), summary.published, TYPE)]).start
        try:
            witnessed(house, clock)
        except LedgerError as error:  # they see it with the next entry
            LOG.warning("the summary is not witnessed yet: %s", error)
    return number


def remember(engine: Engine, in_force: InForce, now_s: float, token: int | None) -> None:
    """For whoever leads next. Raises Unavailable, Fenced."""
    value = json.dumps({"active": active_sha256(in_force), "at_s": now_s})
    with writing(engine, token) as connection:
        if connection.execute(update(known).where(known.c.name == LAST).values(value=value)).rowcount == 0:
            connection.execute(insert(known).values(name=LAST, value=value))
