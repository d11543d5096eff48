"""What is out of order, and when: satellites, planes, inter-satellite links, gateways and PoPs.

Takes outages by name; gives Failures, which say for a span of time what cannot be used. A thing counts as out for a
whole span (a slot) if any instant of the span lies in its outage: on doubt it does not serve. Outages may overlap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, join_or, near_names
from openleo.instants import instant_text
from openleo.network.constellation import Constellation
from openleo.network.first_draws import Words, first_random
from openleo.network.ground.gateways import Gateways

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

Kind = Literal["satellite", "plane", "isl", "gateway", "pop"]
KINDS: tuple[Kind, ...] = get_args(Kind)
JOIN = " -- "  # between the two satellites of a link
KINDS_KEPT = 16  # kinds of things whose streams a process remembers
TICK_S = 1e-3  # shorter than any slot, longer than the rounding of POSIX time


@dataclass(frozen=True)
class Outage:
    """One thing out over [begin, end); None: since ever, for ever. A link is `A -- B`."""

    kind: Kind
    name: str
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, eq=False)
class Spans:
    """Outages of one kind. thing: numbers, axes (outage,), of links (outage, two ends); begin_s, end_s: POSIX time."""

    thing: Ints
    begin_s: Floats
    end_s: Floats

    def over(self, begin_s: float, end_s: float) -> Ints:
        """The things that are out at any instant of [begin_s, end_s), or at begin_s where both are the same."""
        if not len(self.thing):
            return self.thing
        until = max(end_s, np.nextafter(begin_s, np.inf))
        found: Ints = self.thing[(self.begin_s < until) & (self.end_s > begin_s)]
        return found

    def also(self, other: Spans) -> Spans:
        """These outages and others of the same kind."""
        both = [(getattr(self, name), getattr(other, name)) for name in ("thing", "begin_s", "end_s")]
        return Spans(*(np.concatenate(pair) for pair in both))


@dataclass(frozen=True)
class Drawn:
    """The time over which chance was asked what fails now and then, [begin, end): beyond it nobody knows."""

    file: str  # of the scenario
    begin: datetime
    end: datetime

    def check(self, begin_s: Floats, end_s: Floats) -> None:
        """Raise InputError unless all spans [begin_s, end_s) lie within; POSIX time, both the same for an instant."""
        first_s, last_s = self.begin.timestamp(), self.end.timestamp()
        beyond = (begin_s < first_s - TICK_S) | (begin_s >= last_s) | (end_s > last_s + TICK_S)
        if not beyond.any():
            return
        at = datetime.fromtimestamp(round(float(begin_s[beyond][0]), 3), UTC)
        time = f"from {instant_text(self.begin)} to before {instant_text(self.end)}"
        rule = f"draws failures over the scenario's time, {time}; {instant_text(at)} is asked for."
        way_out = "A longer duration keeps these failures and draws further ones; or ask within that time."
        raise InputError(Problem(self.file, "failures.random", rule, way_out))


@dataclass(frozen=True, eq=False)
class Failures:
    """All outages of a run; `outages` are they as they were said.

    Whoever asks of a time beyond `drawn`, where there is one, gets an InputError: things would seem to work there.
    """

    satellites: Spans
    links: Spans
    gateways: Spans
    pops: Spans
    outages: tuple[Outage, ...] = ()
    drawn: Drawn | None = None

    def __bool__(self) -> bool:
        return bool(self.outages) or self.drawn is not None

    def also(self, other: Failures) -> Failures:
        """All outages of both, which are of one network; what chance was asked for stays as it was."""
        return Failures(
            satellites=self.satellites.also(other.satellites),
            links=self.links.also(other.links),
            gateways=self.gateways.also(other.gateways),
            pops=self.pops.also(other.pops),
            outages=self.outages + other.outages,
            drawn=self.drawn or other.drawn,
        )

    def usable(self, satellites: int, begin_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """Which satellites are not out, axes (span, satellite)."""
        if self.drawn is not None:
            self.drawn.check(begin_s, end_s)
        usable = np.ones((len(begin_s), satellites), dtype=np.bool_)
        if len(self.satellites.thing):
            for span, (begin, end) in enumerate(zip(begin_s, end_s, strict=True)):
                usable[span, self.satellites.over(begin, end)] = False
        return usable

    def broken(self, begin_s: float, end_s: float) -> Ints:
        """The links that are out, axes (link, two ends)."""
        return self.links.over(begin_s, end_s)

    def ground(self, gateways: Gateways, begin_s: float, end_s: float) -> Gateways:
        """The gateways with those out unreachable, and traffic handed to the nearest PoP that works."""
        out, dark = self.gateways.over(begin_s, end_s), self.pops.over(begin_s, end_s)
        return gateways.without(out, dark) if len(out) or len(dark) else gateways


def _no_spans(ends: int = 0) -> Spans:
    shape = (0, ends) if ends else (0,)
    return Spans(np.empty(shape, np.int32), np.empty(0), np.empty(0))


NONE = Failures(_no_spans(), _no_spans(2), _no_spans(), _no_spans())


# --- by name ------------------------------------------------------------------------------------------------------


def resolve(
    outages: Sequence[tuple[str, str, Outage]], constellation: Constellation, gateways: Gateways, neighbours: Ints
) -> Failures | list[Problem]:
    """Failures of (file, place in it, outage), or every name that is not known, is several, or is no link.

    neighbours (satellite, k): of the topology, −1 for none.
    """
    satellite, own_name = constellation.numbers_by_name, satellite_names(constellation)
    stations = {"gateway": gateways.stations, "pop": gateways.pops}
    numbers: dict[str, Mapping[str, Sequence[int]]] = {
        "satellite": satellite,
        "plane": _planes(constellation),
        **{kind: {one.name: [number] for number, one in enumerate(those)} for kind, those in stations.items()},
    }
    problems: list[Problem] = []
    found: dict[str, list[tuple[int | tuple[int, int], Outage]]] = {kind: [] for kind in KINDS}
    for file, where, outage in outages:
        if outage.begin and outage.end and outage.end <= outage.begin:
            rule = f'"{outage.name}" is out until {outage.end:%FT%TZ}, which is not after {outage.begin:%FT%TZ}.'
            problems.append(Problem(file, where, rule, "An outage ends after it begins."))
        if outage.kind == "isl":
            link = _link(file, where, outage.name, satellite, own_name, neighbours)
            if isinstance(link, list):
                problems += link
            else:
                found["isl"].append((link, outage))
        elif outage.name not in numbers[outage.kind]:
            problems.append(_unknown(file, where, outage.kind, outage.name, numbers[outage.kind]))
        elif outage.kind == "satellite" and len(satellite[outage.name]) > 1:
            problems.append(_several(file, where, outage.name, satellite[outage.name], own_name))
        else:
            found[outage.kind] += [(number, outage) for number in numbers[outage.kind][outage.name]]
    if problems:
        return problems
    return Failures(
        satellites=_spans(found["satellite"] + found["plane"]),
        links=_spans(found["isl"], ends=2),
        gateways=_spans(found["gateway"]),
        pops=_spans(found["pop"]),
        outages=tuple(outage for _, _, outage in outages),
    )


def satellite_names(constellation: Constellation) -> list[str]:
    """What each satellite is called in outages: its name, or its catalogue number where others are called the same."""
    numbers = constellation.numbers_by_name
    ids = constellation.satellite_id.tolist()
    names = zip(constellation.satellite_name, ids, strict=True)
    return [name if len(numbers[name]) == 1 and JOIN not in name else str(number) for name, number in names]


def _several(file: str, where: str, name: str, these: Sequence[int], own_name: Sequence[str]) -> Problem:
    rule = f'{len(these)} satellites are called "{name}".'
    return Problem(file, where, rule, f"Write {join_or([own_name[one] for one in these])}.")


def _link(
    file: str, where: str, name: str, satellite: Mapping[str, Sequence[int]], own_name: Sequence[str], neighbours: Ints
) -> tuple[int, int] | list[Problem]:  # fmt: skip
    """The two ends of `A -- B`, or what is wrong with it."""
    ends = [end.strip() for end in name.split(JOIN)]
    if len(ends) != 2 or ends[0] == ends[1]:
        return [Problem(file, where, f'"{name}" is no link.', f'Write "SATELLITE{JOIN}SATELLITE".')]
    problems = [_unknown(file, where, "satellite", end, satellite) for end in ends if end not in satellite]
    problems += [
        _several(file, where, end, satellite[end], own_name) for end in ends if len(satellite.get(end, ())) > 1
    ]
    if problems:
        return problems
    (here,), (there,) = satellite[ends[0]], satellite[ends[1]]
    if there in neighbours[here]:
        return here, there
    joined = [own_name[one] for one in sorted(set(neighbours[here].tolist())) if one >= 0]
    way_out = f"{ends[0]} is joined to {' and '.join(joined)}." if joined else f"{ends[0]} has no such links."
    return [Problem(file, where, f"no inter-satellite link joins {ends[0]} and {ends[1]}.", way_out)]


def plane_name(constellation: Constellation, plane: int) -> str:
    """`SHELL pN`: of filed shells, as the names of the plane's satellites begin; of inferred ones, from the west on.

    Inferred shells and planes are called by what was found, so another day's file may call them otherwise.
    """
    shell = int(constellation.plane_shell[plane])
    first = int(np.flatnonzero(constellation.plane_shell == shell)[0])
    return f"{constellation.shell_names[shell]} p{plane - first}"


def _planes(constellation: Constellation) -> dict[str, list[int]]:
    planes = range(constellation.planes)
    return {plane_name(constellation, p): np.flatnonzero(constellation.plane == p).tolist() for p in planes}


def _unknown(file: str, where: str, kind: str, name: str, known: Mapping[str, object]) -> Problem:
    called = f"Names are like {next(iter(known))}." if known else f"The scenario has no {kind} by name."
    return Problem(file, where, f'there is no {kind} "{name}".', near_names(name, known) or called)


def _spans(found: Sequence[tuple[int | tuple[int, int], Outage]], ends: int = 0) -> Spans:
    if not found:
        return _no_spans(ends)
    return Spans(
        np.array([thing for thing, _ in found], dtype=np.int32),
        np.array([outage.begin.timestamp() if outage.begin else -np.inf for _, outage in found]),
        np.array([outage.end.timestamp() if outage.end else np.inf for _, outage in found]),
    )


# --- by chance ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chance:
    """How things of one kind fail: a share of them for the whole run, or now and then.

    With `hours_between` and `hours_out` each thing works and fails in turn, for times drawn from exponential
    distributions with these means, starting in the long run's mixture of both; `share` is then ignored.
    """

    share: float = 0.0
    hours_between: float | None = None
    hours_out: float | None = None


def draw(
    seed: int, names: Mapping[Kind, Sequence[str]], chances: Mapping[Kind, Chance], start: datetime, end: datetime
) -> Iterator[Outage]:
    """Outages by chance over [start, end), the same for the same arguments.

    Each thing draws from a generator of its own (seed, kind, name): neither what else there is nor what else fails
    moves its outages, and a later end keeps those before it.
    """
    for kind, chance in chances.items():
        if chance.hours_between is not None and chance.hours_out is not None:
            for name in names[kind]:
                random = _generator(seed, kind, name)
                yield from _now_and_then(random, kind, name, chance.hours_between, chance.hours_out, start, end)
        else:
            out = first_random(seed, _streams(kind, tuple(names[kind]))) < chance.share
            yield from (Outage(kind, names[kind][number]) for number in np.flatnonzero(out).tolist())


def _generator(seed: int, kind: Kind, name: str) -> np.random.Generator:
    """A generator of the thing's own; of its first number alone, `first_random` makes the same."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=_streams(kind, (name,))[0].tolist()))


@lru_cache(KINDS_KEPT)
def _streams(kind: Kind, names: tuple[str, ...]) -> Words:
    """The streams of things, whatever the seed: axes (thing, word)."""
    digests = [hashlib.blake2b(f"{kind} {name}".encode(), digest_size=16).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u4").reshape(-1, 4)


def _now_and_then(
    random: np.random.Generator, kind: Kind, name: str, hours_between: float, hours_out: float, start: datetime,
    end: datetime,
) -> Iterator[Outage]:  # fmt: skip
    out = random.random() < hours_out / (hours_between + hours_out)
    at = start
    while at < end:
        hours = random.exponential(hours_out if out else hours_between)
        # Whole milliseconds, so that a file of them says the same; cut at the end before an instant overflows.
        milliseconds = max(1, round(hours * 3.6e6))
        beyond = milliseconds >= (end - at) / timedelta(milliseconds=1)
        until = end if beyond else at + timedelta(milliseconds=milliseconds)
        if out:
            yield Outage(kind, name, at, until)
        at, out = until, not out
