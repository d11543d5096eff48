"""Outlines that the page draws, as the rules' own reader takes them: the rings of frontend/src/map/draw.test.ts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import shapely

from openleo.places.geojson import polygons_of
from openleo.places.territories import contested_areas, contested_with, territories
from openleo.policy.rules import CLASSES

CASES = json.loads((Path(__file__).parents[2] / "frontend/src/map/outlines.fixture.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[one["name"] for one in CASES])
def test_an_outline_holds_what_whoever_drew_it_means(case: dict[str, Any]) -> None:
    area = polygons_of({"type": "Polygon", "coordinates": [case["ring"]]}, "drawn")
    held = [shapely.contains_xy(area, x, y) for x, y in [*case["in"], *case["out"]]]
    assert held == [True] * len(case["in"]) + [False] * len(case["out"])


def test_the_page_knows_the_contested_areas_of_a_territory_from_what_borders_say_of_them() -> None:
    for id_ in territories():
        parties = [one.id for one in contested_areas().values() if id_ in (*one.administered_by, *one.claimed_by)]
        assert [one for one in parties if one != id_] == [one.id for one in contested_with(id_)]


def test_the_page_offers_the_classes_that_rules_know() -> None:
    text = (Path(__file__).parents[2] / "frontend/src/ui/try/rule.ts").read_text()
    line = next(one for one in text.splitlines() if one.startswith("export const CLASSES"))
    assert tuple(re.findall('"([a-z]+)"', line)) == CLASSES
