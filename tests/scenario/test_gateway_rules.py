"""A plan under rules on gateways, against plans whose list of gateways leaves the withheld ones out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from openleo.scenario import Scenario

SCENARIO = """name = "{name}"
start = 2026-11-20T00:00:00Z
duration = "5m"
[constellation]
catalogue = "starlink-shell1"
isl = "none"
[ground]
area = ["URY", "PRY", "BOL"]
resolution = 3
gateways = "{gateways}"
[policy]
rules = "all.toml"
{compare}
"""
HEAD = 'schema = 1\nbook = "operator"\n'
ALL = HEAD + '[[rule]]\nid = "all"\neffect = "permit"\nterritory = {in = "world"}\nreason = "an example"\n'
NO_GATEWAYS_OF_BRAZIL = """schema = 1
book = "regulator:BRA"
[[rule]]
id = "bra-gw"
effect = "forbid"
territory = {in = "BRA"}
applies_to = "gateway"
emergency = "cut"
reason = "an example"
"""
GATEWAYS = """name,lat_deg,lon_deg
Porto Alegre,-30.03,-51.23
Presidente Prudente,-22.13,-51.39
Falda del Carmen,-31.58,-64.46
"""
LEFT = "name,lat_deg,lon_deg\nFalda del Carmen,-31.58,-64.46\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateways")
    (folder / "all.toml").write_text(ALL)
    (folder / "brazil.toml").write_text(NO_GATEWAYS_OF_BRAZIL)
    (folder / "three.csv").write_text(GATEWAYS)
    (folder / "one.csv").write_text(LEFT)
    return folder


@pytest.fixture(scope="module")
def load(folder):
    def load(name, gateways, compare=""):
        path = folder / f"{name}.toml"
        path.write_text(SCENARIO.format(name=name, gateways=gateways, compare=compare))
        return Scenario.load(path)

    return load


COMPARE = 'compare = ["all.toml", "brazil.toml"]'


@pytest.fixture(scope="module")
def ruled(load):
    return load("ruled", "three.csv", COMPARE).run()


@pytest.fixture(scope="module")
def with_all(load):
    return load("with-all", "three.csv").run()


@pytest.fixture(scope="module")
def with_one(load):
    return load("with-one", "one.csv").run()


def test_each_side_has_the_reach_of_a_plan_with_the_gateways_that_are_left(ruled, with_all, with_one):
    np.testing.assert_array_equal(ruled.service.served, with_all.service.served)
    np.testing.assert_array_equal(ruled.compared.served, with_one.service.served)
    np.testing.assert_array_equal(ruled.compared.because, with_one.service.because)
    assert ruled.service.served.sum() > ruled.compared.served.sum()


def test_the_effect_is_the_difference_of_the_two_plans(ruled, with_all, with_one):
    before = {row.territory: row.population * row.served for row in with_all.territories}
    after = {row.territory: row.population * row.served for row in with_one.territories}
    rows = {row.territory: row for row in ruled.effect.rows if row.class_ == "fixed"}
    assert set(rows) >= set(before)
    for id_, row in rows.items():
        change = row.gained.people - row.lost.people
        assert change == pytest.approx(after[id_] - before[id_], abs=2 + 1e-5 * before[id_])
        assert row.because == (("bra-gw",) if row.lost.cells or row.gained.cells else ())
    assert rows["PRY"].lost.people > 0


def test_going_back_swaps_lost_and_gained(ruled, folder, load):
    swapped = 'compare = "all.toml"'
    path = folder / "back.toml"
    path.write_text(
        SCENARIO.format(name="back", gateways="three.csv", compare=swapped).replace(
            'rules = "all.toml"', 'rules = ["all.toml", "brazil.toml"]'
        )
    )
    back = Scenario.load(path).run()
    for there, again in zip(ruled.effect.rows, back.effect.rows, strict=True):
        assert (there.lost, there.gained) == (again.gained, again.lost)
        assert there.rtt_ms_p50 == again.rtt_ms_p50[::-1]


def test_what_is_withheld_is_said_and_enters_the_hash_of_the_network(load, with_all):
    ruled = load("ruled-again", "three.csv", COMPARE).case
    (note,) = [note for note in ruled.notes if "Withheld" in note]
    assert note == 'Withheld by bra-gw in "compare": 2 of 3 gateways (Porto Alegre, Presidente Prudente).'
    assert ruled.network_sha256 != with_all.case.network_sha256
    assert with_all.case.compare_network is None


def test_a_permit_of_some_gateways_withholds_the_others_in_the_plan_of_its_own_rules(load, folder, with_one):
    (folder / "argentina.toml").write_text(
        HEAD.replace("operator", "x") + '[[rule]]\nid = "arg-gw"\neffect = "permit"\n'
        'territory = {in = "ARG", include = []}\napplies_to = "gateway"\nreason = "an example"\n'
    )
    only = load("only", "three.csv", 'compare = ["all.toml", "argentina.toml"]')
    (note,) = [note for note in only.case.notes if "Withheld" in note]
    assert note.startswith('Withheld by "compare", which permits others: 2 of 3 gateways')
    ran = only.run()
    np.testing.assert_array_equal(ran.compared.served, with_one.service.served)
    assert {name for row in ran.effect.rows for name in row.because} == {"arg-gw"}


def test_forbids_and_permits_that_withhold_gateways_are_told_apart(load, folder):
    """The forbid alone was named, as if it withheld them all."""
    (folder / "mixed.toml").write_text(
        HEAD.replace("operator", "x") + '[[rule]]\nid = "bra-permit"\neffect = "permit"\n'
        'territory = {in = "BRA", include = []}\napplies_to = "gateway"\nreason = "an example"\n'
        '[[rule]]\nid = "no-prudente"\neffect = "forbid"\nterritory = {geojson = "prudente.geojson"}\n'
        'applies_to = "gateway"\nemergency = "cut"\nreason = "an example"\n'
    )
    around = {"type": "Polygon", "coordinates": [[[-52, -23], [-51, -23], [-51, -22], [-52, -22], [-52, -23]]]}
    (folder / "prudente.geojson").write_text(json.dumps(around))
    case = load("mixed-licences", "three.csv", 'compare = ["all.toml", "mixed.toml"]').case
    assert [note for note in case.notes if "Withheld" in note] == [
        'Withheld by no-prudente in "compare": 1 of 3 gateways (Presidente Prudente).',
        'Withheld by "compare", which permits others: 1 of 3 gateways (Falda del Carmen).',
    ]
    assert case.withholding == ("bra-permit", "no-prudente")
