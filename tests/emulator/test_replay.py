"""Recorded traces as tables: IRTT's JSON as its example stands in the README of LENS, LENS's CSV, Mahimahi's traces.

The authority on a line's rate is Mahimahi's own README: a file that holds "1" is 12 Mbit/s.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from openleo.emulator.recordings import read_opportunities, read_recording
from openleo.emulator.replay import RecordedTerminal, replayed
from openleo.emulator.table import DOWN, UP
from openleo.errors import InputError

START = datetime(2026, 11, 20, tzinfo=UTC)


def irtt(*trips: tuple[int, int | None, str]) -> str:
    """As `irtt client -o` writes it: sent (ns, monotonic), round trip (ns), lost."""
    made = [
        {
            "seqno": number,
            "lost": lost,
            "timestamps": {"client": {"receive": {}, "send": {"wall": 1707277440772833721 + sent, "monotonic": sent}},
                           "server": {"receive": {}, "send": {}}},
            "delay": {} if rtt is None else {"receive": -10470921269, "rtt": rtt, "send": 10488213200},
            "ipdv": {},
        }
        for number, (sent, rtt, lost) in enumerate(trips)
    ]  # fmt: skip
    return json.dumps({"version": {"irtt": "0.9.1"}, "config": {}, "stats": {}, "round_trips": made})


LENS_README = (  # its five packets
    (22211105, 17291970, "false"),
    (1022856655, 16870863, "false"),
    (2022029432, 16064572, "false"),
    (3022256680, 16259053, "false"),
    (4022643932, 16597560, "false"),
)


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("packed", [False, True])
def test_irtt_is_read_as_it_stands_in_lens(tmp_path: Path, packed: bool) -> None:
    text = irtt(*LENS_README)
    path = tmp_path / ("t.json.gz" if packed else "t.json")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read_recording(path)
    np.testing.assert_allclose(found.rtt_ms, [17.291970, 16.870863, 16.064572, 16.259053, 16.597560])
    np.testing.assert_allclose(found.t_s, [0.0, 1.00064555, 1.999818327, 3.000045575, 4.000432827], atol=1e-9)
    assert not found.lost.any()


def test_a_trace_with_a_sample_a_step_is_replayed_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "t_s,rtt_ms\n" + "".join(f"{n},{20 + n % 7}\n" for n in range(60)))
    table = replayed([RecordedTerminal("there", "Tokyo", read_recording(path))], START, 1.0, up_share=0.6)
    assert (table.steps, table.terminals, table.anchors) == (60, ("there",), ("Tokyo",))
    assert table.served.all()
    at = np.arange(60.0)
    np.testing.assert_allclose(table.rtt_ms(0, at), 20 + at % 7, atol=1e-5)
    np.testing.assert_allclose(table.delay_ns[:, 0, UP] / table.delay_ns[:, 0].sum(axis=1), 0.6, atol=1e-6)
    np.testing.assert_allclose(table.rtt_ms(0, np.array([6.5])), [23.0], atol=1e-5)  # between 26 and 20
    assert (table.delay_ns[1:, 0, :, 0] == table.delay_ns[:-1, 0, :, 1]).all()
    assert np.isinf(table.rate_mbps).all()


def test_of_many_samples_a_step_the_median_holds_and_jitter_goes(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    t_s = np.arange(0.0, 60.0, 0.02)
    rtt_ms = 30.0 + 0.2 * t_s + random.normal(0.0, 3.0, len(t_s))
    text = "t_s,rtt_ms\n" + "".join(f"{a:.3f},{b:.4f}\n" for a, b in zip(t_s, rtt_ms, strict=True))
    table = replayed([RecordedTerminal("a", "P", read_recording(written(tmp_path, "t.csv", text)))], START, 3.0)
    at = np.arange(3.0, 57.0, 0.5)
    assert np.abs(table.rtt_ms(0, at) - (30.0 + 0.2 * at)).max() < 1.5  # of 150 samples' median: 0.3 ms


def test_losses_are_of_the_way_that_irtt_knows_and_of_both_alike_where_it_does_not(tmp_path: Path) -> None:
    ms = 1_000_000
    lost = ["true_up", "true_up", "true_down", "true", *["false"] * 6]
    trips = [(n * 100 * ms, None if word != "false" else 20 * ms, word) for n, word in enumerate(lost)]
    table = replayed(
        [RecordedTerminal("a", "P", read_recording(written(tmp_path, "t.json", irtt(*trips))))], START, 1.0
    )
    assert table.steps == 1
    came_back = np.prod(1.0 - table.loss[0, 0])
    assert came_back == pytest.approx(0.6)
    either = np.sqrt(6.0 / 7.0)
    assert table.loss[0, 0, UP] == pytest.approx(1.0 - 0.8 * either)
    assert table.loss[0, 0, DOWN] == pytest.approx(1.0 - 7.0 / 8.0 * either)


def test_a_csv_says_loss_and_rates(tmp_path: Path) -> None:
    text = "t_s,rtt_ms,loss,down_mbps,up_mbps\n0,20,,100,10\n1,21,0.19,,\n2,,,50,5\n3,20,,70,\n"
    table = replayed([RecordedTerminal("a", "P", read_recording(written(tmp_path, "t.csv", text)))], START, 1.0)
    np.testing.assert_allclose(table.loss[:, 0], [[0, 0], [0.1, 0.1], [1, 1], [0, 0]], atol=1e-12)
    assert table.rate_mbps[:, 0, DOWN].tolist() == [100.0, 100.0, 50.0, 70.0]
    assert table.rate_mbps[:, 0, UP].tolist() == [10.0, 10.0, 5.0, 5.0]


def test_lens_s_own_csv_is_read(tmp_path: Path) -> None:
    text = (  # from its README
        "timestamp,rtt,uplink,downlink\n1705744800616897349,0,0,-1\n1705744800626565141,120.126123,72.439368,47.68675\n"
        "1705744800636737402,109.976237,62.295097,47.681199\n1705744800666731717,-1,0,0\n"
    )
    found = read_recording(written(tmp_path, "irtt.csv", text))
    np.testing.assert_allclose(found.t_s, [0.0, 0.009667792, 0.019840053, 0.049834368], atol=1e-6)
    np.testing.assert_allclose(found.rtt_ms, [np.nan, 120.126123, 109.976237, np.nan])
    assert found.lost.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]
    ping = read_recording(
        written(tmp_path, "ping.csv", "timestamp,rtt\n1705744800.533641,91.8\n1705744800.55492,96.5\n")
    )
    np.testing.assert_allclose(ping.t_s, [0.0, 0.021279], atol=1e-6)


def test_nothing_passes_in_a_gap_and_after_the_end(tmp_path: Path) -> None:
    seconds = [*range(20), *range(60, 70)]
    path = written(tmp_path, "t.csv", "t_s,rtt_ms\n" + "".join(f"{n},20\n" for n in seconds))
    table = replayed([RecordedTerminal("a", "P", read_recording(path))], START, 1.0, duration_s=80.0)
    dark = np.flatnonzero(~table.served[:, 0])
    assert dark.tolist() == [*range(25, 55), *range(70, 80)]  # five intervals from the samples on
    assert set(table.why[dark, 0]) == {"not_recorded"}
    assert not table.delay_ns[dark].any()


@pytest.mark.parametrize(
    ("lines", "mbps"),
    [("1\n", 12.0), ("0\n1\n2\n", 18.0), ("10\n", 1.2), ("5\n5\n10\n", 3.6), ("1\n1\n", 24.0)],
)
def test_mahimahi_s_traces_are_rates_and_go_round(tmp_path: Path, lines: str, mbps: float) -> None:
    """Each line 1,500 bytes; what is past the last goes on as at the beginning."""
    packets = read_opportunities(written(tmp_path, "up", lines))
    table = replayed([RecordedTerminal("a", "P", rtt_ms=40.0, up=packets)], START, 1.0, duration_s=30.0)
    np.testing.assert_allclose(table.rate_mbps[:, 0, UP], mbps, rtol=2e-3)
    assert np.isinf(table.rate_mbps[:, 0, DOWN]).all()
    assert (table.delay_ns == 20_000_000).all()


def test_a_step_in_which_nothing_may_pass_loses_what_comes_and_holds_up_nothing(tmp_path: Path) -> None:
    packets = read_opportunities(written(tmp_path, "up", "100\n" * 50 + "5000\n"))
    table = replayed([RecordedTerminal("a", "P", rtt_ms=40.0, down=packets)], START, 1.0, duration_s=5.0)
    assert table.rate_mbps[:, 0, DOWN].tolist() == pytest.approx([0.6, np.inf, np.inf, np.inf, 0.012])
    assert table.loss[:, 0, DOWN].tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert not table.loss[:, 0, UP].any()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.txt", "", ["t.txt: is neither .json (of irtt client -o) nor .csv."]),
        ("t.csv", "t_s,rtt_ms\n", ["t.csv: holds no"]),
        ("t.csv", "t_s,rtt\n0,20\n", ["t.csv: lacks the column rtt_ms. A recording has t_s"]),
        ("t.csv", "timestamp,ms\n0,20\n", ["t.csv: lacks the column rtt. LENS writes timestamp, rtt"]),
        ("t.csv", "t_s,rtt_ms\n0,\n1,\n", ["t.csv: holds no packet that came back"]),
        ("t.csv", "t_s,rtt_ms,loss,up_mbps\nx,20,,\n1,-4,1.5,0\n2,nan,,fast\n",
         ['t.csv: line 2: has t_s "x"; it is seconds.', 't.csv: line 3: has rtt_ms "-4"; it is a time above 0',
          't.csv: line 3: has loss "1.5"; it is the part', 't.csv: line 3: has up_mbps "0"; it is a rate above 0',
          't.csv: line 4: has rtt_ms "nan"', 't.csv: line 4: has up_mbps "fast"']),
        ("t.csv", "timestamp,rtt\n1,0\n", ["t.csv: line 2: has rtt 0 of a packet that came back; it is above 0."]),
        ("t.json", "{}", ["t.json: round_trips: is missing"]),
        ("t.json", "{", ["t.json: is not JSON"]),
        ("t.json", irtt(), ["t.json: holds no sample."]),
        ("t.json", irtt((0, None, "false"), (1, 0, "false"), (2, 5, "perhaps")),
         ["t.json: round_trips[0].delay.rtt: is None", "t.json: round_trips[1].delay.rtt: is 0",
          't.json: round_trips[2].lost: is "perhaps"; it is one of false, true, true_up, true_down.']),
        ("t.json", '{"round_trips": [{"lost": "false"}, 7]}',
         ["t.json: round_trips[0].timestamps.client.send: has no time", "t.json: round_trips[1].timestamps.client"]),
        ("t.gz", "not packed", ["t.gz: cannot be read"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_recording_is_told_together(tmp_path: Path, name: str, text: str, said: list[str]) -> None:
    with pytest.raises(InputError) as told:
        read_recording(written(tmp_path, name, text))
    found = [str(problem).removeprefix(f"{tmp_path}/") for problem in told.value.problems]
    assert len(found) == len(said)
    for one, begins in zip(found, said, strict=True):
        assert one.startswith(begins)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["up: lets nothing pass after its beginning."]),
        ("0\n0\n", ["up: lets nothing pass after its beginning."]),
        ("1\n\n-3\n2.5\n", ['up: line 2: holds ""', 'up: line 3: holds "-3"', 'up: line 4: holds "2.5"']),
        ("5\n4\n", ["up: line 2: holds 4, before the line above (5). Sort the lines."]),
    ],
)
def test_what_is_wrong_with_mahimahi_s_traces(tmp_path: Path, text: str, said: list[str]) -> None:
    with pytest.raises(InputError) as told:
        read_opportunities(written(tmp_path, "up", text))
    found = [str(problem).removeprefix(f"{tmp_path}/") for problem in told.value.problems]
    assert [one[: len(begins)] for one, begins in zip(found, said, strict=True)] == said


def test_files_that_are_not_there_and_problems_without_end(tmp_path: Path) -> None:
    for read in (read_recording, read_opportunities):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / "none.json")
    with pytest.raises(InputError) as told:
        read_opportunities(written(tmp_path, "up", "x\n" * 1000))
    assert str(told.value.problems[-1]).endswith("has 980 problems more.")


def test_how_long_to_run_has_to_be_known_and_to_fit(tmp_path: Path) -> None:
    packets = read_opportunities(written(tmp_path, "up", "1\n"))
    with pytest.raises(InputError, match="duration: is needed"):
        replayed([RecordedTerminal("a", "P", rtt_ms=40.0, up=packets)], START, 1.0)
    with pytest.raises(InputError, match="step: of 1e-06 s makes"):
        replayed([RecordedTerminal("a", "P", rtt_ms=40.0)], START, 1e-6, duration_s=60.0)
