"""C2SP tlog-cosignature: witnesses' signatures with a time; and which signatures under a checkpoint hold.

A witness that cosigns says: at that time, this was the largest consistent tree that I had seen of this log.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from openleo.ledger import keys
from openleo.ledger.checkpoint import Checkpoint, parse_body
from openleo.ledger.faults import Malformed, NotProven
from openleo.ledger.keys import COSIGNATURE, ED25519, ML_DSA_44, Signer, VerifierKey
from openleo.ledger.note import Note, Signature

TIME_MAX_S = (1 << 63) - 1
_TIME = struct.Struct(">Q")


@dataclass(frozen=True)
class Seal:
    """A signature that holds: whose, and for a cosignature its time (POSIX seconds)."""

    key: VerifierKey
    time_s: int | None = None


@dataclass(frozen=True)
class Verified:
    """What the known keys say of a checkpoint."""

    checkpoint: Checkpoint
    seals: tuple[Seal, ...]
    unchecked: tuple[VerifierKey, ...] = ()  # known keys of an algorithm that is not installed; they count for nothing


def cosign(checkpoint: Checkpoint, signer: Signer, time_s: int) -> Signature:
    """A cosignature/v1 at a time in POSIX seconds."""
    if signer.type != COSIGNATURE:
        raise ValueError(f"a key of type {signer.type:#04x} does not cosign")
    if not 0 <= time_s <= TIME_MAX_S:
        raise ValueError(f"{time_s} is no time of a cosignature")
    message = _message(signer.verifier, checkpoint, time_s)
    return Signature(signer.name, signer.verifier.id, _TIME.pack(time_s) + keys.sign(signer, message))


def time_of(signature: Signature) -> int:
    """The time that a cosignature line states, verified or not. Raises Malformed."""
    known = (_TIME.size + keys.SIGNATURE_BYTES[COSIGNATURE], _TIME.size + keys.SIGNATURE_BYTES[ML_DSA_44])
    if len(signature.value) not in known:
        raise Malformed(f"the cosignature of {signature.name} has {len(signature.value)} bytes.")
    (time_s,) = _TIME.unpack_from(signature.value)
    if time_s > TIME_MAX_S:
        raise Malformed(f"the cosignature of {signature.name} states a time above 2^63.")
    return int(time_s)


def verified(note: Note, known: Iterable[VerifierKey]) -> Verified:
    """Whose signatures under a checkpoint hold; those of keys not known are passed over.

    Raises NotProven when a line has the name and id of a known key and does not hold: such a note was tampered with.
    """
    checkpoint = parse_body(note.text)
    by_id = {(key.name, key.id): key for key in known}
    seals: dict[VerifierKey, Seal] = {}
    unchecked: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        key = by_id.get((signature.name, signature.key_id))
        if key is None:
            continue
        seal, holds = _check(key, note, checkpoint, signature)
        if holds is None:
            unchecked[key] = None
        elif not holds:
            raise NotProven(f"the signature of {key.name} does not hold.")
        elif key not in seals or (seal.time_s or 0) > (seals[key].time_s or 0):
            seals[key] = seal
    return Verified(checkpoint, tuple(seals.values()), tuple(unchecked))


def _check(key: VerifierKey, note: Note, checkpoint: Checkpoint, signature: Signature) -> tuple[Seal, bool | None]:
    if key.type == ED25519:
        return Seal(key), keys.verifies(key, note.text.encode(), signature.value)
    try:
        time_s = time_of(signature)
        message = _message(key, checkpoint, time_s)
    except Malformed:
        return Seal(key), False
    return Seal(key, time_s), keys.verifies(key, message, signature.value[_TIME.size :])


def _message(key: VerifierKey, checkpoint: Checkpoint, time_s: int) -> bytes:
    if key.type == COSIGNATURE:
        return f"cosignature/v1\ntime {time_s}\n{checkpoint.body}".encode()
    return (
        b"subtree/v1\n\0"
        + _short(key.name)
        + _TIME.pack(time_s)
        + _short(checkpoint.origin)
        + _TIME.pack(0)
        + _TIME.pack(checkpoint.size)
        + checkpoint.root
    )


def _short(text: str) -> bytes:
    """`opaque<1..2^8-1>` of RFC 8446 §3.4."""
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise Malformed(f'"{text[:20]}…" has {len(data)} bytes; ML-DSA-44 signs names and origins of up to 255.')
    return bytes([len(data)]) + data
