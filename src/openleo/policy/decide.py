"""One decision, with its reasons.

The first that applies: a forbid that matches; no permit that matches; a permit that matches. No rule outranks another
by place or order, so adding a forbid never permits anyone new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from openleo.policy.rules import Rule, RuleSet


class Outcome(StrEnum):
    """What was decided."""

    FORBIDDEN = "FORBIDDEN"
    NOT_PERMITTED = "NOT_PERMITTED"
    PERMITTED = "PERMITTED"


@dataclass(frozen=True)
class Because:
    """A rule that made a decision, as people are told it."""

    rule: str
    authority: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """`because` is empty only when no rule speaks of the place: no rule, no service."""

    outcome: Outcome
    because: tuple[Because, ...]

    @property
    def permitted(self) -> bool:
        return self.outcome is Outcome.PERMITTED


def decide(rule_set: RuleSet, territory: str, class_: str, within: Sequence[bool] = ()) -> Decision:
    """The decision for a terminal of a class on a part of a territory.

    `within` says, for each of the rule set's regions, whether the part lies in it.
    """
    matching = rule_set.matching(territory, within, class_)
    forbids = [rule for rule in matching if rule.effect == "forbid"]
    if forbids:
        return Decision(Outcome.FORBIDDEN, _because(forbids))
    if not matching:
        return Decision(Outcome.NOT_PERMITTED, ())
    return Decision(Outcome.PERMITTED, _because(matching))


def _because(rules: list[Rule]) -> tuple[Because, ...]:
    ordered = sorted(rules, key=lambda rule: (rule.id, rule.book))  # two books may use one id
    return tuple(Because(rule.id, rule.authority, rule.reason) for rule in ordered)
