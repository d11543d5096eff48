"""Quorums: how many officers, of which parties and roles, have to approve.

    2 of operator                                   two officers of the party
    1 of operator/legal                             one of them with this role
    all(2 of operator, 1 of regulator:TWN)          every part
    any(1 of regulator:TWN, 2 of regulator:JPN)     at least one part

One person counts once: in `all(2 of operator, 1 of operator/legal)` three people approve, one of them with the role.
A voter more never spoils a quorum. Nothing here knows who the requester is: whoever calls leaves that officer out.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from openleo.errors import counted, join_or, near_names

PARTY = r"[a-z0-9]+(?:-[a-z0-9]+)*(?::[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*)?"  # operator, regulator:TWN
ROLE = r"[a-z0-9]+(?:-[a-z0-9]+)*"
MOST_PEOPLE = 99  # that a quorum may ask for
MOST_CHARACTERS = 1_000
MOST_WAYS = 256  # to satisfy a quorum by choosing in every any(…)
MOST_TOLD = 3  # ways to satisfy it, where what is missing is told


class Voter(Protocol):
    """An officer, as far as a quorum looks."""

    @property
    def id(self) -> str: ...
    @property
    def party(self) -> str: ...
    @property
    def roles(self) -> tuple[str, ...]: ...


class QuorumError(ValueError):
    """What is wrong with the text of a quorum, and where in it."""


@dataclass(frozen=True)
class Leaf:
    """So many officers of a party; `role`: those with it alone; empty: any."""

    count: int
    party: str
    role: str = ""

    @property
    def whom(self) -> str:
        return f"{self.party}/{self.role}" if self.role else self.party

    def __str__(self) -> str:
        return f"{self.count} of {self.whom}"

    def counts(self, voter: Voter) -> bool:
        return voter.party == self.party and (not self.role or self.role in voter.roles)


@dataclass(frozen=True)
class All:
    """Every part, by different people."""

    parts: tuple[Quorum, ...]

    def __str__(self) -> str:
        return f"all({', '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class Any:
    """At least one part."""

    parts: tuple[Quorum, ...]

    def __str__(self) -> str:
        return f"any({', '.join(map(str, self.parts))})"


Quorum = Leaf | All | Any
Way = tuple[Leaf, ...]  # leaves that together satisfy a quorum, each by people of its own


def satisfied(quorum: Quorum, voters: Iterable[Voter]) -> bool:
    """Whether these people satisfy it, each counted in one leaf only.

    A voter more never spoils a quorum: of all officers it says whether any of them could.
    """
    people = _each_once(voters)
    return any(not _short(way, people) for way in ways(quorum))


def one_party_suffices(quorum: Quorum, parties: Iterable[str]) -> str | None:
    """The first of the parties that could satisfy it alone, with officers enough of every role; None: none could."""
    return next((party for party in parties if _suffices(quorum, party)), None)


def missing(quorum: Quorum, voters: Iterable[Voter]) -> str:
    """Who else has to approve, in words: "1 more of operator, 1 of regulator:TWN". Empty: it is satisfied.

    Where there are several ways, those that ask for the fewest people.
    """
    people = _each_once(voters)
    short = [_short(way, people) for way in ways(quorum)]
    fewest = min(shortage.total() for shortage in short)
    if not fewest:
        return ""
    told = list(dict.fromkeys(_in_words(shortage, people) for shortage in short if shortage.total() == fewest))
    more = f"; or another of {counted(len(told), 'way')}" if len(told) > MOST_TOLD else ""
    return "; or ".join(told[:MOST_TOLD]) + more


def leaves(quorum: Quorum) -> Iterator[Leaf]:
    """Every leaf, in the order of the text."""
    if isinstance(quorum, Leaf):
        yield quorum
    else:
        for part in quorum.parts:
            yield from leaves(part)


def parties(quorum: Quorum) -> tuple[str, ...]:
    """The parties that it names, each once."""
    return tuple(dict.fromkeys(leaf.party for leaf in leaves(quorum)))


def ways(quorum: Quorum) -> tuple[Way, ...]:
    """Every way to choose in each any(…): the leaves to satisfy together, one for each party and role."""
    if isinstance(quorum, Leaf):
        return ((quorum,),)
    each = [ways(part) for part in quorum.parts]
    found: Iterable[Way]
    if isinstance(quorum, Any):
        found = itertools.chain.from_iterable(each)
    else:
        found = (_together(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*each))
    return tuple({frozenset(way): way for way in found}.values())


def _together(found: Iterable[Leaf]) -> Way:
    counts: Counter[tuple[str, str]] = Counter()
    for leaf in found:
        counts[leaf.party, leaf.role] += leaf.count
    return tuple(Leaf(count, *whom) for whom, count in counts.items())


def _number_of_ways(quorum: Quorum) -> int:
    if isinstance(quorum, Leaf):
        return 1
    numbers = [_number_of_ways(part) for part in quorum.parts]
    if isinstance(quorum, Any):
        return sum(numbers)
    product = 1
    for number in numbers:
        product *= number
    return product


def _people(quorum: Quorum) -> int:
    """How many it asks for at the most."""
    if isinstance(quorum, Leaf):
        return quorum.count
    numbers = [_people(part) for part in quorum.parts]
    return sum(numbers) if isinstance(quorum, All) else max(numbers)


def _suffices(quorum: Quorum, party: str) -> bool:
    if isinstance(quorum, Leaf):
        return quorum.party == party
    suffice = (_suffices(part, party) for part in quorum.parts)
    return any(suffice) if isinstance(quorum, Any) else all(suffice)


def _each_once(voters: Iterable[Voter]) -> tuple[Voter, ...]:
    return tuple({voter.id: voter for voter in voters}.values())


def _short(way: Way, people: Sequence[Voter]) -> Counter[Leaf]:
    """How many people each leaf still lacks when as many seats as possible are taken, one person in one seat.

    A largest matching by augmenting paths (Kuhn): exact, and short enough to be read by an auditor; there are a few
    seats and a few dozen officers. A seat once taken stays taken, so leaves that ask for a role come first: what is
    missing is then told of the leaf that more people can fill.
    """
    seats = [leaf for leaf in sorted(way, key=lambda leaf: not leaf.role) for _ in range(leaf.count)]
    seat_of: dict[int, int] = {}  # person → seat

    def seat(number: int, asked: set[int]) -> bool:
        for person, voter in enumerate(people):
            if person not in asked and seats[number].counts(voter):
                asked.add(person)
                if person not in seat_of or seat(seat_of[person], asked):
                    seat_of[person] = number
                    return True
        return False

    return Counter(leaf for number, leaf in enumerate(seats) if not seat(number, set()))


def _in_words(short: Counter[Leaf], people: Sequence[Voter]) -> str:
    def more(leaf: Leaf) -> str:
        return "more " if any(leaf.counts(person) for person in people) else ""

    return ", ".join(f"{number} {more(leaf)}of {leaf.whom}" for leaf, number in short.items())


# --- the text -------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    rf"\s*(?:(?P<leaf>(\d+)\s+of\s+({PARTY})(?:/({ROLE}))?(?![^\s,()]))|(?P<word>\w+)\s*\(|(?P<sign>[,)]))"
)
_JOINERS: dict[str, type[All | Any]] = {"all": All, "any": Any}
_FOR_EXAMPLE = "For example: all(2 of operator, 1 of regulator:TWN)."


def parse(text: str) -> Quorum:
    """The quorum of a text. Raises QuorumError. `str(quorum)` gives its text again, with blanks in one way."""
    if len(text) > MOST_CHARACTERS:
        raise QuorumError(f"has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read. Write several lines.")
    quorum, at = _quorum(text, 0)
    if text[at:].strip():
        raise _error(text, at, "stands after the end of the quorum")
    if (number := _number_of_ways(quorum)) > MOST_WAYS:
        raise QuorumError(f"can be satisfied in {number:,} ways; at most {MOST_WAYS} are read. Write fewer any(…).")
    if (number := _people(quorum)) > MOST_PEOPLE:
        raise QuorumError(f"asks for {number:,} people; at most {MOST_PEOPLE} can be asked for.")
    return quorum


def _quorum(text: str, at: int) -> tuple[Quorum, int]:
    """(what begins at a place of the text, where it ends)."""
    found = _TOKEN.match(text, at)
    if found is None or found["sign"]:
        raise _error(text, at, "is no `N of PARTY`, `N of PARTY/ROLE`, `all(…)` or `any(…)`")
    if found["leaf"]:
        return _leaf(text, at, found), found.end()
    joiner = _JOINERS.get(found["word"])
    if joiner is None:
        raise _error(text, at, f"is no way to join quorums. {near_names(found['word'], _JOINERS)}".rstrip())
    parts: list[Quorum] = []
    end = found.end()
    while True:
        part, end = _quorum(text, end)
        parts.append(part)
        sign = _TOKEN.match(text, end)
        if sign is None or not sign["sign"]:
            raise _error(text, end, f"stands where a comma or the closing parenthesis of {found['word']}(…) should")
        end = sign.end()
        if sign["sign"] == ")":
            break
    if len(parts) == 1:
        raise _error(text, at, f"has one part; write it without {found['word']}(…)")
    return joiner(tuple(parts)), end


def _leaf(text: str, at: int, found: re.Match[str]) -> Leaf:
    digits, party, role = found.group(2, 3, 4)
    if not digits.isascii() or digits.startswith("0") or len(digits) > 2:
        raise _error(text, at, f"asks for {digits[:20]} people; ask for 1 to {MOST_PEOPLE}, without zeros before it")
    return Leaf(int(digits), party, role or "")


def _error(text: str, at: int, why: str) -> QuorumError:
    start = at + len(text[at:]) - len(text[at:].lstrip())
    rest = text[start:].strip()
    if not rest:
        return QuorumError(f"ends too early, at character {len(text.rstrip()) + 1} of {text!r:.200}. {_FOR_EXAMPLE}")
    shown = rest if len(rest) <= 40 else rest[:40] + "…"
    return QuorumError(f'at character {start + 1}: "{shown}" {why}. {_FOR_EXAMPLE}')


def unknown(quorum: Quorum, officers: Iterable[Voter]) -> list[str]:
    """What it names that no officer has: parties first, then roles within a party; each as a sentence."""
    people = list(officers)
    known = {person.party for person in people}
    told = []
    for leaf in leaves(quorum):
        roles = {role for person in people if person.party == leaf.party for role in person.roles}
        if leaf.party not in known:
            near = near_names(leaf.party, known) or f"Parties with officers: {', '.join(sorted(known)) or 'none'}."
            told.append(f'no officer is of the party "{leaf.party}". {near}')
        elif leaf.role and leaf.role not in roles:
            near = near_names(leaf.role, roles) or (f"Its roles: {join_or(sorted(roles))}." if roles else "")
            told.append(f'no officer of {leaf.party} has the role "{leaf.role}". {near}'.rstrip())
    return list(dict.fromkeys(told))
