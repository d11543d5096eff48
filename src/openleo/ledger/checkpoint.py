"""C2SP tlog-checkpoint: what a log signs, in three lines and perhaps more.

origin
size, the number of entries
base64 of the root hash over them
extension lines, opaque
"""

from __future__ import annotations

from dataclasses import dataclass

from openleo.ledger import note
from openleo.ledger.faults import Malformed
from openleo.ledger.keys import Signer
from openleo.ledger.merkle import EMPTY_ROOT
from openleo.ledger.text import decimal, hash_from_base64, to_base64, utf8


@dataclass(frozen=True)
class Checkpoint:
    """The whole history of a log up to a size."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """The text that is signed."""
        return "\n".join((self.origin, str(self.size), to_base64(self.root), *self.extensions, ""))


def parse_body(text: str) -> Checkpoint:
    """Raises Malformed."""
    utf8(text.encode(errors="surrogatepass"), "the checkpoint")
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise Malformed("a checkpoint is three lines or more (origin, size, root), each with something in it.")
    size = decimal(lines[1], "the size of the checkpoint")
    root = hash_from_base64(lines[2], "the root of the checkpoint")
    if size == 0 and root != EMPTY_ROOT:
        raise Malformed("a checkpoint of size 0 has a root that is not the empty tree's.")
    return Checkpoint(lines[0], size, root, tuple(lines[3:-1]))


def parse(data: bytes) -> tuple[Checkpoint, note.Note]:
    """A signed checkpoint and its note, whose signatures nobody has looked at yet. Raises Malformed."""
    read = note.parse(data)
    return parse_body(read.text), read


def sign(checkpoint: Checkpoint, signer: Signer) -> note.Note:
    """The log's own signature. Whether it may be made, the store knows."""
    if parse_body(checkpoint.body) != checkpoint:
        raise Malformed("the checkpoint cannot be written in three lines.")
    return note.sign(checkpoint.body, signer)
