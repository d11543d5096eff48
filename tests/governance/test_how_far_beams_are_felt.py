"""How far a beam is felt is of the network: its hash says so, and effects are told with it as plans are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from openleo.changes import effect_of_rules
from openleo.controller import twin
from openleo.controller.elements_file import with_elements
from openleo.network_effects import REACH, Named, effect_of_networks
from openleo.policy.rule_file import read_rules
from openleo.scenario import Scenario

AT = datetime(2026, 11, 20, tzinfo=UTC)
SCENARIO = """name = "felt"
start = 2026-11-20T00:00:00Z
duration = "30s"
[constellation]
catalogue = "starlink-shell1"
isl = "none"
[ground]
area = ["LUX"]
resolution = 5
gateways = "starlink-2026"
"""
HEAD = 'schema = 1\nbook = "operator"\n'
ALL = '[[rule]]\nid = "all"\neffect = "permit"\nterritory = { in = "world" }\nreason = "an example"\n'
QUIET = """[[rule]]
id = "telescope"
effect = "forbid"
applies_to = "beam"
territory = { geojson = { type = "Polygon", coordinates = [[
    [6.09, 49.74], [6.11, 49.74], [6.11, 49.76], [6.09, 49.76], [6.09, 49.74],
]] } }
emergency = "keep"
reason = "quiet for a telescope, as an example"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("felt")
    (folder / "all.toml").write_text(HEAD + ALL)
    (folder / "quiet.toml").write_text(HEAD + ALL + QUIET)
    (folder / "plain.toml").write_text(SCENARIO)
    for beam_km in (12, 40):
        policy = f'[policy]\nrules = "all.toml"\nbeam_km = {beam_km}\n'
        (folder / f"{beam_km}.toml").write_text(SCENARIO + policy)
    return folder


def named(folder: Path, name: str) -> Named:
    case = Scenario.load(folder / f"{name}.toml", own_rules=False).case
    return Named(case, case.network_sha256)


def lost_km2(effect: dict[str, Any], class_: str = "fixed") -> float:
    return sum(row["lost"]["area_km2"] for row in effect["territories"] if row["class"] == class_)


def test_the_networks_hash_says_how_far_and_one_that_does_not_is_of_twelve(folder: Path) -> None:
    plain, twelve, forty = (named(folder, name).case for name in ("plain", "12", "40"))
    assert plain.network_sha256 == twelve.network_sha256 != forty.network_sha256
    assert "beam_km" not in twelve.network_document
    assert forty.network_document["beam_km"] == "40.0"
    assert plain.reach_sha256 == forty.reach_sha256  # satellites reach as many
    assert Scenario.load(folder / "40.toml").case.network_sha256 == forty.network_sha256


def test_with_elements_of_another_day_beams_are_felt_as_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "1 44713U 19074A   26060.50000000  .00001000  00000-0  80000-4 0  9992"
    other = "2 44713  53.0530 100.0000 0001400  90.0000 270.0000 15.06400000    18"
    (tmp_path / "sky.tle").write_text(f"STARLINK-1007\n{line}\n{other}\n")
    text = SCENARIO.replace('catalogue = "starlink-shell1"', 'elements = "sky.tle"')
    (tmp_path / "rules.toml").write_text(HEAD + ALL)
    (tmp_path / "s.toml").write_text(text + '[policy]\nrules = "rules.toml"\nbeam_km = 40.0\n')
    monkeypatch.setattr(twin, "ready", lambda case: case)  # cells are not asked for
    again: Any = with_elements(tmp_path / "s.toml", (tmp_path / "sky.tle").read_bytes())
    assert again.beam_km == 40.0
    assert again.network_sha256 == Scenario.load(tmp_path / "s.toml").case.network_sha256


def test_what_is_signed_is_what_the_network_keeps_dark(folder: Path) -> None:
    rules = [read_rules([folder / f"{name}.toml"]) for name in ("all", "quiet")]
    near, far = (effect_of_rules(named(folder, name), rules[0], rules[1], AT) for name in ("12", "40"))
    assert 0.0 < lost_km2(near) < 700.0 < lost_km2(far)
    assert any("within 40 km" in note for note in far["notes"])


def test_beams_that_are_felt_farther_are_a_loss_of_the_network_s_change(folder: Path) -> None:
    rules = read_rules([folder / "quiet.toml"])
    found = effect_of_networks(named(folder, "12"), named(folder, "40"), rules, AT)
    assert not any(row.changed for row in found.rows if row.class_ in (REACH, "emergency"))
    rows = effect_of_rules(named(folder, "12"), read_rules([folder / "all.toml"]), rules, AT)
    whole = effect_of_rules(named(folder, "40"), read_rules([folder / "all.toml"]), rules, AT)
    assert lost_km2(found.as_json()) == pytest.approx(lost_km2(whole) - lost_km2(rows), abs=1.0)
    back = effect_of_networks(named(folder, "40"), named(folder, "12"), rules, AT).as_json()
    assert lost_km2(back) == 0.0
    assert {note for note in found.notes if "Rules on beams" in note} == {
        note for note in back["notes"] if "Rules on beams" in note
    }
