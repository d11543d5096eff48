"""A terminal's request for a lease: its form, who signed it, and whether it is of now.

Takes the bytes of a body; gives an Asking, whose form is right and whose signature nobody has checked yet. What a
terminal says of itself is where it is and how it moves; its class, groups, account and home are the registry's, and
what was measured of it is the gateways' (api/ranging): a terminal's own word would be no proof of its word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from openleo.controller import device_identity
from openleo.controller.device_identity import Unsigned
from openleo.policy.request import Instant, PositionRecord

MOST_BYTES = 8_192  # of a body
MOST_DEEP = 6  # objects and lists within each other: more than a request takes
WITHIN_S = 60.0  # a request is of now; so long is its nonce kept on either side
HIGHEST_M, DEEPEST_M, FASTEST_KMH = 100_000.0, -1_000.0, 100_000.0

TerminalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,99}$")]
Nonce = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{16,64}$", description="Never said before by this terminal.")]

Session = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{8,64}$")]


class LeaseForm(BaseModel):
    """A request for a lease, as terminals send it. A key left out, or null, is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    terminal: TerminalId = Field(description="The terminal's id in the registry.")
    position: PositionRecord | None = Field(None, description="Where it is, as of `at`.")
    speed_kmh: float | None = Field(None, ge=0.0, le=FASTEST_KMH, description="Over ground.")
    altitude_m: float | None = Field(None, ge=DEEPEST_M, le=HIGHEST_M, description="Above mean sea level.")
    nonce: Nonce
    at: Instant = Field(description=f"When it was signed, within {WITHIN_S:.0f} s of the controller's clock.")
    session: Session | None = Field(None, description="Drawn anew whenever the device starts.")
    signature: Annotated[str, Field(max_length=100)] = Field(
        description='Base64 of Ed25519 over "openleo-lease@v1\\n" and the RFC 8785 bytes of all other keys.'
    )


class Malformed(ValueError):
    """A body that is no request: every fault, each with its place."""

    def __init__(self, faults: list[tuple[str, str]]):
        self.faults = faults
        super().__init__("; ".join(f"{where}: {what}" if where else what for where, what in faults))


@dataclass(frozen=True)
class Asking:
    """A request by its form. `said`: the document that was signed; `message`: its bytes."""

    form: LeaseForm
    said: dict[str, Any]
    message: bytes
    signature: bytes

    @property
    def at_s(self) -> float:
        return self.form.at.timestamp()

    def signed_by(self, public_key: bytes) -> bool:
        return device_identity.signed_by(public_key, self.signature, self.message)

    @property
    def nonce_until_s(self) -> float:
        """Until when it could be said again, but for its nonce."""
        return self.at_s + WITHIN_S


def read(body: bytes) -> Asking:
    """Raises Malformed."""
    if len(body) > MOST_BYTES:
        raise Malformed([("", f"has {len(body):,} bytes; a request has at most {MOST_BYTES:,}.")])
    said = document(body)
    try:
        form = _FORM.validate_python(said)
    except ValidationError as error:
        raise Malformed([(_place(one["loc"]), f"{one['msg']}.") for one in error.errors(include_url=False)]) from None
    except RecursionError:
        raise Malformed([("", "holds objects or lists within each other too deep.")]) from None
    text = said.pop("signature")
    try:
        return Asking(form, said, device_identity.message(device_identity.LEASE, said), device_identity.signature(text))
    except Unsigned as error:
        raise Malformed([("signature", str(error))]) from None


_FORM = TypeAdapter(LeaseForm)


def document(body: bytes) -> dict[str, Any]:
    """The object of a body of JSON (RFC 8259, I-JSON: no key twice). Raises Malformed."""
    if _deep(body) > MOST_DEEP:  # of the text: no object is made of one that is too deep
        raise Malformed([("", "holds objects or lists within each other too deep.")])
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Malformed([("", "is not UTF-8.")]) from None
    except ValueError as error:
        raise Malformed([("", f"is no JSON: {str(error)[:100]}.")]) from None
    if not isinstance(found, dict):
        raise Malformed([("", "is no JSON object.")])
    return found


def _deep(body: bytes) -> int:
    """At most how deep a text of JSON goes; brackets within texts count, and only ever make it more."""
    deep = most = 0
    for byte in body.translate(None, _NO_BRACKETS):
        deep += 1 if byte in b"[{" else -1
        most = max(most, deep)
    return most


_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _place(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in steps)


def age_s(form: LeaseForm, now: datetime) -> float | None:
    """How old the position is now: as old as it was when the request was signed, and what passed since."""
    if form.position is None or form.position.age_s is None:
        return None
    return form.position.age_s + max((now - form.at) / timedelta(seconds=1), 0.0)
