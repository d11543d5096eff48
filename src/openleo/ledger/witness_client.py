"""Asking witnesses for their cosignatures of a checkpoint."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from openleo.ledger import checkpoint, cosignature, note
from openleo.ledger.faults import LedgerError, Malformed, NotProven, Unavailable
from openleo.ledger.fetch import connection
from openleo.ledger.note import Note, Signature
from openleo.ledger.policy import Witness
from openleo.ledger.text import decimal, utf8
from openleo.ledger.witness import SIZE_TYPE, Request

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 1 << 20
AT_ONCE = 16
AHEAD_S = 15  # so far may a witness's clock be ahead of ours: the log makes no entry before what witnesses saw
Prove = Callable[[int, int], Sequence[bytes]]  # the consistency proof between two sizes of the log
Clock = Callable[[], float]  # POSIX seconds


@dataclass(frozen=True)
class Collected:
    """Cosignatures that hold, and for each witness without one, why."""

    signatures: tuple[Signature, ...]
    problems: tuple[tuple[str, str], ...]


def collect(
    signed: Note, witnesses: Sequence[Witness], prove: Prove, clock_s: Clock, timeout_s: float = TIMEOUT_S
) -> Collected:
    """Ask every witness that has an address, at the same time. What is dated ahead of our clock is not taken."""
    asked = [witness for witness in witnesses if witness.url]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda witness: _tried(witness, signed, prove, clock_s, timeout_s), asked))
    signatures = [one for answer in answers if not isinstance(answer, str) for one in answer]
    problems = [(who.name, why) for who, why in zip(asked, answers, strict=True) if isinstance(why, str)]
    return Collected(tuple(signatures), tuple(problems))


def _tried(witness: Witness, signed: Note, prove: Prove, clock_s: Clock, timeout_s: float) -> list[Signature] | str:
    try:
        return ask(witness, signed, prove, clock_s, timeout_s)
    except LedgerError as error:
        return str(error)


def ask(witness: Witness, signed: Note, prove: Prove, clock_s: Clock, timeout_s: float = TIMEOUT_S) -> list[Signature]:
    """The witness's cosignatures of a checkpoint. Raises NotProven if it refuses, Unavailable if it is not there.

    It is first asked from size 0, which only a witness new to this log accepts; another answers with the size it knows.
    """
    made = checkpoint.parse_body(signed.text)
    status, type_, body = _post(witness, Request(0, (), made, signed), timeout_s)
    if status == HTTPStatus.CONFLICT and type_ == SIZE_TYPE:
        text = utf8(body, "the size that the witness knows")
        known = decimal(text.removesuffix("\n"), "the size that the witness knows")
        if not 0 < known <= made.size:
            raise NotProven(f"it has cosigned {known} entries, and this checkpoint has {made.size}: an old copy?")
        proof = tuple(prove(known, made.size)) if known < made.size else ()
        status, _, body = _post(witness, Request(known, proof, made, signed), timeout_s)
    if status != HTTPStatus.OK:
        said = body[:200].decode("utf-8", "replace").strip()
        raise NotProven(f"it refuses ({status}): {said}")
    return _holding(witness, signed, body, clock_s())


def _holding(witness: Witness, signed: Note, body: bytes, now_s: float) -> list[Signature]:
    lines = note.parse_signatures(utf8(body, "the witness's answer"))
    mine = [one for one in lines if (one.name, one.key_id) == (witness.key.name, witness.key.id)]
    if not cosignature.verified(Note(signed.text, tuple(mine)), [witness.key]).seals:
        raise NotProven("its answer has no cosignature of its key.")
    dated_s = max(map(cosignature.time_of, mine))
    if dated_s > now_s + AHEAD_S:
        # Taken in, it would stop the log until then: no entry is made before the instant at which witnesses saw it.
        raise NotProven(
            f"it dates its cosignature {_date(dated_s)}, and here it is {_date(now_s)}: of the two clocks one is "
            f"wrong. More than {AHEAD_S} s ahead is not taken."
        )
    return mine


def _date(time_s: float) -> str:
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{time_s:.0f} s after 1970"


def _post(witness: Witness, request: Request, timeout_s: float) -> tuple[int, str, bytes]:
    if not witness.url:
        raise Malformed(f"the witness {witness.name} has no address.")
    link = connection(witness.url, timeout_s)
    target = urlsplit(witness.url).path.rstrip("/") + "/add-checkpoint"
    try:
        link.request("POST", target, body=request.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
        answer = link.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{witness.url} cannot be reached: {error or type(error).__name__}.") from None
    finally:
        link.close()
