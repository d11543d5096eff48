"""Terminals into kinds: a number for all that rules ask of each, and how many share it."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def number(
    order: Ints, first: Ints, offset: Ints, category: Ints, of_group: Numbers, asked_first: Ints, asked: Ints,
    bound_first: Ints, bound: Floats, value: Floats, out: Ints,
) -> None:  # fmt: skip
    """Number each terminal within its place by its category and the intervals that its numbers fall in.

    order (row,): terminals, place by place; place p has rows `first[p]` to `first[p + 1]`, and its numbers begin at
    `offset[p]`; −1 leaves the place out. of_group (row,): the group of each row; category (group,): what it is of all
    that is no number. Place p asks for the inputs `asked[asked_first[p]:asked_first[p + 1]]`; the a-th has the bounds
    `bound[bound_first[a]:bound_first[a + 1]]`, ascending. value (input, terminal), NaN unknown. out (row,) is filled:
    unknown is interval 0, and interval i + 1 has i bounds below the value, so a bound belongs to what lies under it.
    """
    for place in range(len(first) - 1):
        if offset[place] < 0:
            continue
        for row in range(first[place], first[place + 1]):
            terminal = order[row]
            key = category[of_group[row]]
            for a in range(asked_first[place], asked_first[place + 1]):
                start, end = bound_first[a], bound_first[a + 1]
                x = value[asked[a], terminal]
                interval = 0
                if x == x:
                    interval = 1
                    while interval <= end - start and bound[start + interval - 1] < x:
                        interval += 1
                key = key * (end - start + 2) + interval
            out[row] = offset[place] + key


@njit(cache=True, nogil=True, error_model="numpy")
def gather(order: Ints, key: Ints, kind: Numbers, row: Ints, count: Ints, number: Numbers) -> int:
    """Kinds of the keys that occur, numbered as they are met; how many there are.

    key (row,) into kind (key,), all −1 before; row (kind,): the first terminal of each; count (kind,); number
    (terminal,) is filled with kinds.
    """
    kinds = 0
    for one in range(len(order)):
        found = kind[key[one]]
        if found < 0:
            found = kinds
            kind[key[one]] = found
            row[found] = order[one]
            count[found] = 0
            kinds += 1
        count[found] += 1
        number[order[one]] = found
    return kinds
