"""What the routes of terminals and accounts share: who may ask, the registry of a request, versions, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Header, HTTPException, Request
from pydantic import StringConstraints
from sqlalchemy.exc import IntegrityError

from openleo.controller.access import Principal, Role, hidden, known
from openleo.controller.accounts import Accounts
from openleo.controller.enrol import Enrolling
from openleo.controller.ledger_desk import LedgerDesk, NeedsChange
from openleo.controller.problems import Problem, not_now
from openleo.controller.registrar import Registrar
from openleo.controller.registry import NotPossible, Stale, Unknown
from openleo.controller.roles import OPERATOR
from openleo.governance.entries import Said
from openleo.governance.house import Folder, NotInOrder
from openleo.instants import instant_of
from openleo.ledger.faults import LedgerError
from openleo.policy.rules import CLASSES

ID = r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$"
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Id = Annotated[str, StringConstraints(pattern=ID)]
Reason = Said  # as the ledger takes it: not blank, on one line
IfMatch = Annotated[str | None, Header(description='The version that was seen, as its ETag: "3".')]


def at_operator(*roles: Role) -> Callable[[Request], Principal]:
    """A dependency: somebody at the operator, with one of the roles. To other parties there is nothing here."""

    def check(request: Request) -> Principal:
        found = known(request)
        if found.party != OPERATOR and found.via != "admin":
            raise hidden(request, "There is no such thing.")
        if found.via == "admin" or not found.roles & set(roles):
            raise HTTPException(403, f"This needs the role {' or '.join(roles)}.")
        return found

    return check


reads, changes = at_operator(*Role), at_operator(Role.REQUESTER)


@dataclass(frozen=True)
class Office:
    """Everything about the registry, for one request."""

    registrar: Registrar
    accounts: Accounts
    enrolling: Enrolling


def office(request: Request) -> Office:
    """A dependency."""
    runtime = request.app.state.runtime
    clock = runtime.clock.now_s
    folder = Folder(runtime.data, runtime.settings.database.get_secret_value())
    desk = LedgerDesk(folder, partial(_now, clock))
    return Office(
        Registrar(runtime.engine, desk, clock),
        Accounts(runtime.engine, desk, clock),
        Enrolling(runtime.engine, desk, clock),
    )


def _now(now_s: Callable[[], float]) -> datetime:
    return instant_of(now_s())


def active_now(request: Request) -> dict[str, str | None]:
    """What the ledger says is in force. Raises Problem where nobody can say."""
    runtime = request.app.state.runtime
    found = runtime.in_force
    if found is None:
        raise not_now("What is in force has not been read from the ledger yet.", slug="no-ledger")
    return dict(found.active)


def classes_now(request: Request) -> tuple[str, ...]:
    """The classes that there are: those of every rule set, and those that the rules in force add."""
    found = request.app.state.runtime.in_force
    return CLASSES if found is None else tuple(dict.fromkeys((*CLASSES, *found.rules.classes)))


@contextmanager
def answered() -> Iterator[None]:
    """Refusals of the registry and of the ledger as problems."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, f"{error}.") from error
    except Stale as error:
        raise Problem(412, f"{error}. Read it again.") from error
    except NotPossible as error:
        raise Problem(409, f"{error}.") from error
    except NeedsChange as error:
        raise Problem(
            409, str(error), "needs-change", "A change has to be approved", {"way_out": error.way_out}
        ) from error
    except IntegrityError as error:  # no lock of ours spans two controllers; the database's own keys do
        raise Problem(409, "Somebody else did the same just then. Read it again.") from error
    except NotInOrder as error:
        raise not_now("The ledger does not hold, and nothing is changed by it.", slug="no-ledger") from error
    except LedgerError as error:
        raise not_now("The ledger cannot be written now; nothing was done.", slug="no-ledger") from error


def seen(if_match: str | None) -> int:
    """The version that somebody saw. Raises Problem."""
    if if_match is None:
        raise Problem(428, 'Say which version is meant: If-Match: "3", by the ETag of the answer.')
    text = if_match.strip().removeprefix("W/").strip('"').partition("-")[0]
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Problem(412, f"{if_match[:60]} is the ETag of no version.")
    return int(text)


def etag(version: int, more: str = "") -> str:
    """Of a version of an object; `more`: what else of it can change."""
    return f'"{version}-{more}"' if more else f'"{version}"'
