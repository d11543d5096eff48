"""What the desk of leases is given: time, what decides at an instant, and where a terminal is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from openleo.controller.lease_known import Meant
from openleo.controller.lease_offers import Offers
from openleo.controller.lease_place import Circle
from openleo.controller.leases import Rules
from openleo.controller.ranged import Whereabouts
from openleo.policy.request import Request


class InForce(Rules, Protocol):
    """in_force.InForce."""

    @property
    def meant(self) -> Meant: ...


class Clock(Protocol):
    """clock.SteadyClock."""

    def now_s(self) -> float: ...
    @property
    def timeline(self) -> Time: ...


class Time(Protocol):
    """clock.Timeline."""

    @property
    def last_s(self) -> float: ...
    @property
    def jump(self) -> object | None: ...


@dataclass(frozen=True)
class Now:
    """What decides at this instant: what is in force, and the plan that is applied."""

    in_force: InForce
    offers: Offers


Locate = Callable[[Request, Sequence[Circle], float], Whereabouts]


def as_reported(_reported: Request, said: Sequence[Circle], _now_s: float) -> Whereabouts:
    """No measurement of the network's own: a terminal is where it says."""
    return Whereabouts(tuple(said))
