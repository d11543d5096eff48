"""The log as static files that any web server can host.

    DIR/checkpoint   DIR/vkey   DIR/tile/<L>/<N>[.p/<W>]   DIR/tile/entries/<N>[.p/<W>]

Tiles go first, all of them, each renamed into its place when whole; the checkpoint that needs them goes last. So a
reader never sees a checkpoint whose tiles are absent, wherever an export is stopped. Only what is new is written.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from openleo.ledger import merkle
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.faults import Malformed, NotProven, Unavailable
from openleo.ledger.keys import VerifierKey, parse_verifier
from openleo.ledger.policy import of_log, open_checkpoint
from openleo.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Fetch,
    OnProgress,
    Tile,
    TileHashes,
    parse_path,
    partial_tiles,
    tiles_between,
)

CHECKPOINT, VKEY = "checkpoint", "vkey"
REPLACED = ".replaced"  # partial tiles to remove at the next export


@dataclass(frozen=True)
class Exported:
    size: int  # entries that the folder now has
    tiles: int  # files written
    removed: int  # partial tiles that a full one replaces


def export(fetch: Fetch, key: VerifierKey, folder: Path, on_progress: OnProgress | None = None) -> Exported:
    """Bring a folder up to the log's checkpoint. Refuses a folder of another log or of a longer history."""
    data = fetch(CHECKPOINT)
    new = open_checkpoint(of_log(key), data)[0].checkpoint
    old = _published(folder, key)
    _check_continues(fetch, old, new, folder)
    todo = list(tiles_between(old.size, new.size))
    try:
        for done, tile in enumerate(todo, 1):
            _put(folder / tile.path, fetch(tile.path))
            if on_progress is not None:
                on_progress("tiles", done, len(todo))
        _put(folder / VKEY, f"{key}\n".encode())
        os.sync()  # all tiles at once: thousands of single fsyncs take minutes on a disk
        _put(folder / CHECKPOINT, data)
        _sync(folder)
        removed = _remove_replaced(folder, todo, old.size)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be written: {error.strerror}. What was published before stays.") from None
    return Exported(new.size, len(todo), removed)


def _published(folder: Path, key: VerifierKey) -> Checkpoint:
    """What a folder shows already; the empty tree if nothing."""
    try:
        data = (folder / CHECKPOINT).read_bytes()
    except FileNotFoundError:
        return Checkpoint(key.name, 0, merkle.EMPTY_ROOT)
    except OSError as error:
        raise Unavailable(f"{folder / CHECKPOINT} cannot be read: {error.strerror}.") from None
    return open_checkpoint(of_log(_published_key(folder, key)), data)[0].checkpoint


def _published_key(folder: Path, key: VerifierKey) -> VerifierKey:
    """The key that a folder shows: the ledger's, or the one before it, which bore the same name.

    That nothing was signed by it that is not in this ledger is found by the root of what is published.
    """
    try:
        shown = parse_verifier((folder / VKEY).read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError, Malformed):
        return key
    return shown if shown.name == key.name else key


def _check_continues(fetch: Fetch, old: Checkpoint, new: Checkpoint, folder: Path) -> None:
    if new.size < old.size:
        raise NotProven(f"{folder} shows {old.size} entries, this ledger has {new.size}: it is an old copy.", new.size)
    if old.size and merkle.root(TileHashes(fetch, old.size), old.size) != old.root:
        raise NotProven(f"{folder} shows another history of {old.size} entries; it is left as it is.")


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            if path.name == CHECKPOINT:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove_replaced(folder: Path, written: list[Tile], before: int) -> int:
    """Remove partial tiles whose full one is there now.

    A reader of the checkpoint shown until now still finds its own: these wait in a list for the next export.
    """
    needed = {tile.path for tile in partial_tiles(before)}
    needed |= {Tile(ENTRIES, tile.number, tile.width).path for tile in partial_tiles(before) if tile.level == 0}
    waiting = folder / REPLACED
    listed = waiting.read_text(encoding="utf-8").split() if written and waiting.exists() else []
    found = {parse_path(path).path for path in listed}  # nothing but tiles is ever removed
    for tile in written:
        partials = folder / f"{tile.path}.p"
        if tile.width == WIDTH and partials.is_dir():
            found |= {f"{tile.path}.p/{one.name}" for one in partials.iterdir()}
    for path in found - needed:
        (folder / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another one is left in it
            (folder / path).parent.rmdir()
    if written:
        _put(waiting, "".join(f"{path}\n" for path in sorted(found & needed)).encode())
    return len(found - needed)
