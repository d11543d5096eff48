"""`openleo policy effect` with everybody on the network: Singapore and Johor below the same satellites."""

from __future__ import annotations

import json
import shutil

import pytest

from openleo.attributes import attributes

SCENARIO = """
name = "strait"
start = 2026-11-20T12:00:00Z
duration = "1min"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = ["SGP", "SGP.sea12", "buffer(SGP, 30) & MYS"]
resolution = 5
gateways = "starlink-2026"
"""
CAPACITY = """
[capacity]
enabled = true
beams_per_satellite = 1
rate_slots = 2
[demand]
subscriptions = "none"
penetration = 0.0005
"""
POLICY = """
[policy]
rules = "old.toml"
compare = "new.toml"
"""
SINGAPORE = """schema = 1
book = "operator"
[[rule]]
id = "sgp"
effect = "permit"
territory = { in = "SGP", include = [] }
authority = "operator"
reason = "licensed"
"""
JOHOR = """
[[rule]]
id = "mys"
effect = "permit"
territory = { in = "MYS", include = [] }
authority = "operator"
reason = "licensed"
"""
NO_GATEWAY = """
[[rule]]
id = "gateways"
effect = "forbid"
applies_to = "gateway"
territory = { in = "IDN" }
authority = "a regulator"
reason = "a test"
emergency = "cut"
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("beams")


@pytest.fixture
def effect(run, tmp_path, cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def effect(old: str, new: str, *options: object, capacity: str = CAPACITY):
        for name, text in (("s.toml", SCENARIO + capacity + POLICY), ("old.toml", old), ("new.toml", new)):
            (tmp_path / name).write_text(text)
        return run("policy", "effect", "old.toml", "new.toml", "--scenario", "s.toml", "--beam-km", 0, *options)

    return effect


def rows(said: dict, class_: str = "fixed") -> dict[str, dict]:
    return {row["territory"]: row for row in said["territories"] if row["class"] == class_}


def test_switching_one_side_of_a_strait_on_displaces_the_other(effect):
    said = effect(SINGAPORE, SINGAPORE + JOHOR, "--json").json
    here, there = (rows(said)[name] for name in ("SGP", "MYS"))
    assert said["capacity"] == {"slots": 4, "rate_slots": 2}
    most = said["people"]["SGP"]
    assert 0.02 * most < here["displaced_by_capacity"]["people"] < 0.9 * most
    assert here["displaced_by_capacity"]["cells"] > 0
    assert here["lost"]["people"] == 0
    assert there["gained"]["people"] > 0
    for amount in (there["displaced_by_capacity"], there["freed_by_capacity"]):
        assert amount == {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None}
    assert here["down_mbps_p50"][0] > here["down_mbps_p50"][1] > 0.0
    assert there["down_mbps_p50"][0] is None
    assert there["up_mbps_p50"][1] > 0.0
    assert rows(said)["SGP.sea12"]["displaced_by_capacity"]["people"] == 0  # nobody subscribes there
    total = next(one for one in said["totals"] if one["class"] == "fixed")
    assert total["displaced_by_capacity"]["people"] == here["displaced_by_capacity"]["people"]
    back = rows(effect(SINGAPORE + JOHOR, SINGAPORE, "--json").json)
    assert back["SGP"]["freed_by_capacity"] == here["displaced_by_capacity"]
    assert back["MYS"]["lost"]["people"] == there["gained"]["people"]
    assert back["MYS"]["displaced_by_capacity"]["people"] == 0


def test_it_is_told_in_words(effect):
    said = effect(SINGAPORE, SINGAPORE + JOHOR).out
    first, second = said.index("Malaysia"), said.index("What shared beams take and give back, over 4 slots")
    assert first < second < said.index("Singapore", second) < said.index("displaced:", said.index("Singapore", second))
    assert "Mbit/s down" in said
    assert "What shared beams would take is not computed." not in said
    assert "Demand is that of " in said


def test_without_capacity_nothing_of_it_is_known(effect):
    said = effect(SINGAPORE, SINGAPORE + JOHOR, "--json", capacity="").json
    assert said["capacity"] is None
    for row in said["territories"]:
        assert row["displaced_by_capacity"] is row["freed_by_capacity"] is None
        assert row["down_mbps_p50"] == row["up_mbps_p50"] == [None, None]


@pytest.mark.slow
def test_the_same_bytes_by_any_number_of_threads_from_the_cache_and_without(effect, cache):
    found = []
    for threads in (1, 3):
        shutil.rmtree(cache / "openleo" / "reach", ignore_errors=True)
        found += [effect(SINGAPORE, SINGAPORE + JOHOR, "--json", "--threads", threads).out for _ in range(2)]
    assert len(set(found)) == 1


@pytest.mark.slow
def test_a_plan_that_compares_tells_the_same(effect, run, tmp_path):
    said = effect(SINGAPORE, SINGAPORE + JOHOR, "--json").json
    planned = run("plan", "s.toml", "--out", tmp_path / "out", "--json")
    assert planned.code == 0, planned.err
    found = json.loads((tmp_path / "out" / "effect.json").read_text())
    names = ("displaced_by_capacity", "freed_by_capacity", "down_mbps_p50", "up_mbps_p50")
    for territory, row in rows(found).items():
        assert {name: row[name] for name in names} == {name: rows(said)[territory][name] for name in names}
    described = [row.name for row in attributes("summary") if row.name.startswith("effect.")]
    for where, one in (("territories[]", found["territories"][0]), ("totals[]", found["totals"][0])):
        for name in names[:2]:
            written = [f"effect.{where}.{name}.{key}" for key in one[name]]
            assert [key for key in described if key.startswith(f"effect.{where}.{name}.")] == written
    assert [f"effect.capacity.{key}" for key in found["capacity"]] == [
        key for key in described if key.startswith("effect.capacity.")
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "By shared beams, of those who stay served: fixed: displaced" in page


def test_where_rules_change_gateways_each_side_shares_out_beams_of_its_own_network(effect):
    said = effect(SINGAPORE + JOHOR, SINGAPORE + JOHOR + NO_GATEWAY, "--json").json
    for row in rows(said).values():
        lost, displaced = row["lost"]["people"], row["displaced_by_capacity"]["people"]
        assert lost + displaced <= said["people"].get(row["territory"], 0) + 1
        assert row["freed_by_capacity"] is not None


def test_more_classes_of_a_demand_are_told_apart(effect):
    """Emergency terminals come first on both sides: who is switched on beside them displaces others alone."""
    classes = """
[[demand.class]]
name = "fixed"
share = 0.9
[[demand.class]]
name = "emergency"
share = 0.1
"""
    said = effect(SINGAPORE, SINGAPORE + JOHOR, "--json", capacity=CAPACITY + classes).json
    fixed, urgent = (rows(said, name)["SGP"]["displaced_by_capacity"]["people"] for name in ("fixed", "emergency"))
    assert fixed > 0
    assert urgent == 0
