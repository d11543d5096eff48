"""Acts on the ledger for whoever asks by HTTP: proposals, what officers signed, activations.

The ledger is opened for writing for the moment of an act alone, since the command line may write to it as well; where
somebody else does just then, that is said. What decides is the ledger's own check of each entry: who hands something in
adds nothing to it. Refusals are told as problems.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from pydantic import ValidationError
from sqlalchemy import insert, select

from openleo import change_documents, changes
from openleo.controller.database import reading, writing
from openleo.controller.in_force import UNREADABLE, why_unreadable
from openleo.controller.jobs import Tell
from openleo.controller.problems import Problem, not_now
from openleo.controller.runtime import Runtime
from openleo.controller.tables import known
from openleo.errors import InputError
from openleo.governance import counting, drafting, requests, submission, words
from openleo.governance.activate import activate as pass_gate
from openleo.governance.activate import witnessed
from openleo.governance.drafting import Request
from openleo.governance.entries import EntryRefused
from openleo.governance.folder import EFFECT_PROOF, PROOF, PROPOSAL_PROOF
from openleo.governance.house import House, NotInOrder
from openleo.governance.life import why_not
from openleo.governance.moves import NETWORK, Move
from openleo.governance.state import Change, Refused, State, status
from openleo.instants import instant_of
from openleo.ledger.faults import LedgerError, NotProven
from openleo.ledger.policy import judge
from openleo.network_effects import Named
from openleo.policy.named import territories_named
from openleo.policy.rule_books import check_cost

LOG = logging.getLogger("openleo.controller")
DAYS_OPEN, DAYS_APPROVING = 30, 14
DETAIL = "detail:"  # in the table `known`: the exact effect of a change, by its sha256
Json = Mapping[str, Any]


def now(runtime: Runtime) -> datetime:
    """By the controller's own time line."""
    return instant_of(runtime.clock.now_s())


@contextmanager
def looked_at(runtime: Runtime) -> Iterator[State]:
    """The ledger's state, read anew; nobody may change it. Raises Problem."""
    with _told(), runtime.gate.reader.state(now(runtime)) as state:
        if state.roster is None:
            raise Problem(404, "The ledger is not founded: POST /v1/genesis drafts its genesis.", "no-genesis")
        yield state


@contextmanager
def written_to(runtime: Runtime) -> Iterator[House]:
    """The ledger, to append to it; what was logged is shown to the witnesses afterwards. Raises Problem."""
    if runtime.clock.jump() is not None:
        raise not_now("The clock has jumped: nothing is logged or activated until somebody confirms it.", slug="clock")
    with _told():
        with House(runtime.gate.reader.folder, write=True) as house:
            before = house.state.size
            yield house
            if house.state.size > before:
                _show(house, lambda: now(runtime))
            newest = house.state.newest_at
        if newest is not None:
            runtime.clock.not_before(newest.timestamp())


def _show(house: House, clock: Callable[[], datetime]) -> None:
    """Have what was logged seen soon. Witnesses that cannot be reached see it with the next entry."""
    signed = house.ledger.signed()
    if signed is None or not house.policy.witnesses:
        return
    try:
        judge(house.policy, signed)
    except LedgerError:
        try:
            witnessed(house, clock)
        except LedgerError as error:  # one that refuses is told as well as one that does not answer
            LOG.warning("the newest entries are not witnessed yet: %s", error)


@contextmanager
def _told() -> Iterator[None]:
    """What the ledger refuses, as problems: no for what does not follow, later for what cannot be read now."""
    try:
        yield
    except (Problem, InputError):
        raise
    except NotProven as error:
        raise Problem(409, f"{error.why.rstrip('.')}.", "not-proven") from None
    except Refused as refused:
        raise Problem(409, f"{refused}.", "refused") from None
    except EntryRefused as error:
        raise Problem(422, str(error), "no-entry") from None
    except ValidationError as error:
        raise InputError(words.problems("the request", error.errors())) from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise Problem(422, f"This cannot be written as canonical JSON: {error}.") from None
    except NotInOrder as error:
        raise not_now(f"The ledger is not in order: {error}.", slug="ledger") from None
    except UNREADABLE as error:
        raise not_now(f"The ledger cannot be used now: {why_unreadable(error)}", slug="ledger") from None


# --- proposed -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProposalAsked:
    """A proposal as somebody asked for it. Of rules `books` and `without`; of accounts `accounts` and `becomes`."""

    request: Request
    books: tuple[Json, ...] = ()
    without: tuple[str, ...] = ()
    base: Mapping[str, str | None] | None = None  # sha256 of the books that the proposer saw, by name
    accounts: tuple[str, ...] = ()  # commitments
    becomes: str = ""
    terminals: Mapping[tuple[str, str], int] | None = None  # by (territory, class)
    slots: int = 240


def request_of(said: Mapping[str, Any], at: datetime) -> Request:
    """With the times that a request leaves out."""
    begin = said["begin"] or at
    return Request(
        said["requester"], said["on_behalf_of"], said["reason"], said["legal_reference"], begin,
        said["until"] or at + timedelta(days=DAYS_OPEN), said["expires"] or at + timedelta(days=DAYS_APPROVING),
        sponsor=said["sponsor"],
    )  # fmt: skip


def propose(runtime: Runtime, asked: ProposalAsked, tell: Tell) -> dict[str, Any]:
    """Compute the effect, freeze it, log both; or give the draft that a sponsor signs. Raises Problem, InputError."""
    with _told():
        if asked.books or asked.without:
            return _propose_rules(runtime, asked, tell)
        return _propose_accounts(runtime, asked)


def _propose_rules(runtime: Runtime, asked: ProposalAsked, tell: Tell) -> dict[str, Any]:
    """The ledger is free while the effect is computed; what was in force then has to be so when it is logged."""
    new = {str(book.get("book", "")): book for book in asked.books}
    network = network_of(runtime, asked.slots)
    with _read(runtime) as house:
        requests.sponsor_of(house.state, "rules", asked.request.requester, asked.request.sponsor)
        check_network(house.state, network)
        lasting = house.state.lasting
        held = changes.in_force(lasting, house.artefacts)
        _check_base(asked, new, held)
    check_cost(new.values(), held.documents.values())
    then = held.with_({**dict.fromkeys(asked.without), **new})
    touched = {name: held.documents[name] for name in (*new, *asked.without) if name in held.documents}
    moves = changes.moves(touched, new)
    if not moves:
        raise Problem(409, "These books are what is in force: nothing would change.", "refused")
    begin = max(asked.request.begin, now(runtime))
    effect = changes.effect_of_rules(network, held.rules, then.rules, begin, on_progress=tell)
    papers = change_documents.documents_of(held, then, network)
    with written_to(runtime) as house:
        _check_unmoved(house, lasting)
        for document in new.values():
            house.artefacts.put_json(document)
        for data in papers.networks:
            house.artefacts.put(data)
        return _enter(runtime, house, "rules", moves, asked, effect, territories_named(held.rules, then.rules))


@contextmanager
def _read(runtime: Runtime) -> Iterator[House]:
    """The ledger, verified whole, to be read. Raises Problem."""
    with _told(), House(runtime.gate.reader.folder, write=False) as house:
        yield house


def _check_unmoved(house: House, lasting: Mapping[str, str | None]) -> None:
    """Raises Refused."""
    if house.state.lasting != lasting:
        raise Refused("something else took effect while its own effect was computed. Try again")


def _check_base(asked: ProposalAsked, new: Mapping[str, Json], held: changes.Books) -> None:
    """What the proposer saw is what is in force: of books that they name. Raises Problem."""
    if asked.base is None:
        return
    for name in sorted({*new, *asked.without}):
        found = held.documents.get(name)
        sha256 = None if found is None else changes.sha256_of(found)
        if sha256 != asked.base.get(name):
            said = "is not in force" if sha256 is None else f"is in force as {sha256}"
            raise Problem(409, f"The book {name} {said}: take that one, and propose again.", "changed-meanwhile")


def _propose_accounts(runtime: Runtime, asked: ProposalAsked) -> dict[str, Any]:
    with written_to(runtime) as house:
        moves = [Move(target=f"account:{one}", base=house.state.value(f"account:{one}"), new=asked.becomes)
                 for one in asked.accounts]  # fmt: skip
        counted = Counter(dict(asked.terminals or {}))
        effect = drafting.plain_effect(house.state, moves, counting.rows(house.state, moves, counted))
        named = sorted({territory for territory, _ in asked.terminals or {}})
        return _enter(runtime, house, "account", moves, asked, effect, named)


def _enter(
    runtime: Runtime,
    house: House,
    kind: str,
    moves: Sequence[Move],
    asked: ProposalAsked,
    effect: Json,
    named: Sequence[str],
) -> dict[str, Any]:
    made = submission.prepare(house, secrets.token_hex(16), kind, moves, asked.request, effect, named=named)
    if made.told_apart:  # for the approvers alone
        exact = {key: value for key, value in made.exact.items() if key != "sha256"}
        _keep_detail(runtime, made.proposed.change, house.artefacts.put_json(exact, private=True))
    files = submission.enter(house, made, house.now(now(runtime)))
    texts = {name: data.decode() for name, data in files.items()}
    return {"change": made.proposed.change, "sponsor": made.sponsor or None, "logged": not made.sponsor, "files": texts}


def _keep_detail(runtime: Runtime, id_: str, sha256: str) -> None:
    with writing(runtime.engine) as connection:
        connection.execute(insert(known).values(name=f"{DETAIL}{id_}", value=sha256))


def detail_of(runtime: Runtime, id_: str) -> dict[str, Any] | None:
    """The exact effect of a change that was proposed here; None where it tells no more than the public one."""
    with reading(runtime.engine) as connection:
        row = connection.execute(select(known.c.value).where(known.c.name == f"{DETAIL}{id_}")).scalar_one_or_none()
    if row is None:
        return None
    found: dict[str, Any] = runtime.gate.reader.folder.artefacts.get_json(row)
    return found


def network_of(runtime: Runtime, slots: int) -> Named:
    """The network that is served, cut to the slots that reach is computed over. Raises Problem, InputError."""
    if runtime.scenario is None:
        raise not_now("This controller does not know the file of its scenario.", slug="no-scenario")
    network, _ = change_documents.network_of(runtime.scenario, slots)
    if network.sha256 != runtime.twin.network:
        raise Problem(409, f"{runtime.scenario} was changed since it is served: it is another network now.", "refused")
    return network


def check_network(state: State, network: Named) -> None:
    """Rules are judged on the network in force, if one was approved. Raises Refused."""
    held = state.value(NETWORK)
    if held not in (None, network.sha256):
        raise Refused(f"what is served is the network {network.sha256}, and in force is {held}")


# --- activated ------------------------------------------------------------------------------------------------------


def activate(runtime: Runtime, id_: str, tell: Tell) -> dict[str, Any]:
    """Compute the effect again on what is in force, and pass the gate. Raises Problem, InputError."""
    with _read(runtime) as house:
        change, at = house.state.change(id_), house.now(now(runtime))
        if why := why_not(house.state, change, at):
            raise Refused(f"{id_} is {status(house.state, change, at)}: {why}")
        lasting, found = house.state.lasting, _again(runtime, house, change, tell)
    with written_to(runtime) as house:
        _check_unmoved(house, lasting)
        made = pass_gate(house, id_, house.now(now(runtime)), lambda _: found, lambda: now(runtime))
        proofs = {PROOF: made.proof, PROPOSAL_PROOF: made.proposal, EFFECT_PROOF: made.effect}
        texts = {name: one.encode().decode() for name, one in proofs.items()}
        return {"change": id_, "entry": made.index, "warnings": list(made.warnings), "proofs": texts}


def _again(runtime: Runtime, house: House, change: Change, tell: Tell) -> Json:
    if change.effect is None:
        raise Refused("its effect is not frozen")
    kind, signed = change.proposed.kind, house.artefacts.get_json(change.effect.effect)
    if kind not in ("rules", "network"):
        return counting.again(house.state, change, signed)
    if kind == "network":
        raise Refused("a network is activated with `openleo change activate`, and the controller started anew on it")
    if signed.get("terminals") is not None:
        raise Refused("terminals were counted from a table: activate it with `openleo change activate --terminals`")
    tell("the effect is computed again", 0, 1)
    network = network_of(runtime, int(signed["slots"]))
    check_network(house.state, network)
    return changes.again(network, change, house.state.lasting, house.artefacts, now(runtime), None)
