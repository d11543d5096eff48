"""What must hold of rules (DESIGN §5), of every evaluator: one request, the masks of cells, terminals in bulk.

Of one request it is shown in test_decide_properties and test_time_edges; here it is shown of the other two, and of all
three where time is walked minute by minute, with zoneinfo's clocks on the wall.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from benchmarks import fleet
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bulk import NOON, ZONES, around_the_strait, one, rules

from openleo.instants import civil_instant
from openleo.places import cell_cache
from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Labels
from openleo.places.point import at as place_of
from openleo.policy import bulk, mask_world
from openleo.policy.decide import decide
from openleo.policy.entries import entries_of
from openleo.policy.mask_world import NO, YES, WorldMask
from openleo.policy.request import STALE_AFTER_S, Request, read_requests
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, Rule, RuleSet, union
from openleo.policy.states import Masks
from openleo.policy.terminal_columns import Coded
from openleo.policy.terminal_kinds import Settled, settle
from openleo.policy.terminals import Terminals
from openleo.policy.when import Window

COUNT = 300
PERMITTED, FORBIDDEN = bulk.PERMITTED, 0
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


@cache
def index() -> CellIndex:
    return cell_cache.load(3)


@cache
def terminals() -> tuple[Terminals, Settled]:
    random = np.random.default_rng(11)
    some = fleet.terminals(COUNT, 11, 0.06, around_the_strait(random, COUNT))
    wide = random.choice([0.0, 300.0, 15_000.0, 60_000.0], COUNT)
    some = replace(some, uncertainty_m=np.where(np.isnan(some.uncertainty_m), np.nan, wide))
    return some, settle(some, ZONES)


def mask_of(rule_set: RuleSet) -> WorldMask:
    return mask_world.compute(index(), entries_of(rule_set, NOON, CLASSES), CLASSES)


def outcomes(rule_set: RuleSet) -> np.ndarray:
    some, settled = terminals()
    return bulk.decide_all(rule_set, some, settled, NOON).outcome


# --- order, one rule more, and back again -------------------------------------------------------------------------


@given(seeds)
@few
def test_the_order_of_rules_never_matters(seed: int) -> None:
    random = np.random.default_rng(seed)
    straight = rules(random)
    turned = replace(
        straight, rules=tuple(straight.rules[number] for number in random.permutation(len(straight.rules)))
    )
    (one_, other), (some, settled) = (mask_of(rule_set) for rule_set in (straight, turned)), terminals()
    assert (one_.yes == other.yes).all()
    assert (one_.no == other.no).all()
    decided = [bulk.decide_all(rule_set, some, settled, NOON) for rule_set in (straight, turned)]
    assert (decided[0].outcome == decided[1].outcome).all()
    for row in range(0, COUNT, 10):
        assert decided[0].decided(row).because == decided[1].decided(row).because


@given(seeds, st.sampled_from(["forbid", "suspend"]))
@few
def test_a_forbid_or_suspend_more_permits_nobody(seed: int, effect: str) -> None:
    random = np.random.default_rng(seed)
    before = rules(random)
    more = next(rule for rule in rules(random, 20).rules if rule.applies_to == "terminal")
    emergency = str(random.choice(["keep", "cut"]))
    added = replace(more, id="more", effect=effect, land_in=None, emergency=emergency)  # type: ignore[arg-type]
    after = union([*before.rules, added])
    was, is_ = mask_of(before), mask_of(after)
    assert not (is_.yes & ~was.yes).any()
    assert not (was.no & ~is_.no).any()
    assert not ((outcomes(after) == PERMITTED) & (outcomes(before) != PERMITTED)).any()


def test_and_takes_something() -> None:
    """So that what is never gained above is not for want of anything that changes."""
    taken = np.zeros(2)
    for seed in range(10):
        random = np.random.default_rng(seed)
        before = rules(random)
        taiwan = Labels(frozenset({"TWN", "TWN.sea12", "TWN.sea200"}))
        after = union([*before.rules, Rule("more", "book", "forbid", taiwan, emergency="cut")])
        taken += [(mask_of(before).yes & ~mask_of(after).yes).any(), (outcomes(after) != outcomes(before)).any()]
    assert (taken >= 3).all()


@given(seeds)
@few
def test_going_back_is_the_mirror_and_staying_is_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    old, new = rules(random), rules(random)
    there, back = (bulk.compare(*pair, *terminals(), NOON) for pair in ((old, new), (new, old)))
    every = np.arange(len(there.kinds))
    numbers = there.kinds.number, back.kinds.number
    assert (there.lost[numbers[0]] == back.gained[numbers[1]]).all()
    assert (there.gained[numbers[0]] == back.lost[numbers[1]]).all()
    reasons = there.because(every, len(every)), back.because(every, len(every))
    for row in range(0, COUNT, 5):
        assert reasons[0][numbers[0][row]] == reasons[1][numbers[1][row]]
    same = bulk.compare(old, old, *terminals(), NOON)
    assert not same.lost.any()
    assert not same.gained.any()
    assert same.because(every[: len(same.kinds)], len(same.kinds)) == [set() for _ in range(len(same.kinds))]


# --- what is not known --------------------------------------------------------------------------------------------

COLUMNS = ("position", "uncertainty_m", "age_s", "speed_kmh", "altitude_m", "days_abroad", "class_", "groups", "source",
           "home_territory")  # fmt: skip


def forget(some: Terminals, column: str, rows: np.ndarray) -> Terminals:
    if column == "position":
        latitude, longitude = (np.where(rows, np.nan, one_) for one_ in (some.latitude_deg, some.longitude_deg))
        return replace(some, latitude_deg=latitude, longitude_deg=longitude)
    held = getattr(some, column)
    if isinstance(held, Coded):
        return replace(some, **{column: Coded(np.where(rows, -1, held.code).astype(np.int32), held.values)})
    return replace(some, **{column: np.where(rows, np.nan, held)})


@pytest.mark.parametrize("column", COLUMNS)
def test_forgetting_an_input_never_permits_a_terminal_nor_accuses_one(column: str) -> None:
    """But for the age of a position too old to count: without it the position is taken as of now (docs)."""
    some, settled = terminals()
    fresh = ~(some.age_s > STALE_AFTER_S)
    shut = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        rule_set = rules(random)
        less = forget(some, column, (random.random(COUNT) < 0.7) & fresh)
        known = bulk.decide_all(rule_set, some, settled, NOON).outcome
        unknown = bulk.decide_all(rule_set, less, settle(less, ZONES), NOON).outcome
        assert not ((unknown == PERMITTED) & (known != PERMITTED)).any()
        assert not ((unknown == FORBIDDEN) & (known != FORBIDDEN)).any()
        shut += ((unknown != PERMITTED) & (known == PERMITTED)).sum()
    assert shut > 0, "nobody asks for it"


@given(seeds)
@few
def test_what_a_mask_promises_holds_whatever_else_is_unknown(seed: int) -> None:
    """Terminals in the middle of a cell of whom the class is known and nothing else, and those of whom all is."""
    rule_set = rules(np.random.default_rng(seed))
    world = mask_of(rule_set)
    numbers = middles()[0]
    for told, settled in middles()[1]:
        decided = bulk.decide_all(rule_set, told, settled, NOON).outcome
        for code, class_ in enumerate(told.class_.values):
            rows = told.class_.code == code
            may = world.may(class_)[numbers[rows]]
            assert (decided[rows][may == YES] == PERMITTED).all()
            assert (decided[rows][may == NO] != PERMITTED).all()


@cache
def middles() -> tuple[np.ndarray, list[tuple[Terminals, Settled]]]:
    """(cells around the strait by number, terminals in the middle of each: little known of them, or all)."""
    latitude, longitude = index().centres_deg
    near = np.flatnonzero((abs(latitude - 24.0) < 3.0) & (abs(longitude - 120.5) < 3.5))
    near = np.tile(near, 6)
    known = fleet.terminals(len(near), 4, 0.0, (latitude[near], longitude[near]))
    known = replace(known, uncertainty_m=np.full(len(near), 100.0))
    little = known
    for column in COLUMNS[2:]:
        little = little if column == "class_" else forget(little, column, np.ones(len(near), dtype=bool))
    return near, [(one_, settle(one_, ZONES)) for one_ in (little, known)]


# --- time ---------------------------------------------------------------------------------------------------------

TAIPEI = place_of("TWN")


def evaluators(rule_set: RuleSet) -> list[Callable[[datetime], bool]]:
    """Whether a permit on Taiwan holds at an instant: of a request, of its cells, of a terminal there."""
    two = np.arange(2, dtype=np.int32)
    ashore = CellIndex(0, two.astype(np.uint64), ("TWN", "TWN.sea12"), two, np.arange(3), two, 0, "")
    masks, alone = Masks(rule_set, ashore, ["fixed"]), one()
    settled = settle(alone, ())

    def by_mask(at: datetime) -> bool:
        may = masks.at(at).may("fixed")[0]
        assert may in (NO, YES)
        return bool(may == YES)

    return [
        lambda at: decide(rule_set, Request(at=at, class_="fixed"), TAIPEI).permitted,
        by_mask,
        lambda at: bool(bulk.decide_all(rule_set, alone, settled, at).outcome[0] == PERMITTED),
    ]


def a_permit(folder: Path, **said: Any) -> RuleSet:
    permit = {"id": "r", "effect": "permit", "territory": {"in": "TWN", "include": []}, "reason": "a licence"} | said
    (folder / "rules.json").write_text(json.dumps({"schema": 1, "book": "operator", "rule": [permit]}))
    return read_rules([folder / "rules.json"])


def shown(period: dict[str, Any], at: datetime) -> bool:
    """Whether a clock on the wall shows a time of a period, by zoneinfo."""
    clock = at.astimezone(ZoneInfo(period["zone"]))
    begins, ends = (time.fromisoformat(period[key]) for key in ("from", "until"))
    today, yesterday = ((clock - timedelta(days=ago)).strftime("%a").lower() in period["days"] for ago in (0, 1))
    if begins < ends:
        return today and begins <= clock.time() < ends
    return (today and clock.time() >= begins) or (yesterday and clock.time() < ends)


# (zone, the instant at which clocks change: forward in spring, back in autumn), by IANA
CHANGES = [
    ("Europe/Kyiv", "2026-03-29T01:00:00+00:00"),
    ("Europe/Kyiv", "2026-10-25T01:00:00+00:00"),
    ("America/New_York", "2026-03-08T07:00:00+00:00"),
    ("America/New_York", "2026-11-01T06:00:00+00:00"),
]
PERIODS = [(["sun"], "01:15", "03:30"), (["sun"], "02:10", "02:50"), (["sat"], "23:30", "01:45"),
           (["sun"], "03:10", "03:50"), (["sat", "sun"], "01:30", "01:20")]  # fmt: skip


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_weeks_on_the_day_that_clocks_change_minute_by_minute(zone: str, change: str, tmp_path: Path) -> None:
    """Every evaluator, from four hours before to four hours after: what the clock on the wall shows."""
    instant = datetime.fromisoformat(change)
    offsets = [(instant + timedelta(seconds=s)).astimezone(ZoneInfo(zone)).utcoffset() for s in (-1, 0)]
    assert offsets[0] != offsets[1]
    held = 0
    for days, begins, ends in PERIODS:
        period = {"days": days, "from": begins, "until": ends, "zone": zone}
        rule_set = a_permit(tmp_path, weekly=[period])
        by = evaluators(rule_set)
        for minute in range(-240, 240):
            at = instant + timedelta(minutes=minute)
            expected = shown(period, at)
            held += expected
            assert [holds(at) for holds in by] == [expected] * 3, (period, at)
    assert 0.05 < held / (480 * len(PERIODS)) < 0.95


LEAP = "2016-12-31T23:59:60Z"  # IERS Bulletin C 52


@pytest.mark.parametrize("written", [LEAP, "2017-01-01T07:59:60+08:00", "2016-12-31T23:59:60.5Z"])
@pytest.mark.parametrize(
    ("said", "serves"),
    [
        ({"until": "2017-01-01T00:00:00Z"}, True),
        ({"from": "2017-01-01T00:00:00Z"}, False),
        ({"from": LEAP}, True),
        ({"until": LEAP}, False),
        ({"weekly": [{"days": ["sat"], "from": "23:00", "until": "24:00", "zone": "UTC"}]}, True),
        ({"weekly": [{"days": ["sun"], "from": "00:00", "until": "01:00", "zone": "UTC"}]}, False),
        ({"weekly": [{"days": ["sun"], "from": "08:00", "until": "09:00", "zone": "Asia/Taipei"}]}, False),
    ],
)
def test_a_leap_second_belongs_to_the_day_that_it_ends(
    said: dict[str, Any], serves: bool, written: str, tmp_path: Path
) -> None:
    (request,) = read_requests({"at": written}, "request", None)
    assert request.at is not None
    assert [holds(request.at) for holds in evaluators(a_permit(tmp_path, **said))] == [serves] * 3


@given(
    st.datetimes(datetime(1972, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)),
)
@settings(max_examples=40, deadline=None)
def test_a_window_to_the_microsecond(begins: datetime, length: timedelta) -> None:
    begins = civil_instant(begins.isoformat())
    tick = timedelta(microseconds=1)
    permit = Rule("p", "operator", "permit", Labels(frozenset({"TWN"})), window=Window(begins, begins + length))
    for holds in evaluators(union([permit])):
        said = [holds(at) for at in (begins - tick, begins, begins + length - tick, begins + length)]
        assert said == [False, True, True, False]
