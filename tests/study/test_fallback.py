"""What carries a place's classes when its links are cut: reckoned by hand, whatever the figures, and out of runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import withdrawals
from openleo.errors import InputError
from openleo.network.capacity.demand_file import read_curve
from openleo.places.areas import parts_of
from openleo.report import fallback_plot, fallback_text
from openleo.results import compute
from openleo.scenario import Scenario
from openleo.study.fallback import (
    Cut,
    Link,
    Wanted,
    carried,
    cuts_of,
    fill,
    kbps,
    rows_of,
    terrestrial_room,
)
from openleo.study.fallback_file import read_fallback
from openleo.study.fallback_run import Fallback, FallbackStudy, Satellites, run, supply

START = datetime(2025, 1, 22, tzinfo=UTC)
CLASSES = (Wanted("government", 0.19), Wanted("hospitals", 0.285), Wanted("others", 9.025))
CABLES = (Link("first", "cable", 10.0, "invented"), Link("second", "cable", 10.0, "invented"))
LINKS = (*CABLES, Link("microwave", "microwave", 12.6, "press"))
CAPACITY = "[capacity]\nenabled = true\n"


def asked(*gbps: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """One slot."""
    return np.array([[kbps(one) for one in gbps]])


def room(gbps: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([kbps(gbps)])


def test_what_is_carried_as_by_hand() -> None:
    """Matsu's figures: 9.5 Gbit/s asked, of which satellites bring 1.56 when all else is out."""
    want = asked(*(one.gbps for one in CLASSES))
    cut = carried(want, room(0.0), room(1.56))
    assert cut.satellite.tolist() == [[190_000, 285_000, 1_085_000]]
    assert cut.lost.tolist() == [[0, 0, 7_940_000]]
    kept = carried(want, room(12.6), room(1.56))
    assert kept.terrestrial.tolist() == want.tolist()
    assert kept.satellite.sum() == kept.lost.sum() == 0
    part = carried(want, room(0.2), room(0.3))  # the second class is on both
    assert part.terrestrial.tolist() == [[190_000, 10_000, 0]]
    assert part.satellite.tolist() == [[0, 275_000, 25_000]]


def test_cases_and_what_is_left_on_the_ground() -> None:
    cuts = cuts_of(LINKS, [Cut("both cables", ("first", "second"), START + timedelta(hours=1))])
    assert [one.name for one in cuts] == ["nothing cut", "first", "second", "microwave", "all cut", "both cables"]
    instants = [START, START + timedelta(hours=1), START + timedelta(hours=2)]
    rooms = {one.name: terrestrial_room(LINKS, one, instants, 900.0).tolist() for one in cuts}
    assert rooms["nothing cut"] == [32_600_000] * 3
    assert rooms["all cut"] == [0] * 3
    assert rooms["both cables"] == [32_600_000, 12_600_000, 12_600_000]
    (over,) = cuts_of(LINKS[:1], [Cut("a while", ("first",), START, START + timedelta(hours=1))])[2:]
    assert terrestrial_room(LINKS[:1], over, instants, 900.0).tolist() == [0, 10_000_000, 10_000_000]


def test_rows_are_means_that_add_up() -> None:
    """Two slots of three with nothing: a third of the time, and a sum that thirds do not spoil."""
    want = np.repeat(asked(1.000001, 2.0), 3, axis=0)
    found = carried(want, np.array([kbps(9.0), 0, 0]), np.array([0, kbps(0.5), 0]))
    first, second = rows_of(Cut("so"), (Wanted("a", 1.000001), Wanted("b", 2.0)), found)
    assert first.whole == second.whole == pytest.approx(1 / 3, abs=1e-6)
    for row in (first, second):
        parts = row.terrestrial_gbps, row.satellite_gbps, row.lost_gbps
        assert kbps(row.asked_gbps) == sum(map(kbps, parts))
    assert second.terrestrial_gbps == pytest.approx(2 / 3, abs=1e-6)
    assert first.satellite_gbps == pytest.approx(0.5 / 3, abs=1e-6)


some_kbps = st.integers(0, 10**8)


@given(st.lists(some_kbps, min_size=1, max_size=6), some_kbps, some_kbps, some_kbps)
def test_whatever_the_figures(want: list[int], ground: int, satellite: int, more: int) -> None:
    """Sums hold; more room never carries less of any class; a class gets something only after all before it."""
    one = np.array([want])
    found = carried(one, np.array([ground]), np.array([satellite]))
    assert (found.terrestrial + found.satellite + found.lost == one).all()
    assert min(found.terrestrial.min(), found.satellite.min(), found.lost.min()) >= 0
    assert found.terrestrial.sum() <= ground
    assert found.satellite.sum() <= satellite
    assert (one - found.lost).sum() == min(sum(want), ground + satellite)
    got = (found.terrestrial + found.satellite)[0]
    for number in range(len(want)):
        if got[number]:
            assert got[:number].tolist() == want[:number]
    for other in (carried(one, np.array([ground + more]), np.array([satellite])),
                  carried(one, np.array([ground]), np.array([satellite + more]))):  # fmt: skip
        assert (other.lost <= found.lost).all()
    assert fill(one, np.array([ground])).tolist() == found.terrestrial.tolist()


def study(tmp_path: Path, **changed: Any) -> FallbackStudy:
    """Matsu under the small shells, with eight terminals."""
    case = withdrawals.case(slots=2, more=CAPACITY, shells=("low",))
    base = FallbackStudy("small", case, ("matsu",), CLASSES, "invented", LINKS, Satellites(8, 100.0))
    return replace(base, **changed)


def answered(one: FallbackStudy) -> Fallback:
    with ThreadPoolExecutor(1) as executor:
        return run(one, executor, threads=1)


@pytest.mark.slow
def test_satellites_bring_what_terminals_take_and_the_network_gives(tmp_path: Path) -> None:
    found = answered(study(tmp_path))
    cut = found.of("all cut")
    assert sum(row.satellite_gbps for row in cut) <= 0.8
    assert cut[0].satellite_gbps > 0.0
    assert found.on_the_ground("microwave")
    none = answered(study(tmp_path, satellites=Satellites(0)))
    assert [row.lost_gbps for row in none.of("all cut")] == [one.gbps for one in CLASSES]
    unbound = answered(study(tmp_path, satellites=Satellites()))
    brought = [sum(row.satellite_gbps for row in one.of("all cut")) for one in (none, found, unbound)]
    assert brought == sorted(brought)
    assert brought[2] > brought[1] > 0.0


@pytest.mark.slow
def test_a_cable_that_gateways_hang_on_takes_them_out_of_the_network(tmp_path: Path) -> None:
    """Cut, it leaves nothing for the satellites to land at; two cables to a gateway have to be cut both."""
    names = tuple(withdrawals.GATEWAYS)
    hangs = (replace(CABLES[0], gateways=names), CABLES[1])
    found = answered(study(tmp_path, links=hangs))
    could = {room.cut.name: room.satellite_gbps[0] for room in found.rooms}
    assert could["nothing cut"] == could["second"] > 0.0
    assert could["first"] == could["all cut"] == 0.0
    both = answered(study(tmp_path, links=tuple(replace(one, gateways=names) for one in CABLES)))
    assert {room.cut.name: room.satellite_gbps[0] > 0.0 for room in both.rooms} == {
        "nothing cut": True, "first": True, "second": True, "all cut": False,
    }  # fmt: skip
    begin = study(tmp_path).case.grid.instant(1)
    late = answered(study(tmp_path, links=hangs, together=(Cut("late", ("first",), begin),)))
    least = next(room.satellite_gbps for room in late.rooms if room.cut.name == "late")
    assert least[1] == 0.0 < least[0]
    assert len({room.network for room in late.rooms}) == 2


@pytest.mark.slow
def test_satellites_bring_what_a_plan_gives_to_cells_that_ask_for_as_much(tmp_path: Path) -> None:
    """The same demand, written by hand as a table of the scenario."""
    path = withdrawals.written(tmp_path, slots=3, shells=("low",), more=CAPACITY)
    path.write_text(path.read_text().replace('"TWN", "kinmen", "matsu"', '"matsu"'), encoding="utf-8")
    case = Scenario.load(path).case
    brought, begin_s = supply(case, parts_of(case.area, case.resolution, ()), Satellites(), kbps(9.5), 1)
    whole = compute(case)
    shares = whole.cell_table.population / whole.cell_table.population.sum()
    rows = [f"{cell},{9500 * share},0" for cell, share in zip(whole.to_xarray().cell.values, shares, strict=True)]
    (tmp_path / "asked.csv").write_text("\n".join(["cell,down_mbps,up_mbps", *rows]), encoding="utf-8")
    path.write_text(path.read_text() + '[demand]\ntable = "asked.csv"\ncurve = "flat"\n', encoding="utf-8")
    rates = compute(Scenario.load(path).case).service.rates
    assert rates is not None
    assert begin_s.tolist() == rates.tally.begin_s.tolist()
    assert brought / 1000.0 == pytest.approx(rates.tally.slot_given_down_mbps, abs=0.001)
    assert brought.max() > 0


@pytest.mark.slow
def test_the_time_of_day_counts_where_a_curve_is_given(tmp_path: Path) -> None:
    """Midnight in London is eight in the morning at Matsu."""
    curve = read_curve("evening", tmp_path)
    found = answered(study(tmp_path, curve=curve, satellites=Satellites(0)))
    assert found.rows[0].asked_gbps == pytest.approx(0.19 * float(curve.of_busiest(8.0)), rel=0.02)


FILE: dict[str, Any] = {
    "kind": "fallback",
    "name": "small",
    "scenario": "scenario.toml",
    "place": ["matsu"],
    "source": "invented",
    "class": [{"name": "government", "gbps": 0.2}, {"name": "others", "gbps": 9.3}],
    "link": [{"name": "cable", "gbps": 10.0, "source": "invented", "pops": ["Alpha"]}],
}


def faults(raw: dict[str, Any], path: Path) -> str:
    with pytest.raises(InputError) as raised:
        read_fallback(raw, path)
    return "\n".join(map(str, raised.value.problems))


def test_everything_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    withdrawals.written(tmp_path, slots=1, shells=("low",))
    path = tmp_path / "study.toml"
    told = faults(
        FILE
        | {
            "class": [{"name": "a", "share": 0.5}, {"name": "a", "gbps": 1.0}, {"name": "c"}],
            "link": [*FILE["link"], {"name": "cable", "gbps": 1.0, "source": "invented", "gateways": ["Nroth"]}],
            "together": [
                {"name": "all cut", "links": ["cabel"]},
                {"name": "back", "links": ["cable"], "from": START, "until": START - timedelta(hours=1)},
                {"name": "none", "links": []},
            ],
            "curve": "morning.csv",
            "place": ["matsoo"],
        },
        path,
    )
    for said in (
        "matsoo", 'two classes are called "a"', '"c" needs gbps, or share', "is missing, and classes are shares",
        "some have gbps",
        'two links are called "cable"', 'no gateway "Nroth"', "North", 'another case is called "all cut"',
        'no link "cabel"', "is not after from", "names no link", "morning.csv", "has no capacity",
    ):  # fmt: skip
        assert said in told, said


def test_a_file_reads_as_it_says(tmp_path: Path) -> None:
    withdrawals.written(tmp_path, slots=2, shells=("low",), more=CAPACITY)
    path = tmp_path / "study.toml"
    read = read_fallback(FILE | {"slots": 1, "satellite": {"terminals": 8}}, path)
    assert read.case.grid.slots == 1
    assert read.links == (Link("cable", "cable", 10.0, "invented", (), ("Alpha",)),)
    assert read.classes == (Wanted("government", 0.2), Wanted("others", 9.3))
    assert read.satellites == Satellites(8)
    shares = [{"name": "a", "share": 0.25}, {"name": "b", "share": 0.75}]
    assert read_fallback(FILE | {"class": shares, "peak_gbps": 8.0}, path).classes == (
        Wanted("a", 2.0),
        Wanted("b", 6.0),
    )
    assert "make 0.75 together" in faults(FILE | {"class": shares[1:], "peak_gbps": 8.0}, path)
    assert "no class is a share" in faults(FILE | {"peak_gbps": 8.0}, path)


def test_a_number_of_terminals_says_nothing_where_each_takes_all(tmp_path: Path) -> None:
    """A dish without a most of its own."""
    more = CAPACITY + 'satellite_radio = "oneweb"\nterminal = "dish-70cm"\n'
    withdrawals.written(tmp_path, slots=1, shells=("low",), more=more)
    path = tmp_path / "study.toml"
    assert "Write terminal_mbps" in faults(FILE | {"satellite": {"terminals": 8}}, path)
    assert read_fallback(FILE | {"satellite": {"terminals": 8, "terminal_mbps": 195.0}}, path).satellites.terminals == 8


@pytest.mark.slow
def test_a_place_that_asks_for_nothing_lacks_nothing(tmp_path: Path) -> None:
    found = answered(study(tmp_path, classes=(Wanted("nobody", 0.0),)))
    assert {(row.asked_gbps, row.lost_gbps, row.whole) for row in found.rows} == {(0.0, 0.0, 1.0)}
    assert fallback_plot.picture(found).startswith(b"\x89PNG")
    assert "all cut: all carried" in fallback_text.text(found)


def test_a_place_outside_the_area_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no part of the scenario's area"):
        answered(study(tmp_path, place=("PHL",)))
