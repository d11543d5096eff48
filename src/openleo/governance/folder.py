"""A change as a folder that goes to officers, and comes back with their signatures.

    request.json           the proposal as it stands on the ledger, with the ledger, roster and quorum it is bound to
    effect.json            the effect, whose sha256 is signed
    to-sign.json           the bytes to sign to approve it; to-withdraw.json and to-reject.json likewise
    approvals/OFFICER.sig  what `ssh-keygen -Y sign -n openleo-approval@v1 -f KEY to-sign.json` wrote
    to-request.json        where an officer signed the request: what they signed; the signature is in request.json
    proof.tlog-proof       that the activation stands on the ledger, for whoever is offline
    documents.json         what the effect was computed of: rule books, scenarios, and what is left out
    documents/SHA256       each of them, named by the sha256 of its bytes
    detail.json            the effect with its exact counts, for the approvers alone; where they are not public

Nobody has to believe the folder: what counts is made again from the ledger and compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from openleo.governance import losses, to_sign
from openleo.governance.effect_form import checked
from openleo.governance.entries import EffectFrozen, Proposed
from openleo.governance.public_effect import in_public
from openleo.governance.sshsig import REQUEST_NAMESPACE, SignatureRefused, verify
from openleo.governance.state import Change, Refused, State, statement

REQUEST, EFFECT, PROOF, APPROVALS = "request.json", "effect.json", "proof.tlog-proof", "approvals"
DRAFT, TO_REQUEST = "draft.json", "to-request.json"  # of a proposal that waits for its sponsor: drafts.py
MANIFEST, DOCUMENTS, DETAIL = "documents.json", "documents", "detail.json"
STATEMENTS: Mapping[to_sign.Decision, str] = {
    "approve": "to-sign.json",
    "withdraw": "to-withdraw.json",
    "reject": "to-reject.json",
}


@dataclass(frozen=True)
class Folded:
    """The files of a change that was proposed, by name."""

    files: Mapping[str, bytes]


def fold(state: State, change: Change, effect: Mapping[str, Any]) -> Folded:
    """What goes to the officers, from the ledger's state after the effect was frozen."""
    assert change.effect is not None
    request = {
        "origin": state.origin,
        "roster": change.roster,
        "quorum": [str(line.quorum) for line in change.lines],
        "proposed": change.proposed.model_dump(mode="json", by_alias=True),
        "effect": change.effect.model_dump(mode="json", by_alias=True),
    }
    proposed = change.proposed
    asked = {} if proposed.sponsor is None else {TO_REQUEST: to_sign.request(state.origin, change.roster, proposed)}
    return Folded(
        {
            **asked,
            REQUEST: readable(request),
            EFFECT: readable(effect),
            **{name: statement(state, change, decision) for decision, name in STATEMENTS.items()},
        }
    )


def readable(document: Mapping[str, Any]) -> bytes:
    """JSON for people."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


@dataclass(frozen=True)
class ChangeFolder:
    """One that is there. Its methods raise Refused where a file is missing or does not hold together."""

    path: Path

    def read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            if name == REQUEST and (self.path / DRAFT).is_file():
                rule = f"{self.path} is a draft, and its request is not signed yet: sign {TO_REQUEST}"
                raise Refused(f"{rule}, then `openleo change submit {self.path} --signature F`") from None
            raise Refused(f"{self.path / name} cannot be read: {error.strerror}") from None

    def json(self, name: str) -> Any:
        data = self.read(name)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise Refused(f"{self.path / name} is no JSON") from None

    @property
    def request(self) -> Mapping[str, Any]:
        found = self.json(REQUEST)
        if not isinstance(found, dict) or not {"origin", "roster", "quorum", "proposed", "effect"} <= set(found):
            raise Refused(f"{self.path / REQUEST} is not the request of a change")
        return found

    @property
    def proposed(self) -> Proposed:
        try:
            return Proposed.model_validate_json(json.dumps(self.request["proposed"]))
        except ValueError as error:
            raise Refused(f"{self.path / REQUEST} is not the request of a change: {error}") from None

    @property
    def frozen(self) -> EffectFrozen:
        try:
            return EffectFrozen.model_validate_json(json.dumps(self.request["effect"]))
        except ValueError as error:
            raise Refused(f"{self.path / REQUEST} has no effect as the ledger has it: {error}") from None

    @property
    def effect(self) -> Mapping[str, Any]:
        found = self.json(EFFECT)
        if not isinstance(found, dict):
            raise Refused(f"{self.path / EFFECT} is no effect")
        return found

    @property
    def approvals(self) -> dict[str, str]:
        """The signatures that came back, by officer."""
        files = sorted((self.path / APPROVALS).glob("*.sig"))
        return {file.stem: self.read(f"{APPROVALS}/{file.name}").decode("ascii", "replace") for file in files}

    def check(self) -> None:
        """That the files are of one change: request, effect and what is signed say the same. Raises Refused."""
        request, proposed, frozen = self.request, self.proposed, self.frozen
        found = {key: value for key, value in self.effect.items() if key != "sha256"}
        try:
            sha256 = hashlib.sha256(rfc8785.dumps(found)).hexdigest()
        except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
            raise Refused(f"{self.path / EFFECT} cannot be written as canonical JSON") from None
        if sha256 != frozen.effect:
            raise Refused(f"{self.path / EFFECT} is not the effect of the request: its sha256 is {sha256}")
        if self.effect.get("sha256", sha256) != sha256:
            raise Refused(f"{self.path / EFFECT} says another sha256 than it has, which is {sha256}")
        if (losses.touched(checked(found)), losses.ends(found)) != (frozen.touched, frozen.ends):
            raise Refused(f"{self.path / REQUEST} sums the effect up otherwise than {EFFECT} says")
        if (self.path / DETAIL).exists():
            self._check_detail()
        self._check_asked(proposed)
        for decision, name in STATEMENTS.items():
            try:
                quorum = [str(text) for text in request["quorum"]]
                origin, roster = str(request["origin"]), str(request["roster"])
                made = to_sign.of_change(decision, origin, roster, proposed, frozen, quorum)
            except (TypeError, ValueError):
                raise Refused(f"{self.path / REQUEST} is not the request of a change") from None
            if made != self.read(name):
                raise Refused(f"{self.path / name} does not say what {REQUEST} says")

    def _check_detail(self) -> None:
        """That the exact figures are those of the effect. Raises Refused."""
        detail = self.json(DETAIL)
        try:
            fits = isinstance(detail, dict) and in_public(detail) == in_public(self.effect)
        except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
            fits = False
        if not fits:
            raise Refused(f"{self.path / DETAIL} is of another effect than {EFFECT}")

    def _check_asked(self, proposed: Proposed) -> None:
        """A signature of the request is over what stands in the folder; whose key it is, the ledger says."""
        if proposed.sponsor is None:
            return
        made = to_sign.request(str(self.request["origin"]), str(self.request["roster"]), proposed)
        if made != self.read(TO_REQUEST):
            raise Refused(f"{self.path / TO_REQUEST} does not say what {REQUEST} says")
        try:
            verify(made, proposed.sponsor.signature, REQUEST_NAMESPACE)
        except SignatureRefused as error:
            raise Refused(f"the signature of {proposed.sponsor.officer} under the request {error}") from None
