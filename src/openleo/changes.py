"""Rules as changes: what books move, where the set in force comes from, and the effect that is frozen and signed.

Joins policy (rule files, books) and effects (networks) to governance, which knows neither: what goes over is documents,
their sha256, and the JSON form of an effect.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785

from openleo.effects import alike, classes_of_both, compare, prepare
from openleo.errors import InputError, Problem
from openleo.governance.artefacts import Artefacts
from openleo.governance.moves import NETWORK, Move, book_target
from openleo.governance.state import Change, Refused
from openleo.network_effects import Named, effect_of_networks
from openleo.places.expressions import Expression, drawn_from, named_labels
from openleo.policy.rule_books import rules_of_books
from openleo.policy.rules import Rule, RuleSet, union
from openleo.results import Case, OnProgress
from openleo.service.effect import Extras

Documents = Mapping[str, Mapping[str, Any]]  # books, by name
BOOK = "book:"


@dataclass(frozen=True)
class Books:
    """Books in force, or as they would be."""

    documents: Documents

    @property
    def rules(self) -> RuleSet:
        """All their rules. Raises InputError."""
        if not self.documents:
            return union([])
        with tempfile.TemporaryDirectory() as folder:
            return rules_of_books([self.documents[name] for name in sorted(self.documents)], Path(folder))

    def with_(self, changed: Mapping[str, Mapping[str, Any] | None]) -> Books:
        """The same with some books replaced, added, or (None) taken away."""
        both = {**self.documents, **changed}
        return Books({name: document for name, document in both.items() if document is not None})


def in_force(active: Mapping[str, str | None], artefacts: Artefacts) -> Books:
    """The books that a ledger says are in force. Raises Refused where one is missing or was altered."""
    named = {target.removeprefix(BOOK): value for target, value in active.items() if target.startswith(BOOK)}
    return Books({name: artefacts.get_json(value) for name, value in named.items() if value is not None})


def sha256_of(document: Mapping[str, Any]) -> str:
    """What a book is named by on the ledger: of its RFC 8785 bytes."""
    return hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()


def moves(old: Documents, new: Documents) -> tuple[Move, ...]:
    """What has to move for the books of `new` to stand in place of those of `old`; a book of `old` alone goes."""
    found = []
    for name in sorted({*old, *new}):
        base, then = (None if name not in books else sha256_of(books[name]) for books in (old, new))
        if base != then:
            found.append(Move(target=book_target(name), base=base, new=then))
    return tuple(found)


def check_base(old: Documents, now: Books) -> None:
    """Raises InputError where a book is not the one in force: who proposes has to know what is changed."""
    problems = []
    for name, document in old.items():
        held = now.documents.get(name)
        if held is None or sha256_of(held) != sha256_of(document):
            found = "which is not in force" if held is None else f"and in force is {sha256_of(held)}"
            rule = f'holds the book "{name}" as {sha256_of(document)}, {found}.'
            problems.append(Problem("--base", "", rule, "Take the book that is in force (`openleo change show`)."))
    if problems:
        raise InputError(problems)


def documents_of(moved: Iterable[Move], artefacts: Artefacts) -> dict[str, Mapping[str, Any] | None]:
    """The books that moves lead to, by name; None: taken away. Raises Refused where one is missing or was altered."""
    return {
        move.target.removeprefix(BOOK): None if move.new is None else artefacts.get_json(move.new) for move in moved
    }


def territories_named(base: RuleSet, new: RuleSet) -> tuple[str, ...]:
    """The territories that rules name which stand on one side alone, however little the effect finds there."""
    keys = [{_content(rule): rule for rule in side.rules} for side in (base, new)]
    changed = [keys[0][key] for key in keys[0].keys() - keys[1]] + [keys[1][key] for key in keys[1].keys() - keys[0]]
    return tuple(sorted({name for rule in changed for name in _named_in(rule.territory)}))


def _content(rule: Rule) -> bytes:
    return rfc8785.dumps(rule.canonical())


def _named_in(territory: Expression) -> set[str]:
    return {*named_labels(territory), *drawn_from(territory)}


def effect_of_rules(
    case: Case,
    base: RuleSet,
    new: RuleSet,
    at: datetime,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    extras: Extras | None = None,
) -> dict[str, Any]:
    """The effect of one rule set in place of another from an instant on, in the form that is frozen."""
    classes = classes_of_both(base, new)
    prepared = prepare(case, base, new, threads=threads, on_progress=on_progress)
    extras = extras or Extras()
    said = tuple(filter(None, [alike(base, new, classes)]))
    found = compare(prepared, classes, at, None, replace(extras, notes=(*extras.notes, *said)))
    return found.as_json()


def again(
    case: Case,
    change: Change,
    active: Mapping[str, str | None],
    artefacts: Artefacts,
    at: datetime,
    threads: int | None,
) -> dict[str, Any]:
    """The effect of a change of rules on the set in force now. Raises Refused where a document or network differs."""
    now = in_force(active, artefacts)
    then = now.with_(documents_of(change.proposed.moves, artefacts))
    found = effect_of_rules(case, now.rules, then.rules, at, threads=threads)
    if change.effect is not None and found["network"] != change.effect.network:
        raise Refused("the scenario is another network than the one whose effect was signed")
    return found


def check_network(base: Named | None, active: Mapping[str, str | None]) -> None:
    """Raises InputError where the old network is not the one in force: who proposes has to know what is changed."""
    held = active.get(NETWORK)
    found = None if base is None else base.sha256
    if held == found:
        return
    if found is None:
        rule, way_out = f"is needed: the network {held} is in force.", "Name its scenario."
    else:
        said = "none is in force" if held is None else f"in force is {held}"
        rule, way_out = f"is the network {found}, and {said}.", "Take the scenario of the network that is in force."
    raise InputError(Problem("--base", "", rule, way_out))


def network_again(
    base: Named | None,
    new: Named,
    change: Change,
    active: Mapping[str, str | None],
    artefacts: Artefacts,
    at: datetime,
    threads: int | None,
) -> dict[str, Any]:
    """The effect of a change of network under the rules in force now. Raises Refused where a network is another."""
    (move,) = change.proposed.moves
    for named, value, option in ((base, move.base, "--base"), (new, move.new, "--scenario")):
        if (None if named is None else named.sha256) != value:
            said = "no network" if named is None else f"the network {named.sha256}"
            raise Refused(f"{option} gives {said}, and the change is of {value or 'none'}")
    rules = in_force(active, artefacts).rules
    found = effect_of_networks(base, new, rules, at, threads=threads).as_json()
    if change.effect is not None and found["network"] != change.effect.network:
        raise Refused("the network is computed otherwise than the effect that was signed: compare --slots")
    return found
