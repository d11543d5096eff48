"""What a round trip is made of: the terms of a path, in the order in which a packet meets them.

Takes a path of `journeys`; its hops of one kind that follow each other are one term. Times are of both ways, and add up
to the round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from openleo.errors import counted
from openleo.network import journeys

OVER_SATELLITES, IN_FIBRE, ADDED = "light over satellites", "light in fibre", "added to light's time"
KIND_OF = {
    journeys.USER_LINK: OVER_SATELLITES,
    journeys.ISL: OVER_SATELLITES,
    journeys.FEEDER_LINK: OVER_SATELLITES,
    journeys.FIBRE: IN_FIBRE,
}
# A packet waits for its turn before it leaves; what the way over satellites is longer, it meets on that way.
ORDER = (journeys.SCHEDULING, journeys.PROCESSING)


@dataclass(frozen=True)
class Term:
    """One step: its name, what it is about, milliseconds of both ways together, one of the three kinds."""

    name: str
    about: str
    ms: float
    kind: str


def terms_of(path: journeys.Path) -> tuple[Term, ...]:
    """The terms of a path, which add up to its round trip; none without a path."""
    runs = [(kind, list(hops)) for kind, hops in groupby(path.hops, key=lambda hop: hop.kind)]
    terms = [_term(kind, hops) for kind, hops in runs]
    first = [term for (kind, _), term in zip(runs, terms, strict=True) if kind in ORDER]
    longer = [term for (kind, _), term in zip(runs, terms, strict=True) if kind == journeys.LONGER_WAY]
    others = [term for term in terms if term not in first and term not in longer]
    landed = next((n for n, term in enumerate(others) if term.kind != OVER_SATELLITES), len(others))
    return (*first, *others[:landed], *longer, *others[landed:])


def _term(kind: str, hops: Sequence[journeys.Hop]) -> Term:
    delay_ms = sum(hop.delay_ms for hop in hops)
    if kind in (journeys.SCHEDULING, journeys.PROCESSING, journeys.POP):  # both ways already
        name = {journeys.SCHEDULING: "scheduling and processing"}.get(kind, kind)
        return Term(name, hops[0].start if kind == journeys.POP else "", delay_ms, ADDED)
    if kind == journeys.LONGER_WAY:
        return Term("longer way", "than the shortest", 2.0 * delay_ms, ADDED)
    length_km = sum(hop.length_km for hop in hops)
    if kind == journeys.ISL:
        name = counted(len(hops), "inter-satellite link")
        return Term(name, f"{length_km:,.0f} km", 2.0 * delay_ms, OVER_SATELLITES)
    ends = f"{hops[0].start} to {hops[-1].end}"
    return Term(kind, f"{ends}, {length_km:,.0f} km", 2.0 * delay_ms, KIND_OF.get(kind, OVER_SATELLITES))
