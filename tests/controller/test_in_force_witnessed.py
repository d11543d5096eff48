"""What the witnesses of the roster have not seen does not hold yet; break-glass holds, and is marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from governed import PERMIT, Governed, book, rule
from test_witnesses_gone import witnessed_by
from test_witnesses_live import Keeper

from openleo.changes import sha256_of
from openleo.controller.in_force import Gate, InForce, LedgerReader
from openleo.governance import activate as gate_of
from openleo.governance.house import House
from openleo.ledger.faults import NotProven

FORBID = book("regulator:PRY", rule("strip", "forbid", "PRY"))


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path, "w1.example")
    yield made
    made.stop()


@pytest.fixture
def governed(tmp_path: Path, keeper: Keeper) -> Governed:
    url = keeper.start()
    made = Governed.founded(tmp_path / "data", witnessed_by(keeper.policy(url)))
    made.now = datetime.now(UTC).replace(microsecond=0)
    with House(made.folder, write=False) as house:
        keeper.start(house.ledger.key)
    made.rules(PERMIT)
    return made


def current(gate: Gate, governed: Governed) -> InForce:
    found = gate.current(governed.now)
    assert isinstance(found, InForce)
    return found


def rule_ids(found: InForce) -> list[str]:
    return sorted(one.id for one in found.rules.rules)


def test_what_witnesses_saw_is_in_force_as_witnessed(governed: Governed) -> None:
    found = current(Gate(LedgerReader(governed.folder)), governed)
    assert (found.witnessed, found.unwitnessed_because, found.waiting) == (True, "", ())
    assert rule_ids(found) == ["everywhere"]


def test_without_witnesses_ordinary_activation_waits(governed: Governed, keeper: Keeper) -> None:
    gate = Gate(LedgerReader(governed.folder))
    governed.put(FORBID)
    id_ = governed.approved("rules", {"book:regulator:PRY": sha256_of(FORBID)})
    keeper.stop()
    with pytest.raises(NotProven, match="cannot be reached"):
        governed.activate(id_)
    assert rule_ids(current(gate, governed)) == ["everywhere"]
    with House(governed.folder, write=False) as house:
        keeper.start(house.ledger.key)
    governed.activate(id_)
    assert rule_ids(current(gate, governed)) == ["everywhere", "strip"]


def test_an_activation_that_no_witness_has_seen_does_not_hold_yet(
    governed: Governed, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The witnesses saw the approvals, and went away in the moment that the activation was logged."""
    gate = Gate(LedgerReader(governed.folder))
    seen, witnessed = [], gate_of.witnessed

    def once(house, clock):  # type: ignore[no-untyped-def]
        if seen:
            raise NotProven("no witness can be reached")
        seen.append(True)
        return witnessed(house, clock)

    monkeypatch.setattr(gate_of, "witnessed", once)
    governed.rules(FORBID)
    for reader in (gate, Gate(LedgerReader(governed.folder))):  # and after a restart
        found = current(reader, governed)
        assert rule_ids(found) == ["everywhere"]
        assert (found.witnessed, len(found.waiting)) == (False, 1)
        assert "waits" in found.unwitnessed_because
    with House(governed.folder) as house:
        witnessed(house, lambda: governed.now)
    found = current(gate, governed)
    assert rule_ids(found) == ["everywhere", "strip"]
    assert (found.witnessed, found.waiting) == (True, ())


def test_break_glass_goes_without_witnesses_and_is_marked(governed: Governed, keeper: Keeper) -> None:
    keeper.stop()
    gate = Gate(LedgerReader(governed.folder))
    governed.put(FORBID)
    id_ = governed.break_glass({"book:regulator:PRY": sha256_of(FORBID)}, hours=1)
    found = current(gate, governed)
    assert rule_ids(found) == ["everywhere", "strip"]
    assert not found.witnessed
    assert found.unwitnessed_because.startswith(f"unwitnessed: {id_}")
    governed.wait(hours=1)
    found = current(gate, governed)
    assert (rule_ids(found), found.witnessed) == (["everywhere"], True)
