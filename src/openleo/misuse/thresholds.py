"""What counts as misuse, from when on it is told, and from when on a lease is not renewed.

Every detector keeps one number a terminal: for how long, or how often, it has seen its symptom, less what spoke against
it since. A `Bar` says from which number on there is evidence, and from which on renewal is held. The values were chosen
on training seeds alone; docs/misuse.md says with what result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """The kinds of misuse, in the order of the state's columns."""

    OUTSIDE = "outside"
    SPEED = "speed"
    TRAVEL = "travel"
    CLONE = "clone"
    SPOOF = "spoof"
    IDENTICAL = "identical"
    ABROAD = "abroad"
    HOLDER = "holder"
    UNREGISTERED = "unregistered"


KINDS = tuple(Kind)
NUMBER = {kind: number for number, kind in enumerate(KINDS)}
MOST = 2.0  # of a hold: scores rise no higher, so that what has ended is forgotten in good time
CAPPED = 0.99  # of a hold: what the network has not seen itself is evidence, and holds nothing


@dataclass(frozen=True)
class Bar:
    """From which score on. `leak_per_day`: what time takes off it; `contrary`: what a window that speaks against takes
    off, in windows that speak for it.
    """

    rule: str  # in a reviewer's words
    unit: str
    raise_at: float
    hold_at: float
    leak_per_day: float = 0.0
    contrary: float = 0.0


BARS = {
    # Rules refuse service out there at once. The hold is for who stays: a holiday of days is a refusal, no misuse.
    Kind.OUTSIDE: Bar("asks for service outside its permitted area", "hours", 120.0, 168.0, contrary=2.0),
    # One house move with the terminal running takes an afternoon; who drives with a fixed terminal does so every week.
    Kind.SPEED: Bar("moves faster than its class, across cells", "hours", 0.5, 6.0, leak_per_day=0.1),
    Kind.TRAVEL: Bar("was in two places too far apart, by the network's cells as well", "jumps", 1.0, 3.0, 0.1),
    # A report that comes late, after a restart, looks like two returns of the old session; a second such is rare.
    Kind.CLONE: Bar("has two sessions alive: an old one comes back", "returns", 3.0, 8.0, leak_per_day=2.0),
    # A lone receiver that is led astray for a day is known from airports and ports; neighbours then tell of it.
    Kind.SPOOF: Bar("reports a position that its serving beam does not reach", "hours", 12.0, 48.0, contrary=2.0),
    Kind.IDENTICAL: Bar("reports the very coordinates of other terminals", "hours", 1.0, 12.0, contrary=2.0),
    Kind.ABROAD: Bar("has been out of its home territory day after day", "days", 21.0, 30.0, contrary=3.0),
    # A household that replaces its dishes has both for some days.
    Kind.HOLDER: Bar("is one of more terminals than its holder may run", "days", 2.0, 6.0, contrary=1.0),
    # The registry may know of a new terminal an hour after it is switched on.
    Kind.UNREGISTERED: Bar("is in no registry", "hours", 1.5, 3.0),
}
FASTEST_KMH = 1_300.0  # of anything that carries a terminal: an airliner with the jet stream behind it
SPEEDS_KMH = {"fixed": 15.0, "portable": 75.0, "vehicle": 220.0, "maritime": 110.0}  # others: the fastest


@dataclass(frozen=True)
class Thresholds:
    """All that detectors go by."""

    bars: Mapping[Kind, Bar] = field(default_factory=lambda: MappingProxyType(dict(BARS)))
    speeds_kmh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType(dict(SPEEDS_KMH)))
    fastest_kmh: float = FASTEST_KMH
    window_s: float = 900.0  # reports are looked at so many seconds together; a terminal reports at least once in it
    vague_m: float = 20_000.0  # a wider circle says nothing: most receivers are within 1 km, or have no fix
    beam_slack_km: float = (
        30.0  # beyond the cell's corner and the circle: the cell beside the nearest serves now and then
    )
    jump_km: float = 150.0  # shorter jumps may be two beams' edges
    run_cells: float = 2.5  # radii of a cell that it must have moved by, since it began to speed
    pair_s: float = 1_800.0  # reports farther apart tell nothing of a speed in between: it may have been switched off
    alike: int = 5  # terminals at one spot to a metre: one receiver scatters by more from fix to fix
    quota: int = 4  # terminals of a holder for whom the registry states none: a home, a boat, a spare
    abroad_windows: int = 3  # in a day, without one at home: a day abroad
    at_home: tuple[str, ...] = ("maritime", "aviation", "government", "emergency")  # abroad by nature
    # Jamming and its like reach tens of kilometres and everybody in them: a terminal whose neighbours (of other
    # accounts, in the resolution-3 cell and its ring, 180 km around) are in trouble too is not judged by its position.
    neighbours_troubled: int = 3
    neighbours_share: float = 0.25
    neighbours_least: int = 8  # fewer accounts around: nobody can tell, so nothing is held


THRESHOLDS = Thresholds()
