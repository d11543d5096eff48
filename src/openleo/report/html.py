"""The report of a run as one HTML file that opens offline: no script, no request, the map embedded.

Findings in words come first, then the map, the tables behind the words, what the run was computed from, and what was
assumed. Every text that comes from a file is escaped (html_parts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import openleo
from openleo.network.constellation.planes import Placement
from openleo.network.constellation.shells import Shell
from openleo.network.reach import Network
from openleo.places.parts import land_of
from openleo.places.territories import HIGH_SEAS, ContestedArea, contested_areas, contested_with, display_name
from openleo.report import capacity_words, day_chart, how_sure, html_capacity, words
from openleo.report.html_parts import Markup, bar, definitions, joined, key, page, paragraph, picture, safe, table, tag
from openleo.results import Results
from openleo.service.amounts import Amount, EffectRow
from openleo.service.change import names_of
from openleo.service.summary import TerritoryRow

MOST_NOTES = 40
MOST_MOVED = 40  # territories
MASK_AT = {"middle": "in the middle of the slot", "both_ends": "at both ends of the slot"}
NOT_COMPUTED = "not computed"
TERMS = ("population", "weighting", "can_serve", "may_serve", "served", "rtt_ms_p50", "rtt_ms_p95")
CAPACITY_TERMS = ("down_mbps_p50", "up_mbps_p50")


def render(results: Results, map_png: bytes, pictures: Mapping[str, bytes] | None = None) -> str:
    """The whole page. `pictures`: those of a run's files that only some runs have, by name."""
    sections = [
        ("map", "Map", _map(results, map_png)),
        ("day", "Availability over the run", _day(results)),
        *html_capacity.sections(results, pictures or {}),
        ("territories", "Territories", _territories(results)),
        ("how-sure", "How sure the figures are", how_sure.section(results.intervals)),
        ("effect", "Effect of the change", _effect(results)),
        ("reasons", "Why service is missing", _reasons(results)),
        ("contested", "Contested areas", _contested(results)),
        ("inputs", "Inputs", _inputs(results)),
        ("assumptions", "Assumptions and notes", _assumptions(results)),
        ("terms", "Terms", _terms(results)),
    ]
    shown = [(anchor, title, content) for anchor, title, content in sections if content]
    links = [tag("a", title, href=f"#{anchor}") for anchor, title, _ in shown]
    body = [tag("section", tag("h2", title), content, id=anchor) for anchor, title, content in shown]
    main = tag("main", _header(results), tag("nav", *links, aria_label="Contents"), *body, _footer(results))
    return page(f"{results.case.name}: who is served", main)


def _terms(results: Results) -> Markup:
    terms = TERMS if results.service.rates is None else TERMS + CAPACITY_TERMS
    return joined([definitions("territories", terms), definitions("reasons")])


def _header(results: Results) -> Markup:
    case = results.case
    span = f"{words.when(case.grid)}, {words.slots(case.grid)}"
    meta = f"{words.constellation_line(case)}. {span}. Class of terminals: {results.service.class_}."
    said = words.findings(results) + capacity_words.findings(results)
    said += [words.effect_finding(results)] if results.effect else []
    return tag(
        "header",
        tag("h1", f"Who is served: {case.name}"),
        paragraph(meta, class_="meta"),
        tag("div", *(paragraph(sentence) for sentence in said), class_="finding"),
    )


def _map(results: Results, map_png: bytes) -> Markup:
    panels = "Two maps, before and after the change, of" if results.compared else "A map of"
    colours = "coloured by median round-trip time where served and by reason where not"
    alt = f"{panels} the cells of {results.case.name}, {colours}."
    return picture(map_png, alt)


def _day(results: Results) -> Markup:
    """Nothing for a run of one slot, which the tables tell whole."""
    day, grid = results.day, results.case.grid
    if day is None or day.slots < 2:
        return Markup("")
    under = words.rules_name(results.case, "rules") if results.case.rules else ""
    drawn = day_chart.figure(day, grid, under, with_capacity=results.service.rates is not None)
    return joined([paragraph(day_chart.finding(day, grid)), *drawn])


# --- territories --------------------------------------------------------------------------------------------------


def _parted(rows: Iterable[TerritoryRow]) -> list[tuple[str, list[TerritoryRow]]]:
    """Where people live, and where nobody does."""
    rows = list(rows)
    return [
        ("Shares of people × time", [row for row in rows if row.weighting == "population"]),
        ("Where nobody lives: shares of area × time", [row for row in rows if row.weighting != "population"]),
    ]


def _territories(results: Results) -> Markup:
    heads = [
        "Territory", "Id", "People >", "Area (km²) >", "Cells >", "Can >", "May >", "Served >", "RTT p50 >",
        "RTT p95 >", "Because",
    ]  # fmt: skip
    made = [
        table(caption, heads, [_territory(row) for row in rows])
        for caption, rows in _parted(results.territories)
        if rows
    ]
    return joined(made)


def _territory(row: TerritoryRow) -> list[object]:
    shares = [words.percent(share) for share in (row.can_serve, row.may_serve, row.served)]
    times = [words.milliseconds(row.rtt_ms_p50), words.milliseconds(row.rtt_ms_p95)]
    counts = [f"{row.population:,}", f"{row.area_km2:,.0f}", f"{row.cells:,}"]
    return [row.name, row.territory, *counts, *shares, *times, words.main_reason(row)]


def _reasons(results: Results) -> Markup:
    codes = ["served", *words.REASON_WORDS]
    heads = ["Territory", "Share", *(f"{code.replace('_', ' ')} >" for code in codes)]
    made = []
    for caption, rows in _parted(results.territories):
        if rows:
            made.append(table(caption, heads, [_reason(row, codes) for row in rows]))
    return joined([key(codes), *made])


def _reason(row: TerritoryRow, codes: Sequence[str]) -> list[object]:
    share = {"served": row.served, **row.not_served_because}
    said = ", ".join(f"{code.replace('_', ' ')} {words.percent(share[code])}" for code in codes if share[code] > 0.0)
    return [
        row.name,
        bar([(code, share[code]) for code in codes], said),
        *(words.percent(share[code]) for code in codes),
    ]


# --- effect -------------------------------------------------------------------------------------------------------


def _effect(results: Results) -> Markup:
    if results.effect is None:
        return Markup("")
    case, rows = results.case, results.effect.rows
    changed = words.changed(rows)
    heads = [
        "Territory", "Class", "Lose service", "Gain service", "Displaced by capacity", "RTT p50 before >", "after >",
        "Rules that make the difference",
    ]  # fmt: skip
    said = [
        paragraph(words.effect_finding(results)),
        paragraph(
            f"Before: {words.rules_name(case, 'rules')}. After: {words.rules_name(case, 'compare')}. "
            f"What rules take and what shared beams take are never one number. {words.beams_finding(results.effect)}",
            class_="note",
        ),
    ]
    if changed:
        told = [
            [display_name(row.territory), row.class_, _amount(row.lost, row.may_lose),
             _amount(row.gained, row.may_gain), _displaced(row),
             *(words.milliseconds(value) for value in row.rtt_ms_p50), ", ".join(row.because)]
            for row in changed
        ]  # fmt: skip
        said.append(table("Territories and classes in which service changes", heads, told))
        said.append(_rules(results, {rule for row in changed for rule in row.because}))
    if moved := words.by_people_moved(rows):
        said.append(_moved(moved))
    untouched = len(rows) - len(changed)
    if untouched:
        by_rules = " by rules" if results.effect.shared else ""
        said.append(paragraph(f"Nothing changes elsewhere{by_rules}; rows left out: {untouched}.", class_="note"))
    said.append(
        paragraph(
            Markup(f'Fingerprint of the effect: <span class="hash">{safe(results.effect.sha256)}</span>'), class_="note"
        )
    )
    return joined(said)


def _displaced(row: EffectRow) -> str:
    if row.moved is None:
        return NOT_COMPUTED
    return _sized(row.moved.displaced) if row.moved.displaced else words.NOTHING


def _moved(by_territory: Mapping[str, Sequence[EffectRow]]) -> Markup:
    """What shared beams take and give back, where most people are concerned first."""
    heads = ["Territory", "Class", "Displaced", "Freed", "Down before >", "after >", "Up before >", "after >"]
    told = []
    for row in chain.from_iterable(list(by_territory.values())[:MOST_MOVED]):
        assert row.moved is not None
        amounts = [_sized(one) if one else words.NOTHING for one in (row.moved.displaced, row.moved.freed)]
        rates = [words.NOTHING if one is None else f"{one:.1f}" for one in (*row.down_mbps_p50, *row.up_mbps_p50)]
        told.append([display_name(row.territory), row.class_, *amounts, *rates])
    left = len(by_territory) - MOST_MOVED
    more = f"; {left} further territories and strips of sea are in effect.json" if left > 0 else ""
    said = "What shared beams take of those who stay served, and give back; median rates in Mbit/s"
    return table(said + more, heads, told)


def _amount(sure: Amount, perhaps: Amount) -> str:
    """What changes, and what may, as it depends on the terminal."""
    said = [_sized(sure)] if sure.cells else []
    said += [f"perhaps {_sized(perhaps)}"] if perhaps.cells else []
    return "; ".join(said) or words.NOTHING


def _sized(amount: Amount) -> str:
    people = f"{amount.people:,} people, " if amount.people else ""
    return f"{people}{amount.area_km2:,.0f} km², {amount.cells:,} cell{'s' if amount.cells != 1 else ''}"


def _rules(results: Results, named: set[str]) -> Markup:
    """Who made the rules that make the difference, and why."""
    rule_sets = [rule_set for rule_set in (results.case.rules, results.case.compare) if rule_set]
    names = names_of(*rule_sets)
    found = {rule.key: rule for rule_set in rule_sets for rule in rule_set.rules if names[rule.key] in named}
    rows = [
        [names[rule.key], rule.book, rule.effect, rule.authority, rule.reason, rule.legal_reference or words.NOTHING]
        for rule in found.values()
    ]
    return table("Those rules", ["Rule", "Book", "Effect", "Authority", "Reason", "Legal reference"], rows)


# --- what it rests on ---------------------------------------------------------------------------------------------


def _contested(results: Results) -> Markup:
    lands = {land_of(label) for label in results.parts.territory} - {HIGH_SEAS}
    known = contested_areas()
    touching = {
        area.id: area
        for id_ in sorted(lands)
        for area in [*([known[id_]] if id_ in known else []), *contested_with(id_)]
    }
    if not touching:
        return Markup("")
    rows = [_contested_row(area, area.id in lands) for area in touching.values()]
    return joined(
        [
            paragraph(
                "These areas lie in this run's territories, or are administered or claimed by one of them. Each "
                "stands for itself in every figure above; no side is taken, and rules say which they include.",
                class_="note",
            ),
            table(
                "Who administers and who claims",
                ["Area", "In this run", "Administered by", "Claimed by", "Note", "Sources"],
                rows,
            ),
        ]
    )


def _contested_row(area: ContestedArea, inside: bool) -> list[object]:
    sources = f"{'; '.join(area.sources)} (as of {area.as_of})"
    return [
        area.name,
        "yes" if inside else "no",
        _parties(area.administered_by),
        _parties(area.claimed_by),
        area.note,
        sources,
    ]


def _parties(ids: Sequence[str]) -> str:
    return ", ".join(display_name(id_) for id_ in ids) or "nobody"


def _inputs(results: Results) -> Markup:
    rows = [
        [name, source.source, tag("span", source.sha256, class_="hash")] for name, source in results.case.inputs.items()
    ]
    return table("Where each input came from, and the SHA-256 of its content", ["Input", "Source", "SHA-256"], rows)


def _assumptions(results: Results) -> Markup:
    network = results.case.network
    links = [
        ["Elevation mask of user terminals", f"{network.user_elevation_deg:g}°"],
        ["Elevation mask of gateways", f"{network.gateway_elevation_deg:g}°"],
        ["A link counts in a slot if it is above its mask", MASK_AT[network.mask_at]],
        ["Serving satellite chosen by", network.hand_over.replace("_", " ").replace("rtt", "round-trip time")],
        ["Added to the time of light, once", _added(network)],
        ["Capacity", _capacity(results)],
        ["People", "an estimate, spread from towns and national totals"],
    ]
    said: list[object] = [table("Links and service", ["What", "In this run"], links), _shells(results)]
    notes = [*results.case.notes, *(f"Without a position: {failure}" for failure in results.failures)]
    if notes:
        told = [tag("li", note) for note in notes[:MOST_NOTES]]
        if len(notes) > MOST_NOTES:
            told.append(tag("li", f"{len(notes) - MOST_NOTES:,} more notes stand in summary.json."))
        said += [tag("h3", "Notes"), tag("ul", *told)]
    return joined(said)


def _capacity(results: Results) -> str:
    rates, capacity = results.service.rates, results.case.capacity
    if rates is None or capacity is None:
        return "not computed: nobody else is on the network"
    every = capacity.computed_every(results.case.grid.slots)
    which = "every slot" if every == 1 else f"one slot in {every:,}"
    radios = ", ".join(one.name for one in (capacity.satellite, capacity.terminal, capacity.gateway))
    return (
        f"computed in {which}, {rates.tally.slots:,} in all, by {capacity.objective.replace('_', ' ')}; what a user's "
        f"test finds in {rates.tally.pressed_slots:,} of those. Radios: {radios}"
    )


def _added(network: Network) -> str:
    if network.chain is None:
        return f"{network.processing_ms:g} ms"
    said = f"{network.chain.scheduling_ms + network.chain.pop_ms:g} ms ± {network.chain.jitter_ms:g} ms"
    return f"{said}, with ways over satellites {network.chain.way_stretch:g} times the shortest (chain)"


SHELL_VALUES = ("altitude_km", "inclination_deg", "planes", "per_plane", "phasing", "raan_span_deg", "laser_share")


def _shells(results: Results) -> Markup:
    constellation = results.case.network.constellation
    if constellation.placement is not None:
        of_what = "element sets" if constellation.elements else "ephemerides"
        return _inferred(constellation.satellites, constellation.placement, of_what)
    heads = [
        "Shell",
        "Altitude (km)",
        "Inclination (°)",
        "Planes",
        "In each",
        "Phasing F",
        "Nodes over (°)",
        "With lasers",
    ]
    rows = [[shell.name, *(_with_basis(shell, name) for name in SHELL_VALUES)] for shell in constellation.shells]
    return table("Shells of the constellation, and what each value rests on", heads, rows)


def _inferred(satellites: int, placement: Placement, of_what: str) -> Markup:
    """The shells that were found among element sets or ephemerides, and how the other satellites stand."""
    counts = placement.counts()
    others = ", ".join(f"{count:,} {one.name.lower()}" for one, count in counts.items() if count and one)
    said = paragraph(
        f"The constellation is {satellites:,} {of_what}. Shells, planes and slots are "
        f"inferred from the orbits. In no plane: {others or 'none'}."
    )
    if not placement.shells:
        return said
    heads = ["Shell", "Altitude (km)", "Inclination (°)", "Planes", "Slots in each", "Satellites in them"]
    rows = [
        [
            one.name, f"{one.altitude_km:.1f}", f"{one.inclination_deg:.2f}", str(one.planes),
            str(one.slots) if one.slots else "uneven", f"{one.satellites:,}",
        ]
        for one in placement.shells
    ]  # fmt: skip
    return joined([said, table(f"Shells inferred from the {of_what}", heads, rows)])


def _with_basis(shell: Shell, name: str) -> str:
    """A value and whether it was filed, inferred or assumed; nothing beside what the user gave."""
    value = getattr(shell, name)
    said = words.percent(value) if name == "laser_share" else f"{value:g}"
    basis = shell.basis.get(name)
    return f"{said} ({basis})" if basis else said


def _footer(results: Results) -> Markup:
    seconds = results.seconds.get("total", 0.0)
    return tag(
        "footer",
        paragraph(f"OpenLEO {openleo.__version__}, computed in {seconds:.1f} s. Population: GeoNames, CC BY 4.0."),
    )
