"""The keys that say which ground links count: what they become, and their faults, all together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo.errors import InputError
from openleo.scenario import Scenario

HEAD = """name = "t"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = ["TON"]
resolution = 2
gateways = "g.csv"
pops = "starlink-2026"
horizons = "h.csv"
[links]
"""
GATEWAYS = "name,lat_deg,lon_deg,elevation_deg,antennas\nHere,-21,-175,30,2\nThere,-18,178,,\n"
HORIZONS = "site,azimuth_deg,elevation_deg\nHere,0,40\nHere,180,50\n"


def load(folder: Path, links: str = "", gateways: str = GATEWAYS, horizons: str = HORIZONS) -> Scenario:
    (folder / "g.csv").write_text(gateways, encoding="utf-8")
    (folder / "h.csv").write_text(horizons, encoding="utf-8")
    (folder / "s.toml").write_text(HEAD + links, encoding="utf-8")
    return Scenario.load(folder / "s.toml")


def test_what_a_file_says_becomes_limits_and_enters_the_fingerprint(tmp_path):
    scenario = load(tmp_path, "gso_exclusion_deg = 18\ngateway_antennas = 4\n")
    limits = scenario.case.network.limits
    assert limits.gso_exclusion_deg == 18.0
    assert limits.gateway_antennas == (2, 4)
    np.testing.assert_array_equal(limits.gateway_own_deg, [30.0, np.nan])
    np.testing.assert_array_equal(limits.horizons["Here"], [[0.0, 40.0], [180.0, 50.0]])
    plain = load(tmp_path).case
    assert plain.network.limits.gateway_antennas == ()  # a list's column limits nothing by itself
    assert plain.network_sha256 != scenario.case.network_sha256
    assert scenario.run(threads=1).case is scenario.case


def test_every_fault_is_named_at_once(tmp_path):
    rows = "Her,0,1\nHer,9,1\nHere,400,1\nHere,5,1\nHere,5,2\nThere,5,2\nThere,x,2\n"
    with pytest.raises(InputError) as caught:
        load(
            tmp_path,
            '[[links.shell]]\nname = "nix"\nuser_elevation_deg = 30\n',
            horizons="site,azimuth_deg,elevation_deg\n" + rows,
        )
    said = str(caught.value)
    for part in ('no shell "nix"', 'no site "Her"', "Did you mean Here", "azimuth_deg 400", "5 2 times", "x, 2"):
        assert part in said


@pytest.mark.parametrize(("column", "value"), [("elevation_deg", "91"), ("elevation_deg", "nan"), ("antennas", "0")])
def test_a_gateways_own_numbers_are_checked(tmp_path, column, value):
    with pytest.raises(InputError, match=column):
        load(tmp_path, gateways=f"name,lat_deg,lon_deg,{column}\nHere,-21,-175,{value}\n")


def test_nothing_is_limited_by_default():
    """The embedded list has a column of antennas; it must not change what a scenario gave before."""
    examples = Path(__file__).parents[2] / "examples"
    assert Scenario.load(examples / "taiwan.toml").case.network.limits.said() == {}


def test_spreading_over_gateways_is_said_in_the_notes_and_the_fingerprint(tmp_path):
    plain = load(tmp_path).case
    nearest = load(tmp_path, 'gateway_choice = "nearest"\n').case
    assert nearest.network.limits.gateway_spread_ms is None
    assert nearest.network_sha256 == plain.network_sha256
    spread = load(tmp_path, 'gateway_choice = "spread"\n').case
    wider = load(tmp_path, 'gateway_choice = "spread"\nspread_ms = 2.5\n').case
    assert (spread.network.limits.gateway_spread_ms, wider.network.limits.gateway_spread_ms) == (1.0, 2.5)
    assert len({case.network_sha256 for case in (plain, spread, wider)}) == 3
    (said,) = set(wider.notes) - set(plain.notes)
    assert "spread over gateways whose way to the PoP is at most 2.5 ms longer than" in said
    with pytest.raises(InputError, match="gateway_choice"):
        load(tmp_path, 'gateway_choice = "farthest"\n')


@pytest.mark.parametrize("choice", ["", 'gateway_choice = "nearest"\n'])
def test_a_bound_of_spreading_is_refused_where_nothing_is_spread(tmp_path, choice):
    masks = '[[links.shell]]\nname = "nix"\nuser_elevation_deg = 30\n'
    with pytest.raises(InputError) as caught:
        load(tmp_path, f"{choice}spread_ms = 1.0\n{masks}")
    said = str(caught.value)
    assert 's.toml: links.spread_ms: is for gateway_choice = "spread"; here it is "nearest"' in said
    assert 'no shell "nix"' in said  # with the other faults
