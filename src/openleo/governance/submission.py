"""A change on its way to the ledger: its request and its effect become two entries, or a draft for a sponsor to sign.

Takes the moves, the request, and the effect that was computed; gives a Submission. `enter` logs it, and gives the files
that go to the officers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openleo.governance import drafting, requests
from openleo.governance.drafting import Request
from openleo.governance.drafts import Draft
from openleo.governance.entries import EffectFrozen, Proposed, Signed, entry
from openleo.governance.folder import fold
from openleo.governance.house import House
from openleo.governance.moves import Move
from openleo.governance.public_effect import in_public

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Submission:
    """`effect` is as everybody may read it; `exact` has all counts, for the approvers alone."""

    proposed: Proposed
    frozen: EffectFrozen
    effect: Json
    exact: Json
    sponsor: str  # the officer who has to sign the request; "": nobody

    @property
    def told_apart(self) -> bool:
        """Whether the exact effect tells more than the public one."""
        return dict(self.exact) != dict(self.effect)


def prepare(
    house: House,
    nonce: str,
    kind: str,
    moves: Sequence[Move],
    request: Request,
    effect: Json,
    *,
    named: Iterable[str] = (),
    documents: Json | None = None,
    possession: Iterable[Signed] = (),
) -> Submission:
    """Raises ValueError (of pydantic) where the request cannot stand on the ledger, or Refused."""
    proposed = drafting.proposal(nonce, kind, moves, request, documents, possession)
    public = in_public(effect)
    frozen = drafting.freezing(proposed.change, public, named)
    sponsor = requests.sponsor_of(house.state, kind, request.requester, request.sponsor)
    return Submission(proposed, frozen, public, effect, sponsor)


def enter(house: House, made: Submission, now: datetime) -> Mapping[str, bytes]:
    """Log it, or draft it where it needs a sponsor; gives the files of its folder. Raises Refused."""
    house.artefacts.put_json({key: value for key, value in made.effect.items() if key != "sha256"})
    if made.sponsor:
        return Draft.of(house.state, now, made.proposed, made.frozen, made.sponsor).files(made.effect)
    house.append([entry(now, made.proposed), entry(now, made.frozen)])
    return fold(house.state, house.state.change(made.proposed.change), made.effect).files
