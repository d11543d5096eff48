"""The whole world for an hour: issue 2 must show a row for every ISO entry with people, and every person once.

Authorities: ISO 3166-1, as listed in the embedded table; the embedded population estimate; the Earth's surface of
510.07 million km² (WGS 84: 510,065,622 km²; H3's authalic sphere: 510,066,000).
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

import pytest

from openleo import Scenario

pytestmark = pytest.mark.slow

SCENARIO = """
name = "world"
start = 2026-11-20T00:00:00Z
duration = "1h"
slot = "15s"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = "world"
resolution = 3
"""
A_THOUSANDTH = 0.001
EARTH_KM2 = 510.07e6


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    path = tmp_path_factory.mktemp("world") / "world.toml"
    path.write_text(SCENARIO)
    summary = Scenario.load(path).run().summary()
    assert (summary["slots"], summary["cells"]) == (240, 41_162)
    assert len({row["territory"] for row in summary["territories"]}) == len(summary["territories"])
    return {row["territory"]: row for row in summary["territories"]}


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    text = (files("openleo.data") / "places" / "territories.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_iso_entry_with_people_has_one_row(rows: dict[str, dict[str, Any]], table: list[dict[str, str]]) -> None:
    with_people = [row["territory"] for row in table if row["kind"] == "country" and int(row["population"]) > 0]
    assert len(with_people) > 230
    assert [territory for territory in with_people if territory not in rows] == []
    for small in ("SGP", "MLT", "BHR", "LUX", "TON"):
        assert rows[small]["population"] > 0
        assert rows[small]["area_km2"] > 0.0
        assert rows[small]["weighting"] == "population"


def test_everybody_is_counted_once(rows: dict[str, dict[str, Any]], table: list[dict[str, str]]) -> None:
    embedded = sum(int(row["population"]) for row in table)
    assert sum(row["population"] for row in rows.values()) == pytest.approx(embedded, rel=A_THOUSANDTH)
    for row in table:
        if int(row["population"]) > 0:
            assert rows[row["territory"]]["population"] == pytest.approx(
                int(row["population"]), rel=A_THOUSANDTH, abs=2
            )


def test_every_square_kilometre_is_counted_once(rows: dict[str, dict[str, Any]]) -> None:
    assert sum(row["area_km2"] for row in rows.values()) == pytest.approx(EARTH_KM2, rel=A_THOUSANDTH)


def test_land_is_as_large_as_the_table_says(rows: dict[str, dict[str, Any]], table: list[dict[str, str]]) -> None:
    for row in table:
        if float(row["area_km2"]) > 1000.0:
            assert rows[row["territory"]]["area_km2"] == pytest.approx(float(row["area_km2"]), rel=0.01)


def test_shares_make_one_and_most_people_can_be_served(rows: dict[str, dict[str, Any]]) -> None:
    for row in rows.values():
        assert row["served"] + sum(row["not_served_because"].values()) == pytest.approx(1.0, abs=5e-6)
    people = sum(row["population"] for row in rows.values())
    served = sum(row["population"] * row["served"] for row in rows.values())
    assert served / people > 0.95  # with links, 53° and polar shells
