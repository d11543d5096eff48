"""Single acts, facts, break-glass and terminals: what needs no quorum, and how far that goes."""

from __future__ import annotations

from typing import Any

import pytest
from people_made import Person
from test_life import change_roster, roster_proposal
from world_made import BOOK, EVERYBODY, JPN, OPERATORS, TWN, A, World, loss, nonce, roster

from openleo.governance import to_sign
from openleo.governance.entries import (
    Act,
    BreakGlassReviewed,
    BreakGlassUsed,
    KeyRevoked,
    Signed,
    Terminal,
    instant,
)
from openleo.governance.moves import NETWORK, ROSTER, Move


def commitment(text: str) -> str:
    return "hmac-sha256:" + text.encode().hex().ljust(64, "0")


@pytest.fixture
def world() -> World:
    return World.founded()


# --- single acts ----------------------------------------------------------------------------------------------------


def suspend(world: World, account: str, terminals: int = 1, **more: Any) -> Act:
    return world.act(f"account:{commitment(account)}", "suspended", terminals, **more)


def test_1300_suspensions_one_by_one_need_a_quorum_after_20(world: World) -> None:
    done = 0
    for number in range(1300):
        world.wait(seconds=30)
        act = suspend(world, f"a{number}", actor=("operator-1", "operator-2")[number % 2])
        if why := world.why(act, "account.suspended"):
            assert "change has to be approved" in why
            break
        world.append(act, "account.suspended")
        done += 1
    assert done == 20
    world.wait(hours=24)
    assert not world.why(act, "account.suspended")


def test_a_share_of_a_territory_needs_a_quorum(world: World) -> None:
    for number in range(300):
        enrol(world, f"t{number}", f"a{number}", "TWN" if number < 200 else "JPN")
    for number in range(2):  # 1 % of 200
        world.append(suspend(world, f"a{number}"), "account.suspended")
    assert "<10 of 200 terminals of TWN" in world.why(suspend(world, "a2"), "account.suspended")
    assert not world.why(suspend(world, "a200"), "account.suspended")


def test_one_terminal_of_a_small_territory_is_cut_off_at_once_and_the_rest_need_a_quorum(world: World) -> None:
    """1 % of 60 is less than one: nobody could suspend a stolen terminal. One by one, all 60 take a quorum."""
    for number in range(60):
        enrol(world, f"t{number}", f"a{number}", "TWN")
    done = []
    for number in range(60):
        world.wait(minutes=20)
        if not (why := world.why(suspend(world, f"a{number}"), "account.suspended")):
            world.append(suspend(world, f"a{number}"), "account.suspended")
            done.append(number)
        else:
            assert "<10 of 60 terminals of TWN within 24 hours by single acts; above 1 %" in why
    assert done == [0]
    world.wait(hours=24)
    assert not world.why(suspend(world, "a59"), "account.suspended")
    assert world.replayed().of_territory["TWN"] == 60


def test_an_account_with_two_terminals_is_more_than_the_one_that_always_passes(world: World) -> None:
    for number in range(60):
        enrol(world, f"t{number}", f"a{number // 2}", "TWN")
    assert "<10 of 60" in world.why(suspend(world, "a0"), "account.suspended")
    alone = Terminal(terminal=commitment("t0"), account=commitment("a0"), territory="TWN", **{"class": "fixed"})
    world.append(alone, "terminal.revoked")
    assert "of 59 terminals" in world.why(suspend(world, "a0"), "account.suspended"), "the one is used up"


def test_a_roster_that_allows_no_share_allows_not_one() -> None:
    world = World.founded(roster(single_acts={"share_ppm": 0}))
    enrol(world, "t", "a", "TWN")
    assert "above 0 %" in world.why(suspend(world, "a"), "account.suspended")


def test_a_group_moves_by_a_change_only(world: World) -> None:
    """Its list is a hash; an act that said that one is touched could cut off everybody."""
    for terminals in (0, 1):
        assert "a group moves by an approved change only" in world.why(
            world.act("group:g", A, terminals), "group.changed"
        )


def test_a_class_is_moved_by_an_act_where_it_is_of_an_enrolled_terminal_or_account(world: World) -> None:
    for number in range(3000):
        enrol(world, f"t{number}", "firm" if number < 21 else f"a{number}", "TWN")
    one, firm = (f"class:{commitment(name)}" for name in ("t2999", "firm"))
    assert not world.why(world.act(one, "cheap", 0), "class.changed")
    assert "21 terminals" in world.why(world.act(firm, "cheap", 1), "class.changed")
    for target in ("class:fixed", f"class:{commitment('elsewhere')}"):
        assert "a change has to be approved" in world.why(world.act(target, "cheap", 1), "class.changed")


def test_terminals_do_not_hide_behind_an_account(world: World) -> None:
    for number in range(30):
        enrol(world, f"t{number}", "firm", "TWN")
    assert "30 terminals" in world.why(suspend(world, "firm", terminals=1), "account.suspended")


def enrol(world: World, terminal: str, account: str, territory: str) -> None:
    body = {"terminal": commitment(terminal), "account": commitment(account), "territory": territory, "class": "fixed"}
    world.append(Terminal(**body), "terminal.enrolled")


def test_a_single_act_does_not_undo_a_change(world: World) -> None:
    target = f"account:{commitment('firm')}"
    move = Move(target=target, base="active", new="suspended")
    world.propose("c-1", move, kind="account")
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.activate()
    world.append(world.act(target, "x", 0).model_copy(update={"move": move, "change": "c-1"}), "account.suspended")
    assert "only a change" in world.why(world.act(target, "active", 0), "account.reinstated")


def test_reinstating_is_logged_and_does_not_use_up_the_rate(world: World) -> None:
    for number in range(20):
        world.append(suspend(world, f"a{number}"), "account.suspended")
    for number in range(20):
        world.append(world.act(f"account:{commitment(f'a{number}')}", "active", 1), "account.reinstated")
    assert "21 terminals" in world.why(suspend(world, "a0"), "account.suspended")


def test_the_network_moves_by_a_change_only(world: World) -> None:
    act = world.act(NETWORK, A, 0)
    assert "approved change only" in world.why(act, "network.changed")
    assert "was not activated" in world.why(_with(world, act, "c-1"), "network.changed")
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.activate()
    fact = act.model_copy(update={"change": "c-1"})
    world.append(fact, "network.changed")
    assert "already" in world.why(fact, "network.changed")


def _with(world: World, act: Act, id_: str) -> Act:
    world.propose(id_, act.move, kind="network")
    return act.model_copy(update={"change": id_})


def test_an_act_says_what_it_is(world: World) -> None:
    assert "makes an account suspended" in world.why(
        world.act(f"account:{commitment('a')}", "closed", 1), "account.suspended"
    )
    assert "does not move" in world.why(world.act("group:g", A, 1), "account.suspended")
    assert "moved from" in world.why(world.act(f"account:{commitment('a')}", "active", 1), "account.reinstated")


def test_terminals_are_enrolled_once_and_revoked_as_they_were(world: World) -> None:
    enrol(world, "t", "a", "TWN")
    body = {"terminal": commitment("t"), "account": commitment("a"), "territory": "TWN", "class": "fixed"}
    assert "already" in world.why(Terminal(**body), "terminal.enrolled")
    assert "otherwise" in world.why(Terminal(**(body | {"territory": "JPN"})), "terminal.revoked")
    assert "not enrolled" in world.why(Terminal(**(body | {"terminal": commitment("u")})), "terminal.revoked")
    world.append(Terminal(**(body | {"account": commitment("b")})), "terminal.transferred")
    assert "otherwise" in world.why(Terminal(**body), "terminal.revoked")


# --- keys -----------------------------------------------------------------------------------------------------------


def test_an_officer_revokes_a_stolen_key_at_once(world: World) -> None:
    second = Person("operator-2", "operator", ("break-glass",), key=2)
    world = World.founded(roster([*EVERYBODY, second]))
    world.propose()
    world.approve("c-1", OPERATORS[1], TWN[0])
    message = to_sign.revocation(world.state.origin, "operator-2", OPERATORS[1].fingerprint, "stolen")
    revoked = KeyRevoked(
        change=None,
        officer="operator-2",
        key=OPERATORS[1].fingerprint,
        reason="stolen",
        signature=second.sign(message),
    )
    world.append(revoked)
    assert "1 of operator" in world.why(world.activated())
    assert "revoked" in world.why(world.approval("c-1", OPERATORS[1])) or "one vote" in world.why(
        world.approval("c-1", OPERATORS[1])
    )
    # The roster names the key still; a new one may not bring it back once it is gone.
    without = roster([one for one in [*EVERYBODY, second] if one is not OPERATORS[1]])
    change_roster(world, without, "r-1", OPERATORS[2], TWN[0])
    assert "does not come back" in world.why(roster_proposal(world, roster([*EVERYBODY, second]), "r-2"))


# --- break-glass ----------------------------------------------------------------------------------------------------


def glass(
    world: World, id_: str = "g-1", hours: float = 4.0, users: Any = OPERATORS[:2], **more: Any
) -> BreakGlassUsed:
    from datetime import timedelta

    said: dict[str, Any] = {
        "id": id_,
        "moves": (Move(target=BOOK, base=world.state.value(BOOK), new=A),),
        "reason": "an earthquake",
        "until": instant(world.now + timedelta(hours=hours)),
        "nonce": nonce(id_),
        "signatures": (),
        "witnessed": False,
    }
    unsigned = BreakGlassUsed.model_construct(**(said | more))
    message = to_sign.breaking_glass(world.state.origin, unsigned)
    signed = tuple(Signed(officer=one.id, signature=one.sign(message)) for one in users)
    return BreakGlassUsed(**(said | more | {"signatures": signed}))


def review(world: World, id_: str, *people: Person) -> BreakGlassReviewed:
    unsigned = BreakGlassReviewed.model_construct(id=id_, finding="it was needed", signatures=())
    message = to_sign.review(world.state.origin, unsigned)
    signed = tuple(Signed(officer=one.id, signature=one.sign(message)) for one in people)
    return BreakGlassReviewed(id=id_, finding="it was needed", signatures=signed)


def test_broken_glass_lapses_by_itself(world: World) -> None:
    world.append(glass(world))
    assert world.state.active(world.now)[BOOK] == A
    world.wait(hours=4)
    assert world.replayed().active(world.now).get(BOOK) is None


def test_glass_is_broken_by_two_people_who_may_and_not_for_long(world: World) -> None:
    assert "at most" in world.why(glass(world, hours=25))
    assert "two officers" in world.why(glass(world, users=[OPERATORS[0], OPERATORS[0]]))
    assert "role" in world.why(glass(world, users=[OPERATORS[0], TWN[0]]))
    move = Move(target=ROSTER, base=world.state.people.sha256, new=A)
    assert "do not move roster" in world.why(glass(world, moves=(move,)))


def test_an_overdue_review_blocks_the_next_one(world: World) -> None:
    world.append(glass(world, "g-1"))
    elsewhere = {"moves": (Move(target="book:other", base=None, new=A),)}
    assert "not reviewed" in world.why(glass(world, "g-2"))
    world.wait(days=13)
    assert not world.why(glass(world, "g-2", **elsewhere))
    world.wait(days=1)
    assert "overdue" in world.why(glass(world, "g-2", **elsewhere))
    assert "do not review" in world.why(review(world, "g-1", OPERATORS[1], TWN[0]))
    assert "needs 1 of operator" in world.why(review(world, "g-1", JPN[0]))
    world.append(review(world, "g-1", OPERATORS[2], TWN[0]))
    assert not world.why(glass(world, "g-2"))


def test_a_change_ends_what_broken_glass_set(world: World) -> None:
    world.append(glass(world))
    world.propose("c-1", Move(target=BOOK, base=None, new="d" * 64), touched=(loss("JPN"),))
    world.approve("c-1", OPERATORS[1], JPN[0])
    world.activate()
    assert world.state.active(world.now)[BOOK] == "d" * 64
