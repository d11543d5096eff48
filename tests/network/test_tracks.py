"""Tracks: reading them whole, and where a user is between their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.errors import InputError
from openleo.network.ground.tracks import GEOD, Track, read_track

START = datetime(2026, 11, 20, tzinfo=UTC)


def read(folder: Path, text: str) -> Track:
    path = folder / "ship.csv"
    path.write_text(text, encoding="utf-8")
    return read_track(path, START)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as raised:
        read(folder, text)
    return [f"{problem.where}: {problem.rule}" for problem in raised.value.problems]


def test_seconds_and_instants_say_the_same(tmp_path: Path) -> None:
    seconds = read(tmp_path, "t,lat,lon,alt\n-60,25,121,0\n600.5,25.1,121.2,35\n")
    instants = read(
        tmp_path, "alt,lon,lat,t\n0,121,25,2026-11-19T23:59:00Z\n35,121.2,25.1,2026-11-20T08:10:00.5+08:00\n"
    )
    for name in ("after_s", "latitude_deg", "longitude_deg", "altitude_km"):
        np.testing.assert_array_equal(getattr(seconds, name), getattr(instants, name))
    assert seconds.name == "ship"
    assert (seconds.first, seconds.last) == (START - timedelta(seconds=60), START + timedelta(seconds=600.5))
    assert seconds.altitude_km.tolist() == [0.0, 0.035]


def test_all_faults_come_together(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        "t,lat,lon,alt\n0,25,121,0\n60,91,121,0\nsoon,25,181,high\n120,25,121,60000\n120,25,121,\n200,25,121,0\n190,25,121,0\n",
    )
    assert said == [
        "t: holds seconds and instants.",
        "line 3: lat is 91; it lies within -90 and 90.",
        "line 4: t is 'soon'; it is a number of seconds or an instant such as 2026-11-20T00:00:00Z.",
        "line 4: lon is 181; it lies within -180 and 180.",
        "line 4: alt is 'high', which is no number.",
        "line 5: alt is 60000; it lies within -500 and 50000.",
        "line 6: alt is '', which is no number.",
    ]
    said = faults(tmp_path, "t,lat,lon,alt\n0,nan,121,0\ninf,25,121,0\n9,25,121,0\n9,25,121,0\n8,25,121,0\n")
    assert [one.partition(":")[0] for one in said] == ["line 2", "line 3", "line 5", "line 6"]
    assert said[-1] == "line 6: is not later than the row before."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks the columns t, lat, lon, alt."),
        ("t,lat,lon\n0,25,121\n", "lacks the column alt."),
        ("t,lat,lon,alt\n0,25,121,0\n", "has 1 row; a track has two or more."),
        ("t,lat,lon,alt\n0,0,0,0\n3600,0,110,0\n", "12,245 km from the row before, 3600 s later: 12,245 km/h"),
        ("t,lat,lon,alt\n0,0,0,0\n90000,0.1,179.9,0\n", "19,992 km from the row before, more than 19,900 km: nearly"),
        ("t,lat,lon,alt\n0,25,121,0\n60\n", "lat is None"),
    ],
)
def test_a_track_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(faults(tmp_path, text))


def test_a_file_that_is_not_there_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_track(tmp_path / "none.csv", START)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as CSV"):
        read_track(tmp_path / "b.csv", START)


def test_over_the_antimeridian_and_the_pole_the_short_way() -> None:
    east = Track("a", START, *np.array([[0.0, 100.0], [10.0, 10.0], [179.5, -179.5], [0.0, 0.0]]))
    where = east.at(START, np.array([0.0, 25.0, 50.0, 75.0, 100.0]))
    np.testing.assert_allclose(np.mod(where.longitude_deg, 360.0), [179.5, 179.75, 180.0, 180.25, 180.5], atol=1e-3)
    north = Track("n", START, *np.array([[0.0, 100.0], [89.0, 89.0], [0.0, 180.0], [0.0, 0.0]]))
    over = north.at(START, np.array([25.0, 50.0, 75.0]))
    np.testing.assert_allclose(over.latitude_deg, [89.5, 90.0, 89.5], atol=1e-6)
    np.testing.assert_allclose(np.abs(over.longitude_deg[[0, 2]]), [0.0, 180.0], atol=1e-6)


places = st.tuples(st.floats(-85.0, 85.0), st.floats(-180.0, 180.0), st.floats(-0.5, 20.0))


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=2, max_size=5), st.floats(0.0, 1.0))
def test_rows_are_met_exactly_and_speed_is_steady(rows: list[tuple[float, float, float]], share: float) -> None:
    latitude, longitude, altitude_km = np.array(rows).T
    after_s = 1e5 * np.arange(len(rows))
    track = Track("x", START, after_s, latitude, longitude, altitude_km)
    at_rows = track.at(START, after_s)
    np.testing.assert_array_equal(at_rows.latitude_deg, latitude)
    np.testing.assert_array_equal(at_rows.longitude_deg, longitude)
    np.testing.assert_allclose(at_rows.altitude_km, altitude_km, rtol=0, atol=1e-12)
    assert at_rows.there.all()
    on_the_way = track.at(START, np.array([share * 1e5]))
    so_far = GEOD.inv(longitude[0], latitude[0], on_the_way.longitude_deg[0], on_the_way.latitude_deg[0])[2]
    whole = track.legs[1][0]
    assert so_far == pytest.approx(share * whole, abs=0.01)
