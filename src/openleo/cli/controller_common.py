"""What the verbs on a controller's data share: where it is, and errors as exits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openleo.controller.settings import Settings
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
By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who does it; on record, named and not proved. [default: who runs this]"),
]


def settings_of(data: Path, **given: object) -> Settings:
    """A controller's settings; `given` on the command line wins. Raises InputError with every problem."""
    import tomllib

    from pydantic import ValidationError

    from openleo.controller.settings import FILE, Settings
    from openleo.errors import InputError, Problem

    try:
        return Settings.load(data, **given)
    except ValidationError as error:
        faults = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        raise InputError([Problem(str(data / FILE), where, f"{rule}.") for where, rule in faults]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(data / FILE), "", f"is no TOML: {error}.")) from None


def folder_of(data: Path, database: str | None) -> Folder:
    """The data of a controller, with its database as settings say it. Raises InputError."""
    from openleo.governance.house import Folder

    return Folder(data, settings_of(data, database=database).database.get_secret_value())


def holding(data: Path, database: str | None) -> Folder:
    """The data of a controller that was started once. Raises InputError."""
    from openleo.controller.database import FILE
    from openleo.errors import InputError, Problem

    folder = folder_of(data, database)
    if not folder.database and not (data / FILE).is_file():
        raise InputError(Problem("--data", str(data), "holds no controller.", "`openleo serve` makes one."))
    return folder


def person(by: str | None) -> str:
    """Who acts, for the record: as they say, or as this system calls who runs it."""
    import getpass

    try:
        return by or getpass.getuser()
    except (KeyError, OSError):  # no name for the user's number
        return "data-folder"


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
