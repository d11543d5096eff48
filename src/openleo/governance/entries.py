"""The entries of a governance ledger: one envelope, a schema for each type, RFC 8785 bytes of at most 64 KiB.

    {"schema": 1, "type": "change.proposed", "at": "2026-11-21T14:00:00Z", "body": {…}}

What is read back is checked whole, and must be the very bytes that would be written: an entry has one form. Large
documents stay beside the ledger and are named by their sha256. No names of people, no positions: officers are ids,
terminals and accounts are commitments (commitments.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic.json_schema import SkipJsonSchema

from openleo.governance.moves import Move

SCHEMA = 1
MOST_BYTES = 65_535  # tlog-tiles: an entry's length is a 16-bit number
INSTANT_FORM = "%Y-%m-%dT%H:%M:%SZ"
INSTANT_LENGTH = 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$")]
# Text for people: no control characters, and none that turn the direction of what stands beside them.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
Text = Annotated[str, Field(pattern=rf"^[^{_CONTROLS}]*$", max_length=2_000)]
Said = Annotated[
    str, Field(pattern=rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$", max_length=2_000)
]  # not blank
LAST_YEAR = 9_000  # so that hours and days can be added to whatever an entry says


def _a_real_instant(text: str) -> str:
    parse_instant(text)
    return text


Instant = Annotated[str, Field(pattern=r"^[0-9T:Z-]{20}$"), AfterValidator(_a_real_instant)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Armour = Annotated[str, Field(max_length=4_000)]  # an SSHSIG
Commitment = Annotated[str, Field(pattern=r"^hmac-sha256:[0-9a-f]{64}$")]
Kind = Literal["rules", "network", "roster", "recovery", "account", "class", "group", "log_key"]


class Body(BaseModel):
    """What an entry says. Unknown keys are refused: what is not understood is not passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Signed(Body):
    """A key's signature over a statement (to_sign.py), by whom it is said to be."""

    officer: Id
    signature: Armour


class Window(Body):
    """When a change may be activated: from this instant on, and before that one."""

    from_: Annotated[Instant, Field(alias="from")]
    until: Instant


# --- the life of a change -------------------------------------------------------------------------------------------


class Genesis(Body):
    """Entry 0. `signatures`: of every officer with each of their keys, over the rest."""

    origin: Annotated[str, Field(pattern=r"^[^\s+]{1,255}$")]
    log_vkey: Annotated[str, Field(max_length=4_000)]
    roster: dict[str, Any]
    signatures: tuple[Signed, ...]


class Sponsor(Body):
    """The officer who signed the request, over the whole proposal, the effect and its network (to_sign.request)."""

    officer: Id
    effect: Sha256
    network: Sha256
    signature: Armour


def _no_default(form: dict[str, Any]) -> None:
    del form["default"]


class Proposed(Body):
    """`documents`: what a move's values are the sha256 of, where replaying needs it (the roster).

    Without `sponsor` the requester is named by whoever proposed, and proved by nobody.
    """

    change: Id
    kind: Kind
    moves: Annotated[tuple[Move, ...], Field(min_length=1, max_length=50)]
    requester: Id
    on_behalf_of: Said
    reason: Said
    legal_reference: Said
    window: Window
    expires: Instant
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    reverts: Id | None
    documents: dict[Sha256, dict[str, Any]]
    possession: tuple[Signed, ...]  # of keys that join the roster, each by itself
    sponsor: Annotated[Sponsor | SkipJsonSchema[None], Field(json_schema_extra=_no_default)] = None

    @property
    def asked_by(self) -> frozenset[str]:
        """Who asked: officers of these ids do not count for it."""
        return frozenset({self.requester} if self.sponsor is None else {self.requester, self.sponsor.officer})

    @model_serializer(mode="wrap")
    def _without_none(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An entry that nobody signed has no key `sponsor`: so entries had it before there were signed requests."""
        said: dict[str, Any] = written(self)
        if said.get("sponsor", said) is None:
            del said["sponsor"]
        return said


class Touched(Body):
    """What an effect does to one territory. `people`: those who could be served there."""

    territory: Annotated[str, Field(max_length=200)]
    people: Count
    people_lost: Count
    people_gained: Count
    terminals_lost: Count | None  # null: no table of terminals was given
    terminals_gained: Count | None
    emergency_terminals_lost: Count | None  # null: some may be, and nobody counted them


class Ends(Body):
    """Service of a territory that ends by a window of the new rules."""

    territory: Annotated[str, Field(max_length=200)]
    at: Instant


class EffectFrozen(Body):
    """The effect that will be signed, and what the quorum depends on; `named`: territories that the change names."""

    change: Id
    effect: Sha256
    network: Sha256
    touched: tuple[Touched, ...]
    named: tuple[Annotated[str, Field(max_length=200)], ...]
    ends: tuple[Ends, ...]


class Approval(Body):
    """`statement`: sha256 of the bytes signed; the bytes can be made from the ledger."""

    change: Id
    officer: Id
    statement: Sha256
    signature: Armour


class Withdrawal(Approval):
    """An approval is taken back, for good."""


class Rejection(Approval):
    """An officer says no, and the change ends."""


class Objection(Body):
    """A party speaks against a change, publicly. It stops nothing."""

    change: Id
    officer: Id
    party: Id
    text: Said
    signature: Armour


class ApprovedIn(Body):
    """The checkpoint whose tree holds every approval that was counted."""

    size: Count
    root: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]


class Activated(Body):
    change: Id
    effect: Sha256  # computed again on the set in force
    approved_in: ApprovedIn
    witnessed: bool


class Expired(Body):
    """A change ends without being activated."""

    change: Id
    why: Said


class BreakGlassUsed(Body):
    """Two officers act at once, for a time. `until`: then it lapses by itself."""

    id: Id
    moves: Annotated[tuple[Move, ...], Field(min_length=1, max_length=50)]
    reason: Said
    until: Instant
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    signatures: Annotated[tuple[Signed, ...], Field(min_length=2)]
    witnessed: bool


class BreakGlassReviewed(Body):
    id: Id
    finding: Said
    signatures: Annotated[tuple[Signed, ...], Field(min_length=1)]


# --- acts and facts -------------------------------------------------------------------------------------------------


class Act(Body):
    """A move of its own (`change` null: a single act, below the rate), or what a change that was activated did.

    `terminals`, `territories`: how many may lose service by it, in all and where.
    """

    change: Id | None
    move: Move
    actor: Id
    reason: Said
    terminals: Count
    territories: dict[str, Count]


class KeyAdded(Body):
    change: Id
    officer: Id
    key: Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]


class KeyRevoked(Body):
    """By a change of the roster, or at once by its officer, with any key that is still good."""

    change: Id | None
    officer: Id
    key: Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
    reason: Said
    signature: Armour | None


class QuorumChanged(Body):
    change: Id
    base: Sha256  # of the rosters
    new: Sha256


class LogKeyRotated(Body):
    change: Id
    base: Annotated[str, Field(max_length=4_000)]
    new: Annotated[str, Field(max_length=4_000)]


class Terminal(Body):
    """A terminal joins, passes to another account, or leaves."""

    terminal: Commitment
    account: Commitment
    territory: Annotated[str, Field(max_length=200)]
    class_: Annotated[Id, Field(alias="class")]


class Published(Body):
    """A mask that was given out, or the decisions that were enforced between two instants (a Merkle root of them)."""

    sha256: Sha256
    from_: Annotated[Instant, Field(alias="from")]
    until: Instant
    note: Text


class Disclosure(Body):
    """An outside party asked for something: who, what, when, and what it was given."""

    party: Said
    what: Said
    legal_reference: Text
    asked_at: Instant
    given: Said


TYPES: dict[str, type[Body]] = {
    "genesis": Genesis,
    "change.proposed": Proposed,
    "change.effect": EffectFrozen,
    "change.approval": Approval,
    "approval.withdrawn": Withdrawal,
    "change.rejection": Rejection,
    "change.activated": Activated,
    "change.expired": Expired,
    "objection": Objection,
    "break_glass.used": BreakGlassUsed,
    "break_glass.reviewed": BreakGlassReviewed,
    "network.changed": Act,
    "account.suspended": Act,
    "account.reinstated": Act,
    "class.changed": Act,
    "group.changed": Act,
    "key.added": KeyAdded,
    "key.revoked": KeyRevoked,
    "quorum.changed": QuorumChanged,
    "log_key.rotated": LogKeyRotated,
    "terminal.enrolled": Terminal,
    "terminal.transferred": Terminal,
    "terminal.revoked": Terminal,
    "mask.published": Published,
    "enforcement.summary": Published,
    "disclosure": Disclosure,
}
_TYPE_OF_BODY = {body: type_ for type_, body in TYPES.items() if list(TYPES.values()).count(body) == 1}


class EntryRefused(ValueError):
    """Bytes that are no entry, in one sentence."""


@dataclass(frozen=True)
class Entry:
    """One entry. `at`: whole seconds of UTC."""

    type: str
    at: datetime
    body: Body

    def to_bytes(self) -> bytes:
        """Its RFC 8785 form. Raises EntryRefused where it is too long, or holds a number that JSON cannot carry."""
        body = self.body.model_dump(mode="json", by_alias=True)
        try:
            data = _canonical({"schema": SCHEMA, "type": self.type, "at": instant(self.at), "body": body}, self.body)
        except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
            raise EntryRefused(f"{self.type} cannot be written as canonical JSON: {error}") from error
        if len(data) > MOST_BYTES:
            raise EntryRefused(f"{self.type} takes {len(data):,} bytes; an entry has at most {MOST_BYTES:,}")
        return data


HOLDS_ANY_JSON = (Genesis, Proposed)  # all other bodies have texts, truths, and counts that every reader can hold


def _canonical(document: dict[str, Any], body: Body) -> bytes:
    """RFC 8785 bytes. Plain ASCII without fractions has one form, which the standard library writes many times faster.

    What is not ASCII has its keys in another order there (UTF-16), and numbers of a free form are written otherwise.
    """
    if not isinstance(body, HOLDS_ANY_JSON):
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if text.isascii():
            return text.encode("ascii")
    return rfc8785.dumps(document)


def entry(at: datetime, body: Body, type_: str = "") -> Entry:
    """An entry of a body; `type_` is needed where two types share a form."""
    type_ = type_ or _TYPE_OF_BODY[type(body)]
    assert isinstance(body, TYPES[type_]), f"{type(body).__name__} is no body of {type_}"
    return Entry(type_, at, body)


def from_bytes(data: bytes) -> Entry:
    """An entry of a ledger. Raises EntryRefused, and nothing else, whatever the bytes are."""
    if len(data) > MOST_BYTES:
        raise EntryRefused(f"it takes {len(data):,} bytes; an entry has at most {MOST_BYTES:,}")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EntryRefused("it is no JSON") from error
    if not isinstance(found, dict) or set(found) != {"schema", "type", "at", "body"}:
        raise EntryRefused("an entry has the keys schema, type, at and body")
    if found["schema"] != SCHEMA or isinstance(found["schema"], bool):
        raise EntryRefused(f"its schema is {found['schema']!r:.40}; this version reads {SCHEMA}")
    form = TYPES.get(found["type"]) if isinstance(found["type"], str) else None
    if form is None:
        raise EntryRefused(f"its type is {found['type']!r:.60}, which this version does not know")
    try:
        made = Entry(found["type"], parse_instant(found["at"]), form.model_validate_json(json.dumps(found["body"])))
        same = made.to_bytes() == data
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EntryRefused(f"{found['type']}: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise EntryRefused(f"{found['type']}: {error}") from error
    if not same:
        raise EntryRefused(f"{found['type']} is not written in its canonical form (RFC 8785)")
    return made


def instant(at: datetime) -> str:
    """An instant as entries write it: whole seconds.

    >>> instant(datetime(2026, 11, 21, 14, 0, 0, 900_000, tzinfo=UTC))
    '2026-11-21T14:00:00Z'
    """
    return at.astimezone(UTC).strftime(INSTANT_FORM)


def parse_instant(text: object) -> datetime:
    """Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("an instant is text like 2026-11-21T14:00:00Z")  # noqa: TRY004 - one error for whatever bytes
    form = len(text) == INSTANT_LENGTH and text.endswith("Z")
    at = datetime.fromisoformat(text) if form else None
    if at is None or at.tzinfo is None or instant(at) != text or at.year > LAST_YEAR:
        raise ValueError(f"{text!r} is no instant like 2026-11-21T14:00:00Z")
    return at
