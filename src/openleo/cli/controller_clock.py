"""`openleo controller confirm-clock`: a person says that the wall clocks are right."""

from __future__ import annotations

from openleo.cli.common import AsJson, print_json
from openleo.cli.controller_common import By, Data, DatabaseUrl, exits, folder_of, person


def confirm_clock(data: Data, by: By = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Say that the machines' clocks are right, after one has jumped: controllers go by them anew from the next slot on.

    While a jump stands unconfirmed no terminal that was without service gets it, and no change activates. Look at the
    clock first: time goes on from what it says, but never before the newest entry of the ledger. Who confirmed which
    jump stands in the audit.
    """
    from openleo.controller.clock_kept import confirm
    from openleo.controller.database import address_of, connect

    folder = folder_of(data, database)
    with exits(str(data), as_json):
        engine = connect(address_of(folder.path, folder.database))
        stood = confirm(engine, person(by))
        engine.dispose()
    if as_json:
        print_json({"ok": True, "stood": stood})
    else:
        print("confirmed: controllers go by the wall clock from the next slot on" if stood else "no jump stood")
