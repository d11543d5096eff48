"""The language of areas: what a text means, its one canonical form and hash, and everything that is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells
from openleo.errors import InputError
from openleo.places import regions, shapes
from openleo.places.expression_text import DEEPEST, DEEPEST_WIDENED, LONGEST, MOST_PARTS, MOST_WIDENED, parse
from openleo.places.expressions import (
    WORLD,
    Difference,
    Intersection,
    Labels,
    Region,
    Union,
    holds,
    holds_each,
    named_labels,
    regions_of,
    sea,
    sha256_of,
    text_of,
    unbounded,
)
from openleo.places.regions import NoPolygonError, polygon_of

SQUARE = [[121.0, 24.0], [122.0, 24.0], [122.0, 25.0], [121.0, 25.0], [121.0, 24.0]]
BOW_TIE = [[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]


def labels(*ids):
    return Labels(frozenset(ids))


@pytest.fixture
def read(tmp_path):
    (tmp_path / "zone.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE]}))
    (tmp_path / "my zone (1).geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE]}))
    (tmp_path / "bow.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [BOW_TIE]}))

    def read(text):
        return parse(text, tmp_path, "s.toml", "ground.area")

    return read


@pytest.fixture
def refusal(read):
    def refusal(text):
        with pytest.raises(InputError) as refused:
            read(text)
        return str(refused.value)

    return refusal


# --- what a text means --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("UKR", labels("UKR")),
        (" ukr ", labels("UKR")),
        ("UKR + MDA", labels("UKR", "MDA")),
        ("UKR+MDA", labels("UKR", "MDA")),
        ("(UKR)", labels("UKR")),
        ("southern-kurils", labels("southern-kurils")),
        ("Northern Cyprus + high seas", labels("northern-cyprus", "high-seas")),
        ("JPN.sea12 + jpn.SEA200", labels("JPN.sea12", "JPN.sea200")),
        ("world", WORLD),
        ("sea", sea()),
        ("UKR - crimea", Difference(labels("UKR"), labels("crimea"))),
        ("A - B - C".replace("A", "UKR").replace("B", "MDA").replace("C", "POL"),
         Difference(labels("UKR"), labels("MDA", "POL"))),
        ("UKR - (MDA - POL)", Difference(labels("UKR"), Difference(labels("MDA"), labels("POL")))),
        ("UKR + MDA - POL", Difference(labels("UKR", "MDA"), labels("POL"))),
        ("UKR & MDA", Intersection((labels("MDA"), labels("UKR")))),
        ("UKR + MDA & POL", Union((labels("UKR"), Intersection((labels("MDA"), labels("POL")))))),
        ("world & UKR", labels("UKR")),
        ("world + UKR", WORLD),
        ("world - UKR", Difference(WORLD, labels("UKR"))),
    ],
)  # fmt: skip
def test_what_a_text_means(read, text, meaning):
    assert read(text) == meaning


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("UKR + MDA", "MDA + UKR"),
        ("UKR - buffer(crimea, 20)", "UKR - (crimea + edge(crimea, 20))"),
        ("buffer(MDA, -5.50)", "MDA - edge(MDA, 5.5)"),
        ("BUFFER( MDA , + 5 km )", "MDA + edge(MDA, 5)"),
        ("coast(TON, 24 nm)", "sea & shore(TON, 44.448)"),
        ("coast(TON, -500 m)", "TON & shore(TON, 0.5)"),
        ("coast(kinmen + matsu, 3)", "sea & shore(kinmen + matsu, 3)"),
        ("JPN & zone.geojson", "JPN & zone.geojson"),
        ('JPN & "my zone (1).geojson"', 'JPN & "my zone (1).geojson"'),
        ("sea + JPN", "JPN + sea"),
        ("cells(841f1d5ffffffff, 841f1d7ffffffff)", "cells(841f1d5ffffffff, 841f1d7ffffffff)"),
    ],
)
def test_a_text_has_one_canonical_form_which_reads_back(read, text, canonical):
    assert text_of(read(text)) == canonical
    assert read(canonical) == read(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UKR + MDA", "(MDA) + UKR + UKR"),
        ("coast(TON, 1 nm) + MDA", "MDA + coast(TON, 1.852 km)"),
        ("UKR - MDA - POL", "UKR - (POL + MDA)"),
        ("zone.geojson", '"my zone (1).geojson"'),
    ],
)
def test_one_area_has_one_hash(read, one, other):
    assert sha256_of(read(one)) == sha256_of(read(other))


def test_different_areas_have_different_hashes(read):
    texts = ["UKR", "MDA", "UKR + MDA", "UKR & MDA", "UKR - MDA", "MDA - UKR", "world", "sea", "zone.geojson",
             "buffer(MDA, 1)", "buffer(MDA, 2)", "edge(MDA, 1)", "shore(TON, 1)", "edge(TON, 1)"]  # fmt: skip
    assert len({sha256_of(read(text)) for text in texts}) == len(texts)
    assert len({sha256_of(read("UKR"), resolution) for resolution in (None, 3, 4)}) == 3


def test_the_hash_holds_source_version_and_view_of_its_labels(read, monkeypatch):
    from dataclasses import replace

    from openleo.places import expressions

    before = sha256_of(read("TON"))
    known = expressions.territories()
    for key in ("source", "version", "point_of_view"):
        other = {**known, "TON": replace(known["TON"], **{key: "another"})}
        monkeypatch.setattr(expressions, "territories", lambda other=other: other)
        assert sha256_of(Labels(frozenset({"TON"}))) != before, key


def test_lengths_have_units(read):
    width = shapes.strip(shapes.sea_coast(frozenset({"TON"})), 44.448)
    (region,) = regions_of(read("coast(TON, 24 nm)"))
    assert shapely.equals(region.polygon, width)


# --- holding ------------------------------------------------------------------------------------------------------

AREAS = st.recursive(
    st.sampled_from(["UKR", "MDA", "crimea", "JPN.sea12", "high-seas", "sea", "world", "zone.geojson"]),
    lambda inner: st.builds(lambda a, sign, b: f"({a} {sign} {b})", inner, st.sampled_from("+-&"), inner),
    max_leaves=8,
)
LABELS = ["UKR", "MDA", "crimea", "JPN.sea12", "high-seas", "TWN.sea200", "POL"]


def set_of(text, universe, zone):
    """The area by Python's own sets of (label, in the zone): an independent reading of the same text."""
    text = text.replace("zone.geojson", "ZONE").replace("JPN.sea12", "STRIP").replace("high-seas", "HIGH")
    atoms = {name: {one for one in universe if one[0] == name} for name in ("UKR", "MDA", "crimea")}
    atoms["STRIP"] = {one for one in universe if one[0] == "JPN.sea12"}
    atoms["HIGH"] = {one for one in universe if one[0] == "high-seas"}
    atoms["sea"] = {one for one in universe if "sea" in one[0]}
    atoms["world"], atoms["ZONE"] = set(universe), zone
    return eval(text.replace("+", "|"), {}, atoms)


@given(AREAS)
@settings(deadline=None, max_examples=150)
def test_areas_hold_what_sets_of_python_hold(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    (folder / "zone.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [SQUARE]}))
    area = parse(text, folder, "s.toml", "")
    universe = [(label, inside) for label in LABELS for inside in (False, True)]
    zone = {one for one in universe if one[1]}
    expected = set_of(text, universe, zone)
    found = {one for one in universe if holds(area, one[0], lambda _region, inside=one[1]: inside)}
    assert found == expected
    asked = regions_of(area)
    within = np.array([[one[1]] * len(asked) for one in universe], dtype=bool).reshape(len(universe), len(asked))
    each = holds_each(area, np.array([one[0] for one in universe], dtype=object), within, asked)
    assert {one for one, here in zip(universe, each, strict=True) if here} == expected
    assert parse(text_of(area), folder, "s.toml", "") == area
    assert not expected & {("high-seas", False), ("high-seas", True)} or unbounded(area) or asked


def test_what_is_not_known_stays_open(read):
    area = read("(UKR + zone.geojson) - crimea")
    assert holds(area, None, lambda _region: True) is None
    assert holds(area, "UKR", lambda _region: None) is True
    assert holds(area, "crimea", lambda _region: None) is False
    assert holds(area, "POL", lambda _region: None) is None
    assert holds(read("world"), None, lambda _region: None) is True


def test_named_labels_are_those_written(read):
    assert named_labels(read("UKR - buffer(crimea, 20) + coast(MDA + UKR, 3) + JPN.sea12")) == [
        "JPN.sea12", "UKR", "crimea",
    ]  # fmt: skip


# --- polygons -----------------------------------------------------------------------------------------------------


def test_polygons_of_expressions(read):
    both, less = polygon_of(read("JPN + zone.geojson")), polygon_of(read("TWN & zone.geojson"))
    assert shapely.contains_xy(both, [139.7, 121.5], [35.7, 24.5]).all()
    assert shapely.contains_xy(less, 121.3, 24.5)
    assert not shapely.contains_xy(less, [121.95, 120.5], [24.2, 23.5]).any()
    wet = polygon_of(read("coast(TWN, 50)"))
    assert shapely.contains_xy(wet, [121.95, 120.0], [24.2, 24.0]).all()
    assert not shapely.contains_xy(wet, [121.3, 120.9, 123.5], [24.5, 24.8, 24.0]).any()
    dry = polygon_of(read("coast(TWN, -20)"))
    assert shapely.contains_xy(dry, 121.55, 25.03)
    assert not shapely.contains_xy(dry, [121.0, 122.0], [24.0, 24.5]).any()


def test_a_buffer_inward_leaves_the_middle(read):
    inner = polygon_of(read("buffer(CHE, -20)"))
    assert shapely.contains_xy(inner, 7.45, 46.95)  # Bern
    assert not shapely.contains_xy(inner, [6.14, 7.59], [46.2, 47.56]).any()  # Geneva, Basel
    outward = polygon_of(read("buffer(CHE, 20)"))
    assert shapely.contains_xy(outward, [6.14, 7.45, 7.85, 9.52], [46.2, 46.95, 47.66, 47.14]).all()


def test_strips_of_sea_have_no_polygon():
    for id_ in ("JPN.sea12", "high-seas"):
        with pytest.raises(NoPolygonError, match=id_):
            polygon_of(labels("JPN", id_))


# --- cells --------------------------------------------------------------------------------------------------------


def test_cells_are_their_ground(read):
    wanted = cells.children(np.array([cells.at(47.0, 8.0, 3)]), 4)
    area = read(f"cells({', '.join(cells.text(wanted))})")
    assert shapely.area(shapely.symmetric_difference(area.polygon, shapely.union_all(cells.outlines(wanted)))) == 0.0


def test_a_list_that_h3_compacted_is_its_finest_cells(read):
    """Six children of one cell and the seventh as its own children: the same ground as all at the finest."""
    parent = np.array([cells.at(47.0, 8.0, 4)])
    children = cells.children(parent, 5)
    mixed = [*cells.text(children[:6]), *cells.text(cells.children(children[6:], 6))]
    finest = cells.text(cells.children(parent, 6))
    mixed_region, finest_region = (regions.of_cells(words, "f", "") for words in (mixed, finest))
    assert mixed_region.sha256 == finest_region.sha256
    assert shapely.equals(mixed_region.polygon, finest_region.polygon)


def test_a_file_of_cells(read, tmp_path):
    words = cells.text(cells.children(np.array([cells.at(47.0, 8.0, 3)]), 4))
    (tmp_path / "plain.txt").write_text("\n".join(words))
    (tmp_path / "table.csv").write_text("cell,may\n" + "".join(f"{word},yes\n" for word in words))
    assert read("plain.txt") == read("table.csv") == read(f"cells({', '.join(words)})")
    (tmp_path / "bad.txt").write_text("841f1d5ffffffff\n841f1d5fffffffe\n")
    with pytest.raises(InputError, match=r'bad.txt: "841f1d5fffffffe" is no H3 cell'):
        read("CHE & bad.txt")


@pytest.mark.parametrize(
    "word", ["", "abc", "-1", "0", "841f1d5fffffffg", "ffffffffffffffff", "1" * 500, "８41f1d5ffffffff"]
)
def test_what_is_no_cell_is_named(word):
    with pytest.raises(InputError, match="no H3 cell"):
        regions.of_cells(["841f1d5ffffffff", word], "f", "")


def test_cell_lists_are_bounded():
    with pytest.raises(InputError, match="at most"):
        regions.of_cells(["801ffffffffffff", "8a1f1d48918ffff"], "f", "")
    with pytest.raises(InputError, match="empty"):
        regions.of_cells([], "f", "")


def test_polygons_written_inline():
    region = regions.of_geojson({"type": "Polygon", "coordinates": [SQUARE]}, "r.json")
    assert region.polygon.area == pytest.approx(1.0)
    again = regions.of_geojson({"type": "Polygon", "coordinates": [SQUARE[2:] + SQUARE[1:3]]}, "other.json")
    assert region == again
    with pytest.raises(InputError, match=r"r.json: geometry 0: is not a simple polygon: Self-intersection\[1 1\]"):
        regions.of_geojson({"type": "Polygon", "coordinates": [BOW_TIE]}, "r.json")
    deep = {"type": "Polygon", "coordinates": [SQUARE]}
    for _ in range(5_000):
        deep = {"type": "Feature", "geometry": deep}
    with pytest.raises(InputError, match="not a GeoJSON geometry"):
        regions.of_geojson(deep, "r.json")


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ['no territory ""']),
        ("UKR +", ["character 6", "an area is missing", "the text ends"]),
        ("+ UKR", ["character 1", 'found "+"']),
        ("UKR - - MDA", ["character 7", 'found "-"']),
        ("(UKR", ["character 5", 'a ")" is missing', "bracket at character 1"]),
        ("UKR)", ["character 4", '")" cannot stand here']),
        ("()", ["character 2", "an area is missing"]),
        ("UKX + MDA", ["character 1", '"UKX"', "Did you mean", "UKR"]),
        ("MDA + Japan", ["character 7", "Japan is JPN."]),
        ("UKR-MDA", ["UKR-MDA", "A minus stands between blanks"]),
        ("UKR -MDA", ["A minus stands between blanks"]),
        ("bufer(UKR, 3)", ["character 1", 'no function "bufer"', "Did you mean buffer"]),
        ("buffer", ["buffer is a function"]),
        ("buffer(UKR)", ["character 11", 'a "," is missing']),
        ("buffer(UKR, 20", ["character 15", 'a ")" is missing']),
        ("buffer(UKR, wide)", ["character 13", '"wide" is no width']),
        ("buffer(UKR, 3 miles)", ["character 13", "km, nm, m"]),
        ("buffer(UKR, 1e3)", ["no width"]),
        ("buffer(UKR, )", ["no width"]),
        ("buffer(UKR, 0)", ["character 13", "is not between"]),
        ("buffer(UKR, 1001)", ["is not between"]),
        ("edge(UKR, -3)", ["not negative"]),
        ("buffer(JPN.sea12, 3)", ["JPN.sea12", "Widen the land"]),
        ("buffer(sea, 3)", ["not of the sea or the world"]),
        ("buffer(world - UKR, 3)", ["not of the sea or the world"]),
        ("coast(CHE, 20)", ["CHE has no coast"]),
        ("coast(zone.geojson, 20)", ["coast is of a land"]),
        ("coast(JPN.sea12, 20)", ["coast is of a land"]),
        ("cells(abc)", ['"abc" is no H3 cell']),
        ("cells()", ["no H3 cell"]),
        ("UKR & no.geojson", ["no.geojson", "no such file"]),
        ("UKR & bow.geojson", ["bow.geojson", "Self-intersection[1 1]"]),
        ("UKR & no.txt", ["no.txt", "no such file"]),
        ('"UKR"', ["quoted", "no file"]),
        ('UKR + "zone.geojson', ["character 7", "no end"]),
        ("UKR \u2212 MDA", ["no territory"]),
    ],
)  # fmt: skip
def test_faults_are_told_with_their_place(refusal, text, said):
    told = refusal(text)
    assert "s.toml: ground.area: " in told or ".geojson" in told or ".txt" in told
    for words in said:
        assert words in told


def test_every_name_at_fault_is_told_at_once(refusal):
    told = refusal("UKX + buffer(MDX, 2000) - (no.geojson & Japan)").splitlines()
    assert len(told) == 5
    assert [f"character {at}:" in line for at, line in ((1, told[0]), (14, told[1]), (19, told[2]))] == [True] * 3


def test_texts_are_bounded(refusal):
    assert "at most" in refusal("UKR" + " + MDA" * LONGEST)
    assert "brackets" in refusal("(" * (DEEPEST + 1) + "UKR" + ")" * (DEEPEST + 1))
    assert "brackets" in refusal("(" * (LONGEST - 1))
    assert f"more than {MOST_PARTS}" in refusal("UKR" + " + MDA" * MOST_PARTS)
    nested = "buffer(" * (DEEPEST_WIDENED + 1) + "MCO" + ", 1)" * (DEEPEST_WIDENED + 1)
    assert "within each other" in refusal(nested)
    assert f"more than {MOST_WIDENED} strips" in refusal(" + ".join(["buffer(MCO, 1)"] * (MOST_WIDENED + 1)))


def test_brackets_side_by_side_are_not_deep(read):
    assert read(" + ".join(["(UKR)"] * (DEEPEST + 5))) == labels("UKR")


@given(st.text(alphabet="UKRMDA +-&(),.\"'0123456789bufercoast", max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_text_is_an_area_or_refused(tmp_path_factory, text):
    try:
        area = parse(text, tmp_path_factory.getbasetemp(), "s.toml", "")
    except InputError:
        return
    assert isinstance(area, Labels | Region | Union | Intersection | Difference)
