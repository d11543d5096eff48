"""`openleo fleet`: anyone's trace is read whole or refused whole, and what it lacks is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command_line import openleo
from misuse.telling import every, neighbours, row, table
from openleo.attributes import attributes
from openleo.fleet.cast import LABELS
from openleo.fleet.simulate import FleetAsked, Simulation
from openleo.fleet.trace import SCHEMA
from openleo.misuse.evaluation import lower_bound, upper_bound
from openleo.misuse.thresholds import KINDS
from openleo.misuse.trace_reader import COLUMNS


def write(folder: Path, rows: list[dict[str, Any]], drop: tuple[str, ...] = ()) -> Path:
    pq.write_table(table(rows).drop_columns(list(drop)), folder / "t.parquet")
    return folder / "t.parquet"


def test_a_simulated_trace_is_told_with_its_headline(tmp_path: Path) -> None:
    trace, out, plot = tmp_path / "s.parquet", tmp_path / "e.jsonl", tmp_path / "c.png"
    code, said, _ = openleo("fleet", "simulate", "--terminals", 60, "--days", 2, "--seed", 3, "--out", trace)
    assert code == 0, said
    assert pq.read_schema(trace).equals(SCHEMA)
    code, said, told = openleo("fleet", "detect", trace, "--out", out, "--plot", plot)
    assert (code, told) == (0, "")
    assert "Wrongly cut: 0 of" in said
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["kind"] for line in lines} >= {"clone", "unregistered", "travel"}
    assert all(
        line.keys() == {"kind", "terminal", "at_s", "score", "holds_renewal", "rule", "inputs"} for line in lines
    )
    assert plot.read_bytes()[:4] == b"\x89PNG"
    code, said, _ = openleo("fleet", "detect", trace, "--out", out, "--rules", "clone", "--json")
    assert json.loads(said)["evidence"].keys() == {"clone"}
    assert {json.loads(line)["kind"] for line in out.read_text().splitlines()} == {"clone"}


def test_labels_are_seen_by_no_detector(tmp_path: Path) -> None:
    """Shuffled, left out, or true: the evidence is the same."""
    made = pa.concat_tables(Simulation(FleetAsked(30, 1.0, 8, 6)).parts())
    shuffled = np.random.default_rng(1).permutation(len(made))
    others = made.set_column(
        made.column_names.index("label"), "label", made["label"].take(pa.array(shuffled))
    ).set_column(made.column_names.index("jammed"), "jammed", made["jammed"].take(pa.array(shuffled)))
    found = []
    for number, one in enumerate((made, others, made.drop_columns(["label", "jammed", "border"]))):
        pq.write_table(one, tmp_path / f"{number}.parquet")
        assert openleo("fleet", "detect", tmp_path / f"{number}.parquet", "--out", tmp_path / "e.jsonl")[0] == 0
        found.append((tmp_path / "e.jsonl").read_text())
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_what_a_trace_lacks_turns_detectors_off_and_is_said(tmp_path: Path) -> None:
    trace = write(tmp_path, every(600.0, 1.0), drop=("session", "cell", "permitted"))
    code, said, told = openleo("fleet", "detect", trace, "--out", tmp_path / "e.jsonl")
    assert code == 0
    assert "off: outside, for the trace has no column permitted" in told
    assert "off: clone, for the trace has no column session" in told
    assert "off: spoof, for the trace has no column cell" in told
    assert "wrote" in said
    code, _, told = openleo("fleet", "detect", trace, "--out", tmp_path / "e.jsonl", "--plot", tmp_path / "c.png")
    assert code == 2
    assert "has no column label" in told


def test_every_fault_of_a_trace_is_told_at_once(tmp_path: Path) -> None:
    rows = neighbours(0.1)
    rows[3]["lat_deg"], rows[5]["cell"], rows[7]["uncertainty_m"] = 95.0, "zz", -1.0
    made = table(rows)
    made = made.set_column(made.column_names.index("speed_kmh"), "speed_kmhh", made["speed_kmh"])
    backwards = made.take(pa.array(np.arange(len(made))[::-1]))
    pq.write_table(backwards, tmp_path / "t.parquet")
    code, _, told = openleo("fleet", "detect", tmp_path / "t.parquet", "--out", tmp_path / "e.jsonl")
    assert code == 2
    assert "Did you mean speed_kmh?" in told
    right = backwards.rename_columns([name.replace("kmhh", "kmh") for name in backwards.column_names])
    pq.write_table(right, tmp_path / "t.parquet")
    code, _, told = openleo("fleet", "detect", tmp_path / "t.parquet", "--out", tmp_path / "e.jsonl", "--rules", "clon")
    assert code == 2
    for fault in (
        "95.0 has to lie within -90 and 90",
        "'zz' is no H3 cell",
        "-1.0 has to lie",
        "in order of time",
        "clone",
    ):
        assert fault in told
    assert not (tmp_path / "e.jsonl").exists()


@pytest.mark.parametrize(
    ("made", "fault"),
    [(pa.table({"terminal": ["t"]}), "at_s: is needed"),
     (pa.table({"at_s": ["x"], "terminal": ["t"]}), "has to hold numbers"),
     (pa.table({"at_s": pa.array([], pa.float64()), "terminal": pa.array([], pa.string())}), "holds no report"),
     (pa.table({"at_s": [None, 1.0], "terminal": ["t", "t"]}), "is null")],
)  # fmt: skip
def test_what_is_no_trace_is_refused(tmp_path: Path, made: pa.Table, fault: str) -> None:
    pq.write_table(made, tmp_path / "t.parquet")
    code, _, told = openleo("fleet", "detect", tmp_path / "t.parquet", "--out", tmp_path / "e.jsonl")
    assert (code, fault in told) == (2, True), told


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("at_s,terminal\n")
    assert openleo("fleet", "detect", tmp_path / "t.parquet", "--out", tmp_path / "e.jsonl")[0] == 2
    assert openleo("fleet", "detect", tmp_path / "none.parquet", "--out", tmp_path / "e.jsonl")[0] == 2


def test_two_columns_are_enough(tmp_path: Path) -> None:
    pq.write_table(table([row(0.0)]).select(["at_s", "terminal"]), tmp_path / "t.parquet")
    code, said, told = openleo("fleet", "detect", tmp_path / "t.parquet", "--out", tmp_path / "e.jsonl")
    assert code == 0
    assert told.count("off: ") == len(KINDS)
    assert "0 pieces of evidence from 1 reports" in said


def test_columns_are_documented() -> None:
    assert [one.name for one in attributes("traces")] == SCHEMA.names
    assert set(COLUMNS) == set(SCHEMA.names)
    assert tuple(map(str, KINDS)) == LABELS
    page = (Path(__file__).parents[2] / "docs" / "misuse.md").read_text(encoding="utf-8")
    assert all(f"| `{one.name}` |" in page for one in attributes("traces"))
    assert all(f"| `{kind}` |" in page for kind in KINDS)


def test_bounds_against_the_rule_of_three_and_clopper_pearson() -> None:
    """−ln 0.05 is 2.9957; and NIST/SEMATECH's e-Handbook, 7.2.4.1: 4 of 20 is within 0.0714 and 0.4010 (90 %)."""
    assert upper_bound(0, 100_000) * 1e5 == pytest.approx(2.9957, abs=1e-3)
    assert upper_bound(4, 20) == pytest.approx(0.4010, abs=5e-4)
    assert lower_bound(4, 20) == pytest.approx(0.0714, abs=5e-4)
    assert upper_bound(20, 20) == 1.0
