"""London–New York at 1,150 km, against Handley (2018): docs/papers/handley-2018.md says what is second-hand."""

from __future__ import annotations

from types import ModuleType

import pytest

from compared import compared
from example_programs import example

WITHIN_MS = 2.5  # the paper's figure is known to us as a round number, and its ground links are not


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return example("handley_2018")


def test_london_new_york(study: ModuleType) -> None:
    new_york, _ = study.found(every_s=30.0)
    compared(
        authority="Handley 2018",
        what="RTT London–New York by satellite, median of an hour",
        theirs=study.BY_SATELLITE_MS,
        ours=new_york.rtt_ms_p50,
        tolerance=WITHIN_MS,
        unit="ms",
    )
    compared(
        authority="Handley 2018",
        what="RTT London–New York in fibre along a great circle",
        theirs=study.IN_FIBRE_MS,
        ours=new_york.fibre_ms,
        tolerance=0.5,
        unit="ms",
    )
    assert new_york.rtt_ms_max < new_york.fibre_ms < study.INTERNET_MS  # at every instant, as the paper concludes


def test_johannesburg_is_far_below_the_internet_and_not_yet_half(study: ModuleType) -> None:
    """The paper's fifth laser joins planes that cross. Our +grid has none: 0.60, where the paper has "almost half"."""
    _, johannesburg = study.found(every_s=30.0)
    share = johannesburg.rtt_ms_p50 / study.JOHANNESBURG_INTERNET_MS
    assert 0.55 < share < 0.65


@pytest.mark.parametrize("phasing", [0, 5, 27])
def test_no_phasing_takes_new_york_beyond_the_tolerance(study: ModuleType, phasing: int) -> None:
    new_york, _ = study.found(every_s=60.0, phasing=phasing)
    assert abs(new_york.rtt_ms_p50 - study.BY_SATELLITE_MS) < WITHIN_MS


def test_the_number_changes_with_its_input(study: ModuleType) -> None:
    (lower, _), (higher, _) = study.found(25.0, 60.0), study.found(40.0, 60.0)
    assert lower.rtt_ms_p50 < higher.rtt_ms_p50 - 1.0  # a lower mask reaches satellites farther along the way


def test_what_is_printed(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    study.main(["--every", "600"])
    assert "London – New York: " in capsys.readouterr().out
