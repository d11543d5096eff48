"""`openleo controller enforcement-proof` and `check-enforcement`: one terminal's row of what a slot enforced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, print_json
from openleo.cli.controller_common import By, Data, DatabaseUrl, exits, holding, person

if TYPE_CHECKING:
    from openleo.governance.house import Folder

KEPT = "table sha256 "  # in the entry's note, before the hash of the rows


def enforcement_proof(
    terminal: Annotated[str, typer.Argument(metavar="TERMINAL", help="Its id.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="F", help="The row with its path, as JSON.")],
    entry: Annotated[
        int | None, typer.Option(metavar="N", help="An enforcement.summary of the ledger. [default: the newest]")
    ] = None,
    by: By = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prove what one slot enforced of a terminal: its row, and the path to the root that stands on the ledger.

    The row names the cell where the terminal was, so who made the proof stands in the audit. Nobody else's row is told.
    """
    import time

    from openleo.controller import audit
    from openleo.controller.database import address_of, connect, writing
    from openleo.controller.enforcement_summary import prove_row, row_bytes, rows_of
    from openleo.controller.roles import OPERATOR, Principal
    from openleo.governance.state import Refused
    from openleo.report.staging import StagedFile

    with exits(str(data), as_json):
        folder = holding(data, database)
        number, said = _summary(folder, entry)
        rows = rows_of(folder.artefacts.get(said["note"].partition(KEPT)[2][:64]))
        index = next((at for at, row in enumerate(rows) if row["terminal"] == terminal), None)
        if index is None:
            raise Refused(f"entry {number} has no row of {terminal}: it held no lease in that slot")
        engine = connect(address_of(folder.path, folder.database))
        with writing(engine) as connection:
            who = Principal(person(by), OPERATOR, frozenset(), None, "admin")
            audit.read_position(connection, who, f"terminal {terminal}", time.time())
        engine.dispose()
        proof = prove_row([row_bytes(row) for row in rows], index).as_json()
        made = {"entry": number, "root": said["sha256"], "row": dict(rows[index]), "proof": proof}
        with StagedFile(out) as file:
            file.write_bytes(json.dumps(made, indent=1).encode() + b"\n")
    if as_json:
        print_json({"ok": True, **made})
    else:
        typer.echo(f"{out}: row {index} of {len(rows)}, {rows[index]['outcome']}, of entry {number}")


def check_enforcement(
    file: Annotated[Path, typer.Argument(metavar="F", help="What `enforcement-proof` wrote.")],
    root: Annotated[
        str, typer.Option(metavar="SHA256", help="As the entry of the ledger that you verified has it: .body.sha256")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a row against a root on the ledger; nothing but the file is read. Exits 3 where it is none of its rows."""
    from openleo.cli.change_common import read_text
    from openleo.controller.enforcement_summary import RowProof, check_row
    from openleo.errors import InputError, Problem
    from openleo.ledger.faults import NotProven

    try:
        read = json.loads(read_text(file, ""))
        row, proof = {str(key): str(value) for key, value in read["row"].items()}, RowProof.from_json(read["proof"])
        bytes.fromhex(root)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        rule = f"is no row with its path, or --root no sha256: {error}."
        raise InputError(Problem(str(file), "", rule, "`openleo controller enforcement-proof` writes one.")) from None
    with exits(str(file), as_json):
        try:
            check_row(row, proof, root)
        except (IndexError, ValueError) as error:
            raise NotProven(f"the path is none: {error}") from None
    if as_json:
        print_json({"ok": True, "row": row})
    else:
        typer.echo(f"{row['terminal']} was {row['outcome']} in slot {row['slot']}")


def _summary(folder: Folder, number: int | None) -> tuple[int, dict[str, Any]]:
    """(the number, the body) of an enforcement.summary. Raises Refused, LedgerError."""
    from openleo.controller.enforcement_summary import TYPE
    from openleo.governance.house import House
    from openleo.governance.state import Refused

    found: tuple[int, dict[str, Any]] | None = None
    with House(folder, write=False) as house:
        for at, content in house.ledger.entries(number or 0):
            entry = json.loads(content)
            if entry["type"] == TYPE and number in (None, at):
                found = at, entry["body"]
            if at == number:
                break
    if found is None:
        where = "" if number is None else f" at entry {number}"
        raise Refused(f"the ledger has no summary of what was enforced{where}")
    return found
