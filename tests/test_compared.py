"""The helper that notes comparisons asserts them first; the report says what was noted, and what was not."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from compared import NOTES, apart, authorities, compared, same

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def validate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate", ROOT / "tools" / "validate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["validate"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(NOTES, str(tmp_path))
    return tmp_path


def noted(folder: Path) -> list[dict]:
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def test_what_lies_within_is_noted(notes: Path) -> None:
    compared(
        authority="scipy", what="ways", theirs=[10.0, np.nan, 20.0], ours=[10.5, np.nan, 20.0], tolerance=1.0, unit="ms"
    )
    compared(authority="scipy", what="parts", theirs=[100.0], ours=[101.0], relative=0.02)
    apart(authority="scipy", what="far", apart=[0.1, 0.3], tolerance=0.5, unit="m")
    same(authority="scipy", what="sets", theirs={1, 2}, ours={2, 1})
    first, second, third, fourth = noted(notes)
    assert (first["count"], first["worst"], first["theirs"], first["within"]) == (3, 0.5, [10.0, 20.0], True)
    assert first["test"].endswith("test_compared.py::test_what_lies_within_is_noted")
    assert second["worst"] == pytest.approx(0.01)
    assert (third["worst"], third["theirs"], fourth["count"]) == (0.3, None, 2)


@pytest.mark.parametrize(
    ("theirs", "ours"), [([1.0], [1.2]), ([np.nan], [1.0]), ([1.0], [np.nan]), ([np.inf], [1.0]), ([1.0, 2.0], [1.0])]
)
def test_what_does_not_lie_within_fails(theirs: list[float], ours: list[float], notes: Path) -> None:
    with pytest.raises(AssertionError):
        compared(authority="scipy", what="ways", theirs=theirs, ours=ours, tolerance=0.1)
    assert not any(one["within"] for one in noted(notes))


def test_a_distance_that_is_no_number_and_things_unlike_fail(notes: Path) -> None:
    with pytest.raises(AssertionError):
        apart(authority="scipy", what="far", apart=[np.nan], tolerance=1.0, unit="m")
    with pytest.raises(AssertionError):
        same(authority="scipy", what="bytes", theirs=b"a", ours=b"b")
    with pytest.raises(AssertionError):
        same(authority="scipy", what="arrays", theirs=np.array([1, 2]), ours=np.array([1, 3]))
    with pytest.raises(KeyError, match=r"authorities\.csv"):
        same(authority="hearsay", what="bytes", theirs=1, ours=1)


def test_every_authority_says_where_it_is_published() -> None:
    assert all(row["source"] for row in authorities().values())


def test_the_report_merges_notes_and_says_what_was_not_compared(validate: ModuleType, notes: Path) -> None:
    for ours in (38.9, 38.7):
        compared(authority="Hypatia", what="RTT", theirs=38.8, ours=ours, tolerance=0.5, unit="ms")
    said = {"tests/test_a.py": [("Hypatia", "RTT"), ("Hypatia", "hops")]}
    made, absent = sorted(
        validate.table_of(noted(notes), said, {"tests/test_a.py": "no golden"}), key=lambda row: row.why
    )
    assert (made.count, made.ours, made.result) == (2, (38.7, 38.9), validate.HELD)
    assert (absent.what, absent.result, absent.why) == ("hops", validate.NOT_MADE, "no golden")
    result = validate.Outcome(1, (), (("tests/test_a.py::test_b", "no golden"),))
    page = validate.page([made, absent], result, date(2026, 11, 22), "0.1", {})
    assert "| Hypatia | RTT | 2 | 38.8 ms | 38.7 to 38.9 ms | 0.5 ms | 0.1 ms | yes |" in page
    assert "not compared: no golden" in page
    assert "2026-11-22" in page


def test_one_that_misses_is_shown_as_missed(validate: ModuleType, notes: Path) -> None:
    for ours in (9.0, 30.0):
        try:
            compared(authority="scipy", what="rate", theirs=10.0, ours=ours, relative=0.15)
        except AssertionError:
            continue
    (row,) = validate.table_of(noted(notes), {}, {})
    assert row.result == validate.MISSED


def test_the_examples_in_the_tool_s_docstrings(validate: ModuleType) -> None:
    result = doctest.testmod(validate)
    assert (result.failed, result.attempted > 2) == (0, True)


def test_what_pytest_says(validate: ModuleType) -> None:
    junit = """<testsuites><testsuite>
      <testcase classname="tests.against.test_a" name="test_b"/>
      <testcase classname="tests.against.test_a" name="test_c"><skipped type="pytest.skip" message="absent"/></testcase>
      <testcase classname="tests.against.test_a" name="test_d"><skipped type="pytest.xfail" message="known"/></testcase>
      <testcase classname="tests.against.test_a" name="test_e"><failure/></testcase>
    </testsuite></testsuites>"""
    result = validate.outcome(junit)
    assert (result.passed, result.failed) == (2, ("tests/against/test_a.py::test_e",))
    assert result.reasons() == {"tests/against/test_a.py": "absent"}


def test_every_file_against_somebody_compares_with_an_authority(validate: ModuleType) -> None:
    files = sorted((ROOT / "tests" / "against").glob("test_*.py"))
    assert len(files) >= 30
    assert [file.name for file in files if not validate.announced(file)] == []


def test_the_page_has_every_comparison_that_tests_make(validate: ModuleType) -> None:
    """Whoever adds a comparison runs `make validation` and commits the page."""
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    assert not re.search(r"[|:] /\w", page), "a reason for skipping names a folder of this machine"
    for file, pairs in validate.all_announced(ROOT / "tests").items():
        for authority, what in pairs:
            assert f"| {authority} | {what}" in page, f"{file.name}: run `make validation`"
