"""Walker shells: a whole constellation said in a few numbers.

Takes what an operator filed (altitude, inclination, planes, satellites in each plane); gives a checked `Shell`, the
rates at which SGP4 would turn it, and how near its own satellites come to each other. The constellation is built from
shells; nothing here knows an instant.

**Altitude** means SGP4's mean semi-major axis minus the Earth's equatorial radius. The word is ambiguous by a lot: the
same 550 km read as the Kozai mean motion of a TLE puts a satellite up to 511 km along its orbit after one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import WGS72, Satrec
from sgp4.earth_gravity import wgs72

from openleo.errors import Problem, near_names
from openleo.units import EARTH_RADIUS_KM, SECONDS_PER_DAY

Basis = Literal["filed", "inferred", "assumed"]
BASES: tuple[Basis, ...] = ("filed", "inferred", "assumed")

DELTA_DEG = 360.0  # planes over the whole turn

MOST_SATELLITES = 200_000  # more than all systems filed so far have together
LARGEST_NUMBER = 1e6
SAME_ALTITUDE_KM = 20.0  # Kozai's, Brouwer's and Kepler's mean motions of one orbit lie up to 10 km apart
LOWEST_ALTITUDE_KM = 160.0  # below it a satellite comes down within days
HIGHEST_ALTITUDE_KM = 5_800.0  # above it (225 min) SGP4 adds the Moon and the Sun, which a circular shell leaves out


@dataclass(frozen=True)
class Shell:
    """Circular orbits of one altitude and inclination, with the same number of satellites in each plane.

    Plane p has its ascending node at `raan_offset_deg` + `raan_span_deg` · p / `planes`. Satellite s of plane p is at
    the argument of latitude 360° · s / `per_plane` + 360° · `phasing` · p / `satellites` (Walker 1984). `phasing` is
    Walker's F: by how many T-ths of a turn, T being `satellites`, each plane leads the one before it.

    round(`laser_share` · satellites) of them have lasers, spread evenly in the order plane, slot.

    >>> Shell("shell-1", 550.0, 53.0, planes=72, per_plane=22, phasing=39).satellites
    1584
    """

    name: str
    altitude_km: float
    inclination_deg: float
    planes: int
    per_plane: int
    phasing: int
    raan_span_deg: float = DELTA_DEG
    raan_offset_deg: float = 0.0
    laser_share: float = 1.0
    basis: Mapping[str, Basis] = field(default_factory=dict, compare=False)  # of each value above; none: a user's own

    @property
    def satellites(self) -> int:
        """Of the whole shell: Walker's T."""
        return self.planes * self.per_plane

    @property
    def semi_major_axis_km(self) -> float:
        """SGP4's mean (Brouwer) one."""
        return EARTH_RADIUS_KM + self.altitude_km


class Rates(NamedTuple):
    """How fast a shell turns, all its planes alike."""

    argument_rad_s: float  # of a satellite along its orbit, counted from the ascending node
    node_rad_s: float  # of the orbit's plane about the Earth's axis


def rates(shell: Shell) -> Rates:
    """SGP4's own secular rates at the shell's mean semi-major axis.

    Textbook J2 rates would differ by 4 km a day along the orbit; a shell and an element set are to agree.
    """
    return _rates(shell.semi_major_axis_km, shell.inclination_deg)


@lru_cache(maxsize=256)
def _rates(semi_major_axis_km: float, inclination_deg: float) -> Rates:
    satellite = circular_satrec(semi_major_axis_km, inclination_deg)
    return Rates((satellite.mdot + satellite.argpdot) / 60.0, satellite.nodedot / 60.0)


def circular_satrec(
    semi_major_axis_km: float,
    inclination_deg: float,
    *,
    raan_rad: float = 0.0,
    argument_rad: float = 0.0,
    days_since_1950: float = 0.0,
) -> Any:
    """A dragless circular SGP4 satellite whose mean semi-major axis is the one asked for.

    SGP4 takes Kozai's mean motion and takes the Earth's oblateness out of it. So we ask for the mean motion that,
    after that, is the one wanted (Vallado et al., AIAA 2006-6753, the routine initl). Each correction leaves less than
    a hundredth of the error; five reach the last digit. `days_since_1950` counts from 1949-12-31T00:00 UTC, as
    sgp4init does.
    """
    kozai = np.sqrt(wgs72.mu / semi_major_axis_km**3) * 60.0  # rad/min
    for _ in range(6):
        satellite = Satrec()
        satellite.sgp4init(
            WGS72, "i", 0, days_since_1950, 0.0, 0.0, 0.0, 0.0, 0.0,
            np.radians(inclination_deg), argument_rad % (2.0 * np.pi), kozai, raan_rad % (2.0 * np.pi),
        )  # fmt: skip
        kozai *= (satellite.a * wgs72.radiusearthkm / semi_major_axis_km) ** 1.5
    return satellite


def closest_approach_km(shell: Shell) -> float:
    """The least distance that any two satellites of the shell ever have.

    All satellites of a shell keep their relative phase and the angle between their planes, so a pair's distance repeats
    every half orbit and its least value has a closed form. With nodes Ω apart and arguments δ apart, the cosine of the
    angle between the two is, over the orbit,

        ½ cos δ (cos Ω (1 + cos²i) + sin²i) − sin Ω cos i sin δ + ½ sin²i (cos Ω − 1) cos(2u + δ),

    largest where the last cosine is −1. By symmetry the pairs with a satellite of the first plane are enough.

    Liang, Chaudhry, Yanikomeroglu (2021, arXiv:2109.13994) find 55.89 km for Kuiper's second shell:

    >>> round(closest_approach_km(Shell("610", 610.0, 42.0, planes=36, per_plane=36, phasing=11)), 2)
    55.89
    """
    plane = np.arange(shell.planes)[:, np.newaxis]
    slot = np.arange(shell.per_plane)
    node = np.radians(shell.raan_span_deg) * plane / shell.planes
    phase = 2.0 * np.pi * (slot / shell.per_plane + shell.phasing * plane / shell.satellites)
    cos_i, sin2_i = np.cos(np.radians(shell.inclination_deg)), np.sin(np.radians(shell.inclination_deg)) ** 2
    cosine = (
        0.5 * np.cos(phase) * (np.cos(node) * (1.0 + cos_i**2) + sin2_i)
        - np.sin(node) * cos_i * np.sin(phase)
        + 0.5 * sin2_i * (1.0 - np.cos(node))
    )
    cosine[0, 0] = -1.0  # the satellite and itself
    return float(shell.semi_major_axis_km * np.sqrt(2.0 * max(0.0, 1.0 - cosine.max())))


def safest_phasing(
    altitude_km: float, inclination_deg: float, planes: int, per_plane: int, raan_span_deg: float = DELTA_DEG
) -> int:
    """The Walker phasing that keeps a shell's satellites farthest apart; the least such, where metres decide."""

    def nearest_m(phasing: int) -> float:
        shell = Shell("", altitude_km, inclination_deg, planes, per_plane, phasing, raan_span_deg)
        return round(closest_approach_km(shell) * 1000.0)

    return max(range(planes), key=nearest_m)  # max keeps the first of equals


def has_laser(shell: Shell) -> NDArray[np.bool_]:
    """Which satellites of the shell carry lasers, axes (satellite,): the stated share, spread evenly."""
    # In whole numbers, so that exactly round(share · n) are marked whatever n is.
    with_laser = round(shell.laser_share * shell.satellites)
    satellite = np.arange(shell.satellites, dtype=np.int64)
    marked: NDArray[np.bool_] = (satellite + 1) * with_laser // shell.satellites > (
        satellite * with_laser // shell.satellites
    )
    return marked


# What a table of a TOML file may say of a shell, in the order a person writes it: (key, required, whole number).
_KEYS: tuple[tuple[str, bool, bool], ...] = (
    ("altitude_km", True, False),
    ("inclination_deg", True, False),
    ("planes", True, True),
    ("per_plane", False, True),
    ("satellites", False, True),
    ("phasing", False, True),
    ("raan_span_deg", False, False),
    ("raan_offset_deg", False, False),
    ("laser_share", False, False),
    ("mean_motion_rev_per_day", False, False),
)
KEYS = ("name", *(key for key, _, _ in _KEYS))


def read_shell(
    table: Mapping[str, Any], file: str, where: str, basis: Mapping[str, Basis] | None = None
) -> Shell | list[Problem]:
    """A shell from a file's table, or everything that is wrong with it.

    Either `per_plane` or `satellites` (of the whole shell) is given. A `phasing` left out is the safest one.
    """
    problems = [
        Problem(file, where, f"{key!r} is not a key of a shell.", near_names(key, KEYS))
        for key in table
        if key not in KEYS
    ]
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        problems.append(Problem(file, where, "a shell needs a name.", 'Write for example name = "polar".'))
        name = ""
    label = f'shell "{name}"' if name else "the shell"

    numbers: dict[str, float | int] = {}
    for key, required, whole in _KEYS:
        if key not in table:
            if required:
                problems.append(Problem(file, where, f"{label} has no {key}.", f"Write {key} = …."))
            continue
        value = table[key]
        of_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if of_kind and -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            numbers[key] = int(value) if whole else float(value)
        else:
            kind = "a whole number" if whole else "a number"
            said = repr(value) if len(str(value)) < 40 else "…"
            problems.append(Problem(file, where, f"{label} has {key} = {said}, which is not {kind} within a million."))

    if "per_plane" not in table and "satellites" not in table:
        problems.append(
            Problem(file, where, f"{label} does not say how many satellites it has.", "Write per_plane or satellites.")
        )
    problems += [
        Problem(file, where, f"{label} has {key} = {numbers[key]}; it needs at least 1.")
        for key in ("planes", "satellites")
        if "satellites" in numbers and numbers.get(key, 1) < 1
    ]
    if not problems and "planes" in numbers and "satellites" in numbers:
        problems += _spread_over_planes(numbers, file, where, label)
    most = max(numbers.get("satellites", 0), numbers.get("planes", 0) * numbers.get("per_plane", 1))
    if most > MOST_SATELLITES:
        problems.append(Problem(file, where, f"{label} has {most} satellites; a shell has at most {MOST_SATELLITES}."))
    if problems:
        return problems

    fill = dict(numbers)
    fill.pop("satellites", None)
    motion = fill.pop("mean_motion_rev_per_day", None)
    planes, per_plane = int(fill.pop("planes")), int(fill.pop("per_plane"))
    known = dict(basis or {})
    unphased = Shell(name, planes=planes, per_plane=per_plane, phasing=int(fill.pop("phasing", 0)), basis=known, **fill)
    problems = shell_problems(unphased, file, where)
    if motion is not None:
        problems += _motion_problems(unphased, motion, file, where)
    if problems or "phasing" in table:
        return problems or unphased
    phasing = safest_phasing(unphased.altitude_km, unphased.inclination_deg, planes, per_plane, unphased.raan_span_deg)
    return replace(unphased, phasing=phasing, basis=known | {"phasing": "assumed"})


def _motion_problems(shell: Shell, rev_per_day: float, file: str, where: str) -> list[Problem]:
    """Altitude and mean motion say the same thing twice; what to do when they do not agree."""
    label = f'shell "{shell.name}"'
    if rev_per_day <= 0.0:
        return [Problem(file, where, f"{label} has mean_motion_rev_per_day = {rev_per_day:g}; it must be above 0.")]
    implied_km = altitude_of_km(rev_per_day)
    if abs(implied_km - shell.altitude_km) <= SAME_ALTITUDE_KM:
        return []
    said = f"altitude_km = {shell.altitude_km:g} and mean_motion_rev_per_day = {rev_per_day:g}"
    rule = f"{label} has {said}; that mean motion is of {implied_km:.0f} km."
    return [Problem(file, where, rule, "Leave mean_motion_rev_per_day out, or mend the one that is wrong.")]


def altitude_of_km(rev_per_day: float) -> float:
    """The altitude at which a two-body orbit has a mean motion (Kepler's third law).

    >>> round(altitude_of_km(15.0))
    567
    """
    rad_per_s = rev_per_day * 2.0 * np.pi / SECONDS_PER_DAY
    return float((wgs72.mu / rad_per_s**2) ** (1.0 / 3.0)) - EARTH_RADIUS_KM


def _spread_over_planes(numbers: dict[str, float | int], file: str, where: str, label: str) -> list[Problem]:
    """Set `per_plane` from `satellites`, or say why it cannot be."""
    satellites, planes = int(numbers["satellites"]), int(numbers["planes"])
    if "per_plane" in numbers:
        per_plane = int(numbers["per_plane"])
        if per_plane * planes == satellites:
            return []
        rule = f"{label} has {satellites} satellites, but {planes} planes of {per_plane} make {planes * per_plane}."
        return [Problem(file, where, rule, "Leave one of satellites and per_plane out.")]
    if satellites % planes == 0:
        numbers["per_plane"] = satellites // planes
        return []
    uneven = f"{label} has {satellites} satellites in {planes} planes"
    rule = f"{uneven}; a Walker shell needs the same number in each plane."
    even = max(1, round(satellites / planes)) * planes
    divisors = (n for n in range(1, min(satellites, MOST_SATELLITES) + 1) if satellites % n == 0)
    dividing = min(divisors, key=lambda n: (abs(n - planes), -n))
    return [Problem(file, where, rule, f"Try satellites = {even} or planes = {dividing}.")]


def shell_problems(shell: Shell, file: str, where: str) -> list[Problem]:
    """Every rule of a Walker shell that `shell` breaks."""
    label = f'shell "{shell.name}"'
    last = max(shell.planes - 1, 0)
    checks: Sequence[tuple[bool, str, str]] = (
        (
            LOWEST_ALTITUDE_KM <= shell.altitude_km <= HIGHEST_ALTITUDE_KM,
            f"{label} is at {shell.altitude_km:g} km, not within {LOWEST_ALTITUDE_KM:g} to {HIGHEST_ALTITUDE_KM:g} km.",
            "Altitude is in kilometres above the equatorial radius.",
        ),
        (
            0.0 <= shell.inclination_deg <= 180.0,
            f"{label} has inclination_deg = {shell.inclination_deg:g}; an inclination is from 0 to 180.",
            "Above 90 the orbit is retrograde.",
        ),
        (shell.planes >= 1, f"{label} has planes = {shell.planes}; a shell has at least one plane.", ""),
        (
            shell.per_plane >= 1,
            f"{label} has {shell.per_plane} satellites in each plane; a plane has at least one.",
            "",
        ),
        (
            0 <= shell.phasing <= last or shell.planes < 1,
            f"{label} has phasing = {shell.phasing}; Walker's F is a whole number from 0 to planes − 1, here {last}.",
            "Leave phasing out to take the one that keeps the satellites farthest apart.",
        ),
        (
            0.0 < shell.raan_span_deg <= DELTA_DEG,
            f"{label} has raan_span_deg = {shell.raan_span_deg:g}; planes span above 0 and at most 360 degrees.",
            "Write 360 for a Walker delta, 180 for a star.",
        ),
        (
            0.0 <= shell.laser_share <= 1.0,
            f"{label} has laser_share = {shell.laser_share:g}; a share is from 0 to 1.",
            "Write 1 when every satellite has lasers.",
        ),
    )
    return [Problem(file, where, rule, way_out) for holds, rule, way_out in checks if not holds]
