"""What the page is sent of a network: all that it draws, small, and the same each time."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely

from console import fixtures
from openleo.console import scene as scenes
from openleo.console.borders import borders
from openleo.controller import plan_arrow
from openleo.network import ephemeris
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.places.territories import contested_areas, territories
from openleo.scenario import Scenario

ROOT = Path(__file__).parents[2]
SMALL = """
name = "small"
start = 2026-11-20T00:00:00Z
duration = "10min"
slot_phase_s = 12

[[constellation.shell]]
name = "inclined"
altitude_km = 550
inclination_deg = 53
planes = 4
satellites = 20
phasing = 1

[ground]
area = ["URY"]
resolution = 3
gateways = "starlink-2026"
"""


@cache
def taiwan():
    return Scenario.load(ROOT / "examples" / "taiwan.toml").case


@pytest.fixture
def small(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    return Scenario.load(tmp_path / "small.toml").case


def test_a_scene_is_json_and_the_same_each_time(small):
    made = scenes.scene(small)
    assert json.loads(json.dumps(made, allow_nan=False)) == made == scenes.scene(small)
    assert made["form"] == "openleo-scene@v1"
    assert made["network"] == small.network_sha256
    assert (made["slot_ms"], made["slot_phase_ms"]) == (15_000, 12_000)
    assert len(made["satellites"]["name"]) == 20
    assert made["gateways"][0].keys() == {"name", "lat_deg", "lon_deg", "territory"}


def test_links_are_those_of_the_topology_once(small):
    flat = scenes.links(small.network.topology)
    pairs = {tuple(pair) for pair in np.reshape(flat, (-1, 2)).tolist()}
    neighbours = small.network.topology.neighbours
    assert pairs == {(min(a, b), max(a, b)) for a, row in enumerate(neighbours.tolist()) for b in row if b >= 0}
    assert len(flat) == 2 * len(pairs)


def test_rounding_moves_no_satellite_by_a_metre_in_a_day():
    """The columns as they are sent, moved by the ephemeris itself."""
    flown = taiwan().network.constellation
    sent = scenes.satellites(flown)
    columns = ("semi_major_axis_km", "inclination_rad", "raan_rad", "raan_rate_rad_s", "argument_rate_rad_s")
    again = replace(flown, **{name: np.array(sent[name]) for name in (*columns, "argument_rad")})
    at_s = np.array([0.0, 86_400.0])
    true_km, sent_km = (ephemeris.positions(one, flown.epoch, at_s).position_km for one in (flown, again))
    assert np.linalg.norm(true_km - sent_km, axis=-1).max() < 0.001


def test_the_largest_shells_of_an_example_are_small():
    """starlink-gen1, 4,408 satellites and 5,547 links: what every page loads once, compressed."""
    made = scenes.scene(taiwan())
    whole = json.dumps(made, separators=(",", ":")).encode()
    assert len(whole) < 1_400_000
    assert len(gzip.compress(whole)) < 450_000


def test_borders_have_every_territory_and_take_no_side():
    features = borders()["features"]
    assert {one["properties"]["id"] for one in features} == set(territories())
    by_id = {one["properties"]["id"]: one["properties"] for one in features}
    for area in contested_areas().values():
        said = by_id[area.id]
        assert said["contested"]
        assert said["also_called"] == list(area.also_called)
        assert said["claimed_by"] == list(area.claimed_by)
    for one in features:
        shape = shapely.geometry.shape(one["geometry"])
        assert not shape.is_empty
        assert -180.0 <= shape.bounds[0] < shape.bounds[2] <= 180.0


def test_ephemerides_are_said_to_be_moved_by_nothing():
    shells = from_shells("one", taiwan().grid.start, [Shell("s", 550.0, 53.0, 1, 2, 0)])
    sets = object()
    assert scenes.satellites(replace(shells, ephemerides=sets)) == {
        "moved_by": "nothing",
        "name": list(shells.satellite_name),
    }


@pytest.fixture(scope="module")
def tool():
    return fixtures.tool()


def test_the_fixture_of_the_page_is_what_the_ephemeris_gives(tool):
    assert tool.FILE.read_text() == tool.text(), "run python tools/build_console_fixture.py and read the difference"


def test_the_plan_that_the_page_is_tested_with_is_one_that_we_read(tool):
    """Its bytes may come from another version of Arrow; what they say holds by the plan's own hash."""
    kept, made = json.loads(tool.PLAN_FILE.read_text()), tool.plan()
    assert plan_arrow.read_plan(base64.b64decode(kept["plan"]), made.cells).sha256 == made.sha256
    assert kept["said"] == tool.plan_as_sent()["said"]
