"""The attacks of the threat model, each a test by its name. Many stand where what they attack is tested:

    self-approval through a second key      test_life: test_self_approval_through_a_second_key_does_not_count
    one person twice                        test_life: test_one_person_has_one_vote_whatever_the_keys
    replay on another change, after rebase  test_life: test_an_approval_does_not_count_for_another_change, …_a_rebase
    expired approval                        test_life: test_expired_approvals_activate_nothing
    removed officer                         test_life: test_a_removed_officer_does_not_count
    quorum edited in the same change        test_life: test_quorums_are_not_changed_in_the_same_breath; here: …_line…
    effect file swapped                     test_activate: test_an_effect_file_that_was_swapped_is_refused
    1,300 suspensions one by one            test_acts: test_1300_suspensions_…; here: by groups, transfers, no count
    an entry altered in the database        test_activate: test_an_entry_altered_…; dropped: ledger/test_ledger_store
    truncated or forked log                 ledger/test_ledger_witness, …_published (`watch`)
    clock set back                          test_life: test_the_clock_does_not_go_back; here: set forward
    two activations racing                  test_life: test_of_two_activations_one_wins; here: processes and threads
    a request in another's name             test_requests: test_nobody_proposes_in_another_s_name_and_then_approves, …

What stands here is what a hostile reading of DESIGN §6 found besides.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from people_made import Person
from test_acts import commitment, enrol, glass, review, suspend
from test_life import change_roster, roster_proposal, status
from test_requests import asked
from world_made import BOOK, EVERYBODY, JPN, LINES, OPERATORS, TWN, A, B, C, World, loss, roster

from openleo.governance import to_sign
from openleo.governance.entries import (
    EffectFrozen,
    Entry,
    EntryRefused,
    Expired,
    KeyAdded,
    KeyRevoked,
    LogKeyRotated,
    Terminal,
    Touched,
    Window,
    from_bytes,
)
from openleo.governance.moves import LOG_KEY, NETWORK, Move
from openleo.governance.replay import audit
from openleo.governance.state import Status


@pytest.fixture
def world() -> World:
    return World.founded()


# --- what was void comes back ---------------------------------------------------------------------------------------


def test_a_change_whose_book_moved_and_moved_back_stays_void(world: World) -> None:
    world.propose("c-1")
    world.approve("c-1", OPERATORS[1], TWN[0])
    for id_, base, new in (("c-2", None, B), ("c-3", B, None)):
        world.propose(id_, Move(target=BOOK, base=base, new=new))
        world.approve(id_, OPERATORS[1], TWN[0])
        world.activate(id_)
    assert world.state.value(BOOK) is None
    assert status(world) is Status.VOID
    assert "moved after it was proposed" in world.why(world.activated())
    world.append(Expired(change="c-1", why="its book moved"))
    assert "closed already" in world.why(Expired(change="c-1", why="once more"))


def test_a_change_does_not_come_back_with_an_old_roster(world: World) -> None:
    first = world.state.people
    world.propose("c-1")
    world.approve("c-1", OPERATORS[1], TWN[0])
    for id_, new in (("r-1", roster(lines=LINES[:2])), ("r-2", first)):
        change_roster(world, new, id_, *OPERATORS[1:], TWN[0])
    assert world.state.people.sha256 == first.sha256
    assert status(world) is Status.VOID


# --- who decides ----------------------------------------------------------------------------------------------------


def test_a_line_of_a_territory_does_not_go_without_its_quorum(world: World) -> None:
    """Else an operator and another land's regulator take Taiwan's say away, and then decide on Taiwan."""
    world.append(roster_proposal(world, roster(lines=(LINES[0], LINES[2])), "r-1"))
    world.append(world.effect("r-1"))
    world.approve("r-1", *OPERATORS[1:], *JPN)
    assert status(world, "r-1") is Status.APPROVING
    assert "1 of regulator:TWN" in world.why(world.activated("r-1"))
    world.approve("r-1", TWN[0])
    assert status(world, "r-1") is Status.READY


def test_the_officers_of_a_party_do_not_change_without_it(world: World) -> None:
    """Else an operator and another land's regulator appoint who signs for Taiwan."""
    friend = Person("twn-1", "regulator:TWN", key=9)
    new = roster([*OPERATORS, friend, TWN[1], *JPN])
    proposal = roster_proposal(world, new, "r-1", possession=(_held(world, friend),))
    world.append(proposal)
    world.append(world.effect("r-1"))
    world.approve("r-1", *OPERATORS[1:], *JPN)
    assert "1 of regulator:TWN" in world.why(world.activated("r-1"))


def _held(world: World, person: Person) -> Any:
    from openleo.governance import to_sign
    from openleo.governance.entries import Signed

    message = to_sign.possession(world.state.origin, person.id, person.fingerprint)
    return Signed(officer=person.id, signature=person.sign(message))


def test_a_shorter_notice_of_a_territory_needs_its_quorum() -> None:
    world = World.founded(roster(notice_hours={"TWN": 48}))
    world.append(roster_proposal(world, roster(notice_hours={"TWN": 1}), "r-1"))
    world.append(world.effect("r-1"))
    world.approve("r-1", OPERATORS[1], JPN[0])
    assert "1 of regulator:TWN" in world.why(world.activated("r-1"))


def test_an_old_change_of_the_roster_revokes_no_key_that_it_left(world: World) -> None:
    change_roster(world, roster(lines=LINES[:2]), "r-1", *OPERATORS[1:], TWN[0])
    stolen = {"change": "r-1", "officer": "twn-1", "key": TWN[0].fingerprint}
    assert "took no key" in world.why(KeyRevoked(**stolen, reason="the operator says so", signature=None))
    assert "added no key" in world.why(KeyAdded(**stolen))


def test_what_a_roster_takes_away_is_revoked_though_nobody_writes_it(world: World) -> None:
    change_roster(world, roster([*OPERATORS, *TWN, JPN[0]]), "r-1", OPERATORS[1], JPN[0])
    assert JPN[1].fingerprint in world.replayed().revoked
    assert "does not come back" in world.why(roster_proposal(world, roster(), "r-2"))


@pytest.mark.parametrize("vkey", ["x", "elsewhere.example+00000000+AAAA", "ledger.example/openleo+00+AA=="])
def test_a_log_key_that_nobody_can_use_is_not_set(world: World, vkey: str) -> None:
    move = Move(target=LOG_KEY, base=world.state.log_vkey, new=vkey + "x")
    assert "log key" in world.why(world.proposal("l-1", move, kind="log_key"))


# --- whom an effect touches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["network", "group", "class"])
def test_an_effect_that_nobody_counted_needs_every_territory(kind: str) -> None:
    """A gateway that goes, a group that grows: without a count it may be anybody who loses service."""
    world = World.founded(roster(lines=(*LINES, {"territory": "TWN", "kind": "*", "quorum": LINES[1]["quorum"]})))
    target = {"network": NETWORK, "group": "group:g", "class": f"class:{commitment('t')}"}[kind]
    world.propose("c-1", Move(target=target, base=None, new=A), kind=kind)
    world.approve("c-1", OPERATORS[1], JPN[0])
    assert "1 of regulator:TWN" in world.why(world.activated())


def test_rules_are_judged_on_the_network_that_was_approved(world: World) -> None:
    world.propose("n-1", Move(target=NETWORK, base=None, new=A), kind="network")
    world.approve("n-1", OPERATORS[1], TWN[0])
    world.propose("c-1")  # on network B, before A was approved
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.activate("n-1")
    assert f"approved is {A}" in world.why(world.activated("c-1"))
    world.append(world.proposal("c-2", Move(target="book:other", base=None, new=C)))
    assert f"approved is {A}" in world.why(world.effect("c-2"))
    assert not world.why(world.effect("c-2").model_copy(update={"network": A}))


def _suspension(world: World, terminals: int) -> tuple[Move, EffectFrozen]:
    move = Move(target=f"account:{commitment('firm')}", base="active", new="suspended")
    row = Touched(**(loss("TWN", people=0, lost=0).model_dump() | {"terminals_lost": terminals}))
    return move, world.effect("c-1", row)


def test_a_suspension_counts_the_terminals_that_are_enrolled(world: World) -> None:
    for number in range(30):
        enrol(world, f"t{number}", "firm", "TWN")
    move, few = _suspension(world, 29)
    world.append(world.proposal("c-1", move, kind="account"))
    assert "30 terminals of TWN" in world.why(few)
    world.append(_suspension(world, 30)[1])
    world.approve("c-1", OPERATORS[1], TWN[0])
    for number in range(30, 1330):  # and 1,300 more are moved behind the account after everybody signed
        enrol(world, f"t{number}", "firm", "TWN")
    assert "1,330 terminals of TWN" in world.why(world.activated())


# --- the rate -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["class.changed", "account.suspended"])
def test_acts_that_say_they_cut_nobody_use_up_the_rate(world: World, type_: str) -> None:
    kind = type_.partition(".")[0]
    new = {"class": "cheap", "account": "suspended"}[kind]
    for number in range(3000):
        enrol(world, f"t{number}", str(number) if number < 20 else "more" if number == 20 else f"a{number}", "TWN")
    for number in range(20):
        world.append(world.act(f"{kind}:{commitment(str(number))}", new, 0), type_)
    assert "21 terminals" in world.why(world.act(f"{kind}:{commitment('more')}", new, 0), type_)


def test_terminals_are_not_passed_to_an_account_that_is_cut_off(world: World) -> None:
    for number in range(1300):
        enrol(world, f"t{number}", f"a{number}", "TWN")
    world.append(suspend(world, "nobody"), "account.suspended")
    done = 0
    for number in range(1300):
        if why := world.why(passed(f"t{number}", "nobody"), "terminal.transferred"):
            assert "change has to be approved" in why
            break
        world.append(passed(f"t{number}", "nobody"), "terminal.transferred")
        done += 1
    assert done == 13  # 1 % of 1,300
    assert not world.why(passed("t99", "a1"), "terminal.transferred")


def passed(terminal: str, account: str, **more: str) -> Terminal:
    body = {"terminal": commitment(terminal), "account": commitment(account), "territory": "TWN", "class": "fixed"}
    return Terminal(**(body | more))


def test_a_transfer_changes_the_account_alone(world: World) -> None:
    enrol(world, "t", "a", "TWN")
    for more in ({"territory": "JPN"}, {"class": "cheap"}):
        assert "account alone" in world.why(passed("t", "b", **more), "terminal.transferred")


# --- break-glass ----------------------------------------------------------------------------------------------------


def test_glass_is_not_broken_in_a_chain_of_new_books(world: World) -> None:
    for day in range(13):
        move = Move(target=f"book:emergency-{day}", base=None, new=A)
        used = glass(world, f"g-{day}", hours=24.0, moves=(move,))
        if day == 0:
            world.append(used)
        else:
            assert "has to be reviewed first" in world.why(used)
        world.wait(hours=24)
    world.append(review(world, "g-0", OPERATORS[2], TWN[0]))
    assert not world.why(glass(world, "g-9", hours=24.0))


def test_glass_in_two_places_at_once_is_no_chain(world: World) -> None:
    world.append(glass(world, "g-1", hours=24.0))
    assert not world.why(glass(world, "g-2", hours=24.0, moves=(Move(target="book:b", base=None, new=A),)))


def test_glass_moves_a_target_once_and_to_what_it_can_be(world: World) -> None:
    both = (Move(target=BOOK, base=None, new=A), Move(target=BOOK, base=None, new=B))
    assert "twice" in world.why(glass(world, moves=both))
    account = Move(target=f"account:{commitment('a')}", base="active", new="closed")
    assert "active or suspended" in world.why(glass(world, moves=(account,)))


def test_a_review_satisfies_the_quorum_of_everything_that_was_moved() -> None:
    lines = (*LINES, {"territory": "*", "kind": "account", "quorum": "all(1 of operator, 1 of regulator:JPN)"})
    world = World.founded(roster(lines=lines))
    account = Move(target=f"account:{commitment('a')}", base="active", new="suspended")
    world.append(glass(world, moves=(Move(target=BOOK, base=None, new=A), account)))
    assert "1 of regulator:JPN" in world.why(review(world, "g-1", OPERATORS[2], TWN[0]))
    assert not world.why(review(world, "g-1", OPERATORS[2], JPN[0]))


# --- entries made by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instant", ["2026-99-99T99:99:99Z", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "-" * 20])
def test_an_instant_that_is_none_stops_no_auditor(world: World, instant: str) -> None:
    good = world.proposal()
    for wrong in (
        good.model_copy(update={"expires": instant}),
        good.model_copy(update={"window": Window.model_construct(from_=instant, until=good.window.until)}),
    ):
        data = Entry("change.proposed", world.now, wrong).to_bytes()
        with pytest.raises(EntryRefused):
            from_bytes(data)
        _, findings = audit([*world.entries, data])
        assert [one.entry for one in findings] == [1]


def test_values_that_no_target_can_have_are_not_proposed(world: World) -> None:
    account = Move(target=f"account:{commitment('a')}", base="active", new="closed")
    assert "active or suspended" in world.why(world.proposal("c-1", account, kind="account"))
    assert "sha256" in world.why(world.proposal("c-1", Move(target=BOOK, base=None, new="latest")))


@pytest.mark.parametrize(
    "about", ["a-person", "x", "hmac-sha256:", f"hmac-sha256:{'A' * 64}", f"hmac-sha256:{'0' * 63}", f"sha256:{A}"]
)
@pytest.mark.parametrize(("kind", "new"), [("account", "suspended"), ("class", "cheap")])
def test_names_are_written_on_no_ledger(world: World, kind: str, new: str, about: str) -> None:
    """By single acts, by changes, by break-glass; and whoever writes one past the verbs is found."""
    move = Move(target=f"{kind}:{about}", base="active" if kind == "account" else None, new=new)
    type_ = "account.suspended" if kind == "account" else "class.changed"
    act = world.act(move.target, new, 1)
    for why in (
        world.why(act, type_),
        world.why(world.proposal("c-1", move, kind=kind)),
        world.why(glass(world, moves=(move,))),
    ):
        assert "is no commitment" in why
        assert "openleo change commit" in why
        assert move.target not in why  # nor repeated where somebody may keep it
    _, findings = audit([*world.entries, Entry(type_, world.now, act).to_bytes()])
    assert [one.entry for one in findings] == [1]
    group = Move(target="group:fishers", base=None, new=A)  # groups are words of public rules
    assert not world.why(world.proposal("c-1", group, kind="group"))


def test_a_forged_entry_changes_nothing_for_who_replays(world: World) -> None:
    world.propose()
    forged = Entry("change.activated", world.now, world.activated()).to_bytes()
    state, findings = audit([*world.entries, forged])
    assert [one.entry for one in findings] == [world.state.size]
    assert dataclasses.replace(state, size=0).settled.get(BOOK) is None


# --- a stolen key ---------------------------------------------------------------------------------------------------


def test_a_stolen_key_says_no_until_it_is_revoked(world: World) -> None:
    """What it ended stays ended: the same change is proposed again, and the key has no say in that."""
    thief = TWN[0]
    for id_ in ("c-1", "c-2"):
        world.propose(id_)
        world.append(world.rejection(id_, thief))
        assert status(world, id_) is Status.REJECTED
    message = to_sign.revocation(world.state.origin, thief.id, thief.fingerprint, "stolen")
    revoked = KeyRevoked(
        change=None, officer=thief.id, key=thief.fingerprint, reason="stolen", signature=thief.sign(message)
    )
    world.append(revoked)
    assert status(world, "c-2") is Status.REJECTED
    world.propose("c-3")
    assert "is revoked" in world.why(world.rejection("c-3", thief))
    world.approve("c-3", OPERATORS[1], TWN[1])
    world.activate("c-3")
    assert status(world, "c-3") is Status.ACTIVE


def test_an_officer_whose_key_was_revoked_approves_again_with_another() -> None:
    """Else the thief of one key could stop a change that everybody wants: by approving it."""
    world = World.founded(roster([*EVERYBODY, dataclasses.replace(TWN[0], key=2)]))
    world.propose()
    world.approve("c-1", OPERATORS[1], OPERATORS[2], TWN[0])
    assert "one person has one vote" in world.why(world.approval("c-1", dataclasses.replace(TWN[0], key=2)))
    message = to_sign.revocation(world.state.origin, TWN[0].id, TWN[0].fingerprint, "stolen")
    world.append(
        KeyRevoked(
            change=None, officer=TWN[0].id, key=TWN[0].fingerprint, reason="stolen", signature=TWN[0].sign(message)
        )
    )
    assert status(world) is Status.APPROVING
    world.approve("c-1", dataclasses.replace(TWN[0], key=2))
    world.activate()
    assert world.replayed().value(BOOK) == A


def test_a_thief_does_not_undo_the_no_of_an_officer_by_revoking_the_key_that_said_it() -> None:
    """Why a rejection does not end with its key: any good key of an officer revokes the others, a stolen one too."""
    second = dataclasses.replace(TWN[0], key=2)
    world = World.founded(roster([*EVERYBODY, second]))
    world.propose()
    world.approve("c-1", OPERATORS[1], JPN[0])
    world.append(world.rejection("c-1", TWN[0]))
    message = to_sign.revocation(world.state.origin, "twn-1", TWN[0].fingerprint, "lost, says the thief")
    world.append(
        KeyRevoked(
            change=None,
            officer="twn-1",
            key=TWN[0].fingerprint,
            reason="lost, says the thief",
            signature=second.sign(message),
        )
    )
    assert status(world) is Status.REJECTED
    assert "by twn-1" in world.why(world.activated())


# --- fuzz -----------------------------------------------------------------------------------------------------------


def _some_of_everything() -> list[bytes]:
    """The entries of a ledger in which everything was done once."""
    world = World.founded()
    enrol(world, "t", "a", "TWN")
    world.append(passed("t", "b"), "terminal.transferred")
    world.append(suspend(world, "c"), "account.suspended")
    world.append(asked(world, OPERATORS[0], "s-1", Move(target="book:s", base=None, new=A), requester="ministry-1"))
    world.append(world.effect("s-1"))
    world.propose("c-1", touched=(loss(),))
    world.approve("c-1", OPERATORS[1], OPERATORS[2], TWN[0])
    world.activate("c-1")
    world.append(glass(world, moves=(Move(target="book:b", base=None, new=A),)))
    world.append(review(world, "g-1", OPERATORS[2], TWN[0]))
    change_roster(world, roster([*OPERATORS, *TWN, JPN[0]]), "r-1", OPERATORS[1], JPN[0])
    return world.entries


EVERYTHING = _some_of_everything()
HOSTILE = st.one_of(
    st.sampled_from(
        [None, True, 0, -1, 2**53, 1.5, "", "x", "\x00", "2026-99-99T99:99:99Z", [], {}, [[]], {"x": None}]
    ),
    st.text(max_size=5),
    st.integers(),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in _places(one, (*path, key)))]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(data=st.data(), number=st.integers(0, len(EVERYTHING) - 1))
def test_an_entry_written_by_anybody_stops_no_auditor(data: st.DataObject, number: int) -> None:
    """Values of other entries, and values that are none, in canonical form: every one is followed or found."""
    made = json.loads(EVERYTHING[number])
    other = json.loads(EVERYTHING[data.draw(st.integers(0, len(EVERYTHING) - 1))])
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(_places(made)[1:]))
        at = made
        for key in path[:-1]:
            at = at[key]
        from_other = data.draw(st.sampled_from([_at(other, place) for place in _places(other)]))
        at[path[-1]] = copy.deepcopy(data.draw(st.one_of(HOSTILE, st.just(from_other))))  # never within itself
    try:
        altered = rfc8785.dumps(made)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        altered = json.dumps(made).encode()
    state, findings = audit([*EVERYTHING[:number], altered, *EVERYTHING[number:]])
    assert state.size == len(EVERYTHING) + 1
    assert all(isinstance(one.why, str) for one in findings)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


# --- documents and facts that stop whoever reads ---------------------------------------------------------------------


@pytest.mark.parametrize("base", ["a b", "", "x" * 4_000])
def test_a_fact_of_another_form_than_moves_have_is_found_and_stops_no_auditor(world: World, base: str) -> None:
    world.propose()
    world.approve("c-1", OPERATORS[1], OPERATORS[2], TWN[0])
    world.activate()
    fact = Entry("log_key.rotated", world.now, LogKeyRotated(change="c-1", base=base, new=A))
    _, findings = audit([*world.entries, fact.to_bytes()])
    assert [one.entry for one in findings] == [len(world.entries)]
    assert "did not change the log key so" in findings[0].why


@pytest.mark.parametrize("about", ["t0", "firm"])
def test_a_terminal_that_was_made_an_emergency_one_is_suspended_as_one(world: World, about: str) -> None:
    """By itself or with its account; the class that it was enrolled with is the older one."""
    for number in range(1_500):
        enrol(world, f"t{number}", "firm" if number < 12 else "others", "TWN")
    world.append(world.act(f"class:{commitment(about)}", "emergency", 1), "class.changed")
    world.wait(hours=25)
    move, effect = _suspension(world, 12)
    world.append(world.proposal("c-1", move, kind="account"))
    assert "emergency terminals of TWN are enrolled to its accounts; its effect says 0" in world.why(effect)
    (row,) = effect.touched
    counted = row.model_copy(update={"emergency_terminals_lost": 9 if about == "t0" else 12})
    assert not world.why(effect.model_copy(update={"touched": (counted,)}))


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x00", "\x9b", "\u202e", "\u2028"])
def test_names_of_territories_and_ledgers_do_not_write_on_the_screen(world: World, sign: str) -> None:
    """What is printed of a ledger that somebody else wrote moves no cursor and turns no text."""
    for number, entry in enumerate(EVERYTHING):
        made = json.loads(entry)
        for path in _places(made)[1:]:
            if isinstance(_at(made, path), str) and path[-1] in ("territory", "origin", 0) and path[-2:] != ("keys", 0):
                altered = copy.deepcopy(made)
                _at(altered, path[:-1])[path[-1]] = f"TWN{sign}"
                _, findings = audit([*EVERYTHING[:number], rfc8785.dumps(altered)])
                assert findings[-1].entry == number, path
                assert sign not in findings[-1].why
