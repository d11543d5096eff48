"""What a round trip to the Internet takes, term by term.

Light's time over the links is known from geometry. What is added (waiting for a turn, ways longer than the shortest) is
not: those constants stand in data/chain/constants.toml, each with its value, its uncertainty and how it came about. Who
may be reached over which satellite does not depend on them.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network.kernels import paths
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]

ROUND_TRIP_MS_PER_KM = 2.0 * MS_PER_S / LIGHT_KM_PER_S
# Steps of additive sequences, (slot, site): evenly spread, and the same for any threads. Those of the jitter are the
# golden ratio's kin in two dimensions. Turns among several PoPs have steps of their own: by the same ones, all slots of
# one PoP would have a jitter below 0 and all of the other above it.
JITTER_STEPS = 0.754877666246693, 0.569840290998053
TURN_STEPS = 0.618033988749895, 0.414213562373095  # the golden ratio − 1, √2 − 1


@dataclass(frozen=True)
class Constant:
    """One constant: its value, its standard uncertainty where it was fitted (else None), how it came about."""

    value: float
    uncertainty: float | None
    basis: str  # "fitted" | "assumed"
    meaning: str


@dataclass(frozen=True)
class Constants:
    """What is added to light's time. Times are of both ways together."""

    scheduling_ms: float
    way_stretch: float  # the way over satellites is so many times as long as the shortest one
    fibre_detour: float
    pop_ms: float
    jitter_ms: float

    def said(self) -> list[str]:
        """For a fingerprint."""
        return [
            str(one) for one in (self.scheduling_ms, self.way_stretch, self.fibre_detour, self.pop_ms, self.jitter_ms)
        ]


@dataclass(frozen=True)
class Chain:
    """The terms of one round trip in milliseconds, both ways together; the jitter is not among them."""

    user_link_ms: float
    isl_ms: float
    feeder_link_ms: float
    longer_way_ms: float  # what the way over satellites is longer than the shortest
    fibre_ms: float
    scheduling_ms: float
    pop_ms: float

    @property
    def rtt_ms(self) -> float:
        return sum(self.terms().values())

    def terms(self) -> dict[str, float]:
        """Each term by its name, in the order in which a packet meets them."""
        return {
            "scheduling and processing": self.scheduling_ms,
            "user link": self.user_link_ms,
            "inter-satellite links": self.isl_ms,
            "feeder link": self.feeder_link_ms,
            "longer way": self.longer_way_ms,
            "fibre": self.fibre_ms,
            "PoP": self.pop_ms,
        }


def chain_of(
    constants: Constants, user_link_km: float, isl_km: float, feeder_link_km: float, fibre_light_km: float
) -> Chain:
    """The terms of a path; `fibre_light_km`: the fibre as a length that light in vacuum covers in the same time."""
    user, isl, feeder, fibre = (
        ROUND_TRIP_MS_PER_KM * km for km in (user_link_km, isl_km, feeder_link_km, fibre_light_km)
    )
    longer = (constants.way_stretch - 1.0) * (user + isl + feeder)
    return Chain(user, isl, feeder, longer, fibre, constants.scheduling_ms, constants.pop_ms)


def rtt_ms(
    constants: Constants, path_km: NDArray[Any], fibre_light_km: NDArray[Any], jitter: NDArray[Any] | float = 0.0
) -> NDArray[np.float32]:
    """The round trips of paths whose whole lengths and fibres are known, any axes; infinite stays infinite.

    `jitter` from −1 to 1: where in the spread of the scheduling a round trip lies.
    """
    fibre_km = np.where(np.isfinite(path_km), fibre_light_km, 0.0)
    space_km = path_km - fibre_km
    light_ms = ROUND_TRIP_MS_PER_KM * (constants.way_stretch * space_km + fibre_km)
    found = light_ms + (constants.scheduling_ms + constants.pop_ms) + constants.jitter_ms * jitter
    return np.asarray(found, dtype=np.float32)


def jitters(first_slot: int, slots: int, sites: int) -> Floats:
    """Where in the spread of the scheduling each round trip lies, from −1 to 1, axes (slot, site)."""
    return 2.0 * _spread(first_slot, slots, sites, JITTER_STEPS) - 1.0


def turns(first_slot: int, slots: int, sites: int) -> Floats:
    """Whose turn it is among the PoPs that share a site, from 0 to 1, axes (slot, site); whatever the jitter is."""
    return _spread(first_slot, slots, sites, TURN_STEPS)


def _spread(first_slot: int, slots: int, sites: int, steps: tuple[float, float]) -> Floats:
    """Numbers from 0 to 1, axes (slot, site), that fill the interval evenly along either axis."""
    slot = np.arange(first_slot, first_slot + slots, dtype=np.float64)[:, np.newaxis]
    return (0.5 + steps[0] * slot + steps[1] * np.arange(sites)) % 1.0


def fibres_beyond(onward: NDArray[np.int32], gateway: NDArray[np.int32], fibre_light_km: Floats) -> Floats:
    """The fibre at the end of each satellite's way, axes (slot, satellite); 0 where there is no way.

    `onward` and `gateway` as in Routes; fibre_light_km (slot, gateway).
    """
    end = np.empty_like(onward)
    paths.ends_along(onward, end)
    slot = np.arange(len(onward))[:, np.newaxis]
    lands_at = np.where(end >= 0, gateway[slot, np.maximum(end, 0)], -1)
    return np.where(lands_at >= 0, fibre_light_km[slot, np.maximum(lands_at, 0)], 0.0)


def read_constants() -> tuple[Constants, Mapping[str, Constant], str]:
    """(the embedded constants, each with what is known of it, the sha256 of their file)."""
    content = (files("openleo.data") / "chain" / "constants.toml").read_bytes()
    tables = {name: table for name, table in tomllib.loads(content.decode()).items() if isinstance(table, dict)}
    known = {
        name: Constant(float(table["value"]), table.get("uncertainty"), table["basis"], table["meaning"])
        for name, table in tables.items()
    }
    return Constants(**{name: one.value for name, one in known.items()}), known, hashlib.sha256(content).hexdigest()
