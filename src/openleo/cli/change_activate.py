"""`openleo change activate`: an approved change takes effect, through the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from openleo.cli import change_options as options
from openleo.cli.change_common import DEFAULT_DATA, ChangeDir, Data, Database, answers, clock, opened
from openleo.cli.change_propose import check_in_force, network_of
from openleo.cli.common import AsJson, Threads, note, print_json

if TYPE_CHECKING:
    from openleo.changes import Counted
    from openleo.governance.house import House
    from openleo.governance.state import Change


def activate(
    folder: ChangeDir,
    scenario: options.NetworkFile = None,
    base: options.BaseFile = None,
    slots: options.Slots = options.DEFAULT_SLOTS,
    terminals: options.TerminalsFile = None,
    threads: Threads = None,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Activate a change: its approvals are proven, its effect is computed again, and it is logged before it holds.

    Exits 2 while a jump of the clock stands at the controller of the folder: a person has to confirm it first.
    Exits 3 with the reason where the quorum, the notice, the window, a document or a witness is missing, or where the
    effect takes more than was signed. DIR/proof.tlog-proof and two others are written, for anybody's
    verifier: of the activation, of the proposal, and of the effect.
    """
    from openleo.errors import InputError, Problem
    from openleo.governance.activate import activate as pass_gate
    from openleo.governance.folder import EFFECT_PROOF, PROOF, PROPOSAL_PROOF, ChangeFolder
    from openleo.report.staging import StagedFile

    with answers(str(folder), as_json), opened(data, database, write=True, show=False) as house:
        _check_clock(data, database)
        id_ = ChangeFolder(folder).proposed.change
        now = house.now(clock())
        made = pass_gate(house, id_, now, _recompute(house, scenario, base, slots, terminals, threads), clock)
        proofs = {PROPOSAL_PROOF: made.proposal, EFFECT_PROOF: made.effect, PROOF: made.proof}
        try:
            for name, proof in proofs.items():
                with StagedFile(folder / name) as file:
                    file.write_bytes(proof.encode())
        except InputError as error:
            rule = f"{id_} is in force (entry {made.index}), and its proofs could not be kept."
            again = (
                f"openleo ledger prove {data} {proof.index} --out {folder / name}" for name, proof in proofs.items()
            )
            way_out = f"Make them again: {'; '.join(again)}"
            raise InputError([Problem(str(folder / PROOF), "", rule, way_out), *error.problems]) from None
        origin = house.state.origin
    for said in made.warnings:
        note(said)
    if as_json:
        print_json({"ok": True, "change": id_, "entry": made.index, "warnings": list(made.warnings)})
        return
    typer.echo(f"{id_} is in force: entry {made.index} of {origin}, proven in {folder / PROOF}")


def _check_clock(data: Path, database: str) -> None:
    """A controller that lives here has seen no jump of the clock that nobody has confirmed. Raises InputError."""
    from openleo.controller.database import FILE

    if not database and not (data / FILE).is_file():
        return  # nobody serves here
    from openleo.controller.clock_kept import standing
    from openleo.controller.database import Unavailable, address_of, connect
    from openleo.errors import InputError, Problem

    engine = connect(address_of(data, database))
    try:
        jump = standing(engine)
    except Unavailable as error:
        rule = f"whether a jump of the clock stands cannot be read: {error}."
        raise InputError(Problem(str(data), "", rule, "Nothing was done: try again.")) from None
    finally:
        engine.dispose()
    if jump is not None:
        rule = f"the clock jumped by {jump.by_s:+.0f} s, and nobody has confirmed it: nothing activates."
        way_out = f"Look at the clock, then: openleo controller confirm-clock --data {data}"
        raise InputError(Problem(str(data), "", rule, way_out))


def _recompute(
    house: House, scenario: Path | None, base: Path | None, slots: int, terminals: Path | None, threads: int | None
) -> Callable[[Change], Mapping[str, Any]]:
    def effect(change: Change) -> Mapping[str, Any]:
        from openleo import changes
        from openleo.errors import InputError, Problem
        from openleo.governance import counting

        kind, now = change.proposed.kind, clock()
        if kind not in ("rules", "network"):
            assert change.effect is not None
            return counting.again(house.state, change, house.artefacts.get_json(change.effect.effect))
        if scenario is None:
            way_out = "Name the scenario that the effect was computed on."
            raise InputError(Problem("--scenario", "", f"is needed for a change of {kind}.", way_out))
        lasting, artefacts = house.state.lasting, house.artefacts
        network = network_of(scenario, slots)
        if kind == "rules":
            check_in_force(house, network)
            table = _table(house, change, terminals)
            return changes.again(network, change, lasting, artefacts, now, threads, table)
        old = None if base is None else network_of(base, slots)
        return changes.network_again(old, network, change, lasting, artefacts, now, threads)

    return effect


def _table(house: House, change: Change, terminals: Path | None) -> Counted | None:
    """The terminals to count again, where they were counted in what was signed. Raises InputError."""
    from openleo import changes
    from openleo.errors import InputError, Problem

    assert change.effect is not None
    signed = house.artefacts.get_json(change.effect.effect)
    if terminals is None and signed.get("terminals") is not None:
        way_out = "Name the table of terminals as it is now."
        raise InputError(Problem("--terminals", "", "is needed: terminals were counted in what was signed.", way_out))
    if terminals is None or signed.get("terminals") is None:
        return None
    now = changes.in_force(house.state.lasting, house.artefacts)
    then = now.with_(changes.documents_of(change.proposed.moves, house.artefacts))
    return changes.counted(terminals, now.rules, then.rules)
