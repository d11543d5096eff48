"""`openleo change act`: a single act below the rate, logged without a quorum."""

from __future__ import annotations

from typing import Annotated

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened
from openleo.cli.common import AsJson, note, print_json

Type = Annotated[str, typer.Argument(metavar="TYPE", help="account.suspended, account.reinstated, class.changed, …")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="account:COMMITMENT, class:COMMITMENT or group:NAME.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="What it becomes: suspended, active, a class, a sha256.")]
In = Annotated[list[str] | None, typer.Option("--in", metavar="TERRITORY=N", help="Terminals there; may be repeated.")]


def act(
    type_: Type,
    target: Target,
    new: New,
    actor: Annotated[str, typer.Option(metavar="ID", help="Who acts; on record.")],
    reason: Annotated[str, typer.Option(metavar="T", help="Why; it is public.")],
    in_: In = None,
    terminals: Annotated[int, typer.Option(min=0, help="How many may lose service. [default: the sum of --in]")] = 0,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Log one act on an account, class or group. All single acts together have to stay below the rate of the roster.

    Above it the answer is no (exit 3), and a change has to be approved: `openleo change propose-act`.
    """
    from openleo.errors import InputError, Problem, join_or
    from openleo.governance.acts import KIND_OF_ACT
    from openleo.governance.entries import Act, entry
    from openleo.governance.moves import Move

    if type_ not in KIND_OF_ACT:
        raise InputError(Problem("TYPE", "", f"is {type_!r}; known are {join_or(sorted(KIND_OF_ACT))}."))
    territories = dict(_counted(one) for one in in_ or [])
    with answers(target, as_json), opened(data, database, write=True) as house:
        try:
            move = Move(target=target, base=house.state.value(target), new=new)
            body = Act(
                change=None,
                move=move,
                actor=actor,
                reason=reason,
                terminals=max(terminals, sum(territories.values())),
                territories=territories,
            )
        except ValueError as error:
            raise InputError(Problem("TARGET", "", f"cannot stand on the ledger: {error}")) from None
        number = house.append([entry(house.now(clock()), body, type_)]).start
    if as_json:
        print_json({"ok": True, "entry": number})
    note(f"Entry {number}: {target} is {new}.")


def _counted(text: str) -> tuple[str, int]:
    from openleo.errors import InputError, Problem

    territory, _, number = text.partition("=")
    if not territory or not number.isdecimal():
        raise InputError(Problem(f"--in {text}", "", "is not TERRITORY=N.", "For example: --in UKR=1300"))
    return territory, int(number)
