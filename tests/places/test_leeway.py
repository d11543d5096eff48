"""How far a position can move, against the circles themselves: each drawn, and held against the polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from openleo.places import land as lands
from openleo.places import leeway, point
from openleo.places.expressions import Region

RADII_M = (0.0, 30.0, 500.0, 4_000.0, 30_000.0)


@pytest.fixture
def drawn(monkeypatch):
    """`where` that draws every circle."""

    def drawn(*asked):
        with monkeypatch.context() as patched:
            patched.setattr(point, "_by_its_box", lambda *_: None)
            return point.where(*asked)

    return drawn


def places(count: int, seed: int) -> tuple[list[tuple[float, float, float]], tuple[Region, ...]]:
    """Positions a metre to 100 km from a corner of a coast or border, some of them near ±180° or a pole; regions."""
    random = np.random.default_rng(seed)
    corners = shapely.get_coordinates(lands.load().pieces)
    near = corners[random.integers(0, len(corners), count)]
    near[: count // 10] = np.stack(
        [random.choice([-180.0, 180.0], count // 10), random.uniform(-90, 90, count // 10)], 1
    )
    off = random.normal(0.0, 1.0, (count, 2)) * 10 ** random.uniform(-5, 0.3, (count, 1))
    longitude, latitude = (near[:, 0] + off[:, 0] + 180.0) % 360.0 - 180.0, np.clip(near[:, 1] + off[:, 1], -90, 90)
    discs = shapely.buffer(shapely.points(near[-6:]), random.uniform(0.05, 2.0, 6))
    discs = shapely.intersection(discs, shapely.box(-180, -90, 180, 90))
    regions = tuple(Region(f"disc-{number}", f"disc-{number}", disc) for number, disc in enumerate(discs))
    radii_m = random.choice(RADII_M, count)
    return list(zip(latitude.tolist(), longitude.tolist(), radii_m.tolist(), strict=True)), regions


@pytest.mark.slow
def test_where_is_that_of_the_circle_as_it_is_drawn(drawn):
    asked, regions = places(1_500, seed=1)
    assert [one for one in asked if point.where(*one, regions) != drawn(*one, regions)] == []


@pytest.mark.slow
def test_the_leeway_is_that_of_circles_as_they_are_drawn(drawn):
    """The largest step at which the wider circle, and of several kinds the narrower one too, touches the same."""

    def expected(latitude, longitude, radius_m, regions):
        here = drawn(latitude, longitude, radius_m, regions)
        far = 0
        for step in leeway.STEPS_KM:
            same = drawn(latitude, longitude, radius_m + step * 1e3, regions) == here
            narrower_m = radius_m - step * 1e3
            if same and len(here.atoms) > 1:
                same = narrower_m >= 0.0 and drawn(latitude, longitude, narrower_m, regions) == here
            if not same:
                break
            far = step
        return far

    asked, regions = places(400, seed=2)
    wrong = [one for one in asked if leeway.same_within_km(*one, regions) != expected(*one, regions)]
    assert wrong == []


@pytest.mark.parametrize(
    ("place", "far"),
    [((47.0, 2.5), 200), ((60.0, 90.0), 200), ((-40.0, -120.0), 200), ((23.6, 122.2), 20), ((48.9, 2.35), 100)],
)
def test_ordinary_positions_are_told_without_a_circle(monkeypatch, place, far):
    """In the middle of France and Siberia, on the open sea, in the waters of Taiwan, in Paris; within 30 m."""
    asked = (*place, 30.0)

    def drawn(*_):
        raise AssertionError("a circle was drawn")

    monkeypatch.setattr(point, "drawn", drawn)
    assert leeway.same_within_km(*asked, here=point.where(*asked)) == far
