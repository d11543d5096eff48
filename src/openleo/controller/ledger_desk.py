"""Acts on the ledger: the data folder that governs, opened for the moment of an act.

The ledger comes first: what it refuses does not happen, and what it took stands before the database says so. One act
at a time; another process that writes just then is waited for, and then told to come again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from openleo.governance.artefacts import Artefacts
from openleo.governance.entries import Act, Body, Terminal, entry
from openleo.governance.house import LEDGER, Folder, House
from openleo.governance.moves import Move
from openleo.governance.registry import Registry
from openleo.governance.state import Refused, State
from openleo.ledger.faults import Unavailable

PATIENCE_S = 3.0  # for another process that writes
PAUSE_S = 0.1
BATCH = 2_000  # entries under one checkpoint


class NeedsChange(Refused):
    """The ledger does not take it as an act of one. `way_out`: how to propose it."""

    def __init__(self, why: str, way_out: str):
        super().__init__(f"{why}. {way_out}")
        self.way_out = way_out


@contextmanager
def or_propose(way_out: str) -> Iterator[None]:
    """A refusal by the ledger, with what to do about it."""
    try:
        yield
    except NeedsChange:
        raise
    except Refused as refused:
        raise NeedsChange(str(refused), way_out) from refused


@dataclass
class Acting:
    """An open ledger: what it says, and what is added to it. Methods raise Refused."""

    house: House
    clock: Callable[[], datetime]

    @property
    def state(self) -> State:
        return self.house.state

    @property
    def artefacts(self) -> Artefacts:
        return self.house.artefacts

    def active(self) -> dict[str, str | None]:
        """Every target's value in force now."""
        return self.state.active(self.house.now(self.clock()))

    def commitments(self, kind: str, names: Iterable[str]) -> dict[str, str]:
        """By name; the keys are on the disk before an entry rests on them."""
        with Registry(self.house.folder.path) as registry:
            return registry.commitments(kind, names)

    def append(self, bodies: Sequence[tuple[str, Body]]) -> range | None:
        """Entries of (type, body): all or none. Gives their numbers."""
        if not bodies:
            return None
        now = self.house.now(self.clock())
        numbers = self.house.append([entry(now, body, type_) for type_, body in bodies])
        self.house.write_active(now)
        return numbers

    def move(self, type_: str, target: str, new: str, actor: str, reason: str) -> range | None:
        """A single act: a target goes from the value that it has to another one."""
        move = Move(target=target, base=self.state.value(target), new=new)
        said = Act(change=None, move=move, actor=actor, reason=reason, terminals=0, territories={})
        return self.append([(type_, said)])


def terminal_body(terminal: str, account: str, territory: str, class_: str) -> Terminal:
    """As the ledger lists a terminal; `terminal`, `account`: commitments."""
    said = {"terminal": terminal, "account": account, "territory": territory, "class": class_}
    return Terminal.model_validate(said)


@dataclass
class LedgerDesk:
    """Opens the ledger of a folder. `clock`: UTC."""

    folder: Folder
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    patience_s: float = PATIENCE_S
    _one: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def open(self) -> Iterator[Acting]:
        """Raises Refused where nothing is founded, LedgerError where it does not open."""
        if not self.folder.database and not (self.folder.path / LEDGER).is_file():
            raise Refused("there is no ledger yet: found it first, with `openleo officer found`")
        with self._one, self._house() as house:
            yield Acting(house, self.clock)

    def _house(self) -> House:
        until = time.monotonic() + self.patience_s
        while True:
            try:
                return House(self.folder)
            except Unavailable:
                if time.monotonic() >= until:
                    raise
                time.sleep(PAUSE_S)

    @property
    def path(self) -> Path:
        return self.folder.path
