"""One decision, with its reasons.

Takes a rule set, a request and the kinds of place it may come from; gives a Decision. The first that applies: a forbid
that matches; a suspend that matches; no permit that matches or might; a forbid or suspend that might; a permit that
matches wherever the terminal may be; else nothing is certain. No rule outranks another by place or order, so adding a
forbid or suspend never permits anyone new, and what is not known never opens a door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from openleo.instants import instant_text
from openleo.places.expressions import holds
from openleo.places.point import Atom, Where
from openleo.policy.conditions import GROWS_EVERY_S, AtMost, MoreThan
from openleo.policy.request import STALE_AFTER_S, Request
from openleo.policy.rules import AppliesTo, Rule, RuleKey, RuleSet

CAUSE_LOCATION = 78  # 3GPP TS 24.501 §5.5.1.2.5: "PLMN not allowed to operate at the present UE location"


Here = tuple[bool, ...] | None  # whether a rule's territory holds each atom of a place; None: no atom is known


class Outcome(StrEnum):
    """What was decided."""

    FORBIDDEN = "FORBIDDEN"
    SUSPENDED = "SUSPENDED"
    NOT_PERMITTED = "NOT_PERMITTED"
    INDETERMINATE = "INDETERMINATE"
    PERMITTED = "PERMITTED"


@dataclass(frozen=True)
class Because:
    """A rule that made a decision, as people are told it.

    `rule` is what the rule set calls it: its id, or book/id where another book uses that. Rules are the same by `key`.
    """

    rule: str = field(compare=False)
    authority: str
    reason: str
    key: RuleKey

    def as_json(self) -> dict[str, str]:
        return {"rule": self.rule, "authority": self.authority, "reason": self.reason}


@dataclass(frozen=True)
class Refusal:
    """What a terminal is told that is not served, in the shape of 3GPP's cause #78."""

    territory: str | None  # labels of where it may be, separated by a space; None: not known
    retry_not_before: datetime | None  # no window of a rule lets it through before; None: nor afterwards
    radius_km: int | None = None  # so far it can move and have the same answer; None: not known
    cause: int = CAUSE_LOCATION

    def as_json(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "territory": self.territory,
            "retry_not_before": _text(self.retry_not_before),
            "radius_km": self.radius_km,
        }


@dataclass(frozen=True)
class Decision:
    """`because` is empty only when no rule speaks of the request: no rule, no service."""

    outcome: Outcome
    because: tuple[Because, ...]
    missing: tuple[str, ...] = ()  # inputs that would have to be known; of INDETERMINATE alone
    valid_until: datetime | None = None  # until then time alone changes nothing; None: nor afterwards
    refusal: Refusal | None = None
    land_in: tuple[str, ...] | None = None  # of PERMITTED: its traffic leaves in one of these; None: anywhere

    def naming(self, names: Mapping[RuleKey, str]) -> Decision:
        """The same decision, whose rules are called as names say: those of several rule sets together, for example."""
        return replace(self, because=tuple(replace(one, rule=names[one.key]) for one in self.because))

    @property
    def permitted(self) -> bool:
        return self.outcome is Outcome.PERMITTED

    def as_json(self) -> dict[str, Any]:
        return {
            "decision": self.outcome.value,
            "because": [because.as_json() for because in self.because],
            "missing": list(self.missing),
            "valid_until": _text(self.valid_until),
            "refusal": self.refusal.as_json() if self.refusal else None,
            **({} if self.land_in is None else {"land_in": list(self.land_in)}),
        }


@dataclass(frozen=True)
class _Match:
    """A rule that matches or might. `here`, a value for each atom, is None where no atom is known."""

    rule: Rule
    value: bool | None  # of everything but the territory; never False
    missing: frozenset[str]
    here: Here

    @property
    def everywhere(self) -> bool:
        return self.here is not None and all(self.here)

    @property
    def certain(self) -> bool:
        return self.value is True and self.everywhere


def decide(
    rule_set: RuleSet,
    request: Request,
    where: Where | None,
    applies_to: AppliesTo = "terminal",
    *,
    stale_after_s: float = STALE_AFTER_S,
) -> Decision:
    """The decision for a request from a place; `where` None: it is not known where.

    Nor is it known of a position that is older than `stale_after_s`.
    """
    if request.stale(stale_after_s):
        request, where = unplaced(request), None
    speaking = rules_at(rule_set, where, applies_to)
    matches = _matching(speaking, request)
    outcome, decisive, lacking = _outcome(matches, where, request)
    landing = _landing(matches, where) if outcome is Outcome.PERMITTED else None
    refusal = None
    rules = [rule for rule, _ in speaking]
    if outcome is not Outcome.PERMITTED:
        territory = None if where is None else " ".join(where.labels)
        refusal = Refusal(territory, _retry(outcome, rules, decisive, request))
    changes = _changes(rules, request)
    if where is not None and request.at is not None and request.age_s is not None:
        changes.append(_later(request.at, stale_after_s - request.age_s))
    valid_until = min(changes, default=None)
    land_in = None if landing is None else tuple(sorted(landing))
    return Decision(outcome, because(rule_set, decisive), tuple(sorted(lacking)), valid_until, refusal, land_in)


def rules_at(rule_set: RuleSet, where: Where | None, applies_to: AppliesTo = "terminal") -> list[tuple[Rule, Here]]:
    """The rules that speak of a place, whatever the terminal: each with what it says of every atom."""
    speaking: list[tuple[Rule, Here]] = []
    for rule in rule_set.rules if where is None else rule_set.near(atom.label for atom in where.atoms):
        here = here_of(rule, where)
        if rule.applies_to == applies_to and (here is None or any(here)):
            speaking.append((rule, here))
    return speaking


def here_of(rule: Rule, where: Where | None) -> Here:
    """Whether a rule's territory holds each atom of a place; None where no atom is known."""
    return None if where is None else tuple(_in_territory(rule, atom) for atom in where.atoms)


def unplaced(request: Request) -> Request:
    """The request, of which it is not known where it comes from."""
    return replace(request, latitude_deg=None, longitude_deg=None)


def judge(
    speaking: Iterable[tuple[Rule, Here]], request: Request, where: Where | None
) -> tuple[Outcome, list[Rule], frozenset[str]]:
    """(what is decided, the rules that decide it, what would have to be known), of the rules that speak of a place."""
    return _outcome(_matching(speaking, request), where, request)


def _matching(speaking: Iterable[tuple[Rule, Here]], request: Request) -> list[_Match]:
    matches: list[_Match] = []
    for rule, here in speaking:
        missing: set[str] = set()
        if (value := rule.matches(request, missing)) is not False:
            matches.append(_Match(rule, value, frozenset(missing), here))
    return matches


def _in_territory(rule: Rule, atom: Atom) -> bool:
    return holds(rule.territory, atom.label, atom.regions.__contains__) is True


def _outcome(
    matches: Sequence[_Match], where: Where | None, request: Request
) -> tuple[Outcome, list[Rule], frozenset[str]]:
    """(what is decided, the rules that decide it, what would have to be known)."""
    for effect, outcome in (("forbid", Outcome.FORBIDDEN), ("suspend", Outcome.SUSPENDED)):
        if certain := [match.rule for match in matches if match.rule.effect == effect and match.certain]:
            return outcome, certain, frozenset()
    permits = [match for match in matches if match.rule.effect == "permit"]
    blocking = [match for match in matches if match.rule.effect != "permit"]
    if not permits:
        return Outcome.NOT_PERMITTED, [], frozenset()
    granting = _granting(matches)
    left = _left_out(granting, where)  # the kinds of place that no permit is certain of
    if not left and not blocking:
        if _landing(matches, where) == frozenset():  # each kind of place has its own, and none does for all
            return Outcome.INDETERMINATE, [match.rule for match in granting], frozenset({_what_of_the_place(request)})
        return Outcome.PERMITTED, [match.rule for match in granting], frozenset()
    hoped_for = [match for match in permits if match.here is None or any(match.here[number] for number in left)]
    missing = frozenset[str]().union(*(match.missing for match in [*blocking, *hoped_for]))
    if not all(match.everywhere for match in blocking) or (left and _left_out(permits, where)):
        missing |= {_what_of_the_place(request)}
    return Outcome.INDETERMINATE, [match.rule for match in blocking or permits], missing


def _granting(matches: Sequence[_Match]) -> list[_Match]:
    """The permits that hold in some kind of place at least."""
    return [one for one in matches if one.rule.effect == "permit" and one.value is True and one.here is not None]


def _landing(matches: Sequence[_Match], where: Where | None) -> frozenset[str] | None:
    """Where traffic may leave, wherever the terminal may be: in any place, by any of the permits that hold there."""
    landing: frozenset[str] | None = None
    for number in range(len(where.atoms) if where else 0):
        here = [match.rule.land_in for match in _granting(matches) if match.here and match.here[number]]
        if None not in here:
            either = frozenset[str]().union(*(land_in for land_in in here if land_in is not None))
            landing = either if landing is None else landing & either
    return landing


def _left_out(matches: Sequence[_Match], where: Where | None) -> list[int]:
    """The atoms that none of the matches holds; where nothing is known of the place, one that stands for it."""
    if where is None:
        return [0]
    return [
        number for number in range(len(where.atoms)) if not any(match.here and match.here[number] for match in matches)
    ]


def _what_of_the_place(request: Request) -> str:
    known = request.latitude_deg is not None and request.longitude_deg is not None
    return "position.uncertainty_m" if known and request.uncertainty_m is None else "position"


# --- time ---------------------------------------------------------------------------------------------------------


def _changes(rules: Iterable[Rule], request: Request) -> list[datetime]:
    """When time alone may change whether a rule matches: edges of windows, and inputs that grow past a bound."""
    if request.at is None:
        return []
    changes: list[datetime | None] = []
    for rule in rules:
        if (rule.window.always and not _reads_what_grows(rule)) or not _may_ever_speak(rule, request):
            continue
        changes.append(rule.window.next_change(request.at))
        changes += _growing(rule, request)
    return [change for change in changes if change is not None]


def _on_what_grows(rule: Rule) -> list[AtMost | MoreThan]:
    """The rule's conditions on inputs that time alone makes larger."""
    return [
        condition
        for selector in (rule.selector, *rule.exceptions)
        for condition in selector.conditions
        if isinstance(condition, AtMost | MoreThan) and condition.input in GROWS_EVERY_S
    ]


def _reads_what_grows(rule: Rule) -> bool:
    return bool(_on_what_grows(rule))


def _may_ever_speak(rule: Rule, request: Request) -> bool:
    """Whether the rule might match this request at another time, everything that does not grow being as it is."""
    return _reads_what_grows(rule) or rule.speaks_of(request, set()) is not False


def _growing(rule: Rule, request: Request) -> list[datetime]:
    """When inputs pass the bounds that the rule sets on them; days abroad count on as if the terminal stayed."""
    if request.at is None:
        return []
    return [
        _later(request.at, (condition.bound - value) * GROWS_EVERY_S[condition.input])
        for condition in _on_what_grows(rule)
        if (value := condition.input.of(request)) is not None and value <= condition.bound
    ]


def _later(instant: datetime, seconds: float) -> datetime:
    try:
        return instant + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=instant.tzinfo)


def _retry(outcome: Outcome, rules: Sequence[Rule], decisive: Sequence[Rule], request: Request) -> datetime | None:
    """The first instant at which windows alone could let the request through."""
    if request.at is None or outcome is Outcome.INDETERMINATE:
        return None
    if outcome in (Outcome.FORBIDDEN, Outcome.SUSPENDED):
        ends = [rule.window.next_change(request.at) for rule in decisive]
        return None if None in ends else max(end for end in ends if end is not None)
    coming = [
        rule.window.next_change(request.at)
        for rule in rules
        if rule.effect == "permit" and rule.speaks_of(request, set()) is not False
    ]
    return min((begin for begin in coming if begin is not None), default=None)


def because(rule_set: RuleSet, rules: Iterable[Rule]) -> tuple[Because, ...]:
    """Rules of a set as people are told them, in one order."""
    ordered = sorted(rules, key=lambda rule: (rule.id, rule.book))
    return tuple(Because(rule_set.names[rule.key], rule.authority, rule.reason, rule.key) for rule in ordered)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)
