"""`openleo ledger …` as a person uses it: what is printed, what is written, and how it exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import openleo
from ledgers import Files, entries, log_files
from openleo.cli.ledger_entries import GOVERNED, fault_of
from openleo.ledger import fetch, keys, merkle, serve

ORIGIN = "example.org/ledger"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    code, out, _ = openleo("ledger", "init", tmp_path / "ledger", "--origin", ORIGIN)
    assert code == 0
    (tmp_path / "vkey").write_text(out)
    return tmp_path / "ledger"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "entry.json").write_text('{"type":"disclosure","who":"a court"}')
    return tmp_path / "entry.json"


def answer(*arguments: object) -> tuple[int, dict[str, object]]:
    code, out, _ = openleo(*arguments, "--json")
    return code, json.loads(out)


def many(tmp_path: Path, count: int) -> Path:
    (tmp_path / "lines").write_bytes(b"\n".join(entries(count)) + b"\n")
    return tmp_path / "lines"


def test_from_nothing_to_a_proof_verified_offline(ledger: Path, note: Path, tmp_path: Path) -> None:
    vkey = (tmp_path / "vkey").read_text().strip()
    assert keys.parse_verifier(vkey).name == ORIGIN
    assert (ledger / "log.key").stat().st_mode & 0o777 == 0o600
    code, said = answer("ledger", "append", ledger, note)
    leaf = merkle.leaf_hash(note.read_bytes()).hex()
    assert (code, said["entries"], said["size"]) == (0, [{"index": 0, "leaf": leaf}], 1)
    assert openleo("ledger", "append", ledger, "--lines", many(tmp_path, 400))[0] == 0
    bundle = tmp_path / "p.tlog-proof"
    code, _, told = openleo("ledger", "prove", ledger, 0, "--out", bundle)
    assert code == 0
    assert "unwitnessed: the operator can rewrite history" in told
    shown, out, told = openleo("ledger", "verify", bundle, "--vkey", tmp_path / "vkey")
    assert (shown, f"Verified: entry 0 of 401 entries of {ORIGIN}" in out) == (0, True)
    assert "unwitnessed: the operator can rewrite history" in told
    code, said = answer("ledger", "verify", bundle, "--vkey", vkey, "--entry", note)
    assert (code, said["ok"], said["entry"], said["leaf"], said["pinned"]) == (0, True, 0, leaf, True)
    assert said["warning"] == "unwitnessed: the operator can rewrite history"


def test_one_byte_changed_and_the_verifier_says_where(ledger: Path, note: Path, tmp_path: Path) -> None:
    openleo("ledger", "append", ledger, "--lines", many(tmp_path, 700))
    assert openleo("ledger", "export", ledger, tmp_path / "site")[0] == 0
    for source in (tmp_path / "site", ledger):
        assert answer("ledger", "verify", source, "--vkey", tmp_path / "vkey")[1]["ok"] is True
    tile = tmp_path / "site/tile/entries/001"
    data = bytearray(tile.read_bytes())
    data[data.index(b'"n":300,') + 4] ^= 1
    tile.write_bytes(data)
    code, said = answer("ledger", "verify", tmp_path / "site", "--vkey", tmp_path / "vkey")
    assert (code, said) == (
        3, {"ok": False, "entry": 300, "why": "entry 300 is not the one that the checkpoint of size 700 signs."}
    )  # fmt: skip
    code, out, told = openleo("ledger", "verify", tmp_path / "site")
    assert (code, out) == (3, "")
    assert "no: entry 300 is not the one" in told
    assert len(told.splitlines()) == 1


def test_an_address_is_verified_and_followed(tmp_path: Path) -> None:
    shown = Files(log_files(entries(300)))
    vkey, state = shown["vkey"].decode().strip(), tmp_path / "state"
    with serve.Running(serve.serving(lambda path: shown(path))) as server:
        assert answer("ledger", "verify", server.url, "--vkey", vkey)[0] == 0
        code, said = answer("ledger", "verify", server.url)
        assert (code, said["pinned"], said["size"]) == (0, False, 300)
        look = ("ledger", "watch", server.url, "--vkey", vkey, "--state", state, "--once")
        assert answer(*look)[1]["new"] == 300
        shown = log_files(entries(1000))
        assert answer(*look)[1]["new"] == 700
        shown = log_files([b"another", *entries(1200)])
        code, said = answer(*look)
        assert (code, said["ok"]) == (3, False)
        assert "do not begin with the 1000" in str(said["why"])
    (evidence,) = state.glob("fork*")
    assert shown["checkpoint"].decode() in evidence.read_text()
    code, _, told = openleo(*look)
    assert (code, "cannot be reached" in told) == (2, True)


@pytest.mark.parametrize(
    "body",
    ['{"type":"' + name + '"}' for name in (
        "genesis", "change.proposed", "change.effect", "change.approval", "change.rejection", "change.activated",
        "change.expired", "break_glass.used", "break_glass.reviewed", "approval.withdrawn", "objection",
        "network.changed", "account.suspended", "account.reinstated", "class.changed", "group.changed", "key.added",
        "key.revoked", "log_key.rotated", "quorum.changed", "terminal.enrolled", "terminal.transferred",
        "terminal.revoked", "mask.published", "enforcement.summary", "change.not-there-yet", "Change.Proposed",
        " change.proposed", "break-glass.used", "\\u0063hange.proposed", "ｃhange.proposed",
    )] + ['{"type":"note","type":"genesis"}', '{"type":["genesis"]}', '["genesis"]', "genesis", '{"type":NaN}', ""],
)  # fmt: skip
def test_governed_types_are_not_appended_by_hand(ledger: Path, tmp_path: Path, note: Path, body: str) -> None:
    """Of several entries with one such among them, none is."""
    (tmp_path / "governed").write_text(body, encoding="utf-8")
    code, _, told = openleo("ledger", "append", ledger, note, tmp_path / "governed")
    assert code == 2
    assert f"{tmp_path}/governed: is " in told
    assert answer("ledger", "append", ledger, note)[1]["size"] == 1


def test_governed_types_in_other_encodings_are_no_json() -> None:
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        assert fault_of('{"type":"genesis"}'.encode(encoding)) is not None
    assert fault_of(b'{"type":"disclosure"}') is None
    assert fault_of(b"[" * 100_000) is not None
    assert "disclosure" not in GOVERNED


def test_what_cannot_be_appended_is_said_all_at_once(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_text('{"type":"note","x":"' + "x" * 65_536 + '"}')
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    code, said = answer("ledger", "append", ledger, tmp_path / "long", tmp_path / "bad")
    assert code == 2
    long, bad = [problem["rule"] for problem in said["problems"]]  # type: ignore[attr-defined]
    assert "65558 bytes" in long
    assert "not JSON" in bad
    assert openleo("ledger", "append", ledger, tmp_path / "nothing")[0] == 2
    assert openleo("ledger", "append", tmp_path / "elsewhere", tmp_path / "bad")[0] == 2


def test_signing_can_be_left_for_later(ledger: Path, note: Path, tmp_path: Path) -> None:
    (ledger / "log.key").rename(tmp_path / "elsewhere.key")
    assert openleo("ledger", "append", ledger, note, "--no-checkpoint")[0] == 0
    code, _, told = openleo("ledger", "append", ledger, note)
    assert (code, "log.key cannot be read" in told) == (2, True)
    for verb in (("prove", ledger, 0), ("export", ledger, tmp_path / "site")):
        assert openleo("ledger", *verb)[0] == 2
    assert answer("ledger", "verify", ledger)[0] == 3
    code, out, _ = openleo("ledger", "checkpoint", ledger, "--key", tmp_path / "elsewhere.key")
    assert (code, out.split("\n")[:2]) == (0, [ORIGIN, "1"])
    assert answer("ledger", "verify", ledger)[1]["size"] == 1


def test_a_ledger_altered_in_its_database_refuses_with_the_entry(ledger: Path, note: Path, tmp_path: Path) -> None:
    import sqlite3

    openleo("ledger", "append", ledger, "--lines", many(tmp_path, 100))
    with sqlite3.connect(ledger / "ledger.sqlite") as connection:
        connection.execute("delete from ledger_entry where number = 42")
    connection.close()
    for verb in (("append", ledger, note), ("prove", ledger, 3), ("verify", ledger), ("checkpoint", ledger)):
        code, said = answer("ledger", *verb)
        assert (code, said["ok"], said["entry"]) == (3, False, 42)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("verify", "PROOF"), "--vkey: is needed for a proof"),
        (("verify", "PROOF", "--vkey", "x+y"), "is not NAME+KEYID+KEY"),
        (("verify", "PROOF", "--vkey", "KEY", "--policy", "KEY"), "only one of them"),
        (("verify", "nowhere", "--vkey", "KEY"), "nowhere/checkpoint is not there"),
        (("verify", "LEDGER", "--entry", "KEY"), "--entry: is for a proof"),
        (("verify", "PROOF", "--policy", "PROOF"), "line 1: "),
        (("watch", "nowhere", "--state", "x"), "--vkey: is needed"),
        (("prove", "LEDGER", "99"), "entry 99 is not under a signed checkpoint; the last one is of size 1"),
        (("init", "LEDGER", "--origin", ORIGIN), "holds a ledger already"),
        (("init", "LEDGER", "--origin", "example.org/b"), "is the key of"),
        (("init", "other", "--origin", "a b"), "cannot name a key"),
        (("witness", "other", "--log", "KEY"), "--name: is needed"),
    ],
)
def test_what_is_wrong_is_said(
    ledger: Path, note: Path, tmp_path: Path, arguments: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    openleo("ledger", "append", ledger, note)
    openleo("ledger", "prove", ledger, 0, "--out", "proof")
    names = {"PROOF": "proof", "KEY": "vkey", "LEDGER": str(ledger)}
    code, out, told = openleo("ledger", *[names.get(one, one) for one in arguments])
    assert (code, out, why in told) == (2, "", True), told


def test_an_altered_proof_exits_3(ledger: Path, note: Path, tmp_path: Path) -> None:
    openleo("ledger", "append", ledger, "--lines", many(tmp_path, 50))
    openleo("ledger", "prove", ledger, 7, "--out", tmp_path / "p")
    text = (tmp_path / "p").read_text()
    for old, new in (
        ("index 7", "index 8"),
        ("\n50\n", "\n51\n"),
        ("@v1", "@v2"),
        ("extra e", "extra f"),
        ("— ", "- "),
    ):
        assert old in text
        (tmp_path / "q").write_text(text.replace(old, new))
        code, said = answer("ledger", "verify", tmp_path / "q", "--vkey", tmp_path / "vkey")
        assert (code, said["ok"]) == (3, False), old


def heeds_interrupts() -> None:
    """What is started in the background of a script ignores them otherwise, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_witnesses_cosign_and_a_policy_counts_them(ledger: Path, note: Path, tmp_path: Path) -> None:
    """Two witnesses in processes of their own; one is stopped, and the quorum of both is then not met."""
    openleo("ledger", "append", ledger, note)
    running, lines = [], [f"log {(tmp_path / 'vkey').read_text().strip()}"]
    try:
        for number in (1, 2):
            command = ["ledger", "witness", tmp_path / f"w{number}", "--name", f"example.org/w{number}"]
            process = subprocess.Popen(
                [sys.executable, "-m", "openleo", *map(str, command), "--log", str(tmp_path / "vkey"), "--port", "0"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                preexec_fn=heeds_interrupts,
            )  # fmt: skip
            running.append(process)
            assert process.stdout is not None
            lines.append(f"witness w{number} {process.stdout.readline().strip()}")
        trust = tmp_path / "policy"
        trust.write_text("\n".join([*lines, "group both all w1 w2", "quorum both", ""]))
        code, said = answer("ledger", "checkpoint", ledger, "--policy", trust)
        assert (code, said["warning"], len(said["witnesses"])) == (0, None, 2)  # type: ignore[arg-type]
        openleo("ledger", "export", ledger, tmp_path / "site")
        openleo("ledger", "prove", ledger, 0, "--out", tmp_path / "p")
        for what in (tmp_path / "site", tmp_path / "p", ledger):
            code, said = answer("ledger", "verify", what, "--policy", trust)
            assert (code, said["warning"]) == (0, None)
        running[1].send_signal(signal.SIGINT)
        assert running[1].wait(timeout=20) == 0
        openleo("ledger", "append", ledger, note)
        code, said = answer("ledger", "checkpoint", ledger, "--policy", trust)
        assert (code, "witnesses that cosigned: example.org/w1" in str(said["why"])) == (3, True)
        openleo("ledger", "export", ledger, tmp_path / "site")
        assert answer("ledger", "verify", tmp_path / "site", "--policy", trust)[0] == 3
        assert answer("ledger", "verify", tmp_path / "site", "--vkey", tmp_path / "vkey")[0] == 0
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_the_key_is_never_printed(ledger: Path, note: Path, tmp_path: Path) -> None:
    secret = (ledger / "log.key").read_text().strip().split("+", 4)[4]  # the key itself, which may hold a + too
    printed = ""
    for verb in (("append", ledger, note), ("checkpoint", ledger), ("prove", ledger, 0), ("verify", ledger),
                 ("export", ledger, tmp_path / "site"), ("init", ledger, "--origin", ORIGIN)):  # fmt: skip
        for more in ((), ("--json",)):
            printed += "".join(map(str, openleo("ledger", *verb, *more)))
    shown = b"".join(path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file())
    database = (ledger / "ledger.sqlite").read_bytes()
    assert secret not in printed
    assert secret.encode() not in shown + database


def test_a_folder_is_read_as_an_address_is(tmp_path: Path) -> None:
    files = log_files(entries(3))
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with fetch.source(str(tmp_path)) as reading:
        assert reading("tile/0/000.p/3") == files["tile/0/000.p/3"]
