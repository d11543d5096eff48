"""The +Grid: who is joined to whom, in every shell of the catalogue.

Authority for the pattern: its common definition (Bhattacherjee and Singla 2019, "+Grid"): two links within the
plane, one to each neighbouring plane. Our choice of the satellite there is the nearest by argument of latitude, which
needs no authority but Walker's own definition of a satellite's argument.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from openleo.network import ephemeris
from openleo.network.constellation import Constellation, catalogue, from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.topology import AHEAD, BEHIND, EAST, WEST, neighbours

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SHELLS = [
    pytest.param(shell, id=f"{name}/{shell.name}")
    for name in catalogue.names()
    for shell in catalogue.load(name).shells
]


def alone(shell: Shell, **change: float) -> Constellation:
    """A shell by itself, all its satellites with lasers unless told otherwise."""
    said = {key: getattr(shell, key) for key in shell.__dataclass_fields__ if key != "basis"}
    return from_shells("one", EPOCH, [Shell(**(said | {"laser_share": 1.0} | change))])


def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The angle between two arguments of latitude, whichever way is shorter."""
    return np.abs((a - b + np.pi) % (2.0 * np.pi) - np.pi)


@pytest.mark.parametrize("shell", SHELLS)
def test_links_run_both_ways_and_are_at_most_four(shell: Shell) -> None:
    links = neighbours(alone(shell), "+grid")
    assert links.shape == (shell.satellites, 4)
    for there, back in ((AHEAD, BEHIND), (BEHIND, AHEAD), (EAST, WEST), (WEST, EAST)):
        start = np.flatnonzero(links[:, there] >= 0)
        assert (links[links[start, there], back] == start).all()
    for row in links:
        ends = row[row >= 0]
        assert len(set(ends)) == len(ends)
    assert not (links == np.arange(shell.satellites)[:, np.newaxis]).any()


@pytest.mark.parametrize("shell", SHELLS)
def test_links_in_the_plane_go_to_the_next_in_line(shell: Shell) -> None:
    constellation = alone(shell)
    links = neighbours(constellation, "+grid")
    step = 2.0 * np.pi / shell.per_plane
    for k, turn in ((AHEAD, step), (BEHIND, -step)):
        assert (constellation.plane[links[:, k]] == constellation.plane).all()
        ahead = constellation.argument_rad[links[:, k]] - constellation.argument_rad
        assert between(ahead, np.full(len(ahead), turn)).max() < 1e-9


@pytest.mark.parametrize("shell", SHELLS)
def test_the_neighbour_to_the_east_is_the_nearest_by_argument_of_latitude(shell: Shell) -> None:
    constellation = alone(shell)
    links = neighbours(constellation, "+grid")
    joined = np.flatnonzero(links[:, EAST] >= 0)
    closed = shell.raan_span_deg == 360.0
    assert len(joined) == shell.satellites - (0 if closed else shell.per_plane)
    argument = constellation.argument_rad.reshape(shell.planes, shell.per_plane)
    next_plane = (constellation.plane[joined] + 1) % shell.planes
    assert (constellation.plane[links[joined, EAST]] == next_plane).all()
    chosen = between(constellation.argument_rad[joined], constellation.argument_rad[links[joined, EAST]])
    nearest = between(constellation.argument_rad[joined, np.newaxis], argument[next_plane]).min(axis=1)
    np.testing.assert_allclose(chosen, nearest, atol=1e-9)  # at a seam as well; of two equally near, either


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell.values[0].raan_span_deg < 360.0])  # type: ignore[attr-defined]
def test_a_star_stays_open_at_its_seam(shell: Shell) -> None:
    constellation = alone(shell)
    links = neighbours(constellation, "+grid")
    assert (links[constellation.plane == shell.planes - 1, EAST] < 0).all()
    assert (links[constellation.plane == 0, WEST] < 0).all()


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell.values[0].raan_span_deg == 360.0])  # type: ignore[attr-defined]
def test_no_seam_is_to_be_seen_in_the_lengths_of_a_deltas_links(shell: Shell) -> None:
    constellation = alone(shell)
    links = neighbours(constellation, "+grid")
    for second in (0.0, 50_000.0):
        position_km = ephemeris.positions(constellation, EPOCH, second).position_km[0]
        length_km = np.linalg.norm(position_km[links[:, EAST]] - position_km, axis=1)
        of_plane = length_km.reshape(shell.planes, shell.per_plane)
        # Every satellite runs through the same lengths, one after another.
        assert of_plane[-1].max() <= of_plane[:-1].max() * 1.05
        assert of_plane[-1].min() >= of_plane[:-1].min() * 0.95


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_only_satellites_with_lasers_are_joined(share: float) -> None:
    shell = Shell("some", 550.0, 53.0, planes=12, per_plane=10, phasing=5)
    with_all, with_some = neighbours(alone(shell), "+grid"), alone(shell, laser_share=share)
    links = neighbours(with_some, "+grid")
    start, k = np.nonzero(with_all >= 0)
    both = with_some.has_laser[start] & with_some.has_laser[with_all[start, k]]
    assert ((links[start, k] >= 0) == both).all()
    assert (links[start, k][both] == with_all[start, k][both]).all()


def test_starlinks_first_shell_has_no_lasers_and_shells_keep_to_themselves() -> None:
    constellation = catalogue.load("starlink-gen1").constellation()
    links = neighbours(constellation, "+grid")
    assert (links[:1584] < 0).all()
    start, k = np.nonzero(links >= 0)
    assert (constellation.shell[start] == constellation.shell[links[start, k]]).all()
    assert len(start) == 4 * (1584 + 720) + (4 * 348 - 2 * 58) + (4 * 172 - 2 * 43)  # two deltas, two open stars


@pytest.mark.parametrize(("planes", "per_plane"), [(1, 1), (1, 5), (2, 2), (2, 3), (3, 1), (3, 2)])
def test_small_shells_have_no_link_twice_and_none_to_themselves(planes: int, per_plane: int) -> None:
    links = neighbours(alone(Shell("small", 1200.0, 60.0, planes, per_plane, phasing=0)), "+grid")
    for satellite, row in enumerate(links):
        ends = [int(end) for end in row if end >= 0]
        assert satellite not in ends
        assert len(set(ends)) == len(ends)
        assert all(satellite in links[end] for end in ends)


def test_without_links_nobody_is_joined() -> None:
    assert neighbours(catalogue.load("starlink-gen1").constellation(), "none").shape == (4408, 0)


def test_another_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="no such pattern"):
        neighbours(catalogue.load("kuiper").constellation(), "mesh")
