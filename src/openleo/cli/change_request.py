"""`openleo change submit`: a draft whose request its sponsor signed, onto the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.change_common import DEFAULT_DATA, ChangeDir, Data, Database, answers, clock, opened, read_text
from openleo.cli.change_submit import tell
from openleo.cli.common import AsJson

if TYPE_CHECKING:
    from openleo.governance.house import House
    from openleo.governance.state import Change

RequestSignature = Annotated[
    Path, typer.Option("--signature", metavar="F", help="What `ssh-keygen -Y sign -n openleo-request@v1` wrote.")
]


def submit(
    folder: ChangeDir,
    signature: RequestSignature,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Hand in the signature of a request: the draft is proposed, and DIR then holds what officers sign.

    Offline: give DIR to the sponsor, who reads to-request.json, runs
    `ssh-keygen -Y sign -n openleo-request@v1 -f KEY to-request.json`, and gives to-request.json.sig back.
    """
    from openleo.governance.drafts import Draft
    from openleo.governance.entries import entry
    from openleo.governance.folder import DRAFT, ChangeFolder, fold
    from openleo.report.staging import StagedFile

    armour = read_text(signature, "--signature")
    with answers(str(folder), as_json), opened(data, database, write=True) as house:
        kept = ChangeFolder(folder)
        draft, effect = Draft.read(kept), kept.effect
        signed, now = draft.signed(armour), house.now(clock())
        known = house.state.changes.get(signed.change)
        # Where the power failed after the ledger had it, only the folder is left to be written.
        if known is None or (known.proposed, known.effect) != (signed, draft.frozen):
            _check_sides(house, draft.check(house.state, now, signed, effect), effect)
            house.artefacts.put_json({key: value for key, value in effect.items() if key != "sha256"})
            house.append([entry(now, signed), entry(now, draft.frozen)])
        for name, content in fold(house.state, house.state.change(signed.change), effect).files.items():
            with StagedFile(folder / name) as file:
                file.write_bytes(content)
        (folder / DRAFT).unlink()
        tell(house, signed.change, folder, as_json)


def _check_sides(house: House, change: Change, effect: Mapping[str, Any]) -> None:
    """The effect is still of what is in force: other books may have moved since it was computed. Raises Refused."""
    from openleo.governance.drafts import AGAIN
    from openleo.governance.state import Refused

    if change.proposed.kind not in ("rules", "network"):
        return
    from openleo import changes

    check = changes.check_sides if change.proposed.kind == "rules" else changes.check_networks
    try:
        check(effect, house.state.lasting, change, house.artefacts)
    except Refused as refused:
        raise Refused(f"{refused}: what is in force may have moved since it was drafted. {AGAIN}") from None
