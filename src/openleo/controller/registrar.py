"""Changes of a terminal, one at a time: what can end service goes onto the ledger before the database says so.

    check (state machine, version) ─► ledger: an act, counted; or Refused, and nothing changed ─► terminals + custody

An act that the ledger took and the database did not (a kill between the two) is done again: the ledger is asked what it
says already. The rate of acts is the ledger's own rule; above it a change has to be approved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, select

from openleo.controller import accounts, custody, registry
from openleo.controller.custody import Event, What
from openleo.controller.database import reading, writing
from openleo.controller.device_keys import KeyRefused, check_signature, key_change, key_text
from openleo.controller.group_lists import listed_in
from openleo.controller.ledger_desk import Acting, LedgerDesk, NeedsChange, or_propose, terminal_body
from openleo.controller.registry import LISTED, NotPossible, RegisteredTerminal, State
from openleo.controller.tables import terminals
from openleo.governance.entries import Body
from openleo.places.territories import territory_id, unknown_territory

ONE_BY_ONE = (
    "Above the rate, give the terminals an account of their own (a transfer between active accounts is no act), and "
    "propose its suspension: `openleo change propose-act account.suspended account:COMMITMENT`."
)


@dataclass(frozen=True)
class By:
    """Who does something, and why. `seen`: the version they saw; None: whichever there is."""

    actor: str
    reason: str = ""
    seen: int | None = None


@dataclass(frozen=True)
class Registrar:
    """`now_s`: the instant of what is written down, in seconds since the Unix epoch.

    All methods raise Unknown, Stale, NotPossible, Refused, and what database and ledger raise; then nothing is done.
    """

    engine: Engine
    desk: LedgerDesk
    now_s: Callable[[], float]

    def set_state(self, id_: str, new: State, by: By) -> RegisteredTerminal:
        """Suspend, lose, find or revoke a terminal, or put it into service."""
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            if before.state == new and new != State.REVOKED:
                return before
            registry.check_follows(before, new)
            after = replace(before, state=new)
            with or_propose(ONE_BY_ONE):
                acting.append(self._list_or_not(acting, before, after))
            return self._write(before, after, What.STATE, {"state": before.state}, {"state": new}, by)

    def transfer(self, id_: str, account: str, by: By, subscription: str | None = None) -> RegisteredTerminal:
        """Give a terminal another account. To a suspended one it is an act, as it loses service by that."""
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            self._check_not_revoked(before)
            with reading(self.engine) as connection:
                target = accounts.find(connection, account)
                accounts.check_subscription(connection, account, subscription)
                accounts.check_quota(connection, target, () if before.account == account else [id_])
            if before.account == account:
                raise NotPossible(f"{id_} has the account {account} already")
            after = replace(before, account=account, subscription=subscription)
            known = acting.state.terminals.get(before.commitment)
            if before.listed and known is not None and known.account != target.commitment:
                body = terminal_body(before.commitment, target.commitment, known.territory, known.class_)
                with or_propose(ONE_BY_ONE):
                    acting.append([("terminal.transferred", body)])
            said = {"account": before.account}, {"account": account}
            return self._write(before, after, What.TRANSFERRED, *said, by)

    def set_class(self, id_: str, class_: str, by: By) -> RegisteredTerminal:
        """Another class, as an act on the ledger."""
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            if before.class_ == class_:
                return before
            if not before.listed:
                raise NotPossible(f"{id_} is {before.state}: its class changes while it is enrolled or active")
            target = f"class:{before.commitment}"
            if acting.state.value(target) != class_:
                with or_propose(f"Propose it: `openleo change propose-act class.changed {target} {class_}`."):
                    acting.move("class.changed", target, class_, by.actor, by.reason or "a class was corrected")
            after = replace(before, class_=class_)
            return self._write(before, after, What.CLASS, {"class": before.class_}, {"class": class_}, by)

    def set_groups(self, id_: str, groups: frozenset[str], by: By) -> RegisteredTerminal:
        """A terminal's groups, where the lists in force say so: groups move by changes only."""
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            self._check_not_revoked(before)
            active = acting.active()
            for name in sorted(before.groups ^ groups):
                list_ = listed_in(name, active, acting.artefacts.get_json)
                if list_ is None or (before.commitment in list_) != (name in groups):
                    verb = "put into" if name in groups else "taken out of"
                    raise NeedsChange(
                        f"{id_} is {verb} the group {name} by an approved change only",
                        f"Propose its list: `openleo change propose-act group.changed group:{name} --list F`; "
                        f"`openleo controller terminals list --group {name} --commitments` prints the one of now.",
                    )
            if groups == before.groups:
                return before
            said = {"groups": sorted(before.groups)}, {"groups": sorted(groups)}
            return self._write(before, replace(before, groups=groups), What.GROUPS, *said, by)

    def set_home(self, id_: str, home: str, by: By) -> RegisteredTerminal:
        """Another home territory: the terminal leaves the ledger's list and is enrolled anew, which is an act."""
        territory = territory_id(home)
        if territory is None:
            raise NotPossible(" ".join(unknown_territory(home)))
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            self._check_not_revoked(before)
            if before.home_territory == territory:
                return before
            after = replace(before, home_territory=territory)
            self._anew(acting, before, after)
            said = {"home_territory": before.home_territory}, {"home_territory": territory}
            return self._write(before, after, What.HOME, *said, by)

    def set_key(self, id_: str, key: bytes, by: By, signature: str | None = None) -> RegisteredTerminal:
        """Another key. Signed by the key before it, the device itself goes on; else it is an act.

        A key that the device has not got ends its service, so without its signature it counts as one terminal cut.
        """
        with self.desk.open() as acting:
            before = self._seen(id_, by)
            self._check_not_revoked(before)
            if before.public_key == key:
                return before
            with reading(self.engine) as connection:
                if others := registry.those(connection, "public_key", [key]):
                    raise NotPossible(f"the key is that of {others[0].id}; every terminal has its own")
            after = replace(before, public_key=key)
            if signature is None:
                self._anew(acting, before, after)
            else:
                try:
                    check_signature(before.public_key, key_change(acting.state.origin, id_, key), signature)
                except KeyRefused as refused:
                    raise NotPossible(f"the change of {id_}'s key is not signed by its device: {refused}") from refused
            said = {"public_key": key_text(before.public_key)}, {"public_key": key_text(key)}
            return self._write(before, after, What.KEY, *said, by)

    def set_subscription(self, id_: str, subscription: str | None, by: By) -> RegisteredTerminal:
        """What the terminal's account buys for it."""
        before = self._seen(id_, by)
        self._check_not_revoked(before)
        with reading(self.engine) as connection:
            accounts.check_subscription(connection, before.account, subscription)
        if before.subscription == subscription:
            return before
        said = {"subscription": before.subscription}, {"subscription": subscription}
        return self._write(before, replace(before, subscription=subscription), What.SUBSCRIPTION, *said, by)

    # --- the ledger's list

    def _list_or_not(
        self, acting: Acting, before: RegisteredTerminal, after: RegisteredTerminal
    ) -> list[tuple[str, Body]]:
        """What the ledger is told when a state changes; nothing where it says so already."""
        known = acting.state.terminals.get(before.commitment)
        if after.listed and known is None:
            return [("terminal.enrolled", self._body(acting, after))]
        if not after.listed and known is not None:
            return [("terminal.revoked", known)]
        return []

    def _anew(self, acting: Acting, before: RegisteredTerminal, after: RegisteredTerminal) -> None:
        """Off the list, and onto it again in the same batch: counted as one terminal that is cut."""
        if before.state not in LISTED:
            return
        known = acting.state.terminals.get(before.commitment)
        gone: list[tuple[str, Body]] = [] if known is None else [("terminal.revoked", known)]
        with or_propose(ONE_BY_ONE):
            acting.append([*gone, ("terminal.enrolled", self._body(acting, after))])

    def _body(self, acting: Acting, terminal: RegisteredTerminal) -> Body:
        account = acting.commitments("account", [terminal.account])[terminal.account]
        return terminal_body(terminal.commitment, account, terminal.home_territory, terminal.class_)

    # --- the database

    def _seen(self, id_: str, by: By) -> RegisteredTerminal:
        with reading(self.engine) as connection:
            return registry.find_seen(connection, id_, by.seen)

    def _check_not_revoked(self, terminal: RegisteredTerminal) -> None:
        if terminal.state == State.REVOKED:
            raise NotPossible(f"{terminal.id} was revoked, for good: nothing of it changes any more")

    def _write(
        self,
        before: RegisteredTerminal,
        after: RegisteredTerminal,
        what: What,
        was: Mapping[str, Any],
        is_: Mapping[str, Any],
        by: By,
    ) -> RegisteredTerminal:
        with writing(self.engine) as connection:
            made = registry.write(connection, before, after)
            custody.add(connection, [Event(before.id, self.now_s(), what, was, is_, by.actor, by.reason)])
        return made

    # --- what the ledger says, taken over

    def follow(self) -> list[str]:
        """Bring the database to what the ledger says, where a change or a kill left it behind. Gives the terminals.

        Classes and lists of groups that changes set; and terminals that the ledger lists no more, which are suspended.
        """
        # While the ledger is held open nobody enrols: a terminal that came after what is read here would seem unlisted.
        with self.desk.open() as acting:
            active, unlisted = acting.active(), acting.state.unlisted
            names = [target.partition(":")[2] for target in active if target.startswith("group:")]
            lists = {name: listed_in(name, active, acting.artefacts.get_json) for name in names}
            with reading(self.engine) as connection:
                both = [(one, _as_listed(one, active, lists, unlisted)) for one in _all(connection)]
            moved = [(before, after) for before, after in both if after != before]
            if moved:
                with writing(self.engine) as connection:
                    for before, after in moved:
                        registry.write(connection, before, after)
                    at_s = self.now_s()
                    custody.add(connection, [event for one in moved for event in _events(*one, at_s)])
            return [before.id for before, _ in moved]


def _as_listed(
    before: RegisteredTerminal, active: Mapping[str, str | None], lists: Mapping[str, Collection[str] | None],
    unlisted: Collection[str],
) -> RegisteredTerminal:  # fmt: skip
    """A terminal as the ledger says that it is; one that was revoked stays what it was."""
    if before.state == State.REVOKED:
        return before
    after = before
    if before.listed and before.commitment in unlisted:
        after = replace(after, state=State.SUSPENDED)
    if (class_ := active.get(f"class:{before.commitment}")) is not None:
        after = replace(after, class_=class_)
    groups = before.groups
    for name, list_ in lists.items():
        if list_ is not None:
            groups = groups | {name} if before.commitment in list_ else groups - {name}
    return replace(after, groups=groups)


def _events(before: RegisteredTerminal, after: RegisteredTerminal, at_s: float) -> list[Event]:
    """What the ledger changed of a terminal."""
    told = (
        (What.STATE, "state", before.state, after.state),
        (What.CLASS, "class", before.class_, after.class_),
        (What.GROUPS, "groups", sorted(before.groups), sorted(after.groups)),
    )
    return [
        Event(before.id, at_s, what, {name: was}, {name: is_}, "ledger", "as the ledger says")
        for what, name, was, is_ in told
        if was != is_
    ]


def _all(connection: Connection) -> list[RegisteredTerminal]:
    rows = connection.execute(select(terminals).order_by(terminals.c.id)).mappings()
    return [registry.of_row(row) for row in rows]
