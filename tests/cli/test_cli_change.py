"""`openleo officer` and `openleo change` from end to end, as people use them: with keys and signatures of ssh-keygen.

A tiny network around Singapore; its operator and two regulators. The main path is walked once; every test starts from a
copy of what it left.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cli_policy_effect import PERMITS, SCENARIO, STRIP

from command_line import Done, run_openleo

PARTIES = {
    "operator": ("operator-1", "operator-2", "operator-3"),
    "regulator:SGP": ("sgp-1", "sgp-2"),
    "regulator:MYS": ("mys-1", "mys-2"),
}
ORIGIN = "example.org/strait"
SAID = ("--requester", "operator-1", "--on-behalf-of", "operator", "--reason", "an example", "--legal", "none")
NETWORK = ("--scenario", "s.toml", "--slots", 2)


@dataclass
class Place:
    """A folder in which a user works."""

    path: Path

    def run(self, *words: object, code: int = 0) -> Done:
        before = Path.cwd()
        os.chdir(self.path)
        try:
            done = run_openleo(*words)
        finally:
            os.chdir(before)
        assert done.code == code, (words, done)
        return done

    def bytes(self, *words: object) -> bytes:
        """What a verb prints for somebody to sign, byte for byte."""
        command = [sys.executable, "-m", "openleo", *map(str, words)]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True).stdout

    def sign(self, who: str, file: str, namespace: str = "openleo-approval@v1") -> Path:
        """The signature of somebody, by ssh-keygen; beside the file, under their name."""
        place = self.path / file
        made = place.with_name(place.name + ".sig")
        made.unlink(missing_ok=True)
        key = self.path / "keys" / who
        arguments = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, place]
        subprocess.run([str(one) for one in arguments], check=True, capture_output=True)
        return made.rename(made.with_name(f"{who}-{place.stem}.sig"))

    def submit(self, folder: str, who: str, code: int = 0) -> Done:
        """The request of a draft, signed and handed in."""
        made = self.sign(who, f"{folder}/to-request.json", "openleo-request@v1")
        return self.run("change", "submit", folder, "--signature", made, "--json", code=code)

    def vote(self, verb: str, folder: str, who: str, code: int = 0, signer: str = "") -> Done:
        file = {"approve": "to-sign.json", "withdraw": "to-withdraw.json", "reject": "to-reject.json"}[verb]
        signature = self.sign(signer or who, f"{folder}/{file}")
        return self.run("change", verb, folder, "--officer", who, "--signature", signature, "--json", code=code)

    def propose(self, folder: str, new: str, base: str, *more: object, code: int = 0) -> Done:
        words = ("change", "propose", new, "--base", base, *NETWORK, *SAID, "--out", folder, *more, "--json")
        return self.run(*words, code=code)

    def activate(self, folder: str, code: int = 0) -> Done:
        return self.run("change", "activate", folder, *NETWORK, "--json", code=code)

    def public(self, who: str) -> str:
        return (self.path / "keys" / f"{who}.pub").read_text().strip()

    def entries(self) -> list[dict[str, Any]]:
        database = sqlite3.connect(f"{(self.path / 'ledger' / 'ledger.sqlite').as_uri()}?mode=ro", uri=True)
        found = [json.loads(body) for (body,) in database.execute("select body from ledger_entry order by number")]
        database.close()
        return found


def roster(place: Place) -> str:
    text = "schema = 1\n"
    for party, officers in PARTIES.items():
        text += f'[[party]]\nid = "{party}"\n'
        for who in officers:
            role = '["break-glass"]' if party == "operator" else "[]"
            text += f'[[officer]]\nid = "{who}"\nparty = "{party}"\nroles = {role}\nkeys = ["{place.public(who)}"]\n'
    anyone = "all(1 of operator, any(1 of regulator:SGP, 1 of regulator:MYS))"
    text += f'[[quorum]]\nquorum = "{anyone}"\n'
    text += '[[quorum]]\nterritory = "SGP"\nquorum = "all(1 of operator, 1 of regulator:SGP)"\n'
    vaults = ", ".join(f'"{place.public(who)}"' for who in ("vault-1", "vault-2"))
    return text + f"[recovery]\nthreshold = 2\nkeys = [{vaults}]\n"


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Founded, and a first book in force: the main path."""
    place = Place(tmp_path_factory.mktemp("change"))
    cache = tmp_path_factory.mktemp("change-cache")
    before, os.environ["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME"), str(cache)
    (place.path / "keys").mkdir()
    for who in (*(one for some in PARTIES.values() for one in some), "vault-1", "vault-2", "stranger"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place.path / "keys" / who)]
        subprocess.run(words, check=True)
    for name, text in (("s.toml", SCENARIO), ("old.toml", PERMITS), ("new.toml", PERMITS + STRIP)):
        (place.path / name).write_text(text)
    (place.path / "roster.toml").write_text(roster(place))
    place.run("officer", "check", "roster.toml")
    place.run("officer", "genesis", "roster.toml", "--origin", ORIGIN, "--out", "genesis")
    for who in (one for some in PARTIES.values() for one in some):
        place.sign(who, "genesis/to-sign.json").rename(place.path / "genesis" / "approvals" / f"{who}.sig")
    place.run("officer", "found", "genesis", "--ledger", "ledger")
    place.propose("first", "old.toml", "none")
    assert "approving: lacks 1 of operator, 1 of regulator:SGP" in place.activate("first", code=3).json["why"]
    place.vote("approve", "first", "operator-2")
    place.vote("approve", "first", "sgp-1")
    assert place.activate("first").json["entry"] == 5
    yield place
    os.environ.pop("XDG_CACHE_HOME")
    if before is not None:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture
def place(walked: Place, tmp_path: Path) -> Place:
    shutil.copytree(walked.path, tmp_path / "place")
    return Place(tmp_path / "place")


# --- the main path --------------------------------------------------------------------------------------------------


def test_the_main_path_is_in_force_proven_and_audited(place: Place) -> None:
    assert [one["type"] for one in place.entries()] == [
        "genesis",
        "change.proposed",
        "change.effect",
        "change.approval",
        "change.approval",
        "change.activated",
    ]
    assert "regulator:SGP" in place.run("officer", "list").out
    shown = place.run("change", "show", "first", "--json").json
    assert (shown["status"], shown["approved_by"]) == ("active", ["operator-2", "sgp-1"])
    place.run("ledger", "export", "ledger", "public")
    vkey = (place.path / "public" / "vkey").read_text().strip()
    assert place.run("change", "verify", "first", "--vkey", vkey, "--json").json["proven"]
    for where in ("ledger", "public"):
        audited = place.run("change", "audit", where, "--artefacts", "ledger/artefacts", "--json").json
        assert audited["ok"]
        assert audited["active"] == {**audited["active"], "book:operator": shown["proposed"]["moves"][0]["new"]}


def test_ssh_keygen_accepts_what_was_approved_and_not_what_was_altered(place: Place) -> None:
    allowed = place.path / "allowed"
    allowed.write_text(f"sgp-1 {place.public('sgp-1')}\n")
    signature = place.path / "first" / "approvals" / "sgp-1.sig"
    words = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "sgp-1", "-n", "openleo-approval@v1", "-s", signature]
    message = (place.path / "first" / "to-sign.json").read_bytes()
    for said, code in ((message, 0), (message.replace(b"operator", b"0perator", 1), 255)):
        assert subprocess.run([str(one) for one in words], input=said, capture_output=True).returncode == code


def test_founding_answers_as_json(place: Place) -> None:
    checked = place.run("officer", "check", "roster.toml", "--json").json
    assert (checked["ok"], len(checked["officers"]), len(checked["quorums"])) == (True, 7, 2)
    genesis = ("officer", "genesis", "roster.toml", "--origin", "example.org/second", "--out", "second", "--json")
    drafted = place.run(*genesis).json
    assert [one["officer"] for one in drafted["signatures"]] == checked["officers"]
    found = ("officer", "found", "second", "--ledger", "ledger-2", "--json")
    refused = place.run(*found, code=3).json
    assert (refused["ok"], refused["entry"]) == (False, None)
    assert "operator-1" in refused["why"]
    assert not (place.path / "ledger-2").exists()
    for one in drafted["signatures"]:
        place.sign(one["officer"], "second/to-sign.json").rename(place.path / one["file"])
    founded = place.run(*found).json
    assert founded["log_vkey"] == drafted["log_vkey"]
    assert place.run("change", "audit", "ledger-2", "--genesis", founded["genesis"], "--json").json["ok"]


def test_one_key_does_not_stand_for_two_in_a_folder(place: Place) -> None:
    """Whose key it is, the ledger says; that one key is not two officers', the folder shows by itself."""
    approvals = place.path / "first" / "approvals"
    assert set(place.run("change", "verify", "first", "--no-recompute", "--json").json["signed"]) == {
        "operator-2",
        "sgp-1",
    }
    shutil.copy(approvals / "sgp-1.sig", approvals / "operator-2.sig")
    assert "operator-2 and sgp-1 are by one key" in place.run("change", "verify", "first", "--json", code=3).json["why"]


def test_a_strip_is_proposed_withdrawn_rejected_and_reverted(place: Place) -> None:
    place.propose("strip", "new.toml", "old.toml")
    place.vote("approve", "strip", "operator-2")
    place.vote("withdraw", "strip", "operator-2")
    assert "took an approval back" in place.vote("approve", "strip", "operator-2", code=3).json["why"]
    text = place.path / "text.txt"
    text.write_text("people cross the strait every day")
    said = place.bytes("change", "object", "strip", "--officer", "mys-1", "--text", text)
    (place.path / "objection").write_bytes(said)
    signature = place.sign("mys-1", "objection")
    place.run("change", "object", "strip", "--officer", "mys-1", "--text", text, "--signature", signature)
    assert place.run("change", "show", "strip", "--json").json["objections"] == 1
    place.vote("approve", "strip", "operator-3")
    place.vote("approve", "strip", "sgp-2")
    place.activate("strip")
    strip = place.run("change", "show", "strip", "--json").json["change"]
    place.run("change", "revert", strip, *NETWORK, *SAID, "--out", "back")
    place.vote("reject", "back", "mys-2")
    assert "rejected" in place.activate("back", code=3).json["why"]
    place.run("change", "revert", strip, *NETWORK, *SAID, "--out", "again")
    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "again", who)
    place.activate("again")
    first = place.run("change", "show", "first", "--json").json["proposed"]["moves"][0]["new"]
    assert place.run("change", "audit", "ledger", "--json").json["active"]["book:operator"] == first


def test_a_signed_request_is_of_the_rules_in_force_when_it_is_handed_in(place: Place) -> None:
    (place.path / "other.toml").write_text(PERMITS.replace('book = "operator"', 'book = "other"').replace("both", "o"))
    size = len(place.entries())
    place.propose("signed", "new.toml", "old.toml", "--sponsor", "operator-1")
    place.propose("late", "new.toml", "old.toml", "--sponsor", "operator-1")
    assert len(place.entries()) == size
    assert place.submit("signed", "operator-1").json["requester_is"] == "proved"
    place.propose("other", "other.toml", "none")
    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "other", who)
    place.activate("other")
    assert "Propose it again" in place.submit("late", "operator-1", code=3).json["why"]
    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "signed", who)
    place.activate("signed")
    audited = place.run("change", "audit", "ledger", "--json").json
    assert audited["requesters"] == {"proved": 1, "sponsored": 0, "named": 2}


def test_a_new_officer_proves_the_key_and_then_counts(place: Place) -> None:
    text = (place.path / "roster.toml").read_text()
    officer = f'[[officer]]\nid = "sgp-3"\nparty = "regulator:SGP"\nkeys = ["{place.public("stranger")}"]\n'
    (place.path / "larger.toml").write_text(text.replace("[[quorum]]", f"{officer}[[quorum]]", 1))
    words = ("officer", "propose", "larger.toml", *SAID, "--out", "larger")
    assert "nobody proves to hold" in place.run(*words, "--json", code=3).json["why"]
    (place.path / "held").write_bytes(place.bytes("officer", "hold-key", "sgp-3", "keys/stranger.pub"))
    held = place.sign("stranger", "held")
    place.run(*words, "--held", f"sgp-3={held}")
    for who in ("operator-2", "mys-1"):
        place.vote("approve", "larger", who)
    assert "1 of regulator:SGP" in place.activate("larger", code=3).json["why"]  # whose officers change
    place.vote("approve", "larger", "sgp-1")
    place.activate("larger")
    assert [one["type"] for one in place.entries()][-2:] == ["change.activated", "key.added"]
    assert "sgp-3" in place.run("officer", "list").out
    place.propose("strip", "new.toml", "old.toml")
    place.vote("approve", "strip", "sgp-3", signer="stranger")


def test_acts_glass_and_review(place: Place) -> None:
    account = "account:hmac-sha256:" + "1" * 64
    act = ("change", "act", "account.suspended", account, "suspended", "--actor", "operator-1", "--reason", "unpaid")
    assert "has to be approved" in place.run(*act, "--in", "SGP=21", "--json", code=3).json["why"]
    place.run(*act, "--in", "SGP=2")
    draft = ("change", "draft-break-glass", "--move", "book:operator=", "--hours", 2, "--reason", "an earthquake")
    place.run(*draft, "--out", "glass")
    for who in ("operator-1", "operator-2"):
        place.sign(who, "glass/to-sign.json").rename(place.path / "glass" / "approvals" / f"{who}.sig")
    used = place.run("change", "break-glass", "glass", "--json").json["entry"]
    assert place.entries()[used]["type"] == "break_glass.used"
    audited = place.run("change", "audit", "ledger", "--json").json
    assert audited["active"]["book:operator"] is None
    assert audited["active"][account] == "suspended"
    (place.path / "finding.txt").write_text("it was needed")
    id_ = place.entries()[used]["body"]["id"]
    place.run("change", "review", id_, "--finding", "finding.txt", "--out", "review")
    for who in ("operator-3", "mys-1"):
        place.sign(who, "review/to-sign.json").rename(place.path / "review" / "approvals" / f"{who}.sig")
    place.run("change", "review", id_, "--finding", "finding.txt", "--signed", "review")
    place.run("change", "audit", "ledger")


def test_a_change_beside_broken_glass_takes_what_it_takes_for_good(place: Place) -> None:
    """Else what two officers ended for a day would be ended for ever by a change that seems to take nothing."""
    before = place.propose("alone", "none", "old.toml").json["effect"]["touched"]
    draft = ("change", "draft-break-glass", "--move", "book:operator=", "--hours", 2, "--reason", "an earthquake")
    place.run(*draft, "--out", "glass")
    for who in ("operator-1", "operator-2"):
        place.sign(who, "glass/to-sign.json").rename(place.path / "glass" / "approvals" / f"{who}.sig")
    place.run("change", "break-glass", "glass")
    beside = place.propose("beside", "none", "old.toml").json["effect"]["touched"]
    assert any(one["people_lost"] for one in before)
    assert beside == before


# --- refusals -------------------------------------------------------------------------------------------------------


def test_refusals_are_exit_3_with_the_reason(place: Place) -> None:
    place.propose("strip", "new.toml", "old.toml")
    for why, done in {
        "requested the change": place.vote("approve", "strip", "operator-1", code=3),
        "is no key of sgp-1": place.vote("approve", "strip", "sgp-1", code=3, signer="stranger"),
        "is no officer": place.vote("approve", "strip", "nobody", code=3, signer="stranger"),
        "has no approval": place.vote("withdraw", "strip", "sgp-1", code=3),
    }.items():
        assert done.json == {"ok": False, "entry": None, "why": done.json["why"]}
        assert why in done.json["why"]
    place.vote("approve", "strip", "sgp-1")
    assert "one vote" in place.vote("approve", "strip", "sgp-1", code=3).json["why"]
    assert "1 of operator" in place.activate("strip", code=3).json["why"]
    place.vote("approve", "strip", "operator-2")
    other = SCENARIO.replace('duration = "5min"', 'duration = "6min"').replace("resolution = 5", "resolution = 4")
    (place.path / "s.toml").write_text(other)
    assert "another network" in place.activate("strip", code=3).json["why"]


def test_an_approval_is_not_replayed_on_another_change(place: Place) -> None:
    place.propose("strip", "new.toml", "old.toml")
    place.propose("more", "new.toml", "old.toml")
    signature = place.sign("sgp-1", "strip/to-sign.json")
    words = ("change", "approve", "more", "--officer", "sgp-1", "--signature", signature, "--json")
    assert "other bytes" in place.run(*words, code=3).json["why"]


def test_a_swapped_effect_file_is_refused(place: Place) -> None:
    place.propose("strip", "new.toml", "old.toml")
    file = place.path / "strip" / "effect.json"
    effect = json.loads(file.read_bytes())
    file.write_text(json.dumps(effect | {"territories": [], "edges": []}))
    assert "is not the effect of the request" in place.vote("approve", "strip", "sgp-1", code=3).json["why"]
    assert "is not the effect" in place.run("change", "verify", "strip", "--json", code=3).json["why"]


def test_a_gateway_that_goes_without_approvals_is_found(place: Place) -> None:
    """By the auditor, who has the scenario that is run: it is not the network that was approved."""
    answer = place.run("change", "audit", "ledger", "--scenario", "s.toml", "--json", code=3).json
    assert "none was approved yet" in answer["why"]


def test_an_entry_altered_or_dropped_stops_every_verb(place: Place) -> None:
    for sql in (
        "update ledger_entry set body = replace(body, 'an example', 'no example') where number = 1",
        "delete from ledger_entry where number = 5",
    ):
        copy = place.path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(place.path / "ledger", copy)
        database = sqlite3.connect(copy / "ledger.sqlite")
        database.execute(sql)
        database.commit()
        database.close()
        for verb in (
            ("change", "show", "--ledger", copy),
            ("change", "audit", copy),
            ("officer", "list", "--ledger", copy),
        ):
            answer = place.run(*verb, "--json", code=3).json
            assert (answer["ok"], answer["entry"]) == (False, int(sql[-1]))


def test_an_old_copy_of_the_ledger_stops_the_writer(place: Place) -> None:
    shutil.copy(place.path / "ledger" / "ledger.sqlite", place.path / "old.sqlite")
    place.propose("strip", "new.toml", "old.toml")
    for more in ("-wal", "-shm"):
        (place.path / "ledger" / f"ledger.sqlite{more}").unlink(missing_ok=True)
    shutil.copy(place.path / "old.sqlite", place.path / "ledger" / "ledger.sqlite")
    assert "old copy" in place.vote("approve", "strip", "sgp-1", code=3).json["why"]


def test_an_old_copy_is_not_shown_as_if_it_were_current(place: Place) -> None:
    """Verbs that only read compare with what the key remembers; they need no secret for it."""
    shutil.copy(place.path / "ledger" / "ledger.sqlite", place.path / "old.sqlite")
    place.propose("strip", "new.toml", "old.toml")
    for more in ("-wal", "-shm"):
        (place.path / "ledger" / f"ledger.sqlite{more}").unlink(missing_ok=True)
    shutil.copy(place.path / "old.sqlite", place.path / "ledger" / "ledger.sqlite")
    (place.path / "ledger" / "log.key").unlink()
    readers = (
        ("change", "show"),
        ("change", "audit", "ledger"),
        ("officer", "list"),
        ("ledger", "prove", "ledger", 0),
        ("ledger", "verify", "ledger"),
    )
    for verb in readers:
        answer = place.run(*verb, "--json", code=3).json
        assert answer["ok"] is False
        assert "old copy" in answer["why"]
    mark = place.path / "ledger" / "log.key.signed"
    mark.unlink()
    mark.symlink_to(mark)  # stands for one that may not be read, to who may read everything
    for verb in readers:
        assert "an old copy of the ledger would not be told" in place.run(*verb).err


def test_a_clock_set_back_stops_writing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from openleo.cli import change_submit

    monkeypatch.setattr(change_submit, "clock", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    answer = place.propose("strip", "new.toml", "old.toml", "--until", "2029-01-01T00:00:00Z", code=3).json
    assert "time does not go back" in answer["why"] or "is over before" in answer["why"]


def test_a_clock_set_forward_is_found_by_the_auditor(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of tomorrow would begin the rate anew, and end the notice that territories have."""
    from datetime import UTC, datetime, timedelta

    from openleo.cli import change_audit

    monkeypatch.setattr(change_audit, "clock", lambda: datetime.now(UTC) - timedelta(days=1))
    answer = place.run("change", "audit", "ledger", "--json", code=3).json
    assert "which is not yet" in answer["why"]


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_input_is_exit_2_with_a_way_out(place: Place) -> None:
    place.propose("strip", "new.toml", "old.toml")
    signature = place.sign("sgp-1", "strip/to-sign.json")
    (place.path / "large").write_text("x" * 5000)
    (place.path / "bytes").write_bytes(b"\xff\xfe")
    approve = ("change", "approve", "strip", "--officer")
    for words, said in {
        (*approve, "sgp-1", "--signature", "absent"): "cannot be read",
        (*approve, "sgp-1", "--signature", "bytes"): "is no text",
        (*approve, "sgp-1", "--signature", "large"): "4,000 characters",
        (*approve, "../../x", "--signature", signature): "officer",
        ("change", "show", "--ledger", "absent"): "officer found",
        ("change", "verify", "absent"): "holds no request.json. Name the folder that `openleo change propose",
        ("change", "activate", "keys"): "holds no request.json",
        ("change", "approve", "absent", "--officer", "sgp-1", "--signature", signature): "holds no request.json",
        ("change", "activate", "first"): "--scenario",
        ("change", "propose", "old.toml", "--base", "old.toml", *NETWORK, *SAID, "--out", "x"): "nothing would change",
        ("change", "propose", "new.toml", "--base", "none", *NETWORK, *SAID, "--out", "strip"): "exists",
        ("change", "propose", "new.toml", "--base", "new.toml,old.toml", *NETWORK, *SAID, "--out", "x"): "stands twice",
        ("change", "act", "account.suspended", "account:x\n", "suspended", "--actor", "a", "--reason", "b"): "TARGET",
        ("change", "act", "account.suspended", "account:x", "suspended", "--actor", "a", "--reason", "b"): "commitment",
        ("change", "draft-break-glass", "--move", "account:x=suspended", "--hours", 1, "--reason", "x", "--out", "y"): (
            "is no commitment"
        ),
        ("change", "act", "a.b", "account:x", "suspended", "--actor", "a", "--reason", "b"): "known are",
        ("officer", "found", "genesis", "--ledger", "ledger"): "holds something",
        ("officer", "check", "s.toml"): "schema",
        ("officer", "revoke-key", "sgp-1", "s.toml", "--reason", "x"): "public-key line",
        ("change", "break-glass", "strip"): "is no draft",
        ("change", "draft-break-glass", "--move", "x=y", "--hours", 1, "--reason", "x", "--out", "y"): "--move",
        ("change", "draft-break-glass", "--move", "book:a=", "--hours", "inf", "--reason", " ", "--out", "y"): "' '",
    }.items():
        done = place.run(*words, code=2)
        assert said in done.err, (words, done.err)
        assert "Traceback" not in done.err


def test_what_cannot_be_written_is_said_and_loses_nothing(place: Place) -> None:
    """A folder that is a file, for whoever may write everywhere, stands for one without room or rights."""
    place.propose("strip", "new.toml", "old.toml")
    before = place.entries()
    blocked = place.path / "file"
    blocked.write_text("")
    words = ("change", "propose", "none", "--base", "old.toml", *NETWORK, *SAID, "--out", blocked / "x")
    assert "cannot be written" in place.run(*words, code=2).err
    assert place.entries() == before
    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "strip", who)
    (place.path / "strip" / "proof.tlog-proof").mkdir()
    done = place.activate("strip", code=2)
    assert "is in force (entry " in done.err
    for number, name in ((6, "proposal"), (7, "effect"), (10, "proof")):
        assert f"openleo ledger prove ledger {number} --out strip/{name}.tlog-proof" in done.err
    assert place.run("change", "show", "strip", "--json").json["status"] == "active"


def test_artefacts_that_cannot_be_kept_stop_the_proposal(place: Place) -> None:
    shutil.rmtree(place.path / "ledger" / "artefacts")
    (place.path / "ledger" / "artefacts").write_text("no folder")
    before = place.entries()
    words = ("change", "propose", "none", "--base", "old.toml", *NETWORK, *SAID, "--out", "x")
    done = run_at(place, *words)
    assert done.code in (2, 3)
    assert "Traceback" not in done.err
    assert place.entries() == before


def run_at(place: Place, *words: object) -> Done:
    before = Path.cwd()
    os.chdir(place.path)
    try:
        return run_openleo(*words)
    finally:
        os.chdir(before)


# --- fuzz -----------------------------------------------------------------------------------------------------------

HOSTILE = st.sampled_from(
    [None, True, 0, -1, 1e400, 10**30, "", "x", "\ud800", "\x00", [], {}, [[]], {"x": None}, "9" * 5000, [None] * 3]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*path, key))


def _mutated(draw: Callable[..., Any], value: Any) -> Any:
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(_places(value))))
        if not path:
            return copy.deepcopy(draw(HOSTILE))
        at = value
        for key in path[:-1]:
            at = at[key]
        if draw(st.booleans()):
            at[path[-1]] = copy.deepcopy(draw(HOSTILE))  # else a list that was drawn twice may hold itself
        else:
            del at[path[-1]]
    return value


@pytest.mark.parametrize("name", ["request.json", "effect.json", "to-sign.json"])
def test_hostile_files_of_a_folder_are_exit_2_or_3(walked: Place, tmp_path: Path, name: str) -> None:
    shutil.copytree(walked.path, tmp_path / "place")
    place = Place(tmp_path / "place")
    place.propose("strip", "new.toml", "old.toml")
    signature = place.sign("sgp-1", "strip/to-sign.json")
    file = place.path / "strip" / name
    good = file.read_bytes()
    before = len(place.entries())

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            hostile = json.dumps(_mutated(data.draw, json.loads(good))).encode()
        else:
            hostile = data.draw(st.sampled_from([b"", b"[" * 5000, b"\xff", b"NaN", b'{"a":' * 2000])) + good[:0]
        if hostile == good or json_equal(hostile, good):
            return
        file.write_bytes(hostile)
        for words in (
            ("change", "approve", "strip", "--officer", "sgp-1", "--signature", signature, "--json"),
            ("change", "verify", "strip", "--json"),
            ("change", "show", "strip", "--json"),
        ):
            done = run_at(place, *words)
            assert done.code in ((2, 3) if words[1] == "approve" else (0, 2, 3)), (hostile[:200], words, done)
            assert "Traceback" not in done.err
        assert len(place.entries()) == before

    fuzz()


def json_equal(one: bytes, other: bytes) -> bool:
    """Whether two files say the same, so that one in place of the other is no attack."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False
