"""Each kind of misuse in a few reports, and beside it the honest case that looks most like it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from misuse.telling import DAY_S, PRAGUE, VIENNA, detect, every, neighbours, row, table, told
from openleo.fleet.simulate import FleetAsked, Simulation
from openleo.misuse.detector import Detector
from openleo.misuse.reports import Reports
from openleo.misuse.state import BYTES_A_TERMINAL
from openleo.misuse.thresholds import Kind
from openleo.misuse.trace_reader import Reader

AIRPORT = (47.0, 9.0)


def test_who_stays_home_is_not_told_of() -> None:
    assert detect(neighbours(1.5)) == []


def test_a_week_outside_holds_and_a_holiday_does_not() -> None:
    out = {"place": VIENNA, "permitted": False, "territory": "AUT"}
    assert told(detect(every(900.0, 8.0, **out)))["outside"] is True
    assert "outside" not in told(detect(every(900.0, 4.0, **out)))


def test_a_border_in_doubt_is_not_outside() -> None:
    rows = [row(step * 900.0, permitted=[False, None][step // 4 % 2]) for step in range(14 * 96)]
    assert "outside" not in told(detect(rows))


def drive(kmh: float, days: float, hours_a_day: float = 2.0, **more: object) -> list[dict[str, object]]:
    """Out on a road one day and back on the next, a report each five minutes."""
    rows = []
    for step in range(int(days * 288)):
        gone_km = kmh * min(step % 288 / 12.0, hours_a_day)
        gone_km = gone_km if step // 288 % 2 == 0 else kmh * hours_a_day - gone_km
        rows.append(row(step * 300.0, place=(PRAGUE[0] + gone_km / 111.2, PRAGUE[1]), **more))
    return rows


def test_a_fixed_terminal_on_a_car_is_told_by_the_cells_it_crosses() -> None:
    assert told(detect(drive(80.0, 6.0)))["speed"] is True
    assert "speed" not in told(detect(drive(80.0, 6.0, **{"class": "vehicle"})))


def test_a_receiver_led_in_circles_within_its_beam_does_not_speed() -> None:
    rows = []
    for step in range(3 * 288):
        angle = step * 0.9
        place = (PRAGUE[0] + 0.05 * np.cos(angle), PRAGUE[1] + 0.05 * np.sin(angle))
        rows.append(row(step * 300.0, place=place, beam=PRAGUE, speed_kmh=120.0))
    assert "speed" not in told(detect(rows))


def test_two_places_by_turns_are_an_impossible_journey_only_where_the_network_saw_both() -> None:
    turns = [(AIRPORT, PRAGUE)[step % 4 < 2] for step in range(200)]
    rows = [row(step * 600.0, place=place) for step, place in enumerate(turns)]
    assert told(detect(rows))["travel"] is True
    rows = [row(step * 600.0, place=place, beam=PRAGUE) for step, place in enumerate(turns)]
    assert "travel" not in told(detect(rows))
    without = told(detect(rows, drop=["cell"]))  # nobody to ask: worth a look, and no more
    assert without["travel"] is False


def test_an_airliner_is_possible() -> None:
    rows = [row(step * 600.0, place=(48.0, -40.0 + step * 2.0), **{"class": "aviation"}) for step in range(30)]
    assert told(detect(rows)) == {}


def test_a_session_that_comes_back_is_a_second_device_and_a_restart_is_none() -> None:
    alternating = [row(step * 300.0, session=f"s{step % 2}") for step in range(40)]
    assert told(detect(alternating))["clone"] is True
    restarting = [row(step * 300.0, session=f"s{step // 4}") for step in range(400)]
    assert told(detect(restarting)) == {}
    late = [row(step * 300.0, session=f"s{(step // 40) - (step % 40 == 1)}") for step in range(40, 400)]
    assert "clone" not in told(detect(late[:45]))


def test_three_devices_are_told_as_two_are() -> None:
    rows = [row(step * 300.0, session=f"s{step % 3}") for step in range(60)]
    assert told(detect(rows))["clone"] is True


def test_a_false_position_is_told_by_the_beam_and_held_only_among_neighbours_who_are_well() -> None:
    spoofed = every(600.0, 2.5, place=AIRPORT, beam=PRAGUE)
    assert told(detect([*spoofed, *neighbours(2.5)]))["spoof"] is True
    assert told(detect(spoofed))["spoof"] is False  # alone: who knows what its receiver hears


def test_a_jammed_region_is_told_of_nobody() -> None:
    for form in (
        {"place": AIRPORT},
        {"place": None, "uncertainty_m": None},
        {"uncertainty_m": 90_000.0},
        {"place": AIRPORT, "speed_kmh": 150.0, "permitted": False, "territory": "CHE"},
    ):
        assert detect(neighbours(2.5, beam=PRAGUE, **form)) == []


def test_at_the_edge_of_a_jammed_region_those_led_to_the_same_spot_are_excused() -> None:
    jammed = neighbours(2.5, beam=PRAGUE, place=AIRPORT)
    edge = every(600.0, 2.5, terminal="edge", place=AIRPORT, beam=VIENNA)
    well = [
        one | {"terminal": "v" + one["terminal"], "account": "v" + one["account"]} for one in neighbours(2.5, count=20)
    ]
    for one in well:
        one |= {"lat_deg": VIENNA[0], "lon_deg": VIENNA[1] + float(one["lat_deg"]) - 50.0}
        one["cell"] = row(0.0, place=VIENNA)["cell"]
    assert told(detect([*jammed, *edge, *well]), "edge") == {}


def test_one_position_written_into_many_terminals_is_told_and_a_house_of_flats_is_not() -> None:
    group = [one for number in range(6) for one in every(600.0, 0.7, terminal=f"g{number}", place=PRAGUE)]
    crowd = [*group, *neighbours(0.7)]
    assert told(detect(crowd), "g3")["identical"] is True
    flats = [one | {"source": "registered"} for one in group]
    assert "identical" not in told(detect([*flats, *neighbours(0.7)]), "g3")


@pytest.mark.slow
def test_a_month_abroad_is_told_of_those_bound_to_a_home() -> None:
    away = {"place": VIENNA, "territory": "AUT"}
    assert told(detect(every(3_600.0, 32.0, **away)))["abroad"] is True
    assert told(detect(every(3_600.0, 32.0, **away, **{"class": "maritime"}))) == {}
    weekends = [
        row(step * 3_600.0) if step // 24 % 7 > 4 else row(step * 3_600.0, **away) for step in range(60 * 24)
    ]  # fmt: skip
    assert "abroad" not in told(detect(weekends))


def test_more_terminals_than_a_holder_may_run() -> None:
    def of_one(count: int, **more: object) -> list[dict[str, object]]:
        rows = [
            every(1_800.0, 7.0, terminal=f"h{one}", account="h", place=(50.0 + one / 50, 14.4)) for one in range(count)
        ]
        return [one | more for several in rows for one in several]

    assert told(detect(of_one(5)), "h2")["holder"] is True
    assert told(detect(of_one(4)), "h2") == {}
    assert told(detect(of_one(5, quota=5)), "h2") == {}


def test_a_terminal_in_no_registry_is_held_after_three_hours() -> None:
    assert told(detect(every(600.0, 1.0, registered=False)))["unregistered"] is True
    assert told(detect(every(600.0, 0.04, registered=False))) == {}


def test_a_dismissal_begins_anew() -> None:
    reader = Reader()
    detector = Detector(reader.registers)
    rows = every(600.0, 1.0, registered=False)
    assert any(one.holds_renewal for one in detector.take(reader.reports(table(rows))))
    detector.dismiss("t", Kind.UNREGISTERED)
    later = [one | {"at_s": one["at_s"] + DAY_S} for one in rows[:8]]
    assert detector.take(reader.reports(table(later))) == []


# --- what must hold for any reports -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts() -> list[Reports]:
    """Two days of a small fleet with all that there is, as reports."""
    made = Simulation(FleetAsked(40, 1.5, 9, 6))
    reader = Reader()
    PARTS.append(reader)
    return [reader.reports(part) for part in made.parts()]


PARTS: list[Reader] = []


def lines(several: list[Reports]) -> list[str]:
    detector = Detector(PARTS[0].registers)
    found = [one for reports in several for one in detector.take(reports)] + detector.finish()
    assert detector.late == 0
    return sorted(one.line() for one in found)


@pytest.mark.slow
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.floats(0.0, 1.0), max_size=30))
def test_neither_the_order_within_batches_nor_their_cut_matters(
    parts: list[Reports], seed: int, cuts: list[float]
) -> None:
    whole = Reports.joined(parts)
    random = np.random.default_rng(seed)
    edges = sorted({0, len(whole), *(int(cut * len(whole)) for cut in cuts)})
    batches = [whole.of(begin + random.permutation(end - begin)) for begin, end in pairwise(edges)]
    found = lines(batches)
    assert found == lines(parts)
    assert len(found) > 10


def test_state_is_bounded_by_terminals_and_not_by_reports(parts: list[Reports]) -> None:
    detector = Detector(PARTS[0].registers)
    sizes = []
    for reports in parts:
        detector.take(reports)
        sizes.append(detector.state.bytes_used)
    terminals = len(PARTS[0].registers.terminals)
    assert sizes[-1] == sizes[len(sizes) // 2]
    assert sizes[-1] <= 2 * terminals * BYTES_A_TERMINAL
    assert BYTES_A_TERMINAL <= 256
    assert sum(len(one) for one in detector._waiting) < len(parts[-1])


def test_late_reports_are_left_out_and_counted(parts: list[Reports]) -> None:
    detector = Detector(PARTS[0].registers)
    detector.take(parts[1])
    detector.take(parts[0])
    assert detector.late == len(parts[0])
