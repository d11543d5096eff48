"""What a scenario computes over: territories, strips, the world, and people's own GeoJSON, good and bad."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from openleo import cells
from openleo.errors import InputError
from openleo.places import land
from openleo.places.areas import MOST_VERTICES, Area, extent, parts_of, read_area, read_polygons
from openleo.places.expression_text import parse
from openleo.places.land import area_sr
from openleo.places.parts import cut
from openleo.places.regions import polygon_of
from openleo.places.territories import territories

SQUARE = [[121.0, 24.0], [122.0, 24.0], [122.0, 25.0], [121.0, 25.0], [121.0, 24.0]]
FAR_SQUARE = [[100.0, 0.0], [101.0, 0.0], [101.0, 1.0], [100.0, 1.0], [100.0, 0.0]]
HOLE = [[121.2, 24.2], [121.2, 24.8], [121.8, 24.8], [121.8, 24.2], [121.2, 24.2]]
BOW_TIE = [[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
FIJI = [[177.0, -20.0], [-178.0, -20.0], [-178.0, -15.0], [177.0, -15.0], [177.0, -20.0]]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry):
    return {"type": "Feature", "properties": {"name": "a"}, "geometry": geometry}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def read(tmp_path):
    """Reads a GeoJSON value (or text) by way of a file."""

    def read(content):
        path = tmp_path / "zone.geojson"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_polygons(path)

    return read


@pytest.fixture
def refusal(read, tmp_path):
    """What is said when it is refused; every problem names the file."""

    def refusal(content):
        with pytest.raises(InputError) as refused:
            read(content)
        assert all(problem.file == str(tmp_path / "zone.geojson") for problem in refused.value.problems)
        return str(refused.value)

    return refusal


# --- good ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "square_degrees"),
    [
        (polygon(SQUARE), 1.0),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [FAR_SQUARE]]}, 2.0),
        (feature(polygon(SQUARE)), 1.0),
        (collection(feature(polygon(SQUARE)), feature(polygon(FAR_SQUARE))), 2.0),
        (collection(feature(polygon(SQUARE)), feature(polygon(SQUARE))), 1.0),
        (polygon(SQUARE, HOLE), 1.0 - 0.36),
        ({"type": "GeometryCollection", "geometries": [polygon(SQUARE)]}, 1.0),
        (polygon(SQUARE[::-1]), 1.0),
        (polygon([[x, y, 30.0] for x, y in SQUARE]), 1.0),
        ({**polygon(SQUARE), "bbox": [121, 24, 122, 25], "crs": None}, 1.0),
    ],
    ids=[
        "polygon",
        "multi",
        "feature",
        "collection",
        "twice",
        "hole",
        "geometries",
        "clockwise",
        "altitudes",
        "members",
    ],
)
def test_every_form_of_polygon_is_read(read, content, square_degrees):
    shape = read(content)
    assert shape.area == pytest.approx(square_degrees)
    assert shapely.is_valid(shape)


def test_a_byte_order_mark_is_no_fault(read):
    assert read("\ufeff" + json.dumps(polygon(SQUARE))).area == pytest.approx(1.0)


def test_a_ring_over_the_antimeridian_is_cut_there(read):
    shape = read(polygon(FIJI))
    assert shape.geom_type == "MultiPolygon"
    assert shape.bounds == (-180.0, -20.0, 180.0, -15.0)
    assert shape.area == pytest.approx(25.0)
    assert shapely.contains_xy(shape, [179.0, -179.0, 0.0], [-17.0] * 3).tolist() == [True, True, False]


def test_a_ring_that_runs_on_past_180_is_the_same(read):
    onward = [[x % 360.0, y] for x, y in FIJI]
    assert shapely.equals(read(polygon(onward)), read(polygon(FIJI)))


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_a_ring_over_the_antimeridian_may_start_anywhere(read, start):
    turned = [*FIJI[start:-1], *FIJI[:start], FIJI[start]]
    assert shapely.equals(read(polygon(turned)), read(polygon(FIJI)))


@pytest.mark.parametrize("hole_at", [178.5, -179.5])
def test_a_hole_on_either_side_of_the_antimeridian_is_a_hole(read, hole_at):
    hole = [[hole_at, -18.0], [hole_at, -17.0], [hole_at + 0.5, -17.0], [hole_at + 0.5, -18.0], [hole_at, -18.0]]
    shape = read(polygon(FIJI, hole))
    assert shape.area == pytest.approx(24.5)
    assert not shapely.contains_xy(shape, hole_at + 0.25, -17.5)


def test_a_hole_over_the_antimeridian_is_a_hole(read):
    hole = [[179.5, -18.0], [179.5, -17.0], [-179.5, -17.0], [-179.5, -18.0], [179.5, -18.0]]
    assert read(polygon(FIJI, hole)).area == pytest.approx(24.0)


def test_as_many_vertices_as_are_read(read):
    angle = np.linspace(0.0, 2.0 * np.pi, MOST_VERTICES - 1, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]).tolist()
    assert read(polygon([*ring, ring[0]])).area == pytest.approx(np.pi, rel=1e-6)


# --- bad ----------------------------------------------------------------------------------------------------------


def test_a_ring_that_crosses_itself_is_refused_with_the_place(refusal):
    said = refusal(collection(feature(polygon(SQUARE)), feature(polygon(BOW_TIE))))
    assert "geometry 1" in said
    assert "Self-intersection[1 1]" in said
    assert "Draw the ring" in said


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ({"type": "Point", "coordinates": [1.0, 2.0]}, "is a Point"),
        ({"type": "LineString", "coordinates": SQUARE}, "is a LineString"),
        (polygon(), "needs a Polygon"),
        ({"type": "MultiPolygon", "coordinates": []}, "needs a Polygon"),
        (feature(None), "not a GeoJSON geometry"),
        (collection(), "holds no geometry"),
        ({}, "geometry"),
        ([], "holds no geometry"),
        (3, "holds no geometry"),
        (None, "holds no geometry"),
        ({"type": "Circle", "coordinates": [1, 2], "radius": 3}, "not a GeoJSON geometry"),
        ({"type": ["Polygon"], "coordinates": [SQUARE]}, "not a GeoJSON geometry"),
        ({"type": "Polygon"}, "not a GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": 5}, "not a GeoJSON geometry"),
        (polygon([["a", 0], [1, 1], [0, 1], ["a", 0]]), "not a GeoJSON geometry"),
        (polygon([[0, 0], [1], [1, 1], [0, 0]]), "not a GeoJSON geometry"),
        (polygon([[0, 0], [1, 1]]), "not a GeoJSON geometry"),
        (polygon([[0, 0], [1, 1], [2, 2], [0, 0]]), "not a simple polygon"),
        (polygon([[0, 0], [400, 0], [400, 1], [0, 0]]), "outside"),
        (polygon([[0, 0], [1, 0], [1, 90.5], [0, 0]]), "outside"),
        (polygon([[24.0, 121.0], [24.0, 122.0], [25.0, 122.0], [24.0, 121.0]]), "longitude first"),
        (polygon(SQUARE, FAR_SQUARE), "not a simple polygon"),
        ({"type": "Topology", "objects": {}}, "not a GeoJSON geometry"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_area_is_refused_in_words(refusal, content, rule):
    assert rule in refusal(content)


def test_every_geometry_at_fault_is_named(refusal):
    point = {"type": "Point", "coordinates": [0, 0]}
    said = refusal(collection(*(feature(one) for one in (polygon(BOW_TIE), polygon(SQUARE), None, point))))
    assert [f"geometry {number}" in said for number in range(4)] == [True, False, True, True]


@pytest.mark.parametrize("bad", [5, None, [], "Feature"])
def test_a_feature_that_is_none_is_not_passed_over(refusal, bad):
    assert "geometry" in refusal(collection(feature(polygon(SQUARE)), bad))


def test_one_vertex_too_many(refusal):
    angle = np.linspace(0.0, 2.0 * np.pi, MOST_VERTICES, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]).tolist()
    said = refusal(polygon([*ring, ring[0]]))
    assert str(MOST_VERTICES + 1) in said
    assert str(MOST_VERTICES) in said


def test_too_many_vertices_over_several_features(refusal):
    """The limit holds for the file, or many polygons would pass under it."""
    angle = np.linspace(0.0, 2.0 * np.pi, MOST_VERTICES // 2 + 1, endpoint=False)
    rings = [np.column_stack([east + np.cos(angle), np.sin(angle)]).tolist() for east in (0.0, 10.0)]
    assert "vertices" in refusal(collection(*(feature(polygon([*one, one[0]])) for one in rings)))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000])
def test_numbers_that_are_no_coordinates(refusal, number):
    refusal(
        '{"type": "Polygon", "coordinates": [[[NUMBER, 0], [1, 0], [1, 1], [NUMBER, 0]]]}'.replace("NUMBER", number)
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type":"FeatureCollection","features":[' * 20_000,
        '{"type": "Polygon", "coordinates": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type": "Feature", "geometry": ' * 100_000,
    ],
    ids=["arrays", "collections", "coordinates", "features"],
)
def test_nesting_beyond_reason_is_refused(refusal, text):
    refusal(text)


def test_collections_within_collections_are_read(read):
    text = '{"type":"FeatureCollection","features":[' * 100 + json.dumps(feature(polygon(SQUARE))) + "]}" * 100
    assert read(text).area == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "{", "type: Polygon", "\0", '{"type": "Polygon", "coordinates": [[[0,0],]]}'])
def test_what_is_no_json(refusal, text):
    assert "GeoJSON" in refusal(text)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("no.geojson", "no such file"),
        ("folder.geojson", "directory"),
        ("bytes.geojson", "cannot be read"),
        ("a\0b.geojson", "cannot be read"),
        ("a" * 5_000 + ".geojson", "cannot be read"),
    ],
    ids=["missing", "folder", "bytes", "zero byte", "long name"],
)
def test_a_file_that_cannot_be_read(tmp_path, name, rule):
    (tmp_path / "folder.geojson").mkdir()
    (tmp_path / "bytes.geojson").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=rule):
        read_polygons(tmp_path / name)


# --- a scenario's words -------------------------------------------------------------------------------------------


def area_of(words, folder):
    return read_area(words, folder, "scenario.toml", "ground.area")


def test_words_become_ids_and_polygons_each_once(tmp_path):
    (tmp_path / "zone.geojson").write_text(json.dumps(polygon(SQUARE)))
    area = area_of(["twn", "TWN", "Kinmen", "JPN.sea12", "zone.geojson"], tmp_path)
    assert area.ids == ("TWN", "kinmen", "JPN.sea12")
    assert len(area.regions) == 1
    assert not area.world
    assert area_of(["world"], tmp_path) == Area(world=True)


def test_every_word_at_fault_is_named(tmp_path):
    (tmp_path / "bow.geojson").write_text(json.dumps(polygon(BOW_TIE)))
    with pytest.raises(InputError) as refused:
        area_of(["TWM", "TWN", "no.geojson", "bow.geojson", "Japan"], tmp_path)
    said = str(refused.value).splitlines()
    assert len(said) == 4
    assert "Did you mean" in said[0]
    assert "no such file" in said[1]
    assert "Self-intersection" in said[2]
    assert "Japan is JPN." in said[3]


@pytest.mark.parametrize("words", [["TWM", "world"], ["world", "TWM"]])
def test_the_world_does_not_hide_a_word_at_fault(tmp_path, words):
    with pytest.raises(InputError, match="TWM"):
        area_of(words, tmp_path)


# --- parts of an area ---------------------------------------------------------------------------------------------


def test_only_what_was_asked_for_comes_back():
    cut = parts_of(Area(("TWN", "TWN.sea12")), 4)
    assert set(cut.territory) == {"TWN", "TWN.sea12"}
    assert cut.within.shape[1] == 0


def test_a_polygon_brings_its_land_and_its_sea(read):
    region = read(polygon(SQUARE))
    cut = parts_of(Area(regions=(region,)), 5)
    assert {"TWN", "TWN.sea12"} <= set(cut.territory)
    square_km2 = 101.2 * 110.8  # a degree by a degree at 24.5° north
    assert cut.area_km2.sum() == pytest.approx(square_km2, rel=0.01)
    assert 1e6 < cut.people.sum() < territories()["TWN"].population


def test_polygons_of_rules_cut_further_and_come_first(read):
    west = read(polygon([[119.0, 21.0], [121.0, 21.0], [121.0, 26.0], [119.0, 26.0], [119.0, 21.0]]))
    zone = read(polygon(SQUARE))
    cut = parts_of(Area(("TWN",), (zone,)), 4, (west,))
    assert cut.within.shape[1] == 1
    assert cut.people[cut.within[:, 0]].sum() > 1e6
    land = cut.territory == "TWN"
    assert cut.people[land].sum() == pytest.approx(territories()["TWN"].population, abs=0.5)


def test_an_area_across_the_antimeridian_is_one(read):
    cut = parts_of(Area(regions=(read(polygon(FIJI)),)), 3)
    fiji = cut.territory == "FJI"
    assert cut.people[fiji].sum() > 0.9 * territories()["FJI"].population
    longitude = cells.centres_deg(cut.cells)[1]
    assert (longitude > 170.0).any()
    assert (longitude < -170.0).any()


@pytest.mark.slow
def test_the_world_is_everything():
    cut = parts_of(Area(world=True), 1)
    assert len(cut.cells) == 842
    assert cut.people.sum() == pytest.approx(sum(row.population for row in territories().values()), abs=1.0)


# --- expressions --------------------------------------------------------------------------------------------------


def area_with(folder, *words):
    return parts_of(area_of(words, folder), 4)


def test_words_may_be_expressions(tmp_path):
    (tmp_path / "zone (1).geojson").write_text(json.dumps(polygon(SQUARE)))
    area = area_of(["JPN", "TWN + kinmen", "zone (1).geojson", "PHL - MCO"], tmp_path)
    assert (area.ids, len(area.regions), len(area.expressions)) == (("JPN",), 1, 2)
    assert area.order == ("JPN", "TWN", "kinmen", "MCO", "PHL")
    with pytest.raises(InputError) as refused:
        area_of(["JPN & TWM", "buffer(JPN, x)", "TWN"], tmp_path)
    said = str(refused.value).splitlines()
    assert len(said) == 2
    assert "character 7" in said[0]
    assert '"x" is no width' in said[1]


def test_an_expression_is_the_area_that_its_words_name(tmp_path):
    one, other = area_with(tmp_path, "LUX + BEL"), area_with(tmp_path, "LUX", "BEL")
    assert one.cells.tolist() == other.cells.tolist()
    assert one.people.sum() == pytest.approx(other.people.sum())
    less = area_with(tmp_path, "LUX + BEL - BEL")
    assert set(less.territory) == {"LUX"}
    assert less.people.sum() == pytest.approx(territories()["LUX"].population, abs=0.5)
    assert less.within.shape[1] == 0


def test_an_area_and_its_complement_in_a_strip_make_the_whole(tmp_path):
    whole, near, far = (area_with(tmp_path, text) for text in ("TWN", "coast(TWN, -20)", "buffer(TWN, -20)"))
    assert near.people.sum() + far.people.sum() == pytest.approx(whole.people.sum(), rel=1e-6)
    assert near.area_km2.sum() + far.area_km2.sum() == pytest.approx(whole.area_km2.sum(), rel=1e-6)
    assert 0.3 * whole.people.sum() < near.people.sum() < whole.people.sum()


def test_the_water_within_a_strip_against_its_polygon(tmp_path):
    """By area of the polygon itself: the strip less all land, on the equal-area sphere."""
    expression = parse("coast(TON, 30)", tmp_path, "", "")
    water = area_sr(np.array([polygon_of(expression)], dtype=object)).sum() * 6371.0072**2
    cut = parts_of(Area(expressions=(expression,)), 4)
    assert cut.area_km2.sum() == pytest.approx(water, rel=0.01)
    assert cut.people.sum() == 0.0
    assert all(".sea" in label for label in cut.territory)


def test_extents_count_cells_inside_and_at_the_border(tmp_path):
    expression = parse("CHE + LIE", tmp_path, "", "")
    found = extent(expression, 5)
    outline = shapely.union_all(land.load().of({"CHE", "LIE"}))
    wholly = shapely.contains(outline, cells.outlines(found.inside))
    assert wholly.mean() > 0.99  # neighbours' borders do not meet to the last 0.1 mm
    assert not shapely.contains(outline, cells.outlines(found.border)).any()
    every = np.union1d(found.inside, found.border)
    parts = parts_of(Area(("CHE", "LIE")), 5)
    assert every.tolist() == np.unique(parts.cells[parts.cell[parts.area_km2 > 0.0]]).tolist()
    assert [label for label, _, _ in found.labels] == ["CHE", "LIE"]
    assert found.people == pytest.approx(sum(territories()[id_].population for id_ in ("CHE", "LIE")), abs=1.0)


def test_the_strip_of_a_large_country_is_cut_as_its_pieces_are(tmp_path):
    """A region of many vertices is clipped tile by tile; the parts are those of the region itself."""
    strip = parse("edge(CHL, 50)", tmp_path, "", "").polygon
    assert shapely.get_num_coordinates(strip) > 1_000
    around = cells.overlapping([shapely.box(-75.0, -45.0, -70.0, -40.0)], 4)
    split = cut(around, [strip])
    expected = shapely.intersection(cells.outlines(around), strip)
    inside = np.bincount(split.cell, weights=split.area_km2 * split.within[:, 0], minlength=len(around))
    whole = cells.areas_km2(around) / area_sr(cells.outlines(around))
    np.testing.assert_allclose(inside, area_sr(expected) * whole, atol=0.05)
    assert 0.0 < inside.sum() < cells.areas_km2(around).sum()


@pytest.mark.slow
def test_the_land_of_the_world_is_an_area(tmp_path):
    assert len(parts_of(area_of(["world - sea"], tmp_path), 0).cells) <= 122


def test_areas_over_the_world_are_bounded(tmp_path):
    with pytest.raises(InputError, match="at most"):
        parts_of(area_of(["world - UKR"], tmp_path), 6)
