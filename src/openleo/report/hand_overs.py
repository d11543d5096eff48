"""Hand-overs as a table, and what they add up to for each user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from openleo.network.hand_overs import HandOver, Stays

COLUMNS = {
    "at": datetime,
    "site": str,
    "from": str,
    "to": str,
    "why": str,
    "rtt_ms_before": float,
    "rtt_ms_after": float,
    "served_s": float,
}


def row(one: HandOver) -> tuple[object, ...]:
    """A record in the order of COLUMNS; None for what does not exist."""
    names = (one.from_satellite or None, one.to_satellite or None)
    return (one.at, one.site, *names, one.why, one.rtt_ms_before, one.rtt_ms_after, one.served_s)


def summary(stays: Stays, sites: Sequence[str]) -> list[dict[str, object]]:
    """One object a user; null for what does not exist."""

    def known(value: float, digits: int) -> float | None:
        return round(float(value), digits) if np.isfinite(value) else None

    return [
        {
            "site": site,
            "there_s": known(stays.there_s[n], 3),
            "away_s": known(stays.away_s[n], 3),
            "served": known(stays.served[n], 6),
            "hand_overs": int(stays.hand_overs[n]),
            "hand_overs_per_h": known(stays.hand_overs_per_h[n], 3),
            "stay_s_p50": known(stays.stay_s_p50[n], 3),
            "stay_s_longest": known(stays.stay_s_longest[n], 3),
            "outages": int(stays.outages[n]),
            "outage_s": known(stays.outage_s[n], 3),
            "outage_s_longest": known(stays.outage_s_longest[n], 3),
        }
        for n, site in enumerate(sites)
    ]


def lines(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """The summary as a table for people. A user on a track counts while it is there."""
    wide = max(4, *(len(str(one["site"])) for one in rows))
    yield f"{'site':{wide}}  {'served':>7}  hand-overs/h  median stay  longest  outages  longest      away"
    for one in rows:
        served = "–" if one["served"] is None else f"{one['served']:.2%}"
        per_h = "–" if one["hand_overs_per_h"] is None else f"{one['hand_overs_per_h']:.1f}"
        median, longest, outage, away = (
            _s(one[name]) for name in ("stay_s_p50", "stay_s_longest", "outage_s_longest", "away_s")
        )
        figures = f"{per_h:>12}  {median:>11}  {longest:>7}  {one['outages']:>7}  {outage:>7}  {away:>8}"
        yield f"{one['site']:{wide}}  {served:>7}  {figures}"


def _s(value: object) -> str:
    return "–" if value is None else f"{value:g} s"
