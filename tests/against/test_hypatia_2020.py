"""Hypatia's example pairs, against what its own code gave at four instants: docs/papers/hypatia-2020.md."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from compared import compared
from example_programs import example

TOLERANCE_MS = 0.01


@pytest.fixture(scope="module")
def study() -> ModuleType:
    return example("hypatia_2020")


def test_the_pairs_at_four_instants(study: ModuleType) -> None:
    ours = study.times_ms(study.SECONDS)
    for (start, end), theirs in study.HYPATIA_MS.items():
        compared(
            authority="Hypatia",
            what="RTT of its example pairs at 0, 15, 100 and 600 s",
            case=f"{start} – {end}",
            theirs=theirs,
            ours=ours[start, end],
            tolerance=TOLERANCE_MS,
            unit="ms",
        )


def test_ranges_hold_the_instants_and_a_true_mask_reaches_everybody(study: ModuleType) -> None:
    seconds = np.arange(0.0, 610.0, 10.0).tolist()
    for row in study.ranges([*seconds, 15.0]):
        theirs = study.HYPATIA_MS[row.start, row.end]
        low, high = row.by_range_ms
        assert low - TOLERANCE_MS <= min(theirs) <= max(theirs) <= high + TOLERANCE_MS
        assert row.mask_unreachable == 0.0


def test_what_is_printed(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    study.main(["--seconds", "20", "--every", "10"])
    assert "Istanbul – Nairobi" in capsys.readouterr().out
