"""Which ways echoes go, and what each should take: by hand on small tables, and real ones over satellites alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from openleo.emulator import namespaces
from openleo.emulator.echoes import ITS_POP, MOST, courses, planned_rtt_ms
from openleo.emulator.experiment import Command, Experiment, Terminal
from openleo.emulator.preparing import Prepared, ready
from openleo.emulator.running import run
from openleo.emulator.summary import summary, told
from openleo.emulator.table import LinkTable

MS = 1_000_000
STEP_S = 10.0
A_NANOSECOND_MS = 1e-6


def table(
    up_ms: list[list[tuple[float, float]]], direct_ms: list[tuple[float, float]] | None = None, outage_s: float = 0.0,
    step_s: float = STEP_S,
) -> LinkTable:  # fmt: skip
    """`up_ms`: of each step and terminal, at both ends; 10 ms down, and not served where it is nothing.

    Each terminal has a PoP of its own, 5 ms of fibre apart; `direct_ms`: of each step between the first two.
    """
    up = np.array(up_ms)
    steps, count = up.shape[:2]
    served = up[..., 0] > 0.0
    delay = np.zeros((steps, count, 2, 2), np.int64)
    delay[:, :, 0], delay[:, :, 1] = up * MS, 10 * MS
    hand_over = np.zeros_like(served)
    hand_over[1:] = served[1:] & served[:-1]
    return LinkTable(
        start=datetime(2026, 11, 20, tzinfo=UTC), step_s=step_s, terminals=tuple(f"t{n}" for n in range(count)),
        anchors=tuple(f"p{n}" for n in range(count)), anchor=np.arange(count), served=served,
        why=np.where(served, "", "no_satellite"), because=np.full(served.shape, ""),
        satellite=np.where(served, 100 + np.arange(steps)[:, None], -1).astype(np.int32), hand_over=hand_over,
        delay_ns=delay, rate_mbps=np.full((steps, count, 2), np.inf), loss=np.zeros((steps, count, 2)),
        outage_s=np.where(hand_over, outage_s, 0.0), queue_s=np.full(2, 0.1),
        backbone_ns=5 * MS * (1 - np.eye(count, dtype=np.int64)), pairs=((0, 1),) if direct_ms else (),
        direct_ns=(np.array(direct_ms or np.zeros((steps, 0, 2))) * MS).astype(np.int64).reshape(steps, -1, 2),
    )  # fmt: skip


def test_an_echo_goes_up_by_one_line_and_comes_down_by_another() -> None:
    plan = table([[(10, 20)], [(40, 40)], [(0, 0)]])
    found = planned_rtt_ms(plan, 0, np.array([0.0, 5.0, 15.0, 25.0, -1.0, 30.5]))
    np.testing.assert_allclose(found[:3], [20.0, 25.0, 50.0], atol=A_NANOSECOND_MS)
    assert np.isnan(found[3:]).all()  # not served, before the start, after the end


def test_the_way_down_is_the_one_that_holds_when_the_echo_turns_back() -> None:
    plan = table([[(50, 50)], [(0, 0)]])
    found = planned_rtt_ms(plan, 0, np.array([9.94, 9.96]))  # arrives up at 9.99 s, and at 10.01 s
    assert found[0] == pytest.approx(60.0)
    assert np.isnan(found[1])


def test_nothing_is_planned_within_an_outage() -> None:
    plan = table([[(10, 10)], [(10, 10)]], outage_s=0.5)
    assert np.isnan(planned_rtt_ms(plan, 0, np.array([9.995, 10.2, 10.6]))).tolist() == [True, True, False]
    some = planned_rtt_ms(replace(plan, outage_loss=0.5), 0, np.array([10.2]))
    np.testing.assert_allclose(some, [20.0], atol=A_NANOSECOND_MS)  # who has luck comes back as ever


def test_where_a_run_begins_within_a_step_all_comes_earlier() -> None:
    plan = table([[(10, 20)], [(40, 40)]], outage_s=0.5)
    at = np.array([0.0, 3.0, 5.9, 6.2, 6.6, 15.9])
    later = replace(plan, into_s=4.0)
    np.testing.assert_allclose(planned_rtt_ms(later, 0, at), planned_rtt_ms(plan, 0, at + 4.0), atol=A_NANOSECOND_MS)
    assert np.isnan(planned_rtt_ms(later, 0, np.array([-0.1, 6.2, 16.1]))).all()


def test_from_terminal_to_terminal_through_their_pops_all_legs_add_up() -> None:
    plan = table([[(20, 20), (30, 30)]])
    np.testing.assert_allclose(planned_rtt_ms(plan, 0, np.array([1.0]), 1), [20 + 5 + 10 + 30 + 5 + 10])
    dark = table([[(20, 20), (30, 30)], [(20, 20), (0, 0)]])
    found = planned_rtt_ms(dark, 0, np.array([9.96, 9.97]), 1)  # the other one answers at 9.995 s, and at 10.005 s
    assert np.isnan(found).tolist() == [False, True]


def test_over_satellites_alone_it_is_their_line_there_and_back() -> None:
    plan = table([[(20, 20), (30, 30)], [(20, 20), (30, 30)]], [(8, 12), (-1e-6, -1e-6)])
    found = planned_rtt_ms(plan, 0, np.array([0.0, 5.0, 9.995, 15.0]), 1)
    np.testing.assert_allclose(found[:2], [16.0, 20.0], atol=0.01)
    assert np.isnan(found[2:]).all()  # no way back, no way at all
    np.testing.assert_array_equal(found, planned_rtt_ms(plan, 1, np.array([0.0, 5.0, 9.995, 15.0]), 0))
    no_service = table([[(20, 20), (0, 0)]], [(8, 12)])
    assert np.isnan(planned_rtt_ms(no_service, 0, np.array([1.0]), 1)).all()


def test_ways_in_use_are_asked_along() -> None:
    two, joined = table([[(10, 10)] * 3]), table([[(10, 10)] * 3], [(8, 8)])
    to_pops = [(0, ITS_POP), (1, ITS_POP), (2, ITS_POP)]

    def ends(found: tuple[object, ...]) -> list[tuple[int, int]]:
        return [(one.terminal, one.towards) for one in found]  # type: ignore[attr-defined]

    assert ends(courses(two, set(), terminals_alone=False)) == to_pops
    assert ends(courses(two, set(), terminals_alone=True)) == [*to_pops, (0, 1), (0, 2)]
    assert ends(courses(joined, set(), terminals_alone=True)) == [*to_pops, (0, 1)]
    assert [one.address for one in courses(joined, set(), terminals_alone=True)] == [
        "10.200.0.1", "10.200.1.1", "10.200.2.1", "100.64.0.2",
    ]  # fmt: skip


def test_of_too_many_those_where_commands_run_are_asked_first() -> None:
    many = table([[(10, 10)] * (MOST + 10)])
    found = [one.terminal for one in courses(many, {MOST + 5, 3}, terminals_alone=False)]
    assert len(found) == MOST
    assert found == [*range(MOST - 1), MOST + 5]


# --- with the kernel ------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = namespaces.available()
    if not found.ok:
        pytest.skip(f"no emulation on this machine: {found}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_in_an_outage_that_is_no_silence_some_echoes_come_back() -> None:
    """A quarter: both ways lose half."""
    plan = replace(table([[(20, 20)]] * 3, step_s=2.0, outage_s=2.0), outage_loss=0.5)
    asked = Experiment("test", Path("s.toml"), (Terminal("t0", "t0"),), ("p0",), ends_with_commands=False)
    outcome = run(ready(asked, plan, plan.duration_s, ("p0",), ()), lambda _: None, foreground=False)
    came = ~np.isnan(outcome.probes.rtt_ms)
    lossy = outcome.probes.sent_s >= 2.0
    assert came[~lossy].mean() > 0.9
    assert 0.05 < came[lossy].mean() < 0.55
    assert outcome.stats.dropped("outage") > 10


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("direct_ms", "rtt_ms", "over"),
    [([(8, 12)] * 2 + [(-1e-6, -1e-6)], 20.0, "satellites alone"), (None, 80.0, "their PoPs")],
)
def test_terminals_ask_one_another_and_it_takes_what_was_planned(
    direct_ms: list[tuple[float, float]] | None, rtt_ms: float, over: str
) -> None:
    plan = replace(table([[(20, 20), (30, 30)]] * 3, direct_ms, step_s=2.0), start=datetime(2026, 11, 20, tzinfo=UTC))
    asked = Experiment("test", Path("s.toml"), (Terminal("t0", "t0"), Terminal("t1", "t1")), (),
                       commands=(Command(0.0, "t0", ("true",)),), ends_with_commands=False)  # fmt: skip
    prepared: Prepared = ready(asked, plan, plan.duration_s, (), ())
    outcome = run(prepared, lambda _: None, foreground=False)
    said = summary(plan, outcome.probes, outcome.stats, outcome.seconds, outcome.ran_s, {})
    (between,) = said["between"]
    assert (between["from"], between["to"], between["over"]) == ("t0", "t1", over)
    assert between["rtt"]["measured_ms_p50"] == pytest.approx(rtt_ms, abs=5.0)
    assert abs(between["rtt"]["error_ms_p50"]) < 5.0  # a machine that does other things, too
    assert between["rtt"]["came_unplanned"] == 0
    if direct_ms:  # in the last third there is no path
        mine = outcome.probes.of(0, 1)
        assert np.isnan(mine.rtt_ms[mine.sent_s >= 4.0]).all()
    assert [line for line in told(said) if line.startswith(f"t0 ↔ t1 over {over}; RTT planned")]
    assert said["not_probed"] == []
