"""A plan under rules on beams: what they keep dark, and what a beam for its neighbours would light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from openleo import cells as h3cells
from openleo.scenario import Scenario

SCENARIO = """name = "quiet"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-shell1"
isl = "none"
[ground]
area = ["LUX"]
resolution = 6
gateways = "starlink-2026"
[policy]
rules = {rules}
{more}
"""
ALL = """schema = 1
book = "operator"
[[rule]]
id = "all"
effect = "permit"
territory = { in = "world" }
reason = "an example"
"""
CENTRE = (49.75, 6.10)
QUIET = """schema = 1
book = "regulator:LUX"
[[rule]]
id = "telescope"
effect = "forbid"
applies_to = "beam"
territory = { geojson = { type = "Polygon", coordinates = [%s] } }
emergency = "keep"
reason = "quiet for a telescope, as an example"
""" % [
    [CENTRE[1] + x, CENTRE[0] + y]
    for x, y in ((-0.01, -0.01), (0.01, -0.01), (0.01, 0.01), (-0.01, 0.01), (-0.01, -0.01))
]
BOTH = '["all.toml", "quiet.toml"]'


@pytest.fixture
def run(tmp_path):
    (tmp_path / "all.toml").write_text(ALL)
    (tmp_path / "quiet.toml").write_text(QUIET)

    def run(rules, more=""):
        (tmp_path / "s.toml").write_text(SCENARIO.format(rules=rules, more=more))
        return Scenario.load(tmp_path / "s.toml").run()

    return run


@pytest.mark.parametrize("beam_km", [12.0, 25.0])
def test_cells_around_a_quiet_zone_are_not_permitted_by_its_rule(run, beam_km):
    results = run(BOTH, f"beam_km = {beam_km}")
    table, cells = results.cell_table, results.cells
    latitude, longitude = h3cells.centres_deg(cells)
    many = np.ones(len(cells))
    from_centre = Geod(ellps="WGS84").inv(longitude, latitude, CENTRE[1] * many, CENTRE[0] * many)[2] / 1000.0
    radius = h3cells.radius_km(6)
    within = from_centre < beam_km - radius  # all of it is nearer than a beam is felt to the zone's middle
    beyond = from_centre > beam_km + radius + 1.5  # and all of it farther away from its corners
    assert within.sum() > 3
    assert beyond.sum() > 20
    assert (table.may_serve[within] == 0.0).all()
    assert (table.may_serve[beyond] == 1.0).all()
    assert {table.reason[number] for number in np.flatnonzero(within)} == {"not_permitted"}
    assert {table.rule[number] for number in np.flatnonzero(within)} == {"telescope"}
    said = f"Rules on beams (telescope) withhold service within {beam_km:g} km of whatever they keep dark: so far a beam is felt."  # noqa: E501
    assert said in results.case.notes


def test_the_default_reach_is_that_of_an_effect(run):
    assert (run(BOTH).service.permitted == run(BOTH, "beam_km = 12.0").service.permitted).all()


def test_two_rule_sets_are_compared_and_the_loss_has_the_beam_rule_as_its_reason(run):
    change = run('"all.toml"', f"compare = {BOTH}").effect
    rows = {(row.territory, row.class_): row for row in change.rows}
    lost = rows["LUX", "fixed"]
    disc = np.pi * 13.0**2
    assert 0.8 * disc < lost.lost.area_km2 < 1.2 * disc
    assert lost.because == ("telescope",)
    assert rows["LUX", "emergency"].lost.people == 0  # the rule keeps them
    assert change.sha256 != run('"all.toml"', f"compare = {BOTH}\nbeam_km = 11.999").effect.sha256


def test_without_rules_on_beams_their_reach_changes_nothing(run):
    assert (run('"all.toml"', "beam_km = 100.0").service.permitted).all()


QUIET_ZONE = Path(__file__).parents[1] / "data" / "quiet-zone" / "scenario.toml"


def test_a_published_quiet_zone_and_what_lies_within_a_beam_s_reach_of_it_against_geodesy():
    """The outline of 47 CFR 1.924(a)(1), 13,000 square miles; pyproj's area and perimeter of it: A + P b + π b²."""
    change = Scenario.load(QUIET_ZONE).first_slots(4).run().effect
    lost = {row.class_: row.lost for row in change.rows}
    west, south, east, north = -80.499778, 37.500111, -78.499722, 39.250111
    along = np.linspace(0.0, 1.0, 101)  # parallels are no geodesics
    longitude = np.concatenate([west + (east - west) * along, east - (east - west) * along])
    latitude = np.repeat([south, north], len(along))
    area_m2, perimeter_m = Geod(ellps="WGS84").polygon_area_perimeter(longitude, latitude)
    ring_km2 = perimeter_m / 1e3 * 12.0 + np.pi * 12.0**2
    assert area_m2 / 2.589988e6 == pytest.approx(13_000, rel=0.02)
    assert lost["fixed"].area_km2 == pytest.approx(area_m2 / 1e6 + ring_km2, rel=0.003)
    assert lost["emergency"].area_km2 == 0.0
    assert {name for row in change.rows for name in row.because} == {"quiet-zone"}
