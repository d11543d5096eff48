"""Events of cables, as runs with their cause put in: Matsu in 2023 and 2025, the Red Sea in 2025.

    python examples/events_of_cables.py [--slots 96] [--json]

Each function takes the cause as an argument, so that another cause gives another number. docs/events.md says what was
reported, what is assumed, and what a run cannot say.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from openleo import Scenario
from openleo.network.reach import Reach
from openleo.network.serving_pops import LONGEST_FIBRE_KM
from openleo.reading import read_toml
from openleo.results import Case, compute
from openleo.study.fallback_file import read_fallback
from openleo.study.fallback_run import Fallback
from openleo.study.fallback_run import run as fall_back
from openleo.study.withdrawal import Thing, without
from openleo.study.withdrawal_file import read_withdrawal

FOLDER = Path(__file__).parent / "events"
RED_SEA = ("SMW4", "IMEWE", "FALCON", "EIG")


# --- Matsu, 2023 and 2025 -----------------------------------------------------------------------------------------


def matsu(
    year: int, *, microwave_gbps: float | None = None, terminals: int | None = None, slots: int | None = None
) -> Fallback:
    """Both cables, a microwave link and terminals; as the year's file has them where nothing is said."""
    path = FOLDER / f"matsu-{year}.toml"
    study = read_fallback(read_toml(path) | ({"slots": slots} if slots else {}), path)
    links = tuple(
        replace(link, gbps=microwave_gbps) if link.name == "microwave" and microwave_gbps is not None else link
        for link in study.links
    )
    satellites = study.satellites if terminals is None else replace(study.satellites, terminals=terminals)
    with ThreadPoolExecutor(1) as executor:
        return fall_back(replace(study, links=links, satellites=satellites), executor)


def totals_gbps(found: Fallback, case: str) -> dict[str, float]:
    """What all classes of a case ask for, and what becomes of it."""
    names = ("asked", "terrestrial", "satellite", "lost")
    return {name: round(sum(getattr(row, f"{name}_gbps") for row in found.of(case)), 6) for name in names}


# --- the Red Sea, 6 September 2025 --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gulf:
    """Median round trips by territory, ms, the share of people × time that is served, and where traffic lands most."""

    rtt_ms: dict[str, float | None]
    served: dict[str, float]
    handed_to: dict[str, str]  # PoPs that are out, and the one that each one's users are given
    lands_at: str


def red_sea(cables: Sequence[str] = RED_SEA, *, by_sofia: bool = False, slots: int | None = None) -> Gulf:
    """The Gulf without what hangs on some cables; by Sofia where the operator is taken to choose it."""
    path = FOLDER / "red-sea-2025.toml"
    study = read_withdrawal(read_toml(path), path)
    (case,) = study.cases.values()
    if by_sofia:
        file = FOLDER / "gulf.toml"
        raw = read_toml(file)
        raw["ground"]["serving_pops"] = "gulf-by-sofia.csv"
        case = Scenario.of(raw, file, []).case
    if slots:
        case = replace(case, grid=replace(case.grid, slots=slots))
    left = without(case, [Thing("cable", name) for name in cables], study.cables) if cables else case
    landed: dict[int, int] = {}

    def keep(_cells: Any, chunk: Reach) -> None:
        for number, count in zip(*np.unique(chunk.gateway, return_counts=True), strict=True):
            landed[int(number)] = landed.get(int(number), 0) + int(count)

    rows = compute(left, on_reach=keep).territories
    most = max((number for number in landed if number >= 0), key=lambda number: landed[number])
    return Gulf(
        {row.territory: row.rtt_ms_p50 for row in rows},
        {row.territory: row.served for row in rows},
        handed_to(left),
        left.network.gateways.stations[most].name,
    )


def handed_to(case: Case) -> dict[str, str]:
    """PoPs that are out, and the one that is nearest to each of those that are left."""
    gateways = case.network.gateways
    out = {one.name for one in case.network.failures.outages if one.kind == "pop"}
    numbers = [number for number, pop in enumerate(gateways.pops) if pop.name in out]
    left = gateways.without(np.array([], np.int32), np.array(numbers, np.int32))
    found = {}
    for number in numbers:
        joined = left.towards(number, LONGEST_FIBRE_KM).pop
        found[gateways.pops[number].name] = gateways.pops[int(joined.max())].name
    return found


def rows(slots: int | None = None) -> list[tuple[str, str]]:
    """What came out, in words."""
    early, late = matsu(2023, slots=slots), matsu(2025, slots=slots)
    usual, cut, sofia = red_sea(()), red_sea(), red_sea(by_sofia=True)
    told = [
        ("Matsu 2023, both cables out, microwave 3.8 Gbit/s", _said(early, "both cables")),
        ("Matsu 2025, both cables out", _said(late, "both cables")),
        ("Matsu 2025, the microwave link out too", _said(late, "all cut")),
    ]
    told += [
        (f"  {row.class_}", f"{row.satellite_gbps:.3f} of {row.asked_gbps:.3f} Gbit/s") for row in late.of("all cut")
    ]
    told += [("Red Sea 2025, PoPs out and who takes over", ", ".join(f"{a}: {b}" for a, b in cut.handed_to.items()))]
    told += [
        ("  traffic lands most at: before, nearest, Sofia", ", ".join(one.lands_at for one in (usual, cut, sofia)))
    ]
    for territory, was in usual.rtt_ms.items():
        then = " ".join(f"{_ms(one.rtt_ms[territory]):>7}" for one in (cut, sofia))
        told += [(f"  {territory}: before, nearest PoP left, Sofia, ms", f"{_ms(was):>7} {then}")]
    least = min(min(one.served.values()) for one in (usual, cut, sofia))
    return [*told, ("  people × time served, the least of all", f"{least:.4f}")]


def _said(found: Fallback, case: str) -> str:
    return ", ".join(f"{name} {gbps:.3f}" for name, gbps in totals_gbps(found, case).items())


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="Events of cables, as runs with their cause put in.")
    parser.add_argument("--slots", type=int, help="of Matsu's day, only the first so many quarters of an hour")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = rows(asked.slots)
    if asked.json:
        print(json.dumps(dict(found), indent=1, ensure_ascii=False))
        return
    for what, how_much in found:
        print(f"{what:<58} {how_much}")


if __name__ == "__main__":
    main()
