"""The one object that a running controller is: what is read once, what is in force, and the plan that is applied.

`open_runtime` makes all of it on a data folder, an empty one too; `close` ends it. The loop alone changes `current`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, insert, select

from openleo.controller import plan_arrow, twin
from openleo.controller.clock import Clock, SteadyClock, SystemClock
from openleo.controller.database import address_of, connect, reading, writing
from openleo.controller.in_force import Gate, InForce, LedgerReader, Outage
from openleo.controller.leader import Leader, Role
from openleo.controller.settings import Settings
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.tables import metadata, tokens
from openleo.controller.twin import Twin
from openleo.governance.house import Folder

ADMINISTRATOR = "administrator"
BEATS_IN_A_SLOT = 5
FOLLOWING = Role(False, None)


@dataclass(frozen=True, eq=False)
class Applied:
    """A plan with its bytes."""

    plan: SlotPlan
    arrow: bytes


@dataclass(eq=False)
class Runtime:
    """A running controller. `current`: the plan applied last, swapped whole; None before the first."""

    data: Path
    settings: Settings
    engine: Engine
    clock: SteadyClock
    leader: Leader
    gate: Gate
    twin: Twin
    cells_arrow: bytes
    administrator: str | None = None  # a token, where one was made just now
    current: Applied | None = None
    in_force: InForce | None = None
    outage: Outage | None = None  # of the ledger, for so long that nothing is permitted any more
    role: Role = FOLLOWING
    outcomes: Counter[str] = field(default_factory=Counter)  # of slots
    stopping: threading.Event = field(default_factory=threading.Event)

    def plan_now(self) -> SlotPlan | None:
        """The plan applied last, unless it is so old that every lease under it has lapsed."""
        held, slots = self.current, self.twin.slots
        if held is None or slots.number(self.clock.now_s()) - held.plan.number >= self.settings.lease_slots:
            return None
        return held.plan

    def close(self) -> None:
        """Let the database go."""
        self.stopping.set()
        self.engine.dispose()


def open_runtime(scenario: Path, data: Path, settings: Settings, clock: Clock | None = None) -> Runtime:
    """Everything that a controller needs. Raises InputError, Unavailable."""
    clock = clock or SystemClock()
    ready = twin.load(scenario)
    data.mkdir(parents=True, exist_ok=True)
    database = settings.database.get_secret_value()
    engine = connect(address_of(data, database))
    metadata.create_all(engine)
    steady = SteadyClock.anchored(clock, most_jump_s=ready.slots.slot_s)
    slot_s = ready.slots.slot_s
    name = f"{socket.gethostname()} {uuid.uuid4().hex[:8]}"
    return Runtime(
        data=data,
        settings=settings,
        engine=engine,
        clock=steady,
        leader=Leader(engine, clock, name, beat_s=slot_s / BEATS_IN_A_SLOT, patience_s=slot_s),
        gate=Gate(LedgerReader(Folder(data, database), engine)),
        twin=ready,
        cells_arrow=plan_arrow.of_cells(ready.cells),
        administrator=_first_token(engine, steady.now_s()),
    )


def _first_token(engine: Engine, now_s: float) -> str | None:
    """The administrator's one-time token, where nobody has one: good for the draft of the genesis, and no role."""
    with reading(engine) as connection:
        if connection.execute(select(tokens.c.id).limit(1)).first() is not None:
            return None
    shown = secrets.token_urlsafe(32)
    row = {
        "id": uuid.uuid4().hex,
        "sha256": hashlib.sha256(shown.encode()).hexdigest(),
        "name": ADMINISTRATOR,
        "party": "operator",
        "owner": ADMINISTRATOR,
        "roles": json.dumps([]),
        "created_at": now_s,
        "once": True,
    }
    with writing(engine) as connection:
        connection.execute(insert(tokens).values(row))
    return shown
