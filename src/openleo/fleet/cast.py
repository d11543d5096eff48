"""Who takes part in a simulation: devices with their holders and ways, honest ones and each kind of misuse.

A device is what transmits; a terminal is the identity that it shows. A clone is a second device of one terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from openleo.fleet.honest import BY_BORDERS, DAY_S, HONEST, HOUR_S, Draw, household
from openleo.fleet.itineraries import Itinerary, Place, flat_km_between
from openleo.fleet.world import PERMITTED, Places

LABELS = ("outside", "speed", "travel", "clone", "spoof", "identical", "abroad", "holder", "unregistered")
ADDRESSED = 0.03  # share of fixed terminals whose position is their registered address
HOUSE = 12  # flats at one address
ENTERPRISE = 45  # terminals
IN_ENTERPRISES = 0.1  # share of honest terminals
FAMILY = (0.8, 0.12, 0.05, 0.03)  # shares of holders with 1, 2, 3, 4 terminals
LONGEST_TRIP_DAYS = 33.0  # misuse abroad takes more: shorter traces have none that could be told


@dataclass
class Device:
    terminal: str
    account: str
    class_: str
    way: Itinerary
    quota: int | None = None
    label: str | None = None
    begins_s: float = np.inf  # of misuse
    claims: Place | None = None  # where it says to be from then on
    exact: bool = False  # it says so to the metre, each time alike
    address: Place | None = None  # registered, in the place of a receiver
    registered_s: float = 0.0  # when the registry knows it; inf: never
    home: Place | None = None
    by_border: bool = False


@dataclass
class Cast:
    devices: list[Device] = field(default_factory=list)
    accounts: int = 0

    def account(self, prefix: str = "a") -> str:
        self.accounts += 1
        return f"{prefix}{self.accounts:06d}"

    def terminal(self) -> str:
        return f"t{len(self.devices):06d}"


def cast(draw: Draw, honest: int, misusers: int) -> Cast:
    """So many honest terminals, and so many of each kind of misuse."""
    made = Cast()
    _honest(made, draw, honest)
    for label in LABELS:
        _MISUSE[label](made, draw, misusers)
    return made


def _honest(made: Cast, draw: Draw, count: int) -> None:
    shares = np.array([share for _, _, share in HONEST])
    drawn = draw.random.choice(len(HONEST), size=count, p=shares / shares.sum())
    left, account, quota, house = 0, "", None, Itinerary.staying((0.0, 0.0))
    for number, which in enumerate(drawn.tolist()):
        behaviour, class_, _ = HONEST[which]
        if left == 0:
            firm = draw.chance(IN_ENTERPRISES / ENTERPRISE * 1.4)
            left = ENTERPRISE if firm else 1 + int(draw.random.choice(len(FAMILY), p=FAMILY))
            account, quota = made.account(), ENTERPRISE + 5 if firm else None
        left -= 1
        device = Device(made.terminal(), account, class_, behaviour(draw), quota, by_border=behaviour in BY_BORDERS)
        if class_ == "fixed" and draw.chance(ADDRESSED):
            house = household(draw) if number % HOUSE == 0 else house
            if house.here != (0.0, 0.0):
                device.way, device.address, device.by_border = Itinerary.staying(house.here), house.here, False
        if draw.chance(0.05):  # installed while the trace runs; the registry hears of it within the hour
            on_s = draw.between(0.0, 0.9) * draw.end_s
            device.way.off = [(0.0, on_s), *(gap for gap in device.way.off if gap[0] > on_s)]
            device.registered_s = on_s + draw.between(-1.0, 1.0) * HOUR_S
        made.devices.append(device)


def _misuser(made: Cast, draw: Draw, label: str, class_: str = "fixed", account: str | None = None) -> Device:
    """A household that begins to misuse its terminal, some days into the trace."""
    latest = 0.3 if draw.days < LONGEST_TRIP_DAYS else (draw.days - LONGEST_TRIP_DAYS) / draw.days
    device = Device(made.terminal(), account or made.account(), class_, household(draw), label=label)
    device.home = device.way.here
    device.begins_s = draw.between(0.05, max(0.1, min(0.3, latest))) * draw.end_s
    made.devices.append(device)
    return device


def _moved_to(draw: Draw, device: Device, among: Places) -> None:
    """Carried elsewhere, switched off on the way."""
    device.way.stay(device.begins_s - 12.0 * HOUR_S if device.begins_s > 13.0 * HOUR_S else 0.0)
    device.way.go(draw.place(among, 4.0), 100.0, off=True)
    device.begins_s = max(device.begins_s, device.way.now_s)


def _outside(made: Cast, draw: Draw, count: int) -> None:
    for _ in range(count):
        _moved_to(draw, _misuser(made, draw, "outside"), draw.world.inner_elsewhere)


def _speed(made: Cast, draw: Draw, count: int) -> None:
    """A fixed terminal on a car's roof: an hour or more, most days."""
    for _ in range(count):
        device = _misuser(made, draw, "speed")
        way = device.way
        way.stay(device.begins_s)
        while way.now_s < draw.end_s:
            way.go(draw.near(way.here, 60.0, 200.0), draw.between(45.0, 130.0))
            way.stay(way.now_s + draw.between(4.0, 30.0) * HOUR_S)


def _travel(made: Cast, draw: Draw, count: int) -> None:
    """One identity in two places by turns."""
    for _ in range(count):
        device = _misuser(made, draw, "travel")
        here, there = device.way.here, draw.near(device.way.here, 450.0, 1_200.0)
        device.way.stay(device.begins_s)
        while device.way.now_s < draw.end_s:
            device.way.stay(device.way.now_s + draw.between(2.0, 40.0) * HOUR_S)
            device.way.jump(there if device.way.here == here else here)


def _clone(made: Cast, draw: Draw, count: int) -> None:
    """A second device with the same key, next door or far away, some hours of the day or all of it."""
    for _ in range(count):
        device = _misuser(made, draw, "clone")
        copy = Device(device.terminal, device.account, device.class_, Itinerary.staying(draw.place(draw.world.home)))
        if draw.chance(0.4):
            copy.way = Itinerary.staying(draw.near(device.way.here, 0.1, 15.0))
        copy.label, copy.begins_s, copy.home = "clone", device.begins_s, device.home
        copy.way.off = [(0.0, device.begins_s)]
        if draw.chance(0.4):
            first = int(device.begins_s // DAY_S) + 1
            copy.way.off += [(day * DAY_S, (day + 0.75) * DAY_S) for day in range(first, int(draw.days) + 1)]
        made.devices.append(copy)


def _spoof(made: Cast, draw: Draw, count: int) -> None:
    """Is elsewhere, and reports its old home."""
    for _ in range(count):
        device = _misuser(made, draw, "spoof")
        device.claims = device.way.here
        _moved_to(draw, device, draw.world.home)
        while flat_km_between(device.claims, device.way.here) < 120.0:
            device.way.places[-1] = draw.place(draw.world.home)


def _identical(made: Cast, draw: Draw, count: int) -> None:
    """Groups that were sold with one position written into them."""
    left = count
    while left > 0:
        size = min(max(6, int(draw.between(6, 16))), max(left, 6))
        spot, begins_s = draw.place(draw.world.home), draw.between(0.05, 0.3) * draw.end_s
        for _ in range(size):
            device = _misuser(made, draw, "identical")
            device.begins_s, device.claims, device.exact = begins_s, spot, True
        left -= size


def _abroad(made: Cast, draw: Draw, count: int) -> None:
    """Registered at home, used in another country that is served, for good."""
    if draw.days <= LONGEST_TRIP_DAYS + 2.0:
        return
    for _ in range(count):
        device = _misuser(made, draw, "abroad", "portable")
        _moved_to(draw, device, draw.world.home)
        home = draw.world.country(device.way.places[0])
        while draw.world.country(device.way.here) == home:
            device.way.places[-1] = draw.served()


def _holder(made: Cast, draw: Draw, count: int) -> None:
    """One person's account under which many terminals are run for others."""
    left = count
    while left > 0:
        account, begins_s = made.account(), draw.between(0.05, 0.3) * draw.end_s
        size = int(draw.between(6, 26))
        for _ in range(size):
            device = _misuser(made, draw, "holder", account=account)
            device.begins_s = begins_s
            device.way.off = [(0.0, begins_s)]
        left -= size


def _unregistered(made: Cast, draw: Draw, count: int) -> None:
    for _ in range(count):
        device = _misuser(made, draw, "unregistered")
        device.registered_s = np.inf
        device.way.off = [(0.0, device.begins_s)]


_MISUSE: dict[str, Callable[[Cast, Draw, int], None]] = {
    "outside": _outside, "speed": _speed, "travel": _travel, "clone": _clone, "spoof": _spoof,
    "identical": _identical, "abroad": _abroad, "holder": _holder, "unregistered": _unregistered,
}  # fmt: skip
assert set(_MISUSE) == set(LABELS)
assert len(PERMITTED) > 1  # for abroad
