"""`openleo change act` and `propose-act`: accounts, classes and groups; below the rate, and above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, opened, read_text
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson, note, print_json

if TYPE_CHECKING:
    from openleo.governance.enrolled import Counts
    from openleo.governance.house import House

Type = Annotated[str, typer.Argument(metavar="TYPE", help="account.suspended, account.reinstated, class.changed, …")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="account:COMMITMENT, class:COMMITMENT or group:NAME.")]
SingleType = Annotated[
    str, typer.Argument(metavar="TYPE", help="account.suspended, account.reinstated or class.changed.")
]
Single = Annotated[str, typer.Argument(metavar="TARGET", help="account:COMMITMENT or class:COMMITMENT.")]
New = Annotated[
    str, typer.Argument(metavar="NEW", help="What it becomes: suspended, active, a class; of a group, see --list.")
]
SingleNew = Annotated[str, typer.Argument(metavar="NEW", help="What it becomes: suspended, active, or a class.")]
In = Annotated[
    list[str] | None,
    typer.Option("--in", metavar="TERRITORY[/CLASS]=N", help="Terminals there, of a class; may be repeated."),
]
Members = Annotated[
    Path | None, typer.Option("--list", metavar="F", help="A group's members from now on: a commitment each line.")
]
Also = Annotated[
    list[str] | None, typer.Option("--also", metavar="TARGET", help="Another one that becomes the same; up to 49.")
]


def act(
    type_: SingleType,
    target: Single,
    actor: Annotated[str, typer.Option(metavar="ID", help="Who acts; on record, named and not proved.")],
    reason: Annotated[str, typer.Option(metavar="T", help="Why; it is public.")],
    new: SingleNew = "",
    in_: In = None,
    terminals: Annotated[
        int, typer.Option(min=0, show_default="the sum of --in", help="How many may lose service.")
    ] = 0,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Log one act on an account or class. All single acts together have to stay below the rate of the roster.

    Above it, and for groups, the answer is no (exit 3), and a change has to be approved: `change propose-act`.
    """
    from openleo.errors import InputError, Problem
    from openleo.governance.acts import KIND_OF_ACT, NEVER_SINGLE, WANTED
    from openleo.governance.entries import Act, entry
    from openleo.governance.moves import Move
    from openleo.governance.state import Refused

    _known(type_)
    _no_names(target)
    said: Counter[str] = Counter()
    for (territory, _), number in _counted(in_).items():
        said[territory] += number
    with answers(target, as_json), opened(data, database, write=True) as house:
        if (kind := KIND_OF_ACT[type_]) in NEVER_SINGLE:
            raise Refused(f"a {kind} moves by an approved change only: `openleo change propose-act`")
        value = _value(house, target, new or WANTED.get(type_, ""), None)
        try:
            move = Move(target=target, base=house.state.value(target), new=value)
            body = Act(
                change=None,
                move=move,
                actor=actor,
                reason=reason,
                terminals=max(terminals, said.total()),
                territories=dict(said),
            )
        except ValueError as error:
            raise InputError(Problem("TARGET", "", f"cannot stand on the ledger: {error}")) from None
        now = house.now(clock())
        number = house.append([entry(now, body, type_)]).start
        late = house.write_active(now)
    if late:
        note(late)
    if as_json:
        print_json({"ok": True, "entry": number, "actor": actor, "actor_is": "named"})
    note(f"Entry {number}: {target} is {value}, by {actor}: actor named, not proved.")


def propose(
    type_: Type,
    target: Target,
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
    new: New = "",
    in_: In = None,
    also: Also = None,
    members: Members = None,
    from_: options.From = None,
    until: options.Until = None,
    expires: options.Expires = None,
    sponsor: options.Sponsor = "",
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose what is above the rate of single acts: accounts, a class, a group, and accounts that come back.

    The effect counts terminals: those of --in, and never fewer than are enrolled to the accounts. Where no class is
    said, they may be emergency terminals, and the quorum is asked as if they were.
    """
    from openleo.errors import InputError, Problem
    from openleo.governance import counting
    from openleo.governance.acts import KIND_OF_ACT, WANTED
    from openleo.governance.drafting import plain_effect
    from openleo.governance.moves import Move

    _known(type_)
    _no_names(target, *(also or []))
    kind, said = KIND_OF_ACT[type_], _counted(in_)
    if kind != "account" and not in_:
        way_out = "Say where and how many, for example --in UKR/fixed=1300; --in UKR=0 where nobody is touched."
        raise InputError(Problem("--in", "", f"is needed: who is touched by a {kind} stands on no ledger.", way_out))
    if new not in ("", WANTED.get(type_, new)):
        raise InputError(Problem("NEW", "", f"is {new!r}; {type_} makes an account {WANTED[type_]}."))
    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, sponsor=sponsor)
    with answers(target, as_json), opened(data, database, write=True) as house:
        target, *others = (_spelled(one, house.state.lasting) for one in (target, *(also or [])))
        value = _value(house, target, new or WANTED.get(type_, ""), members)
        try:
            moves = [Move(target=one, base=house.state.value(one), new=value) for one in (target, *others)]
        except ValueError as error:
            raise InputError(Problem("TARGET", "", f"cannot stand on the ledger: {error}")) from None
        effect = plain_effect(house.state, moves, counting.rows(house.state, moves, said))
        named = {territory for territory, _ in said}
        submit(house, kind, moves, request, effect, out, named=named, as_json=as_json)


def _spelled(target: str, there: Iterable[str]) -> str:
    """A target as the ledger writes it: a group as it stands there, or in lower case.

    >>> _spelled("group:Schools", []), _spelled("group:schools", ["group:Schools"]), _spelled("account:A", [])
    ('group:schools', 'group:Schools', 'account:A')
    """
    from openleo.policy.request import group_name

    if not target.startswith("group:"):
        return target
    folded = "group:" + group_name(target.removeprefix("group:"))
    return next((one for one in there if one.startswith("group:") and group_name(one) == folded), folded)


def _known(type_: str) -> None:
    from openleo.errors import InputError, Problem, join_or
    from openleo.governance.acts import KIND_OF_ACT

    if type_ == "network.changed":
        way_out = "A network is proposed with `openleo change propose-network`."
        raise InputError(Problem("TYPE", "", "is network.changed, which is no act of this form.", way_out))
    if type_ not in KIND_OF_ACT:
        known = sorted(KIND_OF_ACT.keys() - {"network.changed"})
        raise InputError(Problem("TYPE", "", f"is {type_!r}; known are {join_or(known)}."))


def _no_names(*targets: str) -> None:
    """Raises InputError where a target is a name and no commitment; the name itself is not repeated."""
    from openleo.errors import InputError, Problem
    from openleo.governance.moves import named

    if faults := [Problem("TARGET", "", f"cannot stand on the ledger: {why}.") for why in map(named, targets) if why]:
        raise InputError(faults)


def _value(house: House, target: str, new: str, members: Path | None) -> str:
    """What a target becomes; a group becomes the sha256 of its list, which is kept for auditors."""
    import re

    from openleo.errors import InputError, Problem
    from openleo.governance.commitments import FORM

    if members is None:
        if not new:
            raise InputError(Problem("NEW", "", f"is needed: what {target} becomes; of a group, --list."))
        return new
    if new or not target.startswith("group:"):
        raise InputError(Problem("--list", "", "is what a group becomes, and nothing else.", "Leave NEW out."))
    lines = [line.strip() for line in read_text(members, "--list").splitlines() if line.strip()]
    wrong = [
        Problem(f"--list {members}", f"line {number}", f"{line[:40]!r} is no commitment ({FORM}…).")
        for number, line in enumerate(lines, start=1)
        if not re.fullmatch(FORM + "[0-9a-f]{64}", line)
    ]
    if wrong:
        raise InputError(wrong)
    return house.artefacts.put_json(sorted(set(lines)), private=True)  # opened to auditors; the ledger has its hash


def _counted(words: list[str] | None) -> Counts:
    """Terminals by (territory, class), as --in says."""
    from openleo.errors import InputError, Problem
    from openleo.governance.losses import UNKNOWN
    from openleo.places.territories import territory_id, unknown_territory

    found: Counts = Counter()
    for text in words or []:
        place, _, number = text.rpartition("=")
        name, _, class_ = place.partition("/")
        if not name or not number.isascii() or not number.isdecimal() or (place.endswith("/")):
            rule, way_out = "is not TERRITORY[/CLASS]=N.", "For example: --in UKR/fixed=1300"
            raise InputError(Problem(f"--in {text}", "", rule, way_out))
        if (territory := territory_id(name)) is None:
            raise InputError(Problem(f"--in {text}", "", *unknown_territory(name)))
        found[territory, class_ or UNKNOWN] += int(number)
    return found
