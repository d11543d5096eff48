"""What the ledger says is in force, read slot after slot and believed only as far as it is proven.

    ledger ─► LedgerReader (verified, goes on from the tree last seen) ─► InForce ─► plan, leases, enforcement
                                     Gate (the last good one, for so long) ─┘

The ledger is opened to be read, each time anew: whoever writes to it meanwhile is not in the way. Break-glass lapses
by the clock alone, whatever has become of the ledger since it was read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, insert, select, update

from openleo import changes
from openleo.changes import Books, Documents
from openleo.controller.database import Unavailable, reading, writing
from openleo.controller.named_targets import Meant, resolve
from openleo.controller.proven import History
from openleo.controller.tables import known
from openleo.errors import InputError
from openleo.governance.entries import instant
from openleo.governance.house import LEDGER, Folder, NotInOrder, check_in_order
from openleo.governance.moves import NETWORK
from openleo.governance.roster import LEASE_SLOTS_MAX
from openleo.governance.state import Refused, State
from openleo.instants import instant_of
from openleo.ledger.faults import LedgerError, NotProven
from openleo.ledger.faults import Unavailable as LedgerUnavailable
from openleo.ledger.mark import Mark
from openleo.ledger.merkle import Frontier, check_consistency
from openleo.ledger.policy import UNWITNESSED
from openleo.ledger.store import Ledger, open_ledger
from openleo.policy.rules import RuleSet, union
from openleo.service.beams import felt
from openleo.units import BEAM_KM

SEEN = "ledger"  # in the table `known`: the tree that was seen last
NO_GENESIS = "no genesis: the ledger is not founded, so nobody decides and nobody is served"
EMPTY_ROOT = hashlib.sha256().hexdigest()  # RFC 6962: of a tree without entries
UNREAD = "the ledger cannot be read"
UNREADABLE = (LedgerError, NotInOrder, Refused, InputError, Unavailable, OSError)


@dataclass(frozen=True)
class LedgerUnread:
    """The ledger cannot be read. What is in force stays until `until`, and then nothing is permitted."""

    why: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Entered:
    """How a book came to hold: by a change, at its entry of the ledger. sha256: of what it then said, None: nothing."""

    change: str
    entry: int
    sha256: str | None


@dataclass(frozen=True)
class Phase:
    """What is in force from an instant on, until the next phase or the next entry: break-glass begins and ends."""

    begin: datetime
    active: Mapping[str, str | None]
    books: Documents
    rules: RuleSet  # as terminals feel them: what beams may not light, nobody near is served in
    meant: Meant


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What holds at an instant. `waiting`: changes that are active, and that no witness has seen: they do not hold yet.

    `witnessed`: the roster names witnesses, and every change that holds, they saw; else `unwitnessed_because` says why.
    """

    founded: bool
    origin: str
    ledger_size: int
    ledger_root: str  # hex
    books: Documents
    rules: RuleSet
    active: Mapping[str, str | None]
    meant: Meant
    witnessed: bool
    unwitnessed_because: str
    waiting: tuple[str, ...]
    read_at_s: float
    storage_outage_hours: int
    lease_slots_max: int = LEASE_SLOTS_MAX  # by the roster
    newest_s: float = 0.0  # of the newest entry, and of what witnesses saw: time never precedes it
    phases: tuple[Phase, ...] = ()
    alarm: LedgerUnread | None = None
    entered: Mapping[str, Entered] = field(default_factory=dict)  # by book

    @property
    def suspended_accounts(self) -> frozenset[str]:
        """Of the registry: nobody of these is served, whatever rules say."""
        return self.meant.suspended_accounts

    def entry_of(self, book: str) -> Entered | None:
        """Which change put what is in force of a book there; None: break-glass, or it is not known."""
        found = self.entered.get(book)
        return found if found is not None and found.sha256 == self.active.get(changes.BOOK + book) else None

    @property
    def network(self) -> str | None:
        """sha256 of the network that was approved; None: none was."""
        return self.active.get(NETWORK)

    def at(self, at: datetime) -> InForce:
        """The same ledger at another instant not before it was read: break-glass may have lapsed."""
        phase = self.phases[0]
        for one in self.phases:
            phase = one if one.begin <= at else phase
        return replace(self, active=phase.active, books=phase.books, rules=phase.rules, meant=phase.meant)


@dataclass(frozen=True)
class Outage:
    """Nothing is permitted: the ledger cannot be read, and what was in force is too old, or was never known."""

    why: str
    since: datetime

    @property
    def in_force(self) -> InForce:
        """What then holds: no rule, so nobody is served."""
        return replace(unfounded(self.since), founded=True, unwitnessed_because=f"{UNREAD}: {self.why}")


def unfounded(at: datetime) -> InForce:
    """What holds before the genesis: no rule, so nobody is served."""
    nothing = Phase(at, {}, {}, union([]), Meant())
    return InForce(
        founded=False, origin="", ledger_size=0, ledger_root=EMPTY_ROOT, books={}, rules=nothing.rules, active={},
        meant=nothing.meant, witnessed=False, unwitnessed_because=NO_GENESIS, waiting=(), read_at_s=at.timestamp(),
        storage_outage_hours=0, phases=(nothing,),
    )  # fmt: skip


def network_fault(in_force: InForce, network: str) -> str:
    """Why a controller may not run a network; "" where it is the one that was approved, or none was."""
    if in_force.network in (None, network):
        return ""
    return (
        f"the scenario is the network {network}, and in force is {in_force.network}. Serve the scenario that was "
        "approved, or have this one approved first: openleo change propose-network"
    )


# --- read -----------------------------------------------------------------------------------------------------------


@dataclass
class _Followed:
    history: History = field(default_factory=History)
    tree: Frontier = field(default_factory=Frontier)


class LedgerReader:
    """Reads a folder's ledger. `engine`: where the tree seen last is kept, so that a restart does not forget it.

    `beam_km`: how far around what beams keep dark nobody is served, as the network's masks have it.
    """

    def __init__(self, folder: Folder, engine: Engine | None = None, beam_km: float = BEAM_KM):
        self.folder, self.beam_km = folder, beam_km
        self._engine = engine
        self._done = _Followed()
        self._lock = threading.RLock()
        self._seen: tuple[int, bytes] | None = None  # size and root; None: not looked up yet
        self._kept = 0  # the size that stands in the table
        self._sets: dict[tuple[tuple[str, str | None], ...], tuple[Documents, RuleSet]] = {}

    @contextmanager
    def state(self, at: datetime) -> Iterator[State]:
        """The ledger's state now, to be looked at, and not changed; nobody reads on meanwhile. Raises as `read`."""
        with self._lock:
            self.read(at)
            yield self._done.history.state

    def read(self, at: datetime) -> InForce:
        """What is in force. Raises one of UNREADABLE: what was read before is all that is known then."""
        with self._lock:
            return self._read(at)

    def _read(self, at: datetime) -> InForce:
        if self._seen is None:
            self._seen = self._known()
        if not self._seen[0] and not self.folder.database and not (self.folder.path / LEDGER).exists():
            return unfounded(at)  # none was ever seen here
        try:
            found = self._go_on(at)
        except LedgerUnavailable:
            if self._seen[0] or not self.folder.database:
                raise
            return unfounded(at)  # a database that no ledger was ever seen in; if it is one, nobody is served either
        except NotProven:  # which entry it is, or whether another history stands there, a whole reading tells
            if not self._done.tree.size:
                raise
            self._done = _Followed()
            found = self._go_on(at)
        self._keep()
        return found

    def _go_on(self, at: datetime) -> InForce:
        before, self._done = self._done, _Followed()  # until all is found in order
        mark = Mark.beside(self.folder.key)
        known_mark = None if mark.unreadable else mark
        with open_ledger(self.folder.ledger, write=False, mark=known_mark, known=before.tree) as ledger:
            self._check_goes_on(ledger)
            findings = before.history.follow(entry for _, entry in ledger.entries(before.tree.size))
            check_in_order(ledger, before.history.state, findings)
            before.history.prove(ledger)
            self._done = _Followed(before.history, ledger.tree)
            if not ledger.size:
                return unfounded(at)
            self._seen = ledger.size, ledger.root
            return self._in_force(ledger, at)

    def _check_goes_on(self, ledger: Ledger) -> None:
        """The ledger begins with the tree that was seen last, and is signed to its end. Raises NotProven."""
        assert self._seen is not None
        size, root = self._seen
        if ledger.size < size:
            raise NotProven(f"the ledger has {ledger.size} entries, and {size} were seen here: an old copy of it?")
        if size:
            proof = ledger.prove_consistency(size, ledger.size) if size < ledger.size else []
            check_consistency(size, ledger.size, root, ledger.root, proof)
        signed = ledger.signed()
        last = next(iter(ledger.notes(above=ledger.size - 1)), None) if ledger.size else signed
        if ledger.size and last is None:
            raise NotProven("the newest entries of the ledger stand under no signed checkpoint.")

    def _in_force(self, ledger: Ledger, at: datetime) -> InForce:
        history, state = self._done.history, self._done.history.state
        phases = tuple(self._phases(history, at))
        because = _unwitnessed(history, at)
        first, settings = phases[0], state.people.settings
        return InForce(
            founded=True, origin=state.origin, ledger_size=ledger.size, ledger_root=ledger.root.hex(),
            books=first.books, rules=first.rules, active=first.active, meant=first.meant, witnessed=not because,
            unwitnessed_because=because, waiting=history.waiting, read_at_s=at.timestamp(),
            storage_outage_hours=settings.storage_outage_hours, lease_slots_max=settings.lease_slots_max,
            newest_s=_newest_s(history), phases=phases, entered=_entered(history),
        )  # fmt: skip

    def _phases(self, history: History, at: datetime) -> list[Phase]:
        """Now, and after each use of break-glass that ends later: all is read while it can be. Raises Refused."""
        state = history.state
        edges = sorted({glass.until for glass in state.glass.values() if glass.until > at})
        return [self._phase(begin, active_at(history, begin)) for begin in (at, *edges)]

    def _phase(self, begin: datetime, active: Mapping[str, str | None]) -> Phase:
        books = tuple(sorted((name, value) for name, value in active.items() if name.startswith(changes.BOOK)))
        if books not in self._sets:
            found = changes.in_force(dict(books), self.folder.artefacts)
            self._sets = dict(list(self._sets.items())[-3:])  # a few: now, and after each break-glass
            self._sets[books] = found.documents, felt(Books(found.documents).rules, self.beam_km)
        documents, rules = self._sets[books]
        return Phase(begin, active, documents, rules, resolve(active, self.folder.artefacts, self.folder.path))

    # --- what a restart must not forget

    def _known(self) -> tuple[int, bytes]:
        if self._engine is None:
            return 0, b""
        with reading(self._engine) as connection:
            row = connection.execute(select(known.c.value).where(known.c.name == SEEN)).scalar_one_or_none()
        if row is None:
            return 0, b""
        found = json.loads(row)
        self._kept = int(found["size"])
        return self._kept, bytes.fromhex(found["root"])

    def _keep(self) -> None:
        """Remember the tree that was seen, for the next start; a later one that another controller saw stays."""
        assert self._seen is not None
        size, root = self._seen
        if self._engine is None or size <= self._kept:
            return
        try:
            with writing(self._engine) as connection:
                held = connection.execute(select(known.c.value).where(known.c.name == SEEN)).scalar_one_or_none()
                value = json.dumps({"size": size, "root": root.hex()})
                if held is None:
                    connection.execute(insert(known).values(name=SEEN, value=value))
                elif int(json.loads(held)["size"]) < size:
                    connection.execute(update(known).where(known.c.name == SEEN).values(value=value))
        except Unavailable as error:  # it is held in memory, and kept with the next reading
            logging.getLogger(__name__).warning("the ledger seen last was not kept: %s", error)
            return
        self._kept = size


def _newest_s(history: History) -> float:
    newest_at = history.state.newest_at
    return max(0.0 if newest_at is None else newest_at.timestamp(), float(history.anchor.seen_s))


def _entered(history: History) -> dict[str, Entered]:
    """By which change and entry each book came to hold; without those whose change waits, as another one holds."""
    found = {}
    for target, settled in history.state.settled.items():
        if target.startswith(changes.BOOK) and settled.by is not None and settled.by not in history.waiting:
            entry = history.state.changes[settled.by].activated_by
            if entry is not None:
                found[target.removeprefix(changes.BOOK)] = Entered(settled.by, entry, settled.value)
    return found


def active_at(history: History, at: datetime) -> dict[str, str | None]:
    """Every target's value at an instant: what is settled and proven, and what break-glass holds over it."""
    state, found = history.state, history.lasting
    for glass in state.glass.values():
        if glass.at <= at < glass.until:
            found |= {m.target: m.new for m in glass.used.moves if state.value(m.target) == glass.before[m.target]}
    return found


def _unwitnessed(history: History, at: datetime) -> str:
    """Why what holds is not witnessed; "" where it is."""
    if not history.witnesses_named:
        return UNWITNESSED
    if history.waiting:
        return f"no witness has seen {', '.join(history.waiting)} yet, which therefore waits"
    glasses = [id_ for id_, one in history.state.glass.items() if one.at <= at < one.until and not one.used.witnessed]
    return f"unwitnessed: {', '.join(glasses)} was used while the witnesses could not be reached" if glasses else ""


# --- kept through an outage -----------------------------------------------------------------------------------------


class Gate:
    """What may be served by, whatever has become of the ledger. Nothing on doubt."""

    def __init__(self, reader: LedgerReader):
        self.reader = reader
        self._last: InForce | None = None
        self._since: datetime | None = None  # when the ledger was found unreadable

    def current(self, at: datetime) -> InForce | Outage:
        """Read anew; or the last good one with an alarm, for as long as the roster lets it; or nothing."""
        try:
            self._last = self.reader.read(at)
        except UNREADABLE as error:
            return self._without(at, why_unreadable(error))
        self._since = None
        return self._last

    def _without(self, at: datetime, why: str) -> InForce | Outage:
        self._since = self._since or at
        last = self._last
        if last is None or not last.founded:
            return Outage(why, self._since)
        begun = instant_of(last.read_at_s)
        until = begun + timedelta(hours=last.storage_outage_hours)
        if at >= until:
            return Outage(f"{why} What was in force held until {instant(until)}.", self._since)
        return replace(last.at(at), alarm=LedgerUnread(why, self._since, until))


def why_unreadable(error: BaseException) -> str:
    """In one sentence."""
    if isinstance(error, InputError):
        return "; ".join(str(problem) for problem in error.problems)
    if isinstance(error, OSError):
        return f"{error.filename or 'the ledger'}: {error.strerror or error}."
    return str(error)
