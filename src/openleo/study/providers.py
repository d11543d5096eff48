"""Who could serve: what each part of a network gives by itself, slot by slot.

A place that some gateway can serve stays served while any such gateway is left, whatever the others do: so the runs of
every gateway alone say who is served by any set of them. The same holds of a country's gateways, of operators, and of
planes and shells that no link between satellites joins. It does not hold where gateways have a limited number of
antennas, nor for PoPs in a table of serving PoPs, whose traffic moves on to another one: those are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.network.reach import Network
from openleo.places.parts import Parts
from openleo.results import Case
from openleo.study.served import no_capacity, served_parts
from openleo.study.tasks import OnDone, each
from openleo.study.withdrawal import (
    Cable,
    Kind,
    Operators,
    Thing,
    country_of,
    things_of,
    without,
    working_gateways,
    working_pops,
)

Bools = NDArray[np.bool_]
MOST_BYTES = 2_000_000_000  # of what is kept, a byte a run, slot and part


@dataclass(frozen=True)
class Provider:
    """A part of a network that serves by itself, or not: `case` is the network with this part alone.

    It is out when all of `needs` are withdrawn; without any, it stays whatever is withdrawn.
    """

    case: Case
    needs: frozenset[Thing]


@dataclass(frozen=True, eq=False)
class Provided:
    """What each provider gives alone: served, axes (provider, slot, part)."""

    things: tuple[Thing, ...]  # all that can be withdrawn
    needs: tuple[frozenset[Thing], ...]
    served: Bools


def provided(
    cases: Operators,
    kind: Kind,
    parts: Parts,
    executor: Executor,
    *,
    cables: Sequence[Cable] = (),
    threads: int | None = None,
    file: str = "",
    on_done: OnDone | None = None,
) -> Provided:
    """Run every provider alone. Raises InputError where no set of them says what they give together."""
    check(cases, kind, cables, file)
    found = providers(cases, kind, cables)
    check_size(len(found), cases, parts, f"the smallest set of kind {kind}", file)
    runs = each(executor, served_parts, [(one.case, parts, threads) for one in found], f"each {kind} alone", on_done)
    return Provided(things_of(cases, kind, cables), tuple(one.needs for one in found), np.stack(runs))


def providers(cases: Operators, kind: Kind, cables: Sequence[Cable] = ()) -> list[Provider]:
    """The parts of some operators' networks that stand and fall with the things of a kind."""
    found = []
    for name, case in cases.items():
        if kind == "operator":
            found.append(Provider(case, frozenset({Thing(kind, name)})))
        elif kind == "pop":  # while any is left, all traffic goes there
            found.append(Provider(case, frozenset(things_of({name: case}, kind))))
        elif kind in ("plane", "shell"):
            own = things_of({name: case}, kind)
            found += [Provider(without(case, [o for o in own if o != one]), frozenset({one})) for one in own]
        else:
            groups = gateway_groups(case.network, kind, cables)
            found += [Provider(only(case, stations), needs) for needs, stations in groups.items()]
    return found


def gateway_groups(network: Network, kind: Kind, cables: Sequence[Cable]) -> Mapping[frozenset[Thing], list[str]]:
    """The working gateways by the things that have to be withdrawn for them to be out."""
    groups: dict[frozenset[Thing], list[str]] = {}
    for station in working_gateways(network):
        if kind == "gateway":
            needs = [Thing(kind, station.name)]
        elif kind == "country":
            needs = [Thing(kind, country_of(station))]
        else:
            needs = [Thing("cable", cable.name) for cable in cables if station.name in cable.gateways]
        groups.setdefault(frozenset(needs), []).append(station.name)
    return groups


def only(case: Case, gateways: Sequence[str]) -> Case:
    """The case with some of its gateways and no other."""
    others = {one.name for one in working_gateways(case.network)} - set(gateways)
    return without(case, [Thing("gateway", name) for name in sorted(others)])


def check_size(runs: int, cases: Operators, parts: Parts, what: str, file: str) -> None:
    """Raise InputError where what single runs give, slot by slot, would fill the memory."""
    slots = next(iter(cases.values())).grid.slots
    if runs * slots * len(parts) <= MOST_BYTES:
        return
    rule = f"{what} keeps {runs:,} runs of {slots:,} slots and {len(parts):,} parts of cells: "
    rule += f"{runs * slots * len(parts) / 1e9:.1f} GB, and at most {MOST_BYTES / 1e9:g} are kept."
    raise InputError(
        Problem(file, "slots", rule, "Take fewer slots, longer ones, a smaller area or a coarser resolution.")
    )


def check(cases: Operators, kind: Kind, cables: Sequence[Cable], file: str) -> None:
    """Raise InputError where runs of single things do not say what sets of them give."""
    if not cases:
        raise InputError(Problem(file, "after", "leaves no operator.", "Then nobody is served: withdraw less."))
    problems = []
    for name, case in cases.items():
        if case.capacity:
            problems.append(no_capacity(file, name))
        if fault := _not_separable(case.network, kind, cables):
            problems.append(Problem(file, f"{name}, {kind}", *fault))
    if problems:
        raise InputError(problems)


def _not_separable(network: Network, kind: Kind, cables: Sequence[Cable]) -> tuple[str, str] | None:
    """(why a smallest set of a kind is not computed for a network, a way out)."""
    if kind == "isls":
        return "is one thing, and no set of things.", "Ask for gateways, countries, cables or operators."
    by_gateway = kind in ("gateway", "country", "cable")
    if by_gateway and network.limits.gateway_antennas:
        rule = "needs gateways without a limited number of antennas: with few, one gateway's traffic moves to others."
        return rule, "Leave gateway_antennas out of [links]."
    if (kind == "pop" or (kind == "cable" and any(cable.pops for cable in cables))) and _some_of_the_time(network):
        rule = "needs PoPs that work all of the time or never: while one is out, another carries all that it did."
        return rule, "Leave `from` and `until` out of the outages of PoPs, or withdraw them one by one."
    if kind == "pop" and network.serving is not None:
        rule = "needs gateways that hand over at the nearest PoP: a table of serving PoPs moves traffic on to others."
        return rule, 'Write serving_pops = "nearest", or withdraw PoPs one by one.'
    named = {pop for cable in cables for pop in cable.pops} if kind == "cable" else set()
    if named and (network.serving is not None or set(working_pops(network)) <= named):
        rule = "counts the gateways on cables alone, and here the loss of PoPs can end service too."
        return rule, "Name the gateways behind those PoPs, or withdraw cables one by one."
    if kind in ("plane", "shell") and _joined(network, kind):
        rule = f"needs {kind}s that no link between satellites joins: over others a {kind} serves more than its own."
        return rule, 'Withdraw them one by one, or write isl = "none".'
    return None


def _some_of_the_time(network: Network) -> bool:
    """Whether a PoP is out for a part of the time."""
    pops = network.failures.pops
    return bool((np.isfinite(pops.begin_s) | np.isfinite(pops.end_s)).any())


def _joined(network: Network, kind: Kind) -> bool:
    """Whether a link joins satellites of two planes or shells, or of none."""
    constellation, neighbours = network.constellation, network.topology.neighbours
    group = constellation.plane if kind == "plane" else constellation.shell
    there = neighbours >= 0
    across = there & (group[neighbours] != group[:, np.newaxis])
    return bool(across.any())
