"""`openleo change propose`: rules in place of others, with the effect that officers will sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson, Threads, note, progress

if TYPE_CHECKING:
    from openleo.governance.house import House
    from openleo.network_effects import Named

NOTHING = "none"
New = Annotated[str, typer.Argument(metavar="NEW", help=f'The rule files to come, by comma, or a folder; "{NOTHING}".')]
Base = Annotated[
    str, typer.Option("--base", metavar="OLD", help=f'The rule files in force that they replace; "{NOTHING}": none.')
]
ScenarioOption = Annotated[
    Path, typer.Option("--scenario", metavar="S", help="The network that the effect is computed on.")
]


def propose(
    new: New,
    base: Base,
    scenario: ScenarioOption,
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
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
    """Propose rules: who asks and why goes on record, the effect is computed and frozen, and both are logged.

    Books of OLD that NEW has not are taken away; books of neither stay. DIR then holds what officers sign. The effect
    is of NEW in place of OLD, with all other books that are in force beside them.
    """
    from openleo import changes
    from openleo.change_documents import documents_of
    from openleo.governance.requests import sponsor_of
    from openleo.policy.named import territories_named
    from openleo.policy.rule_books import book_documents

    old_books = book_documents(files(base))
    new_books = book_documents(files(new))
    network = network_of(scenario, slots, tell=True)
    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, sponsor=sponsor)
    with answers(new, as_json), opened(data, database, write=True) as house:
        check_in_force(house, network)
        sponsor_of(house.state, "rules", requester, sponsor)  # refused before it takes long
        now = changes.in_force(house.state.lasting, house.artefacts)
        changes.check_base(old_books, now)
        moves = changes.moves(old_books, new_books)
        if not moves:
            from openleo.errors import InputError, Problem

            raise InputError(Problem("NEW", "", "is what OLD is: nothing would change."))
        then = now.with_({**dict.fromkeys(old_books), **new_books})
        before, after = now.rules, then.rules
        table = None if terminals is None else changes.counted(terminals, before, after)
        papers = documents_of(now, then, network)
        with progress() as tell:
            effect = changes.effect_of_rules(
                network, before, after, max(request.begin, clock()), threads=threads, on_progress=tell, terminals=table
            )
        for document in new_books.values():
            house.artefacts.put_json(document)
        named = territories_named(before, after)
        submit(house, "rules", moves, request, effect, out, named=named, computed_of=papers, as_json=as_json)


def network_of(scenario: Path, slots: int, *, tell: bool = False) -> Named:
    """A scenario's network: cut to its first slots to be computed, and named by all of it. Its rules are not used."""
    from openleo import change_documents

    network, whole = change_documents.network_of(scenario, slots)
    if tell and slots < whole:
        note(f"Reach is of the first {slots:,} of the scenario's {whole:,} slots (--slots).")
    return network


def check_in_force(house: House, network: Named) -> None:
    """Rules are judged on the network in force, if one was approved. Raises Refused."""
    from openleo.governance.auditing import network as why_not
    from openleo.governance.moves import NETWORK
    from openleo.governance.state import Refused

    if house.state.value(NETWORK) is None:
        note("No network was approved yet: who changes the scenario changes service unseen (change propose-network).")
    elif why := why_not(house.state, network.sha256):
        raise Refused(f"--scenario: {why}")


def files(words: str) -> list[Path]:
    """Files and folders by comma; or none."""
    if words.strip().casefold() == NOTHING:
        return []
    return [Path(word.strip()) for word in words.split(",")]
