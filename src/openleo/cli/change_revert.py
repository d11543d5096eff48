"""`openleo change revert`: the way back, as a change of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.change_propose import check_in_force, network_of
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson, Threads, progress

if TYPE_CHECKING:
    from openleo.governance.drafting import Request
    from openleo.governance.house import House

Which = Annotated[str, typer.Argument(metavar="ID", help="A change that was activated; see `change show`.")]


def revert(
    id_: Which,
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
    scenario: options.NetworkFile = None,
    base: options.BaseFile = None,
    from_: options.From = None,
    until: options.Until = None,
    expires: options.Expires = None,
    sponsor: options.Sponsor = "",
    slots: options.Slots = options.DEFAULT_SLOTS,
    terminals: options.TerminalsFile = None,
    threads: Threads = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose the inverse of a change: what it moved goes back, with an effect and approvals of its own.

    What was switched off may by now be needed, and what was switched on be relied upon, so nothing is undone unseen.
    """
    from openleo import changes
    from openleo.change_documents import documents_of
    from openleo.errors import InputError, Problem
    from openleo.governance import counting
    from openleo.governance.drafting import plain_effect
    from openleo.governance.moves import ROSTER
    from openleo.governance.state import Refused
    from openleo.policy.named import territories_named

    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, id_, sponsor)
    with answers(id_, as_json), opened(data, database, write=True) as house:
        change = house.state.change(id_)
        if change.activated_at is None:
            raise Refused(f"{id_} was never activated: there is nothing to revert")
        kind, moves = change.proposed.kind, [move.inverse for move in change.proposed.moves]
        if any(move.target == ROSTER for move in moves):
            raise Refused("a roster goes back by proposing the old one: `openleo officer propose`")
        if kind == "network":
            _network(house, moves[0].new, scenario, base, slots, request, out, threads, as_json)
            return
        if kind != "rules":
            assert change.effect is not None
            said = counting.said_of(house.artefacts.get_json(change.effect.effect))
            effect = plain_effect(house.state, moves, counting.rows(house.state, moves, said))
            submit(house, kind, moves, request, effect, out, as_json=as_json)
            return
        if scenario is None:
            way_out = "Name the network that the effect is computed on."
            raise InputError(Problem("--scenario", "", "is needed to revert rules.", way_out))
        network = network_of(scenario, slots, tell=True)
        check_in_force(house, network)
        now = changes.in_force(house.state.lasting, house.artefacts)
        then = now.with_(changes.documents_of(moves, house.artefacts))
        before, after = now.rules, then.rules
        at = max(request.begin, clock())
        table = None if terminals is None else changes.counted(terminals, before, after)
        papers = documents_of(now, then, network)
        with progress() as tell:
            effect = changes.effect_of_rules(
                network, before, after, at, threads=threads, on_progress=tell, terminals=table
            )
        named = territories_named(before, after)
        submit(house, kind, moves, request, effect, out, named=named, computed_of=papers, as_json=as_json)


def _network(
    house: House,
    sha256: str | None,
    scenario: Path | None,
    base: Path | None,
    slots: int,
    request: Request,
    out: Path,
    threads: int | None,
    as_json: bool,
) -> None:
    """The network that was in force before, in place of the one that is."""
    from openleo.cli.change_network import submit_network
    from openleo.errors import InputError, Problem
    from openleo.governance.state import Refused

    if sha256 is None:
        raise Refused("there was no network before it: propose another network in its place")
    if scenario is None or base is None:
        way_out = "Name the network to go back to with --scenario, and the one in force with --base."
        raise InputError(Problem("--scenario", "", "is needed with --base to revert a network.", way_out))
    new = network_of(scenario, slots)
    if new.sha256 != sha256:
        raise Refused(f"--scenario is the network {new.sha256}, and {sha256} was in force before")
    submit_network(house, network_of(base, slots), new, request, out, threads, as_json)
