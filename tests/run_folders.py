"""Results folders as `openleo plan` writes them, of a few figures that a test says."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

REASONS = ("not_permitted", "no_satellite", "no_gateway", "no_capacity")
NO_FIGURES = {"rtt_ms_p50": None, "rtt_ms_p95": None, "down_mbps_p50": None, "up_mbps_p50": None, "bound_by": None}


def territory(name: str, people: int, served: float, reason: str = "not_permitted", **others: Any) -> dict[str, Any]:
    """A row of the summary; what is not served is not for one reason."""
    because = dict.fromkeys(REASONS, 0.0) | {reason: round(1.0 - served, 6)}
    known = {"territory": name, "name": f"Land of {name}", "cells": 1, "population": people, "area_km2": 100.0}
    shares = {"can_serve": 1.0, "may_serve": served, "served": served}
    weighting = "population" if people else "area"
    return {**known, "weighting": weighting, **shares, **NO_FIGURES, "not_served_because": because, **others}


def write_run(
    folder: Path,
    territories: Sequence[Mapping[str, Any]],
    cells: Mapping[str, tuple[float, float, str, float | None]],
    **others: Any,
) -> Path:
    """A folder of a run. `cells`: by id (people, share served, reason, RTT); `others`: keys of the summary."""
    folder.mkdir(parents=True)
    inputs = {name: {"source": f"{name}.toml", "sha256": name[0] * 64} for name in ("scenario", "rules", "area")}
    summary = {
        "scenario": "test", "openleo": "0.1.0", "inputs": inputs, "start": "2026-11-20T00:00:00Z", "slot_s": 15.0,
        "slots": 4, "satellites": 100, "satellites_masked": [], "gateways": 2, "resolution": 4, "cells": len(cells),
        "class": "fixed", "notes": [], "capacity": None, "territories": list(territories), "effect": None,
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary | others), encoding="utf-8")
    with (folder / "territories.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["territory", "served"], extrasaction="ignore")
        rows.writeheader()
        rows.writerows(territories)
    columns = list(zip(*cells.values(), strict=True))
    table = {"cell": list(cells), "population": columns[0], "area_km2": [10.0] * len(cells), "served": columns[1],
             "reason": columns[2], "rtt_ms_p50": pa.array(columns[3], pa.float64())}  # fmt: skip
    pq.write_table(pa.table(table), folder / "cells.parquet")
    return folder
