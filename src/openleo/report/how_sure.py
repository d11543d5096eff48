"""Where draws of what is not known put a run's figures: as words for tables, and as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openleo.places.territories import display_name
from openleo.report.html_parts import Markup, joined, paragraph, table, tag

COLUMNS = {"can_serve": "can", "served": "served", "rtt_ms_p50": "RTT (ms)", "down_mbps_p50": "down (Mbit/s)",
           "up_mbps_p50": "up (Mbit/s)"}  # fmt: skip
SHARES = ("can_serve", "served")

Intervals = Mapping[str, Any]


def title(found: Intervals) -> str:
    """What the figures of a table are."""
    sources = ", ".join(source["name"] for source in found["sources"])
    low, _, high = found["percent"]
    return f"{low:g} to {high:g} % of {found['draws']} draws of {sources}; what moves each most"


def shown(found: Intervals) -> Sequence[str]:
    """The figures that any territory has an interval of."""
    return [name for name in COLUMNS if any(row[name] for row in found["territories"])]


def between(one: Mapping[str, Any] | None, name: str) -> str:
    """One interval in words.

    >>> between({"p5": 0.5, "p50": 0.6, "p95": 0.75, "missing": 0, "moved_most_by": "masks"}, "served")
    '50.0 to 75.0 % (masks)'
    """
    if one is None:
        return "–"
    share = name in SHARES
    low, high = (f"{(100.0 if share else 1.0) * one[end]:.1f}" for end in ("p5", "p95"))
    unit = " %" if share else ""
    by = f" ({one['moved_most_by']})" if one["moved_most_by"] and low != high else ""
    return f"{low}{unit}{by}" if low == high else f"{low} to {high}{unit}{by}"


def of_download(found: Intervals | None) -> dict[str, tuple[float, float]]:
    """The interval of each territory's median download, Mbit/s."""
    rows = found["territories"] if found else ()
    return {row["territory"]: (one["p5"], one["p95"]) for row in rows if (one := row["down_mbps_p50"])}


def section(found: Intervals | None) -> Markup:
    """Of the report; nothing where nothing was drawn."""
    if not found:
        return Markup("")
    names = shown(found)
    rows = [
        [display_name(row["territory"]), *(between(row[name], name) for name in names)] for row in found["territories"]
    ]
    bases = [tag("li", f"{one['name']}: {one['what']} {one['basis']}") for one in found["sources"]]
    said = (
        "The run was computed again with what is not known drawn anew. The width tells what these draws can tell, and "
        "nothing of what the model leaves out."
    )
    heads = ["Territory", *(COLUMNS[name] for name in names)]
    return joined([paragraph(said), table(title(found), heads, rows), tag("h3", "What was drawn"), tag("ul", *bases)])
