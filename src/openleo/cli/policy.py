"""`openleo policy`: rules read, decided, compared and explained; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import (
    policy_check,
    policy_decide,
    policy_diff,
    policy_effect,
    policy_explain,
    policy_mask,
    policy_schema,
    policy_shadow,
)
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Who may be served: rules checked, decided, explained and compared.",
)
app.command("check")(policy_check.check)
app.command("decide")(policy_decide.decide)
app.command("explain")(policy_explain.explain)
app.command("mask")(policy_mask.mask)
app.command("diff")(policy_diff.diff)
app.command("effect")(policy_effect.effect)
app.command("shadow")(policy_shadow.shadow)
app.command("schema")(policy_schema.schema)
