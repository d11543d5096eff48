"""The report of a study of withdrawals as one HTML file that opens offline: what each territory depends on."""

from __future__ import annotations

from openleo.errors import counted
from openleo.places.territories import display_name
from openleo.report.html_parts import Markup, joined, page, paragraph, picture, table, tag
from openleo.report.withdrawal_plot import MOST_BARS, MOST_PANELS, percent_text, subtitle
from openleo.report.withdrawal_text import cut_text, ms_text, people_text, site_lines
from openleo.study.dependence import Dependence
from openleo.study.served import Share

HEADS = ("Withdrawn", "Served >", "People lost >", "RTT p50 >")


def render(found: Dependence, png: bytes, restored_png: bytes | None = None) -> str:
    """The whole page, with the picture of the study, and that of service restored where there is one."""
    sections = [
        ("picture", "What is left", picture(png, _alt(found), class_="plot")),
        ("cuts", "Smallest sets that cut a territory off", _cuts(found)),
        ("mixes", "Operators alone and together", _mixes(found)),
        ("sites", "Where the next gateway would serve most", _sites(found, restored_png)),
        *((f"of-{share.territory}", f"Withdrawals: {share.name}", _territory(found, share)) for share in found.before),
        ("networks", "Networks", _networks(found)),
    ]
    shown = [one for one in sections if one[2]]
    links = [tag("a", title, href=f"#{anchor}") for anchor, title, _ in shown]
    body = [tag("section", tag("h2", title), content, id=anchor) for anchor, title, content in shown]
    main = tag("main", _header(found), tag("nav", *links, aria_label="Contents"), *body, tag("footer", _foot()))
    return page(f"{found.study.name}: what territories depend on", main)


def _header(found: Dependence) -> Markup:
    said = [paragraph(_finding(found, share)) for share in found.before]
    return tag(
        "header",
        tag("h1", f"What territories depend on: {found.study.name}"),
        paragraph(subtitle(found, len(found.study.withdrawals)), class_="meta"),
        tag("div", *said, class_="finding"),
    )


def _finding(found: Dependence, share: Share) -> str:
    before = f"{share.name}: {percent_text(share.served)} served"
    rows = found.of(share.territory)
    if not rows:
        return f"{before}."
    worst = rows[0]
    if not worst.people_lost and worst.after.served == share.served:
        return f"{before}, and no withdrawal of this study changes that."
    return (
        f"{before}; {percent_text(worst.after.served)} after the withdrawal that takes most ({worst.withdrawal.name})."
    )


def _alt(found: Dependence) -> str:
    names = ", ".join(share.name for share in found.before[:MOST_PANELS])
    return (
        f"Bars for {names}: the share served after each of up to {MOST_BARS} withdrawals; the tables have the figures."
    )


def _territory(found: Dependence, share: Share) -> Markup:
    rows = [
        (row.withdrawal.name, percent_text(row.after.served), f"{row.people_lost:,}", ms_text(row.after.rtt_ms_p50))
        for row in found.of(share.territory)
    ]
    caption = f"{people_text(share)}; before: {percent_text(share.served)}, {ms_text(share.rtt_ms_p50)}."
    return table(caption, HEADS, rows)


def _mixes(found: Dependence) -> Markup:
    if not found.mixes:
        return Markup("")
    rows = [
        (" + ".join(mix.operators), *(f"{percent_text(one.served)}, {ms_text(one.rtt_ms_p50)}" for one in mix.shares))
        for mix in found.mixes
    ]
    return table("Served, and the median round trip.", ("Operators", *(f"{one.name} >" for one in found.before)), rows)


def _cuts(found: Dependence) -> Markup:
    return tag("ul", *(tag("li", cut_text(cut)) for cut in found.cuts)) if found.cuts else Markup("")


def _sites(found: Dependence, restored_png: bytes | None) -> Markup:
    pieces: list[Markup] = []
    for one in found.sites:
        head, *lines = site_lines(one)
        pieces += [tag("h3", head), *(paragraph(line.strip()) for line in lines)]
    if restored_png is not None:
        alt = "Steps: the share served from each day on, by the chosen sites and by all candidates, as in restored.csv."
        pieces.append(picture(restored_png, alt, class_="plot"))
    return joined(pieces)


def _networks(found: Dependence) -> Markup:
    study = found.study
    rows = [
        (
            name,
            counted(case.network.constellation.satellites, "satellite", form=","),
            tag("span", case.network_sha256, class_="hash"),
        )
        for name, case in study.cases.items()
    ]
    told = ", ".join(display_name(share.territory) for share in found.before)
    return table(f"What was computed, for {told}.", ("Operator", "Satellites >", "Hash of the network"), rows)


def _foot() -> Markup:
    return paragraph(
        "Reach, not rates: who is served by one gateway less shares what is left. Nothing here says that anybody will "
        "withdraw. All figures are in withdrawals.csv and dependence.json."
    )
