"""Rule files: read, checked whole, and made into a RuleSet.

The form is a contract (docs/reference/rules.md, and `openleo policy schema`). A file is TOML, or JSON where its name
ends in .json; both write the same keys. Every problem of every file is found before any is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openleo.errors import InputError, Problem, join_or
from openleo.places.views import View
from openleo.policy.rule_making import read_rule
from openleo.policy.rule_records import FileRecord
from openleo.policy.rules import CLASSES, SCHEMA, Rule, RuleKey, RuleSet, union
from openleo.reading import examine, read_json, read_toml

JSON_ENDING = ".json"
ENDINGS = (".toml", JSON_ENDING)  # of rule files in a folder
MOST_PROBLEMS = 1_000  # of rules, of all files; who has so many mends them first


def read_rules(paths: Iterable[Path], view: View | None = None) -> RuleSet:
    """The union of rule files, and of all in folders. Raises InputError with the problems of all files together.

    `view`: under it every rule takes the contested areas that it gives to the rule's lands.
    """
    paths = rule_files(paths)
    problems: list[Problem] = []
    files: list[_File] = []
    for path in paths:
        file, found = _read_file(path)
        problems += found
        files += [file] if file else []
    classes = _classes(files)
    rules: list[Rule] = []
    names: set[RuleKey] = set()
    for file in files:
        path = file.path
        for number, table in file.rules:
            if len(problems) > MOST_PROBLEMS:
                rule = f"and the rules after it are not looked at: {len(problems):,} problems are enough to mend first."
                problems.append(Problem(str(path), f"rule[{number}]", rule))
                break
            made, found = read_rule(table, number, file.book, path.parent, classes, str(path), view)
            problems += found
            if made is None:
                continue
            if made.key in names:
                rule = f'stands twice in the book "{made.book}".'
                way_out = "Ids name rules in reasons and records; they must differ."
                problems.append(Problem(str(path), f'rule "{made.id}"', rule, way_out))
            names.add(made.key)
            rules.append(made)
    if problems:
        raise InputError(problems)
    return union(rules, classes or (), [str(path) for path in paths])


@dataclass(frozen=True)
class _File:
    """What of a rule file can be looked at; `rules` with their numbers in it."""

    path: Path
    book: str
    classes: tuple[str, ...] | None  # None: not known, for some are at fault
    rules: tuple[tuple[int, dict[str, Any]], ...]


def _read_file(path: Path) -> tuple[_File | None, list[Problem]]:
    """(what of the file can be looked at, its faults); without the former where nothing in it can be read."""
    try:
        data = read_table(path)
    except InputError as error:
        return None, list(error.problems)
    stated = data.get("schema")
    if isinstance(stated, int) and not isinstance(stated, bool) and stated != SCHEMA:
        # What another version means by its keys is not known here, so nothing else is said of the file.
        way_out = f"Write it in schema {SCHEMA} (`openleo policy schema` prints it), or use the version it is for."
        return None, [Problem(str(path), "schema", f"is {stated}; this version reads schema {SCHEMA}.", way_out)]
    _, problems = examine(FileRecord, data, str(path))
    at_fault = {problem.where.partition("[")[0] for problem in problems}
    book = str(path) if "book" in at_fault else data["book"]
    classes = None if "classes" in at_fault else tuple(data.get("classes", ()))
    tables = data.get("rule")
    rules = [(number, table) for number, table in enumerate(tables if isinstance(tables, list) else [])
             if isinstance(table, dict)]  # fmt: skip
    return _File(path, book, classes, tuple(rules)), problems


def _classes(files: Iterable[_File]) -> list[str] | None:
    """All classes that rules may name: of one file, or of another. None where those of some file are not known."""
    known = dict.fromkeys(CLASSES)
    for file in files:
        if file.classes is None:
            return None
        known |= dict.fromkeys(file.classes)
    return list(known)


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """Rule files in place of folders that hold some: by name; hidden ones and folders within are left out."""
    found: list[Path] = []
    for path in paths:
        try:
            inside = sorted(one for one in path.iterdir() if _is_rule_file(one)) if path.is_dir() else []
        except OSError as error:
            raise InputError(Problem(str(path), "", f"cannot be read: {error.strerror or error}.")) from error
        found += inside or [path]
    return found


def _is_rule_file(path: Path) -> bool:
    """A link to nothing is one, too: a rule that cannot be read is a fault, and is not passed over."""
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and not path.is_dir()


def read_table(path: Path) -> dict[str, Any]:
    """The keys of a TOML or JSON file. Raises InputError."""
    if path.is_dir():  # `rule_files` leaves those that hold none
        way_out = f"Name a file, or a folder with files that end in {join_or(ENDINGS)}."
        raise InputError(Problem(str(path), "", "is a folder without a rule file.", way_out))
    data = read_json(path) if path.suffix.lower() == JSON_ENDING else read_toml(path)
    if not isinstance(data, dict):
        raise InputError(Problem(str(path), "", "holds no object.", 'A rule file is {"schema": 1, "book": …}.'))
    return data
