"""Parsers of what strangers send: whatever comes, an answer or a refusal; and nothing altered is accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledgers import LOG, ORIGIN, entries, log_files, reader, witness_key
from openleo.ledger import checkpoint, cosignature, keys, merkle, note, policy, proof, tiles, witness
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.faults import LedgerError, Malformed, NotProven

BODIES = entries(300)
LEAVES = merkle.leaf_hashes(BODIES)
SIGNED = note.parse(log_files(BODIES)["checkpoint"])
MADE = checkpoint.parse_body(SIGNED.text)
WITNESSED = SIGNED.with_signatures(cosignature.cosign(MADE, witness_key(n), 1_700_000_000 + n) for n in (1, 2))
POLICY_TEXT = "\n".join(
    [
        f"log {LOG.verifier}",
        *(f"witness w{n} {witness_key(n).verifier}" for n in (1, 2)),
        "group g all w1 w2",
        "quorum g",
    ]
).encode()
TRUST = policy.parse(POLICY_TEXT)
PROOF = proof.make(reader(LEAVES), 123, WITNESSED, BODIES[123]).encode()
REQUEST = witness.Request(256, tuple(merkle.consistency_proof(reader(LEAVES), 256, 300)), MADE, SIGNED).encode()
KEY = str(LOG.verifier).encode()
BUNDLE = tiles.bundle(BODIES[:9])


def verifier_key(data: bytes) -> object:
    return keys.parse_verifier(data.decode("latin-1"))


def private_key(data: bytes) -> object:
    return keys.parse_signer(data.decode("latin-1"))


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "note": (note.parse, WITNESSED.encode()),
    "checkpoint": (checkpoint.parse, WITNESSED.encode()),
    "checkpoint body": (lambda data: checkpoint.parse_body(data.decode("latin-1")), MADE.body.encode()),
    "proof": (proof.parse, PROOF),
    "policy": (policy.parse, POLICY_TEXT),
    "request": (witness.parse_request, REQUEST),
    "verifier key": (verifier_key, KEY),
    "private key": (private_key, b"PRIVATE+KEY+" + KEY),
    "path": (lambda data: tiles.parse_path(data.decode("latin-1")), b"tile/entries/x001/x234/067.p/8"),
    "bundle": (lambda data: tiles.entries_of(data, tiles.Tile(tiles.ENTRIES, 0, 9)), BUNDLE),
}


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes that look like the real thing: cut, doubled, spliced, with some bytes replaced."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + draw(st.sampled_from([0, 1, 2, 40, 400])))))
        new = draw(
            st.one_of(
                st.sampled_from([b"", b"\n", b"\n\n", b" ", b"+", b"\r", b"\0", b"=", b"0", b"-1", b"\xe2\x80\x94 ",
                                 b"\xff", "\u2003".encode(), b"9" * 30, data[at:to] * 2, b"A" * 43 + b"=\n"]),
                st.binary(max_size=8),
            )
        )  # fmt: skip
        data = data[:at] + new + data[to:]
    return data


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_parser_answers_or_refuses(name: str, data: st.DataObject) -> None:
    parse, real = PARSERS[name]
    given_ = data.draw(st.one_of(st.binary(max_size=300), changed(real)))
    with contextlib.suppress(Malformed):
        parse(given_)


@pytest.mark.parametrize("name", ["note", "checkpoint", "proof", "request"])
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_is_read_is_written_back_byte_for_byte(name: str, data: st.DataObject) -> None:
    """One spelling for each value: so whoever compares bytes and whoever compares meaning agree."""
    parse, real = PARSERS[name]
    given_ = data.draw(changed(real))
    try:
        read = parse(given_)
    except Malformed:
        return
    assert (read[1] if isinstance(read, tuple) else read).encode() == given_  # type: ignore[attr-defined]


def what_is_said(data: bytes, entry: bytes | None) -> tuple[int, bytes, Checkpoint] | None:
    try:
        proven = proof.check(proof.parse(data), TRUST, entry)
    except (Malformed, NotProven):
        return None
    return proven.index, proven.leaf, proven.opened.checkpoint


@settings(max_examples=1000, deadline=None)
@given(changed(PROOF), st.sampled_from([None, BODIES[123]]))
def test_an_altered_proof_proves_nothing_else(data: bytes, entry: bytes | None) -> None:
    """What is still accepted says the same: a stranger's signature line may come and go."""
    assert what_is_said(data, entry) in (None, (123, LEAVES[123], MADE))


@pytest.mark.parametrize("at", range(0, len(PROOF), 3))
def test_no_bit_of_a_proof_can_be_flipped(at: int) -> None:
    """Every third byte, each bit: of the entry, the path, the checkpoint, the log's and the witnesses' signatures."""
    for bit in range(8):
        altered = PROOF[:at] + bytes([PROOF[at] ^ 1 << bit]) + PROOF[at + 1 :]
        assert what_is_said(altered, None) is None, (at, bit, altered[max(0, at - 20) : at + 20])


@settings(max_examples=300, deadline=None)
@given(changed(REQUEST))
def test_a_witness_cosigns_only_this_tree(data: bytes) -> None:
    seen = witness.Seen(Checkpoint(ORIGIN, 256, merkle.root(reader(LEAVES), 256)), SIGNED, 0)
    try:
        request = witness.parse_request(data)
    except Malformed:
        return
    decision = witness.decide(request, {ORIGIN: [LOG.verifier]}, seen, witness_key(1), 5)
    assert decision.remember is None or decision.remember.checkpoint == MADE


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_log_of_altered_files_is_refused_or_the_same(data: st.DataObject) -> None:
    files = log_files(BODIES)
    path = data.draw(st.sampled_from(sorted(set(files) - {"vkey"})))
    files[path] = data.draw(changed(files[path]))
    try:
        made = policy.open_checkpoint(policy.of_log(LOG.verifier), files("checkpoint"))[0].checkpoint
        found = [one for some in tiles.check_log(files, made.size, made.root) for one in some]
    except LedgerError:
        return
    assert found == BODIES


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 299))
def test_proofs_of_any_two_sizes_hold(one: int, other: int, index: int) -> None:
    old, new = sorted((one, other))
    read = reader(LEAVES)
    roots = merkle.root(read, old), merkle.root(read, new)
    merkle.check_consistency(old, new, *roots, merkle.consistency_proof(read, old, new))
    if index < new:
        merkle.check_inclusion(index, new, LEAVES[index], merkle.inclusion_proof(read, index, new), roots[1])


# --- which signatures count -----------------------------------------------------------------------------------------


def test_signatures_of_strangers_are_passed_over() -> None:
    stranger = cosignature.cosign(MADE, witness_key(9), 5)
    opened, _ = policy.open_checkpoint(TRUST, WITNESSED.with_signatures([stranger]).encode())
    assert len(opened.witnesses) == 2
    renamed = note.Signature("example.org/w1", stranger.key_id, stranger.value)  # a known name, another id
    assert len(policy.judge(TRUST, WITNESSED.with_signatures([renamed])).witnesses) == 2


def test_a_known_key_s_signature_that_does_not_hold_spoils_the_note() -> None:
    forged = note.Signature("example.org/w1", witness_key(1).verifier.id, bytes(72))
    with pytest.raises(NotProven, match=r"signature of example\.org/w1 does not hold"):
        policy.judge(TRUST, WITNESSED.with_signatures([forged]))
    short = note.Signature("example.org/w1", witness_key(1).verifier.id, bytes(64))
    with pytest.raises(NotProven, match="does not hold"):
        policy.judge(TRUST, WITNESSED.with_signatures([short]))


def test_one_witness_twice_is_one() -> None:
    twice = SIGNED.with_signatures(cosignature.cosign(MADE, witness_key(1), time_s) for time_s in (5, 6, 7))
    with pytest.raises(NotProven, match="quorum"):
        policy.judge(TRUST, twice)


def test_a_cosignature_is_no_signature_of_the_log_and_the_other_way_round() -> None:
    """One Ed25519 key as two types: what it says as a witness is not what it says as the log."""
    as_witness = keys.Signer(LOG.name, keys.COSIGNATURE, LOG.seed)
    cosigned = note.Note(SIGNED.text, (cosignature.cosign(MADE, as_witness, 5),))
    with pytest.raises(NotProven, match="not signed by a log"):
        policy.judge(policy.of_log(LOG.verifier), cosigned)
    renamed = note.Note(SIGNED.text, (note.Signature(LOG.name, LOG.verifier.id, cosigned.signatures[0].value[8:]),))
    with pytest.raises(NotProven, match="does not hold"):
        policy.judge(policy.of_log(LOG.verifier), renamed)


def test_more_signatures_than_are_read_are_refused() -> None:
    lines = [note.Signature(f"n{n}", b"1234", b"5") for n in range(99)]
    assert len(note.parse(SIGNED.with_signatures(lines).encode()).signatures) == 100
    with pytest.raises(Malformed, match="101 signatures"):
        note.parse(SIGNED.with_signatures([*lines, note.Signature("n", b"1234", b"5")]).encode())
