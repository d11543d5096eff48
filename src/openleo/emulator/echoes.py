"""Which ways echoes go, and how long each should take: pure functions of the table.

Each terminal asks its PoP. Terminals that satellites join ask one another too; so does the first of them each of the
others where a run has terminals alone, for then that is the way its packets take.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.packets import pop_addresses, terminal_addresses
from openleo.emulator.table import BEGIN, DOWN, END, UP, LinkTable

ITS_POP = -1  # instead of the terminal that is asked
MOST = 50  # terminals that ask their PoPs, and as many pairs of terminals

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Leg = Callable[[Floats], tuple[Floats, Flags]]  # when it is entered → (how long it takes in s, whether it is passed)


@dataclass(frozen=True)
class Course:
    """Where echoes go from a terminal: `towards` another, or ITS_POP."""

    terminal: int
    towards: int
    address: str


def courses(table: LinkTable, busy: Set[int], terminals_alone: bool) -> tuple[Course, ...]:
    """All that are measured. busy: terminals where commands run, which come first where there are too many."""
    count = len(table.terminals)
    first = sorted(range(count), key=lambda n: n not in busy)[:MOST]
    found = [Course(n, ITS_POP, str(pop_addresses(int(table.anchor[n]))[0])) for n in sorted(first)]
    pairs = list(table.pairs) or [(0, n) for n in range(1, count) if terminals_alone]
    some = sorted(pairs, key=lambda pair: not busy & set(pair))[:MOST]
    return (*found, *(Course(one, other, str(terminal_addresses(other)[0])) for one, other in some))


def planned_rtt_ms(table: LinkTable, terminal: int, sent_s: Floats, towards: int = ITS_POP) -> Floats:
    """What an echo sent at each instant should take: each leg by its line when the echo comes to it.

    NaN where it should not come back: at some leg not served, within an outage, or without a path over satellites.
    """
    at_s, passes = sent_s, np.ones(sent_s.shape, np.bool_)
    for leg in _legs(table, terminal, towards):
        takes_s, passed = leg(at_s)
        at_s, passes = at_s + takes_s, passes & passed
    return np.where(passes, (at_s - sent_s) * 1e3, np.nan)


def _legs(table: LinkTable, terminal: int, towards: int) -> list[Leg]:
    """There and back."""

    def radio(n: int, direction: int) -> Leg:
        return lambda at_s: (_on_line_s(table, table.delay_ns[:, n, direction], at_s), _open(table, n, at_s))

    if towards == ITS_POP:
        return [radio(terminal, UP), radio(terminal, DOWN)]
    pair = _pair(table, terminal, towards)
    if pair is None:
        fibre_s = table.backbone_ns[table.anchor[terminal], table.anchor[towards]] / 1e9

        def fibre(at_s: Floats) -> tuple[Floats, Flags]:
            return np.full(at_s.shape, fibre_s), np.ones(at_s.shape, np.bool_)

        return [radio(terminal, UP), fibre, radio(towards, DOWN), radio(towards, UP), fibre, radio(terminal, DOWN)]

    def satellites(sender: int) -> Leg:
        def leg(at_s: Floats) -> tuple[Floats, Flags]:
            joined = table.direct_ns[table.step_at(at_s), pair, BEGIN] >= 0
            return _on_line_s(table, table.direct_ns[:, pair], at_s), joined & _open(table, sender, at_s)

        return leg

    def arrival(receiver: int) -> Leg:
        return lambda at_s: (np.zeros(at_s.shape), _open(table, receiver, at_s))

    return [satellites(terminal), arrival(towards), satellites(towards), arrival(terminal)]


def _pair(table: LinkTable, one: int, other: int) -> int | None:
    for number, pair in enumerate(table.pairs):
        if sorted(pair) == sorted((one, other)):
            return number
    return None


def _on_line_s(table: LinkTable, delay_ns: NDArray[np.int64], at_s: Floats) -> Floats:
    """How long a line takes whose delays are those of each step's two ends, axes (step, end)."""
    step = table.step_at(at_s)
    share = np.clip((at_s + table.into_s) / table.step_s - step, 0.0, 1.0)
    ends_s = delay_ns[step] / 1e9
    return np.asarray(ends_s[:, BEGIN] * (1.0 - share) + ends_s[:, END] * share)


def _open(table: LinkTable, terminal: int, at_s: Floats) -> Flags:
    """Whether a terminal's packets pass at an instant."""
    step = table.step_at(at_s)
    within = (at_s >= 0.0) & (at_s < table.duration_s)
    into_s = at_s + table.into_s - step * table.step_s
    silent = (into_s < table.outage_s[step, terminal]) & (table.outage_loss >= 1.0)
    return np.asarray(within & table.served[step, terminal] & ~silent)
