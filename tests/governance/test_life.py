"""The life of a change against DESIGN §6, sentence by sentence; each attack of the issue is a test by its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from people_made import Person
from world_made import (
    BOOK,
    EVERYBODY,
    JPN,
    LINES,
    OPERATORS,
    RECOVERY,
    ROOT,
    TWN,
    A,
    B,
    C,
    World,
    loss,
    roster,
)

from openleo.governance import to_sign
from openleo.governance.entries import (
    Approval,
    ApprovedIn,
    Expired,
    Genesis,
    Proposed,
    Rejection,
    Signed,
    Window,
    from_bytes,
    instant,
)
from openleo.governance.moves import ROSTER, Move
from openleo.governance.roster import Roster
from openleo.governance.state import Status, statement


@pytest.fixture
def world() -> World:
    return World.founded()


def status(world: World, id_: str = "c-1") -> Status:
    return world.state.status(id_, world.now)


def test_a_change_goes_from_proposal_to_force_and_is_superseded(world: World) -> None:
    world.append(world.proposal())
    assert status(world) is Status.PROPOSED
    world.append(world.effect())
    assert status(world) is Status.APPROVING
    world.approve("c-1", OPERATORS[1])
    assert status(world) is Status.APPROVING
    world.approve("c-1", JPN[0])
    assert status(world) is Status.READY
    assert world.state.active(world.now).get(BOOK) is None
    world.activate()
    assert status(world) is Status.ACTIVE
    assert world.state.active(world.now)[BOOK] == A
    world.propose("c-2", Move(target=BOOK, base=A, new=B))
    world.approve("c-2", OPERATORS[1], TWN[0])
    world.activate("c-2")
    assert status(world, "c-1") is Status.SUPERSEDED
    assert world.replayed().active(world.now)[BOOK] == B


def test_nothing_before_genesis_and_genesis_once(world: World) -> None:
    assert "genesis" in World().why(world.proposal())
    assert "one genesis" in world.why(_genesis())


def _genesis() -> Genesis:
    body = from_bytes(World.founded().entries[0]).body
    assert isinstance(body, Genesis)
    return body


def test_every_founder_signs_genesis() -> None:
    genesis = _genesis()
    fresh = World()
    assert "missing: operator-1 with" in fresh.why(genesis.model_copy(update={"signatures": genesis.signatures[1:]}))
    twice = (*genesis.signatures, genesis.signatures[0])
    assert "operator-1 signs twice" in fresh.why(genesis.model_copy(update={"signatures": twice}))
    other = Signed(officer="operator-1", signature=genesis.signatures[1].signature)
    assert "no key of operator-1" in fresh.why(
        genesis.model_copy(update={"signatures": (other, *genesis.signatures[1:])})
    )
    moved = genesis.model_copy(update={"origin": "elsewhere.example", "log_vkey": "elsewhere.example+00+AA=="})
    assert "does not hold" in fresh.why(moved)


def test_every_key_of_a_founder_proves_that_it_is_held() -> None:
    """Else a founder, or whoever drafts, puts a key there that another holds, or nobody."""
    second = Person("operator-2", "operator", ("break-glass",), key=2)
    genesis = from_bytes(World.founded(roster([*EVERYBODY, second])).entries[0]).body
    assert isinstance(genesis, Genesis)
    message = to_sign.founding(genesis)
    without = tuple(one for one in genesis.signatures if one.signature != second.sign(message))
    assert len(without) == len(genesis.signatures) - 1 == len(EVERYBODY)
    assert f"missing: operator-2 with {second.fingerprint}. A key" in World().why(
        genesis.model_copy(update={"signatures": without})
    )


# --- attacks --------------------------------------------------------------------------------------------------------


def test_the_requester_never_counts(world: World) -> None:
    world.propose()
    assert "requested" in world.why(world.approval("c-1", OPERATORS[0]))


def test_self_approval_through_a_second_key_does_not_count() -> None:
    second = Person("operator-1", "operator", ("break-glass",), key=2)
    world = World.founded(roster([*EVERYBODY, second]))
    world.propose()
    assert "requested" in world.why(world.approval("c-1", second))


def test_one_person_has_one_vote_whatever_the_keys() -> None:
    second = Person("operator-2", "operator", ("break-glass",), key=2)
    world = World.founded(roster([*EVERYBODY, second]))
    world.propose("c-1", touched=(loss(),))
    world.approve("c-1", OPERATORS[1], TWN[0])
    assert "one vote" in world.why(world.approval("c-1", second))
    assert status(world) is Status.APPROVING
    world.approve("c-1", OPERATORS[2])
    assert status(world) is Status.READY


def test_an_approval_does_not_count_for_another_change(world: World) -> None:
    world.propose("c-1")
    world.propose("c-2", Move(target="book:other", base=None, new=A))
    signed = world.approval("c-1", OPERATORS[1])
    replayed = signed.model_copy(update={"change": "c-2"})
    assert "not this change" in world.why(replayed)
    right_statement = world.approval("c-2", OPERATORS[1]).statement
    assert "other bytes" in world.why(replayed.model_copy(update={"statement": right_statement}))


def test_an_approval_does_not_survive_a_rebase(world: World) -> None:
    world.propose("c-1")
    signed = world.approval("c-1", OPERATORS[1])
    world.propose("c-2")
    world.approve("c-2", OPERATORS[1], TWN[0])
    world.activate("c-2")
    assert status(world, "c-1") is Status.VOID
    assert "moved" in world.why(signed)
    world.append(world.proposal("c-3", Move(target=BOOK, base=A, new=B)))
    world.append(world.effect("c-3"))
    assert "not this change" in world.why(signed.model_copy(update={"change": "c-3"}))


def test_an_approval_of_another_namespace_or_key_does_not_count(world: World) -> None:
    world.propose()
    good = world.approval("c-1", OPERATORS[1])
    message = statement(world.state, world.state.changes["c-1"], "approve")
    for_files = OPERATORS[1].sign(message, "file")
    assert "is for" in world.why(good.model_copy(update={"signature": for_files}))
    by_another = good.model_copy(update={"signature": OPERATORS[2].sign(message)})
    assert "no key of operator-2" in world.why(by_another)


def test_expired_approvals_activate_nothing(world: World) -> None:
    world.propose()
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.wait(days=14)
    assert status(world) is Status.EXPIRED
    assert "over since" in world.why(world.activated())
    world.append(Expired(change="c-1", why="nobody activated it"))
    assert status(world) is Status.EXPIRED


def test_a_removed_officer_does_not_count(world: World) -> None:
    world.propose()
    world.approve("c-1", OPERATORS[1], TWN[0])
    without = roster([one for one in EVERYBODY if one.id != "operator-2"], LINES[:2])
    change_roster(world, without, "r-1", *OPERATORS[1:], TWN[0])
    assert status(world) is Status.VOID
    assert "the roster moved" in world.why(world.activated())
    world.propose("c-2", Move(target="book:other", base=None, new=A))
    assert "no officer" in world.why(world.approval("c-2", OPERATORS[1]))


def change_roster(world: World, new: Roster, id_: str, *voters: Person, **more: Any) -> None:
    world.append(roster_proposal(world, new, id_, **more))
    world.append(world.effect(id_))
    world.approve(id_, *voters)
    world.activate(id_)


def roster_proposal(world: World, new: Roster, id_: str, **more: Any) -> Proposed:
    move = Move(target=ROSTER, base=world.state.people.sha256, new=new.sha256)
    said = {"kind": "roster", "documents": {new.sha256: new.document}} | more
    return world.proposal(id_, move, **said)


def test_quorums_are_not_changed_in_the_same_breath(world: World) -> None:
    weaker = roster(lines=LINES[:1])
    both = (
        Move(target=ROSTER, base=world.state.people.sha256, new=weaker.sha256),
        Move(target=BOOK, base=None, new=A),
    )
    assert "does not move" in world.why(
        world.proposal("c-1", *both, kind="roster", documents={weaker.sha256: weaker.document})
    )
    assert "does not move" in world.why(world.proposal("c-1", *both))
    # And a change of the quorum is approved under the old one.
    stronger_first = roster(
        lines=({"territory": "*", "kind": "*", "quorum": "all(3 of operator, 1 of regulator:JPN)"},)
    )
    change_roster(world, stronger_first, "r-1", *OPERATORS[1:], TWN[0])
    world.append(roster_proposal(world, weaker, "r-2"))
    world.append(world.effect("r-2"))
    world.approve("r-2", OPERATORS[1], TWN[0])
    assert status(world, "r-2") is Status.APPROVING


def test_a_key_that_joins_proves_that_it_is_held(world: World) -> None:
    newcomer = Person("twn-9", "regulator:TWN")
    larger = roster([*EVERYBODY, newcomer])
    assert "nobody proves" in world.why(roster_proposal(world, larger, "r-1"))
    message = to_sign.possession(world.state.origin, "twn-9", newcomer.fingerprint)
    other = Signed(officer="twn-9", signature=TWN[0].sign(message))
    assert "nobody proves" in world.why(roster_proposal(world, larger, "r-1", possession=(other,)))
    held = Signed(officer="twn-9", signature=newcomer.sign(message))
    change_roster(world, larger, "r-1", OPERATORS[1], TWN[0], possession=(held,))
    world.propose("c-1")
    world.approve("c-1", newcomer, OPERATORS[1])
    assert status(world) is Status.READY


def test_the_roster_in_the_proposal_is_the_one_that_is_named(world: World) -> None:
    new, other = roster(lines=LINES[:1]), roster(lines=LINES[:2])
    forged = roster_proposal(world, new, "r-1").model_copy(update={"documents": {new.sha256: other.document}})
    assert "not the one" in world.why(forged)


def test_the_clock_does_not_go_back(world: World) -> None:
    world.wait(hours=1)
    world.propose()
    world.wait(seconds=-1)
    assert "before" in world.why(world.approval("c-1", OPERATORS[1]))


def test_of_two_activations_one_wins(world: World) -> None:
    world.propose("c-1")
    world.propose("c-2", Move(target=BOOK, base=None, new=B))
    for id_ in ("c-1", "c-2"):
        world.approve(id_, OPERATORS[1], TWN[0])
    assert not world.why(world.activated("c-1"))
    assert not world.why(world.activated("c-2"))
    world.activate("c-2")
    assert "moved after" in world.why(world.activated("c-1"))
    assert "in force" in world.why(world.activated("c-2"))


def test_a_proof_has_to_hold_every_approval(world: World) -> None:
    world.propose()
    before = world.state.size
    world.approve("c-1", OPERATORS[1], TWN[0])
    assert "does not hold" in world.why(world.activated(approved_in=ApprovedIn(size=before + 1, root=ROOT)))
    assert "does not hold" in world.why(world.activated(approved_in=ApprovedIn(size=before + 9, root=ROOT)))
    assert not world.why(world.activated(approved_in=ApprovedIn(size=before + 2, root=ROOT)))


# --- quorums, notice, windows ---------------------------------------------------------------------------------------


def test_every_territory_that_is_touched_has_its_quorum(world: World) -> None:
    world.propose(touched=(loss("TWN", lost=0),))
    world.approve("c-1", OPERATORS[1], JPN[0])
    assert status(world) is Status.APPROVING
    world.approve("c-1", OPERATORS[2], TWN[0])
    assert status(world) is Status.READY


def test_a_territory_that_the_rules_name_has_its_quorum_though_nothing_is_touched(world: World) -> None:
    world.append(world.proposal())
    world.append(world.effect(named=("TWN",)))
    world.approve("c-1", OPERATORS[1], JPN[0])
    assert status(world) is Status.APPROVING


def test_a_large_loss_raises_the_quorum(world: World) -> None:
    world.propose(touched=(loss("JPN", people=1000, lost=501),))
    world.approve("c-1", OPERATORS[1], OPERATORS[2], TWN[0])
    assert status(world) is Status.APPROVING
    world.approve("c-1", OPERATORS[3])
    assert status(world) is Status.READY


def test_notice_and_window_are_waited_for() -> None:
    world = World.founded(roster(notice_hours={"JPN": 48}))
    later = instant(world.now + timedelta(hours=72))
    window = {"from": later, "until": instant(world.now + timedelta(days=9))}
    world.propose("c-1", touched=(loss("JPN"),))
    world.propose("c-2", Move(target="book:other", base=None, new=A), touched=(loss("JPN"),), window=Window(**window))
    for id_ in ("c-1", "c-2"):
        world.approve(id_, OPERATORS[1], TWN[0])
        assert status(world, id_) is Status.SCHEDULED
    world.wait(hours=48)
    assert (status(world, "c-1"), status(world, "c-2")) == (Status.READY, Status.SCHEDULED)
    world.wait(hours=24)
    assert status(world, "c-2") is Status.READY


# --- withdrawn, rejected, objected ----------------------------------------------------------------------------------


def test_an_approval_taken_back_does_not_come_back(world: World) -> None:
    world.propose()
    signed = world.approval("c-1", OPERATORS[1])
    world.append(signed)
    world.approve("c-1", TWN[0])
    world.append(world.withdrawal("c-1", OPERATORS[1]))
    assert status(world) is Status.APPROVING
    assert "took an approval back" in world.why(signed)
    assert "no approval" in world.why(world.withdrawal("c-1", OPERATORS[2]))


def test_a_rejection_ends_a_change(world: World) -> None:
    world.propose()
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.append(world.rejection("c-1", JPN[0]))
    assert status(world) is Status.REJECTED
    assert "by jpn-1" in world.why(world.activated())


def test_an_approval_is_not_a_rejection(world: World) -> None:
    world.propose()
    signed: Approval = world.approval("c-1", OPERATORS[1])
    assert "not this change" in world.why(Rejection(**signed.model_dump()))


# --- recovery -------------------------------------------------------------------------------------------------------


def test_recovery_keys_set_a_new_roster_after_public_notice(world: World) -> None:
    newcomers = [Person(f"operator-{n}", "operator", ("break-glass",), key=7) for n in (1, 2, 3, 4)]
    new = roster([*newcomers, *TWN, *JPN])
    held = tuple(
        Signed(officer=one.id, signature=one.sign(to_sign.possession(world.state.origin, one.id, one.fingerprint)))
        for one in newcomers
    )
    world.append(roster_proposal(world, new, "r-1", kind="recovery", requester="vault", possession=held))
    world.append(world.effect("r-1"))
    assert "no key of recovery" in world.why(world.approval("r-1", OPERATORS[1]))
    holders = {key.fingerprint: f"recovery-{n}" for n, key in enumerate(world.state.people.recovery.keys, start=1)}
    for one in RECOVERY[:2]:
        signed = world.approval("r-1", one)
        world.append(signed.model_copy(update={"officer": holders[one.fingerprint]}))
    assert status(world, "r-1") is Status.SCHEDULED
    world.wait(days=6.9)
    assert "not before" in world.why(world.activated("r-1"))
    world.wait(days=0.2)
    world.activate("r-1")
    world.propose("c-1")
    world.approve("c-1", newcomers[1], TWN[0])
    world.activate("c-1")
    assert world.replayed().active(world.now)[BOOK] == A


def test_recovery_moves_the_roster_alone(world: World) -> None:
    assert "does not move" in world.why(world.proposal("r-1", kind="recovery"))


def test_unknown_values(world: World) -> None:
    assert "no change" in world.why(world.activated("c-9"))
    assert C != A
