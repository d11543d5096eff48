"""Following a log: each checkpoint must begin with all that was seen before. If it does not, both are the evidence.

Kept in a folder: `checkpoint`, the last one accepted, and a file for each fork found, with the two signed checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openleo.ledger import checkpoint, merkle, tiles
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.cosignature import verified
from openleo.ledger.faults import NotProven, Unavailable
from openleo.ledger.note import Note
from openleo.ledger.policy import Opened, Policy, open_checkpoint
from openleo.ledger.tiles import Fetch, TileHashes

LAST = "checkpoint"


class Forked(NotProven):
    """Two checkpoints that the log signed and that no one history holds."""

    def __init__(self, why: str, before: Note, now: Note, entry: int | None = None):
        super().__init__(why, entry)
        self.before, self.now = before, now

    @property
    def evidence(self) -> str:
        """Both checkpoints as they were signed: anyone with the log's key can judge them."""
        return f"{self.why}\n\n{self.before.encode().decode()}\n{self.now.encode().decode()}"


@dataclass(frozen=True)
class Followed:
    """A checkpoint that continues what was seen before."""

    opened: Opened
    note: Note
    before: int | None  # entries seen before; None the first time

    @property
    def new(self) -> int:
        return self.opened.checkpoint.size - (self.before or 0)


def follow(policy: Policy, fetch: Fetch, last: bytes | None) -> Followed:
    """Look at a log once more. Raises Forked, or NotProven where what it shows cannot be judged."""
    opened, note = open_checkpoint(policy, fetch("checkpoint"))
    if last is None:
        _check_root(fetch, opened.checkpoint)
        return Followed(opened, note, None)
    old, before_note = checkpoint.parse(last)  # accepted then, by whatever quorum, and maybe by the key of before
    verified(before_note, [log.key for log in policy.logs])
    new = opened.checkpoint
    if new.origin != old.origin:
        raise NotProven(f'it was the log "{old.origin}" that was followed here, and not "{new.origin}".')
    if new.size < old.size:
        raise Forked(f"the log shows {new.size} entries after it signed {old.size}: it was cut, or an old copy is "
                     "served.", before_note, note, new.size)  # fmt: skip
    if new.size == old.size and new.root != old.root:
        raise Forked(f"the log signed two roots of size {old.size}.", before_note, note)
    if 0 < old.size < new.size:
        _check_continues(fetch, old, new, before_note, note)
    return Followed(opened, note, old.size)


def _check_continues(fetch: Fetch, old: Checkpoint, new: Checkpoint, before: Note, now: Note) -> None:
    _check_root(fetch, new)
    hashes = TileHashes(fetch, new.size)
    try:
        proof = merkle.consistency_proof(hashes, old.size, new.size)
        merkle.check_consistency(old.size, new.size, old.root, new.root, proof)
    except NotProven:
        # Either the tiles were altered, which anyone on the way can do, or the log signed two histories. Entries that
        # hash to the new root settle it: this raises for the former.
        seen = merkle.Frontier()
        for entries in tiles.check_log(fetch, new.size, new.root):
            seen = seen.extended(merkle.leaf_hashes(entries[: old.size - seen.size]))
        if seen.root != old.root:
            why = f"the {new.size} entries that the log signed do not begin with the {old.size} that it signed before."
            raise Forked(why, before, now) from None


def _check_root(fetch: Fetch, made: Checkpoint) -> None:
    if made.size and merkle.root(TileHashes(fetch, made.size), made.size) != made.root:
        raise NotProven(f"the tiles do not hash to the root of the checkpoint of size {made.size}.")


# --- kept in a folder -----------------------------------------------------------------------------------------------


def look(policy: Policy, fetch: Fetch, folder: Path) -> Followed:
    """As `follow`, after what the folder remembers; a fork is written there, and what was accepted stays."""
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / LAST
    try:
        followed = follow(policy, fetch, last.read_bytes() if last.exists() else None)
    except Forked as forked:
        sizes = [note.text.split("\n")[1] for note in (forked.before, forked.now)]
        name = f"fork-{'-'.join(sizes)}"
        at = 0
        while (folder / f"{name}-{at}.txt").exists() and (folder / f"{name}-{at}.txt").read_text() != forked.evidence:
            at += 1
        _keep(folder / f"{name}-{at}.txt", forked.evidence.encode())
        raise
    _keep(last, followed.note.encode())
    return followed


def keep_looking(
    policy: Policy,
    fetch: Fetch,
    folder: Path,
    sleep: Callable[[], None],
    tell: Callable[[Followed | Unavailable], None],
) -> None:
    """Look for ever; ends only with NotProven. Not being able to look is told, and tried again."""
    while True:
        try:
            tell(look(policy, fetch, folder))
        except Unavailable as error:
            tell(error)
        sleep()


def _keep(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.") from None
