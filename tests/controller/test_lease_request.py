"""The form of a request for a lease, and who signed it."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import leasing
from openleo.controller import device_identity, lease_request
from openleo.controller.lease_request import Malformed


def test_signature_against_rfc_8032_test_3() -> None:
    """§7.1: the key, the message and the signature are the standard's own."""
    secret = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    stated = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(b"\xaf\x82") == stated
    assert device_identity.signed_by(public, stated, b"\xaf\x82")
    assert not device_identity.signed_by(public, stated, b"\xaf\x83")
    assert not device_identity.signed_by(b"\xff" * 32, stated, b"\xaf\x82")  # no key at all


def test_a_request_that_openssl_signed_is_a_terminals(tmp_path: Any) -> None:
    """What is signed can be written by anybody: the domain, a line feed, and RFC 8785 bytes."""
    said = leasing.said(altitude_m=12.5)
    (tmp_path / "message").write_bytes(b"openleo-lease@v1\n" + rfc8785.dumps(said))
    private = leasing.key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(private)
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "message", "-out", "signature"]
    subprocess.run(command, cwd=tmp_path, check=True)
    signature = base64.b64encode((tmp_path / "signature").read_bytes()).decode()
    asking = lease_request.read(json.dumps(said | {"signature": signature}).encode())
    assert asking.signed_by(leasing.terminal().public_key)
    assert not asking.signed_by(leasing.terminal(2).public_key)


def test_the_order_of_keys_and_the_form_of_numbers_are_not_signed() -> None:
    said = leasing.signed(leasing.said(speed_kmh=12.0))
    text = json.dumps(dict(reversed(said.items())), indent=3).replace("12.0", "1.2e1")
    assert lease_request.read(text.encode()).signed_by(leasing.terminal().public_key)


@pytest.mark.parametrize(
    "changed", [{"speed_kmh": 1.0}, {"nonce": "m" * 22}, {"terminal": "t-2"}, {"altitude_m": None}]
)
def test_whatever_is_changed_the_signature_no_longer_holds(changed: dict[str, Any]) -> None:
    said = leasing.signed(leasing.said()) | changed
    assert not lease_request.read(json.dumps(said).encode()).signed_by(leasing.terminal().public_key)


def test_a_signature_of_another_kind_of_request_is_none() -> None:
    said = leasing.said()
    other = said | {"signature": device_identity.sign(leasing.key(), device_identity.RELEASE, said)}
    assert not lease_request.read(json.dumps(other).encode()).signed_by(leasing.terminal().public_key)


FAULTS = {
    "no position's radius beyond the Earth": {"position": {"uncertainty_m": 1e9}},
    "no latitude beyond a pole": {"position": {"lat_deg": 90.1}},
    "no key that nobody knows": {"class": "government"},
    "no group of its own choice": {"groups": ["police"]},
    "no speed below zero": {"speed_kmh": -1.0},
    "no word for a number": {"speed_kmh": "0"},
    "no truth for a number": {"speed_kmh": True},
    "no instant without its zone": {"at": "2026-11-22T00:00:00"},
    "no nonce that is short": {"nonce": "a"},
    "no name of a path": {"terminal": "../etc/passwd"},
    "no quote in a name": {"terminal": "t' or 1=1"},
    "no source that nobody knows": {"position": {"source": "guessed"}},
    "what gateways measure": {"ranging": []},
    "a session of one letter": {"session": "s"},
}


@pytest.mark.parametrize("changes", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_place(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        leasing.asking(**changes)
    place = next(iter(changes))
    assert caught.value.faults[0][0].partition(".")[0] == place


BODIES = {
    "not JSON": b"{",
    "no object": b"[]",
    "a key twice": b'{"nonce": "a", "nonce": "b"}',
    "no number of JSON": b'{"speed_kmh": NaN}',
    "deep": b'{"position":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "deep, and never closed": b"[" * 8000,
    "not UTF-8": b'{"terminal": "\xff"}',
    "long": b" " * 8193,
    "half a character": b'{"terminal": "\\ud800"}',
    "a number beyond all": b'{"speed_kmh": 1e999}',
    "digits without end": b'{"speed_kmh": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        lease_request.read(body)


@pytest.mark.parametrize(
    "changed", [{"position": {"far": 1e999}}, {"position": {"\ud800": 1}}, {"position": {"far": 2**70}}]
)
def test_what_has_no_canonical_form_is_refused(changed: dict[str, Any]) -> None:
    text = json.dumps(leasing.said() | {"signature": "A" * 86 + "=="} | changed).replace("Infinity", "1e999")
    with pytest.raises(Malformed):
        lease_request.read(text.encode())


@pytest.mark.parametrize("text", ["", "A" * 86, "A" * 85 + "B==", "A" * 84 + "????", "A" * 44])
def test_a_signature_has_one_text(text: str) -> None:
    with pytest.raises(Malformed):
        lease_request.read(json.dumps(leasing.said() | {"signature": text}).encode())


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NEAR = st.sampled_from([0.0, -0.0, 1e-4, 9.9e-5, 1e15, 1e16, 1e21, 123456789.125, 5e-324, 0.1, 2.0**53, 1.0, -1.5])


@given(st.dictionaries(st.text(max_size=5), VALUES | NEAR, max_size=6))
def test_the_quick_form_is_that_of_rfc_8785(document: dict[str, Any]) -> None:
    try:
        expected = rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(device_identity.Unsigned):
            device_identity.message(b"", document)
        return
    assert device_identity.message(b"", document) == expected
