"""Which territories have a say in a change of rules: held against a lookup of single points, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openleo.places.territories import territories
from openleo.policy.named import territories_named
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet, union

NOBODY = union([])


def rules(folder: Path, territory: Any, **more: Any) -> RuleSet:
    import json

    rule = {"id": "r", "effect": "forbid", "territory": territory, "authority": "an example", "reason": "an example"}
    table = {"schema": 1, "book": "operator", "rule": [rule | {"legal_reference": "none", "emergency": "keep"} | more]}
    file = folder / f"rules-{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(table))
    return read_rules([file])


def square(longitude: float, latitude: float, half: float = 0.05) -> dict[str, Any]:
    ring = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    at = [[longitude + half * x, latitude + half * y] for x, y in ring]
    return {"geojson": {"type": "Polygon", "coordinates": [at]}}


def test_the_world_names_every_territory(tmp_path: Path) -> None:
    assert set(territories_named(NOBODY, rules(tmp_path, {"in": ["world"]}))) >= set(territories())


def test_the_sea_names_every_coast(tmp_path: Path) -> None:
    found = territories_named(NOBODY, rules(tmp_path, {"in": ["sea"]}))
    assert {"TWN", "JPN", "ISL"} <= set(found)


def test_what_is_left_of_the_world_is_named_too(tmp_path: Path) -> None:
    found = territories_named(NOBODY, rules(tmp_path, {"in": ["world - ISL"]}))
    assert {"TWN", "ISL"} <= set(found)


@pytest.mark.parametrize(
    ("longitude", "latitude", "expected"),
    [
        (121.0, 24.0, {"TWN"}),  # a valley
        (121.95, 25.15, {"TWN"}),  # on the coast and in its waters
        (122.17, 25.0, {"TWN"}),  # within 12 nautical miles, all at sea
        (130.0, 20.0, set()),  # the open ocean
        (2.35, 48.85, {"FRA"}),
    ],
)
def test_a_polygon_names_the_land_that_it_reaches(
    tmp_path: Path, longitude: float, latitude: float, expected: set[str]
) -> None:
    assert set(territories_named(NOBODY, rules(tmp_path, square(longitude, latitude)))) == expected


def test_a_polygon_names_a_land_across_the_date_line(tmp_path: Path) -> None:
    """Taveuni of Fiji lies on both sides of 180°; its waters at 179.9° W are near land at 180° E."""
    assert "FJI" in territories_named(NOBODY, rules(tmp_path, square(-179.85, -16.9)))


def test_an_area_that_grows_names_what_it_grows_by(tmp_path: Path) -> None:
    before, after = (rules(tmp_path, {"in": [words]}) for words in ("ISL", "ISL + IRL"))
    found = territories_named(before, after)
    assert "IRL" in found
    assert "TWN" not in found


def test_another_reason_names_all_that_the_rule_holds(tmp_path: Path) -> None:
    before, after = (rules(tmp_path, {"in": ["ISL"]}, reason=words) for words in ("one", "another"))
    assert territories_named(before, after) == ("ISL", "ISL.sea12")
    assert territories_named(after, after) == ()


def test_a_rule_on_gateways_may_touch_anybody(tmp_path: Path) -> None:
    found = territories_named(NOBODY, rules(tmp_path, {"in": ["IRL"]}, applies_to="gateway"))
    assert {"TWN", "IRL", "ISL"} <= set(found)
