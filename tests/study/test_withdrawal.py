"""What is left when things are withdrawn: as a plan of a scenario that is written so by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import withdrawals
from command_line import openleo
from openleo.errors import InputError
from openleo.places.areas import parts_of
from openleo.results import Case, compute
from openleo.scenario import Scenario
from openleo.service.statistics import quantile_ms
from openleo.study.served import check_alike, record, shares, weights
from openleo.study.withdrawal import Cable, Thing, Withdrawal, outages_of, things_of, withdrawn, without

CABLES = (
    Cable("one", gateways=("Islands", "Middle"), pops=("Alpha",)),
    Cable("two", gateways=("Middle", "South")),
)


def rows_of(case: Case) -> list[tuple[object, ...]]:
    """What a run gives of each territory, to the last digit."""
    return [(row.territory, row.served, row.rtt_ms_p50, row.not_served_because) for row in compute(case).territories]


def by_hand(path: Path, **options: object) -> list[tuple[object, ...]]:
    return rows_of(Scenario.load(withdrawals.written(path, **options)).case)  # type: ignore[arg-type]


def out(kind: str, *names: str) -> str:
    return "".join(f'[[failures.out]]\nkind = "{kind}"\nname = "{name}"\n' for name in names)


@pytest.mark.parametrize(
    ("things", "written"),
    [
        ((Thing("isls"),), {"isl": "none"}),
        ((Thing("country", "JPN"),), {"lacks": ("North", "Islands")}),
        ((Thing("isls"), Thing("country", "JPN")), {"isl": "none", "lacks": ("North", "Islands")}),
        ((Thing("gateway", "Middle"),), {"more": out("gateway", "Middle")}),
        ((Thing("pop", "Beta"),), {"lacks": ("Beta",)}),
        ((Thing("plane", "low p3"), Thing("plane", "high p0")), {"more": out("plane", "low p3", "high p0")}),
        ((Thing("shell", "low"),), {"shells": ("high",)}),
        ((Thing("isls"), Thing("shell", "high")), {"isl": "none", "shells": ("low",)}),
        ((Thing("cable", "two"), Thing("isls")), {"isl": "none", "lacks": ("South",)}),
        ((Thing("cable", "one"), Thing("cable", "two")), {"lacks": ("South", "Middle", "Islands", "Alpha")}),
    ],
    ids=lambda one: " + ".join(map(str, one)) if isinstance(one, tuple) else "",
)
def test_a_withdrawal_agrees_with_a_scenario_written_by_hand(things, written, tmp_path):
    left = withdrawn({"one": withdrawals.case()}, things, CABLES)["one"]
    assert rows_of(left) == by_hand(tmp_path, **written)


@pytest.mark.slow
def test_only_foreign_gateways_without_links_agree_with_openleo_plan(tmp_path):
    # All gateways of the shipped list that reach Taiwan stand abroad; of two countries, one is withdrawn.
    text = """
name = "foreign"
start = 2026-11-20T00:00:00Z
duration = "10m"
[constellation]
catalogue = "starlink-gen1"
isl = "{isl}"
[ground]
area = ["TWN", "kinmen", "matsu"]
gateways = "{gateways}"
pops = "starlink-2026"
"""
    (tmp_path / "all.toml").write_text(text.format(isl="+grid", gateways="starlink-2026"))
    case = Scenario.load(tmp_path / "all.toml").case
    rows = [("name", "lat_deg", "lon_deg", "territory")]
    stations = case.network.gateways.stations
    rows += [(o.name, o.latitude_deg, o.longitude_deg, o.territory) for o in stations if o.territory != "PHL"]
    (tmp_path / "foreign.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    (tmp_path / "foreign.toml").write_text(text.format(isl="none", gateways="foreign.csv"))
    code, _, err = openleo("plan", tmp_path / "foreign.toml", "--out", tmp_path / "out")
    assert code == 0, err
    planned = json.loads((tmp_path / "out" / "summary.json").read_text())["territories"]
    left = without(case, [Thing("isls"), Thing("country", "PHL")])
    found = shares({"one": left}, parts_of(case.area, case.resolution))
    assert [(one.territory, one.served, one.rtt_ms_p50) for one in found] == [
        (row["territory"], row["served"], row["rtt_ms_p50"]) for row in planned
    ]
    assert 0.0 < found[0].served < 1.0  # neither trivial


def test_what_is_out_stays_out_and_inputs_tell_cases_apart():
    case = withdrawals.case(more=out("gateway", "South"))
    left = without(case, [Thing("gateway", "Middle")])
    assert {one.name for one in left.network.failures.outages} == {"South", "Middle"}
    assert left.network_sha256 != case.network_sha256 != without(case, [Thing("isls")]).network_sha256
    assert without(case, [Thing("shell", "no such")]) == replace(case, compare=None)


def test_a_station_on_two_cables_is_out_when_both_are():
    network = withdrawals.case().network
    one, two = Thing("cable", "one"), Thing("cable", "two")
    assert {o.name for o in outages_of(network, [one], CABLES)} == {"Islands", "Alpha"}
    assert {o.name for o in outages_of(network, [two], CABLES)} == {"South"}
    assert {o.name for o in outages_of(network, [one, two], CABLES)} == {"Islands", "Middle", "South", "Alpha"}


def test_what_can_be_withdrawn_is_listed_and_what_is_not_there_is_refused_together():
    cases = {"one": withdrawals.case()}
    assert [thing.name for thing in things_of(cases, "country")] == ["AUS", "JPN", "PHL", "VNM"]
    assert [thing.name for thing in things_of(cases, "shell")] == ["high", "low"]
    assert len(things_of(cases, "plane")) == 20
    assert things_of({"one": withdrawals.case(isl="none")}, "isls") == ()
    wrong = [Thing("country", "KOR"), Thing("gateway", "Sout"), Thing("pop", "Gamma"), Thing("cable", "none")]
    with pytest.raises(InputError) as error:
        withdrawn(cases, wrong, file="study.toml", where="withdraw")
    said = [str(problem) for problem in error.value.problems]
    assert len(said) == 4
    assert "no working gateway in KOR" in said[0]
    assert "Did you mean South?" in said[1]
    assert Withdrawal("x", (Thing("isls"), Thing("pop", "Beta"))).kind == "several"
    assert Withdrawal.of(Thing("country", "JPN")).name == "gateways of JPN"


def test_several_operators_serve_whom_any_of_them_serves_cell_by_cell_and_slot_by_slot():
    low, high = withdrawals.case(isl="none", shells=("low",)), withdrawals.case(isl="none", shells=("high",))
    parts = parts_of(low.area, low.resolution)
    records = [record(case, parts) for case in (low, high)]
    found = shares({"low": low, "high": high}, parts)
    for one in found:
        weight = weights(parts, one.territory)
        served, counted = 0.0, []
        for slot in range(low.grid.slots):
            for part in np.flatnonzero(weight):
                rtts = [r.rtt_ms[slot, part] for r in records if r.served[slot, part]]
                served += weight[part] / low.grid.slots if rtts else 0.0
                counted += [(float(min(rtts)), weight[part])] if rtts else []
        assert one.served == pytest.approx(served, abs=1e-6)
        middle = sorted(counted)
        reached = np.cumsum([w for _, w in middle])
        median = middle[int(np.searchsorted(reached, reached[-1] / 2))][0]
        assert one.rtt_ms_p50 == pytest.approx(median, abs=0.06)  # half a bin of round trips, and rounding
    alone = [shares({"one": case}, parts) for case in (low, high)]
    assert all(u.served >= max(a.served, b.served) for u, a, b in zip(found, *alone, strict=True))
    assert any(u.served > max(a.served, b.served) for u, a, b in zip(found, *alone, strict=True))


def test_an_operator_joined_with_itself_is_itself_and_none_serves_nobody():
    case = withdrawals.case(isl="none", shells=("high",))
    parts = parts_of(case.area, case.resolution)
    assert shares({"a": case, "b": case}, parts) == shares({"a": case}, parts)
    nobody = shares({}, parts)
    assert {one.served for one in nobody} == {0.0}
    assert {one.rtt_ms_p50 for one in nobody} == {None}
    assert quantile_ms(np.zeros((1, 4))[0], 0.5) is None


def test_operators_that_cannot_be_joined_are_refused():
    case = withdrawals.case()
    other = replace(case, resolution=4, grid=replace(case.grid, slots=3))
    with pytest.raises(InputError, match="has another resolution than a") as error:
        check_alike({"a": case, "b": other}, "study.toml")
    assert len(error.value.problems) == 2
