"""What rules on beams take from terminals: a beam that may not light a place may not serve its neighbours either.

Takes a rule set and how far a beam is felt around the place that it points at; gives the rule set as terminals feel it.
A place may be served if the rules on terminals permit it and every place within that distance may be lit. So a forbid
on beams is a forbid on terminals, and a suspend a suspend, in an area that is so much wider. Where beams are permitted
somewhere, they are permitted nowhere else, and what lies nearer to the edge than a beam is felt is served by none.
Everything that reads rules on terminals (masks, effects, plans, tables of terminals) then reads these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from openleo.errors import InputError, Problem
from openleo.instants import instant_text
from openleo.places.expressions import WORLD, Expression, difference, union
from openleo.places.outlines import narrowed, widened
from openleo.places.regions import NoPolygonError, km_text
from openleo.policy.rules import NOWHERE_BUT, NOWHERE_WITHOUT, Rule, RuleSet
from openleo.policy.when import Window


def of_beams(rule_set: RuleSet) -> list[Rule]:
    """The rules on beams."""
    return [rule for rule in rule_set.rules if rule.applies_to == "beam"]


def felt(rule_set: RuleSet, beam_km: float) -> RuleSet:
    """The rules as terminals feel them. Its hash stays that of what was written.

    Raises InputError with every rule whose area has no outline that could be widened.
    """
    own = of_beams(rule_set)
    if not own:
        return rule_set
    problems: list[Problem] = []
    made: list[Rule] = []
    permits = [rule for rule in own if rule.effect == "permit"]
    for rule in own:
        try:
            if rule.effect != "permit":
                made.append(replace(rule, applies_to="terminal", territory=widened(rule.territory, beam_km)))
            else:
                narrowed(rule.territory, beam_km)
        except NoPolygonError as error:
            problems.append(_no_outline(rule_set, rule, str(error)))
        if rule.effect == "permit" and rule.window.weekly:
            problems.append(_weekly(rule_set, rule))
    if problems:
        raise InputError(problems)
    others = [rule for rule in rule_set.rules if rule.applies_to != "beam"]
    return replace(rule_set, rules=(*others, *made, *_told_apart(_nowhere_else(permits, beam_km))), beam_km=beam_km)


def told(rule_sets: Sequence[RuleSet], beam_km: float) -> list[str]:
    """A note on the rules on beams of some sets as they were written, if there are any."""
    if not (names := sorted({rule_set.names[rule.key] for rule_set in rule_sets for rule in of_beams(rule_set)})):
        return []
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    which = f"Rules on beams ({', '.join(names[:MOST_NAMED])}{more})"
    return [f"{which} withhold service within {km_text(beam_km)} km of whatever they keep dark: so far a beam is felt."]


MOST_NAMED = 8  # rules


def _nowhere_else(permits: Sequence[Rule], beam_km: float) -> Iterator[Rule]:
    """What is withheld because beams are permitted somewhere: a forbid for each span of time with its own permits."""
    limits = [limit for rule in permits for limit in (rule.window.begins, rule.window.ends)]
    edges: list[datetime | None] = [*sorted({limit for limit in limits if limit is not None})]
    for begins, ends in zip([None, *edges], [*edges, None], strict=True) if permits else ():
        in_force = [rule for rule in permits if _holds(rule.window, begins, ends)]
        lit = union([rule.territory for rule in in_force])
        if lit == WORLD:
            continue
        named = ", ".join(sorted(rule.id for rule in in_force or permits))
        yield Rule(
            id=(NOWHERE_BUT if in_force else NOWHERE_WITHOUT) + named,
            book=permits[0].book,
            effect="forbid",
            territory=_dark(lit, beam_km) if in_force else WORLD,
            window=Window(begins, ends),
            emergency="cut",
            authority=", ".join(sorted({rule.authority or rule.book for rule in permits})),
            reason=f"beams are permitted by {named} alone, and not here",
        )


def _told_apart(rules: Iterator[Rule]) -> list[Rule]:
    """The same, with the span in the ids of those that would have one id."""
    found = list(rules)
    often = Counter(rule.id for rule in found)
    return [replace(rule, id=f"{rule.id} {_span(rule.window)}") if often[rule.id] > 1 else rule for rule in found]


def _span(window: Window) -> str:
    limits = (("from", window.begins), ("until", window.ends))
    return " ".join(f"{word} {instant_text(instant)}" for word, instant in limits if instant is not None)


def _dark(lit: Expression, beam_km: float) -> Expression:
    return difference(WORLD, narrowed(lit, beam_km))


def _holds(window: Window, begins: datetime | None, ends: datetime | None) -> bool:
    """Whether a window holds throughout a span that none of its limits lies within."""
    after = window.begins is None or (begins is not None and begins >= window.begins)
    return after and (window.ends is None or (ends is not None and ends <= window.ends))


def _no_outline(rule_set: RuleSet, rule: Rule, what: str) -> Problem:
    said = f'is about beams, and "{what}" has no outline around which they could be told.'
    way_out = "Name lands with their 12-nautical-mile waters, or draw a polygon."
    return Problem(", ".join(rule_set.sources), f'rule "{rule.id}"', said, way_out)


def _weekly(rule_set: RuleSet, rule: Rule) -> Problem:
    said = "permits beams in weekly periods, outside of which all others would change too; that is not computed."
    return Problem(", ".join(rule_set.sources), f'rule "{rule.id}"', said, "Write a forbid with weekly periods.")
