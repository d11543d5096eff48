"""The +Grid of planes as they fly: with gaps, spares and uneven distances between planes.

Takes a constellation of element sets whose planes were inferred; gives each satellite's neighbour ahead and to the
east. The topology makes links of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from openleo.network.constellation import Constellation
from openleo.network.constellation.planes import SEAM_DEG
from openleo.network.kernels import paths
from openleo.network.kernels.paths import NO_LINK

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

FARTHEST_STEPS = 1.5  # along the orbit, from the counterpart of a satellite to the one it is joined to instead


def ahead(constellation: Constellation) -> Ints:
    """(satellite,): the next one along the orbit in its plane, over empty slots too; −1 in a plane of two or fewer."""
    found = np.full(constellation.satellites, NO_LINK, np.int32)
    for members in _planes(constellation):
        if len(members) > 2:
            found[members] = np.roll(members, -1)
    return found


def east(constellation: Constellation) -> Ints:
    """(satellite,): the one it is joined to in the next plane to the east of its shell, −1 for none; no two share one.

    Two planes lie to each other by a shift of so and so many degrees, at most half a slot: each satellite's counterpart
    is the one nearest to that shift, and where its slot is empty, the nearest free one within FARTHEST_STEPS slots.
    """
    found = np.full(constellation.satellites, NO_LINK, np.int32)
    planes = list(_planes(constellation))
    assert constellation.placement is not None
    for number, shell in enumerate(constellation.placement.shells):
        for here, there in _next_to(constellation, np.flatnonzero(constellation.plane_shell == number)):
            ours, theirs = planes[here], planes[there]
            step = 2.0 * np.pi / (shell.slots or max(len(ours), len(theirs)))
            apart = constellation.argument_rad[theirs] - constellation.argument_rad[ours][:, np.newaxis]
            shift = step * np.angle(np.exp(2j * np.pi * apart / step).sum()) / (2.0 * np.pi) if shell.slots else 0.0
            off = np.abs((apart - shift + np.pi) % (2.0 * np.pi) - np.pi)
            one, other = np.nonzero(off <= FARTHEST_STEPS * step)
            order = np.lexsort((other, one, np.round(off[one, other], 9)))
            joined = np.full((constellation.satellites, 1), NO_LINK, np.int32)
            paths.join_in_order(ours[one[order]], theirs[other[order]], joined)
            found[ours] = joined[ours, 0]
    return found


def bricks(constellation: Constellation, to_east: Ints) -> Ints:
    """Of the links to the east every second along a plane, shifted by one from plane to plane; −1 for the others.

    A satellite that looks east is joined to one that does not, so that three lasers make a wall of bricks.
    """
    slot, shell = constellation.slot_in_plane, constellation.plane_shell
    looks_east = np.zeros(constellation.satellites, np.bool_)
    planes = list(_planes(constellation))
    for plane, members in enumerate(planes):
        looks_east[members] = slot[members] % 2 == 0
        if plane and shell[plane] == shell[plane - 1]:
            west = planes[plane - 1]
            west = west[to_east[west] != NO_LINK]
            alike = looks_east[west] == looks_east[to_east[west]]
            if 2 * int(alike.sum()) > len(alike):  # those joined are to differ; most decide
                looks_east[members] ^= True
    kept = looks_east & (to_east != NO_LINK) & ~looks_east[to_east]
    return np.where(kept, to_east, NO_LINK).astype(np.int32)


def _planes(constellation: Constellation) -> Iterator[Ints]:
    """Each plane's satellites along the orbit."""
    order = np.lexsort((constellation.slot_in_plane, constellation.plane)).astype(np.int32)
    bounds = np.searchsorted(constellation.plane[order], np.arange(constellation.planes + 1))
    for begin, end in pairwise(bounds):
        yield order[begin:end]


def _next_to(constellation: Constellation, planes: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """(a plane, the next one to the east) of a shell, but for planes that fly against each other; two planes once."""
    node_deg = np.degrees(constellation.raan_rad[planes])
    for k, plane in enumerate(planes.tolist()):
        following = (k + 1) % len(planes)
        gap = (node_deg[following] - node_deg[k]) % 360.0
        if 0.0 < gap <= SEAM_DEG:
            yield plane, int(planes[following])
