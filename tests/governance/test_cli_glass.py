"""Break-glass for rules by the command line: the books are kept, hold for a time, and an auditor finds them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from office import Office
from world_made import OPERATORS, TWN, A

from openleo.cli import change_show
from openleo.cli.change_common import clock

HEAD = 'schema = 1\nbook = "{book}"\n'
RULE = '[[rule]]\nid = "{id}"\neffect = "{effect}"\nterritory = {{in = "{place}"}}\nreason = "an example"\n{more}'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office.founded(tmp_path)
    permit = RULE.format(id="all", effect="permit", place="world", more="")
    (tmp_path / "operator.toml").write_text(HEAD.format(book="operator") + permit)
    forbid = RULE.format(id="strip", effect="forbid", place="PRY", more='emergency = "keep"\n')
    (tmp_path / "strip.toml").write_text(HEAD.format(book="regulator:PRY") + forbid)
    return office


def draft(office: Office, name: str, *words: object, code: int = 0) -> str:
    more = ("--hours", 2, "--reason", "an earthquake", "--out", office.path / name)
    return office.change("draft-break-glass", *words, *more, code=code)


def use(office: Office, name: str, code: int = 0) -> str:
    folder = office.path / name
    for person in OPERATORS[:2]:
        signature = person.sign((folder / "to-sign.json").read_bytes())
        (folder / "approvals" / f"{person.id}.sig").write_text(signature)
    return office.change("break-glass", folder, code=code)


def test_books_hold_at_once_and_are_kept(office: Office) -> None:
    both = f"{office.path / 'operator.toml'},{office.path / 'strip.toml'}"
    said = draft(office, "glass", "--rules", both)
    assert "book:operator: nothing -> " in said
    use(office, "glass")
    (entry,) = office.entries()
    active = office.audit()["active"]
    for move in entry["body"]["moves"]:
        assert active[move["target"]] == move["new"]
        assert (office.ledger / "artefacts" / move["new"]).is_file()
    from openleo import changes
    from openleo.cli.change_common import clock

    with office.house() as house:
        rules = changes.in_force(house.state.active(clock()), house.artefacts).rules
    assert [rule.id for rule in rules.rules] == ["all", "strip"]
    assert "nothing would change" in draft(office, "again", "--rules", both, code=2)


def test_a_use_is_shown_with_its_review_until_it_is_reviewed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    draft(office, "glass", "--move", f"account:hmac-sha256:{A}=suspended")
    use(office, "glass")
    (shown,) = json.loads(office.change("show", "--json"))["break_glass"]
    used = office.entries()[0]["body"]
    assert [shown[key] for key in ("id", "until", "moves", "reason")] == [
        used[key] for key in ("id", "until", "moves", "reason")
    ]
    assert (shown["by"], shown["holds"], shown["reviewed_at"]) == (["operator-1", "operator-2"], True, None)
    assert json.loads(office.change("show", shown["id"], "--json")) == shown
    text = office.change("show")
    assert f"{shown['id']}: break-glass by operator-1 and operator-2" in text
    assert f"it holds; waits for its review, until {shown['review_due']}" in text
    monkeypatch.setattr(change_show, "clock", lambda: clock() + timedelta(days=15))
    assert f"it has lapsed; its review is overdue since {shown['review_due']}" in office.change("show", shown["id"])
    monkeypatch.undo()

    finding = office.path / "finding.txt"
    finding.write_text("An exercise.\n")
    assert "no use g-0 to review" in office.change(
        "review", "g-0", "--finding", finding, "--out", office.path / "no", code=3
    )
    review = ("review", shown["id"], "--finding", finding)
    folder = office.path / "review"
    office.change(*review, "--out", folder)
    for person, code in ((OPERATORS[0], 3), (OPERATORS[2], 0)):
        for signer in (person, TWN[0]):
            signature = signer.sign((folder / "to-sign.json").read_bytes())
            (folder / "approvals" / f"{signer.id}.sig").write_text(signature)
        said = office.change(*review, "--signed", folder, code=code)
        assert code == 0 or "who broke the glass does not review it: operator-1" in said
        (folder / "approvals" / f"{person.id}.sig").unlink()
    assert json.loads(office.change("show", shown["id"], "--json"))["reviewed_at"] is not None
    assert "; reviewed 20" in office.change("show", shown["id"])


def test_a_book_that_is_gone_is_found_by_the_audit_and_stops_the_use(office: Office) -> None:
    draft(office, "glass", "--rules", office.path / "strip.toml")
    draft(office, "other", "--rules", office.path / "operator.toml")
    use(office, "glass")
    (entry,) = office.entries()
    sha256 = entry["body"]["moves"][0]["new"]
    kept = office.ledger / "artefacts" / sha256
    data = kept.read_bytes()
    kept.unlink()
    assert [one["entry"] for one in office.audit(code=3)["findings"]] == [1]
    kept.write_bytes(data.replace(b"PRY", b"BOL"))
    assert "altered" in office.audit(code=3)["why"]
    kept.write_bytes(data)
    office.audit()
    for one in (office.ledger / "artefacts").iterdir():
        one.unlink()
    assert "is not in" in use(office, "other", code=3)
    assert len(office.entries()) == 1


def test_a_book_stands_under_its_own_name(office: Office) -> None:
    """Else its rules would take the place of another book's."""
    draft(office, "kept", "--rules", office.path / "strip.toml")
    (line,) = [one for one in (office.path / "kept" / "draft.json").read_text().split('"') if len(one) == 64]
    draft(office, "glass", "--move", f"book:operator={line}")
    assert "is not the book operator" in use(office, "glass", code=3)
    assert not office.entries()


def test_something_has_to_move(office: Office) -> None:
    assert "--move is needed" in draft(office, "x", code=2)
    assert "cannot stand" in draft(office, "x", "--move", "book:=1", code=2)
    broken = office.path / "broken.toml"
    broken.write_text("schema = 1\n")
    assert "broken.toml" in draft(office, "x", "--rules", broken, code=2)
