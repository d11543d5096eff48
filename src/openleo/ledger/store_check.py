"""Whether what stands in a ledger's database is what was written and signed, from the entries up.

Entries must be there without a gap and hash to their leaf hashes; these to the tiles; the tiles to the last signed
checkpoint, which must hold under the log's key, and to what the key remembers to have signed. The first thing that
does not fit is named.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator

from openleo.ledger import checkpoint, merkle
from openleo.ledger.cosignature import verified
from openleo.ledger.database import Database, Row, as_bytes
from openleo.ledger.faults import LedgerError, Malformed, Missing, NotProven
from openleo.ledger.keys import VerifierKey
from openleo.ledger.merkle import Frontier
from openleo.ledger.text import HASH_BYTES
from openleo.ledger.tiles import HEIGHT, WIDTH, OnProgress, Tile, TileHashes, parse_path
from openleo.ledger.tip import read_tile


def check(
    database: Database, key: VerifierKey, signed: tuple[int, bytes] | None, on_progress: OnProgress | None
) -> None:
    """Raise NotProven with the entry at fault. `signed`: (size, root) that the key remembers."""
    (count,) = database.rows("select count(*) from ledger_entry")[0]
    with contextlib.closing(_leaves(database, int(count), on_progress)) as leaves:
        _check_tiles(database, leaves, int(count))
    _check_signed(database, key, int(count))
    if signed is not None:
        size, root = signed
        if size > count or (size and _root(database, size) != root):
            raise NotProven(
                f"the key has signed a checkpoint of size {size} that is not in {database.name}: this is an old copy "
                "of the database, or another history.",
                min(size, int(count)),
            )


def check_more(database: Database, key: VerifierKey, known: Frontier) -> None:
    """Raise NotProven unless the ledger goes on from a tree that was found in order before: what is new is checked.

    Entries of that tree are not hashed again. Where this raises, `check` tells the entry.
    """
    (count,) = database.rows("select count(*) from ledger_entry")[0]
    if count < known.size or _root(database, known.size) != known.root:
        raise NotProven(f"{database.name} does not go on from the {known.size} entries that were there before.")
    tree = known
    with contextlib.closing(_leaves(database, int(count), None, known.size)) as leaves:
        for some in leaves:
            tree = tree.extended(some)
    if tree.root != _root(database, int(count)):
        raise NotProven(f"the entries from {known.size} on and their tiles do not fit in {database.name}.")
    _check_signed(database, key, int(count))


def _leaves(
    database: Database, count: int, on_progress: OnProgress | None, first: int = 0
) -> Generator[list[bytes], None, None]:
    """The leaf hashes, 256 at a time, each found to be its entry's."""
    stream = database.stream("select number, body, leaf from ledger_entry where number >= ? order by number", first)
    with contextlib.closing(stream) as rows:
        yield from _found(database, rows, count, on_progress, first)


def _found(
    database: Database, rows: Iterable[Row], count: int, on_progress: OnProgress | None, first: int
) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for expected, (number, body, leaf) in enumerate(rows, first):
        if number != expected:
            raise NotProven(f"entry {expected} is missing from {database.name}.", expected)
        if merkle.leaf_hash(as_bytes(body)) != as_bytes(leaf):
            raise NotProven(f"entry {number} was altered in {database.name}: it does not have its hash.", number)
        batch.append(as_bytes(leaf))
        if len(batch) == WIDTH:
            if on_progress is not None:
                on_progress("entries", expected + 1, count)
            yield batch
            batch = []
    if batch:
        yield batch


def _check_tiles(database: Database, leaves: Iterator[list[bytes]], count: int) -> None:
    """That the tiles are those of the leaf hashes, level upon level."""
    above: list[list[bytes]] = []  # for each level from 1, the hashes of its tile that is being filled
    numbers: list[int] = []
    tiles = 0
    for number, hashes in enumerate(leaves):
        _check_tile(database, 0, number, hashes)
        tiles += 1
        level = 1
        while len(hashes) == WIDTH:
            if len(above) < level:
                above.append([])
                numbers.append(0)
            above[level - 1].append(merkle.fold(hashes))
            if len(above[level - 1]) < WIDTH:
                break
            hashes = above[level - 1]
            _check_tile(database, level, numbers[level - 1], hashes)
            tiles += 1
            above[level - 1] = []
            numbers[level - 1] += 1
            level += 1
    for level, hashes in enumerate(above, 1):
        if hashes:
            _check_tile(database, level, numbers[level - 1], hashes)
            tiles += 1
    ((there,),) = database.rows("select count(*) from ledger_tile")
    if there != tiles:
        raise NotProven(
            f"{database.name} has {there} tiles; {count} entries have {tiles}: entries were dropped.", count
        )


def _check_tile(database: Database, level: int, number: int, hashes: list[bytes]) -> None:
    first = number << HEIGHT * (level + 1)
    rows = database.rows("select hashes from ledger_tile where level = ? and number = ?", level, number)
    kept = as_bytes(rows[0][0]) if rows else b""
    if kept == b"".join(hashes):
        return
    pairs = enumerate(hashes)
    at = next((at for at, one in pairs if kept[at * HASH_BYTES : (at + 1) * HASH_BYTES] != one), len(hashes))
    entry = first + (at << HEIGHT * level)
    what = f"entry {entry}" if level == 0 else f"the entries from {entry} on"
    raise NotProven(f"{what} and the tile {Tile(level, number).path} do not fit in {database.name}.", entry)


def _check_signed(database: Database, key: VerifierKey, count: int) -> None:
    """That the last checkpoint holds and is of these entries."""
    rows = database.rows("select size, root, note from ledger_checkpoint order by size desc limit 1")
    if not rows:
        return
    size, root = int(rows[0][0]), as_bytes(rows[0][1])
    try:
        made, note = checkpoint.parse(as_bytes(rows[0][2]))
        holds = any(seal.key == key for seal in verified(note, [key]).seals)
    except LedgerError as error:
        raise NotProven(f"the checkpoint of size {size} in {database.name} was altered: {error}") from None
    if not holds or (made.origin, made.size, made.root) != (key.name, size, root):
        raise NotProven(f"the checkpoint of size {size} in {database.name} is not what the ledger's key signed.")
    if size > count:
        raise NotProven(f"entry {count} is missing from {database.name}: {size} entries were signed.", count)
    if _root(database, size) != root:
        raise _altered(database)


def _altered(database: Database) -> NotProven:
    """Entries altered together with their hashes: the checkpoints signed on the way tell between which sizes."""
    signed = [(int(size), as_bytes(root)) for size, root in
              database.rows("select size, root from ledger_checkpoint order by size")]  # fmt: skip
    good, bad = -1, len(signed) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        size, root = signed[middle]
        good, bad = (middle, bad) if _root(database, size) == root else (good, middle)
    first, last = (signed[good][0] if good >= 0 else 0), signed[bad][0] - 1
    which = f"entry {first}" if first >= last else f"one of the entries {first} to {last}"
    return NotProven(f"{which} was altered in {database.name} with its hashes: it is not what was signed.", first)


def _root(database: Database, size: int) -> bytes:
    if size == 0:
        return merkle.EMPTY_ROOT

    def fetch(path: str) -> bytes:
        return read_tile(database, parse_path(path))

    try:
        return merkle.root(TileHashes(fetch, size), size)
    except (Missing, Malformed) as error:
        raise NotProven(f"{database.name}: {error}") from None
