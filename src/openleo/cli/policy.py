"""`openleo policy`: rules checked, compared and decided, one file a subverb."""

from __future__ import annotations

import typer

from openleo.cli import policy_check, policy_decide, policy_diff, policy_explain, policy_schema, policy_shadow

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may be served: check rules, decide requests.")
app.command("check")(policy_check.check)
app.command("decide")(policy_decide.decide)
app.command("diff")(policy_diff.diff)
app.command("explain")(policy_explain.explain)
app.command("schema")(policy_schema.schema)
app.command("shadow")(policy_shadow.shadow)
