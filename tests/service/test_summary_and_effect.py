"""Two cells worked out by hand: shares, reasons, medians, and what a change of rules does to them.

Cell 0 is reached in 3 of 4 slots (30, 40, 50 ms) and sees nobody in one; 300 people live there in TWN and 100 in JPN.
Cell 1 is reached in 1 of 4 (100 ms) and sees satellites without a gateway in three; it is 50 km² of TWN and 150 km² of
high seas, and nobody lives there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.network.reach import Reach
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import AtMost, MoreThan, Selector
from openleo.policy.rules import Rule, union
from openleo.report import effect_text
from openleo.service.amounts import Amount
from openleo.service.effect import Effect, effect
from openleo.service.reached import Reached
from openleo.service.serve import ServiceMap, serve
from openleo.service.statistics import CellStatistics, Counter
from openleo.service.summary import by_cell, by_territory

CELLS = h3cells.world(1)[:2]
PARTS = Parts(
    CELLS,
    cell=np.array([0, 0, 1, 1], np.int32),
    territory=np.array(["JPN", "TWN", "TWN", "high-seas"], object),
    within=np.zeros((4, 0), bool),
    area_km2=np.array([20.0, 30.0, 50.0, 150.0]),
    people=np.array([100.0, 300.0, 0.0, 0.0]),
)


def rule(name: str, effect: str, *territories: str) -> Rule:
    emergency = "cut" if effect == "forbid" else None
    where = Labels(frozenset(territories))
    return Rule(name, "operator", effect, where, emergency=emergency, authority="operator", reason="a test")  # type: ignore[arg-type]


JAPAN, TAIWAN, SEAS = (rule(name.lower(), "permit", name) for name in ("JPN", "TWN", "high-seas"))
NO_TAIWAN = rule("no-taiwan", "forbid", "TWN")


def service(*rules: Rule, classes: tuple[str, ...] = ("fixed",)) -> ServiceMap:
    return serve(statistics(), PARTS, mask.compute(union(rules), PARTS, classes), classes[0])


def statistics() -> CellStatistics:
    none = np.float32(np.inf)
    counter = Counter(2, 15.0)
    counter.add(
        Reach(
            0,
            np.array([[1, -1], [1, -1], [-1, 7], [2, -1]], np.int32),
            np.array([[30, none], [40, none], [none, 100], [50, none]], np.float32),
            np.array([[4, 2], [4, 2], [0, 3], [1, 1]], np.int16),
        )
    )
    return counter.finish()


def test_a_territorys_shares_are_of_people_where_people_live() -> None:
    rows = {row.territory: row for row in by_territory(service(JAPAN, TAIWAN))}
    taiwan = rows["TWN"]
    assert (taiwan.cells, taiwan.population, taiwan.area_km2, taiwan.weighting) == (2, 300, 80.0, "population")
    assert (taiwan.can_serve, taiwan.may_serve, taiwan.served) == (0.75, 1.0, 0.75)
    assert taiwan.not_served_because == {
        "not_permitted": 0.0,
        "no_satellite": 0.25,
        "no_gateway": 0.0,
        "no_capacity": 0.0,
    }
    assert (taiwan.rtt_ms_p50, taiwan.rtt_ms_p95) == (40.05, 50.05)  # the middles of bins of a tenth


def test_a_territorys_shares_are_of_area_where_nobody_lives() -> None:
    rows = {row.territory: row for row in by_territory(service(SEAS))}
    seas = rows["high-seas"]
    assert (seas.population, seas.area_km2, seas.weighting) == (0, 150.0, "area")
    assert (seas.can_serve, seas.served, seas.not_served_because["no_gateway"]) == (0.25, 0.25, 0.75)


def test_what_is_not_permitted_says_so_first_and_still_says_what_could_be() -> None:
    rows = {row.territory: row for row in by_territory(service(JAPAN, TAIWAN, NO_TAIWAN))}
    assert rows["TWN"].can_serve == 0.75
    assert (rows["TWN"].may_serve, rows["TWN"].served, rows["TWN"].rtt_ms_p50) == (0.0, 0.0, None)
    assert rows["TWN"].not_served_because["not_permitted"] == 1.0
    assert rows["high-seas"].not_served_because["not_permitted"] == 1.0  # no rule, no service


def test_a_border_cell_is_its_peoples_shares() -> None:
    table = by_cell(service(JAPAN))
    assert table.territories == ["JPN TWN", "TWN high-seas"]
    assert table.may_serve.tolist() == [0.25, 0.0]
    assert table.served.tolist() == [0.75 * 0.25, 0.0]
    assert table.reason == ["not_permitted", "not_permitted"]
    assert table.rule == ["", ""]
    assert by_cell(service(JAPAN, TAIWAN, NO_TAIWAN)).rule == ["no-taiwan", "no-taiwan"]


def test_rows_come_in_the_scenarios_order_then_by_name() -> None:
    assert [row.territory for row in by_territory(service(), ("TWN",))] == ["TWN", "JPN", "high-seas"]


def between(before: Sequence[Rule], after: Sequence[Rule]) -> Effect:
    reached = Reached(PARTS, statistics(), mask.kinds_of(PARTS, ()))
    return effect(reached, union(before), union(after), ["fixed"], None, "network", order=["TWN", "JPN", "high-seas"])


def test_an_effect_counts_people_by_the_time_they_can_be_served() -> None:
    found = between([JAPAN], [JAPAN, TAIWAN])
    taiwan, japan, seas = found.rows
    assert taiwan.gained == Amount(cells=2, area_km2=round(30.0 * 0.75 + 50.0 * 0.25, 3), people=225)
    assert taiwan.lost == Amount(0, 0.0, 0)
    assert taiwan.rtt_ms_p50 == (None, 40.05)
    assert taiwan.because == ("twn",)
    for row in (japan, seas):
        assert row.lost == row.gained == Amount(0, 0.0, 0)
        assert row.because == ()


def test_a_cell_on_a_border_counts_once_in_all() -> None:
    """It was counted for each of its territories."""
    found = between([JAPAN, TAIWAN], [])
    assert {row.territory: row.lost.cells for row in found.rows} == {"TWN": 2, "JPN": 1, "high-seas": 0}
    (total,) = found.totals
    assert (total.lost.cells, total.lost.people, total.lost.area_km2) == (2, 300, 50.0)
    assert "loses:    300 people, 50 km², 2 cells, in 2 territories" in effect_text.text(found, ("old", "new"))
    assert found.as_json()["totals"][0]["lost"]["cells"] == 2


def test_an_effect_names_the_forbid_that_takes() -> None:
    found = between([TAIWAN], [TAIWAN, NO_TAIWAN])
    assert found.rows[0].lost == Amount(cells=2, area_km2=35.0, people=225)
    assert "no-taiwan" in found.rows[0].because


def asking(name: str, effect: str, speed_kmh: float) -> Rule:
    """A rule on Taiwan for terminals that are faster (or, of a permit, that are not)."""
    condition = (AtMost if effect == "permit" else MoreThan)("speed_kmh", speed_kmh)
    return replace(rule(name, effect, "TWN"), selector=Selector(conditions=(condition,)))


SLOW, LIMIT = asking("slow", "permit", 75.0), asking("limit", "forbid", 75.0)


@pytest.mark.parametrize(
    ("before", "after", "because"),
    [
        ([SLOW], [SLOW, TAIWAN], ("twn",)),  # from: it depends on the speed; to: whatever the speed
        ([LIMIT, TAIWAN], [LIMIT], ("twn",)),  # the limit stands; what it left is not permitted any more
        ([LIMIT, TAIWAN], [LIMIT, SLOW], ("slow", "twn")),
        ([LIMIT, TAIWAN], [LIMIT, TAIWAN, NO_TAIWAN], ("no-taiwan",)),
        ([TAIWAN, SLOW], [LIMIT, SLOW, TAIWAN], ("limit",)),
        ([TAIWAN, SLOW], [SLOW], ("twn",)),
        ([], [LIMIT, TAIWAN], ("twn",)),
        ([LIMIT, SLOW], [LIMIT, asking("slower", "permit", 30.0)], ("slow", "slower")),
    ],
)
def test_a_rule_that_stands_on_both_sides_makes_no_difference(before, after, because) -> None:
    """It was named wherever it is asked, although it asked the same before and after."""
    assert between(before, after).rows[0].because == because
    assert between(after, before).rows[0].because == because


def test_an_effect_is_of_the_form_of_the_contract() -> None:
    said = between([JAPAN], [JAPAN, TAIWAN]).as_json()
    assert {"sha256", "base", "new", "network", "territories"} <= said.keys()
    row = said["territories"][0]
    assert {
        "territory", "class", "lost", "gained", "displaced_by_capacity", "freed_by_capacity", "rtt_ms_p50",
        "down_mbps_p50", "up_mbps_p50", "spill_people", "because",
    } <= row.keys()  # fmt: skip
    assert row["lost"] == {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None}
    assert (
        row["displaced_by_capacity"] is row["freed_by_capacity"] is None
    )  # not known without capacity, and so not zero


@pytest.mark.parametrize("part", ["base", "new", "network"])
def test_the_hash_of_an_effect_covers_what_it_was_computed_on(part: str) -> None:
    found = between([JAPAN], [JAPAN, TAIWAN])
    names = {"base": "base", "new": "new", "network": "network"} | {part: "another"}
    assert replace(found, **names).sha256 != replace(found, base="base", new="new").sha256
    assert replace(found).sha256 == found.sha256


def test_the_hash_of_an_effect_covers_every_row() -> None:
    found = between([JAPAN], [JAPAN, TAIWAN])
    for gone in range(len(found.rows)):
        rows = found.rows[:gone] + found.rows[gone + 1 :]
        assert replace(found, rows=rows).sha256 != found.sha256
