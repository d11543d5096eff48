"""The log's key is replaced by an approved change: durable in one step, whole after a kill, followed by an auditor."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from test_activate import ORIGIN
from world_made import OPERATORS, START, TWN, A, World

from openleo.governance import auditing, log_keys
from openleo.governance.activate import Activation, activate
from openleo.governance.drafting import freezing, plain_effect
from openleo.governance.entries import Proposed, entry, from_bytes
from openleo.governance.house import Folder, House, NotInOrder, found, policy_of
from openleo.governance.moves import LOG_KEY, Move
from openleo.governance.replay import audit
from openleo.governance.state import Refused, Status
from openleo.ledger import export, keys, tiles
from openleo.ledger import proof as proofs
from openleo.ledger.faults import LedgerError, NotProven
from openleo.ledger.policy import of_log, open_checkpoint
from openleo.ledger.store import POINTS

EVERY_POINT = ("gate passed", "entries checked", *POINTS, "entries durable", "log key replaced", "activation witnessed")
DURABLE = "append: committed"


@pytest.fixture
def ready(tmp_path: Path) -> Folder:
    """A data folder whose next log key two parties approved."""
    folder = Folder(tmp_path / "data")
    folder.path.mkdir()
    signer = keys.generate(ORIGIN)
    keys.write_signer(folder.key, signer)
    world = World.founded(log_vkey=str(signer.verifier))
    found(folder, signer, from_bytes(world.entries[0]))
    with House(folder) as house:
        successor, _ = log_keys.make_next(folder.key, ORIGIN)
        move = Move(target=LOG_KEY, base=str(signer.verifier), new=str(successor.verifier))
        effect = plain_effect(house.state, [move])
        house.artefacts.put_json(effect)
        world.append(world.proposal("c-1", move, kind="log_key"))
        world.append(freezing("c-1", effect))
        world.approve("c-1", OPERATORS[1], TWN[0])
        house.append([from_bytes(data) for data in world.entries[1:]])
        assert house.state.status("c-1", START) is Status.READY
    return folder


def go(house: House) -> Activation:
    return activate(house, "c-1", START, lambda change: house.artefacts.get_json(change.effect.effect))  # type: ignore[union-attr]


def key_files(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.path.glob("log.key*") if not path.name.endswith(".signed"))


def test_the_new_key_waits_readable_by_its_owner_alone(ready: Folder) -> None:
    (waiting,) = set(key_files(ready)) - {"log.key"}
    assert stat.S_IMODE((ready.path / waiting).stat().st_mode) == 0o600


def test_the_log_signs_with_the_new_key_from_its_activation_on(ready: Folder) -> None:
    old = keys.read_signer(ready.key).verifier
    with House(ready) as house:
        made = go(house)
        new = house.ledger.key
        assert str(new) == house.state.log_vkey != str(old)
        for key in (old, new):  # whoever pinned the old key sees that it handed over
            assert proofs.check(made.proof, of_log(key)).index == made.index
        types = [from_bytes(data).type for _, data in house.ledger.entries(made.index)]
        assert types == ["change.activated", "log_key.rotated"]
        house.append([entry(START, World.founded().proposal("c-2"))])
        signed = house.ledger.signed()
        assert signed is not None
        open_checkpoint(of_log(new), signed.encode())
        with pytest.raises(NotProven):
            open_checkpoint(of_log(old), signed.encode())
    assert key_files(ready) == ["log.key"]
    assert keys.read_signer(ready.key).verifier == new
    with House(ready) as again:
        again.ledger.checkpoint(again.signer)


def test_a_published_ledger_is_followed_across_the_rotation(ready: Folder, tmp_path: Path) -> None:
    public = tmp_path / "public"
    with House(ready) as house:
        export.export(house.ledger.fetch, house.ledger.key, public)
        go(house)
        for _ in range(2):  # on top of what the old key signed; on top of what the new one did
            export.export(house.ledger.fetch, house.ledger.key, public, earlier_keys=house.ledger.earlier_keys)
            house.append([entry(START, World.founded().proposal(f"c-{house.state.size}"))])
        export.export(house.ledger.fetch, house.ledger.key, public)
        current = house.ledger.key
    assert (public / "vkey").read_text().strip() == str(current)

    def fetch(path: str) -> bytes:
        return (public / path).read_bytes()

    shown, _ = open_checkpoint(of_log(current), fetch("checkpoint"))
    whole = tiles.check_log(fetch, shown.checkpoint.size, shown.checkpoint.root)
    state, findings = audit(data for some in whole for data in some)
    assert not findings
    open_checkpoint(policy_of(state), fetch("checkpoint"))


def test_a_folder_that_shows_another_history_under_the_old_key_is_refused(ready: Folder, tmp_path: Path) -> None:
    public = tmp_path / "public"
    with House(ready) as house:
        export.export(house.ledger.fetch, house.ledger.key, public)
        old = house.signer
        go(house)
        from openleo.ledger.checkpoint import Checkpoint, sign

        forked = sign(Checkpoint(ORIGIN, 3, bytes(32)), old)
        (public / "checkpoint").write_bytes(forked.encode())
        with pytest.raises(NotProven, match="another history"):
            export.export(house.ledger.fetch, house.ledger.key, public, earlier_keys=house.ledger.earlier_keys)


@pytest.mark.parametrize("point", EVERY_POINT)
def test_killed_at_any_point_the_next_start_has_one_key_that_signs(ready: Folder, point: str) -> None:
    old = keys.read_signer(ready.key).verifier
    _killed(ready, point)
    with House(ready) as house:
        done = EVERY_POINT.index(point) >= EVERY_POINT.index(DURABLE)
        assert (str(old) != house.state.log_vkey) == done
        assert house.state.log_vkey == str(house.ledger.key) == str(house.signer.verifier)
        if not done:
            go(house)
        house.append([entry(START, World.founded().proposal("c-2"))])
        assert house.state.log_vkey != str(old)
    assert key_files(ready) == ["log.key"]
    with House(ready, write=False) as again:
        assert again.state.active(START)[LOG_KEY] == str(again.ledger.key)


def _killed(folder: Folder, point: str) -> None:
    child = os.fork()
    if child == 0:
        _go_and_die(folder, lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == point else None)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the point {point!r} was not reached"


def _go_and_die(folder: Folder, at: Callable[[str], None]) -> None:
    try:
        with House(folder, at=at) as house:
            go(house)
    finally:
        os._exit(0)


def test_without_its_private_key_nothing_is_activated(ready: Folder) -> None:
    (waiting,) = set(key_files(ready)) - {"log.key"}
    (ready.path / waiting).rename(ready.path / "elsewhere")
    with House(ready) as house:
        with pytest.raises(Refused, match="could sign nothing more"):
            go(house)
        assert house.state.status("c-1", START) is Status.READY
        (ready.path / "elsewhere").rename(ready.path / waiting)
        go(house)


def test_another_key_in_the_waiting_file_is_refused(ready: Folder) -> None:
    (waiting,) = set(key_files(ready)) - {"log.key"}
    (ready.path / waiting).unlink()
    keys.write_signer(ready.path / waiting, keys.generate(ORIGIN))
    with House(ready) as house, pytest.raises(Refused, match="does not hold the private key"):
        go(house)


def test_a_log_that_rotates_without_the_approved_change_is_refused(ready: Folder) -> None:
    """Somebody who can write the database and has the old key replaces it with their own."""
    thief = keys.generate(ORIGIN)
    with House(ready) as house:
        forged = entry(START, World.founded().proposal("c-2"))
        house.ledger.append([forged.to_bytes()], house.signer, thief)
        state, findings = audit(data for _, data in house.ledger.entries())
        assert not findings
        signed = house.ledger.signed()
        assert signed is not None
        assert str(open_checkpoint(policy_of(state), signed.encode())[0].log) == state.log_vkey
        house.ledger.append([entry(START, World.founded().effect("c-2")).to_bytes()], thief)
        signed = house.ledger.signed()
        assert signed is not None
        with pytest.raises(NotProven):
            open_checkpoint(policy_of(state), signed.encode())
    with pytest.raises(NotInOrder, match="no change replaced the key so"):
        House(ready)


def test_a_rotation_that_was_not_approved_is_a_finding() -> None:
    from openleo.governance.entries import LogKeyRotated

    world = World.founded()
    fact = LogKeyRotated(change="c-9", base=world.state.log_vkey, new=A)
    assert "no change c-9" in world.why(fact)
    move = Move(target=LOG_KEY, base=world.state.log_vkey, new=str(keys.generate(ORIGIN).verifier))
    world.append(world.proposal("c-9", move, kind="log_key"))
    assert "was not activated" in world.why(fact)


def proposed(new: str) -> tuple[World, Proposed]:
    world = World.founded()
    return world, world.proposal("c-1", Move(target=LOG_KEY, base=world.state.log_vkey, new=new), kind="log_key")


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (A, "cannot be the log key"),
        (str(keys.generate("ledger.example/other").verifier), "called as the ledger is"),
        (str(keys.generate(ORIGIN, keys.COSIGNATURE).verifier), "an Ed25519 key"),
    ],
    ids=["no key", "another name", "another kind"],
)
def test_what_cannot_sign_the_log_is_not_proposed(new: str, why: str) -> None:
    world, body = proposed(new)
    assert why in world.why(body)


def test_the_log_takes_no_successor_of_another_name_or_without_an_entry(ready: Folder) -> None:
    with House(ready) as house:
        for entries, successor in (
            ([b"{}"], keys.generate("other")),
            ([], keys.generate(ORIGIN)),
            ([b"{}"], house.signer),
        ):
            with pytest.raises(LedgerError):
                house.ledger.append(entries, house.signer, successor)


def test_a_rotation_that_no_entry_tells_is_found(ready: Folder) -> None:
    with House(ready) as house:
        go(house)
        assert not list(auditing.untold(house.state))
        house.state.changes["c-1"].stated.clear()
        assert "no log_key.rotated" in next(auditing.untold(house.state))
