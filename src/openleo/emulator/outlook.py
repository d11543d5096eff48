"""What is said of a table before it runs: who is never served in it, who only at times, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openleo.emulator.table import LinkTable
from openleo.errors import Problem, counted
from openleo.instants import SlotGrid, instant_text
from openleo.service.serve import Reason

NOT_THERE = "not_there"  # why a user on a track is not served before it sets out and after it has arrived
WAYS_OUT = {
    Reason.NOT_PERMITTED.word: "Name rules that permit it, another class, or another time.",
    Reason.NO_SATELLITE.word: "Take another place, another time, or a lower user_elevation_deg.",
    Reason.NO_GATEWAY.word: "Name a PoP nearer to it, or links between satellites (isl) in the scenario.",
    Reason.NO_CAPACITY.word: "Give fixed rates, or a scenario without [capacity].",
    NOT_THERE: "Begin when the track does.",
}
ELSEWHERE = "Name a PoP in a territory where these rules let its traffic leave (land_in)."  # no gateway by rule


@dataclass(frozen=True)
class Outlook:
    """never: terminals that no slot of a window serves; at_times: what is to be said of those that some do not."""

    never: tuple[Problem, ...] = ()
    at_times: tuple[str, ...] = ()


def outlook(table: LinkTable, file: str) -> Outlook:
    """Which terminals a table never serves, and which only at times, each with the reasons. `file`: the scenario's."""
    ends = instant_text(SlotGrid(table.start, table.step_s, table.steps).instant(table.steps))
    span = f"from {instant_text(table.start)} to {ends}"
    never, at_times = [], []
    for number, name in enumerate(table.terminals):
        served = int(table.served[:, number].sum())
        if served == table.steps:
            continue
        reasons, counts = np.unique(table.why[~table.served[:, number], number], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        said = ", ".join(_told(table, number, str(reasons[n]), int(counts[n])) for n in order)
        if served:
            at_times.append(f"{name} is served in {served} of {counted(table.steps, 'slot')} {span}: {said}.")
        else:
            rule, first = f"is never served {span}: {said}.", str(reasons[order[0]])
            by_rule = first == Reason.NO_GATEWAY.word and bool(_rules(table, number, first))
            never.append(Problem(file, name, rule, ELSEWHERE if by_rule else WAYS_OUT[first]))
    return Outlook(tuple(never), tuple(at_times))


def _told(table: LinkTable, number: int, reason: str, count: int) -> str:
    rules = _rules(table, number, reason)
    by = f" by {', '.join(rules)}" if rules else ""
    if reason == Reason.NOT_PERMITTED.word and not rules:
        by = ", as no rule permits it"
    return f"{reason} in {count}{by}"


def _rules(table: LinkTable, number: int, reason: str) -> list[str]:
    """Those by which a terminal is not served for a reason."""
    here = table.because[table.why[:, number] == reason, number]
    return sorted({rule for text in np.unique(here) for rule in str(text).split()})
