"""What tests of leases share: rules of Taiwan, a plan of a few cells, terminals with keys, and their requests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h3.api.numpy_int as h3
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, Table, delete, insert, select

from openleo.controller import device_identity, lease_request
from openleo.controller.database import writing
from openleo.controller.lease_desk import LeaseDesk
from openleo.controller.lease_inputs import Now, as_reported
from openleo.controller.lease_offers import Ground, Offers
from openleo.controller.lease_seal import Seal
from openleo.controller.leases import LeasingTerminal, Terms
from openleo.controller.tables import accounts, leadership, terminals
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet
from openleo.service.serve import Reason

RESOLUTION, SLOT_S = 4, 15.0
NUMBER = 119_666_666
BEGINS_S = NUMBER * SLOT_S
NOW_S = BEGINS_S + 5.0
CLASSES = ("fixed", "portable", "vehicle", "maritime", "aviation", "government", "emergency")
TAICHUNG, TAIPEI, OSAKA = (24.147, 120.674), (25.04, 121.53), (34.69, 135.50)
TAIWAN = {"in": "TWN", "include": ["kinmen", "matsu"]}
PERMIT = {"id": "twn-1", "effect": "permit", "territory": TAIWAN, "reason": "licence", "authority": "operator"}


def rules(folder: Path, *some: dict[str, Any]) -> RuleSet:
    """A rule set of rules as files write them; without any, Taiwan is permitted."""
    table = {"schema": 1, "book": "operator", "rule": list(some or (PERMIT,))}
    (folder / "rules.json").write_text(json.dumps(table, default=str))
    return read_rules([folder / "rules.json"])


@dataclass(frozen=True)
class Meant:
    """Whom the ledger's targets mean: as named_targets.Meant."""

    suspended_accounts: frozenset[str] = frozenset()

    def class_of(self, _terminal: str, _account: str, registered: str) -> str:
        return registered

    def groups_of(self, _terminal: str, _account: str, registered: Any) -> frozenset[str]:
        return frozenset(registered)


@dataclass(frozen=True)
class InForce:
    """What of in_force.InForce leases read."""

    rules: RuleSet
    ledger_size: int = 41
    meant: Meant = field(default_factory=Meant)


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan as slot_plan.SlotPlan holds it."""

    cells: Any
    satellite: Any
    gateway: Any
    pop: Any
    reason: Any
    down_mbps: Any
    up_mbps: Any
    number: int = NUMBER
    begins_s: float = BEGINS_S
    slot_s: float = SLOT_S
    sha256: str = "p" * 64
    classes: tuple[str, ...] = CLASSES


GROUND = Ground(("Changhua", "Gunma"), ("Taipei", "Tokyo"), ("TWN", "JPN"), ("TWN", "JPN"))


def cell_of(place: tuple[float, float]) -> int:
    return int(h3.latlng_to_cell(*place, RESOLUTION))


def plan(*, rings: int = 2, middle: tuple[float, float] = TAICHUNG, **changes: Any) -> Plan:
    """Every cell around a place is served, by satellite 7 over the first gateway."""
    cells = np.sort(np.array(h3.grid_disk(cell_of(middle), rings), dtype=np.uint64))
    size, of = len(cells), np.full
    made = Plan(
        cells, of(size, 7, np.int32), of(size, 0, np.int16), of(size, 0, np.int16),
        of((size, len(CLASSES)), Reason.SERVED, np.uint8), of(size, np.nan, np.float32), of(size, np.nan, np.float32),
    )  # fmt: skip
    return replace(made, **changes)


def offers(of: Plan | None = None) -> Offers:
    return Offers(plan() if of is None else of, GROUND)


def key(number: int = 1) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def terminal(number: int = 1, **changes: Any) -> LeasingTerminal:
    public = key(number).public_key().public_bytes_raw()
    made = LeasingTerminal(f"t-{number}", "account-1", "fixed", "TWN", frozenset(), public, "active")
    return replace(made, **changes)


def instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def signed(said: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return said | {"signature": device_identity.sign(key(number), device_identity.LEASE, said)}


def said(number: int = 1, at_s: float = NOW_S, place: tuple[float, float] = TAICHUNG, **changes: Any) -> dict[str, Any]:
    """What a terminal says, without its signature; `position` of changes takes the place of what stands in its own."""
    position = {"lat_deg": place[0], "lon_deg": place[1], "uncertainty_m": 30.0, "age_s": 0.0, "source": "gnss"}
    if isinstance(moved := changes.pop("position", {}), dict):
        position |= moved
    document = {
        "terminal": f"t-{number}",
        "position": position,
        "speed_kmh": 0.0,
        "altitude_m": 20.0,
        "nonce": "n" * 22,
    }
    document |= {"at": instant(at_s)} | changes
    return document if isinstance(moved, dict) else document | {"position": moved}


def body(number: int = 1, at_s: float = NOW_S, **changes: Any) -> bytes:
    return json.dumps(signed(said(number, at_s, **changes), number)).encode()


def asking(**changes: Any) -> lease_request.Asking:
    return lease_request.read(body(**changes))


SEAL = Seal(key(1_000_000))  # of the controller


# --- a desk on a database ---------------------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that stands where a test sets it."""

    at_s: float = NOW_S
    jumped: bool = False

    def now_s(self) -> float:
        return self.at_s

    @property
    def timeline(self) -> Time:
        return Time(self.at_s, "a jump" if self.jumped else None)


@dataclass(frozen=True)
class Time:
    last_s: float
    jump: object | None


def enrol(engine: Engine, count: int = 1, *, first: int = 1, keys: Any = None) -> None:
    """Active terminals of one account, with the keys of their numbers; columns of others' rooms are filled."""
    public = keys or [key(number).public_key().public_bytes_raw() for number in range(first, first + count)]
    account = {"id": "account-1", "created_at": 0.0, "commitment": "account-1"}
    with writing(engine) as connection:
        if connection.execute(select(accounts.c.id)).first() is None:
            connection.execute(insert(accounts).values(_of(accounts, account)))
        rows = [
            {"id": f"t-{number}", "account": "account-1", "class": "fixed", "home_territory": "TWN", "groups": "[]",
             "public_key": one, "state": "active", "enrolled_at": 0.0, "commitment": f"t-{number}"}
            for number, one in enumerate(public, first)
        ]  # fmt: skip
        connection.execute(insert(terminals), [_of(terminals, row) for row in rows])


def _of(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in table.c}


def lead(engine: Engine, token: int = 1) -> None:
    """Somebody leads under a token."""
    with writing(engine) as connection:
        connection.execute(delete(leadership))
        connection.execute(insert(leadership).values(id=1, holder="a test", token=token, beat=1))


@dataclass
class Office:
    """A desk, and what decides for it; a test changes both as it goes."""

    engine: Engine
    rules: RuleSet
    clock: Clock = field(default_factory=Clock)
    token: int | None = 1
    plan: Plan | None = field(default_factory=plan)
    meant: Meant = field(default_factory=Meant)
    ledger_size: int = 41
    linger_s: float = 0.0
    ranged: Any = None  # Ranged: where the network has terminals

    def __post_init__(self) -> None:
        self._offers: tuple[Plan, Offers] | None = None

    def now(self, _now_s: float) -> Now | None:
        if self.plan is None:
            return None
        if self._offers is None or self._offers[0] is not self.plan:
            self._offers = (self.plan, offers(self.plan))
        return Now(InForce(self.rules, self.ledger_size, self.meant), self._offers[1])

    async def __aenter__(self) -> LeaseDesk:
        """A new desk each time, as of a process that has just begun."""
        self.desk = LeaseDesk(
            self.engine, self.clock, RESOLUTION, Terms(4), self.now, lambda: self.token, linger_s=self.linger_s,
            seal=SEAL, locate=self.ranged.whereabouts if self.ranged else as_reported,
        )  # fmt: skip
        self.desk.start()
        await asyncio.to_thread(self.desk.step, NUMBER)
        await asyncio.sleep(0)
        return self.desk

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.desk.stop)
        await asyncio.sleep(0)
