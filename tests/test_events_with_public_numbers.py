"""Events with public numbers (docs/events.md): they come out of the run, and another cause gives others."""

from __future__ import annotations

from types import ModuleType

import pytest

from example_programs import example

SLOTS = 20

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events() -> ModuleType:
    return example("events")


def test_the_day_of_24_july_2025(events: ModuleType) -> None:
    """2.5 h at 16 % of usual traffic: 1 − 2.5 / 24 · 0.84."""
    assert events.day_with_outage() == pytest.approx(0.9125, abs=1e-5)
    assert events.day_with_outage(hours=5.0) == pytest.approx(1.0 - 5.0 / 24.0 * 0.84 + 0.25 / 24.0 * 0.84, abs=1e-5)
    # The file's day ends at midnight, 4.75 h after the outage began.


def test_tonga_by_way_of_fiji_and_without(events: ModuleType) -> None:
    whole, cut = events.tonga(slots=SLOTS), events.tonga(True, SLOTS)
    assert events.cells_reached(cut) == 0
    assert events.cells_reached(whole) == whole.summary()["territories"][0]["cells"] == 20
    assert events.served(whole) > 0.99
    assert events.served(cut) == 0.0
    (row,) = cut.summary()["territories"]
    assert row["not_served_because"]["no_gateway"] == 1.0


def test_the_storm_of_february_2022_changes_nobodys_service(events: ModuleType) -> None:
    before, after, much = (events.storm(lost, SLOTS) for lost in (0, events.LOST, 1584))
    assert events.served(after) == pytest.approx(events.served(before), abs=0.001)
    rtt_ms = [[row["rtt_ms_p50"] for row in one.summary()["territories"]] for one in (before, after, much)]
    assert rtt_ms[1] == pytest.approx(rtt_ms[0], abs=0.1)
    assert all(late > early for late, early in zip(rtt_ms[2], rtt_ms[0], strict=True))  # a whole shell is missed
