"""Two-line element sets: rows from fixed columns.

Takes the text of a 2LE or 3LE file; gives a `Row` for each pair of lines, and a problem for each line at fault. The
columns are those of Vallado et al., AIAA 2006-6753, appendix B. New satellites have no TLE: five digits ran out in July
2026 (Alpha-5 reaches 339,999), so OMM is the format to fetch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from openleo.errors import Problem
from openleo.network.constellation.element_set import Row

_ELEMENT_LINE = re.compile(r"[12] [ 0-9A-Z]{5}")
_ALPHA_5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # A is 10 … Z is 33; I and O are left out (space-track.org, Alpha-5)
_POWER = re.compile(r"([ +-])(\d{5})([+-]\d| \d| {2})")  # " 28098-4" is 0.28098e-4


def is_tle(text: str) -> bool:
    """Whether any line looks like the first of a pair."""
    return any(line.startswith("1 ") and _ELEMENT_LINE.match(line) for line in text.split("\n"))


def rows(text: str, file: str) -> tuple[list[Row], list[Problem]]:
    """One row for each good pair of lines; what is at fault beside them."""
    found: list[Row] = []
    problems: list[Problem] = []
    name = ""
    first: tuple[int, str] | None = None  # a line 1 that waits for its line 2
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r\n")
        if not line.strip() or line.startswith("#"):
            continue
        kind = line[0] if _ELEMENT_LINE.match(line) else "name"
        if kind != "2" and first:
            problems.append(_alone(file, first[0], name, "1", "2"))
            first = None
        if kind == "1":
            first = (number, line)
        elif kind == "2":
            if first:
                faults = [*_faults(first[1], first[0], name, file), *_faults(line, number, name, file)]
                faults = faults or _other_satellite(first[1], line, number, name, file)
                problems += faults
                if not faults:
                    found.append(Row(f"line {first[0]}", _fields(name, first[1], line)))
            else:
                problems.append(_alone(file, number, name, "2", "1"))
            first, name = None, ""
        else:
            name = line.removeprefix("0 ").strip()
    if first:
        problems.append(_alone(file, first[0], name, "1", "2"))
    return found, problems


def checksum(line: str) -> int:
    """The sum of the digits of the first 68 columns, a minus counting as 1, modulo 10."""
    return sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10


def _place(number: int, name: str) -> str:
    return f"line {number} ({name})" if name else f"line {number}"


def _alone(file: str, number: int, name: str, has: str, lacks: str) -> Problem:
    rule = f"a line {has} stands without its line {lacks}."
    return Problem(file, _place(number, name), rule, "Fetch the set again.")


def _faults(line: str, number: int, name: str, file: str) -> list[Problem]:
    where, again = _place(number, name), "Fetch the set again."
    if not line.isascii():
        return [Problem(file, where, "an element line holds a character that is not ASCII.", again)]
    if len(line) < 69:
        return [Problem(file, where, f"the line has {len(line)} columns; an element line has 69.", again)]
    if len(line) > 69 and line[69] != " ":
        return [Problem(file, where, f"the line goes on after its 69 columns, with {line[69:79]!r}.", again)]
    if not line[68].isdigit() or int(line[68]) != checksum(line):
        rule = f"the checksum is {line[68]!r}; the digits of the line add up to {checksum(line)}."
        return [Problem(file, where, rule, again)]
    return []


def _other_satellite(first: str, second: str, number: int, name: str, file: str) -> list[Problem]:
    if first[2:7] == second[2:7]:
        return []
    rule = f"line 2 is of satellite {second[2:7].strip()}, line 1 of {first[2:7].strip()}; a pair is of one."
    return [Problem(file, _place(number, name), rule, "Fetch the set again.")]


def _fields(name: str, first: str, second: str) -> dict[str, str]:
    """The columns under the OMM's keywords; what cannot be read is left as it stands, for the checks to name."""
    number = _catalogue_number(first[2:7])
    return {
        "OBJECT_NAME": name or number,
        "NORAD_CAT_ID": number,
        "OBJECT_ID": _designator(first[9:17]),
        "EPOCH": _epoch(first[18:20], first[20:32]),
        "BSTAR": _power(first[53:61]),
        "EPHEMERIS_TYPE": first[62],
        "INCLINATION": second[8:16],
        "RA_OF_ASC_NODE": second[17:25],
        "ECCENTRICITY": "0." + second[26:33].strip(),
        "ARG_OF_PERICENTER": second[34:42],
        "MEAN_ANOMALY": second[43:51],
        "MEAN_MOTION": second[52:63],
    }


def _catalogue_number(columns: str) -> str:
    lead, rest = columns[0], columns[1:]
    return f"{_ALPHA_5.index(lead) + 10}{rest}" if lead in _ALPHA_5 else columns.strip().lstrip("0") or columns.strip()


def _designator(columns: str) -> str:
    """`19074B` as 2019-074B; what is not written so, as it stands."""
    year, rest = columns[:2], columns[2:].strip()
    return f"{_whole_year(year)}-{rest}" if year.isdecimal() else columns.strip()


def _whole_year(digits: str) -> int:
    """Two digits from 57, the year of Sputnik, are of the 1900s (AIAA 2006-6753, appendix B)."""
    return int(digits) + (1900 if int(digits) >= 57 else 2000)


def _epoch(year: str, day: str) -> str:
    try:
        new_year = datetime(_whole_year(year), 1, 1, tzinfo=UTC)
        of_year = float(day)
    except ValueError:
        of_year = 0.0
    if not 1.0 <= of_year < 367.0:
        return f"{year} {day}"
    return (new_year + timedelta(days=of_year - 1.0)).replace(tzinfo=None).isoformat()


def _power(columns: str) -> str:
    found = _POWER.fullmatch(columns)
    if not found:
        return columns
    sign, digits, exponent = found.groups()
    return f"{sign.strip()}0.{digits}e{exponent.strip() or '0'}"
