"""Write what the page is tested against: positions by our ephemeris, a plan as it is sent, a run as a file holds it.

    python tools/build_console_fixture.py      write orbits.fixture.json, plan.fixture.json and run.fixture.json

Positions: two shells, and element sets of a low, an eccentric and a half-day orbit, over a day from the epoch and a
month later. The plan: four cells and two classes, with everything in it that may be missing. The run: ten
minutes over Uruguay by one shell, under a rule set that lets ships alone be served, and one that permits all.
"""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from openleo import cells as h3cells
from openleo.console.offline import embedded
from openleo.console.run_slots import Samples
from openleo.console.scene import satellites
from openleo.controller import plan_arrow
from openleo.controller.slot_plan import SlotPlan
from openleo.network import ephemeris
from openleo.network.constellation import Constellation, from_elements, from_shells
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.shells import Shell
from openleo.network.reach import Reach
from openleo.results import Results, compute
from openleo.scenario import Scenario
from openleo.service.serve import ServiceMap, serve

SOURCE = Path(__file__).parents[1] / "frontend" / "src"
FILE = SOURCE / "orbits" / "orbits.fixture.json"
PLAN_FILE = SOURCE / "data" / "plan.fixture.json"
RUN_FILE = SOURCE / "data" / "run.fixture.json"
RUN = """
name = "run"
start = 2026-11-20T00:00:00Z
duration = "10min"
slot_phase_s = 12
[[constellation.shell]]
name = "inclined"
altitude_km = 550
inclination_deg = 53
planes = 24
satellites = 720
phasing = 1
[ground]
area = ["URY"]
resolution = 3
gateways = "starlink-2026"
[policy]
classes = ["fixed", "maritime"]
rules = "some.toml"
compare = "all.toml"
"""
RULES = """
schema = 1
book = "operator"
[[rule]]
id = "one"
effect = "permit"
territory = { in = "URY" }
WHO
reason = "an example"
"""
EVERY = 7
EPOCH = datetime(2026, 11, 20, 0, 0, 12, tzinfo=UTC)
AFTER_S = (0.0, 7.5, 600.0, 5_400.25, 21_600.0, 43_200.0, 86_400.0, 30 * 86_400.0)


def main() -> None:
    """Write the files."""
    FILE.write_text(text())
    PLAN_FILE.write_text(json.dumps(plan_as_sent(), indent=1, sort_keys=True) + "\n")
    RUN_FILE.write_text(json.dumps(run_as_held(), indent=1, sort_keys=True) + "\n")


def text() -> str:
    """The positions as they have to be."""
    return json.dumps([_of(one) for one in (_shells(), _elements())], indent=1, sort_keys=True) + "\n"


def plan() -> SlotPlan:
    """Served, not permitted to one class, seen by nobody, and reached without a rate."""
    nan = np.nan
    return SlotPlan(
        number=119_523_840, begins_s=1_792_857_612.0, slot_s=15.0,
        cells=np.array([0x833962FFFFFFFFF, 0x833963FFFFFFFFF, 0x833964FFFFFFFFF, 0x833965FFFFFFFFF], np.uint64),
        satellite=np.array([7, 1_234, -1, 0], np.int32), gateway=np.array([0, 41, -1, 2], np.int16),
        pop=np.array([3, 0, -1, 2], np.int16), rtt_ms=np.array([31.5, 88.25, nan, 42.0], np.float32),
        seen=np.array([9, 4, 0, 2], np.int16), down_mbps=np.array([812.5, nan, nan, 0.0], np.float32),
        up_mbps=np.array([60.25, nan, nan, 0.0], np.float32), classes=("fixed", "maritime"),
        yes=np.array([[3], [1], [0], [3]], np.uint64), no=np.array([[0], [2], [0], [0]], np.uint64),
        reason=np.array([[0, 0], [0, 1], [2, 2], [4, 4]], np.uint8), rule_set="1" * 64, network="2" * 64,
        ledger_size=7, ledger_root="3" * 64, binding=np.array([5, 255, 255, 1], np.uint8),
    )  # fmt: skip


def plan_as_sent() -> dict[str, Any]:
    """The two Arrow streams, and what they say."""
    made = plan()
    streams = {"cells": plan_arrow.of_cells(made.cells), "plan": plan_arrow.of_plan(made)}
    said: dict[str, Any] = {name: getattr(made, name).tolist() for name in ("satellite", "gateway", "pop", "seen")}
    said |= {"number": made.number, "classes": list(made.classes), "reason": made.reason.tolist()}
    said["binding"] = [] if made.binding is None else made.binding.tolist()
    said["rtt_ms"] = [None if np.isnan(ms) else ms for ms in made.rtt_ms.tolist()]
    said["cells"] = list(h3cells.text(made.cells))
    return {name: base64.b64encode(content).decode() for name, content in streams.items()} | {"said": said}


def run() -> tuple[Results, Samples]:
    """A computed run, and every seventh of its slots."""
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / "run.toml"
        scenario.write_text(RUN)
        for name, who in (("some", 'who = { classes = ["maritime"] }'), ("all", "")):
            (scenario.parent / f"{name}.toml").write_text(RULES.replace("WHO", who))
        case = Scenario.load(scenario).case
    samples = Samples(case, every=EVERY)
    return compute(case, threads=1, on_reach=samples.on_reach), samples


def run_as_held() -> dict[str, Any]:
    """What report.html holds of the run, without the borders, and what the second slot and the whole say."""
    results, samples = run()
    held = embedded(results, samples)
    scene = json.loads(gzip.decompress(base64.b64decode(held["scene"])))
    few = {name: scene[name] for name in ("start_ms", "slot_ms", "slot_phase_ms")}
    held["scene"] = base64.b64encode(gzip.compress(json.dumps(few).encode(), mtime=0)).decode()
    second, maps = samples.kept[EVERY], (results.service, results.compared)
    return {
        "embedded": held,
        "said": {
            "cells": len(results.cells),
            "rule_sets": ["some.toml", "all.toml"],
            "slot": [_said(second, one) for one in maps if one is not None],
        },
    }


def _said(slot: Reach, under: ServiceMap) -> dict[str, Any]:
    """A slot and the whole as the page has to show them, by plain loops."""
    classes = under.mask.classes
    maps = [serve(under.statistics, under.parts, under.mask, one) for one in classes]
    reason, served, whole = [], [], []
    lit = []
    for cell in range(len(slot.satellite)):
        parts = np.flatnonzero(under.parts.cell == cell)
        weight = under.parts.people[parts] if under.parts.people[parts].sum() > 0 else under.parts.area_km2[parts]
        for of, one in enumerate(maps):
            may = weight @ under.mask.permitted[parts, of] >= 0.5 * weight.sum()
            can = 0 if slot.satellite[cell] >= 0 else 3 if slot.seen[cell] > 0 else 2
            reason.append(can if may else 1)
            served.append(float(weight @ one.served[parts] / weight.sum()))
            because = weight @ one.because[parts]
            whole.append(0 if served[-1] >= 0.5 else 1 + int(because.argmax()))
        lit.append(0 in reason[-len(classes) :])
    who = {name: getattr(slot, name) for name in ("satellite", "gateway", "pop")}
    shown = {
        name: [int(one) if on else -1 for one, on in zip(column, lit, strict=True)] for name, column in who.items()
    }
    return {"reason": reason, "served": served, "whole": whole, **shown}


def _of(constellation: Constellation) -> dict[str, Any]:
    """A constellation as the scene has it, and its satellites in metres at each instant: (instant, satellite, xyz)."""
    at_ms = [round(EPOCH.timestamp() * 1000 + after_s * 1000) for after_s in AFTER_S]
    placed = ephemeris.positions(constellation, EPOCH, np.array(AFTER_S))
    assert placed.valid.all()
    return {
        "satellites": satellites(constellation),
        "at_ms": at_ms,
        "position_m": np.round(placed.position_km * 1000.0).astype(int).tolist(),
    }


def _shells() -> Constellation:
    shells = (Shell("delta", 550.0, 53.0, 3, 2, 1), Shell("star", 1_200.0, 87.9, 2, 2, 1, raan_span_deg=180.0))
    return from_shells("two shells", EPOCH - timedelta(hours=5), shells)


def _elements() -> Constellation:
    at = EPOCH - timedelta(hours=7, microseconds=123_457)
    sets = (
        ElementSet(1, "low", at, 15.06385, 0.0001234, 53.05, 123.4, 87.6, 272.5, 0.00012),
        ElementSet(2, "eccentric", at, 12.5, 0.12, 63.4, 11.0, 270.0, 15.0, 0.00001),
        ElementSet(3, "half a day", at, 2.00561, 0.72, 62.8, 200.0, 280.0, 10.0, 0.0),
    )
    return from_elements("three", ElementSets(sets, (), "made here", "0" * 64))


if __name__ == "__main__":
    main()
