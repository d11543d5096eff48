"""`openleo policy check`: are these rule files whole, and what is odd about them?"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, RuleFiles, print_json
from openleo.cli.policy_diff import ViewName

if TYPE_CHECKING:
    from openleo.policy.lint import Finding

EXPIRY_DAYS = 30.0
LONGEST_DAYS = 36_500.0


def check(
    files: RuleFiles,
    now: Annotated[
        str | None, typer.Option(metavar="T", help="The instant that warnings look from. [default: now]")
    ] = None,
    expiry_days: Annotated[
        float, typer.Option(min=0.0, max=LONGEST_DAYS, help="Warn of ends and reviews within so many days.")
    ] = EXPIRY_DAYS,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 2 if there is a warning.")] = False,
    view: ViewName = None,
    as_json: AsJson = False,
) -> None:
    """Check rule files together. Every problem of every file is told, with its place; exit 2 if there is one.

    Files that are whole are read for oddities: rules that never apply, are shadowed by others or contradict them,
    polygons over contested areas that they do not name, ends and reviews that are near. These are warnings; exit 0.
    With --view, it is told too what that point of view would change in the reach of each rule.
    """
    from openleo.places.views import read_view
    from openleo.policy import view_report
    from openleo.policy.diff import compare
    from openleo.policy.lint import lint
    from openleo.policy.rule_file import read_rules

    at = _instant(now)
    seen = None if view is None else read_view(view, "--view")
    rule_set = read_rules(files)
    changes = None if seen is None else compare(rule_set, read_rules(files, seen))
    warnings = lint(rule_set, at, expiry_days)
    effects = Counter(rule.effect for rule in rule_set.rules)
    books = sorted({rule.book for rule in rule_set.rules})
    if as_json:
        print_json(
            {
                "ok": not (strict and warnings),
                "files": list(rule_set.sources),
                "books": books,
                "rules": len(rule_set.rules),
                "effects": {effect: effects[effect] for effect in ("permit", "forbid", "suspend")},
                "warnings": [_as_json(one) for one in warnings],
                "sha256": rule_set.sha256,
                **({} if seen is None or changes is None else {"view": view_report.as_json(changes, seen)}),
            }
        )
    else:
        counts = ", ".join(
            f"{effect} {effects[effect]}" for effect in ("permit", "forbid", "suspend") if effects[effect]
        )
        typer.echo(f"Rules: {len(rule_set.rules)}{f' ({counts})' if counts else ''}, in order.")
        typer.echo(f"Books: {', '.join(books) or 'none with a rule'}.")
        typer.echo(f"SHA-256 of the set: {rule_set.sha256}")
        if warnings:
            typer.echo(f"Warnings: {len(warnings)}.")
        for one in warnings:
            typer.echo(f"  {one}")
        if seen is not None and changes is not None:
            typer.echo(f"\n{view_report.text(changes, seen)}", nl=False)
    if strict and warnings:
        raise typer.Exit(2)


def _instant(text: str | None) -> datetime:
    from openleo.errors import InputError, Problem
    from openleo.instants import civil_instant

    if text is None:
        return datetime.now(UTC)
    try:
        return civil_instant(text)
    except ValueError as error:
        raise InputError(Problem("--now", "", str(error))) from None


def _as_json(finding: Finding) -> dict[str, Any]:
    other = finding.other
    return {
        "kind": finding.kind.value,
        "rule": None if finding.rule is None else finding.rule.id,
        "book": None if finding.rule is None else finding.rule.book,
        "other": None if other is None else {"rule": other.id, "book": other.book},
        "words": finding.words,
    }
