"""The plan of one slot: who is served where, by which satellite and gateway, under which rules.

    what reaches the cells (twin) ─┐
    who may be served (rules)    ──┴─► SlotPlan ─► stored, then applied

Computing never acts: a plan is a frozen value with a hash over all that it says. `degrade` makes a lesser plan of the
last one where none could be computed in time: it serves nobody whom the last one did not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import rfc8785
from numpy.typing import NDArray

from openleo.cells import Cells
from openleo.service.serve import Reason, reasons_in_slot

if TYPE_CHECKING:
    from openleo.controller.in_force import InForce
    from openleo.controller.twin import Permitted, SlotSky, Twin

Words = NDArray[np.uint64]
Column = NDArray[Any]
Flags = NDArray[np.bool_]
NOBODY = -1
FORM = "openleo-slot-plan@v1"
BITS = 64
NOT_COMPUTED = 255  # in a column of `Binding`
# What a plan holds by cell, in the order and the little-endian form in which its hash takes them.
COLUMNS = {
    "satellite": "<i4",
    "gateway": "<i2",
    "pop": "<i2",
    "rtt_ms": "<f4",
    "seen": "<i2",
    "yes": "<u8",
    "no": "<u8",
    "reason": "u1",
    "down_mbps": "<f4",
    "up_mbps": "<f4",
}
# What it may hold besides: only where it does its hash takes them too, after the others. So plans without are hashed as
# they were before there was such a column.
MORE_COLUMNS = {"binding": "u1"}


@dataclass(frozen=True, eq=False)
class SlotPlan:
    """Arrays by cell, in the order of `cells`.

    satellite, gateway, pop: who serves, −1 for nobody, as where no class may be served; rtt_ms: NaN then; seen:
    satellites above the mask. yes, no (cell, word): bit i of word w is of class 64 w + i; a cell with neither depends
    on the terminal. reason (cell, class): why nobody of a class is served, `Reason.SERVED` where somebody may be.
    down_mbps, up_mbps: what all in a cell share, NaN where no capacity is computed. binding: what stops a cell from
    having more (`openleo.network.capacity.caps.Binding`), 255 where nobody is served and capacity is not why; None
    where no capacity is computed. `degraded`: why this is a lesser plan, empty where it is a whole one. `elements`:
    sha256 of those that satellites were moved by, empty for shells.
    """

    number: int
    begins_s: float
    slot_s: float
    cells: Cells
    satellite: NDArray[np.int32]
    gateway: NDArray[np.int16]
    pop: NDArray[np.int16]
    rtt_ms: NDArray[np.float32]
    seen: NDArray[np.int16]
    classes: tuple[str, ...]
    yes: Words
    no: Words
    reason: NDArray[np.uint8]
    down_mbps: NDArray[np.float32]
    up_mbps: NDArray[np.float32]
    rule_set: str
    network: str
    ledger_size: int
    ledger_root: str
    degraded: str = ""
    elements: str = ""
    binding: NDArray[np.uint8] | None = None

    @cached_property
    def header(self) -> dict[str, Any]:
        """All that is said of the plan as a whole; the number is text, as JSON's integers end at 2⁵³."""
        return {
            "form": FORM,
            "number": str(self.number),
            "begins_ms": round(self.begins_s * 1000),
            "slot_ms": round(self.slot_s * 1000),
            "classes": list(self.classes),
            "rule_set": self.rule_set,
            "network": self.network,
            "elements": self.elements,
            "ledger_size": self.ledger_size,
            "ledger_root": self.ledger_root,
            "degraded": self.degraded,
        }

    @cached_property
    def sha256(self) -> str:
        """Of the RFC 8785 header, a line feed, the cells, each of COLUMNS and of MORE_COLUMNS it has, row after row."""
        digest = hashlib.sha256(rfc8785.dumps(self.header) + b"\n" + self.cells.astype("<u8").tobytes())
        for name, form in (COLUMNS | MORE_COLUMNS).items():
            if (column := getattr(self, name)) is not None or name in COLUMNS:
                digest.update(np.ascontiguousarray(column, dtype=form).tobytes())
        return digest.hexdigest()

    @property
    def served(self) -> NDArray[np.bool_]:
        """Where somebody of a class is or may be served, axes (cell, class)."""
        return np.asarray(self.reason == Reason.SERVED)


def compute(twin: Twin, number: int, in_force: InForce, last: SlotPlan | None = None) -> SlotPlan:
    """The plan of a slot under the rules in force. `last`: the plan before it, whose satellites hand over."""
    permitted = twin.permitted(in_force.rules, number)
    sky = twin.sky(number, permitted.withheld, last.satellite if _alike(twin, last) and last else None)
    return _joined(twin, number, in_force, permitted, sky)


def _alike(twin: Twin, last: SlotPlan | None) -> bool:
    """Whether a plan's satellites and cells are this network's."""
    return last is not None and last.network == twin.network and np.array_equal(last.cells, twin.cells)


def _joined(twin: Twin, number: int, in_force: InForce, permitted: Permitted, sky: SlotSky) -> SlotPlan:
    classes = permitted.classes
    refused = unpacked(permitted.no, len(classes))
    down_mbps = up_mbps = np.full(len(twin.cells), np.nan, np.float32)
    binding = starved = None
    if (rates := twin.rates(number, permitted, ~refused)) is not None:
        down_mbps, up_mbps, binding, starved = rates.down_mbps, rates.up_mbps, rates.binding, rates.starved
    reason = reasons_in_slot(refused, sky.satellite, sky.seen, starved)
    plan = SlotPlan(
        number=number,
        begins_s=twin.slots.begins_s(number),
        slot_s=twin.slots.slot_s,
        cells=twin.cells,
        satellite=sky.satellite,
        gateway=sky.gateway,
        pop=sky.pop,
        rtt_ms=sky.rtt_ms,
        seen=sky.seen,
        classes=classes,
        yes=permitted.yes,
        no=permitted.no,
        reason=reason,
        down_mbps=down_mbps,
        up_mbps=up_mbps,
        rule_set=in_force.rules.sha256,
        network=twin.network,
        ledger_size=in_force.ledger_size,
        ledger_root=in_force.ledger_root,
        elements=twin.elements,
        binding=binding,
    )
    return dark_where_nobody(plan)


def degrade(
    last: SlotPlan, number: int, now: InForce, permitted: Permitted | None, why: str, holds: Flags | None = None
) -> SlotPlan:
    """A lesser plan for a slot, of the last one: it serves nobody of a cell and class whom that did not.

    permitted: under the rules in force now; None: that could not be found, so nobody may be served. holds (cell,):
    whether the satellite of the last plan can still be used; None: all are taken to be.
    """
    yes, no = _still(last, permitted)
    refused = unpacked(no, len(last.classes))
    lost = np.zeros(len(last.cells), np.bool_) if permitted is None else np.isin(last.gateway, list(permitted.withheld))
    set_ = np.zeros(len(last.cells), np.bool_) if holds is None else ~holds
    reason = last.reason
    for gone, because in ((set_, Reason.NO_SATELLITE), (lost, Reason.NO_GATEWAY)):
        reason = np.where(last.served & gone[:, np.newaxis], np.uint8(because), reason)
    plan = replace(
        last,
        number=number,
        begins_s=last.begins_s + (number - last.number) * last.slot_s,
        yes=yes,
        no=no,
        reason=np.where(refused, np.uint8(Reason.NOT_PERMITTED), reason),
        rule_set=now.rules.sha256,
        ledger_size=now.ledger_size,
        ledger_root=now.ledger_root,
        degraded=why,
    )
    return dark_where_nobody(plan)


def _still(last: SlotPlan, permitted: Permitted | None) -> tuple[Words, Words]:
    """What is `yes` in the last plan and now, and `no` in either; a class that rules know no more is `no`."""
    every = packed(np.ones((1, len(last.classes)), np.bool_))
    if permitted is None:
        return np.zeros_like(last.yes), np.broadcast_to(every, last.no.shape).copy()
    if permitted.classes == last.classes:
        return last.yes & permitted.yes, last.no | permitted.no
    shape = (len(last.cells), len(last.classes))
    yes, no = np.zeros(shape, np.bool_), np.ones(shape, np.bool_)
    known = [number for number, name in enumerate(last.classes) if name in permitted.classes]
    theirs = [permitted.classes.index(last.classes[number]) for number in known]
    yes[:, known] = unpacked(permitted.yes, len(permitted.classes))[:, theirs]
    no[:, known] = unpacked(permitted.no, len(permitted.classes))[:, theirs]
    return last.yes & packed(yes), last.no | packed(no)


def dark_where_nobody(plan: SlotPlan) -> SlotPlan:
    """The plan with no satellite over cells in which it serves no class.

    What binds a cell stays told where that is why nobody is served.
    """
    lit = plan.served.any(axis=1)
    bound = lit | (plan.reason == Reason.NO_CAPACITY).any(axis=1)

    def over(column: Column, otherwise: float) -> Column:
        return np.where(lit, column, column.dtype.type(otherwise))

    return replace(
        plan,
        satellite=over(plan.satellite, NOBODY),
        gateway=over(plan.gateway, NOBODY),
        pop=over(plan.pop, NOBODY),
        rtt_ms=over(plan.rtt_ms, np.nan),
        down_mbps=over(plan.down_mbps, np.nan),
        up_mbps=over(plan.up_mbps, np.nan),
        binding=None if plan.binding is None else np.where(bound, plan.binding, np.uint8(NOT_COMPUTED)),
    )


def packed(flags: Flags) -> Words:
    """(cell, word) of flags (cell, class)."""
    words = max(-(-flags.shape[1] // BITS), 1)
    wide = np.zeros((len(flags), words * BITS), np.uint64)
    wide[:, : flags.shape[1]] = flags
    shifted = wide.reshape(len(flags), words, BITS) << np.arange(BITS, dtype=np.uint64)
    return np.asarray(np.bitwise_or.reduce(shifted, axis=2), np.uint64)


def unpacked(words: Words, classes: int) -> NDArray[np.bool_]:
    """(cell, class) of words (cell, word)."""
    number = np.arange(classes)
    bits = words[:, number // BITS] >> (number % BITS).astype(np.uint64)
    return np.asarray(bits & np.uint64(1), np.bool_)
