"""The sections of the report that a run has where capacity, or the chain of the round trip, is computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from openleo import cells as h3cells
from openleo.network import journeys
from openleo.network.capacity.caps import Binding
from openleo.network.terms import terms_of
from openleo.places import gazetteer
from openleo.report import capacity_words, chain_plot, load_plot, traffic_chart, words
from openleo.report.html_parts import Markup, bar, joined, key, paragraph, picture, table, tag
from openleo.report.map_layers import latitude_text, longitude_text
from openleo.results import Results
from openleo.service.summary import TerritoryRow

RATES, RATES_AFTER = "rates.png", "rates-after.png"
BOUND = tuple(one.name.lower() for one in Binding)
BOUND_NAMES = {
    "demand": "nothing",
    "beam": "beams",
    "cell": "channels of the cell",
    "satellite": "satellite",
    "feeder": "feeder link or gateway",
    "isl": "inter-satellite link",
    "pop": "PoP",
    "terminal": "terminals",
    "policy": "not permitted",
    "no_way": "no way to a gateway",
}


def sections(results: Results, pictures: Mapping[str, bytes]) -> list[tuple[str, str, Markup]]:
    """(anchor, title, content); a section without content is left out by the page."""
    return [
        ("rates", "Rates and what binds them", _rates(results, pictures)),
        ("path", "One round trip, term by term", _path(results)),
        ("load", "How full the network is", _load(results)),
    ]


# --- rates --------------------------------------------------------------------------------------------------------


def _rates(results: Results, pictures: Mapping[str, bytes]) -> Markup:
    rates = results.service.rates
    if rates is None:
        return Markup("")
    said: list[object] = [paragraph(sentence) for sentence in capacity_words.findings(results)]
    of_what = "round-trip time, download, upload and what binds"
    if png := pictures.get(RATES):
        said.append(picture(png, f"Four maps of the cells of {results.case.name}: {of_what}."))
    if png := pictures.get(RATES_AFTER):
        said += [tag("h3", f"After: {words.rules_name(results.case, 'compare')}"),
                 picture(png, f"The same four maps after the change: {of_what}.")]  # fmt: skip
    said += traffic_chart.figure(rates.tally, results.case.grid, results.day.longitude_deg if results.day else None)
    rows = [row for row in results.territories if row.bound_by is not None and row.weighting == "population"]
    if not rows:  # an area of sea alone
        rows = [row for row in results.territories if row.bound_by is not None]
    shown = [f"by_{word}" for word in BOUND if any((row.bound_by or {}).get(word) for row in rows)]
    names = {f"by_{word}": name for word, name in BOUND_NAMES.items()}
    heads = ["Territory", "What binds", "Nothing >", "Most of the rest", "Download p50 >", "Upload p50 >"]
    told = [_rate_row(row) for row in rows]
    said += [
        tag("h3", "By territory" if rows[0].weighting == "area" else "By territory where people live"),
        key(shown, names),
        table(CAPTION, heads, told),
    ]
    return joined(said)


CAPTION = (
    "Shares of people × computed slots (of area where nobody lives) by what stops a cell from having more; download "
    "and upload: what a user's test of the line finds, in the median over subscribers and the hours of a day"
)


def _rate_row(row: TerritoryRow) -> list[object]:
    bound = row.bound_by or {}
    shares = [(f"by_{word}", bound.get(word, 0.0)) for word in BOUND]
    said = ", ".join(f"{BOUND_NAMES[word]} {words.percent(bound[word])}" for word in BOUND if bound.get(word))
    return [row.name, bar(shares, said), words.percent(bound.get("demand", 0.0)), _most(bound),
            capacity_words.user_rate(row.down_mbps_p50), capacity_words.user_rate(row.up_mbps_p50)]  # fmt: skip


def _most(bound: Mapping[str, float]) -> str:
    """What binds most of those that something binds."""
    others = {word: share for word, share in bound.items() if word != "demand" and share > 0.0}
    if not others:
        return ""
    word = max(others, key=lambda one: others[one])
    return f"{BOUND_NAMES[word]} ({words.percent(others[word])})"


# --- one round trip -----------------------------------------------------------------------------------------------


def _path(results: Results) -> Markup:
    network, grid = results.case.network, results.case.grid
    if network.chain is None and results.case.capacity is None:
        return Markup("")
    place = busiest_place(results)
    if place is None:
        return Markup("")
    path = journeys.to_internet(network, grid, place, grid.instant(grid.slots // 2))
    where = f"{place.name}, in the cell of this run with most people"
    if path.rtt_ms is None:
        why = words.REASON_WORDS.get(path.why_none, path.why_none)
        return paragraph(f"From {where}, in the middle of the run: no path ({why}).")
    jitter_ms = network.chain.jitter_ms if network.chain else 0.0
    said = chain_plot.subtitle(path, network.constellation.name)
    png = chain_plot.picture(path, f"Round trip: {place.name} to the Internet", said, jitter_ms)
    terms = ", ".join(f"{term.name} {term.ms:.2f} ms" for term in terms_of(path))
    told = (
        f"From {where}, in the slot in the middle of the run, whatever the rules. Another place: openleo path --plot."
    )
    return joined([paragraph(told), picture(png, f"A waterfall: {terms}; together {path.rtt_ms:.2f} ms.")])


def busiest_place(results: Results) -> journeys.Point | None:
    """The largest town in the cell with most people, else that cell's middle; None where nobody lives."""
    parts = results.parts
    people = np.bincount(parts.cell, weights=parts.people, minlength=len(parts.cells))
    if not people.any():
        return None
    cell = int(people.argmax())
    latitude, longitude = (float(one[0]) for one in h3cells.centres_deg(parts.cells[cell : cell + 1]))
    towns = [
        town
        for same_name in gazetteer.towns().values()
        for town in same_name
        if abs(town.latitude_deg - latitude) < NEAR_DEG
        and h3cells.at(town.latitude_deg, town.longitude_deg, results.case.resolution) == parts.cells[cell]
    ]
    if not towns:
        name = f"{latitude_text(round(latitude, 2))}, {longitude_text(round(longitude, 2))}"
        return journeys.Point(name, latitude, longitude)
    most = max(towns, key=lambda town: town.population)
    return journeys.Point(most.name, most.latitude_deg, most.longitude_deg)


NEAR_DEG = 12.0  # no cell reaches farther from its middle


# --- load ---------------------------------------------------------------------------------------------------------


def _load(results: Results) -> Markup:
    rates = results.service.rates
    if rates is None:
        return Markup("")
    isl = load_plot.isl_finding(rates.tally, load_plot.isl_cap_mbps(results))
    said: list[object] = [paragraph(isl)] if isl else []
    if png := load_plot.isl_picture(results):
        said.append(picture(png, f"Histograms of links by load, down and up. {isl}"))
    gateways = load_plot.gateway_finding(results.case.network.gateways, rates.tally)
    said.append(paragraph(gateways))
    if png := load_plot.gateway_picture(results):
        said.append(picture(png, f"A map of gateways by what they carry. {gateways}"))
    return joined(said)
