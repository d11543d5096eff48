"""The private registry and enrolment by the command line: names stay in the folder, the ledger has commitments."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from pathlib import Path

import pytest
from office import Office

from openleo.governance.registry import Registry
from openleo.governance.state import Refused

NAME, TERMINAL = "Roads and Bridges Ltd", "kit-0001"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office.founded(tmp_path)


def records(office: Office) -> bytes:
    return (office.ledger / "private" / "records.sqlite").read_bytes()


def test_a_commitment_is_made_once_and_opened_to_an_auditor(office: Office) -> None:
    made = office.change("commit", "account", NAME).strip()
    assert office.change("commit", "account", NAME).strip() == made
    assert office.change("commit", "terminal", NAME).strip() != made
    assert "key" in office.change("open", made)
    said = json.loads(office.change("open", made, "--json"))
    assert (said["kind"], said["name"]) == ("account", NAME)
    # As `change open --help` tells an auditor to make it again, with nothing of ours.
    words = b"".join(
        struct.pack(">I", len(word)) + word for word in (b"openleo-commitment@v1", b"account", NAME.encode())
    )
    assert made == "hmac-sha256:" + hmac.new(bytes.fromhex(said["key"]), words, hashlib.sha256).hexdigest()


def test_the_registry_is_its_owners_alone(office: Office) -> None:
    office.change("commit", "account", NAME)
    folder = office.ledger / "private"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "records.sqlite").stat().st_mode & 0o777 == 0o600
    folder.chmod(0o755)
    assert "can be read by others" in office.change("commit", "account", NAME, code=3)


def test_what_is_forgotten_is_in_no_byte_of_the_registry(office: Office) -> None:
    made = office.change("commit", "account", NAME).strip()
    other = office.change("commit", "account", "another").strip()
    key = bytes.fromhex(json.loads(office.change("open", made, "--json"))["key"])
    assert NAME.encode() in records(office)
    assert key in records(office)
    office.change("forget", made)
    assert NAME.encode() not in records(office)
    assert key not in records(office)
    assert [path.name for path in (office.ledger / "private").iterdir()] == ["records.sqlite"]
    assert "erased" in office.change("open", made, code=3)
    assert "erased" in office.change("forget", made, code=3)
    assert "another" in office.change("open", other)
    assert office.change("commit", "account", NAME).strip() != made  # a new record, under a new key


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("commit", "person", "x"), 2, "known are account or terminal"),
        (("commit", "account", " "), 2, "is not empty"),
        (("open", "hmac-sha256:" + "0" * 64), 3, "no record"),
    ],
)
def test_what_the_registry_has_not_is_refused(office: Office, words: tuple[str, ...], code: int, why: str) -> None:
    assert why in office.change(*words, code=code)


def test_names_of_one_batch_are_all_kept_or_none(tmp_path: Path) -> None:
    turns = iter([b"k" * 32])

    def random_bytes(count: int) -> bytes:
        found = next(turns, None)
        if found is None:
            raise OSError("no entropy")
        assert len(found) == count
        return found

    with Registry(tmp_path, random_bytes) as registry, pytest.raises(Refused, match="no entropy"):
        registry.commitments("account", ["a", "b"])
    with Registry(tmp_path) as registry:
        made = registry.commitments("account", ["a", "a"])
        assert registry.open(made["a"]).key != b"k" * 32


# --- terminals ------------------------------------------------------------------------------------------------------


def test_a_terminal_is_enrolled_transferred_and_revoked(office: Office) -> None:
    fleet = office.path / "fleet.csv"  # of which one is one per cent
    fleet.write_text("terminal,account,territory,class\n" + "".join(f"k{n},fleet,TWN,fixed\n" for n in range(99)))
    office.change("enrol", "--csv", fleet)
    made = office.change("enrol", TERMINAL, "--account", NAME, "--territory", "TWN", "--class", "fixed").strip()
    assert made == office.change("commit", "terminal", TERMINAL).strip()
    office.change("transfer", TERMINAL, "--account", "another")
    office.change("revoke-terminal", made)
    bodies = office.entries(100)
    assert [entry["type"] for entry in bodies] == ["terminal.enrolled", "terminal.transferred", "terminal.revoked"]
    first, second, third = (entry["body"] for entry in bodies)
    assert first == {
        "terminal": made,
        "account": office.change("commit", "account", NAME).strip(),
        "territory": "TWN",
        "class": "fixed",
    }
    assert second == first | {"account": office.change("commit", "account", "another").strip()} == third
    whole = b"".join(path.read_bytes() for path in office.ledger.iterdir() if path.is_file())
    assert NAME.encode() not in whole
    assert TERMINAL.encode() not in whole


def test_many_terminals_come_from_a_table_and_count_where_their_account_is_suspended(office: Office) -> None:
    table = office.path / "terminals.csv"
    rows = [
        f"kit-{number},{NAME},{'TWN' if number % 2 else 'JPN'},{'emergency' if number == 1 else 'fixed'}"
        for number in range(60)
    ]
    table.write_text("terminal,account,territory,class\n" + "\n".join(rows) + "\n")
    said = json.loads(office.change("enrol", "--csv", table, "--json"))
    assert (said["first"], said["last"]) == (1, 60)
    firm = "account:" + office.change("commit", "account", NAME).strip()
    alone = ("account.suspended", firm, "suspended", "--actor", "operator-1", "--reason", "unpaid")
    assert "60 terminals" in office.change("act", *alone, code=3)
    change = office.propose("propose-act", "cut", "account.suspended", firm)
    lost = {one["territory"]: one for one in change["effect"]["touched"]}
    assert (lost["JPN"]["terminals_lost"], lost["TWN"]["terminals_lost"]) == (30, 29 + 9)
    assert lost["JPN"]["emergency_terminals_lost"] == 0
    assert lost["TWN"]["emergency_terminals_lost"] == 9  # 1 to 9 stand as 9, in the rows of the effect as well
    office.audit()


def test_a_table_is_refused_whole_with_every_problem(office: Office) -> None:
    table = office.path / "terminals.csv"
    table.write_text("terminal,account,territory,class\na,x,TWN,fixed\na,x,TWN,fixed\nb,,TWN,fixed\n")
    said = office.change("enrol", "--csv", table, code=2)
    assert "in line 2 already" in said
    assert "says no account" in said
    table.write_text("terminal,account,territory,class\na,x,Nowhere,fixed\nb,x,TWN,not a class!\n")
    said = office.change("enrol", "--csv", table, code=2)
    assert "line 2" in said
    assert "line 3" in said
    table.write_text("terminal,account\na,x\n")
    assert "lacks territory, class" in office.change("enrol", "--csv", table, code=2)
    assert "and not both" in office.change("enrol", code=2)
    assert "--class" in office.change("enrol", "a", "--account", "x", "--territory", "TWN", code=2)
    assert len(office.entries(0)) == 1


def test_who_is_not_enrolled_is_not_transferred(office: Office) -> None:
    assert "not enrolled" in office.change("transfer", "ghost", "--account", "x", code=3)
    assert "not enrolled" in office.change("revoke-terminal", "ghost", code=3)
    assert b"ghost" not in records(office)
    made = office.change("commit", "terminal", "ghost").strip()
    assert "not enrolled" in office.change("revoke-terminal", made, code=3)
    assert "and no commitment" in office.change("commit", "account", "hmac-sha256:nonsense", code=2)


# --- what is only told ----------------------------------------------------------------------------------------------

MASK = {"sha256": "a" * 64, "from": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z", "note": ""}
DISCLOSED = {
    "party": "a court of an example",
    "what": "the account behind one commitment",
    "legal_reference": "order 1",
    "asked_at": "2026-03-01T00:00:00Z",
    "given": "nothing: the order names no ground",
}


@pytest.mark.parametrize(
    ("type_", "body"), [("mask.published", MASK), ("enforcement.summary", MASK), ("disclosure", DISCLOSED)]
)
def test_facts_are_recorded_as_their_schema_says(office: Office, type_: str, body: dict[str, str]) -> None:
    said = office.path / "said.json"
    said.write_text(json.dumps(body))
    office.change("record", type_, "--json", said)
    (entry,) = office.entries()
    assert (entry["type"], entry["body"]) == (type_, body)
    office.audit()
    for key in body:
        said.write_text(json.dumps({one: value for one, value in body.items() if one != key}))
        assert key in office.change("record", type_, "--json", said, code=2)
    said.write_text(json.dumps(body | {"name": "somebody"}))
    assert "name" in office.change("record", type_, "--json", said, code=2)


def test_what_takes_effect_is_not_recorded_by_hand(office: Office) -> None:
    said = office.path / "said.json"
    said.write_text("{}")
    for type_ in ("account.suspended", "change.activated", "note"):
        assert "recorded are" in office.change("record", type_, "--json", said, code=2)
    said.write_text(os.linesep + "no json")
    assert "said.json" in office.change("record", "disclosure", "--json", said, code=2)
