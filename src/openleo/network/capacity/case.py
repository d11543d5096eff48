"""What a run with capacity is computed from: radios, limits, and who asks for what.

`CapacityCase` is a value; `of` its parts for given cells: `rates` (what a channel carries), `caps`, `demand_of`. Where
the scenario says nothing, the radios' own numbers hold.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo import cells as h3cells
from openleo.network.capacity.caps import MOST_CHANNELS, Caps
from openleo.network.capacity.demand import (
    ONE_CLASS,
    Curve,
    Demand,
    Listed,
    PerSubscriber,
    PriorityClass,
    beside,
    demand,
    on_parts,
)
from openleo.network.capacity.demand_file import CellTable
from openleo.network.capacity.feeders import FeederRates, feeder_rates
from openleo.network.capacity.radios import GatewayRadio, SatelliteRadio, Terminal
from openleo.network.capacity.rain_grid import climate
from openleo.network.capacity.rates import ChannelRates, channel_rates
from openleo.network.capacity.subscribers import Penetration, by_part
from openleo.network.ground.gateways import Gateways
from openleo.network.jamming import Disturbed, losses_db
from openleo.places.parts import Parts

Floats = NDArray[np.float64]

MOST_COMPUTED = 96  # slots: one a quarter of an hour of a day
SHORTEST = "shortest"
ALTITUDE_STEP_KM = 25.0  # shells nearer than this share a table of rates: 0.3 dB at 25°


@dataclass(frozen=True)
class DemandCase:
    """Who asks for what: subscribers alike, divided into classes, or a user's table by cell."""

    penetration: Penetration
    each: PerSubscriber
    curve: Curve
    classes: tuple[PriorityClass, ...] = ONE_CLASS
    table: CellTable | None = None  # stands in the subscribers' place
    listed: Listed | None = None  # beside the subscribers

    def said(self) -> dict[str, Any]:
        """All of it, for a fingerprint."""
        known = self.penetration
        return {
            "known": sorted(f"{name} {count}" for name, count in known.known.items()),
            "in_towns": sorted(f"{name} {ratio}" for name, ratio in (known.in_towns or {}).items()),
            "penetration": [f"{known.otherwise}", f"{known.factor}", f"{known.in_towns_otherwise}"],
            "each": [f"{self.each.down_mbps}", f"{self.each.up_mbps}"],
            "curve": [f"{one:.9f}" for one in self.curve.relative],
            "classes": [f"{one.name} {one.share} {one.priority} {one.weight}" for one in self.classes],
            "table": self.table.sha256 if self.table else "",
            "listed": self.listed.sha256 if self.listed else "",
        }


@dataclass(frozen=True)
class CapacityCase:
    """Radios and limits. `limits` holds the fields of `Caps` that the scenario states; others come from the radios.

    keep: how much better another satellite must be before a cell leaves the one that serves it. percent: of an average
    year, in which the sky may be worse than counted. of_shell: by name of a shell, the
    radio of its satellites where that is not `satellite`. ways: SHORTEST, or round feeder links that would be full.
    """

    satellite: SatelliteRadio
    terminal: Terminal
    gateway: GatewayRadio
    percent: float
    demand: DemandCase
    objective: str = "max_min"
    keep: float = 0.0
    limits: Mapping[str, float] = field(default_factory=dict)
    every_slots: int | None = None  # None: `computed_every` chooses
    rate_slots: int = 8
    of_shell: Mapping[str, SatelliteRadio] = field(default_factory=dict)
    other_site_km: float | None = None  # from each gateway, where it has a second site; None: it has none
    ways: str = SHORTEST
    jammed: tuple[Disturbed, ...] = ()  # where C/N of users' links falls

    @property
    def sha256(self) -> str:
        """Of all that its results depend on."""
        return hashlib.sha256(repr(sorted(self.said().items())).encode()).hexdigest()

    def said(self) -> dict[str, Any]:
        """Everything of it, for a fingerprint."""
        others = [f"{shell} {one.name} {one.sha256}" for shell, one in sorted(self.of_shell.items())]
        return {
            **({"of_shell": others} if others else {}),
            **({} if self.other_site_km is None else {"other_site_km": str(self.other_site_km)}),
            **({"ways": self.ways} if self.ways != SHORTEST else {}),
            **({"jammed": [one.said() for one in self.jammed]} if self.jammed else {}),
            "radios": [f"{one.name} {one.sha256}" for one in (self.satellite, self.terminal, self.gateway)],
            "percent": str(self.percent),
            "objective": self.objective,
            "keep": str(self.keep),
            "every_slots": self.every_slots,
            "rate_slots": self.rate_slots,
            "limits": sorted(f"{name} {value}" for name, value in self.limits.items()),
            "demand": self.demand.said(),
        }

    def computed_every(self, slots: int) -> int:
        """Of a run of so many slots every n-th is computed."""
        return self.every_slots or max(1, math.ceil(slots / MOST_COMPUTED))

    def demand_of(self, parts: Parts, sold: NDArray[np.bool_] | None = None) -> tuple[Demand, int]:
        """(what the parts of a run ask for, terminals of the list that are in none of its cells).

        Its rows are the parts: what a table or a list has of a cell counts to the cell's parts by people, or by area
        where nobody lives. sold (part,): whether service is sold there. Raises InputError for a table with other cells.
        """
        asked = self.demand
        if asked.table is not None:
            return on_parts(asked.table.demand(parts.cells, asked.curve), parts), 0
        _, longitude = h3cells.centres_deg(parts.cells)
        counts = by_part(parts, asked.penetration, sold)
        made = demand(
            len(parts.cells), parts.cell, longitude[parts.cell], counts, asked.each, asked.curve, asked.classes
        )
        if asked.listed is None:
            return made, 0
        of_list, left_out = asked.listed.demand(parts.cells, asked.each, asked.curve)
        return beside(made, on_parts(of_list, parts)), left_out

    def rates(self, cells: h3cells.Cells, altitude_km: ArrayLike, first_deg: float) -> ChannelRates:
        """What a channel carries between cells and satellites of some altitudes."""
        centres_deg = h3cells.centres_deg(cells)
        lost_db = losses_db(self.jammed, *centres_deg) if self.jammed else None
        return channel_rates(
            self.satellite, self.terminal, climate(*centres_deg), tables_at_km(altitude_km), self.percent,
            first_deg=first_deg, lost_db=lost_db,
        )  # fmt: skip

    def feeders(self, gateways: Gateways, altitude_km: ArrayLike, first_deg: float) -> FeederRates | None:
        """What one antenna of each gateway carries; None where the satellite's feeder links are not known."""
        sky = climate(gateways.latitude_deg, gateways.longitude_deg)
        return feeder_rates(
            self.satellite, self.gateway, sky, tables_at_km(altitude_km), self.percent, self.other_site_km,
            first_deg=first_deg,
        )  # fmt: skip

    def caps(self, feeders: FeederRates | None = None, antennas: ArrayLike | None = None) -> Caps:
        """The limits. antennas (gateway,): a site carries what so many do under the satellites that it hears best; −1,
        or None for all: without limit, as then it follows as many satellites as there are.
        """
        satellite, terminal = self.satellite, self.terminal
        made = Caps(
            beams=satellite.beams_down or 1,
            channels=min(satellite.down.channels, MOST_CHANNELS),
            shares=1,
            satellite_down_mbps=_or_inf(satellite.mbps_down_max),
            satellite_up_mbps=_or_inf(satellite.mbps_up_max),
            terminal_down_mbps=_or_inf(terminal.mbps_down_max),
            terminal_up_mbps=_or_inf(terminal.mbps_up_max),
        )
        if feeders is not None and antennas is not None:
            few = np.asarray(antennas, np.float64)
            count = np.where(few < 0.0, np.inf, few)
            made = replace(
                made,
                site_down_mbps=count * feeders.up_mbps.max(axis=(0, 2)).astype(np.float64),
                site_up_mbps=count * feeders.down_mbps.max(axis=(0, 2)).astype(np.float64),
            )
        stated: dict[str, Any] = {
            name: int(value) if name in WHOLE else float(value) for name, value in self.limits.items()
        }
        return replace(made, **stated)


WHOLE = ("beams", "channels", "shares")


def _or_inf(value: float | None) -> float:
    return np.inf if value is None else value


def tables_at_km(altitude_km: ArrayLike) -> Floats:
    """The altitudes for which rates are tabled, of all those that satellites have."""
    rounded = np.round(np.asarray(altitude_km, np.float64) / ALTITUDE_STEP_KM) * ALTITUDE_STEP_KM
    return np.unique(np.maximum(rounded, ALTITUDE_STEP_KM))
