"""`openleo change revert`: the way back, as a change of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from openleo.cli.change_activate import ScenarioOption
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.change_propose import DEFAULT_SLOTS, Slots, case_of
from openleo.cli.change_submit import (
    Expires,
    From,
    Legal,
    OnBehalfOf,
    Out,
    Reason,
    Requester,
    Until,
    request_of,
    submit,
)
from openleo.cli.common import AsJson, Threads, progress

Which = Annotated[str, typer.Argument(metavar="ID", help="A change that was activated; see `change show`.")]


def revert(
    id_: Which,
    requester: Requester,
    on_behalf_of: OnBehalfOf,
    reason: Reason,
    legal: Legal,
    out: Out,
    scenario: ScenarioOption = None,
    from_: From = None,
    until: Until = None,
    expires: Expires = None,
    slots: Slots = DEFAULT_SLOTS,
    threads: Threads = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose the inverse of a change: what it moved goes back, with an effect and approvals of its own.

    What was switched off may by now be needed, and what was switched on be relied upon, so nothing is undone unseen.
    """
    from openleo import changes
    from openleo.errors import InputError, Problem
    from openleo.governance.drafting import plain_effect
    from openleo.governance.moves import ROSTER
    from openleo.governance.state import Refused
    from openleo.policy.named import territories_named

    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, reverts=id_)
    with answers(id_, as_json), opened(data, database, write=True) as house:
        change = house.state.change(id_)
        if change.activated_at is None:
            raise Refused(f"{id_} was never activated: there is nothing to revert")
        kind, moves = change.proposed.kind, [move.inverse for move in change.proposed.moves]
        if any(move.target == ROSTER for move in moves):
            raise Refused("a roster goes back by proposing the old one: `openleo officer propose`")
        if kind != "rules":
            submit(house, kind, moves, request, plain_effect(house.state, moves), out, as_json=as_json)
            return
        if scenario is None:
            way_out = "Name the network that the effect is computed on."
            raise InputError(Problem("--scenario", "", "is needed to revert rules.", way_out))
        now = changes.in_force(house.state.lasting, house.artefacts)
        then = now.with_(changes.documents_of(moves, house.artefacts))
        before, after = now.rules, then.rules
        at = max(request.begin, clock())
        with progress() as tell:
            effect = changes.effect_of_rules(
                case_of(scenario, slots), before, after, at, threads=threads, on_progress=tell
            )
        named = territories_named(before, after)
        submit(house, kind, moves, request, effect, out, named=named, as_json=as_json)
