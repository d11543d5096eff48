"""Costs by size: constants that are known are found again, and nothing is negative."""

from __future__ import annotations

import numpy as np
import pytest

from openleo.study.costs import Constants, Measured, Size, core_hours, disk_bytes, fitted, split

KNOWN = Constants((0.01, 2e-6, 3e-6, 1e-4, 1e-7, 2e-6, 1e-10), ())
SIZES = [Size(slots, satellites, cells) for slots in (20, 240) for satellites in (700, 4408) for cells in (4, 500)]


def test_known_constants_are_found_again() -> None:
    found = fitted([Measured(one, KNOWN.of(one)) for one in SIZES])
    assert found.seconds == pytest.approx(KNOWN.seconds, rel=1e-6)
    assert found.worst < 1e-6
    assert found.of(Size(1, 1, 1)) == pytest.approx(sum(KNOWN.seconds))


def test_noise_stays_noise_and_no_constant_is_negative() -> None:
    noise = np.random.default_rng(1).uniform(0.95, 1.05, len(SIZES))
    found = fitted([Measured(one, KNOWN.of(one) * factor) for one, factor in zip(SIZES, noise, strict=True)])
    assert min(found.seconds) >= 0.0
    assert found.worst < 0.06
    assert found.of(Size(5760, 4408, 10_000)) == pytest.approx(KNOWN.of(Size(5760, 4408, 10_000)), rel=0.1)


def test_hours_and_bytes() -> None:
    assert core_hours(KNOWN.of(Size(0, 0, 0)), 360_000) == pytest.approx(1.0)
    assert disk_bytes(rows_a_run=240, runs=365, row_bytes=430.0, head_bytes=250.0) == 365 * 26 * 4096
    assert split(5760, 65_535) == [5760]
    assert sum(split(365 * 5760, 65_535)) == 365 * 5760
