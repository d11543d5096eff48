"""A prepared run carried out: what it starts ends with it, whatever ends it. The verb itself: test_cli_emulate."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from openleo.emulator import namespaces, rendezvous
from openleo.emulator.counts import Seconds
from openleo.emulator.echoes import ITS_POP
from openleo.emulator.experiment import Command, Experiment, Server, Terminal
from openleo.emulator.preparing import Prepared, ready, spliced
from openleo.emulator.prober import Probes
from openleo.emulator.running import Ended, Outcome, hosts_text, on_a_second, run, since, unfed, until
from openleo.emulator.table import LinkTable, Step

NS = 1_000_000_000
MS = 1_000_000
STEP_S = 2.0


def table(served: list[bool], rtt_ms: int = 20) -> LinkTable:
    """A terminal at Taipei with the PoP at Tokyo."""
    steps = len(served)
    flags = np.array(served)[:, np.newaxis]
    return LinkTable(
        start=datetime(2026, 11, 20, tzinfo=UTC), step_s=STEP_S, terminals=("Taipei",), anchors=("Tokyo",),
        anchor=np.zeros(1, np.intp), served=flags, why=np.where(flags, "", "not_permitted"),
        because=np.full(flags.shape, ""), satellite=np.where(flags, 100, -1).astype(np.int32),
        hand_over=np.zeros_like(flags), delay_ns=np.full((steps, 1, 2, 2), rtt_ms * MS // 2),
        rate_mbps=np.full((steps, 1, 2), np.inf), loss=np.zeros((steps, 1, 2)), outage_s=np.zeros(flags.shape),
        queue_s=np.full(2, 0.1), backbone_ns=np.zeros((1, 1), np.int64), pairs=(),
        direct_ns=np.zeros((steps, 0, 2), np.int64),
    )  # fmt: skip


def prepared(plan: LinkTable, *commands: Command, servers: tuple[Server, ...] = (), lasting: bool = False) -> Prepared:
    asked = Experiment("test", Path("test.toml"), (Terminal("Taipei", "Taipei"),), ("Tokyo",), servers=servers,
                       commands=commands, ends_with_commands=not lasting)  # fmt: skip
    return ready(asked, plan, plan.duration_s, ("Tokyo",), ())


def test_every_endpoint_stands_in_the_hosts_file() -> None:
    text = hosts_text(prepared(table([True])))
    assert "100.64.0.1 taipei Taipei\n" in text
    assert "10.200.0.1 tokyo Tokyo pop-tokyo\n" in text


def test_commands_find_their_endpoints_by_any_name() -> None:
    where = ("taipei", "Tokyo", "pop-tokyo")
    found = prepared(table([True]), *(Command(0.0, one, ("true",)) for one in where)).commands
    assert [(one.kind, one.number, one.host) for one in found] == [
        ("terminal", 0, "taipei"), ("pop", 0, "tokyo"), ("pop", 0, "tokyo"),
    ]  # fmt: skip


def test_the_runs_seconds_are_the_engines() -> None:
    begins_ns = on_a_second(5 * NS + 7, 6 * NS + 8)
    assert begins_ns == 7 * NS + 7
    assert on_a_second(5 * NS + 7, 6 * NS + 7) == 6 * NS + 7
    rows = np.arange(4)[:, np.newaxis, np.newaxis] * np.ones((1, 1, 2), np.int64)
    found = since(Seconds(5 * NS + 7, rows, rows, rows, rows.astype(float)), begins_ns)
    assert found.bytes[:, 0, 0].tolist() == [2, 3]


def test_echoes_of_other_times_do_not_count() -> None:
    found = until(Probes(np.zeros(4, np.intp), np.array([-0.1, 0.0, 4.9, 5.0]), np.ones(4), np.full(4, ITS_POP)), 5.0)
    assert found.sent_s.tolist() == [0.0, 4.9]


@pytest.mark.parametrize(
    ("codes", "said"),
    [([], 0), ([(0, False)], 0), ([(0, False), (7, False), (9, False)], 7), ([(143, True)], 143),
     ([(0, False), (143, True)], 0)],
)  # fmt: skip
def test_the_exit_code_is_of_the_first_that_failed_by_itself(codes: list[tuple[int, bool]], said: int) -> None:
    ended = tuple(Ended("taipei", ("x",), 0.0, 1.0, code, stopped) for code, stopped in codes)
    outcome = Outcome(1.0, None, None, None, ended, "")  # type: ignore[arg-type]
    assert outcome.exit_code == said


def test_rules_that_change_take_the_rows_of_their_own_table() -> None:
    open_, shut = table([True] * 4), table([False] * 4)
    other = replace(open_, satellite=open_.satellite + 1)
    found = spliced([open_, shut, other], [0, 1, 3], outage_s=0.5)
    assert found.served[:, 0].tolist() == [True, False, False, True]
    assert not found.hand_over.any()  # nobody handed over: it was dark between
    found = spliced([open_, other], [0, 2], outage_s=0.5)
    assert found.hand_over[:, 0].tolist() == [False, False, True, False]
    assert found.outage_s[:, 0].tolist() == [0.0, 0.0, 0.5, 0.0]


# --- with the kernel ------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = namespaces.available()
    if not found.ok:
        pytest.skip(f"no emulation on this machine: {found}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


WAITS = "import time; time.sleep(60)"


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_what_is_not_served_delivers_nothing_and_resumes(capfd: pytest.CaptureFixture[str]) -> None:
    """Echoes by the kernel's stamps: as planned, then none at all, then as planned again."""
    plan = prepared(table([True, False, True]), Command(0.0, "taipei", ("cat", "/etc/hosts")), lasting=True)
    outcome = run(plan, lambda _: None, foreground=False)
    assert "taipei| 10.200.0.1 tokyo Tokyo pop-tokyo" in capfd.readouterr().out
    came = ~np.isnan(outcome.probes.rtt_ms)
    at = outcome.probes.sent_s
    dark = (at >= STEP_S) & (at < 2 * STEP_S)
    assert not came[dark].any()
    assert dark.sum() >= 15
    assert came[~dark & (at < 2 * STEP_S - 0.1)].mean() > 0.9
    assert 20.0 <= np.median(outcome.probes.rtt_ms[came]) < 25.0
    assert outcome.stats.dropped("not_served") > 0
    assert outcome.exit_code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_a_run_begins_within_a_step_and_goes_by_the_table_from_there() -> None:
    """Half a second of the step before is left, in which nothing is served; and all steps were there in time."""
    plan = prepared(replace(table([False, True]), into_s=STEP_S - 0.5), lasting=True)
    outcome = run(plan, lambda _: None, foreground=False)
    came, at = ~np.isnan(outcome.probes.rtt_ms), outcome.probes.sent_s
    assert outcome.ran_s == plan.runs_s == 2.5
    assert not came[at < 0.45].any()
    assert came[(at >= 0.55) & (at < 2.4)].mean() > 0.9
    assert outcome.unfed == ""


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_a_command_that_outlasts_the_time_is_ended_and_said_so() -> None:
    told: list[str] = []
    plan = prepared(table([True]), Command(0.0, "taipei", (sys.executable, "-c", WAITS)),
                    servers=(Server("Tokyo", ("sh", "-c", "echo no port; exit 3")),))  # fmt: skip
    outcome = run(plan, told.append, foreground=False)
    assert outcome.why_ended == "the time was over"
    assert (outcome.exit_code, outcome.commands[0].stopped) == (128 + signal.SIGTERM, True)
    assert "sh -c echo no port; exit 3 at tokyo has ended (3): no port" in told


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
@pytest.mark.skipif(shutil.which("ping") is None, reason="ping is not installed")
def test_the_longest_packet_is_the_one_that_was_asked_for() -> None:
    """An echo of 1,400 bytes with its 28 of headers passes, one of 1,401 does not."""
    pings = [
        Command(0.0, "taipei", ("ping", "-4", "-M", "do", "-c", "1", "-s", str(size), "tokyo")) for size in (1372, 1373)
    ]
    plan = prepared(table([True, True]), *pings)
    outcome = run(replace(plan, experiment=replace(plan.experiment, mtu=1400)), lambda _: None, foreground=False)
    assert {one.argv[-2]: one.exit_code == 0 for one in outcome.commands} == {"1372": True, "1373": False}


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_an_interruption_ends_the_run_in_order_and_a_shell_finds_it_before() -> None:
    found: list[str] = []

    def interrupt() -> None:
        until_s = time.monotonic() + 20.0
        while time.monotonic() < until_s and not list(rendezvous.running()):
            time.sleep(0.05)
        running, name = rendezvous.find("Taipei")
        found.append(str(Path(running.namespaces[name]).readlink()))
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    outcome = run(prepared(table([True] * 10)), lambda _: None, foreground=True)
    helper.join()
    assert outcome.why_ended == "interrupted"
    assert outcome.ran_s < 15.0
    assert found[0].startswith("net:")
    assert not list(rendezvous.running())


class Tomorrow:
    """Steps that begin in a minute."""

    ended = False

    def begins_ns(self, earliest_ns: int, like_ns: int | None = None) -> int:
        return earliest_ns + 60 * NS if like_ns is None else like_ns

    def steps(self, _begins_ns: int) -> Iterator[Step]:
        yield from ()

    def end(self) -> None:
        self.ended = True


@pytest.mark.slow
@pytest.mark.usefixtures("machine")
def test_an_interruption_before_the_first_step_ends_the_run_at_once() -> None:
    live, plan = Tomorrow(), prepared(table([True]))
    threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begun_s = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        run(replace(plan, table=table([])), lambda _: None, foreground=True, live=live)
    assert ended.value.code == 128 + signal.SIGINT
    assert time.monotonic() - begun_s < 20.0
    assert live.ended


@pytest.mark.parametrize(
    ("written", "late", "begun", "said"),
    [
        (3, 0, 3, ""),
        (4, 0, 3, ""),  # one ahead
        (2, 0, 3, "1 of the 3 steps that began were never written, and 0 too late"),
        (4, 1, 3, "0 of the 3 steps that began were never written, and 1 too late"),
    ],
)
def test_steps_that_were_not_there_in_time_are_told(written: int, late: int, begun: int, said: str) -> None:
    assert unfed(written, late, begun) == said
