"""`openleo change enrol`, `transfer` and `revoke-terminal`: terminals on the ledger, by their commitments."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened, read_text
from openleo.cli.common import AsJson, note, print_json, progress

if TYPE_CHECKING:
    from openleo.governance.entries import Terminal as Body
    from openleo.governance.house import House
    from openleo.governance.registry import Registry

COLUMNS = ("terminal", "account", "territory", "class")
BATCH = 5_000  # entries under one checkpoint
Terminal = Annotated[str, typer.Argument(metavar="TERMINAL", help="The operator's own name for it, or a commitment.")]
Account = Annotated[str | None, typer.Option(metavar="A", help="Whose it is: a name, or a commitment.")]
Territory = Annotated[str | None, typer.Option(metavar="T", help="Where it is enrolled.")]
Class = Annotated[str | None, typer.Option("--class", metavar="C", help="fixed, maritime, emergency, …")]


@dataclass(frozen=True)
class Row:
    """A terminal as its operator names it, and where the row stands."""

    place: str
    terminal: str
    account: str
    territory: str
    class_: str


def enrol(
    terminal: Annotated[str | None, typer.Argument(metavar="TERMINAL", help="Its name; or --csv for many.")] = None,
    account: Account = None,
    territory: Territory = None,
    class_: Class = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="F", help=f"Many at once; columns {', '.join(COLUMNS)}.")
    ] = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Enrol terminals: the ledger holds commitments, territory and class; names and keys stay in private/.

    What is enrolled is counted where its account is suspended, whatever is said then.
    """
    from openleo.errors import InputError, Problem

    if (terminal is None) == (table is None):
        raise InputError(Problem("TERMINAL", "", "or --csv is needed, and not both."))
    if table is not None:
        rows = _read(table)
    else:
        assert terminal is not None
        for option, value in (("--account", account), ("--territory", territory), ("--class", class_)):
            if value is None:
                raise InputError(Problem(option, "", "is needed to enrol a terminal."))
        rows = [Row("TERMINAL", terminal, account or "", territory or "", class_ or "")]
    _log("terminal.enrolled", rows, data, database, as_json)


def transfer(
    terminal: Terminal,
    account: Annotated[str, typer.Option(metavar="A", help="Whose it is from now on: a name, or a commitment.")],
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Give a terminal another account; to a suspended one, it is an act. Whatever else changes is enrolled anew."""
    _log("terminal.transferred", [Row("TERMINAL", terminal, account, "", "")], data, database, as_json)


def revoke(terminal: Terminal, data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False) -> None:
    """Take a terminal out of the ledger's list: an act of one terminal, as far as the rate of single acts goes."""
    _log("terminal.revoked", [Row("TERMINAL", terminal, "", "", "")], data, database, as_json)


def _log(type_: str, rows: Sequence[Row], data: Path, database: str, as_json: bool) -> None:
    from openleo.governance.entries import entry
    from openleo.governance.registry import Registry

    what = f"{len(rows):,} terminals" if len(rows) > 1 else rows[0].terminal
    with answers(what, as_json), opened(data, database, write=True) as house:
        first = house.state.size
        with progress(kernels=False) as on_progress:
            with Registry(house.folder.path) as registry:  # the keys are on the disk before an entry rests on them
                bodies = _bodies(house, registry, type_, rows)
            for start in range(0, len(bodies), BATCH):
                now = house.now(clock())
                house.append([entry(now, body, type_) for body in bodies[start : start + BATCH]])
                on_progress("terminals", min(start + BATCH, len(bodies)), len(bodies))
        last = house.state.size - 1
    if as_json:
        commitments = [body.terminal for body in bodies] if len(bodies) == 1 else None
        print_json({"ok": True, "first": first, "last": last, "terminal": commitments[0] if commitments else None})
    elif len(bodies) == 1:
        typer.echo(bodies[0].terminal)
    note(f"Entries {first} to {last}: {type_}." if last > first else f"Entry {first}: {type_}.")


def _bodies(house: House, registry: Registry, type_: str, rows: Sequence[Row]) -> list[Body]:
    """The bodies of the entries; nothing is logged unless all rows are good. Raises InputError or Refused."""
    from pydantic import ValidationError

    from openleo.errors import InputError, Problem
    from openleo.governance import words
    from openleo.governance.entries import Terminal as Form
    from openleo.governance.state import Refused
    from openleo.places.territories import territory_id, unknown_territory

    new = type_ == "terminal.enrolled"
    terminals = _commitments(registry, "terminal", [row.terminal for row in rows], make=new)
    accounts = _commitments(registry, "account", [row.account for row in rows])
    problems, bodies = [], []
    for row in rows:
        terminal = terminals[row.terminal]
        known = house.state.terminals.get(terminal)
        if known is None and not new:
            raise Refused(f"{row.terminal} is not enrolled")
        territory = known.territory if known and not row.territory else territory_id(row.territory)
        if territory is None:
            problems.append(Problem(row.place, "territory", *unknown_territory(row.territory)))
            continue
        account = known.account if known and not row.account else accounts[row.account]
        class_ = known.class_ if known and not row.class_ else row.class_
        said = {"terminal": terminal, "account": account, "territory": territory, "class": class_}
        try:
            bodies.append(Form.model_validate(said))
        except ValidationError as error:
            problems += words.problems(row.place, error.errors(), Form)
    if problems:
        raise InputError(problems)
    return bodies


def _commitments(registry: Registry, kind: str, names: Iterable[str], *, make: bool = True) -> dict[str, str]:
    """By name; what is a commitment already stands for itself."""
    from openleo.governance.commitments import FORM

    names = list(dict.fromkeys(name for name in names if name))
    made = {name: name for name in names if name.startswith(FORM)}
    return made | registry.commitments(kind, [name for name in names if name not in made], make=make)


def _read(table: Path) -> list[Row]:
    """The rows of a CSV. Raises InputError with every problem of it."""
    from openleo.errors import InputError, Problem

    lines = csv.reader(read_text(table, "--csv").splitlines())
    head = [word.strip().casefold() for word in next(lines, [])]
    if missing := [name for name in COLUMNS if name not in head]:
        raise InputError(Problem(f"--csv {table}", "line 1", f"lacks {', '.join(missing)}.", "Name the columns there."))
    rows, problems = [], []
    seen: dict[str, int] = {}
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{table}, line {number}"
        found = dict(zip(head, (cell.strip() for cell in cells), strict=False))
        empty = [name for name in COLUMNS if not found.get(name)]
        if empty or len(cells) != len(head):
            problems.append(Problem(place, "", f"says no {', '.join(empty)}." if empty else "has other columns."))
        elif (before := seen.setdefault(found["terminal"], number)) != number:
            problems.append(Problem(place, "terminal", f"{found['terminal']!r:.60} is in line {before} already."))
        else:
            rows.append(Row(place, *(found[name] for name in COLUMNS)))
    if not rows and not problems:
        problems.append(Problem(str(table), "", "has no row."))
    if problems:
        raise InputError(problems)
    return rows
