"""Territories are where they are (issue 4, Must show), by the commands that a user types.

Across the antimeridian, in contested places, and in their reports: areas against the CIA World Factbook and others,
people against the UN, polygons against pyproj's geodesics. Towns without a territory, neighbours and small countries
are in tests/places/test_geography.py; the borders' own data in tests/data/test_territory_data.py.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Geod

from command_line import openleo
from openleo.places import land, shapes, waters
from openleo.places.expression_text import parse
from openleo.places.point import where
from openleo.places.regions import polygon_of

WGS84 = Geod(ellps="WGS84")
SPHERE = 0.009  # H3's areas are those of a sphere: docs/limits.md

RULE = """schema = 1
book = "operator"
[[rule]]
id = "r1"
effect = "permit"
territory = {{in = "{area}"{more}}}
reason = "licensed"
"""


@cache
def show(expression, resolution=4):
    code, out, err = openleo("territory", "show", expression, f"--resolution={resolution}", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def decisions(folder, area, points, uncertainty_m=30.0, more=""):
    """The decision at each (latitude, longitude) under a permit of an area alone."""
    (folder / "r.toml").write_text(RULE.format(area=area, more=more))
    asked = [
        {
            "at": "2026-11-20T12:00:00Z",
            "class": "fixed",
            "groups": [],
            "position": {"lat_deg": lat, "lon_deg": lon, "uncertainty_m": uncertainty_m, "age_s": 1, "source": "gnss"},
        }
        for lat, lon in points
    ]
    (folder / "f.json").write_text(json.dumps(asked))
    code, out, err = openleo("policy", "decide", folder / "r.toml", "--request", folder / "f.json", "--json")
    assert (code, err) == (0, "")
    return [one["decision"] for one in json.loads(out)]


# --- across the antimeridian --------------------------------------------------------------------------------------

# (territory, latitude where it has land or its 12-mile waters at 179.9° on either side, one where it has neither)
ACROSS = [("FJI", -17.0, -25.0), ("RUS", 67.0, 50.0), ("RUS", 71.2, 50.0), ("ATA", -85.0, -65.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("id_", "inside", "outside"), ACROSS)
@pytest.mark.parametrize("longitude", [179.9, 179.999, 180.0])
def test_a_rule_decides_the_same_on_both_sides_of_the_antimeridian(tmp_path, id_, inside, outside, longitude):
    points = [(lat, lon) for lat in (inside, outside) for lon in (longitude, -longitude)]
    disputed = [one["id"] for one in show(id_, 2)["contested_with"]]
    more = f", exclude = {json.dumps(disputed)}" if disputed else ""
    assert decisions(tmp_path, id_, points, more=more) == ["PERMITTED"] * 2 + ["NOT_PERMITTED"] * 2
    if longitude == 180.0:
        assert where(inside, 180.0, 0.0) == where(inside, -180.0, 0.0)


@pytest.mark.parametrize("area", ["buffer(FJI, 50)", "coast(FJI, 50)", "world - FJI"])
def test_expressions_decide_the_same_on_both_sides(tmp_path, area):
    """179.9° E and W at 20.6°S are 50 to 60 km from Fiji's nearest islet; at 17°S both are in its waters."""
    for points in ([(-17.0, 179.9), (-17.0, -179.9)], [(-25.0, 179.9), (-25.0, -179.9)]):
        east, west = decisions(tmp_path, area, points)
        assert east == west
    near, far = decisions(tmp_path, area, [(-17.0, 179.9), (-25.0, 179.9)])
    assert (near, far) == (("NOT_PERMITTED", "PERMITTED") if "world" in area else ("PERMITTED", "NOT_PERMITTED"))


@pytest.mark.slow
@pytest.mark.parametrize("id_", ["FJI", "RUS", "ATA"])
def test_the_land_beyond_180_is_there_and_nowhere_else(id_):
    """East and west of the antimeridian add up to the whole, and the area is that of pyproj's geodesics."""
    found = show(id_, 3)
    pieces = land.load().of({id_})
    exact_km2 = sum(abs(WGS84.geometry_area_perimeter(shapely.segmentize(one, 0.05))[0]) for one in pieces) / 1e6
    assert found["area_km2"] == pytest.approx(exact_km2, rel=SPHERE)
    west = [one for one in pieces if one.bounds[0] <= -179.9]
    east = [one for one in pieces if one.bounds[2] >= 179.9]
    assert west
    assert east


# --- contested places ---------------------------------------------------------------------------------------------

# GeoNames' coordinates (www.geonames.org), rounded to 0.01°; Matsu is Nangan, Kinmen is Jincheng.
CONTESTED = [
    ("Simferopol", 44.96, 34.11, "crimea", ("RUS", "UKR")),
    ("Laayoune", 27.14, -13.19, "ESH", ("MAR",)),
    ("Pristina", 42.67, 21.17, "XKX", ("SRB",)),
    ("Hargeisa", 9.56, 44.07, "somaliland", ("SOM",)),
    ("Matsu", 26.16, 119.94, "matsu", ("TWN", "CHN")),
    ("Kinmen", 24.43, 118.32, "kinmen", ("TWN", "CHN")),
]


@pytest.mark.parametrize(("place", "latitude", "longitude", "area", "parties"), CONTESTED)
def test_contested_places_are_in_their_own_territory_and_in_nobodys_rule(
    tmp_path, place, latitude, longitude, area, parties
):
    """The contested area's permit serves them; a party's alone does not, unless it says that it includes the area."""
    here = [(latitude, longitude)]
    assert {label.partition(".")[0] for label in where(latitude, longitude, 0.0).labels} == {area}
    disputed = [one["id"] for one in show(area)["contested_with"]]
    assert decisions(tmp_path, area, here, more=f", exclude = {json.dumps(disputed)}" if disputed else "") == [
        "PERMITTED"
    ]
    for party in parties:
        contested = [one["id"] for one in show(party, 2)["contested_with"]]
        assert area in contested
        assert decisions(tmp_path, party, here, more=f", exclude = {json.dumps(contested)}") == ["NOT_PERMITTED"]
        assert decisions(tmp_path, party, here, more=f', include = ["{area}"]') == ["PERMITTED"]


# --- towns --------------------------------------------------------------------------------------------------------

# GeoNames' places above 15,000 people that lie in no territory nor its 12-mile waters, and why.
OUTSIDE = {"Lý Sơn": "the atlas lacks the island, 25 km off Vietnam"}


def test_no_geonames_place_above_15000_people_is_outside_of_every_territory_unless_listed():
    table = pq.read_table(str(files("openleo.data") / "places" / "places.parquet"))
    large = table["population"].to_numpy() > 15_000
    name = np.array(table["name"].to_pylist(), dtype=object)[large]
    latitude, longitude = (table[key].to_numpy()[large] for key in ("lat_deg", "lon_deg"))
    assert len(name) > 30_000
    wet = land.load().territory_of(longitude, latitude) < 0
    coasts = waters.coasts(land.load(), shapely.points(longitude[wet], latitude[wet]))
    label = coasts.label(latitude[wet], longitude[wet])
    assert set(name[wet][[not one.endswith(".sea12") for one in label]]) == set(OUTSIDE)


# --- buffers ------------------------------------------------------------------------------------------------------


def test_a_100_km_buffer_of_chile_is_100_km_wide_to_half_a_kilometre():
    """By pyproj's geodesics from its edge to all of Chile's outline; from 56°S to 17°S, where one map is 5.6 km off."""

    outline = shapes.edges_of(shapes.land_polygon(frozenset({"CHL"})))
    length_deg = np.hypot(*(outline[:, 1] - outline[:, 0]).T)
    count = np.maximum(np.ceil(length_deg * 111.2 / 2.0), 1).astype(int)
    which = np.repeat(np.arange(len(outline)), count)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    x, y = (outline[which, 0] + share[:, np.newaxis] * (outline[which, 1] - outline[which, 0])).T
    edge = shapes.edges_of(polygon_of(parse("buffer(CHL, 100)", Path(), "", ""))).mean(axis=1)
    edge = edge[~shapely.contains_xy(shapes.land_polygon(frozenset({"CHL"})), *edge.T)]
    rng = np.random.default_rng(12)
    for longitude, latitude in edge[rng.choice(len(edge), 120, replace=False)]:
        near = np.abs(y - latitude) < 2.0
        lengths = WGS84.inv(np.full(near.sum(), longitude), np.full(near.sum(), latitude), x[near], y[near])[2]
        assert lengths.min() / 1000.0 == pytest.approx(100.0, abs=shapes.MOST_ERROR_KM)


# --- reports of territories ---------------------------------------------------------------------------------------

REPORT = {"expression", "sha256", "area_sha256", "resolution", "cells_inside", "cells_border", "area_km2", "population",
          "labels", "sources", "borders_sha256", "regions", "contested", "cells"}  # fmt: skip
UKRAINE = "UKR + crimea + donetsk-oblast + luhansk-oblast + zaporizhzhia-oblast + kherson-oblast"
# (expression, km² and who says so, tolerance; people by the UN's World Population Prospects
# 2022 for 2022, those of Crimea by the census of 2021, tolerance)
FIGURES = [
    ("JPN + southern-kurils + senkaku", 377_915, "CIA World Factbook, total", 0.01, 123.95e6, 0.04),
    (UKRAINE, 603_550, "CIA World Factbook, total, lagoons among it", 0.015, 39.7e6, 0.04),
    ("crimea", 26_945, "Ukraine's statistics: 26,081 and 864", 0.01, 2.48e6, 0.05),
    ("FJI", 18_274, "CIA World Factbook", 0.05, 0.93e6, 0.06),
    ("RUS + southern-kurils", 17_098_242, "CIA World Factbook, total", 0.02, 144.7e6, 0.04),
    ("ATA", 12.295e6, "Bedmap2 (Fretwell et al. 2013), without ice shelves", 0.02, 0.0, 0.0),
]


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "area_km2", "said_by", "within", "people", "people_within"), FIGURES)
def test_reports_against_published_areas_and_people(expression, area_km2, said_by, within, people, people_within):
    found = show(expression, 3)
    assert set(found) >= REPORT
    assert found["area_km2"] == pytest.approx(area_km2, rel=within), said_by
    assert found["population"] == pytest.approx(people, rel=people_within)
    assert found["area_km2"] == pytest.approx(sum(row["area_km2"] for row in found["labels"]), abs=0.01)
    assert found["cells_inside"] == len(found["cells"]["inside"])
    assert found["cells_border"] == len(found["cells"]["border"])
    assert not set(found["cells"]["inside"]) & set(found["cells"]["border"])
    held_km2 = sum(h3.cell_area(int(cell, 16), unit="km^2") for cell in found["cells"]["inside"])
    border_km2 = sum(h3.cell_area(int(cell, 16), unit="km^2") for cell in found["cells"]["border"])
    assert held_km2 * (1 - 1e-9) <= found["area_km2"] <= held_km2 + border_km2


def test_cells_of_their_own_resolution_are_wholly_inside():
    names = ["841f1d5ffffffff", "841f1d7ffffffff"]
    found = show(f"cells({', '.join(names)})")
    assert (sorted(found["cells"]["inside"]), found["cells"]["border"]) == (names, [])
    exact = sum(h3.cell_area(int(name, 16), unit="km^2") for name in names)
    assert found["area_km2"] == pytest.approx(exact, rel=1e-6)


def test_a_file_across_the_antimeridian_is_reported_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ring = [[178, -19], [-178, -19], [-178, -15], [178, -15], [178, -19]]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    found = show("a.geojson")
    box = shapely.segmentize(shapely.box(178.0, -19.0, 182.0, -15.0), 0.01)
    assert found["area_km2"] == pytest.approx(abs(WGS84.geometry_area_perimeter(box)[0]) / 1e6, rel=SPHERE)
    assert {row["label"] for row in found["labels"]} >= {"FJI", "FJI.sea12", "FJI.sea200"}


def test_a_report_says_source_version_and_view_and_its_hash_follows_the_resolution():
    found, finer = show("buffer(MCO, 5)"), show("buffer(MCO, 5)", 5)
    assert found["sha256"] != finer["sha256"]
    assert len(found["borders_sha256"]) == 64
    for source in found["sources"]:
        assert set(source) == {"source", "version", "point_of_view"}
    # Monaco's outline is our own, France's the atlas's.
    assert {source["source"].partition(" 1:")[0] for source in found["sources"]} == {
        "Natural Earth", "outline drawn by OpenLEO",
    }  # fmt: skip
    assert {row["label"] for row in found["labels"]} == {"MCO", "MCO.sea12", "FRA", "FRA.sea12"}
    # 5 km around an outline of 2 to 3 km²: a disc of 5 to 6.5 km radius
    assert np.pi * 5.0**2 < found["area_km2"] < np.pi * 6.5**2


def test_what_is_contested_is_said_of_what_is_asked_not_of_every_neighbour():
    """Mayotte is contested with France, and no part of five kilometres around Monaco."""
    assert show("buffer(MCO, 5)")["contested"] == []
    assert "crimea" in show("coast(UKR, 50)")["contested"]
    assert show("crimea")["contested"] == ["crimea"]
    assert set(show("JPN.sea12")["contested"]) == {"dokdo", "senkaku", "southern-kurils"}


@pytest.mark.parametrize("id_", ["ISL", *(pytest.param(id_, marks=pytest.mark.slow) for id_ in ("NZL", "MDG"))])
def test_a_strip_of_sea_against_the_strip_drawn_as_a_polygon(id_):
    """Two computations of one thing, where no other coast is near: distances of points, polygons widened on maps."""
    by_points = show(f"{id_}.sea12", 5)["area_km2"]
    by_polygons = show(f"coast({id_}, 12 nm)", 5)["area_km2"]
    assert by_points == pytest.approx(by_polygons, rel=0.01)


@pytest.mark.parametrize(
    "expression",
    ["FJI", "buffer(FJI, 50)", "coast(UKR, 50)", pytest.param("buffer(ATA, -100)", marks=pytest.mark.slow)],
)
def test_the_polygon_that_is_written_is_valid_on_the_map_and_as_large_as_reported(tmp_path, expression):
    out = tmp_path / "a.geojson"
    code, _, err = openleo("territory", "show", expression, "--resolution=3", "--out", out)
    assert (code, err) == (0, "")
    (feature,) = json.loads(out.read_text())["features"]
    polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
    assert polygon.is_valid
    assert shapely.box(-180.0, -90.0, 180.0, 90.0).covers(polygon)
    parts = [shapely.segmentize(one, 0.1) for one in shapely.get_parts(polygon)]
    exact_km2 = sum(abs(WGS84.geometry_area_perimeter(shapely.orient_polygons(one))[0]) for one in parts) / 1e6
    assert show(expression, 3)["area_km2"] == pytest.approx(exact_km2, rel=SPHERE)
