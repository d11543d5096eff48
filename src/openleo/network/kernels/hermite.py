"""Positions between nodes, from the positions and velocities at the nodes.

`cubic` is for many satellites that share nodes at equal distances, as SGP4's do; `smooth` says beforehand where it
holds. `quintic` is for files of states, each satellite with times of its own, minutes apart: there the pull of the
Earth at both nodes is used as well. For a circle of radius a, run through at n rad/s, and nodes h apart the error of
the cubic is at most a·(nh)⁴/384 (36 cm at 550 km and 60 s, 92 m at 240 s), that of the quintic a·(nh)⁶/46,080 (6 cm at
240 s).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# The pull between nodes: a point mass and the Earth's flattening (WGS 84; the rest is a thousandth of the latter).
MU_KM3_S2 = 398_600.4418
J2 = 1.082_629_8e-3
RADIUS_KM = 6378.137


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def pull_km_s2(x: float, y: float, z: float) -> tuple[float, float, float]:
    """The Earth's pull on a point, in km, of a frame whose z is the Earth's axis."""
    square = x * x + y * y + z * z
    straight = -MU_KM3_S2 / (square * np.sqrt(square))
    flat = 1.5 * J2 * RADIUS_KM * RADIUS_KM / square
    slope = 5.0 * z * z / square
    across = straight * (1.0 + flat * (1.0 - slope))
    return across * x, across * y, straight * (1.0 + flat * (3.0 - slope)) * z


@njit(cache=True, nogil=True, error_model="numpy")
def pulls_km_s2(position_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Earth's pull on each of the points, axes (point, xyz)."""
    pull = np.empty(position_km.shape)
    for k in range(position_km.shape[0]):
        pull[k, 0], pull[k, 1], pull[k, 2] = pull_km_s2(position_km[k, 0], position_km[k, 1], position_km[k, 2])
    return pull


@njit(cache=True, nogil=True, error_model="numpy")
def smooth(
    node_km: NDArray[np.float64],  # (node, satellite, xyz), inertial
    node_km_s: NDArray[np.float64],  # (node, satellite, xyz)
    spacing_s: float,  # from a node to the next
    lowest_km: float,  # no node of an interval lies nearer to the Earth's centre
    apart_km: float,  # how far the way between two nodes may be from what the velocities make it
    holds: NDArray[np.bool_],  # (node − 1, satellite): written
) -> None:
    """Whether the velocities at both nodes of each interval are those of the way from one to the other.

    SGP4's velocities leave out what drag does to short periods: of a satellite that falls they are off by 1 m/s. By how
    much is seen from the way between the nodes: the trapezium rule, with its next term from the Earth's pull, misses it
    by that times the interval, and by millimetres otherwise (Euler–Maclaurin).
    """
    for k in range(node_km.shape[0] - 1):
        for s in range(node_km.shape[1]):
            x, y, z = node_km[k, s, 0], node_km[k, s, 1], node_km[k, s, 2]
            u, v, w = node_km[k + 1, s, 0], node_km[k + 1, s, 1], node_km[k + 1, s, 2]
            least = min(x * x + y * y + z * z, u * u + v * v + w * w)
            if not least >= lowest_km * lowest_km:  # so that nan is not smooth either
                holds[k, s] = False
                continue
            ax, ay, az = pull_km_s2(x, y, z)
            bx, by, bz = pull_km_s2(u, v, w)
            half, next_term = spacing_s / 2.0, spacing_s * spacing_s / 12.0
            dx = u - x - half * (node_km_s[k, s, 0] + node_km_s[k + 1, s, 0]) + next_term * (bx - ax)
            dy = v - y - half * (node_km_s[k, s, 1] + node_km_s[k + 1, s, 1]) + next_term * (by - ay)
            dz = w - z - half * (node_km_s[k, s, 2] + node_km_s[k + 1, s, 2]) + next_term * (bz - az)
            holds[k, s] = dx * dx + dy * dy + dz * dz <= apart_km * apart_km


@njit(cache=True, nogil=True, error_model="numpy")
def cubic(
    node_km: NDArray[np.float64],  # (node, satellite, xyz), inertial
    node_km_s: NDArray[np.float64],  # (node, satellite, xyz)
    spacing_s: float,  # from a node to the next
    left: NDArray[np.int64],  # (instant,): the node before, or at, each instant; the next row is the node after
    share: NDArray[np.float64],  # (instant,): how far each instant is from the one to the other, 0 … 1
    cosine: NDArray[np.float64],  # (instant,): of the angle by which the Earth has turned
    sine: NDArray[np.float64],  # (instant,)
    position_km: NDArray[np.float64],  # (instant, satellite, xyz), Earth-fixed: written
) -> None:
    """Cubic Hermite polynomials between the two nodes around each instant, turned to the Earth-fixed frame."""
    for t in range(left.shape[0]):
        k, x = left[t], share[t]
        rest = 1.0 - x
        a, b = (1.0 + 2.0 * x) * rest * rest, x * x * (3.0 - 2.0 * x)
        c, d = x * rest * rest * spacing_s, -x * x * rest * spacing_s
        cos, sin = cosine[t], sine[t]
        for s in range(node_km.shape[1]):
            px = a * node_km[k, s, 0] + b * node_km[k + 1, s, 0] + c * node_km_s[k, s, 0] + d * node_km_s[k + 1, s, 0]
            py = a * node_km[k, s, 1] + b * node_km[k + 1, s, 1] + c * node_km_s[k, s, 1] + d * node_km_s[k + 1, s, 1]
            pz = a * node_km[k, s, 2] + b * node_km[k + 1, s, 2] + c * node_km_s[k, s, 2] + d * node_km_s[k + 1, s, 2]
            position_km[t, s, 0] = cos * px + sin * py
            position_km[t, s, 1] = cos * py - sin * px
            position_km[t, s, 2] = pz


@njit(cache=True, nogil=True, error_model="numpy")
def quintic(
    segment_first: NDArray[np.int64],  # (satellite + 1,): the segments of each, in the order of time
    begin_s: NDArray[np.float64],  # (segment,): from here to `end_s` it says where its satellite is
    end_s: NDArray[np.float64],  # (segment,)
    node_first: NDArray[np.int64],  # (segment + 1,): the nodes of each, in the order of time
    node_s: NDArray[np.float64],  # (node,)
    node_km: NDArray[np.float64],  # (node, xyz), inertial, z the Earth's axis
    node_km_s: NDArray[np.float64],  # (node, xyz)
    longest_s: float,  # from a node to the next; over a longer gap there is no position
    at_s: NDArray[np.float64],  # (instant,): in any order
    position_km: NDArray[np.float64],  # (instant, satellite, xyz), inertial: written, 0 where there is none
    there: NDArray[np.bool_],  # (instant, satellite): written, whether there is one
) -> None:
    """Quintic Hermite polynomials between the nodes around each instant, with the pull of the Earth at both.

    Where one segment ends and another begins, the later one speaks.
    """
    for t in range(at_s.shape[0]):
        now = at_s[t]
        for s in range(segment_first.shape[0] - 1):
            there[t, s] = False
            position_km[t, s, 0] = position_km[t, s, 1] = position_km[t, s, 2] = 0.0
            g = segment_first[s] + np.searchsorted(begin_s[segment_first[s] : segment_first[s + 1]], now, "right") - 1
            if g < segment_first[s] or now > end_s[g]:
                continue
            first, last = node_first[g], node_first[g + 1] - 1
            k = first + np.searchsorted(node_s[first : last + 1], now, "right") - 1
            k = min(max(k, first), last - 1)
            h = node_s[k + 1] - node_s[k]
            if now < node_s[k] or now > node_s[k + 1]:
                continue
            if h > longest_s:  # at a node beside a long gap its own position is still there
                k = k + 1 if now == node_s[k + 1] else k
                there[t, s] = now == node_s[k]
                for axis in range(3):
                    position_km[t, s, axis] = node_km[k, axis] if there[t, s] else 0.0
                continue
            x = (now - node_s[k]) / h
            pull = pull_km_s2(node_km[k, 0], node_km[k, 1], node_km[k, 2])
            pull_after = pull_km_s2(node_km[k + 1, 0], node_km[k + 1, 1], node_km[k + 1, 2])
            for axis in range(3):
                start, speed = node_km[k, axis], h * node_km_s[k, axis]
                bend, bend_after = h * h * pull[axis], h * h * pull_after[axis]
                # What is left of the way, of the speed and of the pull at the interval's end.
                way = node_km[k + 1, axis] - start - speed - bend / 2.0
                faster = h * node_km_s[k + 1, axis] - speed - bend
                bent = bend_after - bend
                third = 10.0 * way - 4.0 * faster + bent / 2.0
                fourth = -15.0 * way + 7.0 * faster - bent
                fifth = 6.0 * way - 3.0 * faster + bent / 2.0
                position_km[t, s, axis] = start + x * (
                    speed + x * (bend / 2.0 + x * (third + x * (fourth + x * fifth)))
                )
            there[t, s] = True
