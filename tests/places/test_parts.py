"""Cells cut into cell × territory parts: nothing is lost, nothing counted twice, and nobody vanishes."""

from __future__ import annotations

from functools import cache

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longer import longer
from openleo import cells
from openleo.places import land, parts, population
from openleo.places.areas import Area, parts_of
from openleo.places.land import area_sr
from openleo.places.territories import HIGH_SEAS, STRIPS, territories

EARTH_MILLION_KM2 = 510.07  # surface of WGS 84 (Moritz 2000: 510.0656)
TINY = ("MCO", "SGP", "MLT", "TON", "VAT", "LUX", "BHR", "TUV", "NRU", "SMR", "LIE", "GIB", "kinmen", "matsu")
ATOLLS = ("TKL", "CCK", "MDV", "COK", "KIR", "PYF", "MAC", "SXM", "ALA", "GGY", "ASM")
# Without the shores of the Caspian and of the Aral, which the atlas leaves out as it leaves out the sea.
LANDLOCKED = (
    *("AND", "ARM", "AUT", "BDI", "BFA", "BLR", "BOL", "BTN", "BWA", "CAF", "CHE", "CZE", "ETH", "HUN", "KGZ", "LAO"),
    *("LIE", "LSO", "LUX", "MDA", "MKD", "MLI", "MNG", "MWI", "NER", "NPL", "PRY", "RWA", "SMR", "SRB", "SSD", "SVK"),
    *("SWZ", "TCD", "TJK", "UGA", "VAT", "XKX", "ZMB", "ZWE"),
)
AREA_ROUNDING_KM2 = 0.01  # of territories.csv


@cache
def world(resolution=2):
    return parts.cut(cells.world(resolution))


def by_territory(cut, values):
    names, code = np.unique(cut.territory.astype(str), return_inverse=True)
    return dict(zip(names.tolist(), np.bincount(code, weights=values).tolist(), strict=True))


def one_percent(expected, absolute=0.0):
    return pytest.approx(expected, rel=0.01, abs=absolute)


# --- the whole world ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_areas_of_all_parts_are_the_earths():
    assert world().area_km2.sum() / 1e6 == pytest.approx(EARTH_MILLION_KM2, rel=1e-4)
    assert (world().area_km2 >= 0.0).all()


def test_parts_of_a_cell_add_up_to_the_cell():
    whole = np.bincount(world().cell, weights=world().area_km2, minlength=len(world().cells))
    np.testing.assert_allclose(whole, cells.areas_km2(world().cells), rtol=1e-9)


def test_land_areas_are_those_of_the_table():
    """On the ellipsoid there, on the sphere of equal area here: under 1 % apart."""
    areas = by_territory(world(), world().area_km2)
    for id_, row in territories().items():
        assert areas[id_] == one_percent(row.area_km2, AREA_ROUNDING_KM2), id_


def test_everybody_is_somewhere_and_only_once():
    people = by_territory(world(), world().people)
    for id_, row in territories().items():
        assert people[id_] == pytest.approx(row.population, abs=0.5), id_
    assert sum(people.values()) == pytest.approx(population.total(), abs=1.0)


def test_nobody_lives_at_sea():
    at_sea = np.array(["." in label or label == HIGH_SEAS for label in world().territory])
    assert world().people[at_sea].sum() == 0.0
    assert at_sea.any()


def test_landlocked_countries_have_no_strip_of_sea():
    """The edges of neighbours' polygons do not quite meet after projection; that gap is not a sea."""
    areas = by_territory(world(), world().area_km2)
    found = {id_ + strip: areas[id_ + strip] for id_ in LANDLOCKED for strip in STRIPS if id_ + strip in areas}
    assert not found


def test_the_sea_is_about_seven_tenths():
    """361.9 M km² of ocean (NOAA ETOPO1, Eakins and Sharman 2010) and 0.4 of the Caspian."""
    sea = sum(area for label, area in by_territory(world(), world().area_km2).items() if label not in territories())
    assert sea / 1e6 == pytest.approx(362.3, rel=0.005)


@pytest.mark.slow
def test_the_world_is_whole_at_the_resolution_of_a_world_run():
    cut = parts.cut(cells.world(3))
    assert cut.area_km2.sum() / 1e6 == pytest.approx(EARTH_MILLION_KM2, rel=1e-4)
    assert cut.people.sum() == pytest.approx(population.total(), abs=1.0)
    people = by_territory(cut, cut.people)
    assert {id_ for id_ in territories() if abs(people[id_] - territories()[id_].population) > 0.5} == set()


# --- territories for themselves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", TINY)
def test_no_territory_vanishes_because_no_centre_falls_in_it(id_):
    cut = parts_of(Area((id_,)), 3)
    assert len(cut.cells) >= 1
    assert set(cut.territory) == {id_}
    assert cut.people.sum() == pytest.approx(territories()[id_].population, abs=0.5)
    assert cut.area_km2.sum() == one_percent(territories()[id_].area_km2, AREA_ROUNDING_KM2)


@pytest.mark.parametrize("resolution", [3, 4, 5])
@pytest.mark.parametrize("id_", [*ATOLLS, "TWN", "JPN", "PHL", "KOR", "NLD", "CHE"])
def test_an_area_has_the_people_of_its_territory(id_, resolution):
    """H3's children poke over their parent's edge; those who live on that edge must come along."""
    cut = parts_of(Area((id_,)), resolution)
    assert cut.people.sum() == pytest.approx(territories()[id_].population, abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [pytest.param(3, marks=longer), 4])
def test_every_area_has_the_people_of_its_territory(resolution):
    lost = {}
    for id_, row in territories().items():
        found = parts_of(Area((id_,)), resolution).people.sum()
        if abs(found - row.population) > 0.5:
            lost[id_] = row.population - round(found)
    assert not lost


@pytest.mark.parametrize("id_", ["LUX", "MCO", "VAT", "SGP", "MLT", "TUV", "TKL", "MDV", "kinmen"])
def test_people_are_conserved_finer_than_the_estimate(id_):
    """At res 6 the people of a res-5 cell are shared out by area."""
    cut = parts_of(Area((id_,)), 6)
    assert cut.people.sum() == pytest.approx(territories()[id_].population, abs=0.5)


def test_areas_add_up_whichever_way_they_are_asked_for():
    together = parts_of(Area(("CHE", "LIE", "AUT")), 4)
    apart = {id_: parts_of(Area((id_,)), 4) for id_ in ("CHE", "LIE", "AUT")}
    for id_, alone in apart.items():
        mine = together.territory == id_
        assert together.area_km2[mine].sum() == pytest.approx(alone.area_km2.sum())
        assert together.people[mine].sum() == pytest.approx(alone.people.sum())


def test_a_border_cell_is_shared_among_its_territories():
    """Basel: Switzerland, France and Germany in one cell, its shares adding up to one."""
    cell = np.array([cells.at(47.56, 7.59, 4)])
    cut = parts.cut(cell)
    assert set(cut.territory) >= {"CHE", "FRA", "DEU"}
    assert cut.area_km2.sum() == pytest.approx(cells.areas_km2(cell)[0], rel=1e-9)
    assert (cut.people[np.isin(cut.territory, ["CHE", "FRA", "DEU"])] > 0.0).all()


def test_parts_are_sorted_by_cell_and_each_is_there_once():
    cut = parts_of(Area(("TWN", "kinmen", "TWN.sea12")), 4)
    assert (np.diff(cut.cell) >= 0).all()
    rows = list(zip(cut.cell.tolist(), cut.territory, strict=True))
    assert len(set(rows)) == len(rows)
    assert set(cut.cell) == set(range(len(cut.cells)))


def test_no_cells_make_no_parts():
    nothing = parts.cut(np.empty(0, np.uint64), [shapely.box(0, 0, 1, 1)])
    assert len(nothing) == 0
    assert nothing.within.shape == (0, 1)


@cache
def around_tonga(resolution):
    """More than 200 nautical miles around, whatever the resolution."""
    latitude, longitude = cells.centres_deg(cells.world(1))
    near = (np.abs(latitude + 20.0) < 20.0) & (np.abs((longitude + 175.0 + 180.0) % 360.0 - 180.0) < 20.0)
    return parts.cut(cells.children(cells.world(1)[near], resolution))


@pytest.mark.parametrize(
    ("id_", "resolution"), [("TON.sea200", 1), ("TON.sea200", 2), ("TON.sea200", 3), ("TON.sea12", 2), ("TON.sea12", 3)]
)
def test_a_strip_is_as_large_alone_as_in_the_world(id_, resolution):
    whole = around_tonga(resolution)
    expected = whole.area_km2[whole.territory == id_].sum()
    assert expected > 0.0
    assert parts_of(Area((id_,)), resolution).area_km2.sum() == pytest.approx(expected, rel=1e-6)


# --- extra regions ------------------------------------------------------------------------------------------------


def in_two(west, south, east, north):
    """A box in longitude and latitude, cut at ±180° where it runs over."""
    halves = [shapely.box(max(west + turn, -180.0), south, min(east + turn, 180.0), north) for turn in (-360, 0, 360)
              if max(west + turn, -180.0) < min(east + turn, 180.0)]  # fmt: skip
    return shapely.union_all(halves)


FRAMES = {
    "taiwan strait": (3, (117.0, 21.0, 124.0, 28.0)),
    "fiji, across the antimeridian": (3, (174.0, -21.0, 186.0, -13.0)),
    "south pole": (1, (-180.0, -90.0, 180.0, -70.0)),
    "north pole": (1, (-180.0, 80.0, 180.0, 90.0)),
}


@cache
def frame_cells(name):
    resolution, bounds = FRAMES[name]
    frame = in_two(*bounds)
    around = cells.world(resolution)
    touched = shapely.intersects(cells.outlines(around), frame)
    return around[touched]


@cache
def frame_parts(name):
    return parts.cut(frame_cells(name))


@pytest.mark.parametrize(
    "name", [*list(FRAMES)[:-2], *(pytest.param(one, marks=pytest.mark.slow) for one in list(FRAMES)[-2:])]
)
@given(data=st.data())
@settings(deadline=None, max_examples=5)
def test_inside_and_outside_a_region_make_the_whole(name, data):
    _, (west, south, east, north) = FRAMES[name]
    x = sorted(data.draw(st.lists(st.floats(west, east), min_size=2, max_size=2)))
    y = sorted(data.draw(st.lists(st.floats(south, north), min_size=2, max_size=2)))
    region = in_two(x[0], y[0], x[1] + 0.01, min(y[1] + 0.01, 90.0))
    whole, split = frame_parts(name), parts.cut(frame_cells(name), [region])
    assert split.area_km2.sum() == pytest.approx(whole.area_km2.sum(), rel=1e-6)
    for values in ("area_km2", "people"):
        expected, found = by_territory(whole, getattr(whole, values)), by_territory(split, getattr(split, values))
        for label in expected:
            # Slivers of rounding apart; the sea to some 1 % of a label's in each piece of ground, before and after.
            slack = {"area_km2": 1.0, "people": 0.5}[values]
            close = 1e-6 if label in territories() else 0.02
            assert found.get(label, 0.0) == pytest.approx(expected[label], rel=close, abs=slack), (values, label)
    in_cell = np.bincount(split.cell, weights=split.area_km2, minlength=len(split.cells))
    np.testing.assert_allclose(in_cell, cells.areas_km2(split.cells), rtol=1e-4)


def test_a_corner_a_hair_from_zero_is_zero():
    """Found by the test above: 5e-324 degrees east overflowed in the search for a point of the sea."""
    cell = frame_cells("south pole")
    nearly, zero = (parts.cut(cell, [shapely.box(west, -72.0, 1.01, -69.99)]) for west in (5e-324, 0.0))
    np.testing.assert_array_equal(nearly.area_km2, zero.area_km2)
    np.testing.assert_array_equal(nearly.within, zero.within)


@pytest.mark.slow
@given(st.floats(118.0, 121.0), st.floats(21.5, 25.0), st.floats(0.05, 2.5), st.floats(0.05, 2.5))
@example(118.0, 21.5, 0.05, 0.05)
@settings(deadline=None, max_examples=15)
def test_land_inside_a_region_against_shapely(west, south, width, height):
    """The land of a box, by intersecting the polygons themselves on the equal-area map."""
    box = shapely.box(west, south, west + width, south + height)
    split = parts.cut(frame_cells("taiwan strait"), [box])
    pieces = land.load().of({"TWN"})
    expected = area_sr(shapely.intersection(pieces, box)).sum() * 6371.0072**2
    found = split.area_km2[(split.territory == "TWN") & split.within[:, 0]].sum()
    assert found == pytest.approx(expected, rel=2e-3, abs=0.5)


def test_regions_that_share_ground_are_told_apart():
    west, east = shapely.box(118.0, 21.0, 121.0, 26.0), shapely.box(120.5, 21.0, 123.0, 26.0)
    split = parts.cut(frame_cells("taiwan strait"), [west, east])
    mine = split.territory == "TWN"
    people = {(bool(w), bool(e)): split.people[mine & (split.within == [w, e]).all(axis=1)].sum()
              for w in (0, 1) for e in (0, 1)}  # fmt: skip
    assert all(people[key] > 0.0 for key in [(True, False), (False, True), (True, True)])
    assert people[False, False] == 0.0
    assert sum(people.values()) == pytest.approx(territories()["TWN"].population, abs=1.0)


@pytest.mark.parametrize("count", [1, 62, 63, 64, 70])
def test_any_number_of_regions_keeps_its_columns_apart(count):
    """A rule set may bring a polygon a rule; bits of a 64-bit word run out at 63."""
    around = parts_of(Area(("LUX",)), 5).cells
    boxes = [shapely.box(5.5 + 0.01 * n, 49.0, 5.6 + 0.01 * n, 51.0) for n in range(count)]
    split = parts.cut(around, boxes)
    assert split.within.shape[1] == count
    assert split.area_km2.sum() == pytest.approx(cells.areas_km2(around).sum(), rel=1e-4)
    for column in {0, count // 2, count - 1}:
        alone = parts.cut(around, [boxes[column]])
        expected = by_territory(alone, np.where(alone.within[:, 0], alone.people, 0.0))
        found = by_territory(split, np.where(split.within[:, column], split.people, 0.0))
        assert found["LUX"] == pytest.approx(expected["LUX"], rel=1e-3, abs=1.0)


@pytest.mark.parametrize(
    ("corners", "others"),
    [
        ([(103.71, 1.2), (103.49, 1.32), (104.19, 1.46)], [(103.71, 1.2), (103.49, 1.32), (104.19, 1.46)]),
        ([(103.48, 1.61), (103.81, 1.43), (103.53, 1.71)], [(103.48, 1.61), (103.81, 1.43), (103.43, 1.51)]),
    ],
    ids=["one polygon twice", "two that share an edge"],
)
def test_outlines_that_meet_leave_no_land_behind(corners, others):
    """Rounding makes slivers of land there that belong to no ground: a KeyError at first."""
    first, second = shapely.Polygon(corners), shapely.Polygon(others)
    around = np.sort(np.asarray(h3.grid_disk(int(cells.at(1.6, 103.6, 5)), 2), dtype=np.uint64))
    both, alone = (parts.cut(around, regions, with_people=False) for regions in ([first, second], [first]))
    for cell in range(len(around)):
        for within in (False, True):
            areas = [one.area_km2[(one.cell == cell) & (one.within[:, 0] == within)].sum() for one in (both, alone)]
            assert areas[0] == pytest.approx(areas[1], abs=1e-6)
    if first.equals(second):
        assert (both.within[:, 0] == both.within[:, 1]).all()
