"""Changes of networks and of rules with everybody on the network: what shared beams take is signed with the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from office import Office
from test_network_change import AREA, HEAD, ONE, RULE, SCENARIO, THREE, named, rows

from command_line import openleo
from openleo.network_effects import REACH, effect_of_networks
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import union
from openleo.results import Results
from openleo.scenario import Scenario

AT = datetime(2026, 11, 20, tzinfo=UTC)
CAPACITY = """[capacity]
enabled = true
beams_per_satellite = 2
every_slots = 10
rate_slots = 1
[demand]
penetration = 0.002
"""
AMOUNTS = ("displaced_by_capacity", "freed_by_capacity")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crowded")
    (folder / "three.csv").write_text(THREE)
    (folder / "one.csv").write_text(ONE)
    for name in ("three", "one"):
        text = SCENARIO.format(name=name, area=AREA, gateways=f"{name}.csv")
        (folder / f"{name}.toml").write_text(text + CAPACITY)
        (folder / f"{name}-alone.toml").write_text(text)
    (folder / "pry.toml").write_text(HEAD + RULE.format(place="PRY", more=""))
    return folder


def given(results: Results) -> np.ndarray:
    """(part,): what each gets of what it asks for, by a run of its own without rules."""
    assert results.service.rates is not None
    return results.service.rates.given("fixed")


def test_what_beams_take_is_the_difference_of_two_runs(folder: Path) -> None:
    """Two gateways of three go: who is still reached shares what is left."""
    found = effect_of_networks(named(folder, "three"), named(folder, "one"), union([]), AT)
    runs = [Scenario.load(folder / f"{name}.toml").run() for name in ("three", "one")]
    parts = runs[0].parts
    share = np.minimum(*(one.statistics.can_serve[parts.cell] for one in runs))
    drop = given(runs[0]) - given(runs[1])
    some = 0
    for territory, row in rows(found, REACH).items():
        mine = parts.territory == territory
        assert row.moved is not None
        for amount, one in ((row.moved.displaced, drop), (row.moved.freed, -drop)):
            expected = float((parts.people * share * np.maximum(one, 0.0))[mine].sum())
            assert amount.people == pytest.approx(expected, abs=0.51)
            some += amount.people
        assert row.down_mbps_p50[0] is not None
    assert some > 0
    assert found.shared is not None
    assert (found.shared.slots, found.shared.rate_slots) == (2, 1)
    for row in rows(found, "fixed").values():
        assert row.moved is not None
        assert not row.moved  # nobody is permitted
        assert row.down_mbps_p50 == (None, None)
    same = effect_of_networks(named(folder, "one"), named(folder, "one"), read_rules([folder / "pry.toml"]), AT)
    assert not any(row.moved for row in same.rows)
    fixed = rows(same, "fixed")["PRY"]
    assert fixed.down_mbps_p50[0] == fixed.down_mbps_p50[1] is not None


@pytest.mark.parametrize(("old", "new"), [("three-alone", "one"), ("three", "one-alone"), (None, "one")])
def test_where_one_network_has_no_capacity_nothing_is_known(folder: Path, old: str | None, new: str) -> None:
    before = None if old is None else named(folder, old)
    found = effect_of_networks(before, named(folder, new), union([]), AT)
    assert found.shared is None
    assert all(row.moved is None and row.down_mbps_p50 == (None, None) for row in found.rows)
    assert any("Of shared beams nothing is told" in one for one in found.notes)
    neither = effect_of_networks(named(folder, "three-alone"), named(folder, "one-alone"), union([]), AT)
    assert not any("shared beams" in one for one in neither.notes)


def of(effect: dict[str, Any], territory: str) -> dict[str, Any]:
    return next(row for row in effect["territories"] if (row["territory"], row["class"]) == (territory, "fixed"))


def test_what_beams_take_is_signed_and_computed_again(tmp_path: Path, folder: Path) -> None:
    office = Office.founded(tmp_path)
    scenario = folder / "three.toml"
    office.propose("propose", "paraguay", folder / "pry.toml", "--base", "none", "--scenario", scenario)
    effect = office.effect("paraguay")
    assert effect["capacity"] == {"slots": 2, "rate_slots": 1}
    row = of(effect, "PRY")
    assert row["gained"]["people"] > 0
    assert all(row[name]["people"] == 0 for name in AMOUNTS)
    assert row["down_mbps_p50"][0] is None
    assert row["down_mbps_p50"][1] > 0.0
    code, out, err = openleo("change", "verify", office.path / "paraguay", "--json")
    assert code == 0, out + err
    assert json.loads(out)["recomputed"] is True
