"""`openleo change`: the life of a change; one file a verb."""

from __future__ import annotations

import typer

from openleo.cli import (
    change_act,
    change_activate,
    change_audit,
    change_commit,
    change_enrol,
    change_expire,
    change_glass,
    change_network,
    change_notify,
    change_propose,
    change_publish,
    change_record,
    change_request,
    change_revert,
    change_schema,
    change_show,
    change_verify,
    change_vote,
)
from openleo.cli.common import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Changes that take effect: proposed, computed, approved by several parties, logged, activated.",
)
app.command("propose")(change_propose.propose)
app.command("propose-network")(change_network.propose)
app.command("propose-act")(change_act.propose)
app.command("submit")(change_request.submit)
app.command("show")(change_show.show)
app.command("approve")(change_vote.approve)
app.command("withdraw")(change_vote.withdraw)
app.command("reject")(change_vote.reject)
app.command("object")(change_vote.object_)
app.command("activate")(change_activate.activate)
app.command("expire")(change_expire.expire)
app.command("revert")(change_revert.revert)
app.command("audit")(change_audit.audit)
app.command("verify")(change_verify.verify)
app.command("publish")(change_publish.publish)
app.command("schema")(change_schema.schema)
app.command("act")(change_act.act)
app.command("draft-break-glass")(change_glass.draft)
app.command("break-glass")(change_glass.use)
app.command("review")(change_glass.review)
app.command("notify")(change_notify.notify)
app.add_typer(change_notify.subscribers_app, name="subscribers")
app.command("commit")(change_commit.commit)
app.command("open")(change_commit.open_)
app.command("forget")(change_commit.forget)
app.command("enrol")(change_enrol.enrol)
app.command("transfer")(change_enrol.transfer)
app.command("revoke-terminal")(change_enrol.revoke)
app.command("record")(change_record.record)
