"""`openleo policy check`: are these rule files whole?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from openleo.cli.common import AsJson, print_json

RuleFiles = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Rule files (TOML, or JSON by its ending).")]


def check(files: RuleFiles, as_json: AsJson = False) -> None:
    """Check rule files together. Every problem of every file is told, with its place; exit 2 if there is one."""
    from openleo.policy.rule_file import read_rules

    rule_set = read_rules(files)
    effects = Counter(rule.effect for rule in rule_set.rules)
    books = sorted({rule.book for rule in rule_set.rules})
    if as_json:
        print_json(
            {
                "ok": True,
                "files": list(rule_set.sources),
                "books": books,
                "rules": len(rule_set.rules),
                "effects": {effect: effects[effect] for effect in ("permit", "forbid", "suspend")},
                "sha256": rule_set.sha256,
            }
        )
        return
    counts = ", ".join(f"{effect} {effects[effect]}" for effect in ("permit", "forbid", "suspend") if effects[effect])
    typer.echo(f"Rules: {len(rule_set.rules)}{f' ({counts})' if counts else ''}, in order.")
    typer.echo(f"Books: {', '.join(books) or 'none with a rule'}.")
    typer.echo(f"SHA-256 of the set: {rule_set.sha256}")
