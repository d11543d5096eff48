"""`openleo officer propose-log-key`: another key for the log to sign with, as a change."""

from __future__ import annotations

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, opened
from openleo.cli.change_submit import request_of, submit
from openleo.cli.common import AsJson, note


def propose(
    requester: options.Requester,
    on_behalf_of: options.OnBehalfOf,
    reason: options.Reason,
    legal: options.Legal,
    out: options.Out,
    from_: options.From = None,
    until: options.Until = None,
    expires: options.Expires = None,
    sponsor: options.Sponsor = "",
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Propose another log key. It is made in the data folder, and waits there until the change is activated.

    The activation is signed by the old key and by the new one; from then on the new one signs, and the old private key
    is removed. Whoever pinned the old verifier key needs the new one: `change audit` follows the entries to it.
    """
    from openleo.governance import log_keys
    from openleo.governance.drafting import plain_effect
    from openleo.governance.moves import LOG_KEY, Move

    request = request_of(requester, on_behalf_of, reason, legal, from_, until, expires, sponsor=sponsor)
    with answers("log_key", as_json), opened(data, database, write=True) as house:
        signer, path = log_keys.make_next(house.folder.key, house.state.origin)
        before = house.state.size
        try:
            move = Move(target=LOG_KEY, base=house.state.log_vkey, new=str(signer.verifier))
            effect = plain_effect(house.state, [move])
            submit(house, "log_key", [move], request, effect, out, as_json=as_json)
        except BaseException:
            if house.state.size == before:
                path.unlink()  # nothing was proposed, and nothing drafted
            raise
    typer.echo(str(signer.verifier), err=as_json)
    note(f"Its private key waits in {path}: the change cannot be activated without it.")
