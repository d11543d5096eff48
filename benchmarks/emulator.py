"""The emulator's engine: TCP through it, 500 terminals at once, and how soon 200 stand; beside a kernel's veth pair.

Needs root, TUN devices and iperf3, and says so where they are missing. Each figure stands with the engine's own
lateness and the machine's load, without which it means nothing.
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
TERMINALS, PACKETS_A_SECOND, ECHO_S = 500, 10_000, 8.0
TCP_S = 6
VETH = "openleo-bench"


def run(_: Path) -> dict[str, Any]:
    found = available()
    if not found.ok:
        print(f"emulator: {found}")
        return {"skipped": str(found)}
    answer = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "set_up_200": set_up(200)}
    answer["tcp_mbps"] = {"engine": tcp(False), "engine, super-packets": tcp(True), "veth": {"mbps": veth()}}
    answer["terminals_500"] = many()
    for name, row in answer["tcp_mbps"].items():
        print(f"TCP, {'no delay' if name == 'veth' else f'{RTT_MS:.0f} ms RTT'}, {name:22} {row['mbps']:8.0f} Mbit/s")
    many_ = answer["terminals_500"]
    print(
        f"{TERMINALS} terminals, {many_['packets_a_second']:,.0f} packets/s: {many_['cpu_share']:.0%} of a core, "
        f"median {many_['error_ms_median']:+.2f} ms; {many_['invalid'] or 'valid'}"
    )
    print(f"200 terminals stand in {answer['set_up_200']['wall_s']:.2f} s; load {answer['load']:.1f}", flush=True)
    return answer


def set_up(terminals: int) -> dict[str, float]:
    began, cpu = time.monotonic(), time.process_time()
    with endpoints(terminals, 2):
        return {"wall_s": time.monotonic() - began, "cpu_s": time.process_time() - cpu}


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


def iperf(client: list[str], server: list[str], to: str) -> float:
    with subprocess.Popen([*server, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL) as serving:
        time.sleep(0.5)
        command = [*client, "iperf3", "-c", to, "-J", "-t", str(TCP_S), "-O", "1"]
        told = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
        serving.wait(10)
    return float(told["end"]["sum_received"]["bits_per_second"] / 1e6)


def tcp(vnet: bool) -> dict[str, Any]:
    with network(1, vnet) as (ends, engine):
        inside = [["nsenter", f"--net={ends.namespace_path(kind, 0)}"] for kind in ("terminal", "pop")]
        mbps = iperf(inside[0], inside[1], "10.200.0.1")
        stats = engine.stats()
    return {"mbps": mbps, "late_share": stats.late_share, "engine_cpu_s": stats.cpu_ns / 1e9}


def veth() -> float:
    """Two namespaces and the kernel's own cable: what this machine does with nothing between."""
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
        return iperf(*([["ip", "netns", "exec", name] for name in names]), to="10.9.0.2")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def many() -> dict[str, Any]:
    """Each terminal pings ten times a second: two packets an echo. Times of answers are the kernel's."""
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
        while number < total or time.monotonic() < began + ECHO_S + 0.5:
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
        took, after = time.monotonic() - began, engine.stats()
        for raw in raws.values():
            raw.close()
    return {
        "packets_a_second": float((after.packets.sum() - before.packets.sum()) / took),
        "cpu_share": (after.cpu_ns - before.cpu_ns) / 1e9 / took,
        "error_ms_median": float(np.median(rtt_ms)) - RTT_MS,
        "error_ms_p99": float(np.percentile(rtt_ms, 99)) - RTT_MS,
        "lost": total - len(rtt_ms),
        "invalid": after.invalid,
    }
