"""Accounts: opened, changed, suspended and reinstated; what they buy. The operator's alone.

Whether an account is suspended is what the ledger says is in force, whoever made it so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from openleo.controller import accounts
from openleo.controller.access import Principal
from openleo.controller.accounts import Account, Subscription
from openleo.controller.api.registered import (
    PRINTABLE,
    Id,
    IfMatch,
    Office,
    Reason,
    active_now,
    answered,
    changes,
    etag,
    office,
    reads,
    seen,
)
from openleo.controller.api.wording import Page, at_text, next_page
from openleo.controller.database import reading
from openleo.controller.pages import OnceRoute
from openleo.controller.problems import Problem

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=OnceRoute)
Reader = Annotated[Principal, Depends(reads)]
Changer = Annotated[Principal, Depends(changes)]
TheOffice = Annotated[Office, Depends(office)]
After = Annotated[str, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500)]
Holder = Annotated[str, StringConstraints(max_length=200, pattern=PRINTABLE)]
Quota = Annotated[int, Field(ge=0, le=2**31 - 1)]
Rate = Annotated[float, Field(gt=0.0, le=1e6, allow_inf_nan=False)]

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
Instant = Annotated[AwareDatetime, Field(ge=FIRST, le=LAST)]


class Form(BaseModel):
    """What is sent; keys that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class AccountShown(BaseModel):
    """An account. `state`: active or suspended, as the ledger says; null while nobody can say."""

    id: str
    holder: str
    quota: int | None
    commitment: str = Field(description="What the ledger calls it.")
    state: str | None
    terminals: int = Field(description="Those that are not revoked.")
    created_at: str | None
    version: int


class NewAccount(Form):
    """An account to open."""

    id: Id
    holder: Holder = ""
    quota: Quota | None = Field(None, description="How many terminals it may have; null: any number.")


class AccountChanged(Form):
    """What becomes different; what is left out stays."""

    holder: Holder | None = None
    quota: Quota | None = None


class Why(Form):
    """Why; the reason stands on the ledger, and is public: it names nobody."""

    reason: Reason


class Moved(BaseModel):
    """What became of it. `entry`: the ledger's; null where it was so already."""

    account: str
    state: str
    entry: str | None


class SubscriptionShown(BaseModel):
    """What an account buys; null rates: what the network gives."""

    id: str
    account: str
    down_mbps: float | None
    up_mbps: float | None
    begins_at: str | None
    ends_at: str | None


class NewSubscription(Form):
    """A subscription to begin."""

    id: Id
    down_mbps: Rate | None = None
    up_mbps: Rate | None = None
    begins_at: Instant | None = Field(None, description="null: now.")
    ends_at: Instant | None = None


@router.get("", summary="Accounts")
def accounts_list(request: Request, _: Reader, after: After = "", limit: Limit = 100) -> Page[AccountShown]:
    """In the order of their ids."""
    with reading(request.app.state.runtime.engine) as connection:
        found = accounts.page(connection, after, limit + 1)
        counts = [accounts.count(connection, one.id) for one in found[:limit]]
    last = found[limit - 1].id if len(found) > limit else None
    items = [_shown(request, one, count) for one, count in zip(found[:limit], counts, strict=True)]
    return Page(items=items, next=next_page(request, last, limit))


@router.post("", status_code=201, summary="Open an account")
def accounts_open(request: Request, response: Response, _: Changer, office: TheOffice, new: NewAccount) -> AccountShown:
    """Its name is kept privately; the ledger will know it by its commitment."""
    with answered():
        office.accounts.open(new.id, new.holder, new.quota)
    response.headers["location"] = f"/v1/accounts/{new.id}"
    return _one(request, response, new.id)


@router.get("/{id}", summary="One account")
def accounts_show(request: Request, response: Response, _: Reader, id: Id) -> AccountShown:
    """With its version as the ETag."""
    return _one(request, response, id)


@router.patch("/{id}", summary="Change an account")
def accounts_change(
    request: Request,
    response: Response,
    _: Changer,
    office: TheOffice,
    id: Id,
    asked: AccountChanged,
    if_match: IfMatch = None,
) -> AccountShown:
    """Holder and quota. A quota below what the account has admits no more, and takes nothing away."""
    said = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "holder" in said and said["holder"] is None:
        raise Problem(422, "holder is null; leave it out, or say an empty text.")
    with answered():
        office.accounts.edit(id, said, seen(if_match))
    return _one(request, response, id)


@router.post("/{id}/suspend", summary="Suspend an account")
def accounts_suspend(principal: Changer, office: TheOffice, id: Id, why: Why) -> Moved:
    """A single act on the ledger, counted by the account's terminals; above the rate a change has to be approved."""
    with answered():
        entry = office.accounts.suspend(id, principal.id, why.reason)
    return Moved(account=id, state="suspended", entry=None if entry is None else str(entry))


@router.post("/{id}/reinstate", summary="Reinstate an account")
def accounts_reinstate(principal: Changer, office: TheOffice, id: Id, why: Why) -> Moved:
    """Undo a suspension that was a single act; what a change suspended, a change reinstates."""
    with answered():
        entry = office.accounts.reinstate(id, principal.id, why.reason)
    return Moved(account=id, state="active", entry=None if entry is None else str(entry))


@router.get("/{id}/subscriptions", summary="What an account buys")
def accounts_subscriptions(
    request: Request, _: Reader, id: Id, after: After = "", limit: Limit = 100
) -> Page[SubscriptionShown]:
    """In the order of their ids."""
    with answered(), reading(request.app.state.runtime.engine) as connection:
        accounts.find(connection, id)
        found = accounts.subscriptions_of(connection, id, after, limit + 1)
    last = found[limit - 1].id if len(found) > limit else None
    return Page(items=[_bought(one) for one in found[:limit]], next=next_page(request, last, limit))


@router.post("/{id}/subscriptions", status_code=201, summary="Begin a subscription")
def accounts_subscribe(_: Changer, office: TheOffice, id: Id, new: NewSubscription) -> SubscriptionShown:
    """For some of the account's terminals, which name it."""
    begins_s = office.accounts.now_s() if new.begins_at is None else new.begins_at.timestamp()
    ends_s = None if new.ends_at is None else new.ends_at.timestamp()
    with answered():
        made = office.accounts.subscribe(Subscription(new.id, id, new.down_mbps, new.up_mbps, begins_s, ends_s))
    return _bought(made)


def _bought(one: Subscription) -> SubscriptionShown:
    return SubscriptionShown(
        id=one.id, account=one.account, down_mbps=one.down_mbps, up_mbps=one.up_mbps,
        begins_at=at_text(one.begins_at_s), ends_at=at_text(one.ends_at_s),
    )  # fmt: skip


def _shown(request: Request, one: Account, terminals: int) -> AccountShown:
    try:
        state = accounts.state_of(one, active_now(request))
    except Problem:  # nothing is in force that was read: the rest of the account is told all the same
        state = None
    return AccountShown(
        id=one.id, holder=one.holder, quota=one.quota, commitment=one.commitment, state=state, terminals=terminals,
        created_at=at_text(one.created_at_s), version=one.version,
    )  # fmt: skip


def _one(request: Request, response: Response, id_: str) -> AccountShown:
    with answered(), reading(request.app.state.runtime.engine) as connection:
        found = accounts.find(connection, id_)
        made = _shown(request, found, accounts.count(connection, id_))
    response.headers["etag"] = etag(made.version, made.state or "")
    return made
