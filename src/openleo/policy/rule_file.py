"""Rule files: read, checked whole, and made into a RuleSet.

The form is a contract (docs/reference/rules.md, and `openleo policy schema`). A file is TOML, or JSON where its name
ends in .json; both write the same keys. Every problem of every file is found before any is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openleo.errors import InputError, Problem, join_or
from openleo.places.views import View
from openleo.policy.rule_making import read_rule
from openleo.policy.rule_records import FileRecord
from openleo.policy.rules import CLASSES, SCHEMA, Rule, RuleSet, union
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
    files: list[tuple[Path, FileRecord]] = []
    for path in paths:
        record, found = _read_file(path)
        problems += found
        files += [(path, record)] if record else []
    classes = list(dict.fromkeys([*CLASSES, *(name for _, record in files for name in record.classes)]))
    rules: list[Rule] = []
    names: set[tuple[str, str]] = set()
    for path, record in files:
        for number, table in enumerate(record.rule):
            if len(problems) > MOST_PROBLEMS:
                rule = f"and the rules after it are not looked at: {len(problems):,} problems are enough to mend first."
                problems.append(Problem(str(path), f"rule[{number}]", rule))
                break
            made, found = read_rule(table, number, record.book, path.parent, classes, str(path), view)
            problems += found
            if made is None:
                continue
            if (made.book, made.id) in names:
                rule = f'stands twice in the book "{made.book}".'
                way_out = "Ids name rules in reasons and records; they must differ."
                problems.append(Problem(str(path), f'rule "{made.id}"', rule, way_out))
            names.add((made.book, made.id))
            rules.append(made)
    if problems:
        raise InputError(problems)
    return union(rules, classes, [str(path) for path in paths])


def _read_file(path: Path) -> tuple[FileRecord | None, list[Problem]]:
    """(the file, its faults): without a file where nothing in it can be read on."""
    try:
        data = read_table(path)
    except InputError as error:
        return None, list(error.problems)
    stated = data.get("schema")
    if isinstance(stated, int) and not isinstance(stated, bool) and stated != SCHEMA:
        # What another version means by its keys is not known here, so nothing else is said of the file.
        way_out = f"Write it in schema {SCHEMA} (`openleo policy schema` prints it), or use the version it is for."
        return None, [Problem(str(path), "schema", f"is {stated}; this version reads schema {SCHEMA}.", way_out)]
    return examine(FileRecord, data, str(path))


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
