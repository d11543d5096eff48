"""Planned against measured, on tables and echoes made by hand."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from openleo.emulator.counts import BINS, CAUSES, Seconds, Stats
from openleo.emulator.echoes import ITS_POP, planned_rtt_ms
from openleo.emulator.prober import Probes
from openleo.emulator.summary import SECONDS_COLUMNS, seconds, spans_not_served, summary, told
from openleo.emulator.table import LinkTable

MS = 1_000_000


def table(served: list[bool], up_ms: list[tuple[int, int]], outage_s: float = 0.0) -> LinkTable:
    """One terminal, steps of 10 s, 10 ms down; satellites 100, 101, … one a step."""
    steps = len(served)
    delay = np.zeros((steps, 1, 2, 2), np.int64)
    delay[:, 0, 0], delay[:, 0, 1] = np.array(up_ms) * MS, 10 * MS
    flags = np.array(served)[:, np.newaxis]
    hand_over = np.zeros_like(flags)
    hand_over[1:] = flags[1:] & flags[:-1]
    return LinkTable(
        start=datetime(2026, 11, 20, tzinfo=UTC), step_s=10.0, terminals=("Taipei",), anchors=("Tokyo",),
        anchor=np.zeros(1, np.intp), served=flags, why=np.where(flags, "", "not_permitted"),
        because=np.where(flags, "", "twn-1"), satellite=np.where(flags, 100 + np.arange(steps)[:, None], -1),
        hand_over=hand_over, delay_ns=delay, rate_mbps=np.full((steps, 1, 2), np.inf), loss=np.zeros((steps, 1, 2)),
        outage_s=np.where(hand_over, outage_s, 0.0), queue_s=np.full(2, 0.1), backbone_ns=np.zeros((1, 1), np.int64),
        pairs=(), direct_ns=np.zeros((steps, 0, 2), np.int64),
    )  # fmt: skip


def stats(late: int = 0, missed_ns: int = 0) -> Stats:
    lateness = np.zeros(BINS, np.int64)
    lateness[0], lateness[-1] = 1000 - late, late
    drops = np.zeros((1, 2, len(CAUSES)), np.int64)
    drops[0, 0, CAUSES.index("queue")] = 7
    return Stats(np.full((1, 2), 500), np.full((1, 2), 64_000), drops, lateness, 9 * MS, missed_ns, 10**9, 3, 2)


NOTHING = Seconds(0, *(np.zeros((0, 1, 2), np.int64) for _ in range(3)), np.zeros((0, 1, 2)))


def echoes(sent_s: np.ndarray, rtt_ms: np.ndarray) -> Probes:
    return Probes(np.zeros(len(sent_s), np.intp), sent_s, rtt_ms, np.full(len(sent_s), ITS_POP))


def test_a_summary_of_a_run_that_did_as_planned() -> None:
    plan = table([True, True, False], [(10, 20), (40, 40), (0, 0)])
    at = np.arange(0.05, 30.0, 0.1)
    measured = planned_rtt_ms(plan, 0, at) + 0.2
    found = summary(plan, echoes(at, measured), stats(), NOTHING, 30.0, {"name": "test"})
    json.dumps(found, allow_nan=False)
    assert (found["valid"], found["invalid_because"], found["drops"]["queue"], found["drops"]["no_route"]) == (
        True, None, 7, 2,
    )  # fmt: skip
    one = found["terminals"][0]
    assert one["served"] == pytest.approx(2 / 3, abs=1e-4)
    assert one["not_served_because"] == {"not_permitted": pytest.approx(1 / 3, abs=1e-4)}
    assert one["rtt"]["error_ms_p50"] == pytest.approx(0.2)
    assert one["rtt"]["absolute_error_ms_p95"] == pytest.approx(0.2)
    assert (one["rtt"]["lost_of_planned"], one["rtt"]["came_unplanned"]) == (0, 0)
    assert [step["served"] for step in one["steps"]] == [True, True, False]
    assert one["steps"][2]["because"] == ["twn-1"]
    assert [(change["t_s"], change["from"], change["to"]) for change in one["hand_overs"]] == [(10.0, 100, 101)]
    assert one["hand_overs"][0]["planned_ms"] == [pytest.approx(30.0, abs=0.01), pytest.approx(50.0, abs=0.01)]
    assert "RTT planned" in told(found)[0]
    assert found["capture_failed"] is None


def test_a_capture_that_lacks_packets_is_told() -> None:
    full = replace(stats(), capture_error=errno.ENOSPC)
    found = summary(table([True], [(10, 10)]), echoes(np.zeros(0), np.zeros(0)), full, NOTHING, 10.0, {})
    assert found["capture_failed"] == "No space left on device"
    assert "The capture lacks packets: No space left on device." in told(found)
    slow = replace(full, capture_error=errno.ENOBUFS)
    assert "slower than the packets" in slow.capture_failed


def test_what_came_unplanned_and_what_did_not_come_are_told_apart() -> None:
    plan = table([True, False], [(10, 10), (0, 0)])
    found = summary(
        plan,
        echoes(np.array([1.0, 2.0, 12.0, 13.0]), np.array([20.0, np.nan, 21.0, np.nan])),
        stats(),
        NOTHING,
        20.0,
        {},
    )
    rtt = found["terminals"][0]["rtt"]
    assert (rtt["lost_of_planned"], rtt["came_unplanned"], rtt["echoes"]) == (1, 1, 4)
    assert "1 came unplanned" in told(found)[0]


@pytest.mark.parametrize(("counts", "why"), [(stats(late=11), "1.1%"), (stats(missed_ns=10**8), "no step was there")])
def test_a_run_that_was_late_is_invalid_and_says_why(counts: Stats, why: str) -> None:
    found = summary(table([True], [(10, 10)]), echoes(np.zeros(0), np.zeros(0)), counts, NOTHING, 10.0, {})
    assert not found["valid"]
    assert why in found["invalid_because"]
    assert told(found)[-1].startswith("INVALID: ")


def test_a_run_cut_short_tells_of_the_steps_it_saw() -> None:
    plan = table([True, True, False], [(10, 10)] * 3)
    found = summary(plan, echoes(np.zeros(0), np.zeros(0)), stats(), NOTHING, 10.5, {})
    assert len(found["terminals"][0]["steps"]) == 2
    assert found["terminals"][0]["served"] == 1.0
    assert found["terminals"][0]["rtt"]["measured_ms_p50"] is None


def test_seconds_have_a_row_for_each_terminal_and_what_was_delivered() -> None:
    plan = table([True, False], [(10, 10), (0, 0)])
    delivered = np.zeros((3, 1, 2), np.int64)
    delivered[2, 0] = [125_000, 1_250_000]
    through = Seconds(0, delivered, delivered, delivered, delivered.astype(float))
    rows = list(seconds(plan, echoes(np.array([2.1, 2.2, 2.3]), np.array([20.0, np.nan, 22.0])), through, 12.4))
    assert len(rows) == 13
    by_name = [dict(zip(SECONDS_COLUMNS, row, strict=True)) for row in rows]
    assert (by_name[2]["up_mbps"], by_name[2]["down_mbps"], by_name[12]["down_mbps"]) == (1.0, 10.0, 0.0)
    assert (by_name[2]["measured_rtt_ms"], by_name[2]["sent"], by_name[2]["lost"]) == (21.0, 3, 1)
    assert (by_name[12]["served"], by_name[12]["because"], by_name[12]["planned_rtt_ms"]) == (False, "twn-1", None)


def test_a_run_that_began_within_a_step_tells_its_own_seconds() -> None:
    plan = replace(table([True, True, False], [(10, 20), (40, 40), (0, 0)]), into_s=4.0)
    at = np.arange(0.05, 26.0, 0.1)
    found = summary(plan, echoes(at, planned_rtt_ms(plan, 0, at)), stats(), NOTHING, 26.0, {})
    assert found["start"] == "2026-11-20T00:00:04Z"
    (one,) = found["terminals"]
    assert [(step["t_s"], step["start"][-9:]) for step in one["steps"]] == [
        (0.0, "00:00:04Z"), (6.0, "00:00:10Z"), (16.0, "00:00:20Z"),
    ]  # fmt: skip
    assert [step["echoes"] for step in one["steps"]] == [60, 100, 100]
    assert [change["t_s"] for change in one["hand_overs"]] == [6.0]
    assert spans_not_served(plan, 0, 26.0) == [(16.0, 26.0, "not_permitted (twn-1)")]
    rows = [dict(zip(SECONDS_COLUMNS, row, strict=True)) for row in seconds(plan, echoes(at, at), NOTHING, 26.0)]
    assert [row["t_s"] for row in rows if row["hand_over"]] == [6]
    assert [row["t_s"] for row in rows if not row["served"]] == list(range(16, 26))
    assert len(summary(plan, echoes(at, at), stats(), NOTHING, 6.0, {})["terminals"][0]["steps"]) == 1


def test_times_without_service_are_joined_with_their_reason() -> None:
    plan = table([True, False, False, True], [(10, 10)] * 4)
    assert spans_not_served(plan, 0, 40.0) == [(10.0, 30.0, "not_permitted (twn-1)")]
    assert spans_not_served(plan, 0, 15.0) == [(10.0, 15.0, "not_permitted (twn-1)")]


def test_a_run_whose_steps_were_not_there_is_invalid_too() -> None:
    found = summary(
        table([True], [(10, 10)]), echoes(np.zeros(0), np.zeros(0)), stats(), NOTHING, 10.0, {}, "1 of the 3 steps"
    )
    assert (found["valid"], found["invalid_because"]) == (False, "1 of the 3 steps")


def test_rates_and_losses_stand_beside_what_was_planned() -> None:
    plan = table([True, True], [(10, 10), (10, 10)])
    plan = replace(plan, rate_mbps=np.full((2, 1, 2), (np.inf, 20.0)), loss=np.full((2, 1, 2), (0.0, 0.5)))
    bits = np.zeros((20, 1, 2), np.int64)
    bits[5:15, 0, 1] = 19_000_000 // 8
    counts = stats()
    counts.drops[0, 1, CAUSES.index("loss")] = 480
    delivered = replace(NOTHING, bytes=bits)
    found = summary(plan, echoes(np.zeros(0), np.zeros(0)), counts, delivered, 20.0, {})["terminals"][0]["links"]
    assert found["up"] == {
        "planned_mbps_p50": None, "delivered_mbps_mean": 0.0, "delivered_mbps_max": 0.0, "planned_loss": 0.0,
        "measured_loss": 0.0,
    }  # fmt: skip
    assert (found["down"]["planned_mbps_p50"], found["down"]["delivered_mbps_max"]) == (20.0, 19.0)
    assert (found["down"]["delivered_mbps_mean"], found["down"]["planned_loss"]) == (9.5, 0.5)
    assert found["down"]["measured_loss"] == pytest.approx(480 / 980, abs=1e-6)
