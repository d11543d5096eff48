"""What the page shows of a computed run: some of its slots, and all of them together, as Arrow streams.

    reach, chunk by chunk ─► Samples (every n-th slot) ─┐
    Results (masks, statistics, rates) ────────────────┴─► slots(…) one stream a slot, whole(…) the run as one

A stream has the columns of a slot's plan as a controller sends it; `reason` has one number a class and rule set, the
classes of the first rule set first. What can serve a cell stands in it whether or not anybody may be served there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.console.scene import milliseconds
from openleo.network.capacity.caps import Binding
from openleo.network.reach import Reach
from openleo.places.parts import Parts
from openleo.policy.mask import Mask
from openleo.results import Case, Results
from openleo.service.serve import Reason, ServiceMap, reasons_in_slot, serve
from openleo.service.summary import by_cell

FORM = "openleo-run-slot@v1"
MOST_SLOTS = 96
MOST_ROWS = 1_000_000  # cells × slots: some 5 MB in a page
RTT_DIGITS = 1  # of a millisecond
KEPT = {"satellite": pa.int32(), "gateway": pa.int16(), "pop": pa.int16()}


@dataclass
class Samples:
    """Collects every n-th slot of a run while it is computed: `on_reach` is handed to the run."""

    case: Case
    kept: dict[int, Reach] = field(default_factory=dict)
    every: int = 0  # 0: nothing has come yet

    def on_reach(self, cells: h3cells.Cells, chunk: Reach) -> None:
        """Keep those slots of a chunk that are shown."""
        slots = self.case.grid.slots
        self.every = self.every or -(-slots // min(MOST_SLOTS, max(1, MOST_ROWS // len(cells))))
        ends = chunk.first_slot + len(chunk.satellite)
        for slot in range(-(-chunk.first_slot // self.every) * self.every, ends, self.every):
            self.kept[slot] = _one(chunk, slot - chunk.first_slot)


def _one(chunk: Reach, row: int) -> Reach:
    """A slot of a chunk, axes (cell,), by itself: the rest of the chunk may go."""
    gateway, pop = ((None if one is None else one[row].copy()) for one in (chunk.gateway, chunk.pop))
    first = chunk.first_slot + row
    return Reach(first, chunk.satellite[row].copy(), chunk.rtt_ms[row].copy(), chunk.seen[row].copy(), (), gateway, pop)


def rule_sets(results: Results) -> list[str]:
    """The files of the rule sets that slots are shown under; empty where nothing is withheld by any.

    The compared one only where it leaves the network as it is: slots were computed on one network.
    """
    inputs = results.case.inputs
    both = results.compared is not None and results.case.compare_network is None
    return [inputs[which].source for which in ("rules", "compare")[: 1 + both] if which in inputs]


def cells(results: Results) -> bytes:
    """The cells' H3 indexes in hexadecimal, in the order of every other stream's rows."""
    return _bytes(pa.table({"cell": pa.array(h3cells.text(results.cells), pa.string())}))


def slots(results: Results, samples: Samples) -> list[bytes]:
    """A stream for every slot that was kept, in their order."""
    refused = _refused(results)
    return [_slot(results, one, refused) for _, one in sorted(samples.kept.items())]


def whole(results: Results) -> bytes:
    """The run as one: the reason that takes most of a cell's time, medians, mean satellites, `served` shares."""
    served, reasons = [], []
    for one in _maps(results):
        table = by_cell(one)
        served.append(table.served)
        reasons.append(np.array([Reason[word.upper()] for word in table.reason], np.uint8))
    statistics, table = results.statistics, results.cell_table
    reached = statistics.can_serve > 0.0
    rtt_ms = np.where(reached, statistics.rtt_ms(0.5), np.nan)
    columns = {
        "rtt_ms": _amounts(np.round(rtt_ms, RTT_DIGITS)),
        "rtt_ms_p95": _amounts(np.round(np.where(reached, statistics.rtt_ms(0.95), np.nan), RTT_DIGITS)),
        "seen": pa.array(np.round(statistics.satellites_mean).astype(np.int16)),
        "down_mbps": _amounts(table.down_mbps_p50),
        "up_mbps": _amounts(table.up_mbps_p50),
        "binding": pa.array(_binding(table.bound_by), pa.uint8()),
        "served": _rows(np.column_stack(served).astype(np.float32), pa.float32()),
        "reason": _rows(np.column_stack(reasons), pa.uint8()),
    }
    grid = results.case.grid
    return _stream(columns, results, number="whole", begins=0, slot_ms=round(1000 * grid.slot_s * grid.slots))


def _maps(results: Results) -> list[ServiceMap]:
    """Service of every class under every rule set that is shown."""
    first = results.service
    found = [serve(first.statistics, first.parts, first.mask, one, first.rates) for one in first.mask.classes]
    other = results.compared if len(rule_sets(results)) > 1 else None
    if other is None:
        return found
    return found + [serve(other.statistics, other.parts, other.mask, one, other.rates) for one in other.mask.classes]


def _refused(results: Results) -> NDArray[np.bool_]:
    """Where most may not be served, axes (cell, class of each rule set)."""
    masks: list[Mask] = [results.service.mask]
    if len(rule_sets(results)) > 1 and results.compared is not None:
        masks.append(results.compared.mask)
    return np.column_stack([_most(results.parts, ~one.permitted) for one in masks])


def _most(parts: Parts, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether flags (part, class) hold for most of each cell's people, or of its area where nobody lives."""
    cells = len(parts.cells)
    people = np.bincount(parts.cell, parts.people, minlength=cells)
    weight = np.where(people[parts.cell] > 0.0, parts.people, parts.area_km2)
    total = np.bincount(parts.cell, weight, minlength=cells)
    of = [np.bincount(parts.cell, weight * column, minlength=cells) for column in flags.T]
    return np.column_stack(of) > 0.5 * total[:, np.newaxis]


def _slot(results: Results, one: Reach, refused: NDArray[np.bool_]) -> bytes:
    """One slot: reach as it was computed, and why nobody is served where that is so. Of capacity it knows nothing."""
    reason = reasons_in_slot(refused, one.satellite, one.seen)
    columns: dict[str, pa.Array] = {}
    for name, kind in KEPT.items():
        numbers = getattr(one, name)
        if numbers is not None:
            columns[name] = pa.array(numbers, kind, mask=numbers < 0)
    columns["rtt_ms"] = _amounts(np.where(one.satellite >= 0, np.round(one.rtt_ms, RTT_DIGITS), np.nan))
    columns["seen"] = pa.array(one.seen, pa.int16())
    columns["reason"] = _rows(reason, pa.uint8())
    number, slot_ms = str(_number(results.case, one.first_slot)), round(1000 * results.case.grid.slot_s)
    return _stream(columns, results, number=number, begins=one.first_slot, slot_ms=slot_ms)


def _number(case: Case, slot: int) -> int:
    """A slot's number as the page counts them: since 1970, by the phase of the run."""
    slot_ms = round(1000 * case.grid.slot_s)
    return milliseconds(case.grid.start) // slot_ms + slot


def _stream(columns: dict[str, pa.Array], results: Results, *, number: str, begins: int, slot_ms: int) -> bytes:
    case = results.case
    said: dict[str, Any] = {
        "form": FORM,
        "number": number,
        "begins_ms": milliseconds(case.grid.start) + round(1000 * case.grid.slot_s * begins),
        "slot_ms": slot_ms,
        "classes": list(results.service.mask.classes),
        "rule_sets": rule_sets(results),
    }
    return _bytes(
        pa.table(columns).replace_schema_metadata({b"openleo.plan": json.dumps(said, sort_keys=True).encode()})
    )


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _amounts(values: NDArray[Any]) -> pa.Array:
    return pa.array(values.astype(np.float32), pa.float32(), mask=np.isnan(values))


def _rows(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Axes (cell, …) as lists of one length."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel(), kind), values.shape[1])


def _binding(words: list[str]) -> NDArray[np.uint8]:
    """What binds most, by number; 255 where capacity is not computed."""
    return np.array([Binding[word.upper()] if word else 255 for word in words], np.uint8)
