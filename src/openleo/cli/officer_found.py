"""`openleo officer genesis` and `officer found`: entry 0, signed by every founder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import answers, clock, signed_by
from openleo.cli.common import note

if TYPE_CHECKING:
    from openleo.governance.entries import Genesis

GENESIS, TO_SIGN, SIGNATURES = "genesis.json", "to-sign.json", "approvals"
Draft = Annotated[Path, typer.Argument(metavar="DIR", help="What `officer genesis` wrote, with approvals/OFFICER.sig.")]


def genesis(
    roster: options.RosterFile,
    origin: Annotated[str, typer.Option(help="The ledger's name for good, such as example.org/openleo.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")],
) -> None:
    """Draft entry 0: the roster and a new log key, for every officer of it to sign.

    It writes DIR/to-sign.json; each officer runs `ssh-keygen -Y sign -n openleo-approval@v1 -f KEY to-sign.json`, and
    what that writes goes to DIR/approvals/OFFICER.sig; with a second key once more, to OFFICER.2.sig: every key proves
    that it is held. Then comes `openleo officer found`.
    """
    from openleo.errors import InputError, Problem
    from openleo.governance import to_sign
    from openleo.governance.entries import Genesis
    from openleo.governance.folder import readable
    from openleo.governance.house import KEY
    from openleo.governance.roster_file import read_roster
    from openleo.ledger import keys
    from openleo.report.staging import Staging, blaming

    read = read_roster(roster)
    with answers(origin, False):
        signer = keys.generate(origin)
    draft = Genesis(origin=origin, log_vkey=str(signer.verifier), roster=read.document, signatures=())
    if out.exists():
        raise InputError(Problem(f"--out {out}", "", "exists; a draft holds a key, and is never written over."))
    with blaming(out), Staging(out) as staging:
        (staging.path / GENESIS).write_bytes(readable(draft.model_dump(mode="json", by_alias=True)))
        (staging.path / TO_SIGN).write_bytes(to_sign.founding(draft))
        (staging.path / SIGNATURES).mkdir()
        keys.write_signer(staging.path / KEY, signer)
        staging.commit([])
    for officer in read.officers:
        for number, key in enumerate(officer.keys, start=1):
            name = f"{officer.id}.sig" if number == 1 else f"{officer.id}.{number}.sig"
            typer.echo(f"{out / SIGNATURES / name}  {officer.party}  {key.fingerprint}")
    note(f"Each signs {out / TO_SIGN}. {out / KEY} is the log's private key: it stays on the machine that logs.")


def found(
    draft: Draft,
    data: Annotated[Path, typer.Option("--ledger", metavar="DIR", help="The data folder, new.")],
    database: Annotated[str, typer.Option(envvar="OPENLEO_DATABASE", help="A postgresql:// address.")] = "",
) -> None:
    """Found a ledger: entry 0, signed by every founder with each key. Prints its fingerprint, which all should pin."""
    import shutil

    from openleo.errors import InputError, Problem
    from openleo.governance import house
    from openleo.governance.entries import entry
    from openleo.ledger import keys
    from openleo.report.staging import Staging, blaming

    unsigned = _read(draft / GENESIS)
    files = sorted((draft / SIGNATURES).glob("*.sig"))
    signed = tuple(signed_by(one.name.partition(".")[0], one, "") for one in files)  # OFFICER.sig, OFFICER.2.sig
    if data.exists() and any(data.iterdir()):
        raise InputError(Problem(f"--ledger {data}", "", "holds something; a ledger is founded in a new folder."))
    with answers(str(draft), False):
        made = entry(clock(), unsigned.model_copy(update={"signatures": signed}))
        signer = keys.read_signer(draft / house.KEY)
        with blaming(data, "--ledger"), Staging(data) as staging:
            shutil.copy2(draft / house.KEY, staging.path / house.KEY)
            fingerprint = house.found(house.Folder(staging.path, database), signer, made)
            staging.commit([])
    typer.echo(fingerprint)
    note(f"Founded {unsigned.origin} in {data}. Publish the fingerprint of entry 0 above where it cannot be unsaid.")
    if not unsigned.roster.get("witnesses"):
        from openleo.ledger.policy import UNWITNESSED

        note(UNWITNESSED)


def _read(path: Path) -> Genesis:
    from openleo.errors import InputError, Problem
    from openleo.governance.entries import Genesis

    try:
        return Genesis.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error.strerror}.")) from None
    except ValueError as error:
        raise InputError(Problem(str(path), "", f"is no draft of entry 0: {error}")) from None
