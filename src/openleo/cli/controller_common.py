"""What the verbs on a controller's data share: where it is, and errors as exits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openleo.governance.house import Folder

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The controller's data folder.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="postgresql://…, as `openleo serve` was given. [default: as settings.toml says]",
    ),
]


def folder_of(data: Path, database: str | None) -> Folder:
    """The data of a controller, with its database as settings say it. Raises InputError."""
    from pydantic import ValidationError

    from openleo.controller.settings import FILE, Settings
    from openleo.errors import InputError, Problem
    from openleo.governance.house import Folder

    try:
        settings = Settings.load(data, database=database)
    except ValidationError as error:
        faults = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        raise InputError([Problem(str(data / FILE), where, f"{rule}.") for where, rule in faults]) from None
    return Folder(data, settings.database.get_secret_value())


@contextmanager
def exits(what: str, as_json: bool) -> Iterator[None]:
    """Exit 3 where the answer is no; exit 2 where something could not be read or written."""
    from openleo.cli.change_common import answers
    from openleo.controller.database import Unavailable
    from openleo.errors import InputError, Problem

    try:
        with answers(what, as_json):
            yield
    except Unavailable as error:
        raise InputError(Problem(what, "", f"{error}.", "Nothing was done: try again.")) from None
