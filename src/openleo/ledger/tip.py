"""The end of a ledger's tree: what appending needs of it, and the tiles that more leaves change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openleo.ledger import merkle, tiles
from openleo.ledger.database import Database, as_bytes
from openleo.ledger.faults import Missing
from openleo.ledger.merkle import Frontier
from openleo.ledger.text import HASH_BYTES
from openleo.ledger.tiles import HEIGHT, WIDTH, Tile, TileHashes


@dataclass(frozen=True)
class Tip:
    """The end of the tree, all that appending needs."""

    frontier: Frontier
    edges: tuple[bytes, ...]  # for each level of tiles, the hashes of its partial tile


def extended(tip: Tip, leaves: Sequence[bytes]) -> tuple[Tip, dict[tuple[int, int], bytes]]:
    """The end of the tree with more leaves, and the tiles (level, number) that this changes."""
    changed: dict[tuple[int, int], bytes] = {}
    edges = list(tip.edges)
    new: Sequence[bytes] = leaves
    level = 0
    while new:
        if len(edges) == level:
            edges.append(b"")
        first = (tip.frontier.size >> HEIGHT * level) // WIDTH
        data = edges[level] + b"".join(new)
        each = WIDTH * HASH_BYTES
        new = []
        for at in range(0, len(data), each):
            hashes = data[at : at + each]
            changed[level, first + at // each] = hashes
            if len(hashes) == each:
                new.append(merkle.fold([hashes[n : n + HASH_BYTES] for n in range(0, each, HASH_BYTES)]))
        edges[level] = data[len(data) // each * each :]
        level += 1
    return Tip(tip.frontier.extended(leaves), tuple(edges)), changed


def read_tip(database: Database) -> Tip:
    """Of what stands in a database."""
    ((last,),) = database.rows("select max(number) from ledger_entry")
    size = 0 if last is None else int(last) + 1

    def fetch(path: str) -> bytes:
        tile = tiles.parse_path(path)
        return tile_hashes(database, tile)

    edges = []
    for level in range(HEIGHT):
        whole = size >> HEIGHT * level
        if not whole:
            break
        tile = Tile(level, whole // WIDTH, whole % WIDTH)
        edges.append(tile_hashes(database, tile) if tile.width else b"")
    return Tip(merkle.frontier(TileHashes(fetch, size), size), tuple(edges))


def tile_hashes(database: Database, tile: Tile) -> bytes:
    """The hashes of a tile, as many as it is wide, of those that there are by now. Raises Missing."""
    sql = "select hashes from ledger_tile where level = ? and number = ?"
    rows = database.rows(sql, tile.level, tile.number)
    hashes = as_bytes(rows[0][0])[: tile.width * HASH_BYTES] if rows else b""
    if len(hashes) < tile.width * HASH_BYTES:
        raise Missing(f"{tile.path} is not there.")
    return hashes
