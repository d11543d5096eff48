"""A trace beside the twin: a trace made from the twin fits it, slots are found where they begin, input is checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from command_line import openleo
from openleo.errors import InputError
from openleo.score_trace import Trace, Twin, compare, phase_of, read_trace

START_S = 1_789_000_020.0  # 0 s past a minute
SLOTS = 40


def a_twin(phase_s: float = 12.0) -> Twin:
    generator = np.random.default_rng(7)
    satellite = np.repeat(np.arange(SLOTS // 4), 4).astype(np.int32)
    rtt = 30.0 + generator.normal(0.0, 0.2, SLOTS) + np.repeat(generator.uniform(-6.0, 6.0, SLOTS // 4), 4)
    return Twin(phase_s + 15.0 * np.arange(SLOTS), 15.0, rtt, satellite)


def a_trace(twin: Twin, noise_ms: float, offset_ms: float = 0.0) -> Trace:
    generator = np.random.default_rng(8)
    t_s = np.arange(0.0, 15.0 * SLOTS + 30.0, 0.25)
    slot = np.floor((t_s - twin.begin_s[0]) / twin.slot_s).astype(int)
    rtt = twin.rtt_ms[np.clip(slot, 0, SLOTS - 1)] + offset_ms + generator.normal(0.0, noise_ms, len(t_s))
    rtt[::50] = np.nan
    return Trace(t_s, rtt)


def test_a_trace_made_from_the_twin_fits_it():
    twin = a_twin()
    found = compare(a_trace(twin, 0.5, offset_ms=2.0), twin, START_S).as_json()
    assert found["slots_compared"] == SLOTS
    assert found["bias_ms"] == pytest.approx(-2.0, abs=0.1)
    assert found["spearman"] > 0.95
    assert found["edges"]["phase_s"] == found["edges"]["twin_phase_s"] == 12.0
    assert found["edges"]["within_slot_ms_p50"] < 0.5
    over = found["hand_overs"]
    assert over["n"] == SLOTS // 4 - 1
    assert over["step_ms_p50"] > 3.0 * over["step_ms_p50_without"]
    assert over["aligned"] > 0.8
    json.dumps(found, allow_nan=False)


def test_quantiles_and_losses_against_numpy():
    twin = a_twin()
    trace = a_trace(twin, 1.0)
    found = compare(trace, twin, START_S).as_json()
    inside = (trace.t_s >= 12.0) & (trace.t_s < 12.0 + 15.0 * SLOTS)
    assert found["samples"] == inside.sum()
    assert found["lost"] == np.isnan(trace.rtt_ms[inside]).sum()
    assert found["measured"]["p95_ms"] == pytest.approx(np.nanquantile(trace.rtt_ms[inside], 0.95), abs=1e-3)


@pytest.mark.parametrize("phase_s", [0.0, 5.0, 12.0])
def test_slots_are_found_where_they_begin(phase_s):
    twin = a_twin(phase_s)
    trace = a_trace(twin, 0.3)
    there = np.isfinite(trace.rtt_ms)
    assert phase_of(trace.t_s[there], trace.rtt_ms[there], 15.0) == phase_s


def test_noise_has_no_slots():
    generator = np.random.default_rng(9)
    t_s = np.arange(0.0, 600.0, 0.25)
    assert phase_of(t_s, 30.0 + generator.normal(0.0, 1.0, len(t_s)), 15.0) is None
    assert phase_of(t_s, 30.0 + generator.normal(0.0, 1.0, len(t_s)), 7.0) is None  # does not divide the minute


def test_a_trace_of_another_time_compares_nothing():
    found = compare(Trace(np.array([1e6]), np.array([30.0])), a_twin(), START_S).as_json()
    assert found["slots_compared"] == found["samples"] == 0
    assert found["mae_ms"] is found["bias_ms"] is found["spearman"] is found["twin"]["p50_ms"] is None


def test_every_fault_of_a_trace_is_told_at_once(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text("t,rtt_ms\n0,30\nx,30\n5,-1\n3,fast\n6,\n")
    with pytest.raises(InputError) as caught:
        read_trace(file)
    said = "\n".join(str(problem) for problem in caught.value.problems)
    for words in ("has t 'x'", "rtt_ms '-1'", "t 3, before the line above", "rtt_ms 'fast'"):
        assert words in said
    assert len(caught.value.problems) == 4
    file.write_text("time,rtt\n0,30\n")
    with pytest.raises(InputError, match="lacks the columns t, rtt_ms"):
        read_trace(file)


def test_the_verb_compares_a_trace(tmp_path: Path):
    (tmp_path / "s.toml").write_text(
        'name = "s"\nstart = 2026-09-15T00:00:00Z\nduration = "5m"\nslot_phase_s = 12\n[constellation]\n'
        'catalogue = "starlink-gen1"\n[ground]\narea = "LUX"\nserving_pops = "starlink-2026"\n[links]\nchain = true\n'
    )
    t = np.arange(0.0, 300.0, 0.5)
    (tmp_path / "t.csv").write_text("t,rtt_ms\n" + "".join(f"{one},{27.0 + one % 3}\n" for one in t))
    out = tmp_path / "out"
    code, said, err = openleo(
        "score", tmp_path / "s.toml", "--trace", tmp_path / "t.csv", "--at", "49.6,6.1", "--json", "--out", out
    )
    assert code == 0, err
    found = json.loads(said)
    assert found["slots_compared"] == found["slots"] == 20
    assert found["edges"]["twin_phase_s"] == 12.0
    assert 20.0 < found["twin"]["p50_ms"] < 35.0
    assert json.loads((out / "trace-score.json").read_text()) == found
    code, _, err = openleo("score", tmp_path / "s.toml", "--trace", tmp_path / "t.csv")
    assert code == 2
    assert "--at" in err
