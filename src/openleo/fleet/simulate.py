"""Terminals simulated: who reports what, when, hour after hour, and which of it is misuse.

    cast ─► ways ─► true positions ─► fixes ─► what jammers make of them ─► claims ─► rows of a trace
                          └─► serving cells

A trace comes in parts of six hours, in the order of time; the same seed gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.fleet.cast import Cast, Device, cast
from openleo.fleet.honest import DAY_S, HOUR_S, Draw
from openleo.fleet.itineraries import FAR_S, Ways
from openleo.fleet.jamming import CIRCLE_SIGMAS, Fixes, disturb, jammers
from openleo.fleet.trace import SCHEMA
from openleo.fleet.world import World, moved, shifted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PART_S = 6.0 * HOUR_S
CELL_RESOLUTION = 4
OFTEN_S, SELDOM_S = 300.0, 900.0  # between two reports of a device, drawn for each
NOISE_M, PRECISE_M = 1_000.0, 30.0  # radii at 95 %: of positions kept coarse, and of bare receivers
COARSE = 0.7  # share of terminals with the former
OUTLIER, OUTLIER_KM = 1e-4, (5.0, 300.0)  # fixes that are far off and do not say so
NEIGHBOUR, NEIGHBOUR_KM = 0.03, 22.0  # reports served by the beam beside
WRONG_CELL, NO_CELL = 1e-5, 0.02
RESTARTS_A_DAY, LATE = 0.3, 0.02  # share of restarts after which a report of the old session still comes
STARTS_S = 1_798_761_600.0  # 2027-01-01T00:00:00Z
SCENARIOS = ("all", "honest", "quiet")
ANYWHERE = ("maritime", "aviation", "government", "emergency")


@dataclass(frozen=True)
class FleetAsked:
    """`terminals`: honest ones. `misusers`: of each kind beside them."""

    terminals: int
    days: float
    seed: int
    misusers: int
    jamming: bool = True

    @staticmethod
    def of(terminals: int, days: float, seed: int, scenario: str) -> FleetAsked:
        """`all`: misuse and jamming; `honest`: jamming alone; `quiet`: neither."""
        return FleetAsked(
            terminals, days, seed, max(6, terminals // 40) if scenario == "all" else 0, scenario != "quiet"
        )


class Simulation:
    """One fleet, ready to report."""

    def __init__(self, asked: FleetAsked) -> None:
        self.asked, self.random = asked, np.random.default_rng(asked.seed)
        self.world = World(self.random)
        draw = Draw(self.random, self.world, asked.days)
        self.cast: Cast = cast(draw, asked.terminals, asked.misusers)
        self.jammers = jammers(draw) if asked.jamming else []
        devices = self.cast.devices
        self.ways = Ways([device.way for device in devices])
        count = len(devices)
        self._every_s = self.random.uniform(OFTEN_S, SELDOM_S, count)
        self._phase_s = self.random.uniform(0.0, self._every_s)
        self._radius_m = np.where(self.random.random(count) < COARSE, NOISE_M, PRECISE_M)
        self._begins_s = np.array([device.begins_s for device in devices])
        self._restart_key, self._restarts = self._draw_restarts(count)
        self._known_s = np.array([device.registered_s for device in devices])
        self._spot = np.array([device.address or device.claims or (np.nan, np.nan) for device in devices])
        self._addressed = np.array([device.address is not None for device in devices])
        self._claims = np.array([device.claims is not None for device in devices])
        self._by_border = np.array([device.by_border for device in devices])
        self._exact = np.array([device.exact for device in devices])
        self._anywhere = np.array([device.class_ in ANYWHERE for device in devices])
        self._columns = {name: _words([of(one) for one in devices]) for name, of in _TEXT.items()}
        self._columns["home_territory"] = _words(self._homes(devices))
        self._quota = pa.array([one.quota for one in devices], pa.int32())

    def _draw_restarts(self, count: int) -> tuple[Floats, Ints]:
        """When sessions begin, as keys over devices, and how many restarts stand before each device's first."""
        times = self.random.poisson(RESTARTS_A_DAY * self.asked.days, count)
        device = np.repeat(np.arange(count), times)
        keys = np.sort(device * FAR_S + self.random.uniform(0.0, self.asked.days * DAY_S, len(device)))
        return keys, np.cumsum(times) - times

    def _homes(self, devices: list[Device]) -> list[str | None]:
        place = np.array([one.home or one.way.places[0] for one in devices])
        found = self.world.territory(place[:, 0], place[:, 1], np.zeros(len(place)))
        return [None if number < 0 else self.world.labels[number] for number in found.tolist()]

    def parts(self) -> Iterator[pa.Table]:
        """The trace, part by part."""
        end_s = self.asked.days * DAY_S
        for begins_s in np.arange(0.0, end_s, PART_S).tolist():
            yield self._part(begins_s, min(begins_s + PART_S, end_s))

    def _part(self, from_s: float, until_s: float) -> pa.Table:
        device, at_s = self._instants(from_s, until_s)
        latitude, longitude, speed = self.ways.at(device, at_s)
        fixes = self._fixes(device, latitude, longitude, speed)
        misuse = at_s >= self._begins_s[device]
        self._claim(fixes, device, misuse)
        addressed = self._addressed[device]
        listens = ~addressed & ~(self._exact[device] & misuse)
        claims = self._claims[device] & misuse  # a claim is written by its user: no jammer reaches it
        disturb(fixes, self.jammers, device, at_s, (latitude, longitude), listens & ~claims, self.random)
        territory = self.world.territory(fixes.latitude_deg, fixes.longitude_deg, fixes.uncertainty_m)
        permitted = self.world.permitted(territory, self._anywhere[device])
        permitted[np.isnan(fixes.latitude_deg)] = -1
        columns = {name: words.take(pa.array(device)) for name, words in self._columns.items()}
        columns["source"] = _coded(np.where(addressed, 1, 0), ["gnss", "registered"])
        columns |= {
            "at_s": pa.array(np.round(STARTS_S + at_s, 3)),
            "registered": pa.array(at_s >= self._known_s[device]),
            "lat_deg": _number(fixes.latitude_deg.round(7)),
            "lon_deg": _number(fixes.longitude_deg.round(7)),
            "uncertainty_m": _number(fixes.uncertainty_m.round(1)).cast(pa.float32()),
            "speed_kmh": _number(fixes.speed_kmh.round(1)).cast(pa.float32()),
            "altitude_m": _number(self._altitude_m(device, speed)).cast(pa.float32()),
            "session": self._sessions(device, at_s),
            "cell": self._cells(latitude, longitude),
            "permitted": pa.array(permitted == 1, mask=permitted < 0),
            "territory": _coded(territory, self.world.labels),
            "quota": self._quota.take(pa.array(device)),
            "border": pa.array(self._by_border[device]),
            "jammed": pa.array(fixes.jammed),
        }
        label = columns["label"]
        codes = np.where(misuse, label.indices.fill_null(-1).to_numpy(zero_copy_only=False), -1)
        columns["label"] = _coded(codes, label.dictionary.to_pylist())
        table = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
        return table.take(pa.array(np.argsort(at_s, kind="stable")))

    def _instants(self, from_s: float, until_s: float) -> tuple[Ints, Floats]:
        """(device, at_s) of every report: regular, a little off each time."""
        first = np.ceil((from_s - self._phase_s) / self._every_s).astype(np.int64)
        count = np.ceil((until_s - self._phase_s) / self._every_s).astype(np.int64) - first
        device = np.repeat(np.arange(len(count)), count)
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        at_s = self._phase_s[device] + (first[device] + step) * self._every_s[device]
        at_s = np.clip(at_s + self.random.uniform(-20.0, 20.0, len(at_s)), from_s, until_s - 1e-3)
        on = self.ways.is_on(device, at_s)
        return device[on], at_s[on]

    def _fixes(self, device: Ints, latitude: Floats, longitude: Floats, speed: Floats) -> Fixes:
        radius_m = self._radius_m[device]
        north, east = self.random.normal(size=(2, len(device))) * (radius_m / CIRCLE_SIGMAS / 1_000.0)
        off = self.random.random(len(device)) < OUTLIER
        north[off] += self.random.choice([-1.0, 1.0], off.sum()) * self.random.uniform(*OUTLIER_KM, off.sum())
        noisy = moved(latitude, longitude, north, east)
        reads = np.abs(speed + self.random.normal(0.0, 0.5, len(device)))
        return Fixes(*noisy, radius_m.copy(), reads, np.zeros(len(device), np.bool_))

    def _claim(self, fixes: Fixes, device: Ints, misuse: Bools) -> None:
        """Positions that are said in the place of the receiver's: by address, or falsely."""
        says = np.flatnonzero(self._addressed[device] | (self._claims[device] & misuse))
        whose = device[says]
        spot = self._spot[whose]
        alike = self._exact[whose] | self._addressed[whose]
        sigma_km = np.where(alike, 0.0, self._radius_m[whose] / CIRCLE_SIGMAS / 1_000.0)
        fixes.latitude_deg[says], fixes.longitude_deg[says] = shifted(spot[:, 0], spot[:, 1], self.random, sigma_km)
        fixes.uncertainty_m[says] = np.where(alike, 50.0, self._radius_m[whose])
        fixes.speed_kmh[says] = 0.0

    def _altitude_m(self, device: Ints, speed: Floats) -> Floats:
        flies = (speed > 500.0) & self._anywhere[device]
        return np.where(flies, 10_500.0, self.random.uniform(0.0, 400.0, len(device))).round(0)

    def _sessions(self, device: Ints, at_s: Floats) -> pa.DictionaryArray:
        """Numbered restarts of each device; now and then a report of the old session comes after one."""
        number = np.searchsorted(self._restart_key, device * FAR_S + at_s, side="right")
        before = np.searchsorted(self._restart_key, device * FAR_S + at_s - self._every_s[device] * 2.0, side="right")
        count = number - self._restarts[device]
        late = (number > before) & (count > 0) & (self.random.random(len(device)) < LATE)
        keys, which = np.unique(device * 100_000 + count - late, return_inverse=True)
        return _coded(which, [f"s{key // 100_000}-{key % 100_000}" for key in keys.tolist()])

    def _cells(self, latitude: Floats, longitude: Floats) -> pa.DictionaryArray:
        """The cell whose beam serves, as the network knows it: mostly that of the true position."""
        drawn = self.random.random(len(latitude))
        away_km = np.select([drawn < NEIGHBOUR, drawn > 1.0 - WRONG_CELL], [NEIGHBOUR_KM, 400.0], 0.0)
        angle = self.random.uniform(0.0, 2.0 * np.pi, len(latitude))
        served = moved(latitude, longitude, away_km * np.cos(angle), away_km * np.sin(angle))
        cells = h3cells.at_each(*served, CELL_RESOLUTION)
        distinct, which = np.unique(cells, return_inverse=True)
        return _coded(np.where(self.random.random(len(cells)) < NO_CELL, -1, which), h3cells.text(distinct))


_TEXT: dict[str, Callable[[Device], str | None]] = {
    "terminal": lambda one: one.terminal,
    "account": lambda one: one.account,
    "class": lambda one: one.class_,
    "label": lambda one: one.label,
}


def _words(words: list[str | None]) -> pa.DictionaryArray:
    return pa.array(words, pa.string()).dictionary_encode()


def _coded(codes: NDArray[np.integer], words: list[str]) -> pa.DictionaryArray:
    """−1: null."""
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32), mask=codes < 0), pa.array(words, pa.string())
    )


def _number(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
