"""Plans of slots: what they say, how they are hashed, that a lesser one never serves more, and their Arrow form."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from planned import BEGINS, PERMIT, SCENARIO, STRIP, in_force, permitting, rules, scenario, small_twin

from openleo.controller import plan_arrow, twin
from openleo.controller.slot_plan import (
    COLUMNS,
    NOBODY,
    NOT_COMPUTED,
    SlotPlan,
    compute,
    dark_where_nobody,
    degrade,
    packed,
    unpacked,
)
from openleo.controller.slots import Slots
from openleo.controller.twin import Permitted
from openleo.errors import InputError
from openleo.network.capacity.caps import Binding
from openleo.service.serve import Reason

NUMBER = Slots(15.0, 12.0).number(BEGINS.timestamp())


@cache
def plan_under(*lands: str) -> SlotPlan:
    return compute(small_twin(), NUMBER, in_force(permitting(*lands)))


def test_a_plan_serves_who_is_permitted_and_reached_and_says_why_not_the_others():
    plan, twin = plan_under("POL"), small_twin()
    fixed = plan.classes.index("fixed")
    poland = np.zeros(len(twin.cells), bool)
    poland[twin.parts.cell[twin.parts.territory == "POL"]] = True
    refused = plan.reason[:, fixed] == Reason.NOT_PERMITTED
    assert refused[~poland].any()
    assert not refused[poland].all()
    lit = plan.served.any(axis=1)
    assert np.array_equal(plan.satellite >= 0, lit)
    assert np.array_equal(np.isfinite(plan.rtt_ms), lit)
    assert (plan.gateway[lit] >= 0).all()
    assert (plan.pop[lit] >= 0).all()
    assert (plan.rtt_ms[lit] > 4.0).all()  # 550 km up and down again, there and back, at the speed of light: 7.3 ms


def test_without_rules_nobody_is_served():
    plan = compute(small_twin(), NUMBER, in_force(rules()))
    assert (plan.reason == Reason.NOT_PERMITTED).all()
    assert (plan.satellite == -1).all()


def test_a_rule_that_takes_away_within_a_slot_counts_from_its_beginning_and_one_that_gives_from_the_next():
    begins = BEGINS.isoformat()[:-6]
    within = f"{begins[:-2]}20Z"  # 8 s into the slot
    dark = STRIP.format(land="POL", more=f"from = {within}\n")
    taken = compute(small_twin(), NUMBER, in_force(permitting("POL", "URY", more=dark)))
    assert not taken.served.any(axis=1)[taken.satellite < 0].any()
    assert taken.served.sum() < plan_under("POL", "URY").served.sum()
    later = PERMIT.format(land="POL") + f"from = {within}\n"
    given_ = compute(small_twin(), NUMBER, in_force(rules(later)))
    assert not given_.served.any()
    assert compute(small_twin(), NUMBER + 1, in_force(rules(later))).served.any()


def test_the_hash_is_of_all_that_a_plan_says():
    plan = plan_under("POL", "URY")
    assert plan.sha256 == compute(small_twin(), NUMBER, in_force(permitting("POL", "URY"))).sha256
    for name in COLUMNS:
        other = getattr(plan, name).copy()
        other.flat[0] = 1 if np.isnan(float(other.flat[0])) else other.flat[0] + other.dtype.type(1)
        assert replace(plan, **{name: other}).sha256 != plan.sha256, name
    for name, value in {"number": 1, "degraded": "why", "ledger_size": 9, "rule_set": "ab", "classes": ("x",)}.items():
        assert replace(plan, **{name: value}).sha256 != plan.sha256, name


def test_a_plan_comes_back_from_its_bytes():
    for plan in (plan_under("POL"), plan_under("POL", "URY")):
        again = plan_arrow.read_plan(plan_arrow.of_plan(plan), plan.cells)
        assert again.sha256 == plan.sha256
        assert again.header == plan.header
        for name in COLUMNS:
            assert np.array_equal(getattr(again, name), getattr(plan, name), equal_nan=name.endswith(("ms", "mbps")))


def bound(plan: SlotPlan, *numbers: int) -> SlotPlan:
    """A plan as one whose capacity was computed: its first cells are bound so, the others by their demand."""
    binding = np.zeros(len(plan.cells), np.uint8)
    binding[: len(numbers)] = numbers
    return replace(plan, binding=binding)


def test_plans_that_were_kept_before_they_told_what_binds_read_and_hash_as_they_did():
    """tests/controller/plans_before_binding.json: streams and hashes by the version that had no such column."""
    kept = json.loads((Path(__file__).parent / "plans_before_binding.json").read_text())
    cells = np.array([0x833962FFFFFFFFF, 0x833963FFFFFFFFF, 0x833964FFFFFFFFF, 0x833965FFFFFFFFF], np.uint64)
    for name, one in kept.items():
        content = base64.b64decode(one["stream"])
        plan = plan_arrow.read_plan(content, cells)
        assert plan.sha256 == one["sha256"]
        assert plan.binding is None
        assert np.isfinite(plan.down_mbps).any() == (name == "with_rates")
        before, now = (pa.ipc.open_stream(each).read_all() for each in (content, plan_arrow.of_plan(plan)))
        assert now.schema.equals(before.schema, check_metadata=True)  # bytes may be another version's of Arrow
        assert now.equals(before)


def test_what_binds_is_hashed_sent_and_read_back_where_capacity_is_computed():
    plan = plan_under("POL")
    one, two = bound(plan, Binding.FEEDER), bound(plan, Binding.ISL)
    assert len({plan.sha256, bound(plan).sha256, one.sha256, two.sha256}) == 4
    again = plan_arrow.read_plan(plan_arrow.of_plan(one), plan.cells)
    assert again.sha256 == one.sha256
    assert np.array_equal(again.binding, one.binding)
    told = pa.ipc.open_stream(plan_arrow.retold(plan_arrow.of_plan(one), "why")).read_all()
    assert told["binding"].to_pylist()[0] == Binding.FEEDER
    assert "binding" not in pa.ipc.open_stream(plan_arrow.of_plan(plan)).read_all().column_names


def test_what_binds_is_told_where_somebody_is_served_or_capacity_is_why_not_and_so_in_a_lesser_plan():
    plan = plan_under("POL")
    lit = np.flatnonzero(plan.served.any(axis=1))
    dark = np.flatnonzero(~plan.served.any(axis=1))
    reason = plan.reason.copy()
    reason[lit[0]] = Reason.NO_CAPACITY
    of = dark_where_nobody(replace(bound(plan), reason=reason, binding=np.full(len(plan.cells), 3, np.uint8)))
    assert of.binding is not None
    assert of.satellite[lit[0]] == NOBODY
    assert of.binding[lit].tolist() == [3] * len(lit)
    assert (of.binding[dark] == NOT_COMPUTED).all()
    nobody = degrade(of, NUMBER + 1, in_force(rules()), None, "why")
    assert nobody.binding is not None
    assert (nobody.binding == NOT_COMPUTED).all()
    assert degrade(plan, NUMBER + 1, in_force(rules()), None, "why").binding is None


def test_bytes_that_were_changed_or_are_of_other_cells_are_no_plan():
    plan = plan_under("POL")
    content = plan_arrow.of_plan(plan)
    with pytest.raises(ValueError, match="not what its hash says"):
        plan_arrow.read_plan(content, plan.cells[::-1])
    with pytest.raises(ValueError, match="no plan of a slot"):
        plan_arrow.read_plan(plan_arrow.of_cells(plan.cells), plan.cells)


def test_who_hands_over_keeps_to_the_policy_of_the_network():
    """Under `least_change` a satellite serves on while it stands above: the plan before is carried."""
    twin = small_twin()
    network = replace(twin.case.network, hand_over="least_change")
    steady = replace(twin, case=replace(twin.case, network=network), _networks={})
    now = in_force(permitting("POL", "URY"))
    first = compute(steady, NUMBER, now)
    second, alone = compute(steady, NUMBER + 1, now, first), compute(steady, NUMBER + 1, now)
    kept = (first.satellite >= 0) & (first.satellite == second.satellite)
    assert kept.sum() > ((first.satellite >= 0) & (first.satellite == alone.satellite)).sum()


# --- lesser plans ---------------------------------------------------------------------------------------------------

CLASSES = ("fixed", "maritime", "emergency")
CELLS = 6


def words(draw: st.DrawFn, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """yes and no of some cells, never both."""
    may = draw(hnp.arrays(np.uint8, (CELLS, classes), elements=st.integers(0, 2)))
    return packed(may == 2), packed(may == 0)


@st.composite
def permissions(draw: st.DrawFn) -> Permitted:
    classes = tuple(draw(st.permutations(CLASSES))[: draw(st.integers(1, 3))])
    withheld = draw(st.frozensets(st.integers(0, 3)))
    return Permitted(classes, *words(draw, len(classes)), withheld)


@st.composite
def lasts(draw: st.DrawFn) -> SlotPlan:
    """Any plan: what it says is consistent with its own masks."""
    yes, no = words(draw, len(CLASSES))
    reason = draw(hnp.arrays(np.uint8, (CELLS, len(CLASSES)), elements=st.sampled_from([0, 2, 3, 4])))
    reason = np.where(unpacked(no, len(CLASSES)), np.uint8(Reason.NOT_PERMITTED), reason)
    lit = (reason == Reason.SERVED).any(axis=1)
    number = draw(hnp.arrays(np.int32, CELLS, elements=st.integers(0, 3)))
    who = np.where(lit, number, -1)
    rate = np.where(lit, 1.0, np.nan).astype(np.float32)
    return SlotPlan(
        7, 105.0, 15.0, np.arange(CELLS, dtype=np.uint64), who.astype(np.int32), who.astype(np.int16),
        who.astype(np.int16), rate, np.ones(CELLS, np.int16), CLASSES, yes, no, reason, rate, rate, "a", "n", 1, "r",
    )  # fmt: skip


def allowed(permitted: Permitted | None, class_: str) -> np.ndarray:
    """Where a class may be served, for certain or depending on the terminal."""
    if permitted is None or class_ not in permitted.classes:
        return np.zeros(CELLS, bool)
    number = permitted.classes.index(class_)
    return ~unpacked(permitted.no, len(permitted.classes))[:, number]


@given(lasts(), st.none() | permissions(), st.none() | hnp.arrays(np.bool_, CELLS), st.integers(8, 30))
def test_a_lesser_plan_serves_nobody_whom_the_last_did_not_nor_who_is_no_longer_permitted(last, now, holds, number):
    plan = degrade(last, number, in_force(rules()), now, "why", holds)
    assert not (plan.served & ~last.served).any()
    for column, class_ in enumerate(CLASSES):
        assert not (plan.served[:, column] & ~allowed(now, class_)).any()
    out = np.isin(last.gateway, list(now.withheld)) if now else np.zeros(CELLS, bool)
    gone = out | (~holds if holds is not None else False)
    assert not plan.served[gone].any()
    # and nobody else is dropped
    for column, class_ in enumerate(CLASSES):
        stays = last.served[:, column] & allowed(now, class_) & ~gone
        assert plan.served[stays, column].all()
    lit = plan.served.any(axis=1)
    assert np.array_equal(plan.satellite[lit], last.satellite[lit])
    assert (plan.satellite[~lit] == -1).all()
    assert not (plan.yes & ~last.yes).any()
    assert not (last.no & ~plan.no).any()
    assert (plan.number, plan.begins_s, plan.degraded) == (number, 15.0 * number, "why")


@given(lasts(), permissions(), permissions())
def test_lesser_plans_of_lesser_plans_only_ever_serve_fewer(last, first, second):
    one = degrade(last, 8, in_force(rules()), first, "why")
    two = degrade(one, 9, in_force(rules()), second, "why")
    assert not (two.served & ~one.served).any()


@given(hnp.arrays(np.bool_, st.tuples(st.integers(0, 4), st.integers(1, 130))))
def test_classes_are_packed_into_words_and_come_back(flags):
    assert np.array_equal(unpacked(packed(flags), flags.shape[1]), flags)
    assert packed(flags).shape[1] == -(-flags.shape[1] // 64)


def test_a_satellite_that_has_set_is_not_taken_to_serve_on():
    twin, plan = small_twin(), plan_under("POL", "URY")
    assert twin.holds(NUMBER, plan.satellite)[plan.satellite >= 0].all()
    assert not twin.holds(NUMBER + 60, plan.satellite).any()  # a pass at 550 km above 25° lasts 5 minutes at most


@pytest.mark.slow  # tables of rates take half a minute to be made
def test_rates_are_those_of_everybody_on_the_network_and_nothing_where_nobody_may_be_served(tmp_path):
    loaded = twin.load(scenario(tmp_path, SCENARIO + "\n[capacity]\nenabled = true\n"))
    every = compute(loaded, NUMBER, in_force(permitting("POL", "URY")))
    lit = every.satellite >= 0
    assert (every.down_mbps[lit] > 0.0).any()
    assert np.isnan(every.down_mbps[~lit]).all()
    few = compute(loaded, NUMBER, in_force(permitting("POL")))
    assert np.isnan(few.down_mbps[few.satellite < 0]).all()
    assert np.nansum(few.down_mbps) < np.nansum(every.down_mbps)
    assert np.isnan(plan_under("POL").down_mbps).all()  # the scenario without capacity tells no rates
    again = plan_arrow.read_plan(plan_arrow.of_plan(every), every.cells)
    assert np.array_equal(again.down_mbps, every.down_mbps, equal_nan=True)
    assert again.sha256 == every.sha256
    assert np.array_equal(again.binding, every.binding)
    assert set(every.binding[lit]) <= {one.value for one in Binding if one is not Binding.NO_WAY}
    assert (
        every.binding[(every.reason != Reason.SERVED).all(axis=1) & (every.reason != Reason.NO_CAPACITY).all(axis=1)]
        == NOT_COMPUTED
    ).all()
    assert plan_under("POL").binding is None


def test_outages_that_are_drawn_and_cells_that_are_too_fine_are_refused(tmp_path):
    drawn = SCENARIO + "\n[failures.random]\nseed = 1\nsatellites = { hours_between = 10, hours_out = 1 }\n"
    fine = SCENARIO.replace("resolution = 3", "resolution = 6").replace('"POL", "URY"', '"MCO"')
    for text, named in ((drawn, "not drawn"), (fine, "resolution 5 or coarser")):
        with pytest.raises(InputError, match=named):
            twin.load(scenario(tmp_path, text))
