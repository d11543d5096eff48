"""What one channel carries between a cell and a satellite, by elevation: where decibels end and Mbit/s begin.

Takes a satellite's and a terminal's radio, the climate of cells and the altitudes of shells; gives `ChannelRates`, a
table that kernels read. Cells whose skies take alike (to 0.1 dB both ways) share a zone, so that a table of the whole
Earth is a few hundred rows. Assignments of beams read rates here and know no dB.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.errors import InputError
from openleo.network.capacity import radios
from openleo.network.capacity.link_budget import LinkEnds, budget, channel_mbps
from openleo.network.capacity.modcods import Modcods, dvb_s2x
from openleo.network.capacity.radios import SatelliteRadio, Terminal
from openleo.network.capacity.rain_grid import Climate
from openleo.network.kernels.channel_rates import rates_at

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LOWEST_DEG = 5.0  # the formulas of gases, clouds and scintillation hold from there
STEP_DEG = 0.5
ZONE_DB = 0.1
ZONE_ELEVATION_DEG = 35.0  # at which skies are compared
LATITUDE_STEP_DEG = 6.0  # rain of the tropics falls differently with elevation: P.618-13 has an angle in it, to 36°
TROPICS_DEG = 36.0


@dataclass(frozen=True)
class ChannelRates:
    """Mbit/s of one channel, down to a terminal and up from it, for all but `percent` of an average year.

    0 where the link does not close, and below `first_deg`.
    """

    satellite: SatelliteRadio
    terminal: Terminal
    percent: float
    altitude_km: Floats  # axes (altitude), rising
    first_deg: float
    step_deg: float
    zone: Ints  # axes (cell)
    down_mbps: NDArray[np.float32] = field(repr=False)  # axes (altitude, zone, elevation)
    up_mbps: NDArray[np.float32] = field(repr=False)

    @property
    def elevation_deg(self) -> Floats:
        """Of the table's last axis."""
        return np.asarray(self.first_deg + self.step_deg * np.arange(self.down_mbps.shape[2]), np.float64)

    @property
    def sha256(self) -> str:
        """Of all that a rate is read from."""
        return sha256_of(self.altitude_km, self.elevation_deg, self.zone, self.down_mbps, self.up_mbps)

    def altitude_number(self, altitude_km: ArrayLike) -> Ints:
        """The table's altitude that is nearest to each."""
        asked = np.asarray(altitude_km, np.float64)
        return np.asarray(np.abs(asked[..., None] - self.altitude_km).argmin(axis=-1), np.int32)

    def down(self, cell: ArrayLike, altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Floats:
        """Mbit/s to cells (by number) from satellites at such elevations; they broadcast to axes (link)."""
        return self._at(self.down_mbps, cell, altitude_km, elevation_deg)

    def up(self, cell: ArrayLike, altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Floats:
        """As `down`, from cells to satellites."""
        return self._at(self.up_mbps, cell, altitude_km, elevation_deg)

    def of_links(self, cell: Ints, altitude: Ints, elevation_deg: Floats) -> tuple[Floats, Floats]:
        """(down, up) Mbit/s of many links, axes (link); `altitude` is a number of `altitude_number`'s."""
        zone, down, up = self.zone[cell], np.zeros(len(elevation_deg)), np.zeros(len(elevation_deg))
        rates_at(self.down_mbps, altitude, zone, elevation_deg, self.first_deg, self.step_deg, down)
        rates_at(self.up_mbps, altitude, zone, elevation_deg, self.first_deg, self.step_deg, up)
        return down, up

    def _at(
        self, table: NDArray[np.float32], cell: ArrayLike, altitude_km: ArrayLike, elevation_deg: ArrayLike
    ) -> Floats:
        zone, altitude, elevation = np.broadcast_arrays(
            self.zone[np.asarray(cell)], self.altitude_number(altitude_km), np.asarray(elevation_deg, np.float64)
        )
        found = np.zeros(zone.size)
        flat = altitude.ravel().astype(np.int32), zone.ravel().astype(np.int32), elevation.ravel().astype(np.float64)
        rates_at(table, *flat, self.first_deg, self.step_deg, found)
        return found.reshape(zone.shape)


def channel_rates(
    satellite: SatelliteRadio,
    terminal: Terminal,
    climate: Climate,
    altitude_km: ArrayLike,
    percent: float,
    modcods: Modcods | None = None,
    first_deg: float = LOWEST_DEG,
    lost_db: Floats | None = None,
) -> ChannelRates:
    """The table for the cells of a climate and shells at some altitudes.

    lost_db (cell,): by how much Es/N0 is lower than the budget's, both ways; a loss has zones of its own, so that the
    rates of the others stay what they are to the last digit.
    Raises InputError where the two ends cannot be of one link (`radios.misfits`).
    """
    if problems := radios.misfits(satellite, terminal, terminal.name):
        raise InputError(problems)
    table = modcods or dvb_s2x()
    altitudes = np.unique(np.asarray(altitude_km, np.float64))
    elevation = np.arange(first_deg, 90.0 + STEP_DEG / 2.0, STEP_DEG)
    down, up = radios.down_ends(satellite, terminal), radios.up_ends(satellite, terminal)
    zone, speaker = zones(down, up, climate, percent)
    spoken = climate.of(speaker)
    of_sky, of_zone_db = np.arange(len(speaker)), np.zeros(len(speaker))
    if lost_db is not None:
        lost_levels, level = np.unique(lost_db, return_inverse=True)
        keys, zone_of = np.unique(zone * len(lost_levels) + level.ravel(), return_inverse=True)
        of_sky, of_zone_db = keys // len(lost_levels), lost_levels[keys % len(lost_levels)]
        zone = zone_of.ravel().astype(np.int32)
    made = []
    for ends, known in ((down, table), (up, table.up_to(terminal.bits_per_symbol_up_max))):
        es_n0_db = np.stack(
            [budget(ends, float(one), elevation[:, None], spoken, percent).es_n0_db.T for one in altitudes]
        )
        es_n0_db = es_n0_db[:, of_sky] - of_zone_db[:, np.newaxis]
        made.append(channel_mbps(ends, es_n0_db, known, satellite.margin_db).astype(np.float32))
    return ChannelRates(satellite, terminal, percent, altitudes, float(first_deg), STEP_DEG, zone, *made)


def zones(down: LinkEnds, up: LinkEnds, climate: Climate, percent: float) -> tuple[Ints, NDArray[np.intp]]:
    """(the zone of each cell; the cell that speaks for each zone: that whose sky takes most).

    Zones are numbered from the clearest sky to the worst.
    """
    taken = [sky_loss_db(ends, ZONE_ELEVATION_DEG, climate, percent) for ends in (down, up)]
    tropic = np.minimum(np.abs(climate.latitude_deg), TROPICS_DEG) // LATITUDE_STEP_DEG
    keys = np.column_stack([*(np.floor(one / ZONE_DB) for one in taken), tropic]).astype(np.int64)
    _, zone = np.unique(keys, axis=0, return_inverse=True)
    zone = zone.ravel()
    worst_first = np.lexsort((np.arange(len(zone)), -(taken[0] + taken[1]), zone))
    heads = np.flatnonzero(np.diff(zone[worst_first], prepend=-1))
    return zone.astype(np.int32), worst_first[heads]


def sha256_of(*arrays: NDArray[np.generic]) -> str:
    """Of arrays' shapes, kinds and numbers."""
    made = hashlib.sha256()
    for one in arrays:
        made.update(f"{one.shape} {one.dtype.str}".encode())
        made.update(np.ascontiguousarray(one).tobytes())
    return made.hexdigest()


def sky_loss_db(ends: LinkEnds, elevation_deg: float, climate: Climate, percent: float) -> Floats:
    """All that the sky takes, the noise of rain included, dB; axes (cell)."""
    one = budget(ends, 550.0, elevation_deg, climate, percent)
    return -(one.gases_db + one.clouds_db + one.rain_db + one.scintillation_db + one.together_db + one.rain_noise_db)
