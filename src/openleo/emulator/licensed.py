"""What rules on gateways and on landing leave of the network, slot by slot.

A gateway counts in a slot that no rule withholds it from at any instant of; so a rule that begins within a slot holds
for all of it, as for terminals.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.permitted import May
from openleo.instants import SlotGrid
from openleo.network.reach import Network
from openleo.policy.rules import union
from openleo.results import Case
from openleo.service import licences


@dataclass(frozen=True, eq=False)
class Licensed:
    """The network of some slots: without the gateways that rules withhold at any instant of them."""

    slots: NDArray[np.intp]
    network: Network


def licensed(case: Case, window: SlotGrid) -> list[Licensed]:
    """The networks of a window, the first slot's first. Rules on gateways change them, slot by slot."""
    own = licences.of_gateways(case.rules) if case.rules else []
    if not own or case.rules is None:
        return [Licensed(np.arange(window.slots), case.network)]
    every = case.every_gateway or case.network.gateways
    ends, about = window.instant(window.slots), union(own, case.rules.classes)
    changes = [window.start]
    while (then := about.next_change(changes[-1])) is not None and then < ends:
        changes.append(then)
    out = [frozenset(one.gateway for one in licences.withheld(every, case.rules, at)) for at in changes]
    of_slot = []
    for slot in range(window.slots):
        first = bisect_right(changes, window.instant(slot)) - 1
        of_slot.append(frozenset().union(*out[first : bisect_left(changes, window.instant(slot + 1))]))
    nowhere = np.empty(0, np.int32)
    return [
        Licensed(
            np.array([slot for slot, those in enumerate(of_slot) if those == withheld]),
            replace(case.network, gateways=every.without(np.array(sorted(withheld), np.int32), nowhere)),
        )
        for withheld in dict.fromkeys(of_slot)
    ]


def lands_somewhere(allowed: Sequence[May], pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Whether a rule says where the traffic of either terminal of a pair has to land, axes (slot, pair)."""
    slots = len(allowed[0].land_in)
    found = [[allowed[a].land_in[slot] is not None or allowed[b].land_in[slot] is not None for a, b in pairs]
             for slot in range(slots)]  # fmt: skip
    return np.array(found, np.bool_).reshape(slots, len(pairs))
