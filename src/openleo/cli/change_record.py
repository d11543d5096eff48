"""`openleo change record`: entries that only tell something, checked against their schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened, read_text
from openleo.cli.common import AsJson, note, print_json

Type = Annotated[str, typer.Argument(metavar="TYPE", help="mask.published, enforcement.summary or disclosure.")]
Said = Annotated[Path, typer.Option("--body", metavar="F", help="The entry's body, a JSON file; see `change schema`.")]


def record(
    type_: Type,
    said: Said,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Log what changes nothing that is in force: a mask that was given out, what was enforced, what was disclosed.

    mask.published and enforcement.summary: sha256, from, until, note. disclosure: party, what, legal_reference,
    asked_at, given.
    """
    from pydantic import ValidationError

    from openleo.errors import InputError, Problem, join_or
    from openleo.governance import words
    from openleo.governance.acts import TOLD_ONLY
    from openleo.governance.entries import TYPES, entry
    from openleo.reading import parse_json

    if type_ not in TOLD_ONLY:
        way_out = "What takes effect is written by the verb that checks its approvals."
        raise InputError(Problem("TYPE", "", f"is {type_!r}; recorded are {join_or(TOLD_ONLY)}.", way_out))
    found = parse_json(read_text(said, "--body"), str(said))
    try:
        body = TYPES[type_].model_validate_json(json.dumps(found))
    except ValidationError as error:
        raise InputError(words.problems(str(said), error.errors(), TYPES[type_])) from None
    with answers(type_, as_json), opened(data, database, write=True) as house:
        number = house.append([entry(house.now(clock()), body, type_)]).start
    if as_json:
        print_json({"ok": True, "entry": number})
    note(f"Entry {number}: {type_}.")
