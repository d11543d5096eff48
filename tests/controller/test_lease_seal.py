"""The controller's signature on leases: anybody can verify it, an altered lease has none, and the key stays its own."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from running import Running
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import DatabaseError

import leasing
from openleo.controller import device_identity, key_files, lease_seal, leases, tables
from openleo.controller.database import reading, writing
from openleo.controller.lease_place import Places
from openleo.controller.leases import Lease, Terms
from openleo.errors import InputError

SHORT = {"lease": "0" * 32, "cells": ["844b"], "slots": [1, 5], "pop": "Taipei", "down_mbps": 50.0, "up_mbps": None}


def given(folder: Path) -> dict[str, Any]:
    """A lease as it is answered, without a signature."""
    asking, terminal = leasing.asking(), leasing.terminal()
    in_force = leasing.InForce(leasing.rules(folder))
    placed = Places(leasing.RESOLUTION).at(leases.circles(asking.form), in_force.rules.regions)
    asked = leases.request(asking.form, terminal, placed, leasing.NOW_S)
    found = leases.decide(asked, terminal, placed, in_force, leasing.offers(), Terms(4), leasing.NOW_S)
    assert isinstance(found, Lease)
    return found.as_json("0" * 32)


def verify(lease: dict[str, Any], said: bytes) -> None:
    """By the library alone. Raises InvalidSignature."""
    key = Ed25519PublicKey.from_public_bytes(leasing.SEAL.public_key)
    key.verify(base64.b64decode(lease["signature"]), b"openleo-lease-given@v1\n" + said)


def test_a_signature_against_the_library_and_bytes_made_by_hand() -> None:
    """RFC 8785 by hand: names in order, no blanks, 50.0 is 50, null stays."""
    key = hashlib.sha256(leasing.SEAL.public_key).hexdigest()[:16]
    by_hand = (
        f'{{"cells":["844b"],"down_mbps":50,"lease":"{"0" * 32}","pop":"Taipei",'
        f'"signed_by":"{key}","slots":[1,5],"up_mbps":null}}'
    ).encode()
    sealed = leasing.SEAL.sealed(SHORT)
    assert sealed.keys() - SHORT.keys() == {"signed_by", "signature"}
    verify(sealed, by_hand)
    with pytest.raises(InvalidSignature):
        verify(sealed, by_hand.replace(b"50", b"51"))


def test_a_whole_lease_as_it_is_sent_verifies_by_rfc_8785(tmp_path: Path) -> None:
    sent = json.loads(json.dumps(leasing.SEAL.sealed(given(tmp_path))))
    verify(sent, rfc8785.dumps({name: value for name, value in sent.items() if name != "signature"}))
    assert lease_seal.holds(sent, leasing.SEAL.public_key)


ALTERED: dict[str, dict[str, Any]] = {
    "longer": {"slots": [1, 6]},
    "elsewhere": {"cells": ["844c"]},
    "more": {"more": None},
    "another key's": {"signed_by": "0" * 16},
    "cut off": {"signature": "AAAA"},
    "no text": {"signature": None},
    "of no canonical form": {"pop": float("inf")},
}


@pytest.mark.parametrize("changes", ALTERED.values(), ids=ALTERED)
def test_an_altered_lease_does_not_verify(changes: dict[str, Any]) -> None:
    sealed = leasing.SEAL.sealed(SHORT)
    assert lease_seal.holds(sealed, leasing.SEAL.public_key)
    assert not lease_seal.holds(sealed | changes, leasing.SEAL.public_key)
    assert not lease_seal.holds(sealed, leasing.key(2).public_key().public_bytes_raw())


def test_a_lease_is_no_request_of_a_terminal_that_has_the_same_key() -> None:
    signature = device_identity.sign(leasing.key(1_000_000), device_identity.LEASE, SHORT | {"signed_by": "x"})
    assert not lease_seal.holds(SHORT | {"signed_by": "x", "signature": signature}, leasing.SEAL.public_key)


# --- the key in the data folder ---------------------------------------------------------------------------------


def test_the_key_is_made_once_and_kept_over_starts(tmp_path: Path) -> None:
    first = lease_seal.opened(tmp_path)
    assert stat.S_IMODE((tmp_path / "lease.key").stat().st_mode) == 0o600
    assert lease_seal.opened(tmp_path).id == first.id
    assert [path.name for path in tmp_path.iterdir()] == ["lease.key"]
    held = serialization.load_pem_private_key((tmp_path / "lease.key").read_bytes(), None)
    assert isinstance(held, Ed25519PrivateKey)
    assert held.public_key().public_bytes_raw() == first.public_key


def test_of_many_that_start_at_once_in_one_folder_all_have_one_key(tmp_path: Path) -> None:
    found: list[str] = []
    starts = [threading.Thread(target=lambda: found.append(lease_seal.opened(tmp_path).id)) for _ in range(8)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()
    assert (len(found), len(set(found))) == (8, 1)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    lease_seal.opened(tmp_path)
    (tmp_path / "lease.key").chmod(mode)
    with pytest.raises(InputError) as caught:
        lease_seal.opened(tmp_path)
    assert f"lease.key: can be read by others. Try: chmod go= {tmp_path / 'lease.key'}" in str(caught.value)


def test_what_is_no_key_is_refused_and_left(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1()).private_bytes(*key_files.PLAIN)
    for content in (b"", other):
        path = tmp_path / "lease.key"
        path.touch(0o600)
        path.write_bytes(content)
        with pytest.raises(InputError, match="is no Ed25519 key"):
            lease_seal.opened(tmp_path)
        assert path.read_bytes() == content


# --- the keys in the database -----------------------------------------------------------------------------------


def test_each_controllers_key_is_in_the_database_once_and_stays(engine: Engine) -> None:
    other = lease_seal.Seal(leasing.key(1_000_001))
    for at_s, seal in ((1.0, leasing.SEAL), (2.0, other), (3.0, leasing.SEAL)):
        lease_seal.publish(engine, seal, at_s)
    with reading(engine) as connection:
        rows = connection.execute(select(tables.lease_keys.c.id, tables.lease_keys.c.at)).all()
    assert sorted(map(tuple, rows)) == sorted([(leasing.SEAL.id, 1.0), (other.id, 2.0)])
    assert lease_seal.public_key(engine, other.id) == other.public_key
    assert lease_seal.public_key(engine, "0" * 16) is None
    with pytest.raises(DatabaseError, match="only added to"), writing(engine) as connection:
        connection.execute(delete(tables.lease_keys))


def test_a_controller_tells_its_key_when_it_starts_and_a_new_one_beside_the_old(tmp_path: Path) -> None:
    def starts() -> tuple[str, set[str]]:
        held = Running.on(tmp_path).runtime
        try:
            with reading(held.engine) as connection:
                return held.seal.id, set(connection.execute(select(tables.lease_keys.c.id)).scalars())
        finally:
            held.close()

    first, told = starts()
    assert told == {first}
    assert starts() == (first, {first})
    (tmp_path / "lease.key").unlink()
    second, told = starts()
    assert told == {first, second}
    assert first != second
    (tmp_path / "lease.key").chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        starts()
