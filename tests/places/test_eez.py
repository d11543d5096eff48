"""Maritime boundaries that a user brings: of the form of Marine Regions' World EEZ."""

from __future__ import annotations

import json

import pytest
import shapely

from openleo.errors import InputError
from openleo.places.eez import read_zones


def box(west, south, east, north):
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def feature(rings, **properties):
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": rings}}


WATERS = [
    feature(box(10.0, 0.0, 12.0, 2.0), GEONAME="A", ISO_TER1="AAA", ISO_TER2=None, POL_TYPE="200NM"),
    feature(box(12.0, 0.0, 13.0, 2.0), GEONAME="Overlap A / B", ISO_TER1="BBB", ISO_TER2="AAA"),
    feature(box(13.0, 0.0, 15.0, 2.0), GEONAME="B", ISO_TER1="bbb "),
    feature(box(30.0, 0.0, 31.0, 1.0), GEONAME="B, second", ISO_TER1="BBB", ISO_TER2=""),
    feature(box(50.0, 0.0, 51.0, 1.0), GEONAME="Nobody's", ISO_TER1=None),
    feature([[[178.0, -20.0], [-178.0, -20.0], [-178.0, -15.0], [178.0, -15.0], [178.0, -20.0]]], ISO_TER1="FJI"),
]


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "eez.geojson"
        path.write_text(json.dumps(content))
        return path

    return write


def collection(features):
    return {"type": "FeatureCollection", "features": features}


def test_a_zone_a_territory_and_shared_waters_apart(write):
    zones, nameless = read_zones(write(collection(WATERS)))
    assert [(zone.name, zone.features) for zone in zones] == [("AAA", 1), ("AAA-BBB", 1), ("BBB", 2), ("FJI", 1)]
    assert [zone.polygon.area for zone in zones] == pytest.approx([4.0, 2.0, 5.0, 20.0])
    assert nameless == ["Nobody's"]
    fiji = zones[-1].polygon
    assert shapely.contains_xy(fiji, [179.0, -179.0, 0.0], [-17.0] * 3).tolist() == [True, True, False]


def test_simplified_lines_stay_shared_and_near(write):
    """A wavy line between two zones: simplified alike on both sides, with no gap and no overlap."""
    wave = [[11.0 + 0.001 * (i % 2), 0.01 * i] for i in range(101)]
    west = feature([[[10.0, 0.0], *wave, [10.0, 1.0], [10.0, 0.0]]], ISO_TER1="AAA")
    east = feature([[[12.0, 1.0], *wave[::-1], [12.0, 0.0], [12.0, 1.0]]], ISO_TER1="BBB")
    path = write(collection([west, east]))
    (a, b), _ = read_zones(path, simplify_km=0.5)
    before, _ = read_zones(path)
    assert shapely.get_num_coordinates(a.polygon) < 40 < shapely.get_num_coordinates(before[0].polygon)
    assert shapely.intersection(a.polygon, b.polygon).area == pytest.approx(0.0, abs=1e-12)
    assert shapely.union(a.polygon, b.polygon).area == pytest.approx(2.0, rel=1e-9)
    assert shapely.hausdorff_distance(a.polygon, before[0].polygon) * 111.2 < 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"type": "Polygon", "coordinates": box(0, 0, 1, 1)}, "no GeoJSON FeatureCollection"),
        (collection([]), "no GeoJSON FeatureCollection"),
        (collection([{"type": "Feature", "geometry": None, "properties": {}}]), "feature 0: is no GeoJSON feature"),
        (collection([feature(box(0, 0, 1, 1), ISO="AAA")]), "no feature has a code in the columns ISO_TER1"),
        (collection([feature(box(0, 0, 1, 1), ISO_TER1="../../x")]), "no ISO 3166-1 alpha-3 code"),
        (collection([feature([[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]], ISO_TER1="AAA")]), "Self-intersection"),
    ],
)
def test_what_is_no_file_of_zones_is_refused(write, content, said):
    with pytest.raises(InputError, match=r"eez\.geojson") as refused:
        read_zones(write(content))
    assert said in str(refused.value)


def test_another_column_of_codes(write):
    zones, _ = read_zones(write(collection([feature(box(0, 0, 1, 1), ISO="AAA")])), ["ISO"])
    assert [zone.name for zone in zones] == ["AAA"]
