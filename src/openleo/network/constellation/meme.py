"""Modified ITC ephemerides, as Starlink publishes them: MEME_<number>_<name>_<…>.txt.

Takes the text and name of a file; gives one `Segment`. Four lines of head (created, the span and step, the source, the
frame of the covariance), then for each state a line `YYYYDDDHHMMSS.sss x y z vx vy vz` in UTC, km and km/s, and three
lines with the 21 numbers of its covariance, which are passed over and may be left out. The name of the file says the
satellite and the frame of the states: MEME is EME2000 (Spaceflight Safety Handbook for Operators, 18 SDS; UVW on the
fourth line is the covariance's frame, not theirs).
"""

from __future__ import annotations

import re
from pathlib import PurePath

from openleo.errors import Problem
from openleo.network.constellation.states import Day, Segment, day_of, instant_of

COVARIANCE_LINES = 3
SAME_INSTANT_S = 1.0  # the head counts whole seconds

_SPAN = re.compile(
    r"ephemeris_start:\s*(\S+) (\S+) UTC\s+ephemeris_stop:\s*(\S+) (\S+) UTC\s+step_size:\s*(\d{1,5}(?:\.\d*)?)",
    re.ASCII,
)
_INSTANT = re.compile(r"(\d{4})(\d{3})([01]\d|2[0-3])([0-5]\d)([0-5]\d(?:\.\d*)?)", re.ASCII)


def is_meme(text: str) -> bool:
    """Whether a text begins as a Modified ITC ephemeris."""
    return text.lstrip().startswith("created:")


def segments(text: str, file: str) -> tuple[list[Segment], list[Problem]]:
    """The one segment of a file, and what is at fault outside of it."""
    parts = PurePath(file).name.split("_")
    if len(parts) < 4 or not parts[2]:
        rule = "its name does not say the satellite; it is MEME_<number>_<name>_<day and time>_….txt."
        return [], [Problem(file, "", rule, "Keep the name it was published under.")]
    lines = text.rstrip().split("\n")
    made = Segment(file, "line 5", parts[2], parts[1], parts[0])
    made.check_frame(1)
    span = _SPAN.fullmatch(lines[1].strip()) if len(lines) > 1 else None
    if not span:
        made.problem(2, "is no line `ephemeris_start:… UTC ephemeris_stop:… UTC step_size:…`.")
    if len(lines) < 4 or len(lines[3].split()) != 1:
        made.problem(4, "names no frame of covariances, such as UVW.")
    number = 4
    while number < len(lines):
        words = lines[number].split()
        number += 1
        if len(words) != 7:
            made.problem(number, f"has {len(words)} words; a state is an instant and 6 numbers.")
            continue
        made.add(number, _instant(words[0]), words[0], words[1:])
        after = [line.split() for line in lines[number : number + COVARIANCE_LINES]]
        if after and not _INSTANT.fullmatch(after[0][0] if after[0] else ""):
            if [len(one) for one in after] != [7] * COVARIANCE_LINES:
                made.problem(number + 1, "three lines of 7 covariances follow a state, or the next state.")
            number += COVARIANCE_LINES
    made.check_states(number)
    if span and not made.problems:
        _check_span(made, span)
    return [made], []


def _instant(text: str) -> tuple[Day, float] | None:
    found = _INSTANT.fullmatch(text)
    day = day_of(f"{found[1]}-{found[2]}") if found else None
    if not found or day is None:
        return None
    return day, int(found[3]) * 3600.0 + int(found[4]) * 60.0 + float(found[5])


def _check_span(segment: Segment, span: re.Match[str]) -> None:
    """The states reach from the start to the stop of the head, but for a step: else the file broke off."""
    step_s = float(span[5])
    for said, at, what in ((f"{span[1]}T{span[2]}", 0, "start"), (f"{span[3]}T{span[4]}", -1, "stop")):
        bound = instant_of(said)
        if bound is None:
            segment.problem(2, f"ephemeris_{what} is {said[:40]}, which is no instant.")
            continue
        away_s = (segment.days[at] - bound[0]) * 86_400.0 + segment.seconds[at] - bound[1]
        if abs(away_s) > SAME_INSTANT_S + step_s:
            segment.problem(2, f"the states {what} {abs(away_s):,.0f} s {'after' if away_s > 0 else 'before'} it says.")
