"""The address of a run holds all that it is computed from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from openleo.study import keys
from study_files import SCENARIO

RULES = """
schema = 1
book = "operator"
[[rule]]
id = "lux"
effect = "permit"
territory = { in = "LUX" }
authority = "operator"
reason = "licensed"
"""


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "gateways.csv").write_text("name,lat_deg,lon_deg\nHere,49.6,6.1\n")
    read = tomllib.loads(SCENARIO) | {"policy": {"rules": "rules.toml"}}
    return {**read, "ground": {"area": ["LUX"], "gateways": "gateways.csv"}}


def address(tables: dict[str, Any], folder: Path, slots: int | None = None) -> str:
    return keys.address_of(tables, folder / "small.toml", slots)


def test_it_is_the_same_again_and_for_the_same_elsewhere(tables: dict[str, Any], tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    for name in ("rules.toml", "gateways.csv"):
        (there / name).write_bytes((tmp_path / name).read_bytes())
    assert address(tables, tmp_path) == address(dict(reversed(tables.items())), tmp_path) == address(tables, there)


def test_a_key_the_slots_a_file_and_a_version_change_it(
    tables: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {address(tables, tmp_path), address(tables, tmp_path, 4)}
    known.add(address({**tables, "links": {"chain": True}}, tmp_path))
    (tmp_path / "gateways.csv").write_text("name,lat_deg,lon_deg\nHere,49.7,6.1\n")
    known.add(address(tables, tmp_path))
    (tmp_path / "rules.toml").write_text(RULES.replace("permit", "forbid").replace("reason", 'emergency="cut"\nreason'))
    known.add(address(tables, tmp_path))
    monkeypatch.setattr(keys, "version", lambda: "0.0.9-other")
    known.add(address(tables, tmp_path))
    assert len(known) == 6


def test_a_folder_that_is_called_as_something_in_the_scenario_is_not_read(
    tables: dict[str, Any], tmp_path: Path
) -> None:
    before = address(tables, tmp_path)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "summary.json").write_text("{}")
    assert address(tables, tmp_path) == before


def test_areas_of_rules_and_of_expressions_count(tables: dict[str, Any], tmp_path: Path) -> None:
    square = '{"type":"Polygon","coordinates":[[[6,49],[%s,49],[7,50],[6,50],[6,49]]]}'
    (tmp_path / "zone.geojson").write_text(square % "7")
    (tmp_path / "rules.toml").write_text(RULES.replace('"LUX"', '"LUX - zone.geojson"'))
    over = {**tables, "policy": {}, "ground": {"area": ["LUX & zone.geojson"]}}
    before = address(tables, tmp_path), address(over, tmp_path)
    (tmp_path / "zone.geojson").write_text(square % "7.5")
    after = address(tables, tmp_path), address(over, tmp_path)
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize("place", ["zones/zone.geojson", "../zone.geojson"])
def test_areas_of_rules_count_wherever_they_are(tables: dict[str, Any], tmp_path: Path, place: str) -> None:
    square = '{"type":"Polygon","coordinates":[[[6,49],[%s,49],[7,50],[6,50],[6,49]]]}'
    (tmp_path / "rules" / "zones").mkdir(parents=True)
    zone = tmp_path / "rules" / place
    zone.write_text(square % "7")
    (tmp_path / "rules" / "rules.toml").write_text(RULES.replace('"LUX"', f'"LUX - {place}"'))
    tables = {**tables, "policy": {"rules": "rules/rules.toml"}}
    before = address(tables, tmp_path)
    zone.write_text(square % "7.5")
    assert address(tables, tmp_path) != before
    zone.write_text(square % "7")
    assert address(tables, tmp_path) == before


def test_a_version_holds_the_code_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    from openleo import kept

    before = keys.version.__wrapped__()
    assert before == keys.version()
    monkeypatch.setattr(kept, "code_sha256", lambda *_modules: "another")
    assert keys.version.__wrapped__() != before
