"""How sure the figures of a run are, as a section of the report: where nine of ten draws put each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openleo.places.territories import display_name
from openleo.report import words
from openleo.report.html_parts import Markup, joined, paragraph, table, tag

FIGURES = {
    "can_serve": "Can",
    "served": "Served",
    "rtt_ms_p50": "RTT p50",
    "down_mbps_p50": "Download p50",
    "up_mbps_p50": "Upload p50",
}
TOTALS = {
    "asked_down_mbps": "asked for, down",
    "given_down_mbps": "given, down",
    "asked_up_mbps": "asked for, up",
    "given_up_mbps": "given, up",
}
SHARES = ("can_serve", "served")


def section(intervals: Mapping[str, Any] | None) -> Markup:
    """Of intervals as summary.json has them; without any, how to have them."""
    if intervals is None:
        said = "The figures of this page are of one network and one guess of what nobody has published. "
        return paragraph(
            joined([said, tag("code", "openleo plan … --draws 20"), " tells where others would put them."])
        )
    sources = intervals["sources"]
    drawn = words.listed([one["name"] for one in sources])
    told = f"From 5 to 95 % of {intervals['draws']} draws of {drawn}; in brackets what moves a figure most."
    rows = intervals["territories"]
    shown = [name for name in FIGURES if any(row[name] for row in rows)]
    made = table(
        told, ["Territory", *(FIGURES[name] for name in shown)],
        [[display_name(row["territory"]), *(between(row[name], name) for name in shown)] for row in rows],
    )  # fmt: skip
    total = intervals["capacity"]
    sums = [f"{of} {between(total[name], name)}" for name, of in TOTALS.items() if total[name]] if total else []
    what = table(
        "What is drawn, and on what ground", ["Source", "What", "Ground"],
        [[one["name"], one["what"], one["basis"]] for one in sources],
    )  # fmt: skip
    return joined([made, *([paragraph(f"In all: {'; '.join(sums)}.")] if sums else []), what])


def between(one: Mapping[str, Any] | None, name: str) -> str:
    """Both ends with their unit, and what moves the figure most.

    >>> between({"p5": 0.95, "p95": 1.0, "moved_most_by": "penetration"}, "served")
    '95.0% to 100% (penetration)'
    >>> between({"p5": 40.0, "p95": 40.0, "moved_most_by": None}, "up_mbps_p50"), between(None, "served")
    ('40.0 Mbit/s', '–')
    """
    if one is None:
        return "–"
    low, high = (_worded(one[end], name) for end in ("p5", "p95"))
    by = f" ({one['moved_most_by']})" if one["moved_most_by"] and low != high else ""
    return f"{low}{by}" if low == high else f"{low} to {high}{by}"


def _worded(value: float, name: str) -> str:
    if name in SHARES:
        return words.percent(value)
    return words.rate(value) if "mbps" in name else words.milliseconds(value)
