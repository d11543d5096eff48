"""A slot's plan as a map is sent it: the same rows, rounded as it says, in far fewer bytes."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pyarrow as pa

from console import stand_in
from openleo.controller import plan_arrow, rounded

SOME = stand_in.cells()[::97]


def table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(io.BytesIO(content)).read_all()


def test_who_serves_and_why_not_are_the_plans_own() -> None:
    plan = stand_in.plan(3, SOME)
    whole, made = table(plan_arrow.of_plan(plan)), table(rounded.of_arrow(plan_arrow.of_plan(plan)))
    assert made.schema.metadata == whole.schema.metadata
    assert set(whole.column_names) - set(made.column_names) == {"yes", "no", "rtt_ms"}
    for name in ("satellite", "gateway", "pop", "seen", "reason"):
        assert made[name].to_pylist() == whole[name].to_pylist()


def test_amounts_are_as_near_as_said_and_none_stays_none() -> None:
    plan = stand_in.plan(3, SOME)
    made = table(rounded.of_arrow(plan_arrow.of_plan(plan)))
    trip = np.array(made[rounded.TENTHS].to_pylist(), float) / 10.0
    assert np.nanmax(np.abs(trip - plan.rtt_ms)) <= 0.05 + 1e-5
    assert (np.isnan(trip) == np.isnan(plan.rtt_ms)).all()
    for name in rounded.RATES:
        sent, exact = np.array(made[name].to_pylist(), float), np.asarray(getattr(plan, name), float)
        assert made[name].type == pa.float16()
        assert (np.isnan(sent) == np.isnan(exact)).all()
        assert np.nanmax(np.abs(sent / exact - 1.0)) <= 0.0055


def test_what_does_not_go_into_16_bits_keeps_32() -> None:
    plan = stand_in.plan(3, SOME, satellites=100_000)
    plan.down_mbps[0:] = np.where(np.isnan(plan.down_mbps), np.nan, 123_456.0)
    made = table(rounded.of_arrow(plan_arrow.of_plan(plan)))
    assert made["satellite"].type == pa.int32()
    assert made["satellite"].fill_null(-1).to_pylist() == plan.satellite.tolist()
    assert made["down_mbps"].drop_null().unique().to_pylist() == [123_000.0]


def test_nobody_anywhere_is_a_plan_too() -> None:
    for where, satellites in ((SOME, 0), (SOME[:0], 9)):
        plan = stand_in.plan(3, where, satellites)
        assert table(rounded.of_arrow(plan_arrow.of_plan(plan))).num_rows == len(where)


def test_what_is_sent_to_many_is_made_and_packed_once() -> None:
    plan = stand_in.plan(3, SOME)
    content = plan_arrow.of_plan(plan)
    sent = rounded.sent(content, plan.sha256)
    assert rounded.sent(content, plan.sha256) is sent
    assert gzip.decompress(sent.gzipped) == sent.content
    assert sent.sha256 == f"{plan.sha256}-rounded"
