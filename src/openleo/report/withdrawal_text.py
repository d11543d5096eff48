"""What territories depend on, as lines of a terminal: who is left served after each withdrawal, ranked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from openleo.errors import counted
from openleo.places.territories import display_name
from openleo.report.withdrawal_plot import percent_text
from openleo.study.cuts import Cut
from openleo.study.dependence import Dependence
from openleo.study.restore import Restored
from openleo.study.served import Share
from openleo.study.sites import Sites
from openleo.study.withdrawal import Kind, Thing

MOST_NAMED = 12  # things of one set
NOUNS: dict[Kind, tuple[str, str]] = {
    "operator": ("operator", "operators"),
    "country": ("country's gateways", "countries' gateways"),
    "gateway": ("gateway", "gateways"),
    "pop": ("PoP", "PoPs"),
    "cable": ("cable", "cables"),
    "isls": ("links", "links"),
    "plane": ("plane", "planes"),
    "shell": ("shell", "shells"),
}


def text(found: Dependence, most: int | None = None) -> str:
    """All that was found; of each territory the first `most` withdrawals."""
    blocks = [list(_territory(found, share, most)) for share in found.before]
    blocks += [list(_mixes(found))] if found.mixes else []
    blocks += [["Smallest sets:", *(f"  {cut_text(cut)}" for cut in found.cuts)]] if found.cuts else []
    blocks += [[line for one in found.sites for line in site_lines(one)]] if found.sites else []
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def csv_text(found: Dependence) -> str:
    """Every row of the table; what does not exist is empty."""
    out, rows = io.StringIO(), found.table()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _territory(found: Dependence, share: Share, most: int | None) -> Iterator[str]:
    rows = found.of(share.territory)
    shown = rows if most is None else rows[:most]
    cells = [
        (row.withdrawal.name, percent_text(row.after.served), f"{row.people_lost:,}", ms_text(row.after.rtt_ms_p50))
        for row in shown
    ]
    yield f"{share.name} ({people_text(share)}): {percent_text(share.served)} served, {ms_text(share.rtt_ms_p50)}"
    yield from _columns(("withdrawn", "served", "people lost", "RTT p50"), cells)
    if len(shown) < len(rows):
        yield f"  and {counted(len(rows) - len(shown), 'withdrawal')} that matter less"


def _mixes(found: Dependence) -> Iterator[str]:
    yield "Operators alone and together:"
    heads = ("operators", *(share.name for share in found.before))
    cells = [
        (" + ".join(mix.operators), *(f"{percent_text(one.served)}, {ms_text(one.rtt_ms_p50)}" for one in mix.shares))
        for mix in found.mixes
    ]
    yield from _columns(heads, cells)


def cut_text(cut: Cut) -> str:
    """A smallest set as a sentence."""
    where = (
        f"{display_name(cut.territory)}, {_and(cut.after)} withdrawn:"
        if cut.after
        else f"{display_name(cut.territory)}:"
    )
    if cut.things is None:
        return (
            f"{where} {percent_text(cut.left)} is served without any {NOUNS[cut.kind][0]}, and so no set cuts it off."
        )
    if not cut.things:
        return f"{where} {percent_text(cut.before)} is served as it is."
    aim = "nobody" if cut.threshold == 0.0 else f"at most {percent_text(cut.threshold)}"
    left = "nobody" if cut.left == 0.0 else percent_text(cut.left)
    proved = "no smaller set does" if cut.threshold == 0.0 else f"no smaller set leaves {aim}"
    how = proved if cut.exact else f"sets of {cut.lower} or more may leave {aim} too"
    names = [thing.name for thing in cut.things]
    named = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
    return f"{where} {left} is served without {counted(len(names), *NOUNS[cut.kind])} ({named}); {how}."


def site_lines(one: Sites) -> Iterator[str]:
    """The best sites for one territory, one after the other."""
    after = f", {_and(one.after)} withdrawn" if one.after else ""
    yield f"Best sites for gateways of {one.operator} to serve {display_name(one.territory)}{after}:"
    sites = f"{counted(one.asked, 'site')} of {counted(one.candidates, 'candidate')}"
    bound = f"no {sites} can serve more than {percent_text(one.at_most)}"
    yield f"  {percent_text(one.before)} served without; {bound}"
    for number, chosen in enumerate(one.chosen, 1):
        place = f"{chosen.site.latitude_deg:.2f}, {chosen.site.longitude_deg:.2f}"
        days = "" if chosen.site.days is None else f", {chosen.site.days:g} days"
        yield f"  {number}. {chosen.site.name} ({place}{days}): {percent_text(chosen.served)}"
    if one.steps:
        steps = ", ".join(f"day {day:g}: {percent_text(share)}" for day, share in one.steps)
        yield f"  these from their days on: {steps}"
    if one.restored:
        yield f"  {restored_text(one.restored)}"


def restored_text(found: Restored) -> str:
    """When the wanted share is served again, as a sentence."""
    wanted = percent_text(found.wanted)
    if found.day is None:
        return f"{wanted} is not reached by any: all candidates together serve {percent_text(found.served)}."
    if not found.sites:
        return f"{wanted} is served as it is."
    count = len(found.sites)
    fewer = "no fewer sites do" if found.at_least == count else f"{found.at_least} or more sites may do, too"
    names = ", ".join(one.name for one in found.sites[:MOST_NAMED]) + (" …" if count > MOST_NAMED else "")
    return f"{wanted} from day {found.day:g} on, and not before, by {counted(count, 'site')} ({names}); {fewer}."


def restored_csv(found: Dependence) -> str:
    """A row a territory and day on which candidates can stand: what all of them, and the chosen ones, serve then."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("territory", "operator", "after", "of", "day", "served"))
    for one in found.sites:
        of_all = one.restored.curve if one.restored else ()
        for of, steps in (("chosen", one.steps), ("all candidates", of_all)):
            for day, share in steps:
                after = "; ".join(map(str, one.after))
                writer.writerow((one.territory, one.operator, after, of, f"{day:g}", f"{share:.6f}"))
    return out.getvalue()


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    wide = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        others = (cell.rjust(width) for cell, width in zip(row[1:], wide[1:], strict=True))
        yield "  " + "  ".join([row[0].ljust(wide[0]), *others])


def people_text(share: Share) -> str:
    """Whose shares are told."""
    return f"{share.people:,} people" if share.weighting == "population" else "by area: nobody lives there"


def ms_text(rtt_ms: float | None) -> str:
    """A round trip as it is told."""
    return "–" if rtt_ms is None else f"{rtt_ms:.1f} ms"


def _and(things: Sequence[Thing]) -> str:
    names = [str(thing) for thing in things]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
