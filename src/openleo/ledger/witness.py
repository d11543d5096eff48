"""C2SP tlog-witness: a party that cosigns a checkpoint only if the log grew from the last one it cosigned.

    POST add-checkpoint          old SIZE, hashes of the consistency proof, an empty line, the signed checkpoint
    200                          cosignature lines
    400 404 403 409 422          malformed; log not known; not signed by it; not the size I know; not consistent

Here is the decision alone, of a request and of what was seen before; `witness_memory` remembers, and a cosignature
leaves only after it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from openleo.ledger import checkpoint, merkle
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.cosignature import cosign, verified
from openleo.ledger.faults import Malformed, NotProven
from openleo.ledger.keys import Signer, VerifierKey
from openleo.ledger.merkle import PROOF_HASHES_MAX
from openleo.ledger.note import Note
from openleo.ledger.text import decimal, hash_from_base64, to_base64, utf8

REQUEST_BYTES_MAX = 1 << 18
TEXT = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"
Logs = Mapping[str, Sequence[VerifierKey]]  # by origin, the keys that it may sign with


@dataclass(frozen=True)
class Request:
    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note

    def encode(self) -> bytes:
        lines = [f"old {self.old}", *map(to_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.encode()


@dataclass(frozen=True)
class Seen:
    """The last checkpoint that was cosigned for an origin, and when (POSIX seconds)."""

    checkpoint: Checkpoint
    note: Note
    time_s: int


@dataclass(frozen=True)
class Answer:
    status: HTTPStatus
    body: bytes
    type: str = TEXT


@dataclass(frozen=True)
class Decision:
    """What to answer; before that, what to remember; and whether the log was caught signing two histories."""

    answer: Answer
    remember: Seen | None = None
    fork: Note | None = None


def parse_request(data: bytes) -> Request:
    """Raises Malformed."""
    if len(data) > REQUEST_BYTES_MAX:
        raise Malformed(f"the request has {len(data)} bytes; {REQUEST_BYTES_MAX} is the most.")
    head, empty_line, rest = data.partition(b"\n\n")
    first, *hashes = utf8(head, "the request").split("\n")
    if not empty_line or not first.startswith("old "):
        raise Malformed("the request is not `old SIZE`, hashes, an empty line and a checkpoint.")
    if len(hashes) > PROOF_HASHES_MAX:
        raise Malformed(f"the proof has {len(hashes)} hashes; {PROOF_HASHES_MAX} is the most.")
    old = decimal(first.removeprefix("old "), "the old size")
    proof = tuple(hash_from_base64(line, "a hash of the proof") for line in hashes)
    made, note = checkpoint.parse(rest)
    return Request(old, proof, made, note)


def decide(request: Request, logs: Logs, seen: Seen | None, signer: Signer, now_s: int) -> Decision:
    """The answer to add-checkpoint, after `seen`, which is of the same origin; in the order of the specification."""
    made = request.checkpoint
    if made.origin not in logs:
        return _no(HTTPStatus.NOT_FOUND, f'the log "{made.origin}" is not one that I know')
    try:
        if not verified(request.note, logs[made.origin]).seals:
            return _no(HTTPStatus.FORBIDDEN, "no key of the log has signed this checkpoint")
    except NotProven as error:
        return _no(HTTPStatus.FORBIDDEN, str(error))
    if request.old > made.size:
        return _no(HTTPStatus.BAD_REQUEST, f"the old size {request.old} is above the checkpoint's {made.size}")
    forked = seen is not None and seen.checkpoint.size == made.size and seen.checkpoint.root != made.root
    fork = request.note if forked else None
    known = seen.checkpoint.size if seen else 0
    if request.old != known:
        return Decision(Answer(HTTPStatus.CONFLICT, f"{known}\n".encode(), SIZE_TYPE), fork=fork)
    if fork:
        return Decision(_no(HTTPStatus.CONFLICT, f"I cosigned another root of size {made.size}").answer, fork=fork)
    try:
        _check_grown(request, seen)
    except NotProven as error:
        return _no(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    time_s = max(now_s, seen.time_s if seen else 0)  # a clock set back does not take back what was said
    cosignature = cosign(made, signer, time_s)
    answer = Answer(HTTPStatus.OK, cosignature.line.encode())
    return Decision(answer, Seen(made, request.note.with_signatures([cosignature]), time_s))


def _check_grown(request: Request, seen: Seen | None) -> None:
    made = request.checkpoint
    if seen is None or seen.checkpoint.size == 0:
        if request.proof:
            raise NotProven("a proof from size 0 has to be empty")
    else:
        merkle.check_consistency(request.old, made.size, seen.checkpoint.root, made.root, request.proof)


def _no(status: HTTPStatus, why: str) -> Decision:
    return Decision(Answer(status, f"{why}\n".encode()))
