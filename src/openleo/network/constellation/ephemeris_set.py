"""Ephemerides of files: where satellites are, as their operators publish it, ready to be interpolated.

Takes a file, a folder or a pattern (`*.oem`) of OEM and MEME files; gives one frozen `EphemerisSet`, its states in
TEME. Whatever is at fault in any file is raised together: a satellite left out in silence would be a hole in the
network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.instants import instant_text, julian_date
from openleo.network.constellation import frames, meme, oem
from openleo.network.constellation.states import LONGEST_STEP_S, SECONDS_A_DAY, Segment

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LARGEST_FILE_BYTES = 2**30
ENDINGS = (".oem", ".txt")  # of the files of a folder that are looked into
PATTERN_MARKS = "*?["

Reader = Callable[[str, str], tuple[list[Segment], list[Problem]]]


@dataclass(frozen=True, eq=False)
class EphemerisSet:
    """Axes (satellite,), (segment,) and (node,); satellites own segments and segments nodes, all standing together."""

    source: str
    sha256: str  # of an OEM; of a MEME file, whose name counts, and of several files, of their names and hashes
    names: tuple[str, ...]
    ids: tuple[str, ...]  # as the files have them: an international designator, a catalogue number
    frame: tuple[str, ...]  # of the files; the states here are in TEME
    earth_fixed: NDArray[np.bool_]  # (satellite,): turned to TEME by sidereal time alone, so back likewise
    midnight: datetime  # UTC; seconds count from here
    segment_first: Counts  # (satellite + 1,)
    begin_s: Floats  # (segment,): from here to `end_s` it is to be used
    end_s: Floats
    node_first: Counts  # (segment + 1,)
    node_s: Floats  # (node,)
    position_km: Floats  # (node, xyz), TEME
    velocity_km_s: Floats  # (node, xyz), TEME
    notes: tuple[str, ...] = ()  # what was passed over

    def __len__(self) -> int:
        return len(self.names)

    def instant(self, seconds: float) -> datetime:
        return self.midnight + timedelta(seconds=float(seconds))

    def only(self, satellites: NDArray[np.intp]) -> EphemerisSet:
        """Some of the satellites, in the order given."""
        segments, segment_first = _rows(self.segment_first, satellites)
        nodes, node_first = _rows(self.node_first, segments)
        return replace(
            self,
            names=tuple(self.names[s] for s in satellites),
            ids=tuple(self.ids[s] for s in satellites),
            frame=tuple(self.frame[s] for s in satellites),
            earth_fixed=self.earth_fixed[satellites],
            segment_first=segment_first,
            begin_s=self.begin_s[segments],
            end_s=self.end_s[segments],
            node_first=node_first,
            node_s=self.node_s[nodes],
            position_km=self.position_km[nodes],
            velocity_km_s=self.velocity_km_s[nodes],
        )

    def why_not(self, satellite: int, since_s: float) -> str:
        """Why there is no position of a satellite at an instant, in seconds since `midnight`."""
        own = slice(self.segment_first[satellite], self.segment_first[satellite + 1])
        begin, end = self.begin_s[own], self.end_s[own]
        span = " to ".join(instant_text(self.instant(one)) for one in (begin[0], end[-1]))
        if since_s < begin[0] or since_s > end[-1]:
            return f"its ephemeris runs from {span}"
        return f"its ephemeris, from {span}, has a gap there"


def _rows(first: Counts, owners: NDArray[np.intp]) -> tuple[NDArray[np.intp], Counts]:
    """(the rows that some owners have, whose own begin at `first`; where those of each begin now)."""
    rows = [np.arange(first[owner], first[owner + 1]) for owner in owners]
    return np.concatenate([np.empty(0, np.intp), *rows]), np.cumsum([0, *map(len, rows)]).astype(first.dtype)


def read_ephemerides(path: str | Path) -> EphemerisSet:
    """Every ephemeris of a file, of a folder's OEM and MEME files, or of those that the last part of a path matches.

    Raises InputError with all that is wrong.
    """
    path = Path(path)
    notes: list[str] = []
    problems: list[Problem] = []
    files = files_of(path, problems)
    found: list[Segment] = []
    digests: list[tuple[str, str]] = []
    for one in files:
        raw = _content(one, problems)
        if raw is None:
            continue
        content = raw.decode("utf-8-sig")
        reader = _reader(content)
        if reader is None and files != [path]:
            notes.append(f"{one.name} is neither an OEM (KVN) nor a MEME file, and was passed over.")
            continue
        if reader is None:
            rule = f"it is neither an OEM in KVN nor a MEME file; it begins with {' '.join(content[:60].split())!r}."
            problems.append(Problem(str(one), "", rule, "An OEM in XML is converted first."))
            continue
        segments, faults = reader(content, str(one))
        problems += faults
        for segment in segments:
            problems += segment.problems
        found += segments
        digests.append((one.name, hashlib.sha256(raw).hexdigest()))
    if not found and not problems:
        problems.append(Problem(str(path), "", "it holds no ephemeris.", f"Read are {' and '.join(ENDINGS)} files."))
    by_satellite = _by_satellite(found, problems) if not problems else []
    if problems:
        raise InputError(problems)
    digest = digests[0][1]
    if files != [path] or reader is meme.segments:
        digest = hashlib.sha256("\n".join(f"{name} {one}" for name, one in digests).encode()).hexdigest()
    return _joined(path.name, digest, by_satellite, notes)


def files_of(path: Path, problems: list[Problem]) -> list[Path]:
    """The files to look into, by name; a folder that cannot be listed is one problem more."""
    try:
        if path.is_dir():
            return sorted(one for one in path.iterdir() if one.suffix.lower() in ENDINGS and one.name[0] != ".")
        if any(mark in path.name for mark in PATTERN_MARKS) and not path.exists():
            return sorted(one for one in path.parent.glob(path.name) if one.is_file())
    except OSError as fault:
        problems.append(Problem(str(path), "", f"it cannot be listed: {fault.strerror}.", "Check the path."))
        return []
    return [path]


def _content(path: Path, problems: list[Problem]) -> bytes | None:
    """The bytes of a file if they are text in UTF-8, or one problem more."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            rule = f"it has {size:,} bytes; a file of ephemerides has at most {LARGEST_FILE_BYTES:,}."
            problems.append(Problem(str(path), "", rule, "Split it by satellites."))
            return None
        content = path.read_bytes()
        content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        rule = f"byte {fault.start} is not UTF-8; ephemerides are text."
        problems.append(Problem(str(path), "", rule, "Unpack it first if it is compressed."))
    except (OSError, ValueError) as fault:  # ValueError: a name that no file can have
        why = getattr(fault, "strerror", None) or fault
        problems.append(Problem(str(path), "", f"it cannot be read: {why}.", "Check the path."))
    else:
        return content
    return None


def _reader(text: str) -> Reader | None:
    """Told by the content: an extension says nothing of what a server sent."""
    return oem.segments if oem.is_oem(text) else meme.segments if meme.is_meme(text) else None


def _by_satellite(found: Sequence[Segment], problems: list[Problem]) -> list[list[Segment]]:
    """The segments of each satellite in the order of time, satellites in the order they first appear."""
    together: dict[str, list[Segment]] = {}
    for segment in found:
        together.setdefault(segment.id, []).append(segment)
    for number, segments in together.items():
        first = segments[0]
        segments.sort(key=_begin)
        for one in segments:
            if one.file != first.file:
                rule = f"satellite {number} is in {first.file} too."
                problems.append(Problem(one.file, f"{one.where} ({one.name})", rule, "Keep one file a satellite."))
            if frames.kind_of(one.frame) != frames.kind_of(first.frame):
                rule = f"satellite {number} is in {one.frame} here and in {first.frame} at {first.where}."
                problems.append(Problem(one.file, f"{one.where} ({one.name})", rule, "Use one frame a satellite."))
        for before, after in pairwise(segments):
            if _begin(after) < _end(before):
                rule = f"it begins before the segment at {before.where} ends."
                way_out = "Segments of a satellite follow each other; see USEABLE_START_TIME."
                problems.append(Problem(after.file, f"{after.where} ({after.name})", rule, way_out))
    return list(together.values())


def _begin(segment: Segment) -> tuple[int, float]:
    first = (segment.days[0], segment.seconds[0])
    return max(first, segment.begin or first)


def _end(segment: Segment) -> tuple[int, float]:
    last = (segment.days[-1], segment.seconds[-1])
    return min(last, segment.end or last)


def _joined(source: str, sha256: str, by_satellite: list[list[Segment]], notes: list[str]) -> EphemerisSet:
    segments = [one for own in by_satellite for one in own]
    first_day = min(one.days[0] for one in segments)
    midnight = datetime.fromordinal(first_day).replace(tzinfo=UTC)
    jd, _ = julian_date(midnight)
    node_s, position, velocity = [], [], []
    for one in segments:
        since_s, states = one.since_s(first_day), one.states
        kind = frames.kind_of(one.frame)
        assert kind is not None  # a problem of the segment
        in_teme = frames.to_teme(kind, states[:, :3], states[:, 3:], jd, since_s / SECONDS_A_DAY)
        node_s.append(since_s)
        position.append(in_teme[0])
        velocity.append(in_teme[1])

    def since(instant: tuple[int, float]) -> float:
        return (instant[0] - first_day) * SECONDS_A_DAY + instant[1]

    gaps = sum(int((np.diff(one) > LONGEST_STEP_S).sum()) for one in node_s)
    if gaps:
        notes.append(f"{gaps} gaps of more than {LONGEST_STEP_S:g} s between states have no positions.")
    names = [own[0].name for own in by_satellite]
    return EphemerisSet(
        source=source,
        sha256=sha256,
        names=tuple(
            name if names.count(name) == 1 else f"{name} ({own[0].id})"
            for name, own in zip(names, by_satellite, strict=True)
        ),
        ids=tuple(own[0].id for own in by_satellite),
        frame=tuple(own[0].frame for own in by_satellite),
        earth_fixed=np.array([frames.kind_of(own[0].frame) == frames.EARTH_FIXED for own in by_satellite]),
        midnight=midnight,
        segment_first=np.concatenate([[0], np.cumsum([len(own) for own in by_satellite])]),
        begin_s=np.array([since(_begin(one)) for one in segments]),
        end_s=np.array([since(_end(one)) for one in segments]),
        node_first=np.concatenate([[0], np.cumsum([len(one) for one in node_s])]),
        node_s=np.concatenate(node_s),
        position_km=np.concatenate(position),
        velocity_km_s=np.concatenate(velocity),
        notes=tuple(notes),
    )
