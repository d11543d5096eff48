"""Time moves on here alone: each slot's plan is computed before the slot begins, stored, and applied at its beginning.

    lead ─► what is in force ─► compute the next plan ─► store under the token ─► its begin ─► apply ─► events
                                     └─ late, failed: the last plan, minus whatever is no longer permitted

One thread, and one for the signs of life. Each wait has a limit, each way to go wrong a name (Outcome). What is in
force is read again when a slot begins: a plan stored under other rules serves only whom the new ones permit as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from openleo.controller import custody, elements_file, enforced, events, plan_store
from openleo.controller.aside import Aside, StillBusy
from openleo.controller.chores import Chores
from openleo.controller.database import Fenced, Unavailable, writing
from openleo.controller.in_force import InForce
from openleo.controller.plan_store import Kept
from openleo.controller.runtime import Runtime
from openleo.controller.slot_plan import Flags, SlotPlan, compute, degrade
from openleo.controller.twin import Permitted
from openleo.instants import instant_of
from openleo.units import SECONDS_PER_DAY

LOG = logging.getLogger("openleo.controller")
LEAD = 0.4  # of a slot: so long before it begins its plan is computed
STORED_BEFORE = 0.07  # of a slot: the computation's time is over so long before its slot begins
RESTRICTED_WITHIN = 0.1  # of a slot: to find out who may still be served
LOOKED_WITHIN = 0.1  # of a slot: newer elements; what takes longer is taken with a later slot
AGAIN_S = 1.0  # after something could not be done
# whole: computed in time. late, busy, failed, changed: degraded, as the computation took too long, an earlier one still
# ran, it broke off, or other rules came into force after it; degraded: a leader before this one did. Without a plan:
# nothing (there is no last one to degrade), no_database (it could not be stored), fenced (another leads), passed_over
# (its time had gone by).
Outcome = Literal[
    "whole", "late", "busy", "failed", "changed", "degraded", "nothing", "no_database", "fenced", "passed_over",
]  # fmt: skip


class Nothing(Exception):
    """There is no plan, and no earlier one to go on from."""


class SlotLoop:
    """Runs a runtime's slots, until it is stopped."""

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.next: Kept | None = None  # stored, and not yet begun
        self._under: InForce | None = None  # what `next` was made under
        self._custody = 0  # the newest of the registry when its terminals were decided on
        self._outcome: Outcome = "whole"  # of it
        self._leads, self._slot = False, -1  # the last slot whose chores were done
        self._warm = ""  # the rule set under which a plan was computed while standing by
        self.chores = Chores(runtime)
        self._plans, self._rules, self._elements = Aside("plan"), Aside("rules"), Aside("elements")
        self._kept_elements = ""  # those that stand in the database
        beats = partial(runtime.leader.live, runtime.alarms, runtime.stopping)
        self._threads = [threading.Thread(target=self._run, name="slots"), threading.Thread(target=beats, name="beats")]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the step that is being done, and lay the lead down."""
        self.runtime.stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for one in (self._plans, self._rules, self._elements, self.chores):
            one.close()
        try:
            self.runtime.leader.resign()
        except Unavailable as error:
            LOG.warning("the lead was not laid down: %s", error)

    def _run(self) -> None:
        while not self.runtime.stopping.is_set():
            self.runtime.stopping.wait(self.step())

    def step(self) -> float:
        """Do what is due; gives how long nothing else is. Raises nothing: what went wrong is counted, and told."""
        try:
            return self._step()
        except Unavailable as error:
            LOG.warning("the database cannot be used: %s", error)
            self._failed("no_database", "the database cannot be used")
        except Fenced as error:
            self.next = None
            self._failed("fenced", str(error))
        except Nothing as error:
            self._failed("nothing", str(error))
        except Exception as error:  # whatever it is: the slots go on, and plan_now() ends by itself
            LOG.exception("a slot's step failed")
            self._failed("failed", f"{type(error).__name__}: {error}")
        return AGAIN_S

    def _step(self) -> float:
        runtime, counted = self.runtime, self.runtime.twin.slots
        number = counted.number(runtime.clock.now_s())
        if max(self._applied, self._slot) > number + 1:
            self._went_back()
        begins = number > self._slot
        if begins:
            self._slot = number
            runtime.kept_clock.keep()
            self._look_about()
        if not runtime.leader.role.leading:
            self._led(leads=False)
            self.next = None
            self._follow()
            if begins:
                self._look_at_elements()
            return runtime.leader.beat_s
        if not self._leads:
            self._follow()  # what the one before applied last
            self._end_what_is_ahead(number)
            self._led(leads=True)
        if self._applied < number:
            self._begin(number)
            self._look_at_elements()  # now there is time
        elif self.next is None and runtime.clock.now_s() >= counted.begins_s(number + 1) - LEAD * counted.slot_s:
            self._prepare(number + 1)
            runtime.alarms.clear("other_cells")
        return self._idle_s()

    def _led(self, *, leads: bool) -> None:
        if leads != self._leads:
            self.runtime.metrics.count("leadership_changes_total", to="leading" if leads else "standing by")
        self._leads = leads

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        """A step of a slot, as measures and spans have it."""
        begun_s = time.perf_counter()
        try:
            with self.runtime.span(f"slot.{step}", slot=self._slot):
                yield
        finally:
            self.runtime.metrics.took("slot_seconds", time.perf_counter() - begun_s, step=step)

    def _idle_s(self) -> float:
        counted, now_s = self.runtime.twin.slots, self.runtime.clock.now_s()
        begins_s = counted.begins_s(counted.number(now_s) + 1)
        due_s = begins_s if self.next is not None else begins_s - LEAD * counted.slot_s
        return max(due_s - now_s, 0.0)

    @property
    def _applied(self) -> int:
        held = self.runtime.current
        return -1 if held is None else held.plan.number

    # --- time went back: a person confirmed a wall clock that is behind what was counted

    def _went_back(self) -> None:
        """Slots come round again: what is held of later ones is of a time that was none."""
        LOG.warning("time was set back: slots are counted from there")
        self.runtime.current = self.next = None
        self._slot, self._leads = -1, False

    def _end_what_is_ahead(self, number: int) -> None:
        """No lease of a time that was none comes into force when its slots come round."""
        runtime = self.runtime
        with writing(runtime.engine, runtime.leader.role.token or 0) as connection:
            ended = plan_store.end_leases_from(connection, number + 2)
        if ended:
            LOG.warning("%s leases of slots that time was set back from were ended", ended)

    # --- standing by

    def _get_ready(self, held: SlotPlan) -> None:
        """A first plan takes many times longer than the next: it is computed before the lead is taken, not after."""
        runtime, now = self.runtime, self._read()
        if self._warm == now.rules.sha256:
            return
        self._warm = now.rules.sha256
        try:
            self._plans.run(lambda: compute(runtime.twin, held.number + 1, now, held), None)
        except Exception:  # whatever it is: the leader has it too, or this one will be told when it leads
            LOG.exception("a plan could not be computed while standing by")

    def _follow(self) -> None:
        """Hold the plan that the leader applied last."""
        runtime = self.runtime
        self._read()
        newest = plan_store.newest_applied(runtime.engine)
        if newest is None or newest <= self._applied or newest > runtime.twin.slots.number(runtime.clock.now_s()) + 1:
            return
        try:
            found = plan_store.of_slot(runtime.engine, newest, runtime.twin.cells) or runtime.current
            if found is not None and not runtime.leader.role.leading:
                self._get_ready(found.plan)  # before anybody is told that it is ready
            runtime.current = found
            runtime.alarms.clear("other_cells")
        except ValueError as error:
            runtime.alarms.set("other_cells", f"the plan of slot {newest} cannot be read: {error}")

    # --- a slot's plan

    def _prepare(self, number: int) -> Kept:
        """Compute a slot's plan, or degrade the last one, and store it."""
        now = self._read()
        plan, self._outcome = self._planned(number, now)
        self.next, self._under = self._store(plan, now), now
        return self.next

    def _store(self, plan: SlotPlan, now: InForce) -> Kept:
        runtime = self.runtime
        with self._timed("enforce"):
            self._custody = custody.newest(runtime.engine)  # before: what comes meanwhile is decided on once more
            terminals = enforced.terminals_of(runtime.engine, runtime.twin, plan, now, runtime.said)
        made = Kept.of(plan, terminals.arrow)
        with self._timed("store"), writing(runtime.engine, runtime.leader.role.token or 0) as connection:
            keep = runtime.settings.keep_plans
            token = runtime.leader.role.token or 0
            also = {"terminals": dict(terminals.counts), "ephemeris": self._said_of_elements(plan)}
            plan_store.store(connection, made, token, runtime.clock.now_s(), keep, also)
            self._keep_elements(connection)
        self._kept_elements = runtime.twin.elements
        runtime.enforced = terminals
        return made

    def _planned(self, number: int, now: InForce) -> tuple[SlotPlan, Outcome]:
        """(the plan, its outcome). Raises Nothing."""
        runtime, counted = self.runtime, self.runtime.twin.slots
        last = runtime.current.plan if runtime.current else None
        ends_s = counted.begins_s(number) - STORED_BEFORE * counted.slot_s
        left_s = ends_s - runtime.clock.now_s()
        # A slot that runs already has no plan at all: whatever comes is better, and is waited for.
        most_s = left_s if left_s > 0.0 else None
        begun = time.perf_counter()
        outcome: Outcome
        try:
            with self._timed("compute"):
                plan = self._plans.run(lambda: compute(runtime.twin, number, now, last), most_s)
            runtime.compute_s = time.perf_counter() - begun
            if most_s is None or runtime.clock.now_s() <= ends_s:
                return plan, "whole"
            outcome, why = "late", "its plan was computed too late"
        except TimeoutError:
            outcome, why = "late", f"its plan was not computed within {most_s:.1f} s"
        except StillBusy:
            outcome, why = "busy", "an earlier plan is still being computed"
        except Exception as error:  # whatever it is: the last plan is safe, and this one is not
            LOG.exception("the plan of slot %s failed", number)
            outcome, why = "failed", f"its plan could not be computed ({type(error).__name__}: {error})"
        if last is None:
            raise Nothing(f"{why}, and there is no earlier one")
        return self._lesser(last, number, now, why), outcome

    def _lesser(self, last: SlotPlan, number: int, now: InForce, why: str) -> SlotPlan:
        """The last plan for another slot, minus what is no longer permitted and what has set since."""
        permitted, said = self._permitted(number, now)
        holds = self._holds(number, last) if number != last.number else None
        if number != last.number and holds is None:
            said += "; which satellites have set could not be found"
        return degrade(last, number, now, permitted, why + said, holds)

    def _permitted(self, number: int, now: InForce) -> tuple[Permitted | None, str]:
        twin = self.runtime.twin
        try:
            most_s = RESTRICTED_WITHIN * twin.slots.slot_s
            return self._rules.run(lambda: twin.permitted(now.rules, number), most_s), ""
        except (TimeoutError, StillBusy):
            return None, "; who may be served could not be found in time, so nobody is"
        except Exception:  # on doubt nobody is served, and the slots go on
            LOG.exception("who may be served in slot %s could not be found", number)
            return None, "; who may be served could not be found, so nobody is"

    def _holds(self, number: int, last: SlotPlan) -> Flags | None:
        try:
            return self.runtime.twin.holds(number, last.satellite)
        except Exception:  # where satellites are is what may have failed before
            LOG.exception("which satellites still stand above in slot %s could not be found", number)
            return None

    # --- its beginning

    def _begin(self, number: int) -> None:
        """Apply a slot's plan: the one that was stored for it, restricted where the rules have changed since."""
        made = self.next if self.next is not None and self.next.plan.number == number else self._stored(number)
        if made is None:
            self.runtime.metrics.count("slots_late_total", int(self._applied >= 0))  # the first begins when it can
            made = self._prepare(number)
        now = self._read()
        if made.plan.rule_set != now.rules.sha256:
            why = made.plan.degraded or "other rules are in force since it was made"
            made, self._outcome = self._store(self._lesser(made.plan, number, now, why), now), "changed"
        elif (
            self._under is None or self._under.active != now.active
            or self._custody != custody.newest(self.runtime.engine)
        ):  # fmt: skip
            made = self._store(made.plan, now)  # the same cells; of terminals, whoever may still be served
        self._apply(made, now)

    def _stored(self, number: int) -> Kept | None:
        """What a leader before this one stored for a slot and did not apply."""
        runtime = self.runtime
        try:
            made = plan_store.of_slot(runtime.engine, number, runtime.twin.cells)
        except ValueError as error:  # of other cells: another scenario was served here
            runtime.alarms.set("other_cells", f"the plan of slot {number} cannot be read: {error}")
            return None
        if made is None or made.plan.network != runtime.twin.network:
            return None
        self._under, self._outcome = None, "degraded" if made.plan.degraded else "whole"
        return made

    def _apply(self, made: Kept, now: InForce) -> None:
        """From here on it is in force."""
        runtime, plan = self.runtime, made.plan
        before = runtime.current.plan if runtime.current else None
        at_s = runtime.clock.now_s()
        self._judge(plan)
        with self._timed("apply"), writing(runtime.engine, runtime.leader.role.token or 0) as connection:
            plan_store.applied(connection, plan.number, at_s)
            said = {"number": str(plan.number), "plan": plan.sha256, "rule_set": plan.rule_set}
            keep = runtime.settings.keep_events
            events.add(connection, "slot", said | {"degraded": plan.degraded}, at_s, keep)
            if before is None or before.rule_set != plan.rule_set:
                ledger = {"size": str(now.ledger_size), "root": now.ledger_root}
                events.add(connection, "policy", {"rule_set": plan.rule_set, "ledger": ledger}, at_s, keep)
            told = runtime.alarms.untold()
            for alarm in told:
                events.add(connection, "alert", alarm.as_json(), at_s, keep)
        runtime.alarms.told(told)
        runtime.current, self.next = made, None
        if before is not None:
            passed = plan.number - before.number - 1
            runtime.outcomes["passed_over"] += passed
            runtime.metrics.count("slots_total", passed, plan="none")
            runtime.metrics.count("slots_late_total", passed)
        runtime.metrics.count("slots_total", plan="degraded" if plan.degraded else "whole")
        runtime.outcomes[self._outcome] += 1
        runtime.late_s = max(at_s - plan.begins_s, 0.0)
        runtime.hub.nudge()
        self._log_enforced(now)
        self.chores.begin(now)

    def _log_enforced(self, now: InForce) -> None:
        """What was enforced goes onto the ledger when that is due, aside."""
        try:
            enforced.summarise(self.runtime, now)
        except Exception:  # the ledger's storage, a witness: it is due again with the next slot
            LOG.exception("what was enforced was not logged")

    def _judge(self, plan: SlotPlan) -> None:
        """Lesser plans in a row are an alarm."""
        runtime = self.runtime
        before = runtime.degraded_in_a_row if plan.number > self._applied else 0
        runtime.degraded_in_a_row = before + 1 if plan.degraded else 0
        many = runtime.degraded_in_a_row
        if many >= runtime.settings.degraded_slots_alarm:
            runtime.alarms.set("degraded", f"{many} slots in a row had a lesser plan: {plan.degraded}")
        elif not many:
            runtime.alarms.clear("degraded")
        runtime.alarms.clear("slot")

    # --- what is in force, and what to be told

    def _read(self) -> InForce:
        """What is in force now."""
        with self._timed("read"):
            return self.runtime.read_in_force(instant_of(self.runtime.clock.now_s()))

    def _look_about(self) -> None:
        """Once a slot: the clock, and how old the elements are."""
        runtime = self.runtime
        jump = runtime.clock.jump()
        said = f"the wall clock moved {jump.by_s:+.0f} s against the time that passed: confirm it" if jump else ""
        runtime.alarms.set("clock", said)
        runtime.alarms.set("events", runtime.hub.fault)
        ages = runtime.twin.ages(runtime.clock.now_s())
        runtime.alarms.set("elements", ages.alarm(runtime.settings.elements_alarm_days) if ages else "")

    def _look_at_elements(self) -> None:
        """Newer ones, if there are any, from the next plan on."""
        runtime, file = self.runtime, self.runtime.elements
        if file is None:
            return
        if file.due(runtime.clock.now_s()):
            twin, at = runtime.twin, instant_of(runtime.clock.now_s())
            try:
                self._elements.run(lambda: file.look(twin, at), LOOKED_WITHIN * twin.slots.slot_s)
            except (TimeoutError, StillBusy):
                LOG.info("the file of element sets is still being read")
            except Exception:  # whatever is in the file: the last elements go on
                LOG.exception("the file of element sets could not be read")
                file.fault = "the file of element sets could not be read; why is in the controller's log"
        runtime.twin = file.take() or runtime.twin
        runtime.alarms.set("elements_file", file.fault)

    def _said_of_elements(self, plan: SlotPlan) -> Mapping[str, object] | None:
        twin = self.runtime.twin
        said = elements_file.said_of(twin, plan.begins_s, self.runtime.elements)
        return said if plan.elements == twin.elements else {"elements": plan.elements}

    def _keep_elements(self, connection: Connection) -> None:
        """With the first plan that is computed from them."""
        runtime = self.runtime
        if runtime.elements is not None and runtime.twin.elements != self._kept_elements:
            keep_s = runtime.settings.keep_decisions_days * SECONDS_PER_DAY
            now_s = runtime.clock.now_s()
            elements_file.keep(connection, runtime.twin, runtime.elements.approved, now_s, keep_s)

    def _failed(self, outcome: Outcome, why: str) -> None:
        self.runtime.outcomes[outcome] += 1
        self.runtime.alarms.set("slot", f"{outcome}: {why}")
        LOG.error("slot: %s: %s", outcome, why)
