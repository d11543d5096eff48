"""A data folder of governance: the ledger, its key, and the artefacts that the ledger names.

    DIR/ledger.sqlite      the entries: the only thing that says what is in force
    DIR/log.key            the private key of the log, readable by its owner alone; log_keys.py
    DIR/artefacts/SHA256   rule books, effects, rosters
    DIR/active.json        what is in force, derived; written for people and programmes, read by nothing here

Opening verifies the ledger from its entries up and replays it. Entries are checked against the state, made durable
under a signed checkpoint, and only then followed: what is in force was logged before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from openleo.governance import log_keys
from openleo.governance.artefacts import Artefacts
from openleo.governance.entries import Entry, Genesis, from_bytes, instant
from openleo.governance.replay import Finding, audit, follow, refusal
from openleo.governance.state import Refused, State
from openleo.ledger import keys
from openleo.ledger.cosignature import Seal, verified
from openleo.ledger.keys import Signer
from openleo.ledger.mark import Mark
from openleo.ledger.policy import Policy, of_log
from openleo.ledger.policy import parse as parse_policy
from openleo.ledger.store import Ledger, create, open_ledger
from openleo.ledger.tiles import OnProgress
from openleo.ledger.witness_client import AHEAD_S

LEDGER, KEY, ARTEFACTS, ACTIVE = "ledger.sqlite", "log.key", "artefacts", "active.json"

At = Callable[[str], None]  # is told of every point that an act passes


def nowhere(_point: str) -> None:
    """Nobody listens."""


class NotInOrder(Exception):
    """Entries of a ledger that should not be there: it is opened for nobody."""

    def __init__(self, findings: Sequence[Finding]):
        self.findings = tuple(findings)
        super().__init__("; ".join(f"entry {one.entry}: {one.why}" for one in findings[:5]))


@dataclass(frozen=True)
class Folder:
    """Where the things of a data folder stand. `database`: an address in place of the file."""

    path: Path
    database: str = ""

    @property
    def ledger(self) -> str:
        return self.database or str(self.path / LEDGER)

    @property
    def key(self) -> Path:
        return self.path / KEY

    @property
    def artefacts(self) -> Artefacts:
        return Artefacts(self.path / ARTEFACTS)

    @property
    def active(self) -> Path:
        return self.path / ACTIVE


def found(folder: Folder, signer: Signer, genesis: Entry, at: At = nowhere) -> str:
    """A new ledger with entry 0. Gives the entry's fingerprint, to be pinned by everybody. Raises Refused."""
    if why := refusal(State(), genesis):
        raise Refused(why)
    assert isinstance(genesis.body, Genesis)
    if str(signer.verifier) != genesis.body.log_vkey or signer.name != genesis.body.origin:
        raise Refused("the founders signed for another log key than this one")
    create(folder.ledger, signer.verifier)
    with House(folder, at=at) as house:
        house.append([genesis])
    return fingerprint(genesis)


def fingerprint(genesis: Entry) -> str:
    """Of entry 0: who has it from elsewhere knows that a ledger is the one that was founded."""
    return hashlib.sha256(genesis.to_bytes()).hexdigest()


class House:
    """An open data folder. One process writes; others read."""

    def __init__(self, folder: Folder, *, write: bool = True, at: At = nowhere, on_progress: OnProgress | None = None):
        """Raises LedgerError where the ledger does not verify, NotInOrder where its entries do not follow."""
        self.folder, self.artefacts = folder, folder.artefacts
        self.at = at
        self._writing = threading.RLock()
        self._signer: Signer | None = None
        mark = Mark.beside(folder.key)  # no secret: who only reads is not shown an old copy of the database either
        self.unmarked = "" if write else mark.unreadable
        known = None if self.unmarked else mark
        self.ledger: Ledger = open_ledger(folder.ledger, write=write, mark=known, on_progress=on_progress, at=at)
        try:
            self.state = _in_order(self.ledger)
            if write:
                self._signer = log_keys.current(folder.key, str(self.ledger.key))
        except BaseException:
            self.ledger.close()
            raise

    def append(self, entries: Sequence[Entry]) -> range:
        """Add entries, all or none; when this returns they are durable, checkpointed and followed. Raises Refused.

        Gives their numbers. After a failure of the storage the house has to be opened again.
        """
        with self._writing:  # what is followed and what is durable are one: no thread forgets what another one wrote
            signer, first = self.signer, self.state.size
            try:
                for entry in entries:
                    _follow(self.state, entry)
                successor = self._successor()
                self.at("entries checked")
                self.ledger.append([entry.to_bytes() for entry in entries], signer, successor)
            except BaseException:
                self._again(first)
                raise
            self.at("entries durable")
            if successor is not None:
                self._signer = successor
                log_keys.take_place(self.folder.key, successor)
                self.at("log key replaced")
            return range(first, self.state.size)

    def _successor(self) -> Signer | None:
        """The key that follows the ledger's, where the entries just followed say so. Raises Refused."""
        if self.state.log_vkey == str(self.ledger.key):
            return None
        return log_keys.waiting(self.folder.key, self.state.log_vkey)

    def _again(self, size: int) -> None:
        """The state of the ledger's first entries: what was followed in vain is forgotten."""
        self.state, _ = audit(entry for _, entry in self.ledger.entries(0, size))

    @property
    def signer(self) -> Signer:
        assert self._signer is not None, "the house was opened to read"
        return self._signer

    @property
    def policy(self) -> Policy:
        """Whose signatures make a checkpoint of this ledger good: by the roster in force."""
        return policy_of(self.state)

    def now(self, clock: datetime) -> datetime:
        """The instant of an entry made now, in whole seconds. Raises Refused where the clock is behind what is known.

        Known are the newest entry's time, and those at which witnesses saw the last checkpoint. A witness's clock may
        be a little ahead of ours: up to AHEAD_S its time is taken.
        """
        now = newest(self.state, clock)
        for seal in self._seals():
            ahead_s = (seal.time_s or 0) - int(now.timestamp())
            if ahead_s > AHEAD_S:
                raise Refused(_behind(now, f"{seal.key.name} saw the last checkpoint {ahead_s} s later"))
            now += timedelta(seconds=max(0, ahead_s))
        return now

    def _seals(self) -> Sequence[Seal]:
        """The witnesses' signatures that hold under the last checkpoint."""
        signed = self.ledger.signed()
        known = [witness.key for witness in self.policy.witnesses]
        return verified(signed, known).seals if signed is not None and known else ()

    def entry(self, index: int) -> Entry:
        return from_bytes(self.ledger.entry(index))

    def write_active(self, at: datetime) -> str:
        """What is in force, for people and programmes. Nothing here reads it: it is derived again at every start.

        Gives why it could not be written; "" where it was. What is in force does not depend on it.
        """
        said = {
            "at": instant(at),
            "size": self.state.size,
            "origin": self.state.origin,
            "active": dict(sorted(self.state.active(at).items())),
        }
        beside = self.folder.active.with_name(f".{ACTIVE}.new")
        try:
            beside.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
            beside.replace(self.folder.active)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            return f"{self.folder.active} was not written ({error.strerror}): it says what was in force before"
        return ""

    def close(self) -> None:
        self.ledger.close()

    def __enter__(self) -> House:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()


def _in_order(ledger: Ledger) -> State:
    """Raises NotInOrder."""
    state, findings = audit(entry for _, entry in ledger.entries())
    check_in_order(ledger, state, findings)
    return state


def check_in_order(ledger: Ledger, state: State, findings: Sequence[Finding]) -> None:
    """Whether a ledger whose entries were all followed is one that governs. Raises NotInOrder."""
    if findings:
        raise NotInOrder(findings)
    if state.size and state.log_vkey != str(ledger.key):
        why = f"its entries say that {state.log_vkey} signs, and {ledger.key} does: no change replaced the key so"
        raise NotInOrder([Finding(state.size - 1, why)])


def _follow(state: State, entry: Entry) -> None:
    """Raises Refused."""
    if why := refusal(state, entry):
        raise Refused(why)
    follow(state, entry)


def policy_of(state: State) -> Policy:
    """The log's key of now, and the witnesses of the roster."""
    log = of_log(keys.parse_verifier(state.log_vkey))
    if not state.people.witnesses:
        return log
    witnesses = parse_policy(state.people.witnesses.encode())
    return Policy(log.logs, witnesses.witnesses, witnesses.groups, witnesses.quorum)


def newest(state: State, clock: datetime) -> datetime:
    """The instant of an entry made now, in whole seconds. Raises Refused where the clock is behind the ledger."""
    now = clock.replace(microsecond=0)
    if state.newest_at is not None and now < state.newest_at:
        raise Refused(_behind(now, f"the newest entry is of {instant(state.newest_at)}"))
    return now


def _behind(now: datetime, known: str) -> str:
    return f"the clock says {instant(now)}, and {known}: time does not go back. Set the clock right"
