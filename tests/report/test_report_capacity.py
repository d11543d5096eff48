"""The sections that capacity adds to the report, and that a run without it has none of them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np
import pytest
from test_report_html import read

from openleo import cells as h3cells
from openleo.instants import SlotGrid
from openleo.network.capacity.caps import Binding
from openleo.report import capacity_words, html_capacity, traffic_chart
from openleo.report import write as writing
from openleo.report.day_chart import BOTTOM, TOP
from openleo.report.html import render
from openleo.report.rate_map import BOUND
from openleo.report.write import FILES, write
from openleo.service.summary import TerritoryRow

GRID = SlotGrid(datetime(2026, 11, 20, tzinfo=UTC), 900.0, 96)
BECAUSE = {"not_permitted": 0.0, "no_satellite": 0.0, "no_gateway": 0.0, "no_capacity": 0.0}
NAMES = ("TWN", "JPN", "KOR", "PHL", "MYS", "BRN")
OWN = ("Rates and what binds them", "How full the network is")


def row(name, people, down, **bound):
    return TerritoryRow(
        name, name, 1, people, 1.0, "population", 1.0, 1.0, 1.0, 30.0, 40.0, BECAUSE, down, down and down / 10.0, bound
    )


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


# --- words --------------------------------------------------------------------------------------------------------


def test_shares_of_what_binds_are_of_all_people():
    rows = [row("TWN", 300, 50.0, demand=1.0), row("JPN", 100, 5.0, demand=0.2, beam=0.6, isl=0.2)]
    said = capacity_words.bound(rows)
    assert said == (
        "80.0% of people × time have what they ask for; what stops the others is beams (15.0%) and an inter-satellite "
        "link (5.0%)."
    )
    assert capacity_words.bound(rows[:1]) == "100% of people × time have what they ask for."
    assert capacity_words.bound([]) == ""


def test_every_constraint_has_words_and_a_colour_in_the_page_and_on_the_map():
    names = {one.name.lower() for one in Binding}
    assert set(capacity_words.STOPPED_BY) == names - {"demand"}
    assert set(html_capacity.BOUND_NAMES) == names == set(html_capacity.BOUND)
    css = (files("openleo.report") / "report.css").read_text()
    styles = dict(re.findall(r"\.by_(\w+) \{ fill: (#\w+|var\([^)]*\)); \}", css))
    assert set(styles) == names
    for one in Binding:
        if one is not Binding.NO_WAY:  # a variable: it is light where the page is dark
            assert styles[one.name.lower()] == BOUND[one].colour


def test_rates_are_told_of_the_most_populous_with_an_interval_where_one_is_known():
    rows = [row(name, people, down) for name, people, down in (("TWN", 5, 80.0), ("JPN", 9, 120.0), ("KOR", 7, None))]
    said = capacity_words.measured(rows, {"JPN": (90.0, 160.0)})
    assert said == (
        "A user's test of the line finds, in the median: Japan 120 Mbit/s (90.0 to 160) down and 12.0 Mbit/s up and "
        "Taiwan 80.0 Mbit/s down and 8.0 Mbit/s up."
    )
    assert capacity_words.measured(rows[2:]) == ""


def test_of_many_territories_the_middle_and_the_lowest_are_told():
    rows = [row(name, 10, down) for name, down in zip(NAMES, range(10, 70, 10), strict=True)]
    said = capacity_words.measured(rows)
    assert "Of all 6 territories the median is 35.0 Mbit/s down, the lowest 10.0 Mbit/s (TWN)" in said


# --- traffic ------------------------------------------------------------------------------------------------------


def heights(chart: str, word: str, top: float) -> list[float]:
    """Mbit/s between the two edges of a band, step by step."""
    drawn = re.search(rf'<path d="M([^"]*)Z" class="{word}">', chart)
    points = [tuple(map(float, one.split())) for one in drawn[1].split("L")]
    half = len(points) // 2
    pairs = zip(points[:half:2], points[: half - 1 : -1][::2], strict=True)
    return [(low - high) / (BOTTOM - TOP) * top for (_, high), (_, low) in pairs]


def test_traffic_is_as_tall_as_what_is_asked_for():
    asked, given = np.array([400.0, 900.0, 100.0]), np.array([400.0, 600.0, 90.0])
    begin_s = np.array([0.0, 28_800.0, 57_600.0])
    chart = traffic_chart.chart(begin_s, asked, given, GRID, None)
    assert heights(chart, "given", 1000.0) == pytest.approx(given, abs=2.5)
    assert heights(chart, "asked", 1000.0) == pytest.approx(asked - given, abs=2.5)
    assert "Most is asked for at 2026-11-20 08:00 UTC: 900 Mbit/s, of which 600 Mbit/s are given" in chart
    labels = re.findall(r'text-anchor="end">([^<]*)<', chart)
    assert labels == ["0", "250", "500", "750", "1,000"]


def test_large_traffic_is_told_in_gigabits():
    many = np.array([40_000.0, 35_000.0])
    chart = traffic_chart.chart(np.array([0.0, 900.0]), many, many, GRID, None)
    assert ">Gbit/s<" in chart
    assert re.findall(r'text-anchor="end">([^<]*)<', chart) == ["0", "10", "20", "30", "40"]


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(crowded) -> str:
    return render(crowded, b"", {"rates.png": b"now", "rates-after.png": b"then"})


def test_page_has_the_sections_of_capacity(page, crowded):
    text = text_of(page)
    for title in (*OWN, "One round trip, term by term"):
        assert f"<h2>{title}</h2>" in page
    assert "Those who may be served ask for" in text
    assert "not computed" not in text.partition("Assumptions and notes")[2].partition("Terms")[0]
    assert "computed in one slot in 2, 4 in all, by max min" in text
    assert page.count("data:image/png;base64,") == 1 + 2 + 1 + 2  # the map, rates twice, a round trip, links, gateways


def test_page_is_well_formed_and_loads_nothing(page):
    reader = read(page)
    assert all(attrs.get("alt") for tag, attrs in reader.tags if tag == "img")
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object", "embed"}
    anchors = {attrs["id"] for _, attrs in reader.tags if "id" in attrs}
    assert {attrs["href"] for tag, attrs in reader.tags if tag == "a"} == {f"#{anchor}" for anchor in anchors}
    assert {"day", "rates", "path", "load"} <= anchors


def test_a_name_is_neither_a_formula_nor_markup(crowded):
    hostile = replace(crowded, case=replace(crowded.case, name=r"$\x$ <b>"))
    page = render(hostile, b"", {"rates.png": b"now"})
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_page_tells_the_rates_of_the_rows(page, crowded):
    told = text_of(page)
    (fiji,) = [row for row in crowded.territories if row.territory == "FJI"]
    assert fiji.down_mbps_p50
    assert capacity_words.user_rate(fiji.down_mbps_p50) in told
    widths = dict(re.findall(r'width="([\d.]+)" height="10" class="by_(\w+)"', page))
    assert {word for word, share in fiji.bound_by.items() if share > 0.0} <= set(widths.values())


def test_without_capacity_there_is_none_of_it(compared, fiji):
    for results in (compared, fiji):
        page = render(results, b"")
        assert not any(title in page for title in (*OWN, "One round trip"))
        assert "not computed: nobody else is on the network" in page


def test_a_run_with_the_chain_alone_has_its_round_trip(fiji, crowded):
    with_chain = replace(
        fiji, case=replace(fiji.case, network=replace(fiji.case.network, chain=crowded.case.network.chain))
    )
    page = render(with_chain, b"")
    assert "One round trip, term by term" in page
    assert not any(title in page for title in OWN)
    assert "scheduling and processing 14.91 ms" in page


def test_the_round_trip_starts_in_the_cell_with_most_people(crowded):
    place = html_capacity.busiest_place(crowded)
    parts = crowded.parts
    people = np.bincount(parts.cell, parts.people)
    assert h3cells.at(place.latitude_deg, place.longitude_deg, 4) == parts.cells[people.argmax()]
    assert place.name == "Singapore"


def test_a_run_has_files_of_rates_only_with_capacity(crowded, fiji, monkeypatch, tmp_path):
    own = {"rates.png", "rates-after.png"}
    assert own <= set(FILES)
    assert [FILES[name](fiji) for name in own] == [None, None]
    monkeypatch.setattr(writing, "render", lambda *_: "")
    for name, made in (("map.png", b"a map"), ("rates.png", b"rates"), ("rates-after.png", b"rates")):
        monkeypatch.setitem(
            FILES, name, lambda results, made=made: made if results is crowded or made == b"a map" else None
        )
    assert own <= {path.name for path in write(crowded, tmp_path)}
    write(fiji, tmp_path)
    assert not own & {path.name for path in tmp_path.iterdir()}, "an earlier run's are taken away"
