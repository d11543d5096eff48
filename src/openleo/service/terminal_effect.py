"""Terminals that lose and gain service by a change of rules, each decided where it is and in the state it is in.

Takes a table of terminals, placed once; gives TerminalChange by territory and class between any two states of rules.
Terminals that no rule tells apart are decided together, so an edge more costs no pass over the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from openleo.policy import bulk
from openleo.policy.rules import RuleKey, RuleSet
from openleo.policy.terminals import Terminals
from openleo.service.amounts import TerminalChange
from openleo.service.change import Side

SAME, LOST, GAINED, CHANGES = range(4)
UNKNOWN_CLASS = "(not known)"


@dataclass(frozen=True, eq=False)
class Fleet:
    """Terminals, placed and told apart as some rule sets ask. `sha256` is of their table."""

    kinds: bulk.Kinds
    sha256: str
    _decided: dict[tuple[str, datetime | None], bulk.Decided] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that there are."""
        present = np.unique(self.kinds.class_)
        return tuple(self.kinds.terminals.class_.values[code] for code in present.tolist() if code >= 0)

    def between(self, was: Side, is_: Side) -> dict[tuple[str, str], TerminalChange]:
        """By (territory, class), where a terminal loses or gains; terminals on a border are of no single territory."""
        both = bulk.Compared(self._side(was), self._side(is_))
        code = np.where(both.lost, LOST, np.where(both.gained, GAINED, SAME))
        table = self.kinds.tally(code, CHANGES)
        names = (*self.kinds.terminals.class_.values, UNKNOWN_CLASS)
        because: dict[tuple[str, str], set[RuleKey]] = {}
        for kind in np.flatnonzero(code != SAME).tolist():
            key = (self.kinds.labels[self.kinds.label[kind]], names[self.kinds.class_[kind]])
            because.setdefault(key, set()).update(rule.key for rule in both.rules(kind))
        found = {}
        for label, class_ in np.argwhere(table[:, :, LOST:].any(axis=2)).tolist():
            key = (self.kinds.labels[label], names[class_])
            _, lost, gained = table[label, class_].tolist()
            found[key] = TerminalChange(lost, gained, tuple(sorted(because[key])))
        return found

    def _side(self, side: Side) -> bulk.Decided:
        assert side.rule_set is not None
        key = (side.rule_set.sha256, side.at)
        if key not in self._decided:
            kinds = self.kinds
            self._decided[key] = bulk.decide_all(side.rule_set, kinds.terminals, kinds.settled, side.at, kinds)
        return self._decided[key]


def fleet(
    terminals: Terminals, rule_sets: Sequence[RuleSet], sha256: str, progress: bulk.OnProgress | None = None
) -> Fleet:
    """Place terminals by the exact polygons, and tell them apart as the rule sets ask."""
    settled = bulk.settle(terminals, [region for one in rule_sets for region in one.regions], progress)
    return Fleet(bulk.kinds(terminals, settled, rule_sets), sha256)
