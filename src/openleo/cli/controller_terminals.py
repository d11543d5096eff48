"""`openleo controller terminals`: the registry, for whoever holds the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, Verbs, note, print_json, progress
from openleo.cli.controller_common import Data, DatabaseUrl, exits, folder_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from openleo.controller.ledger_desk import LedgerDesk
    from openleo.controller.registrar import By, Registrar
    from openleo.controller.registry import RegisteredTerminal

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="Terminals: enrolled, moved, suspended, lost, revoked."
)
Id = Annotated[str, typer.Argument(metavar="TERMINAL", help="Its id.")]
Actor = Annotated[str, typer.Option("--actor", metavar="ID", help="Who does it; on record, named and not proved.")]
Reason = Annotated[str, typer.Option("--reason", metavar="T", help="Why. On the ledger it is public: name nobody.")]


@contextmanager
def opened(data: Path, database: str | None) -> Iterator[tuple[Engine, LedgerDesk]]:
    """The database and the ledger of a data folder."""
    from openleo.controller.database import address_of, connect, upgrade
    from openleo.controller.ledger_desk import LedgerDesk

    folder = folder_of(data, database)
    engine = connect(address_of(folder.path, folder.database))
    try:
        upgrade(engine)
        yield engine, LedgerDesk(folder)
    finally:
        engine.dispose()


def now_s() -> float:
    """The clock of these verbs."""
    import time

    return time.time()


@app.command("enrol")
def enrol(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV or Parquet file; a row is a terminal.")],
    data: Data,
    actor: Actor = "data-folder",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be, and do nothing.")] = False,
    make_accounts: Annotated[bool, typer.Option("--make-accounts", help="Open accounts that are not there.")] = False,
    active: Annotated[bool, typer.Option("--active", help="Put them into service at once.")] = False,
    proven: Annotated[
        bool, typer.Option("--proven", help="Every row has to have the device's signature over its enrolment.")
    ] = False,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Enrol a table: columns id, public_key, class, account, home_territory; subscription, groups, signature.

    Every fault of every row is told, and then nothing is done. Stopped in the middle, it goes on with the same table.
    """
    from openleo.controller.enrol import Enrolling, Options
    from openleo.errors import InputError, Problem

    try:
        content = table.read_bytes()
    except OSError as error:
        raise InputError(Problem(str(table), "", f"cannot be read: {error.strerror}.", "Check the path.")) from None
    options = Options(make_accounts, active, proven)
    with exits(str(table), as_json), opened(data, database) as (engine, desk), progress(kernels=False) as on_progress:
        done = Enrolling(engine, desk, now_s).table(content, str(table), actor, options, on_progress, dry=dry_run)
    if as_json:
        counts = {"rows": done.rows, "enrolled": done.enrolled, "known": done.known, "accounts": done.accounts}
        print_json({"ok": True, "id": done.id, **counts, "dry_run": done.dry})
        return
    would = "would be " if dry_run else ""
    typer.echo(
        f"{done.enrolled:,} of {done.rows:,} terminals {would}enrolled, {done.known:,} were before; "
        f"{done.accounts:,} accounts {would}opened"
    )


@app.command("list")
def list_(
    data: Data,
    account: Annotated[str | None, typer.Option(metavar="A", help="Of this account alone.")] = None,
    state: Annotated[str | None, typer.Option(metavar="S", help="In this state alone.")] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="In this group alone.")] = None,
    commitments: Annotated[
        bool, typer.Option("--commitments", help="What the ledger calls them, a line each, and nothing else.")
    ] = False,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Terminals by their ids."""
    from openleo.controller import registry
    from openleo.controller.database import reading
    from openleo.controller.registry import MOST_ASKED, Filter, State
    from openleo.errors import InputError, Problem, join_or, near_names
    from openleo.policy.request import group_name

    if state is not None and state not in tuple(State):
        way_out = near_names(state, State) or f"States: {join_or(list(State))}."
        raise InputError(Problem("--state", "", f'there is no state "{state}".', way_out))
    asked = Filter(account, None if state is None else State(state))
    found: list[RegisteredTerminal] = []
    with exits(str(data), as_json), opened(data, database) as (engine, _), reading(engine) as connection:
        while some := registry.page(connection, asked, found[-1].id if found else "", MOST_ASKED):
            found += some
    if group is not None:
        found = [one for one in found if group_name(group) in one.groups]
    if as_json:
        print_json([_document(one) for one in found])
    elif commitments:
        for one in found:
            typer.echo(one.commitment)
    else:
        for one in found:
            typer.echo(f"{one.id}  {one.state}  {one.class_}  {one.account}  {one.home_territory}")


@app.command("show")
def show(terminal: Id, data: Data, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """One terminal, with every change of it."""
    from openleo.controller import custody, registry
    from openleo.controller.database import reading
    from openleo.instants import instant_text

    with answered(terminal, as_json), opened(data, database) as (engine, _), reading(engine) as connection:
        one = registry.find(connection, terminal)
        history = custody.of(connection, terminal, limit=10_000)
    if as_json:
        events = [
            {"at": _at(event.at_s), "what": event.what, "before": dict(event.before), "after": dict(event.after),
             "actor": event.actor, "reason": event.reason} for event in history
        ]  # fmt: skip
        print_json(_document(one) | {"history": events})
        return
    typer.echo(f"{one.id}: {one.state}, {one.class_}, account {one.account}, at home in {one.home_territory}")
    typer.echo(f"  key {_document(one)['public_key']}")
    for event in history:
        moved = ", ".join(f"{name} {value}" for name, value in event.after.items() if name != "public_key")
        because = f": {event.reason}" if event.reason else ""
        typer.echo(f"  {instant_text(_instant(event.at_s))}  {event.what}  {moved}  by {event.actor}{because}")


@app.command("state")
def state(
    terminal: Id,
    new: Annotated[str, typer.Argument(metavar="STATE", help="active, suspended, lost or revoked.")],
    data: Data,
    actor: Actor,
    reason: Reason,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Put a terminal into service, suspend it, say that it is lost, or revoke it for good.

    What ends its service is an act on the ledger; above the rate of single acts the answer is no (exit 3).
    """
    from openleo.controller.registry import State
    from openleo.errors import InputError, Problem, join_or, near_names

    words = [str(one) for one in State if one != State.ENROLLED]
    if new not in words:
        way_out = near_names(new, words) or f"States: {join_or(words)}."
        raise InputError(Problem("STATE", "", f'there is no state "{new}" to go into.', way_out))
    with _changing(terminal, data, database, as_json, actor, reason) as (registrar, by):
        _told(registrar.set_state(terminal, State(new), by), as_json)


@app.command("transfer")
def transfer(
    terminal: Id,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose it is from now on.")],
    data: Data,
    actor: Actor,
    reason: Reason,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give a terminal another account; to a suspended one, it is an act."""
    with _changing(terminal, data, database, as_json, actor, reason) as (registrar, by):
        _told(registrar.transfer(terminal, account, by), as_json)


@app.command("change")
def change(
    terminal: Id,
    data: Data,
    actor: Actor,
    reason: Reason,
    class_: Annotated[str | None, typer.Option("--class", metavar="C", help="Another class; an act.")] = None,
    home: Annotated[str | None, typer.Option(metavar="T", help="Another home territory; an act.")] = None,
    key: Annotated[str | None, typer.Option(metavar="K", help="Another key, base64 or hexadecimal.")] = None,
    signature: Annotated[
        str | None, typer.Option(metavar="S", help="Over the key, by the one before it; else --key is an act.")
    ] = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Another class, home territory or key: one of them."""
    from openleo.cli.common import one_of
    from openleo.controller.device_keys import KeyRefused, read_key
    from openleo.errors import InputError, Problem, near_names
    from openleo.policy.rules import CLASSES

    one_of(class_=class_, home=home, key=key)
    if class_ is not None and class_ not in CLASSES:
        way_out = near_names(class_, CLASSES) or f"Classes: {', '.join(CLASSES)}."
        raise InputError(Problem("--class", "", f'there is no class "{class_}".', way_out))
    try:
        key_bytes = None if key is None else read_key(key)
    except KeyRefused as refused:
        raise InputError(Problem("--key", "", str(refused))) from None
    with _changing(terminal, data, database, as_json, actor, reason) as (registrar, by):
        if class_ is not None:
            _told(registrar.set_class(terminal, class_, by), as_json)
        elif home is not None:
            _told(registrar.set_home(terminal, home, by), as_json)
        elif key_bytes is not None:
            _told(registrar.set_key(terminal, key_bytes, by, signature), as_json)


@app.command("follow")
def follow(data: Data, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Bring the registry to what the ledger says: classes and groups that changes set, terminals it lists no more."""
    from openleo.controller.registrar import Registrar

    with answered(str(data), as_json), opened(data, database) as (engine, desk):
        moved = Registrar(engine, desk, now_s).follow()
    if as_json:
        print_json({"ok": True, "terminals": moved})
    else:
        typer.echo(f"{len(moved):,} terminals are as the ledger says now" if moved else "nothing was behind the ledger")


@app.command("certificate")
def certificate(
    terminal: Id,
    data: Data,
    hours: Annotated[float, typer.Option(min=0.1, max=168.0, help="How long it holds.")] = 8.0,
    database: DatabaseUrl = None,
) -> None:
    """Print a TLS certificate of a terminal's registered key; device-ca.pem of the data folder is its authority."""
    from openleo.controller import registry
    from openleo.controller.database import reading
    from openleo.controller.device_certificates import authority

    with answered(terminal, False), opened(data, database) as (engine, _):
        with reading(engine) as connection:
            found = registry.find(connection, terminal)
        now = _instant(now_s())
        typer.echo(authority(data, now).issue(found, now, hours).decode(), nl=False)


@contextmanager
def answered(what: str, as_json: bool) -> Iterator[None]:
    """As `exits`; what there is not is an input at fault, what is not possible a no."""
    from openleo.cli.change_common import said_no
    from openleo.controller.registry import NotPossible, Unknown
    from openleo.errors import InputError, Problem

    with exits(what, as_json):
        try:
            yield
        except Unknown as error:
            raise InputError(Problem(what, "", f"{error}.")) from None
        except NotPossible as error:
            raise said_no(what, str(error), None, as_json) from None


@contextmanager
def _changing(
    what: str, data: Path, database: str | None, as_json: bool, actor: str, reason: str
) -> Iterator[tuple[Registrar, By]]:
    from openleo.controller.registrar import By, Registrar

    with answered(what, as_json), opened(data, database) as (engine, desk):
        yield Registrar(engine, desk, now_s), By(actor, reason)


def _told(one: RegisteredTerminal, as_json: bool) -> None:
    if as_json:
        print_json(_document(one))
    else:
        note(f"{one.id}: {one.state}, {one.class_}, account {one.account}, at home in {one.home_territory}")


def _document(one: RegisteredTerminal) -> dict[str, object]:
    from openleo.controller.device_keys import key_text

    return {
        "id": one.id, "account": one.account, "subscription": one.subscription, "class": one.class_,
        "home_territory": one.home_territory, "groups": sorted(one.groups), "public_key": key_text(one.public_key),
        "commitment": one.commitment, "state": str(one.state), "enrolled_at": _at(one.enrolled_at_s),
        "version": one.version,
    }  # fmt: skip


def _at(at_s: float) -> str:
    from openleo.instants import instant_text

    return instant_text(_instant(at_s))


def _instant(at_s: float) -> datetime:
    from openleo.instants import instant_of

    return instant_of(at_s)
