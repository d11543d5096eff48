"""What a plan and a lease are to one terminal; and a controller followed in a time that the test moves."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo import cells as h3cells
from openleo.controller import plan_arrow
from openleo.controller.lease_request import read
from openleo.controller.slot_plan import SlotPlan
from openleo.emulator.banks import InPlace
from openleo.emulator.live import Plan, Slots, Told, step_of, table_of, told
from openleo.emulator.live_controller import SlotSaid
from openleo.emulator.live_follower import Follower, Place
from openleo.emulator.live_lease import Device, InHand
from openleo.emulator.table import DOWN, UP

NS = 1_000_000_000
SLOT_S = 15.0
SLOTS = Slots(SLOT_S, 12.0)
CELLS = h3cells.children(np.array([0x842A107FFFFFFFF], np.uint64), 5)[:4]
CLASSES = ("fixed", "vehicle")
NOTHING = InHand()


def controllers(number: int = 1, **more: Any) -> SlotPlan:
    """The controller's own: cell 0 serves both classes, 1 nobody by rules, 2 leaves it open, 3 sees nobody."""
    lit = np.array([True, False, True, False])
    said: dict[str, Any] = {
        "satellite": np.where(lit, [7, 0, 9, 0], -1).astype(np.int32), "gateway": np.where(lit, 1, -1).astype(np.int16),
        "pop": np.where(lit, 0, -1).astype(np.int16), "rtt_ms": np.where(lit, 24.5, np.nan).astype(np.float32),
        "seen": np.array([5, 5, 5, 0], np.int16), "classes": CLASSES,
        "yes": np.array([[3], [0], [0], [3]], np.uint64), "no": np.array([[0], [3], [0], [0]], np.uint64),
        "reason": np.array([[0, 0], [1, 1], [0, 0], [2, 2]], np.uint8),
        "down_mbps": np.where(lit, 80.0, np.nan).astype(np.float32),
        "up_mbps": np.where(lit, 8.0, np.nan).astype(np.float32),
        "rule_set": "r1", "network": "n1", "ledger_size": 3, "ledger_root": "x",
    }  # fmt: skip
    return SlotPlan(number=number, begins_s=SLOTS.begins_s(number), slot_s=SLOT_S, cells=CELLS, **(said | more))


def plan(number: int = 1, **more: Any) -> Plan:
    """As a client reads the bytes that the controller sends."""
    return Plan.of(plan_arrow.of_plan(controllers(number, **more)))


def test_a_plan_is_read_as_the_controller_wrote_it() -> None:
    written = controllers()
    found = plan()
    assert (found.sha256, found.network, found.rule_set, found.cells) == (written.sha256, "n1", "r1", 4)
    with pytest.raises(ValueError, match="no plan of a slot"):
        Plan.of(plan_arrow.of_cells(CELLS))


@pytest.mark.parametrize(
    ("cell", "why"),
    [(0, ""), (1, "not_permitted"), (2, "depends"), (3, "no_satellite"), (None, "no_cell"), (4, "no_cell")],
)
def test_without_a_lease_the_cells_own_decision_counts(cell: int | None, why: str) -> None:
    found = told(1, plan(), cell, "fixed", None)
    assert (found.why, found.served) == (why, why == "")
    assert (found.satellite, found.gateway, found.pop) == ((7, 1, 0) if why == "" else (-1, None, None))


def test_without_a_plan_a_slot_is_dark() -> None:
    assert told(1, None, 0, "fixed", InHand(0, 9)) == Told(1, "no_plan")


def test_a_class_that_rules_know_no_more_is_not_permitted() -> None:
    assert told(1, plan(), 0, "maritime", None).why == "not_permitted"


def test_with_a_lease_the_terminal_is_served_where_its_cell_is() -> None:
    lease = InHand(1, 5, rate_mbps=(4.0, np.inf))
    found = told(1, plan(), 2, "fixed", lease)
    assert (found.why, found.rate_mbps) == ("", (4.0, 80.0)), "a cell that leaves it to the terminal"
    assert told(5, plan(5), 2, "fixed", lease).why == "lease_lapsed"
    assert told(1, plan(), 0, "fixed", InHand()).why == "no_lease"
    assert told(1, plan(), 3, "fixed", lease).why == "no_satellite"
    assert told(1, plan(), 1, "fixed", lease).why == "not_permitted"


def test_half_of_a_round_trip_is_each_way_all_through_a_slot() -> None:
    step = step_of(told(1, plan(), 0, "fixed", None))
    assert step.delay_ns.tolist() == [[[12_250_000] * 2] * 2]
    assert step.rate_mbps[0, UP] == pytest.approx(8.0)
    assert step.rate_mbps[0, DOWN] == pytest.approx(80.0)
    free = {name: np.full(4, np.nan, np.float32) for name in ("down_mbps", "up_mbps")}
    assert np.isinf(step_of(told(1, plan(**free), 0, "fixed", None)).rate_mbps).all()


def test_the_slots_that_were_lived_are_a_table() -> None:
    one, other = told(1, plan(), 0, "fixed", None), replace(told(2, plan(2), 0, "fixed", None), satellite=8)
    dark = Told(3, "not_permitted", "ordered")
    found = table_of([one, other, dark, replace(one, number=4)], SLOTS, "user", "internet")
    assert found.start == datetime(1970, 1, 1, 0, 0, 27, tzinfo=UTC)
    assert found.hand_over[:, 0].tolist() == [False, True, False, False]
    assert found.why[:, 0].tolist() == ["", "", "not_permitted", ""]
    assert found.because[2, 0] == "ordered"
    assert found.rtt_ms(0, np.array([1.0, 31.0])).tolist() == pytest.approx([24.5, np.nan], nan_ok=True)
    assert table_of([], SLOTS, "user", "internet").steps == 0


# --- leases ----------------------------------------------------------------------------------------------------------


def device() -> Device:
    return Device("kit-1", Ed25519PrivateKey.generate(), 24.0, 121.0)


def test_a_request_is_one_that_the_controller_reads() -> None:
    mine = device()
    said = mine.request(1_795_000_000.25, "0123456789abcdef")
    asking = read(json.dumps(said).encode())
    assert asking.signed_by(mine.key.public_key().public_bytes_raw())
    assert (asking.form.terminal, asking.at_s) == ("kit-1", 1_795_000_000.25)
    unsigned = {name: value for name, value in said.items() if name != "signature"}
    signature = base64.b64decode(said["signature"])
    mine.key.public_key().verify(signature, b"openleo-lease@v1\n" + rfc8785.dumps(unsigned))


def given(first: int, until: int, **more: Any) -> tuple[int, dict[str, Any]]:
    ends = datetime.fromtimestamp(SLOTS.begins_s(until), UTC).isoformat()
    return 201, {"slots": [first, until], "valid_until": ends, "up_mbps": None, "down_mbps": 50.0} | more


def refused(why: str, *rules: str) -> tuple[int, dict[str, Any]]:
    return 403, {"why": why, "because": [{"rule": one} for one in rules]}


def after(answer: tuple[int, dict[str, Any]], before: InHand = NOTHING) -> InHand:
    return before.after(*answer, SLOT_S, SLOTS.phase_s)


def test_what_each_answer_leaves_in_hand() -> None:
    lease = after(given(3, 7))
    assert [slot for slot in range(10) if lease.holds(slot)] == [3, 4, 5, 6]
    assert lease.rate_mbps == (np.inf, 50.0)
    within = datetime.fromtimestamp(SLOTS.begins_s(5) + 4.0, UTC).isoformat()
    assert after(given(3, 6, valid_until=within)).until == 5, "a slot that it lapses in it does not hold"
    by_rule = after(refused("not_permitted", "ordered", "too"), lease)
    assert (by_rule.holds(4), by_rule.why_dark, by_rule.because) == (False, "not_permitted", "ordered too")
    unserved = after(refused("no_satellite"), lease)
    assert (unserved.holds(4), unserved.holds(7), unserved.why_dark) == (True, False, "no_satellite")
    assert after((503, {}), lease) == after((429, {}), lease) == lease, "nobody decided"
    unknown = after((401, {"type": "urn:x:not-signed"}), lease)
    assert (unknown.holds(4), unknown.why_dark, unknown.because) == (False, "no_lease", "not-signed")


# --- following -------------------------------------------------------------------------------------------------------


@dataclass
class Moved:
    """A clock that goes when somebody waits."""

    at_s: float
    utc_ahead_ns: int = 0
    ends_s: float = 1e9

    def now_s(self) -> float:
        return self.at_s

    def wait(self, seconds: float) -> bool:
        self.at_s += max(seconds, 0.001)
        return self.at_s < self.ends_s

    def end(self) -> None:
        self.ends_s = 0.0


@dataclass
class Acted:
    """A controller as a test plays it. plans: by slot, (stored at, which), later ones in the place of earlier ones."""

    clock: Moved
    plans: dict[int, list[tuple[float, Plan]]]
    answers: Any = None  # (time) -> an answer to a request for a lease
    asked: list[float] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def plan(self, number: int, within_s: float) -> Plan | None:
        stored = [plan for at_s, plan in self.plans.get(number, []) if at_s <= self.clock.at_s]
        return stored[-1] if stored else None

    def slot(self, number: int, within_s: float) -> SlotSaid | None:
        plan = self.plan(number, within_s)
        begins_s = SLOTS.begins_s(number)
        applied = self.clock.at_s >= begins_s
        return None if plan is None else SlotSaid(number, begins_s, SLOT_S, plan.sha256, plan.network, applied)

    def cells_now(self, within_s: float) -> list[str]:
        return h3cells.text(CELLS)[::-1]

    def rules_at(self, *_: object) -> str:
        return "ordered"

    def lease(self, body: dict[str, Any], within_s: float) -> tuple[int, dict[str, Any]] | None:
        self.asked.append(self.clock.at_s)
        return self.answers(self.clock.at_s)


DARK = {"satellite": np.full(4, -1, np.int32), "reason": np.ones((4, 2), np.uint8), "no": np.full((4, 1), 3, np.uint64),
        "yes": np.zeros((4, 1), np.uint64), "rule_set": "r2"}  # fmt: skip


def stored(*numbers: int, **more: Any) -> dict[int, list[tuple[float, Plan]]]:
    """Each 5 s before its slot."""
    return {number: [(SLOTS.begins_s(number) - 5.0, plan(number, **more))] for number in numbers}


def followed(
    plans: dict[int, list[tuple[float, Plan]]], slots: int, answers: Any = None
) -> tuple[Follower, Acted, list[Any]]:
    """(who followed, whom, [(at, what was written)]) over so many slots from slot 1 on."""
    clock = Moved(SLOTS.begins_s(1) - 12.0, ends_s=SLOTS.begins_s(1 + slots) - 6.0)
    acted = Acted(clock, plans, answers)
    place = Place(24.0, 121.0, h3cells.text(CELLS)[0], "fixed", device() if answers else None)
    follower = Follower(acted, place, SLOTS, "n1", h3cells.text(CELLS), clock, acted.told.append)
    begins_ns = follower.begins_ns(round(clock.at_s * NS))
    assert begins_ns == SLOTS.begins_s(1) * NS
    return follower, acted, [(clock.at_s, said) for said in follower.steps(begins_ns)]


def test_each_slots_step_is_there_before_it_begins() -> None:
    follower, _, written = followed(stored(1, 2, 3), 3)
    assert [one.why for one in follower.lived] == ["", "", ""]
    for number, (at_s, step) in enumerate(written, start=1):
        assert SLOTS.begins_s(number) - 6.0 < at_s < SLOTS.begins_s(number)
        assert step.served.tolist() == [True]


def test_a_controller_that_goes_away_leaves_the_dark_and_comes_back() -> None:
    follower, _, written = followed(stored(1, 4), 4)
    assert [one.why for one in follower.lived] == ["", "no_plan", "no_plan", ""]
    assert [step.served.tolist() for _, step in written] == [[True], [False], [False], [True]]
    at_s = [at_s for at_s, _ in written]
    assert all(SLOTS.begins_s(number) - 0.5 < at_s[number - 1] < SLOTS.begins_s(number) for number in (2, 3))


def test_rules_deny_from_a_slots_beginning_and_are_named() -> None:
    follower, acted, written = followed(stored(1, 4) | stored(2, 3, **DARK), 4)
    assert [one.why for one in follower.lived] == ["", "not_permitted", "not_permitted", ""]
    assert [one.because for one in follower.lived] == ["", "ordered", "ordered", ""]
    assert [(one.number, one.because) for one in acted.told] == [(1, ""), (2, "ordered"), (4, "")]
    assert not any(isinstance(step, InPlace) for _, step in written)


def test_rules_that_changed_after_the_plan_was_stored_count_within_the_slot() -> None:
    plans = stored(1, 2)
    plans[2].append((SLOTS.begins_s(2) - 0.01, plan(2, **DARK)))  # what is applied in its place
    follower, _, written = followed(plans, 2)
    at_s, step = written[-1]
    assert isinstance(step, InPlace)
    assert step.step.served.tolist() == [False]
    assert at_s < SLOTS.begins_s(2) + 0.3
    assert [one.why for one in follower.lived] == ["", "not_permitted"]


def test_a_plan_that_comes_late_lights_the_rest_of_its_slot() -> None:
    plans = stored(1)
    plans[2] = [(SLOTS.begins_s(2) + 2.0, plan(2))]
    follower, _, written = followed(plans, 2)
    assert [step.step.served.tolist() for _, step in written if isinstance(step, InPlace)] == [[True]]
    assert follower.lived[1].served
    assert 2.0 <= follower.lived[1].dark_s < 2.3


def test_another_network_has_its_cells_in_an_order_of_its_own() -> None:
    plans = stored(1) | stored(2, network="n2")
    follower, _, _ = followed(plans, 2)
    assert [one.why for one in follower.lived] == ["", "no_satellite"], "its cell is the last one there"


def test_a_lease_is_asked_for_before_each_slot_and_refused_means_dark_in_it() -> None:
    suspended_s = SLOTS.begins_s(3) - 8.0

    def answers(at_s: float) -> tuple[int, dict[str, Any]]:
        now = SLOTS.number(at_s)
        return given(now, now + 4) if at_s < suspended_s else refused("not_permitted", "registry/terminal-suspended")

    follower, acted, written = followed(stored(1, 2, 3, 4), 4, answers)
    assert [one.why for one in follower.lived] == ["", "", "not_permitted", "not_permitted"]
    assert follower.lived[2].because == "registry/terminal-suspended"
    assert not any(isinstance(step, InPlace) for _, step in written)
    assert all(at_s < SLOTS.begins_s(number) for number, (at_s, _) in enumerate(written, start=1))
    assert len(acted.asked) <= 8


def test_a_terminal_suspended_after_it_asked_is_dark_within_the_slot() -> None:
    suspended_s = SLOTS.begins_s(2) - 0.5

    def answers(at_s: float) -> tuple[int, dict[str, Any]]:
        now = SLOTS.number(at_s)
        return given(now, now + 4) if at_s < suspended_s else refused("not_permitted", "registry/terminal-suspended")

    follower, _, written = followed(stored(1, 2), 2, answers)
    at_s, step = written[-1]
    assert isinstance(step, InPlace)
    assert at_s < SLOTS.begins_s(2) + 0.7
    assert [one.why for one in follower.lived] == ["", "not_permitted"]


def test_a_lease_outlives_a_controller_that_does_not_answer_and_lapses() -> None:
    def answers(at_s: float) -> tuple[int, dict[str, Any]] | None:
        return given(1, 3) if at_s < SLOTS.begins_s(1) else None

    follower, _, _ = followed(stored(1, 2, 3), 3, answers)
    assert [one.why for one in follower.lived] == ["", "", "lease_lapsed"]


def test_an_answer_that_is_none_of_a_controllers_decides_nothing() -> None:
    def answers(at_s: float) -> tuple[int, dict[str, Any]]:
        return given(1, 5) if at_s < SLOTS.begins_s(1) else (201, {"detail": "a page of a hotel's"})

    follower, _, _ = followed(stored(1, 2), 2, answers)
    assert [one.why for one in follower.lived] == ["", ""]


def test_slots_begin_by_the_clock_whole_seconds_apart() -> None:
    clock = Moved(100.0, utc_ahead_ns=250_000_000)
    place = Place(24.0, 121.0, h3cells.text(CELLS)[0], "fixed")
    half = Follower(Acted(clock, {}), place, Slots(2.5, 0.5), "n1", h3cells.text(CELLS), clock)
    first = half.begins_ns(100 * NS)
    assert (first + 250_000_000 - NS // 2) % (5 * NS // 2) == 0
    assert 100 * NS < first <= 104 * NS
    assert half.begins_ns(first, first) == first + 5 * NS
