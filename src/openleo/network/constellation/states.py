"""States as files of ephemerides list them: what every reader of such a file makes, and how it reads instants.

Takes lines; gives a `Segment`: the states of one satellite that belong together, with the checks that are the same for
every form of file. The readers of OEM and MEME files are beside it; `ephemeris_set` joins the segments of all files.
"""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from openleo.errors import Problem, counted
from openleo.network.constellation import frames
from openleo.network.kernels import hermite

MOST_PROBLEMS = 20  # of a segment; the rest is counted
LOWEST_KM, HIGHEST_KM = 6300.0, 1_000_000.0  # from the Earth's centre
FASTEST_KM_S = 12.0  # above it nothing stays with the Earth
SECONDS_A_DAY = 86_400.0
LONGEST_STEP_S = 600.0  # between states; over a longer gap there is no position (20 m off, 200 m at 900 s)
# How far a state may be from where the one before it moves to, as a share of the way, and beside it. Inertial
# velocities of Earth-fixed positions miss 6 % of it; the trapezium rule itself below 1 % at LONGEST_STEP_S.
MISSED_SHARE, MISSED_KM = 0.03, 1.0

Day = int  # the proleptic Gregorian ordinal of a UTC day

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:\.\d*)?)Z?", re.ASCII)


@dataclass
class Segment:
    """States of one satellite between which a position is found; `begin` and `end` bound where it is to be used.

    Instants are (day, second of the day) in UTC. Readers add states as they meet them, and problems.
    """

    file: str
    where: str  # where it begins
    name: str
    id: str
    frame: str
    begin: tuple[Day, float] | None = None  # None: from the first state
    end: tuple[Day, float] | None = None
    days: array[int] = field(default_factory=lambda: array("l"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))  # of each state six, as `states` has them
    lines: array[int] = field(default_factory=lambda: array("l"))
    problems: list[Problem] = field(default_factory=list)

    @property
    def states(self) -> NDArray[np.float64]:
        """x, y, z in km and their rates in km/s, axes (state, six)."""
        return np.frombuffer(self.values.tobytes(), np.float64).reshape(-1, 6)

    def since_s(self, day: Day) -> NDArray[np.float64]:
        """The instant of each state in seconds since the midnight that `day` begins with."""
        days = np.array(self.days, dtype=np.float64)
        return (days - day) * SECONDS_A_DAY + np.array(self.seconds, dtype=np.float64)

    def problem(self, line: int, rule: str, way_out: str = "Fetch the file again.") -> None:
        """A fault at a line; of very many the first are kept, and a last one that says so."""
        if len(self.problems) == MOST_PROBLEMS:
            self.problems.append(
                Problem(
                    self.file,
                    f"line {line} ({self.name})",
                    "is at fault too, and so are perhaps others after it.",
                    "Mend these first.",
                )
            )
        elif len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self.file, f"line {line} ({self.name})", rule, way_out))

    def add(self, line: int, instant: tuple[Day, float] | None, said: str, words: list[str]) -> None:
        """One state as it stands at a line: its instant (None if it cannot be read), and six words or nine."""
        if instant is None:
            self.problem(line, f"{said[:40]} is no instant.")
            return
        try:
            numbers = [float(word) for word in words[:6]]
        except ValueError:
            self.problem(line, f"{' '.join(words)[:80]!r} are not all numbers.")
            return
        if not all(map(math.isfinite, numbers)):
            self.problem(line, "holds a number that is not finite.")
            return
        distance_km, speed_km_s = math.hypot(*numbers[:3]), math.hypot(*numbers[3:])
        if not LOWEST_KM <= distance_km <= HIGHEST_KM:
            rule = (
                f"the position is {distance_km:,.0f} km from the Earth's centre; {LOWEST_KM:,.0f} to {HIGHEST_KM:,.0f}"
            )
            self.problem(line, f"{rule} are read.", "Positions are in km.")
            return
        if speed_km_s > FASTEST_KM_S:
            rule = f"the speed is {speed_km_s:,.1f} km/s; a satellite has at most {FASTEST_KM_S:g}."
            self.problem(line, rule, "Velocities are in km/s.")
            return
        if self.days and instant <= (self.days[-1], self.seconds[-1]):
            self.problem(line, f"{said[:40]} does not come after the state before it.", "Sort the states by time.")
            return
        self.days.append(instant[0])
        self.seconds.append(instant[1])
        self.values.extend(numbers)
        self.lines.append(line)

    def check_frame(self, line: int) -> None:
        if frames.kind_of(self.frame) is None:
            self.problem(line, f"the frame is {self.frame[:40]}; read are {frames.KNOWN}.", "Convert it first.")

    def check_states(self, line: int) -> None:
        """Whether there are enough states, and whether they move as their velocities say; `line`: where they end."""
        if self.problems:
            return
        if len(self.days) < 2:
            self.problem(line, f"it has {counted(len(self.days), 'state')}; a position between states needs two.")
            return
        position, velocity = self.states[:, :3], self.states[:, 3:]
        step_s = np.diff(self.since_s(self.days[0]))[:, np.newaxis]
        pull = hermite.pulls_km_s2(position)
        moved = step_s / 2.0 * (velocity[1:] + velocity[:-1]) - step_s**2 / 12.0 * np.diff(pull, axis=0)
        missed_km = np.linalg.norm(np.diff(position, axis=0) - moved, axis=1)
        allowed_km = MISSED_SHARE * np.linalg.norm(np.diff(position, axis=0), axis=1) + MISSED_KM
        for state in np.flatnonzero((missed_km > allowed_km) & (step_s[:, 0] <= LONGEST_STEP_S)).tolist():
            rule = f"the position is {missed_km[state]:,.0f} km from where the state before it moves to"
            way_out = "Check the units, and that velocities are of the frame of the positions."
            self.problem(self.lines[state + 1], f"{rule}, by both velocities.", way_out)


@lru_cache(maxsize=4096)
def day_of(text: str) -> Day | None:
    """The day of `2026-08-22` or `2026-234` (CCSDS 301.0-B, ASCII time codes A and B)."""
    parts = text.split("-")
    if [len(part) for part in parts] not in ([4, 2, 2], [4, 3]) or not all(
        part.isascii() and part.isdigit() for part in parts
    ):
        return None
    year, *rest = map(int, parts)
    try:
        if len(rest) == 2:
            return date(year, *rest).toordinal()
        found = date(year, 1, 1) + timedelta(days=rest[0] - 1)
    except (ValueError, OverflowError):
        return None
    return found.toordinal() if found.year == year else None


def instant_of(text: str, ahead_s: float = 0.0) -> tuple[Day, float] | None:
    """(day, second) in UTC of `2026-08-22T04:08:56.166` on a clock that is `ahead_s` of UTC; None if it is no instant.

    >>> instant_of("2026-08-22T00:00:10.5", ahead_s=18.0) == instant_of("2026-234T23:59:52.5", ahead_s=86_400.0)
    True
    """
    day, _, clock = text.partition("T")
    number, found = day_of(day), _CLOCK.fullmatch(clock)
    if number is None or not found:
        return None
    return shifted(number, int(found[1]) * 3600.0 + int(found[2]) * 60.0 + float(found[3]), ahead_s)


def shifted(day: Day, second: float, ahead_s: float) -> tuple[Day, float]:
    """An instant of a clock that is `ahead_s` of UTC, in UTC."""
    second -= ahead_s
    while second < 0.0:
        day, second = day - 1, second + SECONDS_A_DAY
    # A second that lies before midnight by less than a float of the day resolves is midnight.
    return (day + 1, 0.0) if second >= SECONDS_A_DAY else (day, second)
