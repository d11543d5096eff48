"""Commitments against openssl's HMAC, and what they keep apart."""

from __future__ import annotations

import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.governance.commitments import commitment, opens

KEY = bytes(range(32))
keys, texts = st.binary(min_size=32, max_size=32), st.text()


def test_a_commitment_against_openssl():
    parts = (b"openleo-commitment@v1", b"account", "Ångström 7".encode())
    said = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{KEY.hex()}"]
    told = subprocess.run(command, input=said, capture_output=True, check=True).stdout.decode().split()[-1]
    assert commitment(KEY, "account", "Ångström 7") == f"hmac-sha256:{told}"


@settings(deadline=None)
@given(keys, keys, texts, texts, st.sampled_from(["account", "terminal"]))
def test_it_opens_with_its_key_and_text_alone(key, other_key, text, other, kind):
    made = commitment(key, kind, text)
    assert opens(made, key, kind, text)
    assert opens(made, other_key, kind, text) == (key == other_key)
    assert opens(made, key, kind, other) == (text == other)
    assert not opens(made, key, kind + "s", text)
    assert not opens(made[:-1], key, kind, text)


def test_kind_and_text_do_not_run_together():
    assert commitment(KEY, "a", "bc") != commitment(KEY, "ab", "c")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="has 32 bytes"):
        commitment(bytes(length), "account", "a")


def test_text_beside_ascii_opens_nothing():
    assert not opens("hmac-sha256:ü", KEY, "account", "a")
