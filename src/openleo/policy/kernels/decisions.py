"""Decisions of many terminals by the rules that speak where each is, in Kleene's values as small numbers.

Kleene's and is the least of two values, and his not is TRUE less the value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]
Values = NDArray[np.uint8]

FALSE, UNKNOWN, TRUE = range(3)
FORBID, SUSPEND, PERMIT = range(3)  # effects of rules
FORBIDDEN, SUSPENDED, NOT_PERMITTED, INDETERMINATE, PERMITTED = range(5)


class Rules(NamedTuple):
    """What rules ask. Of the selectors of a rule the first has to hold, and all others (exceptions) must not.

    Rule r has the selectors `selector[r]` to `selector[r + 1]`; selector s asks the tests
    `test[first_test[s]:first_test[s + 1]]`, all of which have to hold.
    """

    effect: Numbers  # (rule,)
    selector: Ints  # (rule + 1,)
    first_test: Ints  # (selector + 1,)
    test: Numbers
    anywhere: Flags  # (rule,): its traffic may land anywhere
    land: Words  # (rule, word): bits of the territories where it has to land


class Speaking(NamedTuple):
    """Which rules speak of a place: `rule[first[p]:first[p + 1]]`; the k-th such row holds in some kinds of the place.

    Those are `atom[first_atom[k]:first_atom[k + 1]]`, out of `atoms[p]`. Where no place is known all rules speak, and
    there are no atoms.
    """

    first: Ints  # (place + 1,)
    rule: Numbers
    first_atom: Ints  # (row + 1,)
    atom: Numbers
    atoms: Numbers  # (place,)


@njit(cache=True, nogil=True, error_model="numpy")
def decide(
    rules: Rules, speaking: Speaking, in_force: Values, place: Numbers, holds: Values, outcome: Values
) -> None:  # fmt: skip
    """The outcome (kind,) of each kind of terminal.

    in_force (rule,), Kleene's; place (kind,); holds (kind, test), what is known of each kind, Kleene's.
    """
    most = 1
    for one in speaking.atoms:
        most = max(most, one)
    words = rules.land.shape[1]
    granted, anywhere = np.empty(most, np.bool_), np.empty(most, np.bool_)
    either = np.empty((most, words), np.uint64)
    for kind in range(len(place)):
        here = place[kind]
        atoms = speaking.atoms[here]
        granted[:atoms], anywhere[:atoms], either[:atoms] = False, False, 0
        forbidden = suspended = blocked = hoped = False
        for row in range(speaking.first[here], speaking.first[here + 1]):
            rule = speaking.rule[row]
            effect = rules.effect[rule]
            if atoms == 0 and effect != PERMIT:
                continue  # nothing is certain there, but that no permit may hold
            value = _value(rules, rule, in_force, holds[kind])
            if value == FALSE:
                continue
            first, last = speaking.first_atom[row], speaking.first_atom[row + 1]
            if effect == PERMIT:
                hoped = True
                if value == TRUE:
                    for at in speaking.atom[first:last]:
                        granted[at] = True
                        anywhere[at] |= rules.anywhere[rule]
                        either[at] |= rules.land[rule]
                if atoms == 0:
                    break
                continue
            blocked = True
            if value == TRUE and last - first == atoms:
                forbidden |= effect == FORBID
                suspended |= effect == SUSPEND
        if forbidden:
            outcome[kind] = FORBIDDEN
        elif suspended:
            outcome[kind] = SUSPENDED
        elif not hoped:
            outcome[kind] = NOT_PERMITTED
        elif blocked or atoms == 0 or not granted[:atoms].all() or not _lands(anywhere[:atoms], either[:atoms]):
            outcome[kind] = INDETERMINATE
        else:
            outcome[kind] = PERMITTED


@njit(cache=True, nogil=True, error_model="numpy")
def deciding(
    rules: Rules, speaking: Speaking, in_force: Values, place: Numbers, holds: Values, outcome: Values,
    group: Ints, found: Flags,
) -> None:  # fmt: skip
    """Which rules make the outcomes of kinds: as `decide`; group (kind,), found (group, rule) is set where they do."""
    for kind in range(len(place)):
        here = place[kind]
        atoms, told = speaking.atoms[here], outcome[kind]
        blocked, left = False, atoms == 0
        granted = np.zeros(atoms, np.bool_)
        if told == INDETERMINATE:
            for row in range(speaking.first[here], speaking.first[here + 1]):
                value = _value(rules, speaking.rule[row], in_force, holds[kind])
                if rules.effect[speaking.rule[row]] != PERMIT:
                    blocked |= value != FALSE
                elif value == TRUE:
                    for at in speaking.atom[speaking.first_atom[row] : speaking.first_atom[row + 1]]:
                        granted[at] = True
            left |= not granted.all()
        for row in range(speaking.first[here], speaking.first[here + 1]):
            rule = speaking.rule[row]
            effect, value = rules.effect[rule], _value(rules, rule, in_force, holds[kind])
            everywhere = atoms > 0 and speaking.first_atom[row + 1] - speaking.first_atom[row] == atoms
            if told == INDETERMINATE and blocked:
                decides = effect != PERMIT and value != FALSE
            elif told == INDETERMINATE:
                decides = effect == PERMIT and (value == TRUE or (left and value == UNKNOWN))
            elif told == PERMITTED:
                decides = effect == PERMIT and value == TRUE
            else:
                decides = effect == told and value == TRUE and everywhere  # FORBIDDEN by FORBID, SUSPENDED by SUSPEND
            if decides and told != NOT_PERMITTED:
                found[group[kind], rule] = True


@njit(cache=True, nogil=True, error_model="numpy")
def blocked(
    rules: Rules, speaking: Speaking, in_force: Values, place: Numbers, holds: Values, found: Flags
) -> None:  # fmt: skip
    """Whether a forbid or suspend holds or may, of each kind: place, found (kind,); the rest as in `decide`."""
    for kind in range(len(place)):
        for row in range(speaking.first[place[kind]], speaking.first[place[kind] + 1]):
            rule = speaking.rule[row]
            if rules.effect[rule] != PERMIT and _value(rules, rule, in_force, holds[kind]) != FALSE:
                found[kind] = True
                break


@njit(cache=True, nogil=True, error_model="numpy")
def _value(rules: Rules, rule: int, in_force: Values, holds: Values) -> int:
    """What a rule says but for its territory; holds (test,)."""
    answer = in_force[rule]
    for selector in range(rules.selector[rule], rules.selector[rule + 1]):
        if answer == FALSE:
            break
        said = np.uint8(TRUE)
        for row in range(rules.first_test[selector], rules.first_test[selector + 1]):
            said = min(said, holds[rules.test[row]])
        if selector > rules.selector[rule]:
            said = np.uint8(TRUE - said)
        answer = min(answer, said)
    return int(answer)


@njit(cache=True, nogil=True, error_model="numpy")
def _lands(anywhere: Flags, either: Words) -> bool:
    """Whether traffic has where to land, in whichever place the terminal is: anywhere (atom,), either (atom, word)."""
    if anywhere.all():
        return True
    for word in range(either.shape[1]):
        all_ = ~np.uint64(0)
        for atom in range(len(anywhere)):
            if not anywhere[atom]:
                all_ &= either[atom, word]
        if all_:
            return True
    return False
