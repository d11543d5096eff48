"""Availability over the run: what the chart shows is what the tables say, at the times that its axis names."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest

from openleo.instants import SlotGrid
from openleo.report import day_chart
from openleo.report.html import render
from openleo.service.day import Day

GRID = SlotGrid(datetime(2026, 11, 20, 22, 30, tzinfo=UTC), 3600.0, 4)


def day_of(served, longitude_deg=None):
    served = np.array(served, float)
    left = 0.9 - served
    return Day("population", served, left / 3.0, left * 2.0 / 3.0, 0.1, longitude_deg, np.zeros(len(served)))


def heights(chart: str, word: str) -> list[float]:
    """The share that a band of the chart takes at each step, read off its outline."""
    drawn = re.search(rf'<path d="M([^"]*)Z" class="{word}">', chart)
    assert drawn, word
    points = [tuple(map(float, one.split())) for one in drawn[1].split("L")]
    half = len(points) // 2
    along, back = points[:half:2], points[: half - 1 : -1][::2]
    tall = day_chart.BOTTOM - day_chart.TOP
    return [(low - high) / tall for (_, high), (_, low) in zip(along, back, strict=True)]


def test_bands_are_as_tall_as_the_shares():
    chart = day_chart.chart(day_of([0.9, 0.3, 0.6, 0.0]), GRID)
    assert heights(chart, "served") == pytest.approx([0.9, 0.3, 0.6, 0.0], abs=1e-3)
    assert heights(chart, "no_gateway") == pytest.approx([0.0, 0.4, 0.2, 0.6], abs=1e-3)
    assert heights(chart, "no_satellite") == pytest.approx([0.0, 0.2, 0.1, 0.3], abs=1e-3)
    assert heights(chart, "not_permitted") == pytest.approx([0.1] * 4, abs=1e-3)


def test_steps_alike_are_drawn_as_one():
    assert len(heights(day_chart.chart(day_of([0.5, 0.5, 0.5, 0.2]), GRID), "served")) == 2


def test_many_slots_are_averaged_to_the_last():
    values = np.arange(1001.0)
    steps, each = day_chart.steps_of(values)
    assert (each, len(steps)) == (3, 334)
    assert steps[:2].tolist() == [1.0, 4.0]
    assert steps[-1] == pytest.approx((999.0 + 1000.0) / 2.0)


def test_hours_are_utc_and_the_suns():
    chart = day_chart.chart(day_of([0.9] * 4, longitude_deg=90.0), GRID)
    words = re.findall(r"<text[^>]*>([^<]*)</text>", chart)
    assert words[words.index("UTC") - 2 : words.index("UTC")] == ["02:30", "08:30"]
    assert "23:00" in words
    assert words[words.index("23:00") + 1] == "05:00"
    assert "Sun" not in re.findall(r">([^<]*)<", day_chart.chart(day_of([0.9] * 4), GRID))


def test_ticks_stand_where_their_time_is():
    chart = day_chart.chart(day_of([0.9] * 4), GRID)
    x = {said: float(at) for at, said in re.findall(r'<text x="([\d.]+)" y="247.0"[^>]*>(\d\d:\d\d)<', chart)}
    wide = day_chart.RIGHT - day_chart.LEFT
    assert x["23:00"] == pytest.approx(day_chart.LEFT + wide / 8.0, abs=0.1)
    assert x["02:00"] == pytest.approx(day_chart.LEFT + wide * 3.5 / 4.0, abs=0.1)


def test_words_tell_the_worst_slot():
    said = day_chart.finding(day_of([0.9, 0.3, 0.6, 0.0]), GRID)
    assert "45.0% of people" in said
    assert "least in the slot of 2026-11-21 01:30:00 UTC: 0%" in said
    assert "In every slot 90.0%" in day_chart.finding(day_of([0.9] * 4), GRID)


def test_the_page_shows_the_run_slot_by_slot(compared, patchy):
    for results in (compared, patchy):
        people = np.array([row.population for row in results.territories])
        served = np.array([row.served for row in results.territories])
        assert results.day.served.mean() == pytest.approx(people @ served / people.sum(), abs=1e-5)
        assert results.day.slots == results.case.grid.slots
        page = render(results, b"")
        assert "Availability over the run" in page
        assert day_chart.finding(results.day, results.case.grid) in page


def test_the_day_has_what_shared_beams_take(crowded):
    """Every second slot is computed, so that what holds in between may differ a little."""
    rows = [row for row in crowded.territories if row.weighting == "population"]
    people = np.array([row.population for row in rows])
    lost = np.array([row.not_served_because["no_capacity"] for row in rows])
    assert crowded.day.no_capacity.mean() > 0.02
    assert crowded.day.no_capacity.mean() == pytest.approx(people @ lost / people.sum(), abs=2e-3)
    total = sum(crowded.day.shares().values())
    assert total == pytest.approx(np.ones(crowded.day.slots))
    assert "no_capacity" in day_chart.chart(crowded.day, crowded.case.grid)
