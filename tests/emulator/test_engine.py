"""Real packets, measured by kernels in other namespaces: the engine does not measure itself here."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from devices import NS, a_step, echoes, measured, needs, needs_devices, network

from openleo.emulator import engine as engine_module
from openleo.emulator.carrier import Tally
from openleo.emulator.counts import CAUSES, MISSED_NS, PACKETS, WAITED, Counts
from openleo.emulator.engine_process import tell
from openleo.emulator.namespaces import QUEUE_PACKETS

pytestmark = needs_devices
REAL_NS = time.time_ns() - time.monotonic_ns()


def after_s(net, sent_ns):
    """When, from the run's beginning."""
    return (sent_ns - REAL_NS - net.feeder.begins_ns) / NS


def in_order(order):
    return order == sorted(order)


@pytest.mark.parametrize("rtt_ms", [20.0, 60.0, 200.0])
def test_median_rtt_within_a_millisecond(rtt_ms):
    def measure():
        with network([a_step(rtt_ms=rtt_ms, up_share=0.7)]) as net:
            found = echoes(net, 200, 0.01)
            return found, net.engine.stats()

    found, stats = measured(measure)
    assert not np.isnan(found.rtt_ms).any()
    assert in_order(found.order)
    assert np.nanmin(found.rtt_ms) >= rtt_ms - 0.01, "never faster than the plan"
    assert abs(np.nanmedian(found.rtt_ms) - rtt_ms) <= 1.0, stats


@pytest.mark.parametrize(("sender", "receiver", "share"), [("terminal", "pop", 0.7), ("pop", "terminal", 0.3)])
def test_each_direction_has_its_own_delay(sender, receiver, share):
    """One way, by the receiver's kernel: of 100 ms there and back 70 are up."""

    def measure():
        with network([a_step(rtt_ms=100.0, up_share=0.7)]) as net:
            address = {"terminal": "100.64.0.1", "pop": "10.200.0.1"}[receiver]
            with net.endpoints.socket(receiver, 0, socket.AF_INET, socket.SOCK_DGRAM) as to:
                to.bind((address, 5000))
                to.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
                to.settimeout(2.0)
                took_ms = []
                with net.endpoints.socket(sender, 0, socket.AF_INET, socket.SOCK_DGRAM) as by:
                    for _ in range(9):
                        sent_ns = time.time_ns()
                        by.sendto(b"there", (address, 5000))
                        _, ancillary, _, _ = to.recvmsg(64, 256)
                        took_ms.append((np.dot(struct.unpack("qq", ancillary[0][2]), (NS, 1)) - sent_ns) / 1e6)
            return np.median(took_ms), net.engine.stats()

    took_ms, stats = measured(measure)
    assert share * 100.0 - 0.01 <= took_ms <= share * 100.0 + 1.0, stats


def test_order_is_kept_when_the_delay_falls():
    """From 60 to 20 ms at once, with a packet each millisecond. (test_carrier.py has the control that fails.)"""
    with network([a_step(rtt_ms=60.0), a_step(rtt_ms=20.0)], step_s=1.0) as net:
        found = echoes(net, 1800, 0.001)
    assert in_order(found.order)
    assert len(found.order) == 1800
    assert np.nanmax(found.rtt_ms[:700]) > 59.0
    assert np.nanmedian(found.rtt_ms[1300:]) < 25.0


def test_denied_nothing_arrives_from_the_steps_first_instant_and_back_after():
    def measure():
        with network([a_step(), a_step(served=False), a_step()], step_s=1.0) as net:
            found = echoes(net, 560, 0.005)
            return (after_s(net, found.sent_ns), found.rtt_ms), net.engine.stats()

    (sent_s, rtt_ms), stats = measured(measure)
    arrived = ~np.isnan(rtt_ms)
    assert not arrived[(sent_s >= 1.0) & (sent_s < 2.0 - 0.001)].any(), "nothing sent while denied"
    assert arrived[(sent_s > 0.05) & (sent_s < 0.9)].all()
    assert arrived[(sent_s > 2.05) & (sent_s < 2.7)].all()
    assert stats.dropped("not_served") > 150


def test_a_hand_over_is_silent_for_as_long_as_planned():
    def measure():
        with network([a_step(), a_step(rtt_ms=30.0, outage_s=0.2)], step_s=1.0) as net:
            found = echoes(net, 900, 0.002)
            return (after_s(net, found.sent_ns), found.rtt_ms), net.engine.stats()

    (sent_s, rtt_ms), stats = measured(measure)
    lost_s = sent_s[np.isnan(rtt_ms)]
    # Upwards from the boundary on; downwards also what was sent a one-way delay before it.
    assert 0.98 <= lost_s.min() <= 1.01
    assert lost_s.max() == pytest.approx(1.2, abs=0.01)
    assert stats.dropped("outage") == len(lost_s)
    assert abs(np.nanmedian(rtt_ms[sent_s > 1.3]) - 30.0) < 1.0


@pytest.mark.slow
def test_loss_as_planned():
    with network([a_step(loss=0.05)]) as net:
        found = echoes(net, 2000, 0.001)
        stats = net.engine.stats()
    lost = np.isnan(found.rtt_ms)
    assert lost.mean() == pytest.approx(1 - 0.95**2, abs=0.025)  # four standard deviations
    assert stats.dropped("loss") == lost.sum()


def iperf(net, *arguments, seconds=4):
    """What iperf3 tells of a transfer from terminal 0 to PoP 0."""
    server = net.endpoints.run("pop", 0, ["iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    command = ["iperf3", "-c", "10.200.0.1", "-J", "-t", str(seconds), "--connect-timeout", "3000", *arguments]
    client = net.endpoints.run("terminal", 0, command, stdout=subprocess.PIPE, text=True)
    told = json.loads(client.communicate(timeout=seconds + 20)[0])
    server.wait(10)
    assert "error" not in told, told["error"]
    return told["end"]


@needs("iperf3")
def test_tcp_at_100_mbps_within_15_percent():
    def measure():
        with network([a_step(rate_mbps=100.0)]) as net:
            received = iperf(net, "-C", "cubic", seconds=6)["sum_received"]["bits_per_second"]
            return received / 1e6, net.engine.stats()

    mbps, stats = measured(measure)
    assert 85.0 <= mbps <= 100.0, stats


@pytest.mark.parametrize("rate_mbps", [20.0, 100.0])
def test_udp_at_the_receiver_within_2_percent(rate_mbps):
    """A burst, and when its packets came, by the receiver's kernel: a sender that has to wait for a core does no harm.

    (iperf3's sender and receiver lose packets of their own on a busy machine, before the network and after it.)
    """
    count, size = 3000, 1200 + 28

    def measure():
        with network([a_step(rate_mbps=rate_mbps)], queue_s=5.0) as net:
            inside = net.endpoints.socket
            with inside("pop", 0, socket.AF_INET, socket.SOCK_DGRAM) as to:
                to.bind(("10.200.0.1", 5000))
                to.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
                to.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
                to.settimeout(2.0)
                with inside("terminal", 0, socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    for _ in range(count):
                        sender.sendto(bytes(1200), ("10.200.0.1", 5000))
                came_ns = []
                for _ in range(count):
                    _, ancillary, _, _ = to.recvmsg(2048, 256)
                    came_ns.append(np.dot(struct.unpack("qq", ancillary[0][2]), (NS, 1)))
            return (count - 1) * size * 8e3 / (came_ns[-1] - came_ns[0]), net.engine.stats()

    mbps, stats = measured(measure)
    assert mbps == pytest.approx(rate_mbps, rel=0.02), stats


@needs("ping")
@pytest.mark.slow
def test_other_pops_other_terminals_and_ipv6():
    with network([a_step(terminals=2)], terminals=2, pops=2) as net:
        for to, rtt_ms in (("10.200.1.1", 30), ("100.64.0.2", 40), ("fd6f:6c65:6f00:2::2", 30)):
            ping = net.endpoints.run(
                "terminal", 0, ["ping", "-c3", "-i0.2", "-q", to], stdout=subprocess.PIPE, text=True
            )
            told = ping.communicate()[0]
            assert "3 received" in told, told
            assert rtt_ms <= float(told.split("= ")[1].split("/")[0]) < rtt_ms + 5


@needs("iperf3")
@pytest.mark.slow
def test_super_packets_carry_tcp():
    with network([a_step()], vnet=True) as net:
        assert iperf(net, seconds=2)["sum_received"]["bits_per_second"] > 50e6


@needs("iperf3")
@pytest.mark.slow
def test_behind_the_nat(tmp_path):
    """A transfer through it; who is behind has the public address, as the capture shows."""
    with network([a_step()], nat=True, capture=tmp_path / "out.pcap") as net:
        assert iperf(net, seconds=1)["sum_received"]["bits_per_second"] > 5e6
        outside = net.endpoints.run("pop", 0, ["ping", "-c1", "-W1", "100.64.0.1"], stdout=subprocess.DEVNULL)
        assert outside.wait() == 1, "nobody outside knows a terminal's own address"
        assert net.engine.stop().capture_failed == ""
    data = (tmp_path / "out.pcap").read_bytes()
    assert bytes([198, 18, 0, 1, 10, 200, 0, 1]) in data


@pytest.mark.slow
def test_a_capture_on_a_full_disk_is_told_and_the_packets_pass():
    with network([a_step()], capture=Path("/dev/full")) as net:
        found = echoes(net, 30, 0.01)
        stats = net.engine.stop()
    assert len(found.order) == 30
    assert stats.capture_failed == "No space left on device"


@pytest.mark.slow
def test_deliveries_second_by_second():
    with network([a_step()], seconds=10) as net:
        found = echoes(net, 150, 0.01)
        stats = net.engine.stop()
        told = net.engine.seconds()
    assert len(found.order) == 150
    assert stats.packets.tolist() == [[150, 150]]
    assert told.packets.sum(axis=0).tolist() == [[150, 150]]
    assert told.bytes.sum() == 2 * 150 * 84
    assert np.nanmean(told.delay_ms) == pytest.approx(10.0, abs=1.0)
    assert stats.lateness.sum() == 300


def test_nothing_passes_before_a_step_is_written():
    with network([None]) as net:
        found = echoes(net, 20, 0.01, tail_s=0.1)
        stats = net.engine.stop()
    assert found.order == []
    assert stats.dropped("no_step") == 20


@pytest.mark.slow
def test_what_a_full_device_drops_is_counted_and_marks_the_run():
    """An engine that stands still reads nothing: a device holds as many packets as it was given room for."""
    sent = QUEUE_PACKETS + 500
    with network([a_step(terminals=2)], terminals=2) as net:
        assert net.engine.stats().unread.tolist() == [0, 0, 0]
        os.kill(net.engine.process.pid, signal.SIGSTOP)
        with net.endpoints.socket("terminal", 1, socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, 32, 1 << 26)  # SO_SNDBUFFORCE: what waits is the sender's memory
            for _ in range(sent):
                sender.sendto(bytes(20), ("10.200.0.1", 9))
        os.kill(net.engine.process.pid, signal.SIGCONT)
        time.sleep(0.3)
        stats = net.engine.stop()
        assert net.engine.stats().unread.tolist() == stats.unread.tolist()
    assert stats.unread.tolist() == [0, pytest.approx(500, abs=20), 0]
    assert stats.unread.sum() + stats.packets[1, 0] + stats.drops[1, 0].sum() == sent
    assert "before the engine could read them" in stats.invalid
    # All of them were there when it looked again; it has read the first few hundred by 5 ms later.
    assert 1000 < stats.waited <= QUEUE_PACKETS
    assert "may have waited more than 5 ms before" in stats.invalid


@pytest.mark.slow
def test_a_step_that_is_missing_denies_and_marks_the_run():
    with network([a_step(), None, a_step()], step_s=0.5) as net:
        found = echoes(net, 130, 0.01)
        sent_s = after_s(net, found.sent_ns)
        stats = net.engine.stop()
    arrived = ~np.isnan(found.rtt_ms)
    assert not arrived[(sent_s > 0.5) & (sent_s < 0.99)].any()
    assert arrived[sent_s > 1.05].all()
    assert stats.missed_ns == pytest.approx(0.5 * NS, rel=0.3)
    assert stats.invalid


def test_two_runs_side_by_side_do_not_touch_each_other():
    def run(rtt_ms):
        with network([a_step(rtt_ms=rtt_ms)]) as net:
            found = echoes(net, 100, 0.01)
            return np.nanmedian(found.rtt_ms), net.engine.stop().packets.sum()

    with ThreadPoolExecutor(2) as pool:
        (fast, packets), (slow, _) = pool.map(run, [20.0, 80.0])
    assert 20.0 <= fast < 30.0
    assert 80.0 <= slow < 90.0
    assert packets == 200


LEAVES = """
import sys, time
sys.path.insert(0, sys.argv[1])
from devices import a_step, network
with network([a_step(terminals=3)], terminals=3) as net:
    held = net.endpoints.run("terminal", 0, ["sh", "-c", "ping -q 10.200.0.1 >/dev/null & sleep 86420"])
    time.sleep(0.5)
    print(net.engine.process.pid, held.pid, flush=True)
    time.sleep(60)
"""


def test_kill_9_leaves_no_namespace_device_or_process():
    code = [sys.executable, "-c", LEAVES, str(Path(__file__).parent)]
    with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as parent:
        started = [int(pid) for pid in parent.stdout.readline().split()]
        held = namespaces_of(parent.pid)
        assert len(held) == 4
        parent.kill()
    until = time.monotonic() + 15
    while time.monotonic() < until and (alive(started) or held & all_namespaces()):
        time.sleep(0.2)
    assert alive(started) == []
    assert not held & all_namespaces(), "who holds a namespace keeps it and its device"
    assert not any("sleep 86420" in command for command in all_commands())


def namespaces_of(pid):
    ours = Path("/proc/self/ns/net").readlink()
    return {link for link in links(Path(f"/proc/{pid}/fd")) if str(link).startswith("net:")} - {ours}


def links(folder):
    for path in folder.glob("*"):
        try:
            yield path.readlink()
        except OSError:
            continue


def all_namespaces():
    """Every network namespace that some process is in, or holds open."""
    processes = list(Path("/proc").glob("[0-9]*"))
    return {link for process in processes for folder in ("fd", "ns") for link in links(process / folder)}


def all_commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_the_engine_imports_nothing_heavy_and_starts_soon():
    code = "import openleo.emulator.engine_process, sys; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = ["numba", "scipy", "shapely", "pyarrow", "pydantic", "pyroute2", "h3", "httpx"]
    told = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_half_a_checksum_cannot_be_translated():
    class Super:
        vnet = True

    with pytest.raises(ValueError, match="nat or vnet"):
        engine_module.start(Super(), None, None, engine_module.EngineOptions(nat=True))


def test_when_a_run_is_invalid():
    counts = Counts.create(1, 1)
    counts.head[MISSED_NS] = 1
    assert "written too late" in counts.stats().invalid
    counts.head[MISSED_NS] = 0
    counts.lateness[:] = [990, 0, 0, 0, 0, 0, 0, 10, 0, 0]
    assert counts.stats().invalid == ""
    counts.lateness[-1] = 1
    assert "more than 5 ms late" in counts.stats().invalid
    counts.lateness[-1] = 0
    counts.passed[0, 0, PACKETS] = 990
    counts.head[WAITED] = 9
    assert counts.stats().invalid == ""
    counts.head[WAITED] = 10
    assert "may have waited more than 5 ms before" in counts.stats().invalid
    counts.head[WAITED] = 0
    assert replace(counts.stats(), unread=np.array([4, 6])).invalid == ""
    assert "before the engine could read them" in replace(counts.stats(), unread=np.array([4, 7])).invalid
    assert os.fstat(counts.fileno()).st_size > 0
    assert len(CAUSES) == counts.drops.shape[2]
    counts.close()


def test_seconds_are_read_as_far_as_they_were_told_and_outlive_their_memory():
    counts, day = Counts.create(2, 86_400), 86_400 * 2 * 2 * 4 * 8
    tally = Tally()
    tally.passes(3, 100, 5_000_000)
    tell(tally, counts, 7)
    told = counts.seconds()
    held = os.fstat(counts.fileno()).st_blocks * 512
    assert held < day / 50, "to look does not bring a day's pages into being"
    counts.close()
    assert told.packets.shape == (8, 2, 2)
    assert told.bytes[7].tolist() == [[0, 0], [0, 100]]
    assert told.delay_ms[7, 1, 1] == 5.0
