"""What an effect takes: the summary that quorums depend on, and the comparison at activation.

Reads the published form of an effect (`openleo policy effect --json`), not the values of the programme that made it:
the bytes whose sha256 officers sign are the bytes that are judged. The worst instant counts: now, or any edge of a
window that the effect looks ahead to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openleo.governance.entries import Ends, Touched

MEASURES = ("cells", "area_km2", "people", "terminals")
EMERGENCY = "emergency"
MOST = 2**53 - 1  # of a count of the ledger
FEW = 10  # counts below it are not shown
UNKNOWN = "(unknown)"  # in place of a class: nobody said which, so any of them may be emergency terminals
PPM = 1_000_000
# Beams go to cells by a method that is near the best: where machines differ in the last digit of a sine, another cell
# may get one. Measured with 80 slots: 0.2 % of a large territory's people, 1.5 % of a rate; of a single cell more.
BY_BEAMS = 0.05
ROUNDING = {"cells": 0.0, "area_km2": 0.001, "people": 1.0, "terminals": 0.0}  # as far as the effect is rounded itself

Json = Mapping[str, Any]
Worst = dict[tuple[str, str], dict[str, float]]  # by (territory, class): the most that is taken, by measure


def public(count: int) -> int:
    """A count as the ledger shows it: 1 to 9 stand as 9, so that few terminals of a territory cannot be told apart.

    A sum that no entry can hold, as hostile effects have it, stands as the most that one can.

    >>> [public(count) for count in (0, 1, 9, 10, 1300)]
    [0, 9, 9, 10, 1300]
    """
    return FEW - 1 if 0 < count < FEW else min(count, MOST)


def shown(count: int) -> str:
    """A count as the public reads it.

    >>> shown(9), shown(85_066)
    ('<10', '85,066')
    """
    return f"<{FEW}" if 0 < count < FEW else f"{count:,}"


def worst(effect: Json, *keys: str) -> Worst:
    """The most of every measure that an effect takes at any instant; `keys`: "lost", "may_lose", added up."""
    found: Worst = {}
    for row in _rows(effect):
        taken = found.setdefault((row["territory"], row["class"]), dict.fromkeys(MEASURES, 0.0))
        for measure in MEASURES:
            amount = sum(float((row.get(key) or {}).get(measure) or 0.0) for key in keys)
            taken[measure] = max(taken[measure], amount)
    return found


def touched(effect: Json) -> tuple[Touched, ...]:
    """The territories where anything is lost or gained, or may be."""
    lost, gained = worst(effect, "lost", "may_lose"), worst(effect, "gained", "may_gain")
    people: Mapping[str, int] = effect["people"]
    told = effect["terminals"] is not None
    found = []
    for territory in sorted({territory for territory, _ in lost}):
        taken = {class_: lost[territory, class_] for one, class_ in lost if one == territory}
        given = {class_: gained[territory, class_] for one, class_ in gained if one == territory}
        if not any(any(amounts.values()) for amounts in (*taken.values(), *given.values())):
            continue
        found.append(
            Touched(
                territory=territory,
                people=people.get(territory, 0),
                people_lost=public(_people(taken)),
                people_gained=public(_people(given)),
                terminals_lost=public(_terminals(taken)) if told else None,
                terminals_gained=public(_terminals(given)) if told else None,
                emergency_terminals_lost=_emergency(taken.get(EMERGENCY, {}), told, taken.get(UNKNOWN, {})),
            )
        )
    return tuple(found)


def ends(effect: Json) -> tuple[Ends, ...]:
    """When service of a territory ends by a window of the new rules, also where the old ones do so at the same time.

    Hours of a week that come back are no end.
    """
    found = {
        (row["territory"], edge["at"])
        for edge in effect["edges"]
        if not edge.get("weekly", False)
        for row in edge["new_before_and_after"]
        if any((row.get("lost") or {}).get(measure) for measure in MEASURES)
    } | {(one["territory"], one["at"]) for one in effect.get("ends_alike", ())}
    return tuple(Ends(territory=territory, at=at) for territory, at in sorted(found, key=lambda one: (one[1], one[0])))


def loses_more(signed: Json, recomputed: Json, tolerance_ppm: int) -> tuple[str, ...]:
    """What the effect computed again takes beyond the one that was signed, in words; nothing where it keeps to it."""
    before, after = worst(signed, "lost", "may_lose"), worst(recomputed, "lost", "may_lose")
    found = []
    for (territory, class_), taken in sorted(after.items()):
        signed_for = before.get((territory, class_), dict.fromkeys(MEASURES, 0.0))
        for measure in MEASURES:
            most = signed_for[measure] * (1.0 + tolerance_ppm / PPM) + ROUNDING[measure]
            if taken[measure] > most:
                found.append(
                    f"{territory}, {class_}: {taken[measure]:,.0f} {measure} lost, {signed_for[measure]:,.0f} signed"
                )
    return (*found, *_displaces_more(signed, recomputed, tolerance_ppm))


def _displaces_more(signed: Json, recomputed: Json, tolerance_ppm: int) -> Iterator[str]:
    """Likewise the people whom shared beams displace, within what the sale of beams strays by."""
    before, after = worst(signed, "displaced_by_capacity"), worst(recomputed, "displaced_by_capacity")
    for (territory, class_), taken in sorted(after.items()):
        signed_for = before.get((territory, class_), dict.fromkeys(MEASURES, 0.0))["people"]
        strays = max(tolerance_ppm / PPM, BY_BEAMS) * recomputed["people"].get(territory, 0) + ROUNDING["people"]
        if taken["people"] > signed_for + strays:
            people = f"{taken['people']:,.0f} people displaced by capacity"
            yield f"{territory}, {class_}: {people}, {signed_for:,.0f} signed"


def _rows(effect: Json) -> Iterator[Json]:
    """The rows of every instant; terminals that stand in no row of the area have rows of their own."""
    yield from effect["territories"]
    yield from map(_row_of_terminals, effect.get("terminals_elsewhere", ()))
    for edge in effect["edges"]:
        rows: Sequence[Json] = edge["base_and_new"]
        yield from rows
        yield from map(_row_of_terminals, edge.get("terminals_elsewhere", {}).get("base_and_new", ()))


def _row_of_terminals(one: Json) -> Json:
    amounts = {key: {"terminals": one[key]} for key in ("lost", "gained")}
    return {"territory": one["territory"], "class": one["class"], **amounts}


def _people(by_class: Mapping[str, Mapping[str, float]]) -> int:
    """The same people stand in the row of every class, so the class that moves most of them counts."""
    return int(max((amounts["people"] for amounts in by_class.values()), default=0.0))


def _emergency(taken: Mapping[str, float], told: bool, unknown: Mapping[str, float]) -> int | None:
    """Emergency terminals that lose service; None where some may, and no table of terminals tells how many."""
    if any(unknown.values()):
        return None
    if not any(taken.values()):
        return 0
    return public(int(taken["terminals"])) if told else None


def _terminals(by_class: Mapping[str, Mapping[str, float]]) -> int:
    return int(sum(amounts["terminals"] for amounts in by_class.values()))
