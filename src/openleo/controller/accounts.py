"""Accounts and what they buy: holders, quotas, subscriptions, and which of them are suspended.

Whether an account is suspended is the ledger's to say (`account:COMMITMENT`); no column repeats it. A suspension is an
act of as many terminals as are enrolled to the account: below the rate it is logged, above it a change is approved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from openleo.controller.database import reading, writing
from openleo.controller.ledger_desk import LedgerDesk, or_propose
from openleo.controller.registry import MOST_ASKED, NotPossible, Stale, Unknown, slices
from openleo.controller.tables import accounts, subscriptions, terminals
from openleo.governance.moves import ACTIVE, SUSPENDED
from openleo.policy.enrolment import Enrolment, EnrolmentRequest, admitted

REVOKED = "revoked"  # a terminal's state: it counts towards no quota


@dataclass(frozen=True)
class Account:
    """Who holds terminals. `commitment`: what the ledger calls it; `quota` None: any number of terminals."""

    id: str
    holder: str
    commitment: str
    quota: int | None
    created_at_s: float
    version: int = 1


@dataclass(frozen=True)
class Subscription:
    """What an account buys, for a time; None: whatever the network gives, and without an end."""

    id: str
    account: str
    down_mbps: float | None
    up_mbps: float | None
    begins_at_s: float
    ends_at_s: float | None = None


def state_of(account: Account, active: Mapping[str, str | None]) -> str:
    """`active` or `suspended`, by what the ledger says is in force."""
    return active.get(f"account:{account.commitment}") or ACTIVE


def suspended(connection: Connection, active: Mapping[str, str | None]) -> frozenset[str]:
    """The ids of all accounts that are suspended."""
    marks = [target.partition(":")[2] for target, value in active.items() if value == SUSPENDED]
    found: set[str] = set()
    for some in slices(marks, MOST_ASKED):
        found |= set(connection.execute(select(accounts.c.id).where(accounts.c.commitment.in_(some))).scalars())
    return frozenset(found)


# --- rows ---------------------------------------------------------------------------------------------------------


def of_row(row: RowMapping) -> Account:
    """An account as its table holds it."""
    return Account(row["id"], row["holder"], row["commitment"], row["quota"], row["created_at"], row["version"])


def find(connection: Connection, id_: str) -> Account:
    """Raises Unknown."""
    row = connection.execute(select(accounts).where(accounts.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise Unknown(f"there is no account {id_}")
    return of_row(row)


def those(connection: Connection, ids: Iterable[str]) -> dict[str, Account]:
    """The accounts of these ids that there are."""
    found: dict[str, Account] = {}
    for some in slices(ids, MOST_ASKED):
        rows = connection.execute(select(accounts).where(accounts.c.id.in_(some))).mappings()
        found |= {row["id"]: of_row(row) for row in rows}
    return found


def page(connection: Connection, after: str = "", limit: int = 100) -> list[Account]:
    """Accounts by their ids, from the one after `after` on."""
    query = select(accounts).where(accounts.c.id > after).order_by(accounts.c.id).limit(limit)
    return [of_row(row) for row in connection.execute(query).mappings()]


def add(connection: Connection, made: Iterable[Account]) -> None:
    """New accounts."""
    rows = [
        {
            "id": one.id,
            "holder": one.holder,
            "commitment": one.commitment,
            "quota": one.quota,
            "created_at": one.created_at_s,
            "version": one.version,
        }
        for one in made
    ]
    if rows:
        connection.execute(insert(accounts), rows)


def held(connection: Connection, account: str) -> list[str]:
    """The terminals of an account that count towards its quota, in the order of their enrolment."""
    asked = select(terminals.c.id).where(terminals.c.account == account, terminals.c.state != REVOKED)
    return list(connection.execute(asked.order_by(terminals.c.enrolled_at, terminals.c.id)).scalars())


def count(connection: Connection, account: str) -> int:
    """How many terminals an account has, revoked ones aside."""
    asked = select(func.count()).where(terminals.c.account == account, terminals.c.state != REVOKED)
    return int(connection.execute(asked).scalar_one())


# --- quotas and subscriptions -------------------------------------------------------------------------------------


def admitted_to(account: Account, has: Iterable[str], asked: Iterable[str]) -> Enrolment:
    """Which terminals an account may have, those first that it has."""
    requests = [EnrolmentRequest(terminal, account.id, account.id) for terminal in (*has, *asked)]
    return admitted(requests, {account.id: account.quota})


def check_quota(connection: Connection, account: Account, more: Sequence[str]) -> None:
    """Raises NotPossible where an account may not have some more terminals."""
    if account.quota is None or not more:
        return
    has = held(connection, account.id)
    if refused := admitted_to(account, has, more).refused:
        raise NotPossible(
            f"the account {account.id} may have {account.quota:,} terminals and has {len(has):,}: "
            f"{refused[0][0].terminal} is {refused[0][1]}. Raise its quota, or revoke terminals of it"
        )


def check_subscription(connection: Connection, account: str, subscription: str | None) -> None:
    """Raises Unknown, or NotPossible where the subscription is another account's."""
    if subscription is None:
        return
    found = connection.execute(
        select(subscriptions.c.account).where(subscriptions.c.id == subscription)
    ).scalar_one_or_none()
    if found is None:
        raise Unknown(f"there is no subscription {subscription}")
    if found != account:
        raise NotPossible(f"the subscription {subscription} is not of the account {account}")


def subscriptions_of(connection: Connection, account: str, after: str = "", limit: int = 100) -> list[Subscription]:
    """An account's subscriptions by their ids, from the one after `after` on."""
    asked = select(subscriptions).where(subscriptions.c.account == account, subscriptions.c.id > after)
    return [
        Subscription(
            row["id"], row["account"], row["down_mbps"], row["up_mbps"], row["begins_at"], row["ends_at"]
        )
        for row in connection.execute(asked.order_by(subscriptions.c.id).limit(limit)).mappings()
    ]  # fmt: skip


# --- what is done with them ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accounts:
    """Opens accounts, changes them, suspends and reinstates them. Raises as `registrar.Registrar` does."""

    engine: Engine
    desk: LedgerDesk
    now_s: Callable[[], float]

    def open(self, id_: str, holder: str = "", quota: int | None = None) -> Account:
        """A new account. Its name goes into the private registry, its commitment into the database."""
        with self.desk.open() as acting:
            made = Account(id_, holder, acting.commitments("account", [id_])[id_], quota, self.now_s())
            with writing(self.engine) as connection:
                if those(connection, [id_]):
                    raise NotPossible(f"there is an account {id_} already")
                add(connection, [made])
        return made

    def edit(self, id_: str, changed: Mapping[str, Any], seen: int | None = None) -> Account:
        """Another holder or quota. A quota below what the account has admits no more, and takes nothing away."""
        with writing(self.engine) as connection:
            before = find(connection, id_)
            if seen is not None and before.version != seen:
                raise Stale(f"{id_} is of version {before.version}, and what was seen of version {seen}")
            values = {name: changed[name] for name in ("holder", "quota") if name in changed}
            values["version"] = before.version + 1
            connection.execute(update(accounts).where(accounts.c.id == id_).values(values))
            return find(connection, id_)

    def subscribe(self, made: Subscription) -> Subscription:
        """A new subscription of an account."""
        if made.ends_at_s is not None and made.ends_at_s <= made.begins_at_s:
            raise NotPossible(f"the subscription {made.id} ends before it begins")
        with writing(self.engine) as connection:
            find(connection, made.account)
            there = select(subscriptions.c.id).where(subscriptions.c.id == made.id)
            if connection.execute(there).scalar_one_or_none() is not None:
                raise NotPossible(f"there is a subscription {made.id} already")
            connection.execute(
                insert(subscriptions).values(
                    id=made.id,
                    account=made.account,
                    down_mbps=made.down_mbps,
                    up_mbps=made.up_mbps,
                    begins_at=made.begins_at_s,
                    ends_at=made.ends_at_s,
                )
            )
        return made

    def suspend(self, id_: str, actor: str, reason: str) -> int | None:
        """A single act on the ledger, below the rate. Gives the entry; None where it is suspended already."""
        return self._move("account.suspended", id_, SUSPENDED, actor, reason)

    def reinstate(self, id_: str, actor: str, reason: str) -> int | None:
        """Undo a suspension that was a single act; what a change suspended, a change reinstates."""
        return self._move("account.reinstated", id_, ACTIVE, actor, reason)

    def _move(self, type_: str, id_: str, new: str, actor: str, reason: str) -> int | None:
        with reading(self.engine) as connection:
            found = find(connection, id_)
        target = f"account:{found.commitment}"
        with self.desk.open() as acting:
            if acting.state.value(target) == new:
                return None
            with or_propose(f"Propose it: `openleo change propose-act {type_} {target}`."):
                numbers = acting.move(type_, target, new, actor, reason)
        return None if numbers is None else numbers.start
