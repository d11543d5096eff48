"""`openleo change break-glass` and `change review`: two officers act at once, and answer for it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened, read_text, signed_by
from openleo.cli.common import AsJson, note, print_json

if TYPE_CHECKING:
    from openleo.governance.entries import BreakGlassUsed, Signed
    from openleo.governance.house import House
    from openleo.governance.moves import Move

MOST_HOURS = 100_000.0  # the roster allows less
DRAFT, TO_SIGN, SIGNATURES = "draft.json", "to-sign.json", "approvals"
Moves = Annotated[
    list[str] | None,
    typer.Option("--move", metavar="TARGET=NEW", help="What becomes what; empty: taken away."),
]
Rules = Annotated[
    str, typer.Option("--rules", metavar="F[,…]", help="Rule files whose books hold meanwhile, in place of their like.")
]
Folder = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder, for the officers to sign.")]
Signable = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder, with approvals/OFFICER.sig of two officers.")
]


def draft(
    hours: Annotated[float, typer.Option(min=0.01, help="How long it holds from now on; then it lapses by itself.")],
    reason: Annotated[str, typer.Option(metavar="T", help="Why; it is public at once.")],
    out: Folder,
    moves: Moves = None,
    rules: Rules = "",
    data: Data = DEFAULT_DATA,
    database: Database = "",
) -> None:
    """Draft a use of break-glass: to-sign.json for two officers with the role break-glass.

    --rules keeps the books and makes the moves by itself; books that it does not name stay as they are.
    """
    import secrets

    from openleo.errors import InputError, Problem
    from openleo.governance import to_sign
    from openleo.governance.entries import BreakGlassUsed, instant
    from openleo.governance.moves import Move, fault_of

    if not moves and not rules:
        raise InputError(Problem("--rules", "", "or --move is needed: nothing would change."))
    with answers("break-glass", False), opened(data, database) as house:
        state = house.state
        active = state.active(clock())
        nonce = secrets.token_hex(16)
        pairs = [one.partition("=") for one in moves or []]
        try:
            made = [
                Move(target=target, base=active.get(target, state.value(target)), new=new or None)
                for target, _, new in pairs
            ]
        except ValueError as error:
            raise InputError(Problem("--move", "", f"cannot stand on the ledger: {error}")) from None
        if faults := [Problem("--move", "", f"{why}.") for why in (fault_of(move) for move in made) if why]:
            raise InputError(faults)
        made += _book_moves(house, rules) if rules else []
        used = BreakGlassUsed.model_construct(
            id=f"g-{nonce[:10]}",
            moves=tuple(made),
            reason=reason,
            until=instant(clock() + timedelta(hours=min(hours, MOST_HOURS))),
            nonce=nonce,
            signatures=(),
            witnessed=False,
        )
        said_text(reason)
        _write(
            out, used.model_dump_json(exclude={"signatures", "witnessed"}), to_sign.breaking_glass(state.origin, used)
        )
    for move in made:
        typer.echo(f"{move.target}: {move.base or 'nothing'} -> {move.new or 'nothing'}")
    note(f"Two officers sign {out / TO_SIGN}; then `openleo change break-glass {out}`.")


def _book_moves(house: House, words: str) -> list[Move]:
    """The moves by which the books of rule files hold; they are kept as artefacts. Raises InputError or Refused."""
    from openleo import changes
    from openleo.cli.change_propose import files
    from openleo.errors import InputError, Problem
    from openleo.policy.rule_books import book_documents

    books = book_documents(files(words))
    now = changes.in_force(house.state.active(clock()), house.artefacts)
    now.with_(books).rules  # noqa: B018 - raises where the books do not go together
    made = changes.moves({name: now.documents[name] for name in books if name in now.documents}, books)
    if not made:
        raise InputError(Problem(f"--rules {words}", "", "is what is in force: nothing would change."))
    for document in books.values():
        house.artefacts.put_json(document)
    return list(made)


def use(folder: Signable, data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False) -> None:
    """Break the glass: log what two officers signed; it holds at once, is public, and lapses by itself."""
    from openleo.governance import auditing
    from openleo.governance.activate import witnessed
    from openleo.governance.entries import entry
    from openleo.governance.state import Refused
    from openleo.ledger.faults import LedgerError

    with answers(str(folder), as_json), opened(data, database, write=True) as house:
        try:
            seen = bool(witnessed(house, clock)[0].witnesses)
        except LedgerError as error:  # break-glass may go without the witnesses, and says so
            note(f"unwitnessed: {error}")
            seen = False
        said = _read(folder) | {"signatures": _signatures(folder), "witnessed": seen}
        body = _body(folder, said)
        for why in auditing.missing(body.moves, house.artefacts):
            raise Refused(why)
        now = house.now(clock())
        number = house.append([entry(now, body)]).start
        said_ = house.write_active(now)
    if said_:
        note(said_)
    _told(number, f"{body.id} holds until {body.until}; its review is due.", as_json)


def _body(folder: Path, said: dict[str, object]) -> BreakGlassUsed:
    from openleo.errors import InputError, Problem
    from openleo.governance.entries import BreakGlassUsed

    try:
        return BreakGlassUsed.model_validate_json(json.dumps(said, default=lambda one: one.model_dump()))
    except ValueError as error:
        raise InputError(Problem(str(folder / DRAFT), "", f"cannot stand on the ledger: {error}")) from None


def review(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The use.")],
    finding: Annotated[Path, typer.Option("--finding", metavar="F", help="What the reviewers find, in words.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Draft it here, to be signed.")] = None,
    signed: Annotated[Path | None, typer.Option("--signed", metavar="DIR", help="Log the draft, as signed.")] = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Review a use of break-glass, by officers who had no part in it and satisfy the quorum."""
    from openleo.cli.common import one_of
    from openleo.governance import to_sign
    from openleo.governance.entries import BreakGlassReviewed, entry

    one_of(out=out, signed=signed)
    text = read_text(finding, "--finding").strip()
    with answers(id_, as_json), opened(data, database, write=signed is not None) as house:
        body = BreakGlassReviewed.model_construct(id=id_, finding=text, signatures=())
        said_text(text)
        if out is not None:
            _write(out, body.model_dump_json(exclude={"signatures"}), to_sign.review(house.state.origin, body))
            note(f"The reviewers sign {out / TO_SIGN}; then come again with --signed {out}.")
            return
        assert signed is not None
        body = BreakGlassReviewed(id=id_, finding=text, signatures=_signatures(signed))
        number = house.append([entry(house.now(clock()), body)]).start
    _told(number, f"{id_} is reviewed.", as_json)


def said_text(text: str) -> None:
    """Raises pydantic's ValidationError where a text cannot stand on the ledger."""
    from pydantic import TypeAdapter

    from openleo.governance.entries import Said

    TypeAdapter(Said).validate_python(text)


def _told(number: int, words: str, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "entry": number})
    note(f"Entry {number}: {words}")


def _write(out: Path, drafted: str, message: bytes) -> None:
    from openleo.errors import InputError, Problem
    from openleo.report.staging import Staging, blaming

    if out.exists():
        raise InputError(Problem(f"--out {out}", "", "exists; a draft has a folder of its own."))
    with blaming(out), Staging(out) as staging:
        (staging.path / DRAFT).write_text(drafted + "\n", encoding="utf-8")
        (staging.path / TO_SIGN).write_bytes(message)
        (staging.path / SIGNATURES).mkdir()
        staging.commit([])


def _read(folder: Path) -> dict[str, object]:
    from openleo.errors import InputError, Problem

    try:
        found = json.loads((folder / DRAFT).read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise InputError(Problem(str(folder / DRAFT), "", "is no draft of `openleo change draft-break-glass`."))
    return found


def _signatures(folder: Path) -> tuple[Signed, ...]:
    files = sorted((folder / SIGNATURES).glob("*.sig"))
    return tuple(signed_by(one.stem, one, "") for one in files)
