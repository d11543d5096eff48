"""`openleo change propose-network`: a network in place of another, with what its people lose and gain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.change_propose import network_of
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson, ScenarioFile, Threads, progress

if TYPE_CHECKING:
    from openleo.governance.drafting import Request
    from openleo.governance.house import House
    from openleo.network_effects import Named

Base = Annotated[
    Path | None, typer.Option("--base", metavar="OLD", help="The scenario in force; left out for a ledger's first.")
]


def propose(
    scenario: ScenarioFile,
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
    base: Base = None,
    from_: options.From = None,
    until: options.Until = None,
    expires: options.Expires = None,
    sponsor: options.Sponsor = "",
    slots: options.Slots = options.DEFAULT_SLOTS,
    threads: Threads = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose a network: who loses and who gains reach and service is computed under the rules in force, and frozen.

    A gateway or a satellite that is taken away shows its loss here, before anyone signs. Rows of the class "(reach)"
    tell what the network can serve whatever rules say.
    """
    old, new = None if base is None else network_of(base, slots), network_of(scenario, slots, tell=True)
    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, sponsor=sponsor)
    with answers(str(scenario), as_json), opened(data, database, write=True) as house:
        submit_network(house, old, new, request, out, threads, as_json)


def submit_network(
    house: House, old: Named | None, new: Named, request: Request, out: Path, threads: int | None, as_json: bool
) -> None:
    """Compute, and log the proposal. Raises InputError or Refused."""
    from openleo import changes
    from openleo.change_documents import documents_of
    from openleo.errors import InputError, Problem
    from openleo.governance.moves import NETWORK, Move
    from openleo.network_effects import effect_of_networks

    lasting = house.state.lasting
    changes.check_network(old, lasting)
    if old is not None and old.sha256 == new.sha256:
        raise InputError(Problem("SCENARIO", "", "has the network that is in force: nothing would change."))
    books = changes.in_force(lasting, house.artefacts)
    papers = documents_of(books, books, new, old)
    at = max(request.begin, clock())
    with progress() as on_progress:
        effect = effect_of_networks(old, new, books.rules, at, threads=threads, on_progress=on_progress)
    move = Move(target=NETWORK, base=None if old is None else old.sha256, new=new.sha256)
    submit(house, "network", [move], request, effect.as_json(), out, computed_of=papers, as_json=as_json)
