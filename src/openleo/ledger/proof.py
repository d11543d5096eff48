"""C2SP tlog-proof: that one entry stands in a log, in a file that is verified offline.

    c2sp.org/tlog-proof@v1
    extra BASE64                 here: the entry itself, if it is handed along
    index N
    base64 of each hash of the inclusion proof

    the signed checkpoint, with its cosignatures

Nothing in it is trusted but what the policy's keys signed; the extra is trusted once it hashes to the proven leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openleo.ledger import checkpoint, merkle
from openleo.ledger.faults import Malformed, NotProven
from openleo.ledger.merkle import PROOF_HASHES_MAX
from openleo.ledger.note import NOTE_BYTES_MAX, Note
from openleo.ledger.policy import Opened, Policy, judge
from openleo.ledger.text import decimal, from_base64, hash_from_base64, to_base64, utf8

HEADER = "c2sp.org/tlog-proof@v1"
PROOF_BYTES_MAX = NOTE_BYTES_MAX + 200_000  # an entry in base64 has 87 kB


@dataclass(frozen=True)
class Proof:
    index: int
    hashes: tuple[bytes, ...]
    note: Note  # the signed checkpoint
    extra: bytes | None = None

    def encode(self) -> bytes:
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(to_base64, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.note.encode()


@dataclass(frozen=True)
class Proven:
    """An entry's place, and the checkpoint that it was proven under."""

    index: int
    leaf: bytes
    opened: Opened


def make(read: merkle.HashReader, index: int, note: Note, entry: bytes | None = None) -> Proof:
    """The proof of an entry under a signed checkpoint."""
    size = checkpoint.parse_body(note.text).size
    return Proof(index, tuple(merkle.inclusion_proof(read, index, size)), note, entry)


def parse(data: bytes) -> Proof:
    """Raises Malformed."""
    if len(data) > PROOF_BYTES_MAX:
        raise Malformed(f"the proof has {len(data)} bytes; {PROOF_BYTES_MAX} is the most that is read.")
    head, empty_line, rest = data.partition(b"\n\n")
    lines = utf8(head, "the proof").split("\n")
    if lines.pop(0) != HEADER:
        raise Malformed(f"the proof does not begin with the line {HEADER}")
    if not empty_line:
        raise Malformed("the proof has no checkpoint below an empty line.")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "), "the extra data of the proof")
    if not lines or not lines[0].startswith("index "):
        raise Malformed("the proof has no line `index N` where it belongs.")
    index = decimal(lines.pop(0).removeprefix("index "), "the index of the proof")
    if len(lines) > PROOF_HASHES_MAX:
        raise Malformed(f"the proof has {len(lines)} hashes; none needs more than {PROOF_HASHES_MAX}.")
    hashes = tuple(hash_from_base64(line, "a hash of the proof") for line in lines)
    _, note = checkpoint.parse(rest)
    return Proof(index, hashes, note, extra)


def check(proof: Proof, policy: Policy, entry: bytes | None = None) -> Proven:
    """That the entry (or else the proof's own extra) stands in a log that the policy accepts. Raises NotProven."""
    if entry is None and proof.extra is None:
        raise NotProven("the proof does not carry its entry; the entry has to be given.", proof.index)
    return check_leaf(proof, policy, merkle.leaf_hash(proof.extra or b"" if entry is None else entry))


def check_leaf(proof: Proof, policy: Policy, leaf: bytes) -> Proven:
    """As `check`, for who has the entry's leaf hash alone."""
    opened = judge(policy, proof.note)
    signed: Sequence[bytes] = proof.hashes
    merkle.check_inclusion(proof.index, opened.checkpoint.size, leaf, signed, opened.checkpoint.root)
    return Proven(proof.index, leaf, opened)
