"""The ledger's formats beside what others published: RFC 6962 trees, C2SP notes and cosignatures, RFC 9162's refusals.

Sources: transparency-dev/merkle (testonly/constants.go, testdata), golang.org/x/mod (sumdb/note), C2SP (signed-note,
tlog-checkpoint, tlog-cosignature, tlog-witness, tlog-proof), transparency-dev/formats (note, proof, policy).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from compared import same
from openleo.ledger import checkpoint, cosignature, keys, merkle, note, policy, proof, tiles, witness
from openleo.ledger.faults import Malformed, NotProven

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "merkle"

# --- RFC 6962 hashes: transparency-dev/merkle, testonly/constants.go ------------------------------------------------

LEAF_INPUTS = [bytes.fromhex(one) for one in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [bytes.fromhex(one) for one in (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)]  # fmt: skip
LEAVES = merkle.leaf_hashes(LEAF_INPUTS)


def read_leaves(level: int, index: int) -> bytes:
    return merkle.fold(LEAVES[index << level : index + 1 << level])


@pytest.mark.parametrize("size", range(9))
def test_roots_of_rfc_6962_trees(size: int) -> None:
    assert merkle.Frontier().extended(LEAVES[:size]).root == ROOTS[size]
    same(
        authority="RFC 6962",
        what="roots of trees of up to eight leaves",
        theirs=ROOTS[size],
        ours=merkle.root(read_leaves, size),
    )
    grown = merkle.Frontier()
    for leaf in LEAVES[:size]:
        grown = grown.extended([leaf])
    assert grown.root == ROOTS[size]


def test_the_paths_drawn_in_rfc_6962_section_2_1_3() -> None:
    """Of the tree with seven leaves: PATH(3), PATH(4), PATH(6); PROOF(3), PROOF(4), PROOF(6)."""
    node = merkle.node_hash
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node(a, b), node(c, d), node(e, f)
    k, ell = node(g, h), node(i, j)
    assert merkle.inclusion_proof(read_leaves, 0, 7) == [b, h, ell]
    assert merkle.inclusion_proof(read_leaves, 3, 7) == [c, g, ell]
    assert merkle.inclusion_proof(read_leaves, 4, 7) == [f, j, k]
    assert merkle.inclusion_proof(read_leaves, 6, 7) == [i, k]
    assert merkle.consistency_proof(read_leaves, 3, 7) == [c, d, g, ell]
    assert merkle.consistency_proof(read_leaves, 4, 7) == [ell]
    assert merkle.consistency_proof(read_leaves, 6, 7) == [i, j, k]


# --- what must fail: the kinds of transparency-dev/merkle's testdata ------------------------------------------------


def spoilt(hashes: list[bytes], roots: list[bytes]) -> dict[str, list[bytes]]:
    """Every way in which testdata spoils a proof."""
    junk = merkle.leaf_hash(b"junk")
    ways = {"trailing garbage": [*hashes, junk], "preceding garbage": [junk, *hashes], "empty hash": [*hashes, b""]}
    ways |= {f"trailing root {n}": [*hashes, root] for n, root in enumerate(roots)}
    ways |= {f"preceding root {n}": [root, *hashes] for n, root in enumerate(roots)}
    if hashes:
        ways |= {"truncated": hashes[:-1], "beheaded": hashes[1:], "empty": [], "doubled": [hashes[0], *hashes]}
    for at, one in enumerate(hashes):
        ways[f"bit 4 of hash {at}"] = [*hashes[:at], bytes([one[0] ^ 16]) + one[1:], *hashes[at + 1 :]]
        ways[f"hash {at} cut"] = [*hashes[:at], one[:-1], *hashes[at + 1 :]]
    return ways


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5), (4, 5), (6, 7)])
def test_inclusion_is_refused_when_spoilt(index: int, size: int) -> None:
    hashes, root, leaf = merkle.inclusion_proof(read_leaves, index, size), ROOTS[size], LEAVES[index]
    merkle.check_inclusion(index, size, leaf, hashes, root)
    for way, some in spoilt(hashes, [root, leaf]).items():
        print(way)
        with pytest.raises(NotProven):
            merkle.check_inclusion(index, size, leaf, some, root)
    for at, of in ((index - 1, size), (index + 1, size), (index ^ 2, size), (index, size * 2), (index, size // 2),
                   (index, 0), (size, size), (-1, size), (1 << 63, size), (index, (1 << 63) + size)):  # fmt: skip
        with pytest.raises(NotProven):
            merkle.check_inclusion(at, of, leaf, hashes, root)
    wrong = merkle.leaf_hash(b"another")
    for some_leaf, some_root in ((b"", root), (leaf[:-1], root), (wrong, root), (leaf, b""), (leaf, wrong)):
        with pytest.raises(NotProven):
            merkle.check_inclusion(index, size, some_leaf, hashes, some_root)


@pytest.mark.parametrize(("old", "new"), [(1, 8), (6, 8), (2, 5), (6, 7), (3, 7), (4, 8), (8, 8), (1, 2)])
def test_consistency_is_refused_when_spoilt(old: int, new: int) -> None:
    hashes, before, after = merkle.consistency_proof(read_leaves, old, new), ROOTS[old], ROOTS[new]
    merkle.check_consistency(old, new, before, after, hashes)
    for way, some in spoilt(hashes, [before, after]).items():
        if some != hashes:
            print(way)
            with pytest.raises(NotProven):
                merkle.check_consistency(old, new, before, after, some)
    for was, now in ((old - 1, new), (old + 1, new), (old ^ 2, new), (old, new * 2), (old, new // 2), (new, old),
                     (0, new), (old, (1 << 63) + new)):  # fmt: skip
        if (was, now) != (old, new):
            with pytest.raises(NotProven):
                merkle.check_consistency(was, now, before, after, hashes)
    wrong = merkle.leaf_hash(b"another")
    for roots in ((wrong, after), (before, wrong), (b"", after), (before, b"")):
        with pytest.raises(NotProven):
            merkle.check_consistency(old, new, *roots, hashes)
    if old != new:
        with pytest.raises(NotProven):
            merkle.check_consistency(old, new, after, before, hashes)


@pytest.mark.parametrize(("new", "hashes"), [(0, []), (1, []), (5, []), (5, [ROOTS[5]]), (8, [LEAVES[0]])])
def test_a_proof_from_size_0_is_an_error(new: int, hashes: list[bytes]) -> None:
    with pytest.raises(NotProven, match="no consistency proof from size 0"):
        merkle.check_consistency(0, new, ROOTS[0], ROOTS[new], hashes)
    with pytest.raises(ValueError, match="no consistency proof from size 0"):
        merkle.consistency_proof(read_leaves, 0, new)


def test_a_path_longer_than_the_tree_is_refused_even_to_its_own_root() -> None:
    """A log that signs such a root could otherwise show one entry as two trees' (RFC 9162 §2.1.3.2, step 4a)."""
    junk, leaf = merkle.leaf_hash(b"junk"), LEAVES[0]
    with pytest.raises(NotProven, match="too long"):
        merkle.check_inclusion(0, 1, leaf, [junk], merkle.node_hash(junk, leaf))
    with pytest.raises(NotProven, match="too long"):
        merkle.check_consistency(1, 2, leaf, merkle.node_hash(junk, ROOTS[2]), [LEAVES[1], junk])


def test_oversized_proofs_are_refused_unread() -> None:
    with pytest.raises(NotProven, match="64 hashes"):
        merkle.check_inclusion(0, (1 << 63) - 1, LEAVES[0], [LEAVES[1]] * 64, ROOTS[8])
    with pytest.raises(NotProven, match="64 hashes"):
        merkle.check_consistency(1, (1 << 63) - 1, LEAVES[0], ROOTS[8], [LEAVES[1]] * 64)


ROOT_8 = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="
A_FEW: list[tuple[str, dict[str, object]]] = [  # of testdata/, as they stand there
    ("consistency", {"size1": 1, "size2": 1, "root1": "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
                     "root2": "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=", "proof": None, "wantErr": False}),
    ("consistency", {"size1": 6, "size2": 8, "root1": "duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=",
                     "root2": ROOT_8, "wantErr": False, "proof": [
                         "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=", "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
                         "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc="]}),
    ("consistency", {"size1": 0, "size2": 8, "root1": "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
                     "root2": ROOT_8, "wantErr": True, "proof": [
                         "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=", "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
                         "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ="]}),
    ("inclusion", {"leafIdx": 5, "treeSize": 8, "root": ROOT_8, "wantErr": False,
                   "leafHash": "QnGia+DYqE8L1UyMMC58s6O10fpngKQLzOKHNHfatlg=", "proof": [
                       "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=", "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
                       "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc="]}),
]  # fmt: skip


def accepted(kind: str, one: dict[str, Any]) -> bool:
    """What we say to a vector."""

    def hash_of(text: str | None) -> bytes:
        return base64.b64decode(text or "")

    hashes = [hash_of(text) for text in one.get("proof") or []]
    try:
        if kind == "inclusion":
            place = one["leafIdx"], one["treeSize"], hash_of(one["leafHash"])
            merkle.check_inclusion(*place, hashes, hash_of(one["root"]))
        else:
            roots = hash_of(one["root1"]), hash_of(one["root2"])
            merkle.check_consistency(one["size1"], one["size2"], *roots, hashes)
    except NotProven:
        return False
    return True


@pytest.mark.parametrize(("kind", "one"), A_FEW)
def test_a_few_vectors_of_transparency_dev(kind: str, one: dict[str, Any]) -> None:
    same(
        authority="transparency-dev",
        what="proofs to accept and to refuse, a few vectors",
        theirs=not one["wantErr"],
        ours=accepted(kind, one),
    )


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="transparency-dev/merkle's testdata is not in ../shared/golden/merkle")
def test_every_vector_of_transparency_dev() -> None:
    tried = 0
    for kind in ("inclusion", "consistency"):
        for file in sorted((GOLDEN / kind).rglob("*.json")):
            one = json.loads(file.read_text())
            same(
                authority="transparency-dev",
                what="proofs to accept and to refuse, every vector",
                theirs=not one["wantErr"],
                ours=accepted(kind, one),
            )
            tried += 1
    assert tried >= 196


# --- signed-note ----------------------------------------------------------------------------------------------------

FOO_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        (FOO_NOTE.partition("\n\n")[0] + "\n", FOO_KEY, FOO_NOTE.partition("\n\n")[2]),
        (GO_TEXT, PETER_KEY, PETER_LINE),
        (GO_TEXT, ENOCH_KEY, ENOCH_LINE),
    ],
)
def test_signed_note_examples_of_c2sp_and_go(text: str, key: str, line: str) -> None:
    known = keys.parse_verifier(key)
    assert str(known) == key
    data = f"{text}\n{line}".encode()
    read = note.parse(data)
    assert read.text == text
    assert read.encode() == data
    assert (read.signatures[0].name, read.signatures[0].key_id) == (known.name, known.id)
    assert keys.verifies(known, text.encode(), read.signatures[0].value)
    assert not keys.verifies(known, text.encode() + b"!", read.signatures[0].value)


def test_go_s_example_key_signs_the_same_bytes() -> None:
    signer = keys.parse_signer(PETER_PRIVATE)
    assert str(signer.verifier) == PETER_KEY
    same(
        authority="Go",
        what="the signed note of its documentation",
        theirs=f"{GO_TEXT}\n{PETER_LINE}",
        ours=note.sign(GO_TEXT, signer).encode().decode(),
    )
    assert PETER_PRIVATE.rpartition("+")[2] not in f"{signer!r} {signer}"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "PeterNeumann",
        PETER_KEY.replace("c74f20a3", "c74f20a4"),
        PETER_KEY.replace("PeterNeumann", "Peter Neumann"),
        PETER_KEY.replace("PeterNeumann", ""),
        PETER_KEY + "=",
        PETER_KEY[:-1],
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # x/mod: wrong length
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # x/mod: unknown algorithm
        "bananas.sigstore.dev+12344556",  # formats: wrong number of parts
        "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!",
        "rekor.sigstore.dev+12345678+AwEB",
    ],
)
def test_verifier_keys_that_others_refuse(key: str) -> None:
    with pytest.raises(Malformed):
        keys.parse_verifier(key)


def test_a_cosignature_key_of_a_witness_that_runs() -> None:
    key = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"  # transparency-dev/formats
    assert str(keys.parse_verifier(key)) == key
    assert keys.parse_verifier(key).type == keys.COSIGNATURE


# --- checkpoints, cosignatures, requests ----------------------------------------------------------------------------

SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
SOFA_COSIGNED = SOFA + (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_checkpoint_of_the_specifications() -> None:
    made, read = checkpoint.parse(SOFA_COSIGNED.encode())
    assert (made.origin, made.size, made.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert made.body == read.text
    assert read.encode().decode() == SOFA_COSIGNED
    assert cosignature.time_of(read.signatures[1]) == 1679315147  # tlog-cosignature: "time 1679315147"


def test_the_time_of_a_cosignature_of_transparency_dev() -> None:
    line = (
        "— x ZGhGuQAAAABm/qTPeyKXD+R2rzyQsxPiP8mXum7qq/iF0u4vanlqJyocWODBt97w9uL+8qT7S5gxEHWWOworDcFiEBYJXORmnFBOBA==\n"
    )
    assert cosignature.time_of(note.parse_signatures(line)[0]) == 1727964367
    other = "— x eQjRQm6eSKzFoiYalgwCPXu2y3ijtg68is9M46JKxuZB+dRfTmeQeDBoXnvxZx2ugnkyV+MUMLXpWs1hPb/W/4xkNQY=\n"
    with pytest.raises(Malformed):
        cosignature.time_of(note.parse_signatures(other)[0])


def test_the_request_of_tlog_witness() -> None:
    data = (
        "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n" + SOFA
    ).encode()
    request = witness.parse_request(data)
    assert (request.old, len(request.proof), request.checkpoint.size) == (20852014, 4, 20852163)
    assert request.encode() == data


# --- tlog-proof: transparency-dev/formats, proof/tlog_proof_test.go -------------------------------------------------


def test_a_proof_in_the_form_of_tlog_proof() -> None:
    head = "c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n"
    hashes = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
    data = f"{head}{hashes}\n{SOFA_COSIGNED}".encode()
    read = proof.parse(data)
    assert (read.index, len(read.hashes), read.extra) == (10, 2, b"extra information")
    assert read.encode() == data
    short = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{SOFA}".encode()
    assert proof.parse(short).encode() == short


@pytest.mark.parametrize(
    "head",
    [
        "wrong-header\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n",
        "c2sp.org/tlog-proof@v1\nindex 05\n",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + base64.b64encode(bytes(64)).decode() + "\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "a" * 65 * 1024 + "\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 64,
        "c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\r\n",
    ],
)
def test_proofs_that_others_refuse(head: str) -> None:
    with pytest.raises(Malformed):
        proof.parse(f"{head}\n{SOFA}".encode())


# --- tlog-tiles -----------------------------------------------------------------------------------------------------


def test_paths_and_tiles_of_tlog_tiles() -> None:
    assert tiles.Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert tiles.parse_path("tile/entries/x001/x234/067.p/8") == tiles.Tile(tiles.ENTRIES, 1234067, 8)
    of_70_000 = list(tiles.tiles_between(0, 70_000))
    for level, full, width in ((0, 273, 112), (1, 1, 17), (2, 0, 1)):
        mine = [tile for tile in of_70_000 if tile.level == level]
        assert [tile.width for tile in mine] == [256] * full + [width]
    assert [tile.path for tile in tiles.tiles_between(0, 256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    for path in ("tile/0/1234067", "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/x000/001", "tile/64/000",
                 "tile/00/000", "tile/0/000.p/01", "tile/0/000/", "tile/-1/000",
                 "tile/0/../000", "tile/0/٠٠٠"):  # fmt: skip
        with pytest.raises(Malformed):
            tiles.parse_path(path)


# --- tlog-policy: the specification's example, and transparency-dev/formats, policy/tlog_policy_test.go -------------


def rewrapped(name: str, vkey: str, type_: int) -> str:
    return str(keys.VerifierKey(name, type_, keys.parse_verifier(vkey).public))


WIT = {
    1: "Wit1+55ee4561+AVhZSmQj9+SoL+p/nN0Hh76xXmF7QcHfytUrI1XfSClk",
    2: "Wit2+85ecc407+AWVbwFJte9wMQIPSnEnj4KibeO6vSIOEDUTDp3o63c2x",
    3: "Wit3+d3ed3be7+ASb6Uz1+fxAcXkMvDd7nGa3FjDce7LxIKmbbTCT0MpVn",
}
W = {number: rewrapped(f"Wit{number}", vkey, keys.COSIGNATURE) for number, vkey in WIT.items()}
W |= {number: str(keys.Signer(f"Wit{number}", keys.COSIGNATURE, bytes([number]) * 32).verifier) for number in (4, 5, 6)}
SPEC_POLICY = f"""log {PETER_KEY}

witness X1 {W[1]}
witness X2 {W[2]}
witness X3 {W[3]}
group X-witnesses 2 X1 X2 X3

witness Y1 {W[4]}
witness Y2 {W[5]}
witness Y3 {W[6]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


@pytest.mark.parametrize(
    ("cosigners", "enough"),
    [("X1 X2 Y1", True), ("X1 X3 Y3", True), ("X1 Y1 Y2", False), ("X1 X2 X3", False), ("", False),
     ("X1 X2 X3 Y1 Y2 Y3", True)],
)  # fmt: skip
def test_the_policy_of_tlog_policy(cosigners: str, enough: bool) -> None:
    read = policy.parse(SPEC_POLICY.encode())
    by_name = {one.name: one.key for one in read.witnesses}
    assert read.satisfied_by({by_name[name] for name in cosigners.split()}) == enough


@pytest.mark.parametrize(
    "text",
    [
        "quorum none\n",
        f"\n# comment\n\t # another comment\n\twitness \t w1  {W[1]}   https://w1.example.com/  \n\n  quorum\tw1",
        f"log {PETER_KEY} https://log.example.com/\nwitness w1 {W[1]}\nquorum w1\n",
        f"witness all {W[1]}\nwitness any {W[2]}\ngroup group 2 all any\nquorum group\n",
    ],
)
def test_policies_that_others_accept(text: str) -> None:
    policy.parse(text.encode())


def test_names_of_a_policy_are_octets() -> None:
    read = policy.parse(b"witness \xe2\x84\xaalvin-w\x80 " + W[1].encode() + b"\nquorum \xe2\x84\xaalvin-w\x80\n")
    assert read.quorum == read.witnesses[0].name
    with pytest.raises(Malformed):  # a Kelvin sign is no K
        policy.parse(b"witness \xe2\x84\xaa " + W[1].encode() + b"\nquorum K\n")


@pytest.mark.parametrize(
    "text",
    [
        "quorum none\n\x01",
        "quorum none\r\n",
        "quibble w1\nquorum none\n",
        f"witness w1 {W[1]} https://w1.example.com/ # comment\nquorum w1\n",
        "log\nquorum none\n",
        "log garbage\nquorum none\n",
        f"log {W[1]}\nquorum none\n",
        f"log {PETER_KEY}\nlog {PETER_KEY} https://log.example.com/\nquorum none\n",
        "witness w1\nquorum none\n",
        f"witness w1 {WIT[1]}\nquorum w1\n",
        f"witness none {W[1]}\nquorum none\n",
        f"witness w1 {W[1]}\nwitness w1 {W[2]}\nquorum w1\n",
        f"witness w1 {W[1]}\ngroup w1 any w1\nquorum w1\n",
        f"witness w1 {W[1]}\ngroup g1 1\nquorum w1\n",
        f"witness w1 {W[1]}\ngroup none any w1\nquorum none\n",
        f"witness w1 {W[1]}\ngroup g1 0 w1\nquorum g1\n",
        f"witness w1 {W[1]}\ngroup g1 -1 w1\nquorum g1\n",
        f"witness w1 {W[1]}\ngroup g1 2 w1\nquorum g1\n",
        f"witness w1 {W[1]}\ngroup g1 any w2\nquorum g1\n",
        f"group g1 any w1\nwitness w1 {W[1]}\nquorum g1\n",
        f"witness w1 {W[1]}\ngroup g1 any none w1\nquorum g1\n",
        f"witness w1 {W[1]}\ngroup g1 all w1 w1\nquorum g1\n",
        f"witness w1 {W[1]}\nwitness w2 {W[2]}\ngroup g1 any w1 w2\ngroup g2 any w1\nquorum g1\n",
        f"witness w1 {W[1]}\n",
        f"witness w1 {W[1]}\nquorum w1\nquorum w1\n",
        "quorum unknown\n",
        f"quorum w1\nwitness w1 {W[1]}\n",
        "quorum\n",
        f"witness w1 {W[1]}\nwitness w2 {rewrapped('impostor.example.com', W[1], keys.COSIGNATURE)}\nquorum w1\n",
    ],
)
def test_policies_that_others_refuse(text: str) -> None:
    with pytest.raises(Malformed):
        policy.parse(text.encode())
