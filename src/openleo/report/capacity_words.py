"""What capacity gave and what stopped more, in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from openleo.network.capacity.tally import Tally
from openleo.places.territories import display_name
from openleo.report import how_sure, words
from openleo.results import Results
from openleo.service.summary import TerritoryRow

MOST_NAMED = 5  # territories of which a rate is told
STOPPED_BY: Mapping[str, str] = {  # by the words of Binding; `demand` stops nobody
    "beam": "beams",
    "cell": "the channels of their cell",
    "satellite": "a satellite's own limit",
    "feeder": "a feeder link or gateway",
    "isl": "an inter-satellite link",
    "pop": "a PoP",
    "terminal": "their terminals",
    "policy": "a rule",
    "no_way": "that no satellite in view has a way to a gateway",
}


def user_rate(mbps: float | None, interval: tuple[float, float] | None = None) -> str:
    """What a user's test finds, with the interval if one is known.

    >>> user_rate(56.78), user_rate(None), user_rate(123.4, (98.2, 151.0))
    ('56.8 Mbit/s', '–', '123 Mbit/s (98.2 to 151)')
    """
    between = f" ({words.mbps(interval[0])} to {words.mbps(interval[1])})" if interval else ""
    return f"{words.rate(mbps)}{between}"


def findings(results: Results) -> list[str]:
    """How much of what is asked for is given, what binds, what users measure; nothing without capacity."""
    rates = results.service.rates
    if rates is None:
        return []
    told = [given(rates.tally), bound(results.territories)]
    told.append(measured(results.territories, how_sure.of_download(results.intervals)))
    return [sentence for sentence in told if sentence]


def given(tally: Tally) -> str:
    """Of what those ask for who may be served, over the computed slots."""
    asked, parts = [], []
    for way, want, got in (
        ("down", tally.asked_down_mbps, tally.rate_down_mbps),
        ("up", tally.asked_up_mbps, tally.rate_up_mbps),
    ):
        total = float(want.sum())
        if total > 0.0:
            asked.append(f"{words.rate(total)} {way}")
            parts.append(words.percent(round(min(float(got.sum()) / total, 1.0), 6)))
    if not asked:
        return "Nobody who may be served asks for anything."
    shared = listed_each(parts)
    return f"Those who may be served ask for {words.listed(asked)} on average and get {shared} of it ({_slots(tally)})."


def listed_each(parts: Sequence[str]) -> str:
    """The same for both ways told once.

    >>> listed_each(["100%", "100%"]), listed_each(["40.0%", "80.0%"])
    ('100%', '40.0% and 80.0%')
    """
    return words.listed(list(dict.fromkeys(parts)))


def _slots(tally: Tally) -> str:
    return "the one slot that was computed" if tally.slots == 1 else f"{tally.slots:,} computed slots"


def bound(rows: Sequence[TerritoryRow]) -> str:
    """How many have what they ask for, and what stops the others, the most common first."""
    people = [row for row in rows if row.weighting == "population" and row.bound_by is not None]
    total = sum(row.population for row in people)
    if not total:
        return ""
    share = {
        word: min(sum(row.population * (row.bound_by or {}).get(word, 0.0) for row in people) / total, 1.0)
        for word in ("demand", *STOPPED_BY)
    }
    met = round(share.pop("demand"), 6)
    stopped = sorted((word for word in share if share[word] >= 0.0005), key=lambda word: -share[word])
    said = f"{words.percent(met)} of people × time have what they ask for"
    if not stopped:
        return f"{said}."
    return f"{said}; what stops the others is {words.listed([_stop(word, share[word]) for word in stopped])}."


def _stop(word: str, share: float) -> str:
    return f"{STOPPED_BY[word]} ({words.percent(share)})"


def measured(rows: Sequence[TerritoryRow], intervals: Mapping[str, tuple[float, float]] | None = None) -> str:
    """The median download and upload that a user's test finds, of the most populous territories that have one.

    `intervals`: of the download by territory, where they are known.
    """
    known = [row for row in rows if row.down_mbps_p50 is not None and row.population]
    if not known:
        return ""
    most = sorted(known, key=lambda row: -row.population)[:MOST_NAMED]
    named = [
        f"{display_name(row.territory)} {user_rate(row.down_mbps_p50, (intervals or {}).get(row.territory))} down and "
        f"{user_rate(row.up_mbps_p50)} up"
        for row in most
    ]
    told = f"A user's test of the line finds, in the median: {words.listed(named)}."
    if len(known) > len(most):
        lowest = min(known, key=lambda row: row.down_mbps_p50 or 0.0)
        median = float(np.median([row.down_mbps_p50 or 0.0 for row in known]))
        told += (
            f" Of all {len(known)} territories the median is {user_rate(median)} down, the lowest "
            f"{user_rate(lowest.down_mbps_p50)} ({lowest.name})."
        )
    return told
