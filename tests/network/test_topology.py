"""The +Grid: who is joined to whom, in every shell of the catalogue.

Authority for the pattern: its common definition (Bhattacherjee and Singla 2019, "+Grid"): two links within the
plane, one to each neighbouring plane. Our choice of the satellite there is the nearest by argument of latitude, which
needs no authority but Walker's own definition of a satellite's argument.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.interchange.hypatia_text import circular_elements
from openleo.network import ephemeris
from openleo.network.constellation import NO_PLANE, Constellation, catalogue, from_elements, from_shells
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.shells import Shell
from openleo.network.topology import AHEAD, BEHIND, EAST, LOWEST_LINK_KM, WEST, Lasers, build, neighbours

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


# --- other patterns -----------------------------------------------------------------------------------------------


def joined(links: np.ndarray) -> set[tuple[int, int]]:
    """The links as pairs; each must be there from both ends, and only once from each."""
    directed = [(a, int(b)) for a, row in enumerate(links) for b in row if b >= 0]
    assert len(set(directed)) == len(directed)
    assert {(b, a) for a, b in directed} == set(directed)
    assert all(a != b for a, b in directed)
    return {(a, b) for a, b in directed if a < b}


@given(planes=st.integers(2, 12), per_plane=st.integers(2, 12), phasing=st.integers(0, 11), star=st.booleans())
@settings(deadline=None, max_examples=60)
def test_zig_zag_is_every_second_link_across_of_the_grid(planes: int, per_plane: int, phasing: int, star: bool) -> None:
    span = 180.0 if star else 360.0
    shell = Shell("z", 900.0, 60.0, planes, per_plane, phasing % planes, raan_span_deg=span)
    constellation = from_shells("z", EPOCH, [shell])
    grid, bricks, ring = (neighbours(constellation, name) for name in ("+grid", "zig-zag", "ring"))
    assert joined(bricks) <= joined(grid)
    assert ((bricks >= 0).sum(axis=1) <= 3).all()
    assert np.array_equal(bricks[:, :2], grid[:, :2])
    assert np.array_equal(ring[:, :2], grid[:, :2])
    assert (ring[:, 2:] < 0).all()
    if per_plane % 2 == 0:  # else the pattern has a fault where a plane closes
        inner = (constellation.plane > 0) & (constellation.plane < planes - 1)
        assert ((bricks[inner, 2:] >= 0).sum(axis=1) == 1).all()


@pytest.mark.parametrize("terminals", [1, 3, 5])
def test_nearest_against_greedy_matching_by_hand(terminals: int) -> None:
    shells = [Shell("a", 900.0, 60.0, 6, 7, 2), Shell("b", 1000.0, 80.0, 4, 5, 1, laser_share=0.5)]
    constellation = from_shells("n", EPOCH, shells)
    position = ephemeris.positions(constellation, EPOCH, 0.0).position_km[0]
    links = build(constellation, Lasers("nearest", terminals)).neighbours
    assert links.shape == (62, terminals)
    free, expected = {int(s): terminals for s in np.flatnonzero(constellation.has_laser)}, set()
    pairs = sorted(
        (float(np.linalg.norm(position[a] - position[b])), a, b) for a in free for b in free if a < b
    )  # fmt: skip
    for length, a, b in pairs:
        clear = 2.0 * np.sqrt(np.linalg.norm(position, axis=1).max() ** 2 - LOWEST_LINK_KM**2)
        near = sum(other < length for other in distances(position, a, free)) < 32
        if free[a] and free[b] and length <= clear and near:
            expected.add((a, b))
            free[a] -= 1
            free[b] -= 1
    assert joined(links) == expected


def distances(position: np.ndarray, a: int, among: dict[int, int]) -> list[float]:
    return [float(np.linalg.norm(position[a] - position[b])) for b in among]


def test_links_between_shells_join_neighbours_in_height_alone() -> None:
    shells = [
        Shell("high", 1200.0, 60.0, 6, 8, 2),
        Shell("low", 600.0, 60.0, 8, 9, 2),
        Shell("mid", 900.0, 60.0, 5, 7, 1),
    ]
    constellation = from_shells("s", EPOCH, shells)
    alone_, together = (build(constellation, Lasers("+grid", between_shells=flag)) for flag in (False, True))
    assert np.array_equal(together.neighbours[:, :4], alone_.neighbours)
    between_shells = joined(together.neighbours) - joined(alone_.neighbours)
    shell = constellation.shell
    assert {frozenset((int(shell[a]), int(shell[b]))) for a, b in between_shells} == {
        frozenset((1, 2)),
        frozenset((2, 0)),
    }
    for low, high in ((1, 2), (2, 0)):
        of_pair = [link for link in between_shells if {int(shell[link[0]]), int(shell[link[1]])} == {low, high}]
        ends = [end for link in of_pair for end in link]
        assert len(set(ends)) == len(ends)  # one link each
        assert len(of_pair) > 0.8 * min((shell == low).sum(), (shell == high).sum())


@given(
    pattern=st.sampled_from(["+grid", "zig-zag", "nearest"]), between_shells=st.booleans(),
    after_s=st.floats(0.0, 9000.0),
    longest=st.floats(300.0, 6000.0), grazing=st.floats(0.0, 500.0), cutoff=st.floats(0.0, 90.0),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_limits_of_every_link_by_independent_geometry(
    pattern: str, between_shells: bool, after_s: float, longest: float, grazing: float, cutoff: float
) -> None:
    shells = [Shell("a", 700.0, 87.0, 6, 11, 2, raan_span_deg=180.0), Shell("b", 900.0, 60.0, 5, 7, 1)]
    constellation = from_shells("l", EPOCH, shells)
    lasers = Lasers(pattern, 4, between_shells, longest, 6378.137 + grazing, cutoff)
    links = build(constellation, lasers)
    position = ephemeris.positions(constellation, EPOCH, after_s).position_km[0]
    length_km = links.lengths_km(position, np.ones(len(position), bool))
    latitude = np.degrees(np.arctan2(np.abs(position[:, 2]), np.hypot(position[:, 0], position[:, 1])))
    share = np.linspace(0.0, 1.0, 501)[:, np.newaxis]
    for a, row in enumerate(links.neighbours):
        for k, b in enumerate(row):
            if b < 0:
                assert length_km[a, k] == np.inf
                continue
            apart = np.linalg.norm(position[a] - position[b])
            lowest = np.linalg.norm(position[a] + share * (position[b] - position[a]), axis=1).min()
            polar = constellation.plane[a] != constellation.plane[b] and max(latitude[a], latitude[b]) > cutoff
            if min(abs(lowest - lasers.lowest_km), abs(max(latitude[a], latitude[b]) - cutoff)) < 0.05:
                continue
            holds = apart <= longest and lowest >= lasers.lowest_km and not polar
            assert length_km[a, k] == (pytest.approx(apart) if holds else np.inf)


def test_links_of_satellites_in_no_plane_are_across_planes() -> None:
    """Three satellites a plane are too few to infer one: all of their links are cut near the poles, and none else."""
    flown = circular_elements(from_shells("f", EPOCH, [Shell("f", 900.0, 87.0, 5, 3, 1, raan_span_deg=180.0)]), EPOCH)
    constellation = from_elements("f", ElementSets(tuple(flown), (), "made here", ""))
    assert (constellation.plane == NO_PLANE).all()
    links = build(constellation, Lasers("nearest", polar_cutoff_deg=40.0))
    assert (links.neighbours >= 0).any()
    position = ephemeris.positions(constellation, constellation.epoch, 0.0).position_km[0]
    length_km = links.lengths_km(position, np.ones(len(position), bool))
    latitude = np.degrees(np.arctan2(np.abs(position[:, 2]), np.hypot(position[:, 0], position[:, 1])))
    polar = (latitude > 40.0)[:, np.newaxis] | (latitude > 40.0)[links.neighbours]
    without = build(constellation, Lasers("nearest")).lengths_km(position, np.ones(len(position), bool))
    assert (np.isfinite(without) & polar).any()
    assert np.array_equal(length_km, np.where(polar, np.inf, without))


@pytest.mark.parametrize("terminals", [1, 4])
def test_nearest_and_between_shells_join_no_two_twice_against_greedy_matching(terminals: int) -> None:
    # No two alike by symmetry: of pairs equally far apart either may be joined, as the processor rounds.
    shells = [
        Shell("a", 900.0, 60.0, 6, 7, 2), Shell("b", 930.0, 62.0, 6, 6, 1, raan_offset_deg=7.1),
        Shell("c", 960.0, 64.0, 5, 6, 1, raan_offset_deg=3.3),
    ]  # fmt: skip
    constellation = from_shells("n", EPOCH, shells)
    position = ephemeris.positions(constellation, EPOCH, 0.0).position_km[0]
    radius = np.linalg.norm(position, axis=1)
    to_air = np.sqrt([radius[constellation.shell == one].max() ** 2 - LOWEST_LINK_KM**2 for one in range(3)])
    near = joined(build(constellation, Lasers("nearest", terminals)).neighbours)
    expected, shell = set(near), constellation.shell
    assert any(shell[a] != shell[b] for a, b in near)  # some are joined across shells by being nearest
    for low in (0, 1):
        free = set(np.flatnonzero((shell == low) | (shell == low + 1)).tolist())
        ordered = sorted(
            (float(np.linalg.norm(position[a] - position[b])), a, b)
            for a in free for b in free if shell[a] == low and shell[b] == low + 1 and (a, b) not in near
        )  # fmt: skip
        clear = to_air[low] + to_air[low + 1]
        for length, a, b in ordered:
            if a in free and b in free and length <= clear and length < thirtieth(position, a, shell == low + 1):
                expected.add((a, b))
                free -= {a, b}
    assert joined(build(constellation, Lasers("nearest", terminals, between_shells=True)).neighbours) == expected


def thirtieth(position: np.ndarray, a: int, among: np.ndarray) -> float:
    """How far one looks for a free laser: up to its nearest 32."""
    apart = np.sort(np.linalg.norm(position[among] - position[a], axis=1))
    return float(apart[32]) if len(apart) > 32 else np.inf
