"""`openleo officer check` and `officer propose`: a roster before it counts, and as a change of who decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, opened, signed_by
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson

if TYPE_CHECKING:
    from openleo.governance.entries import Signed

Held = Annotated[
    list[str] | None,
    typer.Option("--held", metavar="OFFICER=FILE", help="Signatures of keys that join; see `officer hold-key`."),
]


def check(roster: options.RosterFile) -> None:
    """Check a roster whole: every problem at once. Says which quorums it has, and its sha256."""
    from openleo.governance.roster_file import read_roster

    read = read_roster(roster)
    typer.echo(f"{len(read.parties)} parties, {len(read.officers)} officers, sha256 {read.sha256}")
    for line in read.lines:
        typer.echo(f"quorum {line}")
    if read.settings.requests == "signed":
        typer.echo("requests are signed")


def propose(
    roster: options.RosterFile,
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
    held: Held = None,
    recovery: Annotated[
        bool, typer.Option("--recovery", help="By the keys of recovery, after public notice, in place of the quorum.")
    ] = False,
    from_: options.From = None,
    until: options.Until = None,
    expires: options.Expires = None,
    sponsor: options.Sponsor = "",
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose another roster: officers, keys, quorums, settings; decided under the quorum in force."""
    from openleo.governance.drafting import plain_effect
    from openleo.governance.moves import ROSTER, Move
    from openleo.governance.roster_file import read_roster

    read = read_roster(roster)
    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, sponsor=sponsor)
    signed = [_held(one) for one in held or []]
    with answers(str(roster), as_json), opened(data, database, write=True) as house:
        move = Move(target=ROSTER, base=house.state.people.sha256, new=read.sha256)
        submit(
            house,
            "recovery" if recovery else "roster",
            [move],
            request,
            plain_effect(house.state, [move]),
            out,
            documents={read.sha256: read.document},
            possession=signed,
            as_json=as_json,
        )


def _held(text: str) -> Signed:
    from openleo.errors import InputError, Problem

    officer, _, path = text.partition("=")
    if not path:
        raise InputError(Problem(f"--held {text}", "", "is not OFFICER=FILE.", "For example: --held operator-4=a.sig"))
    return signed_by(officer, Path(path), "--held")
