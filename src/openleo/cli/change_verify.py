"""`openleo change verify`: does a change's folder hold, offline?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import ChangeDir, answers
from openleo.cli.common import AsJson, Threads, note, print_json, progress
from openleo.cli.ledger_common import PolicyFile, Vkey, tell_standing, trusted

if TYPE_CHECKING:
    from openleo.governance.folder import ChangeFolder
    from openleo.ledger.policy import Opened, Policy


TOLERANCE_PPM = 10_000  # that of a roster that says no other
Recompute = Annotated[
    bool | None,
    typer.Option(
        "--recompute/--no-recompute",
        help="Compute the effect again, or not. [default: if the folder's documents suffice]",
        show_default=False,
    ),
]
ScenarioOption = Annotated[
    Path | None, typer.Option("--scenario", metavar="S", help="The network, in place of the folder's own copy.")
]
BaseOption = Annotated[
    Path | None, typer.Option("--base", metavar="OLD", help="The network before, in place of the folder's own copy.")
]


def verify(
    folder: ChangeDir,
    vkey: Vkey = None,
    policy: PolicyFile = None,
    recompute: Recompute = None,
    scenario: ScenarioOption = None,
    base: BaseOption = None,
    terminals: options.TerminalsFile = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Verify a folder by itself: its files say one thing, its signatures hold, and its proof shows it was activated.

    The effect is computed again from the folder's documents, and each figure compared: by territory and class, they may
    differ by 1 %. Terminals are counted again where their table is named. Whose keys may sign stands on the ledger:
    `openleo change audit` tells whether they counted. With --vkey or --policy the proof is checked too. Exits 3 if
    anything does not hold.
    """
    from openleo.governance.folder import PROOF, ChangeFolder
    from openleo.governance.state import Refused

    known = trusted(policy, vkey)
    with answers(str(folder), as_json):
        change = ChangeFolder(folder)
        change.check()
        signed = dict(_signers(change))
        proof = folder / PROOF
        if known is None and proof.exists():
            note(f"{proof} is not checked: name the log's key with --vkey, or a policy.")
        if known is not None and not proof.exists():
            raise Refused(f"{proof} is not there: the change was not activated, or its proof was not handed along")
        opened, seen = (None, True) if known is None else _check_proof(change, known)
        why_not = _recomputed(change, recompute, scenario, base, terminals, threads)
    if why_not:
        note(f"The effect was not computed again: {why_not}.")
    elif terminals is None and change.effect["terminals"] is not None:
        note("Terminals were not counted again: their table is not in the folder (--terminals).")
    if opened is not None:
        tell_standing(opened)
    witnessed = {} if opened is None else {"witnessed": seen}
    if as_json:
        said = {"signed": signed, "proven": opened is not None, "recomputed": not why_not, **witnessed}
        print_json({"ok": True, "change": change.proposed.change, **said})
        return
    typer.echo(f"{change.proposed.change}: request, effect and statements agree.")
    for officer, key in signed.items():
        typer.echo(f"  approved by {officer} with {key}")
    if not why_not:
        typer.echo(f"  effect: computed again, and the same within {TOLERANCE_PPM / 10_000:g} %")
    if opened is not None:
        typer.echo(f"  activated: proven under {opened.checkpoint.size} entries of {opened.checkpoint.origin}")
        if opened.witnesses and not seen:
            typer.echo("  unwitnessed: no witness had seen it when it took effect")


def _recomputed(
    change: ChangeFolder,
    asked: bool | None,
    scenario: Path | None,
    base: Path | None,
    terminals: Path | None,
    threads: int | None,
) -> str:
    """Compute the effect again and compare; why it was not, where it was not. Raises Refused, or InputError."""
    if asked is False:
        return "it was not asked for"
    from openleo.change_documents import Given, check_recomputed, insufficient
    from openleo.governance.state import Refused

    with progress() as tell:
        given = Given(scenario, base, terminals, threads, tell)
        if why_not := insufficient(change, given):
            if asked:
                raise Refused(f"the effect cannot be computed again: {why_not}")
            return why_not
        check_recomputed(change, TOLERANCE_PPM, given)
    return ""


def _signers(change: ChangeFolder) -> Iterator[tuple[str, str]]:
    """(officer, fingerprint) of every signature that holds over to-sign.json. Raises Refused at one that does not."""
    from openleo.governance.folder import STATEMENTS
    from openleo.governance.sshsig import SignatureRefused
    from openleo.governance.sshsig import verify as verify_signature
    from openleo.governance.state import Refused

    message = change.read(STATEMENTS["approve"])
    for officer, armour in change.approvals.items():
        try:
            yield officer, verify_signature(message, armour).fingerprint
        except SignatureRefused as error:
            raise Refused(f"the signature of {officer} {error}") from None


def _check_proof(change: ChangeFolder, policy: Policy) -> tuple[Opened, bool]:
    """The checkpoint that proves its activation, and whether witnesses saw it before. Raises NotProven or Refused."""
    from openleo.governance.entries import Activated, EntryRefused, from_bytes
    from openleo.governance.folder import PROOF
    from openleo.governance.state import Refused
    from openleo.ledger import proof as proofs
    from openleo.ledger.faults import Malformed, NotProven

    try:
        read = proofs.parse(change.read(PROOF))
        proven = proofs.check(read, policy)
        body = from_bytes(read.extra or b"").body
    except Malformed as error:
        raise NotProven(str(error)) from None
    except EntryRefused as error:
        raise NotProven(f"what it proves is no entry: {error}") from None
    if not isinstance(body, Activated) or body.change != change.proposed.change:
        raise Refused(f"the proof is of another entry than the activation of {change.proposed.change}")
    return proven.opened, body.witnessed
