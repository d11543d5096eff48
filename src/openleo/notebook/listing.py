"""The territories of a run as a notebook shows them: a table of HTML."""

from __future__ import annotations

from collections.abc import Iterable

from openleo.service.summary import TerritoryRow


def html(caption: str, territories: Iterable[TerritoryRow], *, rates: bool) -> str:
    """One row a territory; `rates`: whether there are any."""
    names = ["territory", "people", "can", "may", "served", "RTT p50 (ms)"]
    names += ["down p50 (Mbit/s)", "up p50 (Mbit/s)"] if rates else []
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = ""
    for row in territories:
        known = [row.name, f"{row.population:,}", *(f"{x:.3f}" for x in (row.can_serve, row.may_serve, row.served))]
        medians = [row.rtt_ms_p50, *([row.down_mbps_p50, row.up_mbps_p50] if rates else [])]
        cells = known + ["–" if one is None else str(one) for one in medians]
        rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{rows}</table>"
