"""What people ask of the network, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import TETE, get_sun
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from network.capacity_cases import Slot, line
from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.network.capacity import demand
from openleo.network.capacity.allocation import SlotDemand
from openleo.network.capacity.caps import Caps


def test_local_hour_is_a_sundial_by_astropy_less_the_equation_of_time():
    """On 20 November a sundial is 14.3 minutes ahead of mean time (almanac), everywhere."""
    at = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
    for longitude_deg in (-120.0, 0.0, 121.5, 179.0):
        instant = Time(at)
        instant.delta_ut1_utc = 0.0
        sun = get_sun(instant).transform_to(TETE(obstime=instant))  # of date, as the sidereal time
        above_h = instant.sidereal_time("apparent", longitude_deg * units.deg).hour - sun.ra.hour
        sundial_h = (above_h + 12.0) % 24.0
        ahead_h = (sundial_h - demand.local_hour(at, longitude_deg) + 12.0) % 24.0 - 12.0
        assert ahead_h * 60.0 == pytest.approx(14.3, abs=0.3)


@given(st.floats(0.0, 24.0))
def test_the_day_closes_and_never_exceeds_its_busiest_hour(hour):
    part = float(demand.part_of_busy_hour(hour))
    assert 0.3 <= part <= 1.0
    assert part == pytest.approx(float(demand.part_of_busy_hour(hour + 24.0)))


def test_del_portillos_rule_and_a_20_to_1_sale():
    down, up = demand.of_people([2_000_000.0, 0.0], 0.1, 300.0, 30.0, part=[0.5, 1.0])
    assert down.tolist() == [30_000.0, 0.0]
    assert up.tolist() == [3_000.0, 0.0]
    down, up = demand.of_subscriptions([420.0], 100.0, 20.0, 20.0)
    assert (down.tolist(), up.tolist()) == ([2_100.0], [420.0])


def test_classes_are_summed_over_the_parts_of_a_cell_and_served_in_their_order():
    parts = demand.together({"fixed": ([10.0, 20.0, 500.0], 0.0), "emergency": ([100.0, 0.0, 0.0], 0.0)})
    cells = demand.summed(parts, [0, 0, 1], 2)
    assert cells.mbps_down.tolist() == [[30.0, 100.0], [500.0, 0.0]]
    assert cells.priority.tolist() == [1, 0]
    slot = line(2, 1, [[1], [1]], 400.0, Caps(1, 1, 4), SlotDemand.from_classes(cells))
    made = Slot(slot.candidates, slot.caps, slot.ways, slot.demand, slot.neighbours).allocate()
    assert made.down.of_class[0, 1] == 100.0
    assert made.rate_down_mbps.sum() <= 400.0


def test_terminals_add_up_where_they_stand():
    assert demand.of_terminals([2, 0, 2], 3, [5.0, 7.0, 1.5]).tolist() == [7.0, 0.0, 6.5]
    with pytest.raises(ValueError, match="0 to 2"):
        demand.of_terminals([3], 3, 1.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: demand.of_people([-1.0], 0.1, 300.0, 0.0), "people is -1; it is at least 0"),
        (lambda: demand.of_people([1.0], 1.1, 300.0, 0.0), "penetration is 1.1; it is 0 to 1"),
        (lambda: demand.of_people([1.0], 0.1, np.nan, 0.0), "busy_kbps_down is nan"),
        (lambda: demand.of_subscriptions([1.0], 1.0, 1.0, 0.5), "oversubscription is at least 1"),
        (lambda: demand.part_of_busy_hour(1.0, (0.5,) * 24), "busiest hour is 1"),
        (lambda: demand.together({"fixed": ([1.0], 0.0)}, {"fix": 1}), "no class is called fix"),
    ],
)
def test_bad_numbers_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_users_table_is_read_and_all_that_is_wrong_is_told_at_once(tmp_path):
    cells = h3cells.children(np.array([0x830800FFFFFFFFF], np.uint64), 4)
    names = h3cells.text(cells)
    file = tmp_path / "demand.csv"
    file.write_text(f"cell,down_mbps,up_mbps\n{names[2]},120.5,10\n{names[0].upper()},3,\n")
    down, up = demand.read_table(file, cells)
    assert down[[0, 2]].tolist() == [3.0, 120.5]
    assert up[[0, 2]].tolist() == [0.0, 10.0]
    assert down.sum() == 123.5
    file.write_text(f"cell,down_mbps,up_mbps\n{names[1]},-4,1\n{names[1]},1,many\nhere,1,1\n834ba0fffffffff,1,inf\n")
    with pytest.raises(InputError) as told:
        demand.read_table(file, cells)
    lines = str(told.value).splitlines()
    assert len(lines) == 6
    told_of = (
        "line 2: down_mbps is -4", "comes twice; line 2 has it too", "line 3: up_mbps is many", "line 4: 'here' is not",
        "line 5: 834ba0fffffffff is not a cell of the area", "line 5: up_mbps is inf",
    )  # fmt: skip
    assert all(words in one for words, one in zip(told_of, lines, strict=True))
    file.write_text("cell,down\n")
    with pytest.raises(InputError, match="no column down_mbps, up_mbps"):
        demand.read_table(file, cells)
