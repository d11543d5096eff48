"""Who may import whom: the table of docs (DESIGN §3), read from the source of every module.

Imports inside functions and under TYPE_CHECKING count as well: a direction that is broken lazily is broken.
"""

from __future__ import annotations

import ast
import graphlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "openleo"

# Imports only itself; everyone may import it.
GROUND_FLOOR = {"units", "instants", "geodesy", "cells", "errors", "reading", "kept", "collecting", "places"}

NETWORK = {
    "network.jamming",
    "network.constellation",
    "network.ephemeris",
    "network.ground",
    "network.failures",
    "network.admission",
    "network.visibility",
    "network.flown_grid",
    "network.topology",
    "network.routing",
    "network.reach",
    "network.pop_reach",
    "network.chain",
    "network.serving_pops",
    "network.watch",
    "network.hand_overs",
    "network.journeys",
    "network.terms",
    "network.pairs",
    "network.ways",
    "network.hypatia",
    "network.forwarding",
    "network.k_paths",
    "network.demand_routing",
    "network.load",
    "network.max_min",
    "network.capacity",
    "network.ranging",
}

USERS = {"network.watch", "network.hand_overs", "network.journeys", "network.terms"}  # single users: they read reach
PAIRS = {
    "network.pairs",
    "network.ways",
    "network.hypatia",
    "network.forwarding",
    "network.k_paths",
    "network.demand_routing",
    "network.load",
}  # beside routing and reach: pairs of places over satellites alone
AFTER_ROUTING = PAIRS | USERS | {"network.reach", "network.pop_reach", "network.capacity", "network.ranging"}

# Each part, and the parts it may import beside itself (and the ground floor, but for those that stand alone).
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND_FLOOR, GROUND_FLOOR),
    # CAN: constellation ─► ephemeris ─► visibility ─► topology ─► routing ─► reach ─► journeys, ground from the side.
    "network": set(),  # its __init__ alone
    "network.kernels": set(),
    "network.constellation": {"network.kernels"},
    "network.ephemeris": {"network.kernels", "network.constellation"},
    "network.ground": {"network.kernels"},
    "network.first_draws": set(),  # numbers by chance
    "network.side_by_side": set(),  # threads
    "network.failures": {"network.constellation", "network.ground", "network.first_draws"},
    "network.causes": {"network.constellation", "network.ground", "network.failures"},
    "network.loads": NETWORK - PAIRS | {"network.kernels"},
    "network.jamming": {"network.ground"},
    "network.admission": {"network.kernels", "network.constellation", "network.jamming"},
    "network.visibility": {
        "network.kernels", "network.constellation", "network.ephemeris", "network.ground", "network.admission",
    },
    "network.flown_grid": {"network.kernels", "network.constellation"},
    "network.topology": {
        "network.kernels", "network.constellation", "network.ephemeris", "network.flown_grid", "network.ground",
        "network.visibility",
    },
    "network.routing": NETWORK - AFTER_ROUTING - {"network.routing", "network.chain", "network.serving_pops"}
    | {"network.kernels"},
    "network.chain": {"network.kernels"},  # what is added to light's time
    "network.serving_pops": {"network.ground"},
    "network.reach": NETWORK - AFTER_ROUTING | {"network.kernels", "network.side_by_side"},
    "network.pop_reach": NETWORK - AFTER_ROUTING | {"network.reach", "network.kernels", "network.side_by_side"},
    "network.watch": NETWORK - PAIRS - USERS | {"network.kernels"},
    "network.hand_overs": NETWORK - PAIRS - USERS | {"network.watch", "network.kernels"},
    "network.journeys": NETWORK - PAIRS - {"network.terms"} | {"network.k_paths", "network.kernels"},
    "network.terms": {"network.journeys"},
    "network.pair_paths": {"network.pairs", "network.journeys"},
    "network.k_paths": set(),
    "network.demand_routing": set(),
    "network.load": {"network.pairs", "network.k_paths", "network.demand_routing"},
    "network.pairs": {
        "network.kernels", "network.constellation", "network.ephemeris", "network.failures", "network.admission",
        "network.topology",
    },
    "network.ways": {"network.kernels", "network.ephemeris", "network.pairs"},
    "network.hypatia": {"network.kernels", "network.constellation", "network.topology", "network.pairs"},
    "network.forwarding": {"network.kernels", "network.topology", "network.pairs", "network.hypatia"},
    "network.ranging": NETWORK - AFTER_ROUTING - {"network.ranging"},  # where a terminal is, by times of flight
    "network.max_min": {"network.kernels"},  # flows over links, whatever they are
    "network.capacity": NETWORK - AFTER_ROUTING | {"network.reach", "network.kernels"},
    # MAY, IS, and PROVEN.
    "policy": set(),
    "service": NETWORK | {"policy"},
    "ledger": set(),  # so that an adversary can read the verifier in an evening
    # Around them.
    "palette": set(),
    "attributes": set(),  # what columns and keys are, of all files
    "notebook": {"palette", "attributes", "service"},  # tables, however they came about
    "results": NETWORK | {"policy", "service", "notebook"},
    "score": set(),  # statistics of rows that are handed in
    "score_trace": {"score"},
    "uncertainty": NETWORK | {"service", "results"},  # draws of a case, each computed
    "study": NETWORK | {  # many runs
        "policy", "service", "results", "file_values", "scenario_file", "scenario_failures", "scenario",
    },
    "scoring": NETWORK | {"policy", "service", "results", "score", "score_trace", "scoring_rates", "uncertainty"},
    "scoring_rates": NETWORK | {"policy", "service", "results"},
    "shared_beams": NETWORK | {"policy", "service", "results"},
    "effects": NETWORK | {"policy", "service", "results", "shared_beams"},
    "capacity_file": set(),
    "file_values": set(),
    "failures_file": {"file_values"},
    "scenario_file": {"capacity_file", "failures_file", "file_values"},
    "scenario_capacity": NETWORK | {"policy", "results", "capacity_file", "scenario_file"},
    "scenario_network": NETWORK | {"results", "scenario_file"},
    "scenario_causes": NETWORK | {"network.causes", "service", "failures_file"},
    "scenario_failures": NETWORK | {"network.loads", "failures_file", "scenario_causes"},
    "scenario_pairs": NETWORK | {
        "failures_file", "scenario_file", "scenario_network", "scenario_failures", "interchange",
    },
    "scenario_rules": NETWORK | {"policy", "service", "scenario_file"},
    "scenario": NETWORK | {
        "scenario_causes",
        "policy", "service", "results", "scenario_file", "scenario_network", "scenario_failures", "scenario_pairs",
        "scenario_rules", "scenario_capacity",
    },
    "report": NETWORK | {"service", "results", "score", "palette", "attributes", "study"},
    "console": NETWORK | {"policy", "service", "results"},
    "interchange": NETWORK | {"network.kernels"},
    "sources": {"network.constellation"},
    "emulator": NETWORK | {"policy", "service", "results", "file_values", "scenario_file", "scenario"},  # edge: kernel
    # The running system: evidence from telemetry, and simulated terminals that give it.
    "misuse": NETWORK,
    "fleet": NETWORK | {"policy"},
    # PROVEN: who decided. Knows nothing of orbits or of what a rule says.
    "governance": {"ledger"},
    # Where both meet: rules and networks as changes.
    "network_effects": NETWORK | {"policy", "service", "results", "effects", "shared_beams"},
    "changes": NETWORK | {"policy", "service", "results", "effects", "network_effects", "governance"},
    "scenario_copies": NETWORK | {"scenario_file"},
    "change_documents": NETWORK | {
        "policy", "service", "results", "effects", "network_effects", "governance", "changes", "scenario",
        "scenario_copies",
    },
}  # fmt: skip
STAND_ALONE = {"network.kernels", "ledger"}  # not even the ground floor
ENTRY_POINTS = {"__init__", "__main__", "cli", "controller"}  # may import everything; nobody imports them
STARTS = {("cli", "controller")}
FACADE = {"__version__"}  # what anybody may take from `openleo` itself


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def module_name(path: Path) -> str:
    steps = path.relative_to(SRC).with_suffix("").parts
    return ".".join(steps[:-1] if steps[-1] == "__init__" and len(steps) > 1 else steps)


def part_of(name: str) -> str:
    """The part of the table that a module (named without `openleo.`) belongs to."""
    steps = name.split(".")
    return ".".join(steps[: 2 if steps[0] == "network" else 1])


@cache
def imports_of(path: Path) -> tuple[tuple[str, int], ...]:
    """(module of ours, line) for every import of our own package, absolute or relative, anywhere in the file.

    A name taken from the facade (`from openleo import Scenario`) is given as that name.
    """
    package = ("openleo", *path.relative_to(SRC).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            names = [(*base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "openleo":
            names = [("openleo", node.attr)]  # after `import openleo`
        else:
            continue
        found += [(".".join(name[1:]), node.lineno) for name in names if name[0] == "openleo" and len(name) > 1]
    return tuple(found)


@cache
def known_modules() -> frozenset[str]:
    return frozenset(module_name(path) for path in modules())


def module_meant(name: str) -> str:
    """`places.areas.read_area` is about the module `places.areas`."""
    while name not in known_modules() and "." in name:
        name = name.rpartition(".")[0]
    return name


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_imports_follow_the_data(path):
    part = part_of(module_name(path))
    for name, line in imports_of(path):
        if name in FACADE:
            continue
        imported = part_of(module_meant(name))
        assert imported not in ENTRY_POINTS or part in (imported, "__main__") or (part, imported) in STARTS, (
            f"{path.relative_to(SRC)}:{line} imports {imported}. Nobody imports an entry point: move what is shared "
            f"down into a module that both may import."
        )
        assert imported in MAY_IMPORT or imported in ENTRY_POINTS, (
            f"{path.relative_to(SRC)}:{line} takes {name} from the package itself. Inside the package, import it from "
            f"the module that defines it; only {', '.join(FACADE)} may come from `openleo`."
        )
        if part in ENTRY_POINTS:
            continue
        allowed = MAY_IMPORT[part] | {part} | (set() if part in STAND_ALONE else GROUND_FLOOR)
        assert imported in allowed, (
            f"{path.relative_to(SRC)}:{line}: {part} imports {imported}, but data flows the other way. {part} may "
            f"import {', '.join(sorted(allowed - {part})) or 'nothing of ours'}. Hand the value in as an argument, "
            f"move the code to the right of what it needs, or name the third idea that both need. Change the table "
            f"only together with the design."
        )


def test_the_table_names_every_part_that_there_is():
    parts = {part_of(module_name(path)) for path in modules()}
    missing = parts - MAY_IMPORT.keys() - ENTRY_POINTS
    assert not missing, (
        f"{', '.join(sorted(missing))} is not in the table. Say in MAY_IMPORT (and in the design) what it may import, "
        f"before it imports anything."
    )
    gone = (MAY_IMPORT.keys() | ENTRY_POINTS) - parts
    assert not gone, f"{', '.join(sorted(gone))} is in the table, but there is no such module any more: take it out."


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module_name(path): {module_meant(name) for name, _ in imports_of(path) if name not in FACADE}
        - {module_name(path)}
        for path in modules()
        if module_name(path) != "__init__"  # the facade looks its names up when they are asked for
    }
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(
            f"these modules import each other: {' ← '.join(error.args[1])}. When two modules want each other, a third "
            f"idea is missing: find its name, and let both import it."
        )


def test_the_table_lets_nothing_flow_back():
    graph = {part: allowed - {part} for part, allowed in MAY_IMPORT.items() if part not in GROUND_FLOOR}
    tuple(graphlib.TopologicalSorter(graph).static_order())


# --- what loads when ----------------------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"numpy", "numba", "scipy", "pandas", "pyarrow", "shapely", "h3", "matplotlib", "xarray", "zarr", "sgp4"}
HEAVY |= {"pydantic", "httpx", "pyproj"}


@pytest.mark.parametrize("statement", ["import openleo.cli", "import openleo"])
def test_heavy_libraries_wait_until_a_verb_needs_them(statement):
    early = loaded_by(statement) & HEAVY
    assert not early, f"`{statement}` loads {', '.join(sorted(early))}: import it inside the verb, so --help is quick"


@pytest.mark.parametrize("tool", ["pandas", "geopandas", "matplotlib", "httpx", "rich", "typer"])
def test_a_scenario_loads_without_what_only_reports_and_verbs_need(tool):
    assert tool not in loaded_for_a_scenario()


@cache
def loaded_for_a_scenario() -> frozenset[str]:
    return frozenset(loaded_by("import openleo.scenario"))


def test_help_answers_at_once():
    """The contract says 0.3 s; this allows for a slow machine. Of the processor: a busy one has others to serve."""

    def seconds() -> float:
        before = os.times()
        done = subprocess.run([sys.executable, "-m", "openleo", "--help"], capture_output=True, text=True, check=True)
        assert "plan" in done.stdout
        now = os.times()
        return now.children_user + now.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 1.0
