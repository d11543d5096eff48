"""Who gets a lease: the first reason that applies, and never one where something is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import leasing
from openleo import cells as h3cells
from openleo.controller import lease_place, leases
from openleo.controller.leases import Doubt, Lease, Refused, Terms
from openleo.network.ground.stations import Station
from openleo.places import point
from openleo.policy import answer
from openleo.service import licences
from openleo.service.serve import Reason

TERMS = Terms(4)


def decided(
    tmp_path: Any, *rules: dict[str, Any], terminal: Any = None, plan: Any = None, now_s: float = leasing.NOW_S,
    terms: Terms = TERMS, twice: tuple[float, float, float] | None = None, **said: Any,
) -> Lease | Refused:  # fmt: skip
    """`twice`: where the network itself finds the terminal besides."""
    in_force = leasing.InForce(leasing.rules(tmp_path, *rules))
    form = leasing.asking(at_s=now_s, **said).form
    circles = leases.circles(form) + ((twice,) if twice else ())
    placed = lease_place.place(circles, in_force.rules.regions, leasing.RESOLUTION)
    found = terminal or leasing.terminal()
    asked = leases.request(form, found, placed, now_s)
    return leases.decide(asked, found, placed, in_force, leasing.offers(plan), terms, now_s)


def given_lease(*arguments: Any, **said: Any) -> Lease:
    found = decided(*arguments, **said)
    assert isinstance(found, Lease), found
    return found


def refused(*arguments: Any, **said: Any) -> Refused:
    found = decided(*arguments, **said)
    assert isinstance(found, Refused), found
    return found


def test_a_permitted_terminal_is_given_what_the_plan_gives(tmp_path: Any) -> None:
    lease = given_lease(tmp_path)
    assert lease.as_json("l-1") == {
        "lease": "l-1",
        "terminal": "t-1",
        "cells": [format(leasing.cell_of(leasing.TAICHUNG), "x")],
        "satellite": "7",
        "gateway": "Changhua",
        "pop": "Taipei",
        "down_mbps": None,
        "up_mbps": None,
        "valid_from": leasing.instant(leasing.NOW_S),
        "valid_until": leasing.instant(leasing.BEGINS_S + 60.0),
        "slots": [leasing.NUMBER, leasing.NUMBER + 4],
        "rule_set": leasing.rules(tmp_path).sha256,
        "ledger_size": 41,
        "plan": "p" * 64,
        "renew_after": leases.at_text(lease.renew_after_s),
        "decision": lease.decision.as_json(),
    }
    assert leasing.BEGINS_S + 15.0 <= lease.renew_after_s < leasing.BEGINS_S + 30.0


# --- who it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["enrolled", "suspended", "revoked", "lost"])
def test_only_active_terminals_are_served(tmp_path: Any, state: str) -> None:
    found = refused(tmp_path, terminal=leasing.terminal(state=state))
    assert (found.why, found.because[0]["rule"]) == ("not_permitted", f"registry/terminal-{state}")


UNFIT = {
    "account-suspended": {"account_suspended": True},
    "subscription-over": {"subscribed_until_s": leasing.NOW_S},
    "under-review": {"held": True},
}


@pytest.mark.parametrize("rule", UNFIT)
def test_who_the_registry_lets_have_none_is_refused(tmp_path: Any, rule: str) -> None:
    found = refused(tmp_path, terminal=leasing.terminal(**UNFIT[rule]))  # type: ignore[arg-type]
    assert (found.why, found.because[0]["rule"], found.decision) == ("not_permitted", f"registry/{rule}", None)


def test_a_subscription_holds_from_its_beginning(tmp_path: Any) -> None:
    assert refused(tmp_path, terminal=leasing.terminal(subscribed_from_s=leasing.NOW_S + 0.001))
    assert given_lease(tmp_path, terminal=leasing.terminal(subscribed_from_s=leasing.NOW_S))


def test_a_lease_ends_with_what_was_bought(tmp_path: Any) -> None:
    ends_s = leasing.BEGINS_S + 20.0
    lease = given_lease(tmp_path, terminal=leasing.terminal(subscribed_until_s=ends_s))
    assert (lease.valid_until_s, lease.until_slot) == (ends_s, leasing.NUMBER + 2)
    assert lease.renew_after_s <= ends_s


def test_class_and_groups_are_the_registrys(tmp_path: Any) -> None:
    permit = leasing.PERMIT | {"who": {"classes": ["government"], "groups": ["hospitals"]}}
    assert refused(tmp_path, permit).why == "not_permitted"
    lease = given_lease(
        tmp_path, permit, terminal=leasing.terminal(class_="government", groups=frozenset({"hospitals"}))
    )
    assert lease.decision.because[0].rule == "twn-1"


# --- what the rules say -----------------------------------------------------------------------------------------


def test_no_rule_for_a_place_no_lease(tmp_path: Any) -> None:
    found = refused(tmp_path, place=leasing.OSAKA)
    assert (found.why, found.because, found.refusal["cause"], found.refusal["territory"]) == (
        "not_permitted",
        (),
        78,
        "JPN",
    )
    assert found.refusal["radius_km"] > 0


def test_a_forbid_is_named_with_its_authority_and_its_end(tmp_path: Any) -> None:
    ends = datetime.fromtimestamp(leasing.NOW_S, UTC) + timedelta(hours=3)
    until = ends.isoformat()
    place = leasing.PERMIT["territory"]
    forbid = {"id": "no", "effect": "forbid", "territory": place, "until": until, "emergency": "keep"}
    forbid |= {"authority": "regulator", "reason": "exercise"}
    found = refused(tmp_path, leasing.PERMIT, forbid)
    assert found.because == ({"rule": "no", "authority": "regulator", "reason": "exercise"},)
    assert found.as_json()["decision"] == "FORBIDDEN"
    assert found.refusal["retry_not_before"] == leasing.instant(ends.timestamp())


@pytest.mark.parametrize(
    "position", [None, {"uncertainty_m": None}, {"age_s": 86_401.0}, {"uncertainty_m": 2_000_000.0}]
)
def test_a_position_that_is_not_known_opens_no_door(tmp_path: Any, position: Any) -> None:
    found = refused(tmp_path, position=position)
    assert (found.why, found.as_json()["decision"], found.refusal["territory"]) == (
        "not_permitted",
        "INDETERMINATE",
        None,
    )


def test_a_position_ages_on_its_way(tmp_path: Any) -> None:
    """The request is of half a minute ago: what was 24 h old but for 20 s then is too old now."""
    said = {"position": {"age_s": 86_400.0 - 20.0}}
    form = leasing.asking(at_s=leasing.NOW_S - 30.0, **said).form
    placed = lease_place.place(leases.circles(form), (), 4)
    assert leases.request(form, leasing.terminal(), placed, leasing.NOW_S).age_s == 86_410.0
    assert leases.request(form, leasing.terminal(), placed, leasing.NOW_S - 60.0).age_s == 86_380.0  # never younger


def test_a_lease_ends_with_the_decision(tmp_path: Any) -> None:
    until = datetime.fromtimestamp(leasing.BEGINS_S + 20.5, UTC).isoformat()
    lease = given_lease(tmp_path, leasing.PERMIT | {"until": until})
    assert (lease.valid_until_s, lease.until_slot) == (leasing.BEGINS_S + 20.5, leasing.NUMBER + 2)
    aged = given_lease(tmp_path, position={"age_s": 86_400.0 - 10.0})
    assert aged.valid_until_s == leasing.NOW_S + 10.0


@pytest.mark.parametrize("slots", [1, 4, 20])
def test_a_lease_is_as_long_as_its_terms(tmp_path: Any, slots: int) -> None:
    lease = given_lease(tmp_path, terms=Terms(slots))
    assert lease.valid_until_s == leasing.BEGINS_S + slots * leasing.SLOT_S
    assert lease.until_slot - lease.slot == slots
    assert lease.renew_after_s <= lease.valid_until_s


def test_two_places_that_disagree_have_to_be_permitted_both(tmp_path: Any) -> None:
    near = (leasing.TAICHUNG[0] + 0.01, leasing.TAICHUNG[1], 5_000.0)
    assert given_lease(tmp_path, twice=near)
    found = refused(tmp_path, twice=(*leasing.OSAKA, 5_000.0))
    assert found.as_json()["decision"] == "INDETERMINATE"
    assert found.refusal["territory"] == "JPN TWN"


def test_the_source_of_two_places_is_not_known(tmp_path: Any) -> None:
    permit = leasing.PERMIT | {"conditions": {"location_source": ["gnss"]}}
    assert given_lease(tmp_path, permit)
    assert refused(tmp_path, permit, twice=(*leasing.TAICHUNG, 5_000.0)).missing == ("position.source",)


# --- what the network can ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.NOT_PERMITTED, Reason.NO_SATELLITE, Reason.NO_GATEWAY, Reason.NO_CAPACITY])
def test_the_reason_of_the_plan_is_told_and_the_next_slot_is_tried(tmp_path: Any, reason: Reason) -> None:
    made = leasing.plan()
    made.reason[:] = reason
    found = refused(tmp_path, plan=made)
    assert found.why == reason.word
    assert found.refusal["retry_not_before"] == leasing.instant(leasing.BEGINS_S + 15.0)


def test_a_plan_of_older_rules_gives_no_more_than_it_served(tmp_path: Any) -> None:
    made = leasing.plan()
    made.reason[:, leasing.CLASSES.index("fixed")] = Reason.NOT_PERMITTED
    assert refused(tmp_path, plan=made).because[0]["rule"] == "plan"
    assert given_lease(tmp_path, plan=made, terminal=leasing.terminal(class_="vehicle"))


def test_a_cell_beyond_the_plan_and_a_class_that_it_does_not_know(tmp_path: Any) -> None:
    assert refused(tmp_path, plan=leasing.plan(middle=leasing.OSAKA)).why == "no_satellite"
    assert refused(tmp_path, plan=leasing.plan(classes=("vehicle",))).why == "not_permitted"


def test_a_plan_that_contradicts_itself_serves_nobody(tmp_path: Any) -> None:
    """SERVED, and yet nobody who does it."""
    for column in ("satellite", "gateway", "pop"):
        made = leasing.plan()
        getattr(made, column)[:] = -1
        assert refused(tmp_path, plan=made).why in ("no_satellite", "no_gateway")


def test_traffic_lands_where_the_permit_says(tmp_path: Any) -> None:
    permit = leasing.PERMIT | {"land_in": ["TWN"]}
    assert given_lease(tmp_path, permit).offer.gateway == "Changhua"
    for column in ("gateway", "pop"):
        made = leasing.plan()
        getattr(made, column)[:] = 1
        assert refused(tmp_path, permit, plan=made).why == "no_gateway"
    assert given_lease(tmp_path, permit | {"land_in": ["TWN", "JPN"]}, plan=made).offer.pop == "Tokyo"


def test_a_station_lands_where_it_stands() -> None:
    def land(territory: str, latitude_deg: float, longitude_deg: float) -> str | None:
        return licences.land_of(Station("A", latitude_deg, longitude_deg, territory))

    assert land("JPN", *leasing.TAICHUNG) == "JPN"
    assert land("", *leasing.TAICHUNG) == "TWN"
    assert land("nowhere", *leasing.OSAKA) == "JPN"
    assert land("", 0.0, -30.0) is None  # the Atlantic


def test_the_rate_is_the_plans_bounded_by_what_was_bought(tmp_path: Any) -> None:
    rates = leasing.plan()
    rates.down_mbps[:], rates.up_mbps[:] = 150.0, 10.0
    lease = given_lease(tmp_path, plan=rates, terminal=leasing.terminal(down_mbps=100.0, up_mbps=20.0))
    assert (lease.down_mbps, lease.up_mbps) == (100.0, 10.0)
    bought = given_lease(tmp_path, terminal=leasing.terminal(down_mbps=100.0))
    assert (bought.down_mbps, bought.up_mbps) == (None, None)  # nobody computed any
    rates.down_mbps[:] = 0.0
    assert refused(tmp_path, plan=rates).why == "no_capacity"


@pytest.mark.parametrize(
    ("late_s", "doubt"), [(-15.1, True), (-15.0, False), (29.9, False), (30.0, True), (3600.0, True)]
)
def test_an_old_plan_gives_nothing(tmp_path: Any, late_s: float, doubt: bool) -> None:
    now_s = leasing.BEGINS_S + late_s
    if not doubt:
        assert given_lease(tmp_path, now_s=now_s)
        return
    with pytest.raises(Doubt):
        decided(tmp_path, now_s=now_s)


# --- places -----------------------------------------------------------------------------------------------------


def test_a_circle_over_an_edge_holds_every_cell_that_it_touches_and_the_plan_serves(tmp_path: Any) -> None:
    cell = leasing.cell_of(leasing.TAICHUNG)
    latitude, longitude = h3cells.centres_deg(np.array([cell], dtype=np.uint64))
    lease = given_lease(tmp_path, place=(float(latitude[0]), float(longitude[0])))
    assert lease.cells == (cell,)
    outline = h3cells.outlines(np.array([cell], dtype=np.uint64))[0]
    corner_east, corner_north = outline.exterior.coords[0]
    at_corner = given_lease(tmp_path, place=(corner_north, corner_east), position={"uncertainty_m": 200.0})
    assert len(at_corner.cells) == 3
    assert at_corner.cells[0] == leasing.cell_of((corner_north, corner_east))
    alone = leasing.plan(rings=0, middle=(corner_north, corner_east))
    assert len(given_lease(tmp_path, plan=alone, place=(corner_north, corner_east)).cells) == 1


@given(
    latitude_deg=st.floats(-89.9, 89.9), longitude_deg=st.floats(-180.0, 180.0),
    radius_m=st.sampled_from([1.0, 500.0, 2e4, 9e4]),
    resolution=st.sampled_from([3, 4]),
)  # fmt: skip
def test_the_cells_of_a_circle_against_h3s_own_filling(
    latitude_deg: float, longitude_deg: float, radius_m: float, resolution: int
) -> None:
    circle = (latitude_deg, longitude_deg, radius_m)
    found = lease_place.cells_of(circle, resolution)
    assert found[0] == int(h3cells.at(latitude_deg, longitude_deg, resolution))
    filled = {int(cell) for cell in h3cells.overlapping([point.drawn(*circle)], resolution)}
    assert filled - set(found) <= set() or radius_m < 1_000.0  # h3 leaves slivers out, and never has more
    assert len(found) == len(set(found))


def test_a_place_is_kept_and_is_the_same() -> None:
    places = lease_place.Places(4, most_kept=2)
    circles = [((*leasing.TAICHUNG, 30.0 + number),) for number in range(3)]
    first = [places.at(circle, ()) for circle in circles]
    assert places.at(circles[2], ()) is first[2]
    assert places.at(circles[0], ()) == first[0]
    assert places.at(circles[0], ()) is not first[0]  # it was the third


def test_the_decision_is_that_of_policy_decide(tmp_path: Any) -> None:
    """The same request, the same rule set: `openleo policy decide` says the same, refusal and all."""
    for place in (leasing.TAICHUNG, leasing.OSAKA, (24.5, 118.1), (25.0, 121.0), (24.0, 119.5)):
        found = decided(
            tmp_path, leasing.PERMIT, place=place, plan=leasing.plan(middle=place), position={"uncertainty_m": 900.0}
        )
        rule_set = leasing.rules(tmp_path, leasing.PERMIT)
        form = leasing.asking(place=place, position={"uncertainty_m": 900.0}).form
        placed = lease_place.place(leases.circles(form), rule_set.regions, 4)
        expected = answer.answer(rule_set, leases.request(form, leasing.terminal(), placed, leasing.NOW_S))
        assert found.decision == expected
        assert isinstance(found, Lease) == expected.permitted
        if isinstance(found, Refused):
            assert expected.refusal is not None
            assert found.refusal == expected.refusal.as_json()


def test_renewals_are_spread_over_the_slot() -> None:
    shares = [leases.spread(f"terminal-{number:05}") for number in range(10_000)]
    counts, _ = np.histogram(shares, bins=8, range=(0.0, leases.LAST_SHARE))
    assert counts.min() > 1_100
    assert counts.max() < 1_400


def test_a_held_terminal_keeps_nothing_else_secret(tmp_path: Any) -> None:
    """A refusal names what the registry holds against a terminal, and no position but its own territory."""
    found = refused(tmp_path, terminal=replace(leasing.terminal(), held=True))
    assert found.refusal == {"cause": 78, "territory": None, "retry_not_before": None, "radius_km": None}
