"""What a change of rules does, on one network: who gains and who loses service, and which rules do it.

Takes what the network reaches (Reached) and two rule sets; gives Effect. Lost is what was served and is not any more;
what comes to depend on the terminal (its speed, its groups) may be lost, and is told apart. What rules take and what
shared beams take (`displaced_by_capacity`) are never one number; without capacity the latter is null and not zero.
Windows make effects of their own: a permit that expires is a switch-off, so every change ahead has its Edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import rfc8785

from openleo.instants import instant_text
from openleo.policy.rules import RuleKey, RuleSet
from openleo.service import displaced
from openleo.service.amounts import EffectRow, EffectTotal, Spill, TerminalChange
from openleo.service.change import Between, Side, Told, between, names_of
from openleo.service.displaced import BothRates
from openleo.service.networks import Networks
from openleo.service.reached import Reached
from openleo.service.windows import changes, go_on, weekly_again

MOST_EDGES = 100  # changes of rules ahead; the rest is counted


@dataclass(frozen=True)
class Elsewhere:
    """Terminals that change outside the area, on a border, in an unknown place, or of a class that was not asked.

    Or that stand where no network reaches them (`reached` False), and so lose and gain a permission alone.
    """

    territory: str
    class_: str
    lost: int
    gained: int
    reached: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "territory": self.territory,
            "class": self.class_,
            "lost": self.lost,
            "gained": self.gained,
            "reached": self.reached,
        }


@dataclass(frozen=True)
class Changed:
    """What one state of rules in place of another changes. Rows in which nothing changes are left out."""

    rows: tuple[EffectRow, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()  # terminals of no row

    def __bool__(self) -> bool:
        return bool(self.rows or self.elsewhere)

    def alike(self, other: Changed) -> bool:
        """Whether the same comes of it, by whichever rules."""
        unnamed = [[replace(row, because=()) for row in one.rows] for one in (self, other)]
        return unnamed[0] == unnamed[1] and self.elsewhere == other.elsewhere


@dataclass(frozen=True)
class Edge:
    """A change of the rules in force ahead."""

    at: datetime
    of: tuple[str, ...]  # "base", "new": whose rules come into force or cease to be
    own: Changed  # the new rules: just before, and at this instant; empty where the old ones do the same
    between: Changed  # at this instant: the old rules, and the new
    weekly: bool = False  # the new rules' hours of a week, that came before and come back

    def as_json(self) -> dict[str, Any]:
        both = {"new_before_and_after": self.own, "base_and_new": self.between}
        return {
            "at": instant_text(self.at),
            "of": list(self.of),
            "weekly": self.weekly,
            **{name: [row.change_json() for row in one.rows] for name, one in both.items()},
            "terminals_elsewhere": {name: [each.as_json() for each in one.elsewhere] for name, one in both.items()},
        }


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
    applies_to: str = "terminal"

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "of": list(self.of)}


@dataclass(frozen=True)
class Shared:
    """Over how many slots beams were shared out, and in how many of them it was found what users measure."""

    slots: int
    rate_slots: int

    def as_json(self) -> dict[str, Any]:
        return {"slots": self.slots, "rate_slots": self.rate_slots}


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
    totals: tuple[EffectTotal, ...] = ()  # a class each; a cell counts once, however many territories share it
    edges_untold: tuple[datetime, ...] = ()  # each would be one more network than may be computed
    edges_go_on: bool = False  # weekly periods have edges like those told beyond what was looked at
    people: Mapping[str, int] = field(default_factory=dict)  # whom the network can serve, by territory
    edges_alike: tuple[datetime, ...] = ()  # at which both rule sets change by themselves, and alike
    ends_alike: tuple[
        tuple[datetime, str], ...
    ] = ()  # (when, territory) that loses service by that; hours of a week not
    shared: Shared | None = None  # None: everybody alone on the network

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
            "people": dict(sorted(self.people.items())),
            "totals": [one.as_json() for one in sorted(self.totals, key=lambda one: one.class_)],
            "at": None if self.at is None else instant_text(self.at),
            "slots": self.slots,
            "capacity": None if self.shared is None else self.shared.as_json(),
            "beam_km": self.beam_km,
            "beam_points_km": self.points_km,
            "terminals": self.terminals,
            "terminals_elsewhere": [one.as_json() for one in self.elsewhere],
            "edges": [edge.as_json() for edge in self.edges],
            "edges_left_out": self.edges_left_out,
            "edges_untold": [instant_text(instant) for instant in self.edges_untold],
            "edges_go_on": self.edges_go_on,
            "edges_alike": [instant_text(instant) for instant in self.edges_alike],
            "ends_alike": [{"at": instant_text(at), "territory": territory} for at, territory in self.ends_alike],
            "rules": [rule.as_json() for rule in self.rules],
            "notes": list(self.notes),
        }


# --- an effect ------------------------------------------------------------------------------------------------------


ByTerritory = Mapping[tuple[str, str], TerminalChange]  # by (territory, class)
TerminalsBetween = Callable[[Side, Side, tuple[Reached, Reached]], ByTerritory]


@dataclass(frozen=True)
class Extras:
    """What is found apart from the parts. `spill` is by (territory, class)."""

    terminals: TerminalsBetween | None = None
    terminals_sha256: str | None = None
    spill: Mapping[tuple[str, str], Spill] | None = None
    beam_km: float | None = None
    points_km: float | None = None
    notes: tuple[str, ...] = ()
    rates: BothRates | None = None  # on shared beams, at the instant; None: everybody alone on the network


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
    networks: Networks | None = None,
) -> Effect:
    """The effect of going from `base` to `new` at an instant, and at every change of their windows ahead.

    `network` is the sha256 of what `reached` was computed from; where rules on gateways make another of it, `networks`
    knows that: both sides at `at`, and so many more ahead. Changes at or after `until` are not looked at.
    """
    extras = extras or Extras()
    compared = _Compared(reached, base, new, classes, order, names_of(base, new), extras.terminals, networks)
    if (first := compared.sides(Side(base, at), Side(new, at))) is None:
        raise ValueError("the networks of both rule sets at the instant are more than may be computed")
    now, elsewhere = first
    told = _changed(now, elsewhere)  # of shared beams nothing is told ahead
    if extras.rates:
        now = compared.with_beams(now, Side(base, at), Side(new, at), extras.rates)
    ahead = [] if at is None or _one_set(base, new) else changes((base, new), at, until)
    edges, untold, alike = compared.edges(ahead[:MOST_EDGES], told)
    every = [*now.rows, *(row for edge in edges for one in (edge.own, edge.between) for row in one.rows)]
    beam_rule = _has_beam_rule(base, new)
    return Effect(
        "" if base is None else base.sha256,
        "" if new is None else new.sha256,
        network,
        tuple(_with_beams(row, extras, beam_rule) for row in now.rows),
        at,
        reached.statistics.slots,
        edges,
        len(ahead[MOST_EDGES:]),
        named_rules(base, new, {rule for row in every for rule in row.because}),
        extras.beam_km,
        extras.points_km,
        extras.terminals_sha256,
        elsewhere,
        (*extras.notes, *([displaced.OF_AREA] if extras.rates else [])),
        now.totals,
        untold,
        go_on((base, new), [edge.at for edge in edges], {instant for instant, _ in ahead}, until),
        reached.people_of_territories,
        alike,
        tuple(compared.ends(alike)),
        None if extras.rates is None else shared_of(extras.rates),
    )


def shared_of(rates: BothRates) -> Shared:
    """Over how many slots both sides were computed."""
    tally = rates[0].tally
    return Shared(tally.slots, tally.pressed_slots)


def _one_set(base: RuleSet | None, new: RuleSet | None) -> bool:
    """Whether both are the same rules, between which no time makes a difference."""
    return (base and base.sha256) == (new and new.sha256)


@dataclass(frozen=True)
class _Compared:
    """What stays the same from edge to edge, and what is known already of states of the rules."""

    reached: Reached
    base: RuleSet | None
    new: RuleSet | None
    classes: Sequence[str]
    order: Sequence[str]
    names: Mapping[RuleKey, str]
    terminals: TerminalsBetween | None
    networks: Networks | None
    known: dict[tuple[object, object], Changed | None] = field(default_factory=dict)

    def sides(self, was: Side, is_: Side) -> tuple[Between, tuple[Elsewhere, ...]] | None:
        """(what changes by territory and class, terminals that change in none of these); None: a network too many."""
        both = [self.networks.of(side) if self.networks else self.reached for side in (was, is_)]
        if both[0] is None or both[1] is None:
            return None
        counts = self.terminals(was, is_, (both[0], both[1])) if self.terminals else None
        of_gateways = self.networks.because(was, is_, self.names) if self.networks else ()
        told = Told(self.order, self.names, counts, of_gateways)
        found = between((both[0], both[1]), was, is_, self.classes, told)
        return found, self._elsewhere(counts or {})

    def with_beams(self, found: Between, was: Side, is_: Side, rates: BothRates) -> Between:
        """What `sides` found, with what shared beams do."""
        before, after = (self.networks.of(side) if self.networks else self.reached for side in (was, is_))
        assert before is not None
        assert after is not None
        return displaced.with_beams(found, (before, after), was, is_, rates)

    def _elsewhere(self, counts: ByTerritory) -> tuple[Elsewhere, ...]:
        """The terminals that rows do not count."""
        found = []
        territories, classes = set(self.reached.territories), set(self.classes)
        for key in sorted(counts):
            one = counts[key]
            lost, gained = one.outside
            if key[0] not in territories or key[1] not in classes:
                lost, gained = lost + one.lost, gained + one.gained
            found += [Elsewhere(*key, lost, gained)] if lost or gained else []
            found += [Elsewhere(*key, *one.unreached, reached=False)] if any(one.unreached) else []
        return tuple(found)

    def changed(self, was: Side, is_: Side) -> Changed | None:
        """As `sides`, of what changes alone; weekly periods come back to states that were there before."""
        key = was.state, is_.state
        if key not in self.known:
            sides = self.sides(was, is_)
            self.known[key] = None if sides is None else _changed(*sides)
        return self.known[key]

    def edges(
        self, ahead: Sequence[tuple[datetime, tuple[str, ...]]], told: Changed
    ) -> tuple[tuple[Edge, ...], tuple[datetime, ...], tuple[datetime, ...]]:
        """(the changes ahead of which anything comes, those that are not computed, those that both sides make alike).

        `told`: the old rules and the new before them.
        """
        found, untold, alike = [], [], []
        for instant, of in ahead:
            if (edge := self.edge(instant, of)) is None:
                untold.append(instant)
                continue
            if len(of) > 1 and not edge.own and self.changed(*_around(self.new, instant)):
                alike.append(instant)
            if edge.own or not edge.between.alike(told):
                found.append(edge)
            told = edge.between
        return tuple(found), tuple(untold), tuple(alike)

    def ends(self, alike: Iterable[datetime]) -> Iterator[tuple[datetime, str]]:
        """(when, territory) that the new rules take service from at instants at which the old ones do so too."""
        for instant in alike:
            changed = None if weekly_again(self.new, instant) else self.changed(*_around(self.new, instant))
            rows = changed.rows if changed is not None else ()
            for territory in sorted({row.territory for row in rows if row.lost}):
                yield instant, territory

    def edge(self, change: datetime, of: tuple[str, ...]) -> Edge | None:
        """The change of rules at an instant. What both sides' own changes do alike is no difference between them."""
        own, theirs = (
            self.changed(*_around(rules, change)) if name in of else Changed()
            for name, rules in (("new", self.new), ("base", self.base))
        )
        between = self.changed(Side(self.base, change), Side(self.new, change))
        if own is None or theirs is None or between is None:
            return None
        return Edge(change, of, Changed() if own.alike(theirs) else own, between, weekly_again(self.new, change))


def _around(rules: RuleSet | None, change: datetime) -> tuple[Side, Side]:
    """A rule set just before an instant, and at it."""
    return Side(rules, change - datetime.resolution), Side(rules, change)


def _changed(found: Between, elsewhere: tuple[Elsewhere, ...]) -> Changed:
    return Changed(tuple(row for row in found.rows if row.changed), elsewhere)


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
    found: dict[tuple[Any, ...], dict[str, None]] = {}  # the sides in their order, each once
    for side, rule_set in (("base", base), ("new", new)):
        for rule in rule_set.rules if rule_set else ():
            if (name := names[rule.key]) in told:
                said = (
                    name, rule.book, rule.effect, rule.authority, rule.reason, rule.legal_reference, rule.applies_to
                )  # fmt: skip
                found.setdefault(said, {})[side] = None
    return tuple(
        NamedRule(name, book, effect_, tuple(sides), *rest)
        for (name, book, effect_, *rest), sides in sorted(found.items())
    )
