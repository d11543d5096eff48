"""Findings for the terminal: a few sentences, then a table, as renderables of rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openleo.places.territories import display_name
from openleo.report import words
from openleo.results import Results
from openleo.service.amounts import EffectRow
from openleo.service.summary import TerritoryRow

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

GOOD, BAD, QUIET = "green", "red", "dim"


def territory_table(results: Results) -> RenderableType:
    """Who is served, where, and why not."""
    from rich.console import Group
    from rich.text import Text

    rates = ("Down >", "Up >") if results.service.rates else ()
    table = _table("Territory", "People >", "Can >", "May >", "Served >", "RTT >", *rates, "Because")
    land = [row for row in results.territories if row.weighting == "population"]
    sea = [row for row in results.territories if row.weighting != "population"]
    for rows in (land, sea):
        for row in rows:
            table.add_row(*_territory_cells(row, with_rates=bool(rates)), end_section=row is rows[-1])
    said = [
        Text(sentence, style="bold" if number == 0 else "") for number, sentence in enumerate(words.findings(results))
    ]
    note = "Can: within reach. May: permitted. Served: both. RTT: median round-trip time. Shares of people × time"
    note += "; of area × time where nobody lives." if sea else "."
    if rates:
        said.append(Text(words.capacity_finding(results)))
        note = note.replace("Served: both.", "Served: both, times the part of what is asked for that is given.")
        note += " Down, up: median Mbit/s that a test of a user's line finds."
    return Group(*said, table, Text(note, style=QUIET))


def _territory_cells(row: TerritoryRow, *, with_rates: bool) -> list[RenderableType]:
    from rich.text import Text

    style = GOOD if row.served >= words.ALL else BAD if row.served <= words.NONE else ""
    return [
        Text(short_name(row.territory)),
        Text(words.size(row)),
        Text(words.percent(row.can_serve)),
        Text(words.percent(row.may_serve)),
        Text(words.percent(row.served), style=style),
        Text(words.milliseconds(row.rtt_ms_p50)),
        *([Text(words.mbps(one)) for one in (row.down_mbps_p50, row.up_mbps_p50)] if with_rates else []),
        Text(words.main_reason(row)),
    ]


def effect_table(results: Results) -> RenderableType:
    """Who gains and who loses service under the second rule set. Raises ValueError without one."""
    from rich.console import Group
    from rich.text import Text

    if results.effect is None:
        raise ValueError("these results compare no second rule set, so there is no effect to tell")
    rows = results.effect.rows
    changed = words.changed(rows)
    said: list[RenderableType] = [Text(words.effect_finding(results), style="bold")]
    if changed:
        table = _table("Territory", "Class", "Lose >", "Gain >", "RTT before >", "after >", "Because of")
        for row in changed:
            table.add_row(*_effect_cells(row))
        said.append(table)
    untouched = len(rows) - len(changed)
    if untouched:
        by_rules = " by rules" if results.effect.shared else ""
        said.append(Text(f"Nothing changes elsewhere{by_rules}; rows left out: {untouched}.", style=QUIET))
    said.append(Text(words.beams_finding(results.effect), style=QUIET))
    return Group(*said)


def _effect_cells(row: EffectRow) -> list[RenderableType]:
    from rich.text import Text

    before, after = row.rtt_ms_p50
    return [
        Text(short_name(row.territory)),
        Text(row.class_),
        Text(words.sure_and_not(row.lost, row.may_lose), style=BAD if row.lost or row.may_lose else QUIET),
        Text(words.sure_and_not(row.gained, row.may_gain), style=GOOD if row.gained or row.may_gain else QUIET),
        Text(words.milliseconds(before)),
        Text(words.milliseconds(after)),
        Text(", ".join(row.because)),
    ]


def short_name(id_: str) -> str:
    """A name that leaves room for the other columns.

    >>> short_name("JPN.sea12")
    'Japan, 0–12 nmi'
    """
    return (
        display_name(id_).replace(" to ", "–").replace(" nautical miles", " nmi") if "." in id_ else display_name(id_)
    )


def _table(*heads: str) -> Table:
    """Columns by their heads; a head that ends in `>` is set to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in heads:
        table.add_column(
            head.removesuffix(" >"), justify="right" if head.endswith(">") else "left", no_wrap=head != heads[0]
        )
    return table
