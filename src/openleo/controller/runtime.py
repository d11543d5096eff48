"""The one object that a running controller is: what is read once, what is in force, and the plan that is applied.

`open_runtime` makes all of it on a data folder, an empty one too; `close` ends it. The loop alone changes `current`.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, select

from openleo.controller import elements_file, lease_seal, plan_arrow, tracing
from openleo.controller.alarms import Alarms
from openleo.controller.clock import Clock, SteadyClock, SystemClock
from openleo.controller.clock_kept import KeptClock
from openleo.controller.database import address_of, connect, own_file, upgrade, writing
from openleo.controller.elements_file import ElementsFile
from openleo.controller.enforcement import Enforced
from openleo.controller.events import EventHub
from openleo.controller.held import Said, not_said
from openleo.controller.in_force import UNREADABLE, Gate, InForce, LedgerReader, Outage, network_fault
from openleo.controller.leader import Leader, Role
from openleo.controller.lease_seal import Seal
from openleo.controller.metrics import Metrics
from openleo.controller.plan_store import Kept
from openleo.controller.scenes import Scenes
from openleo.controller.settings import Settings
from openleo.controller.skies import Skies
from openleo.controller.slot_plan import SlotPlan
from openleo.controller.tables import tokens
from openleo.controller.tokens import make_administrator
from openleo.controller.tracing import Span
from openleo.controller.twin import Twin
from openleo.errors import InputError, Problem
from openleo.governance.house import Folder
from openleo.governance.roster import LEASE_SLOTS_MAX
from openleo.instants import instant_of
from openleo.policy.rules import union

LOG = logging.getLogger("openleo.controller")
BEATS_IN_A_SLOT = 5
SHOWN = 3  # of targets that nobody can name


@dataclass(eq=False)
class Runtime:
    """A running controller. `current`: the plan applied last, swapped whole; None before the first. `twin` is swapped
    too, where newer elements move its satellites.

    `in_force`: what plans and leases go by; `enforced`: the terminals of the plan stored last.
    """

    data: Path
    settings: Settings
    engine: Engine
    kept_clock: KeptClock
    leader: Leader
    gate: Gate
    twin: Twin
    hub: EventHub
    cells_arrow: bytes
    seal: Seal  # of the leases that it gives
    administrator: str | None = None  # a token, where one was made just now
    scenario: Path | None = None  # the file that the network was read from
    current: Kept | None = None
    in_force: InForce | None = None
    enforced: Enforced | None = None
    said: Said = not_said  # what leases in force were decided on, by the desk that gave them
    taking_over: Callable[[], bool] = bool  # whether that desk still reads what the leader before gave
    elements: ElementsFile | None = None  # None: satellites are not known by element sets
    alarms: Alarms = field(default_factory=Alarms)
    metrics: Metrics = field(default_factory=Metrics)
    scenes: Scenes = field(default_factory=Scenes)
    skies: Skies = field(default_factory=Skies)
    span: Span = tracing.nothing
    end_spans: Callable[[], None] = tracing.end_nothing
    outcomes: Counter[str] = field(default_factory=Counter)  # of slots, as `loop` names them
    unheard: Counter[str] = field(default_factory=Counter)  # requests for leases refused undecided, by status
    degraded_in_a_row: int = 0
    compute_s: float = 0.0  # the last plan took to be computed
    late_s: float = 0.0  # so long after its slot began it was applied
    stopping: threading.Event = field(default_factory=threading.Event)
    _aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "later"))

    @property
    def clock(self) -> SteadyClock:
        """What time it is."""
        return self.kept_clock.steady

    @cached_property
    def cells_sha256(self) -> str:
        """Of the bytes that give the order of cells."""
        return hashlib.sha256(self.cells_arrow).hexdigest()

    @property
    def role(self) -> Role:
        """Whether this controller leads, now."""
        return self.leader.role

    @property
    def lease_slots(self) -> int:
        """How many slots a lease holds: as is set, but no more than the roster in force lets it."""
        most = LEASE_SLOTS_MAX if self.in_force is None else self.in_force.lease_slots_max
        return min(self.settings.lease_slots, most)

    def plan_now(self) -> SlotPlan | None:
        """As `plan_at`, of this instant."""
        return self.plan_at(self.clock.now_s())

    def plan_at(self, now_s: float) -> SlotPlan | None:
        """The plan applied last, unless it is so old that every lease under it has lapsed."""
        held, slots = self.current, self.twin.slots
        if held is None or slots.number(now_s) - held.plan.number >= self.lease_slots:
            return None
        return held.plan

    def read_in_force(self, at: datetime) -> InForce:
        """What is in force at an instant; nothing is, where the ledger is gone too long or names another network."""
        found = self.gate.current(at)
        held = found.in_force if isinstance(found, Outage) else found
        gone = found.why if isinstance(found, Outage) else held.alarm.why if held.alarm else ""
        self.alarms.set("ledger", gone)
        fault = network_fault(held, self.twin.network)
        self.alarms.set("network", fault)
        self.alarms.set("unresolved", _unresolved(held.meant.unresolved))
        self.clock.not_before(held.newest_s)
        self.in_force = replace(held, rules=union(())) if fault else held
        return self.in_force

    def later(self, work: Callable[[], None]) -> None:
        """Do something aside, one thing after the other; what goes wrong with it is logged."""

        def done() -> None:
            try:
                work()
            except Exception:  # whoever asked has gone on
                LOG.exception("work that was put off failed")

        self._aside.submit(done)

    def close(self) -> None:
        """Let the database go."""
        self.stopping.set()
        self._aside.shutdown(cancel_futures=True)
        self.engine.dispose()
        self.end_spans()


def open_runtime(scenario: Path, data: Path, settings: Settings, clock: Clock | None = None) -> Runtime:
    """Everything that a controller needs. Raises InputError, Unavailable."""
    database = _own_folder(data, settings)
    engine = connect(address_of(data, database))
    try:
        upgrade(engine)
        ready, approved = elements_file.first(scenario, engine, _network_in_force(Folder(data, database), clock))
    finally:
        engine.dispose()
    made = opened(ready, data, settings, clock)
    made.scenario = scenario
    file = elements_file.named_by(scenario)
    if file is not None and approved is not None:
        every_s = 60.0 * settings.elements_every_minutes
        made.elements = ElementsFile(file, approved, every_s, settings.elements_share_min)
    try:
        _check_network(made)
    except BaseException:
        made.close()
        raise
    return made


def _check_network(made: Runtime) -> None:
    """Nothing is begun with a network that was not approved. Raises InputError.

    Where the ledger cannot be read nobody is served, and the loop says so.
    """
    found = made.gate.current(instant_of(made.clock.now_s()))
    if not isinstance(found, Outage) and (fault := network_fault(found, made.twin.network)):
        rule, _, way_out = fault.partition(". ")
        raise InputError(Problem(str(made.scenario), "", f"{rule}.", f"{way_out}."))


def _network_in_force(folder: Folder, clock: Clock | None) -> str | None:
    """As the ledger says; None where it cannot be read: the gate says so later, and permits nothing."""
    try:
        return LedgerReader(folder).read(instant_of((clock or SystemClock()).utc_s())).network
    except UNREADABLE as error:
        LOG.warning("which network is in force cannot be read: %s", error)
        return None


def opened(ready: Twin, data: Path, settings: Settings, clock: Clock | None = None) -> Runtime:
    """As `open_runtime`, of a network that is ready."""
    clock = clock or SystemClock()
    span, end_spans = _spans(settings.otel_endpoint)
    database = _own_folder(data, settings)
    seal = lease_seal.opened(data)
    engine = connect(address_of(data, database))
    upgrade(engine)
    slot_s = ready.slots.slot_s
    kept = KeptClock(engine, clock, most_jump_s=slot_s)
    lease_seal.publish(engine, seal, kept.steady.now_s())
    return Runtime(
        data=data,
        settings=settings,
        engine=engine,
        kept_clock=kept,
        leader=Leader(engine, clock, socket.gethostname(), beat_s=slot_s / BEATS_IN_A_SLOT, patience_s=slot_s),
        gate=Gate(LedgerReader(Folder(data, database), engine, ready.beam_km)),
        twin=ready.using(settings.elements_days_max),
        hub=EventHub(engine),
        cells_arrow=plan_arrow.of_cells(ready.cells),
        seal=seal,
        administrator=_first_token(engine, kept.steady.now_s()),
        span=span,
        end_spans=end_spans,
    )


def _spans(endpoint: str) -> tuple[Span, Callable[[], None]]:
    """Raises InputError where an address is set and the packages are not there."""
    try:
        return tracing.spans(endpoint)
    except ImportError as error:
        rule = f"is set, and {error.name} is not installed."
        raise InputError(Problem("settings", "otel_endpoint", rule, "pip install 'openleo[otel]'")) from None


def _unresolved(targets: Sequence[str]) -> str:
    """What is to be said of targets whose names are erased; empty where there are none."""
    if not targets:
        return ""
    more = f" and {len(targets) - SHOWN} more" if len(targets) > SHOWN else ""
    said = ", ".join(targets[:SHOWN]) + more
    return f"the ledger's rules on {said} reach nobody: the key that named whom they mean was erased"


def _own_folder(data: Path, settings: Settings) -> str:
    """Nobody else reads what is kept there. Gives the database's address, as it is set."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = settings.database.get_secret_value()
    if not database:
        own_file(data)
    return database


def _first_token(engine: Engine, now_s: float) -> str | None:
    """The administrator's one-time token, where nobody has one: good for the draft of the genesis, and no role."""
    with writing(engine) as connection:
        if connection.execute(select(tokens.c.id).limit(1)).first() is not None:
            return None
        return make_administrator(connection, now_s)
