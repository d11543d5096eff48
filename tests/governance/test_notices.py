"""What a ledger gives notice of: each thing once, at its time, to those whom it touches; the same for everybody."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_made import Person
from test_acts import glass, review
from world_made import BOOK, JPN, OPERATORS, ORIGIN, START, TWN, A, B, World, loss, roster

from openleo.governance import to_sign
from openleo.governance.entries import (
    EffectFrozen,
    Ends,
    Expired,
    KeyRevoked,
    Objection,
    entry,
    instant,
)
from openleo.governance.moves import Move
from openleo.governance.notices import (
    Delivery,
    Email,
    Kind,
    Notice,
    Subscriber,
    Tried,
    Webhook,
    concerns,
    due,
    next_try,
    waiting,
)
from openleo.governance.noticing import Watch, notices
from openleo.governance.replay import audit
from openleo.governance.state import State, Status

FISHER = f"account:hmac-sha256:{A}"
QUORUM = (OPERATORS[1], OPERATORS[2], TWN[0])  # for a change that touches Taiwan, requested by operator-1


def told(world: World, **later: float) -> list[tuple[str, str]]:
    """(kind, title) of every notice until now, or until some time later."""
    return [(one.kind, one.title) for one in notices(world.entries, world.now + timedelta(**later))]


def kinds(world: World, **later: float) -> list[str]:
    return [kind for kind, _ in told(world, **later)]


@pytest.fixture
def world() -> World:
    return World.founded()


def proposed(
    world: World, id_: str = "c-1", ends: tuple[datetime, ...] = (), territory: str = "TWN", **more: object
) -> None:
    """A change of Taiwan whose effect ends service at some instants."""
    world.append(world.proposal(id_, **more))
    frozen = EffectFrozen(
        change=id_,
        effect="c" * 64,
        network=B,
        touched=(loss(territory),),
        named=(),
        ends=tuple(Ends(territory=territory, at=instant(at)) for at in ends),
    )
    world.append(frozen)


# --- the life of a change -------------------------------------------------------------------------------------------


def test_a_change_is_told_at_proposal_approval_and_activation(world: World) -> None:
    proposed(world)
    world.wait(hours=1)
    world.approve("c-1", OPERATORS[1], OPERATORS[2])
    assert kinds(world) == ["change.proposed"]
    world.wait(hours=1)
    world.approve("c-1", TWN[0])
    world.wait(hours=1)
    world.activate()
    found = notices(world.entries, world.now)
    assert [(one.kind, one.entry, one.at) for one in found] == [
        (Kind.PROPOSED, 2, START),
        (Kind.APPROVED, 5, START + timedelta(hours=2)),
        (Kind.ACTIVATED, 6, START + timedelta(hours=3)),
    ]
    assert all(one.territories == ("TWN",) and one.subject == "c-1" and one.ledger == ORIGIN for one in found)
    assert found[0].title == "rules change c-1: proposed by operator-1 on behalf of operator (TWN)"
    assert "reason: a licence was given" in found[0].text
    assert "lacks" in found[0].text
    assert "approved by operator-2, operator-3, twn-1" in found[1].text
    assert found[2].text.startswith("c-1: active\n")


def test_a_proposal_without_an_effect_is_told_when_it_is_known_whom_it_touches(world: World) -> None:
    world.append(world.proposal())
    assert told(world) == []
    world.append(world.effect("c-1", loss("JPN"), named=("TWN.sea12",)))
    assert notices(world.entries, world.now)[0].territories == ("JPN", "TWN.sea12")


def test_the_notice_that_a_territory_has_is_in_the_approval() -> None:
    world = World.founded(roster(notice_hours={"TWN": 48}))
    proposed(world)
    world.approve("c-1", *QUORUM)
    assert "from 2026-03-03T12:00:00Z on" in told(world)[1][1]


def test_an_approval_taken_back_and_given_by_another_is_told_again(world: World) -> None:
    proposed(world)
    world.approve("c-1", *QUORUM)
    world.append(world.withdrawal("c-1", TWN[0]), "approval.withdrawn")
    world.approve("c-1", TWN[1])
    assert kinds(world) == ["change.proposed", "change.approved", "approval.withdrawn", "change.approved"]
    assert len({one.id for one in notices(world.entries, world.now)}) == 4


def test_a_vote_lost_with_its_key_is_made_up_for_by_another(world: World) -> None:
    proposed(world)
    world.approve("c-1", *QUORUM)
    who = TWN[0]
    key, why = who.fingerprint, "it was lost"
    signature = who.sign(to_sign.revocation(ORIGIN, who.id, key, why))
    world.append(KeyRevoked(change=None, officer=who.id, key=key, reason=why, signature=signature))
    assert kinds(world).count("change.approved") == 1
    world.approve("c-1", TWN[1])
    assert kinds(world).count("change.approved") == 2


def test_objections_and_rejections_are_told_with_their_words(world: World) -> None:
    proposed(world)
    said = "it comes without warning"
    signature = JPN[0].sign(to_sign.objection(ORIGIN, "c-1", "regulator:JPN", said))
    world.append(Objection(change="c-1", officer="jpn-1", party="regulator:JPN", text=said, signature=signature))
    world.append(world.rejection("c-1", TWN[0]), "change.rejection")
    objection, rejection = notices(world.entries, world.now + timedelta(days=60))[1:]
    assert objection.title == "rules change c-1: regulator:JPN objects (TWN)"
    assert objection.text.startswith(said + "\n")
    assert rejection.title == "rules change c-1: rejected by twn-1 (TWN)"


def test_what_runs_out_is_told_at_its_time_and_once(world: World) -> None:
    proposed(world)
    assert kinds(world, days=14, seconds=-1) == ["change.proposed"]
    assert kinds(world, days=14) == ["change.proposed", "change.expired"]
    before = notices(world.entries, START + timedelta(days=15))
    world.wait(days=20)
    world.append(Expired(change="c-1", why="nobody came"))
    assert notices(world.entries, world.now) == before
    assert before[1].at == START + timedelta(days=14)


def test_what_others_made_void_is_told_when_it_happens(world: World) -> None:
    proposed(world, "c-1")
    proposed(world, "c-2")
    world.wait(hours=1)
    world.approve("c-1", *QUORUM)
    world.activate("c-1")
    last = notices(world.entries, world.now + timedelta(days=60))[-1]
    assert (last.kind, last.subject, last.at) == (Kind.VOID, "c-2", world.now)
    assert f"{BOOK} moved after it was proposed" in last.text


def test_what_stays_void_is_told_once(world: World) -> None:
    proposed(world, "c-1")
    proposed(world, "c-2")
    world.approve("c-1", *QUORUM)
    world.activate("c-1")
    world.append(world.act(FISHER, "suspended", 0), "account.suspended")
    assert kinds(world).count("change.void") == 1


def test_what_is_void_stays_so_though_its_value_comes_back(world: World) -> None:
    move = Move(target=FISHER, base="active", new="suspended")
    world.propose("c-1", move, touched=(loss(),), kind="account")
    world.append(world.act(FISHER, "suspended", 0), "account.suspended")
    assert kinds(world, days=60) == ["change.proposed", "change.void"]
    world.append(world.act(FISHER, "active", 0), "account.reinstated")
    assert kinds(world, days=60) == ["change.proposed", "change.void"]


def test_an_entry_that_should_not_be_there_is_told_to_nobody(world: World) -> None:
    proposed(world)
    world.entries.append(entry(world.now, world.activated()).to_bytes())
    world.entries.append(b"no entry")
    assert kinds(world) == ["change.proposed"]


# --- ends of service ------------------------------------------------------------------------------------------------

END = START + timedelta(days=100)


def in_force(world: World, id_: str, *ends: datetime, **more: object) -> None:
    proposed(world, id_, ends, **more)
    world.approve(id_, *QUORUM)
    world.activate(id_)


def warnings(world: World, until: datetime) -> list[tuple[str, str, int]]:
    found = [one for one in notices(world.entries, until) if one.kind is Kind.ENDS]
    return [(one.subject, one.title, (END - one.at).days) for one in found]


def test_the_end_of_service_is_told_30_and_7_days_before(world: World) -> None:
    in_force(world, "c-1", END)
    assert "service of TWN ends 2026-06-09T12:00:00Z" in notices(world.entries, world.now)[0].text
    assert warnings(world, END - timedelta(days=30, seconds=1)) == []
    assert len(warnings(world, END - timedelta(days=30))) == 1
    assert len(warnings(world, END - timedelta(days=7, seconds=1))) == 1
    assert warnings(world, END + timedelta(days=400)) == [
        ("c-1", "rules change c-1: ends service at 2026-06-09T12:00:00Z, in 30 days (TWN)", 30),
        ("c-1", "rules change c-1: ends service at 2026-06-09T12:00:00Z, in 7 days (TWN)", 7),
    ]


@pytest.mark.parametrize(("left", "told_at"), [(20, [20, 7]), (7, [7]), (5, [5]), (0, [])])
def test_what_takes_effect_after_the_day_of_warning_is_told_at_once(
    world: World, left: int, told_at: list[int]
) -> None:
    world.wait(days=100 - left)
    in_force(world, "c-1", END)
    assert [days for _, _, days in warnings(world, END)] == told_at


def test_a_change_that_was_superseded_warns_no_more(world: World) -> None:
    in_force(world, "c-1", END)
    world.wait(days=80)
    move = Move(target=BOOK, base=A, new="d" * 64)
    world.append(world.proposal("c-2", move))
    world.append(world.effect("c-2", loss()))
    world.approve("c-2", *QUORUM)
    world.activate("c-2")
    assert [days for _, _, days in warnings(world, END)] == [30]


def test_an_end_that_two_changes_hold_is_told_once(world: World) -> None:
    in_force(world, "c-1", END)
    move = Move(target="book:regulator:TWN", base=None, new=A)
    world.append(world.proposal("c-2", move))
    world.append(world.effect("c-2", loss()).model_copy(update={"ends": (Ends(territory="TWN", at=instant(END)),)}))
    world.approve("c-2", *QUORUM)
    world.activate("c-2")
    assert [days for _, _, days in warnings(world, END)] == [30, 7]


def test_an_end_that_was_lifted_and_set_again_is_told_again(world: World) -> None:
    in_force(world, "c-1", END)
    world.wait(days=75)  # the first warning was given
    for id_, base, new, ends in (("c-2", A, "d" * 64, ()), ("c-3", "d" * 64, "e" * 64, (END,))):
        world.append(world.proposal(id_, Move(target=BOOK, base=base, new=new)))
        told_ends = tuple(Ends(territory="TWN", at=instant(at)) for at in ends)
        world.append(world.effect(id_, loss()).model_copy(update={"ends": told_ends}))
        world.approve(id_, *QUORUM)
        world.activate(id_)
    assert [(id_, days) for id_, _, days in warnings(world, END)] == [("c-1", 30), ("c-3", 25), ("c-3", 7)]


def test_ends_that_come_together_are_one_notice(world: World) -> None:
    """Of weekly periods: every end of the weeks ahead."""
    ends = tuple(START + timedelta(days=days) for days in (1, 8, 15, 36, 100))
    in_force(world, "c-1", *ends)
    told_at = [(one.at - START, one.title) for one in notices(world.entries, END) if one.kind is Kind.ENDS]
    assert [(at.days, title.partition("service ")[2]) for at, title in told_at] == [
        (0, "at 2026-03-02T12:00:00Z, in 1 day, and 2 more times until 2026-03-16T12:00:00Z (TWN)"),
        (1, "at 2026-03-09T12:00:00Z, in 7 days (TWN)"),
        (6, "at 2026-04-06T12:00:00Z, in 30 days (TWN)"),
        (8, "at 2026-03-16T12:00:00Z, in 7 days (TWN)"),
        (29, "at 2026-04-06T12:00:00Z, in 7 days (TWN)"),
        (70, "at 2026-06-09T12:00:00Z, in 30 days (TWN)"),
        (93, "at 2026-06-09T12:00:00Z, in 7 days (TWN)"),
    ]


# --- break-glass ----------------------------------------------------------------------------------------------------


def test_broken_glass_is_told_to_everybody_at_once_and_so_is_a_late_review(world: World) -> None:
    world.append(glass(world))
    used = notices(world.entries, world.now)[-1]
    assert (used.kind, used.at, used.territories) == (Kind.GLASS_USED, START, ())
    assert concerns(["PRT"], used)
    assert "operator-1 and operator-2" in used.text
    assert kinds(world, days=14, seconds=-1) == ["break_glass.used"]
    assert kinds(world, days=60) == ["break_glass.used", "break_glass.review_overdue"]
    world.wait(days=20)
    world.append(review(world, "g-1", OPERATORS[2], TWN[0]))
    assert kinds(world, days=60) == ["break_glass.used", "break_glass.review_overdue", "break_glass.reviewed"]


def test_a_review_in_time_is_not_overdue(world: World) -> None:
    world.append(glass(world))
    world.wait(days=13)
    world.append(review(world, "g-1", OPERATORS[2], TWN[0]))
    assert kinds(world, days=60) == ["break_glass.used", "break_glass.reviewed"]


def test_two_ledgers_share_no_id() -> None:
    found = []
    for key in ("00", "01"):
        world = World.founded(log_vkey=f"{ORIGIN}+{key}+AA==")
        proposed(world)
        found += notices(world.entries, world.now)
    assert len({one.id for one in found}) == len(found) == 2


# --- the same for everybody -----------------------------------------------------------------------------------------

PEOPLE: list[Person] = [*OPERATORS, *TWN, *JPN]
Acts = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), st.sampled_from(["book:one", "book:two"]), st.sampled_from(["TWN", "JPN"])),
        st.tuples(st.sampled_from(["approve", "withdraw", "reject"]), st.integers(0, 5), st.sampled_from(PEOPLE)),
        st.tuples(st.just("activate"), st.integers(0, 5), st.none()),
        st.tuples(st.just("wait"), st.integers(1, 72), st.none()),
    ),
    max_size=25,
)


def driven(acts: list[tuple[str, object, object]]) -> tuple[World, list[datetime]]:
    """A ledger, and the clock's time after each of its entries, until the next one."""
    world, until = World.founded(), []
    for what, one, other in acts:
        id_ = f"c-{one}"
        if what == "wait":
            world.wait(hours=float(one))  # type: ignore[arg-type]
        elif what == "propose":
            number = len(world.state.changes)
            move = Move(target=str(one), base=world.state.value(str(one)), new=f"{number + 1:064x}")
            expires = instant(world.now + timedelta(hours=48))
            end = Ends(territory=str(other), at=instant(world.now + timedelta(days=20)))
            body = world.proposal(f"c-{number}", move, expires=expires)
            frozen = world.effect(f"c-{number}", loss(str(other))).model_copy(update={"ends": (end,)})
            until += [world.now] * 2
            world.append(body)
            world.append(frozen)
        elif id_ in world.state.changes:
            make = {"approve": world.approval, "withdraw": world.withdrawal, "reject": world.rejection}.get(what)
            type_ = {"withdraw": "approval.withdrawn", "reject": "change.rejection"}.get(what, "")
            body = world.activated(id_) if make is None else make(id_, other)  # type: ignore[arg-type,assignment]
            if not world.why(body, type_):
                until.append(world.now)
                world.append(body, type_)
    return world, until


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(Acts, st.integers(0, 900))
def test_whoever_replays_finds_the_same_and_nothing_is_taken_back(
    acts: list[tuple[str, object, object]], hours: int
) -> None:
    world, until = driven(acts)
    now = world.now + timedelta(hours=hours)
    found = notices(world.entries, now)
    assert notices(list(world.entries), now) == found
    assert len({one.id for one in found}) == len(found)
    assert [one.at for one in found] == sorted(one.at for one in found)
    for size in range(1, len(world.entries) + 1):  # told after every entry: the beginning of what is told in the end
        then = until[size - 2] if size > 1 else START
        earlier = notices(world.entries[:size], then)
        assert found[: len(earlier)] == earlier


@settings(max_examples=40, deadline=None)
@given(Acts, st.integers(0, 900), st.lists(st.integers(0, 60), max_size=4).map(sorted))
def test_whoever_stops_on_the_way_and_goes_on_finds_the_same(
    acts: list[tuple[str, object, object]], hours: int, stops: list[int]
) -> None:
    world, _ = driven(acts)
    now = world.now + timedelta(hours=hours)
    watch, first = Watch(), 0
    for stop in stops:
        watch.follow(world.entries[first:stop])
        first = max(first, stop)
        then = watch.state.newest_at or START
        assert watch.until(then + timedelta(days=40)) == notices(world.entries[:first], then + timedelta(days=40))
    assert watch.follow(world.entries[first:]) == []
    assert watch.until(now) == notices(world.entries, now)


@settings(max_examples=40, deadline=None)
@given(Acts, st.integers(0, 900))
def test_notices_are_what_the_states_before_and_after_say(acts: list[tuple[str, object, object]], hours: int) -> None:
    """Against a count that looks at every change's status after every entry, and knows nothing of alarms."""
    world, _ = driven(acts)
    now = world.now + timedelta(hours=hours)
    expected: Counter[tuple[str, str]] = Counter()
    state, before = State(), {}
    for data in [*world.entries, b""]:
        at = now
        if data:
            state, findings = audit([data], state)
            assert not findings
            assert state.newest_at is not None
            at = state.newest_at
        for id_, change in state.changes.items():
            is_, was = state.status(id_, at), before.get(id_, Status.PROPOSED)
            if was is Status.PROPOSED and is_ is not Status.PROPOSED:
                expected["change.proposed", id_] += 1
                was = Status.APPROVING
            if was is Status.APPROVING and is_ is Status.READY:
                expected["change.approved", id_] += 1
            for status, kind in ENDED.items():
                if is_ is status and was is not status:
                    expected[kind, id_] += 1
            if change.effect is not None:
                before[id_] = is_
    found = Counter((str(one.kind), one.subject) for one in notices(world.entries, now))
    said = {kind for kind, _ in expected} | {"change.proposed", "change.approved", *ENDED.values()}
    assert Counter({key: count for key, count in found.items() if key[0] in said}) == expected


ENDED = {
    Status.ACTIVE: "change.activated",
    Status.REJECTED: "change.rejected",
    Status.EXPIRED: "change.expired",
    Status.VOID: "change.void",
}


# --- deliveries -----------------------------------------------------------------------------------------------------


def notice(number: int, *territories: str, at: datetime = START) -> Notice:
    return Notice(f"notice_{number}", at, Kind.PROPOSED, ORIGIN, number, "c-1", territories, "a title", "a text\n")


OFFICE = Email("office@reg.example")


def subscriber(id_: str, *territories: str, by: Webhook | Email | None = OFFICE) -> Subscriber:
    return Subscriber(id_, "regulator:TWN", territories, START, by)


def test_the_waters_of_a_land_are_the_land_s() -> None:
    assert concerns(["TWN"], notice(1, "TWN.sea12"))
    assert not concerns(["TWN.sea12"], notice(1, "TWN"))
    assert not concerns(["TWN"], notice(1, "TWN.sea200"))
    assert concerns(["*"], notice(1, "TWN.sea200"))
    assert concerns(["JPN"], notice(1))


def test_what_was_before_a_subscription_is_not_told() -> None:
    old = notice(1, "TWN", at=START - timedelta(seconds=1))
    assert due([old, notice(2, "TWN")], [subscriber("a", "TWN")], {}, START) == (
        Delivery(notice(2, "TWN"), subscriber("a", "TWN"), 0),
    )


def test_what_failed_is_tried_again_later_and_never_given_up() -> None:
    one, who = notice(1, "TWN"), subscriber("a", "TWN")
    at, gaps = START, []
    for attempts in range(1, 12):
        tried = {("a", one.id): Tried(attempts, at, done=False)}
        again = next_try(tried["a", one.id])
        assert not due([one], [who], tried, again - timedelta(seconds=1))
        assert waiting([one], [who], tried, again - timedelta(seconds=1)) == 1
        assert due([one], [who], tried, again) == (Delivery(one, who, attempts),)
        gaps.append(again - at)
        at = again
    assert gaps == sorted(gaps)
    assert gaps[-1] == timedelta(days=1)
    assert not due([one], [who], {("a", one.id): Tried(1, at, done=True)}, at + timedelta(days=999))


def test_who_only_reads_feeds_gets_no_delivery() -> None:
    assert not due([notice(1)], [subscriber("a", "TWN", by=None)], {}, START)


Territories = st.lists(st.sampled_from(["TWN", "TWN.sea12", "JPN", "*"]), min_size=1, max_size=3, unique=True)


@given(
    st.data(),
    st.lists(Territories, max_size=6),
    st.lists(st.lists(st.sampled_from(["TWN", "JPN"]), max_size=2), max_size=5),
)
def test_the_order_of_subscribers_never_matters(
    data: st.DataObject, asked: list[list[str]], touched: list[list[str]]
) -> None:
    people = [subscriber(f"s-{number}", *places) for number, places in enumerate(asked)]
    found = [notice(number, *places) for number, places in enumerate(touched)]
    tried = {("s-0", "notice_0"): Tried(1, START, done=True), ("s-1", "notice_0"): Tried(3, START, done=False)}
    now = START + timedelta(minutes=data.draw(st.integers(0, 60)))
    assert due(found, data.draw(st.permutations(people)), tried, now) == due(found, people, tried, now)
