"""What every proposal shares: the request, and the way of a drafted change to the ledger and its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import clock
from openleo.cli.common import note, print_json, read_instant

if TYPE_CHECKING:
    from openleo.change_documents import Documents
    from openleo.governance.drafting import Request
    from openleo.governance.entries import Signed
    from openleo.governance.house import House
    from openleo.governance.moves import Move


def request_of(
    requester: str,
    on_behalf_of: str,
    reason: str,
    legal: str,
    from_: str | None,
    until: str | None,
    expires: str | None,
    reverts: str | None = None,
    sponsor: str = "",
) -> Request:
    """The request of the command line. Raises InputError."""
    from openleo.governance.drafting import Request

    now = clock()

    def at(text: str | None, option: str, days: int) -> datetime:
        return now + timedelta(days=days) if text is None else read_instant(text, option)

    begin, end = at(from_, "--from", 0), at(until, "--until", options.DAYS_OPEN)
    return Request(
        requester,
        on_behalf_of,
        reason,
        legal,
        begin,
        end,
        at(expires, "--expires", options.DAYS_APPROVING),
        reverts,
        sponsor,
    )


def submit(
    house: House,
    kind: str,
    moves: Sequence[Move],
    request: Request,
    effect: Mapping[str, Any],
    out: Path,
    *,
    named: Iterable[str] = (),
    documents: Mapping[str, Any] | None = None,
    possession: Iterable[Signed] = (),
    computed_of: Documents | None = None,
    as_json: bool = False,
) -> None:
    """Log a proposal with its effect, and write the folder that goes to the officers. Raises InputError or Refused.

    The effect is frozen as everybody may read it; its exact counts go into the folder alone, where they differ.
    Where an officer has to sign the request, nothing is logged: the folder is a draft (governance/drafts.py).
    """
    import secrets

    from openleo.errors import InputError, Problem
    from openleo.governance import submission
    from openleo.governance.folder import DETAIL, EFFECT, readable
    from openleo.governance.state import Refused
    from openleo.report.staging import Staging, blaming

    if out.exists():
        raise InputError(Problem(f"--out {out}", "", "exists; a change has a folder of its own."))
    nonce = secrets.token_hex(16)
    try:
        made = submission.prepare(
            house, nonce, kind, moves, request, effect, named=named, documents=documents, possession=possession
        )
    except Refused:
        raise
    except ValueError as error:
        raise InputError(_problems(error)) from None
    beside = {DETAIL: readable(made.exact)} if made.told_apart else {}
    if computed_of is not None:
        beside |= computed_of.files
    now = house.now(clock())
    with blaming(out), Staging(out) as staging:
        (staging.path / EFFECT).write_bytes(readable(made.effect))  # the largest: without room nothing is proposed
        for name, data in beside.items():
            (staging.path / name).parent.mkdir(exist_ok=True)
            (staging.path / name).write_bytes(data)
        for data in () if computed_of is None else computed_of.networks:
            house.artefacts.put(data)
        for name, data in submission.enter(house, made, now).items():
            (staging.path / name).write_bytes(data)
        staging.commit([])
    proposed, sponsor = made.proposed, made.sponsor
    if sponsor:
        _tell_draft(proposed.change, sponsor, out, as_json)
    else:
        tell(house, proposed.change, out, as_json)


def tell(house: House, id_: str, out: Path, as_json: bool) -> None:
    """Where a change stands that was just proposed, and what officers do with its folder."""
    from openleo.governance import told

    change = house.state.change(id_)
    if as_json:
        print_json({"ok": True, "folder": str(out), **told.as_json(house.state, change, clock())})
    else:
        typer.echo(told.text(house.state, change, clock()))
    note(f"Officers sign {out / 'to-sign.json'}: ssh-keygen -Y sign -n openleo-approval@v1 -f KEY to-sign.json")


def _tell_draft(id_: str, sponsor: str, out: Path, as_json: bool) -> None:
    from openleo.governance.folder import TO_REQUEST

    file = out / TO_REQUEST
    sign = f"ssh-keygen -Y sign -n openleo-request@v1 -f KEY {file}"
    hand_in = f"openleo change submit {out} --signature {file}.sig"
    if as_json:
        said = {"ok": True, "folder": str(out), "change": id_, "status": "draft", "sponsor": sponsor}
        print_json({**said, "to_sign": str(file), "sign": sign, "submit": hand_in})
    else:
        typer.echo(f"{id_}: draft; nothing of it is on the ledger until {sponsor} has signed the request")
    note(f"{sponsor} signs {file}: {sign}")
    note(f"Then: {hand_in}")


def _problems(error: ValueError) -> list[Any]:
    """What is wrong with a request, in the words of its options."""
    from pydantic import ValidationError

    from openleo.errors import Problem
    from openleo.governance import words

    if not isinstance(error, ValidationError):
        return [Problem("the request", "", str(error))]
    names = {"on_behalf_of": "--on-behalf-of", "legal_reference": "--legal"}
    found = []
    for one in error.errors():
        place = str(one["loc"][0]) if one["loc"] else ""
        found.append(Problem(names.get(place, f"--{place}"), "", *words.in_words(one)))
    return found
