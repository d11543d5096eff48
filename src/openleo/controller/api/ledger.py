"""The ledger as anybody's verifier reads it: checkpoint, tiles, and the public documents that entries name.

    /ledger/checkpoint   /ledger/vkey   /ledger/tile/<L>/<N>[.p/<W>]   /ledger/tile/entries/<N>[.p/<W>]   (C2SP)
    /ledger/artefacts/index.json   /ledger/artefacts/sha256/<HASH>
    /v1/ledger/lists/<HASH>   the list of a group, for the operator's auditors alone

Tiles and documents never change, and may be kept for good; the checkpoint is asked for again each time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from openleo.controller import audit, governing
from openleo.controller.access import Principal, Role, needs
from openleo.controller.database import writing
from openleo.controller.in_force import UNREADABLE
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.governance import published
from openleo.governance.house import LEDGER, Folder
from openleo.governance.state import Refused, State
from openleo.instants import instant_of
from openleo.ledger.faults import LedgerError, Malformed, Missing
from openleo.ledger.mark import Mark
from openleo.ledger.merkle import Frontier
from openleo.ledger.store import Ledger, open_ledger
from openleo.ledger.tiles import parse_path

router = APIRouter(prefix="/ledger", tags=["ledger"])
for_auditors = APIRouter(prefix="/v1/ledger", tags=["ledger"])
Auditor = Annotated[Principal, Depends(needs(Role.AUDITOR, operator_only=True))]
GROUP = "group:"
FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
AGAIN = {"Cache-Control": "no-cache"}
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
LONGEST_PATH = 200
TOLD: dict[str, dict[int | str, dict[str, Any]]] = {
    kind: {200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}}}}} for kind in (TEXT, BYTES)
}
DOCUMENT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
UNFOUNDED = "The ledger is not founded yet."
NOT_THERE = "There is nothing of the ledger there."


@router.get(
    "/checkpoint", response_class=Response, responses=TOLD[TEXT], summary="The signed checkpoint, with its cosignatures"
)
def checkpoint(request: Request) -> Response:
    """A signed note (C2SP tlog-checkpoint)."""
    return Response(_file(request, "checkpoint"), headers=AGAIN, media_type=TEXT)


@router.get("/vkey", response_class=Response, responses=TOLD[TEXT], summary="The log's verifier key")
def vkey(request: Request) -> Response:
    """To be compared with what was pinned elsewhere."""
    return Response(_file(request, "vkey"), headers=AGAIN, media_type=TEXT)


@router.get(
    "/tile/{path:path}", response_class=Response, responses=TOLD[BYTES], summary="A tile of hashes or of entries"
)
def tile(request: Request, path: str) -> Response:
    """As C2SP tlog-tiles names it."""
    if len(path) > LONGEST_PATH:
        raise Problem(404, NOT_THERE)
    try:
        parse_path(f"tile/{path}")
    except Malformed:
        raise Problem(404, NOT_THERE) from None
    return Response(_file(request, f"tile/{path}"), headers=FOR_GOOD, media_type=BYTES)


@router.get(
    "/artefacts/index.json", response_class=Response, responses=DOCUMENT, summary="Which documents the entries name"
)
def index(request: Request) -> Response:
    """Public ones, of what kind, by which entries; and which are missing, and why."""
    return Response(published.index(_shown(request).found), headers=AGAIN, media_type="application/json")


@router.get("/artefacts/sha256/{sha256}", response_class=Response, responses=DOCUMENT, summary="A public document")
def artefact(request: Request, sha256: str) -> Response:
    """A book of rules, an effect, a roster, or what a network's hash is of; nothing else of the data folder."""
    if re.fullmatch("[0-9a-f]{64}", sha256) is None:
        raise Problem(404, "There is no such public document.")
    for one in _shown(request).found:
        if one.sha256 == sha256 and one.data is not None:
            return Response(one.data, headers=FOR_GOOD, media_type="application/json")
    raise Problem(404, "There is no such public document.")


# --- for auditors ---------------------------------------------------------------------------------------------------


@for_auditors.get("/lists/{sha256}", summary="The list of a group, whose hash the ledger has")
def group_list(request: Request, principal: Auditor, sha256: str) -> list[str]:
    """The commitments of its members, as the list of that hash has them; who opened which list stands in the audit.

    Of the lists that a change names for a group: proposed, in force or not any more.
    """
    runtime: Runtime = request.app.state.runtime
    with governing.looked_at(runtime) as state:
        named = sha256 in _lists(state)
    try:
        found = _folder(request).artefacts.get_json(sha256) if named else None
    except (Refused, LedgerError, OSError):  # why names the folder
        raise Problem(404, "The list is not there any more, or is not what its hash says.") from None
    if not isinstance(found, list):
        raise Problem(404, "The ledger names no list of a group by this hash.")
    with writing(runtime.engine) as connection:
        audit.record(connection, runtime.clock.now_s(), principal, "opened_list", sha256)
    return [str(one) for one in found]


def _lists(state: State) -> set[str]:
    """The hashes of lists that changes and break-glass ever named."""
    used = [*(one.proposed.moves for one in state.changes.values()), *(one.used.moves for one in state.glass.values())]
    return {move.new for moves in used for move in moves if move.target.startswith(GROUP) and move.new is not None}


# --- read -----------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """The documents that the first `tree.size` entries name."""

    named: published.Named = field(default_factory=published.Named)
    tree: Frontier = field(default_factory=Frontier)
    found: list[published.Document] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def _shown(request: Request) -> Shown:
    """Those of now: entries that came since are looked at, and the rest is kept."""
    state = request.app.state
    if not hasattr(state, "shown"):
        state.shown = Shown()
    kept: Shown = state.shown
    folder = _folder(request)
    with kept.lock, _ledger(request) as ledger:
        if ledger.size < kept.tree.size:
            kept.named, kept.tree = published.Named(), Frontier()
        if ledger.size > kept.tree.size or not kept.found:
            for number, data in ledger.entries(kept.tree.size):
                kept.named.follow(number, data)
            kept.found = list(published.documents(kept.named, folder.artefacts, to_show=True))
            kept.tree = ledger.tree
    return kept


def _folder(request: Request) -> Folder:
    runtime: Runtime = request.app.state.runtime
    return runtime.gate.reader.folder


def _file(request: Request, path: str) -> bytes:
    with _ledger(request) as ledger:
        return ledger.fetch(path)


@contextmanager
def _ledger(request: Request) -> Iterator[Ledger]:
    """Opened without hashing all of it again: who verifies is the reader, and the gate does so each slot."""
    folder = _folder(request)
    if not folder.database and not (folder.path / LEDGER).exists():
        raise Problem(404, UNFOUNDED, "no-genesis")
    mark = Mark.beside(folder.key)
    try:
        with open_ledger(folder.ledger, write=False, verify=False, mark=None if mark.unreadable else mark) as ledger:
            yield ledger
    except Missing:
        raise Problem(404, NOT_THERE) from None
    except LedgerError as error:
        if folder.database and _unfounded(request.app.state.runtime):
            raise Problem(404, UNFOUNDED, "no-genesis") from None
        raise not_now(f"The ledger cannot be read now: {error}", slug="ledger") from None


def _unfounded(runtime: Runtime) -> bool:
    """Whether no ledger was ever seen in a database: one that there is not yet is no fault."""
    try:
        return not runtime.gate.reader.read(instant_of(runtime.clock.now_s())).founded
    except UNREADABLE:
        return False
