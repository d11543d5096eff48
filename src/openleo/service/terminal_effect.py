"""Terminals that lose and gain service by a change of rules, each decided where it is and in the state it is in.

Takes a table of terminals, placed once; gives TerminalChange by territory and class between any two states of rules.
Terminals that no rule tells apart are decided together, so an edge more costs no pass over the table.

A terminal is served or is not, while a network may serve its place for a share of the time. So where rules change the
gateways too, a terminal that stays permitted loses when less than half of its time is left, and gains when its time
more than doubles: as a cell does on the map of an effect.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.policy import bulk
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_kinds import OnProgress, TerminalKinds, kinds, settle
from openleo.policy.terminals import Terminals
from openleo.service.amounts import TerminalChange
from openleo.service.change import Side
from openleo.service.reached import Reached

Ints = NDArray[np.int64]

OUTSIDE, UNREACHED, ONLY_AFTER, ONLY_BEFORE, REACHED, MUCH_LESS, MUCH_MORE = range(7)  # places of terminals
PLACES = 7  # all but OUTSIDE are in the area; the last three are reached on both sides
OUT, NOT_KNOWN = -1, -2  # in the place of a cell's number
REACHED_BEFORE, REACHED_AFTER = (np.isin(range(1, PLACES), unless, invert=True)  # (place − 1,)
                                 for unless in ((UNREACHED, ONLY_AFTER), (UNREACHED, ONLY_BEFORE)))  # fmt: skip
LESS, MORE = (np.arange(1, PLACES) == place for place in (MUCH_LESS, MUCH_MORE))
UNKNOWN_CLASS = "(not known)"
MOST_KEPT = 4  # states of rules: those of both sides, before an edge and after it


@dataclass(frozen=True, eq=False)
class Fleet:
    """Terminals, placed and told apart as some rule sets ask. `sha256` is of their table."""

    kinds: TerminalKinds
    sha256: str
    _decided: OrderedDict[tuple[object, ...], bulk.DecidedTerminals] = field(default_factory=OrderedDict)
    _counts: dict[tuple[Reached, Reached] | None, Ints] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that there are."""
        present = np.unique(self.kinds.class_)
        return tuple(self.kinds.terminals.class_.values[code] for code in present.tolist() if code >= 0)

    def between(
        self, was: Side, is_: Side, networks: tuple[Reached, Reached] | None = None
    ) -> dict[tuple[str, str], TerminalChange]:
        """By (territory, class), where a terminal loses or gains; terminals on a border are of no single territory.

        `networks`: what is reached before and after, of one area; None: everybody.
        """
        both = bulk.Compared(self._side(was), self._side(is_))
        count = self._count(networks)
        served = [(side.of_kind == bulk.PERMITTED)[:, np.newaxis] & reached
                  for side, reached in ((both.before, REACHED_BEFORE), (both.after, REACHED_AFTER))]  # fmt: skip
        inside = count[:, 1:]
        lost, gained = ((inside * (one & (~other | much))).sum(axis=1)
                        for one, other, much in ((*served, LESS), (*served[::-1], MORE)))  # fmt: skip
        apart = [count[:, place] * flags for place in (OUTSIDE, UNREACHED) for flags in (both.lost, both.gained)]
        table = np.stack([self.kinds.tally_of(each) for each in (lost, gained, *apart)], axis=2)
        changed = np.argwhere(table.any(axis=2))
        group = np.full(table.shape[:2], -1, dtype=np.int64)
        group[tuple(changed.T)] = np.arange(len(changed))
        of_kind = np.where(lost + gained > 0, group[self.kinds.label, self.kinds.class_], -1)
        because = both.because(of_kind, len(changed))
        names = (*self.kinds.terminals.class_.values, UNKNOWN_CLASS)
        found = {}
        for (label, class_), rules in zip(changed.tolist(), because, strict=True):
            losing, gaining, *rest = table[label, class_].tolist()
            change = TerminalChange(losing, gaining, tuple(sorted(rules)), (rest[0], rest[1]), (rest[2], rest[3]))
            found[self.kinds.labels[label], names[class_]] = change
        return found

    def told_apart(
        self, was: Side, is_: Side, networks: tuple[Reached, Reached]
    ) -> tuple[bulk.Compared, NDArray[np.uint8]]:
        """(what is decided before and after, the place of each terminal)."""
        place = self._places(networks)
        every = np.full(len(self.kinds.number), REACHED, dtype=np.uint8)
        return bulk.Compared(self._side(was), self._side(is_)), every if place is None else place

    def _count(self, networks: tuple[Reached, Reached] | None) -> Ints:
        """(kind, place): terminals outside the area; and inside, by how they are reached before and after."""
        if networks not in self._counts:
            found = np.zeros((len(self.kinds), PLACES), dtype=np.int64)
            place = None if networks is None else self._places(networks)
            if place is None:
                found[:, REACHED] = self.kinds.count
            else:
                key = self.kinds.number.astype(np.int64) * PLACES + place
                found = np.bincount(key, minlength=found.size).reshape(found.shape)
            self._counts[networks] = found
        return self._counts[networks]

    def _places(self, networks: tuple[Reached, Reached]) -> NDArray[np.uint8] | None:
        """(terminal,): where each is; None where all that are placed are in the area and REACHED."""
        cells = networks[0].parts.cells
        known = self.kinds.settled.known
        if (kept := known.get("cells")) is None or kept[0] is not cells:
            terminals = self.kinds.terminals
            resolution = h3cells.resolution_of(cells)
            cell = h3cells.at_each(terminals.latitude_deg, terminals.longitude_deg, resolution)
            number = np.minimum(np.searchsorted(cells, cell), len(cells) - 1)
            number[cells[number] != cell] = OUT
            number[cell == 0] = NOT_KNOWN
            kept = known["cells"] = cells, number, bool((number != OUT).all())
        _, number, all_inside = kept
        shares = [network.statistics.can_serve for network in networks]
        before, after = (share > 0.0 for share in shares)
        place = UNREACHED + 2 * before + after
        place[before & after & (shares[1] < shares[0] / 2.0)] = MUCH_LESS
        place[before & after & (shares[0] < shares[1] / 2.0)] = MUCH_MORE
        if all_inside and (place == REACHED).all():
            return None
        found: NDArray[np.uint8] = place.astype(np.uint8)[number]
        found[number == OUT] = OUTSIDE
        found[number == NOT_KNOWN] = REACHED  # they are of no territory's row
        return found

    def _side(self, side: Side) -> bulk.DecidedTerminals:
        """What is decided in a state of the rules; the MOST_KEPT used last are kept, of some MB for each million."""
        assert side.rule_set is not None
        if (found := self._decided.pop(side.state, None)) is None:
            among = self.kinds
            found = bulk.decide_all(side.rule_set, among.terminals, among.settled, side.at, among)
        self._decided[side.state] = found
        while len(self._decided) > MOST_KEPT:
            self._decided.popitem(last=False)
        return found


def fleet(terminals: Terminals, rule_sets: Sequence[RuleSet], sha256: str, progress: OnProgress | None = None) -> Fleet:
    """Place terminals by the exact polygons, and tell them apart as the rule sets ask."""
    settled = settle(terminals, [region for one in rule_sets for region in one.regions], progress)
    return Fleet(kinds(terminals, settled, rule_sets), sha256)
