"""`openleo policy decide`: may this terminal be served, here and now, and why (not)?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from openleo.cli.common import AsJson, RuleFiles, one_of, print_json, tell_beams_apart

if TYPE_CHECKING:
    from openleo.policy.rules import AppliesTo, RuleSet

RequestFile = Annotated[
    Path | None, typer.Option("--request", metavar="F.json", help="A request, or a list of them; - reads stdin.")
]
TerminalsFile = Annotated[
    Path | None,
    typer.Option(
        "--terminals", metavar="F.parquet", help="A table of terminals, Parquet or CSV, decided in one pass into --out."
    ),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="T", help="With --terminals: the instant to decide for, 2026-11-20T00:00:00Z."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="G.parquet", help="With --terminals: the table to write, Parquet or CSV."),
]


For = Annotated[
    Literal["terminal", "beam", "gateway"],
    typer.Option("--applies-to", help="With --request: decide whether to serve it, to light its place, to use it."),
]


def decide(
    rules: RuleFiles,
    request: RequestFile = None,
    terminals: TerminalsFile = None,
    at: At = None,
    out: Out = None,
    applies_to: For = "terminal",
    as_json: AsJson = False,
) -> None:
    """Decide requests: JSON in, JSON out; a list gives a list. Or decide a table of terminals, a row for each.

    Exits 0 whatever the decision. For a beam, a request's position is of the place lit, for a gateway where it stands;
    its own rules decide, and where none permits, it is not permitted.

    Columns of the table: id, class, account, subscription, groups, lat_deg, lon_deg, uncertainty_m, age_s, source,
    speed_kmh, altitude_m, days_abroad, home_territory; all but id may be left out. What is left out, empty or null is
    unknown, as in a request. In a CSV, groups have ; between them; ; alone is no group.
    """
    from openleo.cli.policy_terminals import decide_terminals
    from openleo.errors import InputError, Problem

    one_of(request=request, terminals=terminals)
    if terminals is not None and out is None:
        raise InputError(Problem("--out", "", "is needed with --terminals.", "Name the table to write, G.parquet."))
    for option, given in (("--at", at), ("--out", out)):
        if terminals is None and given is not None:
            raise InputError(Problem(option, "", "is for --terminals; a request has its own `at`."))
    if terminals is not None and applies_to != "terminal":
        rule = f'is "{applies_to}", and the table is of terminals.'
        raise InputError(Problem("--applies-to", "", rule, "Ask by --request."))
    if request is not None:
        _decide_requests(rules, request, applies_to)
    elif terminals is not None and out is not None:
        decide_terminals(rules, terminals, at, out, as_json)


def _decide_requests(rules: list[Path], request: Path, applies_to: AppliesTo) -> None:
    from openleo.errors import InputError, Together
    from openleo.policy.answer import answer
    from openleo.policy.request import read_requests
    from openleo.policy.rule_file import read_rules

    both = Together()
    rule_set = both.read(lambda: read_rules(rules))
    asked = both.read(lambda: _read(request))
    read = both.read(lambda: read_requests(asked, str(request), _classes(rule_set))) if asked is not None else None
    if both.found or rule_set is None or read is None:
        raise InputError(both.found)
    if applies_to == "terminal":
        tell_beams_apart(rule_set)
    answers = [answer(rule_set, one, applies_to).as_json() for one in read]
    print_json(answers if isinstance(asked, list) else answers[0])


def _classes(rule_set: RuleSet | None) -> tuple[str, ...] | None:
    """Where the rules cannot be read, nobody knows which classes there are."""
    return None if rule_set is None else rule_set.classes


def _read(path: Path) -> Any:
    from openleo.errors import InputError, Problem
    from openleo.reading import parse_json, read_json

    asked = parse_json(sys.stdin.read(), "-") if str(path) == "-" else read_json(path)
    if asked is None:
        raise InputError(
            Problem(str(path), "", "holds null; a request is an object.", 'For example {"class": "fixed"}.')
        )
    return asked
