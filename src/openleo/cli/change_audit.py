"""`openleo change audit`: is what is in force what was approved? By the entries alone, from the first one on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.change_common import answers, clock, placed
from openleo.cli.change_propose import network_of
from openleo.cli.common import AsJson, note, print_json, progress
from openleo.cli.ledger_common import ANSWER_IS_NO, DATABASE, PolicyFile, opened, tell_standing

if TYPE_CHECKING:
    from openleo.governance.artefacts import Artefacts
    from openleo.governance.auditing import Tree
    from openleo.governance.published import Document
    from openleo.governance.replay import Finding
    from openleo.governance.state import Change, State
    from openleo.ledger.policy import Opened
    from openleo.ledger.tiles import Fetch

MOST_TOLD = 50
SLACK_S = 60  # so far may clocks differ
Where = Annotated[str, typer.Argument(metavar="LEDGER", help="A data folder, a published folder, or an address.")]
Pinned = Annotated[
    str | None, typer.Option("--genesis", metavar="SHA256", help="The fingerprint of entry 0, as pinned.")
]
Documents = Annotated[
    Path | None, typer.Option("--artefacts", metavar="DIR", help="The documents. [default: those beside the ledger]")
]
Scenario = Annotated[
    Path | None, typer.Option("--scenario", metavar="S", help="The network that is run: is it the approved one?")
]
Recompute = Annotated[
    bool, typer.Option("--recompute", help="Compute each effect of rules that was signed on that network again.")
]


@dataclass
class Audited:
    """A ledger that was replayed."""

    state: State
    opened: Opened | None
    findings: list[Finding] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # what cannot be told by the number of an entry
    genesis: str = ""
    documents: list[Document] = field(default_factory=list)  # that entries name; none where none are at hand


def audit(
    where: Where,
    genesis: Pinned = None,
    artefacts: Documents = None,
    policy: PolicyFile = None,
    scenario: Scenario = None,
    recompute: Recompute = False,
    as_json: AsJson = False,
) -> None:
    """Replay a ledger: who decided, under which quorum, with which effect; and is that what is in force?

    Every signature, quorum, notice and rate is checked as it stood then. With the documents at hand every activation
    is judged again: the effect signed against the effect computed, and the rules that both are of. With a scenario: is
    that the network that was approved? And with --recompute every figure of the effects of rules that were activated on
    it is compared, within 1 %. Exits 3 if anything should not be there.
    """
    if recompute and scenario is None:
        from openleo.errors import InputError, Problem

        raise InputError(Problem("--recompute", "", "needs the network.", "Name its scenario with --scenario."))
    with answers(where, as_json):
        done = _audit(where, artefacts, policy, scenario if recompute else None)
        if scenario is not None:
            _check_network(done, network_of(scenario, 1).sha256)
        if genesis is not None and genesis.lower() != done.genesis:
            done.said.insert(0, f"entry 0 is {done.genesis}, and {genesis} was pinned: it is another ledger")
    if done.opened is not None:
        tell_standing(done.opened)
    if genesis is None:
        note(f"Entry 0 is {done.genesis}: compare it with what the founders published (--genesis).")
    _tell(where, done, as_json)


def _audit(where: str, documents: Path | None, policy: Path | None, on: Path | None) -> Audited:
    """`on`: the scenario to compute effects again on."""
    from openleo.governance.artefacts import Artefacts
    from openleo.governance.house import ARTEFACTS

    kept = None if documents is None or not documents.is_dir() else Artefacts(documents)
    if (Path(where) / DATABASE).is_file():
        with opened(where) as ledger:
            kept = kept or Artefacts(Path(where) / ARTEFACTS)
            found = _replayed((body for _, body in ledger.entries()), ledger.size, kept, on)
            signed = ledger.signed()
        _judge(found, None if signed is None else signed.encode(), policy)
        _check_active_file(found, Path(where))
        return found
    return _published(where, kept, policy, on)


def _published(where: str, kept: Artefacts | None, policy: Path | None, on: Path | None) -> Audited:
    from openleo.ledger import checkpoint, export, tiles
    from openleo.ledger.fetch import source

    with source(where) as fetch:
        data = fetch(export.CHECKPOINT)
        made, _ = checkpoint.parse(data)
        entries = (entry for some in tiles.check_log(fetch, made.size, made.root) for entry in some)
        found = _replayed(entries, made.size, kept or _shown(where, fetch), on)
    _judge(found, data, policy)
    return found


def _shown(where: str, fetch: Fetch) -> Artefacts | None:
    """The documents beside a published ledger, where there are any (`openleo change publish`)."""
    from openleo.governance.artefacts import Shown
    from openleo.governance.published import FOLDER, INDEX
    from openleo.ledger.faults import Missing

    def read(path: str) -> bytes | None:
        try:
            return fetch(path)
        except Missing:
            return None

    return None if read(INDEX) is None else Shown(lambda sha256: read(f"{FOLDER}/{sha256}"), f"{where}/{FOLDER}")


def _replayed(entries: Iterator[bytes], size: int, kept: Artefacts | None, on: Path | None) -> Audited:
    """Replay, and look at the documents of every activation on the way."""
    import hashlib

    from openleo.governance import auditing, published
    from openleo.governance.entries import instant
    from openleo.governance.replay import audit as replay
    from openleo.governance.state import State

    done, named = Audited(State(), None), published.Named()
    tree, now, ahead = auditing.Tree(), clock(), False
    with progress(kernels=False) as on_progress:
        for number, data in enumerate(entries):
            if number == 0:
                done.genesis = hashlib.sha256(data).hexdigest()
            looked_at = auditing.LOOKED_AT.search(data) is not None
            before = done.state.lasting if looked_at else {}
            _, findings = replay([data], done.state)
            if not findings:
                named.follow(number, data)
            done.findings += findings
            if looked_at and not findings:
                done.findings += _of_a_change(done.state, number, data, kept, before, tree)
                if on is not None and kept is not None:
                    done.findings += _computed_again(done.state, number, data, kept, before, on)
            tree.grow(data)
            if (
                not ahead
                and done.state.newest_at is not None
                and done.state.newest_at > now + timedelta(seconds=SLACK_S)
            ):
                ahead = True
                done.said.append(f"entry {number} is of {instant(done.state.newest_at)}, which is not yet")
            if number % 1000 == 0:
                on_progress("replaying", number, size)
    done.said += auditing.untold(done.state)
    if kept is None:
        note("The documents are not at hand (--artefacts): effects are not judged again, books are not compared.")
    elif done.state.roster is not None:
        done.said += auditing.documents(done.state, kept)
        done.documents = list(published.documents(named, kept))
        done.said += [f"entry {one.entries[0]} names the {one.kind} {one.sha256}: {one.why}"
                      for one in done.documents if one.altered]  # fmt: skip
    return done


def _of_a_change(
    state: State, number: int, data: bytes, kept: Artefacts | None, before: dict[str, str | None], tree: Tree
) -> Iterator[Finding]:
    """What the documents and the tree say of an effect or an activation. `before`: what was settled then."""
    from openleo.governance import auditing
    from openleo.governance.entries import Activated, BreakGlassUsed, EffectFrozen, from_bytes
    from openleo.governance.replay import Finding
    from openleo.governance.state import Refused

    entry = from_bytes(data)
    body = entry.body
    if isinstance(body, Activated):
        yield from auditing.proven(number, body, tree)
    if kept is not None and isinstance(body, Activated | BreakGlassUsed):
        yield from auditing.activation(state, number, entry, kept)
    if kept is None or not isinstance(body, Activated | EffectFrozen):
        return
    change = state.changes[body.change]
    check = _check_sides(change.proposed.kind)
    if check is None or not kept.has(body.effect):
        return
    try:
        check(kept.get_json(body.effect), before, change, kept)
    except Refused as refused:
        yield Finding(number, f"{body.change}: {refused}")


def _computed_again(
    state: State, number: int, data: bytes, kept: Artefacts, before: dict[str, str | None], on: Path
) -> Iterator[Finding]:
    """What is wrong with the figures of an effect of rules that was signed, on a scenario, when it is activated."""
    from openleo import changes
    from openleo.change_documents import Given, check_of_rules
    from openleo.cli.change_verify import TOLERANCE_PPM
    from openleo.governance.entries import Activated, from_bytes
    from openleo.governance.replay import Finding
    from openleo.governance.state import Refused

    body = from_bytes(data).body
    if not isinstance(body, Activated) or state.changes[body.change].proposed.kind != "rules":
        return
    change = state.changes[body.change]
    assert change.effect is not None
    try:
        signed = kept.get_json(change.effect.effect)
        network = network_of(on, signed["slots"])
        if network.sha256 != change.effect.network:
            note(f"{body.change} is of another network, {change.effect.network}: not computed again.")
            return
        now = changes.in_force(before, kept)
        then = now.with_(changes.documents_of(change.proposed.moves, kept))
        with progress() as tell:
            check_of_rules(signed, now, then, network, TOLERANCE_PPM, Given(on_progress=tell))
    except Refused as refused:
        yield Finding(number, f"{body.change}: {refused}")


def _check_sides(kind: str) -> Callable[[Mapping[str, Any], dict[str, str | None], Change, Artefacts], None] | None:
    """What raises Refused where an effect is of other rules or networks than those that its change moves."""
    if kind not in ("rules", "network"):
        return None
    from openleo import changes

    return changes.check_sides if kind == "rules" else changes.check_networks


def _check_network(done: Audited, sha256: str) -> None:
    from openleo.governance import auditing

    if wrong := auditing.network(done.state, sha256):
        done.said.append(wrong)


def _judge(done: Audited, signed: bytes | None, policy: Path | None) -> None:
    """The checkpoint, by the keys that the ledger's own entries lead to, or by those of a policy. Raises NotProven."""
    from openleo.cli.ledger_common import trusted
    from openleo.governance.entries import instant
    from openleo.governance.house import policy_of
    from openleo.ledger.faults import NotProven
    from openleo.ledger.policy import open_checkpoint

    if signed is None:
        raise NotProven("its entries are under no signed checkpoint.")
    if done.state.roster is not None:
        done.opened, _ = open_checkpoint(trusted(policy, None) or policy_of(done.state), signed)
        seen = max((seal.time_s or 0 for seal in done.opened.witnesses), default=None)
        newest = done.state.newest_at
        whole = done.opened.checkpoint.size == done.state.size
        if seen is not None and whole and newest is not None and newest.timestamp() > seen + SLACK_S:
            done.said.append(f"the newest entry is of {instant(newest)}, later than witnesses saw it")


def _check_active_file(done: Audited, folder: Path) -> None:
    from openleo.governance import auditing
    from openleo.governance.house import ACTIVE

    if wrong := auditing.active_file(done.state, folder / ACTIVE):
        done.said.append(wrong)


def _tell(where: str, done: Audited, as_json: bool) -> None:
    from openleo.governance import told

    state, now = done.state, clock()
    rows: list[dict[str, Any]] = [{"entry": one.entry, "why": one.why} for one in done.findings]
    rows += [{"entry": None, "why": why} for why in done.said]
    if as_json:
        first = rows[0] if rows else {"entry": None, "why": ""}
        active = state.active(now)
        print_json(
            {
                "ok": not rows,
                **first,
                "findings": rows,
                "entries": state.size,
                "genesis": done.genesis,
                "requesters": _requesters(state),
                "active": active,
                "unwitnessed": [id_ for id_, change in state.changes.items() if change.unwitnessed],
                "documents": len(done.documents),
                "missing": [one.as_json() for one in done.documents if one.data is None],
            }
        )
    else:
        for row in rows[:MOST_TOLD]:
            typer.echo(placed(row["entry"], row["why"]))
        if len(rows) > MOST_TOLD:
            typer.echo(f"and {len(rows) - MOST_TOLD:,} more")
        if not rows:
            _tell_in_order(state)
        for id_, change in state.changes.items():
            if change.unwitnessed:
                typer.echo(f"{id_}: {told.unwitnessed(change)}")
    for one in [one for one in done.documents if one.data is None and not one.altered][:MOST_TOLD]:
        note(f"Entry {one.entries[0]} names the {one.kind} {one.sha256}: {one.why}.")
    if rows:
        note(f"{where}: no: {len(rows):,} of {state.size:,} entries or documents are not in order.")
        raise typer.Exit(ANSWER_IS_NO)


def _tell_in_order(state: State) -> None:
    activated = [change for change in state.changes.values() if change.activated_at is not None]
    typer.echo(f"In order: {state.size:,} entries of {state.origin}")
    typer.echo(f"{len(state.changes):,} changes, {len(activated):,} of them activated; in force:")
    for target, value in sorted(state.active(clock()).items()):
        by = state.settled[target].by if target in state.settled else None
        typer.echo(f"  {target}: {value}" + (f" (by {by})" if by else ""))
    if named := _requesters(state)["named"]:
        typer.echo(f"Requesters named, not proved: of {named:,} of {len(state.changes):,} changes")


def _requesters(state: State) -> dict[str, int]:
    """How many changes were asked for by whom: proved in person, sponsored by an officer, or named and no more."""
    from openleo.governance.requests import standing

    found = dict.fromkeys(("proved", "sponsored", "named"), 0)
    for change in state.changes.values():
        found[standing(change.proposed)] += 1
    return found
