"""The texts of a Hypatia directory (satgenpy), each made from values.

Formats: satgenpy's README, and what its readers and those of ns3-sat-sim accept: one epoch, satellites `NAME number`
counted from 0, links and interfaces in one order, names without commas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.instants import utc
from openleo.network.constellation import Constellation
from openleo.network.constellation.element_set import RAD_PER_MIN_PER_REV_PER_DAY, ElementSet
from openleo.network.constellation.shells import circular_satrec
from openleo.network.constellation.tle import checksum
from openleo.network.forwarding import State, Wiring
from openleo.network.hypatia import on_ellipsoid
from openleo.network.kernels.forwarding import changed_lines
from openleo.network.pairs import Places
from openleo.units import M_PER_KM, SECONDS_PER_DAY

Floats = NDArray[np.float64]

TURN_DEG = 360.0
ANGLE_DIGITS, ECCENTRICITY_DIGITS, MOTION_DIGITS = 4, 7, 8  # of a TLE (AIAA 2006-6753, appendix B)
EPOCH_DIGITS = 8
ROUND = 1e-7  # the least eccentricity that a TLE can say; pyephem, which satgenpy moves satellites with, takes no 0
LINK_SHARE = 1.0  # of the rate that the ns-3 script gives its ground links


def tle_epoch(instant: datetime) -> tuple[str, float]:
    """An instant as a TLE has it (`YYDDD.DDDDDDDD`), and by how many seconds that is later: 0.4 ms at most."""
    at = utc(instant)
    day_of_year = at.timetuple().tm_yday
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = (at - midnight).total_seconds()
    day = round(day_of_year + seconds / SECONDS_PER_DAY, EPOCH_DIGITS)
    return f"{at.year % 100:02d}{day:012.8f}", (day - day_of_year) * SECONDS_PER_DAY - seconds


def circular_elements(shells: Constellation, at: datetime) -> list[ElementSet]:
    """The satellites of shells as dragless circular element sets at an instant: the same mean elements."""
    _, late_s = tle_epoch(at)
    since_s = (utc(at) - shells.epoch).total_seconds() + late_s
    raan = shells.raan_rad + shells.raan_rate_rad_s * since_s
    argument = shells.argument_rad + (shells.argument_rate_rad_s * since_s)[shells.plane]
    motion = {
        (a, i): float(circular_satrec(a, math.degrees(i)).no_kozai) / RAD_PER_MIN_PER_REV_PER_DAY
        for a, i in set(zip(shells.semi_major_axis_km.tolist(), shells.inclination_rad.tolist(), strict=True))
    }
    found = []
    for s, p in enumerate(shells.plane.tolist()):
        a, i = float(shells.semi_major_axis_km[p]), float(shells.inclination_rad[p])
        node, along = (math.degrees(x) % TURN_DEG for x in (raan[p], argument[s]))
        name = shells.satellite_name[s]
        found.append(ElementSet(s, name, utc(at), motion[a, i], ROUND, math.degrees(i), node, 0.0, along, 0.0))
    return found


def tles(label: str, grid: tuple[int, int], elements: Sequence[ElementSet]) -> str:
    """`tles.txt`: planes and satellites in each, then three lines a satellite, all at the first one's epoch."""
    epoch = tle_epoch(elements[0].epoch)[0]
    lines = [f"{grid[0]} {grid[1]}"]
    for number, one in enumerate(elements):
        kept = re.fullmatch(rf"\S+ {number}", one.name)
        first = f"1 {number + 1:05d}U 00000ABC {epoch}  .00000000  00000-0 {_power(one.bstar_per_earth_radius)} 0    0"
        eccentricity = f"{one.eccentricity:.{ECCENTRICITY_DIGITS}f}"[2:]
        second = (
            f"2 {number + 1:05d} {_angle(one.inclination_deg)} {_angle(one.raan_deg)} {eccentricity} "
            f"{_angle(one.argument_of_perigee_deg)} {_angle(one.mean_anomaly_deg)} "
            f"{one.mean_motion_rev_per_day:11.{MOTION_DIGITS}f}    0"
        )
        lines.append(one.name if kept else f"{label} {number}")
        lines += [f"{line}{checksum(line)}" for line in (first, second)]
    return "\n".join(lines) + "\n"


def _angle(degrees: float) -> str:
    return f"{round(degrees, ANGLE_DIGITS) % TURN_DEG:8.{ANGLE_DIGITS}f}"


def _power(value: float) -> str:
    """A number as TLEs have it: five digits after the point that is not written, and a power of ten."""
    if value == 0.0:
        return " 00000+0"
    exponent = math.floor(math.log10(abs(value))) + 1
    digits = round(abs(value) / 10.0**exponent * 1e5)
    if digits == 100_000:
        digits, exponent = 10_000, exponent + 1
    return f"{'-' if value < 0 else ' '}{digits:05d}{exponent:+d}"


def isls(wiring: Wiring) -> str:
    """`isls.txt`: two satellites a line."""
    return "".join(f"{a} {b}\n" for a, b in wiring.links.tolist())


def ground_stations(places: Places) -> str:
    """`ground_stations.txt`: number, name, latitude, longitude (degrees), height, x, y, z (metres)."""
    latitude = np.degrees(np.arcsin(np.clip(places.up[:, 2], -1.0, 1.0)))
    longitude = np.degrees(np.arctan2(places.up[:, 1], places.up[:, 0]))
    ground = on_ellipsoid(places.names, latitude, longitude, np.zeros(len(places.names)))
    height_m = ((places.position_km - ground.position_km) * places.up).sum(axis=1) * M_PER_KM
    lines = []
    for n, name in enumerate(places.names):
        where = f"{_degrees(latitude[n])},{_degrees(longitude[n])},{height_m[n] + 0.0:.6f}"
        x, y, z = places.position_km[n] * M_PER_KM
        lines.append(f"{n},{name},{where},{x:.6f},{y:.6f},{z:.6f}\n".replace("-0.000000", "0.000000"))
    return "".join(lines)


def _degrees(angle: float) -> str:
    """Six decimals, or up to nine where a place has them."""
    whole = f"{round(float(angle), 9) + 0.0:.9f}"
    return whole[:-3] + whole[-3:].rstrip("0")


def gsl_interfaces(nodes: int) -> str:
    """`gsl_interfaces_info.txt`: one interface to the ground, or from it, for every node."""
    return "".join(f"{node},1,{LINK_SHARE:f}\n" for node in range(nodes))


def gsl_bandwidth(wiring: Wiring, places: int) -> str:
    """`gsl_if_bandwidth_0.txt`: that interface's number and its share of the rate. Later ones are empty."""
    numbers = [*wiring.count.tolist(), *[0] * places]
    return "".join(f"{node},{number},{LINK_SHARE:f}\n" for node, number in enumerate(numbers))


def description(ground_link_km: float, satellite_link_km: float) -> str:
    """`description.txt`: the longest links, in metres."""
    return f"max_gsl_length_m={ground_link_km * M_PER_KM:.10f}\nmax_isl_length_m={satellite_link_km * M_PER_KM:.10f}\n"


class ForwardingLines:
    """The texts `fstate_….txt`, one state after the other: every line of the first, then those that changed.

    A line is node, target, next hop, interface here, interface there; −1 thrice where there is no way.
    """

    def __init__(self, wiring: Wiring, places: int):
        satellites = len(wiring.count)
        count = wiring.count.tolist()
        hops, far = wiring.neighbours.tolist(), wiring.far_interface.tolist()
        onward = [[f",{hops[s][k]},{k},{far[s][k]}\n" for k in range(len(hops[s]))] for s in range(satellites)]
        self._node = _table([str(node) for node in range(satellites + places)])
        text, length = _table([line for lines in onward for line in lines])
        degree = wiring.neighbours.shape[1]
        self._onward = text.reshape(satellites, degree, text.shape[1]), length.reshape(satellites, degree)
        self._landing = _table([f",{n},0\n" for n in count])
        self._rising = _table([f",{s},0,{n}\n" for s, n in enumerate(count)])
        self._none = np.frombuffer(b",-1,-1,-1\n", np.uint8)
        node, onwards, landing, rising = (
            table[0].shape[-1] for table in (self._node, self._onward, self._landing, self._rising)
        )
        self._longest = 2 * (node + 1) + max(onwards, node + 1 + landing, rising, self._none.size)
        self._was: State | None = None

    def lines(self, state: State) -> bytes:
        """The lines of the next state."""
        was = self._was or state
        everything = self._was is None
        if everything:
            changed = state.interface.size + state.first.size
        else:
            changed = int((state.interface != was.interface).sum() + (state.first != was.first).sum())
        out = np.empty(changed * self._longest, np.uint8)
        length = changed_lines(
            state.interface, state.first, was.interface, was.first, everything, *self._node, *self._onward,
            *self._landing, *self._rising, self._none, out,
        )  # fmt: skip
        self._was = state
        return out[:length].tobytes()


def _table(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Texts as (bytes padded to the longest, lengths)."""
    length = np.array([len(text) for text in texts], dtype=np.int32)
    width = int(length.max(initial=1))
    joined = "".join(text.ljust(width) for text in texts).encode("ascii")
    return np.frombuffer(joined, np.uint8).reshape(-1, width), length
