"""One element set: the numbers SGP4 starts from, checked.

Takes a `Row`, the keywords and values of one OMM (CCSDS 502.0-B-3) wherever they were written; gives an `ElementSet`
ready to propagate, or everything that is wrong with the row. The readers of TLE and OMM files make the rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sgp4.api import WGS72, Satrec

from openleo.errors import Problem
from openleo.instants import FIRST_YEAR, LAST_YEAR, julian_date

SGP4_DAY_ZERO_JD = 2_433_281.5  # 1949-12-31T00:00:00; sgp4init counts its epoch from here

RAD_PER_MIN_PER_REV_PER_DAY = 2.0 * math.pi / 1_440.0


@dataclass(frozen=True)
class Row:
    """What a file says of one satellite, under the OMM's keywords, not yet believed."""

    where: str  # its place in the file, as a person finds it: `line 17`
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class ElementSet:
    """One satellite's mean elements at an epoch, as SGP4 takes them."""

    id: int  # catalogue number, up to nine digits; kept here because sgp4 holds no more than 339,999
    name: str
    epoch: datetime  # UTC, to the microsecond
    mean_motion_rev_per_day: float  # Kozai's, as every TLE and OMM has it
    eccentricity: float
    inclination_deg: float
    raan_deg: float
    argument_of_perigee_deg: float
    mean_anomaly_deg: float
    bstar_per_earth_radius: float
    launch_year: int | None = None  # of the international designator, where the file has one

    @cached_property
    def satrec(self) -> Any:
        """The satellite for SGP4: WGS 72, improved mode (sgp4.api.Satrec)."""
        satellite = Satrec()
        jd, fraction = julian_date(self.epoch)
        satellite.sgp4init(
            WGS72,
            "i",
            0,  # the catalogue number is ours to keep
            jd
            + fraction
            - SGP4_DAY_ZERO_JD,  # one float, as in Vallado's code: it moves deep-space sets by millimetres
            self.bstar_per_earth_radius,
            0.0,  # SGP4 uses neither derivative of the mean motion; they are left from SGP
            0.0,
            self.eccentricity,
            math.radians(self.argument_of_perigee_deg),
            math.radians(self.inclination_deg),
            math.radians(self.mean_anomaly_deg),
            self.mean_motion_rev_per_day * RAD_PER_MIN_PER_REV_PER_DAY,
            math.radians(self.raan_deg),
        )
        # That sum resolves 40 µs (0.3 m along the orbit); the Julian date in two parts keeps the epoch as written.
        satellite.jdsatepoch, satellite.jdsatepochF = jd, fraction
        return satellite

    def __getstate__(self) -> dict[str, Any]:
        # A Satrec cannot be sent to another process; it is made anew there.
        return {key: value for key, value in self.__dict__.items() if key != "satrec"}


@dataclass(frozen=True)
class _Number:
    """The range of one element, in the OMM's units."""

    key: str
    low: float
    high: float
    rule: str  # what it must be

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high


# In the order of ElementSet's fields. Open ends are the nearest floats inside: an eccentricity of 1 is a parabola,
# a mean motion of 0 no orbit.
_NUMBERS = (
    _Number(
        "MEAN_MOTION",
        math.nextafter(0.0, 1.0),
        18.0,
        "revolutions a day are above 0 and at most 18 (at the ground it would be 17)",
    ),
    _Number("ECCENTRICITY", 0.0, math.nextafter(1.0, 0.0), "an eccentricity is at least 0 and below 1"),
    _Number("INCLINATION", 0.0, 180.0, "an inclination is from 0 to 180 degrees"),
    _Number("RA_OF_ASC_NODE", -360.0, 360.0, "an angle is within one turn, in degrees"),
    _Number("ARG_OF_PERICENTER", -360.0, 360.0, "an angle is within one turn, in degrees"),
    _Number("MEAN_ANOMALY", -360.0, 360.0, "an angle is within one turn, in degrees"),
    _Number("BSTAR", -1e9, 1e9, "a drag term is a number in 1/Earth radii"),
)

# Elements of another theory, frame or time scale have the same keywords and would be silently wrong by kilometres.
_ONLY = {
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "CENTER_NAME": ("EARTH",),
    "EPHEMERIS_TYPE": ("0", "2", "3"),  # 2 and 3 are SGP4 and SDP4 under old names; 4 is SGP4-XP, another theory
}

_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DESIGNATOR = re.compile(r"(\d{4})-\d{3}[A-Z]{0,3}", re.ASCII)
_EPOCH = re.compile(
    r"(\d{4})-(?:(\d{2})-(\d{2})|(\d{3}))T(\d{2}):(\d{2}):(\d{2})(\.\d+)?(?:Z|\+00:00)?", re.ASCII
)  # CCSDS 301.0-B ASCII time codes A (month, day) and B (day of the year)


def element_set(row: Row, file: str) -> ElementSet | list[Problem]:
    """The element set of a row, or every problem of the row."""
    fields = {key: value for key, value in row.fields.items() if value is not None and str(value).strip()}
    rules: list[str] = []

    number = _id(fields, rules)
    name = "".join(c for c in str(fields.get("OBJECT_NAME", "")).strip() if c.isprintable()) or str(number)
    where = f"{row.where} ({name})" if number is not None or "OBJECT_NAME" in fields else row.where

    for key, allowed in _ONLY.items():
        if key in fields and str(fields[key]).strip().upper() not in allowed:
            rules.append(f"{key} is {fields[key]}; only {allowed[0]} is read.")
    epoch = _epoch(fields, rules)
    values = {one.key: _real(one, fields, rules) for one in _NUMBERS}

    if rules or number is None or epoch is None:
        return [Problem(file, where, rule, "Fetch the set again.") for rule in rules]
    motion, eccentricity, inclination, node, perigee, anomaly, bstar = (values[one.key] for one in _NUMBERS)
    launched = _launch_year(fields)
    return ElementSet(number, name, epoch, motion, eccentricity, inclination, node, perigee, anomaly, bstar, launched)


def _launch_year(fields: Mapping[str, Any]) -> int | None:
    """Of `2019-074B`. What is written otherwise, as some operators' own numbers are, is no launch."""
    found = _DESIGNATOR.fullmatch(str(fields.get("OBJECT_ID", "")).strip())
    return int(found[1]) if found else None


def _id(fields: Mapping[str, Any], rules: list[str]) -> int | None:
    if "NORAD_CAT_ID" not in fields:
        rules.append("NORAD_CAT_ID is missing.")
        return None
    text = str(fields["NORAD_CAT_ID"]).strip()
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        rules.append(f"NORAD_CAT_ID is {text[:40]}; a catalogue number has one to nine digits.")
        return None
    return int(text)


def _epoch(fields: Mapping[str, Any], rules: list[str]) -> datetime | None:
    if "EPOCH" not in fields:
        rules.append("EPOCH is missing.")
        return None
    text = str(fields["EPOCH"]).strip()
    epoch = _parse_epoch(text)
    if epoch is None:
        rules.append(f"EPOCH is {text[:40]}; an epoch is written 2026-08-22T04:08:56.166336, in UTC.")
    elif not FIRST_YEAR <= epoch.year <= LAST_YEAR:
        rules.append(f"EPOCH is {text[:40]}; an epoch is between {FIRST_YEAR} and {LAST_YEAR}.")
    return epoch


def _parse_epoch(text: str) -> datetime | None:
    found = _EPOCH.fullmatch(text)
    if not found:
        return None
    year, month, day, day_of_year, hour, minute, second, fraction = found.groups()
    form = f"{year}-{day_of_year} %Y-%j" if day_of_year else f"{year}-{month}-{day} %Y-%m-%d"
    try:
        midnight = datetime.strptime(*form.split(" ")).replace(tzinfo=UTC)
        instant = midnight.replace(hour=int(hour), minute=int(minute), second=int(second))
        instant += timedelta(microseconds=round(float(fraction or 0.0) * 1e6))
    except (ValueError, OverflowError):
        return None
    return instant if midnight.year == int(year) else None  # strptime takes day 366 of any year


def _real(number: _Number, fields: Mapping[str, Any], rules: list[str]) -> float:
    """The value of one element; nan, and one more rule broken, when there is none."""
    if number.key not in fields:
        rules.append(f"{number.key} is missing.")
        return math.nan
    text = str(fields[number.key]).strip()
    value = float(text) if _REAL.fullmatch(text) else math.nan
    if not number.allows(value):
        rules.append(f"{number.key} is {text[:40]}; {number.rule}.")
    return value
