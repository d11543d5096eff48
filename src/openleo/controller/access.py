"""Who asks, and whether they may: the dependencies that every route names.

    Authorization: Bearer olt_… ─► tokens ──┐
    Cookie (+ X-CSRF-Token) ─────► sessions ─┴─► Principal ─► needs(role, …) ─► the route

A program shows a token, a person's browser a cookie; of either the sha256 is kept. Neither is a signature: what an
officer decides needs the officer's key. What belongs to another party is answered as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from fastapi import HTTPException, Request
from sqlalchemy import RowMapping

from openleo.controller import sessions, tokens
from openleo.controller.database import Unavailable, reading, writing
from openleo.controller.logs import log
from openleo.controller.roles import ANONYMOUS, OPERATOR, Principal, Role

__all__ = [
    "OPERATOR", "Principal", "Role", "administrator", "checks", "hidden", "identify", "is_loopback_client", "needs",
    "needs_off_loopback", "principal_of", "token_row",
]  # fmt: skip

BEARER = "bearer "
CHALLENGE = {"WWW-Authenticate": "Bearer"}
Check = Callable[[Request], Principal]
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # a proxy on this machine speaks for others
_CHECKS: set[object] = set()  # what `needs` made


def needs(*roles: Role, operator_only: bool = False) -> Check:
    """A dependency that gives the principal of a request, who has one of the roles (none named: any).

    `operator_only`: to other parties there is nothing there.
    """

    def check(request: Request) -> Principal:
        found = known(request)
        if found.via == "admin":
            raise HTTPException(403, "The administrator token can draft the genesis, and nothing else.")
        if operator_only and found.party != OPERATOR:
            raise hidden(request, "There is no such thing.")
        if roles and not found.roles & set(roles):
            raise HTTPException(403, f"This needs the role {' or '.join(roles)}.")
        return found

    _CHECKS.add(check)
    return check


def checks(calls: Iterable[object]) -> list[Check]:
    """Those of some dependencies that ask whether somebody may."""
    return [call for call in calls if call in _CHECKS]  # type: ignore[misc] # so much is known of what is in there


def needs_off_loopback(*roles: Role, operator_only: bool = False) -> Check:
    """As `needs`; a client on this machine who is no proxy needs nothing."""
    check = needs(*roles, operator_only=operator_only)

    def check_unless_near(request: Request) -> Principal:
        return ANONYMOUS if is_loopback_client(request) else check(request)

    return check_unless_near


def administrator(request: Request) -> Principal:
    """A dependency: the administrator token, still unspent. `tokens.spend` spends it, in the act's own transaction."""
    found = known(request)
    if found.via != "admin":
        raise HTTPException(403, "This needs the administrator token that a new data folder prints.")
    return found


def known(request: Request) -> Principal:
    """The principal of a request. Raises 401 where nobody known asks."""
    found = principal_of(request)
    if found is None:
        raise HTTPException(401, "Show a token: Authorization: Bearer …; or log in at /v1/login.", CHALLENGE)
    return found


def hidden(request: Request, what: str) -> HTTPException:
    """404 for what another party has: raised as for what is not there, and kept by the audit as a refusal."""
    request.state.refused_by_party = True
    return HTTPException(404, what)


def principal_of(request: Request) -> Principal | None:
    """Who asks; None where nothing good is shown. Looked up once a request. Raises 403 for a page not ours."""
    if not hasattr(request.state, "principal"):
        request.state.principal, request.state.token_row = identify(request)
    found: Principal | None = request.state.principal
    if found is not None and found.via == "session" and not _asked_by_us(request):
        raise HTTPException(403, "A session's changes need the header X-CSRF-Token, as GET /v1/session tells it.")
    return found


def token_row(request: Request) -> RowMapping | None:
    """The row of the token that a request shows, if it shows one."""
    principal_of(request)
    found: RowMapping | None = request.state.token_row
    return found


def identify(request: Request) -> tuple[Principal | None, RowMapping | None]:
    """(who asks, the row of their token). Who shows a token is asked for no cookie. Raises Unavailable."""
    shown, cookie = request.headers.get("authorization"), cookie_of(request)
    if shown is None and cookie is None:
        return None, None
    runtime = request.app.state.runtime
    now_s = runtime.clock.now_s()
    with reading(runtime.engine) as connection:
        if shown is None:
            return sessions.principal_of(connection, cookie or "", now_s), None
        secret = shown[len(BEARER) :].strip() if shown[: len(BEARER)].lower() == BEARER else ""
        found = tokens.principal_of(connection, secret, now_s)
    if found is None:
        return None, None
    principal, row = found
    if tokens.is_use_news(row, now_s):
        try:
            with writing(runtime.engine) as connection:
                tokens.note_use(connection, row["id"], now_s)
        except Unavailable as error:  # nobody is turned away because a last use could not be written down
            log.warning("token_use_not_noted", token=row["id"], why=str(error))
    return principal, row


def cookie_of(request: Request) -> str | None:
    """The session's cookie, by the name that fits how the request came."""
    return request.cookies.get(cookie_name(request))


def cookie_name(request: Request) -> str:
    return sessions.COOKIE if _is_plain_loopback(request) else sessions.SECURE_COOKIE


def origin_of(request: Request) -> str:
    """Our own origin: the address that people are told, or the one that this request came to."""
    public = request.app.state.runtime.settings.public_url
    return public or f"{request.url.scheme}://{request.url.netloc}"


def is_own_origin(request: Request) -> bool:
    """Whether our origin is ours by more than the word of who asks: it is set, or it is this machine's."""
    if request.app.state.runtime.settings.public_url or request.url.hostname == "localhost":
        return True
    try:
        return ip_address(request.url.hostname or "").is_loopback
    except ValueError:
        return False


def is_loopback_client(request: Request) -> bool:
    """Whether a client on this machine asks, and for itself."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_plain_loopback(request: Request) -> bool:
    """Secure cookies would not come back over plain http; that is served on loopback alone."""
    return origin_of(request).startswith("http://")


def _asked_by_us(request: Request) -> bool:
    cookie = cookie_of(request)
    return cookie is not None and sessions.is_ours(request.method, request.headers, cookie, origin_of(request))
