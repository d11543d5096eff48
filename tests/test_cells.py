"""H3 cells: our index arithmetic against h3's own, and outlines that shapely can work on."""

from __future__ import annotations

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells
from openleo.places.land import area_sr

H3_AUTHALIC_RADIUS_KM = 6371.007180918475  # H3's EARTH_RADIUS_KM
SPHERE_KM2 = 4.0 * np.pi * H3_AUTHALIC_RADIUS_KM**2
CELLS_OF_THE_WORLD = {0: 122, 1: 842, 2: 5_882, 3: 41_162}  # H3 documentation, "Tables of Cell Statistics"

latitudes = st.floats(-90.0, 90.0)
longitudes = st.floats(-180.0, 180.0)
POLES = [np.uint64(h3.latlng_to_cell(latitude, 0.0, resolution)) for latitude in (90.0, -90.0) for resolution in (0, 3)]


def world(resolution=2):
    return cells.world(resolution)


@given(latitudes, longitudes, st.integers(0, 15), st.integers(0, 15))
@settings(deadline=None)
def test_parents_against_h3(latitude_deg, longitude_deg, resolution, coarser):
    coarser = min(resolution, coarser)
    cell = h3.latlng_to_cell(latitude_deg, longitude_deg, resolution)
    ours = cells.parents(np.array([cell], dtype=np.uint64), coarser)
    assert ours.dtype == np.uint64
    assert int(ours[0]) == h3.cell_to_parent(cell, coarser)


@given(latitudes, longitudes, st.integers(0, 15))
@settings(deadline=None)
def test_a_cell_as_text_is_h3s_own_string(latitude_deg, longitude_deg, resolution):
    cell = cells.at(latitude_deg, longitude_deg, resolution)
    assert cells.text(np.array([cell])) == [h3.int_to_str(int(cell))]


@pytest.mark.parametrize(("resolution", "count"), CELLS_OF_THE_WORLD.items())
def test_the_world_has_every_cell_once_in_order(resolution, count):
    world = cells.world(resolution)
    assert len(world) == count
    assert (np.diff(world.astype(np.int64)) > 0).all()
    assert (cells.parents(world, resolution) == world).all()


@pytest.mark.parametrize("resolution", CELLS_OF_THE_WORLD)
def test_areas_add_up_to_the_sphere(resolution):
    assert cells.areas_km2(cells.world(resolution)).sum() == pytest.approx(SPHERE_KM2, rel=1e-9)


def test_children_are_those_of_h3_and_none_of_nothing():
    parents = world(1)[::97]
    children = cells.children(parents, 3)
    assert (np.unique(cells.parents(children, 1)) == parents).all()
    assert sorted(children.tolist()) == sorted(int(c) for p in parents for c in h3.cell_to_children(int(p), 3))
    assert len(cells.children(np.empty(0, np.uint64), 5)) == 0
    assert cells.centres_deg(np.empty(0, np.uint64))[0].shape == (0,)


@pytest.mark.parametrize("resolution", [1, 2, 3])
def test_no_corner_lies_further_out_than_the_stated_radius(resolution):
    radius_km = cells.radius_km(resolution)
    for cell in world(resolution)[:: 7**resolution // 7]:
        centre = h3.cell_to_latlng(int(cell))
        corners = h3.cell_to_boundary(int(cell))
        assert max(h3.great_circle_distance(centre, corner, unit="km") for corner in corners) < radius_km


# --- outlines -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [0, 1, 2, 3])
def test_outlines_are_valid_and_on_the_map(resolution):
    outlines = cells.outlines(world(resolution))
    assert shapely.is_valid(outlines).all()
    assert not shapely.is_empty(outlines).any()
    west, south, east, north = shapely.bounds(outlines).T
    assert west.min() >= -180.0
    assert east.max() <= 180.0
    assert south.min() >= -90.0
    assert north.max() <= 90.0


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [2, 3])
def test_outlines_hold_their_cells_area(resolution):
    """On the equal-area map, edges are straight in degrees and not great circles: 2 % apart, by the poles."""
    chosen = world(resolution)
    areas = area_sr(cells.outlines(chosen)) * H3_AUTHALIC_RADIUS_KM**2
    assert areas.sum() == pytest.approx(SPHERE_KM2, rel=1e-6)
    latitude, _ = cells.centres_deg(chosen)
    away = np.abs(latitude) < 75.0
    assert np.abs(areas / cells.areas_km2(chosen) - 1.0)[away].max() < 0.02


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_outlines_tile_the_map(resolution):
    """Each point of a sample lies in one outline, or on the border of two."""
    latitude, longitude = np.meshgrid(np.arange(-89.5, 90.0, 4.1), np.arange(-179.9, 180.0, 7.3))
    points = shapely.points(longitude.ravel(), latitude.ravel())
    tree = shapely.STRtree(cells.outlines(world(resolution)))
    found = np.bincount(tree.query(points, predicate="within")[0], minlength=len(points))
    assert (found == 1).all()


def test_a_cell_across_the_antimeridian_is_cut_there():
    cell = cells.at(-17.0, 180.0, 2)
    outline = cells.outlines(np.array([cell]))[0]
    assert outline.geom_type == "MultiPolygon"
    assert len(outline.geoms) == 2
    assert outline.bounds[0] == -180.0
    assert outline.bounds[2] == 180.0
    assert shapely.contains_xy(outline, [179.9, -179.9], [-17.0, -17.0]).all()
    assert not shapely.contains_xy(outline, 0.0, -17.0)


@pytest.mark.parametrize("cell", POLES, ids=lambda cell: format(int(cell), "x"))
def test_a_cell_over_a_pole_is_closed_over_it(cell):
    outline = cells.outlines(np.array([cell]))[0]
    latitude = h3.cell_to_latlng(int(cell))[0]
    nearly = np.copysign(89.999, latitude)
    longitudes = np.arange(-179.5, 180.0, 10.0)
    assert shapely.contains_xy(outline, longitudes, np.full(len(longitudes), nearly)).all()
    assert not shapely.contains_xy(outline, longitudes, np.full(len(longitudes), -nearly)).any()
    assert outline.bounds[0] == -180.0
    assert outline.bounds[2] == 180.0


# --- which cells share ground with a polygon ----------------------------------------------------------------------

boxes = st.builds(
    lambda west, south, width, height: shapely.box(west, south, min(west + width, 180.0), min(south + height, 80.0)),
    st.floats(-180.0, 175.0),
    st.floats(-80.0, 75.0),
    st.floats(0.1, 170.0),
    st.floats(0.1, 90.0),
)


def check_against_shapely(polygon, resolution):
    """Every cell that shares more than a sliver of ground, by intersecting all outlines; else neighbours only."""
    chosen, outlines = world(resolution), cells.outlines(world(resolution))
    shared = shapely.area(shapely.intersection(outlines, polygon))
    expected = chosen[shared > 1e-6 * shapely.area(outlines)]
    found = cells.overlapping([polygon], resolution)
    missing = np.setdiff1d(expected, found)
    assert len(missing) == 0, f"misses {cells.text(missing)[:5]}, centres {cells.centres_deg(missing)}"
    around = {int(near) for cell in expected for near in h3.grid_disk(int(cell), 1)}
    assert {int(cell) for cell in found} <= around


@given(boxes)
@settings(deadline=None, max_examples=40)
def test_overlapping_against_shapely(box):
    check_against_shapely(box, 1)


@pytest.mark.parametrize(
    "box",
    [
        shapely.box(-100.0, -10.0, 100.0, 10.0),
        shapely.box(-180.0, 80.0, 180.0, 90.0),
        shapely.box(-180.0, -90.0, 180.0, -60.0),
        shapely.box(-180.0, -90.0, 180.0, 90.0),
        shapely.box(-170.0, 20.0, 11.0, 60.0),
    ],
    ids=["equator", "arctic", "antarctic", "world", "americas"],
)
def test_overlapping_a_polygon_wider_than_half_the_earth(box):
    """h3 takes a ring of more than 180° of longitude for one across the antimeridian, and fills the other side."""
    check_against_shapely(box, 1)


@pytest.mark.parametrize("box", [shapely.box(150.0, 60.0, 180.0, 90.0), shapely.box(-177.0, -90.0, -162.0, -70.0)])
def test_overlapping_holds_the_cell_over_the_pole(box):
    """To h3 the cell over a pole is a ring in the plane that leaves the pole out."""
    check_against_shapely(box, 1)


def test_overlapping_takes_both_sides_of_the_antimeridian_and_no_hole():
    fiji = shapely.MultiPolygon([shapely.box(177.0, -20.0, 180.0, -15.0), shapely.box(-180.0, -20.0, -178.0, -15.0)])
    check_against_shapely(fiji, 2)
    assert set(cells.overlapping([fiji], 2).tolist()) >= {
        int(cells.at(-17.0, lon, 2)) for lon in (178.0, 179.9, -179.9)
    }
    ring = shapely.box(0.0, 0.0, 40.0, 40.0) - shapely.box(10.0, 10.0, 30.0, 30.0)
    assert int(cells.at(20.0, 20.0, 2)) not in cells.overlapping([ring], 2)


def test_overlapping_nothing_is_nothing():
    assert len(cells.overlapping([], 3)) == 0
    assert len(cells.overlapping([shapely.Polygon()], 3)) == 0


def test_a_speck_has_its_cell():
    """Vatican City is 0.4 km² in a cell of 12,000 km²: no centre falls in it."""
    speck = shapely.box(12.445, 41.900, 12.458, 41.907)
    assert cells.overlapping([speck], 3).tolist() == [int(cells.at(41.903, 12.45, 3))]
