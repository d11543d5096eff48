"""Options of the verbs of governance that several of them share: each text stands here once.

Verbs name them by the module (`options.Requester`), so that a signature tells which they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# --- a request ------------------------------------------------------------------------------------------------------

DAYS_OPEN, DAYS_APPROVING = 30, 14
Requester = Annotated[str, typer.Option("--requester", metavar="ID", help="Who asks; never counts in its quorum.")]
OnBehalfOf = Annotated[str, typer.Option("--on-behalf-of", metavar="PARTY", help="For whom.")]
Reason = Annotated[str, typer.Option("--reason", metavar="T", help="Why; it is public.")]
Legal = Annotated[str, typer.Option("--legal", metavar="T", help="The legal reference; it is public.")]
From = Annotated[str | None, typer.Option("--from", metavar="T", help="Not before this instant. [default: now]")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="T", help=f"And before this one. [default: {DAYS_OPEN} days on]")
]
Expires = Annotated[
    str | None, typer.Option(metavar="T", help=f"When approvals expire. [default: {DAYS_APPROVING} days on]")
]
Sponsor = Annotated[
    str,
    typer.Option(
        "--sponsor",
        metavar="ID",
        help="The officer who signs the request: the requester, or for somebody outside the roster another, who then "
        "does not count either. [default: the requester, where the roster asks for it]",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder: what goes to the officers.")]

# --- an effect ------------------------------------------------------------------------------------------------------

DEFAULT_SLOTS = 240
Slots = Annotated[int, typer.Option(min=1, help="Slots of the scenario that reach is computed of.")]
TerminalsFile = Annotated[
    Path | None,
    typer.Option(
        "--terminals", metavar="F", help="A table of terminals (Parquet or CSV), to be counted; it is not handed on."
    ),
]
NetworkFile = Annotated[
    Path | None, typer.Option("--scenario", metavar="S", help="The network; needed for rules and networks.")
]
BaseFile = Annotated[
    Path | None, typer.Option("--base", metavar="OLD", help="For a change of network: the scenario in force until now.")
]

# --- a roster, and signatures ---------------------------------------------------------------------------------------

RosterFile = Annotated[Path, typer.Argument(metavar="ROSTER", help="Parties, officers, quorums (TOML or JSON).")]
SignatureOfPrinted = Annotated[
    Path | None, typer.Option("--signature", metavar="F", help="Over the bytes printed without it.")
]
