"""`openleo officer list`: who may decide now."""

from __future__ import annotations

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, opened
from openleo.cli.common import AsJson, print_json


def list_(data: Data = DEFAULT_DATA, database: Database = "", as_json: AsJson = False) -> None:
    """The roster in force: parties, officers and their keys, quorums and settings."""
    with answers(str(data), as_json), opened(data, database) as house:
        roster, revoked = house.state.people, house.state.revoked
    if as_json:
        print_json({"sha256": roster.sha256, "revoked": sorted(revoked), **roster.document})
        return
    typer.echo(f"Roster {roster.sha256}")
    for officer in roster.officers:
        roles = f" ({', '.join(officer.roles)})" if officer.roles else ""
        typer.echo(f"{officer.id}  {officer.party}{roles}")
        for key in officer.keys:
            typer.echo(f"  {key.fingerprint}{'  revoked' if key.fingerprint in revoked else ''}")
    for line in roster.lines:
        typer.echo(f"quorum {line}")
    typer.echo("requests are signed" if roster.settings.requests == "signed" else "requesters are named, not proved")
