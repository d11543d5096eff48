"""A network as a change: what its people lose is computed before anyone signs, and again at the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from office import REQUEST, Office
from world_made import JPN, OPERATORS, TWN

from openleo.changes import check_networks
from openleo.governance.state import Refused
from openleo.network_effects import REACH, Named, effect_of_networks
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import union
from openleo.results import Results
from openleo.scenario import Scenario

SCENARIO = """name = "{name}"
start = 2026-11-20T00:00:00Z
duration = "5m"
[constellation]
catalogue = "starlink-shell1"
isl = "none"
[ground]
area = [{area}]
resolution = 3
gateways = "{gateways}"
"""
AREA = '"URY", "PRY", "BOL"'
HEAD = 'schema = 1\nbook = "operator"\n'
RULE = '[[rule]]\nid = "some"\neffect = "permit"\nterritory = {{in = "{place}"}}\nreason = "an example"\n{more}'
ONE = "name,lat_deg,lon_deg\nFalda del Carmen,-31.58,-64.46\n"
THREE = ONE + "Porto Alegre,-30.03,-51.23\nPresidente Prudente,-22.13,-51.39\n"
AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    (folder / "three.csv").write_text(THREE)
    (folder / "one.csv").write_text(ONE)
    for name in ("three", "one"):
        (folder / f"{name}.toml").write_text(SCENARIO.format(name=name, area=AREA, gateways=f"{name}.csv"))
    (folder / "small.toml").write_text(SCENARIO.format(name="small", area='"URY"', gateways="three.csv"))
    (folder / "pry.toml").write_text(HEAD + RULE.format(place="PRY", more=""))
    (folder / "later.toml").write_text(HEAD + RULE.format(place="PRY", more="from = 2026-12-01T00:00:00Z\n"))
    return folder


def named(folder: Path, name: str) -> Named:
    case = Scenario.load(folder / f"{name}.toml", own_rules=False).case
    return Named(case, case.network_sha256)


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Results]:
    return {name: Scenario.load(folder / f"{name}.toml").run() for name in ("three", "one")}


def people(results: Results, territory: str) -> float:
    """Who can be served there, by a run of its own: the sum over parts of people by the share of time."""
    parts, share = results.parts, results.statistics.can_serve
    return float((parts.people * share[parts.cell])[parts.territory == territory].sum())


def rows(effect: Any, class_: str) -> dict[str, Any]:
    return {row.territory: row for row in effect.rows if row.class_ == class_}


def test_reach_that_is_lost_is_the_difference_of_two_runs(folder: Path, runs: dict[str, Results]) -> None:
    found = effect_of_networks(named(folder, "three"), named(folder, "one"), union([]), AT)
    reach = rows(found, REACH)
    assert set(reach) == {"URY", "PRY", "BOL"}
    for territory, row in reach.items():
        before, after = people(runs["three"], territory), people(runs["one"], territory)
        assert row.lost.people - row.gained.people == pytest.approx(before - after, abs=1.5)
        assert found.people[territory] == pytest.approx(before, abs=1.0)
    assert reach["PRY"].lost.people > 0
    served = [row for row in found.rows if row.class_ != REACH]
    assert served
    assert not any(row.changed for row in served)  # no rule permits anybody yet


def test_service_is_lost_where_rules_permit_it(folder: Path) -> None:
    rules = read_rules([folder / "pry.toml"])
    found = effect_of_networks(named(folder, "three"), named(folder, "one"), rules, AT)
    reach, fixed = rows(found, REACH), rows(found, "fixed")
    assert fixed["PRY"].lost.people == reach["PRY"].lost.people > 0
    assert not fixed["BOL"].changed


def test_rules_that_begin_later_are_edges(folder: Path) -> None:
    rules = read_rules([folder / "later.toml"])
    found = effect_of_networks(named(folder, "three"), named(folder, "one"), rules, AT)
    assert not any(row.changed for row in found.rows if row.class_ != REACH)
    (edge,) = found.edges
    assert edge.at == datetime(2026, 12, 1, tzinfo=UTC)
    assert {row.territory for row in edge.between.rows} == {"PRY"}


def test_a_first_network_gains_everything_and_the_way_back_loses_it(folder: Path, runs: dict[str, Results]) -> None:
    first = effect_of_networks(None, named(folder, "three"), union([]), AT)
    assert first.base == ""
    for territory, row in rows(first, REACH).items():
        assert not row.lost
        assert row.gained.people == pytest.approx(people(runs["three"], territory), abs=1.0)
    there = effect_of_networks(named(folder, "three"), named(folder, "one"), union([]), AT)
    back = effect_of_networks(named(folder, "one"), named(folder, "three"), union([]), AT)
    for territory, row in rows(there, REACH).items():
        assert rows(back, REACH)[territory].gained == row.lost
        assert rows(back, REACH)[territory].lost == row.gained


def test_what_a_smaller_area_leaves_out_is_still_counted(folder: Path) -> None:
    found = effect_of_networks(named(folder, "three"), named(folder, "small"), union([]), AT)
    assert set(rows(found, REACH)) == {"URY", "PRY", "BOL"}


# --- by the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path)


def test_a_gateway_taken_away_shows_its_loss_before_anyone_signs(office: Office, folder: Path) -> None:
    three, one = folder / "three.toml", folder / "one.toml"
    first = office.propose("propose-network", "first", three)
    assert first["proposed"]["moves"] == [{"base": None, "new": named(folder, "three").sha256, "target": "network"}]
    assert all(one["people_lost"] == 0 < one["people_gained"] for one in first["effect"]["touched"])
    office.sign("first")
    assert "is needed" in office.activate("first", code=2)
    assert "and the change is of" in office.activate("first", "--scenario", one, code=3)
    office.activate("first", "--scenario", three)
    assert "in force: --base" not in office.change("show", first["change"])

    assert "is needed" in office.change("propose-network", one, *REQUEST, "--out", office.path / "x", code=2)
    again = ("propose-network", three, "--base", three, *REQUEST, "--out", office.path / "x")
    assert "nothing would change" in office.change(*again, code=2)
    wrong = ("propose-network", three, "--base", one, *REQUEST, "--out", office.path / "x")
    assert "take the scenario of the network that is in force" in office.change(*wrong, code=2).lower()
    second = office.propose("propose-network", "second", one, "--base", three)
    reach = [row for row in office.effect("second")["territories"] if row["class"] == REACH]
    lost = {row["territory"]: row["lost"]["people"] for row in reach}
    assert lost["PRY"] > 0
    assert {one["territory"]: one["people_lost"] for one in second["effect"]["touched"]}["PRY"] == lost["PRY"]

    assert "1 of operator" in office.activate("second", "--scenario", one, "--base", three, code=3)
    office.sign("second")
    assert "--base gives no network" in office.activate("second", "--scenario", one, code=3)
    assert "3 slots, and of 20" in office.activate("second", "--scenario", one, "--base", three, "--slots", 3, code=3)
    office.activate("second", "--scenario", one, "--base", three)
    assert [entry["type"] for entry in office.entries()][-2:] == ["change.activated", "network.changed"]
    assert office.audit()["active"]["network"] == named(folder, "one").sha256

    back = office.propose("revert", "back", second["change"], "--scenario", three, "--base", one)
    assert back["proposed"]["reverts"] == second["change"]
    gained = {one["territory"]: one["people_gained"] for one in back["effect"]["touched"]}
    assert gained["PRY"] == lost["PRY"]


def test_a_first_network_is_not_reverted(office: Office, folder: Path) -> None:
    first = office.propose("propose-network", "first", folder / "three.toml")
    office.sign("first")
    office.activate("first", "--scenario", folder / "three.toml")
    said = office.change("revert", first["change"], *REQUEST, "--out", office.path / "x", code=3)
    assert "propose another network" in said


def test_rules_are_judged_on_the_network_in_force(office: Office, folder: Path) -> None:
    """A gateway that is taken out of the scenario without a change stops every change of rules."""
    three, one = folder / "three.toml", folder / "one.toml"
    rules = (folder / "pry.toml", "--base", "none", "--scenario")
    before = office.propose("propose", "before", *rules, three)  # none was approved yet
    office.propose("propose-network", "first", three)
    office.sign("first")
    office.activate("first", "--scenario", three)
    said = office.change("propose", *rules, one, *REQUEST, "--out", office.path / "x", code=3)
    assert f"approved is {named(folder, 'three').sha256}" in said
    office.sign("before")
    assert "approved is" in office.activate("before", "--scenario", one, code=3)
    office.activate("before", "--scenario", three)
    assert office.audit()["active"]["book:operator"] == before["proposed"]["moves"][0]["new"]

    withdrawn = ("none", "--base", folder / "pry.toml", "--scenario", three, "--slots", 3)
    few = office.propose("propose", "few", *withdrawn)  # of its first slots, and still of the network in force
    assert few["effect"]["network"] == named(folder, "three").sha256
    office.sign("few", (*OPERATORS[1:], TWN[0], JPN[0]))
    assert "20 slots, and of 3" in office.activate("few", "--scenario", three, code=3)
    office.activate("few", "--scenario", three, "--slots", 3)
    assert office.audit(0, "--scenario", three)["active"]["book:operator"] is None
    assert "approved is" in office.audit(3, "--scenario", one)["why"]


def test_an_effect_of_other_networks_or_rules_is_found(office: Office, folder: Path) -> None:
    """By the audit: the requester's programme can be another one."""
    office.propose("propose-network", "first", folder / "three.toml")
    effect = office.effect("first")
    with office.house() as house:
        (change,) = house.state.changes.values()
        check_networks(effect, {}, change, house.artefacts)
        for altered in (
            {"new": "1" * 64},
            {"base": "1" * 64},
            {"network": "1" * 64},
            {"notes": [note.replace(union([]).sha256, "1" * 64) for note in effect["notes"]]},
        ):
            with pytest.raises(Refused, match="its effect is"):
                check_networks(effect | altered, {}, change, house.artefacts)
