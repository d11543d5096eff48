"""Witnesses that are gone for good are replaced by the keys of recovery, after public notice, and marked for ever.

Nothing else takes effect without the witnesses that the roster in force names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from people_made import Person
from test_life import change_roster, roster_proposal, status
from world_made import EVERYBODY, LINES, OPERATORS, RECOVERY, TWN, World, roster

from openleo.governance import told
from openleo.governance.entries import Window, instant
from openleo.governance.noticing import notices
from openleo.governance.roster import Roster
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Status
from openleo.ledger import keys

W1, W2, W3 = (keys.generate(f"w{n}.example", keys.COSIGNATURE).verifier for n in (1, 2, 3))
GONE = f"witness w1 {W1} https://w1.example\nwitness w2 {W2} https://w2.example\ngroup g all w1 w2\nquorum g\n"
NEW = f"witness w3 {W3} https://w3.example\nquorum w3\n"


def witnessed_by(policy: str, people: Roster | None = None) -> Roster:
    return roster_of((people or roster()).document | {"witnesses": policy})


@pytest.fixture
def world() -> World:
    return World.founded(witnessed_by(GONE))


def propose(world: World, new: Roster, **more: Any) -> None:
    world.append(roster_proposal(world, new, "r-1", kind="recovery", requester="keepers", **more))
    world.append(world.effect("r-1"))


def sign(world: World, *people: Person) -> None:
    holders = {key.fingerprint: f"recovery-{n}" for n, key in enumerate(world.state.people.recovery.keys, start=1)}
    for one in people:
        signed = world.approval("r-1", one)
        world.append(signed.model_copy(update={"officer": holders[one.fingerprint]}))


def why_after(world: World, **time: float) -> str:
    world.wait(**time)
    return world.why(world.activated("r-1"))


def test_recovery_keys_replace_the_witnesses_after_seven_days(world: World) -> None:
    propose(world, witnessed_by(NEW))
    sign(world, *RECOVERY[:2])
    assert "not before" in why_after(world, days=7, seconds=-1)
    assert why_after(world, seconds=1) == ""
    world.activate("r-1")
    change = world.replayed().change("r-1")
    assert change.unwitnessed
    assert "unwitnessed: it took effect (entry 5)" in told.text(world.state, change, world.now)
    assert told.as_json(world.state, change, world.now)["unwitnessed"] is True
    assert world.state.people.witnesses == NEW
    assert notices(world.entries, world.now)[-1].title.endswith("takes effect, unwitnessed")


def test_then_the_new_witnesses_are_needed_again(world: World) -> None:
    propose(world, witnessed_by(NEW))
    sign(world, *RECOVERY[:2])
    world.wait(days=7)
    world.activate("r-1")
    world.propose("c-1")
    world.approve("c-1", OPERATORS[1], TWN[0])
    assert "the roster names witnesses" in world.why(world.activated("c-1"))
    world.append(world.activated("c-1", witnessed=True))
    assert not world.replayed().change("c-1").unwitnessed
    assert world.state.change("r-1").unwitnessed


def test_a_recovery_that_witnesses_saw_is_not_marked(world: World) -> None:
    propose(world, witnessed_by(NEW))
    sign(world, *RECOVERY[:2])
    world.wait(days=7)
    world.append(world.activated("r-1", witnessed=True))
    assert not world.state.change("r-1").unwitnessed


# --- attacks --------------------------------------------------------------------------------------------------------


def test_the_operator_alone_does_not_replace_the_witnesses(world: World) -> None:
    """Neither its officers, nor all officers together, nor with one key of recovery."""
    propose(world, witnessed_by(NEW))
    for officer in EVERYBODY:
        assert "no key of recovery" in world.why(world.approval("r-1", officer))
    sign(world, RECOVERY[0])
    assert "1 more of recovery" in why_after(world, days=7)
    assert status(world, "r-1") is Status.APPROVING


def test_officers_replace_no_witnesses_that_did_not_see_it(world: World) -> None:
    world.append(roster_proposal(world, witnessed_by(NEW), "r-1"))
    world.append(world.effect("r-1"))
    world.approve("r-1", *OPERATORS[1:], TWN[0])
    assert status(world, "r-1") is Status.READY
    assert "the roster names witnesses, and they have not seen it" in why_after(world, days=8)


@pytest.mark.parametrize(
    "policy",
    [
        GONE + "# another word\n",
        GONE.replace("w1 ", "one "),
        f"witness w2 {W2} https://w2.example\nwitness w1 {W1} https://w1.example\ngroup g 2 w2 w1\nquorum g\n",
        GONE.replace("group g", f"witness w3 {W3} https://w3.example\ngroup g"),
        GONE.replace("quorum g", "group h any g\nquorum h"),
    ],
    ids=["a remark", "a name", "the order", "one who is not asked", "a group in a group"],
)
def test_a_recovery_that_leaves_the_witnesses_as_they_are_waits_for_them(world: World, policy: str) -> None:
    assert policy != GONE
    propose(world, witnessed_by(policy))
    sign(world, *RECOVERY)
    assert "leaves the witnesses as they are" in why_after(world, days=8)
    assert not world.why(world.activated("r-1", witnessed=True))


@pytest.mark.parametrize(
    ("people", "moved"),
    [
        (roster(tolerance_ppm=0), "settings"),
        (roster(lines=LINES[:2]), "quorum"),
        (roster([one for one in EVERYBODY if one.id != "operator-4"], LINES[:2]), "officer, quorum"),
    ],
)
def test_a_recovery_that_moves_more_than_the_witnesses_waits_for_them(world: World, people: Roster, moved: str) -> None:
    propose(world, witnessed_by(NEW, people))
    sign(world, *RECOVERY)
    assert f"and this one moves {moved}" in why_after(world, days=8)
    assert not world.why(world.activated("r-1", witnessed=True))


def test_a_recovery_that_leaves_the_house_without_witnesses_waits_for_them(world: World) -> None:
    propose(world, roster())
    sign(world, *RECOVERY)
    assert "this one names none" in why_after(world, days=8)


@pytest.mark.parametrize("days", [1, 7, 10])
def test_the_notice_is_seven_days_whatever_the_roster_says(days: int) -> None:
    """Nor is it shortened by the roster that is to come, by the window, or by approvals that came late."""
    world = World.founded(witnessed_by(GONE, roster(recovery_notice_days=days)))
    frozen = world.now
    window = {"from": instant(world.now), "until": instant(world.now + timedelta(days=12))}
    propose(world, witnessed_by(NEW, roster(recovery_notice_days=days)), window=Window(**window))
    world.wait(days=3)
    sign(world, *RECOVERY[:2])
    assert why_after(world, days=max(7, days) - 3, seconds=-1)
    assert why_after(world, seconds=1) == ""
    assert world.now - frozen == timedelta(days=max(7, days))


def test_the_notice_of_an_earlier_proposal_does_not_count(world: World) -> None:
    propose(world, witnessed_by(NEW))
    world.wait(days=8)
    new = witnessed_by(NEW.replace("https://w3.example", "https://elsewhere.example"))
    world.append(roster_proposal(world, new, "r-2", kind="recovery", requester="keepers"))
    world.append(world.effect("r-2"))
    holders = {key.fingerprint: f"recovery-{n}" for n, key in enumerate(world.state.people.recovery.keys, start=1)}
    for one in RECOVERY[:2]:
        signed = world.approval("r-2", one)
        world.append(signed.model_copy(update={"officer": holders[one.fingerprint]}))
    assert "not before" in world.why(world.activated("r-2"))


def test_officers_whose_witnesses_are_there_void_the_recovery_meanwhile(world: World) -> None:
    propose(world, witnessed_by(NEW))
    sign(world, *RECOVERY[:2])
    world.append(roster_proposal(world, witnessed_by(GONE, roster(lines=LINES[:2])), "r-2"))
    world.append(world.effect("r-2"))
    world.approve("r-2", *OPERATORS[1:], TWN[0])
    world.append(world.activated("r-2", witnessed=True))
    assert "void" in why_after(world, days=8)


def test_a_house_without_witnesses_marks_nothing() -> None:
    world = World.founded()
    change_roster(world, witnessed_by(NEW), "r-1", *OPERATORS[1:], TWN[0])
    assert not world.state.change("r-1").unwitnessed
