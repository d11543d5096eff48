"""Orbit Ephemeris Messages: segments from the KVN form of CCSDS 502.0-B-2 and -B-3 (OEM 1.0, 2.0, 3.0).

Takes the text of a file; gives a `Segment` for each block of metadata with its states. Accelerations and covariances
are passed over. Everything at fault is named with its line; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from openleo.errors import Problem, near_names
from openleo.instants import AHEAD_OF_UTC_S, NO_LEAP_SECOND_SINCE
from openleo.network.constellation import frames
from openleo.network.constellation.states import Day, Segment, instant_of

VERSION = "CCSDS_OEM_VERS"
VERSIONS = ("1.0", "2.0", "3.0")
NEEDED = ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "START_TIME", "STOP_TIME")
OPTIONAL = ("USEABLE_START_TIME", "USEABLE_STOP_TIME", "REF_FRAME_EPOCH", "INTERPOLATION", "INTERPOLATION_DEGREE")
HEADER = (VERSION, "CREATION_DATE", "ORIGINATOR", "MESSAGE_ID", "CLASSIFICATION")
SAME_INSTANT_S = 0.001  # files round their START_TIME to milliseconds

_KEY = re.compile(r"([A-Z][A-Z0-9_]*)\s*=\s*(.*)")
Meta = dict[str, tuple[int, str]]  # keyword: its line and value


def is_oem(text: str) -> bool:
    """Whether a text begins as an OEM in KVN."""
    return text.lstrip().startswith(VERSION)


def segments(text: str, file: str) -> tuple[list[Segment], list[Problem]]:
    """The segments of a file, and what is at fault outside of them; each segment has its own problems."""
    found: list[Segment] = []
    problems: list[Problem] = []
    meta: Meta = {}
    clock_s, state, last = 0.0, "header", 0
    for number, line in _lines(text):
        last = number
        key = _KEY.fullmatch(line)
        if line == "META_START":
            if state in ("meta", "covariance"):
                problems.append(_fault(file, number, f"META_START stands within a block of {state}."))
            if found:
                found[-1].check_states(number)
            state, meta = "meta", {}
        elif line == "META_STOP" and state == "meta":
            segment, clock_s = _segment(meta, number, file)
            found.append(segment)
            state = "states"
        elif line == "COVARIANCE_START" and state == "states":
            state = "covariance"
        elif line == "COVARIANCE_STOP" and state == "covariance":
            state = "states"
        elif state == "covariance":
            continue
        elif state == "header" and key:
            problems += _header(key[1], key[2], number, file)
        elif state == "meta" and key:
            problems += _take(meta, key[1], key[2].strip(), number, file)
        elif state == "states" and not key:
            words = line.split()
            if len(words) not in (7, 10):
                found[-1].problem(number, f"has {len(words)} words; a state is an instant and 6 numbers, or 9.")
            else:
                found[-1].add(number, instant_of(words[0], clock_s), words[0], words[1:])
        else:
            problems.append(_fault(file, number, f"{line[:60]!r} is out of place ({state})."))
    if state in ("meta", "covariance"):
        problems.append(_fault(file, last, f"the file ends within a block of {state}."))
    if found:
        found[-1].check_states(last)
        for segment in found:
            _check_span(segment)
    elif not problems:
        problems.append(Problem(file, "", "it holds no META_START, so no ephemeris.", "Fetch the file again."))
    return found, problems


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line and not line.startswith("COMMENT"):
            yield number, line


def _fault(file: str, number: int, rule: str, way_out: str = "See CCSDS 502.0-B-3, section 5.") -> Problem:
    return Problem(file, f"line {number}", rule, way_out)


def _header(key: str, value: str, number: int, file: str) -> Iterator[Problem]:
    if key == VERSION and value.strip() not in VERSIONS:
        yield _fault(file, number, f"{VERSION} is {value[:20]}; read are {', '.join(VERSIONS)}.", "Convert it first.")
    elif key not in HEADER:
        yield _fault(file, number, f"{key} stands outside of META_START … META_STOP.")


def _take(meta: Meta, key: str, value: str, number: int, file: str) -> Iterator[Problem]:
    if key in meta:
        yield _fault(file, number, f"{key} is there twice, first at line {meta[key][0]}.")
    elif key not in NEEDED + OPTIONAL:
        yield _fault(file, number, f"{key} is no keyword of metadata.", near_names(key, NEEDED + OPTIONAL))
    meta[key] = number, value


def _segment(meta: Meta, stop: int, file: str) -> tuple[Segment, float]:
    """A segment without its states, and how far its clock is ahead of UTC, in seconds."""

    def value(key: str) -> str:
        return meta[key][1] if key in meta else ""

    name = "".join(c for c in value("OBJECT_NAME") if c.isprintable()) or value("OBJECT_ID") or "?"
    made = Segment(file, f"line {stop}", name, value("OBJECT_ID"), value("REF_FRAME"))
    for key in NEEDED:
        if not value(key):
            made.problem(stop, f"{key} is missing above.", "Ask whoever wrote the file.")
    if value("CENTER_NAME").upper() not in ("EARTH", ""):
        made.problem(meta["CENTER_NAME"][0], f"CENTER_NAME is {value('CENTER_NAME')[:40]}; only EARTH is read.", "")
    if made.frame:
        made.check_frame(meta["REF_FRAME"][0])
    if "REF_FRAME_EPOCH" in meta and frames.kind_of(made.frame) == frames.TEME:
        rule = "REF_FRAME_EPOCH makes it TEME of one instant; read is TEME of date."
        made.problem(meta["REF_FRAME_EPOCH"][0], rule, "Convert it to EME2000.")
    clock = value("TIME_SYSTEM").upper()
    if clock and clock not in AHEAD_OF_UTC_S:
        rule = f"TIME_SYSTEM is {clock[:40]}; read are {', '.join(AHEAD_OF_UTC_S)}."
        made.problem(meta["TIME_SYSTEM"][0], rule, "Convert the instants to UTC.")
    ahead_s = AHEAD_OF_UTC_S.get(clock, 0.0)
    bounds: dict[str, tuple[Day, float]] = {}
    for key in ("START_TIME", "USEABLE_START_TIME", "USEABLE_STOP_TIME", "STOP_TIME"):
        if not value(key):
            continue
        found = instant_of(value(key), ahead_s)
        if found is None:
            made.problem(
                meta[key][0], f"{key} is {value(key)[:40]}; an instant is written 2026-08-22T04:08:56.166.", ""
            )
        else:
            bounds[key] = found
            if ahead_s and found[0] < NO_LEAP_SECOND_SINCE.toordinal():
                made.problem(meta[key][0], f"{clock} is read from 2017 on, {key} is before.", "Convert it to UTC.")
    order = list(bounds)
    for earlier, later in pairwise(order):
        if bounds[later] < bounds[earlier]:
            made.problem(meta[later][0], f"{later} is before {earlier}.", "Ask whoever wrote the file.")
    made.begin = bounds.get("USEABLE_START_TIME", bounds.get("START_TIME"))
    made.end = bounds.get("USEABLE_STOP_TIME", bounds.get("STOP_TIME"))
    return made, ahead_s


def _check_span(segment: Segment) -> None:
    """The states reach from START_TIME to STOP_TIME, or as far as they are useable: else the file broke off."""
    if segment.problems or segment.begin is None or segment.end is None:
        return
    for bound, key, first in ((segment.begin, "START_TIME", True), (segment.end, "STOP_TIME", False)):
        at = 0 if first else -1
        late_s = (segment.days[at] - bound[0]) * 86_400.0 + segment.seconds[at] - bound[1]
        if (late_s if first else -late_s) > SAME_INSTANT_S:
            line = int(segment.where.split()[1])
            side = "begin" if first else "end"
            segment.problem(line, f"the states {side} {abs(late_s):,.3f} s {'after' if first else 'before'} its {key}.")
