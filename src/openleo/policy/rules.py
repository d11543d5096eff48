"""Rules as they are computed: where, whose terminals, in what state, when, with what effect, and who says so.

A rule matches a request by Kleene's logic: territory ∧ who ∧ conditions ∧ window ∧ ¬except. The rule set is the union
of the books of all authorities; the order of its rules has no meaning.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

import rfc8785

from openleo.places.expressions import Expression, Region, possible_labels, regions_of, sha256_of
from openleo.policy.conditions import ANYBODY, Selector, all_of, negated
from openleo.policy.request import Request
from openleo.policy.when import ALWAYS, Window

SCHEMA = 1
EMERGENCY = "emergency"
CLASSES = ("fixed", "portable", "vehicle", "maritime", "aviation", "government", EMERGENCY)
KEEPS_EMERGENCY = Selector(classes=frozenset({EMERGENCY}))

Effect = Literal["permit", "forbid", "suspend"]
AppliesTo = Literal["terminal", "beam", "gateway"]
RuleKey = tuple[str, str]  # (book, id): two books may use one id

IN_A_BOOK = "/"  # between a book and an id, where a rule is called by both
MOST_NEAR = 4_096  # answers that a set keeps
NOWHERE_BUT, NOWHERE_WITHOUT = "nowhere but ", "nowhere without "  # begin ids of what permits on beams withhold alone


@dataclass(frozen=True)
class Rule:
    """One rule of a book."""

    id: str
    book: str
    effect: Effect
    territory: Expression
    selector: Selector = ANYBODY  # `who` and `conditions`
    unless: Selector | None = None  # `except`
    window: Window = ALWAYS
    applies_to: AppliesTo = "terminal"
    land_in: frozenset[str] | None = None  # territories whose gateways and PoPs its traffic has to leave by; None: any
    emergency: Literal["keep", "cut"] | None = None
    authority: str = ""
    reason: str = ""
    legal_reference: str = ""
    review_by: date | None = None

    @property
    def key(self) -> RuleKey:
        return self.book, self.id

    @property
    def exceptions(self) -> tuple[Selector, ...]:
        """Whom the rule does not speak to: its `except`, and emergency terminals where it keeps them."""
        own = () if self.unless is None else (self.unless,)
        kept = self.emergency == "keep" and self.applies_to == "terminal"
        return (*own, KEEPS_EMERGENCY) if kept else own

    def matches(self, request: Request, missing: set[str]) -> bool | None:
        """Who ∧ conditions ∧ window ∧ ¬except, without the territory; see Selector.value for `missing`."""
        lacking: set[str] = set()
        speaks = self.speaks_of(request, lacking)
        if speaks is False:
            return False
        answer = all_of((speaks, self.in_force(request.at, lacking)))
        if answer is None:
            missing |= lacking
        return answer

    def speaks_of(self, request: Request, missing: set[str]) -> bool | None:
        """Who ∧ conditions ∧ ¬except."""
        lacking: set[str] = set()
        answer = self.selector.value(request, lacking)
        for exception in self.exceptions:
            if answer is False:
                return False
            answer = all_of((answer, negated(exception.value(request, lacking))))
        if answer is None:
            missing |= lacking
        return answer

    def in_force(self, at: datetime | None, missing: set[str]) -> bool | None:
        """Whether the window holds an instant."""
        if self.window.always:
            return True
        if at is None:
            missing.add("at")
            return None
        return self.window.holds(at)

    def canonical(self) -> dict[str, Any]:
        """Everything that changes a decision, or what a person is told about it."""
        return {
            "book": self.book,
            "id": self.id,
            "effect": self.effect,
            "territory": sha256_of(self.territory),
            "selector": self.selector.canonical(),
            "except": None if self.unless is None else self.unless.canonical(),
            "window": self.window.canonical(),
            "applies_to": self.applies_to,
            "land_in": None if self.land_in is None else sorted(self.land_in),
            "emergency": self.emergency,
            "authority": self.authority,
            "reason": self.reason,
            "legal_reference": self.legal_reference,
            "review_by": self.review_by.isoformat() if self.review_by else None,
        }


@dataclass(frozen=True)
class RuleSet:
    """The union of books. The order of rules has no meaning; `sha256` does not depend on it."""

    rules: tuple[Rule, ...]
    classes: tuple[str, ...]  # all that its rules may name
    sources: tuple[str, ...]  # the files, for people
    sha256: str
    beam_km: float | None = None  # its rules on beams are told as terminals feel them, so far around; None: as written

    @cached_property
    def books(self) -> dict[str, str]:
        """The hash of every book that has rules here, by its name: of its rules alone, whoever else has any."""
        return {
            book: _sha256_of(rule for rule in self.rules if rule.book == book)
            for book in sorted({rule.book for rule in self.rules})
        }

    @cached_property
    def names(self) -> dict[RuleKey, str]:
        """What each rule is called."""
        return rule_names(self.rules)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The regions that the rules ask about, each once."""
        return tuple(dict.fromkeys(region for rule in self.rules for region in regions_of(rule.territory)))

    def next_change(self, at: datetime) -> datetime | None:
        """The first instant after this one at which a rule comes into force or ceases to be."""
        changes = (rule.window.next_change(at) for rule in self.rules)
        return min((change for change in changes if change is not None), default=None)

    def near(self, labels: Iterable[str]) -> Sequence[Rule]:
        """The rules that may speak of places with these labels, in one order."""
        asked = tuple(labels)
        if (found := self._near.get(asked)) is None:
            by_label, others = self._by_label
            numbers = {number for label in asked for number in by_label.get(label, ())}
            if len(self._near) >= MOST_NEAR:
                self._near.clear()
            found = self._near[asked] = tuple(self.rules[number] for number in sorted(numbers.union(others)))
        return found

    @cached_property
    def _near(self) -> dict[tuple[str, ...], tuple[Rule, ...]]:
        """What `near` gave; people ask of the same places again and again."""
        return {}

    @cached_property
    def _by_label(self) -> tuple[dict[str, list[int]], tuple[int, ...]]:
        """Numbers of the rules that only some labels can lie in, by label; and of all others."""
        by_label: dict[str, list[int]] = {}
        others = []
        for number, rule in enumerate(self.rules):
            if (labels := possible_labels(rule.territory)) is not None:
                for label in labels:
                    by_label.setdefault(label, []).append(number)
            else:
                others.append(number)
        return by_label, tuple(others)


def union(rules: Iterable[Rule], classes: Sequence[str] = CLASSES, sources: Sequence[str] = ()) -> RuleSet:
    """Rules as a set, with the hash of their RFC 8785 form."""
    rules = tuple(rules)
    return RuleSet(rules, tuple(classes), tuple(sources), _sha256_of(rules))


def rule_names(rules: Iterable[Rule]) -> dict[RuleKey, str]:
    """What decisions, masks and effects call each rule, by its key; no two have one name.

    The id alone where no other book uses it and it has no slash, else book/id, with the book's own slashes as %2F.
    """
    known = {(rule.book, rule.id) for rule in rules}
    books = Counter(id_ for _, id_ in known)
    return {
        (book, id_): id_ if books[id_] == 1 and IN_A_BOOK not in id_ else f"{_quoted(book)}{IN_A_BOOK}{id_}"
        for book, id_ in known
    }


def _quoted(book: str) -> str:
    return book.replace("%", "%25").replace(IN_A_BOOK, "%2F")


def _sha256_of(rules: Iterable[Rule]) -> str:
    canonical = sorted((rule.canonical() for rule in rules), key=lambda rule: (rule["book"], rule["id"]))
    return hashlib.sha256(rfc8785.dumps({"schema": SCHEMA, "rules": canonical})).hexdigest()
