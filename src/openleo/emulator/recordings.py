"""Recorded traces as files have them: round trips and losses that were measured, and capacity by packets.

Three forms are read. IRTT's JSON (`irtt client -o`: `round_trips`, each with `lost`, `delay.rtt` in nanoseconds and
when the client sent it). A CSV of `t_s` and `rtt_ms` with, if known, `loss`, `down_mbps` and `up_mbps`; or as the LENS
data set has it, `timestamp` and `rtt`, −1 where a packet was lost, `uplink` or `downlink` −1 where it is known on which
way. Mahimahi's traces: each line the millisecond at which 1,500 bytes may pass, over again after the last.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.reading import csv_rows, parse_json, unreadable

Floats = NDArray[np.float64]

OPTION = "--replay"
LOST = {"true": "either", "true_up": "up", "true_down": "down"}  # of IRTT, and in which direction
MOST_TOLD = 20  # problems of one file
NS_PER_S, NS_PER_MS, MS_PER_S = 1e9, 1e6, 1e3
LONGEST_RTT_MS = 3_600_000.0
PACKET_BITS = 1500 * 8
WAY_OUT = (
    "A recording has t_s (seconds) and rtt_ms (empty where a packet was lost), and may have loss, down_mbps, up_mbps."
)
LENS_WAY_OUT = "LENS writes timestamp, rtt and perhaps uplink, downlink in milliseconds, -1 for a packet that was lost."


@dataclass(frozen=True, eq=False)
class Recording:
    """Axes (sample,), by time from 0 on. rtt_ms: NaN where lost. lost (sample, direction): the part lost up, down,
    and in either of both. rate_mbps (sample, direction): up, down, NaN where not known.
    """

    t_s: Floats
    rtt_ms: Floats
    lost: Floats
    rate_mbps: Floats


@dataclass(frozen=True, eq=False)
class Opportunities:
    """When 1,500 bytes may pass, in milliseconds, in order; over again after each `period_ms`."""

    at_ms: NDArray[np.int64]

    @property
    def period_ms(self) -> int:
        return int(self.at_ms[-1])

    def rates_mbps(self, steps: int, step_s: float) -> Floats:
        """What may pass in each step, axes (step,)."""
        edges_ms = np.rint(np.arange(steps + 1) * step_s * MS_PER_S).astype(np.int64)
        until = self._until(edges_ms)
        until[0] = 0  # what may pass at once counts to the first step
        return np.diff(until) * PACKET_BITS / (step_s * 1e6)

    def _until(self, ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Opportunities up to and including each millisecond: one at millisecond n ends its nth."""
        rounds, rest = np.divmod(ms, self.period_ms)
        return rounds * len(self.at_ms) + np.searchsorted(self.at_ms, rest, side="right")


Sample = tuple[float, float, tuple[float, float, float], tuple[float, float]]
UNKNOWN = (np.nan, np.nan)


class Faults:
    """The problems of one file, the first MOST_TOLD of them in words."""

    def __init__(self, file: str):
        self.file, self.found, self.more = file, list[Problem](), 0

    def add(self, where: str, rule: str, way_out: str = "") -> None:
        if len(self.found) < MOST_TOLD:
            self.found.append(Problem(self.file, where, rule, way_out))
        else:
            self.more += 1

    def done(self) -> None:
        """Raise InputError if there are any."""
        if self.more:
            self.found.append(Problem(self.file, "", f"has {self.more:,} problems more."))
        if self.found:
            raise InputError(self.found)


def read_recording(path: Path) -> Recording:
    """IRTT's JSON (also .json.gz) or a CSV, by the file's ending. Raises InputError with every problem."""
    faults = Faults(str(path))
    name = path.name.lower()
    if name.endswith((".json", ".json.gz", ".gz")):
        samples = _irtt(path, faults)
    elif name.endswith(".csv"):
        samples = _csv(path, faults)
    else:
        faults.add("", "is neither .json (of irtt client -o) nor .csv.", "Name it after what it is.")
        samples = []
    faults.done()
    if not samples:
        faults.add("", "holds no sample.", WAY_OUT)
    elif all(np.isnan(one[1]) for one in samples):
        faults.add("", "holds no packet that came back, so that no delay is known.", "Record for longer.")
    faults.done()
    t_s, rtt_ms = np.array([one[0] for one in samples]), np.array([one[1] for one in samples])
    lost, rate = np.array([one[2] for one in samples]), np.array([one[3] for one in samples])
    order = np.argsort(t_s, kind="stable")
    return Recording(t_s[order] - t_s[order][0], rtt_ms[order], lost[order], rate[order])


# --- IRTT ---------------------------------------------------------------------------------------------------------


def _irtt(path: Path, faults: Faults) -> list[Sample]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.name.lower().endswith(".gz") else content).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None
    except (EOFError, zlib.error) as error:  # of a gzip that breaks off, or is none inside
        raise InputError(Problem(str(path), "", f"cannot be read: {error}.", "Record or copy it again.")) from None
    data = parse_json(text, str(path))
    trips = data.get("round_trips") if isinstance(data, dict) else None
    if not isinstance(trips, list):
        faults.add("round_trips", "is missing; it is the list of all packets.", "Write it with irtt client -o F.json.")
        return []
    # The monotonic clock does not leap; but one clock for all, since nothing says how the two are apart.
    sent = [_inside(one, "timestamps", "client", "send") for one in trips]
    clock = "monotonic" if all(_is_number(_inside(one, "monotonic")) for one in sent) else "wall"
    found = [_round_trip(one, clock, f"round_trips[{number}]", faults) for number, one in enumerate(trips)]
    return [one for one in found if one is not None]


def _round_trip(trip: Any, clock: str, where: str, faults: Faults) -> Sample | None:
    at_ns = _inside(trip, "timestamps", "client", "send", clock)
    if not _is_number(at_ns):
        faults.add(f"{where}.timestamps.client.send", "has no time of a clock that all have, in nanoseconds.",
                   "Record with the client's own timestamps, as irtt does by default.")  # fmt: skip
        return None
    lost = str(_inside(trip, "lost")).lower()
    if lost in LOST:
        lost_in = {"up": (1.0, 0.0, 0.0), "down": (0.0, 1.0, 0.0), "either": (0.0, 0.0, 1.0)}[LOST[lost]]
        return float(at_ns) / NS_PER_S, np.nan, lost_in, UNKNOWN
    if lost != "false":
        faults.add(f"{where}.lost", f'is "{lost}"; it is one of false, true, true_up, true_down.')
        return None
    rtt_ns = _inside(trip, "delay", "rtt")
    if not _is_number(rtt_ns) or not 0.0 < rtt_ns <= LONGEST_RTT_MS * NS_PER_MS:
        faults.add(f"{where}.delay.rtt", f"is {rtt_ns}; a packet that came back took more than 0 nanoseconds.")
        return None
    return float(at_ns) / NS_PER_S, float(rtt_ns) / NS_PER_MS, (0.0, 0.0, 0.0), UNKNOWN


def _inside(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- CSV ----------------------------------------------------------------------------------------------------------


def _csv(path: Path, faults: Faults) -> list[Sample]:
    rows = csv_rows(path, OPTION, (), WAY_OUT)
    columns = set(rows[0][1]) if rows else set()
    lens = "timestamp" in columns and "t_s" not in columns
    if missing := [name for name in (("timestamp", "rtt") if lens else ("t_s", "rtt_ms")) if name not in columns]:
        lacks = f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}."
        faults.add("", lacks if rows else "holds no row.", LENS_WAY_OUT if lens else WAY_OUT)
        return []
    # LENS counts nanoseconds in what it makes of IRTT's files, and seconds in what it makes of ping's.
    unit_s = 1.0
    if lens:
        first = str(rows[0][1]["timestamp"]).strip()
        unit_s = 1.0 / NS_PER_S if first.isdigit() and len(first) > len("1705744800000") else 1.0
    row_of: Callable[[dict[str, str | None], str, Faults], Sample | None] = _lens_row if lens else _row
    found = []
    for line, row in rows:
        sample = row_of(row, f"line {line}", faults)
        if sample is not None:
            found.append((sample[0] * unit_s, *sample[1:]))
    return found


def _row(row: dict[str, str | None], where: str, faults: Faults) -> Sample | None:
    t_s = _cell(row, "t_s", where, faults, "seconds", lowest=-np.inf, needed=True)
    rtt = _cell(row, "rtt_ms", where, faults, "a time above 0, or empty where a packet was lost",
                most=LONGEST_RTT_MS, above=True)  # fmt: skip
    loss = _cell(row, "loss", where, faults, "the part that was lost, from 0 to 1", most=1.0)
    down = _cell(row, "down_mbps", where, faults, "a rate above 0, or empty where it is not known", above=True)
    up = _cell(row, "up_mbps", where, faults, "a rate above 0, or empty where it is not known", above=True)
    if t_s is None or None in (rtt, loss, down, up):
        return None
    assert rtt is not None and loss is not None and up is not None and down is not None  # noqa: PT018
    gone = (1.0 if np.isnan(rtt) else 0.0) if np.isnan(loss) else loss
    return t_s, rtt, (0.0, 0.0, gone), (up, down)


def _lens_row(row: dict[str, str | None], where: str, faults: Faults) -> Sample | None:
    at = _cell(row, "timestamp", where, faults, "nanoseconds or seconds", needed=True)
    rtt = _cell(row, "rtt", where, faults, "milliseconds, or -1 for a packet that was lost", lowest=-1.0)
    links = [_cell(row, link, where, faults, "milliseconds, or -1", lowest=-np.inf) for link in ("uplink", "downlink")]
    if at is None or rtt is None or None in links:
        return None
    lost = (float(links[0] == -1.0), float(links[1] == -1.0 and links[0] != -1.0), float(rtt == -1.0))
    if any(lost) or np.isnan(rtt):
        return at, np.nan, lost if any(lost) else (0.0, 0.0, 1.0), UNKNOWN
    if not 0.0 < rtt <= LONGEST_RTT_MS:
        faults.add(where, f"has rtt {rtt:g} of a packet that came back; it is above 0.", LENS_WAY_OUT)
        return None
    return at, rtt, (0.0, 0.0, 0.0), UNKNOWN


def _cell(
    row: dict[str, str | None], column: str, where: str, faults: Faults, what: str, *, lowest: float = 0.0,
    most: float = np.inf, above: bool = False, needed: bool = False,
) -> float | None:  # fmt: skip
    """A number; NaN where nothing stands; None where it is at fault."""
    words = str(row.get(column) or "").strip()
    if not words and not needed:
        return np.nan
    try:
        value = float(words)
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or value < lowest or value > most or (above and value <= lowest):
        faults.add(where, f'has {column} "{words}"; it is {what}.')
        return None
    return value


# --- Mahimahi -----------------------------------------------------------------------------------------------------


def read_opportunities(path: Path) -> Opportunities:
    """A trace of `mm-link`. Raises InputError with every problem."""
    faults = Faults(str(path))
    try:
        lines: Sequence[str] = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None
    found, last = [], 0
    for number, line in enumerate(lines, start=1):
        words = line.strip()
        if not (words.isascii() and words.isdigit() and len(words) <= len("86400000000")):
            faults.add(f"line {number}", f'holds "{words[:40]}"; it is a millisecond from the beginning, whole.')
            continue
        if int(words) < last:
            faults.add(f"line {number}", f"holds {words}, before the line above ({last}).", "Sort the lines.")
        last = max(last, int(words))
        found.append(int(words))
    if not lines or (not faults.found and last == 0):
        faults.add("", "lets nothing pass after its beginning.", "Its last line says after how long it starts over.")
    faults.done()
    return Opportunities(np.array(found, np.int64))
