"""Where simulated devices are at every instant, and when they are off: way points, joined by straight lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openleo.fleet.world import flat_km

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FAR_S = 1e9  # farther than any trace lasts, and apart enough to tell devices' instants from each other
Place = tuple[float, float]


def flat_km_between(one: Place, other: Place) -> float:
    """The distance of two places."""
    return float(flat_km(np.array([one[0]]), np.array([one[1]]), *other)[0])


@dataclass
class Itinerary:
    """One device's way, as it is drawn: seconds from the trace's start, and places."""

    at_s: list[float]
    places: list[Place]
    off: list[tuple[float, float]] = field(default_factory=list)

    @staticmethod
    def staying(place: Place) -> Itinerary:
        return Itinerary([0.0], [place])

    @property
    def here(self) -> Place:
        return self.places[-1]

    @property
    def now_s(self) -> float:
        return self.at_s[-1]

    def stay(self, until_s: float) -> None:
        self.at_s.append(max(until_s, self.now_s))
        self.places.append(self.here)

    def go(self, place: Place, speed_kmh: float, *, off: bool = False) -> None:
        """Straight to a place."""
        length_km = flat_km_between(self.here, place)
        began = self.now_s
        self.at_s.append(began + 3_600.0 * length_km / speed_kmh)
        self.places.append(place)
        if off:
            self.off.append((began, self.now_s))

    def jump(self, place: Place) -> None:
        """Be elsewhere the next second: no such way is honest."""
        self.at_s.append(self.now_s + 1.0)
        self.places.append(place)


class Ways:
    """All devices' itineraries as arrays."""

    def __init__(self, several: list[Itinerary]) -> None:
        device = np.repeat(np.arange(len(several)), [len(one.at_s) for one in several])
        self._device, self._at_s = device, np.concatenate([np.array(one.at_s) for one in several])
        self._key = device * FAR_S + self._at_s
        self._place = np.array([place for one in several for place in one.places])
        gaps = [(number, *gap) for number, one in enumerate(several) for gap in sorted(one.off)]
        self._off = np.array(gaps).reshape(-1, 3)

    def at(self, device: Ints, at_s: Floats) -> tuple[Floats, Floats, Floats]:
        """(latitude_deg, longitude_deg, speed_kmh)."""
        last = np.searchsorted(self._key, device * FAR_S + at_s, side="right") - 1
        after = np.minimum(last + 1, len(self._key) - 1)
        after = np.where(self._device[after] == device, after, last)
        span_s = self._at_s[after] - self._at_s[last]
        share = np.clip((at_s - self._at_s[last]) / np.where(span_s > 0.0, span_s, 1.0), 0.0, 1.0)
        place = self._place[last] + share[:, np.newaxis] * (self._place[after] - self._place[last])
        length_km = flat_km(*self._place[last].T, *self._place[after].T)
        speed = np.where(span_s > 10.0, 3_600.0 * length_km / np.where(span_s > 0.0, span_s, 1.0), 0.0)
        return place[:, 0], place[:, 1], speed

    def is_on(self, device: Ints, at_s: Floats) -> NDArray[np.bool_]:
        if not len(self._off):
            return np.ones(len(device), np.bool_)
        last = np.searchsorted(self._off[:, 0] * FAR_S + self._off[:, 1], device * FAR_S + at_s, side="right") - 1
        gap = self._off[last]
        return np.asarray(~((last >= 0) & (gap[:, 0] == device) & (at_s < gap[:, 2])))
