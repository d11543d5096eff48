"""Reports written by hand, for tests of detectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import h3
import pyarrow as pa

from openleo.misuse.detector import Detector
from openleo.misuse.evidence import Evidence
from openleo.misuse.trace_reader import Reader


@cache
def _cell(lat: float, lon: float) -> str:
    return str(h3.latlng_to_cell(lat, lon, 4))


DAY_S, STARTS_S = 86_400.0, 1_798_761_600.0
PRAGUE, VIENNA = (50.08, 14.43), (48.21, 16.37)


def row(at_s: float, terminal: str = "t", place: tuple[float, float] | None = PRAGUE, **more: Any) -> dict[str, Any]:
    """A report of a fixed terminal at home, all well."""
    lat, lon = place or (None, None)
    beam = more.pop("beam", place)
    said = {
        "at_s": STARTS_S + at_s, "terminal": terminal, "account": "a-" + terminal, "class": "fixed",
        "home_territory": "CZE", "registered": True, "lat_deg": lat, "lon_deg": lon, "uncertainty_m": 30.0,
        "source": "gnss", "speed_kmh": 0.0, "session": "s1", "permitted": True, "territory": "CZE",
        "cell": _cell(*beam) if beam else None, "quota": None,
    }  # fmt: skip
    return said | more


def every(seconds: float, days: float, **more: Any) -> list[dict[str, Any]]:
    return [row(step * seconds, **more) for step in range(int(days * DAY_S / seconds))]


def neighbours(days: float, count: int = 12, **more: Any) -> list[dict[str, Any]]:
    """Households around, one report in a quarter of an hour each; a few hundred metres from each other."""
    return [
        one
        for number in range(count)
        for one in every(
            900.0, days, **({"terminal": f"n{number}", "place": (PRAGUE[0] + 0.01 * number, PRAGUE[1])} | more)
        )
    ]


def table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    kinds = {"registered": pa.bool_(), "permitted": pa.bool_(), "quota": pa.int32()}
    ordered = sorted(rows, key=lambda one: (one["at_s"], one["terminal"]))
    return pa.table({name: pa.array([one[name] for one in ordered], kinds.get(name)) for name in ordered[0]})


def detect(rows: Iterable[dict[str, Any]], drop: Sequence[str] = ()) -> list[Evidence]:
    """The evidence of all reports."""
    reader = Reader()
    detector = Detector(reader.registers)
    reports = reader.reports(table(rows).drop_columns(list(drop)))
    return detector.take(reports) + detector.finish()


def told(evidence: Iterable[Evidence], terminal: str = "t") -> dict[str, bool]:
    """Kinds that were told of a terminal, and whether they hold its renewal."""
    found: dict[str, bool] = {}
    for one in evidence:
        if one.terminal == terminal:
            found[str(one.kind)] = found.get(str(one.kind), False) or one.holds_renewal
    return found
