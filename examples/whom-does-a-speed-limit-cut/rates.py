"""How many legitimate terminals a speed limit and an allow-list cut, by the share of them that is on vehicles.

    python examples/whom-does-a-speed-limit-cut/rates.py [--out terminals.csv] [--picture rates.png]

The fleet is synthetic, and every figure of it below is assumed; the quotas alone are reported ones. No terminal has a
place, as the rules treat all places of the territory alike. The seed is fixed.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from math import erf, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.places import point
from openleo.policy.decide import decide
from openleo.policy.enrolment import Enrolment, EnrolmentRequest, admitted
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet

RULES = Path(__file__).parent / "rules"
SEED = 20_260_203
AT = datetime(2026, 2, 3, 12, tzinfo=UTC)
WHERE = point.at("UKR")

# As reported: docs/scenarios/whom-does-a-speed-limit-cut.md names the sources.
QUOTAS = {"private": 1, "private, shown": 3, "firm": 10, "critical": None}

# Assumed.
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # of terminals that are on vehicles
HOLDERS = {"private": 5_000, "firm": 150, "critical": 20}
OF_ONE_HOLDER = {"private": ((1, 2, 3, 4), (0.85, 0.09, 0.04, 0.02)), "firm": ((2, 5, 10, 20), (0.3, 0.3, 0.3, 0.1)),
                 "critical": ((50, 100), (0.5, 0.5))}  # fmt: skip
DEFENCE = 1_000  # enrolled by a separate way
SHOWS_THEM = 0.5  # of private holders with more than one
DOES_NOT_ASK = 0.05  # of holders, by the day of the cut
MOVES = 0.4  # of the time that a vehicle has service
SPEED_KMH, SPREAD_KMH = 60.0, 25.0  # normal, of a vehicle that moves; below 0 is 0
SILENT = 0.01  # of terminals, whose speed is not known
EMERGENCY = 0.1  # of vehicles
LIMIT_KMH = 75.0
OTHERS = {"in the air": 200, "on the ground": 300}  # not legitimate: what the measures are for
AIR_KMH = 150.0
SURROGATES = 0.1  # of the others, enrolled in somebody's name


@dataclass(frozen=True)
class Fleet:
    """Terminals, one entry each. speed_kmh: NaN where it is not known."""

    id: list[str]
    class_: NDArray[Any]
    group: list[str]  # "verified", "defence" or none
    speed_kmh: NDArray[np.float64]
    legitimate: NDArray[np.bool_]


def enrolment(chance: np.random.Generator) -> tuple[list[str], Enrolment]:
    """(the terminals of all holders, what their requests gave)."""
    terminals, requests = [], []
    for kind, holders in HOLDERS.items():
        numbers, weights = OF_ONE_HOLDER[kind]
        for holder in range(holders):
            own = [f"{kind}-{holder:04d}-{one}" for one in range(chance.choice(numbers, p=weights))]
            terminals += own
            shows, asks = chance.random() < SHOWS_THEM, chance.random() >= DOES_NOT_ASK
            how = "private, shown" if kind == "private" and len(own) > 1 and shows else kind
            requests += [EnrolmentRequest(one, f"{kind}-{holder:04d}", how) for one in own if asks]
    return terminals, admitted(requests, QUOTAS)


def fleet(vehicles: float) -> Fleet:
    """The fleet in which so great a share of the legitimate terminals is on vehicles."""
    chance = np.random.default_rng(SEED)
    held, granted = enrolment(chance)
    defence = [f"defence-{one:04d}" for one in range(DEFENCE)]
    others = [f"other-{kind}-{one:03d}".replace(" ", "-") for kind, number in OTHERS.items() for one in range(number)]
    own = len(held) + DEFENCE
    # The same draws whatever the share, so that the shares differ in nothing else.
    mobile, moves, silent, emergency = (chance.random(own) for _ in range(4))
    on_road = mobile < vehicles
    drawn = np.maximum(chance.normal(SPEED_KMH, SPREAD_KMH, own), 0.0)
    speed = np.where(on_road & (moves < MOVES), drawn, 0.0)
    speed[silent < SILENT] = np.nan
    class_ = np.where(on_road, np.where(emergency < EMERGENCY, "emergency", "vehicle"), "fixed")
    in_air = np.arange(len(others)) < OTHERS["in the air"]
    surrogate = chance.random(len(others)) < SURROGATES
    groups = ["verified" if one in granted.terminals else "" for one in held]
    return Fleet(
        id=[*held, *defence, *others],
        class_=np.concatenate([class_, np.full(len(others), "portable")]),
        group=[*groups, *["defence"] * DEFENCE, *("verified" if one else "" for one in surrogate)],
        speed_kmh=np.concatenate([speed, np.where(in_air, AIR_KMH, 0.0)]),
        legitimate=np.arange(own + len(others)) < own,
    )


def cut(rule_set: RuleSet, terminals: Fleet) -> NDArray[np.bool_]:
    """Which terminals are not served."""
    known: dict[tuple[Any, ...], bool] = {}
    refused = []
    for class_, group, speed in zip(terminals.class_, terminals.group, terminals.speed_kmh, strict=True):
        key = (class_, group, None if np.isnan(speed) else float(speed))
        if key not in known:
            request = Request(at=AT, class_=str(class_), groups=frozenset({group} - {""}), speed_kmh=key[2])
            known[key] = not decide(rule_set, request, WHERE).permitted
        refused.append(known[key])
    return np.array(refused)


def expected(vehicles: float) -> float:
    """The rate at which the limit cuts legitimate terminals, by formula."""
    faster = (1.0 - erf((LIMIT_KMH - SPEED_KMH) / SPREAD_KMH / sqrt(2.0))) / 2.0
    kept = vehicles * EMERGENCY
    return SILENT * (1.0 - kept) + (1.0 - SILENT) * (vehicles - kept) * MOVES * faster


def rule_sets() -> dict[str, RuleSet]:
    """What is tried."""
    files = {"limit": ["anybody", "speed-limit"], "list": ["allow-list"], "both": ["allow-list", "speed-limit"]}
    return {name: read_rules([RULES / f"{one}.toml" for one in those]) for name, those in files.items()}


def rows() -> list[dict[str, float]]:
    """Shares of legitimate terminals that are cut, and of the others that are not, by share of vehicles."""
    found = []
    for vehicles in SHARES:
        terminals = fleet(vehicles)
        row = {"vehicles": vehicles, "formula": expected(vehicles)}
        for name, rule_set in rule_sets().items():
            refused = cut(rule_set, terminals)
            row[name] = float(refused[terminals.legitimate].mean())
            row[f"{name}, others served"] = float((~refused[~terminals.legitimate]).mean())
        found.append(row)
    return found


def write(terminals: Fleet, target: Path) -> None:
    """The fleet as a table for `openleo policy`; all stand at one place."""
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", "class", "groups", "lat_deg", "lon_deg", "uncertainty_m", "speed_kmh"))
        for one, class_, group, speed in zip(
            terminals.id, terminals.class_, terminals.group, terminals.speed_kmh, strict=True
        ):
            table.writerow((one, class_, group or ";", 49.0, 31.5, 30, "" if np.isnan(speed) else f"{speed:.3f}"))


def draw(found: list[dict[str, float]], target: Path) -> None:
    """Rates over the share of vehicles."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0))
    axes: Any = figure.add_axes((0.1, 0.13, 0.86, 0.7))
    percent = [100.0 * row["vehicles"] for row in found]
    for name, colour, said in (
        ("both", "#000000", "limit and allow-list"),
        ("list", "#009e73", "allow-list"),
        ("limit", "#d55e00", "75 km/h limit"),
    ):
        axes.plot(percent, [100.0 * row[name] for row in found], "o-", color=colour, label=said)
    axes.plot(percent, [100.0 * row["formula"] for row in found], "--", color="#d55e00", label="limit, by formula")
    axes.set_xlabel("legitimate terminals on vehicles (%)")
    axes.set_ylabel("legitimate terminals cut (%)")
    axes.set_ylim(bottom=0.0)
    axes.grid(color="0.9")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.1, 0.92, "Legitimate terminals cut, of a synthetic fleet", fontsize=14, fontweight="bold")
    figure.text(
        0.1, 0.87, "At one instant; every figure of the fleet is assumed, the quotas are reported", color="0.35"
    )
    figure.savefig(target, dpi=120)


def main() -> None:
    """Print the table; write what the command line asks for."""
    words = argparse.ArgumentParser(description="Rates of legitimate terminals cut by a speed limit and an allow-list.")
    words.add_argument("--out", type=Path, metavar="F.csv", help="the fleet with 20 %% on vehicles")
    words.add_argument("--picture", type=Path, metavar="F.png")
    said = words.parse_args()
    found = rows()
    terminals = fleet(0.2)
    print(f"{terminals.legitimate.sum():,} legitimate terminals and {(~terminals.legitimate).sum()} others, synthetic")
    held, granted = enrolment(np.random.default_rng(SEED))
    over = len(granted.refused)
    missing = len(held) - len(granted.terminals)
    print(f"not on the allow-list: {missing:,} of them, {over:,} over a quota and {missing - over:,} not asked for")
    print("vehicles   limit  formula    list    both   others served: limit   list   both")
    for row in found:
        own = f"{row['limit']:8.2%} {row['formula']:8.2%} {row['list']:7.2%} {row['both']:7.2%}"
        left = f"{row['limit, others served']:6.1%} {row['list, others served']:6.1%} {row['both, others served']:6.1%}"
        print(f"{row['vehicles']:8.0%}{own}                  {left}")
    if said.out:
        write(terminals, said.out)
    if said.picture:
        draw(found, said.picture)


if __name__ == "__main__":
    main()
