"""The ledger read and judged by the Go team's golang.org/x/mod/sumdb, from Debian packages alone.

    apt-get install golang-go golang-golang-x-mod-dev

The program is tests/against/go_ledger/main.go; it uses packages note and tlog, and shares nothing with our code.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from compared import same
from ledgers import LOG, ORIGIN, entries, log_files, mth, new_ledger, opened, reader
from openleo.ledger import checkpoint, export, fetch, keys, merkle, note, serve
from openleo.ledger.faults import NotProven

GOPATH = Path("/usr/share/gocode")
SOURCE = Path(__file__).parent / "go_ledger" / "main.go"
WHY_NOT = (
    "golang-go is not installed" if shutil.which("go") is None
    else "golang-golang-x-mod-dev is not installed" if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir()
    else ""
)  # fmt: skip
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"{WHY_NOT}: apt-get install golang-go golang-golang-x-mod-dev")
MANY = 200_000


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built without a network."""
    folder = tmp_path_factory.mktemp("go")
    environment = {
        **os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off", "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "cache"),
    }  # fmt: skip
    target = folder / "go_ledger"
    subprocess.run(["go", "build", "-o", target, SOURCE], env=environment, check=True)
    return target


def ask(go: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    done = subprocess.run([go, *arguments], input=stdin, capture_output=True, timeout=300)
    return done.returncode, done.stdout, done.stderr.decode()


def test_go_opens_our_notes_and_we_open_go_s(go: Path, tmp_path: Path) -> None:
    keys.write_signer(tmp_path / "key", LOG)
    private = (tmp_path / "key").read_text().strip()
    made = checkpoint.Checkpoint(ORIGIN, 7, merkle.leaf_hash(b"7"))
    code, theirs, _ = ask(go, "sign", private, stdin=made.body.encode())
    assert code == 0
    same(authority="Go", what="a signed checkpoint", theirs=theirs, ours=checkpoint.sign(made, LOG).encode())
    assert note.parse(theirs).text == made.body
    assert ask(go, "open", str(LOG.verifier), stdin=theirs)[:2] == (0, made.body.encode())
    assert ask(go, "open", str(LOG.verifier), stdin=theirs.replace(b"\n7\n", b"\n8\n"))[0] == 1


def question(kind: str, old: int, new: int, roots: list[bytes], proof: list[bytes]) -> dict[str, object]:
    """As the Go program reads it: of inclusion, `old` is the index and the first root the leaf."""
    first, second = (base64.b64encode(one).decode() for one in roots)
    of = {"Index": old, "Leaf": first} if kind == "inclusion" else {"Old": old, "OldRoot": first}
    return {"Kind": kind, "New": new, "Root": second, "Proof": [base64.b64encode(one).decode() for one in proof], **of}


def spoil(random_: random.Random, old: int, new: int, roots: list[bytes], proof: list[bytes]) -> tuple[
    int, int, list[bytes], list[bytes]
]:  # fmt: skip
    """One change at random, or none; hashes stay hashes."""
    proof, roots = list(proof), list(roots)
    some = random_.choice([*proof, *roots, merkle.leaf_hash(b"junk")])
    match random_.randrange(9):
        case 0:
            proof.insert(random_.randint(0, len(proof)), some)
        case 1 if proof:
            proof.pop(random_.randrange(len(proof)))
        case 2 if proof:
            at = random_.randrange(len(proof))
            proof[at] = bytes([proof[at][0] ^ 1 << random_.randrange(8)]) + proof[at][1:]
        case 3:
            old = max(0, old + random_.choice([-2, -1, 1, 2]))
        case 4:
            new = max(1, new + random_.choice([-2, -1, 1, 2, new]))
        case 5:
            roots.reverse()
        case 6:
            roots[random_.randrange(2)] = some
        case 7 if len(proof) > 1:
            random_.shuffle(proof)
    return old, new, roots, proof


def test_go_and_we_accept_the_same_proofs(go: Path) -> None:
    """4,000 proofs of trees of up to 70 entries, most of them spoilt by a change."""
    random_ = random.Random(6962)
    leaves = merkle.leaf_hashes(entries(70))
    read, asked, ours = reader(leaves), [], []
    for _ in range(4000):
        new = random_.randint(1, 70)
        kind = random_.choice(["inclusion", "consistency"])
        if kind == "inclusion":
            old = random_.randrange(new)
            roots, proof = [leaves[old], mth(leaves[:new])], merkle.inclusion_proof(read, old, new)
        else:
            old = random_.randint(1, new)
            roots, proof = [mth(leaves[:old]), mth(leaves[:new])], merkle.consistency_proof(read, old, new)
        old, new, roots, proof = spoil(random_, old, new, roots, proof)
        asked.append(json.dumps(question(kind, old, new, roots, proof)))
        try:
            if kind == "inclusion":
                merkle.check_inclusion(old, new, roots[0], proof, roots[1])
            else:
                merkle.check_consistency(old, new, roots[0], roots[1], proof)
            ours.append("true")
        except NotProven:
            ours.append("false")
    code, out, err = ask(go, "probe", stdin="\n".join(asked).encode())
    assert code == 0, err
    theirs = out.decode().split()
    assert [one for one, mine, other in zip(asked, ours, theirs, strict=True) if mine != other] == []
    same(authority="Go", what="verdicts on inclusion and consistency proofs, spoilt ones too", theirs=theirs, ours=ours)
    assert 400 < ours.count("true") < 3600


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 70_000])
def test_go_verifies_a_log_over_http(go: Path, size: int) -> None:
    files = log_files(entries(size))
    with serve.Running(serve.serving(files)) as server:
        code, out, err = ask(go, "verify", server.url, str(LOG.verifier))
        assert code == 0, err
        assert out.startswith(f"verified {size} entries".encode())


def test_go_names_the_entry_that_was_altered(go: Path) -> None:
    files = log_files(entries(600))
    bundle = bytearray(files["tile/entries/001"])
    bundle[-1] ^= 1
    files["tile/entries/001"] = bytes(bundle)
    with serve.Running(serve.serving(files)) as server:
        code, _, err = ask(go, "verify", server.url, str(LOG.verifier))
    assert (code, err.strip()) == (1, "hash mismatch for entry 511")


@pytest.mark.slow
def test_go_verifies_a_ledger_of_200_000_entries(go: Path, tmp_path: Path) -> None:
    """From our store, exported as files and served over HTTP with connections kept alive."""
    database = new_ledger(tmp_path / "ledger")
    with opened(database) as ledger:
        for first in range(0, MANY, 10_000):
            ledger.append(entries(10_000, first), LOG)
        export.export(ledger.fetch, ledger.key, tmp_path / "site")
        root = ledger.root
    with serve.Running(serve.serving(fetch.Folder(tmp_path / "site"))) as server:
        started = time.perf_counter()
        code, out, err = ask(go, "verify", server.url, str(LOG.verifier))
        seconds = time.perf_counter() - started
    assert code == 0, err
    same(
        authority="Go",
        what="root of a whole log, read over HTTP",
        theirs=out.decode().strip(),
        ours=f"verified {MANY} entries, root {base64.b64encode(root).decode()}",
    )
    print(f"{MANY} entries verified by Go over HTTP in {seconds:.1f} s")
