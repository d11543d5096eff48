"""The report of a run as people open it: from a disk, in a browser that reaches nobody, with no server anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.axe import AXE, NOT_INSTALLED, wrong
from console.browser import MAP, Seen, opened
from openleo.console import pages

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "taiwan.toml"
MOST_BYTES = 15_000_000
PANEL, CELLS = "#place", "#of-plan"
IN_TAIWAN = "place=24,121&view=flat&at=24,121,5"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of `make demo`."""
    if not pages.files():
        pytest.skip("the page is not built here: make console")
    folder = tmp_path_factory.mktemp("offline")
    subprocess.run([sys.executable, "-m", "openleo", "plan", EXAMPLE, "--slots", "480", "--out", folder], check=True)
    return folder / "report.html"


def looked_at(browser: Any, file: Path, fragment: str) -> tuple[Any, Seen]:
    page, seen = opened(browser)
    page.goto(f"{file.as_uri()}#{fragment}")
    page.wait_for_selector(MAP)
    page.wait_for_function("() => document.querySelector('#of-plan').innerText !== ''")
    return page, seen


def test_it_opens_from_a_disk_and_asks_nobody(browser: Any, report: Path) -> None:
    assert report.stat().st_size < MOST_BYTES
    page, seen = looked_at(browser, report, IN_TAIWAN)
    said = [page.locator(PANEL).inner_text()]
    page.locator("#rules").select_option(label="taiwan-activated.toml")
    said.append(page.locator(PANEL).inner_text())
    assert "compared=1" in page.evaluate("new Promise(done => setTimeout(() => done(location.hash), 500))")
    whole = page.locator(CELLS).inner_text()
    page.locator("nav a[href='#report']").click()
    page.locator("#report a[href='#territories']").click()
    report_seen = page.locator("#report #territories").is_visible()
    hidden_behind = page.evaluate("document.querySelectorAll('#console').length")
    page.context.close()
    assert ["Not permitted" in one for one in said] == [True, False]
    assert "Served" in said[1]
    assert "Figures are of the whole run" in said[1]
    assert "Share of the time served" in said[1]
    assert "Satellite\nnone" not in said[1]
    assert "whole run" in whole
    assert report_seen
    assert hidden_behind == 1
    assert seen.errors == []
    assert [one for one in seen.asked if not one.startswith(("file:", "blob:", "data:"))] == []


def test_a_slot_of_it_is_looked_at_by_its_time(browser: Any, report: Path) -> None:
    page, seen = looked_at(browser, report, f"{IN_TAIWAN}&compared=1&time=2026-11-20T01:00:00.000Z")
    page.wait_for_function("() => document.querySelector('#of-plan').innerText.includes('plan of')")
    page.wait_for_function(
        "() => document.querySelector('#place').innerText.includes('STARLINK') || "
        "!document.querySelector('#place').innerText.includes('Satellite\\nnone')",
    )
    said = page.locator(PANEL).inner_text()
    page.context.close()
    assert "Served" in said
    assert "Gateway\nnone" not in said
    assert seen.errors == []


@pytest.mark.skipif(not AXE.exists(), reason=NOT_INSTALLED)
def test_axe_finds_nothing_serious_in_the_report_of_a_run(browser: Any, report: Path) -> None:
    page, _ = looked_at(browser, report, "place=24,121&satellites=0&view=flat&at=24,121,5")
    said = wrong(page)
    page.context.close()
    assert said == []


def test_a_script_that_somebody_adds_to_it_does_not_run(browser: Any, report: Path, tmp_path: Path) -> None:
    other = tmp_path / "report.html"
    added = "<script>document.title = 'changed'</script><img src=x onerror=\"document.title='changed'\">"
    other.write_text(report.read_text().replace('<div id="report">', f'<div id="report">{added}'))
    page, seen = looked_at(browser, other, IN_TAIWAN)
    title = page.title()
    page.context.close()
    assert "changed" not in title
    assert any("policy: script-src" in one for one in seen.errors)


def test_a_file_whose_data_are_damaged_says_so(browser: Any, report: Path, tmp_path: Path) -> None:
    other = tmp_path / "report.html"
    other.write_text(report.read_text().replace('"openleo-run@v1"', '"openleo-run@v0"'))
    page, seen = opened(browser)
    page.goto(other.as_uri())
    page.wait_for_selector("#console [role=alert]")
    said, below = page.locator("#console [role=alert]").inner_text(), page.locator("#report h1").inner_text()
    page.context.close()
    assert "cannot be read" in said
    assert "Who is served" in below  # the report itself needs no script
    assert seen.errors == []
