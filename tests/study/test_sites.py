"""The best next gateway sites: beside all sets of sites that there are, and runs with a gateway there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest

import withdrawals
from openleo.errors import InputError
from openleo.network.ground.stations import Station
from openleo.places.areas import parts_of
from openleo.scenario import Scenario
from openleo.study.served import served_parts, shares, weights
from openleo.study.sites import GREEDY, best, centres, greedy, permitted, with_gateways
from openleo.study.withdrawal import Thing, without

PLACES = [
    Station("Luzon", 16.0, 120.5), Station("Kyushu", 32.0, 131.0), Station("Fujian", 26.0, 119.0),
    Station("Guam", 13.5, 144.8), Station("Hanoi", 21.0, 105.8), Station("Seoul", 37.5, 127.0),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_greedy_against_all_sets_of_sites(seed):
    random = np.random.default_rng(seed)
    base, able = random.random(60) < 0.2, random.random((8, 60)) < random.uniform(0.1, 0.5)
    weight = random.random(60)
    weight /= weight.sum()
    for number in (1, 2, 3, 8):
        before, order, share, at_most = greedy(base, able, weight, number)
        sets = combinations(range(8), number)
        most = max(float(weight[base | able[list(chosen)].any(axis=0)].sum()) for chosen in sets)
        assert before == pytest.approx(weight[base].sum())
        assert share[-1] == pytest.approx(weight[base | able[order].any(axis=0)].sum())
        assert before + GREEDY * (most - before) <= share[-1] + 1e-12
        assert share[-1] <= most + 1e-12
        assert most <= at_most + 1e-12


def test_sites_against_runs_with_all_pairs_of_them():
    case = without(withdrawals.case(isl="none", slots=6), [Thing("country", "PHL"), Thing("country", "JPN")])
    parts = parts_of(case.area, case.resolution)
    with ThreadPoolExecutor(2) as executor:
        found = best({"one": case}, "one", "TWN", PLACES, 2, parts, executor)

    def run(*sites: Station) -> float:
        return shares({"one": with_gateways(case, sites)}, parts)[0].served

    assert found.before == pytest.approx(run(), abs=1e-6)
    assert found.chosen[0].served == pytest.approx(max(map(run, PLACES)), abs=1e-6)
    assert found.served == pytest.approx(run(*(one.site for one in found.chosen)), abs=1e-6)
    most = max(run(*pair) for pair in combinations(PLACES, 2))
    assert found.served <= most + 1e-6
    assert most <= found.at_most + 1e-6
    assert found.before + GREEDY * (most - found.before) <= found.served + 1e-6
    assert found.as_json()["candidates"] == 6


def test_sites_that_rules_on_gateways_forbid_are_no_candidates(tmp_path):
    rule = """schema = 1
book = "regulator:TWN"
[[rule]]
id = "none"
effect = "forbid"
territory = { in = "TWN", include = [] }
emergency = "cut"
applies_to = "gateway"
authority = "regulator:TWN"
reason = "test"
"""
    (tmp_path / "rules.toml").write_text(rule)
    case = Scenario.load(withdrawals.written(tmp_path, isl="none", more='[policy]\nrules = "rules.toml"')).case
    there, elsewhere = Station("Taichung", 24.15, 120.67, "TWN"), Station("Naha", 26.2, 127.7, "JPN")
    assert permitted(case, [there, elsewhere], "study.toml") == [elsewhere]
    with pytest.raises(InputError, match="rules on gateways permit none of the 1 candidates"):
        permitted(case, [there], "study.toml")


def test_a_gateway_placed_is_one_that_a_list_has(tmp_path):
    case = withdrawals.case(isl="none", lacks=("Middle", "Islands"))
    name, (territory, latitude, longitude) = "Middle", withdrawals.GATEWAYS["Middle"]
    placed = with_gateways(case, [Station(name, latitude, longitude, territory)])
    listed = Scenario.load(withdrawals.written(tmp_path, isl="none", lacks=("Islands",))).case
    parts = parts_of(case.area, case.resolution)
    assert np.array_equal(served_parts(placed, parts), served_parts(listed, parts))
    assert shares({"one": placed}, parts) == shares({"one": listed}, parts)
    assert sorted(placed.network.gateways.fibre_km) == pytest.approx(sorted(listed.network.gateways.fibre_km))


def test_candidates_are_cells_of_territories_and_an_area_without_the_territory_is_refused():
    case = withdrawals.case(isl="none")
    parts = parts_of(case.area, case.resolution)
    found = centres(parts, ["TWN"])
    assert len(found) == len(np.unique(parts.cell[weights(parts, "TWN") > 0.0]))
    assert len(centres(parts, ["TWN", "matsu"])) > len(centres(parts, ["matsu"])) > 0
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match="PHL has no part in the area"):
        best({"one": case}, "one", "PHL", PLACES, 1, parts, executor)
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match='"Far" is a gateway already'):
        best({"one": case}, "one", "TWN", [Station("Far", 0.0, 0.0)], 1, parts, executor)
