"""A small network as a running controller has it, and rules in force, for the controller's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from openleo.controller import twin
from openleo.controller.in_force import InForce, unfounded
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet

SCENARIO = """
name = "small"
start = 2026-11-20T00:00:00Z
duration = "10min"
slot = "15s"
slot_phase_s = 12

[[constellation.shell]]
name = "inclined"
altitude_km = 550
inclination_deg = 53
planes = 24
satellites = 528
phasing = 1

[ground]
area = ["POL", "URY"]
resolution = 3
gateways = "starlink-2026"
"""
RULE = '[[rule]]\nid = "{land}-{effect}"\neffect = "{effect}"\nterritory = {{in = "{land}"}}\n'
RULE += 'authority = "a regulator"\nreason = "a reason"\n'
PERMIT = RULE.replace("{effect}", "permit")
STRIP = RULE.replace("{effect}", "forbid") + 'emergency = "cut"\n{more}'
BEGINS = datetime(2026, 11, 22, 8, 0, 12, tzinfo=UTC)  # a slot does


def scenario(folder: Path, text: str = SCENARIO) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


@cache
def small_twin() -> twin.Twin:
    with TemporaryDirectory() as folder:
        return twin.load(scenario(Path(folder)))


@cache
def rules(*books: str) -> RuleSet:
    """Rules as they stand in files."""
    with TemporaryDirectory() as folder:
        paths = []
        for number, text in enumerate(books):
            paths.append(Path(folder) / f"{number}.toml")
            paths[-1].write_text(f'schema = 1\nbook = "regulator:{number}"\n\n{text}')
        return read_rules(paths)


def permitting(*lands: str, more: str = "") -> RuleSet:
    return rules("\n".join(PERMIT.format(land=land) for land in lands) + more)


def in_force(rule_set: RuleSet, size: int = 7) -> InForce:
    """As if a ledger said so; there is none to log anything on."""
    return replace(unfounded(BEGINS), ledger_size=size, ledger_root=f"{size:064x}", rules=rule_set)
