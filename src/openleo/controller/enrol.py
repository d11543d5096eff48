"""Enrolment: terminals join, by the tens of thousands or one.

    table ─► every fault of every row, or none ─► batches: commitments ─► ledger entries ─► rows, custody, how far

A batch is on the ledger before the database has it. After a kill the same table goes on where it stopped: what the
ledger lists and what is registered is not done again, and a table that was enrolled enrols nobody.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, insert, select, update

from openleo.controller import accounts, custody, registry
from openleo.controller.accounts import Account
from openleo.controller.custody import Event, What
from openleo.controller.database import reading, writing
from openleo.controller.device_keys import KeyRefused, check_signature, enrolment, key_text
from openleo.controller.enrol_table import Row, fault, read
from openleo.controller.group_lists import listed_in
from openleo.controller.ledger_desk import BATCH, Acting, LedgerDesk, terminal_body
from openleo.controller.registry import MOST_ASKED, RegisteredTerminal, State, slices
from openleo.controller.tables import enrolments, subscriptions
from openleo.errors import InputError, Problem, near_names
from openleo.governance.entries import Body
from openleo.policy.enrolment import Refused as NotAdmitted
from openleo.policy.rules import CLASSES

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """`make_accounts`: accounts that a table names and nobody opened are opened. `active`: in service at once.

    `proven`: every row has to show by its signature that the device holds its key.
    """

    make_accounts: bool = False
    active: bool = False
    proven: bool = False
    classes: Collection[str] = CLASSES


@dataclass(frozen=True)
class Found:
    """A table compared with what is registered. `known`: rows that are enrolled as they stand already."""

    rows: tuple[Row, ...]
    known: frozenset[int]
    accounts: tuple[str, ...]  # to be opened

    @property
    def new(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.number not in self.known)


@dataclass(frozen=True)
class Enrolled:
    """What became of a table: of `rows`, `enrolled` now, and `known` before."""

    id: str
    rows: int
    enrolled: int
    known: int
    accounts: int
    dry: bool = False


@dataclass
class Enrolling:
    """Enrols tables. `now_s`: the instant of what is written down."""

    engine: Engine
    desk: LedgerDesk
    now_s: Callable[[], float]
    after_batch: Callable[[str], None] = field(default=lambda _point: None)  # a test stops it at each point

    def table(
        self,
        data: bytes,
        file: str,
        actor: str,
        options: Options | None = None,
        on_progress: OnProgress = lambda _what, _done, _of: None,
        *,
        dry: bool = False,
    ) -> Enrolled:
        """Enrol a CSV or Parquet table; `dry`: only say what would be.

        Raises InputError with every fault of every row, and nothing is done.
        """
        rows = read(data, file, (options or Options()).classes)
        return self.rows(hashlib.sha256(data).hexdigest(), rows, file, actor, options, on_progress, dry=dry)

    def rows(
        self,
        id_: str,
        rows: Sequence[Row],
        file: str,
        actor: str,
        options: Options | None = None,
        on_progress: OnProgress = lambda _what, _done, _of: None,
        *,
        dry: bool = False,
    ) -> Enrolled:
        """As `table`, of rows that are read. `id_`: the same for the same rows."""
        options = options or Options()
        with self.desk.open() as acting:
            found = self._compared(acting, rows, file, options)
            new = found.new
            done = Enrolled(id_, len(rows), len(new), len(found.known), len(found.accounts), dry)
            if dry:
                return done
            self._begin(id_, len(rows), actor)
            self._open_accounts(acting, found.accounts)
            state = State.ACTIVE if options.active else State.ENROLLED
            count = len(found.known)
            for batch in slices(new, BATCH):
                self._enrol(acting, batch, state, actor, id_)
                count += len(batch)
                self._reached(id_, count)
                on_progress("terminals", count, len(rows))
            self._end(id_, len(rows))
            return done

    # --- before anything is done

    def _compared(self, acting: Acting, rows: Sequence[Row], file: str, options: Options) -> Found:
        """Raises InputError with every fault of every row."""
        problems: list[Problem] = []
        with reading(self.engine) as connection:
            known = _known(connection, rows, file, problems)
            new = [row for row in rows if row.number not in known]
            there = accounts.those(connection, {row.account for row in new})
            missing = tuple(sorted({row.account for row in new} - there.keys()))
            if not options.make_accounts:
                problems += _no_account(connection, new, there, file)
            problems += _over_quota(connection, new, there, file)
            problems += _no_subscription(connection, new, file)
        problems += _not_in_groups(acting, new, file)
        problems += _not_proven(acting.state.origin, new, file, needed=options.proven)
        if problems:
            raise InputError(sorted(problems, key=lambda one: int(one.where.split(",")[0].removeprefix("row "))))
        return Found(tuple(rows), known, missing)

    # --- one step after the other

    def _begin(self, id_: str, rows: int, actor: str) -> None:
        with writing(self.engine) as connection:
            if connection.execute(select(enrolments.c.id).where(enrolments.c.id == id_)).scalar_one_or_none() is None:
                row = {"id": id_, "done": 0, "rows": rows, "begun_at": self.now_s(), "actor": actor}
                connection.execute(insert(enrolments).values(row))

    def _open_accounts(self, acting: Acting, ids: Sequence[str]) -> None:
        for some in slices(ids, BATCH):
            made = acting.commitments("account", some)
            at_s = self.now_s()
            with writing(self.engine) as connection:
                accounts.add(connection, [Account(id_, "", made[id_], None, at_s) for id_ in some])

    def _enrol(self, acting: Acting, batch: Sequence[Row], state: State, actor: str, id_: str) -> None:
        terminals = acting.commitments("terminal", [row.id for row in batch])
        of_accounts = acting.commitments("account", dict.fromkeys(row.account for row in batch))
        listed = acting.state.terminals
        bodies: list[tuple[str, Body]] = [
            (
                "terminal.enrolled",
                terminal_body(terminals[row.id], of_accounts[row.account], row.home_territory, row.class_),
            )
            for row in batch
            if terminals[row.id] not in listed
        ]
        self.after_batch("commitments")
        acting.append(bodies)
        self.after_batch("ledger")
        at_s = self.now_s()
        made = [_terminal(row, terminals[row.id], state, at_s) for row in batch]
        with writing(self.engine) as connection:
            registry.add(connection, made)
            custody.add(connection, [_event(one, actor, id_) for one in made])
        self.after_batch("database")

    def _reached(self, id_: str, done: int) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(enrolments).where(enrolments.c.id == id_).values(done=done))

    def _end(self, id_: str, done: int) -> None:
        with writing(self.engine) as connection:
            ended = {"done": done, "ended_at": self.now_s()}
            connection.execute(update(enrolments).where(enrolments.c.id == id_).values(ended))


def _terminal(row: Row, commitment: str, state: State, at_s: float) -> RegisteredTerminal:
    return RegisteredTerminal(
        row.id, row.account, row.class_, row.home_territory, row.public_key, commitment, state, row.subscription,
        row.groups, at_s,
    )  # fmt: skip


def _event(made: RegisteredTerminal, actor: str, table: str) -> Event:
    after = {
        "account": made.account, "class": made.class_, "home_territory": made.home_territory,
        "public_key": key_text(made.public_key), "state": str(made.state), "groups": sorted(made.groups),
    }  # fmt: skip
    return Event(made.id, made.enrolled_at_s, What.ENROLLED, {}, after, actor, f"table {table}")


# --- faults that depend on what is registered ---------------------------------------------------------------------


def _known(connection: Connection, rows: Sequence[Row], file: str, problems: list[Problem]) -> frozenset[int]:
    """Rows that are enrolled as they stand; those whose id or key is taken otherwise are faults."""
    by_id = {one.id: one for one in registry.those(connection, "id", [row.id for row in rows])}
    by_key = {one.public_key: one for one in registry.those(connection, "public_key", [row.public_key for row in rows])}
    known = set()
    for row in rows:
        there, of_key = by_id.get(row.id), by_key.get(row.public_key)
        if there is not None and there.state == State.REVOKED:
            rule, way_out = "was revoked, for good.", "Enrol the device under another id, with another key."
            problems.append(fault(file, row.number, "id", row.id, rule, way_out))
        elif there is not None and _differs(row, there):
            rule = f"is enrolled already, with another {_differs(row, there)}."
            way_out = "Change it with `openleo controller terminals`, or take the row out."
            problems.append(fault(file, row.number, "id", row.id, rule, way_out))
        elif there is not None:
            known.add(row.number)
        elif of_key is not None:
            rule = f"is the key of {of_key.id}."
            problems.append(fault(file, row.number, "public_key", None, rule, "Each terminal has its own."))
    return frozenset(known)


def _differs(row: Row, there: RegisteredTerminal) -> str:
    """What of a registered terminal is not as its row says; "" where all is."""
    for name, said, is_ in (
        ("public_key", row.public_key, there.public_key),
        ("account", row.account, there.account),
        ("class", row.class_, there.class_),
        ("home_territory", row.home_territory, there.home_territory),
        ("subscription", row.subscription, there.subscription),
    ):
        if said != is_:
            return name
    return ""


def _no_account(connection: Connection, rows: Iterable[Row], there: Mapping[str, Account], file: str) -> list[Problem]:
    ways: dict[str, str] = {}
    problems = []
    for row in rows:
        if row.account in there:
            continue
        if row.account not in ways:
            names = [one.id for one in accounts.page(connection, limit=MOST_ASKED)] if len(ways) < 20 else []
            ways[row.account] = near_names(row.account, names) or "Open it, or let --make-accounts do it."
        rule = "there is no such account."
        problems.append(fault(file, row.number, "account", row.account, rule, ways[row.account]))
    return problems


def _over_quota(connection: Connection, rows: Iterable[Row], there: Mapping[str, Account], file: str) -> list[Problem]:
    asked: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.account in there and there[row.account].quota is not None:
            asked[row.account][row.id] = row
    problems = []
    for id_, by_terminal in asked.items():
        account, has = there[id_], accounts.held(connection, id_)
        for request, why in accounts.admitted_to(account, has, by_terminal).refused:
            assert why == NotAdmitted.OVER_QUOTA
            rule = f"has a quota of {account.quota:,} terminals and {len(has):,} of them: this one is {why}."
            way_out = "Raise the quota, or enrol it to another account."
            problems.append(fault(file, by_terminal[request.terminal].number, "account", id_, rule, way_out))
    return problems


def _no_subscription(connection: Connection, rows: Sequence[Row], file: str) -> list[Problem]:
    asked = {row.subscription for row in rows if row.subscription is not None}
    of: dict[str, str] = {}
    for some in slices(asked, MOST_ASKED):
        query = select(subscriptions.c.id, subscriptions.c.account).where(subscriptions.c.id.in_(some))
        of |= {row.id: row.account for row in connection.execute(query)}
    problems = []
    for row in rows:
        if row.subscription is not None and of.get(row.subscription) != row.account:
            rule = f"is another account's, and not {row.account}'s." if row.subscription in of else "is not there."
            problems.append(fault(file, row.number, "subscription", row.subscription, rule, "Make it first."))
    return problems


def _not_in_groups(acting: Acting, rows: Sequence[Row], file: str) -> list[Problem]:
    """A group that a change set the list of takes whom the list names, and nobody else."""
    names = {name for row in rows for name in row.groups}
    if not names:
        return []
    active = acting.active()
    lists = {name: listed_in(name, active, acting.artefacts.get_json) for name in names}
    commitments = acting.commitments(
        "terminal", [row.id for row in rows if any(lists[one] is not None for one in row.groups)]
    )
    problems = []
    for row in rows:
        for name in sorted(row.groups):
            list_ = lists[name]
            if list_ is not None and commitments[row.id] not in list_:
                rule = f"the list of the group {name} that is in force does not name {row.id}."
                way_out = f"Propose another list: `openleo change propose-act group.changed group:{name} --list F`."
                problems.append(fault(file, row.number, "groups", None, rule, way_out))
    return problems


def _not_proven(origin: str, rows: Iterable[Row], file: str, *, needed: bool) -> list[Problem]:
    """Signatures that do not show that the device holds its key."""
    problems = []
    for row in rows:
        if row.signature is None:
            if needed:
                problems.append(
                    fault(file, row.number, "signature", None, "is missing.", "The device signs its enrolment.")
                )
            continue
        try:
            check_signature(row.public_key, enrolment(origin, row.id, row.public_key), row.signature)
        except KeyRefused as refused:
            problems.append(fault(file, row.number, "signature", None, str(refused), "Let the device sign again."))
    return problems
