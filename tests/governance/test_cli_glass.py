"""Break-glass for rules by the command line: the books are kept, hold for a time, and an auditor finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from office import Office
from world_made import OPERATORS

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
