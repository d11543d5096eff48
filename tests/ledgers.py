"""Ledgers for tests: trees in memory, logs in folders, keys of fixed seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from openleo.ledger import keys, merkle, store, tiles
from openleo.ledger.checkpoint import Checkpoint, sign
from openleo.ledger.faults import Missing
from openleo.ledger.keys import COSIGNATURE, ED25519, Signer
from openleo.ledger.mark import Mark

ORIGIN = "example.org/ledger"
LOG = Signer(ORIGIN, ED25519, b"l" * 32)
OTHER = Signer("example.org/other", ED25519, b"o" * 32)


def witness_key(number: int) -> Signer:
    return Signer(f"example.org/w{number}", COSIGNATURE, bytes([number]) * 32)


def entries(count: int, first: int = 0) -> list[bytes]:
    return [b'{"n":%d,"type":"note"}' % number for number in range(first, first + count)]


def reader(leaves: Sequence[bytes]) -> merkle.HashReader:
    """Straight from RFC 6962 §2.1, every hash anew: slow, and independent of tiles."""

    def read(level: int, index: int) -> bytes:
        part = leaves[index << level : index + 1 << level]
        assert len(part) == 1 << level, "a hash over entries that are not there"
        return mth(part)

    return read


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, of leaf hashes, as it is written there."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return merkle.node_hash(mth(leaves[:middle]), mth(leaves[middle:]))


class Files(dict[str, bytes]):
    """A log's files in memory, to be altered."""

    def __call__(self, path: str) -> bytes:
        if path not in self:
            raise Missing(f"{path} is not there.")
        return self[path]


def log_files(bodies: Sequence[bytes], signer: Signer = LOG) -> Files:
    """The files of a log of these entries, made level by level without our store."""
    files = Files()
    for number in range(0, len(bodies), tiles.WIDTH):
        part = bodies[number : number + tiles.WIDTH]
        files[tiles.Tile(tiles.ENTRIES, number // tiles.WIDTH, len(part)).path] = tiles.bundle(part)
    row, level = merkle.leaf_hashes(bodies), 0
    root = mth(row)
    while row:
        for number in range(0, len(row), tiles.WIDTH):
            part = row[number : number + tiles.WIDTH]
            files[tiles.Tile(level, number // tiles.WIDTH, len(part)).path] = b"".join(part)
        whole = len(row) // tiles.WIDTH
        row = [mth(row[n * tiles.WIDTH : (n + 1) * tiles.WIDTH]) for n in range(whole)]
        level += 1
    files["checkpoint"] = sign(Checkpoint(signer.name, len(bodies), root), signer).encode()
    files["vkey"] = f"{signer.verifier}\n".encode()
    return files


def new_ledger(folder: Path, signer: Signer = LOG) -> Path:
    """An empty ledger with its key in a folder; gives the database's path."""
    folder.mkdir(parents=True, exist_ok=True)
    keys.write_signer(folder / "log.key", signer)
    store.create(str(folder / "ledger.sqlite"), signer.verifier)
    return folder / "ledger.sqlite"


@contextmanager
def opened(database: Path, **options: object) -> Iterator[store.Ledger]:
    """The ledger of a folder made by `new_ledger`."""
    mark = Mark.beside(database.with_name("log.key"))
    with store.open_ledger(str(database), mark=mark, **options) as ledger:  # type: ignore[arg-type]
        yield ledger
