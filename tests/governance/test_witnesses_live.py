"""Witnesses on this machine, asked over HTTP: the log's key is rotated, and witnesses that are gone are replaced."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from office import REQUEST, Office
from test_witnesses_gone import witnessed_by
from world_made import ORIGIN, RECOVERY

from command_line import openleo
from openleo.cli import change_common
from openleo.governance.house import Folder, House
from openleo.ledger import checkpoint, keys, policy, serve, witness_client, witness_server
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.faults import NotProven
from openleo.ledger.keys import Signer, VerifierKey
from openleo.ledger.note import Note
from openleo.ledger.witness_memory import Witness


class Keeper:
    """Who runs a witness; it is stopped to be told of another key of the log, as the verb is."""

    def __init__(self, folder: Path, name: str):
        self.signer: Signer = keys.generate(name, keys.COSIGNATURE)
        self.memory, self.ahead_s = folder / f"{name}.sqlite", 0.0
        self.port, self.stack = 0, ExitStack()

    def start(self, *logs: VerifierKey) -> str:
        """Serve with these keys of the log known, at the address of before."""
        self.stop()
        kept = Witness(self.memory, self.signer, {ORIGIN: list(logs)}, lambda: time.time() + self.ahead_s)
        self.stack.callback(kept.close)
        server = witness_server.serving(kept, port=self.port)
        self.stack.enter_context(serve.Running(server))
        self.port = server.server_address[1]
        return server.url

    def stop(self) -> None:
        self.stack.close()

    def policy(self, url: str) -> str:
        return f"witness w {self.signer.verifier} {url}\nquorum w\n"


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path, "w1.example")
    yield made
    made.stop()


@pytest.fixture
def office(tmp_path: Path, keeper: Keeper) -> Office:
    """Founded with a witness that knows its log."""
    url = keeper.start()
    office = Office.founded(tmp_path, witnessed_by(keeper.policy(url)))
    keeper.start(log_key(office))
    return office


def log_key(office: Office) -> VerifierKey:
    with House(Folder(office.ledger), write=False) as house:
        return house.ledger.key


def rotate(office: Office, name: str, code: int = 0) -> str:
    office.propose("propose-log-key", name, of="officer")
    office.sign(name)
    return office.activate(name, code=code)


def publish(office: Office) -> Path:
    public = office.path / "public"
    code, out, err = openleo("ledger", "export", office.ledger, public)
    assert code == 0, out + err
    return public


@pytest.fixture
def public(office: Office) -> Iterator[str]:
    """The address where the ledger is published."""
    folder = publish(office)
    with serve.Running(serve.serving(lambda path: (folder / path).read_bytes())) as server:
        yield server.url


def watched(office: Office, public: str, key: VerifierKey, code: int = 0) -> str:
    found, out, err = openleo("ledger", "watch", public, "--state", office.path / "seen", "--vkey", str(key), "--once")
    assert found == code, out + err
    return out + err


def followed(office: Office, public: str, key: VerifierKey) -> None:
    """Everybody's look at what is published: the follower, the verifier, the auditor; witnessed throughout."""
    publish(office)
    size = len(office.entries(0))
    assert f"{size} entries" in watched(office, public, key)
    for verb in (("ledger", "verify", public, "--vkey", str(key)), ("change", "audit", public)):
        code, out, err = openleo(*verb)
        assert code == 0, out + err
        assert f"{size} entries" in out
    assert "Witnessed by w1.example" in err


def test_what_is_logged_is_shown_to_the_witnesses_at_once(office: Office, public: str) -> None:
    office.propose("propose-log-key", "rotation", of="officer")
    followed(office, public, log_key(office))
    office.sign("rotation")
    followed(office, public, log_key(office))


def test_everybody_follows_a_rotation_of_the_log_key(office: Office, keeper: Keeper, public: str) -> None:
    """The keeper knows both keys while it lasts, and then the new one alone."""
    old = log_key(office)
    watched(office, public, old)
    office.propose("propose-log-key", "rotation", of="officer")
    office.sign("rotation")
    followed(office, public, old)
    new = keys.parse_verifier(office.entries()[0]["body"]["moves"][0]["new"])
    keeper.start(old, new)
    office.activate("rotation")
    assert log_key(office) == new
    followed(office, public, old)  # both signatures are under the checkpoint of the activation
    followed(office, public, new)
    office.propose("propose-log-key", "again", of="officer")
    followed(office, public, new)
    keeper.start(new)
    office.sign("again")
    office.activate("again")
    followed(office, public, log_key(office))
    keeper.stop()
    seen = Witness(keeper.memory, keeper.signer, {ORIGIN: [new]}, time.time)
    assert not seen.forks()
    seen.close()


def test_a_follower_who_looks_after_the_rotation_goes_on_with_the_new_key(
    office: Office, keeper: Keeper, public: str
) -> None:
    old = log_key(office)
    watched(office, public, old)
    rotate(office, "rotation")
    new = log_key(office)
    keeper.start(old, new)
    office.propose("propose-log-key", "again", of="officer")
    publish(office)
    said = watched(office, public, old, code=3)
    assert f"trusted: {ORIGIN}+{old.id.hex()}" in said
    assert "9 entries, 8 new" in watched(office, public, new)


def test_a_follower_still_sees_a_fork_across_the_rotation(office: Office, keeper: Keeper, public: str) -> None:
    old = log_key(office)
    office.propose("propose-log-key", "rotation", of="officer")
    publish(office)
    watched(office, public, old)
    office.sign("rotation")
    office.activate("rotation")
    seen = office.path / "seen" / "checkpoint"
    kept = checkpoint.parse_body(note_of(seen).text)
    with House(Folder(office.ledger), write=False) as house:
        new = house.ledger.key
    signer = keys.generate(ORIGIN)
    forked = checkpoint.sign(replace(kept, root=bytes(32)), signer)  # as the old key might have signed
    seen.write_bytes(forked.encode())
    publish(office)
    assert "do not begin with the 3" in watched(office, public, new, code=3)


def test_a_witness_that_was_not_told_of_the_new_key_holds_changes_up(office: Office, keeper: Keeper) -> None:
    rotate(office, "rotation")  # under its checkpoint stands the old key's signature too
    office.propose("propose-log-key", "again", of="officer")
    office.sign("again")
    assert "witness w: it refuses (403): no key of the log has signed" in office.activate("again", code=3)
    keeper.start(log_key(office))
    office.activate("again")


def test_the_verb_takes_both_keys_of_a_log(tmp_path: Path) -> None:
    old, new = keys.generate(ORIGIN), keys.generate(ORIGIN)
    made = [checkpoint.sign(Checkpoint(ORIGIN, 1, bytes(32)), signer) for signer in (old, new)]
    for known, statuses in (((old,), (True, False)), ((old, new), (True, True)), ((new,), (False, True))):
        words = [word for signer in known for word in ("--log", str(signer.verifier))]
        command = (sys.executable, "-m", "openleo", "ledger", "witness", tmp_path / "w", "--name", "w.example", *words)
        with subprocess.Popen((*command, "--port", "0"), stdout=subprocess.PIPE, text=True) as running:
            try:
                assert running.stdout is not None
                vkey, url = running.stdout.readline().split()
                mine = policy.Witness("w", keys.parse_verifier(vkey), url)
                assert tuple(_cosigns(mine, note) for note in made) == statuses
            finally:
                running.terminate()


def _cosigns(mine: policy.Witness, note: Note) -> bool:
    try:
        return bool(witness_client.ask(mine, note, lambda old, new: [], time.time))
    except NotProven as error:
        assert "no key of the log has signed" in str(error)  # noqa: PT017 - any other refusal is a fault
        return False


def test_whoever_has_the_old_key_moves_no_witness_on(office: Office, keeper: Keeper, tmp_path: Path) -> None:
    """Else a thief could have a witness cosign what comes after the rotation, and the log be refused for good."""
    thief = keys.read_signer(office.ledger / "log.key")
    rotate(office, "rotation")
    keeper.start(log_key(office))
    with House(Folder(office.ledger), write=False) as house:
        signed = house.ledger.signed()
        assert signed is not None
        last = checkpoint.parse_body(signed.text)
        (mine,) = house.policy.witnesses
        longer = checkpoint.sign(replace(last, size=last.size + 1, root=bytes(32)), thief)
        with pytest.raises(NotProven, match="no key of the log has signed"):
            witness_client.ask(mine, longer, house.ledger.prove_consistency, time.time)


def note_of(path: Path) -> Note:
    return checkpoint.parse(path.read_bytes())[1]


# --- gone for good --------------------------------------------------------------------------------------------------


def test_witnesses_that_are_gone_are_replaced(office: Office, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.stop()
    other = Keeper(office.path, "w2.example")
    url = other.start(log_key(office))
    with House(Folder(office.ledger), write=False) as house:
        people = house.state.people
    new = office.path / "roster.json"
    new.write_text(json.dumps(people.document | {"witnesses": other.policy(url)}))
    words = (new, *REQUEST, "--recovery", "--out", office.path / "recovery")
    assert "not witnessed yet" in openleo("officer", "propose", *words, "--ledger", office.ledger)[2]
    numbers = {key.fingerprint: n for n, key in enumerate(people.recovery.keys, start=1)}
    for one in RECOVERY[:2]:
        signature = office.path / "one.sig"
        signature.write_text(one.sign((office.path / "recovery" / "to-sign.json").read_bytes()))
        name = f"recovery-{numbers[one.fingerprint]}"
        office.change("approve", office.path / "recovery", "--officer", name, "--signature", signature)
    assert "without them it may go from 20" in office.activate("recovery", code=3)
    later(monkeypatch, other, days=7, minutes=1)
    found, out, err = openleo("change", "activate", office.path / "recovery", "--ledger", office.ledger)
    assert (found, "is in force: entry 5" in out) == (0, True), out + err
    assert "unwitnessed, and marked so for ever" in err
    assert "unwitnessed: it took effect (entry 5)" in office.change("show", office.path / "recovery")
    audited = office.audit()
    assert audited["ok"]
    assert len(audited["unwitnessed"]) == 1
    policy = office.path / "policy"
    policy.write_text(f"log {log_key(office)}\n{other.policy(url)}")
    proof = openleo("change", "verify", office.path / "recovery", "--policy", policy)
    assert proof[0] == 0
    assert "unwitnessed: no witness had seen it when it took effect" in proof[1]
    office.propose("propose-log-key", "rotation", of="officer")
    other.stop()
    office.sign("rotation")
    assert 'the quorum "w" is not met' in office.activate("rotation", code=3)
    other.start(log_key(office))
    office.activate("rotation")
    assert office.audit()["unwitnessed"] == audited["unwitnessed"]
    other.stop()


def later(monkeypatch: pytest.MonkeyPatch, keeper: Keeper, **time_: float) -> None:
    """Everybody's clock goes on."""
    passed = timedelta(**time_)
    keeper.ahead_s = passed.total_seconds()
    clock = change_common.clock
    for name, module in list(sys.modules.items()):
        if name.startswith("openleo.cli.") and getattr(module, "clock", None) is clock:
            monkeypatch.setattr(module, "clock", lambda: clock() + passed)
