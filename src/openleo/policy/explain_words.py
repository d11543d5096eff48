"""An Explanation as text for people, and as JSON.

The same order in both: where the place is and who says so, what the rules of the place say, the decision, until when,
and what would change it. No side is taken: a contested area is named with who administers and who claims it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from openleo.errors import counted, join_or
from openleo.instants import instant_text
from openleo.places.territories import (
    HIGH_SEAS,
    ContestedArea,
    Territory,
    contested_areas,
    display_name,
    territories,
)
from openleo.policy.decide import Decision, Outcome
from openleo.policy.explain import Clause, Explanation, Reading, wanted
from openleo.policy.request import STALE_AFTER_S
from openleo.policy.rules import Rule
from openleo.policy.words import listed, named

NO_BOUNDARY = "Strips of sea are computed by the distance to the nearest coast; they are no legal boundary."
SAYS = {True: "matches", None: "may match", False: "does not match"}
SPOKEN = {
    Outcome.PERMITTED: "PERMITTED: the terminal may be served.",
    Outcome.FORBIDDEN: "FORBIDDEN: a rule forbids it, and no permit outranks that.",
    Outcome.SUSPENDED: "SUSPENDED: service is withheld for a time; the entitlement stays.",
    Outcome.NOT_PERMITTED: "NOT_PERMITTED: no rule permits it, and where none does, nothing is served.",
    Outcome.INDETERMINATE: "INDETERMINATE: something is not known, so the terminal is not served.",
}


def text(explanation: Explanation, options: Mapping[str, str] | None = None) -> str:
    """All of it, for people; `options`: what gives each input, where they are asked for inputs."""
    parts = [
        ("Where it is", _place(explanation)),
        (_rules_head(explanation), [line for reading in explanation.readings for line in _reading(reading)]),
        (f"Decision: {SPOKEN[explanation.decision.outcome]}", _reasons(explanation.decision, explanation)),
        ("What would change it", changes(explanation, options) or ["Only another rule, or another place."]),
    ]
    return "\n\n".join("\n".join([head, *(f"  {line}" for line in lines)]) for head, lines in parts) + "\n"


# --- the place ----------------------------------------------------------------------------------------------------


def _place(explanation: Explanation) -> list[str]:
    if explanation.where is None:
        old = f"the position is more than {STALE_AFTER_S / 3600:g} h old, so " if explanation.request.stale() else ""
        return [f"Not known: {old}every territory is possible."]
    labels = explanation.where.labels
    lines = ["The circle of its uncertainty touches several of these:"] if len(labels) > 1 else []
    told: set[str] = set()
    for label in labels:
        lines.append(f"{label}: {display_name(label)}")
        lines += [f"  {line}" for line in _contested(label) if land_of(label) not in told]
        told.add(land_of(label))
    inside = {region.text for atom in explanation.where.atoms for region in atom.regions}
    lines += [f"within the area that rules call {region}" for region in sorted(inside)]
    lines += _sources(labels)
    return lines + ([NO_BOUNDARY] if any("." in label or label == HIGH_SEAS for label in labels) else [])


def land_of(label: str) -> str:
    """The land that a label is, or whose sea it is."""
    return label.partition(".")[0]


def disputed(label: str) -> ContestedArea | None:
    """The contested area that a label is, or is the sea of."""
    return contested_areas().get(land_of(label))


def _contested(label: str) -> list[str]:
    area = disputed(label)
    if area is None:
        return []
    return [
        f"contested: {area.in_words}, as of {area.as_of}",
        area.note,
        f"sources: {'; '.join(area.sources)}",
    ]


def _sources(labels: Iterable[str]) -> list[str]:
    rows: dict[str, Territory] = territories()
    lands = [rows[land_of(label)] for label in labels if land_of(label) in rows] or list(rows.values())[:1]
    said = (f"borders: {row.source}, version {row.version}; point of view: {row.point_of_view}" for row in lands)
    return list(dict.fromkeys(said))


# --- the rules ----------------------------------------------------------------------------------------------------


def _rules_head(explanation: Explanation) -> str:
    speaking = len(explanation.readings)
    total = speaking + explanation.silent + explanation.other
    verb = "speaks" if speaking == 1 else "speak"
    other = f" ({counted(explanation.other, 'more')} about beams or gateways)" if explanation.other else ""
    where = "may speak of this place" if explanation.where is None else f"{verb} of this place"
    return f"What the rules say: {speaking or 'none'} of {total} {where}{other}"


def _reading(reading: Reading) -> Iterator[str]:
    rule = reading.rule
    by = "" if rule.authority == rule.book else f" ({rule.authority})"
    law = f" [{rule.legal_reference}]" if rule.legal_reference else ""
    yield f"{named(rule)} {SAYS[reading.value]}: {rule.reason}{by}{law}"
    yield from (f"  {line}" for line in why(reading))


def why(reading: Reading) -> list[str]:
    """Why a rule matches, may match, or does not."""
    if reading.value is True:
        return [f"it asks for {clause.asks}: {clause.stands}" for clause in reading.clauses] or [
            "it asks for nothing but the place"
        ]
    lines = [f"{_because(reading)} it asks for {clause.asks}: {clause.stands}" for clause in reading.against]
    if reading.value is None and reading.everywhere is not True:
        lines.append(f"it depends: {_PLACED[reading.everywhere]}")
    return lines


_PLACED = {
    None: "where the terminal is, is not known",
    False: "its area holds a part of the circle of uncertainty only",
}


def _because(reading: Reading) -> str:
    return "because" if reading.value is False else "it depends:"


# --- the decision -------------------------------------------------------------------------------------------------


def _reasons(decision: Decision, explanation: Explanation) -> list[str]:
    deciding = {because.key for because in decision.because}
    rules = [one.rule for one in explanation.readings if one.rule.key in deciding]
    lines = [f"by {listed([named(rule) for rule in rules])}"] if rules else []
    lines += [f"not known: {listed(decision.missing)}"] if decision.missing else []
    lines += [f"its traffic leaves in {join_or(decision.land_in)} alone"] if decision.land_in is not None else []
    if explanation.request.at is None:
        return lines
    if decision.valid_until is None:
        return [*lines, "Time alone changes nothing of it."]
    return [*lines, f"It holds until {instant_text(decision.valid_until)}."]


def changes(explanation: Explanation, options: Mapping[str, str] | None = None) -> list[str]:
    """What would change the decision, as far as rules of this place say."""
    decision = explanation.decision
    asking = wanted(explanation)
    given_by = {name: f" ({option})" for name, option in (options or {}).items()}
    lines = [
        f"knowing {name}{given_by.get(name, '')}: {_asks(asking[name])}" for name in decision.missing if name in asking
    ]
    if "position" in decision.missing and explanation.where is not None:
        lines.append("a smaller uncertainty of the position: its circle crosses the edge of a rule's area")
    if explanation.request.stale():
        lines.append(f"a position that is not older than {STALE_AFTER_S / 3600:g} h")
    elif explanation.where is None:
        lines += [_PLACING[name] for name in decision.missing if name in _PLACING]
    if decision.valid_until is not None and explanation.then is not None:
        lines.append(f"{instant_text(decision.valid_until)}: {_then(decision, explanation.then)}")
    return lines + [line for reading in explanation.readings for line in _in_the_way(reading, decision, explanation)]


_PLACING = {
    "position": "knowing position: where the terminal is, by lat_deg, lon_deg and uncertainty_m",
    "position.uncertainty_m": "knowing position.uncertainty_m: the radius around the position that holds the terminal",
}


def _in_the_way(reading: Reading, decision: Decision, explanation: Explanation) -> list[str]:
    """A permit that asks for something else, or a forbid or suspend that matches."""
    rule = reading.rule
    if reading.value is True and rule.effect != "permit":
        asked = "; ".join(["this place", *(clause.asks for clause in reading.clauses)])
        return [f"{named(rule)} stands in the way while all of this holds: {asked}"]
    at = explanation.request.at
    over = at is not None and not rule.window.holds(at) and rule.window.next_change(at) is None
    if reading.value is False and rule.effect == "permit" and not decision.permitted and not over:
        return [f"{named(rule)} would match with {listed([clause.asks for clause in reading.against])}"]
    return []


def _asks(rules: Iterable[Rule]) -> str:
    named_ = [named(rule) for rule in rules]
    return f"{listed(named_)} {'asks' if len(named_) == 1 else 'ask'} for it"


def _then(decision: Decision, then: Decision) -> str:
    return f"{'still ' if then.outcome is decision.outcome else ''}{then.outcome} from then on, if nothing else changes"


# --- as JSON ------------------------------------------------------------------------------------------------------


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The same for programs."""
    labels = () if explanation.where is None else explanation.where.labels
    return {
        "territories": [_territory_json(label) for label in labels],
        "rules": [_reading_json(reading) for reading in explanation.readings],
        "silent": explanation.silent,
        "decision": explanation.decision.as_json(),
        "then": None if explanation.then is None else explanation.then.outcome.value,
        "would_change": changes(explanation),
    }


def _territory_json(label: str) -> dict[str, Any]:
    row, area = territories().get(land_of(label)), disputed(label)
    return {
        "territory": label,
        "name": display_name(label),
        "contested": None
        if area is None
        else {
            "id": area.id,
            "administered_by": list(area.administered_by),
            "claimed_by": list(area.claimed_by),
            "as_of": area.as_of.isoformat(),
            "note": area.note,
            "sources": list(area.sources),
        },
        "source": row.source if row else None,
        "version": row.version if row else None,
        "point_of_view": row.point_of_view if row else None,
    }


def _reading_json(reading: Reading) -> dict[str, Any]:
    rule = reading.rule
    return {
        "rule": rule.id,
        "book": rule.book,
        "effect": rule.effect,
        "authority": rule.authority,
        "reason": rule.reason,
        "legal_reference": rule.legal_reference or None,
        "says": SAYS[reading.value],
        "clauses": [_clause_json(clause) for clause in reading.clauses],
        "everywhere": reading.everywhere,
    }


def _clause_json(clause: Clause) -> dict[str, Any]:
    return {"asks": clause.asks, "holds": clause.value, "stands": clause.stands, "missing": list(clause.missing)}
