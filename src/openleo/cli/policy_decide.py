"""`openleo policy decide`: may this terminal be served, here and now, and why (not)?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, print_json

if TYPE_CHECKING:
    from openleo.policy.rules import RuleSet

RuleFiles = Annotated[list[Path], typer.Argument(metavar="RULES…", help="Rule files; their union decides.")]
RequestFile = Annotated[
    Path, typer.Option("--request", metavar="F.json", help="A request, or a list of them; - reads stdin.")
]


def decide(rules: RuleFiles, request: RequestFile, as_json: AsJson = False) -> None:  # noqa: ARG001 - it is JSON always
    """Decide requests: JSON in, JSON out; a list gives a list. Exits 0 whatever the decision."""
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
    answers = [answer(rule_set, one).as_json() for one in read]
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
