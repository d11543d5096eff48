"""C2SP tlog-tiles: the hashes and entries of a log as files that never change, 256 to each.

    tile/<L>/<N>[.p/<W>]         level L, tile N: hashes over 256^L entries each; .p/<W> where only W are there yet
    tile/entries/<N>[.p/<W>]     the entries themselves, each after its length in two bytes
    checkpoint                   what the log has signed

Read through a callable that gives the bytes of such a path, be it of a folder, an address or a database. Nothing read
is believed before it hashes to the signed root.
"""

from __future__ import annotations

import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from openleo.ledger import merkle
from openleo.ledger.faults import Malformed, Missing, NotProven
from openleo.ledger.text import HASH_BYTES

Fetch = Callable[[str], bytes]  # the bytes of a path below a log's prefix; raises Missing
OnProgress = Callable[[str, int, int], None]  # what, done, of

WIDTH = 256  # hashes of a full tile, entries of a full bundle
HEIGHT = 8  # binary levels of a tile
ENTRIES = -1  # the "level" of entry bundles
LEVEL_MAX = 63
ENTRY_BYTES_MAX = 65_535
_LENGTH = struct.Struct(">H")
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True)
class Tile:
    """Which tile: level (ENTRIES for a bundle of entries), number within it, hashes or entries in it."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        level = "entries" if self.level == ENTRIES else str(self.level)
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"

    @property
    def full(self) -> Tile:
        return Tile(self.level, self.number)


def parse_path(path: str) -> Tile:
    """The tile of a path in its one spelling. Raises Malformed."""
    if read := _PATH.fullmatch(path):
        number = int(read[2].replace("x", "").replace("/", ""))
        tile = Tile(ENTRIES if read[1] == "entries" else int(read[1]), number, int(read[3] or WIDTH))
        if tile.level <= LEVEL_MAX and tile.width <= WIDTH and tile.path == path:
            return tile
    raise Malformed(f'"{path[:80]}" is not the path of a tile.')


def partial_tiles(size: int) -> list[Tile]:
    """The partial tiles of a tree, the highest level first: together their hashes cover it once."""
    tiles = [Tile(level, size >> HEIGHT * (level + 1), size >> HEIGHT * level & 255) for level in range(HEIGHT)]
    return [tile for tile in reversed(tiles) if tile.width]


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Tiles and bundles of a tree of `new` entries that a tree of `old` had not; of size 0, all."""
    for level in (ENTRIES, *range(HEIGHT)):
        unit = HEIGHT * max(level, 0)
        before, now = old >> unit, new >> unit
        if now > before:
            yield from (Tile(level, number) for number in range(before // WIDTH, now // WIDTH))
            if now % WIDTH:
                yield Tile(level, now // WIDTH, now % WIDTH)


# --- contents -------------------------------------------------------------------------------------------------------


def split(data: bytes, tile: Tile) -> list[bytes]:
    """The hashes of a tile's bytes. Raises Malformed."""
    if len(data) != tile.width * HASH_BYTES:
        raise Malformed(f"{tile.path} has {len(data)} bytes; {tile.width} hashes have {tile.width * HASH_BYTES}.")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle."""
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def entries_of(data: bytes, tile: Tile) -> list[bytes]:
    """The entries of a bundle's bytes. Raises Malformed."""
    entries, whole = _cut(data)
    if len(entries) != tile.width or not whole:
        raise Malformed(f"{tile.path} is not {tile.width} entries, each after its length.")
    return entries


def _cut(data: bytes) -> tuple[list[bytes], bool]:
    """The entries of a bundle as far as its lengths go, and whether they end where it ends."""
    entries, at, end = [], 0, len(data)
    while at + _LENGTH.size <= end:
        start = at + _LENGTH.size
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    return entries, at == end


def read_tile(fetch: Fetch, tile: Tile) -> bytes:
    """A tile's bytes. A partial one that is gone is cut from the full one that took its place."""
    try:
        return fetch(tile.path)
    except Missing:
        if tile.width == WIDTH:
            raise
        whole = fetch(tile.full.path)
        if tile.level == ENTRIES:
            return bundle(entries_of(whole, tile.full)[: tile.width])
        return whole[: tile.width * HASH_BYTES]


# --- hashes ---------------------------------------------------------------------------------------------------------


class TileHashes:
    """A hash reader over tiles as they are read: a full tile's inner levels are computed once and kept a while."""

    def __init__(self, fetch: Fetch, size: int, kept: int = 64):
        self._fetch, self._size, self._kept = fetch, size, kept
        self._rows: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def __call__(self, level: int, index: int) -> bytes:
        """The hash over 2^level entries from index · 2^level on; these have to lie within the tree."""
        high, low = divmod(level, HEIGHT)
        per_tile = HEIGHT - low
        rows = self._tile(high, index >> per_tile)
        return self._row(rows, low)[index & (1 << per_tile) - 1]

    def _tile(self, level: int, number: int) -> list[list[bytes]]:
        if (level, number) not in self._rows:
            there = (self._size >> HEIGHT * level) - number * WIDTH
            if there <= 0:
                raise ValueError(f"a tree of {self._size} has no tile {number} of level {level}")
            tile = Tile(level, number, min(WIDTH, there))
            self._rows[level, number] = [split(read_tile(self._fetch, tile), tile)]
            if len(self._rows) > self._kept:
                self._rows.popitem(last=False)
        self._rows.move_to_end((level, number))
        return self._rows[level, number]

    @staticmethod
    def _row(rows: list[list[bytes]], low: int) -> list[bytes]:
        while len(rows) <= low:
            below = rows[-1]
            rows.append([merkle.node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)])
        return rows[low]


# --- a whole log ----------------------------------------------------------------------------------------------------


def check_log(fetch: Fetch, size: int, root: bytes, on_progress: OnProgress | None = None) -> Iterator[list[bytes]]:
    """Every entry of a log, bundle by bundle, each only after it has been found to hash to the root.

    From the root down: the partial tiles make the root, and a hash of a tile that is proven proves the tile below it.
    So what does not fit is at fault itself, and is named. Raises NotProven; one bundle and a tile a level are held.
    """
    done = 0
    for tile, hashes in _proven_leaves(fetch, size, root):
        entries = _proven_entries(fetch, Tile(ENTRIES, tile.number, tile.width), hashes, size)
        done += len(entries)
        if on_progress is not None:
            on_progress("entries", done, size)
        yield entries


def check_all(fetch: Fetch, size: int, root: bytes, on_progress: OnProgress | None = None) -> None:
    """As `check_log`, for the answer alone."""
    for _ in check_log(fetch, size, root, on_progress):
        pass


def _proven_entries(fetch: Fetch, tile: Tile, hashes: list[bytes], size: int) -> list[bytes]:
    first, fault = tile.number * WIDTH, None
    try:
        data = read_tile(fetch, tile)
    except (Malformed, Missing) as error:
        raise NotProven(str(error), first) from None
    try:
        entries = entries_of(data, tile)
    except Malformed as error:  # a length was altered: what stands before it still shows which
        entries, fault = _cut(data)[0], str(error)
    for at, (found, expected) in enumerate(zip(merkle.leaf_hashes(entries), hashes, strict=False)):
        if found != expected:
            raise NotProven(f"entry {first + at} is not the one that the checkpoint of size {size} signs.", first + at)
    if fault:
        raise NotProven(fault, first + min(len(entries), len(hashes) - 1))
    return entries


def _proven_leaves(fetch: Fetch, size: int, root: bytes) -> Iterator[tuple[Tile, list[bytes]]]:
    """The tiles of level 0 in order, proven."""
    edges = [(tile, _hashes(fetch, tile)) for tile in partial_tiles(size)]
    by_level = {tile.level: (tile, hashes) for tile, hashes in edges}

    def at_edge(level: int, index: int) -> bytes:
        high, low = divmod(level, HEIGHT)
        tile, hashes = by_level[high]
        first = (index << low) - tile.number * WIDTH
        return merkle.fold(hashes[first : first + (1 << low)])

    if merkle.root(at_edge, size) != root:
        raise _why_not_the_root(fetch, size, root)
    for tile, hashes in edges:
        yield from _below(fetch, tile, hashes)


def _below(fetch: Fetch, tile: Tile, hashes: list[bytes]) -> Iterator[tuple[Tile, list[bytes]]]:
    if tile.level == 0:
        yield tile, hashes
        return
    for at, expected in enumerate(hashes):
        lower = Tile(tile.level - 1, tile.number * WIDTH + at)
        found = _hashes(fetch, lower)
        if merkle.fold(found) != expected:
            raise _tile_at_fault(fetch, lower, found, expected)
        yield from _below(fetch, lower, found)


def _tile_at_fault(fetch: Fetch, tile: Tile, found: list[bytes], expected: bytes) -> NotProven:
    """Of a wrong tile of leaf hashes, the entry, if the entries themselves are right or the tile tells."""
    first = tile.number << HEIGHT * (tile.level + 1)
    last = first + (WIDTH << HEIGHT * tile.level) - 1
    if tile.level == 0:
        leaves = merkle.leaf_hashes(_entries(fetch, Tile(ENTRIES, tile.number)))
        differs = [at for at, (one, other) in enumerate(zip(leaves, found, strict=True)) if one != other]
        if merkle.fold(leaves) == expected and differs:
            return _altered_hash(tile, differs[0])
        return NotProven(f"one of the entries {first} to {last} is not the one that is signed: {tile.path} "
                         "does not hash to the tile above it.", first)  # fmt: skip
    return NotProven(f"{tile.path}, over entries {first} to {last}, does not hash to the tile above it.", first)


def _why_not_the_root(fetch: Fetch, size: int, root: bytes) -> NotProven:
    """The root is made of the partial tiles: either these or the checkpoint is wrong, and the entries tell which."""
    leaves: list[bytes] = []  # of the last bundle
    try:
        peaks = merkle.Frontier()
        for number in range(-(-size // WIDTH)):
            tile = Tile(ENTRIES, number, min(WIDTH, size - number * WIDTH))
            leaves = merkle.leaf_hashes(_entries(fetch, tile))
            peaks = peaks.extended(leaves)
    except (Malformed, Missing, NotProven) as error:
        return NotProven(f"the tiles do not hash to the signed root, and the entries cannot be read: {error}")
    if peaks.root == root:
        return _partial_at_fault(fetch, size, leaves)
    return NotProven(
        f"the {size} entries and their tiles do not hash to the signed root: the last of them was altered, "
        "or the checkpoint is of another history."
    )


def _partial_at_fault(fetch: Fetch, size: int, leaves: list[bytes]) -> NotProven:
    """Of partial tiles that were altered under entries that are right: the entry, where it is their leaf hashes."""
    tile = Tile(0, size // WIDTH, size % WIDTH)
    found = _hashes(fetch, tile) if tile.width else []
    for at, (leaf, hash_) in enumerate(zip(leaves, found, strict=False)):
        if leaf != hash_:
            return _altered_hash(tile, at)
    return NotProven("the entries hash to the signed root, but the tiles do not: a partial tile was altered.")


def _altered_hash(tile: Tile, at: int) -> NotProven:
    entry = tile.number * WIDTH + at
    return NotProven(f"{tile.path} was altered: its hash of entry {entry} is not the entry's.", entry)


def _hashes(fetch: Fetch, tile: Tile) -> list[bytes]:
    try:
        return split(read_tile(fetch, tile), tile)
    except (Malformed, Missing) as error:
        raise NotProven(str(error), tile.number << HEIGHT * (tile.level + 1)) from None


def _entries(fetch: Fetch, tile: Tile) -> list[bytes]:
    try:
        return entries_of(read_tile(fetch, tile), tile)
    except (Malformed, Missing) as error:
        raise NotProven(str(error), tile.number * WIDTH) from None
