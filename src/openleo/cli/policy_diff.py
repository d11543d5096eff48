"""`openleo policy diff`: two rule sets compared rule by rule."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, print_json, rule_files

if TYPE_CHECKING:
    from openleo.policy.rules import RuleSet

OldRules = Annotated[Path, typer.Argument(metavar="OLD", help="A rule file, or a folder of them.")]
NewRules = Annotated[Path, typer.Argument(metavar="NEW", help="A rule file, or a folder of them.")]


def diff(old: OldRules, new: NewRules, as_json: AsJson = False) -> None:
    """Compare two rule sets: rules added, removed and changed key by key, and the territories that they touch."""
    from openleo.errors import Together, given
    from openleo.policy import diff_words
    from openleo.policy.diff import compare

    both = Together()
    before, after = (both.read(partial(_read, path)) for path in (old, new))
    both.done()
    found = compare(given(before), given(after))
    if as_json:
        print_json(diff_words.as_json(found))
        return
    typer.echo(diff_words.text(found), nl=False)


def _read(path: Path) -> RuleSet:
    from openleo.policy.rule_file import read_rules

    return read_rules(rule_files(path))
