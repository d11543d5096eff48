"""Intervals in the report: whose, how wide, and by what they are moved."""

from __future__ import annotations

import copy

from openleo.report import capacity_words, how_sure
from openleo.service.summary import TerritoryRow


def interval(p5: float, p95: float, by: str | None = "masks") -> dict[str, object]:
    return {"p5": p5, "p50": (p5 + p95) / 2.0, "p95": p95, "missing": 0, "moved_most_by": by}


FOUND = {
    "draws": 10,
    "seed": 0,
    "percent": [5.0, 50.0, 95.0],
    "sources": [{"name": "masks", "what": "Elevation masks <up or down>.", "basis": "Assumed."}],
    "territories": [
        {"territory": "TON", "can_serve": interval(1.0, 1.0), "served": interval(0.5, 0.75),
         "rtt_ms_p50": interval(39.6, 58.4), "down_mbps_p50": None, "up_mbps_p50": None},
        {"territory": "WSM", "can_serve": interval(1.0, 1.0), "served": None, "rtt_ms_p50": None,
         "down_mbps_p50": None, "up_mbps_p50": None},
    ],
}  # fmt: skip


def test_the_section_has_every_territory_and_says_what_was_drawn() -> None:
    page = str(how_sure.section(FOUND))
    assert "5 to 95 % of 10 draws of masks" in page
    assert "39.6 to 58.4 (masks)" in page
    assert "50.0 to 75.0 % (masks)" in page
    assert "100.0 %" in page
    assert "Tonga" in page
    assert "Samoa" in page
    assert "&lt;up or down&gt;" in page, "texts are escaped"
    assert "down (Mbit/s)" not in page, "nobody has one"


def test_without_draws_there_is_no_section() -> None:
    assert not how_sure.section(None)
    assert how_sure.of_download(None) == {}


def test_downloads_are_told_with_their_interval() -> None:
    found = copy.deepcopy(FOUND)
    found["territories"][0]["down_mbps_p50"] = interval(90.0, 160.0)
    row = TerritoryRow("TON", "Tonga", 1, 100, 1.0, "population", 1.0, 1.0, 1.0, 50.0, 60.0, {}, 120.0, 20.0)
    said = capacity_words.measured([row], how_sure.of_download(found))
    assert "120 Mbit/s (90.0 to 160 Mbit/s)" in said or "120 Mbit/s (90.0 to 160)" in said
