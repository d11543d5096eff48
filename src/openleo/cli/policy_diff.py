"""`openleo policy diff`: two rule sets compared rule by rule, or one as a point of view reads it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, print_json

if TYPE_CHECKING:
    from openleo.policy.rules import RuleSet

Sets = Annotated[
    list[Path], typer.Argument(metavar="OLD NEW", help="Two rule files, or folders of them; with --view, one or more.")
]
ViewName = Annotated[
    str | None,
    typer.Option("--view", metavar="VIEW", help="de-facto, or claims:ID: what a party administers or claims is its."),
]


def diff(sets: Sets, view: ViewName = None, as_json: AsJson = False) -> None:
    """Compare two rule sets: rules added, removed and changed key by key, and the territories that they touch.

    With --view, one set is compared with itself as that point of view reads it: every rule takes exactly the contested
    areas that the view gives to its lands, and what it gains and loses is told.
    """
    from openleo.errors import InputError, Problem, Together, given
    from openleo.policy import diff_words
    from openleo.policy.diff import compare

    if view is not None:
        tell_view(sets, view, as_json)
        return
    if len(sets) != 2:
        rule = f"two rule sets are compared, and {len(sets)} given."
        raise InputError(Problem("OLD NEW", "", rule, "A folder is read as one set; or ask for a --view of one."))
    both = Together()
    before, after = (both.read(partial(_read, path)) for path in sets)
    both.done()
    found = compare(given(before), given(after))
    if as_json:
        print_json(diff_words.as_json(found))
        return
    typer.echo(diff_words.text(found), nl=False)


def _read(path: Path) -> RuleSet:
    from openleo.policy.rule_file import read_rules

    return read_rules([path])


def tell_view(files: list[Path], name: str, as_json: bool) -> None:
    """Print what a view changes in the rules of some files."""
    from openleo.places.views import read_view
    from openleo.policy import view_report
    from openleo.policy.diff import compare
    from openleo.policy.rule_file import read_rules

    view = read_view(name, "--view")
    found = compare(read_rules(files), read_rules(files, view))
    if as_json:
        print_json(view_report.as_json(found, view))
        return
    typer.echo(view_report.text(found, view), nl=False)
