"""Events on the ground, as runs with their cause put in: gateways of a region without power, on 28 April 2025.

    python examples/events_on_the_ground.py [--slots 480] [--json]

Each function takes the cause as an argument, so that another cause gives another number. docs/events.md says what was
reported, who says otherwise, what is assumed, and what a run cannot say.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import Results, Scenario
from openleo.geodesy import GEOD
from openleo.network.reach import Reach
from openleo.results import Case, compute

FOLDER = Path(__file__).parent / "events"
CENTRE, RADIUS_KM = (39.8, -4.5), 550.0  # a circle that holds the mainland of Spain and Portugal
POWER_LOST = datetime.fromisoformat("2025-04-28T10:33:00+00:00")


def near(case: Case, radius_km: float, kind: str = "gateway") -> list[str]:
    """Gateways, or PoPs, that stand within so many kilometres of the centre, by the ellipsoid."""
    own = case.network.gateways
    found = []
    for one in own.stations if kind == "gateway" else own.pops:
        *_, metres = GEOD.inv(CENTRE[1], CENTRE[0], one.longitude_deg, one.latitude_deg)
        found += [one.name] if metres <= radius_km * 1000.0 else []
    return found


@dataclass(frozen=True, eq=False)
class Landed:
    """Where traffic lands, slot by slot. Axes (slot, cell): names of gateways and PoPs, "" for none; rtt_ms."""

    results: Results
    gateway: NDArray[Any]
    pop: NDArray[Any]
    rtt_ms: NDArray[np.float64]


def run(
    radius_km: float = 0.0, pops_too: bool = False, slots: int | None = None, more: dict[str, Any] | None = None
) -> Landed:
    """The two hours with everything near out from the moment on; with a radius of 0, as they would have been."""
    path = FOLDER / "iberia-2025.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8")) | (more or {})
    whole = Scenario.of(raw, path, [])
    first = whole.case
    out = [{"kind": "gateway", "name": name, "from": POWER_LOST} for name in near(first, radius_km)]
    if pops_too:
        out += [{"kind": "pop", "name": name, "from": POWER_LOST} for name in near(first, radius_km, "pop")]
    scenario = Scenario.of({**raw, "failures": {"out": out}}, path, []) if out else whole
    case = (scenario.first_slots(slots) if slots else scenario).case
    kept: list[Reach] = []
    results = compute(case, on_reach=lambda _cells, chunk: kept.append(chunk))
    own = case.network.gateways
    stations = np.array([*(one.name for one in own.stations), ""], dtype=object)  # −1, none, is the last
    pops = np.array([*(one.name for one in own.pops), ""], dtype=object)
    gateway, pop, rtt_ms = (
        np.concatenate([getattr(one, name) for one in kept]) for name in ("gateway", "pop", "rtt_ms")
    )
    return Landed(results, stations[gateway], pops[pop], rtt_ms)


def after(landed: Landed) -> NDArray[np.bool_]:
    """Axis (slot,): after the power was lost."""
    grid = landed.results.case.grid
    start_s = grid.start.timestamp()
    return np.asarray(start_s + grid.seconds(0, len(landed.rtt_ms)) >= POWER_LOST.timestamp())


def share(landed: Landed, which: NDArray[np.bool_]) -> float:
    """Of people × time after the power was lost, in the cells and slots `which` are."""
    later = after(landed)
    return float(which[later].mean(axis=0) @ people(landed) / people(landed).sum())


def people(landed: Landed) -> NDArray[np.float64]:
    """Axis (cell,): who lives there."""
    return np.asarray(landed.results.cell_table.population, np.float64)


def rtt_ms(landed: Landed) -> float:
    """The mean round trip of who is reached, people × time after the power was lost."""
    later = after(landed)
    reached = np.isfinite(landed.rtt_ms[later])
    weight = np.where(reached, people(landed), 0.0)
    return float((np.where(reached, landed.rtt_ms[later], 0.0) * weight).sum() / weight.sum())


def most_used(landed: Landed, of: NDArray[Any]) -> list[tuple[str, float]]:
    """Gateways or PoPs by the share of people × time after the power was lost, the most used first."""
    names = [name for name in np.unique(of[after(landed)].astype(str)).tolist() if name]
    return sorted(((name, share(landed, of == name)) for name in names), key=lambda one: -one[1])


EVENING = datetime.fromisoformat("2025-04-28T20:00:00+00:00")


def gbit_s(radius_km: float, slots: int = 4) -> tuple[float, float]:
    """(what the area asks for together in the evening, what it gets) with everything near out; mean over the slots."""
    path = FOLDER / "iberia-2025.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8")) | {"capacity": {"enabled": True}, "start": EVENING}
    first = Scenario.of(raw, path, []).first_slots(1)
    out = [{"kind": "gateway", "name": name} for name in near(first.case, radius_km)]
    told = Scenario.of({**raw, "failures": {"out": out}}, path, []).first_slots(slots).run().summary()["capacity"]
    return told["asked_down_mbps"] / 1000.0, told["given_down_mbps"] / 1000.0


Row = tuple[str, str]


def rows(slots: int | None = None) -> list[Row]:
    """Everything that is told: what, and how much."""
    before, cut = run(0.0, slots=slots), run(RADIUS_KM, slots=slots)
    moved = share(cut, cut.gateway != before.gateway)
    handed = share(cut, cut.pop != before.pop)
    asked, given = gbit_s(RADIUS_KM)
    _, usual = gbit_s(0.0)
    out = near(cut.results.case, RADIUS_KM)
    return [
        ("gateways out", f"{len(out)}: {', '.join(out)}"),
        ("reached, with and without them", "  ".join(f"{share(one, one.gateway != ''):.4f}" for one in (before, cut))),
        ("land elsewhere", f"{moved:.4f}"),
        ("handed over at another PoP", f"{handed:.4f}"),
        ("mean round trip, with and without, ms", f"{rtt_ms(before):.1f}  {rtt_ms(cut):.1f}"),
        ("land at, with", _named(most_used(before, before.gateway))),
        ("land at, without", _named(most_used(cut, cut.gateway))),
        ("PoPs, without", _named(most_used(cut, cut.pop))),
        ("Gbit/s at 20:00 UTC: asked, given, given without", f"{asked:.1f}  {usual:.1f}  {given:.1f}"),
    ]  # fmt: skip


def _named(used: list[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {part:.1%}" for name, part in used[:3])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="Gateways of a region without power, as a run.")
    parser.add_argument("--slots", type=int, help="only the first so many, of 480; the power is lost in the 133rd")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = rows(asked.slots)
    if asked.json:
        print(json.dumps(dict(found), indent=1, ensure_ascii=False))
        return
    for what, how_much in found:
        print(f"{what:<50} {how_much}")


if __name__ == "__main__":
    main()
