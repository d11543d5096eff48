"""One round trip as a waterfall: every term in the order in which a packet meets it, and what they make together.

Takes a path of `network.journeys` and its terms; times are of both ways.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import openleo
from openleo.errors import counted
from openleo.instants import instant_text
from openleo.network import journeys
from openleo.network.terms import ADDED, IN_FIBRE, OVER_SATELLITES, Term, terms_of
from openleo.report.staging import StagedFile, blaming

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {OVER_SATELLITES: "#0072b2", IN_FIBRE: "#009e73", ADDED: "#e69f00"}  # Okabe and Ito's, for the colour-blind too
TOTAL = "#1d252b"
QUIET = "0.35"
DPI = 150


def subtitle(path: journeys.Path, constellation: str) -> str:
    """When, over what, and how many links."""
    links = counted(sum(hop.length_km > 0.0 for hop in path.hops), "link")
    lands = any(hop.kind == journeys.FIBRE for hop in path.hops)
    how = f"{links}, fibre included" if lands else f"{links} over satellites alone, nothing added to light's time"
    return f"{instant_text(path.at)} · {constellation} · {how}"


def drawn(path: journeys.Path, title: str, said: str, jitter_ms: float = 0.0) -> Figure:
    """The picture of a path that there is. `jitter_ms`: by how much a round trip strays either way."""
    from matplotlib.figure import Figure

    terms = terms_of(path)
    tall = 1.75 + 0.42 * (len(terms) + 1)
    figure = Figure(figsize=(9.6, tall))
    axes = figure.add_axes((0.36, 0.62 / tall, 0.58, 1.0 - 1.6 / tall))
    _bars(axes, terms, path.rtt_ms or 0.0, jitter_ms)
    figure.text(0.02, 1.0 - 0.38 / tall, title, fontsize=13, fontweight="bold", parse_math=False)
    figure.text(0.02, 1.0 - 0.62 / tall, said, fontsize=9, color=QUIET, parse_math=False)
    _key(figure, terms, tall)
    return figure


def _bars(axes: Axes, terms: Sequence[Term], rtt_ms: float, jitter_ms: float) -> None:
    level = 0.0
    for row, term in enumerate(terms):
        axes.barh(row, term.ms, left=level, color=KINDS[term.kind], height=0.62)
        level += term.ms
        axes.plot([level, level], [row - 0.31, row + 1.31], color="0.6", linewidth=0.8)
        axes.annotate(f"{term.ms:.2f}", (level, row), xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=8.5)  # fmt: skip
    last = len(terms)
    axes.barh(last, rtt_ms, color=TOTAL, height=0.62)
    if jitter_ms > 0.0:
        axes.errorbar(rtt_ms, last, xerr=jitter_ms, color="0.45", capsize=3.5, linewidth=1.2)
    stray = f" ± {jitter_ms:g}" if jitter_ms > 0.0 else ""
    axes.annotate(f"{rtt_ms:.2f}{stray} ms", (rtt_ms + jitter_ms, last), xytext=(5, 0), textcoords="offset points",
                  va="center", fontsize=9, fontweight="bold")  # fmt: skip
    axes.set_yticks(range(last + 1), [*(_label(term) for term in terms), "there and back"], fontsize=8.5)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # names come from files
    axes.invert_yaxis()
    axes.set_xlim(0.0, (rtt_ms + jitter_ms) * 1.24)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8.5)
    axes.set_xlabel("milliseconds, both ways together", fontsize=9)


def _label(term: Term) -> str:
    return f"{term.name}\n{term.about}" if term.about else term.name


def _key(figure: Figure, terms: Sequence[Term], tall: float) -> None:
    from matplotlib.patches import Patch

    used = {term.kind for term in terms}
    handles = [Patch(facecolor=colour, label=kind) for kind, colour in KINDS.items() if kind in used]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.355, 1.0 - 0.68 / tall), ncols=3, fontsize=8.5,
                  frameon=False, borderpad=0.0, handlelength=1.2)  # fmt: skip


def picture(path: journeys.Path, title: str, said: str, jitter_ms: float = 0.0) -> bytes:
    """The PNG."""
    out = io.BytesIO()
    figure = drawn(path, title, said, jitter_ms)
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": f"OpenLEO {openleo.__version__}"})
    return out.getvalue()


def draw(path: journeys.Path, title: str, said: str, target: Path, jitter_ms: float = 0.0) -> None:
    """Draw to a PNG file."""
    content = picture(path, title, said, jitter_ms)
    with StagedFile(target) as staged, blaming(target):
        staged.write_bytes(content)
