"""Two states of rules on what the network reaches, territory by territory: what is lost, what is gained, and by which
rules.

What rules take is told of what is served on both sides; where the rules change the gateways as well, each side has a
network of its own, and what only the one of them serves is lost or gained whatever the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.policy.mask import DEPENDS, NO, YES, Decided, Kinds, decide_kinds
from openleo.policy.rules import RuleKey, RuleSet, rule_names
from openleo.service import because
from openleo.service.amounts import NO_TERMINALS, NOTHING, Amount, EffectRow, EffectTotal, TerminalChange
from openleo.service.pieces import FEWER, KEPT, MORE, Pieces, Sums
from openleo.service.pieces import pieces as pieces_of
from openleo.service.reached import Reached

Flags = NDArray[np.bool_]
LOST, GAINED, MAY_LOSE, MAY_GAIN = WHAT = range(4)
NO_CHANGE = TerminalChange(0, 0)


@dataclass(frozen=True)
class Side:
    """A rule set at an instant; None: without rules, nothing is withheld."""

    rule_set: RuleSet | None
    at: datetime | None

    @property
    def state(self) -> tuple[object, ...]:
        """The rules, and which of their windows hold: sides of one state decide alike."""
        if self.rule_set is None or self.at is None:
            return self.rule_set and self.rule_set.sha256, self.at
        windows = dict.fromkeys(rule.window for rule in self.rule_set.rules)
        return self.rule_set.sha256, *(window.holds(self.at) for window in windows)

    def decided(self, kinds: Kinds, classes: Sequence[str]) -> Decided:
        return decide_kinds(self.rule_set, kinds, classes, self.at)


def names_of(*rule_sets: RuleSet | None) -> dict[RuleKey, str]:
    """What the rules of some sets are called where they are spoken of together."""
    return rule_names(rule for rule_set in rule_sets if rule_set for rule in rule_set.rules)


@dataclass(frozen=True)
class Told:
    """How rows are told: their order (territories named come first), what rules are called, terminals that change."""

    order: Sequence[str] = ()
    names: Mapping[RuleKey, str] | None = None  # None: as those of both sides together are called
    terminals: Mapping[tuple[str, str], TerminalChange] | None = None  # by (territory, class)
    of_gateways: tuple[str, ...] = ()  # rules that withhold gateways on one side alone


@dataclass(frozen=True)
class Between:
    """A row for every territory and class, those that nothing happens to included; and a total for every class."""

    rows: tuple[EffectRow, ...]
    totals: tuple[EffectTotal, ...]


def between(
    networks: tuple[Reached, Reached], was: Side, is_: Side, classes: Sequence[str], told: Told | None = None
) -> Between:
    """What becomes of service where one state of rules takes the place of another, each on its own network."""
    told = told or Told()
    reached = networks[0]
    names = names_of(was.rule_set, is_.rule_set) if told.names is None else told.names
    before, after = was.decided(reached.kinds, classes), is_.decided(reached.kinds, classes)
    differing = because.differing(before, after, names)
    pieces = pieces_of(*networks)
    flags = _flags(before, after, because.in_another_way(differing), pieces)
    sums = tuple(pieces.sums(one) for one in flags)
    reasons = _reasons(differing, pieces, np.logical_or.reduce(flags), told.of_gateways, (before, after))
    medians = tuple(network.medians(one.may == YES) for network, one in zip(networks, (before, after), strict=True))
    rows = _rows(reached.territories, classes, told, [_amounts(one) for one in sums], medians, reasons)
    return Between(rows, _totals(rows, classes, sums))


def _flags(before: Decided, after: Decided, another_way: tuple[Flags, Flags], pieces: Pieces) -> list[Flags]:
    """(piece, class), for each of WHAT.

    What only one network serves is lost or gained by whoever is permitted there; of whom that depends on, perhaps.
    """
    b, a = before.may, after.may
    takes, gives = another_way
    nowhere = np.zeros(b.shape, dtype=bool)
    of_layer = {
        LOST: {KEPT: (b == YES) & (a == NO), FEWER: b == YES, MORE: nowhere},
        GAINED: {KEPT: (b == NO) & (a == YES), FEWER: nowhere, MORE: a == YES},
        MAY_LOSE: {
            KEPT: ((b == YES) & (a == DEPENDS)) | ((b == DEPENDS) & (a == NO)) | takes,
            FEWER: b == DEPENDS,
            MORE: nowhere,
        },
        MAY_GAIN: {
            KEPT: ((b == DEPENDS) & (a == YES)) | ((b == NO) & (a == DEPENDS)) | gives,
            FEWER: nowhere,
            MORE: a == DEPENDS,
        },
    }
    return [
        np.stack([of_layer[what][layer] for layer in (KEPT, FEWER, MORE)])[pieces.layer, pieces.kind] for what in WHAT
    ]


Reasons = Mapping[tuple[int, int], tuple[str, ...]]  # by (territory, class), by number


def _reasons(
    differing: because.Differing, pieces: Pieces, changed: Flags, of_gateways: tuple[str, ...],
    sides: tuple[Decided, Decided],
) -> Reasons:  # fmt: skip
    """The rules by territory and class; `changed` (piece, class).

    What one network alone serves has both reasons where rules on terminals would take it, or give it, as well.
    """
    touched = np.zeros(differing.shape, dtype=bool)
    kept = pieces.layer == KEPT
    before, after = (side.may[pieces.kind] for side in sides)
    ways = [np.ones(before.shape, dtype=bool), after < before, after > before]  # of KEPT, FEWER and MORE
    as_well = np.choose(pieces.layer[:, np.newaxis], ways)
    np.logical_or.at(touched, pieces.kind, changed & as_well)
    territory = np.zeros(len(touched), dtype=np.intp)
    territory[pieces.kind] = pieces.territory
    chosen = because.deciding(differing) & touched.ravel()[differing.place]
    found = because.named(differing, chosen, territory)
    for piece, column in np.argwhere(changed & ~kept[:, np.newaxis]).tolist():
        key = int(pieces.territory[piece]), column
        found[key] = tuple(sorted({*found.get(key, ()), *of_gateways}))
    return found


# --- rows ---------------------------------------------------------------------------------------------------------


Amounts = Mapping[tuple[int, int], Amount]


def _amounts(sums: Sums) -> Amounts:
    """By (territory, class), by number, where anything is flagged."""
    where = sums.touched
    at = np.argwhere(where).tolist()
    area_km2 = sums.area_km2[where].round(3).tolist()
    people = sums.people[where].round().astype(np.int64).tolist()
    cells = sums.cells[where].tolist()
    return {
        (territory, column): Amount(*figures)
        for (territory, column), *figures in zip(at, cells, area_km2, people, strict=True)
    }


def _rows(
    territories: Sequence[str], classes: Sequence[str], told: Told, amounts: Sequence[Amounts],
    medians: Sequence[Sequence[Sequence[float | None]]], reasons: Reasons,
) -> tuple[EffectRow, ...]:  # fmt: skip
    rank = {id_: place for place, id_ in enumerate(told.order)}
    numbered = sorted(enumerate(territories), key=lambda one: (rank.get(one[1], len(rank)), one[1]))
    counts = told.terminals
    names = told.names or {}
    nothing = NOTHING if counts is None else NO_TERMINALS
    lost, gained, may_lose, may_gain = amounts
    rows = []
    for number, territory in numbered:
        for column, class_ in enumerate(classes):
            key = number, column
            losing, gaining, by = lost.get(key, nothing), gained.get(key, nothing), reasons.get(key, ())
            if counts is not None:
                change = counts.get((territory, class_), NO_CHANGE)
                losing, gaining = losing.counting(change.lost), gaining.counting(change.gained)
                by = tuple(sorted({*by, *(names[rule] for rule in change.because)})) if change.because else by
            rows.append(
                EffectRow(
                    territory, class_, losing, gaining, (medians[0][number][column], medians[1][number][column]), by,
                    may_lose.get(key, NOTHING), may_gain.get(key, NOTHING),
                )
            )  # fmt: skip
    return tuple(rows)


def _totals(rows: Sequence[EffectRow], classes: Sequence[str], sums: Sequence[Sums]) -> tuple[EffectTotal, ...]:
    """Of rows as they are told; cells of several territories count once."""
    by_class: dict[str, list[EffectRow]] = {class_: [] for class_ in classes}
    for row in rows:
        if row.changed:
            by_class[row.class_].append(row)
    found = []
    for column, class_ in enumerate(classes):
        mine = by_class[class_]
        lost, gained, may_lose, may_gain = (
            _total([getattr(row, what) for row in mine], int(one.cells_in_all[column]))
            for what, one in zip(TOLD, sums, strict=True)
        )
        found.append(EffectTotal(class_, lost, gained, may_lose, may_gain))
    return tuple(found)


TOLD = ("lost", "gained", "may_lose", "may_gain")  # as WHAT has them


def _total(amounts: Sequence[Amount], cells: int) -> Amount:
    terminals = [one.terminals for one in amounts if one.terminals is not None]
    area_km2 = round(sum(one.area_km2 for one in amounts), 3)
    return Amount(cells, area_km2, sum(one.people for one in amounts), sum(terminals) if terminals else None)
