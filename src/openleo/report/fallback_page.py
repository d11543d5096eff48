"""The report of a study of falling back as one HTML file that opens offline: what carries each class of traffic."""

from __future__ import annotations

from openleo.errors import counted
from openleo.instants import instant_text
from openleo.places.territories import display_name
from openleo.report.fallback_text import room_text, when
from openleo.report.html_parts import Markup, joined, page, paragraph, picture, table, tag
from openleo.report.withdrawal_plot import percent_text
from openleo.study.fallback_run import Fallback, Room

HEADS = ("Class", "Asked >", "Other links >", "Satellites >", "Lost >", "Time with all >")
LINKS = ("Link", "Kind", "Gbit/s >", "Gateways and PoPs that hang on it", "Source")
FOOT = (
    "Nobody else is on the network in this run, so what satellites could bring is the most of it. Shares, links and "
    "what hangs on them are inputs. All figures are in fallback.csv and fallback.json."
)


def render(found: Fallback, png: bytes) -> str:
    """The whole page, with the picture of the study."""
    study, grid = found.study, found.study.case.grid
    place = ", ".join(map(display_name, study.place))
    span = f"{instant_text(grid.start)}, {counted(found.slots, 'computed slot')} of {grid.slot_s:g} s"
    head = tag(
        "header",
        tag("h1", f"What satellites carry of {place}: {study.name}"),
        paragraph(f"{study.case.name}. {span}. Asked for by: {study.source}.", class_="meta"),
        tag("div", *(paragraph(finding(found, room)) for room in found.rooms), class_="finding"),
    )
    cases = [table(f"{room.cut.name}{when(room.cut)}: {room_text(room)}. Gbit/s, means over the run.", HEADS, rows)
             for room in found.rooms if (rows := _rows(found, room))]  # fmt: skip
    sections = [
        (
            "picture",
            "Class by class",
            picture(png, f"Bars for {place}; the tables below have the figures.", class_="plot"),
        ),
        ("cases", "Cases", joined(cases)),
        ("links", "Links", _links(found)),
        ("notes", "Notes of the run", tag("ul", *(tag("li", note) for note in study.case.notes))),
    ]
    body = [tag("section", tag("h2", title), content, id=anchor) for anchor, title, content in sections]
    return page(f"{study.name}: falling back", tag("main", head, *body, tag("footer", paragraph(FOOT))))


def finding(found: Fallback, room: Room) -> str:
    """One case in a sentence."""
    rows = found.of(room.cut.name)
    named = f"{room.cut.name[:1].upper()}{room.cut.name[1:]}{when(room.cut)}"
    lost = sum(row.lost_gbps for row in rows)
    if found.on_the_ground(room.cut.name):
        return f"{named}: other links carry everything."
    if not lost:
        return f"{named}: with satellites everything is carried."
    whole = [row.class_ for row in rows if row.whole == 1.0]
    kept = f"; {', '.join(whole)} lack nothing" if whole else ""
    return f"{named}: {lost:.2f} of {sum(row.asked_gbps for row in rows):.2f} Gbit/s are lost{kept}."


def _rows(found: Fallback, room: Room) -> list[tuple[object, ...]]:
    return [
        (row.class_, *(f"{gbps:.3f}" for gbps in (row.asked_gbps, row.terrestrial_gbps, row.satellite_gbps)),
         f"{row.lost_gbps:.3f}", percent_text(row.whole))
        for row in found.of(room.cut.name)
    ]  # fmt: skip


def _links(found: Fallback) -> Markup:
    rows = [
        (one.name, one.kind, f"{one.gbps:g}", ", ".join((*one.gateways, *one.pops)) or "–", one.source)
        for one in found.study.links
    ]
    return table("What the place has beside satellites.", LINKS, rows)
