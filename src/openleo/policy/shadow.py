"""Shadow mode: a rule set evaluated beside the one in force, and the differences counted.

Takes requests one by one; gives the decision of the rules in force, always and alone. What the other rules would have
decided is counted, by outcome and territory, with the first examples; it never reaches whoever asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import RuleSet, union

MOST_EXAMPLES = 10
UNKNOWN_PLACE = ""  # the territory of a request without a position

Pair = tuple[Outcome, Outcome]  # (in force, beside)


@dataclass(frozen=True)
class Example:
    """A request on which the two sets differ."""

    number: int  # of the request, in the order they came, from 0
    request: Request
    territory: str  # labels that it may come from, separated by a space
    in_force: Decision
    beside: Decision


@dataclass
class Shadow:
    """Two rule sets and what has been counted; one thread at a time asks."""

    in_force: RuleSet
    beside: RuleSet
    most_examples: int = MOST_EXAMPLES
    counts: Counter[Pair] = field(default_factory=Counter)  # of all requests
    by_territory: Counter[tuple[str, Pair]] = field(default_factory=Counter)  # of those that differ
    other_reasons: int = 0  # the same outcome by other rules
    examples: list[Example] = field(default_factory=list)

    def answer(self, request: Request) -> Decision:
        """The decision of the rules in force, as `answer.answer` gives it."""
        self.count(request)
        return answer(self.in_force, request)

    def count(self, request: Request) -> None:
        """Decide by both sets, for the counts alone: that is quicker, as no refusal says how far it goes."""
        where = where_of(self._both, request)
        decision, other = (decide(rule_set, request, where) for rule_set in (self.in_force, self.beside))
        pair = (decision.outcome, other.outcome)
        number = self.asked
        self.counts[pair] += 1
        if decision.outcome is other.outcome:
            self.other_reasons += decision.because != other.because
            return
        territory = UNKNOWN_PLACE if where is None else " ".join(where.labels)
        self.by_territory[territory, pair] += 1
        if len(self.examples) < self.most_examples:
            both = (one.naming(self._both.names) for one in (decision, other))
            self.examples.append(Example(number, request, territory, *both))

    @cached_property
    def _both(self) -> RuleSet:
        """The rules of both, to find once what a position touches: more regions tell places apart more finely."""
        return union((*self.in_force.rules, *self.beside.rules))

    @property
    def asked(self) -> int:
        """How many requests came."""
        return self.counts.total()

    @property
    def differences(self) -> Counter[Pair]:
        """How many would have been decided otherwise, by (in force, beside)."""
        return Counter({pair: count for pair, count in self.counts.items() if pair[0] is not pair[1]})
