"""The emulator's engine: TCP through it, 500 terminals at once, and how soon 200 stand; beside a kernel's veth pair.

Needs root, TUN devices and iperf3, and says so where they are missing. Each figure stands with the engine's own
lateness and the machine's load, without which it means nothing. A plain TCP is timed where its run is valid: paced by
its sender. Unpaced, and with no rate in the plan, nothing is ever dropped: it grows until it waits for the engine, and
the share of late packets says so.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from openleo.emulator.banks import NS, Banks, Feeder
from openleo.emulator.engine import Ways, start
from openleo.emulator.namespaces import available, endpoints
from openleo.emulator.packets import checksum
from openleo.emulator.table import Step

RTT_MS = 20.0
PACED = "420M"  # bit/s: what a plain engine is asked to carry, by the sender's own pacing
MBPS_AIM = 400.0
TERMINALS, PACKETS_A_SECOND, ECHO_S = 500, 11_000, 8.0
PACKETS_AIM, CPU_AIM, ERROR_AIM_MS, SET_UP_AIM_S = 10_000, 0.6, 1.0, 3.0
TCP_S = 6
VETH = f"openleo-bench-{os.getpid()}"  # `ip netns` names are the machine's: two benchmarks must not meet


def run(_: Path) -> dict[str, Any]:
    found = available()
    if not found.ok:
        print(f"emulator: {found}")
        return {"skipped": str(found)}
    answer: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "set_up_200": set_up(200)}
    print(f"load {answer['load']:.1f} on {answer['cores']} cores before all of this")
    up = answer["set_up_200"]
    met = verdict(up["wall_s"] <= SET_UP_AIM_S)
    print(f"200 terminals stand in {up['wall_s']:.2f} s and are gone in {up['gone_s']:.2f} s ({met})", flush=True)
    rows = answer["tcp"] = {}
    for name, vnet, paced in (("paced", False, PACED), ("as fast as it goes", False, ""), ("super-packets", True, "")):
        rows[name] = row = tcp(vnet, paced)
        aim = f" ({verdict(row['mbps'] >= MBPS_AIM and not row['invalid'])})" if paced else ""
        tell(
            f"{RTT_MS:.0f} ms RTT, engine, {name}",
            row["mbps"],
            f"{row['late_share']:.2%} late; {row['invalid'] or 'valid'}{aim}",
        )
    rows["veth"] = {"mbps": cable()}
    tell("kernel's veth, no delay", rows["veth"]["mbps"])
    if has_netem():
        rows["netem"] = {"mbps": cable(netem=True)}
        tell(f"{RTT_MS:.0f} ms RTT, kernel's netem", rows["netem"]["mbps"])
    else:
        print("no sch_netem here: this kernel has no netem to compare with")
    row = answer["terminals_500"] = many()
    met = verdict(
        row["packets_a_second"] >= PACKETS_AIM
        and row["cpu_share"] <= CPU_AIM
        and abs(row["error_ms_median"]) <= ERROR_AIM_MS
        and not row["invalid"]
    )
    print(
        f"{TERMINALS} terminals, {row['packets_a_second']:,.0f} packets/s: {row['cpu_share']:.0%} of a core, "
        f"round trips {row['error_ms_median']:+.2f} ms (median), {row['error_ms_p99']:+.2f} ms (99 of 100); "
        f"{row['invalid'] or 'valid'} ({met})",
        flush=True,
    )
    return answer


def verdict(met: bool) -> str:
    return "as aimed for" if met else "NOT as aimed for"


def tell(name: str, mbps: float, more: str = "") -> None:
    print(f"TCP, {name:36} {mbps:8.0f} Mbit/s  {more}", flush=True)


def set_up(terminals: int) -> dict[str, float]:
    began, cpu = time.monotonic(), time.process_time()
    with endpoints(terminals, 2):
        found = {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu}
        left = time.monotonic()
    return found | {"gone_s": time.monotonic() - left}


@contextmanager
def network(terminals: int, vnet: bool = False):  # type: ignore[no-untyped-def]
    step = Step(
        served=np.ones(terminals, bool),
        delay_ns=np.full((terminals, 2, 2), round(RTT_MS / 2 * 1e6)),
        rate_mbps=np.full((terminals, 2), np.inf),
        loss=np.zeros((terminals, 2)),
        outage_s=np.zeros(terminals),
        direct_ns=np.empty((0, 2), np.int64),
    )
    with endpoints(terminals, 1, vnet=vnet) as ends:
        banks = Banks.create(terminals)
        with start(ends, banks, Ways((0,) * terminals, ((0,),), (0.1, 0.1))) as engine:
            feeder = Feeder(banks, [step], time.monotonic_ns(), 600 * NS)
            feeder.start()
            time.sleep(0.5)
            yield ends, engine
            feeder.stop()
        banks.close()


def iperf(client: list[str], server: list[str], to: str, *more: str) -> float:
    with subprocess.Popen([*server, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL) as serving:
        time.sleep(0.5)
        command = [*client, "iperf3", "-c", to, "-J", "-t", str(TCP_S), "-O", "1", *more]
        told = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
        serving.wait(10)
    return float(told["end"]["sum_received"]["bits_per_second"] / 1e6)


def tcp(vnet: bool, paced: str) -> dict[str, Any]:
    with network(1, vnet) as (ends, engine):
        inside = [["nsenter", f"--net={ends.namespace_path(kind, 0)}"] for kind in ("terminal", "pop")]
        mbps = iperf(inside[0], inside[1], "10.200.0.1", *(["--fq-rate", paced] if paced else []))
        stats = engine.stats()
    return {
        "mbps": mbps,
        "late_share": stats.late_share,
        "unread": int(stats.unread.sum()),
        "invalid": stats.invalid,
        "engine_cpu_s": stats.cpu_ns / 1e9,
    }


def has_netem() -> bool:
    add = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    return subprocess.run(add, capture_output=True).returncode == 0


def cable(netem: bool = False) -> float:
    """Two namespaces and the kernel's own cable: what this machine does with nothing of ours between.

    netem: with half the round trip at each end, as its users have it.
    """
    names = [f"{VETH}-{end}" for end in "ab"]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(
            ["ip", "-n", names[0], "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", names[1]],
            check=True,
        )
        for name, address in zip(names, ("10.9.0.1/24", "10.9.0.2/24"), strict=True):
            subprocess.run(["ip", "-n", name, "addr", "add", address, "dev", "v0"], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "v0", "up"], check=True)
            if netem:
                delay = ["netem", "delay", f"{RTT_MS / 2}ms", "limit", "100000"]
                subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", "v0", "root", *delay], check=True)
        return iperf(*([["ip", "netns", "exec", name] for name in names]), to="10.9.0.2")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def many() -> dict[str, Any]:
    """Each terminal pings eleven times a second: two packets an echo. Times of answers are the kernel's."""
    gap_s = 2 * TERMINALS / PACKETS_A_SECOND
    echo = struct.pack("!BBHHH", 8, 0, 0, 4242, 0) + bytes(56)
    with network(TERMINALS) as (ends, engine):
        raws, poll = {}, select.epoll()
        for i in range(TERMINALS):
            raw = ends.socket("terminal", i, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            raw.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
            raw.setblocking(False)
            raws[raw.fileno()] = raw
            poll.register(raw, select.EPOLLIN)
        before, began = engine.stats(), time.monotonic()
        sent_ns: dict[tuple[int, int], int] = {}
        rtt_ms: list[float] = []
        files = list(raws)
        number, total = 0, round(ECHO_S / gap_s) * TERMINALS
        took, after = 0.0, before
        while number < total or time.monotonic() < began + took + 0.5:
            for fd, _ in poll.poll(0.001):
                data, ancillary, _, _ = raws[fd].recvmsg(2048, 256)
                if data[20] == 0:
                    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                    sequence = struct.unpack_from("!H", data, 26)[0]
                    rtt_ms.append((seconds * NS + nanoseconds - sent_ns[fd, sequence]) / 1e6)
            while number < total and time.monotonic() >= began + number * gap_s / TERMINALS:
                sequence, index = divmod(number, TERMINALS)
                packet = echo[:6] + struct.pack("!H", sequence) + echo[8:]
                packet = packet[:2] + checksum(packet).to_bytes(2, "big") + packet[4:]
                sent_ns[files[index], sequence] = time.time_ns()
                raws[files[index]].sendto(packet, ("10.200.0.1", 0))
                number += 1
                if number == total:  # rates are of the time in which echoes were sent
                    took, after = time.monotonic() - began, engine.stats()
        last = engine.stats()
        for raw in raws.values():
            raw.close()
    return {
        "packets_a_second": float((after.packets.sum() - before.packets.sum()) / took),
        "cpu_share": (after.cpu_ns - before.cpu_ns) / 1e9 / took,
        "error_ms_median": float(np.median(rtt_ms)) - RTT_MS,
        "error_ms_p99": float(np.percentile(rtt_ms, 99)) - RTT_MS,
        "lost": total - len(rtt_ms),
        "invalid": last.invalid,
    }
