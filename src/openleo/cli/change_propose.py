"""`openleo change propose`: rules in place of others, with the effect that officers will sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
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
from openleo.cli.common import AsJson, Threads, note, progress

if TYPE_CHECKING:
    from openleo.results import Case

NOTHING = "none"
DEFAULT_SLOTS = 240
New = Annotated[str, typer.Argument(metavar="NEW", help=f'The rule files to come, by comma, or a folder; "{NOTHING}".')]
Base = Annotated[
    str, typer.Option("--base", metavar="OLD", help=f'The rule files in force that they replace; "{NOTHING}": none.')
]
ScenarioOption = Annotated[
    Path, typer.Option("--scenario", metavar="S", help="The network that the effect is computed on.")
]
Slots = Annotated[int, typer.Option(min=1, help="Slots of the scenario that reach is computed of.")]


def propose(
    new: New,
    base: Base,
    scenario: ScenarioOption,
    requester: Requester,
    on_behalf_of: OnBehalfOf,
    reason: Reason,
    legal: Legal,
    out: Out,
    from_: From = None,
    until: Until = None,
    expires: Expires = None,
    slots: Slots = DEFAULT_SLOTS,
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
    from openleo.policy.named import territories_named
    from openleo.policy.rule_books import book_documents

    old_books = book_documents(_files(base))
    new_books = book_documents(_files(new))
    case = case_of(scenario, slots)
    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires)
    with answers(new, as_json), opened(data, database, write=True) as house:
        now = changes.in_force(house.state.lasting, house.artefacts)
        changes.check_base(old_books, now)
        moves = changes.moves(old_books, new_books)
        if not moves:
            from openleo.errors import InputError, Problem

            raise InputError(Problem("NEW", "", "is what OLD is: nothing would change."))
        then = now.with_({**dict.fromkeys(old_books), **new_books})
        before, after = now.rules, then.rules
        with progress() as tell:
            effect = changes.effect_of_rules(
                case, before, after, max(request.begin, clock()), threads=threads, on_progress=tell
            )
        for document in new_books.values():
            house.artefacts.put_json(document)
        named = territories_named(before, after)
        submit(house, "rules", moves, request, effect, out, named=named, as_json=as_json)


def case_of(scenario: Path, slots: int) -> Case:
    """The network of a scenario, cut to its first slots; its own rules are not used."""
    from openleo.scenario import Scenario

    found = Scenario.load(scenario, own_rules=False)
    whole = found.case.grid.slots
    if slots < whole:
        note(f"Reach is of the first {slots:,} of the scenario's {whole:,} slots (--slots).")
    return found.first_slots(min(slots, whole)).case


def _files(words: str) -> list[Path]:
    """Files and folders by comma; or none."""
    if words.strip().casefold() == NOTHING:
        return []
    return [Path(word.strip()) for word in words.split(",")]
