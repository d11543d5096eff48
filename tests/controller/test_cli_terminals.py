"""`openleo controller terminals` and `accounts` on a data folder: what they print, and their exits."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from founded import founded

from command_line import openleo

WHO = ("--actor", "desk-2", "--reason", "as told")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    founded(tmp_path)
    rows = [f"t-{n},{base64.b64encode(bytes([n]) * 32).decode()},fixed,a-{n % 2},TWN" for n in range(10, 60)]
    (tmp_path / "t.csv").write_text("\n".join(["id,public_key,class,account,home_territory", *rows]))
    return tmp_path


def said(place: Path, *words: object, code: int = 0) -> str:
    found, out, err = openleo("controller", *words, "--data", place / "ledger")
    assert found == code, out + err
    return out + err


def test_a_fleet_is_enrolled_and_one_of_it_lost(place: Path) -> None:
    enrol = ("terminals", "enrol", place / "t.csv", "--make-accounts", "--active", "--json")
    assert json.loads(said(place, *enrol))["enrolled"] == 50
    assert json.loads(said(place, *enrol))["known"] == 50
    lost = json.loads(said(place, "terminals", "state", "t-10", "lost", *WHO, "--json"))
    assert (lost["state"], lost["version"]) == ("lost", 2)
    assert said(place, "terminals", "list", "--state", "lost").startswith("t-10  lost  fixed")
    assert len(said(place, "terminals", "list", "--account", "a-1", "--commitments").splitlines()) == 25
    shown = json.loads(said(place, "terminals", "show", "t-10", "--json"))
    assert [event["actor"] for event in shown["history"]] == ["data-folder", "desk-2"]
    refused = json.loads(said(place, "accounts", "suspend", "a-1", *WHO, "--json", code=3).partition("\na-1:")[0])
    assert refused["ok"] is False
    assert "propose-act account.suspended" in refused["why"]
    accounts = {row["id"]: row for row in json.loads(said(place, "accounts", "list", "--json"))}
    assert (accounts["a-1"]["state"], accounts["a-0"]["terminals"]) == ("active", 25)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("terminals", "state", "t-1", "gone", *WHO), 2, "States: active, suspended, lost or revoked"),
        (("terminals", "state", "t-1", "lost", *WHO), 2, "there is no terminal t-1"),
        (("terminals", "change", "t-1", "--key", "no", *WHO), 2, "neither base64 nor hexadecimal"),
        (("terminals", "change", "t-1", "--class", "fix", *WHO), 2, "Did you mean fixed?"),
        (("terminals", "enrol", "missing.csv"), 2, "cannot be read"),
        (("accounts", "suspend", "a-9", *WHO), 2, "there is no account a-9"),
        (("terminals", "list", "--state", "lots"), 2, "Did you mean lost?"),
    ],
)
def test_what_cannot_be_done_is_told(place: Path, words: tuple[str, ...], code: int, why: str) -> None:
    assert why in said(place, *words, code=code)


def test_what_does_not_follow_is_a_no(place: Path) -> None:
    said(place, "terminals", "enrol", place / "t.csv", "--make-accounts")
    said(place, "terminals", "state", "t-10", "revoked", *WHO)
    assert "revoked, for good" in said(place, "terminals", "state", "t-10", "active", *WHO, code=3)
    assert "nothing was behind the ledger" in said(place, "terminals", "follow")
