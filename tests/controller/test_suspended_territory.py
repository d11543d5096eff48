"""A territory that an approved change suspends is dark one slot later in a running controller, and lit within two."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pyarrow as pa
import pytest
from governed import Governed, book, rule
from planned import BEGINS, small_twin
from running import Running
from sqlalchemy import select, update
from test_enforcement import put
from test_enforcing import summary_of

from openleo.controller.clock import ManualClock
from openleo.controller.database import reading, writing
from openleo.controller.enforcement_summary import check_row, prove_row, row_bytes, rows_of
from openleo.controller.in_force import Gate, LedgerReader
from openleo.controller.tables import leases, plans
from openleo.places import point

LANDS = {"pol": "POL", "ury": "URY"}


class Controller:
    """One that leads over the small network, under a ledger of its own."""

    def __init__(self, folder: Path, terminals: int):
        self.governed = Governed.founded(folder)
        self.governed.now = BEGINS
        self.governed.rules(book("operator", rule("both", "permit", ["POL", "URY"])))
        self.running = Running.on(folder, ManualClock(utc=BEGINS.timestamp() + 1.0))
        made = self.running.runtime
        made.gate = Gate(LedgerReader(self.governed.folder, made.engine))
        put(made.engine, [self._row(land, n) for land in LANDS for n in range(terminals)], slot=0)
        self.next(2)

    def _row(self, land: str, number: int) -> dict[str, str]:
        parts = small_twin().parts
        inside = parts.cells[_of(LANDS[land])]
        cell = int(inside[number % len(inside)])
        latitude, longitude = h3.cell_to_latlng(cell)
        position = {"lat_deg": latitude, "lon_deg": longitude, "uncertainty_m": 10.0, "age_s": 1.0, "source": "gnss"}
        signed = {"at": "2026-11-22T08:00:00Z", "position": position, "speed_kmh": 0.0}
        said = {"signed": signed, "request": {"days_abroad": None}, "answer": {"cells": [format(cell, "x")]}}
        return {"id": f"{land}-{number:05}", "body": json.dumps(said)}

    def next(self, slots: int = 1) -> None:
        """Slots pass; every lease is renewed in time."""
        made = self.running.runtime
        for _ in range(slots):
            with writing(made.engine) as connection:
                number = made.twin.slots.number(made.clock.now_s())
                connection.execute(update(leases).values(until_slot=number + 4))
            self.running.slot()
        self.governed.now = datetime.fromtimestamp(int(made.clock.now_s()), UTC)

    def settle(self) -> None:
        """Wait for what is done aside: the summary."""
        self.running.runtime._aside.submit(lambda: None).result()

    def served(self) -> dict[str, int]:
        """Terminals by land that the plan in force serves, as it is stored."""
        made = self.running.runtime
        assert made.current is not None
        with reading(made.engine) as connection:
            wanted = select(plans.c.terminals).where(plans.c.number == made.current.plan.number)
            stored = bytes(connection.execute(wanted).scalar_one())
        table = pa.ipc.open_file(pa.BufferReader(stored)).read_all().to_pylist()
        return {land: sum(row["outcome"] == "served" and row["terminal"].startswith(land) for row in table)
                for land in LANDS}  # fmt: skip

    def lit(self, land: str) -> int:
        """Cells of a land in which the plan serves anybody."""
        made = self.running.runtime
        assert made.current is not None
        return int(made.current.plan.served[_of(LANDS[land])].any(axis=1).sum())


@cache
def _of(land: str) -> np.ndarray:
    """Cells of the small network whose middle lies in a territory."""
    middles = [h3.cell_to_latlng(int(cell)) for cell in small_twin().cells]
    wheres = [point.where(*middle, 0.0) for middle in middles]
    return np.array([where is not None and where.labels == (land,) for where in wheres], dtype=bool)


def show(folder: Path, terminals: int) -> None:
    there = Controller(folder, terminals)
    try:
        there.settle()  # a ledger has one writer
        before = there.served()
        assert before["ury"] == terminals
        assert before["pol"] == terminals
        ordered = book("regulator:URY", rule("ordered", "suspend", "URY", until="2030-01-01T00:00:00Z"))
        there.governed.rules(ordered)
        there.next()
        assert there.served() == {"ury": 0, "pol": terminals}
        assert there.lit("ury") == 0
        there.settle()
        said, table = summary_of(there.governed)
        rows = rows_of(table)
        encoded = [row_bytes(row) for row in rows]
        of_there = [number for number, row in enumerate(rows) if row["terminal"].startswith("ury")]
        assert len(of_there) == terminals
        for number in of_there[:: max(1, terminals // 10)]:
            assert (rows[number]["outcome"], rows[number]["rule"]) == ("suspended", "ordered")
            check_row(rows[number], prove_row(encoded, number), said.sha256)
        there.governed.change("rules", {"book:regulator:URY": None})
        there.next(2)
        assert there.served() == before
        there.settle()
        assert summary_of(there.governed)[0].sha256 != said.sha256
    finally:
        there.running.close()


def test_a_territory_is_dark_one_slot_after_its_suspension(tmp_path: Path) -> None:
    show(tmp_path / "data", 20)


@pytest.mark.slow
def test_a_thousand_terminals_are_dark_one_slot_later(tmp_path: Path) -> None:
    show(tmp_path / "data", 1_000)
