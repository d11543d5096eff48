"""Books as documents: whatever the shipped examples say comes back with the same hash, from the document alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.policy.rule_books import book_documents, rules_of_books
from openleo.policy.rule_file import read_rules

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/rules/*.toml"))
ZONE = {"type": "Polygon", "coordinates": [[[120, 23], [121, 23], [121, 24], [120, 24], [120, 23]]]}
RULE = """
[[rule]]
id = "{id}"
effect = "permit"
territory = {territory}
reason = "an example"
from = 2026-01-01T00:00:00Z
"""
HEAD = 'schema = 1\nbook = "one"\n'


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_book_comes_back_from_its_document(path: Path, tmp_path: Path) -> None:
    documents = json.loads(json.dumps(book_documents([path])))
    assert rules_of_books(documents.values(), tmp_path).sha256 == read_rules([path]).sha256


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "zone.geojson").write_text(json.dumps(ZONE))
    (tmp_path / "a" / "cells.txt").write_text("844ba11ffffffff\n")
    rules = [
        RULE.format(id="z", territory='{ in = "TWN & ../zone.geojson", include = [] }'),
        RULE.format(id="c", territory='{ cells = "cells.txt" }'),
        RULE.format(id="g", territory='{ geojson = "../zone.geojson" }'),
    ]
    (tmp_path / "a" / "one.toml").write_text(HEAD + "".join(rules))
    return tmp_path / "a" / "one.toml"


def test_files_that_rules_name_come_along(book: Path, tmp_path: Path) -> None:
    before = read_rules([book]).sha256
    documents = book_documents([book])
    assert set(documents["one"]["files"]) == {"../zone.geojson", "cells.txt"}
    (tmp_path / "zone.geojson").unlink()
    assert rules_of_books(documents.values(), tmp_path / "again").sha256 == before


def test_the_order_and_the_files_of_a_book_make_no_difference(tmp_path: Path) -> None:
    first, second = (RULE.format(id=id_, territory='{ in = "TUV" }') for id_ in "ab")
    (tmp_path / "both.toml").write_text(HEAD + second + first)
    for name, rule in (("x", first), ("y", second)):
        (tmp_path / f"{name}.toml").write_text(HEAD + rule)
    apart = book_documents([tmp_path / "x.toml", tmp_path / "y.toml"])
    assert apart == book_documents([tmp_path / "both.toml"])


def test_two_files_of_one_name_are_refused(book: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "cells.txt"
    other.write_text("844ba13ffffffff\n")
    second = tmp_path / "b" / "two.toml"
    second.write_text(HEAD + RULE.format(id="d", territory='{ cells = "cells.txt" }'))
    with pytest.raises(InputError, match="another file of the book is called so"):
        book_documents([book, second])


def test_an_absolute_path_is_refused(book: Path, tmp_path: Path) -> None:
    text = book.read_text().replace("../zone.geojson", str(tmp_path / "zone.geojson"))
    book.write_text(text.replace(" & ", " & '").replace('.geojson", inc', ".geojson'\", inc"))
    with pytest.raises(InputError, match="no path from the rule file on"):
        book_documents([book])


def named_in(where: str, name: str) -> dict[str, object]:
    """A territory that names a file, by one of the ways there are."""
    return {
        "in": {"in": f"'{name}'"},
        "list": {"in": ["TWN", f'"{name}"'], "include": []},
        "less": {"in": f"TWN - buffer('{name}', 5)", "include": []},
        "bare": {"in": f"(TWN & {name})", "include": []},
        "geojson": {"geojson": name},
        "cells": {"cells": name},
    }[where]


@pytest.mark.parametrize("where", ["in", "list", "less", "bare", "geojson", "cells"])
@pytest.mark.parametrize("ending", [".geojson", ".json", ".txt", ".csv", ""])
def test_a_document_reads_no_file_but_its_own(
    where: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book written by hand would have whoever replays the ledger read a file of theirs."""
    secret = tmp_path / f"secret{ending}"
    secret.write_text(json.dumps(ZONE) if ending in (".geojson", ".json") else "844ba11ffffffff\n")
    opened: list[Path] = []
    whole = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *args, **more: (opened.append(path), whole(path, *args, **more))[1])
    up = "/".join([".."] * 40)
    for number, name in enumerate((str(secret), f"{up}{secret}")):
        territory = named_in(where, name)
        rule = {"id": "a", "effect": "permit", "territory": territory, "reason": "an example"}
        rule["from"] = "2026-01-01T00:00:00Z"
        with pytest.raises(InputError) as refused:
            rules_of_books(
                [{"schema": 1, "book": "one", "rule": [rule], "files": {"x.txt": ""}}], tmp_path / str(number)
            )
        if ending or where in ("geojson", "cells"):
            assert "not among the files of the book" in str(refused.value)
    assert secret.resolve() not in [path.resolve() for path in opened]


def test_a_document_that_is_odd_is_refused_and_not_tripped_over(tmp_path: Path) -> None:
    odd = [
        None,
        5,
        [5],
        {"territory": 5},
        {"territory": {"in": 5}},
        {"territory": {"in": [5, None]}},
        {"territory": {"in": {}}},
    ]
    for number, rule in enumerate([*odd, {"id": {}, "territory": "x.geojson"}]):
        for rules in (rule, [rule]):
            document = {"schema": 1, "book": "one", "rule": rules, "files": {}}
            with pytest.raises(InputError):
                rules_of_books([document], tmp_path / f"{number}{isinstance(rules, list)}{rules is rule}")


def test_a_document_that_leads_elsewhere_writes_nothing(tmp_path: Path) -> None:
    document = {"schema": 1, "book": "one", "rule": [], "files": {"/tmp/elsewhere.txt": "x"}}
    with pytest.raises(InputError, match="lies outside"):
        rules_of_books([document], tmp_path)
