"""What is remembered of the ground from run to run is what it would be anew, and nobody who gets it can change it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo.geodesy import GEOD
from openleo.network.constellation import catalogue
from openleo.network.ground import stations
from openleo.network.ground.gateways import geodesics_km
from openleo.network.kernels import sky
from openleo.network.side_by_side import Inline, executor_of


def test_geodesics_asked_for_again_are_the_same_and_ones_own() -> None:
    latitude, longitude = np.array([25.0, -20.0, 60.0]), np.array([121.0, 178.0, -150.0])
    places = (latitude, longitude, latitude[1:], longitude[1:])
    first = geodesics_km(*places)
    assert first[0, 0] == GEOD.inv(121.0, 25.0, 178.0, -20.0)[2] / 1000.0
    first[:] = -1.0
    assert geodesics_km(*places)[0, 0] == GEOD.inv(121.0, 25.0, 178.0, -20.0)[2] / 1000.0
    latitude[0] = 26.0  # the caller's own arrays may change: what is remembered goes by value
    assert geodesics_km(*places)[0, 0] == GEOD.inv(121.0, 26.0, 178.0, -20.0)[2] / 1000.0


def test_bins_asked_for_again_are_the_same_and_ones_own() -> None:
    centre, reach = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]]), np.array([0.2, 0.3])
    offsets, bins = sky.bins_in_reach(centre, reach)
    again = sky.bins_in_reach(centre.copy(), reach.copy())
    bins[:] = 0
    once_more = sky.bins_in_reach(centre, reach)
    for one, other in zip(again, once_more, strict=True):
        np.testing.assert_array_equal(one, other)
    many = np.tile(centre, (sky.MOST_KEPT, 1)), np.tile(reach, sky.MOST_KEPT)  # more than are remembered
    np.testing.assert_array_equal(sky.bins_in_reach(*many)[0][:3], offsets)
    np.testing.assert_array_equal(sky.bins_in_reach(*many)[1][: offsets[2]], again[1])


def test_a_list_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    for name in ("First", "Second"):
        file.write_text(f"name,lat_deg,lon_deg\n{name},1,2\n")
        assert stations.read(file.name, "gateways", tmp_path, "", "")[0][0].name == name


def test_a_system_is_one_value_whenever_it_is_read() -> None:
    assert catalogue.load("oneweb").constellation() is catalogue.load("oneweb").constellation()
    assert catalogue.load("oneweb").constellation() is not catalogue.load("kuiper").constellation()


def test_one_thread_is_the_one_that_asks() -> None:
    alone = executor_of(1)
    assert isinstance(alone, Inline)
    assert list(alone.map(divmod, [7, 9], [2, 4])) == [(3, 1), (2, 1)]
    assert alone.submit(int, "12").result() == 12
    with pytest.raises(ValueError, match="twelve"):
        alone.submit(int, "twelve")
    with executor_of(2) as two:
        assert list(two.map(abs, [-1, 2])) == [1, 2]
