"""The rules that a scenario names, and what a plan can and cannot keep of them.

A plan decides places and classes at its start. What a rule asks beyond that is told in notes where it is decided on
the safe side, and refused where it would not be kept.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from openleo.errors import InputError, Problem, counted
from openleo.instants import SlotGrid, instant_text
from openleo.network.reach import Network
from openleo.policy.conditions import Selector
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import Rule, RuleKey, RuleSet
from openleo.service import licences
from openleo.service.change import names_of


def not_kept_by_a_plan(rule_set: RuleSet) -> list[Problem]:
    """The rules of files that a plan would not keep; who computes no plan need not mind them."""
    return _others(rule_set, "a plan", ("terminal", "beam", "gateway"))


def rules_of_an_effect(paths: list[Path]) -> RuleSet:
    """The union of rule files, for their effect on a network."""
    rule_set = read_rules(paths)
    if problems := _others(rule_set, "an effect", ("terminal", "beam", "gateway")):
        raise InputError(problems)
    return rule_set


def _others(rule_set: RuleSet, by: str, kept: tuple[str, ...]) -> list[Problem]:
    found = [(rule, what) for rule in rule_set.rules for what in _not_kept(rule, kept)]
    file_of = _files(rule_set) if found else {}
    return [
        Problem(file_of[rule.key], f'rule "{rule.id}"', f"{what} is not yet kept by {by}.", "Leave the rule out of it.")
        for rule, what in found
    ]


def _files(rule_set: RuleSet) -> dict[RuleKey, str]:
    """The file that each rule stands in; they are read once more, as only who refuses one asks."""
    return {rule.key: file for file in rule_set.sources for rule in read_rules([Path(file)]).rules}


def _not_kept(rule: Rule, kept: tuple[str, ...]) -> list[str]:
    return [
        *([f'applies_to = "{rule.applies_to}"'] if rule.applies_to not in kept else []),
        *(["land_in"] if rule.land_in is not None else []),
    ]


def notes_on_rules(rule_set: RuleSet) -> list[str]:
    """What a plan decides on the safe side, in words."""
    if asking := sorted(rule_set.names[rule.key] for rule in rule_set.rules if _asks_of_a_terminal(rule)):
        known = "a plan knows no groups, speeds or other states of terminals"
        return [f"{_listed(asking)}: {known}; where such a rule would decide, nothing counts as permitted."]
    return []


def notes_on_changes(rule_set: RuleSet, grid: SlotGrid) -> list[str]:
    """A note where rules change within the slots that are computed."""
    change = rule_set.next_change(grid.start)
    if change is not None and change < grid.instant(grid.slots):
        under = f"those in force at its start, {instant_text(grid.start)}"
        return [
            f"The rules in force change at {instant_text(change)}, within the run; all of it is computed under {under}."
        ]
    return []


def licensed(
    network: Network, rules: RuleSet | None, compare: RuleSet | None, grid: SlotGrid, notes: list[str]
) -> tuple[Network, Network | None, tuple[str, ...]]:
    """(the network under `rules`, that under `compare` where it is another, the rules that make it so).

    Adds to `notes` what is withheld.

    Gateways are decided at the run's start, as everything is that rules say.
    """
    called = names_of(rules, compare)
    both = [licences.withheld(network.gateways, rule_set, grid.start) for rule_set in (rules, compare)]
    for name, those in zip(("rules", "compare"), both, strict=True):
        refused, others = ([one for one in those if bool(one.decision.because) is by_rule] for by_rule in (True, False))
        by = sorted({called[because.key] for one in refused for because in one.decision.because})
        for some, who in ((refused, f'{", ".join(by)} in "{name}"'), (others, f'"{name}", which permits others')):
            of = f"{len(some)} of {counted(len(network.gateways), 'gateway')}"
            notes += [f"Withheld by {who}: {of} ({_named([one.name for one in some])})."] if some else []
    first, second = (replace(network, gateways=licences.without(network.gateways, those)) for those in both)
    permits = licences.permits_at(rules, grid.start), licences.permits_at(compare, grid.start)
    names = licences.between(both[0], both[1], permits, called)
    return (first, second, names) if compare is not None and names else (first, None, ())


def _asks_of_a_terminal(rule: Rule) -> bool:
    def asks(selector: Selector) -> bool:
        return selector.groups is not None or bool(selector.conditions)

    return asks(rule.selector) or (rule.unless is not None and asks(rule.unless))


def _listed(ids: list[str], most: int = 5) -> str:
    return f"Rule{'s' if len(ids) > 1 else ''} {_named(ids, most)}"


def _named(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
