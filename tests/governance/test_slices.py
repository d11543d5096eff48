"""A large loss cut into slices, each below the bound of a quorum: what changes took in the last days is summed up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_life import roster_proposal, status
from world_made import JPN, LINES, OPERATORS, TWN, A, B, World, loss, roster

from openleo.governance.entries import Touched
from openleo.governance.moves import Move
from openleo.governance.notices import Kind
from openleo.governance.noticing import notices
from openleo.governance.state import Status

LARGE = "all(3 of operator, 1 of regulator:TWN)"  # above half of a territory's people
EMERGENCY = {
    "territory": "*",
    "kind": "*",
    "above": {"people_share_ppm": None, "emergency_terminals": 10},
    "quorum": "all(3 of operator, 1 of regulator:JPN)",
}


@pytest.fixture
def world() -> World:
    return World.founded()


def propose(world: World, id_: str, *touched: Touched, **more: Any) -> None:
    world.propose(id_, Move(target=f"book:{id_}", base=None, new=A), touched=touched, **more)


def quorums(world: World, id_: str) -> set[str]:
    return {str(line.quorum) for line in world.state.change(id_).asked}


def pass_(world: World, id_: str, *touched: Touched) -> None:
    propose(world, id_, *touched)
    world.approve(id_, *OPERATORS[1:], TWN[0])
    world.activate(id_)


def test_two_slices_one_after_the_other_need_the_quorum_of_their_sum(world: World) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    assert LARGE not in quorums(world, "c-1")
    world.wait(days=10)
    propose(world, "c-2", loss("JPN", people=1000, lost=101))
    assert LARGE in quorums(world, "c-2")
    world.approve("c-2", OPERATORS[1], JPN[0])
    assert "of operator" in world.why(world.activated("c-2"))
    world.approve("c-2", *OPERATORS[2:], TWN[0])
    world.activate("c-2")
    world.replayed()


def test_two_slices_proposed_together_need_it_as_soon_as_one_is_in_force(world: World) -> None:
    """Both frozen and signed before any is activated: the second waits for more."""
    for id_ in ("c-1", "c-2"):
        propose(world, id_, loss("JPN", people=1000, lost=300))
        world.approve(id_, OPERATORS[1], JPN[0])
        assert status(world, id_) is Status.READY
    world.activate("c-1")
    assert status(world, "c-2") is Status.APPROVING
    assert "2 more of operator, 1 of regulator:TWN" in world.why(world.activated("c-2"))
    world.approve("c-2", *OPERATORS[2:], TWN[0])
    assert status(world, "c-2") is Status.READY
    world.activate("c-2")
    world.replayed()


def test_a_quorum_that_rises_is_noticed_when_it_is_met_again(world: World) -> None:
    for id_ in ("c-1", "c-2"):
        propose(world, id_, loss("JPN", people=1000, lost=300))
        world.approve(id_, OPERATORS[1], JPN[0])
    world.activate("c-1")
    world.approve("c-2", *OPERATORS[2:], TWN[0])
    approved = [one for one in notices(world.entries, world.now) if one.kind is Kind.APPROVED]
    assert [one.entry for one in approved] == [4, 8, 12]
    assert len({one.id for one in approved}) == 3


def test_slices_of_another_kind_of_change_are_summed_as_well(world: World) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    move = Move(target="network", base=None, new=B)
    world.propose("n-1", move, kind="network", touched=(loss("JPN", people=1000, lost=101),))
    assert LARGE not in quorums(world, "n-1")  # this line is for rules alone
    world.propose("c-2", Move(target="book:other", base=None, new=A), touched=(loss("JPN", people=1000, lost=50),))
    world.approve("c-2", OPERATORS[1], JPN[0])
    world.approve("n-1", OPERATORS[1], JPN[0])
    world.activate("n-1")
    assert LARGE in quorums(world, "c-2")


def test_ten_slices_of_a_tenth_do_not_pass(world: World) -> None:
    for number in range(10):
        propose(world, f"c-{number}", loss("JPN", people=1000, lost=100))
        world.approve(f"c-{number}", OPERATORS[1], JPN[0])
    passed = 0
    for number in range(10):
        if not world.why(world.activated(f"c-{number}")):
            world.activate(f"c-{number}")
            passed += 1
    assert passed == 5  # half, and not more


@pytest.mark.parametrize(("hours", "together"), [(30 * 24 - 1, True), (30 * 24, False)])
def test_what_is_longer_ago_does_not_count(world: World, hours: int, together: bool) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    world.wait(hours=hours)
    propose(world, "c-2", loss("JPN", people=1000, lost=400))
    assert (LARGE in quorums(world, "c-2")) == together


def test_other_territories_and_those_that_lose_nothing_are_not_summed(world: World) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=500))
    propose(world, "c-2", loss("PHL", people=1000, lost=100), loss("JPN", people=1000, lost=0))
    assert LARGE not in quorums(world, "c-2")


def test_what_is_given_back_and_taken_again_is_taken_twice(world: World) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    back = loss("JPN", people=1000, lost=0).model_copy(update={"people_gained": 400})
    pass_(world, "c-2", back)
    propose(world, "c-3", loss("JPN", people=1000, lost=400))
    assert LARGE in quorums(world, "c-3")


def test_the_share_is_of_those_who_were_there_before_the_first_slice(world: World) -> None:
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    propose(world, "c-2", loss("JPN", people=600, lost=50))
    assert LARGE not in quorums(world, "c-2")
    propose(world, "c-3", loss("JPN", people=600, lost=101))
    assert LARGE in quorums(world, "c-3")


def _emergency(lost: int | None) -> Touched:
    return loss("JPN", lost=0).model_copy(update={"emergency_terminals_lost": lost, "terminals_lost": lost})


@pytest.mark.parametrize(("first", "second", "above"), [(6, 5, True), (5, 5, False), (None, 1, True), (6, 0, False)])
def test_emergency_terminals_are_summed(first: int | None, second: int, above: bool) -> None:
    """What nobody counted is above every bound, together with others as well."""
    world = World.founded(roster(lines=(*LINES, EMERGENCY)))
    propose(world, "c-1", _emergency(first))
    world.approve("c-1", *OPERATORS[1:], TWN[0], JPN[0])
    world.activate("c-1")
    propose(world, "c-2", _emergency(second))
    assert (EMERGENCY["quorum"] in quorums(world, "c-2")) == above


def test_each_by_itself_where_the_roster_says_so() -> None:
    world = World.founded(roster(loss_days=0))
    pass_(world, "c-1", loss("JPN", people=1000, lost=400))
    propose(world, "c-2", loss("JPN", people=1000, lost=400))
    assert LARGE not in quorums(world, "c-2")


def test_fewer_days_need_the_quorum_of_every_bound() -> None:
    world = World.founded(roster(loss_days=30))
    for id_, days, needed in (("r-1", 29, True), ("r-2", 31, False)):
        world.append(roster_proposal(world, roster(loss_days=days), id_))
        world.append(world.effect(id_))
        assert (LARGE in quorums(world, id_)) == needed


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 20)), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_no_order_of_slices_takes_half_without_the_large_quorum(slices: list[tuple[int, int]]) -> None:
    """Against a sum made by hand: (people lost, days since the one before), each signed by the small quorum alone."""
    world, took = World.founded(), []
    for number, (lost, days) in enumerate(slices):
        world.wait(days=days)
        propose(world, f"c-{number}", loss("JPN", people=1000, lost=lost))
        world.approve(f"c-{number}", OPERATORS[1], JPN[0])
        within = sum(one for at, one in took if at > world.now - timedelta(days=30))
        above = lost > 0 and lost + within > 500
        assert bool(world.why(world.activated(f"c-{number}"))) == above
        if not above:
            world.activate(f"c-{number}")
            took.append((world.now, lost))
    assert world.replayed().taken == world.state.taken
