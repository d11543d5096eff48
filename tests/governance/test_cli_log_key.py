"""The log's key is replaced by the command line, and everybody's verifier follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from office import REQUEST, Office

from command_line import openleo
from openleo.cli import change_options


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path)


def exported(office: Office) -> tuple[Path, str]:
    public = office.path / "public"
    code, out, err = openleo("ledger", "export", office.ledger, public)
    assert code == 0, out + err
    return public, (public / "vkey").read_text().strip()


def test_a_log_key_is_proposed_approved_and_followed(office: Office) -> None:
    public, old = exported(office)
    said = office.propose("propose-log-key", "rotation", of="officer")
    (move,) = said["proposed"]["moves"]
    assert (move["target"], move["base"]) == ("log_key", old)
    (waiting,) = office.ledger.glob("log.key.????????")
    assert waiting.stat().st_mode & 0o777 == 0o600
    office.activate("rotation", code=3)
    office.sign("rotation")
    office.activate("rotation")
    assert not waiting.exists()
    assert office.audit()["active"]["log_key"] == move["new"]

    proof = office.path / "rotation" / "proof.tlog-proof"
    for key in (old, move["new"]):
        assert openleo("ledger", "verify", proof, "--vkey", key)[0] == 0
    body = {"party": "p", "what": "w", "legal_reference": "l", "asked_at": "2026-03-01T00:00:00Z", "given": "g"}
    (office.path / "said.json").write_text(json.dumps(body))
    office.change("record", "disclosure", "--json", office.path / "said.json")
    public, new = exported(office)
    assert new == move["new"]
    assert openleo("ledger", "verify", public, "--vkey", new)[0] == 0
    assert openleo("ledger", "verify", public, "--vkey", old)[0] == 3
    assert openleo("ledger", "verify", office.ledger, "--vkey", new)[0] == 0
    code, out, err = openleo("change", "audit", public, "--json")
    assert code == 0, out + err
    assert json.loads(out)["active"]["log_key"] == new


def test_a_proposal_that_fails_leaves_no_key_behind(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_options, "DAYS_APPROVING", -1)
    assert "over before" in office.change("propose-log-key", *REQUEST, "--out", office.path / "x", of="officer", code=3)
    assert not list(office.ledger.glob("log.key.????????"))
    office.propose("propose-log-key", "x", "--expires", "2999-01-01T00:00:00Z", of="officer")


def test_nothing_is_appended_by_hand_to_a_ledger_that_governs(office: Office) -> None:
    entry = office.path / "entry.json"
    entry.write_text('{"type": "disclosure"}')
    code, out, err = openleo("ledger", "append", office.ledger, entry)
    assert (code, out) == (2, "")
    assert "openleo change record" in err
    office.audit()
