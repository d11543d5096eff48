"""A computed run as one file: what of it is kept, what the page is told of it, and that nothing else runs in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from console.fixtures import tool
from openleo.console import offline, run_slots
from openleo.console.pages import File
from openleo.console.run_slots import Samples
from openleo.network.reach import Reach
from openleo.report.html import render
from openleo.service.serve import Reason

SCRIPT, STYLE = "import('x');//</script><!--", ":root { --a: 1; } html,body{margin:0} #console{color:red}"
INDEX = (
    '<html><head><script type="module" crossorigin src="./assets/a.js"></script>'
    '<link rel="stylesheet" crossorigin href="./assets/a.css"></head></html>'
)
BUILT = {
    name: File(name, text.encode())
    for name, text in (("index.html", INDEX), ("assets/a.js", SCRIPT), ("assets/a.css", STYLE))
}


@pytest.fixture(scope="module")
def ran():
    return tool().run()


def table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(io.BytesIO(content)).read_all()


def said(content: bytes) -> dict:
    return json.loads(table(content).schema.metadata[b"openleo.plan"])


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


def test_what_the_page_is_tested_with_is_what_a_run_gives():
    kept, made = json.loads(tool().RUN_FILE.read_text()), tool().run_as_held()
    assert kept["said"] == made["said"], "run python tools/build_console_fixture.py and read the difference"
    for name in ("cells", "whole"):
        assert table(unpacked(kept["embedded"][name])).equals(table(unpacked(made["embedded"][name])))
    assert {*kept["said"]["slot"][0]["reason"], *kept["said"]["slot"][1]["reason"]} == {0, 1}


def test_slots_are_kept_as_far_apart_as_a_page_can_hold(ran):
    results, _ = ran
    cells, grid = np.arange(25_000, dtype=np.uint64), replace(results.case.grid, slots=1_000)
    samples = Samples(replace(results.case, grid=grid))
    for first in range(0, 1_000, 96):
        count = min(96, 1_000 - first)
        satellite = np.repeat(np.arange(first, first + count, dtype=np.int32)[:, np.newaxis], 3, axis=1)
        samples.on_reach(cells, Reach(first, satellite, satellite.astype(np.float32), satellite.astype(np.int16)))
    assert samples.every == 25  # 40 slots of 25,000 cells
    assert list(samples.kept) == list(range(0, 1_000, 25))
    assert all((one.satellite == slot).all() and one.first_slot == slot for slot, one in samples.kept.items())


def test_a_slot_says_what_can_serve_a_cell_and_why_not_under_each_rule_set(ran):
    results, samples = ran
    slot = samples.kept[7]
    content = run_slots.slots(results, samples)[1]
    told, made = said(content), table(content)
    assert told["rule_sets"] == ["some.toml", "all.toml"]
    assert told["classes"] == ["fixed", "maritime"]
    assert told["begins_ms"] == 1_795_132_812_000 + 7 * 15_000
    assert int(told["number"]) * 15_000 + 12_000 == told["begins_ms"]
    assert made["satellite"].fill_null(-1).to_pylist() == slot.satellite.tolist()
    assert np.abs(np.array(made["rtt_ms"].to_pylist(), float) - slot.rtt_ms).max() <= 0.05 + 1e-4
    reason = np.array(made["reason"].to_pylist())
    assert (reason[:, 0] == Reason.NOT_PERMITTED).all()
    assert (reason[:, 1:] == Reason.SERVED).all()


def test_the_whole_run_has_the_figures_of_the_table_of_cells(ran):
    results, samples = ran
    made = table(run_slots.whole(results))
    assert np.allclose([row[0] for row in made["served"].to_pylist()], results.cell_table.served)
    assert [Reason(row[0]).word for row in made["reason"].to_pylist()] == results.cell_table.reason
    assert said(run_slots.whole(results))["slot_ms"] == 600_000
    del samples


def test_a_change_of_the_network_is_not_shown_on_slots_of_the_other(ran):
    results, _ = ran
    other = replace(results, case=replace(results.case, compare_network=results.case.network))
    assert run_slots.rule_sets(other) == ["some.toml"]
    assert run_slots.rule_sets(replace(results, case=replace(results.case, inputs={}))) == []


def test_the_file_runs_its_own_script_and_no_other(ran):
    results, samples = ran
    made = offline.page(results, samples, render(results, b"png"), BUILT)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', made)[1]
    scripts = re.findall(r'<script type="module">(.*?)</script>', made, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", made, re.DOTALL)
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in (*scripts, *styles)
    ]
    assert len(scripts) == 1
    assert f"script-src {hashes[0]};" in policy
    assert f"style-src {' '.join(hashes[1:])};" in policy
    assert "unsafe" not in policy
    assert "<!--" not in scripts[0]
    assert not re.findall(r'(?:src|href)="(?!#|data:)', made)


def test_styles_of_the_page_do_not_reach_into_the_report(ran):
    results, samples = ran
    made = offline.page(results, samples, render(results, b"png"), BUILT)
    page, report = re.findall(r"<style>(.*?)</style>", made, re.DOTALL)
    assert page == f"@layer page, clean, report;\n@layer page {{\n{STYLE}\n}}\n"
    assert "#report :not(svg, svg *) { all: revert; }" in report
    assert "@layer report { #report {\n& {" in report
    assert ":root" not in report
    assert "body {" not in report


def test_what_a_file_says_cannot_end_the_data():
    assert "<" not in offline._json({"name": "</script><script>alert(1)</script>"})


def test_a_page_that_was_built_otherwise_is_refused(ran):
    results, samples = ran
    with pytest.raises(ValueError, match="the built page has no"):
        offline.page(results, samples, render(results, b"png"), BUILT | {"index.html": File("index.html", b"<html>")})
