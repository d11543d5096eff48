"""Where an effect that was computed again differs from the one that was signed.

Row by row: a territory and class, now and at every edge of a window ahead. Figures may differ by a share, as far as
machines and releases do, and by what they are rounded to; everything else that the signed one says has to be the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from openleo.governance.losses import BY_BEAMS, PPM

Json = Mapping[str, Any]
ROUNDED_TO = {"cells": 0.0, "area_km2": 0.001, "people": 1.0, "terminals": 0.0, "rtt_ms_p50": 0.1}
MOVED = ("displaced_by_capacity", "freed_by_capacity")  # of these people are compared, as part of all who are served
RATES_MBPS = {"down_mbps_p50": 0.1, "up_mbps_p50": 0.1}  # rounded to
ROWS = ("base_and_new", "new_before_and_after")
SAME = ("base", "new", "network", "at", "slots", "edges_left_out", "edges_untold", "capacity")
OF_TERMINALS = ("terminals", "because")  # a rule may stand there for what it takes from terminals alone
OTHER = ("cells", "area_km2", "people")
AMOUNTS = ("lost", "gained", "may_lose", "may_gain")


def difference(signed: Json, again: Json, tolerance_ppm: int, *, terminals: bool = True) -> str:
    """The first place where they differ, in words with both values; "" where they do not.

    Without `terminals` those were not counted again, and are passed over with what is told for them alone.
    """
    for key in SAME:
        if signed.get(key) != again.get(key):
            return _said(key, signed.get(key), again.get(key))
    instants = [edge["at"] for edge in signed.get("edges", ())]
    if len(set(instants)) < len(instants):
        return "two edges signed are of one instant"
    compare = _Compare(tolerance_ppm, () if terminals else OF_TERMINALS, signed.get("people", {}))
    for where, old, new in _pairs(signed, again, terminals):
        if old is None or new is None:
            if terminals or not _is_of_terminals_alone(old or new):
                return f"{where}: {'signed, and not' if new is None else 'not signed, and'} computed again"
        elif found := next(compare.row(old, new), ""):
            return f"{where}, {found}"
    return ""


class _Compare:
    def __init__(self, tolerance_ppm: int, passed_over: Collection[str], served: Mapping[str, Any]):
        self.share, self.passed_over, self.served = tolerance_ppm / PPM, passed_over, served

    def row(self, signed: Json, again: Json) -> Iterator[str]:
        """What differs in a row; `served`, by territory: people whom the network serves."""
        yield from self.fields("", *({key: row[key] for key in row if key not in MOVED} for row in (signed, again)))
        for name in (key for key in MOVED if key in signed):
            old, new = ((row.get(name) or {}).get("people") for row in (signed, again))
            served = self.served.get(signed.get("territory", ""), 0)
            if not self._near(old, new, served if _is_figure(served) else 0, ROUNDED_TO["people"]):
                yield _said(f"{name}.people", old, new)

    def _near(self, signed: Any, again: Any, of: float, rounded_to: float) -> bool:
        """Whether figures that shared beams make are alike; without capacity both are null."""
        if not _is_figure(signed) or not _is_figure(again):
            return bool(signed == again)
        return bool(abs(signed - again) <= max(self.share, BY_BEAMS) * of + rounded_to * (1.0 + 1e-9))

    def fields(self, place: str, signed: Any, again: Any) -> Iterator[str]:
        """What differs in a value, down to its figures; keys that the signed one has not are of a later release."""
        key = place.rpartition(".")[2].partition("[")[0]
        if key in self.passed_over:
            return
        if isinstance(signed, Mapping) and isinstance(again, Mapping):
            for name in signed:
                yield from self.fields(f"{place}.{name}".lstrip("."), signed[name], again.get(name))
        elif _is_list(signed) and _is_list(again) and len(signed) == len(again):
            for number, (one, other) in enumerate(zip(signed, again, strict=True)):
                yield from self.fields(f"{place}[{number}]", one, other)
        elif not self._alike(key, signed, again):
            yield _said(place, signed, again)

    def _alike(self, key: str, signed: Any, again: Any) -> bool:
        if key in RATES_MBPS and _is_figure(signed) and _is_figure(again):
            return self._near(signed, again, max(abs(signed), abs(again)), RATES_MBPS[key])
        if _is_figure(signed) and _is_figure(again):
            most = self.share * max(abs(signed), abs(again)) + ROUNDED_TO.get(key, 0.0)
            return bool(abs(signed - again) <= most * (1.0 + 1e-9))
        return bool(signed == again)


def _pairs(signed: Json, again: Json, terminals: bool) -> Iterator[tuple[str, Any, Any]]:
    """(where, the signed row, the row computed again) of every territory and class, at every instant."""
    yield from _rows("", signed.get("territories"), again.get("territories"))
    edges = [{edge["at"]: edge for edge in one.get("edges", ())} for one in (signed, again)]
    for at in sorted({*edges[0], *edges[1]}):
        old, new = (one.get(at, {}) for one in edges)
        for key in ROWS:
            yield from _rows(f"at {at}, {key}, ", old.get(key), new.get(key))
        if terminals:
            yield f"at {at}", _elsewhere(old), _elsewhere(new)
    people = [one.get("people", {}) for one in (signed, again)]
    for territory in sorted({*people[0], *people[1]}):
        old, new = ({"people": one.get(territory)} for one in people)
        yield f"{territory}, served", old, new
    if terminals:
        yield "everywhere", _elsewhere(signed), _elsewhere(again)


def _elsewhere(effect: Json) -> Json:
    return {"terminals_elsewhere": effect.get("terminals_elsewhere")}


def _is_of_terminals_alone(row: Json) -> bool:
    return not any(row.get(amount, {}).get(measure) for amount in AMOUNTS for measure in OTHER)


def _rows(where: str, signed: Any, again: Any) -> Iterator[tuple[str, Any, Any]]:
    rows = [{(row["territory"], row["class"]): row for row in some or ()} for some in (signed, again)]
    for territory, class_ in sorted({*rows[0], *rows[1]}):
        old, new = (one.get((territory, class_)) for one in rows)
        yield f"{where}{territory}, {class_}", old, new


def _said(place: str, signed: Any, again: Any) -> str:
    return f"{place}: {_short(signed)} signed, {_short(again)} computed again"


def _short(value: Any) -> str:
    return f"{value:,}" if _is_figure(value) else f"{value!r:.80}"


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
