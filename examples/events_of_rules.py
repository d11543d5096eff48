"""Events that rules made, as runs with the rule put in: Ukraine in September and October 2022, and in February 2026.

    python examples/events_of_rules.py [--json]

Rules, networks and invented fleets are those of the scenarios in examples/who-… and whom-…; each function takes the
cause as an argument, so that another cause gives another number. docs/events.md says what was reported, who disputes
it, what is assumed, and what a run cannot say.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from openleo import Scenario, effects
from openleo.geodesy import GEOD
from openleo.policy import bulk
from openleo.policy.answer import answer
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_kinds import settle
from openleo.policy.terminals import read_terminals
from openleo.service.effect import Effect

HERE = Path(__file__).parent
STRIP = HERE / "who-loses-service-in-a-coastal-strip"
ACCOUNT = HERE / "who-depends-on-one-account"
SPEED = HERE / "whom-does-a-speed-limit-cut"


@cache
def program(path: Path) -> ModuleType:
    """Another example's program, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


def with_rule(files: Sequence[Path], template: Path, change: Callable[[str], str]) -> RuleSet:
    """The rules of some files, and of a template with something else written in it."""
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / template.name
        changed.write_text(change(template.read_text(encoding="utf-8")), encoding="utf-8")
        return read_rules([*files, changed])


# --- September 2022: a strip along a coast ----------------------------------------------------------------------------

TARGET = (44.62, 33.53)  # Sevastopol: latitude and longitude, degrees
CONTACT_LOST_KM = 70.0  # from the target, as reported
FARTHEST_KM = 200
STRIP_KM = (50.0, 70.0, 100.0)
SEPTEMBER = datetime(2022, 9, 16, 12, tzinfo=UTC)


def strip_rules(width_km: float) -> tuple[RuleSet, RuleSet]:
    """Service up to the coast, and that without a strip of the peninsula's coast so wide."""
    whole = STRIP / "rules" / "served-to-the-coast.toml"
    strip = STRIP / "rules" / "strip-100-km.toml"
    return read_rules([whole]), with_rule([whole], strip, lambda text: text.replace("100)", f"{width_km:g})"))


def strip_effect(width_km: float, slots: int = 4) -> Effect:
    """Who loses service by it."""
    base, new = strip_rules(width_km)
    case = Scenario.load(STRIP / "scenario.toml", own_rules=False).first_slots(slots).case
    return effects.compare(effects.prepare(case, base, new), ["fixed"], case.grid.start)


def sea_lost_km2(found: Effect) -> float:
    """The water that loses service."""
    return float(sum(row.lost.area_km2 for row in found.rows if ".sea" in row.territory))


def service_ends_km(width_km: float, bearing_deg: float = 225.0) -> float:
    """How far from the target, over the open sea in a direction, the nearest place is that has service."""
    rules = strip_rules(width_km)[1]

    def served(km: float) -> bool:
        longitude, latitude, _ = GEOD.fwd(TARGET[1], TARGET[0], bearing_deg, km * 1000.0)
        where = {"latitude_deg": float(latitude), "longitude_deg": float(longitude), "uncertainty_m": 30.0}
        asked = Request(at=SEPTEMBER, class_="maritime", groups=frozenset(), age_s=5.0, source="gnss", **where)
        return answer(rules, asked).permitted

    return float(next(km for km in range(FARTHEST_KM) if served(float(km))))


# --- October 2022: one account ----------------------------------------------------------------------------------------

FLEET, SUSPENDED = 20_000, 1_300
OCTOBER = datetime(2022, 10, 24, tzinfo=UTC)


def suspended(of_account: int = SUSPENDED, fleet: int = FLEET, rules: str = "payment-stopped") -> int:
    """Terminals of an invented fleet that are suspended when one account that has so many of them is."""
    fleets = program(HERE / "fleets.py")
    made = replace(fleets.FLEETS["ukraine-2022-10"], terminals=fleet, one_account=of_account)
    rule_set = read_rules([ACCOUNT / "rules" / f"{name}.toml" for name in ("in-service", rules)])
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "fleet.csv"
        fleets.write(fleets.table(made), table)
        terminals = read_terminals(table, rule_set.classes)
    decided = bulk.decide_all(rule_set, terminals, settle(terminals, rule_set.regions), OCTOBER)
    return sum(bulk.OUTCOMES[outcome].value == "SUSPENDED" for outcome in decided.outcome)


# --- February 2026: a speed limit, then a list ------------------------------------------------------------------------


def speed_rules(limit_kmh: float, listed: bool) -> RuleSet:
    """The limit over service for anybody, or over service for who is on the list."""
    rules = SPEED / "rules"
    first = rules / ("allow-list.toml" if listed else "anybody.toml")
    return with_rule([first], rules / "speed-limit.toml", lambda text: text.replace("min = 75", f"min = {limit_kmh:g}"))


@cache
def speed_fleet(vehicles: float) -> Any:
    """The invented fleet with so great a share on vehicles."""
    return program(SPEED / "rates.py").fleet(vehicles)


def wrongly_cut(limit_kmh: float = 75.0, vehicles: float = 0.2, listed: bool = False) -> float:
    """The share of legitimate terminals of an invented fleet that is not served."""
    rates, fleet = program(SPEED / "rates.py"), speed_fleet(vehicles)
    return float(rates.cut(speed_rules(limit_kmh, listed), fleet)[fleet.legitimate].mean())


def wrongly_cut_by_class(limit_kmh: float = 75.0, vehicles: float = 0.2, listed: bool = False) -> dict[str, float]:
    """The same, of each class by itself."""
    rates, fleet = program(SPEED / "rates.py"), speed_fleet(vehicles)
    cut, own = rates.cut(speed_rules(limit_kmh, listed), fleet), fleet.legitimate
    return {str(name): float(cut[own & (fleet.class_ == name)].mean()) for name in sorted(set(fleet.class_[own]))}


# --- all --------------------------------------------------------------------------------------------------------------

Row = tuple[str, str, float | None, float]  # event, figure, as reported (nothing where only the run has one), ours


def rows() -> list[Row]:
    """Everything that is told."""
    strip: list[Row] = []
    for width_km in STRIP_KM:
        found = strip_effect(width_km)
        people = sum(row.lost.people for row in found.rows)
        cells = sum(total.lost.cells for total in found.totals)
        words = f"strip of {width_km:g} km:"
        strip += [
            ("September 2022", f"{words} sea that loses service, km²", None, sea_lost_km2(found)),
            ("September 2022", f"{words} cells that lose any", None, cells),
            ("September 2022", f"{words} people who lose service", None, people),
            ("September 2022", f"{words} service ends, km from the target", CONTACT_LOST_KM, service_ends_km(width_km)),
        ]
    limits: list[Row] = [
        ("February 2026", f"legitimate cut above {limit:g} km/h, {vehicles:.0%} on vehicles", None,
         wrongly_cut(limit, vehicles)) for limit in (75.0, 90.0) for vehicles in (0.1, 0.2, 0.4)
    ]  # fmt: skip
    listed: list[Row] = [
        ("February 2026", f"legitimate cut, 75 km/h and list, class {name}", None, share)
        for name, share in wrongly_cut_by_class(listed=True).items()
    ]
    share = suspended() / FLEET
    return [*strip, ("October 2022", "share of the fleet suspended", SUSPENDED / FLEET, share), *limits, *listed]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description="Events that rules made, as runs with the rule put in.")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found = rows()
    if asked.json:
        print(json.dumps([dict(zip(("event", "figure", "reported", "ours"), row, strict=True)) for row in found]))
        return
    for event, figure, reported, ours in found:
        print(f"{event:<15} {figure:<55} {ours:12,.4f}" + ("" if reported is None else f"  reported {reported:g}"))


if __name__ == "__main__":
    main()
