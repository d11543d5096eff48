"""Shells, planes and slots of satellites that are known by their orbits alone.

Takes mean elements at one instant; gives a Placement: the shell, plane and slot of every satellite that is on station,
and why each other one is not. The topology joins the planes. The constellation model holds the result.

A plane is a crowd in the node at one altitude and inclination, spread along its orbit; freshly launched satellites
crowd in the node too, but fly close together. Planes of one altitude and inclination make a shell, and so do staggered
ones, each a few kilometres above the other, where no two share a node (OneWeb). Slots are the even division of the
orbit that fits all planes of a shell best; where none fits, satellites are counted along the orbit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation.element_set import ElementSet
from openleo.units import EARTH_RADIUS_KM

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

NO_PLANE = -1

# Measured on Starlink's and OneWeb's element sets of 2026-08-22: planes of one shell lie 0.9° (sun-synchronous) to 15°
# apart and are up to 0.9° wide; satellites on station keep their altitude to 0.15 km, a shell its inclination to 0.1°.
SAME_INCLINATION_DEG = 0.15
SAME_ALTITUDE_KM = 0.3
SAME_NODE_DEG = 0.45
# Crowds are chains, each link of which is short; a plane is no longer than this from one end to the other.
WIDEST_KM = 1.2
WIDEST_DEG = 2.0
FEWEST = 4  # satellites that make a plane
FEWEST_IN_SHELL = 12
MOST_BUNCHED = 0.8  # length of the mean of their directions: 0 all round the orbit, 1 all at one place
STAGGER_KM = 6.0  # between the altitudes of neighbouring planes of one shell
SHARED_NODE_DEG = 1.5  # planes that are nearer than this share a node
SEAM_DEG = 120.0  # planes farther apart fly against each other more than along
NEAR_SHELL_KM = 12.0  # a spare is that near to its shell
MONTHS_OF_RAISING = 6  # from launch to station, at most
SLOTS = range(4, 181)  # of a plane
REGULAR = 0.8  # how well slots fit: 1 exactly, 0 not at all
BY_CHANCE = 3.5  # standard deviations above what satellites in no order would fit: once in 4,000 numbers of slots
OFF_SLOT = 0.25  # a satellite farther from its slot, as a share of the step, drifts


class Standing(IntEnum):
    """Whether a satellite is on station, and if not, why not."""

    IN_PLANE = 0
    SPARE = 1  # within NEAR_SHELL_KM of a shell, but in no plane, beside its slot, or in one that is taken
    RAISING = 2  # below a shell, and young
    DEORBITING = 3  # below a shell, and older
    UNPLACED = 4  # no shell of its inclination, above all of them, or of an unknown launch below one


@dataclass(frozen=True)
class Orbits:
    """Mean orbits at one instant, axes (satellite,)."""

    altitude_km: Floats  # of the mean semi-major axis above the equatorial radius
    inclination_deg: Floats
    node_deg: Floats  # right ascension of the ascending node
    argument_deg: Floats  # of latitude
    young: NDArray[np.bool_]  # launched this year or, until June, the year before: no more than the year is known
    known_launch: NDArray[np.bool_]


@dataclass(frozen=True)
class InferredShell:
    """A shell as it flies: the medians over its satellites; `slots` in each plane, 0 where no even division fits."""

    name: str
    altitude_km: float
    inclination_deg: float
    planes: int
    slots: int
    satellites: int


@dataclass(frozen=True)
class Placement:
    """shell, plane, slot, nearest_shell, standing: axes (satellite,), −1 for none; plane_shell, plane_node_deg: axes
    (plane,). nearest_shell: of a satellite's inclination, the nearest in altitude, whether it is in it or not.

    The most populous shell comes first. Its planes stand together, from the west to the east, beginning after the seam
    if there is one.
    """

    orbits: Orbits
    shell: Ints
    plane: Ints
    slot: Ints
    nearest_shell: Ints
    standing: NDArray[np.int8]
    shells: tuple[InferredShell, ...]
    plane_shell: Ints
    plane_node_deg: Floats

    def only(self, chosen: NDArray[np.intp]) -> Placement:
        """That of some of the satellites; shells and planes stay as they are."""
        orbits = replace(self.orbits, **{one.name: getattr(self.orbits, one.name)[chosen] for one in fields(Orbits)})
        of_satellites = ("shell", "plane", "slot", "nearest_shell", "standing")
        return replace(self, orbits=orbits, **{name: getattr(self, name)[chosen] for name in of_satellites})

    def counts(self) -> dict[Standing, int]:
        """How many satellites stand how."""
        return {one: int((self.standing == one).sum()) for one in Standing}


def orbits_at(elements: Sequence[ElementSet], at: datetime) -> Orbits:
    """The mean orbits of element sets at one instant, by SGP4's secular rates; drag moves no one within days."""
    satrecs = [one.satrec for one in elements]
    minutes = np.array([(at - one.epoch).total_seconds() / 60.0 for one in elements])

    def values(name: str) -> Floats:
        return np.array([getattr(satrec, name) for satrec in satrecs], dtype=np.float64)

    node = values("nodeo") + values("nodedot") * minutes
    argument = values("argpo") + values("mo") + (values("argpdot") + values("mdot")) * minutes
    launched = np.array([one.launch_year or 0 for one in elements])
    return Orbits(
        altitude_km=(values("a") - 1.0) * EARTH_RADIUS_KM,
        inclination_deg=np.degrees(values("inclo")),
        node_deg=np.degrees(node) % 360.0,
        argument_deg=np.degrees(argument) % 360.0,
        young=launched >= at.year - (at.month <= MONTHS_OF_RAISING),
        known_launch=launched > 0,
    )


def place(orbits: Orbits) -> Placement:
    """Infer shells, planes and slots."""
    count = len(orbits.altitude_km)
    shell, plane, slot = (np.full(count, NO_PLANE, np.int32) for _ in range(3))
    shells: list[InferredShell] = []
    plane_shell: list[int] = []
    plane_node: list[float] = []
    found = [
        planes
        for alike in _crowds(orbits.inclination_deg, np.arange(count), SAME_INCLINATION_DEG)
        for planes in _shells(orbits, _planes(orbits, alike))
        if sum(map(len, planes)) >= FEWEST_IN_SHELL
    ]
    found.sort(key=lambda planes: (-sum(map(len, planes)), planes[0][0]))
    for number, planes in enumerate(found):
        division, slots = _slots(orbits.argument_deg, planes)
        for members, taken in zip(planes, slots, strict=True):
            on_station = members[taken >= 0]
            shell[on_station], plane[on_station], slot[on_station] = number, len(plane_shell), taken[taken >= 0]
            plane_shell.append(number)
            plane_node.append(_middle_deg(orbits.node_deg[on_station]))
        shells.append(_described(orbits, np.flatnonzero(shell == number), len(planes), division))
    nearest, standing = _standing(orbits, plane != NO_PLANE, shells)
    return Placement(
        orbits, shell, plane, slot, nearest, standing, _named(shells), np.array(plane_shell, np.int32),
        np.array(plane_node, np.float64),
    )  # fmt: skip


def _crowds(values: Floats, members: NDArray[np.intp], within: float, turn: float = 0.0) -> Iterator[NDArray[np.intp]]:
    """Those of `members` whose values crowd together: density-based clusters on a line, or on a circle of `turn`.

    A value is in a crowd's core with FEWEST, itself among them, within `within`; a crowd is cores that are no
    farther apart, and what is that near to one (Ester, Kriegel, Sander, Xu 1996, DBSCAN, in one dimension).
    """
    order = np.argsort(values[members], kind="stable")
    members, sorted_values = members[order], values[members][order]
    around = np.concatenate([sorted_values - turn, sorted_values, sorted_values + turn]) if turn else sorted_values
    low, high = (
        np.searchsorted(around, sorted_values - within),
        np.searchsorted(around, sorted_values + within, "right"),
    )
    core = high - low >= FEWEST
    cores = np.flatnonzero(core)
    if len(cores) == 0:
        return
    gaps = np.diff(sorted_values[cores], append=sorted_values[cores[0]] + turn if turn else np.inf)
    breaks = np.flatnonzero(gaps > within)
    crowd_of_core = np.zeros(len(cores), np.intp)
    crowd_of_core[1:] = np.cumsum(gaps[:-1] > within)
    if turn and gaps[-1] <= within and len(breaks):
        crowd_of_core[crowd_of_core == crowd_of_core[-1]] = 0
    # The nearest core, before or after, decides for what is no core.
    after = np.searchsorted(cores, np.arange(len(members)))
    before_core, after_core = cores[(after - 1) % len(cores)], cores[after % len(cores)]
    to_before = np.abs(_apart(sorted_values, sorted_values[before_core], turn))
    to_after = np.abs(_apart(sorted_values, sorted_values[after_core], turn))
    nearest = np.where(to_after <= to_before, after % len(cores), (after - 1) % len(cores))
    reached = np.minimum(to_before, to_after) <= within
    for crowd in range(int(crowd_of_core.max()) + 1):
        chosen = reached & (crowd_of_core[nearest] == crowd)
        if chosen.any():
            yield np.sort(members[chosen])


def _apart(one: Floats, other: Floats | np.float64, turn: float) -> Floats:
    """From other to one, the short way round a circle of `turn`."""
    return (one - other + turn / 2.0) % turn - turn / 2.0 if turn else one - other


def _middle_deg(angle_deg: Floats) -> float:
    """The direction of the mean of directions."""
    return float(np.degrees(np.angle(np.exp(1j * np.radians(angle_deg)).sum())) % 360.0)


def _planes(orbits: Orbits, members: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Crowds in altitude and node that are spread along the orbit, and fly at one altitude."""
    crowds = [
        _level(orbits.altitude_km, crowd)
        for level in _crowds(orbits.altitude_km, members, SAME_ALTITUDE_KM)
        for crowd in _crowds(orbits.node_deg, level, SAME_NODE_DEG, 360.0)
        if np.ptp(_apart(orbits.node_deg[crowd], np.float64(_middle_deg(orbits.node_deg[crowd])), 360.0)) <= WIDEST_DEG
    ]
    found = [plane for plane in crowds if len(plane) >= FEWEST]
    bunched = [abs(np.exp(1j * np.radians(orbits.argument_deg[plane])).mean()) for plane in found]
    return [plane for plane, length in zip(found, bunched, strict=True) if length <= MOST_BUNCHED]


def _level(altitude_km: Floats, crowd: NDArray[np.intp]) -> NDArray[np.intp]:
    """The most of a crowd that fly within WIDEST_KM: 2.5 km higher, a satellite falls behind by 3° a day."""
    order = crowd[np.argsort(altitude_km[crowd], kind="stable")]
    end = np.searchsorted(altitude_km[order], altitude_km[order] + WIDEST_KM, "right")
    first = int(np.argmax(end - np.arange(len(order))))
    return np.sort(order[first : end[first]])


def _shells(orbits: Orbits, planes: list[NDArray[np.intp]]) -> Iterator[list[NDArray[np.intp]]]:
    """Planes of one inclination, parted into shells; those of each from the west to the east."""
    if not planes:
        return
    altitude = np.array([np.median(orbits.altitude_km[plane]) for plane in planes])
    node = np.array([_middle_deg(orbits.node_deg[plane]) for plane in planes])

    def eastward(chosen: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        order = chosen[np.argsort(node[chosen], kind="stable")]
        gaps = np.diff(node[order], append=node[order[0]] + 360.0)
        widest = int(np.argmax(gaps))
        first = widest + 1 if gaps[widest] > SEAM_DEG else 0
        return [planes[one] for one in np.roll(order, -first)]

    for family in _parted(altitude, np.arange(len(planes)), STAGGER_KM):
        levels = list(_parted(altitude, family, SAME_ALTITUDE_KM))
        level_of = np.repeat(np.arange(len(levels)), [len(level) for level in levels])
        nodes = node[np.concatenate(levels)]
        near = np.abs(_apart(nodes[:, np.newaxis], nodes, 360.0)) < SHARED_NODE_DEG
        if (near & (level_of[:, np.newaxis] != level_of)).any():
            yield from map(eastward, levels)
        else:
            yield eastward(family)


def _parted(values: Floats, members: NDArray[np.intp], gap: float) -> Iterator[NDArray[np.intp]]:
    """`members` in the order of their values, parted where the next one is farther than `gap`."""
    order = members[np.argsort(values[members], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(values[order]) > gap) + 1)


def _slots(argument_deg: Floats, planes: Sequence[NDArray[np.intp]]) -> tuple[int, list[Ints]]:
    """(slots of a plane, the slot of each member of each plane, −1 for those off their slot or in one taken)."""
    division = _division(argument_deg, planes)
    return division, [_slots_of_plane(argument_deg[plane], division) for plane in planes]


def _division(argument_deg: Floats, planes: Sequence[NDArray[np.intp]]) -> int:
    """Into how many slots all planes divide their orbit, 0 where no number fits.

    Each plane's satellites, their angles multiplied by the number of slots, point one way if they stand in slots. Any
    multiple of the right number fits as well, so the least one that fits nearly best is taken.
    """
    angle = [np.exp(1j * np.radians(argument_deg[plane])) for plane in planes]
    whole = sum(len(plane) for plane in planes)
    fits = np.array([sum(abs((one**slots).sum()) for one in angle) / whole for slots in SLOTS])
    best = fits.max()
    # The sum of m directions in no order is √(π m) / 2 long in the mean, with a deviation of √((1 − π/4) m).
    sizes = np.array([len(plane) for plane in planes], dtype=np.float64)
    chance = (np.sqrt(np.pi * sizes) / 2.0).sum() + BY_CHANCE * np.sqrt(((1.0 - np.pi / 4.0) * sizes).sum())
    return SLOTS[int(np.argmax(fits >= best - 0.03))] if best >= max(REGULAR, chance / whole) else 0


def _slots_of_plane(argument_deg: Floats, division: int) -> Ints:
    if division == 0:
        rank: NDArray[np.intp] = np.argsort(np.argsort(argument_deg, kind="stable"), kind="stable")
        return rank.astype(np.int32)
    turned = np.exp(1j * np.radians(argument_deg) * division)
    phase = np.angle(turned.sum()) / (2.0 * np.pi)
    place = argument_deg * division / 360.0 - phase
    nearest = np.round(place)
    off = np.abs(place - nearest)
    slot: Ints = (nearest % division).astype(np.int32)
    free = np.ones(division, np.bool_)
    for one in np.argsort(off, kind="stable").tolist():  # the nearest to its slot has it
        if off[one] <= OFF_SLOT and free[slot[one]]:
            free[slot[one]] = False
        else:
            slot[one] = NO_PLANE
    return slot


def _described(orbits: Orbits, members: NDArray[np.intp], planes: int, slots: int) -> InferredShell:
    altitude = float(np.median(orbits.altitude_km[members]))
    inclination = float(np.median(orbits.inclination_deg[members]))
    return InferredShell(f"{altitude:.0f}-{inclination:.1f}", altitude, inclination, planes, slots, len(members))


def _named(shells: list[InferredShell]) -> tuple[InferredShell, ...]:
    """With names that differ: the less populous of two alike is told by a letter."""
    seen: Counter[str] = Counter()
    named = []
    for shell in shells:
        alike = seen[shell.name]
        seen[shell.name] += 1
        named.append(replace(shell, name=f"{shell.name}{chr(ord('a') + alike)}") if alike else shell)
    return tuple(named)


def _standing(
    orbits: Orbits, in_plane: NDArray[np.bool_], shells: Sequence[InferredShell]
) -> tuple[Ints, NDArray[np.int8]]:
    """(nearest shell of its inclination, standing), axes (satellite,)."""
    if not shells:
        none = np.full(len(in_plane), NO_PLANE, np.int32)
        return none, np.full(len(in_plane), Standing.UNPLACED, np.int8)
    altitude = np.array([shell.altitude_km for shell in shells])
    inclination = np.array([shell.inclination_deg for shell in shells])
    its = np.abs(orbits.inclination_deg[:, np.newaxis] - inclination) <= 2.0 * SAME_INCLINATION_DEG
    above_km = np.where(its, altitude - orbits.altitude_km[:, np.newaxis], np.inf)
    nearest = np.where(its.any(axis=1), np.abs(above_km).argmin(axis=1), NO_PLANE).astype(np.int32)
    near = (np.abs(above_km) <= NEAR_SHELL_KM).any(axis=1)
    below = (its & (above_km > NEAR_SHELL_KM)).any(axis=1) & orbits.known_launch
    standing = np.full(len(in_plane), Standing.UNPLACED, np.int8)
    standing[below & orbits.young] = Standing.RAISING
    standing[below & ~orbits.young] = Standing.DEORBITING
    standing[near] = Standing.SPARE
    standing[in_plane] = Standing.IN_PLANE
    return nearest, standing
