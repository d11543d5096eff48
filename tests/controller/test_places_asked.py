"""A place asked about: what is told of it is the plan's, taken apart, and every rule has its authority and entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from planned import STRIP, in_force, permitting, small_twin
from running import Running, shows_token

from openleo import cells as h3cells
from openleo.controller import one_cell, slot_plan
from openleo.controller.api import places
from openleo.controller.app import create_app
from openleo.controller.in_force import Entered
from openleo.controller.skies import MOST_KEPT, PIECE, Busy, Skies
from openleo.controller.slot_plan import SlotPlan

NUMBER = 120_000_000
WARSAW = {"lat": 52.23, "lon": 21.01}
ALASKA = {"lat": 64.0, "lon": -150.0}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    made = Running.on(tmp_path)
    made.step()
    yield made
    made.close()


def ask(here: Running, path: str = "/v1/places", **query: Any) -> Any:
    client = TestClient(create_app(here.runtime, loop=False), headers=shows_token(here.runtime, "viewer"))
    return client.get(path, params=query)


def served_rows(plan: SlotPlan) -> list[int]:
    return [int(row) for row in np.flatnonzero(plan.satellite >= 0)[:: max(len(plan.cells) // 8, 1)]]


def test_the_terms_of_a_round_trip_add_up_to_the_plans_in_every_cell_looked_at() -> None:
    twin = small_twin()
    for number in (NUMBER, NUMBER + 7):
        plan = slot_plan.compute(twin, number, in_force(permitting("POL", "URY")))
        rows = served_rows(plan)
        assert rows
        for row in rows:
            way = one_cell.way(twin, plan, row, frozenset(), Skies())
            assert way is not None
            assert sum(term.ms for term in way.terms) == pytest.approx(float(plan.rtt_ms[row]), abs=one_cell.SAME_MS)
            name = twin.case.network.constellation.satellite_name[int(plan.satellite[row])]
            assert way.path.hops[0].end == name
            assert way.path.hops[0].kind == "user link"


def test_hand_overs_ahead_are_those_that_the_next_plans_make() -> None:
    twin, rules, slots = small_twin(), in_force(permitting("POL", "URY")), 12
    first = slot_plan.compute(twin, NUMBER, rules)
    plans = [first]
    for number in range(NUMBER + 1, NUMBER + slots + 1):
        plans.append(slot_plan.compute(twin, number, rules, plans[-1]))
    names, changed, skies = twin.case.network.constellation.satellite_name, 0, Skies()
    for row in served_rows(first):
        told = {one.at: one.to_satellite for one in one_cell.ahead(twin, first, row, frozenset(), skies, slots)}
        made = {
            twin.span(now.number)[0]: names[now.satellite[row]] if now.satellite[row] >= 0 else ""
            for before, now in pairwise(plans)
            if before.satellite[row] != now.satellite[row]
        }
        assert told == made
        changed += len(made)
    assert changed > 0


def test_what_is_ahead_is_made_once_for_all_who_ask_in_small_pieces() -> None:
    twin, rests = small_twin(), []
    skies, rules = Skies(rest=rests.append), in_force(permitting("POL", "URY"))
    plan = slot_plan.compute(twin, NUMBER, rules)
    rows = served_rows(plan)
    alone = [one_cell.ahead(twin, plan, row, frozenset(), Skies(), 9) for row in rows]
    assert [one_cell.ahead(twin, plan, row, frozenset(), skies, 9) for row in rows] == alone
    assert len(rests) == 10 // PIECE
    for number in range(NUMBER + 1, NUMBER + 1 + MOST_KEPT):
        later = slot_plan.compute(twin, number, rules)
        one_cell.way(twin, later, served_rows(later)[0], frozenset(), skies)
    assert len(skies._kept) == MOST_KEPT
    assert len(rests) == 10 // PIECE + MOST_KEPT


def test_who_asks_while_too_many_do_is_told_so_and_has_the_plan_all_the_same(here: Running) -> None:
    plan, twin = here.runtime.current.plan, here.runtime.twin  # type: ignore[union-attr]
    latitude, longitude = h3cells.centres_deg(twin.cells)
    row, skies = served_rows(plan)[0], here.runtime.skies
    while skies._waiting.acquire(blocking=False):
        pass
    with pytest.raises(Busy):
        one_cell.way(twin, plan, row, frozenset(), skies)
    said = ask(here, lat=latitude[row], lon=longitude[row]).json()
    assert said["why_no_terms"] == said["why_no_hand_overs"] == "too many ask of places at once: ask again"
    assert said["rtt_ms"] == pytest.approx(float(plan.rtt_ms[row]), abs=0.001)


def test_a_day_begins_as_the_plan_does() -> None:
    twin = small_twin()
    plan = slot_plan.compute(twin, NUMBER, in_force(permitting("POL", "URY")))
    row, rests = served_rows(plan)[0], []
    found = one_cell.day(twin, plan, row, frozenset(), samples=4, rest=rests.append)
    assert [one.begins for one in found] == [twin.span(NUMBER + 1440 * n)[0] for n in range(4)]
    assert (found[0].satellite, found[0].seen) == (int(plan.satellite[row]), int(plan.seen[row]))
    assert len(rests) == 4


def test_what_does_not_agree_with_the_plan_is_not_told() -> None:
    twin = small_twin()
    plan = slot_plan.compute(twin, NUMBER, in_force(permitting("POL", "URY")))
    row = served_rows(plan)[0]
    for other in (replace(plan, degraded="late"), replace(plan, network="0" * 64), replace(plan, elements="0" * 64),
                  replace(plan, rtt_ms=plan.rtt_ms + np.float32(1.0)), replace(plan, number=NUMBER + 400)):  # fmt: skip
        with pytest.raises(one_cell.NotAsPlanned):
            one_cell.way(twin, other, row, frozenset(), Skies())


def test_a_served_place_is_told_as_its_plan_has_it(here: Running) -> None:
    plan, twin = here.runtime.current.plan, here.runtime.twin  # type: ignore[union-attr]
    latitude, longitude = h3cells.centres_deg(twin.cells)
    row = served_rows(plan)[0]
    said = ask(here, lat=latitude[row], lon=longitude[row]).json()
    assert said["slot"] == str(plan.number)
    assert said["cell"] == h3cells.text(twin.cells)[row]
    assert said["satellite"] == twin.case.network.constellation.satellite_name[int(plan.satellite[row])]
    assert said["rtt_ms"] == pytest.approx(float(plan.rtt_ms[row]), abs=0.001)
    assert sum(one["ms"] for one in said["terms"]) == pytest.approx(said["rtt_ms"], abs=0.02)
    assert said["hops"][0]["kind"] == "user link"
    assert (said["why_no_terms"], said["why_no_hand_overs"]) == (None, None)
    assert said["hand_overs"]
    kept = ask(here, lat=latitude[row], lon=longitude[row], slot=plan.number).json()
    assert kept == said


def test_a_rule_is_told_with_its_authority_and_the_entry_that_put_it_there(here: Running) -> None:
    rules = permitting("POL", "URY", more=STRIP.format(land="POL", more='legal_reference = "Act 7"\n'))
    held = in_force(rules)
    (book,) = {rule.book for rule in rules.rules}
    sha256 = "a" * 64
    here.gate.now = replace(held, entered={book: Entered("c-9", 5, sha256)}, active={f"book:{book}": sha256})
    here.slot()
    said = ask(here, **WARSAW).json()
    fixed = next(one for one in said["classes"] if one["name"] == "fixed")
    assert fixed["reason"] == "not_permitted"
    assert fixed["decision"]["decision"] == "FORBIDDEN"
    assert fixed["decision"]["because"] == [
        {"rule": "POL-forbid", "book": book, "effect": "forbid", "authority": "a regulator", "reason": "a reason",
         "legal_reference": "Act 7", "change": "c-9", "entry": "5"}
    ]  # fmt: skip
    assert said["hand_overs"] == []
    here.gate.now = replace(here.gate.now, active={f"book:{book}": "b" * 64})  # break-glass holds another
    here.slot()
    (because,) = ask(here, **WARSAW, **{"class": "fixed"}).json()["classes"][0]["decision"]["because"]
    assert (because["change"], because["entry"]) == (None, None)


def test_what_depends_on_the_terminal_is_said_to(here: Running) -> None:
    slow = '[[rule]]\nid = "slow"\neffect = "permit"\nterritory = {in = "POL"}\nconditions = {speed_kmh_max = 10}\n'
    here.gate.says(permitting("URY", more=slow + 'authority = "a"\nreason = "r"\n'), 9)
    here.slot()
    (fixed,) = ask(here, **WARSAW, **{"class": "fixed"}).json()["classes"]
    assert fixed["depends"]
    assert fixed["decision"]["decision"] == "INDETERMINATE"
    assert fixed["decision"]["missing"] == ["speed_kmh"]
    samples = ask(here, "/v1/places/day", **WARSAW, **{"class": "fixed"}).json()["samples"]
    assert all(one["depends"] for one in samples)
    assert {one["reason"] for one in samples} & {"served"}
    assert "not_permitted" not in {one["reason"] for one in samples}


def test_rules_of_a_slot_under_others_are_not_made_up(here: Running) -> None:
    number = here.runtime.current.plan.number  # type: ignore[union-attr]
    here.gate.says(permitting("URY"))
    here.slot(2)
    said = ask(here, **WARSAW, slot=number).json()
    assert all(one["decision"] is None for one in said["classes"])
    assert said["why_no_terms"] == "other rules were in force in that slot"


def test_where_the_network_has_no_cell_rules_alone_are_told(here: Running) -> None:
    said = ask(here, **ALASKA).json()
    assert (said["cell"], said["satellite"], said["hand_overs"]) == (None, None, [])
    assert said["territories"] == ["USA"]
    assert {one["decision"]["decision"] for one in said["classes"]} == {"NOT_PERMITTED"}
    assert ask(here, "/v1/places/day", **ALASKA).status_code == 404


def test_a_day_is_told_by_hours_and_reasons(here: Running) -> None:
    said = ask(here, "/v1/places/day", **WARSAW, **{"class": "fixed"}).json()
    assert len(said["samples"]) == 48
    assert (said["class"], said["cell"]) == ("fixed", ask(here, **WARSAW).json()["cell"])
    for one in said["samples"]:
        assert (one["reason"] == "served") == (one["rtt_ms"] is not None)
        assert not one["depends"]
    assert places._days.acquire(blocking=False)
    try:
        answer = ask(here, "/v1/places/day", **WARSAW)
    finally:
        places._days.release()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    "query",
    [{"lat": "nan", "lon": 0}, {"lat": 0, "lon": "inf"}, {"lat": 91, "lon": 0}, {"lat": 0, "lon": -180.1}, {"lat": 0},
     {"lat": "x", "lon": 1}, {"lat": 1, "lon": 1, "slot": -1}, {"lat": 1, "lon": 1, "class": "nobody"},
     {"lat": 1, "lon": 1, "clas": "fixed"}],
)  # fmt: skip
def test_a_place_that_is_none_is_refused(here: Running, query: dict[str, Any]) -> None:
    for path in ("/v1/places", "/v1/places/day"):
        assert ask(here, path, **query).status_code in (404, 422)
    assert ask(here, **query).status_code == 422


def test_a_slot_that_is_not_kept_and_a_controller_without_a_plan_are_problems(here: Running, tmp_path: Path) -> None:
    assert ask(here, **WARSAW, slot=12).status_code == 404
    new = Running.on(tmp_path / "new")
    try:
        answer = ask(new, **WARSAW)
        assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (503, "no-plan")
    finally:
        new.close()
