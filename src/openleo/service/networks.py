"""The network that each state of the rules leaves: rules on gateways withhold some, and every choice is a network.

Takes the gateways and what computes a network's reach; gives, for a state of the rules, what its network reaches. Each
network is computed once, and no more than `most` of them: what lies beyond is said, and not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from openleo.network.ground.gateways import Gateways
from openleo.policy.rules import RuleKey
from openleo.service import licences
from openleo.service.change import Side
from openleo.service.licences import Withheld
from openleo.service.reached import Reached

MOST_NETWORKS = 4


@dataclass(frozen=True, eq=False)
class Networks:
    """`known`: what is reached, by the numbers of the gateways that are withheld. All are of the same parts."""

    gateways: Gateways  # all of them, whatever the rules say
    reach: Callable[[Gateways], Reached]
    known: dict[frozenset[int], Reached] = field(default_factory=dict)
    most: int = MOST_NETWORKS
    _withheld: dict[tuple[object, ...], tuple[Withheld, ...]] = field(default_factory=dict)

    def withheld(self, side: Side) -> tuple[Withheld, ...]:
        if side.state not in self._withheld:
            at = side.at
            self._withheld[side.state] = () if at is None else licences.withheld(self.gateways, side.rule_set, at)
        return self._withheld[side.state]

    def of(self, side: Side) -> Reached | None:
        """What is reached in a state of the rules; None where that would be one network too many."""
        key = self.key(side)
        if key not in self.known:
            if len(self.known) >= self.most:
                return None
            self.known[key] = self.reach(licences.without(self.gateways, self.withheld(side)))
        return self.known[key]

    def key(self, side: Side) -> frozenset[int]:
        """The gateways that are withheld, by number."""
        return frozenset(one.gateway for one in self.withheld(side))

    def because(self, was: Side, is_: Side, names: Mapping[RuleKey, str]) -> tuple[str, ...]:
        """The rules by which one state withholds gateways that the other does not."""
        permits = licences.permits_at(was.rule_set, was.at), licences.permits_at(is_.rule_set, is_.at)
        return licences.between(self.withheld(was), self.withheld(is_), permits, names)
