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
    first: Ints, offset: Ints, category: Ints, of_group: Numbers, ask_of_place: Ints, asked_first: Ints, asked: Ints,
    bound_first: Ints, bound: Floats, value: Floats, out: Ints,
) -> None:  # fmt: skip
    """Number each terminal within its place by its category and the intervals that its numbers fall in.

    Rows are terminals, place by place; place p has rows `first[p]` to `first[p + 1]`, and its numbers begin at
    `offset[p]`; −1 leaves the place out. of_group (row,): the group of each row; category (group,): what it is of all
    that is no number. Where `ask_of_place` is q the inputs `asked[asked_first[q]:asked_first[q + 1]]` are asked; the
    a-th has the bounds `bound[bound_first[a]:bound_first[a + 1]]`, ascending. value (input, row), NaN unknown. out
    (row,) is filled: unknown is interval 0, and interval i + 1 has i bounds below the value, so a bound belongs to
    what lies under it.
    """
    for place in range(len(first) - 1):
        if offset[place] < 0:
            continue
        ask = ask_of_place[place]
        for row in range(first[place], first[place + 1]):
            key = category[of_group[row]]
            for a in range(asked_first[ask], asked_first[ask + 1]):
                start, end = bound_first[a], bound_first[a + 1]
                x = value[asked[a], row]
                interval = 0
                if x == x:
                    interval = 1
                    while interval <= end - start and bound[start + interval - 1] < x:
                        interval += 1
                key = key * (end - start + 2) + interval
            out[row] = offset[place] + key


@njit(cache=True, nogil=True, error_model="numpy")
def gather(key: Ints, kind: Numbers, row: Ints, count: Ints, number: Numbers) -> int:
    """Kinds of the keys that occur, numbered as they are met; how many there are.

    key (row,) into kind (key,), all −1 before; row (kind,): the first row of each; count (kind,); number (row,) is
    filled with kinds.
    """
    kinds = 0
    for one in range(len(key)):
        found = kind[key[one]]
        if found < 0:
            found = kinds
            kind[key[one]] = found
            row[found] = one
            count[found] = 0
            kinds += 1
        count[found] += 1
        number[one] = found
    return kinds
