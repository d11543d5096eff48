"""`openleo controller token`: programs' tokens, for whoever holds the data folder; who can read it can do this."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, Verbs, note, print_json, read_instant
from openleo.cli.controller_common import Data, DatabaseUrl, exits, holding

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(cls=Verbs, no_args_is_help=True, rich_markup_mode=None, help="Tokens of programs.")


@app.command("make")
def make(
    data: Data,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What the token is for.")],
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help="What it may do; can be repeated.")],
    party: Annotated[str, typer.Option("--party", metavar="PARTY", help="For whom it acts.")] = "operator",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="T", help="Until when it is good. [default: until revoked]")
    ] = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once."""
    import time

    from openleo.controller import audit, tokens
    from openleo.controller.database import writing
    from openleo.controller.roles import Principal, Role
    from openleo.errors import InputError, Problem, near_names

    known = [one.value for one in Role]
    problems = [
        Problem("--role", "", f'there is no role "{one}".', near_names(one, known) or f"Roles: {', '.join(known)}.")
        for one in role
        if one not in known
    ]
    until = read_instant(expires, "--expires") if expires is not None else None
    now_s = time.time()
    if until is not None and until.timestamp() <= now_s:
        problems.append(Problem("--expires", expires or "", "is not after now."))
    if not 1 <= len(name) <= 200 or not name.isprintable():
        problems.append(Problem("--name", "", "has 1 to 200 printable characters."))
    if problems:
        raise InputError(problems)
    roles = {Role(one) for one in role}
    with _opened(data, database) as engine, writing(engine) as connection:
        id_, secret = tokens.make(
            connection, name=name, party=_party(party), owner=tokens.DATA_FOLDER, roles=roles, now_s=now_s,
            expires_s=None if until is None else until.timestamp(),
        )  # fmt: skip
        holder = Principal(tokens.DATA_FOLDER, "operator", frozenset(), None, "admin")
        audit.record(connection, now_s, holder, "made_token", id_, {"roles": sorted(roles), "party": party})
    if as_json:
        print_json({"id": id_, "token": secret})
    else:
        note(f"Token {id_}; it is shown this once:")
        print(secret)


@app.command("list")
def list_(data: Data, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List all tokens, without themselves."""
    from sqlalchemy import select

    from openleo.controller.api.wording import at_text
    from openleo.controller.database import reading
    from openleo.controller.roles import read_roles
    from openleo.controller.tables import tokens as table

    with _opened(data, database) as engine, reading(engine) as connection:
        rows = connection.execute(select(table).order_by(table.c.created_at, table.c.id)).all()
    told = [
        {
            "id": row.id, "name": row.name, "party": row.party, "owner": row.owner,
            "roles": sorted(read_roles(row.roles)), "created_at": at_text(row.created_at),
            "expires_at": at_text(row.expires_at), "revoked_at": at_text(row.revoked_at),
            "used_at": at_text(row.used_at), "once": row.once,
        }
        for row in rows
    ]  # fmt: skip
    if as_json:
        print_json(told)
        return
    for one in told:
        state = "revoked" if one["revoked_at"] else f"until {one['expires_at']}" if one["expires_at"] else "good"
        roles = ", ".join(one["roles"]) or ("drafts the genesis, once" if one["once"] else "no role")
        print(f"{one['id']}  {state:10}  {one['party']}  {roles}  {one['name']}")


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="As `list` names it.")],
    data: Data,
    database: DatabaseUrl = None,
) -> None:
    """Revoke a token: from now on it is nobody's."""
    import time

    from openleo.controller import audit, tokens
    from openleo.controller.database import writing
    from openleo.controller.roles import Principal
    from openleo.errors import InputError, Problem

    now_s = time.time()
    with _opened(data, database) as engine, writing(engine) as connection:
        if not tokens.revoke(connection, token, now_s):
            raise InputError(
                Problem("ID", token[:32], "is no token that is good.", "See `openleo controller token list`.")
            )
        holder = Principal(tokens.DATA_FOLDER, "operator", frozenset(), None, "admin")
        audit.record(connection, now_s, holder, "revoked_token", token)


@contextmanager
def _opened(data: Path, database: str | None) -> Iterator[Engine]:
    """The database that a controller has made. Raises InputError, also where it cannot be used meanwhile."""
    from openleo.controller.database import address_of, connect

    folder = holding(data, database)
    engine = connect(address_of(folder.path, folder.database))
    try:
        with exits(str(data), as_json=False):
            yield engine
    finally:
        engine.dispose()


def _party(text: str) -> str:
    """A party as rosters write it. Raises InputError."""
    from pydantic import TypeAdapter, ValidationError

    from openleo.errors import InputError, Problem
    from openleo.governance.roster_records import PartyId

    try:
        party: str = TypeAdapter(PartyId).validate_python(text)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(Problem("--party", "", why)) from None
    return party
