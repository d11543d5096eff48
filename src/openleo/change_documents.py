"""The documents of a change: what its effect was computed of, beside the effect, for whoever computes it again.

    documents.json       which they are: the books before and after, the scenario with its files, and what is left out
    documents/SHA256     each of them, named by the sha256 of its bytes

Nobody has to believe the list. The books it names must make the rule sets that the signed effect names, and move as
the signed request says; the scenario it names must be the network that was signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import openleo
from openleo.changes import Books, counted, effect_of_rules, moves
from openleo.errors import InputError
from openleo.governance.artefacts import Artefacts
from openleo.governance.differs import difference
from openleo.governance.entries import Sha256, Text
from openleo.governance.folder import DOCUMENTS, MANIFEST, ChangeFolder, readable
from openleo.governance.moves import NETWORK, Move
from openleo.governance.public_effect import in_public, is_public
from openleo.governance.state import Refused
from openleo.governance.words import one_line
from openleo.instants import stated_instant
from openleo.network_effects import Named, effect_of_networks
from openleo.results import OnProgress
from openleo.scenario import Scenario
from openleo.scenario_copies import copies, lay_out

SCHEMA = 1
COMPUTED = ("rules", "network")  # kinds of change whose effect is computed on a network
Name = Annotated[Text, Field(min_length=1, max_length=1000)]  # of whoever wrote the folder


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class RulesListed(_Form):
    """A set of rules: its own sha256, and that of the document of each of its books."""

    sha256: Sha256
    books: dict[Name, Sha256]


class LeftOutListed(_Form):
    """A file that is not among the documents."""

    name: Name
    sha256: Sha256
    bytes: int
    why: str


class NetworkListed(_Form):
    """A network: the sha256 of its document, and the files that its scenario is read from."""

    sha256: Sha256
    scenario: Name
    files: dict[Name, Sha256]
    left_out: list[LeftOutListed]


class Listed(_Form):
    """documents.json."""

    base: RulesListed
    new: RulesListed
    network: NetworkListed
    base_network: NetworkListed | None


def network_of(scenario: Path, slots: int) -> tuple[Named, int]:
    """A scenario's network, cut to its first slots to be computed and named by all of it; and how many it has.

    Its own rules are not used. Raises InputError.
    """
    found = Scenario.load(scenario, own_rules=False)
    whole = found.case.grid.slots
    cut = found.first_slots(min(slots, whole)).case
    return Named(cut, found.case.network_sha256, found.case.network_document, scenario), whole


# --- written --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Documents:
    """Those of a change that is proposed: the files of its folder, by name; the networks' documents, for the ledger."""

    files: Mapping[str, bytes]
    networks: tuple[bytes, ...]


def documents_of(before: Books, after: Books, network: Named, base_network: Named | None = None) -> Documents:
    """The books before and after a change, and its network; of a change of networks, the one before as well.

    Raises InputError where a file of a scenario cannot be read.
    """
    kept: dict[str, bytes] = {}
    listed = {
        "schema": SCHEMA,
        "openleo": openleo.__version__,
        "base": _rules(before, kept),
        "new": _rules(after, kept),
        "network": _network(network, kept),
        "base_network": None if base_network is None else _network(base_network, kept),
    }
    files = {f"{DOCUMENTS}/{sha256}": data for sha256, data in kept.items()}
    both = (network,) if base_network is None else (network, base_network)
    return Documents({MANIFEST: readable(listed), **files}, tuple(rfc8785.dumps(dict(one.document)) for one in both))


def _keep(data: bytes, kept: dict[str, bytes]) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    kept[sha256] = data
    return sha256


def _rules(books: Books, kept: dict[str, bytes]) -> dict[str, Any]:
    named = {name: _keep(rfc8785.dumps(dict(one)), kept) for name, one in sorted(books.documents.items())}
    return {"sha256": books.rules.sha256, "books": named}


def _network(network: Named, kept: dict[str, bytes]) -> dict[str, Any]:
    assert network.scenario is not None, "a network that is proposed was read from a scenario"
    found = copies(network.scenario)
    _keep(rfc8785.dumps(dict(network.document)), kept)
    inputs = {name: one.as_json() for name, one in network.case.inputs.items() if name in network.document["inputs"]}
    return {
        "sha256": network.sha256,
        "scenario": found.name,
        "files": {name: _keep(data, kept) for name, data in found.files.items()},
        "left_out": [asdict(one) for one in found.left_out],
        "inputs": inputs,
    }


# --- computed again -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """What whoever computes an effect again has of their own: scenarios in place of those of the folder, terminals."""

    scenario: Path | None = None
    base: Path | None = None
    terminals: Path | None = None  # a table of them
    threads: int | None = None
    on_progress: OnProgress | None = None


def insufficient(folder: ChangeFolder, given: Given) -> str:
    """Why the effect of a folder cannot be computed again; "" if it can. Raises Refused where the list is no list."""
    if folder.proposed.kind not in COMPUTED:
        return f"an effect of {folder.proposed.kind} is computed on no network: `change audit` counts it again"
    if not (folder.path / MANIFEST).exists():
        return f"its documents are not in the folder ({MANIFEST})"
    listed = _listed(folder)
    for one, own, option in (
        (listed.network, given.scenario, "--scenario"),
        (listed.base_network, given.base, "--base"),
    ):
        if one is not None and one.left_out and own is None:
            named = ", ".join(f"{left.name} (sha256 {left.sha256})" for left in one.left_out)
            return f"of its network these are not in the folder: {named}. With a scenario of your own: {option}"
    return ""


def check_recomputed(folder: ChangeFolder, tolerance_ppm: int, given: Given) -> None:
    """Compute the effect of a folder again, from its documents, and compare. Raises Refused with the first difference.

    The instant, the slots and the classes are those of the effect that was signed, which says them.
    """
    listed, kept = _listed(folder), Artefacts(folder.path / DOCUMENTS)
    before, after = (_books(one, kept) for one in (listed.base, listed.new))
    signed = folder.effect
    with TemporaryDirectory() as beside:
        network = _read_network(listed.network, kept, given.scenario, Path(beside) / "new", signed)
        if folder.proposed.kind == "rules":
            if set(moves(before.documents, after.documents)) != set(folder.proposed.moves):
                raise Refused("the books among the documents are others than those that the change moves")
            again = _of_rules(signed, before, after, network, given)
        else:
            old = None
            if listed.base_network is not None:
                old = _read_network(listed.base_network, kept, given.base, Path(beside) / "base", signed)
            again = _of_networks(folder, before, after, (old, network), given)
    if folder.frozen.network != network.sha256:
        raise Refused(f"the documents are of the network {network.sha256}, and signed is {folder.frozen.network}")
    _compare(signed, again, tolerance_ppm)


def check_of_rules(
    signed: Mapping[str, Any], before: Books, after: Books, network: Named, tolerance_ppm: int, given: Given
) -> None:
    """Compute an effect of rules again, at its instant, and compare. Raises Refused with the first difference.

    Terminals are counted again where there is a table of them.
    """
    again = _of_rules(signed, before, after, network, given)
    _compare(signed, again, tolerance_ppm)


def _compare(signed: Mapping[str, Any], again: Mapping[str, Any], tolerance_ppm: int) -> None:
    told = in_public(again) if is_public(signed) else again
    if found := difference(signed, told, tolerance_ppm, terminals=again["terminals"] is not None):
        raise Refused(f"computed again, the effect is another one: {found}")


def _of_rules(signed: Mapping[str, Any], before: Books, after: Books, network: Named, given: Given) -> dict[str, Any]:
    if (signed.get("base"), signed.get("new")) != (before.rules.sha256, after.rules.sha256):
        raise Refused("the books among the documents make other rules than those that the effect is of")
    return effect_of_rules(
        network,
        before.rules,
        after.rules,
        _at(signed),
        threads=given.threads,
        on_progress=given.on_progress,
        terminals=None if given.terminals is None else counted(given.terminals, before.rules, after.rules),
        also=sorted({row["class"] for row in signed["territories"]}),
    )


def _of_networks(
    folder: ChangeFolder, before: Books, after: Books, networks: tuple[Named | None, Named], given: Given
) -> dict[str, Any]:
    old, new = networks
    move = Move(target=NETWORK, base=None if old is None else old.sha256, new=new.sha256)
    if (move,) != folder.proposed.moves:
        raise Refused("the networks among the documents are others than those that the change moves")
    if before.rules.sha256 != after.rules.sha256:
        raise Refused("the documents are of two sets of rules, and the change moves none")
    said = f"sha256 {before.rules.sha256}"
    if not any(said in str(one) for one in folder.effect.get("notes", ())):
        raise Refused(f"the effect is not told under the rules among the documents, {said}")
    return effect_of_networks(
        old, new, before.rules, _at(folder.effect), threads=given.threads, on_progress=given.on_progress
    ).as_json()


def _listed(folder: ChangeFolder) -> Listed:
    try:
        return Listed.model_validate_json(json.dumps(folder.json(MANIFEST)))
    except ValidationError as error:
        raise Refused(f"{folder.path / MANIFEST} is no list of documents: {one_line(error.errors()[0])}") from None


def _books(listed: RulesListed, kept: Artefacts) -> Books:
    """Raises Refused where a book is missing or altered, or where they make other rules than the list says."""
    found = Books({name: kept.book(name, sha256) for name, sha256 in listed.books.items()})
    try:
        sha256 = found.rules.sha256
    except InputError as error:
        raise Refused(f"the books among the documents cannot be read: {error}") from None
    if sha256 != listed.sha256:
        raise Refused(f"the books among the documents make the rules {sha256}, not {listed.sha256}")
    return found


def _read_network(
    listed: NetworkListed, kept: Artefacts, own: Path | None, beside: Path, signed: Mapping[str, Any]
) -> Named:
    """The network of the copies, or of a scenario of one's own; cut to the slots of the effect. Raises Refused."""
    files = {} if own is not None else {name: kept.get(sha256) for name, sha256 in listed.files.items()}
    try:
        path = lay_out(files, beside) / listed.scenario if own is None else own
        read = Scenario.load(path, own_rules=False)
    except InputError as error:
        if own is not None:
            raise
        raise Refused(f"the scenario among the documents cannot be read: {error}") from None
    slots = signed.get("slots")
    if not isinstance(slots, int) or not 1 <= slots <= read.case.grid.slots:
        raise Refused(f"the effect is of {slots!r} slots, and the scenario has {read.case.grid.slots:,}")
    if read.case.network_sha256 != listed.sha256:
        what = "the scenario among the documents" if own is None else str(own)
        raise Refused(f"{what} is the network {read.case.network_sha256}, and signed is {listed.sha256}")
    return Named(read.first_slots(slots).case, read.case.network_sha256, read.case.network_document, path)


def _at(signed: Mapping[str, Any]) -> datetime:
    try:
        return stated_instant(signed["at"])
    except (KeyError, TypeError, ValueError):
        raise Refused("the effect says no instant that it is of") from None
