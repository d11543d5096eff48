"""Hand-overs and users who move, against every satellite tested at every slot with the geometry of `independent.py`.

The reason of each record is found a second time: from plain elevations, and from ways down by scipy's Dijkstra. The
place of a user between two rows is GeographicLib's (pyproj's Geod); here it is walked on a chord of the sphere, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from independent import LIGHT_KM_PER_MS, OneSlot, grid_of, on_wgs84, one_slot, starlink_network
from skyfield.api import wgs84

from compared import compared, same
from openleo.geodesy import look_angles
from openleo.network import ephemeris
from openleo.network.ground import gateways
from openleo.network.ground.tracks import GEOD, Track
from openleo.network.hand_overs import AWAY, NOBODY, Diary, HandOvers, Stays, hand_overs, reasons
from openleo.network.reach import HAND_OVER_POLICIES, MASK_AT, Network, place_users
from openleo.network.watch import watch

LATITUDE = np.array([25.03, 26.21, -17.54, 64.1, 0.0])
LONGITUDE = np.array([121.56, 127.68, -149.57, -21.9, -140.0])
GRID = grid_of(24)
A_MICROSECOND_MS = 1e-3


@cache
def japan_only(mask_at: str, hand_over: str) -> Network:
    """Gateways in Japan alone, no inter-satellite links: satellites lose their gateway while they are in view."""
    one = starlink_network(mask_at, "none", hand_over)
    stations = tuple(station for station in one.gateways.stations if station.territory == "JPN")
    return replace(one, gateways=gateways.join(stations, one.gateways.pops, 1.5))


def records(network: Network, users: object, grid=GRID) -> list[HandOvers]:
    return list(hand_overs(watch(network, grid, users, 2), grid.slot_s))


def joined(found: list[HandOvers]) -> HandOvers:
    names = HandOvers.__dataclass_fields__
    return HandOvers(*(np.concatenate([getattr(one, name) for one in found]) for name in names))


def choose(network: Network, seen: OneSlot, site: int, previous: int) -> int:
    """The serving satellite by the policy's words."""
    fit = seen.above[site] & np.isfinite(seen.onward_km)
    if not fit.any():
        return NOBODY
    total_km = seen.distance_km[site] + seen.onward_km
    score = {
        "highest": seen.elevation_deg[site],
        "least_rtt": -total_km,
        "least_change": -total_km,
    }[network.hand_over]
    if network.hand_over == "least_change" and previous >= 0 and fit[previous]:
        return previous
    return int(np.where(fit, score, -np.inf).argmax())


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_records_and_reasons_against_brute_force(hand_over: str, mask_at: str) -> None:
    network = japan_only(mask_at, hand_over)
    watched = list(watch(network, GRID, place_users(network, LATITUDE, LONGITUDE), 2))
    found = joined(list(hand_overs(watched, GRID.slot_s)))
    served = np.concatenate([chunk.reach.satellite for chunk in watched])
    words, expected = reasons(hand_over), []
    previous, since = np.full(len(LATITUDE), -3), np.zeros(len(LATITUDE), int)
    ever, rtt_before = np.zeros(len(LATITUDE), bool), np.full(len(LATITUDE), np.nan)
    for slot in range(GRID.slots):
        seen = one_slot(network, GRID, slot, LATITUDE, LONGITUDE)
        for site in range(len(LATITUDE)):
            was = int(previous[site])
            # How long a pass still lasts is tested beside the kernel; here its choice is taken, and its reasons tested.
            longest = hand_over == "longest_remaining"
            now = int(served[slot, site]) if longest else choose(network, seen, site, was)
            rtt = 2.0 * seen.middle_km[site, now] / LIGHT_KM_PER_MS + 11.0 if now >= 0 else np.nan
            if now != was:
                if now < 0:
                    why = "no gateway" if seen.above[site].any() else "no satellite"
                elif was < 0:
                    why = "service returns" if ever[site] else "first service"
                elif not seen.above[site, was]:
                    why = "the satellite leaves the mask"
                elif not np.isfinite(seen.onward_km[was]):
                    why = "the satellite loses its gateway"
                else:
                    why = f"{hand_over} prefers another"
                lasted = (slot - since[site]) * 15.0 if was >= 0 else np.nan
                expected.append((slot, site, was, now, why, rtt_before[site], rtt, lasted))
                since[site] = slot
            previous[site], rtt_before[site] = now, rtt
            ever[site] |= now >= 0
    got = [
        (found.slot[n], found.site[n], found.from_satellite[n], found.to_satellite[n], words[found.why[n]])
        for n in range(len(found))
    ]
    same(
        authority="brute force",
        what="hand-overs: slot, from, to and why",
        theirs=[one[:5] for one in expected],
        ours=got,
    )
    figures = np.array([one[5:] for one in expected], dtype=float)
    np.testing.assert_allclose(found.rtt_ms_before, figures[:, 0], atol=A_MICROSECOND_MS)
    compared(
        authority="brute force",
        what="RTT after a hand-over",
        theirs=figures[:, 1],
        ours=found.rtt_ms_after,
        tolerance=A_MICROSECOND_MS,
        unit="ms",
    )
    np.testing.assert_array_equal(found.served_s, figures[:, 2])
    assert len({one[4] for one in expected}) >= 4  # or the test would show little


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_records_replay_to_the_server_of_every_slot(hand_over: str, mask_at: str) -> None:
    network = japan_only(mask_at, hand_over)
    users = place_users(network, LATITUDE, LONGITUDE)
    watched = list(watch(network, GRID, users))
    found = joined(list(hand_overs(watched, GRID.slot_s)))
    served = np.concatenate([chunk.reach.satellite for chunk in watched])
    for site in range(len(LATITUDE)):
        mine = found.site == site
        slots, now, was = found.slot[mine], found.to_satellite[mine], found.from_satellite[mine]
        assert slots[0] == 0
        assert (np.diff(slots) > 0).all()
        np.testing.assert_array_equal(was[1:], now[:-1])
        assert (now != was).all()
        replayed = now[np.searchsorted(slots, np.arange(GRID.slots), side="right") - 1]
        np.testing.assert_array_equal(replayed, served[:, site])


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network = japan_only("middle", "least_rtt")
    users = place_users(network, LATITUDE, LONGITUDE)
    whole = joined(records(network, users))
    monkeypatch.setattr("openleo.network.reach.MOST_SLOTS_IN_CHUNK", 5)
    pieces = records(network, users)
    assert len(pieces) == 5
    for name in HandOvers.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(joined(pieces), name), getattr(whole, name))


def test_a_satellite_without_a_position_is_not_said_to_leave_the_mask() -> None:
    network = japan_only("middle", "least_rtt")
    (chunk,) = watch(network, GRID, place_users(network, LATITUDE[:1], LONGITUDE[:1]))
    (found,) = hand_overs([chunk], GRID.slot_s)
    change = int(np.flatnonzero((found.from_satellite >= 0) & (found.to_satellite >= 0))[0])
    usable = chunk.positions.usable.copy()
    usable[found.slot[change], found.from_satellite[change]] = False
    (again,) = hand_overs([replace(chunk, positions=replace(chunk.positions, usable=usable))], GRID.slot_s)
    assert reasons("least_rtt")[again.why[change]] == "the satellite has no position or is out of order"


def test_stays_against_counting_slots() -> None:
    network = japan_only("middle", "least_rtt")
    users = place_users(network, LATITUDE, LONGITUDE)
    watched = list(watch(network, GRID, users))
    diary = Diary(len(LATITUDE))
    for chunk in hand_overs(watched, GRID.slot_s):
        diary.add(chunk)
    stays: Stays = diary.finish(GRID)
    served = np.concatenate([chunk.reach.satellite for chunk in watched])
    for site, column in enumerate(served.T):
        cuts = np.flatnonzero(np.diff(column)) + 1
        runs = np.split(column, cuts)
        serving = [len(run) * 15.0 for run in runs if run[0] >= 0]
        whole = [len(run) * 15.0 for run in runs[1:-1] if run[0] >= 0]
        out = [len(run) * 15.0 for run in runs if run[0] < 0]
        assert stays.served[site] == pytest.approx((column >= 0).mean())
        assert stays.outages[site] == len(out)
        assert stays.outage_s[site] == sum(out)
        np.testing.assert_equal(stays.outage_s_longest[site], max(out, default=np.nan))
        np.testing.assert_equal(stays.stay_s_longest[site], max(serving, default=np.nan))
        np.testing.assert_equal(stays.stay_s_p50[site], np.median(whole) if whole else np.nan)
        handed = sum(a[0] >= 0 and b[0] >= 0 for a, b in pairwise(runs))
        assert stays.hand_overs[site] == handed
        assert stays.hand_overs_per_h[site] == pytest.approx(handed / (GRID.slots * 15.0) * 3600.0)


# --- users who move -----------------------------------------------------------------------------------------------


def track(rows: list[tuple[float, float, float, float]], start=GRID.start) -> Track:
    after_s, latitude, longitude, altitude_km = np.array(rows, dtype=float).T
    return Track("user", start, after_s, latitude, longitude, altitude_km)


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", HAND_OVER_POLICIES)
def test_a_track_that_never_moves_is_the_fixed_place_bit_by_bit(hand_over: str, mask_at: str) -> None:
    network = japan_only(mask_at, hand_over)
    for place in range(2):
        here = (float(LATITUDE[place]), float(LONGITUDE[place]), 0.0)
        still = list(watch(network, GRID, track([(-100.0, *here), (77.7, *here), (9e3, *here)])))
        fixed = list(
            watch(network, GRID, place_users(network, LATITUDE[place : place + 1], LONGITUDE[place : place + 1]))
        )
        for a, b in zip(still, fixed, strict=True):
            np.testing.assert_array_equal(a.reach.satellite, b.reach.satellite)
            np.testing.assert_array_equal(a.reach.seen, b.reach.seen)
            assert a.reach.rtt_ms.tobytes() == b.reach.rtt_ms.tobytes()
            assert np.array_equal(a.position_km, b.position_km)
        one, other = joined(list(hand_overs(still, 15.0))), joined(list(hand_overs(fixed, 15.0)))
        for name in HandOvers.__dataclass_fields__:
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def raised(latitude_deg: float, longitude_deg: float, altitude_km: float) -> tuple[np.ndarray, np.ndarray]:
    """(position, zenith) above WGS 84 by the second implementation."""
    place, zenith = on_wgs84(np.array([latitude_deg]), np.array([longitude_deg]))
    return place[0] + altitude_km * zenith[0], zenith[0]


# A thousand kilometres an hour: eastward over the antimeridian, and over the Arctic within 1° of the pole.
FLIGHTS = {
    "antimeridian": [(30.0, 52.0, 178.9, 10.0), (240.0, 52.2, -179.9, 11.5), (2000.0, 52.4, -170.0, 11.5)],
    "near the pole": [(0.0, 88.9, 20.0, 11.0), (300.0, 89.2, 95.0, 11.0), (600.0, 88.8, 170.0, 11.0)],
}


@pytest.mark.parametrize("mask_at", MASK_AT)
@pytest.mark.parametrize("hand_over", ["least_rtt", "least_change", "highest"])
@pytest.mark.parametrize("name", ["antimeridian", pytest.param("near the pole", marks=pytest.mark.slow)])
def test_a_fast_aircraft_against_brute_force(name: str, hand_over: str, mask_at: str) -> None:
    network = starlink_network(mask_at, "+grid", hand_over)
    rows = FLIGHTS[name]
    watched = list(watch(network, GRID, track(rows)))
    satellite = np.concatenate([chunk.reach.satellite[:, 0] for chunk in watched])
    rtt_ms = np.concatenate([chunk.reach.rtt_ms[:, 0] for chunk in watched])
    seen = np.concatenate([chunk.reach.seen[:, 0] for chunk in watched])
    there = np.concatenate([chunk.there[:, 0] for chunk in watched])
    previous = NOBODY
    for slot in range(GRID.slots):
        decided_s = slot * 15.0 + (7.5 if mask_at == "middle" else 0.0)
        middle_s = slot * 15.0 + 7.5
        assert there[slot] == (decided_s >= rows[0][0])
        if not there[slot]:
            assert (satellite[slot], seen[slot], rtt_ms[slot]) == (-1, 0, np.inf)
            previous = NOBODY
            continue
        here, zenith = raised(*walked(rows, decided_s))
        at_middle, _ = raised(*walked(rows, middle_s))
        whole = at_origin(mask_at, slot)
        asked_s = [middle_s] if mask_at == "middle" else [decided_s, decided_s + 15.0]
        sights = [satellites_at(after_s) - here for after_s in asked_s]
        distances = [np.linalg.norm(sight, axis=1) for sight in sights]
        heights = [np.degrees(np.arcsin(sight @ zenith / km)) for sight, km in zip(sights, distances, strict=True)]
        above = np.logical_and.reduce([height >= 25.0 for height in heights])
        assert seen[slot] == above.sum()
        moved = replace(
            whole,
            above=above[np.newaxis],
            elevation_deg=heights[0][np.newaxis],
            distance_km=distances[0][np.newaxis],
        )
        best = choose(network, moved, 0, previous)
        assert satellite[slot] == best
        from_middle = np.linalg.norm(satellites_at(middle_s)[best] - at_middle)
        origin = on_wgs84(np.array([0.0]), np.array([0.0]))[0][0]
        from_origin = np.linalg.norm(satellites_at(middle_s)[best] - origin)
        path_km = from_middle + whole.middle_km[0, best] - from_origin  # the rest of the way is the same for all
        assert rtt_ms[slot] == pytest.approx(2.0 * path_km / LIGHT_KM_PER_MS + 11.0, abs=A_MICROSECOND_MS)
        previous = best


@cache
def at_origin(mask_at: str, slot: int) -> OneSlot:
    """A slot at 0° N, 0° E, of which the ways down are every place's, however satellites are chosen."""
    return one_slot(starlink_network(mask_at, "+grid"), GRID, slot, np.array([0.0]), np.array([0.0]))


@cache
def satellites_at(after_s: float) -> np.ndarray:
    return ephemeris.positions(starlink_network().constellation, GRID.start, after_s).position_km[0]


def walked(rows: list[tuple[float, float, float, float]], after_s: float) -> tuple[float, float, float]:
    """Latitude, longitude and altitude on the geodesic, in a hundred thousand parts of it by `Geod.npts`' own rule."""
    number = next(n for n in range(len(rows) - 1) if after_s <= rows[n + 1][0])
    (t, lat, lon, alt), (t_, lat_, lon_, alt_) = rows[number : number + 2]
    share = (after_s - t) / (t_ - t)
    parts = 4000  # every t above falls on a whole part
    step = share * parts
    points = [(lon, lat), *GEOD.npts(lon, lat, lon_, lat_, parts - 1), (lon_, lat_)]
    low = min(int(step), parts - 1)
    (a_lon, a_lat), (b_lon, b_lat) = points[low : low + 2]
    turn = (b_lon - a_lon + 180.0) % 360.0 - 180.0
    inside = step - low
    return a_lat + inside * (b_lat - a_lat), a_lon + inside * turn, alt + share * (alt_ - alt)


def test_a_place_between_rows_lies_on_the_plane_of_its_geodesic() -> None:
    """On a sphere the way from A to B stays in the plane of both; WGS 84's geodesic leaves it by under 0.2 %."""
    one = track([(0.0, 40.7, -74.0, 0.0), (3600.0 * 7, 51.5, -0.1, 11.0)])
    seconds = np.linspace(0.0, 3600.0 * 7, 50)
    where = one.at(GRID.start, seconds)
    points, _ = on_wgs84(where.latitude_deg, where.longitude_deg)
    normal = np.cross(points[0], points[-1])
    off_km = points @ (normal / np.linalg.norm(normal))
    assert np.abs(off_km).max() < 0.002 * 5600.0
    steps_km = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert steps_km.max() / steps_km.min() < 1.0001  # a steady speed (chords of arcs of equal length)
    np.testing.assert_allclose(where.altitude_km, 11.0 * seconds / 3600.0 / 7.0)
    assert where.there.all()
    assert not one.at(GRID.start, np.array([-0.1, 3600.0 * 7 + 0.1])).there.any()


def test_altitude_lifts_the_horizon() -> None:
    """A mask is measured from the user's own horizon: from higher up a satellite stands lower (skyfield says so too),
    so that what is seen from above is seen from the ground below."""
    network = starlink_network()
    satellites_km = satellites_at(7.5)
    ground = look_angles(25.03, 121.56, satellites_km)[1]
    aloft = look_angles(25.03, 121.56, satellites_km, 12.0)[1]
    up = ground > 0.0
    assert (aloft[up] < ground[up]).all()
    place = wgs84.latlon(25.03, 121.56, elevation_m=12_000.0)
    x, y, z = place.itrs_xyz.km
    np.testing.assert_allclose([x, y, z], raised(25.03, 121.56, 12.0)[0], atol=1e-6)
    still = [(0.0, 25.03, 121.56), (1e4, 25.03, 121.56)]
    seen = [
        np.concatenate([chunk.reach.seen[:, 0] for chunk in watch(network, GRID, track([(*row, km) for row in still]))])
        for km in (0.0, 12.0, 50.0)
    ]
    assert (seen[1] <= seen[0]).all()
    assert (seen[2] <= seen[1]).all()
    assert (seen[2] < seen[0]).any()
    assert seen[2][0] == (look_angles(25.03, 121.56, satellites_km, 50.0)[1] >= 25.0).sum()


def test_a_user_off_its_track_is_counted_and_said() -> None:
    network = starlink_network()
    found = joined(records(network, track([(60.0, 25.0, 121.5, 0.0), (180.0, 25.5, 121.5, 0.0)])))
    words = [reasons("least_rtt")[why] for why in found.why]
    assert words[0] == words[-1] == "not on its track"
    assert words[1] == "first service"
    assert (found.to_satellite[0], found.from_satellite[1], found.to_satellite[-1]) == (AWAY, AWAY, AWAY)
    diary = Diary(1)
    diary.add(found)
    stays = diary.finish(GRID)
    assert stays.there_s[0] == 8 * 15.0  # mid-slots at 67.5, 82.5, … 172.5 s
    assert stays.away_s[0] == GRID.duration_s - 8 * 15.0
    assert (stays.served[0], stays.outages[0]) == (1.0, 0)
