"""What a change of rules does, on one network: who gains and who loses service, and which rules do it.

Takes what the network reaches (Reached) and two rule sets; gives Effect. Lost is what was served and is not any more;
what comes to depend on the terminal (its speed, its groups) may be lost, and is told apart. What rules take and what
shared beams take (`displaced_by_capacity`) are never one number; without capacity the latter is null and not zero.
Windows make effects of their own: a permit that expires is a switch-off, so every change ahead has its Edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import rfc8785

from openleo.instants import instant_text
from openleo.policy.rules import RuleKey, RuleSet
from openleo.service.amounts import NOTHING, Amount, EffectRow, Spill, TerminalChange
from openleo.service.change import Side, names_of, rows_between
from openleo.service.reached import Reached
from openleo.service.windows import changes

NO_TERMINALS = replace(NOTHING, terminals=0)
MOST_EDGES = 100  # changes of rules ahead; the rest is counted


@dataclass(frozen=True)
class Edge:
    """A change of the rules in force ahead. Rows in which nothing changes are left out."""

    at: datetime
    of: tuple[str, ...]  # "base", "new": whose rules come into force or cease to be
    own: tuple[EffectRow, ...]  # the new rules: just before, and at this instant
    between: tuple[EffectRow, ...]  # at this instant: the old rules, and the new

    def as_json(self) -> dict[str, Any]:
        return {
            "at": instant_text(self.at),
            "of": list(self.of),
            "new_before_and_after": [row.change_json() for row in self.own],
            "base_and_new": [row.change_json() for row in self.between],
        }


@dataclass(frozen=True)
class Elsewhere:
    """Terminals that change outside the area, on a border, in an unknown place, or of a class that was not asked."""

    territory: str
    class_: str
    lost: int
    gained: int

    def as_json(self) -> dict[str, Any]:
        return {"territory": self.territory, "class": self.class_, "lost": self.lost, "gained": self.gained}


@dataclass(frozen=True)
class NamedRule:
    """A rule that makes a difference, as people are told it."""

    rule: str  # as `because` of a row calls it
    book: str
    effect: str
    of: tuple[str, ...]  # "base", "new": where it stands
    authority: str
    reason: str
    legal_reference: str

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "of": list(self.of)}


@dataclass(frozen=True)
class Effect:
    """The change from rule set `base` to `new` on `network`; each is a sha256."""

    base: str
    new: str
    network: str
    rows: tuple[EffectRow, ...]
    at: datetime | None = None
    slots: int = 0  # of the network's reach
    edges: tuple[Edge, ...] = ()
    edges_left_out: int = 0
    rules: tuple[NamedRule, ...] = ()
    beam_km: float | None = None  # how far a beam is felt around the place that it serves
    points_km: float | None = None  # how far apart the places are that this was told of; 0: no border is near
    terminals: str | None = None  # sha256 of their table
    elsewhere: tuple[Elsewhere, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the RFC 8785 form; integers and fixed decimals only, so that it can be recomputed elsewhere."""
        return hashlib.sha256(rfc8785.dumps(self._content())).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, **self._content()}

    def _content(self) -> dict[str, Any]:
        return {
            "base": self.base,
            "new": self.new,
            "network": self.network,
            "territories": [row.as_json() for row in sorted(self.rows, key=lambda row: (row.territory, row.class_))],
            "at": None if self.at is None else instant_text(self.at),
            "slots": self.slots,
            "beam_km": self.beam_km,
            "beam_points_km": self.points_km,
            "terminals": self.terminals,
            "terminals_elsewhere": [one.as_json() for one in self.elsewhere],
            "edges": [edge.as_json() for edge in self.edges],
            "edges_left_out": self.edges_left_out,
            "rules": [rule.as_json() for rule in self.rules],
            "notes": list(self.notes),
        }


# --- an effect ------------------------------------------------------------------------------------------------------


ByTerritory = Mapping[tuple[str, str], TerminalChange]  # by (territory, class)
TerminalsBetween = Callable[[Side, Side], ByTerritory]


@dataclass(frozen=True)
class Extras:
    """What is found apart from the parts. `spill` is by (territory, class)."""

    terminals: TerminalsBetween | None = None
    terminals_sha256: str | None = None
    spill: Mapping[tuple[str, str], Spill] | None = None
    beam_km: float | None = None
    points_km: float | None = None
    notes: tuple[str, ...] = ()


def effect(
    reached: Reached,
    base: RuleSet | None,
    new: RuleSet | None,
    classes: Sequence[str],
    at: datetime | None,
    network: str,
    *,
    order: Sequence[str] = (),
    until: datetime | None = None,
    extras: Extras | None = None,
) -> Effect:
    """The effect of going from `base` to `new` at an instant, and at every change of their windows ahead.

    `network` is the sha256 of what `reached` was computed from. Changes at or after `until` are not looked at.
    """
    extras = extras or Extras()
    compared = _Compared(reached, base, new, classes, order, names_of(base, new), extras.terminals)
    beam_rule = _has_beam_rule(base, new)
    rows, elsewhere = compared.rows(Side(base, at), Side(new, at))
    rows = [_with_beams(row, extras, beam_rule) for row in rows]
    ahead = changes((base, new), at, until) if at is not None else []
    kept = ahead[:MOST_EDGES]
    edges = [edge for edge in (compared.edge(one, of) for one, of in kept) if edge.own or edge.between]
    every = [*rows, *(row for edge in edges for row in (*edge.own, *edge.between))]
    return Effect(
        "" if base is None else base.sha256,
        "" if new is None else new.sha256,
        network,
        tuple(rows),
        at,
        reached.statistics.slots,
        tuple(edges),
        len(ahead) - len(kept),
        named_rules(base, new, {rule for row in every for rule in row.because}),
        extras.beam_km,
        extras.points_km,
        extras.terminals_sha256,
        elsewhere,
        extras.notes,
    )


@dataclass(frozen=True)
class _Compared:
    """What stays the same from edge to edge."""

    reached: Reached
    base: RuleSet | None
    new: RuleSet | None
    classes: Sequence[str]
    order: Sequence[str]
    names: Mapping[RuleKey, str]
    terminals: TerminalsBetween | None

    def rows(self, was: Side, is_: Side) -> tuple[list[EffectRow], tuple[Elsewhere, ...]]:
        """(every territory's rows, terminals that change in none of them)."""
        rows = rows_between(self.reached, was, is_, self.classes, self.order, self.names)
        if self.terminals is None:
            return rows, ()
        counts = dict(self.terminals(was, is_))
        none = TerminalChange(0, 0)
        rows = [_with_terminals(row, counts.pop((row.territory, row.class_), none), self.names) for row in rows]
        return rows, tuple(Elsewhere(*key, counts[key].lost, counts[key].gained) for key in sorted(counts))

    def edge(self, change: datetime, of: tuple[str, ...]) -> Edge:
        """The change of rules at an instant."""
        now = Side(self.new, change)
        own = self.rows(Side(self.new, change - datetime.resolution), now)[0] if "new" in of else []
        between = self.rows(Side(self.base, change), now)[0]
        return Edge(change, of, *(tuple(row for row in rows if row.changed) for rows in (own, between)))


def _with_terminals(row: EffectRow, change: TerminalChange, names: Mapping[RuleKey, str]) -> EffectRow:
    return replace(
        row,
        lost=_counting(row.lost, change.lost),
        gained=_counting(row.gained, change.gained),
        because=tuple(sorted({*row.because, *(names[key] for key in change.because)}))
        if change.because
        else row.because,
    )


def _counting(amount: Amount, terminals: int) -> Amount:
    """An amount with its terminals; most rows of an effect have nothing, and share it."""
    return NO_TERMINALS if amount is NOTHING and not terminals else replace(amount, terminals=terminals)


def _with_beams(row: EffectRow, extras: Extras, beam_rule: bool) -> EffectRow:
    if extras.spill is None:
        return row
    found = extras.spill.get((row.territory, row.class_), Spill((0, 0), (0, 0)))
    return replace(row, spill=found, beam_rule=beam_rule)


def _has_beam_rule(*rule_sets: RuleSet | None) -> bool:
    """Whether rules speak of beams, as they were written or as terminals feel them."""
    own = [rule_set for rule_set in rule_sets if rule_set]
    return any(one.beam_km is not None or any(rule.applies_to == "beam" for rule in one.rules) for one in own)


def named_rules(base: RuleSet | None, new: RuleSet | None, told: set[str]) -> tuple[NamedRule, ...]:
    """The rules with some names, and on which side each stands."""
    names = names_of(base, new)
    found: dict[tuple[Any, ...], list[str]] = {}
    for side, rule_set in (("base", base), ("new", new)):
        for rule in rule_set.rules if rule_set else ():
            if (name := names[rule.key]) in told:
                said = (name, rule.book, rule.effect, rule.authority, rule.reason, rule.legal_reference)
                found.setdefault(said, []).append(side)
    return tuple(
        NamedRule(name, book, effect_, tuple(sides), authority, reason, legal)
        for (name, book, effect_, authority, reason, legal), sides in sorted(found.items())
    )
