"""Rule files as Cedar policies, read and written without anything of ours: the third evaluator.

Takes the tables of rule files as a reader of TOML or JSON gives them; gives policies in Cedar's language, and requests
as Cedar's contexts. Cedar has two values and skips a policy whose evaluation fails; the contract has three. So every
rule becomes two policies, one that is satisfied where the rule certainly matches and one where it may match, and every
input that is read is guarded by `has`. All policies are permits, because Cedar then names every one that is satisfied.
What the rules come to is a few lines at the end.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cedarpy

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SCALE = 1000  # Cedar's numbers are whole: thousandths of a km/h, m, s, day
NUMBERS = ("speed_kmh", "altitude_m", "days_abroad", "location_age_s", "location_uncertainty_m")
WORDS = ("home_territory", "location_source")
FUNCTION = r"(?:buffer|coast|edge|shore|cells)\([^()]*\)"
NO_ENTITIES = cedarpy.Entities.from_json_str("[]")

Table = Mapping[str, Any]
Clause = tuple[str, str]  # (the attribute of the context that it reads, an expression that may read it)
Place = tuple[str, frozenset[str]]  # (label, files of the polygons around it)


def read_file(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class RuleName:
    """What a decision says of a rule."""

    effect: str
    book: str
    id: str
    authority: str
    land_in: frozenset[str] | None  # None: anywhere


@dataclass(frozen=True)
class Export:
    """Rules by number, their policies (`certain N`, `may N`), and the zones whose clocks they read."""

    rules: tuple[RuleName, ...]
    policies: cedarpy.PolicySet
    zones: tuple[str, ...]
    text: str


def export(paths: Iterable[Path]) -> Export:
    """The rules of some files as Cedar policies."""
    names, policies, zones = [], [], set()
    for path in paths:
        content = read_file(path)
        for rule in content.get("rule", ()):
            number = len(names)
            land_in = frozenset(name.upper() for name in rule["land_in"]) if "land_in" in rule else None
            names.append(
                RuleName(rule["effect"], content["book"], rule["id"], rule.get("authority", content["book"]), land_in)
            )
            policies += [_policy(rule, number, certain, path.parent) for certain in (True, False)]
            zones |= {period["zone"] for period in rule.get("weekly", ())}
    text = "\n".join(policies)
    return Export(tuple(names), cedarpy.PolicySet.from_str(text), tuple(sorted(zones)), text)


def _policy(rule: Table, number: int, certain: bool, folder: Path) -> str:
    clauses = [
        ("label", _territory(rule["territory"], folder)),
        *_selection({**rule.get("who", {}), **rule.get("conditions", {})}),
        *_window(rule),
    ]
    conditions = [_guarded(clause, certain) for clause in clauses]
    exceptions = [_selection(rule["except"])] if "except" in rule else []
    action = rule.get("applies_to", "terminal")
    if rule.get("emergency") == "keep" and action == "terminal":
        exceptions.append(_selection({"classes": ["emergency"]}))
    for exception in exceptions:  # certainly no exception is what may not be one
        conditions.append("!(" + " && ".join(_guarded(clause, not certain) for clause in exception) + ")")
    return (
        f'@id("{"certain" if certain else "may"} {number}")\n'
        f'permit(principal, action == Action::"{action}", resource)\nwhen {{ {" && ".join(conditions)} }};'
    )


def _guarded(clause: Clause, certain: bool) -> str:
    attribute, expression = clause
    return f"(context has {attribute} && {expression})" if certain else f"(!(context has {attribute}) || {expression})"


def _strings(words: Iterable[str]) -> str:
    return json.dumps(sorted(words), ensure_ascii=False)


# --- territories --------------------------------------------------------------------------------------------------


def _territory(territory: Table, folder: Path) -> str:
    """Names, with what is contested around them, or a polygon, which stands under the name of its file."""
    if isinstance(zone := territory.get("geojson"), dict):
        same = [path.name for path in folder.glob("*.geojson") if json.loads(path.read_text()) == zone]
        return _in_zone(same[0])
    if zone is not None:
        return _in_zone(zone)
    if "cells" in territory:
        return _in_zone(f"cells({', '.join(territory['cells'])})")
    areas = [Area(text) for text in _listed(territory["in"])]
    include = {name.casefold() for name in territory.get("include", ())}
    named = {name for area in areas for name in area.names}
    stays_out = {name for land in named for name in contested_with(land)} - named - include
    itself = {text.casefold() for text in _listed(territory["in"])}  # a strip named by itself is meant
    anywhere = " || ".join([*(area.cedar for area in areas), _labelled(include)])
    return f"(({anywhere}) && !{_in_label(_with_waters(stays_out) - itself)})"


def _in_zone(name: str) -> str:
    return f"context.zones.contains({json.dumps(name)})"


def _labelled(names: Iterable[str]) -> str:
    return _in_label(_with_waters(names))


def _in_label(labels: Iterable[str]) -> str:
    return f"{_strings(labels)}.contains(context.label)"


def _with_waters(names: Iterable[str]) -> set[str]:
    """Lands stand for their waters to 12 nautical miles too."""
    wanted = set(names)
    return wanted | {f"{name}.sea12" for name in wanted if "." not in name and name != "high-seas"}


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


@cache
def contested_with(land: str) -> frozenset[str]:
    """The contested areas that a land administers or claims, from the table of contested areas itself."""
    table = tomllib.loads((files("openleo.data") / "places" / "contested.toml").read_text(encoding="utf-8"))
    return frozenset(
        area["id"].casefold()
        for area in table["area"]
        if land in {party.casefold() for party in (*area["administered_by"], *area["claimed_by"])}
    ) - {land}


class Area:
    """An expression over names, files and functions: `+` and `-` from left to right, `&` binding closer, brackets.

    A function stands under the text that it has in the rule file, as a polygon does under its file's name.
    """

    def __init__(self, text: str) -> None:
        self._words = re.findall(FUNCTION + r"|[()+&]|[^\s()+&]+", text)  # a minus stands between blanks
        self.names: set[str] = set()
        self.cedar = self._sum()
        assert not self._words, text

    def _sum(self) -> str:
        made = self._product()
        while self._words and self._words[0] in "+-":
            made = f"({made} || {self._product()})" if self._words.pop(0) == "+" else f"({made} && !{self._product()})"
        return made

    def _product(self) -> str:
        made = self._atom()
        while self._words and self._words[0] == "&":
            self._words.pop(0)
            made = f"({made} && {self._atom()})"
        return made

    def _atom(self) -> str:
        word = self._words.pop(0)
        if word == "(":
            made = self._sum()
            assert self._words.pop(0) == ")"
            return f"({made})"
        if word.endswith(".geojson"):
            return _in_zone(word)
        if word == "world":
            return "true"
        if re.fullmatch(FUNCTION, word):
            return self._function(word)
        self.names.add(word.casefold())
        return _labelled({word.casefold()})

    def _function(self, word: str) -> str:
        """A coast's strip is sea, or where its width is negative the land itself."""
        name, _, inner = word.removesuffix(")").partition("(")
        lands, _, width = inner.rpartition(", ")
        own = {land.casefold() for land in lands.split(" + ")} if name != "cells" else set()
        self.names |= own
        if name != "coast":
            return _in_zone(word)
        sea = '(context.label like "*.sea*" || context.label == "high-seas")'
        return f"({_in_zone(word)} && {_in_label(own) if width.startswith('-') else sea})"


# --- whose terminals, in what state, and when ---------------------------------------------------------------------


def _selection(said: Table) -> list[Clause]:
    """`who` and `conditions`, or `except`: all of it has to hold."""
    clauses: list[Clause] = []
    if "classes" in said:
        clauses.append(("terminal_class", f"{_strings(said['classes'])}.contains(context.terminal_class)"))
    if "groups" in said:
        clauses.append(("groups", f"context.groups.containsAny({_strings(map(str.casefold, said['groups']))})"))
    for name in NUMBERS:
        for ending, sign in (("_max", "<="), ("_min", ">")):
            if name + ending in said:
                clauses.append((name, f"(context.{name} {sign} {scaled(said[name + ending])})"))
    for name in WORDS:
        if name in said:
            clauses.append((name, f"{_strings(map(_folded(name), _listed(said[name])))}.contains(context.{name})"))
    return clauses


def _folded(name: str) -> Any:
    return str.casefold if name == "home_territory" else str


def scaled(number: float) -> int:
    """A number in thousandths; no test uses finer ones."""
    whole = round(number * SCALE)
    assert abs(whole / SCALE - number) < 1e-9 * max(1.0, abs(number)), number
    return whole


def _window(rule: Table) -> list[Clause]:
    clauses: list[Clause] = []
    if "from" in rule:
        clauses.append(("at", f"({microseconds(rule['from'])} <= context.at)"))
    if "until" in rule:
        clauses.append(("at", f"(context.at < {microseconds(rule['until'])})"))
    if "weekly" in rule:
        clauses.append(("clock", "(" + " || ".join(_period(period) for period in rule["weekly"]) + ")"))
    return clauses


def _period(period: Table) -> str:
    clock = f"context.clock[{json.dumps(period['zone'])}]"
    days = [DAYS.index(day) for day in period.get("days", DAYS)]
    next_days = [(day + 1) % 7 for day in days]
    begins, ends = _second_of_day(period["from"]), _second_of_day(period["until"])
    if begins < ends:
        return f"({days}.contains({clock}.day) && {begins} <= {clock}.second && {clock}.second < {ends})"
    return (
        f"(({days}.contains({clock}.day) && {begins} <= {clock}.second)"
        f" || ({next_days}.contains({clock}.day) && {clock}.second < {ends}))"
    )


def _second_of_day(said: str | time) -> int:
    if isinstance(said, time):
        return said.hour * 3600 + said.minute * 60 + said.second
    hour, minute, second = (int(part) for part in ([*said.split(":"), "0"])[:3])
    return hour * 3600 + minute * 60 + second


# --- instants and requests ----------------------------------------------------------------------------------------


def instant(said: str | datetime) -> datetime:
    """An instant of a file. The second 60 of a leap second belongs to the day that it ends, after all its others."""
    if isinstance(said, datetime):
        return said
    return datetime.fromisoformat(said.replace(":60Z", ":59.999999Z"))


def microseconds(said: str | datetime) -> int:
    return (instant(said) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def context(request: Table, zones: Iterable[str]) -> dict[str, Any]:
    """What is known of a request but its place; what is not known is not there."""
    position = request.get("position") or {}
    known = {
        "terminal_class": request.get("class"),
        "groups": request.get("groups"),
        "location_age_s": position.get("age_s"),
        "location_uncertainty_m": position.get("uncertainty_m"),
        "location_source": position.get("source"),
        **{name: request.get(name) for name in ("speed_kmh", "altitude_m", "days_abroad", "home_territory")},
    }
    said = {name: value for name, value in known.items() if value is not None}
    said |= {name: scaled(said[name]) for name in NUMBERS if name in said}
    if "groups" in said:
        said["groups"] = [name.casefold() for name in said["groups"]]
    if "home_territory" in said:
        said["home_territory"] = said["home_territory"].casefold()
    if request.get("at") is not None:
        said["at"] = microseconds(request["at"])
        said["clock"] = {zone: _clock(instant(request["at"]), zone) for zone in zones}
    return said


def _clock(at: datetime, zone: str) -> dict[str, int]:
    shown = at.astimezone(ZoneInfo(zone))
    return {"day": shown.weekday(), "second": shown.hour * 3600 + shown.minute * 60 + shown.second}


# --- decisions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """An outcome, the rules that stand for it, as (book, id, authority), sorted, and where traffic has to land."""

    outcome: str
    because: tuple[tuple[str, str, str], ...]
    land_in: frozenset[str] | None = None


@dataclass(frozen=True)
class Asked:
    """A request, the kinds of place it may come from (None: not known), and what it is for."""

    request: Table
    places: tuple[Place, ...] | None
    action: str = "terminal"


def verdicts(made: Export, asked: Sequence[Asked]) -> list[Verdict]:
    """Cedar's answers, one place after the other, and what they come to."""
    requests: list[dict[str, Any]] = []
    for one in asked:
        known = context(one.request, made.zones)
        for place in _places(one):
            here = {} if place is None else {"label": place[0].casefold(), "zones": sorted(place[1])}
            requests.append(
                {
                    "principal": 'Terminal::"asking"',
                    "action": f'Action::"{one.action}"',
                    "resource": 'Network::"asked"',
                    "context": known | here,
                }
            )
    answers = iter(cedarpy.is_authorized_batch(requests, made.policies, NO_ENTITIES) if requests else [])
    return [
        _together(made.rules, [_satisfied(next(answers)) for _ in _places(one)], _places(one) != [None])
        for one in asked
    ]


def _places(asked: Asked) -> list[Place | None]:
    """The kinds of place to ask for, one by one; a report of more than 24 hours ago is of no place."""
    hours = ((asked.request.get("position") or {}).get("age_s") or 0.0) / 3600.0
    return [None] if asked.places is None or hours > 24.0 else list(asked.places)


def _satisfied(answer: cedarpy.AuthzResult) -> tuple[set[int], set[int]]:
    """(rules that certainly match, rules that may), by number."""
    assert answer.diagnostics.errors == []
    found: dict[str, set[int]] = {"certain": set(), "may": set()}
    for name in answer.diagnostics.id_annotations_by_reason.values():
        value, number = name.split()
        found[value].add(int(number))
    assert found["certain"] <= found["may"]
    return found["certain"], found["may"]


def _together(rules: Sequence[RuleName], per_place: Sequence[tuple[set[int], set[int]]], placed: bool) -> Verdict:
    """The order of decisions: what is certain has to be so wherever the terminal may be."""
    everywhere = set.intersection(*(certain for certain, _ in per_place))
    anywhere = set.union(*(may for _, may in per_place))

    def of(numbers: set[int], *effects: str) -> set[int]:
        return {number for number in numbers if rules[number].effect in effects}

    def verdict(outcome: str, numbers: set[int]) -> Verdict:
        told = ((rules[number].book, rules[number].id, rules[number].authority) for number in numbers)
        return Verdict(outcome, tuple(sorted(told)))

    if forbids := of(everywhere, "forbid"):
        return verdict("FORBIDDEN", forbids)
    if suspends := of(everywhere, "suspend"):
        return verdict("SUSPENDED", suspends)
    if not (permits := of(anywhere, "permit")):
        return verdict("NOT_PERMITTED", set())
    if doubts := of(anywhere, "forbid", "suspend"):
        return verdict("INDETERMINATE", doubts)
    granting = [of(certain, "permit") for certain, _ in per_place]
    if placed and all(granting):
        landing = [_landing({rules[number].land_in for number in here}) for here in granting]
        known = [land_in for land_in in landing if land_in is not None]
        land_in = frozenset.intersection(*known) if known else None
        outcome = "INDETERMINATE" if land_in == frozenset() else "PERMITTED"
        return replace(verdict(outcome, set().union(*granting)), land_in=land_in or None)
    return verdict("INDETERMINATE", permits)


def _landing(either: set[frozenset[str] | None]) -> frozenset[str] | None:
    """Where the permits of one place let its traffic leave: by any of them."""
    known = [land_in for land_in in either if land_in is not None]
    return frozenset.union(*known) if len(known) == len(either) else None
