"""A request from its position to its answer: find what the position touches, decide, and say how far a refusal goes."""

from __future__ import annotations

from dataclasses import replace

from openleo.places import leeway, point
from openleo.places.point import Where
from openleo.policy.decide import Decision, decide
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import AppliesTo, RuleSet

FARTHEST_M = 50_000.0  # of a position's radius, beyond which nobody works out how far its refusal reaches


def answer(
    rule_set: RuleSet, request: Request, applies_to: AppliesTo = "terminal", *, stale_after_s: float = STALE_AFTER_S
) -> Decision:
    """The decision for a terminal, or for the place that a beam lights or a gateway stands in, by the exact polygons.

    A position without its uncertainty is not known: a radius that nobody states could reach anywhere. Nor is one whose
    known age is more than `stale_after_s`.
    """
    where = where_of(rule_set, request, stale_after_s)
    decision = decide(rule_set, request, where, applies_to, stale_after_s=stale_after_s)
    if decision.refusal is None or where is None:
        return decision
    assert request.latitude_deg is not None
    assert request.longitude_deg is not None
    assert request.uncertainty_m is not None
    if request.uncertainty_m > FARTHEST_M:
        return decision
    place = (request.latitude_deg, request.longitude_deg, request.uncertainty_m)
    radius_km = leeway.same_within_km(*place, rule_set.regions, here=where)
    return replace(decision, refusal=replace(decision.refusal, radius_km=radius_km))


def where_of(rule_set: RuleSet, request: Request, stale_after_s: float = STALE_AFTER_S) -> Where | None:
    """The kinds of place that a request may come from, None where that is not known."""
    if request.latitude_deg is None or request.longitude_deg is None or request.uncertainty_m is None:
        return None
    if request.stale(stale_after_s):
        return None
    return point.where(request.latitude_deg, request.longitude_deg, request.uncertainty_m, rule_set.regions)
