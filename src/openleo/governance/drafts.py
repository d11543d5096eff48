"""A proposal that waits for its sponsor's signature, as a folder: nothing of it stands on the ledger yet.

    draft.json        the proposal and its effect as they will stand on the ledger, and which ledger and roster
    effect.json       the effect, for people
    to-request.json   what the sponsor signs with `ssh-keygen -Y sign -n openleo-request@v1 -f KEY to-request.json`

Handed in with the signature, it becomes the folder of a change (folder.py), in the same place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openleo.governance import to_sign
from openleo.governance.entries import EffectFrozen, Proposed, Sponsor
from openleo.governance.folder import DRAFT, EFFECT, TO_REQUEST, ChangeFolder, readable
from openleo.governance.gate import check_frozen
from openleo.governance.life import check_drafted
from openleo.governance.state import Change, Refused, State

AGAIN = "Propose it again"


@dataclass(frozen=True)
class Draft:
    """A proposal without its signature. `roster`: sha256 of the one that it was drafted under."""

    origin: str
    roster: str
    proposed: Proposed
    frozen: EffectFrozen

    @classmethod
    def of(cls, state: State, at: datetime, proposed: Proposed, frozen: EffectFrozen, sponsor: str) -> Draft:
        """Raises Refused where the proposal could not follow, whoever signed it."""
        by = Sponsor(officer=sponsor, effect=frozen.effect, network=frozen.network, signature="")
        drafted = proposed.model_copy(update={"sponsor": by})
        check_drafted(state, at, drafted)
        return cls(state.origin, state.people.sha256, drafted, frozen)

    @classmethod
    def read(cls, folder: ChangeFolder) -> Draft:
        """Raises Refused."""
        found = folder.json(DRAFT)
        try:
            proposed, frozen = (json.dumps(found[key]) for key in ("proposed", "effect"))
            made = cls(
                str(found["origin"]),
                str(found["roster"]),
                Proposed.model_validate_json(proposed),
                EffectFrozen.model_validate_json(frozen),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(f"{folder.path / DRAFT} is not the draft of a change: {error}") from None
        if made.proposed.sponsor is None or made.frozen.change != made.proposed.change:
            raise Refused(f"{folder.path / DRAFT} is not the draft of a change")
        return made

    @property
    def sponsor(self) -> str:
        assert self.proposed.sponsor is not None
        return self.proposed.sponsor.officer

    def files(self, effect: Mapping[str, Any]) -> Mapping[str, bytes]:
        """The folder, by name."""
        said = {
            "origin": self.origin,
            "roster": self.roster,
            "proposed": self.proposed.model_dump(mode="json", by_alias=True),
            "effect": self.frozen.model_dump(mode="json", by_alias=True),
        }
        return {
            DRAFT: readable(said),
            EFFECT: readable(effect),
            TO_REQUEST: to_sign.request(self.origin, self.roster, self.proposed),
        }

    def signed(self, armour: str) -> Proposed:
        """The proposal as it will stand on the ledger. Raises ValueError (of pydantic)."""
        assert self.proposed.sponsor is not None
        by = Sponsor.model_validate({**self.proposed.sponsor.model_dump(), "signature": armour})
        return self.proposed.model_copy(update={"sponsor": by})

    def check(self, state: State, at: datetime, signed: Proposed, effect: Mapping[str, Any]) -> Change:
        """The change that it would be; its signature is checked as the ledger takes it.

        Raises Refused where its effect is another, or what it was drafted on moved.
        """
        if self.origin != state.origin:
            raise Refused(f"it was drafted for {self.origin}, and this ledger is {state.origin}")
        if self.roster != state.people.sha256:
            raise Refused(f"the roster moved after it was drafted. {AGAIN}")
        change = Change(signed, at, self.roster, effect=self.frozen)
        check_frozen(change, effect)
        return change
