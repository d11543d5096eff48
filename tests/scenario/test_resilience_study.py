"""The shipped study of causes: its page has its table, its targets are the gateways that see Taiwan."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.scenario import Scenario, load_pairs
from openleo.study.overrides import with_overrides

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "examples" / "studies" / "resilience.toml"
VARIANTS = tomllib.loads(STUDY.read_text(encoding="utf-8"))["factor"][0]["variants"]


def load(cause: str) -> Scenario:
    path = STUDY.parent / "taiwan-bent-pipe.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8")) | {"duration": "2m"}
    return Scenario.of(with_overrides(tables, VARIANTS[cause].items()), path, [])


def test_the_page_has_a_row_for_each_cause() -> None:
    page = (ROOT / "docs" / "how-to" / "resilience.md").read_text(encoding="utf-8")
    assert [cause for cause in VARIANTS if f"| {cause} |" not in page] == []


def test_four_gateways_by_aim_are_all_that_serve_taiwan() -> None:
    scenario = load("4 gateways by aim, step by step")
    aimed = [one.name for one in scenario.case.network.failures.outages]
    assert sorted(aimed[:3]) == ["Angeles", "Bambang", "Lucena"]
    assert scenario.run(threads=1).summary()["territories"][0]["served"] == 0.0


def test_storms_of_the_study_are_nested() -> None:
    mild, worse, worst = (
        {one.name for one in load(f"storm: 9 in 10 below {km} km").case.network.failures.outages}
        for km in (545, 555, 600)
    )
    assert mild < worse < worst


def test_pairs_of_places_refuse_what_they_cannot_honour(tmp_path: Path) -> None:
    path = tmp_path / "pairs.toml"
    path.write_text(
        """
name = "pairs"
conventions = "hypatia"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = ["LUX"]
[links]
ground_range_km = 1000
[[jamming]]
centre_lat_deg = 49.6
centre_lon_deg = 6.1
radius_km = 60
elevation_deg = 40
""",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as raised:
        load_pairs(path)
    assert "jamming: is not honoured" in str(raised.value)
