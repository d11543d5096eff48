"""Whom the network serves in a slot: every lease decided again, at the slot's begin, under the rules in force there.

    leases in force (held) ─┐
    rules and suspensions ──┼─► Enforced: the terminals that the plan serves, and why not the others ─► plan, ledger
    the slot's plan ────────┘

A lease only says that its terminal may be served until it lapses. What is in force may have changed since: so the plan
serves whom this table names, within one slot of the change, whatever a terminal holds. Decided in bulk, exactly as
`policy.answer` decides each.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from numpy.typing import NDArray

from openleo.controller.held import HeldLeases
from openleo.controller.lease_place import place
from openleo.instants import instant_of
from openleo.policy import bulk
from openleo.policy.decide import Decision, Outcome, decide, unplaced
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_kinds import Settled, settle
from openleo.service.serve import Reason

Values = NDArray[np.uint8]
Flags = NDArray[np.bool_]
NOBODY = -1
LEAST_MBPS = 0.0005  # what is less is offered as 0.000 Mbit/s, and so is nothing
COARSEST = 0  # resolution: of a place here only what rules ask is read, not its cells

SERVED = "served"
# Why a lease does not serve, the first that applies: the registry, the rules, the network.
WORDS = (
    SERVED,
    "terminal_enrolled", "terminal_suspended", "terminal_revoked", "terminal_lost", "terminal_unregistered",
    "account_suspended", "subscription_over",
    "forbidden", "suspended", "not_permitted", "indeterminate",
    "no_satellite", "no_gateway", "no_capacity",
)  # fmt: skip
CODE = {word: code for code, word in enumerate(WORDS)}
BY_RULES = {
    Outcome.FORBIDDEN: "forbidden",
    Outcome.SUSPENDED: "suspended",
    Outcome.NOT_PERMITTED: "not_permitted",
    Outcome.INDETERMINATE: "indeterminate",
    Outcome.PERMITTED: SERVED,
}
BY_PLAN = {
    Reason.SERVED: SERVED,
    Reason.NOT_PERMITTED: "not_permitted",
    Reason.NO_SATELLITE: "no_satellite",
    Reason.NO_GATEWAY: "no_gateway",
    Reason.NO_CAPACITY: "no_capacity",
}
SCHEMA = pa.schema(
    [
        ("terminal", pa.string()),
        ("lease", pa.string()),
        ("cell", pa.uint64()),
        ("satellite", pa.int32()),
        ("gateway", pa.int16()),
        ("outcome", pa.dictionary(pa.int8(), pa.string())),
        ("rule", pa.dictionary(pa.int32(), pa.string())),  # those that decided, by a blank; "" where none did
    ]
)


class Plan(Protocol):
    """Of a slot's plan, what is read here: slot_plan.SlotPlan. Arrays by cell, `reason` by cell and class."""

    @property
    def number(self) -> int: ...
    @property
    def begins_s(self) -> float: ...
    @property
    def cells(self) -> NDArray[np.uint64]: ...
    @property
    def satellite(self) -> NDArray[np.int32]: ...
    @property
    def gateway(self) -> NDArray[np.int16]: ...
    @property
    def pop(self) -> NDArray[np.int16]: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def reason(self) -> NDArray[np.uint8]: ...
    @property
    def down_mbps(self) -> NDArray[np.float32]: ...
    @property
    def up_mbps(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Lands:
    """The territory that each gateway and each PoP of the network stands in; None: not known."""

    gateways: Sequence[str | None] = ()
    pops: Sequence[str | None] = ()


@dataclass(frozen=True, eq=False)
class Enforced:
    """Axes (lease,): `outcome` into WORDS; `row`: of the plan's cells, NOBODY for none; `rule`: what decided."""

    held: HeldLeases
    plan: Plan
    rule_set: str
    outcome: Values
    row: NDArray[np.int64]
    rule: tuple[str, ...]

    @property
    def served(self) -> Flags:
        found: Flags = self.outcome == CODE[SERVED]
        return found

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Leases by outcome, in the order of WORDS; what no lease has is left out."""
        found = Counter(self.outcome.tolist())
        return {word: found[code] for code, word in enumerate(WORDS) if found[code]}

    @cached_property
    def table(self) -> pa.Table:
        """One row a lease; only those served have a satellite and a gateway."""
        here = np.where(self.served, self.row, 0)
        none = ~self.served
        return pa.table(
            [
                self.held.terminals.id,
                pa.array(self.held.lease, pa.string()),
                pa.array(self.held.cell, mask=self.held.cell == 0),
                pa.array(_of_cells(self.plan.satellite, here), pa.int32(), mask=none),
                pa.array(_of_cells(self.plan.gateway, here), pa.int16(), mask=none),
                pa.DictionaryArray.from_arrays(pa.array(self.outcome.astype(np.int8)), list(WORDS)),
                pa.array(self.rule, pa.string()).dictionary_encode(),
            ],
            schema=SCHEMA,
        )

    @cached_property
    def arrow(self) -> bytes:
        """The table as an Arrow file."""
        sink = io.BytesIO()
        feather.write_feather(self.table, sink, compression="zstd")
        return sink.getvalue()


def enforce(held: HeldLeases, rules: RuleSet, plan: Plan, lands: Lands | None = None) -> Enforced:
    """Decide every lease again, at the begin of a plan's slot."""
    outcome, rule, settled, decided = _by_rules(held, rules, instant_of(plan.begins_s))
    outcome, rule = _by_registry(held, outcome, rule)
    row = _rows(plan.cells, held.cell)
    by_plan = _by_plan(held, plan, row)
    if any(one.land_in is not None for one in rules.rules):
        away = _cannot_land(held, settled, decided, plan, row, lands or Lands())
        by_plan = np.where((by_plan == CODE[SERVED]) & away, CODE["no_gateway"], by_plan).astype(np.uint8)
    outcome = np.where(outcome == CODE[SERVED], by_plan, outcome).astype(np.uint8)
    return Enforced(held, plan, rules.sha256, outcome, row, rule)


def _by_rules(
    held: HeldLeases, rules: RuleSet, at: datetime
) -> tuple[Values, tuple[str, ...], Settled, bulk.DecidedTerminals]:
    settled = settle(held.terminals, rules.regions)
    decided = bulk.decide_all(rules, held.terminals, settled, at)
    code = np.array([CODE[BY_RULES[outcome]] for outcome in bulk.OUTCOMES], dtype=np.uint8)
    said = [" ".join(one.rule for one in decided.verdict(kind).because) for kind in range(len(decided.of_kind))]
    outcome: Values = code[decided.outcome]
    because = [said[kind] for kind in decided.kinds.number.tolist()]
    for lease in held.several:
        alone = _alone(held, lease, rules, at)
        outcome[lease], because[lease] = CODE[BY_RULES[alone.outcome]], " ".join(one.rule for one in alone.because)
    return outcome, tuple(because), settled, decided


def _alone(held: HeldLeases, lease: int, rules: RuleSet, at: datetime) -> Decision:
    """The decision for a terminal that may be in one place or in another: on the union of its circles."""
    request = held.terminals.request(lease, at)
    where = None if request.stale() else place(held.several[lease], rules.regions, COARSEST).where
    return decide(rules, request, where)


def _by_registry(held: HeldLeases, outcome: Values, rule: tuple[str, ...]) -> tuple[Values, tuple[str, ...]]:
    """What the registry and the ledger say of terminals and accounts comes first; no rule speaks then."""
    state = np.array([CODE.get(f"terminal_{word}", CODE[SERVED]) for word in held.state.values], dtype=np.uint8)
    first = state[held.state.code] if len(held) else outcome
    first = np.where((first == CODE[SERVED]) & held.account_suspended, CODE["account_suspended"], first)
    first = np.where((first == CODE[SERVED]) & ~held.subscribed, CODE["subscription_over"], first)
    silent = (first != CODE[SERVED]).tolist()
    said = tuple("" if none else one for none, one in zip(silent, rule, strict=True))
    return np.where(first == CODE[SERVED], outcome, first).astype(np.uint8), said


def _rows(cells: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where each cell stands among a plan's, which may have any order; NOBODY where it does not."""
    if not len(cells):
        return np.full(len(wanted), NOBODY, dtype=np.int64)
    order = np.argsort(cells, kind="stable")
    place = np.minimum(np.searchsorted(cells[order], wanted), len(cells) - 1)
    found: NDArray[np.int64] = order[place]
    return np.where(cells[found] == wanted, found, NOBODY)


def _by_plan(held: HeldLeases, plan: Plan, row: NDArray[np.int64]) -> Values:
    """What the plan gives in each lease's cell to its class."""
    number = {name: place for place, name in enumerate(plan.classes)}
    column = np.array([*(number.get(name, NOBODY) for name in held.terminals.class_.values), NOBODY])
    class_ = column[held.terminals.class_.code]
    word = np.array([CODE[BY_PLAN[reason]] for reason in sorted(BY_PLAN)], dtype=np.uint8)
    said: Values = word[gives(plan, row, class_)]
    return said


def gives(plan: Plan, row: NDArray[np.int64], class_: NDArray[np.int64]) -> Values:
    """The Reason by which a plan serves, or does not, a class in a cell: the first that applies, of each pair.

    A cell that the plan does not know has no satellite, and a class that it does not know nobody permits. A plan that
    serves names satellite, gateway and PoP, and gives a rate, or NaN where no capacity is computed.
    """
    known = (row != NOBODY) & (class_ != NOBODY)
    said: Values = np.full(len(row), Reason.NOT_PERMITTED, dtype=np.uint8)
    at = row[known]
    said[known] = np.select(
        [
            plan.reason[at, class_[known]] != Reason.SERVED,
            plan.satellite[at] < 0,
            (plan.gateway[at] < 0) | (plan.pop[at] < 0),
            (plan.down_mbps[at] < LEAST_MBPS) | (plan.up_mbps[at] < LEAST_MBPS),
        ],
        [plan.reason[at, class_[known]], Reason.NO_SATELLITE, Reason.NO_GATEWAY, Reason.NO_CAPACITY],
        Reason.SERVED,
    )
    said[row == NOBODY] = Reason.NO_SATELLITE
    return said


def _cannot_land(
    held: HeldLeases, settled: Settled, decided: bulk.DecidedTerminals, plan: Plan, row: NDArray[np.int64], lands: Lands
) -> Flags:
    """Where traffic has to leave in territories that the cell's gateway and PoP are not in."""
    landing: list[frozenset[str] | None] = []
    for kind in range(len(decided.kinds)):
        where = settled.wheres[int(decided.kinds.place[kind])]
        request = held.terminals.request(int(decided.kinds.row[kind]), decided.at)
        landing.append(_landing(decide(decided.rule_set, unplaced(request) if where is None else request, where)))
    of_lease = [landing[kind] for kind in decided.kinds.number.tolist()]
    for lease in held.several:
        assert decided.at is not None
        of_lease[lease] = _landing(_alone(held, lease, decided.rule_set, decided.at))
    away = np.zeros(len(held), dtype=bool)
    for lease, wanted in enumerate(of_lease):
        cell = int(row[lease])
        if wanted is None or cell == NOBODY:  # anywhere will do, or nothing serves it anyway
            continue
        gateway, pop = int(plan.gateway[cell]), int(plan.pop[cell])
        stands = {_land(lands.gateways, gateway), _land(lands.pops, pop)}
        away[lease] = not stands <= wanted
    return away


def _landing(decision: Decision) -> frozenset[str] | None:
    return None if decision.land_in is None else frozenset(decision.land_in)


def _land(lands: Sequence[str | None], number: int) -> str | None:
    return lands[number] if 0 <= number < len(lands) else None


def _of_cells(column: NDArray[Any], row: NDArray[np.int64]) -> NDArray[Any]:
    return column[row] if len(column) else np.zeros(len(row), dtype=column.dtype)
