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

from openleo.effects import alike, classes_of_both, compare, outside, prepare
from openleo.errors import InputError, Problem
from openleo.governance.artefacts import Artefacts
from openleo.governance.moves import Move, book_target
from openleo.governance.state import Change, Refused
from openleo.policy.named import territories_named
from openleo.policy.rule_books import rules_of_books
from openleo.policy.rules import RuleSet, union
from openleo.results import Case, OnProgress
from openleo.service import beams
from openleo.service.effect import Extras
from openleo.units import BEAM_KM

Documents = Mapping[str, Mapping[str, Any]]  # books, by name
BOOK = "book:"
MOST_NAMED = 8


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


def in_force(lasting: Mapping[str, str | None], artefacts: Artefacts) -> Books:
    """The books that a ledger says are in force. Raises Refused where one is missing or was altered.

    Of what lasts: beside a book that break-glass set for a day, the same book for good would seem to take nothing.
    """
    named = {target.removeprefix(BOOK): value for target, value in lasting.items() if target.startswith(BOOK)}
    return Books({name: _book(name, value, artefacts) for name, value in named.items() if value is not None})


def _book(name: str, sha256: str, artefacts: Artefacts) -> Mapping[str, Any]:
    """A book that stands under its own name: else its rules would take the place of another book's. Raises Refused."""
    found = artefacts.get_json(sha256)
    if not isinstance(found, Mapping) or found.get("book") != name:
        raise Refused(f"the artefact {sha256} is not the book {name}")
    return found


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
        (name := move.target.removeprefix(BOOK)): None if move.new is None else _book(name, move.new, artefacts)
        for move in moved
    }


def check_sides(
    effect: Mapping[str, Any], lasting: Mapping[str, str | None], change: Change, artefacts: Artefacts
) -> None:
    """The effect is of the books that the change moves, and every territory that these name is on the ledger.

    `lasting`: what the ledger had settled just before. Raises Refused.
    """
    now = in_force(lasting, artefacts)
    before, after = now.rules, now.with_(documents_of(change.proposed.moves, artefacts)).rules
    if (effect.get("base"), effect.get("new")) != (before.sha256, after.sha256):
        raise Refused("its effect is of other rules than those that it moves from and to")
    named = set() if change.effect is None else set(change.effect.named)
    if silent := sorted(set(territories_named(before, after)) - named):
        raise Refused(f"its rules name territories that the ledger does not: {', '.join(silent[:MOST_NAMED])}")


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
    notes = beams.told((base, new), BEAM_KM)
    base, new = (beams.felt(one, BEAM_KM) for one in (base, new))
    classes = classes_of_both(base, new)
    prepared = prepare(case, base, new, threads=threads, on_progress=on_progress)
    extras = extras or Extras()
    said = (*extras.notes, *notes, *filter(None, [alike(base, new, classes), outside(prepared, classes, at)]))
    found = compare(prepared, classes, at, None, replace(extras, notes=said))
    return found.as_json()


def again(
    case: Case,
    change: Change,
    lasting: Mapping[str, str | None],
    artefacts: Artefacts,
    at: datetime,
    threads: int | None,
) -> dict[str, Any]:
    """The effect of a change of rules on the set in force now. Raises Refused where a document or network differs."""
    now = in_force(lasting, artefacts)
    then = now.with_(documents_of(change.proposed.moves, artefacts))
    found = effect_of_rules(case, now.rules, then.rules, at, threads=threads)
    if change.effect is not None and found["network"] != change.effect.network:
        raise Refused("the scenario is another network than the one whose effect was signed")
    check_sides(found, lasting, change, artefacts)
    return found
