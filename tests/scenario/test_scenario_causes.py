"""The causes' tables of a scenario: what they put out of order, what is said of it, and every fault at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.governance.roster import LEASE_SLOTS_MAX
from openleo.scenario import Scenario
from openleo.scenario_causes import LEASE_SLOTS

HEAD = """
name = "t"
start = 2026-11-20T00:00:00Z
duration = "10m"
slot = 60
[constellation]
isl = "none"
[[constellation.shell]]
name = "s"
altitude_km = 550
inclination_deg = 53
planes = 24
per_plane = 22
[ground]
area = ["TWN"]
resolution = 3
"""


def load(folder: Path, tables: str, head: str = HEAD) -> Scenario:
    (folder / "s.toml").write_text(head + tables)
    return Scenario.load(folder / "s.toml")


def served(folder: Path, tables: str, head: str = HEAD) -> float:
    territories = load(folder, tables, head).run(threads=1).summary()["territories"]
    return float(next(row for row in territories if row["territory"] == "TWN")["served"])


def notes(scenario: Scenario, begin: str) -> list[str]:
    return [one for one in scenario.case.notes if one.startswith(begin)]


def outages(scenario: Scenario) -> list[tuple[str, str, object, object]]:
    return [(one.kind, one.name, one.begin, one.end) for one in scenario.case.network.failures.outages]


def test_lease_slots_are_the_controllers() -> None:
    assert LEASE_SLOTS == LEASE_SLOTS_MAX


def test_each_cause_is_told(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
[failures.storm]
seed = 1
below_km = 560
share = 0.25
[failures.debris]
planes = ["s p3"]
within_km = 5
share = 0.1
[failures.targeted]
kind = "gateway"
number = 2
by = "people"
until = 2026-11-20T00:05:00Z
[[failures.region]]
centre_lat_deg = 35.7
centre_lon_deg = 139.7
radius_km = 900
hours_of_reserve = 4
from = 2026-11-19T21:00:00Z
[[failures.control]]
from = 2026-11-20T00:02:00Z
until = 2026-11-20T00:08:00Z
""",
    )
    (storm,) = notes(found, "Out of order by a solar storm")
    assert "of the 528 satellites below 560 km (shares are the scenario's, no drag is computed)" in storm
    (debris,) = notes(found, "Out of order by debris")
    assert "plane s p3" in debris
    (aimed,) = notes(found, "Out of order by intent until 2026-11-20T00:05:00Z: 2 gateways over which most people run")
    assert "Angeles" in aimed
    (power,) = notes(found, "Out of order by a power region from 2026-11-20T01:00:00Z")
    assert "PoP" in power
    (down,) = notes(found, "The control plane is down")
    assert "leases go on for 240 s" in down
    assert "from 2026-11-20T00:06:00Z until 2026-11-20T00:08:00Z" in down
    assert "failures" in found.case.inputs


def test_a_software_outage_ends_service_with_the_leases_and_no_reach_from_orbit(tmp_path: Path) -> None:
    down = '[[failures.control]]\nfrom = 2026-11-20T00:02:00Z\nuntil = 2026-11-20T00:08:00Z\nleases_s = "1m"\n'
    row = load(tmp_path, down).run(threads=1).summary()["territories"][0]
    before = load(tmp_path, "").run(threads=1).summary()["territories"][0]
    sees = 1.0 - before["not_served_because"]["no_satellite"]
    assert row["not_served_because"]["no_satellite"] == before["not_served_because"]["no_satellite"]
    assert row["not_served_because"]["no_gateway"] >= 0.5 * sees - 1e-9  # five of ten slots
    assert row["served"] <= 0.5


def test_a_cause_gives_the_run_of_its_outages_listed_by_hand(tmp_path: Path) -> None:
    by_cause = load(tmp_path, '[[failures.region]]\nterritories = ["PHL"]\n')
    listed = "".join(f'[[failures.out]]\nkind = "{k}"\nname = "{n}"\n' for k, n, *_ in outages(by_cause))
    by_hand = load(tmp_path, listed)
    assert outages(by_cause) == outages(by_hand)
    assert by_cause.case.inputs["failures"].sha256 == by_hand.case.inputs["failures"].sha256
    assert by_cause.run(threads=1).summary()["territories"] == by_hand.run(threads=1).summary()["territories"]


@pytest.mark.parametrize("kind", ["gateway", "pop", "plane"])
def test_step_by_step_takes_who_stands_in(tmp_path: Path, kind: str) -> None:
    aim = f'[failures.targeted]\nkind = "{kind}"\nby = "people"\nstep_by_step = true\nslots = 2\n'
    first, second = (outages(load(tmp_path, f"{aim}number = {number}\n")) for number in (1, 2))
    assert second[:1] == first
    by_hand = f'[[failures.out]]\nkind = "{kind}"\nname = "{second[0][1]}"\n'
    alone = f'[[failures.out]]\nkind = "{kind}"\nname = "{second[1][1]}"\n'
    assert outages(load(tmp_path, by_hand + alone)) == second


def test_targeted_gateways_lose_at_least_the_median_of_random_ones(tmp_path: Path) -> None:
    short = HEAD.replace("slot = 60", "slot = 150")
    aimed = served(
        tmp_path, '[failures.targeted]\nkind = "gateway"\nnumber = 3\nby = "people"\nstep_by_step = true\n', short
    )
    near = [one.name for one in load(tmp_path, "").case.network.gateways.stations if one.territory in ("PHL", "JPN")]
    chance = []
    for seed in range(5):
        three = random.Random(seed).sample(near, 3)
        listed = "".join(f'[[failures.out]]\nkind = "gateway"\nname = "{name}"\n' for name in three)
        chance.append(served(tmp_path, listed, short))
    assert aimed <= sorted(chance)[2]
    assert aimed < served(tmp_path, "", short)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("[failures.storm]\nseed = 1\n", "needs either below_km and share, or bands."),
        (
            "[failures.storm]\nseed = 1\nbands = [{below_km = 500, share = 0.1}, {below_km = 350, share = 0.9}]\n",
            "has bands below 500, 350 km; write them the lowest first.",
        ),
        ("[failures.storm]\nseed = 1\nbelow = 3\n", "below"),
        ('[failures.debris]\nplanes = ["s p33"]\n', 'there is no plane "s p33". Did you mean s p3'),
        ("[failures.debris]\nnumber = 30\n", "is 30, and there are 24 planes."),
        ("[failures.debris]\n", "needs either planes by name or a number of them."),
        ("[failures.debris]\nnumber = 1\nshare = 0.5\n", "needs within_km and share together, or neither."),
        ('[failures.targeted]\nkind = "gateway"\n', "needs either a number or a share."),
        ('[failures.targeted]\nkind = "pop"\nshare = 0.1\nstep_by_step = true\n', "takes a number of at most 50."),
        ("[[failures.region]]\ncentre_lat_deg = 1\ncentre_lon_deg = 1\nradius_km = 0\n", "radius_km"),
        ("[[failures.region]]\nradius_km = 10\n", "needs either centre_lat_deg, centre_lon_deg and radius_km, or"),
        ('[[failures.region]]\nterritories = ["TAW"]\n', 'there is no territory "TAW"'),
        (
            "[[failures.control]]\nfrom = 2026-11-20T00:00:00Z\nuntil = 2026-11-20T00:00:00Z\n",
            "ends before it begins; write an until after from.",
        ),
    ],
)
def test_faults(tmp_path: Path, tables: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, tables)
    assert said in str(raised.value)


def test_all_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, '[failures.storm]\nseed = 1\n[failures.debris]\n[[failures.region]]\nterritories = ["TAW"]\n')
    assert [one.where for one in raised.value.problems] == [
        "failures.storm",
        "failures.debris",
        "failures.region[0].territories",
    ]
