"""Activation on a real ledger: logged before it is in force, and whole after a kill at any step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from world_made import BOOK, JPN, OPERATORS, ORIGIN, START, TWN, A, World

from openleo.governance import gate, losses
from openleo.governance.activate import POINTS, activate
from openleo.governance.entries import EffectFrozen, entry, from_bytes
from openleo.governance.house import Folder, House, NotInOrder, found
from openleo.governance.state import Refused, Status
from openleo.ledger import keys
from openleo.ledger import proof as proofs
from openleo.ledger.faults import LedgerError

EFFECT: dict[str, Any] = {
    "base": "1" * 64,
    "new": "2" * 64,
    "network": "3" * 64,
    "people": {"TWN": 1000},
    "terminals": None,
    "edges": [],
    "territories": [
        {
            "territory": "TWN",
            "class": "fixed",
            "lost": {"cells": 2, "area_km2": 10.5, "people": 100, "terminals": None},
            "gained": {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None},
            "may_lose": {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None},
            "may_gain": {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None},
        }
    ],
}


def losing(people: int) -> dict[str, Any]:
    row = EFFECT["territories"][0]
    return EFFECT | {"territories": [row | {"lost": row["lost"] | {"people": people}}]}


def approved(folder: Path) -> Folder:
    """A data folder with one change that two parties approved."""
    house_folder = Folder(folder)
    folder.mkdir(exist_ok=True)
    signer = keys.generate(ORIGIN)
    keys.write_signer(house_folder.key, signer)
    world = World.founded(log_vkey=str(signer.verifier))
    found(house_folder, signer, from_bytes(world.entries[0]))
    with House(house_folder) as house:
        world.append(world.proposal())
        sha256 = house.artefacts.put_json(EFFECT)
        frozen = EffectFrozen(
            change="c-1",
            effect=sha256,
            network=EFFECT["network"],
            touched=losses.touched(EFFECT),
            named=(),
            ends=losses.ends(EFFECT),
        )
        world.append(frozen)
        world.approve("c-1", OPERATORS[1], OPERATORS[2], TWN[0], JPN[0])
        house.append([from_bytes(data) for data in world.entries[1:]])
        assert house.state.status("c-1", START) is Status.READY
    return house_folder


@pytest.fixture
def ready(tmp_path: Path) -> Folder:
    return approved(tmp_path / "data")


def test_what_is_active_was_logged_and_is_proven(ready: Folder) -> None:
    with House(ready) as house:
        made = activate(house, "c-1", START, lambda _: EFFECT)
        assert house.state.active(START)[BOOK] == A
        proven = proofs.check(made.proof, house.policy)
        assert from_bytes(made.proof.extra or b"").type == "change.activated"
        assert proven.index == made.index
        assert "rewrite history" in made.warnings[0]
    with House(ready, write=False) as again:
        assert again.state.active(START)[BOOK] == A


def test_an_effect_that_takes_more_than_was_signed_is_refused(ready: Folder) -> None:
    with House(ready) as house:
        activate_with(house, losing(103), "103 people lost, 100 signed")
        assert house.state.size == 7
        activate(house, "c-1", START, lambda _: losing(102))  # 1 % and the rounding of a person


def activate_with(house: House, effect: Mapping[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        activate(house, "c-1", START, lambda _: effect)


def test_an_effect_file_that_was_swapped_is_refused(ready: Folder) -> None:
    with House(ready, write=False) as house:
        change = house.state.change("c-1")
        assert change.effect is not None
        with pytest.raises(Refused, match="not the effect that stands on the ledger"):
            gate.check_frozen(change, losing(1))
        path = house.artefacts.path(change.effect.effect)
    path.write_bytes(path.read_bytes().replace(b"100", b"001"))
    with House(ready) as house:
        activate_with(house, EFFECT, "was altered")


def test_a_ledger_whose_summary_lies_about_the_effect_activates_nothing(tmp_path: Path) -> None:
    with House(approved(tmp_path / "data"), write=False) as house:
        change = house.state.change("c-1")
        assert change.effect is not None
        change.effect = change.effect.model_copy(update={"touched": ()})
        with pytest.raises(Refused, match="sums the effect up otherwise"):
            gate.check_frozen(change, EFFECT)


def test_an_entry_altered_in_the_database_stops_the_start(ready: Folder) -> None:
    import sqlite3

    database = sqlite3.connect(ready.ledger)
    body = database.execute("select body from ledger_entry where number = 3").fetchone()[0]
    database.execute("update ledger_entry set body = ? where number = 3", (bytes(body).replace(b"a", b"b", 1),))
    database.commit()
    database.close()
    with pytest.raises(LedgerError, match="3"):
        House(ready)


def test_entries_that_should_not_follow_stop_the_start(ready: Folder) -> None:
    with House(ready) as house:
        forged = entry(START, World.founded().activated("c-9"))
        house.ledger.append([forged.to_bytes()], house.signer)
    with pytest.raises(NotInOrder, match="entry 7: no change c-9"):
        House(ready)


def test_a_second_writer_is_refused(ready: Folder) -> None:
    with House(ready), pytest.raises(LedgerError):
        House(ready)


# --- kills ----------------------------------------------------------------------------------------------------------


def killed_at(folder: Folder, point: str) -> None:
    """Activate in a process that is killed without warning at a point; fails where it never came there."""
    child = os.fork()
    if child == 0:
        _activate_and_die(folder, lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == point else None)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the point {point!r} was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _activate_and_die(folder: Folder, at: Callable[[str], None]) -> None:
    try:
        with House(folder, at=at) as house:
            activate(house, "c-1", START, lambda _: EFFECT)
    finally:
        os._exit(0)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_nothing_is_lost_doubled_or_in_force_unlogged(ready: Folder, point: str) -> None:
    killed_at(ready, point)
    with House(ready) as house:
        types = [from_bytes(data).type for _, data in house.ledger.entries()]
        assert types[:7] == ["genesis", "change.proposed", "change.effect", *["change.approval"] * 4]
        logged = types[7:] == ["change.activated"]
        assert types[7:] in ([], ["change.activated"])
        assert (house.state.active(START).get(BOOK) == A) == logged
        committed = POINTS.index(point) >= POINTS.index("append: committed")
        assert logged == committed
        if not logged:
            activate(house, "c-1", START, lambda _: EFFECT)
            assert house.state.active(START)[BOOK] == A
        else:
            with pytest.raises(Refused, match="in force"):
                activate(house, "c-1", START, lambda _: EFFECT)
