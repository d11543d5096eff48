"""How honest people use terminals: at home, on the move, across borders, on ships and in the air."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openleo.fleet.itineraries import Itinerary, Place
from openleo.fleet.world import Places, World, moved

DAY_S, HOUR_S = 86_400.0, 3_600.0
SEA = Places(np.array([54.9, 55.3, 55.8, 56.5, 57.2, 58.0]), np.array([13.6, 16.5, 18.5, 19.2, 19.9, 20.1]))  # Baltic


@dataclass(frozen=True)
class Draw:
    """What an itinerary is drawn from."""

    random: np.random.Generator
    world: World
    days: float

    @property
    def end_s(self) -> float:
        return self.days * DAY_S

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def place(self, among: Places, spread_km: float = 6.0) -> Place:
        latitude, longitude = among.some(self.random, 1, spread_km)
        return float(latitude[0]), float(longitude[0])

    def served(self) -> Place:
        """Near a town, where service is permitted: the suburbs of some lie across a border."""
        while not self.world.serves(place := self.place(self.world.home)):
            pass
        return place

    def near(self, place: Place, low_km: float, high_km: float) -> Place:
        """Some kilometres away, in any direction."""
        angle, far = self.between(0.0, 2.0 * np.pi), self.between(low_km, high_km)
        ends = moved(*(np.array([one]) for one in place), *(np.array([far * f(angle)]) for f in (np.cos, np.sin)))
        return float(ends[0][0]), float(ends[1][0])


def household(draw: Draw) -> Itinerary:
    """Stays."""
    return Itinerary.staying(draw.served())


def by_the_border(draw: Draw) -> Itinerary:
    """Lives within three kilometres of a border."""
    return Itinerary.staying(draw.place(draw.world.border, 0.0))


def mover(draw: Draw) -> Itinerary:
    """Moves house once within the country (who leaves it registers anew); one in ten, who does not move far, leaves the
    terminal running on the lorry.
    """
    way = household(draw)
    home = draw.world.country(way.here)
    way.stay(draw.between(0.1, 0.9) * draw.end_s)
    running = draw.chance(0.1)
    place = draw.near(way.here, 5.0, 200.0) if running else draw.served()
    while draw.world.country(place) != home:
        place = draw.near(way.here, 2.0, 200.0)
    way.go(place, draw.between(50.0, 80.0), off=not running)
    return way


def traveller(draw: Draw) -> Itinerary:
    """Takes a portable terminal along, off while driving but for the hour it was forgotten; visits places that are not
    served for a few days at most.
    """
    way = household(draw)
    home = way.here
    while way.now_s < draw.end_s:
        way.stay(way.now_s + draw.between(3.0, 16.0) * DAY_S)
        served = draw.chance(0.7)
        _drive(draw, way, draw.served() if served else draw.place(draw.world.elsewhere))
        way.stay(way.now_s + draw.between(0.5, 18.0 if served else 4.0) * DAY_S)
        _drive(draw, way, home)
    return way


def _drive(draw: Draw, way: Itinerary, place: Place) -> None:
    if draw.chance(0.1):
        way.go(draw.near(way.here, 5.0, 60.0), draw.between(80.0, 120.0))
    way.go(place, draw.between(80.0, 120.0), off=True)


def commuter(draw: Draw) -> Itinerary:
    """Lives by the border and drives across it on working days, terminal running."""
    way = by_the_border(draw)
    home, work = way.here, draw.near(way.here, 10.0, 60.0)
    for day in range(int(draw.days) + 1):
        if day % 7 < 5:
            way.stay(day * DAY_S + draw.between(5.0, 8.0) * HOUR_S)
            way.go(work, draw.between(40.0, 110.0))
            way.stay(way.now_s + draw.between(6.0, 9.0) * HOUR_S)
            way.go(home, draw.between(40.0, 110.0))
    return way


def vehicle(draw: Draw) -> Itinerary:
    """Drives every day, now and then through lands that are not served."""
    way = household(draw)
    while way.now_s < draw.end_s:
        far = draw.chance(0.1)
        place = draw.place(draw.world.elsewhere if draw.chance(0.03) else draw.world.home)
        way.go(place if far else draw.near(way.here, 10.0, 120.0), draw.between(40.0, 130.0))
        way.stay(way.now_s + draw.between(1.0, 14.0) * HOUR_S)
        if not far and draw.chance(0.3):
            way.go(way.places[0], draw.between(40.0, 130.0))
    return way


def ship(draw: Draw) -> Itinerary:
    """From port to port."""
    way = Itinerary.staying(draw.place(SEA, 15.0))
    while way.now_s < draw.end_s:
        way.go(draw.place(SEA, 15.0), draw.between(20.0, 65.0))
        way.stay(way.now_s + draw.between(0.5, 20.0) * HOUR_S)
    return way


def aircraft(draw: Draw) -> Itinerary:
    """From town to town, some of them where nobody else is served."""
    way = household(draw)
    while way.now_s < draw.end_s:
        way.go(draw.place(draw.world.elsewhere if draw.chance(0.3) else draw.world.home), draw.between(700.0, 1_050.0))
        way.stay(way.now_s + draw.between(0.7, 9.0) * HOUR_S)
    return way


HONEST: tuple[tuple[Callable[[Draw], Itinerary], str, float], ...] = (
    (household, "fixed", 0.52),
    (by_the_border, "fixed", 0.12),
    (mover, "fixed", 0.04),
    (traveller, "portable", 0.12),
    (commuter, "vehicle", 0.05),
    (vehicle, "vehicle", 0.09),
    (ship, "maritime", 0.03),
    (aircraft, "aviation", 0.03),
)  # behaviour, class, share
BY_BORDERS = (by_the_border, commuter)
