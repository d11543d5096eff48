"""The engine as its user holds it: started, watched, stopped. `engine_process` is what runs.

Takes Endpoints (namespaces.py), Banks (banks.py) and Ways (which terminal is anchored where); gives an Engine whose
Stats and per-second deliveries stand in shared memory. It is a process of its own, for packets would otherwise wait for
whatever else this interpreter does, and it is killed by the kernel when this process ends, however it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openleo.emulator.banks import Banks
from openleo.emulator.counts import Counts, Seconds, Stats
from openleo.emulator.table import LinkTable

if TYPE_CHECKING:
    from openleo.emulator.namespaces import Endpoints

STOP_S = 15.0  # to write its last counts, and a capture to a slow disk, before it is killed


@dataclass(frozen=True)
class Ways:
    """What stays the same over a run. anchor (terminal): a PoP's number; backbone_ns (PoP, PoP); queue_s (up, down).

    pairs: terminals joined over satellites alone, in the order of a step's `direct_ns`. outage_loss: as the table's.
    """

    anchor: tuple[int, ...]
    backbone_ns: tuple[tuple[int, ...], ...]
    queue_s: tuple[float, float]
    pairs: tuple[tuple[int, int], ...] = ()
    outage_loss: float = 1.0

    @classmethod
    def of(cls, table: LinkTable) -> Ways:
        return cls(
            tuple(table.anchor.tolist()),
            tuple(tuple(row) for row in table.backbone_ns.tolist()),
            (float(table.queue_s[0]), float(table.queue_s[1])),
            tuple((int(i), int(j)) for i, j in table.pairs),
            table.outage_loss,
        )


@dataclass(frozen=True)
class EngineOptions:
    """`seconds`: for how long deliveries are told second by second. `capture`: where packets are written, if at all.

    nat: terminals go to PoPs by their anchor's public address. seed: of the lost packets. second_ns: an instant
    (CLOCK_MONOTONIC) at which one of these seconds begins, None for any.
    """

    seconds: int = 3600
    nat: bool = False
    seed: int = 1
    capture: Path | None = None
    second_ns: int | None = None


class Engine:
    """A running engine. Made by `start`. A context manager: leaving it closes it."""

    def __init__(self, process: subprocess.Popen[Any], counts: Counts, unread: Callable[[], list[int]]) -> None:
        self.process, self._counts, self._unread = process, counts, unread

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stats(self) -> Stats:
        """Counts until now, at most a tenth of a second old."""
        return replace(self._counts.stats(), unread=np.array(self._unread(), np.int64))

    def seconds(self) -> Seconds:
        """Deliveries second by second, from `begins_ns` (CLOCK_MONOTONIC), as far as they are written."""
        return self._counts.seconds()

    def stop(self) -> Stats:
        """End it, and its last counts. What was still on its way is not delivered."""
        unread = self._unread()  # first, for nobody reads the devices afterwards
        self._unread = lambda: unread
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.stats()

    def close(self) -> None:
        """End it, and give its counts' memory back."""
        self.stop()
        self._counts.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(endpoints: Endpoints, banks: Banks, ways: Ways, options: EngineOptions | None = None) -> Engine:
    """Begin to move packets. Nothing passes before `banks` holds a step for the instant."""
    options = options or EngineOptions()
    if options.nat and endpoints.vnet:
        raise ValueError("super-packets carry half a checksum, which the NAT cannot follow: nat or vnet, not both")
    terminals, pops = endpoints.terminal_tun, endpoints.pop_tun
    counts = Counts.create(len(terminals), options.seconds)
    capture = os.open(options.capture, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644) if options.capture else None
    orders = {
        "parent": os.getpid(),
        "terminals": terminals,
        "pops": pops,
        "vnet": endpoints.vnet,
        "mtu": endpoints.mtu,
        "banks": banks.fileno(),
        "pairs": ways.pairs,
        "anchor": ways.anchor,
        "backbone_ns": ways.backbone_ns,
        "queue_ns": [round(queue * 1e9) for queue in ways.queue_s],
        "outage_loss": ways.outage_loss,
        "counts": counts.fileno(),
        "seconds": options.seconds,
        "second_ns": options.second_ns,
        "nat": options.nat,
        "seed": options.seed,
        "capture": capture,
    }
    files = [*terminals, *pops, banks.fileno(), counts.fileno(), *([capture] if capture is not None else [])]
    try:
        process = endpoints.begin(
            [sys.executable, "-P", "-m", "openleo.emulator.engine_process"], stdin=subprocess.PIPE, pass_fds=files
        )
    finally:
        if capture is not None:
            os.close(capture)
    assert process.stdin is not None
    process.stdin.write(json.dumps(orders).encode() + b"\n")
    process.stdin.flush()
    return Engine(process, counts, endpoints.unread)
