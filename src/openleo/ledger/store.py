"""Where a ledger is kept: entries, their tiles, and what has been signed of them.

    open_ledger ─► Ledger.append (durable when it returns) ─► Ledger.checkpoint (signed, durable, consistent)
                        └─ both at once with `signer`                └─► Ledger.prove, fetch (tiles), entries

One process writes. Opening re-verifies everything from the entries up, and refuses a database in which something was
altered or dropped. A checkpoint is signed only if the tree begins with the one signed last, by this database and by
this key: a mark beside the key remembers the latter, so that an old copy of the database cannot make the key sign a
second history.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from openleo.ledger import checkpoint, merkle, proof, store_check, tiles
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.database import Database, as_bytes, connect
from openleo.ledger.faults import LedgerError, Malformed, Missing, NotProven, Unavailable
from openleo.ledger.keys import ED25519, Signer, VerifierKey, parse_verifier
from openleo.ledger.mark import Mark
from openleo.ledger.merkle import Frontier
from openleo.ledger.note import Note, Signature
from openleo.ledger.tiles import ENTRIES, ENTRY_BYTES_MAX, WIDTH, OnProgress, TileHashes
from openleo.ledger.tip import Tip, extended, read_tile, read_tip

FORMAT = "1"
MOST_TOGETHER = 256  # threads that share a transaction
# Where a kill finds an append: in this order. A test kills at each, and opens again.
POINTS = (
    "append: accepted",
    "append: entries written",
    "append: tiles written",
    "append: checkpoint written",
    "append: committed",
    "append: marked",
)


@dataclass(frozen=True)
class Appended:
    """Where an entry went."""

    index: int
    leaf: bytes  # its leaf hash


@dataclass(eq=False)
class _Waiting:
    """What a thread wants appended, and what became of it."""

    entries: Sequence[bytes]
    leaves: list[bytes]
    signer: Signer | None
    successor: Signer | None = None
    made: list[Appended] = field(default_factory=list)
    error: LedgerError | None = field(default_factory=lambda: Unavailable("the write was interrupted."))  # until done


def create(place: str, origin: VerifierKey) -> None:
    """An empty ledger in a file or at an address, of the log whose key this is. The key's name is its origin.

    One that is empty still, and of this key, is it already: whoever made it was stopped before the first entry.
    """
    database = connect(place, write=True, create=True)
    try:
        with database.transaction():
            made = [("format", FORMAT), ("vkey", str(origin))]
            if about := database.rows("select name, value from ledger_about"):
                held = database.rows("select 1 from ledger_entry limit 1")
                if not held and sorted(tuple(one) for one in about) == made:
                    return
                raise Unavailable(f"{database.name} holds a ledger already.")
            database.change("insert into ledger_about (name, value) values (?, ?)", made)
    finally:
        database.close()


def open_ledger(
    place: str,
    *,
    write: bool = True,
    mark: Mark | None = None,
    verify: bool = True,
    known: Frontier | None = None,
    on_progress: OnProgress | None = None,
    at: Callable[[str], None] = lambda _: None,
) -> Ledger:
    """A ledger that was created before, re-verified whole; or from `known` on, a tree that the caller verified before.

    `mark`: what the key signed last (beside the key); `at` is told of each of POINTS when it is reached. Raises
    NotProven with the entry at fault, or Unavailable.
    """
    database = connect(place, write=write)
    try:
        remembered = mark.read() if mark and verify else None  # before the entries, which only grow
        with database.snapshot():
            keys = _keys_of(database)
            if known is not None and known.size:
                store_check.check_more(database, keys[0], remembered, known)
            elif verify:
                store_check.check(database, keys[0], remembered, on_progress)
            return Ledger(database, keys, mark, at)
    except BaseException:
        database.close()
        raise


def _keys_of(database: Database) -> list[VerifierKey]:
    """The log's key, and before it those that it was rotated from, the newest first."""
    about: dict[str, str] = dict(database.rows("select name, value from ledger_about"))
    if about.get("format") != FORMAT:
        raise Unavailable(f"{database.name} holds no ledger of format {FORMAT}. Try: openleo ledger init")
    return [parse_verifier(text) for text in (about["vkey"], *about.get("earlier", "").split())]


class Ledger:
    """An open ledger. Its methods may be called from several threads."""

    def __init__(self, database: Database, keys: list[VerifierKey], mark: Mark | None, at: Callable[[str], None]):
        self.key, self.earlier_keys = keys[0], tuple(keys[1:])
        self._database, self._mark, self._at = database, mark, at
        self._lock = threading.RLock()
        self._reading = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._failed = False
        self._tip = read_tip(database)
        self._signed = _last_signed(database)
        self._known = TileHashes(self.fetch, self.size), self.size

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def size(self) -> int:
        """Entries that are durable; the last checkpoint may be of fewer."""
        return self._tip.frontier.size

    @property
    def root(self) -> bytes:
        return self.tree.root

    @property
    def tree(self) -> Frontier:
        """All that is needed to know this tree again (`known`), or to append to it."""
        return self._tip.frontier

    # --- writing

    def append(
        self, entries: Sequence[bytes], signer: Signer | None = None, successor: Signer | None = None
    ) -> list[Appended]:
        """Add entries, all or none of them; when this returns they are on the disk.

        With a signer, a checkpoint over them is signed in the same transaction. With a successor, that checkpoint
        bears its signature too, and from the same transaction on its key is the ledger's. Threads that append at the
        same time share a transaction and its wait for the disk.
        """
        for entry in entries:
            if len(entry) > ENTRY_BYTES_MAX:
                raise Malformed(f"an entry has {len(entry)} bytes; {ENTRY_BYTES_MAX} is the most. Log its SHA-256.")
        self._check_usable(signer)
        if successor is not None:
            self._check_successor(entries, signer, successor)
        mine = _Waiting(entries, merkle.leaf_hashes(entries), signer, successor)
        self._waiting.append(mine)
        with self._lock:  # who gets it first appends for all that wait by then
            while mine in self._waiting:
                together = self._waiting[:MOST_TOGETHER]
                del self._waiting[: len(together)]
                self._append_all(together)
        if mine.error is not None:
            raise mine.error
        return mine.made

    def _append_all(self, together: list[_Waiting]) -> None:
        first, leaves = self.size, [leaf for one in together for leaf in one.leaves]
        places = iter([Appended(first + at, leaf) for at, leaf in enumerate(leaves)])
        made = [list(itertools.islice(places, len(one.leaves))) for one in together]
        rows = [
            (where.index, entry, where.leaf)
            for one, wheres in zip(together, made, strict=True)
            for where, entry in zip(wheres, one.entries, strict=True)
        ]
        try:
            signer, successor = (
                _first(signers) for signers in zip(*((one.signer, one.successor) for one in together), strict=True)
            )
            self._check_usable(signer)
            tip, changed = extended(self._tip, leaves)
            self._write(rows, changed, tip, signer, successor)
        except LedgerError as error:
            for one in together:
                one.error = error
        else:
            for one, wheres in zip(together, made, strict=True):
                one.made, one.error = wheres, None

    def checkpoint(self, signer: Signer) -> Note:
        """The signed checkpoint of all entries; the one there is, if nothing came after it."""
        with self._lock:
            self._check_usable(signer)
            if self._signed is None or self._signed[0].size != self.size:
                self._write([], {}, self._tip, signer)
            assert self._signed is not None
            return self._signed[1]

    def add_cosignatures(self, size: int, more: Sequence[Signature]) -> Note:
        """Keep witnesses' cosignatures, verified by who calls, under the checkpoint of that size."""
        with self._lock:
            note = self._note(size)
            if (checked := note.with_signatures(more)) != note:
                with self._database.transaction():
                    sql = "update ledger_checkpoint set note = ? where size = ?"
                    self._database.change(sql, [(checked.encode(), size)])
                if self._signed is not None and self._signed[0].size == size:
                    self._signed = (self._signed[0], checked)
            return checked

    def _write(self, rows: list[tuple[int, bytes, bytes]], changed: dict[tuple[int, int], bytes], tip: Tip,
               signer: Signer | None, successor: Signer | None = None) -> None:  # fmt: skip
        """One transaction; nothing that this object says changes unless it is committed."""
        self._at("append: accepted")
        signed = self._sign(tip.frontier, signer) if signer else None
        if signed and successor:
            signed = (signed[0], signed[1].with_signatures(checkpoint.sign(signed[0], successor).signatures))
        try:
            with self._database.transaction():
                if rows:
                    self._database.change("insert into ledger_entry (number, body, leaf) values (?, ?, ?)", rows)
                self._at("append: entries written")
                if changed:
                    self._database.change(
                        "insert into ledger_tile (level, number, hashes) values (?, ?, ?)"
                        " on conflict (level, number) do update set hashes = excluded.hashes",
                        [(*which, hashes) for which, hashes in changed.items()],
                    )
                self._at("append: tiles written")
                if signed:
                    made, note = signed
                    sql = "insert into ledger_checkpoint (size, root, note) values (?, ?, ?)"
                    self._database.change(sql, [(made.size, made.root, note.encode())])
                if successor:
                    sql = (
                        "insert into ledger_about (name, value) values (?, ?)"
                        " on conflict (name) do update set value = excluded.value"
                    )
                    earlier = " ".join(map(str, (self.key, *self.earlier_keys)))
                    self._database.change(sql, [("vkey", str(successor.verifier)), ("earlier", earlier)])
                self._at("append: checkpoint written")
        except BaseException:
            # A commit that failed may yet have reached the disk. Opening again finds out; going on here would guess.
            self._failed = True
            raise
        self._at("append: committed")
        self._tip = tip
        if successor:
            self.key, self.earlier_keys = successor.verifier, (self.key, *self.earlier_keys)
        if signed:
            # The mark comes after the commit: a signature that a crash kept from the disk has bound nobody, and before
            # anyone else sees this one, the key remembers it.
            if self._mark is not None:
                self._mark.write(signed[0])
            self._signed = signed
        self._at("append: marked")

    def _sign(self, tree: Frontier, signer: Signer) -> tuple[Checkpoint, Note] | None:
        """The checkpoint of a tree, if it begins with all that was signed before; None if it is signed already."""
        made = Checkpoint(self.origin, tree.size, tree.root)
        if self._signed is not None:
            last = self._signed[0]
            if last.size == made.size and last.root == made.root:
                return None
            grown = last.size == self._tip.frontier.size and last.root == self._tip.frontier.root  # as it was built
            if not grown:
                grown = last.root == merkle.root(TileHashes(self.fetch, last.size), last.size)
            if last.size >= made.size or not grown:
                raise NotProven(f"the tree does not begin with the checkpoint of size {last.size} that was signed.")
        return made, checkpoint.sign(made, signer)

    def _check_usable(self, signer: Signer | None) -> None:
        if self._failed:
            raise Unavailable("an earlier write failed, and it is unknown whether it took. Open the ledger again.")
        if signer is not None and signer.verifier != self.key:
            raise Malformed(f"the key of {signer.verifier.name} is not the key of this ledger, {self.key}.")

    def _check_successor(self, entries: Sequence[bytes], signer: Signer | None, successor: Signer) -> None:
        """A key follows another under one name, within a checkpoint that the old one signs."""
        if signer is None or not entries:
            raise Malformed("a key is replaced together with an entry that says so, under the old key's signature.")
        if (successor.name, successor.type) != (self.origin, ED25519):
            raise Malformed(f"{successor.verifier} is of {successor.name}; a log keeps its origin, {self.origin}.")
        if successor.verifier in (self.key, *self.earlier_keys):
            raise Malformed(f"{successor.verifier} does not follow {self.key}: it signed this log before.")

    # --- reading

    def signed(self) -> Note | None:
        """The last signed checkpoint, with its cosignatures."""
        return None if self._signed is None else self._signed[1]

    def notes(self, above: int = 0) -> Iterator[Note]:
        """The signed checkpoints of more than so many entries, with their cosignatures, the newest first."""
        for (size,) in self._database.rows(
            "select size from ledger_checkpoint where size > ? order by size desc", above
        ):
            yield self._note(int(size))

    def prove(self, index: int, with_entry: bool = True) -> proof.Proof:
        """The proof of an entry under the last signed checkpoint."""
        if self._signed is None or not 0 <= index < self._signed[0].size:
            size = self._signed[0].size if self._signed else 0
            raise Missing(f"entry {index} is not under a signed checkpoint; the last one is of size {size}.")
        size, note = self._signed[0].size, self._signed[1]
        entry = self.entry(index) if with_entry else None
        with self._reading:
            return proof.make(self._hashes(size), index, note, entry)

    def prove_consistency(self, old: int, new: int) -> list[bytes]:
        """The consistency proof between two sizes, 0 < old ≤ new ≤ size."""
        with self._reading:
            return merkle.consistency_proof(self._hashes(new), old, new)

    def entry(self, index: int) -> bytes:
        found = self._database.rows("select body from ledger_entry where number = ?", index)
        if not found:
            raise Missing(f"there is no entry {index}.")
        return as_bytes(found[0][0])

    def entries(self, first: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(index, entry) in order, from `first` up to but not `end`. What is appended meanwhile may be left out."""
        last = self.size if end is None else min(end, self.size)
        for start in range(first, last, WIDTH):
            sql = "select number, body from ledger_entry where number >= ? and number < ? order by number"
            for number, body in self._database.rows(sql, start, min(start + WIDTH, last)):
                yield int(number), as_bytes(body)

    def fetch(self, path: str) -> bytes:
        """The bytes of a path below the log's prefix, as a web server would give them: for `tiles` and `export`."""
        if path == "checkpoint" and self._signed is not None:
            return self._signed[1].encode()
        if path == "vkey":
            return f"{self.key}\n".encode()
        try:
            tile = tiles.parse_path(path)
        except Malformed:
            raise Missing(f"{path} is not there.") from None
        if tile.level == ENTRIES:
            first = tile.number * WIDTH
            found = [entry for _, entry in self.entries(first, first + tile.width)]
            if len(found) == tile.width:
                return tiles.bundle(found)
            raise Missing(f"{path} is not there.")
        return read_tile(self._database, tile)

    def _hashes(self, size: int) -> TileHashes:
        """Of one size, tiles that were read are kept: a proof then reads one tile, of its leaf."""
        if self._known[1] != size:
            self._known = TileHashes(self.fetch, size), size
        return self._known[0]

    def _note(self, size: int) -> Note:
        rows = self._database.rows("select note from ledger_checkpoint where size = ?", size)
        if not rows:
            raise Missing(f"no checkpoint of size {size} was signed.")
        return checkpoint.parse(as_bytes(rows[0][0]))[1]

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _first(signers: Sequence[Signer | None]) -> Signer | None:
    return next((one for one in signers if one is not None), None)


def _last_signed(database: Database) -> tuple[Checkpoint, Note] | None:
    rows = database.rows("select note from ledger_checkpoint order by size desc limit 1")
    return checkpoint.parse(as_bytes(rows[0][0])) if rows else None
