"""A data folder over which controllers run and fail, and what its tables tell afterwards."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.feather as feather
from sqlalchemy import Engine, func, select, text

from controller.governed import PERMIT, Governed
from controller.processes import SCENARIO, SLOT_S, Device, enrolled
from openleo.controller import database
from openleo.controller.tables import leases, plans, slots

MANY = 20


@dataclass
class Place:
    """A data folder in which everybody is permitted, its scenario, and its terminals."""

    scenario: Path
    data: Path
    engine: Engine
    devices: list[Device]
    governed: Governed
    address: str = ""  # of the database, where it is not a file

    @property
    def words(self) -> tuple[str, ...]:
        return ("--database", self.address) if self.address else ()

    def rows(self, table: Any, by: str = "") -> list[dict[str, Any]]:
        with database.reading(self.engine) as connection:
            stated = select(table).order_by(text(by)) if by else select(table)
            return [dict(row) for row in connection.execute(stated).mappings()]

    def served(self) -> dict[int, set[str]]:
        """By slots whose plans were applied: the terminals that each of them serves."""
        applied = {row["number"] for row in self.rows(slots) if row["applied_at"] is not None}
        return {row["number"]: _served(row["terminals"]) for row in self.rows(plans) if row["number"] in applied}

    def served_last(self) -> set[str]:
        """By the plan that was applied last."""
        newest = select(func.max(slots.c.number)).where(slots.c.applied_at.is_not(None)).scalar_subquery()
        with database.reading(self.engine) as connection:
            held = connection.execute(select(plans.c.terminals).where(plans.c.number == newest)).scalar()
        return _served(held)

    def check_nobody_dropped(self, until_s: float, but: Device | None = None) -> tuple[int, int]:
        """In every slot with a plan each terminal is served whose lease holds there, until somebody stops asking.

        A lease counts that was given half a slot before the slot began: the plan, made 0.4 of one before, knows of it.
        Gives how many slots these were, and how often a terminal had let its lease lapse: on a machine so busy that
        who asks comes too late, it does.
        """
        held = [
            (int(row["id"][:12], 16) / 1000.0, row) for row in self.rows(leases) if not but or row["terminal"] != but.id
        ]
        everybody = {one.id for one in self.devices}
        assert {row["terminal"] for _, row in held} == everybody
        all_began_s = max(min(at_s for at_s, row in held if row["terminal"] == one) for one in everybody)
        served = self.served()
        looked = [number for number in served if all_began_s + 2 * SLOT_S < number * SLOT_S < until_s]
        lapsed = 0
        for number in looked:
            before_s = (number - 0.5) * SLOT_S
            holding = {
                row["terminal"] for at_s, row in held if at_s < before_s and row["slot"] <= number < row["until_slot"]
            }
            assert holding <= served[number], f"the plan of slot {number} drops {sorted(holding - served[number])}"
            lapsed += len(everybody - holding)
        return len(looked), lapsed

    def check_one_leader_at_a_time(self) -> list[int]:
        """Tokens rise from slot to slot; no lease of an earlier token was written after one of a later. The tokens."""
        tokens = [row["token"] for row in self.rows(slots, "number")]
        assert tokens == sorted(tokens)
        if not self.address:  # rows of a file are numbered as they were written
            written = [row["token"] for row in self.rows(leases, "rowid")]
            assert written == sorted(written)
        return sorted(set(tokens))

    def longest_gap(self) -> int:
        """Slots in a row without a plan, once the first leader had begun: its first plan takes long."""
        numbers = [row["number"] for row in self.rows(slots, "number") if row["applied_at"] is not None]
        return max(b - a for a, b in itertools.pairwise(numbers[3:])) - 1


def placed(folder: Path, address: str = "", keep_plans: int = 240) -> Place:
    data = folder / "data"
    governed = Governed.founded(data, database=address)
    (data / "settings.toml").write_text(f"terminal_requests_per_minute = 100000\nkeep_plans = {keep_plans}\n")
    governed.now = datetime.now(UTC)
    governed.rules(PERMIT)
    scenario = folder / "running.toml"
    scenario.write_text(SCENARIO)
    engine = database.connect(database.address_of(data, address))
    database.upgrade(engine)
    return Place(scenario, data, engine, enrolled(engine, MANY), governed, address)


def _served(terminals: bytes | None) -> set[str]:
    """The terminals that a plan's table serves; none where there is no table."""
    if not terminals:
        return set()
    table = feather.read_table(io.BytesIO(terminals)).select(["terminal", "outcome"])
    return {one["terminal"] for one in table.to_pylist() if one["outcome"] == "served"}
