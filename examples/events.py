"""Events with public numbers, as runs with their cause put in: what comes out beside what was reported.

    python examples/events.py [--slots 240] [--json]

Each function takes the cause as an argument, so that another cause gives another number. docs/events.md says where the
reported figures are from, what is assumed, and what a run cannot say.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from openleo import Results, Scenario

FOLDER = Path(__file__).parent / "events"
NONE: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Row:
    """A figure as reported (nothing, where only the run has one), and ours."""

    event: str
    figure: str
    reported: float | None
    ours: float


def run(name: str, out: Sequence[dict[str, Any]] = NONE, slots: int | None = None) -> Results:
    """A scenario of this folder with things out of order; of its first slots, if a number is given."""
    path = FOLDER / f"{name}.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    scenario = Scenario.of({**raw, "failures": {"out": list(out)}} if out else raw, path, [])
    return (scenario.first_slots(slots) if slots else scenario).run()


def served(results: Results) -> float:
    """The share of people × time that is reached, over all territories of a run."""
    rows = [row for row in results.summary()["territories"] if row["population"]]
    people = sum(row["population"] for row in rows)
    return float(sum(row["can_serve"] * row["population"] for row in rows) / people)


def cells_reached(results: Results) -> int:
    """Cells that are reached at any time."""
    return int(sum(share > 0.0 for share in results.cell_table.can_serve))


# --- 24 July 2025 -------------------------------------------------------------------------------------------------

OUTAGE_FROM, OUTAGE_HOURS = datetime.fromisoformat("2025-07-24T19:15:00+00:00"), 2.5
TRAFFIC_LEFT = 0.16  # of what is usual, as NetBlocks measured it


def day_with_outage(hours: float = OUTAGE_HOURS, traffic_left: float = TRAFFIC_LEFT, slots: int | None = None) -> float:
    """The day's share of usual traffic: all of it where the run reaches people, and what was left of it elsewhere."""
    until = OUTAGE_FROM + timedelta(hours=hours)
    whole = run("outage-2025", slots=1)
    pops = dict.fromkeys(station.name for station in whole.case.network.gateways.pops)
    out = [{"kind": "pop", "name": name, "from": OUTAGE_FROM, "until": until} for name in pops]
    reached = served(run("outage-2025", out, slots))
    return reached + (1.0 - reached) * traffic_left


# --- Tonga, 2022 --------------------------------------------------------------------------------------------------


def tonga(gateway_out: bool = False, slots: int | None = None) -> Results:
    """With the gateway in Fiji, and without it."""
    out = [{"kind": "gateway", "name": "Suva"}] if gateway_out else []
    return run("tonga-2022", out, slots)


# --- February 2022 ------------------------------------------------------------------------------------------------

LAUNCHED, LOST = 49, 38
SHELL = "540-53.2"  # Gen1's second shell, where launches of that winter went


def storm(lost: int = LOST, slots: int | None = None) -> Results:
    """As if so many satellites of the shell, plane by plane, had been in service and were lost."""
    names = run("storm-2022", slots=1).case.network.constellation.satellite_name
    of_shell = [name for name in names if name.startswith(SHELL)]
    return run("storm-2022", [{"kind": "satellite", "name": name} for name in of_shell[:lost]], slots)


def rows(slots: int | None = None) -> list[Row]:
    """Everything that is compared."""
    before, after = storm(0, slots), storm(slots=slots)
    with_gateway, without = tonga(slots=slots), tonga(True, slots)
    return [
        Row("24 July 2025", "share of the day's usual traffic", 0.9125, day_with_outage()),
        Row("Tonga 2022", "people × time reached by way of Fiji", None, served(with_gateway)),
        Row("Tonga 2022", "cells reached by way of Fiji", None, cells_reached(with_gateway)),
        Row("Tonga 2022", "cells reached without the gateway", None, cells_reached(without)),
        Row("February 2022", f"change of people × time reached, {LOST} lost", None, served(after) - served(before)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="Events with public numbers, as runs with their cause put in.")
    parser.add_argument("--slots", type=int, help="of Tonga and the storm, only the first so many")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = rows(asked.slots)
    if asked.json:
        print(json.dumps([vars(row) for row in found], indent=1))
        return
    for row in found:
        reported = "" if row.reported is None else f"  reported {row.reported:g}"
        print(f"{row.event:<14} {row.figure:<48} {row.ours:10.4f}{reported}")


if __name__ == "__main__":
    main()
