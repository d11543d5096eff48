"""Shadow mode: a rule set evaluated beside the one in force, and the differences counted.

Takes requests one by one (Shadow), which gives the decision of the rules in force, always and alone; or a table of
terminals (`beside`). What the other rules would have decided is counted by territory and class, and each difference is
kept once, with its first example; it never reaches whoever asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from openleo.policy import bulk
from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Because, Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import RuleKey, RuleSet, union
from openleo.policy.terminal_kinds import OnProgress, settle
from openleo.policy.terminals import Terminals

UNKNOWN_PLACE = ""  # the territory of a request without a position, and the class where none is said
KINDS_AT_ONCE = 4096

Pair = tuple[Outcome, Outcome]  # (in force, beside)


class Change(StrEnum):
    """How two decisions differ."""

    LOST = "permitted_to_refused"
    GAINED = "refused_to_permitted"
    REFUSED_OTHERWISE = "refused_otherwise"  # another refusal, or the same by other rules


@dataclass(frozen=True)
class Said:
    """What one of the rule sets says, without times."""

    outcome: Outcome
    because: tuple[Because, ...]
    missing: tuple[str, ...]


@dataclass
class Difference:
    """Two decisions that differ, however often they were met, and where they were met first."""

    territory: str  # labels that it may come from, separated by a space
    class_: str
    in_force: Said
    beside: Said
    number: int  # of the first request or terminal, in the order they came, from 0
    terminal: str | None
    count: int

    @property
    def permits(self) -> bool:
        """Whether one of the two permits."""
        return Outcome.PERMITTED in (self.in_force.outcome, self.beside.outcome)


@dataclass
class Tally:
    """What has been counted of two rule sets."""

    outcomes: Counter[Pair] = field(default_factory=Counter)  # of all
    changes: Counter[tuple[str, str, Change]] = field(default_factory=Counter)  # by (territory, class, change)
    other_permits: int = 0  # permitted by both, by other rules
    met: dict[object, Difference] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        return self.outcomes.total()

    @property
    def different(self) -> int:
        """How many would have been decided otherwise, or refused for another reason."""
        return self.changes.total()

    def of(self, change: Change) -> int:
        """How many differ in one way."""
        return sum(count for (_, _, one), count in self.changes.items() if one is change)

    @property
    def differences(self) -> list[Difference]:
        """Each once: first what changes who is permitted, the most frequent first, then in the order they came."""
        return sorted(self.met.values(), key=lambda one: (not one.permits, -one.count, one.number))


def change(in_force: Outcome, beside: Outcome, *, same_rules: bool) -> Change | None:
    """How two decisions differ, if they do."""
    if in_force is beside is Outcome.PERMITTED or (in_force is beside and same_rules):
        return None
    if Outcome.PERMITTED not in (in_force, beside):
        return Change.REFUSED_OTHERWISE
    return Change.LOST if in_force is Outcome.PERMITTED else Change.GAINED


# --- one by one ---------------------------------------------------------------------------------------------------


@dataclass
class Shadow:
    """Two rule sets and what has been counted; one thread at a time asks."""

    in_force: RuleSet
    beside: RuleSet
    tally: Tally = field(default_factory=Tally)

    def answer(self, request: Request) -> Decision:
        """The decision of the rules in force, as `answer.answer` gives it."""
        self.count(request)
        return answer(self.in_force, request)

    def count(self, request: Request) -> None:
        """Decide by both sets, for the counts alone: that is quicker, as no refusal says how far it goes."""
        where = where_of(self._both, request)
        decision, other = (decide(rule_set, request, where) for rule_set in (self.in_force, self.beside))
        number, tally = self.tally.asked, self.tally
        tally.outcomes[decision.outcome, other.outcome] += 1
        same_rules = decision.because == other.because
        how = change(decision.outcome, other.outcome, same_rules=same_rules)
        if how is None:
            tally.other_permits += not same_rules
            return
        territory, class_ = UNKNOWN_PLACE if where is None else " ".join(where.labels), request.class_ or ""
        tally.changes[territory, class_, how] += 1
        key = (territory, class_, decision.outcome, decision.because, other.outcome, other.because)
        if key in tally.met:
            tally.met[key].count += 1
            return
        said = [Said(one.outcome, one.because, one.missing) for one in (self._named(decision), self._named(other))]
        tally.met[key] = Difference(territory, class_, said[0], said[1], number, request.terminal, 1)

    def _named(self, decision: Decision) -> Decision:
        return decision.naming(self._both.names)

    @cached_property
    def _both(self) -> RuleSet:
        """The rules of both, to find once what a position touches: more regions tell places apart more finely."""
        return union((*self.in_force.rules, *self.beside.rules))


# --- a table ------------------------------------------------------------------------------------------------------


def beside(
    in_force: RuleSet, other: RuleSet, terminals: Terminals, at: datetime | None, progress: OnProgress | None = None
) -> Tally:
    """The differences over a table of terminals, decided in one pass: what Shadow counts of their requests."""
    settled = settle(terminals, dict.fromkeys((*in_force.regions, *other.regions)), progress)
    both = bulk.compare(in_force, other, terminals, settled, at)
    kinds = both.kinds
    places = ["" if where is None else " ".join(where.labels) for where in settled.wheres]
    classes = (*terminals.class_.values, "")
    names = union((*in_force.rules, *other.rules)).names
    tally = Tally()
    rows = zip(
        both.before.of_kind.tolist(), both.after.of_kind.tolist(), *(one.tolist() for one in _grounds(both)),
        kinds.place.tolist(), kinds.class_.tolist(), kinds.count.tolist(), kinds.row.tolist(), strict=True,
    )  # fmt: skip
    for kind, (was, is_, rules, others, place, class_, count, row) in enumerate(rows):
        pair = bulk.OUTCOMES[was], bulk.OUTCOMES[is_]
        tally.outcomes[pair] += count
        how = change(*pair, same_rules=rules == others)
        if how is None:
            tally.other_permits += count if rules != others else 0
            continue
        tally.changes[places[place], classes[class_], how] += count
        key = (places[place], classes[class_], was, rules, is_, others)
        if key in tally.met:
            tally.met[key].count += count
            continue
        said = [_said(one, kind, names) for one in (both.before, both.after)]
        terminal = terminals.id[row].as_py()
        tally.met[key] = Difference(places[place], classes[class_], said[0], said[1], row, terminal, count)
    return tally


def _said(side: bulk.DecidedTerminals, kind: int, names: dict[RuleKey, str]) -> Said:
    verdict = side.verdict(kind)
    named = Decision(verdict.outcome, verdict.because).naming(names)
    return Said(verdict.outcome, named.because, verdict.missing)


def _grounds(both: bulk.Compared) -> NDArray[np.int64]:
    """(side, kind): a number for the rules that decide, the same for the same rules."""
    sides = (both.before, both.after)
    known: dict[object, int] = {}
    column = [
        np.array(
            [known.setdefault((rule.key, rule.authority, rule.reason), len(known)) for rule in side.rules.each], int
        )
        for side in sides
    ]
    number: dict[bytes, int] = {}
    found = np.empty((2, len(both.kinds)), dtype=np.int64)
    for first in range(0, len(both.kinds), KINDS_AT_ONCE):
        kinds = np.arange(first, min(first + KINDS_AT_ONCE, len(both.kinds)))
        for which, side in enumerate(sides):
            deciding = np.zeros((len(kinds), len(known)), dtype=bool)
            deciding[:, column[which]] = side.deciding(kinds, kinds - first, len(kinds))
            packed = np.packbits(deciding, axis=1)
            found[which, kinds] = [number.setdefault(row.tobytes(), len(number)) for row in packed]
    return found
