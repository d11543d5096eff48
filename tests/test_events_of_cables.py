"""Matsu and the Red Sea (docs/events.md): figures come out of the run, and another cause gives others."""

from __future__ import annotations

from types import ModuleType

import pytest

from example_programs import example

SLOTS = 4

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events() -> ModuleType:
    return example("events_of_cables")


def test_matsu_in_2025_by_microwave_and_by_satellite(events: ModuleType) -> None:
    """12.6 Gbit/s carry a peak of 9.5; eight terminals bring a sixth of it, to the first classes."""
    found = events.matsu(2025, slots=SLOTS)
    assert events.totals_gbps(found, "both cables") == {
        "asked": 9.5, "terrestrial": 9.5, "satellite": 0.0, "lost": 0.0,
    }  # fmt: skip
    cut = events.totals_gbps(found, "all cut")
    assert cut == {"asked": 9.5, "terrestrial": 0.0, "satellite": 1.56, "lost": 7.94}
    lost = [row.lost_gbps > 0.0 for row in found.of("all cut")]
    assert lost == [False, False, True, True]


def test_another_microwave_link_or_more_terminals_give_other_figures(events: ModuleType) -> None:
    weaker = events.matsu(2025, microwave_gbps=5.0, slots=SLOTS)
    assert events.totals_gbps(weaker, "both cables")["lost"] == pytest.approx(9.5 - 5.0 - 1.56)
    many = events.matsu(2025, terminals=80, slots=SLOTS)
    brought = events.totals_gbps(many, "all cut")["satellite"]
    assert 1.56 < brought < 9.5  # the network is what is short then
    before = events.matsu(2023, slots=SLOTS)
    assert events.totals_gbps(before, "both cables") == {
        "asked": 9.5, "terrestrial": 3.8, "satellite": 0.0, "lost": 5.7,
    }  # fmt: skip


def test_the_gulf_without_its_pops_goes_a_longer_way(events: ModuleType) -> None:
    """Everybody stays served; round trips grow where a PoP went, most by Sofia, and nowhere else."""
    usual, cut, sofia = (
        events.red_sea((), slots=SLOTS), events.red_sea(slots=SLOTS), events.red_sea(by_sofia=True, slots=SLOTS)
    )  # fmt: skip
    assert cut.handed_to == {"Doha": "Almaty", "Muscat": "Almaty"}
    for one in (usual, cut, sofia):
        assert set(one.served.values()) == {1.0}
    for territory in ("OMN", "QAT", "ARE", "KWT", "BHR"):
        assert (
            usual.rtt_ms[territory] < cut.rtt_ms[territory] < sofia.rtt_ms[territory] < usual.rtt_ms[territory] + 40.0
        )
    for territory in ("YEM", "JOR"):
        assert usual.rtt_ms[territory] == pytest.approx(cut.rtt_ms[territory], abs=1.0)
    three = events.red_sea(("SMW4", "IMEWE", "EIG"), slots=SLOTS)
    assert three.handed_to == {}
    assert three.rtt_ms == usual.rtt_ms
