"""Two banks of parameters in shared memory: what the engine carries out now, and what it carries out next.

Takes Steps (table.py), one after another; gives the engine's process the step that holds at an instant. Step n stands
in bank n % 2, with its number, its beginning and its end (CLOCK_MONOTONIC), so that the next is written while this one
holds and a boundary costs a comparison. Nobody waits for anybody: a sequence number, odd while a bank is being written,
tells a reader that what it copied is half of one step and half of another. No step for an instant: nothing passes.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from openleo.emulator.table import BEGIN, END, Step

NS = 1_000_000_000
BANKS = 2
TAG = np.dtype([("sequence", "<u8"), ("number", "<i8"), ("begins_ns", "<i8"), ("ends_ns", "<i8")])
# One row for each direction of each terminal: up of terminal i in row 2 i, down in row 2 i + 1.
ROW = np.dtype(
    [
        ("served", "<i8"),
        ("first_ns", "<i8"),  # delay at the step's beginning
        ("last_ns", "<i8"),  # and at its end
        ("byte_ns", "<f8"),  # time that one byte takes to depart: 0 is unlimited
        ("loss", "<f8"),
        ("outage_ns", "<i8"),
    ]
)
PAIR = np.dtype([("first_ns", "<i8"), ("last_ns", "<i8")])  # −1: no path
NEVER = -1  # the number of a bank in which nothing was written

Row = tuple[int, int, int, float, float, int]


@dataclass(frozen=True)
class HeldStep:
    """A step as the engine reads it: plain numbers, which Python handles faster than an array's."""

    number: int
    begins_ns: int
    ends_ns: int
    rows: list[Row]
    pairs: list[tuple[int, int]]
    sequence: int = 0  # of its bank, when it was read


@dataclass(frozen=True)
class InPlace:
    """A step in place of the one before it, from now on: a controller said otherwise when it had begun."""

    step: Step


class Banks:
    """Both banks, over one memory file: `fileno` is handed to the engine's process."""

    def __init__(self, fd: int, terminals: int, pairs: int) -> None:
        self._fd = fd
        self.terminals, self.pairs = terminals, pairs
        size = bank_bytes(terminals, pairs)
        self._memory = mmap.mmap(fd, BANKS * size)
        self._tags = [np.frombuffer(self._memory, TAG, 1, n * size) for n in range(BANKS)]
        self._rows = [np.frombuffer(self._memory, ROW, 2 * terminals, n * size + TAG.itemsize) for n in range(BANKS)]
        after = TAG.itemsize + 2 * terminals * ROW.itemsize
        self._pairs = [np.frombuffer(self._memory, PAIR, pairs, n * size + after) for n in range(BANKS)]

    @classmethod
    def create(cls, terminals: int, pairs: int = 0) -> Banks:
        """Empty banks: nothing passes before a first step is written."""
        fd = os.memfd_create("openleo-banks", os.MFD_CLOEXEC)
        os.ftruncate(fd, BANKS * bank_bytes(terminals, pairs))
        banks = cls(fd, terminals, pairs)
        for tag in banks._tags:
            tag["number"] = NEVER
        return banks

    def fileno(self) -> int:
        return self._fd

    def write(self, n: int, begins_ns: int, ends_ns: int, step: Step) -> None:
        """Put step n into its bank. Its number and times come last: a reader never believes half a step."""
        tag, rows, pairs = self._tags[n % BANKS], self._rows[n % BANKS], self._pairs[n % BANKS]
        tag["sequence"] += 1
        tag["number"] = NEVER
        passes = np.repeat(step.served, 2) & (step.rate_mbps.reshape(-1) > 0.0)  # a rate of nothing is no service
        rows["served"] = passes
        rows["first_ns"] = step.delay_ns[:, :, BEGIN].reshape(-1)
        rows["last_ns"] = step.delay_ns[:, :, END].reshape(-1)
        rows["byte_ns"] = 8000.0 / np.where(passes, step.rate_mbps.reshape(-1), np.inf)
        rows["loss"] = step.loss.reshape(-1)
        rows["outage_ns"] = np.repeat(np.round(step.outage_s * NS).astype(np.int64), 2)
        pairs["first_ns"] = step.direct_ns[:, BEGIN]
        pairs["last_ns"] = step.direct_ns[:, END]
        tag["begins_ns"], tag["ends_ns"], tag["number"] = begins_ns, ends_ns, n
        tag["sequence"] += 1

    def read(self, bank: int) -> HeldStep | None:
        """What stands in a bank; None where nothing does, or where it is being written."""
        before = int(self._tags[bank]["sequence"][0])
        number, begins_ns, ends_ns = (int(self._tags[bank][name][0]) for name in ("number", "begins_ns", "ends_ns"))
        if number == NEVER or before % 2:
            return None
        held = HeldStep(number, begins_ns, ends_ns, self._rows[bank].tolist(), self._pairs[bank].tolist(), before)
        return held if int(self._tags[bank]["sequence"][0]) == before else None

    def at(self, now_ns: int) -> HeldStep | None:
        """The step that holds at an instant, if it was written."""
        for bank in range(BANKS):
            tag = self._tags[bank]
            if tag["begins_ns"][0] <= now_ns < tag["ends_ns"][0]:
                held = self.read(bank)
                if held is not None and held.begins_ns <= now_ns < held.ends_ns:
                    return held
        return None

    def newest(self, held: HeldStep) -> HeldStep:
        """A step as it stands now: what was written in its place, if anything was."""
        tag = self._tags[held.number % BANKS]
        if tag["number"][0] != held.number or tag["sequence"][0] == held.sequence:
            return held
        found = self.read(held.number % BANKS)
        return found if found is not None and found.number == held.number else held

    def close(self) -> None:
        del self._tags, self._rows, self._pairs
        self._memory.close()
        os.close(self._fd)


def bank_bytes(terminals: int, pairs: int) -> int:
    """What one bank takes."""
    return TAG.itemsize + 2 * terminals * ROW.itemsize + pairs * PAIR.itemsize


class Feeder(threading.Thread):
    """Writes step n + 1 soon after step n began: at least half a step before it is needed.

    `steps` may be a LinkTable, or a generator that waits for a controller; None among them is a step of which nothing
    is known, in which nothing passes; InPlace corrects the one before it. A step that comes when it is already over is
    left out; `late` counts what was written after it had begun, and after `from_ns`, where a run begins within a step;
    the run's summary says so. Use `stop` before closing the banks.
    """

    def __init__(
        self, banks: Banks, steps: Iterable[Step | InPlace | None], begins_ns: int, step_ns: int, from_ns: int = 0
    ) -> None:
        super().__init__(name="feeder", daemon=True)
        self._banks, self._steps = banks, steps
        self.begins_ns, self.step_ns, self._from_ns = begins_ns, step_ns, from_ns
        self.written, self.late = 0, 0
        self.error: Exception | None = None  # what the iterator raised: the run ends in denial, and says why
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            n = -1
            for said in self._steps:
                corrects = isinstance(said, InPlace)
                step = said.step if isinstance(said, InPlace) else said
                n += not corrects
                begins_ns = self.begins_ns + n * self.step_ns
                if self._stopped.wait(max(0, may_write_ns(n, self.begins_ns, self.step_ns) - time.monotonic_ns()) / NS):
                    return
                if step is None or time.monotonic_ns() >= begins_ns + self.step_ns:
                    continue
                self._banks.write(n, begins_ns, begins_ns + self.step_ns, step)
                self.written += not corrects
                self.late += not corrects and time.monotonic_ns() > max(begins_ns, self._from_ns)
        except Exception as error:  # noqa: BLE001 - whatever a generator raises belongs to the run, not to this thread
            self.error = error

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=5.0)


def may_write_ns(n: int, begins_ns: int, step_ns: int) -> int:
    """When step n may be written: its bank held step n − 2 until step n − 1 began.

    A tenth of a step later, for a packet that waits in a queue across the boundary asks the older step for its delay.
    """
    return begins_ns + (n - 1) * step_ns + step_ns // 10 if n >= BANKS else 0
