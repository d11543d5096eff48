"""`openleo ledger checkpoint`: sign what there is, and ask witnesses."""

from __future__ import annotations

import time

import typer

from openleo.cli.common import AsJson, note, print_json
from openleo.cli.ledger_common import (
    KeyFile,
    PolicyFile,
    Where,
    exits,
    opened,
    place_of,
    standing,
    tell_standing,
    trusted,
)


def checkpoint(ledger: Where, policy: PolicyFile = None, key: KeyFile = None, as_json: AsJson = False) -> None:
    """Sign a checkpoint over all entries and print it.

    With --policy its witnesses that have an address are asked to cosign; exits 3 if its quorum is not met then.
    """
    from openleo.ledger import keys, witness_client
    from openleo.ledger.policy import judge, of_log

    asked = trusted(policy, None)
    with exits(ledger, as_json):
        signer = keys.read_signer(place_of(ledger, key).key_file)
        with opened(ledger, key, write=True) as log:
            signed = log.checkpoint(signer)
            if asked is not None:
                found = witness_client.collect(signed, asked.witnesses, log.prove_consistency, time.time)
                for name, why in found.problems:
                    note(f"{name}: {why}")
                signed = log.add_cosignatures(judge(of_log(log.key), signed).checkpoint.size, found.signatures)
            accepted = judge(asked or of_log(log.key), signed)
    if as_json:
        print_json({"ok": True, "checkpoint": signed.encode().decode(), **standing(accepted)})
        return
    typer.echo(signed.encode().decode(), nl=False)
    tell_standing(accepted)
