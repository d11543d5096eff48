"""Signatures against ssh-keygen, both ways, and against signatures made here from the protocols' text."""

from __future__ import annotations

import base64
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssh_made import BEGIN, END, FILE, NAMESPACE, TOKEN, Key, armoured, blob_of, keygen, keygen_accepts, s

from compared import same
from openleo.governance.keys import PublicKey
from openleo.governance.sshsig import Signature, SignatureRefused, verify

MESSAGE = b'{"change":"c-1","decision":"approve"}'
ANNE, BERT, TOUCH = Key(1), Key(2), Key(3, TOKEN)


def accepts(message: bytes, armour: str, line: str, namespace: str = NAMESPACE) -> bool:
    """Whether ours takes a signature as the one of a key's owner."""
    try:
        return verify(message, armour, namespace) == PublicKey.of_line(line)
    except SignatureRefused:
        return False


@pytest.fixture(scope="module")
def officer(tmp_path_factory):
    """A folder with a key that ssh-keygen made."""
    folder = tmp_path_factory.mktemp("officer")
    assert keygen("-q", "-t", "ed25519", "-N", "", "-f", folder / "key").returncode == 0
    return folder


def signed_by_keygen(folder, message: bytes, namespace: str = NAMESPACE, *options: str) -> str:
    (folder / "message").write_bytes(message)
    (folder / "message.sig").unlink(missing_ok=True)
    done = keygen("-Y", "sign", "-f", folder / "key", "-n", namespace, *options, folder / "message")
    assert done.returncode == 0, done.stderr
    return (folder / "message.sig").read_text()


@pytest.mark.parametrize("options", [(), ("-O", "hashalg=sha256")], ids=["sha512", "sha256"])
@pytest.mark.parametrize("message", [b"", b"\n", MESSAGE, bytes(range(256)) * 1_000], ids=len)
def test_what_ssh_keygen_signs_is_accepted(officer, message, options):
    armour = signed_by_keygen(officer, message, NAMESPACE, *options)
    line = (officer / "key.pub").read_text()
    same(
        authority="ssh-keygen",
        what="whose signature it is, of what ssh-keygen signed",
        theirs=PublicKey.of_line(line),
        ours=verify(message, armour, NAMESPACE),
    )
    assert verify(message, armour.removesuffix("\n"), NAMESPACE) == PublicKey.of_line(line)
    assert Signature.of_text(armour).hash_name == ("sha256" if options else "sha512")
    with pytest.raises(SignatureRefused, match="other bytes"):
        verify(message + b"\n", armour, NAMESPACE)


@pytest.mark.parametrize("key", [ANNE, TOUCH], ids=[FILE, TOKEN])
def test_what_is_made_here_ssh_keygen_accepts(key, tmp_path):
    for hash_name in ("sha256", "sha512"):
        armour = key.sign(MESSAGE, hash_name=hash_name)
        theirs, ours = keygen_accepts(tmp_path, MESSAGE, armour, key.line), accepts(MESSAGE, armour, key.line)
        same(authority="ssh-keygen", what="signatures by the protocols' text, accepted", theirs=theirs, ours=ours)
        assert ours


REFUSED_BY_BOTH = {
    "another namespace": lambda armour: (MESSAGE, armour, ANNE.line, "openleo-approval@v2"),
    "a beginning of the namespace": lambda armour: (MESSAGE, armour, ANNE.line, "openleo-approval@v"),
    "the namespace in capitals": lambda armour: (MESSAGE, armour, ANNE.line, NAMESPACE.upper()),
    "made for a beginning of the namespace": lambda _: (
        MESSAGE, ANNE.sign(MESSAGE, NAMESPACE[:-1]), ANNE.line, NAMESPACE,
    ),
    "an altered message": lambda armour: (MESSAGE.replace(b"c-1", b"c-2"), armour, ANNE.line, NAMESPACE),
    "another key": lambda armour: (MESSAGE, armour, BERT.line, NAMESPACE),
    "a truncated armour": lambda armour: (MESSAGE, armour[:-60], ANNE.line, NAMESPACE),
    "without its last line": lambda armour: (MESSAGE, armour.replace(END, ""), ANNE.line, NAMESPACE),
    "without its first line": lambda armour: (MESSAGE, armour.replace(BEGIN + "\n", ""), ANNE.line, NAMESPACE),
    "with a byte less": lambda armour: (MESSAGE, armoured(blob_of(armour)[:-1]), ANNE.line, NAMESPACE),
    "with lines of Windows": lambda armour: (MESSAGE, armour.replace("\n", "\r\n"), ANNE.line, NAMESPACE),
    "empty": lambda armour: (MESSAGE, "", ANNE.line, NAMESPACE),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_BY_BOTH)
def test_refused_by_ssh_keygen_and_by_us(case, tmp_path):
    armour = ANNE.sign(MESSAGE)
    assert keygen_accepts(tmp_path, MESSAGE, armour, ANNE.line)
    message, altered, line, namespace = REFUSED_BY_BOTH[case](armour)
    theirs = keygen_accepts(tmp_path, message, altered, line, namespace)
    ours = accepts(message, altered, line, namespace)
    same(
        authority="ssh-keygen",
        what="signatures of other messages, keys, purposes, refused",
        theirs=theirs,
        ours=ours,
    )
    assert not ours


def mutants(seed: int) -> list[tuple[str, str]]:
    """(what was done, the signature): bits, lengths, pieces of the blob, and of the text around it."""
    rng = random.Random(seed)
    blob = ANNE.signature_blob(MESSAGE)
    text = armoured(blob)
    made = []
    for _ in range(12):
        at, bit = rng.randrange(len(blob)), 1 << rng.randrange(8)
        made.append((f"bit {bit} of byte {at}", armoured(blob[:at] + bytes([blob[at] ^ bit]) + blob[at + 1 :])))
    for _ in range(6):
        at = rng.randrange(len(blob))
        made.append((f"{at} without a byte", armoured(blob[:at] + blob[at + 1 :])))
        made.append((f"{at} with a byte more", armoured(blob[:at] + rng.randbytes(1) + blob[at:])))
    for _ in range(6):
        at = rng.randrange(len(text))
        made.append((f"character {at}", text[:at] + rng.choice("AZaz09+/= \t\r\n-") + text[at + 1 :]))
    return [(what, altered) for what, altered in made if altered != text]


def test_nothing_is_accepted_that_ssh_keygen_refuses(tmp_path):
    """Thirty mutants, and every form that its parser may see otherwise than ours."""
    lines = ANNE.sign(MESSAGE).split("\n")
    forms = {
        "as it is": ANNE.sign(MESSAGE),
        "width 64": armoured(ANNE.signature_blob(MESSAGE), 64),
        "width 76": armoured(ANNE.signature_blob(MESSAGE), 76),
        "without the last line's end": ANNE.sign(MESSAGE).removesuffix("\n"),
        "a short line in the middle": "\n".join([*lines[:2], lines[2][:4], lines[2][4:], *lines[3:]]),
        "text before it": "signed:\n" + ANNE.sign(MESSAGE),
        "text after it": ANNE.sign(MESSAGE) + "and more\n",
        "blank lines after it": ANNE.sign(MESSAGE) + "\n\n",
        "reserved, and signed": ANNE.sign(MESSAGE, reserved=b"x"),
        "reserved, not signed": ANNE.sign(MESSAGE, reserved=b"x", signed_reserved=b""),
        "version 0": ANNE.sign(MESSAGE, version=0),
        "version 2": ANNE.sign(MESSAGE, version=2),
        "version 2**31 + 1": ANNE.sign(MESSAGE, version=2**31 + 1),
        "no namespace": ANNE.sign(MESSAGE, namespace=""),
        "a zero in the namespace": ANNE.sign(MESSAGE, namespace=NAMESPACE + "\0x"),
        "sha1": ANNE.sign(MESSAGE, hash_name="sha1"),
        "md5": ANNE.sign(MESSAGE, hash_name="md5"),
        "another kind within": ANNE.sign(MESSAGE, inner_kind=TOKEN),
        "more in the signature": ANNE.sign(MESSAGE, after_inner=b"x"),
        "more after the signature": ANNE.sign(MESSAGE, after=b"x"),
        "other magic": ANNE.sign(MESSAGE, magic=b"SSHSIH"),
    }
    tried = [*forms.items(), *mutants(7)]
    assert len(tried) >= len(forms) + 28
    ours = {what for what, text in tried if accepts(MESSAGE, text, ANNE.line)}
    theirs = {what for what, text in tried if keygen_accepts(tmp_path, MESSAGE, text, ANNE.line)}
    same(
        authority="ssh-keygen",
        what="altered signatures that we accept and ssh-keygen refuses: none",
        theirs=set(),
        ours=ours - theirs,
        count=len(tried),
    )
    assert ours == {"as it is", "width 64", "width 76", "without the last line's end"}
    # What stands in the reserved part nobody signs, and what stands after the armour nobody reads: not on our ledger.
    assert {"reserved, not signed", "text after it", "a short line in the middle"} <= theirs - ours


@pytest.mark.parametrize("key", [ANNE, TOUCH], ids=[FILE, TOKEN])
def test_no_bit_of_the_text_can_be_altered(key):
    text = key.sign(MESSAGE)
    data = text.encode()
    taken = []
    for at in range(len(data)):
        for bit in range(8):
            altered = (data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]).decode("latin-1")
            if accepts(MESSAGE, altered, key.line):
                taken.append((at, bit))
    assert not taken


# --- hardware tokens ------------------------------------------------------------------------------------------------


def test_a_tokens_signature_tells_its_flags_and_counter():
    armour = TOUCH.sign(MESSAGE, flags=5, counter=4_000_000_000)
    signature = Signature.of_text(armour)
    assert (signature.flags, signature.counter, signature.key.application) == (5, 4_000_000_000, "ssh:")
    assert verify(MESSAGE, armour, NAMESPACE) == PublicKey.of_line(TOUCH.line)


@pytest.mark.parametrize("flags", [0, 4, 0x80])
def test_a_token_that_nobody_touched_does_not_approve(flags):
    armour = TOUCH.sign(MESSAGE, flags=flags)
    assert Signature.of_text(armour).holds_for(MESSAGE), "the signature itself is good"
    with pytest.raises(SignatureRefused, match="without touching the hardware token"):
        verify(MESSAGE, armour, NAMESPACE)


def test_flags_and_counter_cannot_be_written_over(tmp_path):
    for flags, counter in ((5, 7), (1, 8), (3, 7)):
        blob = TOUCH.signature_blob(MESSAGE, flags=1, counter=7)
        assert blob.endswith(b"\x01\x00\x00\x00\x07")
        altered = armoured(blob[:-5] + bytes([flags]) + counter.to_bytes(4, "big"))
        assert not accepts(MESSAGE, altered, TOUCH.line)
        assert not keygen_accepts(tmp_path, MESSAGE, altered, TOUCH.line)


def test_a_token_made_for_another_application_is_another_key():
    other = Key(3, TOKEN, "ssh:other")
    armour = other.sign(MESSAGE)
    assert verify(MESSAGE, armour, NAMESPACE) != PublicKey.of_line(TOUCH.line)
    swapped = armoured(blob_of(armour).replace(s(other.blob), s(TOUCH.blob)))
    with pytest.raises(SignatureRefused, match="other bytes, or was altered"):
        verify(MESSAGE, swapped, NAMESPACE)


def test_a_token_and_a_file_with_the_same_point_are_two_keys():
    token = Key(1, TOKEN)
    assert verify(MESSAGE, token.sign(MESSAGE), NAMESPACE) != verify(MESSAGE, ANNE.sign(MESSAGE), NAMESPACE)


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("armour", "why"),
    [
        (ANNE.sign(MESSAGE, "git"), 'is for "git" and not for "openleo-approval@v1"; sign with -n'),
        (ANNE.sign(MESSAGE, version=2), "is of version 2; version 1 is read"),
        (ANNE.sign(MESSAGE, hash_name="sha1"), "hash other than sha256 or sha512"),
        (ANNE.sign(MESSAGE, reserved=b"x"), "reserved part"),
        (ANNE.sign(MESSAGE, after=b"xy"), "2 more bytes after the end"),
        (ANNE.sign(MESSAGE, inner_kind=TOKEN), "of another kind than its key"),
        (ANNE.sign(MESSAGE, magic=b"SSHSIX"), "does not begin with SSHSIG"),
        (ANNE.sign(MESSAGE).replace(END, END + "\nx"), "does not end with"),
        (ANNE.sign(MESSAGE)[1:], "does not begin with -----BEGIN SSH"),
        (BEGIN + "\n" + END + "\n", "uneven length"),
        (BEGIN + "\n!!!!\n" + END + "\n", "is not base64"),
        (BEGIN + "\nÄÄÄÄ\n" + END + "\n", "is not base64"),
        (armoured(ANNE.signature_blob(MESSAGE), 80), "longer than 76"),
        (ANNE.sign(MESSAGE) * 20, "no signature has"),
        (armoured(b"SSHSIG\0\0\0\1" + s(s("ssh-rsa") + s(b"x"))), "by a key that cannot approve: it is a key of kind"),
        (armoured(b"SSHSIG\0\0\0\1" + s(s(FILE) + s(bytes(32)))), "anybody could sign"),
        (armoured(b"SSHSIG\0\0\0\1\xff\xff\xff\xff"), "ends within the key"),
    ],
)
def test_a_refusal_says_why(armour, why):
    with pytest.raises(SignatureRefused, match=why):
        verify(MESSAGE, armour, NAMESPACE)


# --- any input ------------------------------------------------------------------------------------------------------


@cache
def good(kind: str) -> bytes:
    return (ANNE if kind == FILE else TOUCH).signature_blob(MESSAGE)


texts = st.text() | st.text("A=\n-").map(lambda body: f"{BEGIN}\n{body}\n{END}\n")
blobs = st.binary(max_size=400) | st.builds(
    lambda kind, at, cut, new: good(kind)[:at] + new + good(kind)[at + cut :],
    st.sampled_from([FILE, TOKEN]), st.integers(0, 230), st.integers(0, 9), st.binary(max_size=9),
)  # fmt: skip


@settings(deadline=None, max_examples=500)
@given(texts | st.builds(armoured, blobs, st.integers(1, 80)))
def test_any_text_is_refused_in_words_unless_it_is_the_signature(text):
    try:
        kind = verify(MESSAGE, text, NAMESPACE).kind
    except SignatureRefused:
        return
    assert base64.b64encode(good(kind)).decode() == "".join(text.split("\n")[1:-2])
