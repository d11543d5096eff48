"""The index of cells: against points of the Earth, against the exact cut of cells, and what must be in it."""

from __future__ import annotations

from functools import cache

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.places import cell_cache, cell_index, gazetteer, land, parts, waters
from openleo.places.cell_index import cells_of_region
from openleo.places.expressions import Region
from openleo.places.territories import HIGH_SEAS, NO_COAST, STRIPS, territories

RESOLUTION = 3


@cache
def index(resolution=RESOLUTION):
    return cell_cache.load(resolution)


@cache
def coasts():
    return waters.coasts(land.load())


def labels_at(latitude, longitude):
    """The label of points by the definitions: the polygon that holds it, else the nearest coast."""
    owner = land.load().territory_of(longitude, latitude)
    names = np.array([*land.load().territories, ""], dtype=object)[owner]
    return np.where(owner >= 0, names, coasts().label(latitude, longitude))


def cells_at(latitude, longitude, resolution=RESOLUTION):
    each = zip(latitude.tolist(), longitude.tolist(), strict=True)
    return np.array([h3cells.at(*one, resolution) for one in each], dtype=np.uint64)


def anywhere(count, seed):
    random = np.random.default_rng(seed)
    return np.degrees(np.arcsin(random.uniform(-1.0, 1.0, count))), random.uniform(-180.0, 180.0, count)


def by_the_shore(count, seed, away_km):
    """Points around coasts and borders, some kilometres off."""
    random = np.random.default_rng(seed)
    vectors = np.asarray(coasts().tree.data)[random.integers(0, len(coasts().owner), count)]
    vectors = vectors + random.normal(size=(count, 3)) * (away_km / 6371.0 / np.sqrt(2.0))
    x, y, z = vectors.T
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


# --- against the definitions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "points", [anywhere(20_000, 1), *(by_the_shore(15_000, 2, away) for away in (1.0, 10.0, 22.0, 370.0))]
)
def test_the_label_of_any_point_is_among_its_cells(points):
    touched = [index().labels_of(number) for number in index().number_of(cells_at(*points)).tolist()]
    label = labels_at(*points)
    missing = [(one, of, *where) for one, of, *where in zip(label, touched, *points, strict=True) if one not in of]
    assert not missing, missing[:5]


@pytest.mark.slow
def test_against_the_exact_cut():
    """`parts.cut` shares each cell out by polygons and triangles: the index has all of that, little more."""
    random = np.random.default_rng(3)
    several = np.flatnonzero(index().kind >= len(index().labels))
    chosen = np.sort(np.concatenate([random.choice(several, 500, False), random.choice(len(index()), 300, False)]))
    chosen = np.unique(chosen)
    exact = parts.cut(index().cells[chosen], with_people=False)
    theirs = {(int(cell), label) for cell, label in zip(chosen[exact.cell], exact.territory, strict=True)}
    ours = {(cell, label) for cell in chosen.tolist() for label in index().labels_of(cell)}
    assert theirs <= ours, sorted(theirs - ours)[:5]
    # What neither finds a point of, and slips of some hundred metres.
    assert len(ours - theirs) < 0.01 * len(ours), sorted(ours - theirs)[:20]


def test_most_cells_have_one_label_and_few_labels_stand_unproved():
    size = np.diff(index().first)[index().kind]
    assert size.min() == 1
    assert (size == 1).mean() > 0.7
    assert index().unproved < 0.005 * size.sum()


def test_every_label_is_met_that_has_land():
    assert set(territories()) <= set(index().labels)
    assert all(len(index().touching(name)) for name in territories())


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [3, 4, 5])
def test_a_cells_number_is_its_place_among_all(resolution):
    world = h3cells.world(resolution)
    assert (cell_index._numbers(world, world, resolution) == np.arange(len(world))).all()
    strange = np.array([0, 1, 2**64 - 1, world[0] + np.uint64(1), h3.get_res0_cells()[3]], dtype=np.uint64)
    finer = h3cells.children(world[:3], resolution + 1)
    assert (cell_index._numbers(np.concatenate([strange, finer]), world, resolution) == -1).all()


# --- geography ----------------------------------------------------------------------------------------------------


FINER = [3, pytest.param(4, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)]


@pytest.mark.parametrize("resolution", FINER)
@pytest.mark.parametrize("name", ["MCO", "TON", "SGP", "VAT", "NRU", "MDV"])
def test_the_smallest_have_cells(name, resolution):
    assert len(index(resolution).touching(name)) > 0
    assert len(index(resolution).touching(name + ".sea12")) > 0 or name == "VAT"


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [4, 5])
def test_finer_cells_have_the_labels_of_their_points(resolution):
    points = np.concatenate([by_the_shore(20_000, 4, 3.0), by_the_shore(20_000, 5, 22.0), anywhere(20_000, 6)], axis=1)
    number = index(resolution).number_of(cells_at(*points, resolution)).tolist()
    for one, cell in zip(labels_at(*points), number, strict=True):
        assert one in index(resolution).labels_of(cell)


@pytest.mark.parametrize("resolution", FINER)
@pytest.mark.parametrize("name", ["FJI", "RUS", "ATA"])
def test_right_across_the_antimeridian(name, resolution):
    longitude = index(resolution).centres_deg[1][index(resolution).touching(name)]
    assert longitude.max() > 175.0
    assert longitude.min() < -175.0
    if name == "FJI":
        assert (np.abs(longitude) > 170.0).all()


def test_known_places_have_their_labels():
    for town, label in (("Taipei", "TWN"), ("Suva", "FJI"), ("Monaco", "MCO"), ("Denver", "USA")):
        found = gazetteer.find(town)
        number = index().number_of(cells_at(np.array([found.latitude_deg]), np.array([found.longitude_deg])))[0]
        assert label in index().labels_of(number)
    middle_of_the_pacific = index().number_of(cells_at(np.array([-30.0]), np.array([-120.0])))[0]
    assert index().labels_of(middle_of_the_pacific) == (HIGH_SEAS,)


# --- regions ------------------------------------------------------------------------------------------------------


def region(polygon):
    return Region(polygon.wkt, polygon.wkt, polygon)


@st.composite
def polygons(draw):
    """Discs and boxes anywhere, some across the antimeridian (cut there) or over a pole."""
    if draw(st.booleans()):
        west, south = draw(st.floats(-180.0, 150.0)), draw(st.floats(-90.0, 80.0))
        return shapely.box(west, south, west + draw(st.floats(0.5, 30.0)), south + draw(st.floats(0.5, 10.0)))
    disc = shapely.Point(draw(st.floats(170.0, 190.0)), draw(st.floats(-70.0, 70.0))).buffer(draw(st.floats(0.1, 5.0)))
    east = shapely.intersection(disc, shapely.box(-180.0, -90.0, 180.0, 90.0))
    west = shapely.intersection(disc, shapely.box(180.0, -90.0, 540.0, 90.0))
    return shapely.union_all([east, shapely.transform(west, lambda xy: xy - [360.0, 0.0])])


@settings(max_examples=40, deadline=None)
@given(polygons(), st.integers(0, 2**32 - 1))
def test_cells_of_a_region_against_points(polygon, seed):
    found = cells_of_region(region(polygon), index())
    assert not set(found.inside.tolist()) & set(found.crossed.tolist())
    random = np.random.default_rng(seed)
    west, south, east, north = polygon.bounds
    latitude = np.clip(random.uniform(south - 1.0, north + 1.0, 400), -90.0, 90.0)
    longitude = (random.uniform(west - 1.0, east + 1.0, 400) + 180.0) % 360.0 - 180.0
    number = index().number_of(cells_at(latitude, longitude))
    within = shapely.contains_xy(polygon, longitude, latitude)
    assert within[np.isin(number, found.inside)].all()
    assert not within[~np.isin(number, np.concatenate([found.inside, found.crossed]))].any()


@pytest.mark.slow
def test_no_cell_is_said_to_be_crossed_that_lies_clear():
    polygon = shapely.box(10.0, 40.0, 30.0, 55.0)
    found = cells_of_region(region(polygon), index())
    hull, of = cell_index.hulls(index().cells)
    touched = np.bincount(of, weights=shapely.intersects(hull, polygon)) > 0
    held = np.bincount(of, weights=~shapely.within(hull, polygon)) == 0
    assert found.inside.tolist() == np.flatnonzero(held).tolist()
    assert found.crossed.tolist() == np.flatnonzero(touched & ~held).tolist()


# --- the cache ----------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Labels that are found at once; how often is counted."""
    calls = []

    def touching(_land, resolution, _progress):
        calls.append(resolution)
        count = len(h3cells.world(resolution))
        return cell_cache.cell_labels.Touching(np.arange(count), np.zeros(count, np.int64), 0)

    monkeypatch.setattr(cell_cache.cell_labels, "touching", touching)
    return calls


def test_what_is_in_the_cache_is_not_made_again(quick, tmp_path):
    notes = []
    first = cell_cache.read_or_make(3, tmp_path / "new", None, notes.append)
    again = cell_cache.read_or_make(3, tmp_path / "new", None, notes.append)
    assert quick == [3]
    assert notes == []
    assert (first.kind == again.kind).all()
    assert (first.labels, first.sha256) == (again.labels, again.sha256)
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".npz"]


@pytest.mark.parametrize("spoil", [lambda b: b[:-7], lambda b: b[:900] + b"x" + b[901:], lambda _: b"", lambda _: b"?"])
def test_a_cache_that_is_not_whole_is_made_again(quick, tmp_path, spoil):
    cell_cache.read_or_make(3, tmp_path, None, print)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    cell_cache.read_or_make(3, tmp_path, None, print)
    assert quick == [3, 3]
    assert path.read_bytes() == whole


def test_a_cache_of_other_data_is_not_taken(quick, tmp_path, monkeypatch):
    cell_cache.read_or_make(3, tmp_path, None, print)
    monkeypatch.setattr(cell_cache, "fingerprint", lambda: "f" * 64)
    cell_cache.read_or_make(3, tmp_path, None, print)
    assert quick == [3, 3]


def test_without_a_cache_it_is_said_and_goes_on(quick, tmp_path):
    (tmp_path / "file").write_text("in the way")
    notes = []
    made = cell_cache.read_or_make(3, tmp_path / "file" / "folder", None, notes.append)
    assert len(made) == 41_162
    assert len(notes) == 1
    assert "cannot be used as a cache" in notes[0]
    assert quick == [3]


def test_the_lands_without_a_coast_are_those_that_the_index_has_no_strip_of():
    """Two computations of one thing: a list that the names are read by, and distances to coasts."""
    cells = np.unique(index().kind, return_index=True)[1]
    held = {label for cell in cells.tolist() for label in index().labels_of(cell)}
    without = {id_ for id_ in territories() if not {id_ + strip for strip in STRIPS} & held}
    assert without == NO_COAST
