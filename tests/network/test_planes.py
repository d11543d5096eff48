"""Shells, planes and slots inferred from orbits alone, and the +Grid on them.

Authority: Walker's own numbering. Every shell of the catalogue, written as element sets in another order, must give
its planes, its slots and its links back. The real files then show what Walker leaves out: the number of planes and
slots that their operators' filings name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from openleo.interchange.hypatia_text import circular_elements
from openleo.network import topology
from openleo.network.constellation import NO_PLANE, Constellation, catalogue, from_elements, from_shells
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets, read_elements
from openleo.network.constellation.planes import Orbits, Standing, orbits_at, place
from openleo.network.constellation.shells import Shell
from openleo.network.topology import AHEAD, BEHIND, EAST, WEST

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
REAL = Path(__file__).parents[3] / "shared" / "data"
SHELLS = [
    pytest.param(shell, id=f"{name}/{shell.name}")
    for name in catalogue.names()
    for shell in catalogue.load(name).shells
    if shell.satellites <= 2_000 and 360.0 / shell.planes > 1.0
]


def known(elements: list[ElementSet]) -> Constellation:
    """A constellation of element sets."""
    return from_elements("one", ElementSets(tuple(elements), (), "made here", ""))


def written(shell: Shell, order: np.ndarray) -> Constellation:
    """A shell as element sets that stand in `order`."""
    flown = circular_elements(from_shells("one", EPOCH, [replace(shell, laser_share=1.0)]), EPOCH)
    return known([flown[k] for k in order])


def pairs(links: np.ndarray, name: np.ndarray) -> set[tuple[int, int]]:
    """Links as pairs of names, whichever end comes first."""
    here, k = np.nonzero(links >= 0)
    return {(min(a, b), max(a, b)) for a, b in zip(name[here].tolist(), name[links[here, k]].tolist(), strict=True)}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_walker_shell_is_found_again(shell: Shell) -> None:
    order = np.random.default_rng(1).permutation(shell.satellites)
    constellation, walker = written(shell, order), from_shells("one", EPOCH, [replace(shell, laser_share=1.0)])
    placed = constellation.placement
    assert placed is not None
    if shell.per_plane < 4:
        assert placed.counts()[Standing.IN_PLANE] == 0
        return
    (found,) = placed.shells
    assert (found.planes, found.slots, found.satellites) == (shell.planes, shell.per_plane, shell.satellites)
    assert found.altitude_km == pytest.approx(shell.altitude_km, abs=0.01)
    of_walker = walker.plane[order]
    for plane in range(shell.planes):
        assert len(set(constellation.plane[of_walker == plane].tolist())) == 1

    there = topology.neighbours(constellation, "+grid")
    for here, back in ((AHEAD, BEHIND), (EAST, WEST)):
        start = np.flatnonzero(there[:, here] >= 0)
        assert (there[there[start, here], back] == start).all()
    # Where planes lie just half a slot to each other, either of two satellites is the nearest.
    half_way = abs((shell.phasing / shell.planes) % 1.0 - 0.5) < 1e-6 or shell.raan_span_deg != 360.0
    if not half_way and shell.planes > 2:
        ours = pairs(topology.neighbours(walker, "+grid"), np.arange(shell.satellites))
        assert pairs(there, order) == ours


def test_those_that_are_on_no_station_are_told_apart() -> None:
    shell = Shell("s", 550.0, 53.0, planes=12, per_plane=10, phasing=3)
    flown = circular_elements(from_shells("one", EPOCH, [shell]), EPOCH)
    model = flown[37]

    def moved(number: int, km: float, argument_deg: float, launch_year: int | None = None) -> ElementSet:
        # A two-body orbit's mean motion goes with a^-1.5.
        motion = model.mean_motion_rev_per_day * (6928.0 / (6928.0 + km)) ** 1.5
        argument = model.mean_anomaly_deg + argument_deg
        return replace(
            model, id=number, name=str(number), mean_motion_rev_per_day=motion, mean_anomaly_deg=argument % 360.0,
            launch_year=launch_year,
        )  # fmt: skip

    others = [
        moved(900, 0.0, 1.0),  # beside the satellite whose slot it would be
        moved(901, 0.0, -11.0),  # 0.3 of a slot beside it
        moved(902, -8.0, 100.0),  # drifting
        moved(908, -20.0, 100.0, 2020),  # no longer near
        moved(903, -200.0, 0.0, 2025),
        moved(904, -200.0, 9.0, 2020),
        moved(905, -200.0, 18.0),
        moved(906, 300.0, 0.0, 2025),
        replace(model, id=907, name="907", inclination_deg=97.0),
    ]
    constellation = known(flown + others)
    placed = constellation.placement
    assert placed is not None
    assert [Standing(code) for code in placed.standing[120:]] == [
        Standing.SPARE, Standing.SPARE, Standing.SPARE, Standing.DEORBITING, Standing.RAISING, Standing.DEORBITING,
        Standing.UNPLACED, Standing.UNPLACED, Standing.UNPLACED,
    ]  # fmt: skip
    assert placed.counts()[Standing.IN_PLANE] == 120
    assert (topology.neighbours(constellation, "+grid")[120:] == -1).all()


def alike(altitude_km: ArrayLike, node_deg: ArrayLike, argument_deg: ArrayLike) -> Orbits:
    """Orbits of one inclination, of old launches."""
    altitude, node, argument = np.broadcast_arrays(*(np.float64(one) for one in (altitude_km, node_deg, argument_deg)))
    old = np.zeros(altitude.shape, bool)
    return Orbits(altitude.copy(), altitude * 0.0 + 53.0, node % 360.0, argument % 360.0, old, ~old)


@pytest.mark.parametrize("arc_deg", [30.0, 120.0])
def test_a_batch_that_was_just_launched_is_no_plane(arc_deg: float) -> None:
    assert not place(alike(300.0, 10.0, np.linspace(0.0, arc_deg, 40))).shells
    assert place(alike(300.0, 10.0, np.linspace(0.0, 351.0, 40))).shells[0].slots == 40


def test_a_shell_has_twelve_satellites_and_a_plane_four() -> None:
    plane, slot = np.divmod(np.arange(12), 4)
    assert place(alike(550.0, 40.0 * plane, 90.0 * slot)).shells[0].satellites == 12
    assert not place(alike(550.0, 40.0 * plane[1:], 90.0 * slot[1:])).shells


def test_what_flies_higher_drifts_and_is_not_in_the_plane() -> None:
    """A kilometre of semi-major axis is 1.2° along the orbit a day (Kepler's third law)."""
    plane, slot = np.divmod(np.arange(200), 20)
    higher = (plane < 2) & (slot % 5 == 0)
    placed = place(alike(550.0 + 0.8 * higher, 36.0 * plane, 18.0 * slot))
    np.testing.assert_array_equal(placed.standing == Standing.IN_PLANE, ~higher)
    # A chain of small steps from one altitude to another is not one altitude.
    chained = place(alike(550.0 + 0.2 * slot, 36.0 * plane, 18.0 * slot))
    for number in range(len(chained.plane_shell)):
        assert np.ptp(chained.orbits.altitude_km[chained.plane == number]) <= 1.2


@pytest.mark.parametrize(("off", "standing"), [(0.2, Standing.IN_PLANE), (0.3, Standing.SPARE)])
def test_a_quarter_of_a_slot_is_still_in_it(off: float, standing: Standing) -> None:
    plane, slot = np.divmod(np.arange(240), 20)
    argument = 18.0 * (slot + off * (np.arange(240) == 50))
    assert place(alike(550.0, 30.0 * plane, argument)).standing[50] == standing


def test_nodes_in_no_order_are_no_planes() -> None:
    rng = np.random.default_rng(4)
    placed = place(alike(550.0, rng.uniform(0.0, 360.0, 3_000), rng.uniform(0.0, 360.0, 3_000)))
    assert placed.counts()[Standing.IN_PLANE] < 400  # a few crowd by chance


def test_slots_are_found_where_there_are_some_and_not_by_chance() -> None:
    assert (
        place(alike(550.0, np.repeat(36.0 * np.arange(10), 130), np.tile(np.arange(130), 10) * 360 / 130))
        .shells[0]
        .slots
        == 130
    )
    rng = np.random.default_rng(5)
    for planes, each in ((3, 4), (4, 4), (2, 6), (1, 12)):
        drawn = [
            place(alike(550.0, np.repeat(40.0 * np.arange(planes), each), rng.uniform(0.0, 360.0, planes * each)))
            for _ in range(60)
        ]
        slots = [one.shells[0].slots for one in drawn if one.shells]
        assert len(slots) > 10
        assert sum(count > 0 for count in slots) <= 0.1 * len(slots)


@pytest.mark.parametrize(
    ("at", "standing"),
    [(datetime(2026, 6, 30, tzinfo=UTC), Standing.RAISING), (datetime(2026, 7, 1, tzinfo=UTC), Standing.DEORBITING)],
)
def test_a_launch_of_last_year_is_young_until_june(at: datetime, standing: Standing) -> None:
    flown = circular_elements(
        from_shells("one", EPOCH, [Shell("s", 550.0, 53.0, planes=6, per_plane=8, phasing=1)]), EPOCH
    )
    low = replace(flown[0], id=99, mean_motion_rev_per_day=15.6, launch_year=2025)
    assert place(orbits_at([*flown, low], at)).standing[-1] == standing


def test_planes_far_apart_are_not_joined() -> None:
    """Eleven planes over 200°: from the last to the first it is 160° to the east, which is nearly the other way."""
    shell = Shell("s", 550.0, 53.0, planes=11, per_plane=12, phasing=0, raan_span_deg=220.0)
    flown = circular_elements(from_shells("one", EPOCH, [shell]), EPOCH)
    links = topology.neighbours(known(flown), "+grid")
    np.testing.assert_array_equal((links[:, EAST] < 0).reshape(11, 12).all(axis=1), np.arange(11) == 10)


def test_where_both_miss_their_counterpart_they_take_each_other() -> None:
    shell = Shell("s", 550.0, 53.0, planes=12, per_plane=20, phasing=0)
    flown = circular_elements(from_shells("one", EPOCH, [shell]), EPOCH)
    constellation = known([one for one in flown if one.name not in ("s p3 s5", "s p2 s6")])
    name = constellation.satellite_name
    assert topology.neighbours(constellation, "+grid")[name.index("s p2 s5"), EAST] == name.index("s p3 s6")


def test_planes_half_a_slot_apart_are_joined_one_way() -> None:
    """Each satellite lies between two of the next plane, and is a little nearer now to the one, now to the other."""
    rng = np.random.default_rng(6)
    plane, slot = np.divmod(np.arange(12 * 20), 20)
    argument = 18.0 * slot + 9.0 * plane + rng.normal(0.0, 0.5, len(plane))
    model = circular_elements(
        from_shells("one", EPOCH, [Shell("s", 550.0, 53.0, planes=1, per_plane=1, phasing=0)]), EPOCH
    )[0]
    constellation = known([
        replace(model, id=n + 1, name=str(n), raan_deg=30.0 * plane[n], mean_anomaly_deg=argument[n] % 360.0)
        for n in range(len(plane))
    ])  # fmt: skip
    to_east = topology.neighbours(constellation, "+grid")[:, EAST]
    assert (to_east >= 0).all()
    ahead = (argument[to_east] - argument + 180.0) % 360.0 - 180.0 > 0.0
    for number in range(12):
        assert len(set(ahead[plane == number].tolist())) == 1


def test_staggered_planes_are_one_shell_and_shells_that_cross_are_two() -> None:
    def flown(altitude_km: np.ndarray, node_deg: np.ndarray) -> Orbits:
        planes = len(altitude_km)
        argument = np.tile(np.arange(10) * 36.0, planes)
        alike = np.zeros(10 * planes)
        return Orbits(np.repeat(altitude_km, 10), alike + 87.9, np.repeat(node_deg, 10), argument, alike > 0, alike > 0)

    steps = np.arange(12)
    staggered = place(flown(1170.0 + 4.0 * ((5 * steps) % 12), 15.0 * steps))
    assert [(one.planes, one.satellites) for one in staggered.shells] == [(12, 120)]
    two = place(flown(np.where(steps < 6, 1170.0, 1174.0), 30.0 * (steps % 6)))
    assert [one.planes for one in two.shells] == [6, 6]
    assert len({one.name for one in two.shells}) == 2


def test_nothing_moves_when_the_whole_sky_is_turned() -> None:
    """Neither the node's zero nor the argument's is a place where crowds are cut."""
    rng = np.random.default_rng(2)
    planes = np.repeat(np.arange(20), 18)
    node = planes * 18.0 + rng.uniform(-0.3, 0.3, len(planes))
    argument = np.tile(np.arange(18) * 20.0, 20) + planes * 7.0 + rng.normal(0.0, 0.2, len(planes))
    for turn in np.linspace(0.0, 360.0, 37):
        alike = np.zeros(len(planes))
        orbits = Orbits(
            alike + 550.0, alike + 53.0, (node + turn) % 360.0, (argument + turn) % 360.0, alike > 0, alike > 0
        )
        placed = place(orbits)
        assert [(one.planes, one.slots, one.satellites) for one in placed.shells] == [(20, 18, 360)]
        assert len({(a, b) for a, b in zip(planes, placed.plane, strict=True)}) == 20


def test_a_gap_in_a_plane_is_bridged_and_its_neighbour_taken() -> None:
    shell = Shell("s", 550.0, 53.0, planes=12, per_plane=20, phasing=0)
    flown = circular_elements(from_shells("one", EPOCH, [shell]), EPOCH)
    constellation = known(flown[:45] + flown[46:])  # plane 2 without its slot 5
    links = topology.neighbours(constellation, "+grid")
    name = constellation.satellite_name
    before, after = name.index("s p2 s4"), name.index("s p2 s6")
    assert links[before, AHEAD] == after
    assert links[after, BEHIND] == before
    west, east = name.index("s p1 s5"), name.index("s p3 s5")
    assert links[west, EAST] == NO_PLANE  # the neighbours of the gap have counterparts of their own
    assert links[east, WEST] == NO_PLANE


def test_zig_zag_on_planes_as_they_fly() -> None:
    shell = Shell("s", 550.0, 53.0, planes=12, per_plane=20, phasing=5)
    order = np.random.default_rng(3).permutation(240)
    constellation = written(shell, order)
    grid, bricks = (topology.neighbours(constellation, pattern) for pattern in ("+grid", "zig-zag"))
    assert pairs(bricks, order) < pairs(grid, order)
    across = (bricks[:, (EAST, WEST)] >= 0).sum(axis=1)
    assert across.max() == 1
    within = constellation.plane != constellation.plane.max()  # the seam may fall out of step
    assert across[within].mean() > 0.9


def test_no_planes_are_no_error() -> None:
    constellation = known([replace(circular_elements(from_shells(
        "one", EPOCH, [Shell("s", 550.0, 53.0, planes=3, per_plane=2, phasing=0)]), EPOCH)[0], id=1)])  # fmt: skip
    assert constellation.planes == 0
    assert (topology.neighbours(constellation, "+grid") == -1).all()
    assert topology.build(constellation, "zig-zag").orders is not None


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real element sets beside the project")
def test_oneweb_flies_in_twelve_planes() -> None:
    """Twelve planes is what OneWeb's filing names (FCC SAT-MPL-20200526-00062: 12 of 49 at 1,200 km, 87.9°)."""
    constellation = from_elements("oneweb", read_elements(REAL / "oneweb_2026-08-22.tle"))
    placed = constellation.placement
    assert placed is not None
    (shell,) = placed.shells
    assert (shell.planes, round(shell.inclination_deg, 1)) == (12, 87.9)
    assert shell.satellites > 630
    gaps = np.diff(placed.plane_node_deg) % 360.0
    assert (np.abs(gaps - 15.2) < 0.2).all()
    assert (topology.neighbours(constellation, "+grid")[constellation.plane == 11, EAST] == -1).all()  # the seam


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real element sets beside the project")
def test_starlinks_polar_shell_flies_as_it_was_filed() -> None:
    """36 planes of 20 at 570 km and 70° are filed (FCC 21-48); as flown, 16 slots a plane, some with two satellites."""
    constellation = from_elements("starlink", read_elements(REAL / "starlink_2026-08-22.tle"))
    placed = constellation.placement
    assert placed is not None
    (polar,) = [one for one in placed.shells if abs(one.inclination_deg - 70.0) < 0.5]
    assert (polar.planes, polar.slots) == (34, 16)
    gaps = np.diff(placed.plane_node_deg[[placed.shells[s] is polar for s in placed.plane_shell]])
    assert (np.abs((gaps + 5.0) % 10.0 - 5.0) < 0.2).all()  # 36 planes are 10° apart; two are not filled
    assert sum(placed.counts().values()) == constellation.satellites
