"""The figures of an effect: how much changes, of one territory and class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openleo.policy.rules import EMERGENCY, RuleKey


@dataclass(frozen=True, slots=True)
class Amount:
    """Cells, area and people whose service changes. People count by the share of time that they can be served."""

    cells: int
    area_km2: float
    people: int
    terminals: int | None = None  # null until a table of terminals is given

    def as_json(self) -> dict[str, Any]:
        return {"cells": self.cells, "area_km2": self.area_km2, "people": self.people, "terminals": self.terminals}

    def __bool__(self) -> bool:
        return bool(self.cells or self.people or self.area_km2 or self.terminals)

    def counting(self, terminals: int) -> Amount:
        """An amount with its terminals."""
        return self if terminals == self.terminals else Amount(self.cells, self.area_km2, self.people, terminals)


NOTHING = Amount(0, 0.0, 0)
NO_TERMINALS = Amount(0, 0.0, 0, 0)


@dataclass(frozen=True, slots=True)
class TerminalChange:
    """Terminals of one territory and class that lose and gain service, each decided where it is."""

    lost: int
    gained: int
    because: tuple[RuleKey, ...] = ()
    outside: tuple[int, int] = (0, 0)  # (lost, gained) beside those, outside the scenario's area
    unreached: tuple[int, int] = (0, 0)  # whom the rules take from and give to, and no network serves


@dataclass(frozen=True, slots=True)
class Spill:
    """People of one territory and class by the beams of what may be served, (under the old rules, under the new)."""

    lit: tuple[int, int]  # not served, and inside a beam that serves others
    dark: tuple[int, int]  # served, and only by beams that reach where nobody may be served

    @property
    def changed(self) -> bool:
        return self.lit[0] != self.lit[1] or self.dark[0] != self.dark[1]

    def __bool__(self) -> bool:
        return any(self.lit) or any(self.dark)


@dataclass(frozen=True, slots=True)
class Moved:
    """What shared beams take of places that stay served, and what they give back to them."""

    displaced: Amount = NOTHING
    freed: Amount = NOTHING

    def __bool__(self) -> bool:
        return bool(self.displaced or self.freed)

    def as_json(self) -> dict[str, Any]:
        return {"displaced_by_capacity": self.displaced.as_json(), "freed_by_capacity": self.freed.as_json()}


NOT_COMPUTED = {"displaced_by_capacity": None, "freed_by_capacity": None}
Rates = tuple[float | None, float | None]  # Mbit/s that a user's test of the line finds, before and after
NO_RATES: Rates = (None, None)


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One territory and class."""

    territory: str
    class_: str
    lost: Amount
    gained: Amount
    rtt_ms_p50: tuple[float | None, float | None]  # before, after
    because: tuple[str, ...]  # the rules that make the difference, as the rules of both sides together are called
    may_lose: Amount = NOTHING  # it comes to depend on the terminal, or depends on it in another way
    may_gain: Amount = NOTHING
    spill: Spill | None = None
    beam_rule: bool = False  # beams keep rules of their own: nothing is told of whom others light
    moved: Moved | None = None  # by shared beams; None: everybody alone on the network, of which nothing is known
    down_mbps_p50: Rates = NO_RATES
    up_mbps_p50: Rates = NO_RATES

    @property
    def emergency(self) -> bool:
        """Whether it tells of emergency terminals, which have rows of their own."""
        return self.class_ == EMERGENCY

    @property
    def changed(self) -> bool:
        """By rules, or by gateways that rules withhold; not by what others take of shared beams."""
        return bool(self.lost or self.gained or self.may_lose or self.may_gain)

    def as_json(self) -> dict[str, Any]:
        spill = None if self.beam_rule else self.spill
        return {
            "territory": self.territory,
            "class": self.class_,
            "lost": self.lost.as_json(),
            "gained": self.gained.as_json(),
            **(NOT_COMPUTED if self.moved is None else self.moved.as_json()),
            "rtt_ms_p50": list(self.rtt_ms_p50),
            "down_mbps_p50": list(self.down_mbps_p50),
            "up_mbps_p50": list(self.up_mbps_p50),
            "spill_people": None if spill is None else spill.lit[1],
            "because": list(self.because),
            "may_lose": self.may_lose.as_json(),
            "may_gain": self.may_gain.as_json(),
            "beams": None if spill is None else {"lit_people": list(spill.lit), "dark_people": list(spill.dark)},
        }

    def change_json(self) -> dict[str, Any]:
        """What changes, without what is not known here: of beams and of capacity."""
        unknown = (*NOT_COMPUTED, "down_mbps_p50", "up_mbps_p50", "spill_people", "beams")
        return {key: value for key, value in self.as_json().items() if key not in unknown}


@dataclass(frozen=True, slots=True)
class EffectTotal:
    """Of one class, over all territories: cells that several share count once."""

    class_: str
    lost: Amount
    gained: Amount
    may_lose: Amount = NOTHING
    may_gain: Amount = NOTHING
    moved: Moved | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "class": self.class_,
            **{name: getattr(self, name).as_json() for name in ("lost", "gained", "may_lose", "may_gain")},
            **(NOT_COMPUTED if self.moved is None else self.moved.as_json()),
        }
