"""Rules as changes: what books move, where the set in force comes from, and the effect that is frozen and signed.

Joins policy (rule files, books) and effects (networks) to governance, which knows neither: what goes over is documents,
their sha256, and the JSON form of an effect.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785

from openleo.effects import Prepared, alike, classes_of_both, compare, outside, prepare, spills
from openleo.errors import InputError, Problem
from openleo.governance.artefacts import Artefacts
from openleo.governance.moves import NETWORK, Move, book_target
from openleo.governance.state import Change, Refused
from openleo.network_effects import Named, effect_of_networks
from openleo.policy.named import territories_named
from openleo.policy.rule_books import rules_of_books
from openleo.policy.rules import RuleSet, union
from openleo.policy.terminals import Terminals, read_terminals
from openleo.results import OnProgress
from openleo.service import beams
from openleo.service.effect import Effect, Extras
from openleo.service.terminal_effect import Fleet, fleet

Documents = Mapping[str, Mapping[str, Any]]  # books, by name
Counted = tuple[Terminals, str]  # a table of terminals, and its sha256
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
    return Books({name: artefacts.book(name, value) for name, value in named.items() if value is not None})


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
        (name := move.target.removeprefix(BOOK)): None if move.new is None else artefacts.book(name, move.new)
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


def check_networks(
    effect: Mapping[str, Any], lasting: Mapping[str, str | None], change: Change, artefacts: Artefacts
) -> None:
    """The effect is of the networks that the change moves, under the rules that the ledger had settled just before.

    Raises Refused.
    """
    (move,) = change.proposed.moves
    if (effect.get("base"), effect.get("new"), effect["network"]) != (move.base or "", move.new, move.new):
        raise Refused("its effect is of other networks than those that it moves from and to")
    rules = in_force(lasting, artefacts).rules.sha256
    if all(rules not in str(note) for note in effect.get("notes", ())):
        raise Refused(f"its effect is not told under the rules in force, {rules}")


def counted(path: Path, *rule_sets: RuleSet) -> Counted:
    """A table of terminals, of the classes that there are, with its sha256. Raises InputError."""
    classes = tuple(dict.fromkeys(name for one in rule_sets for name in one.classes))
    return read_terminals(path, classes), hashlib.sha256(path.read_bytes()).hexdigest()


def effect_of_rules(
    network: Named,
    base: RuleSet,
    new: RuleSet,
    at: datetime,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    terminals: Counted | None = None,
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """The effect of one rule set in place of another from an instant on, in the form that is frozen.

    It names the whole scenario's network, of which the reach of the first slots was computed. Terminals are counted
    where a table of them is given. `also`: classes to tell of beside those that the rules name.
    """
    return compared(
        network, base, new, at, threads=threads, on_progress=on_progress, terminals=terminals, also=also
    ).effect.as_json()


@dataclass(frozen=True, eq=False)
class Compared:
    """An effect, and what it was computed from, of which more can be asked: what becomes of each cell."""

    effect: Effect
    prepared: Prepared
    classes: tuple[str, ...]
    fleet: Fleet | None = None  # the terminals that were counted


def compared(
    network: Named,
    base: RuleSet,
    new: RuleSet,
    at: datetime,
    *,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    terminals: Counted | None = None,
    also: Sequence[str] = (),
    spilled: bool = False,
) -> Compared:
    """As `effect_of_rules`. `spilled`: told as well whom beams light beyond borders."""
    beam_km = network.case.beam_km
    notes = beams.told((base, new), beam_km)
    base, new = (beams.felt(one, beam_km) for one in (base, new))
    placed = None if terminals is None else fleet(terminals[0], (base, new), terminals[1], on_progress)
    classes = classes_of_both(base, new, (*also, *(placed.classes if placed else ())))
    prepared = prepare(network.case, base, new, threads=threads, on_progress=on_progress)
    said = (*notes, *filter(None, [alike(base, new, classes), outside(prepared, classes, at)]))
    extras = Extras(notes=said)
    if placed:
        extras = replace(extras, terminals=placed.between, terminals_sha256=placed.sha256)
    if spilled and beam_km > 0.0:
        found, apart_km = spills(prepared, classes, at, beam_km)
        extras = replace(extras, spill=found, beam_km=beam_km, points_km=round(apart_km, 1))
    effect = compare(prepared, classes, at, None, extras)
    return Compared(replace(effect, network=network.sha256), prepared, classes, placed)


def again(
    network: Named,
    change: Change,
    lasting: Mapping[str, str | None],
    artefacts: Artefacts,
    at: datetime,
    threads: int | None,
    terminals: Counted | None = None,
) -> dict[str, Any]:
    """The effect of a change of rules on the set in force now. Raises Refused where a document or network differs."""
    now = in_force(lasting, artefacts)
    then = now.with_(documents_of(change.proposed.moves, artefacts))
    if change.effect is not None and network.sha256 != change.effect.network:
        raise Refused("the scenario is another network than the one whose effect was signed")
    found = effect_of_rules(network, now.rules, then.rules, at, threads=threads, terminals=terminals)
    _check_slots(found, change, artefacts)
    check_sides(found, lasting, change, artefacts)
    return found


def check_network(base: Named | None, lasting: Mapping[str, str | None]) -> None:
    """Raises InputError where the old network is not the one in force: who proposes has to know what is changed."""
    held = lasting.get(NETWORK)
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
    lasting: Mapping[str, str | None],
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
    rules = in_force(lasting, artefacts).rules
    found = effect_of_networks(base, new, rules, at, threads=threads).as_json()
    _check_slots(found, change, artefacts)
    return found


def _check_slots(found: Mapping[str, Any], change: Change, artefacts: Artefacts) -> None:
    """Reach is of as many slots as it was when the effect was signed. Raises Refused."""
    if change.effect is None:
        return
    signed = artefacts.get_json(change.effect.effect)
    if found["slots"] != signed["slots"]:
        raise Refused(f"reach is of {found['slots']:,} slots, and of {signed['slots']:,} in what was signed (--slots)")
