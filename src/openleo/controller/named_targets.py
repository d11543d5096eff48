"""Whom the targets of a ledger mean: accounts, classes and groups, by the names that the registry keeps.

Takes what is in force, with commitments; gives Meant, with names, for leases and for what the plan enforces. A
commitment whose record was erased means nobody that can be told any more, and is told as such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openleo.governance.artefacts import Artefacts
from openleo.governance.moves import SUSPENDED
from openleo.governance.registry import PRIVATE, RECORDS, Opened, Registry
from openleo.governance.state import Refused
from openleo.policy.request import group_name

ACCOUNT, CLASS, GROUP = "account", "class", "group"
Member = tuple[str, str]  # ("account" or "terminal", its id in the registry)


@dataclass(frozen=True)
class Meant:
    """By the registry's ids. `unresolved`: targets, and members of groups, that nobody can name any more."""

    suspended_accounts: frozenset[str] = frozenset()
    classes: Mapping[Member, str] = field(default_factory=dict)
    groups: Mapping[str, frozenset[Member]] = field(default_factory=dict)
    unresolved: tuple[str, ...] = ()

    def class_of(self, terminal: str, account: str, registered: str) -> str:
        """The class of a terminal: its own by the ledger, or its account's, or the registry's."""
        return self.classes.get(("terminal", terminal)) or self.classes.get(("account", account)) or registered

    def groups_of(self, terminal: str, account: str, registered: Collection[str]) -> frozenset[str]:
        """The groups of a terminal: the ledger's where it has a list of that name, and else the registry's."""
        found = {name for name in map(group_name, registered) if name not in self.groups}
        who = {("terminal", terminal), ("account", account)}
        return frozenset(found | {name for name, members in self.groups.items() if members & who})


def resolve(active: Mapping[str, str | None], artefacts: Artefacts, data: Path) -> Meant:
    """The names behind the targets in force. Raises Refused where the registry or a group's list cannot be read."""
    suspended, classes, lists = _told_apart(active, artefacts)
    wanted = sorted({*suspended, *classes, *(one for members in lists.values() for one in members)})
    if not wanted:
        return Meant(groups={name: frozenset() for name in lists})
    opened = _opened(wanted, data)
    members = {made: (one.kind, one.name) for made, one in opened.items()}
    return Meant(
        frozenset(members[made][1] for made in suspended if made in members),
        {members[made]: class_ for made, class_ in classes.items() if made in members},
        {name: frozenset(members[made] for made in some if made in members) for name, some in lists.items()},
        tuple(made for made in wanted if made not in members),
    )


def _told_apart(
    active: Mapping[str, str | None], artefacts: Artefacts
) -> tuple[set[str], dict[str, str], dict[str, list[str]]]:
    """(commitments of suspended accounts, classes by commitment, lists of commitments by group)."""
    suspended: set[str] = set()
    classes: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for target, value in active.items():
        kind, _, about = target.partition(":")
        if kind == ACCOUNT and value == SUSPENDED:
            suspended.add(about)
        elif kind == CLASS and value is not None:
            classes[about] = value
        elif kind == GROUP and value is not None:
            lists[group_name(about)] = [str(one) for one in artefacts.get_json(value)]
    return suspended, classes, lists


def _opened(wanted: Iterable[str], data: Path) -> dict[str, Opened]:
    if not (data / PRIVATE / RECORDS).is_file():  # opening would make an empty one
        raise Refused(f"{data / PRIVATE / RECORDS} is not there: nobody can tell whom the ledger's commitments mean")
    found: dict[str, Opened] = {}
    with Registry(data) as registry:
        for made in wanted:
            if (one := registry.known(made)) is not None:
                found[made] = one
    return found
