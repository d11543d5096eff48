"""Write the ledger on which the page's verifier is tested, with what our own says of it.

    python tools/build_ledger_fixture.py      write frontend/src/verify/ledger.fixture.json

A ledger of 300 entries made by `openleo.ledger` with fixed keys, so that it has a full tile and partial ones, signed
on the way and cosigned by a witness. Beside it ways to tamper with it, each one file in place of another, and the
verdict of our verifier on each: what stands there, the page has to say too, to the word.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openleo.ledger import checkpoint as checkpoints
from openleo.ledger import cosignature, merkle, tiles
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.faults import Malformed, Missing, NotProven
from openleo.ledger.keys import COSIGNATURE, ED25519, Signer, VerifierKey, parse_verifier
from openleo.ledger.policy import Log, Policy, Witness, open_checkpoint
from openleo.ledger.store import Ledger, create, open_ledger
from openleo.ledger.tiles import ENTRIES, Tile, TileHashes, check_all, entries_of, parse_path, read_tile, tiles_between

FILE = Path(__file__).parents[1] / "frontend" / "src" / "verify" / "ledger.fixture.json"
LOG = Signer("ledger.example/openleo", ED25519, bytes(range(32)))
WITNESS = Signer("witness.example", COSIGNATURE, bytes(range(32, 64)))
STRANGER = Signer("ledger.example/openleo", ED25519, bytes(range(64, 96)))
SIZES = (5, 256, 300)  # at which it was signed
TIME_S = 1_795_000_000
PROVED = (0, 255, 256, 299)  # entries
CHECKPOINT, FULL, LAST = "checkpoint", "tile/entries/000", "tile/entries/001.p/44"
Files = Mapping[str, bytes]


def main() -> None:
    """Write the file."""
    FILE.write_text(text())


def text() -> str:
    """All of it, the same each time."""
    with tempfile.TemporaryDirectory() as folder:
        files, earlier = made(str(Path(folder) / "ledger.db"))
    found = {
        "log": str(LOG.verifier),
        "witness": str(WITNESS.verifier),
        "files": {path: _base64(data) for path, data in sorted(files.items())},
        "earlier": [
            {"size": one.size, "root": _base64(one.root), "verdict": verdict(lambda one=one: goes_on(files, one))}
            for one in [*earlier, *false_ones(earlier)]
        ],
        "proved": [{"entry": one, "verdict": verdict(lambda one=one: proved(files, one))} for one in PROVED],
        "cases": [
            {"name": name, "files": {path: None if data is None else _base64(data) for path, data in changed.items()},
             "verdict": verdict(lambda changed=changed: whole(tampered(files, changed)))}
            for name, changed in cases(files)
        ],
    }  # fmt: skip
    return json.dumps(found, indent=1) + "\n"


def made(place: str) -> tuple[dict[str, bytes], list[Checkpoint]]:
    """The files of the ledger, and the checkpoints that were signed on the way."""
    create(place, LOG.verifier)
    signed = []
    with open_ledger(place) as ledger:
        for size in SIZES:
            ledger.append([entry(number) for number in range(ledger.size, size)])
            signed.append(checkpoints.parse(ledger.checkpoint(LOG).encode())[0])
        ledger.add_cosignatures(SIZES[-1], [cosignature.cosign(signed[-1], WITNESS, TIME_S)])
        return _files(ledger), signed


def entry(number: int) -> bytes:
    """No two are of one length with the next, and all are small."""
    return f'{{"n":{number}}}'.encode() + b" " * (number % 3)


def _files(ledger: Ledger) -> dict[str, bytes]:
    paths = [CHECKPOINT, *(tile.path for tile in tiles_between(0, ledger.size))]
    return {path: ledger.fetch(path) for path in paths}


# --- ways to tamper -------------------------------------------------------------------------------------------------


def cases(files: Files) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """Their names, and the files that each puts in place; None: there is no such file."""
    note = files[CHECKPOINT]
    yield "nothing", {}
    yield "a byte of entry 17", {FULL: _flipped(files[FULL], _place(files[FULL], 17))}
    yield "a byte of entry 270, in the partial bundle", {LAST: _flipped(files[LAST], _place(files[LAST], 14))}
    yield "the length of entry 3", {FULL: _flipped(files[FULL], _place(files[FULL], 3) - 1)}
    yield "the length of the last entry", {LAST: _flipped(files[LAST], _place(files[LAST], 43) - 1)}
    yield "entry 17 and its hash", _with_its_hash(files, 17)
    yield "the hash of entry 100", {"tile/0/000": _flipped(files["tile/0/000"], 32 * 100)}
    yield "the hash of entry 280", {"tile/0/001.p/44": _flipped(files["tile/0/001.p/44"], 32 * 24)}
    yield "entry 280 and its hash", _with_its_hash(files, 280)
    yield "the tile above", {"tile/1/000.p/1": _flipped(files["tile/1/000.p/1"], 5)}
    yield "a tile that is too short", {"tile/0/000": files["tile/0/000"][:-1]}
    yield "a bundle that is too short", {FULL: files[FULL][:-40]}
    yield "a bundle that is not there", {FULL: None}
    yield "a tile that is not there", {"tile/0/001.p/44": None}
    yield "the size that was signed", {CHECKPOINT: note.replace(b"\n300\n", b"\n299\n")}
    yield "a signature of the log", {CHECKPOINT: _other_signature(note, LOG.verifier)}
    yield "a signature of the witness", {CHECKPOINT: _other_signature(note, WITNESS.verifier)}
    yield "a checkpoint of another key", {CHECKPOINT: checkpoints.sign(checkpoints.parse(note)[0], STRANGER).encode()}
    yield "another history", {CHECKPOINT: checkpoints.sign(Checkpoint(LOG.name, 300, b"\7" * 32), LOG).encode()}
    yield "a note without signatures", {CHECKPOINT: note.partition(b"\n\n")[0] + b"\n"}
    yield "base64 in another spelling", {CHECKPOINT: note.replace(b"=\n\n", b"\n\n", 1)}


def _place(data: bytes, number: int) -> int:
    """Where the entry of that number begins in a bundle."""
    at = 0
    for _ in range(number):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    return at + 2


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _with_its_hash(files: Files, index: int) -> dict[str, bytes | None]:
    number, at = divmod(index, 256)
    path, hashes = (FULL, "tile/0/000") if number == 0 else (LAST, "tile/0/001.p/44")
    changed = _flipped(files[path], _place(files[path], at))
    leaf = merkle.leaf_hash(entries_of(changed, parse_path(path))[at])
    return {path: changed, hashes: files[hashes][: 32 * at] + leaf + files[hashes][32 * at + 32 :]}


def _other_signature(note: bytes, key: VerifierKey) -> bytes:
    """The note with one bit of somebody's signature turned."""
    read = checkpoints.parse(note)[1]
    lines = [one for one in read.signatures if one.key_id != key.id]
    (line,) = (one for one in read.signatures if one.key_id == key.id)
    turned = type(line)(line.name, line.key_id, _flipped(line.value, len(line.value) - 1))
    return type(read)(read.text, (*lines, turned)).encode()


def false_ones(earlier: list[Checkpoint]) -> list[Checkpoint]:
    """Checkpoints of other histories, and of a longer one."""
    return [*(Checkpoint(one.origin, one.size, b"\7" * 32) for one in earlier), Checkpoint(LOG.name, 301, b"\7" * 32)]


def tampered(files: Files, changed: Mapping[str, bytes | None]) -> Files:
    """The files with some in place of others."""
    return {path: data for path, data in {**files, **changed}.items() if data is not None}


# --- verdicts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fetched:
    """The files as a log serves them."""

    files: Files

    def __call__(self, path: str) -> bytes:
        if path not in self.files:
            raise Missing(f"There is no {path}.")
        return self.files[path]


def verdict(check: Callable[[], object]) -> dict[str, Any]:
    """What our verifier says: {} where all is in order."""
    try:
        check()
    except Malformed:
        return {"says": "malformed", "entry": None}
    except NotProven as error:
        return {"says": str(error), "entry": error.entry}
    return {}


def whole(files: Files) -> None:
    """The checkpoint and every entry. Raises Malformed or NotProven."""
    now = opened(files)
    check_all(Fetched(files), now.size, now.root)


def opened(files: Files) -> Checkpoint:
    """The checkpoint, if its signatures hold."""
    policy = Policy((Log(LOG.verifier),), (Witness("w", parse_verifier(str(WITNESS.verifier))),))
    return open_checkpoint(policy, files[CHECKPOINT])[0].checkpoint


def goes_on(files: Files, seen: Checkpoint) -> None:
    """That the ledger begins with one that was seen."""
    now = opened(files)
    if seen.size > now.size:
        raise NotProven(f"the ledger has {now.size} entries, and {seen.size} were signed before.")
    proof = merkle.consistency_proof(TileHashes(Fetched(files), now.size), seen.size, now.size)
    merkle.check_consistency(seen.size, now.size, seen.root, now.root, proof)


def proved(files: Files, index: int) -> None:
    """That an entry stands under the root."""
    now, fetch = opened(files), Fetched(files)
    number, at = divmod(index, tiles.WIDTH)
    tile = Tile(ENTRIES, number, min(tiles.WIDTH, now.size - number * tiles.WIDTH))
    leaf = merkle.leaf_hash(entries_of(read_tile(fetch, tile), tile)[at])
    path = merkle.inclusion_proof(TileHashes(fetch, now.size), index, now.size)
    merkle.check_inclusion(index, now.size, leaf, path, now.root)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main()
