"""What the loop does beside its plans: what is due goes, the registry and the clock follow the ledger, and alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from governed import Governed, book, rule
from planned import BEGINS, SCENARIO, scenario, small_twin
from running import Running
from sqlalchemy import func, insert, select
from test_registrar import KIM, Desks

from openleo.controller import chores, registry, retention, runtime, twin
from openleo.controller.clock import ManualClock
from openleo.controller.database import Unavailable, reading, writing
from openleo.controller.in_force import Gate, LedgerReader
from openleo.controller.registry import State
from openleo.controller.settings import Settings
from openleo.controller.tables import audit, nonces
from openleo.errors import InputError
from openleo.governance.house import Folder
from openleo.governance.moves import SUSPENDED
from openleo.governance.registry import Registry
from openleo.instants import instant_of


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    made = Running.on(tmp_path)
    made.step()
    made.loop.chores.wait()
    yield made
    made.close()


def nonces_kept(one: Running) -> int:
    with reading(one.runtime.engine) as connection:
        return connection.execute(select(func.count()).select_from(nonces)).scalar_one()


def test_what_is_due_goes_after_a_slot_was_applied_and_within_a_share_of_it(
    here: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    right = retention.sweep

    def sweep(*said: object, **more: object) -> retention.Swept:
        given.append(said[4])  # type: ignore[arg-type]
        return right(*said, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "sweep", sweep)
    with writing(here.runtime.engine) as connection:
        rows = [{"terminal": "t", "nonce": f"n{n}", "until": here.clock.utc - 1.0} for n in range(700)]
        connection.execute(insert(nonces), rows)
    here.slot()
    here.loop.chores.wait()
    assert nonces_kept(here) == 0
    assert here.loop.chores.swept is not None
    assert here.loop.chores.swept.rows["nonces"] == 700
    assert given == [pytest.approx(chores.SWEPT_FOR * 15.0)]


def test_who_stands_by_deletes_nothing(here: Running, tmp_path: Path) -> None:
    other = Running.on(tmp_path, here.clock)
    try:
        other.step()
        other.loop.chores.wait()
        assert other.loop.chores.swept is None
    finally:
        other.close()


def test_requests_that_were_refused_undecided_share_a_row(here: Running) -> None:
    here.runtime.unheard.update({"401": 3, "422": 1})
    here.slot()
    here.loop.chores.wait()
    with reading(here.runtime.engine) as connection:
        rows = [row for row in connection.execute(select(audit)).mappings() if row["about"] == "/v1/leases"]
    assert [(row["principal"], row["what"]) for row in rows] == [("anonymous", "refused")]
    assert json.loads(rows[0]["body"])["by_status"] == {"401": 3, "422": 1}
    assert not here.runtime.unheard


def test_what_could_not_be_written_down_is_with_the_next_slot(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    here.runtime.unheard["409"] += 2
    with monkeypatch.context() as patched:
        patched.setattr(chores.audit, "record", _gone)
        here.slot()
        here.loop.chores.wait()
    assert here.runtime.unheard == {"409": 2}


def _gone(*_: object) -> int:
    raise Unavailable("it is gone")


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    made = Governed.founded(tmp_path)
    made.now = BEGINS
    made.rules(book("operator", rule("both", "permit", ["POL", "URY"])))
    return made


def running_under(governed: Governed, clock: ManualClock) -> Running:
    made = Running.on(governed.path, clock)
    made.runtime.gate = Gate(LedgerReader(governed.folder, made.runtime.engine))
    made.step()
    return made


def test_time_is_never_before_the_newest_entry_of_the_ledger(governed: Governed) -> None:
    made = running_under(governed, ManualClock(utc=BEGINS.timestamp() - 8.0))
    try:
        assert made.runtime.clock.now_s() >= BEGINS.timestamp()
        assert "clock" not in made.runtime.alarms.now
    finally:
        made.close()


def test_a_ledger_that_is_a_slot_ahead_of_the_clock_is_a_jump(governed: Governed) -> None:
    made = running_under(governed, ManualClock(utc=BEGINS.timestamp() - 3_600.0))
    try:
        made.step()
        assert made.runtime.clock.jump() is not None
    finally:
        made.close()


def test_targets_that_nobody_can_name_are_an_alarm(governed: Governed) -> None:
    accounts = governed.commit("account", "acme")
    governed.act(f"account:{accounts['acme']}", SUSPENDED)
    with Registry(governed.path) as names:
        names.forget(accounts["acme"])
    made = running_under(governed, ManualClock(utc=BEGINS.timestamp() + 1.0))
    try:
        assert accounts["acme"] in made.runtime.alarms.now["unresolved"]
    finally:
        made.close()


def test_the_registry_follows_the_ledger_at_the_start_and_when_it_grew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Running.on(tmp_path / "data")
    desks = Desks(made.runtime.engine, tmp_path)
    made.runtime.data = tmp_path / "ledger"  # where those desks have it
    desks.enrol(2, active=True)
    made.clock.utc = desks.now_s() + 5.0
    made.runtime.clock.confirm()
    made.runtime.gate = Gate(LedgerReader(Folder(tmp_path / "ledger"), made.runtime.engine))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def lose(id_: str) -> None:
        """On the ledger; and a kill comes before the database.

        At the controller's own time: what it enforces is logged aside, at once or later, and no entry precedes that.
        """
        desks.now = instant_of(made.runtime.clock.now_s())
        with monkeypatch.context() as patched:
            patched.setattr(registry, "write", killed)
            with pytest.raises(KeyboardInterrupt):
                desks.registrar.set_state(id_, State.LOST, KIM)

    try:
        lose("t-1")
        made.step()
        made.loop.chores.wait()
        assert desks.terminal("t-1").state == State.SUSPENDED
        assert desks.terminal("t-2").state == State.ACTIVE
        lose("t-2")
        made.slot()
        made.loop.chores.wait()
        assert desks.terminal("t-2").state == State.SUSPENDED
    finally:
        made.close()


def test_how_far_beams_are_felt_is_the_scenarios(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("no rules are read here")
    policy = '\n[policy]\nrules = "rules.toml"\nbeam_km = 33.0\n'
    ready = twin.load(scenario(tmp_path, SCENARIO + policy))
    assert ready.beam_km == 33.0
    made = runtime.opened(ready, tmp_path / "data", Settings())
    try:
        assert made.gate.reader.beam_km == 33.0
    finally:
        made.close()
    with pytest.raises(InputError, match="beam_km"):
        twin.load(scenario(tmp_path, SCENARIO + policy.replace("33.0", "900.0")))


def test_a_network_that_was_not_approved_is_not_begun_with(governed: Governed, tmp_path: Path) -> None:
    path = scenario(tmp_path)
    approved = "1" * 64
    clock = ManualClock(utc=BEGINS.timestamp() + 1.0)
    runtime.open_runtime(path, governed.path, Settings(), clock).close()  # none was approved: any may run
    governed.change("network", {"network": approved})
    with pytest.raises(InputError) as found:
        runtime.open_runtime(path, governed.path, Settings(), clock)
    for said in (approved, small_twin().network, "propose-network", "small.toml"):
        assert said in str(found.value)
