"""What a change of rules does, on one network: who gains and who loses service, and which rules do it.

Takes what the network reaches (Reached) and two rule sets; gives Effect. Lost is what was served and is not any more;
what comes to depend on the terminal (its speed, its groups) may be lost, and is told apart. What rules take and what
shared beams take (`displaced_by_capacity`) are never one number; without capacity the latter is null and not zero.
Windows make effects of their own: a permit that expires is a switch-off, so every change ahead has its Edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import rfc8785

from openleo.instants import instant_text
from openleo.policy.rules import RuleSet
from openleo.service.amounts import EffectRow, Spill, TerminalChange
from openleo.service.change import Side, rows_between
from openleo.service.reached import Reached
from openleo.service.windows import changes

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
class NamedRule:
    """A rule that makes a difference, as people are told it."""

    rule: str
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
            "territories": [row.as_json() for row in self.rows],
            "at": None if self.at is None else instant_text(self.at),
            "slots": self.slots,
            "beam_km": self.beam_km,
            "beam_points_km": self.points_km,
            "terminals": self.terminals,
            "edges": [edge.as_json() for edge in self.edges],
            "edges_left_out": self.edges_left_out,
            "rules": [rule.as_json() for rule in self.rules],
            "notes": list(self.notes),
        }


# --- an effect ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Extras:
    """What is found apart from the parts: by (territory, class)."""

    terminals: Mapping[tuple[str, str], TerminalChange] | None = None
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
    rows = [
        _with(row, extras, _has_beam_rule(base, new))
        for row in rows_between(reached, Side(base, at), Side(new, at), classes, order)
    ]
    ahead = changes((base, new), at, until) if at is not None else []
    kept = ahead[:MOST_EDGES]
    edges = [_edge(reached, base, new, one, of, classes, order) for one, of in kept]
    edges = [edge for edge in edges if edge.own or edge.between]
    named = {rule for edge in edges for row in (*edge.own, *edge.between) for rule in row.because}
    named |= {rule for row in rows for rule in row.because}
    return Effect(
        "" if base is None else base.sha256,
        "" if new is None else new.sha256,
        network,
        tuple(rows),
        at,
        reached.statistics.slots,
        tuple(edges),
        len(ahead) - len(kept),
        _named(base, new, named),
        extras.beam_km,
        extras.points_km,
        extras.terminals_sha256,
        extras.notes,
    )


def _edge(
    reached: Reached, base: RuleSet | None, new: RuleSet | None, change: datetime, of: tuple[str, ...],
    classes: Sequence[str], order: Sequence[str],
) -> Edge:  # fmt: skip
    before = change - datetime.resolution
    now = Side(new, change)
    own = rows_between(reached, Side(new, before), now, classes, order) if "new" in of else []
    between = rows_between(reached, Side(base, change), now, classes, order)
    return Edge(change, of, *(tuple(row for row in rows if row.changed) for rows in (own, between)))


def _with(row: EffectRow, extras: Extras, beam_rule: bool) -> EffectRow:
    key = (row.territory, row.class_)
    if extras.spill is not None:
        row = replace(row, spill=extras.spill.get(key, Spill((0, 0), (0, 0))), beam_rule=beam_rule)
    if extras.terminals is not None:
        change = extras.terminals.get(key, TerminalChange(0, 0))
        row = replace(
            row,
            lost=replace(row.lost, terminals=change.lost),
            gained=replace(row.gained, terminals=change.gained),
        )
    return row


def _has_beam_rule(*rule_sets: RuleSet | None) -> bool:
    return any(rule.applies_to == "beam" for rule_set in rule_sets if rule_set for rule in rule_set.rules)


def _named(base: RuleSet | None, new: RuleSet | None, ids: set[str]) -> tuple[NamedRule, ...]:
    found: dict[tuple[Any, ...], list[str]] = {}
    for side, rule_set in (("base", base), ("new", new)):
        for rule in rule_set.rules if rule_set else ():
            if rule.id in ids:
                said = (rule.id, rule.book, rule.effect, rule.authority, rule.reason, rule.legal_reference)
                found.setdefault(said, []).append(side)
    return tuple(
        NamedRule(id_, book, effect_, tuple(sides), authority, reason, legal)
        for (id_, book, effect_, authority, reason, legal), sides in sorted(found.items())
    )
