"""Logging in and out: /v1/login sends the browser to the provider, /v1/login/back takes it up again."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlalchemy import delete, select

from openleo.controller import access, audit, oidc, sessions
from openleo.controller.access import needs
from openleo.controller.database import writing
from openleo.controller.oidc import NotLoggedIn, Provider
from openleo.controller.pages import ANY_KEYS
from openleo.controller.roles import ANONYMOUS, PERSON, Principal, read_roles
from openleo.controller.tables import logins, people
from openleo.controller.tokens import sha256_of

router = APIRouter(prefix="/v1", tags=["people"])
COOKIE, SECURE_COOKIE = "openleo-login", "__Host-openleo-login"
LASTS_S = 600  # a log-in that is not over by then is begun again
OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # a path of this site, and no other's: neither //host nor /\host
Known = Annotated[Principal, Depends(needs())]


class Session(BaseModel):
    """Who asks, as a page shows it. `csrf`: what X-CSRF-Token has to say; of a session alone."""

    id: str
    party: str
    roles: list[str]
    officer: str | None
    via: str
    csrf: str | None


@router.get("/login", status_code=303, response_class=RedirectResponse, summary="Go and log in")
def begin(request: Request, to: Annotated[str, Query(max_length=500)] = "/") -> RedirectResponse:
    """Sends the browser to the provider. `to`: the path to come back to."""
    if not OURS.fullmatch(to):
        raise HTTPException(422, "to: is no path of this site. It is like /changes.")
    provider, runtime = provider_of(request), request.app.state.runtime
    if not access.is_own_origin(request):  # else the provider would be told to send the code to any host that is named
        raise HTTPException(404, "People cannot log in by this address: public_url is not set.")
    try:
        begun = provider.begin(_back(request))
    except NotLoggedIn as error:
        raise HTTPException(502, str(error)) from None
    now_s = runtime.clock.now_s()
    with writing(runtime.engine) as connection:
        connection.execute(delete(logins).where(logins.c.until <= now_s))
        connection.execute(logins.insert().values(state=begun.state_sha256, until=now_s + LASTS_S))
    answer = RedirectResponse(begun.address, 303)
    _set(answer, request, _cookie(request), f"{begun.cookie}.{to}", LASTS_S)
    return answer


@router.get(
    "/login/back", status_code=303, response_class=RedirectResponse, summary="Come back from logging in",
    openapi_extra={ANY_KEYS: True},
)  # fmt: skip
def back(request: Request) -> RedirectResponse:
    """The provider sends the browser here, with a code that is good once."""
    cookie, _, to = request.cookies.get(_cookie(request), "").partition(".")
    came = dict(request.query_params)
    if len(came) != len(request.query_params.multi_items()):
        raise HTTPException(403, "What came back from the provider says something twice.")
    try:
        _take(request, cookie, came.get("state", ""))
        found = provider_of(request).finish(cookie, came, _back(request))
        secret = _log_in(request, found)
    except NotLoggedIn as error:
        raise HTTPException(403, str(error)) from None
    answer = RedirectResponse(to if OURS.fullmatch(to) else "/", 303)
    _set(answer, request, access.cookie_name(request), secret, int(_settings(request).session_hours * 3600))
    answer.delete_cookie(_cookie(request), path="/", secure=_is_secure(request), httponly=True, samesite="lax")
    return answer


@router.get("/session", summary="Who am I")
def session(request: Request, response: Response, principal: Known) -> Session:
    """The principal of this request."""
    response.headers["cache-control"] = "no-store"
    cookie = access.cookie_of(request) if principal.via == "session" else None
    return Session(
        id=principal.id, party=principal.party, roles=sorted(principal.roles), officer=principal.officer,
        via=principal.via, csrf=sessions.csrf_token(cookie) if cookie else None,
    )  # fmt: skip


@router.post("/logout", status_code=204, summary="Log out")
def log_out(request: Request, principal: Known) -> Response:
    """Ends this session. A token is not ended by it."""
    answer, cookie = Response(status_code=204), access.cookie_of(request)
    if principal.via == "session" and cookie is not None:
        runtime = request.app.state.runtime
        with writing(runtime.engine) as connection:
            sessions.end(connection, cookie)
            audit.record(connection, runtime.clock.now_s(), principal, "logged_out", principal.id)
        answer.delete_cookie(
            access.cookie_name(request), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
        )
    return answer


def provider_of(request: Request) -> Provider:
    """The provider of the settings, made once. Raises 404 where there is none."""
    settings, runtime = _settings(request), request.app.state.runtime
    if not settings.oidc_issuer:
        raise HTTPException(404, "No provider is set (oidc_issuer): people cannot log in; programs show tokens.")
    if not hasattr(request.app.state, "oidc"):
        request.app.state.oidc = Provider(
            settings.oidc_issuer, settings.oidc_client_id, runtime.clock.now_s,
            settings.oidc_client_secret.get_secret_value(),
        )  # fmt: skip
    made: Provider = request.app.state.oidc
    return made


def _take(request: Request, cookie: str, state: str) -> None:
    """A state comes back once. Raises NotLoggedIn."""
    if not oidc.is_state(cookie, state):
        raise NotLoggedIn("The state is not that of a log-in begun in this browser.")
    runtime = request.app.state.runtime
    with writing(runtime.engine) as connection:
        taken = connection.execute(
            delete(logins).where(logins.c.state == sha256_of(state), logins.c.until > runtime.clock.now_s())
        )
    if taken.rowcount != 1:
        raise NotLoggedIn("This log-in was finished before, or took too long: begin again.")


def _log_in(request: Request, found: oidc.Subject) -> str:
    """The cookie of a new session. Raises NotLoggedIn for whom nobody has given a role."""
    runtime = request.app.state.runtime
    now_s = runtime.clock.now_s()
    with writing(runtime.engine) as connection:
        person = connection.execute(
            select(people).where(people.c.issuer == found.issuer, people.c.subject == found.subject)
        ).one_or_none()
        if person is None:
            audit.record(connection, now_s, ANONYMOUS, "refused", "log-in", {"subject": found.subject})
        else:
            who = Principal(PERSON + person.id, person.party, read_roles(person.roles), person.officer, "session")
            secret = sessions.begin(connection, person.id, now_s, _settings(request).session_hours * 3600)
            audit.record(connection, now_s, who, "logged_in", who.id)
    if person is None:
        raise NotLoggedIn(
            f"The provider knows you as {found.subject!r}, and nobody here has given you a role. Tell a key-admin."
        )
    return secret


def _settings(request: Request) -> Any:
    return request.app.state.runtime.settings


def _is_secure(request: Request) -> bool:
    return access.cookie_name(request) == sessions.SECURE_COOKIE


def _cookie(request: Request) -> str:
    return SECURE_COOKIE if _is_secure(request) else COOKIE


def _back(request: Request) -> str:
    return access.origin_of(request) + "/v1/login/back"


def _set(answer: Response, request: Request, name: str, value: str, lasts_s: int) -> None:
    answer.set_cookie(
        name, value, max_age=lasts_s, path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )  # fmt: skip
