"""Keys: in files that only their owner reads, never shown; ML-DSA-44 counted only where it was checked."""

from __future__ import annotations

import builtins
import struct
from pathlib import Path

import pytest

from ledgers import LOG, ORIGIN, entries, log_files, witness_key
from openleo.ledger import checkpoint, cosignature, keys, note, policy
from openleo.ledger.faults import Malformed, NotProven, Unavailable


def test_a_key_file_is_its_owner_s_alone_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = keys.generate("example.org/new")
    keys.write_signer(path, made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.read_signer(path) == made
    with pytest.raises(Unavailable, match="never written over"):
        keys.write_signer(path, keys.generate("example.org/new"))
    assert keys.read_signer(path) == made
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(Malformed, match="chmod 600"):
            keys.read_signer(path)


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    made = keys.generate("example.org/new")
    keys.write_signer(tmp_path / "key", made)
    secret = (tmp_path / "key").read_text().strip().split("+", 4)[4]  # which may hold a + too
    (tmp_path / "bad").write_text(f"PRIVATE+KEY+example.org/new+00000000+{secret}\n")
    (tmp_path / "bad").chmod(0o600)
    with pytest.raises(Malformed) as refused:
        keys.read_signer(tmp_path / "bad")
    shown = f"{made!r} {made!s} {made} {refused.value} {refused.value!r}"
    assert secret not in shown
    assert made.seed.hex() not in shown
    assert repr(made.seed) not in shown


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b", "a\nb"])
def test_names_that_no_key_can_have(name: str) -> None:
    with pytest.raises(Malformed):
        keys.generate(name)


# --- ML-DSA-44 ------------------------------------------------------------------------------------------------------

mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa", reason="no ML-DSA in this cryptography")


def ml_dsa(name: str) -> tuple[object, keys.VerifierKey]:
    private = mldsa.MLDSA44PrivateKey.generate()
    return private, keys.VerifierKey(name, keys.ML_DSA_44, private.public_key().public_bytes_raw())


def ml_dsa_line(private: object, key: keys.VerifierKey, made: checkpoint.Checkpoint, time_s: int) -> note.Signature:
    """As tlog-cosignature's `cosigned_message` is written down, here once more."""
    message = b"subtree/v1\n\0" + bytes([len(key.name)]) + key.name.encode() + struct.pack(">Q", time_s)
    message += bytes([len(made.origin)]) + made.origin.encode() + struct.pack(">QQ", 0, made.size) + made.root
    value = struct.pack(">Q", time_s) + private.sign(message)  # type: ignore[attr-defined]
    return note.Signature(key.name, key.id, value)


@pytest.fixture
def signed() -> note.Note:
    return note.parse(log_files(entries(10))["checkpoint"])


def test_ml_dsa_cosignatures_are_checked(signed: note.Note) -> None:
    made = checkpoint.parse_body(signed.text)
    private, key = ml_dsa("example.org/pq")
    assert keys.parse_verifier(str(key)) == key
    text = f"log {LOG.verifier}\nwitness w {key}\nquorum w\n"
    trust = policy.parse(text.encode())
    good = signed.with_signatures([ml_dsa_line(private, key, made, 77)])
    (seal,) = policy.judge(trust, note.parse(good.encode())).witnesses
    assert (seal.key, seal.time_s) == (key, 77)
    for size, time_s in ((11, 77), (10, 78)):
        line = ml_dsa_line(private, key, checkpoint.Checkpoint(ORIGIN, size, made.root), time_s)
        value = struct.pack(">Q", 77) + line.value[8:]
        with pytest.raises(NotProven, match="does not hold"):
            policy.judge(trust, signed.with_signatures([note.Signature(key.name, key.id, value)]))


def test_a_log_may_sign_with_ml_dsa_too(signed: note.Note) -> None:
    made = checkpoint.parse_body(signed.text)
    private, key = ml_dsa(ORIGIN)
    trust = policy.parse(f"log {key}\nquorum none\n".encode())
    assert policy.judge(trust, signed.with_signatures([ml_dsa_line(private, key, made, 0)])).log == key
    with pytest.raises(NotProven, match="not signed by a log"):
        policy.judge(trust, signed)


def test_what_cannot_be_checked_counts_for_nothing_and_is_said(
    signed: note.Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checkpoint.parse_body(signed.text)
    private, key = ml_dsa("example.org/pq")
    text = f"log {LOG.verifier}\nwitness w {key}\nwitness v {witness_key(1).verifier}\n"
    both = signed.with_signatures([ml_dsa_line(private, key, made, 7), cosignature.cosign(made, witness_key(1), 7)])
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.endswith("mldsa"):
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    opened = policy.judge(policy.parse(f"{text}quorum v\n".encode()), both)
    assert [seal.key for seal in opened.witnesses] == [witness_key(1).verifier]
    assert opened.unchecked == (key,)
    with pytest.raises(NotProven, match="quorum"):
        policy.judge(policy.parse(f"{text}quorum w\n".encode()), both)
    with pytest.raises(NotProven, match="quorum"):
        policy.judge(policy.parse(f"{text}group g all v w\nquorum g\n".encode()), both)
