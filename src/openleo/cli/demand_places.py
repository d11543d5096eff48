"""The places that demands name: a scenario's or file's sites, its gateways and PoPs, the gazetteer's.

A name means a site or a station before it means a town. Two spellings of one place are that place once, and so are a
place and its coordinates. Two sites of a list stay two, wherever they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openleo.network.pairs import Places
    from openleo.scenario import PairCase

SITE, STATION, TOWN, COORDINATES = range(4)
SAME_DIGITS = 6  # of kilometres: a millimetre


@dataclass(frozen=True)
class Named:
    """The places, in the order of their names; `place`: what the place of each spelling is called."""

    places: Places | None  # None where no spelling means a place
    place: dict[str, str]
    way_out: Callable[[str], str]  # for a spelling that means none


@dataclass(frozen=True)
class _Meant:
    """What a spelling means: a place of a kind by its own name, and where it is."""

    kind: int
    name: str
    position_km: Any
    up: Any


def resolve(spellings: Iterable[str], known: Places | None, case: PairCase) -> Named:
    """The places that some spellings mean."""
    import numpy as np

    from openleo.errors import near_names
    from openleo.network.pairs import Places
    from openleo.places import gazetteer

    stations = {one.name: one for one in (*case.gateways.stations, *case.gateways.pops)} if case.gateways else {}
    sites = {name: n for n, name in enumerate(known.names)} if known else {}
    site_of, station_of = _in_any_case(sites), _in_any_case(stations)
    meant: dict[str, _Meant] = {}
    for spelling in sorted(set(spellings)):
        if known and (name := site_of(spelling)):
            meant[spelling] = _Meant(SITE, name, known.position_km[sites[name]], known.up[sites[name]])
        elif name := station_of(spelling):
            meant[spelling] = _Meant(STATION, name, *_where(stations[name], case))
        elif found := gazetteer.find(spelling):
            kind = COORDINATES if "," in found.name else TOWN
            meant[spelling] = _Meant(kind, found.name, *_where(found, case))
    called = _called(meant)
    names = sorted(set(called.values()))
    places = None
    if names:
        where = [meant[name] for name in names]
        places = Places(tuple(names), np.stack([one.position_km for one in where]), np.stack([one.up for one in where]))
    return Named(places, called, lambda name: near_names(name, [*sites, *stations]) or gazetteer.offer(name))


def _in_any_case(names: Collection[str]) -> Callable[[str], str | None]:
    """Finds the name of a list that is spelled so, or so but for capitals if there is only one."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)

    def find(spelling: str) -> str | None:
        if spelling in names:
            return spelling
        found = alike.get(spelling.casefold(), [])
        return found[0] if len(found) == 1 else None

    return find


def _where(place: Any, case: PairCase) -> tuple[Any, Any]:
    """(position_km, up) of what has a latitude and a longitude, on the surface that the scenario's places are on."""
    import numpy as np

    from openleo.geodesy import ecef_km, up
    from openleo.network import hypatia
    from openleo.scenario import HYPATIA_LIMITS

    latitude, longitude = np.array([place.latitude_deg]), np.array([place.longitude_deg])
    if isinstance(case.sky.admitted, HYPATIA_LIMITS):
        there = hypatia.on_ellipsoid((place.name,), latitude, longitude, np.zeros(1))
        return there.position_km[0], there.up[0]
    return ecef_km(latitude, longitude)[0], up(latitude, longitude)[0]


def _called(meant: dict[str, _Meant]) -> dict[str, str]:
    """What the place of each spelling is called: one of its spellings, its own name rather than another."""
    here = {spelling: tuple(one.position_km.round(SAME_DIGITS).tolist()) for spelling, one in meant.items()}
    listed: dict[object, list[tuple[int, str]]] = {}
    for spelling, one in meant.items():
        if one.kind in (SITE, STATION):
            listed.setdefault(here[spelling], []).append((one.kind, one.name))
    together: dict[object, list[str]] = {}
    for spelling, one in meant.items():
        of_a_list = [(one.kind, one.name)] if one.kind in (SITE, STATION) else listed.get(here[spelling], [])
        together.setdefault(min(of_a_list, default=here[spelling]), []).append(spelling)
    called: dict[str, str] = {}
    for spellings in together.values():
        best = min(spellings, key=lambda one: (meant[one].kind, meant[one].name != one, one))
        called |= dict.fromkeys(spellings, best)
    return called
