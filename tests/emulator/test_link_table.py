"""The table that the engine carries out: its steps, and the round trip it plans."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from openleo.emulator.table import LinkTable


def a_table(**changes: object) -> LinkTable:
    """One terminal, three steps of 15 s: 20 to 26 ms there and back, then nobody, then 40 ms."""
    delay_ms = [[[[12, 15], [8, 11]]], [[[0, 0], [0, 0]]], [[[25, 25], [15, 15]]]]
    values: dict[str, object] = {
        "start": datetime(2026, 11, 20, tzinfo=UTC),
        "step_s": 15.0,
        "terminals": ("Manila",),
        "anchors": ("Tokyo",),
        "anchor": np.zeros(1, np.intp),
        "served": np.array([[True], [False], [True]]),
        "why": np.array([[""], ["no_satellite"], [""]]),
        "because": np.full((3, 1), ""),
        "satellite": np.array([[4], [-1], [9]], np.int32),
        "hand_over": np.array([[False], [False], [True]]),
        "delay_ns": np.array(delay_ms, np.int64) * 1_000_000,
        "rate_mbps": np.full((3, 1, 2), np.inf),
        "loss": np.zeros((3, 1, 2)),
        "outage_s": np.zeros((3, 1)),
        "queue_s": np.full(2, 0.1),
        "backbone_ns": np.zeros((1, 1), np.int64),
        "pairs": (),
        "direct_ns": np.zeros((3, 0, 2), np.int64),
    }
    return LinkTable(**(values | changes))  # type: ignore[arg-type]


def test_a_table_gives_its_steps_in_turn() -> None:
    table = a_table()
    steps = list(table)
    assert (table.steps, table.duration_s) == (3, 45.0)
    assert [bool(step.served[0]) for step in steps] == [True, False, True]
    assert steps[2].delay_ns[0].tolist() == [[25_000_000, 25_000_000], [15_000_000, 15_000_000]]


def test_the_planned_round_trip_is_a_line_over_a_step_and_nothing_where_nobody_serves() -> None:
    planned = a_table().rtt_ms(0, np.array([0.0, 7.5, 14.999, 20.0, 30.0, 44.0]))
    np.testing.assert_allclose(planned, [20.0, 23.0, 25.9996, np.nan, 40.0, 40.0], atol=1e-9)
