"""The genesis: drafted with the one-time administrator token, founded by the founders' signatures and nothing else.

    POST /v1/genesis/draft   roster, origin  ─► the bytes that every founder signs, and which keys are asked
    POST /v1/genesis         their signatures ─► entry 0, its fingerprint to be pinned by everybody

The draft is kept in the data folder with the new log key. The token is spent when the ledger is founded.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from openleo.controller import access, governing, tokens
from openleo.controller.access import Principal
from openleo.controller.database import writing
from openleo.controller.problems import Problem
from openleo.controller.runtime import Runtime
from openleo.errors import InputError
from openleo.errors import Problem as Fault
from openleo.governance import to_sign
from openleo.governance.entries import EntryRefused, Genesis, Signed, entry
from openleo.governance.folder import readable
from openleo.governance.house import KEY, LEDGER, Folder, found
from openleo.governance.roster import Roster
from openleo.governance.roster_file import roster_from
from openleo.governance.state import Refused
from openleo.ledger import keys
from openleo.ledger.faults import LedgerError
from openleo.ledger.policy import UNWITNESSED
from openleo.ledger.store import open_ledger

router = APIRouter(prefix="/v1/genesis", tags=["genesis"])
Administrator = Annotated[Principal, Depends(access.administrator)]
DRAFT = "genesis-draft.json"
SPENT = "The administrator token was used."


class GenesisDraft(BaseModel):
    """Who decides from entry 0 on."""

    model_config = ConfigDict(extra="forbid")
    origin: Annotated[str, Field(min_length=1, max_length=255)] = Field(description="The ledger's name for good.")
    roster: dict[str, Any] = Field(description="As a roster file has it, in JSON.")


class Founding(BaseModel):
    """What the founders signed: each with every key of theirs."""

    model_config = ConfigDict(extra="forbid")
    signatures: list[Signed] = Field(min_length=1, max_length=500)


@router.post("/draft", summary="Draft the genesis")
def draft(request: Request, who: Administrator, asked: GenesisDraft) -> dict[str, Any]:
    """Makes the log key, and gives the bytes that founders sign. Drafted again, it takes the place of the last one."""
    runtime: Runtime = request.app.state.runtime
    try:
        roster = roster_from(asked.roster)
        signer = keys.generate(asked.origin)
        made = Genesis(origin=asked.origin, log_vkey=str(signer.verifier), roster=roster.document, signatures=())
    except (ValueError, LedgerError) as error:
        raise InputError(Fault("the draft", "", str(error))) from None
    with writing(runtime.engine) as connection:  # held until the key is written: nobody founds by another meanwhile
        if not tokens.hold(connection, who):
            raise HTTPException(403, SPENT)
        data = _not_founded(runtime, begun=False)
        (data / KEY).unlink(missing_ok=True)  # in this order a stop leaves no key that no draft names
        (data / DRAFT).write_bytes(readable(made.model_dump(mode="json", by_alias=True)))
        keys.write_signer(data / KEY, signer)
    return _told(made, roster)


@router.post("", status_code=201, summary="Found the ledger")
def found_it(request: Request, who: Administrator, asked: Founding) -> dict[str, Any]:
    """The signatures found the ledger: every key of the roster's officers has to have signed."""
    runtime: Runtime = request.app.state.runtime
    folder = runtime.gate.reader.folder
    with writing(runtime.engine) as connection:  # the token is spent with the founding, or not at all
        if not tokens.spend(connection, who, runtime.clock.now_s()):
            raise HTTPException(403, SPENT)
        data = _not_founded(runtime, begun=True)
        made = _drafted(data)
        signed = made.model_copy(update={"signatures": tuple(asked.signatures)})
        try:
            fingerprint = found(folder, keys.read_signer(folder.key), entry(governing.now(runtime), signed))
        except (Refused, EntryRefused) as error:
            raise Problem(409, f"{error}.", "refused") from None
        except LedgerError as error:
            raise Problem(409, str(error), "refused") from None
    (data / DRAFT).unlink(missing_ok=True)
    warnings = [] if made.roster.get("witnesses") else [UNWITNESSED]
    return {"origin": made.origin, "log_vkey": made.log_vkey, "genesis": fingerprint, "warnings": warnings}


BEGUN = "The ledger was made under the last draft, and not founded yet: send its founders' signatures again."


def _not_founded(runtime: Runtime, *, begun: bool) -> Path:
    """The data folder. Raises Problem where there is a ledger, or a log key that is of no draft: it may be its.

    With `begun` an empty ledger is none: a founding was stopped before entry 0, and goes on.
    """
    folder = runtime.gate.reader.folder
    entries = _entries(folder)
    if entries:
        raise Problem(409, "The ledger is founded already.", "founded")
    if entries == 0 and not begun:
        raise Problem(409, BEGUN, "founded")
    if folder.key.exists() and not _is_drafted(folder):
        raise Problem(409, f"There is a {KEY} that no draft of ours names: it is left as it is.", "founded")
    path: Path = folder.path
    return path


def _entries(folder: Folder) -> int | None:
    """How many the ledger has; None where there is none. Raises Problem where a file cannot be read as one."""
    if not folder.database and not (folder.path / LEDGER).exists():
        return None
    try:
        with open_ledger(folder.ledger, write=False, verify=False) as ledger:
            return ledger.size
    except LedgerError as error:
        if folder.database:  # it is not there, or cannot be read now: then the key decides
            return None
        raise Problem(409, f"There is a {LEDGER} that cannot be read: {error}", "founded") from None


def _is_drafted(folder: Folder) -> bool:
    """Whether the log key is that of the draft."""
    try:
        return _drafted(folder.path).log_vkey == str(keys.read_signer(folder.key).verifier)
    except (Problem, LedgerError, ValueError):
        return False


def _drafted(data: Path) -> Genesis:
    """Raises Problem where there is no draft."""
    try:
        return Genesis.model_validate_json((data / DRAFT).read_bytes())
    except FileNotFoundError:
        raise Problem(409, "Nothing was drafted: POST /v1/genesis/draft first.", "no-draft") from None


def _told(made: Genesis, roster: Roster) -> dict[str, Any]:
    asked = [
        {"officer": officer.id, "party": officer.party, "key": key.fingerprint}
        for officer in roster.officers
        for key in officer.keys
    ]
    return {
        "origin": made.origin,
        "log_vkey": made.log_vkey,
        "roster": roster.sha256,
        "to_sign": base64.b64encode(to_sign.founding(made)).decode(),
        "sign_with": "ssh-keygen -Y sign -n openleo-approval@v1 -f KEY",
        "asked": asked,
    }
