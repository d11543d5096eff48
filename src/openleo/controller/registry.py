"""Terminals as they are registered: who they are, whose, in which state, and which state may follow which.

    enrolled ─► active ⇄ suspended
        │          └──────┴─► lost ─► (found) active, suspended        from any of them ─► revoked, for good

Only an active terminal gets leases. The ledger lists the terminals that are enrolled or active, by their commitments:
one that leaves these states leaves the list, as an act that is counted; one that comes back is enrolled there again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, insert, select, update

from openleo.controller.tables import terminals

MOST_ASKED = 500  # values of one `in (…)`
T = TypeVar("T")


class State(StrEnum):
    """Of a terminal."""

    ENROLLED = "enrolled"  # known, and not in service yet
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LOST = "lost"
    REVOKED = "revoked"


MAY_FOLLOW: Mapping[State, frozenset[State]] = {
    State.ENROLLED: frozenset({State.ACTIVE, State.SUSPENDED, State.LOST, State.REVOKED}),
    State.ACTIVE: frozenset({State.SUSPENDED, State.LOST, State.REVOKED}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.LOST, State.REVOKED}),
    State.LOST: frozenset({State.ACTIVE, State.SUSPENDED, State.REVOKED}),
    State.REVOKED: frozenset(),
}
LISTED = frozenset({State.ENROLLED, State.ACTIVE})  # on the ledger's list


class Unknown(LookupError):
    """There is no such terminal, account or subscription."""


class Stale(Exception):
    """It is of another version than the one that was seen."""


class NotPossible(ValueError):
    """What is asked does not go with what there is; one sentence says why, and what does."""


@dataclass(frozen=True)
class RegisteredTerminal:
    """One terminal. `commitment`: what the ledger calls it."""

    id: str
    account: str
    class_: str
    home_territory: str
    public_key: bytes
    commitment: str
    state: State = State.ENROLLED
    subscription: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    enrolled_at_s: float = 0.0
    version: int = 1

    @property
    def listed(self) -> bool:
        """Whether the ledger lists it."""
        return self.state in LISTED


def check_follows(terminal: RegisteredTerminal, new: State) -> None:
    """Raises NotPossible where a state may not follow the one that a terminal has."""
    if new in MAY_FOLLOW[terminal.state]:
        return
    if terminal.state == State.REVOKED:
        raise NotPossible(f"{terminal.id} was revoked, for good. Enrol the device under another id, with another key.")
    can = ", ".join(sorted(MAY_FOLLOW[terminal.state]))
    raise NotPossible(f"{terminal.id} is {terminal.state}, which {new} does not follow; {can} may.")


# --- rows ---------------------------------------------------------------------------------------------------------


def slices(values: Iterable[T], most: int) -> Iterator[tuple[T, ...]]:
    """Values, `most` at a time."""
    rest = iter(values)
    while some := tuple(islice(rest, most)):
        yield some


def of_row(row: RowMapping) -> RegisteredTerminal:
    """A terminal as its table holds it."""
    return RegisteredTerminal(
        row["id"],
        row["account"],
        row["class"],
        row["home_territory"],
        bytes(row["public_key"]),
        row["commitment"],
        State(row["state"]),
        row["subscription"],
        frozenset(json.loads(row["groups"])),
        row["enrolled_at"],
        row["version"],
    )


def to_row(terminal: RegisteredTerminal) -> dict[str, Any]:
    """As the table holds a terminal."""
    return {
        "id": terminal.id,
        "account": terminal.account,
        "class": terminal.class_,
        "home_territory": terminal.home_territory,
        "public_key": terminal.public_key,
        "commitment": terminal.commitment,
        "state": str(terminal.state),
        "subscription": terminal.subscription,
        "groups": json.dumps(sorted(terminal.groups), ensure_ascii=False),
        "enrolled_at": terminal.enrolled_at_s,
        "version": terminal.version,
    }


def find(connection: Connection, id_: str) -> RegisteredTerminal:
    """Raises Unknown."""
    row = connection.execute(select(terminals).where(terminals.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise Unknown(f"there is no terminal {id_}")
    return of_row(row)


def find_seen(connection: Connection, id_: str, version: int | None) -> RegisteredTerminal:
    """A terminal of the version that somebody saw; None: of any. Raises Unknown, Stale."""
    found = find(connection, id_)
    if version is not None and found.version != version:
        raise Stale(f"{id_} is of version {found.version}, and what was seen of version {version}")
    return found


def those(connection: Connection, column: str, values: Iterable[Any]) -> list[RegisteredTerminal]:
    """The terminals that have one of these values in a column."""
    found = []
    for some in slices(values, MOST_ASKED):
        asked = select(terminals).where(terminals.c[column].in_(some))
        found += [of_row(row) for row in connection.execute(asked).mappings()]
    return found


@dataclass(frozen=True)
class Filter:
    """Which terminals are listed; None: any."""

    account: str | None = None
    state: State | None = None
    class_: str | None = None
    home_territory: str | None = None


def page(connection: Connection, asked: Filter, after: str = "", limit: int = 100) -> list[RegisteredTerminal]:
    """Terminals by their ids, from the one after `after` on."""
    query = select(terminals).where(terminals.c.id > after)
    for column, value in (
        ("account", asked.account),
        ("state", None if asked.state is None else str(asked.state)),
        ("class", asked.class_),
        ("home_territory", asked.home_territory),
    ):
        if value is not None:
            query = query.where(terminals.c[column] == value)
    return [of_row(row) for row in connection.execute(query.order_by(terminals.c.id).limit(limit)).mappings()]


def add(connection: Connection, made: Iterable[RegisteredTerminal]) -> None:
    """New terminals."""
    rows = [to_row(one) for one in made]
    if rows:
        connection.execute(insert(terminals), rows)


def write(connection: Connection, before: RegisteredTerminal, after: RegisteredTerminal) -> RegisteredTerminal:
    """Put a terminal in place of the version it was made from. Raises Stale where another one came between."""
    made = replace(after, version=before.version + 1)
    row = {name: value for name, value in to_row(made).items() if name not in ("id", "commitment", "enrolled_at")}
    changed = connection.execute(
        update(terminals).where(terminals.c.id == before.id, terminals.c.version == before.version).values(row)
    )
    if changed.rowcount != 1:
        raise Stale(f"{before.id} was changed meanwhile")
    return made
