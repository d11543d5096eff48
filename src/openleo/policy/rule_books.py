"""Books as documents of their own: the rules of one authority with every file that they name, in one JSON object.

    {"schema": 1, "book": "regulator:TWN", "classes": [], "rule": [{…}], "files": {"zone.geojson": "…"}}

A book that takes effect is kept and named by the sha256 of this document's RFC 8785 bytes; nothing beside it is needed
to read its rules again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from openleo.errors import InputError, Problem
from openleo.places import shapes
from openleo.places.crossings import check_meetings, segments_of
from openleo.places.expression_text import files_named
from openleo.policy.rule_file import read_rules, read_table, rule_files
from openleo.policy.rules import CLASSES, SCHEMA, RuleSet
from openleo.reading import bounded_text

Document = Mapping[str, Any]

MOST_BYTES = 50_000_000  # of a file that a rule names
MOST_STEPS = 200_000  # of all outlines of new books: Canada's coast, widened, and what comes of it; half a minute
MOST_MEETINGS = 1_000_000  # pairs of edges of new books that are near each other
NAME = "book.json"
DEEPEST = 10  # folders in the name of a file


def book_documents(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """The document of every book in some rule files, by its name. Raises InputError with every problem of them."""
    paths = rule_files(paths)
    read_rules(paths)  # whatever is wrong with them is told first
    books: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for path in paths:
        table = _plain(read_table(path))
        book = books.setdefault(
            table["book"], {"schema": SCHEMA, "book": table["book"], "classes": [], "rule": [], "files": {}}
        )
        book["classes"] = sorted({*book["classes"], *(set(table.get("classes", ())) - {*CLASSES})})
        book["rule"] = sorted([*book["rule"], *table.get("rule", ())], key=lambda rule: str(rule["id"]))
        problems += _add_files(book["files"], path, table.get("rule", ()))
    if problems:
        raise InputError(problems)
    return books


def rules_of_books(documents: Iterable[Document], folder: Path) -> RuleSet:
    """The rules of books together; `folder`, an empty one, is where they are written to be read. Raises InputError.

    Whoever wrote a book, nothing is read but what stands in it: a rule that names another file is refused.
    """
    paths = []
    for number, document in enumerate(documents):
        place = folder / str(number) / Path(*["in"] * DEEPEST)  # so that `..` leads to no other book
        place.mkdir(parents=True)
        files = document.get("files")
        if not isinstance(files, Mapping) or not all(isinstance(text, str) for text in files.values()):
            raise InputError(Problem(f"book {document.get('book')}", "files", "is no table of texts by their names."))
        for name, text in files.items():
            if _unkept(name):
                raise InputError(Problem(f"book {document['book']}", "files", f"holds {name!r}, which lies outside."))
            try:
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(text, encoding="utf-8")
            except (OSError, ValueError) as error:  # a name that is too long or another's folder, text that is none
                rule = f"holds {name[:80]!r}, which cannot be written: {error.__class__.__name__}."
                raise InputError(Problem(f"book {document['book']}", "files", rule)) from None
        if problems := list(_not_kept(document, files)):
            raise InputError(problems)
        table = {key: value for key, value in document.items() if key != "files"}
        (place / NAME).write_text(json.dumps(table), encoding="utf-8")
        paths.append(place / NAME)
    return read_rules(paths)


def check_cost(new: Iterable[Document], held: Iterable[Document] = ()) -> None:
    """That new books do not ask for work without end: polygons and strips that are too long, or cross too often.

    `held`: books beside them, whose classes they may name. Raises InputError.
    """
    beside = [{**one, "rule": [], "files": {}} for one in held]
    with TemporaryDirectory() as folder, shapes.at_most(MOST_STEPS):
        polygons = [region.polygon for region in rules_of_books([*new, *beside], Path(folder)).regions]
        shapes.spend(sum(shapes.steps_of(segments_of(polygon)) for polygon in polygons))
    check_meetings(polygons, MOST_MEETINGS)


def _add_files(files: dict[str, str], path: Path, rules: Iterable[Document]) -> Iterator[Problem]:
    """Takes in the files that the rules of one file name; gives what is wrong with them."""
    for rule in rules:
        for name in _named_by(rule):
            where = f'rule "{rule.get("id")}"'
            if _unkept(name):
                way_out = "A book is kept with its files: name them from where it stands."
                yield Problem(str(path), where, f'names "{name}", which is no path from the rule file on.', way_out)
                continue
            text = bounded_text(path.parent / name, MOST_BYTES, "Simplify it.")
            if files.setdefault(name, text) != text:
                yield Problem(str(path), where, f'names "{name}", and another file of the book is called so.')


def _not_kept(document: Document, files: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the files that the rules of a document name: each has to be one of its own."""
    rules = document.get("rule")
    for rule in rules if isinstance(rules, list) else []:
        for name in _named_by(rule):
            if name not in files:
                where = f'rule "{str(rule.get("id"))[:80]}"'
                said = f"names {name[:80]!r}, which is not among the files of the book."
                yield Problem(f"book {document.get('book')}", where, said, "A book is kept with the files it names.")


def _named_by(rule: object) -> Iterator[str]:
    """The files that a rule names, whatever else is wrong with it."""
    territory = rule.get("territory") if isinstance(rule, Mapping) else None
    if isinstance(territory, str):
        territory = {"in": territory}
    if not isinstance(territory, Mapping):
        return
    words = territory.get("in")
    for word in words if isinstance(words, list) else [words]:
        if isinstance(word, str):
            yield from files_named(word)
    for key in ("geojson", "cells"):
        if isinstance(name := territory.get(key), str):
            yield name


def _unkept(name: str) -> bool:
    """Whether a path cannot be kept with a book: it does not start from it, or leads too far up or down."""
    parts = PurePosixPath(name).parts
    return not parts or name.startswith("/") or "\\" in name or "\0" in name or name == NAME or len(parts) > DEEPEST


def _plain(value: Any) -> Any:
    """What TOML reads, as JSON has it: instants, dates and times as the texts that rule files may hold too."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value
