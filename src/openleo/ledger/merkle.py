"""The Merkle tree of RFC 6962 §2.1: hashes, proofs made, proofs checked as RFC 9162 §2.1.3.2 and §2.1.4.2 say.

Proofs are made from a hash reader: `read(level, index)` is the hash over the 2^level entries from index · 2^level on.
Only complete subtrees are read; every other hash of a tree is made of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openleo.ledger.faults import NotProven
from openleo.ledger.text import HASH_BYTES, SIZE_MAX

HashReader = Callable[[int, int], bytes]
PROOF_HASHES_MAX = 63  # no path in a tree below 2^63 entries is longer
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry; its prefix keeps it apart from every node's."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """As `leaf_hash`, of many."""
    sha256 = hashlib.sha256
    return [sha256(b"\0" + entry).digest() for entry in entries]


def levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """A complete subtree, level by level, from its 2^k hashes (first) to its root (last, alone)."""
    sha256 = hashlib.sha256
    rows = [list(hashes)]
    while len(rows[-1]) > 1:
        row = iter(rows[-1])
        rows.append([sha256(b"\1" + left + right).digest() for left, right in zip(row, row, strict=True)])
    return rows


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a complete subtree from its 2^k hashes."""
    return levels(hashes)[-1][0]


@dataclass(frozen=True)
class Frontier:
    """All that is needed of a tree to append to it: the roots of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extended(self, leaves: Sequence[bytes]) -> Frontier:
        """The tree with more leaf hashes."""
        peaks, size = list(self.peaks), self.size
        for leaf in leaves:
            joined, rest = leaf, size
            while rest & 1:  # as an odometer carries
                joined = node_hash(peaks.pop(), joined)
                rest >>= 1
            peaks.append(joined)
            size += 1
        return Frontier(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        joined = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            joined = node_hash(peak, joined)
        return joined


def frontier(read: HashReader, size: int) -> Frontier:
    """The frontier of the tree of the first `size` entries."""
    peaks, first = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            peaks.append(read(level, first >> level))
            first += 1 << level
    return Frontier(size, tuple(peaks))


def root(read: HashReader, size: int) -> bytes:
    """MTH(D[0:size]) of RFC 6962 §2.1."""
    return frontier(read, size).root


# --- proofs made ----------------------------------------------------------------------------------------------------


def inclusion_proof(read: HashReader, index: int, size: int) -> list[bytes]:
    """PATH(index, D[0:size]) of RFC 6962 §2.1.1, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_subtree(read, middle, end))
            end = middle
        else:
            path.append(_subtree(read, first, middle))
            first = middle
    return path[::-1]


def consistency_proof(read: HashReader, old: int, new: int) -> list[bytes]:
    """PROOF(old, D[0:new]) of RFC 6962 §2.1.2."""
    if not 0 < old <= new:
        raise ValueError(f"there is no consistency proof from size {old} to {new}")
    first, end, path, whole = 0, new, [], True
    while old < end:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(_subtree(read, middle, end))
            end = middle
        else:
            path.append(_subtree(read, first, middle))
            first, whole = middle, False
    if not whole:  # else this subtree is the old tree itself, and who verifies has its root
        path.append(_subtree(read, first, end))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below a size above 1."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(read: HashReader, first: int, end: int) -> bytes:
    """MTH(D[first:end]); `first` is a multiple of a power of two no smaller than the range, as in every proof."""
    size = end - first
    peaks, at = [], first
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            peaks.append(read(level, at >> level))
            at += 1 << level
    return Frontier(size, tuple(peaks)).root


# --- proofs checked -------------------------------------------------------------------------------------------------


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Raise NotProven unless the leaf hash stands at `index` of the tree of that size and root (RFC 9162 §2.1.3.2)."""
    _check_sizes(proof, leaf, root_hash)
    if not 0 <= index < size <= SIZE_MAX:
        raise NotProven(f"entry {index} is not in a tree of {size}.", index)
    at, last, joined = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise NotProven(f"the inclusion proof of entry {index} is too long.", index)
        if at & 1 or at == last:
            joined = node_hash(step, joined)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            joined = node_hash(joined, step)
        at >>= 1
        last >>= 1
    if last:
        raise NotProven(f"the inclusion proof of entry {index} is too short.", index)
    if joined != root_hash:
        raise NotProven(f"entry {index} is not the one under the signed root.", index)


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise NotProven unless the larger tree begins with the smaller one (RFC 9162 §2.1.4.2).

    Every tree begins with the empty one, so a proof from size 0 proves nothing and is refused.
    """
    _check_sizes(proof, old_root, new_root)
    if not 0 < old <= new <= SIZE_MAX:
        raise NotProven(f"there is no consistency proof from size {old} to {new}.")
    if old == new:
        if proof:
            raise NotProven(f"the consistency proof from size {old} to itself is not empty.")
        if old_root != new_root:
            raise NotProven(f"there are two roots of size {old}.")
        return
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        raise NotProven(f"the consistency proof from size {old} to {new} is too short.")
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise NotProven(f"the consistency proof from size {old} to {new} is too long.")
        if at & 1 or at == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            after = node_hash(after, step)
        at >>= 1
        last >>= 1
    if last:
        raise NotProven(f"the consistency proof from size {old} to {new} is too short.")
    if before != old_root or after != new_root:
        raise NotProven(f"the tree of size {new} does not begin with the tree of size {old}.")


def _check_sizes(proof: Sequence[bytes], *hashes: bytes) -> None:
    if len(proof) > PROOF_HASHES_MAX:
        raise NotProven(f"the proof has {len(proof)} hashes; none needs more than {PROOF_HASHES_MAX}.")
    if any(len(one) != HASH_BYTES for one in (*proof, *hashes)):
        raise NotProven(f"a hash of the proof has not {HASH_BYTES} bytes.")
