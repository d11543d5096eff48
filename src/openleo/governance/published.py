"""The documents that a ledger names, as they are shown beside it: the public ones, and no other.

    DIR/artefacts/sha256/<hash>   a rule book, an effect, a roster, or what a network's hash is of
    DIR/artefacts/index.json      which there are, of what kind, which entries name them, and what is missing

Public is what entries name as such and what has that form: a book of rules, an effect that tells no few people or
terminals apart, a network's document, a roster. Lists of groups, details with exact counts, names and keys are none of
these, so whatever the index of a data folder holds, they do not go out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import rfc8785

from openleo.governance.artefacts import Artefacts
from openleo.governance.drafting import NO_NETWORK
from openleo.governance.effect_form import checked
from openleo.governance.entries import Activated, BreakGlassUsed, EffectFrozen, Genesis, Proposed, from_bytes
from openleo.governance.gate import effect_sha256
from openleo.governance.moves import NETWORK, Move
from openleo.governance.public_effect import is_public
from openleo.governance.state import Refused
from openleo.governance.to_sign import sha256_of

FOLDER, INDEX = "artefacts/sha256", "artefacts/index.json"
TOLD_APART = "it tells few people or terminals apart"
BOOK, EFFECT, NETWORK_DOCUMENT, ROSTER_DOCUMENT = "book", "effect", "network", "roster"
_NAMING = re.compile(rb'"type":"(genesis|change\.(proposed|activated|effect)|break_glass\.used)"')
Key = tuple[str, str, str]  # sha256, kind, name


@dataclass
class Named:
    """Documents that entries name as public ones: by (sha256, kind, name), the entries that do."""

    entries: dict[Key, list[int]] = field(default_factory=dict)
    rosters: dict[str, bytes] = field(default_factory=dict)  # they stand in the entries themselves

    def follow(self, number: int, data: bytes) -> None:
        """Take in one entry more."""
        if _NAMING.search(data) is None:
            return
        for key in dict.fromkeys(self._named(from_bytes(data).body)):
            self.entries.setdefault(key, []).append(number)

    def _named(self, body: Any) -> Iterator[Key]:
        match body:
            case Genesis():
                yield self._roster(body.roster)
            case Proposed():
                yield from _moved(body.moves)
                for document in body.documents.values():
                    yield self._roster(document)
            case BreakGlassUsed():
                yield from _moved(body.moves)
            case EffectFrozen():
                yield body.effect, EFFECT, body.change
                if body.network != NO_NETWORK:
                    yield body.network, NETWORK_DOCUMENT, ""
            case Activated():
                yield body.effect, EFFECT, body.change

    def _roster(self, document: Any) -> Key:
        data = rfc8785.dumps(document)
        sha256 = sha256_of(data)
        self.rosters[sha256] = data
        return sha256, ROSTER_DOCUMENT, ""


def _moved(moves: Iterable[Move]) -> Iterator[Key]:
    for move in moves:
        kind, _, name = move.target.partition(":")
        for value in (move.base, move.new):
            if value is not None and kind == "book":
                yield value, BOOK, name
            if value is not None and move.target == NETWORK:
                yield value, NETWORK_DOCUMENT, ""


@dataclass(frozen=True)
class Document:
    """One that entries name: its bytes, or why it is not there or not public."""

    sha256: str
    kind: str
    name: str
    entries: tuple[int, ...]
    data: bytes | None
    why: str = ""
    altered: bool = False  # it is there, and is not what its name says

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"sha256": self.sha256, "kind": self.kind, "name": self.name}
        said |= {"entries": list(self.entries), "there": self.data is not None}
        return said | ({"why": self.why} if self.why else {})


def documents(named: Named, artefacts: Artefacts, *, to_show: bool = False) -> Iterator[Document]:
    """Every document that entries name as a public one, in the order of the entries.

    `to_show`: effects that tell few people or terminals apart, as earlier versions froze them, are left out.
    """
    for (sha256, kind, name), entries in named.entries.items():
        about = sha256, kind, name, tuple(entries)
        if sha256 in named.rosters:
            yield Document(*about, named.rosters[sha256])
        elif not artefacts.has(sha256):
            yield Document(*about, None, "it is not there")
        else:
            try:
                data = _fitting(artefacts, sha256, kind, name)
            except Refused as refused:
                yield Document(*about, None, str(refused), altered=True)
                continue
            told_apart = to_show and kind == EFFECT and not is_public(json.loads(data))
            yield Document(*about, None if told_apart else data, TOLD_APART if told_apart else "")


def _fitting(artefacts: Artefacts, sha256: str, kind: str, name: str) -> bytes:
    """The bytes of a document that is what it is named as. Raises Refused."""
    if kind == BOOK:
        artefacts.book(name, sha256)
        return artefacts.get(sha256)
    found = artefacts.get_json(sha256)
    if kind == NETWORK_DOCUMENT:
        if not isinstance(found, dict) or not isinstance(found.get("inputs"), dict):
            raise Refused(f"the artefact {sha256} is not the document of a network")
        return artefacts.get(sha256)
    checked(found)
    if effect_sha256(found) != sha256:
        raise Refused(f"the artefact {sha256} is no effect in its canonical form")
    return artefacts.get(sha256)


def index(found: Iterable[Document]) -> bytes:
    """The list that is shown with them."""
    return (json.dumps([one.as_json() for one in found], indent=1, ensure_ascii=False) + "\n").encode()
