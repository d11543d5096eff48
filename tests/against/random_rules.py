"""Rule files and requests by chance, of a seed: every key of the language, every input left out now and then.

Files are written as a person would write them, in TOML or JSON, in one or two books; whoever decides reads the files.
Requests lean to where rules change their minds: bounds of conditions and edges of windows, exactly and beside them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

from against.cedar_export import Area, contested_with, instant
from against.plane_places import Place

CLASSES = ("fixed", "portable", "vehicle", "maritime", "aviation", "government", "emergency")
OWN_CLASS = "drone"
GROUPS = ("clinic", "press", "allow-list", "unpaid")
SOURCES = ("gnss", "network", "stated")
HOMES = ("UKR", "TON", "FRA", "TWN", "SGP")
NAMES = {
    "black-sea": ["UKR", "UKR", "MDA", "ROU", "BGR", "TUR", "crimea", "transnistria", "kherson-oblast", "UKR.sea12",
                  "UKR.sea200", "ROU.sea200", "TUR.sea200", "BGR.sea12"],
    "taiwan": ["TWN", "TWN", "JPN", "CHN", "kinmen", "matsu", "TWN.sea12", "TWN.sea200", "JPN.sea200", "CHN.sea200"],
    "fiji-tonga": ["FJI", "FJI", "TON", "TON", "WLF", "FJI.sea12", "FJI.sea200", "TON.sea200", "high-seas"],
    "riviera": ["MCO", "FRA", "FRA", "ITA", "ITA", "FRA.sea12", "FRA.sea200", "ITA.sea200"],
    "singapore": ["SGP", "SGP", "MYS", "IDN", "SGP.sea12", "IDN.sea12", "MYS.sea200", "IDN.sea200"],
}  # fmt: skip
# Functions of the language, as rules write them.
DRAWN = {
    "black-sea": ["buffer(crimea, 20)", "coast(UKR, 50)", "buffer(UKR, -30)", "buffer(ROU + MDA, 10 nm)",
                  "shore(BGR, 15 km)", "edge(MDA, 5km)", "coast(UKR, -20)", "cells(841e5d1ffffffff, 851e5da3fffffff)"],
    "taiwan": ["buffer(TWN, 100)", "coast(TWN, 24 nm)", "buffer(kinmen, 30km)", "coast(TWN, -15)", "edge(TWN, 8)",
               "buffer(TWN, -20)", "cells(844ba29ffffffff, 854ba0cffffffff)"],
    "fiji-tonga": ["buffer(FJI, 100)", "coast(FJI, 50)", "coast(TON, 24 nm)", "buffer(FJI + TON, 40)", "edge(FJI, 12)",
                   "coast(FJI, -8)", "cells(849b411ffffffff, 859b416bfffffff)"],
    "riviera": ["buffer(MCO, 15)", "coast(FRA, 12 nm)", "coast(ITA, 30)", "buffer(FRA, -40)", "edge(MCO + ITA, 20)",
                "shore(MCO, 10)", "cells(841f9a7ffffffff, 851f9a2bfffffff)"],
    "singapore": ["buffer(SGP, 20)", "coast(SGP, 10)", "coast(MYS, 12)", "buffer(SGP, -7)", "edge(SGP, 6)",
                  "shore(IDN, 15)", "cells(846526bffffffff, 8565260ffffffff)"],
}  # fmt: skip
ZONES = ("UTC", "Europe/Kyiv", "Europe/Berlin", "Asia/Taipei", "America/Sao_Paulo", "Australia/Lord_Howe")
BOUNDS = {
    "speed_kmh": (0.0, 75.0, 160.0, 900.5),
    "altitude_m": (-10.0, 100.0, 3000.0, 12_000.0),
    "days_abroad": (0.0, 30.0, 60.0, 61.5),
    "location_age_s": (10.0, 60.0, 300.0, 3600.0),
    "location_uncertainty_m": (15.0, 300.0, 1000.0, 5000.0),
}
A_DAY_S = 86_400.0  # after which a position tells nothing any more
# Ordinary days, and those on which clocks jump somewhere: forward and back, by an hour and by half of one, at midnight,
# and the last leap second.
NOONS = (
    "2026-11-20T12:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
    "2018-11-04T03:00:00Z",
    "2018-02-18T02:00:00Z",
    "2016-12-31T23:59:60Z",
)

Table = dict[str, Any]


@dataclass(frozen=True)
class Mood:
    """How rules of a set tend to be."""

    permit: float
    suspend: float
    condition: float  # how often who, conditions or except are said
    narrow: float  # how often a forbid or suspend speaks of a small place


MOODS = (Mood(0.55, 0.33, 0.3, 0.4), Mood(0.5, 0.4, 0.3, 0.3), Mood(0.75, 0.15, 0.2, 0.4), Mood(0.5, 0.3, 0.6, 0.2))


@dataclass(frozen=True)
class Pair:
    """One request of a rule set: as JSON, with where it truly is, and what it leaves out that rules read."""

    request: Table
    place: Place | None  # None where the request does not say
    action: str
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A rule set and its requests."""

    files: tuple[Path, ...]
    pairs: tuple[Pair, ...]


def case(
    rng: random.Random, theatre: str, zones: Sequence[str], places: Sequence[Place], folder: Path, count: int,
    drawn: Sequence[str] = (),
) -> Case:  # fmt: skip
    """A rule set of 1 to 30 rules in one or two files of a folder that holds the zones, and requests of it.

    `drawn`: functions of the language, which most rules' areas are then made of.
    """
    noon = instant(rng.choice(NOONS))
    mood = rng.choice(MOODS)
    files, tables = [], []
    size = rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30))
    books = ["operator", f"regulator:{rng.choice(HOMES)}"][: rng.choice((1, 2))]
    for number, book in enumerate(books):
        share = size // len(books) + (number < size % len(books))
        rules = [_rule(rng, theatre, zones, folder, mood, noon, f"r{index:02}") for index in range(share)]
        for rule in rules if drawn else ():
            if rng.random() < 0.75:
                rule["territory"] = _drawn_territory(rng, theatre, zones, drawn)
        content = {"schema": 1, "book": book, "classes": [OWN_CLASS], "rule": rules}
        ending = rng.choice((".toml", ".toml", ".json"))
        files.append(folder / f"{rng.getrandbits(60):015x}{ending}")
        files[-1].write_text(as_json(content) if ending == ".json" else as_toml(content), encoding="utf-8")
        tables += rules
    instants = _instants(rng, tables, noon)
    pairs = tuple(_pair(rng, tables, places, instants) for _ in range(count))
    return Case(tuple(files), pairs)


# --- rules --------------------------------------------------------------------------------------------------------


def _rule(
    rng: random.Random, theatre: str, zones: Sequence[str], folder: Path, mood: Mood, noon: datetime, id_: str
) -> Table:
    effect = rng.choices(("permit", "suspend", "forbid"), (mood.permit, mood.suspend, 1 - mood.permit - mood.suspend))[
        0
    ]
    narrow = effect != "permit" and rng.random() < mood.narrow
    rule: Table = {"id": id_, "effect": effect, "territory": _territory(rng, theatre, zones, folder, narrow)}
    rule["reason"] = 'says "why"'
    if rng.random() < 0.3:
        rule["authority"] = rng.choice(("ministry", "operator"))
    if rng.random() < 0.05:
        rule["applies_to"] = rng.choice(("beam", "gateway"))
    else:
        _speak(rng, rule, mood)
        if effect == "permit" and rng.random() < 0.15:
            rule["land_in"] = _any_case(rng, rng.sample(HOMES, rng.randint(1, 3)))
    _time(rng, rule, noon, required=effect == "suspend")
    if effect != "permit":
        alone = rule.get("who", {}).get("classes") == ["emergency"]
        rule["emergency"] = "cut" if alone else rng.choice(("keep", "cut"))
    return rule


def _speak(rng: random.Random, rule: Table, mood: Mood) -> None:
    if who := _who(rng, mood.condition):
        rule["who"] = who
    if rng.random() < mood.condition:
        rule["conditions"] = _conditions(rng, rng.choice((1, 1, 2)))
    if rng.random() < mood.condition * 0.7:
        unless = {**_who(rng, 0.6), **_conditions(rng, rng.choice((0, 1, 1)))}
        if unless:
            rule["except"] = unless


def _who(rng: random.Random, often: float) -> Table:
    who: Table = {}
    if rng.random() < often:
        who["classes"] = rng.sample((*CLASSES, OWN_CLASS), rng.randint(1, 5))
    if rng.random() < often * 0.4:
        who["groups"] = _any_case(rng, rng.sample(GROUPS, rng.randint(1, 2)))
    return who


def _conditions(rng: random.Random, count: int) -> Table:
    said: Table = {}
    for name in rng.sample((*BOUNDS, "home_territory", "location_source"), count):
        if name == "home_territory":
            said[name] = rng.choice((rng.choice(HOMES), rng.sample(HOMES, 2)))
        elif name == "location_source":
            said[name] = rng.choice((rng.choice(SOURCES), rng.sample(SOURCES, 2)))
        else:
            low, high = sorted(rng.sample(BOUNDS[name], 2))
            ends = rng.choice(({"_max": high}, {"_max": high}, {"_min": low}, {"_min": low, "_max": high}))
            said |= {name + ending: bound for ending, bound in ends.items()}
    return said


def _territory(rng: random.Random, theatre: str, zones: Sequence[str], folder: Path, narrow: bool) -> Table:
    kind = rng.random()
    if kind < (0.5 if narrow else 0.1):
        name = rng.choice(zones)
        return {"geojson": json.loads((folder / name).read_text()) if rng.random() < 0.2 else name}
    if kind < 0.65:
        names = _any_case(rng, rng.sample(NAMES[theatre], 1 if narrow else rng.randint(2, 4)))
        names += [rng.choice(zones)] if rng.random() < 0.15 else []
        areas = names[0] if len(names) == 1 and rng.random() < 0.5 else names
    else:
        areas = _expression(rng, [name for name in NAMES[theatre] if name != "TWN.sea12"], zones, narrow)
    return _with_contested(rng, areas)


def _drawn_territory(rng: random.Random, theatre: str, zones: Sequence[str], drawn: Sequence[str]) -> Table:
    """Functions by themselves and within expressions, and lists of cells."""
    one, two = rng.sample(list(drawn), 2)
    name = rng.choice(sorted(set(NAMES[theatre]) - {"TWN.sea12"}))
    zone = rng.choice(list(zones))
    if one.startswith("cells") and rng.random() < 0.5:
        return {"cells": one.removeprefix("cells(").removesuffix(")").split(", ")}
    forms = (one, one, f"{one} - {two}", f"{one} & {two}", f"{name} - {one}", f"{name} & {one}", f"{name} + {one}",
             f"world - {one}", f"({one} + {zone}) - {two}", f"{zone} & {one}", [one, two], [name, one])  # fmt: skip
    return _with_contested(rng, rng.choice(forms))


def _with_contested(rng: random.Random, areas: str | list[str]) -> Table:
    """`in`, with what is said of the contested areas that it touches."""
    named = {name for text in ([areas] if isinstance(areas, str) else areas) for name in Area(text).names}
    touched = sorted({name for land in named for name in contested_with(land)} - named)
    territory: Table = {"in": areas}
    if touched:
        include = rng.sample(touched, rng.randint(0, len(touched)))
        exclude = [name for name in touched if name not in include]
        if rng.random() < 0.3:
            return territory | {"exclude": touched}
        territory["include"] = include
        if rng.random() < 0.5:
            territory["exclude"] = rng.sample(exclude, rng.randint(0, len(exclude)))
    return territory


def _any_case(rng: random.Random, names: Sequence[str]) -> list[str]:
    return [rng.choice((name, name, name.lower(), name.upper())) for name in names]


def _expression(rng: random.Random, names: Sequence[str], zones: Sequence[str], narrow: bool) -> str:
    one, two, three = rng.sample(sorted(set(names)), 3)
    zone, other = rng.sample(list(zones), 2)
    small = [f"{one} & {zone}", f"{zone} - {one}", f"({one} + {two}) & ({zone} + {other})", f"{zone} & {other}"]
    large = [
        *(f"{one} + {two} - {zone}", f"world - {zone}", f"{one} - {zone} + {two}", f"world - ({one} + {zone})"),
        *(f"({one} + {two} + {three}) - {zone} & {other}", f"{one} + {zone} - ({two} & {zone} + {other})"),
    ]
    return rng.choice(small if narrow else large)


def _time(rng: random.Random, rule: Table, noon: datetime, *, required: bool) -> None:
    hours = (-2400, -24, -1, -0.5, 0, 0.5, 1, 24, 2400)
    begin, end = sorted(rng.sample(hours, 2))
    if rng.random() < (0.1 if required else 0.2):
        rule["from"] = _said(rng, noon + timedelta(hours=begin))
    if required:
        end = max(end, rng.choice((end, 24, 2400)))  # most suspends run
    if required or rng.random() < 0.2:
        rule["until"] = _said(rng, noon + timedelta(hours=end))
    if rng.random() < 0.15:
        rule["weekly"] = [_period(rng, noon) for _ in range(rng.choice((1, 1, 2)))]


def _said(rng: random.Random, at: datetime) -> Any:
    zoned = at.astimezone(rng.choice((UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30)))))
    return rng.choice((zoned, zoned.isoformat()))


def _period(rng: random.Random, noon: datetime) -> Table:
    period: Table = {}
    today = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[noon.weekday()]
    if rng.random() < 0.6:
        period["days"] = sorted({today, *rng.sample(("mon", "wed", "thu", "sat", "sun"), rng.randint(0, 4))})
        rng.shuffle(period["days"])
    begin, end = rng.sample(range(48), 2)  # half-hours of a day
    period["from"] = _clock(rng, begin)
    period["until"] = "24:00" if rng.random() < 0.1 else _clock(rng, end)
    return period | {"zone": rng.choice(ZONES)}


def _clock(rng: random.Random, half_hours: int) -> Any:
    clock = time(half_hours // 2, half_hours % 2 * 30)
    return rng.choice((clock, f"{clock:%H:%M}", f"{clock:%H:%M:%S}"))


# --- requests -----------------------------------------------------------------------------------------------------


def _instants(rng: random.Random, rules: Sequence[Table], noon: datetime) -> list[str]:
    """Some instants of a rule set: around its noon, and at the edges of its windows, exactly and beside them."""
    step = timedelta(microseconds=1)
    edges = [instant(rule[key]) + shift for rule in rules for key in ("from", "until") if key in rule
             for shift in (-step, 0 * step, step)]  # fmt: skip
    around = [noon + timedelta(minutes=rng.randint(-90, 90)), noon - step, noon]
    around += [noon + timedelta(days=rng.randint(-9, 9), minutes=30 * rng.randint(-20, 20))]
    chosen = rng.sample(around, 2) + rng.sample(edges, min(2, len(edges)))
    return [rng.choice((at.isoformat(), at.astimezone(UTC).isoformat().replace("+00:00", "Z"))) for at in chosen]


def _pair(rng: random.Random, rules: Sequence[Table], places: Sequence[Place], instants: Sequence[str]) -> Pair:
    place = rng.choice(places)
    position = {
        "lat_deg": place.latitude_deg,
        "lon_deg": place.longitude_deg,
        "uncertainty_m": place.radius_m,
        "age_s": _value(rng, "location_age_s", rules),
        "source": rng.choice(SOURCES),
    }
    request: Table = {
        "at": rng.choice(instants),
        "class": rng.choice((*CLASSES, OWN_CLASS)),
        "groups": _any_case(rng, rng.sample(GROUPS, rng.choice((0, 0, 1, 2)))),
        "position": position,
        "speed_kmh": _value(rng, "speed_kmh", rules),
        "altitude_m": _value(rng, "altitude_m", rules),
        "days_abroad": _value(rng, "days_abroad", rules),
        "home_territory": rng.choice(HOMES),
    }
    read = sorted(inputs_read(rules))
    lost: list[str] = []
    if rng.random() < 0.4:
        lost = rng.sample(read, min(len(read), rng.choice((1, 1, 2, 3))))
        if rng.random() < 0.7:  # a position is seldom lost: nothing can be served then
            lost = [name for name in lost if name not in ("position", "position.uncertainty_m")]
    for name in lost:
        holder, _, key = name.rpartition(".")
        if holder:
            position.pop(key)
        elif name != "position" or rng.random() < 0.5:
            request.pop(name)
        else:
            position["uncertainty_m"] = 1_500_000.0  # could be anywhere
    aside = random.Random(str(request))
    if "age_s" in position and aside.random() < 0.06:
        position["age_s"] = aside.choice((A_DAY_S, A_DAY_S + 0.001, 2 * A_DAY_S, 1e8))
    placed = "position" in request and position.get("uncertainty_m", 2e6) <= 1e6 and not too_old(position)
    action = rng.choice(("beam", "gateway")) if rng.random() < 0.03 else "terminal"
    return Pair(request, place if placed else None, action, tuple(lost))


def too_old(position: Table) -> bool:
    """Whether a position tells nothing any more: its age is written, and is more than a day."""
    age_s = position.get("age_s")
    return age_s is not None and age_s > A_DAY_S


def _value(rng: random.Random, name: str, rules: Sequence[Table]) -> float:
    """A bound that some rule sets, a value beside it, or any."""
    tables = [rule.get(holder, {}) for rule in rules for holder in ("conditions", "except")]
    bounds = [table[name + ending] for table in tables for ending in ("_max", "_min") if name + ending in table]
    bound = rng.choice(bounds or BOUNDS[name])
    value = rng.choice((bound, bound + 0.001, bound - 0.001, round(rng.uniform(0.0, BOUNDS[name][-1]), 2)))
    return round(value if name == "altitude_m" else max(value, 0.0), 3)


def inputs_read(rules: Sequence[Table]) -> set[str]:
    """The inputs, as a request names them, that rules read; the position is read by every territory."""
    found = {"position", "position.uncertainty_m"}
    names = {"location_age_s": "position.age_s", "location_source": "position.source"}
    names["location_uncertainty_m"] = "position.uncertainty_m"
    for rule in rules:
        for holder in ("who", "conditions", "except"):
            for key in rule.get(holder, {}):
                name = key.removesuffix("_max").removesuffix("_min")
                found.add({"classes": "class", **names}.get(name, name))
        found |= {"class"} if rule.get("emergency") == "keep" else set()
        found |= {"at"} if {"from", "until", "weekly"} & rule.keys() else set()
    return found


# --- files --------------------------------------------------------------------------------------------------------


def as_json(content: Table) -> str:
    return json.dumps(content, default=lambda value: value.isoformat())


def as_toml(content: Table) -> str:
    head = "".join(f"{key} = {_toml(value)}\n" for key, value in content.items() if key != "rule")
    rules = ["".join(f"{key} = {_toml(value)}\n" for key, value in rule.items()) for rule in content["rule"]]
    return head + "".join(f"\n[[rule]]\n{rule}" for rule in rules)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return value.isoformat() if isinstance(value, (datetime, time)) else json.dumps(value, ensure_ascii=False)
