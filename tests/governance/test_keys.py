"""Public keys against ssh-keygen, and against arithmetic on the curve written here."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssh_made import FILE, TOKEN, Key, keygen, s

from openleo.governance.keys import KeyRefused, PublicKey
from openleo.governance.wire import WireError


def line_of(blob: bytes, kind: str = FILE) -> str:
    return f"{kind} {base64.b64encode(blob).decode()}"


@pytest.mark.parametrize("kind", [FILE, TOKEN])
def test_fingerprint_against_ssh_keygen(kind, tmp_path):
    for seed in range(5):
        made = Key(seed, kind)
        (tmp_path / "key.pub").write_text(made.line + " somebody@somewhere\n")
        told = keygen("-l", "-f", tmp_path / "key.pub").stdout.decode().split()
        key = PublicKey.of_line(made.line + " somebody@somewhere\n")
        assert key.fingerprint == told[1]
        assert key.line == made.line, "the comment is dropped: it names somebody"


def test_a_key_that_ssh_keygen_made_is_read(tmp_path):
    assert keygen("-q", "-t", "ed25519", "-N", "", "-C", "a comment of words", "-f", tmp_path / "k").returncode == 0
    text = (tmp_path / "k.pub").read_text()
    assert PublicKey.of_line(text).line == " ".join(text.split()[:2])


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_are_refused_with_the_way_out(kind, tmp_path):
    bits = {"rsa": "2048", "ecdsa": "256"}[kind]
    assert keygen("-q", "-t", kind, "-b", bits, "-N", "", "-f", tmp_path / "k").returncode == 0
    with pytest.raises(KeyRefused, match=r"officers sign with Ed25519\. Make one with `ssh-keygen -t ed25519`"):
        PublicKey.of_line((tmp_path / "k.pub").read_text())


GOOD = Key(1)
POINT = GOOD.private.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no public-key line"),
        (FILE, "no public-key line"),
        (GOOD.line + "\n" + Key(2).line, "no public-key line"),
        (GOOD.line + " " + "x" * 3_000, "no public-key line"),
        ('command="id" ' + GOOD.line, "no kind of key"),
        (f"{FILE} not-base64!", "is not base64"),
        (f"{FILE} {base64.b64encode(GOOD.blob).decode()[:-3]}", "is not base64"),
        # The last of these characters has two bits that no byte takes: ssh-keygen does not look at them.
        (line_of(s(FILE) + s(POINT) + b"x")[:-3] + "B==", "its one form|more byte"),
        (line_of(GOOD.blob + b"x"), "1 more byte after the end of the key"),
        (line_of(GOOD.blob[:-1]), "ends within the key"),
        (line_of(s(FILE) + s(POINT[:31])), "31 bytes"),
        (line_of(s(FILE) + s(POINT + b"x")), "33 bytes"),
        (line_of(GOOD.blob, TOKEN), "says sk-ssh-ed25519@openssh.com, but holds a ssh-ed25519 key"),
        (line_of(Key(1, TOKEN).blob), "says ssh-ed25519, but holds a sk-ssh"),
        (line_of(s("ssh-ed25519-cert-v01@openssh.com") + s(POINT), "ssh-ed25519-cert-v01@openssh.com"), "of kind"),
        (Key(1, TOKEN, "https://example.org").line, "signs for SSH begins with 'ssh:'"),
        (Key(1, TOKEN, "ssh:\n").line, "signs for SSH"),
        (line_of(b"\xff\xff\xff\xff"), "ends within the kind of key"),
    ],
)
def test_what_is_no_key_is_refused(line, why):
    with pytest.raises(KeyRefused, match=why):
        PublicKey.of_line(line)


def test_base64_with_bits_left_over_is_refused():
    blob = s(TOKEN) + s(POINT) + s("ssh:ab")
    text = base64.b64encode(blob).decode()
    assert text.endswith("=")
    other = text.rstrip("=")[:-1] + chr(ord(text.rstrip("=")[-1]) + 1) + "=" * text.count("=")
    assert base64.b64decode(other) == blob, "the same bytes, in another text"
    assert PublicKey.of_line(f"{TOKEN} {text}").application == "ssh:ab"
    with pytest.raises(KeyRefused, match="bits after the last byte are set"):
        PublicKey.of_line(f"{TOKEN} {other}")


# --- points under which anybody can sign ----------------------------------------------------------------------------

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Addition on -x² + y² = 1 + d x² y² (RFC 8032, section 5.1)."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P)


def times(count: int, point: tuple[int, int]) -> tuple[int, int]:
    total = (0, 1)
    for _ in range(count):
        total = add(total, point)
    return total


def x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for x in (root, root * pow(2, (P - 1) // 4, P) % P):
        if x * x % P == square:
            return x
    return None


def points_of_small_order() -> set[tuple[int, int]]:
    """All eight: a point of order 8, made from any point by the order of the large group, and its multiples."""
    large = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 1_000):
        if (x := x_of(y)) is None:
            continue
        point, total = (x, y), (0, 1)
        for bit in bin(large)[2:]:
            total = add(total, total)
            if bit == "1":
                total = add(total, point)
        if times(4, total) != (0, 1):
            return {times(count, total) for count in range(8)}
    raise AssertionError


def test_points_of_small_order_are_refused_in_every_encoding():
    points = points_of_small_order()
    assert len(points) == 8
    encodings = {y + (sign << 255) for _, y in points for sign in (0, 1)}
    encodings |= {y + P + (sign << 255) for _, y in points for sign in (0, 1) if y + P < 2**255}
    assert len(encodings) == 14, "as libsodium lists them, and those with the other sign of x = 0"
    for encoding in encodings:
        with pytest.raises(KeyRefused, match="anybody could sign"):
            PublicKey.of_line(line_of(s(FILE) + s(encoding.to_bytes(32, "little"))))


# --- any input ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text() | st.binary().map(line_of) | st.binary().map(lambda blob: line_of(blob, TOKEN)))
def test_any_line_is_a_key_or_is_refused(line):
    try:
        key = PublicKey.of_line(line)
    except KeyRefused:
        return
    assert key.line == " ".join(line.split()[:2])


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_key_reads_back(point, application):
    for blob in (s(FILE) + s(point), s(TOKEN) + s(point) + s("ssh:" + application[:200])):
        try:
            key = PublicKey.of_blob(blob)
        except (KeyRefused, WireError):
            continue
        assert key.blob == blob
        assert PublicKey.of_line(key.line + " comment") == key
