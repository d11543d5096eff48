"""Terminals change one by one: the state machine, the ledger before the database, and the rate of acts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from founded import NOW, founded
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from openleo.controller import accounts, custody, registrar, registry
from openleo.controller.accounts import Accounts, Subscription
from openleo.controller.custody import What
from openleo.controller.database import reading
from openleo.controller.device_keys import key_change
from openleo.controller.enrol import Enrolling, Options
from openleo.controller.ledger_desk import LedgerDesk, NeedsChange
from openleo.controller.registrar import By, Registrar
from openleo.controller.registry import LISTED, MAY_FOLLOW, NotPossible, RegisteredTerminal, Stale, State, Unknown
from openleo.governance.house import Folder
from openleo.governance.state import Refused
from openleo.ledger.faults import Unavailable

KIM = By("kim", "as told")
OTHERS = 40  # terminals that nothing happens to: acts are a share of a territory's too


def device(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def key(number: int) -> bytes:
    return device(number).public_key().public_bytes_raw()


class Desks:
    """The registry on a founded ledger, and a clock that a test moves."""

    def __init__(self, engine: Engine, path: Path):
        self.engine, self.office, self.now = engine, founded(path), NOW
        self.desk = LedgerDesk(Folder(self.office.ledger), lambda: self.now, patience_s=0.0)
        self.accounts = Accounts(engine, self.desk, self.now_s)
        self.registrar = Registrar(engine, self.desk, self.now_s)
        self.enrolling = Enrolling(engine, self.desk, self.now_s)
        self.enrol(OTHERS, "others", first=5_000)

    def now_s(self) -> float:
        return self.now.timestamp()

    def enrol(self, count: int, account: str = "a-1", first: int = 1, **options: bool) -> None:
        rows = [f"t-{n},{base64.b64encode(key(n)).decode()},fixed,{account},TWN" for n in range(first, first + count)]
        table = "\n".join(["id,public_key,class,account,home_territory", *rows])
        self.enrolling.table(table.encode(), "t.csv", "kim", Options(make_accounts=True, **options))

    def terminal(self, id_: str = "t-1") -> RegisteredTerminal:
        with reading(self.engine) as connection:
            return registry.find(connection, id_)

    def listed(self) -> set[str]:
        with self.desk.open() as acting:
            others = acting.commitments("account", ["others"])["others"]
            return {id_ for id_, one in acting.state.terminals.items() if one.account != others}

    def history(self, id_: str = "t-1") -> list[tuple[What, dict[str, object]]]:
        with reading(self.engine) as connection:
            return [(one.what, dict(one.after)) for one in custody.of(connection, id_)]

    def types(self) -> list[str]:
        return [one["type"] for one in self.office.entries(1 + OTHERS)]


@pytest.fixture
def desks(engine: Engine, tmp_path: Path) -> Iterator[Desks]:
    return Desks(engine, tmp_path)


def test_a_terminals_life_is_on_the_ledger_by_its_commitment_and_in_its_history(desks: Desks) -> None:
    desks.enrol(1)
    enrolled = desks.terminal()
    assert (enrolled.state, enrolled.home_territory, enrolled.version) == (State.ENROLLED, "TWN", 1)
    assert desks.listed() == {enrolled.commitment}
    for state in (State.ACTIVE, State.LOST, State.ACTIVE, State.SUSPENDED, State.REVOKED):
        assert desks.registrar.set_state("t-1", state, KIM).state == state
        assert desks.terminal().state == state
        assert desks.listed() == ({enrolled.commitment} if state in LISTED else set())
    assert desks.types() == [
        "terminal.enrolled", "terminal.revoked", "terminal.enrolled", "terminal.revoked",
    ]  # fmt: skip
    assert [after["state"] for what, after in desks.history()] == [
        "enrolled", "active", "lost", "active", "suspended", "revoked",
    ]  # fmt: skip
    ledger = (desks.office.ledger / "ledger.sqlite").read_bytes()
    assert b"t-1" not in ledger
    assert enrolled.commitment.encode() in ledger


@given(st.lists(st.sampled_from(list(State)), max_size=6))
def test_no_path_of_states_leads_out_of_revoked(path: list[State]) -> None:
    state = State.ENROLLED
    for new in path:
        revoked = state == State.REVOKED
        if new in MAY_FOLLOW[state]:
            state = new
            assert not revoked
    assert State.ENROLLED not in {one for some in MAY_FOLLOW.values() for one in some}


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("new", list(State))
def test_a_state_follows_as_the_table_says(before: State, new: State) -> None:
    terminal = RegisteredTerminal("t-1", "a", "fixed", "TWN", b"", "c", before)
    if new in MAY_FOLLOW[before]:
        registry.check_follows(terminal, new)
    else:
        with pytest.raises(NotPossible, match="revoked, for good" if before == State.REVOKED else "does not follow"):
            registry.check_follows(terminal, new)


def test_who_saw_an_older_version_changes_nothing(desks: Desks) -> None:
    desks.enrol(1)
    desks.registrar.set_state("t-1", State.ACTIVE, By("kim", seen=1))
    with pytest.raises(Stale):
        desks.registrar.set_state("t-1", State.LOST, By("lee", seen=1))
    assert desks.terminal().state == State.ACTIVE
    assert desks.types() == ["terminal.enrolled"]
    with pytest.raises(Unknown):
        desks.registrar.set_state("t-2", State.LOST, KIM)


def test_acts_above_the_rate_change_nothing_and_say_how_to_propose(desks: Desks) -> None:
    """20 terminals in 24 hours, all acts together, whoever does them."""
    desks.enrol(50, active=True)
    for number in range(1, 20):
        desks.registrar.set_state(f"t-{number}", State.LOST, KIM)
    desks.registrar.set_class("t-20", "maritime", By("lee"))
    with pytest.raises(NeedsChange, match=r"above 20 a change has to be approved.*propose-act account.suspended"):
        desks.registrar.set_state("t-21", State.REVOKED, KIM)
    assert desks.terminal("t-21").state == State.ACTIVE
    assert len(desks.history("t-21")) == 1
    with pytest.raises(NeedsChange, match="above 20"):
        desks.registrar.set_key("t-22", key(999), KIM)
    assert desks.terminal("t-22").public_key == key(22)
    desks.now += timedelta(hours=25)
    assert desks.registrar.set_state("t-21", State.REVOKED, KIM).state == State.REVOKED


def test_an_account_is_suspended_below_the_rate_and_not_above_it(desks: Desks) -> None:
    desks.enrol(19, "small", active=True)
    desks.enrol(25, "large", first=100, active=True)
    assert desks.accounts.suspend("small", "kim", "unpaid") is not None
    assert desks.accounts.suspend("small", "kim", "unpaid") is None
    with desks.desk.open() as acting:
        active = acting.active()
    with reading(desks.engine) as connection:
        assert accounts.suspended(connection, active) == {"small"}
        assert accounts.state_of(accounts.find(connection, "small"), active) == "suspended"
        assert accounts.state_of(accounts.find(connection, "large"), active) == "active"
    with pytest.raises(NeedsChange, match=r"propose-act account.suspended account:hmac-sha256:"):
        desks.accounts.suspend("large", "kim", "unpaid")
    assert desks.accounts.reinstate("small", "kim", "paid") is not None
    with desks.desk.open() as acting:
        assert "suspended" not in acting.active().values()


def test_a_terminal_moves_between_accounts_without_an_act_and_to_a_suspended_one_with_it(desks: Desks) -> None:
    desks.enrol(3, "a-1", active=True)
    desks.enrol(2, "a-2", first=10, active=True)
    moved = desks.registrar.transfer("t-1", "a-2", KIM)
    assert moved.account == "a-2"
    assert desks.history()[-1] == (What.TRANSFERRED, {"account": "a-2"})
    with desks.desk.open() as acting:
        assert not acting.state.acts
        assert acting.state.terminals[moved.commitment].account == acting.commitments("account", ["a-2"])["a-2"]
    desks.accounts.suspend("a-1", "kim", "unpaid")
    desks.registrar.transfer("t-1", "a-1", KIM)
    with desks.desk.open() as acting:
        assert [act.terminals for act in acting.state.acts] == [2, 1]
    with pytest.raises(NotPossible, match="already"):
        desks.registrar.transfer("t-1", "a-1", KIM)
    with pytest.raises(Unknown):
        desks.registrar.transfer("t-1", "nobody", KIM)


def test_a_quota_admits_no_more_and_takes_nobody_away(desks: Desks) -> None:
    desks.enrol(2, "a-1")
    desks.enrol(1, "a-2", first=10)
    desks.accounts.edit("a-1", {"quota": 2})
    with pytest.raises(NotPossible, match="may have 2 terminals and has 2: t-10 is over quota"):
        desks.registrar.transfer("t-10", "a-1", KIM)
    desks.accounts.edit("a-1", {"quota": 0})
    assert desks.terminal().account == "a-1"
    desks.registrar.set_state("t-1", State.REVOKED, KIM)
    desks.accounts.edit("a-1", {"quota": 2})
    assert desks.registrar.transfer("t-10", "a-1", KIM).account == "a-1"
    with pytest.raises(Stale):
        desks.accounts.edit("a-1", {"quota": 9}, seen=1)


def test_a_key_goes_on_by_the_devices_signature_and_otherwise_is_an_act(desks: Desks) -> None:
    desks.enrol(2, active=True)
    with desks.desk.open() as acting:
        origin = acting.state.origin
    signed = base64.b64encode(device(1).sign(key_change(origin, "t-1", key(101)))).decode()
    with pytest.raises(NotPossible, match="not signed by its device"):
        desks.registrar.set_key("t-1", key(102), KIM, signed)
    assert desks.registrar.set_key("t-1", key(101), KIM, signed).public_key == key(101)
    assert desks.types() == ["terminal.enrolled"] * 2
    with pytest.raises(NotPossible, match="is that of t-1"):
        desks.registrar.set_key("t-2", key(101), KIM)
    desks.registrar.set_key("t-2", key(102), KIM)
    assert desks.types()[2:] == ["terminal.revoked", "terminal.enrolled"]
    with desks.desk.open() as acting:
        assert [act.terminals for act in acting.state.acts] == [1]


def test_home_and_subscription_change_with_their_history(desks: Desks) -> None:
    desks.enrol(1, active=True)
    desks.enrol(1, "a-2", first=5)
    desks.accounts.subscribe(Subscription("s-1", "a-1", 100.0, 20.0, 0.0))
    assert desks.registrar.set_subscription("t-1", "s-1", KIM).subscription == "s-1"
    with pytest.raises(NotPossible, match="not of the account a-2"):
        desks.registrar.transfer("t-1", "a-2", KIM, subscription="s-1")
    assert desks.registrar.set_home("t-1", "JPN", KIM).home_territory == "JPN"
    with desks.desk.open() as acting:
        assert acting.state.terminals[desks.terminal().commitment].territory == "JPN"
    assert [what for what, _ in desks.history()] == [What.ENROLLED, What.SUBSCRIPTION, What.HOME]
    with pytest.raises(NotPossible, match="Atlantis"):
        desks.registrar.set_home("t-1", "Atlantis", KIM)


def test_groups_move_by_a_change_alone_and_the_registry_follows_the_list(desks: Desks) -> None:
    desks.enrol(3, active=True)
    with pytest.raises(NeedsChange, match="put into the group clinics by an approved change only"):
        desks.registrar.set_groups("t-1", frozenset({"clinics"}), KIM)
    listed = desks.office.path / "clinics"
    listed.write_text("\n".join(desks.terminal(id_).commitment for id_ in ("t-1", "t-2")))
    said = ("group.changed", "group:clinics", "--list", listed, "--in", "TWN/fixed=2")
    desks.office.propose("propose-act", "c", *said)
    desks.office.sign("c")
    desks.office.activate("c")
    desks.now = datetime.now(NOW.tzinfo) + timedelta(seconds=5)
    assert desks.registrar.follow() == ["t-1", "t-2"]
    assert desks.registrar.follow() == []
    assert desks.terminal("t-1").groups == {"clinics"}
    assert desks.terminal("t-3").groups == frozenset()
    assert desks.history("t-2")[-1] == (What.GROUPS, {"groups": ["clinics"]})
    with pytest.raises(NeedsChange, match="taken out of"):
        desks.registrar.set_groups("t-1", frozenset(), KIM)


def test_what_the_ledger_took_and_the_database_did_not_is_done_again(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    desks.enrol(2, active=True)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as here:
        here.setattr(registry, "write", killed)
        for id_ in ("t-1", "t-2"):
            with pytest.raises(KeyboardInterrupt):
                desks.registrar.set_state(id_, State.LOST, KIM)
    assert desks.terminal().state == State.ACTIVE
    assert desks.registrar.set_state("t-1", State.LOST, KIM).state == State.LOST  # by who asked, again
    assert desks.types().count("terminal.revoked") == 2
    assert desks.registrar.follow() == ["t-2"]  # or by the ledger, in the safe direction
    assert desks.terminal("t-2").state == State.SUSPENDED
    with desks.desk.open() as acting:
        assert [act.terminals for act in acting.state.acts] == [1, 1]


def test_without_a_ledger_or_with_another_writer_nothing_changes(desks: Desks, tmp_path: Path) -> None:
    desks.enrol(1, active=True)
    elsewhere = Registrar(desks.engine, LedgerDesk(Folder(tmp_path / "none")), desks.now_s)
    with pytest.raises(Refused, match="no ledger yet"):
        elsewhere.set_state("t-1", State.LOST, KIM)
    with desks.desk.open(), pytest.raises(Unavailable, match="another process writes"):
        Registrar(desks.engine, LedgerDesk(Folder(desks.office.ledger), patience_s=0.0), desks.now_s).set_state(
            "t-1", State.LOST, KIM
        )
    assert desks.terminal().state == State.ACTIVE


def test_pages_of_terminals_hold_each_once(desks: Desks) -> None:
    desks.enrol(7, "a-1")
    desks.enrol(2, "a-2", first=20, active=True)
    found: list[str] = []
    with reading(desks.engine) as connection:
        while some := registry.page(connection, registry.Filter(), found[-1] if found else "", limit=4):
            found += [one.id for one in some]
        assert found == sorted(f"t-{n}" for n in (*range(1, 8), 20, 21, *range(5_000, 5_000 + OTHERS)))
        assert [one.id for one in registry.page(connection, registry.Filter(account="a-2"))] == ["t-20", "t-21"]
        assert len(registry.page(connection, registry.Filter(state=State.ACTIVE, class_="fixed"))) == 2


def test_following_holds_no_writer_up_unless_something_changed(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    desks.enrol(3, active=True)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be written")

    monkeypatch.setattr(registrar, "writing", never)
    assert desks.registrar.follow() == []
