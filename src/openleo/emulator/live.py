"""What a running controller's plan says of one terminal, slot by slot; and the slots that were lived, as a table.

Takes a slot's plan as the controller sends it (an Arrow stream) and the lease that the terminal has in hand, if it asks
for leases; gives Told, a Step of it for the engine, and at the end a LinkTable of all of them for the summary. Pure:
neither the clock nor the network (`live_controller`), nor when to ask (`live_follower`).

A plan tells a round trip in mid-slot and nothing of its two ways: so delay is level over a slot, half of it each way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from openleo.emulator.live_lease import InHand
from openleo.emulator.table import DOWN, NOBODY, QUEUE_S, SERVED, UP, LinkTable, Step, handed_over
from openleo.service.serve import Reason

# Why a terminal is dark, besides the reasons of a plan.
NO_PLAN = "no_plan"  # the controller had none when the slot began
DEPENDS = "depends"  # the cell leaves it to each terminal, and nobody asked for one
NO_CELL = "no_cell"  # the network that is served now has none there
NS_PER_MS = 1_000_000
WORD_BITS = 64
COLUMNS = {"satellite", "gateway", "pop", "rtt_ms", "down_mbps", "up_mbps", "yes", "reason"}  # that are read
HEADER, SHA256 = b"openleo.plan", b"openleo.sha256"


@dataclass(frozen=True)
class Slots:
    """The controller's count of slots: number 0 began `phase_s` after the Unix epoch."""

    slot_s: float
    phase_s: float = 0.0

    def begins_s(self, number: int) -> float:
        return number * self.slot_s + self.phase_s

    def number(self, at_s: float) -> int:
        """The slot that an instant lies in.

        >>> Slots(15.0, 12.0).number(26.9), Slots(15.0, 12.0).number(27.0)
        (0, 1)
        """
        return math.floor((at_s - self.phase_s) / self.slot_s + 1e-9)

    @classmethod
    def of(cls, number: int, begins_s: float, slot_s: float) -> Slots:
        """By one slot that is known."""
        return cls(slot_s, round(begins_s - number * slot_s, 6))


@dataclass(frozen=True, eq=False)
class Plan:
    """A slot's plan: `header` says what is said of all of it; `table` has a row a cell."""

    header: dict[str, Any]
    sha256: str
    table: pa.Table

    @classmethod
    def of(cls, content: bytes) -> Plan:
        """From an Arrow stream. Raises ValueError where it is no plan."""
        table = pa.ipc.open_stream(content).read_all()
        said = table.schema.metadata or {}
        if HEADER not in said or SHA256 not in said or not set(table.column_names) >= COLUMNS:
            raise ValueError("what was sent is no plan of a slot")
        return cls(json.loads(said[HEADER]), said[SHA256].decode(), table)

    @property
    def network(self) -> str:
        return str(self.header["network"])

    @property
    def rule_set(self) -> str:
        return str(self.header["rule_set"])

    @property
    def cells(self) -> int:
        return int(self.table.num_rows)

    def row(self, cell: int) -> dict[str, Any]:
        """Of the cell of that number in the network's order, by the names of columns."""
        found: dict[str, Any] = self.table.slice(cell, 1).to_pylist()[0]
        return found


@dataclass(frozen=True)
class Told:
    """One slot of a terminal. why: SERVED, or why not; because: the rules that say so, separated by spaces.

    gateway, pop: the network's numbers of them, as the plan has them. dark_s: for so long from its beginning nothing
    passes, as what said otherwise came late. plan: its hash.
    """

    number: int
    why: str
    because: str = ""
    satellite: int = NOBODY
    gateway: int | None = None
    pop: int | None = None
    rtt_ms: float = 0.0
    rate_mbps: tuple[float, float] = (math.inf, math.inf)  # up, down
    dark_s: float = 0.0
    plan: str = ""
    rule_set: str = ""

    @property
    def served(self) -> bool:
        return self.why == SERVED


def told(number: int, plan: Plan | None, cell: int | None, class_: str, hand: InHand | None) -> Told:
    """What a slot is to a terminal in a cell: of a class, or with what it has in hand, which is an answer to itself.

    Without a plan, a cell, a lease: dark. A cell that leaves it to the terminal serves none who does not ask.
    """
    if plan is None:
        return Told(number, NO_PLAN)
    said = Told(number, NO_CELL, plan=plan.sha256, rule_set=plan.rule_set)
    if cell is None or cell >= plan.cells:
        return said
    if hand is not None and not hand.holds(number):
        return replace(said, why=hand.why_dark, because=hand.because)
    row, classes = plan.row(cell), plan.header["classes"]
    why = _reason(row, classes.index(class_)) if class_ in classes else Reason.NOT_PERMITTED.word
    if hand is not None and row["satellite"] is not None:
        why = SERVED  # the cell is served, and who holds a lease there is of a class that is
    elif why == SERVED and not _bit(row["yes"], classes.index(class_)):
        why = DEPENDS
    if why != SERVED:
        return replace(said, why=why)
    rates = [_rate(row["up_mbps"]), _rate(row["down_mbps"])]
    if hand is not None:
        rates = [min(rate, given) for rate, given in zip(rates, hand.rate_mbps, strict=True)]
    way = {name: row[name] for name in ("satellite", "gateway", "pop", "rtt_ms")}
    return replace(said, why=SERVED, rate_mbps=(rates[UP], rates[DOWN]), **way)


def _reason(row: dict[str, Any], number: int) -> str:
    reason = Reason(row["reason"][number])
    return SERVED if reason is Reason.SERVED else reason.word


def _bit(words: Sequence[int], number: int) -> bool:
    return bool(words[number // WORD_BITS] >> (number % WORD_BITS) & 1)


def _rate(mbps: float | None) -> float:
    """No capacity computed: no limit."""
    return math.inf if mbps is None else float(mbps)


def step_of(one: Told) -> Step:
    """As the engine carries it out."""
    return Step(
        served=np.array([one.served]),
        delay_ns=_delay_ns([one])[0],
        rate_mbps=np.array([one.rate_mbps]),
        loss=np.zeros((1, 2)),
        outage_s=np.array([one.dark_s]),
        direct_ns=np.zeros((0, 2), np.int64),
    )


def table_of(lived: Sequence[Told], slots: Slots, terminal: str, anchor: str) -> LinkTable:
    """The slots that one terminal lived, one after another; none are a table of no steps, which has the names."""
    served = np.array([[one.served] for one in lived], np.bool_).reshape(-1, 1)
    satellite = np.array([[one.satellite] for one in lived], np.int32).reshape(-1, 1)
    begins_s = slots.begins_s(lived[0].number) if lived else 0.0
    return LinkTable(
        start=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=begins_s),
        step_s=slots.slot_s,
        terminals=(terminal,),
        anchors=(anchor,),
        anchor=np.zeros(1, np.intp),
        served=served,
        why=np.array([[one.why] for one in lived], np.str_).reshape(-1, 1),
        because=np.array([[one.because] for one in lived], np.str_).reshape(-1, 1),
        satellite=satellite,
        hand_over=handed_over(served, satellite),
        delay_ns=_delay_ns(lived),
        rate_mbps=np.array([[one.rate_mbps] for one in lived], np.float64).reshape(-1, 1, 2),
        loss=np.zeros((len(lived), 1, 2)),
        outage_s=np.array([[one.dark_s] for one in lived], np.float64).reshape(-1, 1),
        queue_s=np.full(2, QUEUE_S),
        backbone_ns=np.zeros((1, 1), np.int64),
        pairs=(),
        direct_ns=np.zeros((len(lived), 0, 2), np.int64),
    )


def _delay_ns(lived: Sequence[Told]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Axes (slot, terminal, direction, end)."""
    one_way = [round(one.rtt_ms / 2.0 * NS_PER_MS) for one in lived]
    return np.broadcast_to(np.array(one_way, np.int64).reshape(-1, 1, 1, 1), (len(lived), 1, 2, 2)).copy()
