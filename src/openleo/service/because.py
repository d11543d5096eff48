"""Which rules make the difference between two states of rules, kind by kind and class by class.

A rule that says the same on both sides makes none. Where one side withholds more, its forbids and suspends do that the
other has not, or else the permits that only one of them has; where both depend on the terminal, whatever differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.policy.conditions import Selector
from openleo.policy.mask import DEPENDS, EFFECTS, FORBIDDEN, INDETERMINATE, SUSPENDED, Decided
from openleo.policy.rules import Rule, RuleKey

Flags = NDArray[np.bool_]
Ints = NDArray[np.intp]

FORBID, SUSPEND, PERMIT = range(len(EFFECTS))


@dataclass(frozen=True, eq=False)
class Differing:
    """The rules that speak on one side and not, in the same words, on the other; axes (row,).

    `place`: kind × classes + class; `after`: on which side; `refuses`: whether it is one of those by which that side
    withholds more than the other; `both_depend`: whether it depends on the terminal there, before and after; `name`:
    into `names`, which are in order.
    """

    shape: tuple[int, int]  # (kinds, classes)
    place: Ints
    after: Flags
    effect: NDArray[np.uint8]
    refuses: Flags
    both_depend: Flags
    name: Ints
    names: tuple[str, ...]


def differing(before: Decided, after: Decided, names: Mapping[RuleKey, str]) -> Differing:
    """Of the kinds and classes that are not decided alike, or depend on the terminal on both sides."""
    shape = before.may.shape
    asked = (before.may != after.may) | ((before.may == DEPENDS) & (after.may == DEPENDS))
    said: dict[object, int] = {}
    ordered = tuple(sorted(set(names.values())))
    number = {name: place for place, name in enumerate(ordered)}
    sides = [_speaking(side, asked, said, {key: number[name] for key, name in names.items()})
             for side in (before, after)]  # fmt: skip
    most = 2 * max(len(said), 1)
    keys = [side.place * most + side.said for side in sides]
    alone = [~np.isin(keys[0], keys[1]), ~np.isin(keys[1], keys[0])]
    place, effect, decides, name = (
        np.concatenate([getattr(side, what)[mine] for side, mine in zip(sides, alone, strict=True)])
        for what in ("place", "effect", "decides", "name")
    )
    whose = np.repeat([False, True], [int(mine.sum()) for mine in alone])
    first, second = (side.may.ravel()[place] for side in (before, after))
    refuses = decides & np.where(whose, second < first, first < second)
    return Differing((shape[0], shape[1]), place, whose, effect, refuses, first == second, name, ordered)


@dataclass(frozen=True, eq=False)
class _Speaking:
    """The rules of one side that hold or may where it is asked; `said`: what it says, and whether that is sure."""

    place: Ints
    said: Ints
    effect: NDArray[np.uint8]
    decides: Flags
    name: Ints


def _speaking(side: Decided, asked: Flags, said: dict[object, int], number: Mapping[RuleKey, int]) -> _Speaking:
    none = np.empty(0, dtype=np.intp)
    spoken = side.spoken
    if spoken is None:
        return _Speaking(none, none, none.astype(np.uint8), none.astype(bool), none)
    here = np.flatnonzero(np.logical_or.reduce(asked, axis=1)[spoken.kind])
    kinds, rules = spoken.kind[here], spoken.rule[here]
    says: Flags = np.logical_or(spoken.true, spoken.unknown)
    pair, column = np.nonzero(says[rules] & asked[kinds])
    kind, rule = kinds[pair], rules[pair]
    sure = spoken.true[rule, column]
    effect = np.array([EFFECTS.index(one.effect) for one in spoken.rules], dtype=np.uint8)[rule]
    used = np.unique(rule)
    saying, name = np.zeros(len(spoken.rules), np.intp), np.zeros(len(spoken.rules), np.intp)
    for one in used.tolist():
        saying[one] = said.setdefault(_asks(spoken.rules[one]), len(said))
        name[one] = number[spoken.rules[one].key]
    outcome = side.outcome[kind, column]
    decides = np.where(
        sure,
        ((effect == FORBID) & (outcome == FORBIDDEN)) | ((effect == SUSPEND) & (outcome == SUSPENDED)),
        (effect != PERMIT) & (outcome == INDETERMINATE),
    )
    return _Speaking(kind * asked.shape[1] + column, saying[rule] * 2 + sure, effect, decides, name[rule])


def _asks(rule: Rule) -> tuple[Any, ...]:
    return rule.effect, _in_one_order(rule.selector), *map(_in_one_order, rule.exceptions)


def _in_one_order(selector: Selector) -> Selector:
    several = len(selector.conditions) > 1
    return replace(selector, conditions=tuple(sorted(selector.conditions, key=repr))) if several else selector


def in_another_way(rows: Differing) -> tuple[Flags, Flags]:
    """(may somebody lose, may somebody gain), axes (kind, class), where it depends on the terminal on both sides.

    One more permit, or one forbid or suspend less, can only give; one permit less, or one forbid or suspend more, can
    only take.
    """
    gives = (rows.effect == PERMIT) == rows.after
    return _anywhere(rows, rows.both_depend & ~gives), _anywhere(rows, rows.both_depend & gives)


def deciding(rows: Differing) -> Flags:
    """(row,): the rules that make the difference where they speak."""
    refused = _anywhere(rows, rows.refuses).ravel()[rows.place]
    return np.where(rows.both_depend, True, np.where(refused, rows.refuses, rows.effect == PERMIT))


def _anywhere(rows: Differing, chosen: Flags) -> Flags:
    found = np.zeros(rows.shape[0] * rows.shape[1], dtype=bool)
    found[rows.place[chosen]] = True
    return found.reshape(rows.shape)


def named(rows: Differing, chosen: Flags, territory: Ints) -> dict[tuple[int, int], tuple[str, ...]]:
    """By (territory, class), by number: the names of chosen rows; territory (kind,)."""
    classes = rows.shape[1]
    kind, column = np.divmod(rows.place[chosen], classes)
    most = max(len(rows.names), 1)
    keys = np.unique((territory[kind] * classes + column) * most + rows.name[chosen])
    whose, name = np.divmod(keys, most)
    found: dict[tuple[int, int], list[str]] = {}
    for one, number in zip(whose.tolist(), name.tolist(), strict=True):
        found.setdefault(divmod(one, classes), []).append(rows.names[number])
    return {key: tuple(names) for key, names in found.items()}
