"""`[capacity]` and `[demand]` of a scenario file: what they become, what is refused, and what changes a fingerprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.capacity_file import CapacityRecord
from openleo.errors import InputError
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.feeders import feeder_rates
from openleo.network.capacity.rain_grid import climate
from openleo.places.areas import parts_of
from openleo.places.territories import territories
from openleo.scenario import Scenario
from openleo.scenario_capacity import IN_TOWNS, income, limits_of
from openleo.service.rates import demand_of, loaded_with

HEAD = """name = "x"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = "TON"
"""
CELL = h3cells.text(np.array([h3cells.at(-21.14, -175.2, 4)]))[0]


@pytest.fixture
def case_of(tmp_path):
    def read(rest: str = "", head: str = HEAD, **files: str):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
        (tmp_path / "scenario.toml").write_text(head + rest, encoding="utf-8")
        return Scenario.load(tmp_path / "scenario.toml").case

    return read


@pytest.fixture
def refusal(case_of, tmp_path):
    def said(rest: str, **files: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            case_of(rest, **files)
        return sorted(str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems)

    return said


def test_by_default_nobody_shares_the_network(case_of):
    case = case_of()
    assert case.capacity is None
    assert "capacity" not in case.network_document
    without = case_of("[demand]\nfactor = 2\n")
    assert without.network_sha256 == case.network_sha256
    said = "no effect: without `enabled = true` in [capacity] everybody is alone."
    assert [note for note in without.notes if "effect" in note] == [f"[demand] has {said}"]
    both = case_of("[demand]\nfactor = 2\n[capacity]\nenabled = false\nchannels = 2\n")
    assert [note for note in both.notes if "effect" in note] == [f"[capacity] and [demand] have {said}"]
    assert case_of("[capacity]\nenabled = false\n").notes == case.notes


def test_reach_is_the_same_whoever_asks_for_what(case_of):
    """So that what was computed of it is found again; a radio or a demand is none of its inputs."""
    case = case_of()
    others = [
        case_of("[capacity]\nenabled = true\n"),
        case_of("[capacity]\nenabled = true\n[demand]\nfactor = 2\n"),
        case_of(
            '[capacity]\nenabled = true\n[demand]\ntable = "d.csv"\n', d__csv=f"cell,down_mbps,up_mbps\n{CELL},1,1\n"
        ),
    ]
    assert {one.reach_sha256 for one in others} == {case.reach_sha256}
    assert len({one.network_sha256 for one in [case, *others]}) == 4
    assert case_of("[links]\nuser_elevation_deg = 30\n").reach_sha256 != case.reach_sha256


def test_capacity_goes_by_common_ways_whatever_pop_serves(case_of):
    served = HEAD.replace('area = "TON"\n', 'area = "TON"\nserving_pops = "starlink-2026"\n')
    on = case_of(rest="[capacity]\nenabled = true\n", head=served)
    assert [note for note in on.notes if note.startswith("Capacity is computed over common ways")]
    assert not [note for note in case_of("[capacity]\nenabled = true\n").notes if "common ways" in note]


def test_the_radios_numbers_hold_where_nothing_is_said(case_of):
    capacity = case_of("[capacity]\nenabled = true\n").capacity
    caps = capacity.caps()
    assert (caps.beams, caps.channels, caps.shares, caps.interference_deg) == (48, 8, 4, 5.0)
    assert (caps.satellite_down_mbps, caps.satellite_up_mbps, caps.isl_mbps) == (18_000.0, 6_000.0, 100_000.0)
    assert (caps.terminal_down_mbps, caps.terminal_up_mbps) == (400.0, 40.0)
    assert np.isinf([caps.cell_down_mbps, caps.pop_down_mbps, caps.site_down_mbps]).all()
    assert (capacity.objective, capacity.keep, capacity.every_slots, capacity.percent) == ("max_min", 0.1, None, 0.5)
    assert capacity.rate_slots == 8
    assert [capacity.computed_every(slots) for slots in (40, 96, 97, 5760)] == [1, 1, 2, 60]
    assert capacity.demand.penetration.known["KEN"] == 16_700.0
    assert capacity.demand.each.down_mbps == 3.0


def test_ways_enter_the_fingerprint_of_the_network_and_not_of_reach(case_of):
    spread, said, shortest = (
        case_of(f"[capacity]\nenabled = true\n{ways}\n")
        for ways in ("", 'ways = "least_load"', 'ways = "shortest"')
    )  # fmt: skip
    assert spread.network_sha256 == said.network_sha256 != shortest.network_sha256
    assert shortest.reach_sha256 == spread.reach_sha256
    assert spread.capacity.ways == "least_load"


def test_every_limit_can_be_stated(case_of):
    names = [name for name in CapacityRecord.model_fields if "mbps" in name]
    rest = "[capacity]\nenabled = true\nbeams_per_satellite = 7\nchannels = 5\ntime_shares = 3\ninterference_deg = 0\n"
    rest += "".join(f"{name} = {number + 1}\n" for number, name in enumerate(names))
    caps = case_of(rest).capacity.caps()
    assert (caps.beams, caps.channels, caps.shares, caps.interference_deg) == (7, 5, 3, 0.0)
    assert [getattr(caps, name) for name in names] == [number + 1.0 for number in range(len(names))]
    fields = {name for name in Caps.__dataclass_fields__ if name.endswith("_mbps")}
    assert fields == set(names)  # no limit of `Caps` without a key
    assert set(limits_of(CapacityRecord())) == {"shares", "interference_deg", "isl_mbps"}


CHANGES = (
    'satellite_radio = "starlink-v2-mini"', 'terminal = "portable"', 'gateway_radio = "ka-1.85m"', "percent = 1",
    "beams_per_satellite = 20", "time_shares = 8", "interference_deg = 4", "isl_mbps = 5000", "pop_up_mbps = 3",
    'objective = "total"', "hysteresis = 0.2", "every_slots = 4", "rate_slots = 2",
    'radio_of_shell = {"550-53.0" = "starlink-v2-mini"}',
    "[demand]\npenetration = 0.002", "[demand]\nfactor = 2", '[demand]\nsubscriptions = "none"',
    "[demand]\nin_towns = 1", "[demand]\nbusy_hour_mbps_down = 2", "[demand]\nbusy_hour_mbps_up = 2",
    "[demand]\nplan_mbps_down = 100\nplan_mbps_up = 20\noversubscription = 20", '[demand]\ncurve = "flat"',
    '[[demand.class]]\nname = "homes"\nshare = 1.0',
)  # fmt: skip


@pytest.mark.slow
def test_whatever_changes_rates_changes_the_fingerprint(case_of):
    on = "[capacity]\nenabled = true\n"
    found = [case_of().network_sha256, case_of(on).network_sha256]
    found += [case_of(f"{on}{change}\n").network_sha256 for change in CHANGES]
    assert len(set(found)) == len(CHANGES) + 2
    assert case_of(on).network_sha256 == found[1]


def test_a_plan_in_place_of_the_busy_hour(case_of):
    rest = "[capacity]\nenabled = true\n[demand]\nplan_mbps_down = 100\nplan_mbps_up = 20\noversubscription = 20\n"
    each = case_of(rest).capacity.demand.each
    assert (each.down_mbps, each.up_mbps) == (5.0, 1.0)


def test_emergency_comes_first(case_of):
    classes = '[[demand.class]]\nname = "homes"\nshare = 0.99\n[[demand.class]]\nname = "emergency"\nshare = 0.01\n'
    made = case_of(f"[capacity]\nenabled = true\n{classes}").capacity.demand.classes
    assert [(one.name, one.priority) for one in made] == [("homes", 1), ("emergency", 0)]


def test_terminals_beside_subscribers(case_of):
    rest = '[capacity]\nenabled = true\n[demand]\nsubscriptions = "none"\npenetration = 0\nterminals = "t.csv"\n'
    table = "id,class,lat_deg,lon_deg\na,fixed,-21.14,-175.2\nb,emergency,-21.14,-175.2\nc,fixed,50,10\n"
    case = case_of(rest, t__csv=table)
    asked, left_out = case.capacity.demand_of(parts_of(case.area, case.resolution, ()))
    assert left_out == 1
    assert [one.name for one in asked.classes] == ["everybody", "emergency"]
    assert asked.subscribers.sum(axis=0).tolist() == [1.0, 1.0]


def test_a_table_by_cell_stands_in_the_subscribers_place(case_of):
    cell = h3cells.text(np.array([h3cells.at(-21.14, -175.2, 4)]))[0]
    rest = '[capacity]\nenabled = true\n[demand]\ntable = "d.csv"\n'
    case = case_of(rest, d__csv=f"cell,down_mbps,up_mbps\n{cell},100,10\n")
    asked, _ = case.capacity.demand_of(parts_of(case.area, case.resolution, ()))
    assert asked.down_mbps.sum() == 100.0
    assert case.inputs["demand"].source == "d.csv"
    other = case_of(rest, d__csv=f"cell,down_mbps,up_mbps\n{cell},101,10\n")
    assert other.network_sha256 != case.network_sha256


def test_every_fault_at_once(refusal):
    rest = (
        '[capacity]\nenabled = true\nsatellite_radio = "starlink-v3"\nterminal = "dish"\nradios = "r.toml"\n'
        '[demand]\nplan_mbps_up = 3\nbusy_hour_mbps_up = 1\ncurve = "none.csv"\nsubscriptions = "s.csv"\n'
        '[[demand.class]]\nname = "a"\nshare = 0.7\n[[demand.class]]\nname = "a"\nshare = 0.7\n'
    )
    told = refusal(rest, s__csv="territory,subscribers\nTON,-4\n", r__toml="schema = 1\n")
    assert told == [
        'none.csv: there is no such file. Check the path. Embedded: "evening", "flat".',
        "s.csv: line 2, subscribers: is -4; it must be at least 0.",
        (
            'scenario.toml: capacity.satellite_radio: there is no radio "starlink-v3". Did you mean starlink-v1 or '
            "starlink-v2-mini?"
        ),
        'scenario.toml: capacity.terminal: there is no radio "dish". Did you mean dish-70cm?',
        "scenario.toml: demand: has classes whose shares make 1.4; they make 1 together.",
        'scenario.toml: demand: has two classes "a".',
        (
            "scenario.toml: demand: lacks plan_mbps_down and oversubscription; plan_mbps_down, plan_mbps_up and "
            "oversubscription go together."
        ),
    ]


def test_a_plan_and_a_busy_hour_are_two_sayings(refusal):
    rest = "plan_mbps_down = 100\nplan_mbps_up = 20\noversubscription = 20\nbusy_hour_mbps_up = 1\n"
    assert refusal(f"[capacity]\nenabled = true\n[demand]\n{rest}") == [
        "scenario.toml: demand: has busy_hour_mbps_up beside a plan; leave out one of the two."
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("percent", "0"), ("time_shares", "0"), ("time_shares", "33"), ("isl_mbps", "-1"), ("objective", '"fair"'),
     ("hysteresis", "nan"), ("beams_per_satellite", "-1"), ("interference_deg", "181"), ("every_slots", "0"),
     ("rate_slots", "0")],
)  # fmt: skip
def test_values_out_of_bounds(refusal, key, value):
    assert [one.split(":")[1] for one in refusal(f"[capacity]\nenabled = true\n{key} = {value}\n")] == [
        f" capacity.{key}"
    ]


def test_rates_are_not_of_pairs(tmp_path):
    from openleo.scenario import load_pairs

    (tmp_path / "s.toml").write_text('conventions = "hypatia"\n' + HEAD + "[capacity]\nenabled = true\n")
    with pytest.raises(InputError, match=r"capacity\.enabled: is not honoured"):
        load_pairs(Path(tmp_path / "s.toml"))


def test_economies_by_income(case_of):
    known = income()
    assert set(known) <= set(territories())
    assert set(known.values()) <= set(IN_TOWNS)
    assert {known[name] for name in ("NGA", "KEN", "ZWE", "PHL")} == {"lower-middle"}
    assert {known[name] for name in ("GBR", "USA", "CHL", "JPN")} == {"high"}
    assert not {"BRA", "MEX", "IDN"} & set(known)
    penetration = case_of("[capacity]\nenabled = true\n").capacity.demand.penetration
    assert (penetration.in_towns["GBR"], penetration.in_towns["KEN"], penetration.in_towns_otherwise) == (
        0.02,
        2.5,
        0.2,
    )
    alike = case_of("[capacity]\nenabled = true\n[demand]\nin_towns = 1\n").capacity.demand.penetration
    assert (alike.in_towns, alike.in_towns_otherwise) == ({}, 1.0)


RULES = """schema = 1
book = "operator"
[[rule]]
id = "everywhere"
effect = "permit"
territory = { in = "world" }
authority = "an operator"
reason = "an example"
"""
WITHOUT_BRAZIL = """
[[rule]]
id = "no-gateways"
effect = "forbid"
territory = { in = "BRA" }
applies_to = "gateway"
emergency = "cut"
authority = "a regulator"
reason = "an example"
"""


def test_gateways_that_rules_withhold_carry_nothing(tmp_path):
    """Two networks, then: each is computed on its own, and what it gives joined with the rules that make it."""
    (tmp_path / "before.toml").write_text(RULES)
    (tmp_path / "after.toml").write_text(RULES + WITHOUT_BRAZIL)
    text = HEAD.replace("TON", "URY").replace("shell1", "gen1").replace("area =", 'gateways = "starlink-2026"\narea =')
    text += "[capacity]\nenabled = true\n[demand]\npenetration = 0.02\n"
    text += '[policy]\nrules = "before.toml"\ncompare = "after.toml"\n'
    (tmp_path / "scenario.toml").write_text(text)
    results = Scenario.load(tmp_path / "scenario.toml").first_slots(2).run(threads=1)
    assert results.compared is not None
    before, after = results.service.rates, results.compared.rates
    assert before is not None
    assert after is not None
    brazilian = np.array([one.territory == "BRA" for one in results.case.network.gateways.stations])
    assert before.tally.gateway_down_mbps[brazilian].sum() > 0.0
    assert after.tally.gateway_down_mbps[brazilian].sum() == 0.0
    assert after.tally.gateway_down_mbps.sum() == pytest.approx(after.tally.rate_down_mbps.sum())
    assert results.seconds["capacity"] > 0.0


def test_antennas_of_gateways_limit_their_sites(case_of):
    case = case_of("[links]\ngateway_antennas = 3\n[capacity]\nenabled = true\n")
    parts = parts_of(case.area, case.resolution, ())
    made = loaded_with(case.capacity, case.network, parts, case.capacity.demand_of(parts)[0])
    assert made.feeders is not None
    antennas = np.array(case.network.limits.gateway_antennas)  # where the list has none of its own, three
    assert antennas.min() == 3
    assert made.caps.site_down_mbps == pytest.approx(antennas * made.feeders.up_mbps.max(axis=(0, 2)))


def test_terminals_of_a_list_that_lie_elsewhere_are_told(case_of):
    rest = '[capacity]\nenabled = true\n[demand]\nterminals = "t.csv"\n'
    case = case_of(rest, t__csv="id,class,lat_deg,lon_deg\na,fixed,-21.14,-175.2\nc,fixed,50,10\n")
    _, said = demand_of(case.capacity, parts_of(case.area, case.resolution, ()))
    assert said == ("Of [demand] terminals 1 lies in no cell of the run and asks for nothing.",)


@pytest.mark.slow
def test_a_second_site_takes_over_in_rain(case_of):
    """The feeder links of a run are those of `feeder_rates`, whose authority is P.618-13: more in the wet tropics."""
    text = "[capacity]\nenabled = true\npercent = 0.1\n{}"
    alone, two = (case_of(text.format(rest)) for rest in ("", "other_site_km = 50\n"))
    assert alone.capacity.sha256 != two.capacity.sha256
    gateways, altitude = two.network.gateways, [550.0]
    found = [one.capacity.feeders(gateways, altitude, 25.0) for one in (alone, two)]
    sky = climate(gateways.latitude_deg, gateways.longitude_deg)
    by_hand = feeder_rates(two.capacity.satellite, two.capacity.gateway, sky, altitude, 0.1, 50.0, first_deg=25.0)
    assert found[1].up_mbps.tobytes() == by_hand.up_mbps.tobytes()
    wettest = int(sky.r001_mm_h.argmax())
    assert found[1].site_percent[wettest] > 0.2
    assert found[1].up_mbps[:, wettest].mean() > 1.2 * found[0].up_mbps[:, wettest].mean()
    assert (found[1].up_mbps >= found[0].up_mbps - 1e-3).all()
