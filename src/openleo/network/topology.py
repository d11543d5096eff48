"""Which satellites are joined by lasers.

Takes a constellation's planes and slots, a pattern and the lasers' limits; gives a Topology: the neighbours of each
satellite, fixed for a run. How long a link is, and whether it holds, follows from the ephemeris. Two satellites are
joined only if both have lasers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openleo.network import ephemeris, flown_grid
from openleo.network.constellation import NO_PLANE, Constellation
from openleo.network.constellation.shells import DELTA_DEG
from openleo.network.kernels import dijkstra, pairs, paths
from openleo.network.kernels.paths import NO_LINK
from openleo.network.kernels.torus import AHEAD, BEHIND, EAST, WEST
from openleo.units import EARTH_RADIUS_KM, GRAZING_ALTITUDE_KM

Neighbours = NDArray[np.int32]
Floats = NDArray[np.float64]

GRIDS = ("+grid", "zig-zag", "ring")
PATTERNS = (*GRIDS, "nearest", "none")
LOWEST_LINK_KM = EARTH_RADIUS_KM + GRAZING_ALTITUDE_KM  # from the Earth's centre
POLE_DEG = 90.0
BETWEEN_SHELLS = 2  # lasers more: one to the shell above, one to the shell below
CANDIDATES = 32  # how many of its nearest satellites one looks at for a free laser


@dataclass(frozen=True, eq=False)
class Topology:
    """Which inter-satellite links there may be, for a whole run; at an instant those hold that its limits allow.

    neighbours[satellite, k]: a satellite that it is joined to, −1 for none. A link longer than `longest_km`, or one
    that passes the Earth's centre nearer than `lowest_km`, is none; nor is one across planes of which an end is
    nearer to a pole than the latitude `polar_cutoff_deg`, axes of `across` (satellite, k). `orders`: of a grid, its
    satellites in the four orders that `kernels.torus` sweeps in, axes (order, satellite). `broken` (link, two ends):
    joined no longer.
    """

    neighbours: Neighbours
    lowest_km: float = LOWEST_LINK_KM
    longest_km: float = np.inf
    orders: NDArray[np.int32] | None = None
    broken: NDArray[np.int32] | None = None
    polar_cutoff_deg: float = POLE_DEG
    across: NDArray[np.bool_] | None = None

    @property
    def limits(self) -> tuple[float, float, float]:
        """Lowest and longest link, polar cut-off."""
        return self.lowest_km, self.longest_km, self.polar_cutoff_deg

    def lengths_km(self, position_km: Floats, usable: NDArray[np.bool_]) -> Floats:
        """Length of each link, axes (satellite, k), infinite where there is none, with the satellites where they are.

        position_km (satellite, xyz); `usable` (satellite): an unusable satellite has no links.
        """
        length_km = np.empty(self.neighbours.shape)
        paths.link_lengths(position_km, self.neighbours, self.lowest_km, self.longest_km, usable, length_km)
        if self.across is not None and self.polar_cutoff_deg < POLE_DEG:
            sine = np.abs(position_km[:, 2]) / np.maximum(np.linalg.norm(position_km, axis=1), 1.0)
            polar = sine > np.sin(np.radians(self.polar_cutoff_deg))
            length_km[self.across & (polar[:, np.newaxis] | polar[self.neighbours])] = np.inf
        if self.broken is not None:
            for here, there in (self.broken.T, self.broken.T[::-1]):
                link, k = np.nonzero(self.neighbours[here] == there[:, np.newaxis])
                length_km[here[link], k] = np.inf
        return length_km

    def settle(self, seed_km: Floats, length_km: Floats, distance_km: Floats, onward: NDArray[np.int32]) -> None:
        """The least distance from every satellite to any seed, and the next satellite there: `kernels.paths.settle`.

        Sweeps where the satellites' numbers follow the links, else a queue: the distances are the same to the last bit;
        of ways that tie, either may take another.
        """
        by = paths.settle if self.swept_soon else dijkstra.settle
        by(seed_km, self.neighbours, length_km, distance_km, onward)

    def settle_many(self, length_km: Floats, distance_km: Floats) -> None:
        """The least distance of every satellite from many sources: `kernels.pairs.settle_many`, or by a queue."""
        by = pairs.settle_many if self.swept_soon else dijkstra.settle_many
        by(self.neighbours, length_km, distance_km)

    @cached_property
    def swept_soon(self) -> bool:
        """Whether sweeps in the order of the satellites' numbers settle sooner than a queue; as flown, they do not."""
        return bool(dijkstra.swept_soon(self.neighbours))


@dataclass(frozen=True)
class Lasers:
    """How satellites are joined: a pattern (one of PATTERNS), the lasers each has, and the limits of a link.

    `between_shells` takes two lasers more, one to the shell above and one to the shell below.
    """

    pattern: str = "+grid"
    terminals: int = 4
    between_shells: bool = False
    longest_km: float = np.inf
    lowest_km: float = LOWEST_LINK_KM
    polar_cutoff_deg: float = POLE_DEG


def build(constellation: Constellation, lasers: Lasers | str, start: datetime | None = None) -> Topology:
    """The links of a constellation.

    `nearest` and links between shells are decided by where the satellites are at `start` (the constellation's epoch
    unless said), once for the run: as satellites of other planes and shells drift away, those links exceed their range.
    """
    said = Lasers(lasers) if isinstance(lasers, str) else lasers
    at = start or constellation.epoch
    near = said.pattern == "nearest"
    joined = _nearest(constellation, said, at) if near else neighbours(constellation, said.pattern)
    if said.between_shells:
        joined = np.column_stack([joined, _between_shells(constellation, said, at, joined)])
    plane = constellation.plane[:, np.newaxis]
    # Who is in no plane shares none: between two such satellites a link is across planes too.
    across = (joined != NO_LINK) & ((constellation.plane[joined] != plane) | (plane == NO_PLANE))
    grid = said.pattern in GRIDS
    return Topology(
        joined,
        lowest_km=said.lowest_km,
        longest_km=said.longest_km,
        orders=grid_orders(constellation) if grid else None,
        polar_cutoff_deg=said.polar_cutoff_deg,
        across=across,
    )


def grid_orders(constellation: Constellation) -> NDArray[np.int32]:
    """The satellites by shell, plane and slot, with planes and slots up or down; axes (order, satellite)."""
    shell, plane, slot = constellation.shell, constellation.plane, constellation.slot_in_plane
    orders = [np.lexsort((down * slot, west * plane, shell)) for west in (1, -1) for down in (1, -1)]
    return np.stack(orders).astype(np.int32)


def neighbours(constellation: Constellation, pattern: str) -> Neighbours:
    """neighbours[satellite, k]: the satellites a satellite has links to, −1 where there is none.

    `+grid`: ahead and behind in its plane, and the nearest by argument of latitude in the planes to the east and west,
    in each shell. Phasing leaves slot s of a plane F / planes of a slot behind slot s of the next one, so the nearest
    is slot s or s − 1. Planes that span the whole turn close at the seam, where the last plane's next one is the first
    with its slots counted from F; planes over half a turn (a star) fly against each other there and stay open.
    `zig-zag`: of the links across, every second along a plane, shifted by one from plane to plane, so that three lasers
    make a wall of bricks. `ring`: ahead and behind alone.
    """
    if pattern == "none":
        return np.empty((constellation.satellites, 0), dtype=np.int32)
    if pattern not in GRIDS:
        raise ValueError(f"no such pattern of inter-satellite links: {pattern}")
    if not constellation.shells:
        return _as_flown(constellation, pattern)
    links = np.full((constellation.satellites, 4), NO_LINK, dtype=np.int32)
    first = 0
    for shell in constellation.shells:
        number = first + np.arange(shell.satellites, dtype=np.int32).reshape(shell.planes, shell.per_plane)
        first += shell.satellites
        if shell.per_plane > 2:
            links[number, AHEAD] = np.roll(number, -1, axis=1)
            links[number, BEHIND] = np.roll(number, 1, axis=1)
        if pattern == "ring":
            continue
        behind = round(shell.phasing / shell.planes)
        to_east = np.roll(np.vstack([number[1:], np.roll(number[:1], -shell.phasing, axis=1)]), behind, axis=1)
        closed = shell.raan_span_deg == DELTA_DEG and shell.planes > 2
        joined = number if closed else number[:-1]
        to_east = to_east[: len(joined)]
        if pattern == "zig-zag":
            plane, slot = np.divmod(number - number[0, 0], shell.per_plane)
            looks_east = (plane + slot + behind * plane) % 2 == 0
            kept = looks_east.ravel()[joined - number[0, 0]] & ~looks_east.ravel()[to_east - number[0, 0]]
            joined, to_east = joined[kept], to_east[kept]
        links[joined, EAST] = to_east
        links[to_east, WEST] = joined
    return _between_lasers(constellation, links)


def _between_lasers(constellation: Constellation, links: Neighbours) -> Neighbours:
    both = constellation.has_laser[:, np.newaxis] & constellation.has_laser[links]
    return np.where(both, links, NO_LINK).astype(np.int32)


def _as_flown(constellation: Constellation, pattern: str) -> Neighbours:
    """The same patterns on planes that were inferred; satellites that are in no plane have no links."""
    links = np.full((constellation.satellites, 4), NO_LINK, dtype=np.int32)
    if constellation.planes == 0:
        return links

    def join(column: int, back: int, to: NDArray[np.int32]) -> None:
        here = np.flatnonzero(to != NO_LINK)
        links[here, column] = to[here]
        links[to[here], back] = here

    join(AHEAD, BEHIND, flown_grid.ahead(constellation))
    if pattern != "ring":
        to_east = flown_grid.east(constellation)
        join(EAST, WEST, flown_grid.bricks(constellation, to_east) if pattern == "zig-zag" else to_east)
    return _between_lasers(constellation, links)


def _nearest(constellation: Constellation, lasers: Lasers, at: datetime) -> Neighbours:
    """Each satellite joined to those nearest to it that have a laser left, the shortest links first."""
    where, usable = _with_lasers(constellation, at)
    longest_km = min(lasers.longest_km, _longest_clear_km(where, where, lasers.lowest_km))
    links = np.full((constellation.satellites, lasers.terminals), NO_LINK, np.int32)
    _join_shortest(where, usable, where, usable, longest_km, links)
    return links


def _joined_already(links: Neighbours, here: NDArray[np.intp], there: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Of pairs of satellites, axes (pair,): whether they have a link."""
    found: NDArray[np.bool_] = (links[here] == there[:, np.newaxis]).any(axis=1)
    return found


def _join_shortest(
    where: Floats, names: NDArray[np.intp], others: Floats, other_names: NDArray[np.intp], longest_km: float,
    links: Neighbours, besides: Neighbours | None = None,
) -> None:  # fmt: skip
    """Join satellites to those nearest among others while both have a free column in `links`, the shortest first.

    Those that links `besides` (satellite, k) join already are joined to others.
    """
    if len(where) == 0 or len(others) == 0:
        return
    nearest = np.arange(1, min(CANDIDATES, len(others)) + 1)
    found = cKDTree(others).query(where, nearest, distance_upper_bound=longest_km)
    length_km, other = np.asarray(found[0]), np.asarray(found[1])
    row, k = np.nonzero(np.isfinite(length_km))
    here, there, length_km = names[row], other_names[other[row, k]], length_km[row, k]
    if besides is not None:
        new = ~_joined_already(besides, here, there)
        here, there, length_km = here[new], there[new], length_km[new]
    order = np.lexsort((np.maximum(here, there), np.minimum(here, there), length_km))
    paths.join_in_order(here[order].astype(np.int32), there[order].astype(np.int32), links)


def _between_shells(constellation: Constellation, lasers: Lasers, at: datetime, joined: Neighbours) -> Neighbours:
    """(satellite, above and below): each joined to the nearest free satellite of the next shell up and down.

    Two that are `joined` (satellite, k) already, as the nearest may be, are not joined twice.
    """
    links = np.full((constellation.satellites, BETWEEN_SHELLS), NO_LINK, np.int32)
    where, usable = _with_lasers(constellation, at)
    shell = constellation.shell[usable]
    shells = [one for one in np.unique(shell) if one != NO_PLANE]
    height = {one: np.linalg.norm(where[shell == one], axis=1).mean() for one in shells}
    by_height = sorted(shells, key=lambda one: (height[one], one))
    for low, high in pairwise(by_height):
        below, above = np.flatnonzero(shell == low), np.flatnonzero(shell == high)
        longest_km = min(lasers.longest_km, _longest_clear_km(where[below], where[above], lasers.lowest_km))
        one_each = np.full((constellation.satellites, 1), NO_LINK, np.int32)
        _join_shortest(where[below], usable[below], where[above], usable[above], longest_km, one_each, joined)
        links[usable[below], 0] = one_each[usable[below], 0]
        links[usable[above], 1] = one_each[usable[above], 0]
    return links


def _with_lasers(constellation: Constellation, at: datetime) -> tuple[Floats, NDArray[np.intp]]:
    """(positions, numbers) of the satellites that have lasers and a position."""
    moved = ephemeris.positions(constellation, at, 0.0)
    usable = np.flatnonzero(moved.valid[0] & constellation.has_laser)
    return moved.position_km[0, usable], usable


def _longest_clear_km(ones: Floats, others: Floats, lowest_km: float) -> float:
    """No link between satellites so far out can be longer and still clear the air: both look along its top."""
    outmost = [np.linalg.norm(where, axis=1).max(initial=lowest_km) for where in (ones, others)]
    return float(sum(np.sqrt(max(out**2 - lowest_km**2, 0.0)) for out in outmost))
