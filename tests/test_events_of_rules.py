"""Ukraine in 2022 and 2026 (docs/events.md): figures come out of the rule that is put in, and follow it."""

from __future__ import annotations

from types import ModuleType

import pytest

from example_programs import example

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events() -> ModuleType:
    return example("events_of_rules")


def test_a_wider_strip_takes_more_and_reaches_farther(events: ModuleType) -> None:
    narrow, wide = (events.strip_effect(width_km, slots=2) for width_km in (70.0, 100.0))
    assert events.sea_lost_km2(narrow) == pytest.approx(55_551, abs=1)
    assert events.sea_lost_km2(wide) == pytest.approx(79_112, abs=1)
    assert [sum(row.lost.people for row in one.rows) for one in (narrow, wide)] == [215_255, 499_119]


def test_where_service_begins_lies_beyond_the_strip(events: ModuleType) -> None:
    """Sevastopol is some 13 km from the cape that the way to the south-west passes last."""
    ends = [events.service_ends_km(width_km) for width_km in (50.0, 70.0, 100.0)]
    assert ends == [63.0, 83.0, 113.0]
    assert ends[0] < events.CONTACT_LOST_KM < ends[1]


def test_as_many_are_suspended_as_the_account_has(events: ModuleType) -> None:
    assert events.suspended(130, 2_000) == 130
    assert events.suspended(260, 2_000) == 260
    assert 0 < events.suspended(260, 2_000, "payment-stopped-emergency-kept") < 260


def test_a_limit_cuts_by_vehicles_and_a_list_by_who_asked(events: ModuleType) -> None:
    assert events.wrongly_cut(75.0, 0.2) == pytest.approx(0.0284, abs=5e-5)
    assert events.wrongly_cut(90.0, 0.2) < events.wrongly_cut(75.0, 0.2) < events.wrongly_cut(75.0, 0.4)
    alone, both = events.wrongly_cut_by_class(), events.wrongly_cut_by_class(listed=True)
    assert alone["emergency"] == 0.0 < both["emergency"]
    assert alone["fixed"] < alone["vehicle"] < both["vehicle"]
