"""Terminals: listed, enrolled, changed one by one, each change with its place in the history. The operator's alone.

No answer here holds a position. What can end service goes onto the ledger first; 409 `needs-change` says how to propose
what is above the rate of single acts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from starlette.concurrency import run_in_threadpool

from openleo.controller import custody, registry
from openleo.controller.access import Principal
from openleo.controller.api.registered import (
    Id,
    IfMatch,
    Office,
    Reason,
    answered,
    changes,
    classes_now,
    etag,
    office,
    reads,
    seen,
)
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading, writing
from openleo.controller.device_certificates import CertificateClaim, authority, check_asked
from openleo.controller.device_keys import KeyRefused, key_text, read_key
from openleo.controller.enrol import Options
from openleo.controller.enrol_table import Row
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import Problem
from openleo.controller.registrar import By
from openleo.controller.registry import Filter, State
from openleo.errors import InputError
from openleo.errors import Problem as Fault
from openleo.instants import instant_of
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.policy.request import group_name

router = APIRouter(prefix="/v1/terminals", tags=["terminals"], route_class=OnceRoute)
Reader = Annotated[Principal, Depends(reads)]
Changer = Annotated[Principal, Depends(changes)]
TheOffice = Annotated[Office, Depends(office)]
Classes = Annotated[tuple[str, ...], Depends(classes_now)]
After = Annotated[str, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500)]
Word = Annotated[str, StringConstraints(max_length=100)]
TABLES = {"text/csv": "table.csv", "application/vnd.apache.parquet": "table.parquet"}
BULK: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class Form(BaseModel):
    """What is sent; keys that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class TerminalShown(BaseModel):
    """A terminal of the registry."""

    id: str
    account: str
    subscription: str | None
    class_: str = Field(alias="class", serialization_alias="class")
    home_territory: str
    groups: list[str]
    public_key: str = Field(description="Ed25519, base64.")
    commitment: str = Field(description="What the ledger calls it.")
    state: State
    enrolled_at: str | None
    version: int


class NewTerminal(Form):
    """A terminal to enrol. With `signature` the device shows that it holds its key."""

    id: Id
    account: Id
    class_: Word = Field(alias="class")
    home_territory: Word
    public_key: Annotated[str, StringConstraints(max_length=100)] = Field(description="Ed25519: base64 or hexadecimal.")
    subscription: Id | None = None
    groups: list[Word] = Field(default=[], max_length=100)
    signature: Annotated[str, StringConstraints(max_length=200)] | None = None
    active: bool = Field(False, description="In service at once.")


class Changed(Form):
    """What becomes different; what is left out stays. One thing at a time, as each is an act of its own."""

    class_: Word | None = Field(None, alias="class")
    home_territory: Word | None = None
    groups: list[Word] | None = Field(None, max_length=100)
    subscription: Id | None = None
    public_key: Annotated[str, StringConstraints(max_length=100)] | None = None
    signature: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        None, description="Of a change of the key: by the key before it. Without it the change counts as an act."
    )
    reason: Reason = Field(description="Why; where it is an act on the ledger it is public, so it names nobody.")


class Transferred(Form):
    """To which account."""

    account: Id
    subscription: Id | None = None
    reason: Reason


class StateChanged(Form):
    """Into which state."""

    state: Literal[State.ACTIVE, State.SUSPENDED, State.LOST, State.REVOKED]
    reason: Reason


class CertificateAsked(Form):
    """By a device."""

    at: Annotated[str, StringConstraints(max_length=40)] = Field(description="Now, as the device says it and signs it.")
    nonce: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    signature: Annotated[str, StringConstraints(max_length=200)] = Field(description="Ed25519, base64.")

    @field_validator("at")
    @classmethod
    def _an_instant(cls, text: str) -> str:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("an instant has a zone: 2026-11-22T12:00:00Z")
        return text

    @property
    def at_s(self) -> float:
        """In seconds since the Unix epoch."""
        return datetime.fromisoformat(self.at).timestamp()


class CertificateShown(BaseModel):
    """PEM."""

    certificate: str
    authority: str = Field(description="Which a server trusts for devices.")
    valid_until: str | None


class EventShown(BaseModel):
    """One row of a terminal's history."""

    id: str
    at: str | None
    what: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor: str
    reason: str


class EnrolledShown(BaseModel):
    """What became of a table."""

    id: str = Field(description="Of the enrolment: the sha256 of the table.")
    rows: int
    enrolled: int
    known: int = Field(description="Rows that were enrolled before.")
    accounts: int = Field(description="Accounts that were opened for it.")
    dry_run: bool


@router.get("", summary="Terminals")
def terminals_list(
    request: Request,
    _: Reader,
    account: Id | None = None,
    state: State | None = None,
    class_: Annotated[Word | None, Query(alias="class")] = None,
    home_territory: Word | None = None,
    after: After = "",
    limit: Limit = 100,
) -> Page[TerminalShown]:
    """In the order of their ids."""
    asked = Filter(account, state, class_, home_territory)
    with reading(request.app.state.runtime.engine) as connection:
        found = registry.page(connection, asked, after, limit + 1)
    last = found[limit - 1].id if len(found) > limit else None
    return Page(items=[shown(one) for one in found[:limit]], next=next_page(request, last, limit))


@router.post("", status_code=201, summary="Enrol a terminal")
def terminals_enrol(
    response: Response, principal: Changer, office: TheOffice, classes: Classes, new: NewTerminal
) -> TerminalShown:
    """Asked again with the same words, the answer is the same."""
    row = row_of(new, classes)
    id_ = hashlib.sha256(new.model_dump_json(by_alias=True).encode()).hexdigest()
    with answered():
        office.enrolling.rows(id_, [row], "terminal", principal.id, Options(active=new.active))
    response.headers["location"] = f"/v1/terminals/{new.id}"
    return _one(response, office, new.id)


@router.post("/bulk", summary="Enrol a table of terminals", openapi_extra=BULK)
async def terminals_bulk(
    request: Request,
    principal: Changer,
    office: TheOffice,
    classes: Classes,
    dry_run: bool = False,
    make_accounts: bool = False,
    active: bool = False,
) -> EnrolledShown:
    """The body is a CSV or Parquet file. Every fault of every row is told, and then nothing is done.

    A table that was cut off is handed in again, and goes on where it stopped.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TABLES:
        raise Problem(415, f"Send one of {', '.join(TABLES)}.", "not-such-a-table", "The table is of another kind")
    data = await request.body()
    options = Options(make_accounts, active, classes=classes)

    def enrol() -> EnrolledShown:
        with answered():
            done = office.enrolling.table(data, TABLES[kind], principal.id, options, dry=dry_run)
        return EnrolledShown(
            id=done.id,
            rows=done.rows,
            enrolled=done.enrolled,
            known=done.known,
            accounts=done.accounts,
            dry_run=done.dry,
        )

    return await run_in_threadpool(enrol)


@router.get("/{id}", summary="One terminal")
def terminals_show(response: Response, _: Reader, office: TheOffice, id: Id) -> TerminalShown:
    """With its version as the ETag."""
    return _one(response, office, id)


@router.get("/{id}/history", summary="A terminal's history")
def terminals_history(
    request: Request,
    _: Reader,
    office: TheOffice,
    id: Id,
    after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Limit = 100,
) -> Page[EventShown]:
    """Every change of it, the oldest first."""
    with answered(), reading(office.registrar.engine) as connection:
        registry.find(connection, id)
        found = custody.of(connection, id, after, limit + 1)
    last = str(found[limit - 1].id) if len(found) > limit else None
    items = [
        EventShown(
            id=str(one.id), at=at_text(one.at_s), what=str(one.what), before=dict(one.before), after=dict(one.after),
            actor=one.actor, reason=one.reason,
        )
        for one in found[:limit]
    ]  # fmt: skip
    return Page(items=items, next=next_page(request, last, limit))


@router.patch("/{id}", summary="Change a terminal")
def terminals_change(
    response: Response,
    principal: Changer,
    office: TheOffice,
    classes: Classes,
    id: Id,
    asked: Changed,
    if_match: IfMatch = None,
) -> TerminalShown:
    """Class, home territory, groups, subscription or key: one of them, in the version that was seen."""
    said = asked.model_fields_set - {"reason", "signature"}
    if len(said) != 1:
        raise Problem(422, "Change one thing at a time: class, home_territory, groups, subscription or public_key.")
    by = By(principal.id, asked.reason, seen(if_match))
    if asked.class_ is not None and asked.class_ not in classes:
        raise Problem(422, f"There is no class {asked.class_}. Classes: {', '.join(classes)}.")
    with answered():
        _change(office, id, next(iter(said)), asked, by)
    return _one(response, office, id)


def _change(office: Office, id_: str, what: str, asked: Changed, by: By) -> None:
    registrar = office.registrar
    if what == "subscription":
        registrar.set_subscription(id_, asked.subscription, by)
    elif what == "class_" and asked.class_ is not None:
        registrar.set_class(id_, asked.class_, by)
    elif what == "home_territory" and asked.home_territory is not None:
        registrar.set_home(id_, asked.home_territory, by)
    elif what == "groups" and asked.groups is not None:
        registrar.set_groups(id_, frozenset(map(group_name, asked.groups)) - {""}, by)
    elif what == "public_key" and asked.public_key is not None:
        registrar.set_key(id_, _key(asked.public_key), by, asked.signature)
    else:
        raise Problem(422, f"{what.rstrip('_')} is null; a terminal has one.")


@router.post("/{id}/certificate", status_code=201, summary="Get a device's TLS certificate")
def terminals_certificate(request: Request, id: Id, asked: CertificateAsked) -> CertificateShown:
    """Asked by the device, which signs `terminal`, `at` and `nonce` (RFC 8785) after `openleo-certificate@v1`, newline.

    The certificate is of the key that is registered, for some hours. Nobody else may ask, and no token is needed.
    """
    runtime = request.app.state.runtime
    now_s = runtime.clock.now_s()
    said = CertificateClaim(id, asked.at, asked.at_s, asked.nonce, asked.signature)
    with answered():
        try:
            with writing(runtime.engine) as connection:
                found = check_asked(connection, said, now_s)
        except KeyRefused as refused:
            raise Problem(403, f"No certificate: {refused}", "not-signed") from refused
        now, hours = instant_of(now_s), runtime.settings.certificate_hours
        made = authority(runtime.data, now)
        certificate = made.issue(found, now, hours).decode()
    until = at_text(now_s + hours * 3600.0)
    return CertificateShown(certificate=certificate, authority=made.pem.decode(), valid_until=until)


@router.post("/{id}/transfer", summary="Give a terminal another account")
def terminals_transfer(
    response: Response, principal: Changer, office: TheOffice, id: Id, asked: Transferred, if_match: IfMatch = None
) -> TerminalShown:
    """To an account that is suspended it is an act, as the terminal loses service by it."""
    by = By(principal.id, asked.reason, seen(if_match))
    with answered():
        office.registrar.transfer(id, asked.account, by, asked.subscription)
    return _one(response, office, id)


@router.post("/{id}/state", summary="Put a terminal into another state")
def terminals_state(
    response: Response, principal: Changer, office: TheOffice, id: Id, asked: StateChanged, if_match: IfMatch = None
) -> TerminalShown:
    """Which state may follow which: docs/how-to/terminals.md."""
    by = By(principal.id, asked.reason, seen(if_match))
    with answered():
        office.registrar.set_state(id, asked.state, by)
    return _one(response, office, id)


def shown(one: registry.RegisteredTerminal) -> TerminalShown:
    """As answers write a terminal."""
    return TerminalShown.model_validate(
        {
            "id": one.id,
            "account": one.account,
            "subscription": one.subscription,
            "class": one.class_,
            "home_territory": one.home_territory,
            "groups": sorted(one.groups),
            "public_key": key_text(one.public_key),
            "commitment": one.commitment,
            "state": one.state,
            "enrolled_at": at_text(one.enrolled_at_s),
            "version": one.version,
        }
    )


def row_of(new: NewTerminal, classes: Sequence[str]) -> Row:
    """A terminal to enrol, checked as a row of a table is. Raises InputError."""
    faults = []
    home = territory_id(new.home_territory)
    if home not in territories():
        faults.append(Fault("terminal", "home_territory", *unknown_territory(new.home_territory)))
    if new.class_ not in classes:
        faults.append(Fault("terminal", "class", "there is no such class.", f"Classes: {', '.join(classes)}."))
    try:
        key = read_key(new.public_key)
    except KeyRefused as refused:
        faults.append(Fault("terminal", "public_key", str(refused)))
        key = b""
    if faults or home is None:
        raise InputError(faults)
    groups = frozenset(map(group_name, new.groups)) - {""}
    return Row(1, new.id, key, new.class_, new.account, home, new.subscription, groups, new.signature)


def _key(text: str) -> bytes:
    try:
        return read_key(text)
    except KeyRefused as refused:
        raise Problem(422, f"public_key: {refused}") from refused


def _one(response: Response, office: Office, id_: str) -> TerminalShown:
    with answered(), reading(office.registrar.engine) as connection:
        found = registry.find(connection, id_)
    response.headers["etag"] = etag(found.version)
    return shown(found)
