"""The rules that a scenario names, and what a plan can and cannot keep of them.

A plan decides places and classes at its start. What a rule asks beyond that is told in notes where it is decided on
the safe side, and refused where it would not be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from openleo.errors import InputError, Problem, Together, counted, near_names
from openleo.instants import SlotGrid, instant_text
from openleo.network.reach import Network
from openleo.policy.conditions import Selector
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, Rule, RuleKey, RuleSet
from openleo.scenario_file import PolicyRecord
from openleo.service import beams, licences
from openleo.service.change import names_of

NO_RULES = "No rules were given: everything is permitted in this run."


@dataclass(frozen=True)
class ReadPolicy:
    """The rule sets of `[policy]` as terminals feel them; both None without the table: nothing is withheld then.

    not_kept: what of their rules a plan would not keep; of_beams: a note on the rules on beams, as they were written.
    """

    rules: RuleSet | None = None
    compare: RuleSet | None = None
    classes: tuple[str, ...] = ("fixed",)
    not_kept: tuple[Problem, ...] = ()
    of_beams: tuple[str, ...] = ()

    @property
    def both(self) -> tuple[RuleSet, ...]:
        """Those that there are."""
        return tuple(rule_set for rule_set in (self.rules, self.compare) if rule_set)


def read_policy(policy: PolicyRecord | None, folder: Path, file: str, problems: Together) -> ReadPolicy:
    """What `[policy]` names, relative to `folder`; adds to the problems. Worth something only where it adds none."""
    if policy is None:
        return ReadPolicy()
    words = (policy.rules, policy.compare)
    written = [problems.read(partial(_written, some, folder)) if some else None for some in words]
    felt = [problems.read(partial(beams.felt, one, policy.beam_km)) if one else None for one in written]
    found = ReadPolicy(felt[0], felt[1], tuple(dict.fromkeys(policy.classes)))
    known = dict.fromkeys((*CLASSES, *(class_ for one in found.both for class_ in one.classes)))
    for name in found.classes if found.rules else ():
        if name not in known:
            way_out = near_names(name, known) or f"Classes: {', '.join(sorted(known))}."
            problems.found.append(Problem(file, "policy.classes", f'there is no class "{name}".', way_out))
    return replace(
        found,
        not_kept=tuple(dict.fromkeys(said for one in found.both for said in not_kept(one, "a plan"))),
        of_beams=tuple(beams.told([one for one in written if one], policy.beam_km)),
    )


def _written(words: list[str], folder: Path) -> RuleSet:
    return read_rules([folder / word for word in words])


def rules_of_an_effect(paths: list[Path]) -> RuleSet:
    """The union of rule files, for their effect on a network."""
    rule_set = read_rules(paths)
    if problems := not_kept(rule_set, "an effect"):
        raise InputError(problems)
    return rule_set


def not_kept(rule_set: RuleSet, by: str) -> list[Problem]:
    """The rules that say where traffic lands, which nothing that computes a network keeps yet."""
    found = [rule for rule in rule_set.rules if rule.land_in is not None]
    file_of = _files(rule_set) if found else {}
    return [
        Problem(
            file_of[rule.key], f'rule "{rule.id}"', f"land_in is not yet kept by {by}.", "Leave the rule out of it."
        )
        for rule in found
    ]


def _files(rule_set: RuleSet) -> dict[RuleKey, str]:
    """The file that each rule stands in; they are read once more, as only who refuses one asks."""
    return {rule.key: file for file in rule_set.sources for rule in read_rules([Path(file)]).rules}


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

    Gateways are decided at the run's start, as everything is that rules say. Adds to `notes` what is withheld.
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
