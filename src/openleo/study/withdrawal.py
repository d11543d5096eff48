"""What can be withdrawn of a network, and the case that is left when it is.

Takes a Case and a Withdrawal by name; gives the Case of the same question without what is withdrawn: an operator, the
gateways of a country, a gateway, a PoP, a cable, all links between satellites, a plane, a shell. Whatever `[failures]`
of a scenario can say is said in its words, as outages from ever to ever: a run of the new case gives what a plan
of a scenario gives that is written so by hand. Nothing is computed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from openleo.errors import InputError, Problem, near_names
from openleo.network import topology
from openleo.network.constellation import NO_PLANE, Constellation
from openleo.network.failures import Failures, Outage, plane_name, resolve, satellite_names
from openleo.network.ground.gateways import Gateways
from openleo.network.ground.stations import Station
from openleo.network.reach import Network
from openleo.results import Case, Source
from openleo.service.licences import land_of

Kind = Literal["operator", "country", "gateway", "pop", "cable", "isls", "plane", "shell"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_NAMES: dict[Kind, str] = {
    "operator": "operator",
    "country": "gateways of a country",
    "gateway": "gateway",
    "pop": "PoP",
    "cable": "cable",
    "isls": "links between satellites",
    "plane": "plane",
    "shell": "shell",
}
NO_COUNTRY = "sea"  # of stations that stand on no land


@dataclass(frozen=True, order=True)
class Thing:
    """One thing that can be withdrawn. `name` is empty for `isls`, and a territory for a country's gateways."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "country":
            return f"gateways of {self.name}"
        if self.kind == "isls":
            return "links between satellites"
        return f"{KIND_NAMES[self.kind]} {self.name}"


@dataclass(frozen=True)
class Withdrawal:
    """Things that are withdrawn together, under one name."""

    name: str
    things: tuple[Thing, ...]

    @classmethod
    def of(cls, thing: Thing) -> Withdrawal:
        """One thing alone."""
        return cls(str(thing), (thing,))

    @property
    def kind(self) -> str:
        """What its things are, "several" where they are not alike."""
        kinds = {thing.kind for thing in self.things}
        return kinds.pop() if len(kinds) == 1 else "several"


@dataclass(frozen=True)
class Cable:
    """A cable system, and the stations whose traffic has no way but over it (or over others that name them as well).

    A station that several cables name is out when all of them are withdrawn.
    """

    name: str
    gateways: tuple[str, ...] = ()
    pops: tuple[str, ...] = ()
    source: str = ""


Operators = Mapping[str, Case]  # by name: each its own network, all over the same area and time


def things_of(cases: Operators, kind: Kind, cables: Sequence[Cable] = ()) -> tuple[Thing, ...]:
    """All things of a kind that some operators have, by name; links between satellites only where there are some."""
    networks = [case.network for case in cases.values()]
    if kind == "operator":
        return tuple(Thing(kind, name) for name in cases)
    if kind == "cable":
        return tuple(Thing(kind, cable.name) for cable in cables)
    if kind == "isls":
        return (Thing(kind),) if any((one.topology.neighbours >= 0).any() for one in networks) else ()
    names = (name for network in networks for name in _names(network, kind))
    return tuple(Thing(kind, name) for name in sorted(set(names)))


def withdrawn(
    cases: Operators, things: Iterable[Thing], cables: Sequence[Cable] = (), file: str = "", where: str = ""
) -> dict[str, Case]:
    """The operators that are left, each without the things. Raises InputError for what none of them has.

    A gateway, PoP, plane or shell is withdrawn of every operator that has one of that name.
    """
    wanted = tuple(dict.fromkeys(things))
    problems = [problem for thing in wanted if (problem := unknown(cases, thing, cables, file, where))]
    if problems:
        raise InputError(problems)
    gone = {thing.name for thing in wanted if thing.kind == "operator"}
    return {name: without(case, wanted, cables) for name, case in cases.items() if name not in gone}


def without(case: Case, things: Sequence[Thing], cables: Sequence[Cable] = ()) -> Case:
    """One operator's case without things; those that it does not have change nothing. It compares no rule sets.

    The inputs name what is withdrawn, so that no two cases are taken for one.
    """
    case = replace(case, compare=None, compare_network=None, withholding=())
    network = case.network
    outages = outages_of(network, things, cables)
    no_links = any(thing.kind == "isls" for thing in things) and bool((network.topology.neighbours >= 0).any())
    if not outages and not no_links:
        return case
    failures = network.failures.also(_resolved(outages, network)) if outages else network.failures
    links = _bent_pipe(network, case) if no_links else network.topology
    said = [f"{outage.kind} {outage.name}" for outage in outages] + (["isls"] if no_links else [])
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()
    named = ", ".join(map(str, things))
    return replace(
        case,
        network=replace(network, failures=failures, topology=links),
        inputs={**case.inputs, "withdrawn": Source(named, digest)},
        notes=(*case.notes, f"Withdrawn: {named}."),
    )


def outages_of(network: Network, things: Iterable[Thing], cables: Sequence[Cable] = ()) -> list[Outage]:
    """What of a network is out when things are withdrawn, in the words of `[failures]`; each once."""
    wanted = list(things)
    found: dict[Outage, None] = {}
    for thing in wanted:
        found |= dict.fromkeys(_outages(network, thing))
    cut = {thing.name for thing in wanted if thing.kind == "cable"}
    found |= dict.fromkeys(_cut_off(network.gateways, cables, cut))
    return list(found)


def _outages(network: Network, thing: Thing) -> list[Outage]:
    """What is out when one thing is withdrawn, cables aside."""
    constellation = network.constellation
    if thing.kind == "country":
        return [Outage("gateway", one.name) for one in working_gateways(network) if country_of(one) == thing.name]
    if thing.kind == "shell":
        return _shell(constellation, thing.name)
    if thing.kind in ("gateway", "pop", "plane") and thing.name in _names(network, thing.kind):
        return [Outage(thing.kind, thing.name)]
    return []


def country_of(station: Station) -> str:
    """The territory that a gateway stands in, by its list or by its place."""
    return land_of(station) or NO_COUNTRY


def working_gateways(network: Network) -> list[Station]:
    """The gateways that rules, lists and failures leave: joined to a PoP, and not out for good."""
    gateways, out = network.gateways, _out_for_good(network, "gateway")
    pairs = zip(gateways.stations, gateways.pop, strict=True)
    return [one for one, pop in pairs if pop >= 0 and one.name not in out]


def working_pops(network: Network) -> list[str]:
    """The names of the PoPs that work: those not dark, and not out for good."""
    out = _out_for_good(network, "pop")
    names = [pop.name for number, pop in enumerate(network.gateways.pops) if number not in network.gateways.dark]
    return [name for name in names if name not in out]


def _out_for_good(network: Network, kind: Kind) -> set[str]:
    """The names of a kind that are out from ever to ever: nobody can withdraw them once more."""
    return {one.name for one in network.failures.outages if one.kind == kind and one.begin is None and one.end is None}


def _names(network: Network, kind: Kind) -> list[str]:
    """The names of a network's things of a kind that stands in it."""
    constellation = network.constellation
    if kind == "country":
        return [country_of(one) for one in working_gateways(network)]
    if kind == "gateway":
        return [one.name for one in working_gateways(network)]
    if kind == "pop":
        return working_pops(network)
    if kind == "plane":
        names = [plane_name(constellation, plane) for plane in range(constellation.planes)]
    else:
        return list(constellation.shell_names) if kind == "shell" else []
    out = _out_for_good(network, kind)
    return [name for name in names if name not in out]


def _shell(constellation: Constellation, name: str) -> list[Outage]:
    """A shell as its planes, and its satellites that are in no plane."""
    if name not in constellation.shell_names:
        return []
    shell = list(constellation.shell_names).index(name)
    planes = np.flatnonzero(constellation.plane_shell == shell).tolist()
    alone = np.flatnonzero((constellation.shell == shell) & (constellation.plane == NO_PLANE))
    called = satellite_names(constellation) if len(alone) else []
    out = [Outage("plane", plane_name(constellation, plane)) for plane in planes]
    return out + [Outage("satellite", called[one]) for one in alone]


def _cut_off(gateways: Gateways, cables: Sequence[Cable], cut: set[str]) -> list[Outage]:
    """The stations whose every cable is cut."""
    found = []
    here = {"gateway": {one.name for one in gateways.stations}, "pop": {one.name for one in gateways.pops}}
    for kind, names in (("gateway", "gateways"), ("pop", "pops")):
        ways: dict[str, set[str]] = {}
        for cable in cables:
            for station in getattr(cable, names):
                ways.setdefault(station, set()).add(cable.name)
        out = [station for station, over in ways.items() if over <= cut and station in here[kind]]
        found += [Outage("gateway" if kind == "gateway" else "pop", station) for station in out]
    return found


def _resolved(outages: Sequence[Outage], network: Network) -> Failures:
    placed = [("", "", outage) for outage in outages]
    found = resolve(placed, network.constellation, network.gateways, network.topology.neighbours)
    if isinstance(found, Failures):
        return found
    raise InputError(found)


def _bent_pipe(network: Network, case: Case) -> topology.Topology:
    """The network's topology as a scenario with isl = "none" builds it, under the same limits."""
    lowest_km, longest_km, polar_cutoff_deg = network.topology.limits
    lasers = topology.Lasers("none", longest_km=longest_km, lowest_km=lowest_km, polar_cutoff_deg=polar_cutoff_deg)
    return topology.build(network.constellation, lasers, case.grid.start)


def unknown(cases: Operators, thing: Thing, cables: Sequence[Cable], file: str, where: str) -> Problem | None:
    """What is wrong with the name of a thing."""
    known = [one.name for one in things_of(cases, thing.kind, cables)]
    if thing.name in known:
        return None
    if thing.kind == "isls":
        return Problem(file, where, "there are no links between satellites to withdraw.", "Leave isls out.")
    what = f"no working gateway in {thing.name}" if thing.kind == "country" else f"no {thing}"
    named = f"There are: {', '.join(known[:5])}." if known else "There is none by name."
    return Problem(file, where, f"there is {what}.", near_names(thing.name, [*known, "all"]) or named)
