"""Geography (issue 4, Must show): nobody is lost between territories, and every town has one.

Towns are GeoNames' of 15,000 people and more, as embedded. Contested towns, and land across the antimeridian, are in
tests/data/test_territory_data.py; buffers in test_shapes.py.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import h3.api.numpy_int as h3
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from openleo import cells
from openleo.places import land, parts, shapes, waters
from openleo.places.areas import Area, extent, parts_of
from openleo.places.expressions import Labels, holds_each
from openleo.places.territories import HIGH_SEAS, STRIPS, with_territorial_sea

A_TOWN = 15_000
# Towns that lie neither on land nor in the 12-mile waters of their territory, and why.
OUTSIDE = {"Lý Sơn": "the atlas lacks the island, 25 km off Vietnam; its people are counted to Vietnam by GeoNames"}
# Towns more than 3 km off the land of the atlas (its grid is 400 m, its shores are within 1 km), all on an island,
# spit or reclaimed ground that it lacks. Each is in its own territory's 12-mile waters, which a permit brings along.
OFF_SHORE = {
    "Tārūt", "Bandar-e Emam Khomeyni", "Mozambique", "Ålesund", "Tarawa", "Cordova", "The Palm Jumeirah", "Etajima",
    "Kiên Hải", "Madre de Deus", "Sitangkai", "Minamichita", "Daru", "Ebaye",
}  # fmt: skip
ACROSS_A_BORDER = 45  # towns whose point falls on a neighbour's land: within the atlas's error, or across a line


@cache
def towns():
    """(name, territory, latitude_deg, longitude_deg, label of the ground or water) of every town."""
    table = pq.read_table(str(files("openleo.data") / "places" / "places.parquet"))
    large = table["population"].to_numpy() >= A_TOWN
    name, territory = (np.array(table[key].to_pylist(), dtype=object)[large] for key in ("name", "territory"))
    latitude, longitude = (table[key].to_numpy()[large] for key in ("lat_deg", "lon_deg"))
    known = land.load()
    owner = known.territory_of(longitude, latitude)
    label = np.array([*known.territories, None], dtype=object)[owner]
    at_sea = owner < 0
    near = waters.coasts(known, shapely.points(longitude[at_sea], latitude[at_sea]))
    label[at_sea] = near.label(latitude[at_sea], longitude[at_sea])
    return name, territory, latitude, longitude, label


def test_no_town_lies_outside_of_every_territory_unless_listed():
    name, territory, _, _, label = towns()
    assert len(name) > 30_000
    covered = np.array(["." not in one or one.endswith(STRIPS[0]) for one in label]) & (label != HIGH_SEAS)
    assert set(name[~covered]) == set(OUTSIDE)
    own = np.array([one in with_territorial_sea([mine]) for one, mine in zip(label, territory, strict=True)])
    assert set(name[~own & (np.char.find(label.astype(str), ".") >= 0)]) == set(OUTSIDE)
    assert (~own & covered).sum() <= ACROSS_A_BORDER


def test_towns_off_the_shore_of_the_atlas_are_listed():
    name, _, latitude, longitude, label = towns()
    wet = np.char.find(label.astype(str), ".sea") >= 0
    near = waters.coasts(land.load(), shapely.points(longitude[wet], latitude[wet]))
    far = near.distance_km(latitude[wet], longitude[wet])[0] > 3.0
    assert set(name[wet][far]) == OFF_SHORE | set(OUTSIDE)
    assert wet.sum() < 0.016 * len(name)


@pytest.mark.parametrize("resolution", [3, 4, 5])
@pytest.mark.parametrize("id_", ["MCO", "TON", "SGP"])
def test_a_small_permitted_territory_is_served(id_, resolution):
    """Of its people, and of its towns by their own points, 99 % are where a permit on it holds."""
    permit = Labels(frozenset(with_territorial_sea([id_])))
    whole = parts_of(Area((id_,)), resolution)
    around = parts.cut(whole.cells)  # all that lies in these cells, whosever it is
    held = holds_each(permit, around.territory, around.within, ())
    assert around.people[held].sum() >= 0.99 * whole.people.sum() > 0.0
    assert not held[~np.isin(around.territory, list(permit.ids))].any()
    name, territory, _, _, label = towns()
    mine = territory == id_
    assert mine.any() or id_ == "MCO"
    assert all(one in permit.ids for one in label[mine]), name[mine]


@pytest.mark.parametrize("pair", [("DEU", "POL"), ("CHE", "LIE"), ("USA", "MEX"), ("ARG", "CHL"), ("FRA", "MCO")])
def test_two_permitted_neighbours_leave_no_gap(pair):
    """Along their border every point is one's or the other's, and cells that only they share are wholly inside."""
    both = shapes.land_polygon(frozenset(pair))
    border = shapely.intersection(*(shapely.buffer(shapes.land_polygon(frozenset({id_})), 1e-6) for id_ in pair))
    spine = shapely.get_coordinates(shapely.boundary(border))
    rng = np.random.default_rng(7)
    sample = spine[rng.integers(len(spine), size=300)] + rng.uniform(-3e-4, 3e-4, (300, 2))  # 30 m to either side
    owner = land.load().territory_of(*sample.T)
    names = np.array([*land.load().territories, "sea"])[owner]
    near_others = {name for name in names if name not in pair}
    third = shapes.land_polygon(frozenset(near_others - {"sea"})) if near_others - {"sea"} else None
    for point, name in zip(sample, names, strict=True):
        if name == "sea":  # only where the border itself ends at the water
            assert shapely.distance(shapely.boundary(both), shapely.Point(point)) < 1e-3
        elif name not in pair:
            assert shapely.distance(third, shapely.Point(point)) == 0.0
    assert np.isin(names, pair).mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("pair", [("NOR", "SWE"), ("DEU", "POL"), ("ESP", "PRT")])
def test_cells_that_two_neighbours_share_are_wholly_inside(pair):
    permit = Labels(frozenset(with_territorial_sea(pair)))
    together = extent(permit, 4)
    apart = [extent(Labels(frozenset(with_territorial_sea([id_]))), 4) for id_ in pair]
    shared = np.intersect1d(apart[0].border, apart[1].border)
    cut = parts.cut(shared)
    only_theirs = np.setdiff1d(np.arange(len(shared)), cut.cell[~np.isin(cut.territory, list(permit.ids))])
    assert len(only_theirs) > 0
    assert np.isin(shared[only_theirs], together.inside).all()
    assert together.area_km2 == pytest.approx(sum(one.area_km2 for one in apart), rel=1e-9)
    assert together.people == pytest.approx(sum(one.people for one in apart), rel=1e-9)


@pytest.mark.parametrize("cell", ["8439459ffffffff", "84396a5ffffffff", "843972dffffffff"])
def test_the_cut_of_a_cell_does_not_depend_on_what_else_is_cut(cell):
    """The first has the end of a border at the shore, from where some of its sea is as near to both coasts."""
    alone = np.array([int(cell, 16)], dtype=np.uint64)
    around = [np.unique(h3.grid_disk(alone[0], rings)) for rings in (0, 1, 3, 12)]
    cuts = [(one, parts.cut(one)) for one in around]
    found = [cut.select(cut.cell == np.searchsorted(one, alone[0])) for one, cut in cuts]
    for one in found:
        assert one.territory.tolist() == found[0].territory.tolist()
        assert one.area_km2.tolist() == pytest.approx(found[0].area_km2.tolist(), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("id_", ["FJI", "RUS", "ATA"])
def test_territories_over_the_antimeridian_are_whole_on_both_sides(id_):
    found = extent(Labels(frozenset({id_})), 3)
    longitude = cells.centres_deg(np.concatenate([found.inside, found.border]))[1]
    assert (longitude > 170.0).any()
    assert (longitude < -170.0).any()
    for box in ((178.5, -90.0, 180.0, 90.0), (-180.0, -90.0, -178.5, 90.0)):
        half = parts_of(Area(regions=(shapely.box(*box),)), 3)
        assert half.area_km2[half.territory == id_].sum() > 0.0
