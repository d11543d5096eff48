"""examples/capacity.toml: what rate a place gets when everybody is on, and that it is told in every file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from command_line import openleo
from openleo import Scenario
from openleo.attributes import attributes
from openleo.network.capacity.caps import Binding
from openleo.report import contents, tables, words
from openleo.results import Results

EXAMPLE = Path(__file__).parents[2] / "examples" / "capacity.toml"
WORDS = {one.name.lower() for one in Binding}


@pytest.fixture(scope="module")
def results() -> Results:
    """From 0:00 UTC, two in the morning there."""
    return Scenario.load(EXAMPLE).first_slots(6).run()


def test_every_key_and_column_is_described(results):
    """With capacity on, summary.json has all keys of its table but the effect's."""
    summary = results.summary()
    described = [row.name for row in attributes("summary")]
    top = list(dict.fromkeys(name.partition(".")[0].partition("[")[0] for name in described))
    assert list(summary) == top
    assert list(summary["capacity"]) == [name for name in named(described, "capacity.") if name != "bound_by.*"]
    (zambia, *_) = summary["territories"]
    of_rows = [name for name in named(described, "territories[].") if "." not in name]
    assert list(zambia) == of_rows
    assert set(zambia["bound_by"]) == set(summary["capacity"]["bound_by"]) == WORDS
    rows = list(csv.DictReader(io.StringIO(contents.territories_csv(results).decode())))
    assert list(rows[0]) == [row.name for row in attributes("territories")]
    assert {row["bound_by"] for row in rows} <= WORDS
    table = contents.cells_table(results)
    assert table.column_names == [row.name for row in attributes("cells")]
    assert set(table["bound_by"].to_pylist()) <= WORDS
    assert table["rate_down_mbps"].null_count == 0
    xr = results.to_xarray()
    assert xr["rate_down_mbps"].values.tolist() == table["rate_down_mbps"].to_pylist()
    json.dumps(summary, allow_nan=False)


def named(names: list[str], begin: str) -> list[str]:
    return [name.removeprefix(begin) for name in names if name.startswith(begin)]


def test_what_is_not_given_is_told_as_no_capacity(results):
    """Sums by hand from the cells: each territory's share of what is not served is what its cells do not get."""
    rates = results.service.rates
    assert rates is not None
    for row in results.territories:
        mine = results.parts.territory == row.territory
        assert row.served + sum(row.not_served_because.values()) == pytest.approx(1.0, abs=5e-6)
        people, cell = results.parts.people[mine], results.parts.cell[mine]
        given = (people * rates.tally.given[cell, 0]).sum() / people.sum()
        assert row.served == pytest.approx(given, abs=1e-3)  # all is reached and permitted
        assert row.down_mbps_p50 is not None
        assert 0.0 < row.down_mbps_p50 <= 400.0
    total = results.summary()["capacity"]
    assert 0.3 < total["given_down_mbps"] / total["asked_down_mbps"] < 1.0
    assert total["given_down_mbps"] == pytest.approx(results.cell_table.rate_down_mbps.sum(), rel=1e-6)
    assert total["subscribers"] == round(rates.demand.subscribers.sum())
    gave = rates.tally
    assert gave.gateway_down_mbps.sum() == pytest.approx(gave.rate_down_mbps.sum())
    assert gave.pop_up_mbps.sum() == pytest.approx(gave.rate_up_mbps.sum())


def test_it_is_told_on_the_terminal_and_in_a_notebook(results):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(tables.territory_table(results))
    text = console.export_text()
    assert "Down" in text
    assert "subscribers ask for" in text
    (row, *_) = results.territories
    assert words.mbps(row.down_mbps_p50) in text
    assert "down p50 (Mbit/s)" in results._repr_html_()
    assert str(row.down_mbps_p50) in results._repr_html_()


@pytest.mark.slow
def test_the_whole_day_from_the_command_line(tmp_path):
    code, said, err = openleo("plan", EXAMPLE, "--out", tmp_path / "out")
    assert code == 0, err
    assert "get" in said
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["capacity"]["slots"] == 96
    table = pq.read_table(tmp_path / "out" / "cells.parquet")
    asked, given = (np.array(table[f"{what}_down_mbps"].to_pylist()) for what in ("asked", "rate"))
    assert (given <= asked * (1 + 1e-6) + 1e-6).all()
    by_name = {row["territory"]: row for row in summary["territories"]}
    # Where more subscribe a user finds less: 31,000 in Zimbabwe, 5,500 in Zambia with as many people and more room.
    assert by_name["ZWE"]["down_mbps_p50"] < 0.8 * by_name["ZMB"]["down_mbps_p50"]
    # The README shows this run.
    readme = (EXAMPLE.parents[1] / "README.md").read_text(encoding="utf-8").splitlines()
    for row in by_name.values():
        (line,) = [line for line in readme if line.startswith(f" {row['name']} ")]
        assert (
            f"{row['served']:.1%}  {row['rtt_ms_p50']:.1f} ms   {row['down_mbps_p50']:.0f}  {row['up_mbps_p50']}"
            in line
        )
