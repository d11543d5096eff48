"""Numbers and findings in words, the same on the terminal, in the browser and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from openleo.instants import SlotGrid
from openleo.places.territories import display_name
from openleo.results import Case, Results
from openleo.service.amounts import Amount, EffectRow
from openleo.service.serve import REASONS
from openleo.service.summary import TerritoryRow, capacity_json

NOTHING = "–"
MOST_SENTENCES = 6
MOST_NAMES = 4
ALL, NONE = 0.999995, 0.000005  # a share that is told as "all" or "none": six decimals are written

REASON_WORDS = {reason.word: reason.word.replace("_", " ") for reason in REASONS}


def big(number: float) -> str:
    """A count that can be read aloud.

    >>> big(23_159_963), big(230_271), big(1_430), big(12)
    ('23.2 M', '230 k', '1,430', '12')
    """
    if number >= 999_500_000:
        return f"{number / 1e9:.2f} G"
    if number >= 999_500:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.0f} k" if number >= 10_000 else f"{number:,.0f}"


def people(number: float) -> str:
    """A number of people within a sentence.

    >>> people(23_159_963), people(61_603)
    ('23.2 million people', '61,600 people')
    """
    if number >= 999_500_000:
        return f"{number / 1e9:.2f} billion people"
    if number >= 999_500:
        return f"{number / 1e6:.1f} million people"
    return f"{round(number, -2):,.0f} people" if number >= 10_000 else f"{number:,.0f} people"


def percent(share: float) -> str:
    """A share to a tenth of a percent; never "100%" or "0%" of what is not quite all or nothing.

    >>> percent(1.0), percent(0.99999), percent(0.4242), percent(0.0)
    ('100%', '>99.9%', '42.4%', '0%')
    """
    if share in (0.0, 1.0):
        return f"{share * 100.0:.0f}%"
    if share > 0.9995:
        return ">99.9%"
    return "<0.1%" if share < 0.0005 else f"{share * 100.0:.1f}%"


def milliseconds(value: float | None) -> str:
    """A round-trip time, or a dash for none."""
    return NOTHING if value is None else f"{value:.1f} ms"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def when(grid: SlotGrid) -> str:
    """The run's span, in UTC."""
    end = grid.start + timedelta(seconds=grid.duration_s)
    same_day = end.date() == grid.start.date()
    until = f"{end:%H:%M:%S}" if same_day else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{grid.start:%Y-%m-%d %H:%M:%S} to {until} UTC"


def slots(grid: SlotGrid) -> str:
    """How many slots, and how long each is."""
    return f"{grid.slots:,} slot{'s' if grid.slots != 1 else ''} of {grid.slot_s:g} s"


def rules_name(case: Case, which: str) -> str:
    """The file behind `rules` or `compare`, as the summary names it."""
    source = case.inputs.get(which)
    return source.source if source else "no rules"


def constellation_line(case: Case) -> str:
    """The network in one line."""
    constellation = case.network.constellation
    return f"{constellation.name}, {constellation.satellites:,} satellites, {len(case.network.gateways):,} gateways"


# --- service ------------------------------------------------------------------------------------------------------


def main_reason(row: TerritoryRow) -> str:
    """What takes most of the service away, or nothing."""
    word = max(row.not_served_because, key=lambda reason: row.not_served_because[reason])
    return REASON_WORDS[word] if row.not_served_because[word] > 0.0 else ""


def size(row: TerritoryRow) -> str:
    """Its people, or its area where nobody lives."""
    return big(row.population) if row.weighting == "population" else f"{big(row.area_km2)} km²"


def findings(results: Results) -> list[str]:
    """What a run found, in a few sentences: the whole first, then the territories that want most service."""
    rows = [row for row in results.territories if row.weighting == "population"]
    if not rows:
        return [finding(row) for row in results.territories[:MOST_SENTENCES]]
    wanting = sorted((row for row in rows if row.served < ALL), key=lambda row: row.population * (row.served - 1.0))
    told = [finding(row) for row in wanting[:MOST_SENTENCES]]
    if len(wanting) > MOST_SENTENCES:
        told.append(f"{len(wanting) - MOST_SENTENCES} more territories are not served all of the time; see the table.")
    return [_whole(rows), *told] if len(rows) > 1 or not told else told


def _whole(rows: Sequence[TerritoryRow]) -> str:
    total = sum(row.population for row in rows)
    served = sum(row.population * row.served for row in rows) / total
    if served >= ALL:
        names = [row.name for row in rows]
        where = listed(names) if len(names) <= MOST_NAMES else f"{len(names)} territories"
        return f"All {people(total)} of {where} are served."
    why = {reason: sum(row.population * row.not_served_because[reason] for row in rows) for reason in REASON_WORDS}
    reasons = [f"{people(number)}, {REASON_WORDS[word]}" for word, number in why.items() if number / total >= NONE]
    some = f"Of {people(total)}, {people(served * total)} are served ({percent(served)})."
    return f"{some} Not served: {'; '.join(reasons)}."


def finding(row: TerritoryRow) -> str:
    """What is worth saying of one territory.

    >>> because = {"not_permitted": 1.0, "no_satellite": 0.0, "no_gateway": 0.0, "no_capacity": 0.0}
    >>> finding(TerritoryRow("TWN", "Taiwan", 40, 23_159_963, 36e3, "population", 1.0, 0.0, 0.0, None, None, because))
    'Taiwan: 23.2 million people can be served, none may be: not permitted.'
    """
    who = people(row.population) if row.weighting == "population" else f"{row.area_km2:,.0f} km²"
    why = main_reason(row)
    if row.served >= ALL:
        return f"{row.name}: {who} are served, with a median round-trip time of {milliseconds(row.rtt_ms_p50)}."
    if row.may_serve <= NONE and row.can_serve <= NONE:
        return f"{row.name}: {who} cannot be served, and none may be: not permitted."
    if row.may_serve <= NONE:
        often = "" if row.can_serve >= ALL else f" {percent(row.can_serve)} of the time"
        return f"{row.name}: {who} can be served{often}, none may be: not permitted."
    if row.served <= NONE:
        return f"{row.name}: {who} may be served, none can be: {why}."
    if row.may_serve >= ALL and row.can_serve >= ALL:
        return f"{row.name}: {who} get {percent(row.served)} of what they ask for, on the average; otherwise {why}."
    if row.may_serve >= ALL:
        return f"{row.name}: {who} are served {percent(row.served)} of the time; otherwise {why}."
    return (
        f"{row.name}: of {who}, {percent(row.may_serve)} may be served and {percent(row.served)} are; otherwise {why}."
    )


def capacity_finding(results: Results) -> str:
    """What everybody together gets, and what stops the rest; nothing while capacity is not computed."""
    given = capacity_json(results.service)
    if given is None:
        return ""
    asked, got = given["asked_down_mbps"], given["given_down_mbps"]
    who = "All together" if given["subscribers"] is None else f"{given['subscribers']:,} subscribers"
    said = f"{who} ask for {rate(asked)} on the average and get {rate(got)}"
    if asked == 0.0:
        return f"{said}."
    binds = {word: share for word, share in given["bound_by"].items() if word in BOUND_WORDS and share > NONE}
    most = f"; what stops most of the rest: {BOUND_WORDS[max(binds, key=binds.__getitem__)]}" if binds else ""
    return f"{said} ({percent(round(got / asked, 6))}){most}."


# What stops a cell from having more, of what is asked for with a way and a permission.
BOUND_WORDS = {
    "beam": "satellites have no beam left",
    "cell": "the channels of cells are used up",
    "satellite": "satellites carry no more",
    "feeder": "feeder links and gateways carry no more",
    "isl": "inter-satellite links carry no more",
    "pop": "PoPs carry no more",
    "terminal": "terminals take no more",
}


def rate(mbps: float | None) -> str:
    """A rate, or a dash for none.

    >>> rate(12.34), rate(258.91), rate(400_443.9), rate(23.7e6), rate(None)
    ('12.3 Mbit/s', '259 Mbit/s', '400 Gbit/s', '23.7 Tbit/s', '–')
    """
    if mbps is None:
        return NOTHING
    value, unit = (mbps / 1e6, "T") if mbps >= 999_500 else (mbps / 1e3, "G") if mbps >= 999.5 else (mbps, "M")
    return f"{value:.{0 if value >= 99.95 else 1}f} {unit}bit/s"


def mbps(value: float | None) -> str:
    """A rate as a column has it, or a dash for none."""
    return NOTHING if value is None else f"{value:.{0 if value >= 99.95 else 1}f}"


# --- effect -------------------------------------------------------------------------------------------------------


def changed(rows: Sequence[EffectRow]) -> list[EffectRow]:
    """The rows in which somebody gains or loses service, or may."""
    return [row for row in rows if row.changed]


def effect_finding(results: Results) -> str:
    """What the second rule set would change, for every class; unnamed is the summary's class, where it stands alone."""
    assert results.effect is not None
    rows, own = results.effect.rows, results.service.class_
    gains = [*_told(rows, own, "gained", "gain"), *_told(rows, own, "may_gain", "perhaps gain")]
    losses = [*_told(rows, own, "lost", "lose"), *_told(rows, own, "may_lose", "perhaps lose")]
    told = [*(gains or ["nobody gains service"]), *(losses or ["nobody loses service"])]
    return f"If {rules_name(results.case, 'compare')} came into force: {'; '.join(told)}."


def _told(rows: Sequence[EffectRow], own: str, what: str, verb: str) -> list[str]:
    """A clause for classes of which the same is to be said."""
    by_class: dict[str, list[tuple[str, Amount]]] = {}
    for row in rows:
        if some := getattr(row, what):
            by_class.setdefault(row.class_, []).append((row.territory, some))
    classes: dict[str, list[str]] = {}
    for class_, amounts in by_class.items():
        does = verb if len(amounts) > 1 else f"{verb}s"
        classes.setdefault(f"{listed(_named(amounts))} {does} service", []).append(class_)
    return [f"{said}{_for(some, own)}" for said, some in classes.items()]


def _for(classes: Sequence[str], own: str) -> str:
    if list(classes) == [own]:
        return ""
    return f" for class{'es' if len(classes) > 1 else ''} {listed(classes)}"


def _named(amounts: Sequence[tuple[str, Amount]]) -> list[str]:
    """The most populous, by name, and the rest together; then where no people are counted, by area."""
    lived_in = sorted((pair for pair in amounts if pair[1].people), key=lambda pair: -pair[1].people)
    named = [f"{display_name(id_)} ({people(one.people)})" for id_, one in lived_in[:MOST_NAMES]]
    if rest := lived_in[MOST_NAMES:]:
        named.append(f"{len(rest)} more territories ({people(sum(one.people for _, one in rest))})")
    empty = [pair for pair in amounts if not pair[1].people]
    if empty:
        what = "strips of sea" if all("." in id_ for id_, _ in empty) else "territories and strips of sea"
        where = display_name(empty[0][0]) if len(empty) == 1 else f"{len(empty)} {what}"
        named.append(f"{where} ({_without_people([one for _, one in empty])})")
    return named


def _without_people(amounts: Sequence[Amount]) -> str:
    area_km2 = sum(one.area_km2 for one in amounts)
    if not area_km2 and (terminals := sum(one.terminals or 0 for one in amounts)):
        return f"{terminals:,} terminals"
    return f"{big(area_km2)} km²" if area_km2 >= 1.0 else f"{area_km2:.2g} km²"


def sure_and_not(sure: Amount, perhaps: Amount) -> str:
    """What changes, and what may, as it depends on the terminal.

    >>> sure_and_not(Amount(1, 5.0, 200), Amount(1, 5.0, 300)), sure_and_not(Amount(0, 0.0, 0), Amount(1, 5.0, 300))
    ('200, perhaps 300', 'perhaps 300')
    """
    said = [amount(sure)] if sure else []
    return ", ".join([*said, f"perhaps {amount(perhaps)}"] if perhaps else said) or NOTHING


def amount(amount: Amount) -> str:
    """The people of an amount, or its area where nobody lives, or nothing.

    >>> amount(Amount(cells=47, area_km2=29_203.314, people=0)), amount(Amount(0, 0.0, 0))
    ('29 k km²', '–')
    """
    if amount.people:
        return big(amount.people)
    return f"{big(amount.area_km2)} km²" if amount.cells else NOTHING
