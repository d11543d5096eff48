"""A slot's plan as an Arrow stream and back: one row a cell, in the order that `/v1/cells.arrow` gives once.

What is said of the plan as a whole stands in the schema's metadata. Nothing that exists not is a number: nobody is
null, and so is a round trip that there is none of. `binding` stands in it where capacity was computed.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells
from openleo.controller.slot_plan import FORM, NOBODY, NOT_COMPUTED, SlotPlan

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
HEADER, SHA256 = b"openleo.plan", b"openleo.sha256"
WHO = {"satellite": pa.int32(), "gateway": pa.int16(), "pop": pa.int16()}
AMOUNTS = ("rtt_ms", "down_mbps", "up_mbps")  # float32
BY_WORD = ("yes", "no")
SAID = ("rule_set", "network", "elements", "ledger_size", "ledger_root", "degraded")


def of_cells(cells: Cells) -> bytes:
    """The cells in their order, as the hexadecimal strings that H3 writes."""
    return stream(pa.table({"cell": pa.array(h3cells.text(cells), pa.string())}))


def of_plan(plan: SlotPlan) -> bytes:
    """A plan as bytes; the cells themselves are not among them."""
    columns: dict[str, pa.Array] = {
        name: pa.array(getattr(plan, name), kind, mask=getattr(plan, name) == NOBODY) for name, kind in WHO.items()
    }
    for name in AMOUNTS:
        columns[name] = pa.array(getattr(plan, name), pa.float32(), mask=np.isnan(getattr(plan, name)))
    if plan.binding is not None:
        columns["binding"] = pa.array(plan.binding, pa.uint8(), mask=plan.binding == NOT_COMPUTED)
    columns["seen"] = pa.array(plan.seen, pa.int16())
    for name in BY_WORD:
        columns[name] = _rows(getattr(plan, name), pa.uint64())
    columns["reason"] = _rows(plan.reason, pa.uint8())
    said = {HEADER: json.dumps(plan.header, sort_keys=True).encode(), SHA256: plan.sha256.encode()}
    return stream(pa.table(columns).replace_schema_metadata(said))


def retold(content: bytes, degraded: str) -> bytes:
    """A plan's bytes with another reason for it being a lesser one; the hash in it stays the whole plan's."""
    table = pa.ipc.open_stream(content).read_all()
    said = dict(table.schema.metadata or {})
    said[HEADER] = json.dumps(json.loads(said[HEADER]) | {"degraded": degraded}, sort_keys=True).encode()
    return stream(table.replace_schema_metadata(said))


def read_plan(content: bytes, cells: Cells) -> SlotPlan:
    """The plan that bytes hold, of these cells. Raises ValueError where they are no plan of theirs."""
    table = pa.ipc.open_stream(content).read_all()
    said = table.schema.metadata or {}
    header: dict[str, Any] = json.loads(said.get(HEADER, b"{}"))
    if header.get("form") != FORM:
        raise ValueError(f"these bytes are no plan of a slot ({FORM})")
    columns: dict[str, Any] = {
        name: _numbers(table, name, kind.to_pandas_dtype(), NOBODY) for name, kind in WHO.items()
    }
    columns |= {name: _numbers(table, name, np.float32, np.nan) for name in AMOUNTS}
    if "binding" in table.column_names:
        columns["binding"] = _numbers(table, "binding", np.uint8, NOT_COMPUTED)
    columns |= {name: _unrolled(table, name) for name in (*BY_WORD, "reason")}
    plan = SlotPlan(
        number=int(header["number"]),
        begins_s=header["begins_ms"] / 1000.0,
        slot_s=header["slot_ms"] / 1000.0,
        cells=cells,
        seen=table["seen"].to_numpy(),
        classes=tuple(header["classes"]),
        **{name: header[name] for name in SAID},
        **columns,
    )
    if plan.sha256 != said.get(SHA256, b"").decode():
        raise ValueError("the plan is not what its hash says: bytes were changed, or its cells are others")
    return plan


def _rows(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Axes (cell, …) as lists of one length."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), kind), values.shape[1])


def _unrolled(table: pa.Table, name: str) -> NDArray[Any]:
    column = table[name].combine_chunks()
    return np.asarray(column.flatten().to_numpy()).reshape(len(column), column.type.list_size)


def _numbers(table: pa.Table, name: str, kind: Any, otherwise: float) -> NDArray[Any]:
    return np.asarray(table[name].combine_chunks().fill_null(otherwise).to_numpy(zero_copy_only=False), kind)


def stream(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
