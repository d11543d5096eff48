"""A ledger that is followed from one pass to the next: what was replayed before stays in memory.

The ledger stays the only thing that says what happened. Each pass asks it whether it goes on from the tree that was
replayed, and hashes and replays what came after; where it does not, everything is forgotten and read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from openleo.governance.entries import Entry, from_bytes
from openleo.governance.house import Folder, check_in_order
from openleo.governance.notices import Notice
from openleo.governance.noticing import Watch
from openleo.governance.state import Refused
from openleo.ledger.faults import NotProven
from openleo.ledger.merkle import Frontier
from openleo.ledger.store import open_ledger
from openleo.ledger.tiles import OnProgress


@dataclass(frozen=True)
class _Followed:
    """What was replayed, and the tree of exactly these entries."""

    watch: Watch = field(default_factory=Watch)
    tree: Frontier = field(default_factory=Frontier)
    genesis: bytes | None = None


class Follower:
    """What a folder's ledger gives notice of."""

    def __init__(self, folder: Folder):
        self._folder = folder
        self._done = _Followed()

    @property
    def size(self) -> int:
        """The entries that were followed."""
        return self._done.tree.size

    @property
    def genesis(self) -> Entry:
        """Entry 0. Raises Refused where nothing was followed yet."""
        if self._done.genesis is None:
            raise Refused("the ledger has no genesis: entry 0 has to say who decides")
        return from_bytes(self._done.genesis)

    def notices(self, now: datetime) -> tuple[Notice, ...]:
        """Every notice until now."""
        return self._done.watch.until(now)

    def look(self, on_progress: OnProgress | None = None) -> int:
        """Follow what is new; gives how many entries were replayed.

        Raises NotProven where the ledger does not verify, NotInOrder where its entries do not follow; the next look
        then begins at entry 0, as it does where another history stands in its place.
        """
        if self.size:
            try:
                return self._go_on(on_progress)
            except NotProven:  # which entry it is, or whether it is another ledger that holds, a whole look tells
                self._done = _Followed()
        return self._go_on(on_progress)

    def _go_on(self, on_progress: OnProgress | None) -> int:
        before = self._done
        with open_ledger(self._folder.ledger, write=False, known=before.tree, on_progress=on_progress) as ledger:
            self._done = _Followed()  # until all is found in order
            findings = before.watch.follow(entry for _, entry in ledger.entries(before.tree.size))
            check_in_order(ledger, before.watch.state, findings)
            genesis = ledger.entry(0) if before.genesis is None and ledger.size else before.genesis
            self._done = _Followed(before.watch, ledger.tree, genesis)
            return ledger.size - before.tree.size
