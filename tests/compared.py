"""What a test compares with an outside authority: asserted here, and noted for the validation report.

`compared` asserts that our figures lie within a tolerance of another's, `apart` that a distance the test has measured
does, `same` that both are equal. Where OPENLEO_VALIDATION names a folder, each comparison is noted in it, one line of
JSON, whether it holds or not: so the report (tools/validate.py) says what was checked and nothing else. Who the
authorities are stands in authorities.csv beside; `what` is written out at the call, where the report looks for it.
"""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

AUTHORITIES = Path(__file__).with_name("authorities.csv")
NOTES = "OPENLEO_VALIDATION"


@cache
def authorities() -> dict[str, dict[str, str]]:
    """Each authority that tests may name, by its key."""
    with AUTHORITIES.open(encoding="utf-8", newline="") as file:
        return {row["authority"]: row for row in csv.DictReader(file)}


def compared(
    *,
    authority: str,
    what: str,
    theirs: ArrayLike,
    ours: ArrayLike,
    tolerance: float = 0.0,
    relative: float = 0.0,
    unit: str = "",
    case: str = "",
) -> None:
    """|ours − theirs| ≤ tolerance + relative · |theirs|, for each figure; what is not there (NaN) is so on both sides.

    The worst difference is noted in the figures' unit, or as a part of theirs where the tolerance is one alone.
    """
    expected, found = np.asarray(theirs, np.float64), np.asarray(ours, np.float64)
    assert expected.shape == found.shape, f"{what}: theirs has the shape {expected.shape}, ours {found.shape}"
    alike = (expected == found) | (np.isnan(expected) & np.isnan(found))
    real = np.isfinite(expected) & np.isfinite(found)
    far = np.abs(np.where(real, found, 0.0) - np.where(real, expected, 0.0))
    allowed = tolerance + relative * np.abs(np.where(real, expected, 0.0))
    within = bool((alike | (real & (far <= allowed))).all())
    scale = np.abs(expected[real]) if tolerance == 0.0 and relative > 0.0 else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = np.where(far[real] == 0.0, 0.0, far[real] / scale)
    figures = {"theirs": _range(expected), "ours": _range(found), "worst": _worst(worst)}
    _note(authority, what, case, unit, int(expected.size), within, tolerance=tolerance, relative=relative, **figures)
    if not within:
        np.testing.assert_allclose(found, expected, rtol=relative, atol=tolerance)  # says where and by how much
    assert within, f"{what}: {authority} has {theirs}, we {ours}"


def apart(*, authority: str, what: str, apart: ArrayLike, tolerance: float, unit: str, case: str = "") -> None:
    """How far ours lies from theirs, as the test has measured it, is at most the tolerance, everywhere."""
    distance = np.atleast_1d(np.asarray(apart, np.float64))
    within = bool((distance <= tolerance).all())
    worst = _worst(distance)
    _note(authority, what, case, unit, int(distance.size), within, tolerance=tolerance, relative=0.0, worst=worst)
    assert within, f"{what}: {worst} {unit} from {authority}, where {tolerance} is allowed"


def same(*, authority: str, what: str, theirs: Any, ours: Any, case: str = "", count: int | None = None) -> None:
    """Theirs and ours are equal: numbers to the last bit, sets, bytes, verdicts. `count`: of how many one is told."""
    if isinstance(theirs, np.ndarray) or isinstance(ours, np.ndarray):
        within, many = _equal_arrays(np.asarray(theirs), np.asarray(ours)), int(np.size(theirs))
    else:
        within = bool(theirs == ours)
        many = len(theirs) if isinstance(theirs, list | tuple | set | frozenset | dict) else 1
    count = many if count is None else count
    _note(authority, what, case, "", count, within, tolerance=0.0, relative=0.0, worst=0.0 if within else None)
    if not within and isinstance(theirs, np.ndarray):
        np.testing.assert_array_equal(ours, theirs)
    assert ours == theirs if not isinstance(theirs, np.ndarray) else within, what


def _equal_arrays(theirs: NDArray[Any], ours: NDArray[Any]) -> bool:
    floats = np.issubdtype(theirs.dtype, np.inexact) and np.issubdtype(ours.dtype, np.inexact)
    return np.array_equal(theirs, ours, equal_nan=bool(floats))


def _worst(apart: NDArray[np.float64]) -> float | None:
    """The largest, or none where one is no number: JSON has no word for it, and the comparison does not hold."""
    return float(apart.max(initial=0.0)) if np.isfinite(apart).all() else None


def _range(figures: NDArray[np.float64]) -> list[float] | None:
    real = figures[np.isfinite(figures)]
    return [float(real.min()), float(real.max())] if real.size else None


def _note(authority: str, what: str, case: str, unit: str, count: int, within: bool, **figures: Any) -> None:
    if authority not in authorities():
        raise KeyError(f"{authority!r} is not in {AUTHORITIES.name}: say there who that is, and where it is published")
    if count == 0 or not (folder := os.environ.get(NOTES)):
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    row = {
        "authority": authority, "what": what, "case": case, "unit": unit, "count": count, "within": within,
        "theirs": None, "ours": None, "test": test,
    } | figures  # fmt: skip
    with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")
