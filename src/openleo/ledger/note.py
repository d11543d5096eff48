"""C2SP signed-note: a text, an empty line, and lines with a signature each.

    text ending in a newline

    — NAME base64(key id ‖ signature)

Here is the form alone; whose signatures hold is asked of `cosignature.verified`, since types differ in what they sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from openleo.ledger import keys
from openleo.ledger.faults import Malformed
from openleo.ledger.keys import ED25519, ID_BYTES, Signer
from openleo.ledger.text import from_base64, to_base64, utf8

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100  # verifiers must accept 16; Go's accept 100
_DASH = "\N{EM DASH} "


@dataclass(frozen=True)
class Signature:
    """One line under a note, verified or not."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class Note:
    text: str  # with its last newline
    signatures: tuple[Signature, ...] = ()

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(one.line for one in self.signatures)).encode()

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """With more lines below, none of them twice."""
        return replace(self, signatures=tuple(dict.fromkeys((*self.signatures, *more))))


def parse(data: bytes) -> Note:
    """A note with at least one signature line. Raises Malformed."""
    if len(data) > NOTE_BYTES_MAX:
        raise Malformed(f"the note has {len(data)} bytes; {NOTE_BYTES_MAX} is the most that is read.")
    text, empty_line, lines = utf8(data, "the note").rpartition("\n\n")
    if not empty_line or not lines:
        raise Malformed("the note has no signatures below an empty line.")
    return Note(text + "\n", parse_signatures(lines))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, each ended by a newline. Raises Malformed."""
    *each, rest = lines.split("\n")
    if rest or not each:
        raise Malformed("the last signature line does not end with a newline.")
    if len(each) > SIGNATURES_MAX:
        raise Malformed(f"the note has {len(each)} signatures; {SIGNATURES_MAX} is the most that is read.")
    return tuple(_parse_line(line) for line in each)


def _parse_line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not keys.is_name(name):
        raise Malformed("a signature line is not an em dash, a name and base64, with one space between them.")
    data = from_base64(encoded, f"the signature of {name}")
    if len(data) <= ID_BYTES:
        raise Malformed(f"the signature of {name} has {len(data)} bytes; {ID_BYTES} of them are the key's id.")
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])


def check_text(text: str) -> None:
    """Raise Malformed for a text that, signed, could not be read back."""
    utf8(text.encode(errors="surrogatepass"), "the text")
    if not text.endswith("\n"):
        raise Malformed("the text of a note ends with a newline.")


def sign(text: str, signer: Signer) -> Note:
    """The text with an Ed25519 signature (type 0x01)."""
    check_text(text)
    if signer.type != ED25519:
        raise ValueError(f"a key of type {signer.type:#04x} does not sign the text of a note")
    return Note(text, (Signature(signer.name, signer.verifier.id, keys.sign(signer, text.encode())),))
