"""Which PoP serves whom: what the operator's public feeds say of each territory, made into PoPs of places.

Takes a table of territories, the PoPs that their addresses lead to and the share of each, and places with their people;
gives for every place the PoPs that serve it, with weights. The nearest of a territory's PoPs serves a place; where all
of them are out of a bent pipe's reach, they share it as they share the territory's addresses. A territory that the
table does not have is served by the nearest PoP of all, and counted. Nothing here is derived from measured round-trip
times.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, near_names
from openleo.network.ground.gateways import Gateways, geodesics_km, places_of
from openleo.network.ground.stations import OPERATIONAL, SERVING_ENDING, Station
from openleo.places.gazetteer import towns_of
from openleo.places.territories import territory_id

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

COLUMNS = ("territory", "pop", "share", "as_of", "basis")
NEEDED = ("territory", "pop", "as_of", "basis")
NEAREST = "nearest"
# Beyond it a gateway's traffic goes over lasers to one nearer to the PoP: assumed.
LONGEST_FIBRE_KM = 5000.0
# So far apart, one of Gen1's satellites is above 25° at both places in nine of ten instants (0.91 near the equator,
# 0.98 at 50°); at 1,700 km in half of them near the equator. Who is farther from a PoP lands over lasers.
BENT_PIPE_KM = 1500.0


@dataclass(frozen=True)
class Listed:
    """A PoP of a territory: its number among the PoPs that work, and the share of the addresses, None if not said."""

    pop: int
    share: float | None


@dataclass(frozen=True)
class ServingPops:
    """The PoPs of each territory. `not_working`: what the table lists, and the list of PoPs calls planned or closed."""

    source: str
    by_territory: Mapping[str, tuple[Listed, ...]]
    as_of: str  # the latest of its rows
    not_working: tuple[str, ...] = ()


@dataclass(frozen=True)
class Served:
    """Places and the PoPs that serve them, axes (pair,), sorted by PoP: the weights of a place add up to 1.

    `fallback`: territories without a row, and the people in them.
    """

    place: NDArray[np.intp]
    pop: Ints
    weight: Floats
    fallback: Mapping[str, float]


def embedded() -> list[str]:
    """Names of the embedded tables."""
    names = [entry.name for entry in (files("openleo.data") / "ground").iterdir()]
    return sorted(name.removesuffix(SERVING_ENDING) for name in names if name.endswith(SERVING_ENDING))


def read(
    source: str, listed: Sequence[Station], gateways: Gateways, folder: Path, file: str, where: str
) -> tuple[ServingPops, bytes]:
    """(the PoPs of territories by an embedded table or a file, the bytes they were read from).

    `listed`: all PoPs that the list of PoPs has; `gateways.pops` are those of them that work. Raises InputError with
    every fault.
    """
    if source in embedded():
        content = (files("openleo.data") / "ground" / f"{source}{SERVING_ENDING}").read_bytes()
        return _table(content, source, f"{source}{SERVING_ENDING}", listed, gateways), content
    path = folder / source
    if path.suffix.lower() != ".csv":
        rule = f'there is no table of serving PoPs "{source}", and it is no CSV file.'
        known = [*embedded(), NEAREST]
        way_out = near_names(source, known) or f"Known: {', '.join(known)}."
        raise InputError(Problem(file, where, rule, way_out))
    try:
        content = path.read_bytes()
        content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        rule = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
        raise InputError(Problem(file, where, rule, "Paths are relative to the scenario.")) from None
    return _table(content, source, str(path), listed, gateways), content


def _table(content: bytes, source: str, file: str, listed: Sequence[Station], gateways: Gateways) -> ServingPops:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    rows = [(reader.line_num, row) for row in reader]
    missing = [column for column in NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        rule = f"lacks the columns {', '.join(missing)}."
        raise InputError(Problem(file, "", rule, f"Serving PoPs need {', '.join(NEEDED)}; share may be left out."))
    by_name = {name: station for station in listed for name in (station.code, station.name) if name}
    number = {station.name: n for n, station in enumerate(gateways.pops)}
    unreached = out_of_reach(gateways)
    problems: list[Problem] = []
    found: dict[str, list[Listed]] = {}
    said: dict[tuple[str, str], int] = {}
    not_working: dict[str, None] = {}
    as_of = ""
    for line, row in rows:
        territory, pop = str(row["territory"] or "").strip(), str(row["pop"] or "").strip()
        faults, share = _faults(row, territory, pop, by_name)
        if first := said.get((territory, pop)):
            faults.append((f"{territory} has {pop} already, in line {first}.", "Keep one row."))
        said.setdefault((territory, pop), line)
        station = by_name.get(pop)
        if station is not None and station.status == OPERATIONAL and station.name in unreached:
            farthest = f"{LONGEST_FIBRE_KM:,.0f} km"
            rule = f"no gateway reaches the PoP {station.name}: none works within {farthest} of it."
            faults.append((rule, "Add a gateway there, or name another PoP."))
        problems += [Problem(file, f"line {line}", rule, out) for rule, out in faults]
        as_of = max(as_of, str(row["as_of"] or "").strip())
        if station is not None and station.status != OPERATIONAL:
            not_working[station.name] = None
        elif station is not None and station.name in number:
            found.setdefault(territory, []).append(Listed(number[station.name], share))
    if not rows:
        problems.append(Problem(file, "", "holds no territory."))
    if problems:
        raise InputError(problems)
    by_territory = {territory: tuple(pops) for territory, pops in found.items()}
    return ServingPops(source, by_territory, as_of, tuple(not_working))


def _faults(
    row: Mapping[str, str | None], territory: str, pop: str, by_name: Mapping[str, Station]
) -> tuple[list[tuple[str, str]], float | None]:
    """((what is wrong with a row, the way out), its share)."""
    faults = []
    if territory_id(territory) != territory or "." in territory:
        faults.append((f'there is no territory "{territory}".', "Write ISO 3166-1 alpha-3, such as TWN."))
    if pop not in by_name:
        faults.append((f'there is no PoP "{pop}".', near_names(pop, by_name) or "Write a PoP's code or name."))
    words = str(row.get("share") or "").strip()
    try:
        share = float(words) if words else None
    except ValueError:
        share = -1.0
    if share is not None and not 0.0 < share <= 1.0:
        faults.append((f"has share {words}; it is a number above 0, at most 1.", "Leave it empty if it is not known."))
    if not re.fullmatch(r"20\d\d(-(0[1-9]|1[0-2])(-[0-3]\d)?)?", str(row["as_of"] or "").strip()):
        faults.append((f"has as_of {row['as_of']!r}; it is a year, a month or a day: 2026-09-23.", ""))
    if not str(row["basis"] or "").strip():
        faults.append(("has no basis.", "Name the public record that the row rests on."))
    return faults, share


def out_of_reach(gateways: Gateways) -> set[str]:
    """The PoPs near which no gateway works: none within LONGEST_FIBRE_KM."""
    works = [one for one, pop in zip(gateways.stations, gateways.pop, strict=True) if pop >= 0]
    if not works:
        return {pop.name for pop in gateways.pops}
    near = geodesics_km(*places_of(works), *places_of(gateways.pops)).min(axis=0) <= LONGEST_FIBRE_KM
    return {pop.name for pop, is_near in zip(gateways.pops, near, strict=True) if not is_near}


def assign(
    serving: ServingPops, pops: Sequence[Station], labels: Sequence[str], people: Floats, latitude: Floats,
    longitude: Floats,
) -> Served:  # fmt: skip
    """The PoPs of places. `labels` (place): the territory or strip of sea that each counts to; people (place)."""
    distance_km = geodesics_km(latitude, longitude, *places_of(pops))
    territory = np.array([label.partition(".")[0] for label in labels])
    fallback: dict[str, float] = {}
    found = []
    for name in np.unique(territory):
        mine = np.flatnonzero(territory == name)
        listed = serving.by_territory.get(str(name))
        if listed is None:
            fallback[str(name)] = float(people[mine].sum())
        numbers = np.array([one.pop for one in listed] if listed else range(len(pops)), dtype=np.int32)
        near_km = distance_km[np.ix_(mine, numbers)]
        afar = _afar(str(name), [pops[number] for number in numbers], near_km.min(axis=1))
        weight = _weights(near_km, [one.share for one in listed or ()], afar)
        place, k = np.nonzero(weight)
        found.append((mine[place], numbers[k], weight[place, k]))
    if not found:
        return Served(np.empty(0, np.intp), np.empty(0, np.int32), np.empty(0), {})
    place, pop, weight = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((place, pop))
    return Served(place[order], pop[order], weight[order], fallback)


def _weights(distance_km: Floats, shares: Sequence[float | None], afar: bool) -> Floats:
    """Axes (place, PoP), adding up to 1 along PoPs.

    The nearest of its PoPs serves a place. In a territory that is `afar`, if all shares are said, every place is served
    by all of them by shares: over lasers, distance does not choose.
    """
    weight = np.zeros(distance_km.shape)
    weight[np.arange(len(weight)), distance_km.argmin(axis=1)] = 1.0
    said = [share for share in shares if share is not None]
    if afar and len(said) >= 2 and len(said) == len(shares):
        weight[:] = np.array(said) / sum(said)
    return weight


def _afar(territory: str, listed: Sequence[Station], otherwise_km: Floats) -> bool:
    """Whether even the nearest of its PoPs are out of a bent pipe's reach in the mean over its towns' people.

    All its towns count, whichever of its places are asked for, so that a place has the same PoPs in every run; where no
    town is listed, the places themselves count (km to the nearest).
    """
    latitude, longitude, people = towns_of(territory)
    if not people.sum() > 0.0:
        return float(otherwise_km.mean()) > BENT_PIPE_KM
    least_km = geodesics_km(latitude, longitude, *places_of(listed)).min(axis=1)
    return float((least_km * people).sum() / people.sum()) > BENT_PIPE_KM
