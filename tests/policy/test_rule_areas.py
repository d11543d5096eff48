"""Areas of rules: expressions, polygons and cells in `territory`, held against places whose coordinates are public."""

from __future__ import annotations

import json

import pytest

from openleo.errors import InputError
from openleo.policy.answer import answer
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules

# GeoNames' coordinates, but for the points at sea, whose distances were measured along the geodesic.
KYIV, SIMFEROPOL = (50.45, 30.52), (44.957, 34.11)
TOKYO, OFF_CHOSHI_30_KM, OFF_CHOSHI_90_KM = (35.69, 139.69), (35.73, 141.20), (35.73, 141.87)
MONACO, BEAUSOLEIL, NICE = (43.738, 7.424), (43.742, 7.423), (43.703, 7.266)
VALLETTA = (35.8997, 14.5147)
AROUND_VALLETTA = {
    "type": "Polygon",
    "coordinates": [[[14.4, 35.8], [14.6, 35.8], [14.6, 36.0], [14.4, 36.0], [14.4, 35.8]]],
}


@pytest.fixture
def rules(tmp_path):
    """A rule set of one permit on a territory, written as JSON."""

    def rules(territory):
        rule = {"id": "r", "effect": "permit", "territory": territory, "reason": "a licence"}
        file = tmp_path / "rules.json"
        file.write_text(json.dumps({"schema": 1, "book": "operator", "rule": [rule]}))
        return read_rules([file])

    return rules


def served(rule_set, place):
    latitude, longitude = place
    request = Request(class_="fixed", latitude_deg=latitude, longitude_deg=longitude, uncertainty_m=0.0)
    return answer(rule_set, request).permitted


@pytest.mark.parametrize(
    ("territory", "inside", "outside"),
    [
        ({"in": "UKR - donetsk-oblast", "include": ["crimea"]}, [KYIV, SIMFEROPOL], [(48.0, 37.8)]),
        ({"in": "UKR", "include": []}, [KYIV], [SIMFEROPOL]),
        ({"in": "world"}, [KYIV, SIMFEROPOL, OFF_CHOSHI_90_KM], []),
        ({"in": "world - UKR", "include": ["crimea"]}, [SIMFEROPOL, TOKYO], [KYIV]),
        ({"in": "world - UKR", "include": []}, [TOKYO], [KYIV, SIMFEROPOL]),
        ({"in": "coast(JPN, 60)", "include": []}, [OFF_CHOSHI_30_KM], [TOKYO, OFF_CHOSHI_90_KM]),
        ({"in": ["coast(JPN, 60)", "UKR"], "include": []}, [OFF_CHOSHI_30_KM, KYIV], [TOKYO, SIMFEROPOL]),
        ({"in": "JPN", "include": []}, [TOKYO], [OFF_CHOSHI_30_KM]),
        ({"in": "buffer(MCO, 5)"}, [MONACO, BEAUSOLEIL], [NICE]),
        ({"in": "edge(MCO, 5) - MCO"}, [BEAUSOLEIL], [MONACO, NICE]),
        ({"geojson": AROUND_VALLETTA}, [VALLETTA], [MONACO]),
        ({"cells": ["843f305ffffffff"]}, [VALLETTA], [MONACO]),
    ],
)
def test_an_area_holds_what_it_says(rules, territory, inside, outside):
    rule_set = rules(territory)
    assert [served(rule_set, place) for place in inside] == [True] * len(inside)
    assert [served(rule_set, place) for place in outside] == [False] * len(outside)


def test_a_country_in_a_function_is_its_land_alone(rules):
    """A negative width keeps off the outline of the land: nothing of the sea comes along."""
    at_sea = (35.55, 139.90)  # Tokyo Bay, within 12 nautical miles
    assert served(rules({"in": "JPN", "include": []}), at_sea)
    assert not served(rules({"in": "buffer(JPN, -5)", "include": []}), at_sea)
    assert not served(rules({"in": "coast(JPN, -50)", "include": []}), at_sea)


def test_files_of_polygons_and_cells_lie_beside_the_rules(rules, tmp_path):
    (tmp_path / "zone.geojson").write_text(json.dumps(AROUND_VALLETTA))
    (tmp_path / "zone.csv").write_text("cell\n843f305ffffffff\n")
    assert served(rules({"in": "MLT & zone.geojson"}), VALLETTA)
    assert not served(rules({"in": "MLT - zone.geojson"}), VALLETTA)
    assert served(rules({"cells": "zone.csv"}), VALLETTA)


@pytest.mark.parametrize(
    "territory",
    [
        {"in": "UKR + MDA"},
        {"in": "coast(UKR, 50)"},
        {"in": "buffer(UKR, -20)"},
        {"in": "world - UKR"},
        {"in": "(UKR & world) - crimea"},
    ],
)
def test_an_expression_on_a_country_says_what_is_contested(rules, territory):
    with pytest.raises(InputError) as refused:
        rules(territory)
    (problem,) = refused.value.problems
    assert "does not say which it includes" in problem.rule
    assert "luhansk-oblast (administered by" in problem.rule
    assert ("crimea (administered" in problem.rule) == ("crimea" not in territory["in"])


def test_a_contested_area_that_is_named_is_said(rules):
    named = "UKR - (crimea + donetsk-oblast + luhansk-oblast + zaporizhzhia-oblast + kherson-oblast)"
    assert served(rules({"in": named}), KYIV)
    assert not served(rules({"in": named}), SIMFEROPOL)


def test_every_word_at_fault_is_told(rules):
    with pytest.raises(InputError) as refused:
        rules({"in": ["UKRR + MDA", "coast(MNG, 5)", "buffer(LUX, 5 miles)"]})
    told = [problem.rule for problem in refused.value.problems]
    assert len(told) == 3
    assert 'no territory "UKRR"' in told[0]
    assert "no coast" in told[1]
    assert "no width" in told[2]


def test_bad_polygons_and_cells_are_told_with_their_rule(rules):
    crossing = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    for territory in ({"geojson": crossing}, {"cells": ["zz"]}, {"cells": []}, {"geojson": {}}):
        with pytest.raises(InputError) as refused:
            rules(territory)
        (problem,) = refused.value.problems
        assert 'rule "r"' in f"{problem.file} {problem.where}"


def test_the_hash_of_a_rule_set_goes_by_what_its_areas_are(rules):
    assert rules({"in": "LUX + BEL"}).sha256 == rules({"in": ["BEL", "LUX"]}).sha256
    assert rules({"in": "LUX + BEL"}).sha256 != rules({"in": "LUX"}).sha256
    assert rules({"in": "buffer(LUX, 5)"}).sha256 != rules({"in": "buffer(LUX, 6)"}).sha256


OFF_TAICHUNG = (24.25, 120.35)  # 15 km from the coast


@pytest.mark.parametrize("more", [[], ["valletta.geojson"]])
def test_a_polygon_in_a_list_takes_nothing_away(rules, tmp_path, more):
    """A strip named by itself stays, whatever the rule says of the contested land behind it."""
    (tmp_path / "valletta.geojson").write_text(json.dumps(AROUND_VALLETTA))
    rule_set = rules({"in": ["CHN", "TWN.sea12", *more], "include": []})
    assert served(rule_set, OFF_TAICHUNG)
    assert not served(rule_set, (24.15, 120.68))
    assert served(rule_set, VALLETTA) == bool(more)
    assert not served(rules({"in": ["CHN", *more], "include": []}), OFF_TAICHUNG)
