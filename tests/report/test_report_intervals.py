"""How sure the figures are, in the report: what the draws gave, and how to have it where nothing was drawn."""

import re

from openleo.report import capacity_words, html_intervals
from openleo.service.summary import TerritoryRow

BECAUSE = {"not_permitted": 0.0, "no_satellite": 0.0, "no_gateway": 0.0, "no_capacity": 0.0}


def figure(p5: float, p95: float, by: str | None = None) -> dict:
    return {"p5": p5, "p50": (p5 + p95) / 2.0, "p95": p95, "missing": 0, "moved_most_by": by}


def drawn(**changes) -> dict:
    row = {
        "territory": "TON", "can_serve": figure(1.0, 1.0), "served": figure(0.9, 1.0, "masks"),
        "rtt_ms_p50": figure(39.6, 58.3, "masks"), "down_mbps_p50": figure(98.2, 151.0, "penetration"),
        "up_mbps_p50": None,
    }  # fmt: skip
    total = {name: figure(1_000.0, 2_000.0, "penetration") for name in html_intervals.TOTALS}
    sources = [{"name": "masks", "what": "Masks <each>.", "basis": "Assumed."},
               {"name": "penetration", "what": "Subscribers.", "basis": "A table."}]  # fmt: skip
    return {"draws": 20, "seed": 0, "sources": sources, "capacity": total, "territories": [row], **changes}


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_every_figure_that_was_drawn_is_told_with_what_moves_it():
    page = html_intervals.section(drawn())
    said = text_of(page)
    assert "From 5 to 95 % of 20 draws of masks and penetration" in said
    row = "Tonga 100% 90.0% to 100% (masks) 39.6 ms to 58.3 ms (masks) 98.2 Mbit/s to 151 Mbit/s (penetration)"
    assert row in said
    assert "Upload" not in said  # in no draw
    assert "In all: asked for, down 1.0 Gbit/s to 2.0 Gbit/s (penetration); given, down" in said
    assert "Masks &lt;each&gt;." in page
    assert "In all" not in html_intervals.section(drawn(capacity=None))


def test_without_draws_it_says_how_to_have_them():
    assert "--draws 20" in html_intervals.section(None)


def test_the_head_of_the_page_gives_downloads_with_their_interval():
    row = TerritoryRow(
        "TON", "Tonga", 1, 100, 1.0, "population", 1.0, 1.0, 1.0, 30.0, 40.0, BECAUSE, 123.4, 12.0, {"demand": 1.0}
    )
    said = capacity_words.measured([row], {"TON": (98.2, 151.0)})
    assert (
        said
        == "A user's test of the line finds, in the median: Tonga 123 Mbit/s (98.2 to 151) down and 12.0 Mbit/s up."
    )
