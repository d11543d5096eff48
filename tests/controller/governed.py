"""A data folder that governs, for tests of the controller: founded, with books of rules that changes moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from people_made import Person
from world_made import OPERATORS, ORIGIN, START, TWN, World, roster

from openleo.changes import sha256_of
from openleo.governance import drafting, losses, to_sign
from openleo.governance.activate import Activation, activate
from openleo.governance.entries import (
    Act,
    Approval,
    BreakGlassUsed,
    EffectFrozen,
    Proposed,
    Signed,
    Window,
    entry,
    from_bytes,
    instant,
)
from openleo.governance.house import Folder, House, found
from openleo.governance.moves import Move
from openleo.governance.registry import Registry
from openleo.governance.roster import Roster
from openleo.governance.state import statement
from openleo.ledger import keys

VOTERS = (OPERATORS[1], OPERATORS[2], TWN[0])


def book(name: str, *rules: Mapping[str, Any], classes: Sequence[str] = ()) -> dict[str, Any]:
    """The document of a book."""
    return {"schema": 1, "book": name, "classes": list(classes), "rule": [dict(rule) for rule in rules], "files": {}}


def rule(id_: str, effect: str, place: str, **more: Any) -> dict[str, Any]:
    said = {"id": id_, "effect": effect, "territory": {"in": place}, "reason": "an example"}
    return said | ({} if effect == "permit" else {"emergency": "cut"}) | more


PERMIT = book("operator", rule("everywhere", "permit", "world"))


@dataclass
class Governed:
    """`now` is moved by tests."""

    path: Path
    now: datetime = START
    made: int = 0
    values: dict[str, str | None] = field(default_factory=dict)
    database: str = ""  # the ledger's, in place of a file

    @classmethod
    def founded(cls, path: Path, people: Roster | None = None, database: str = "") -> Governed:
        folder = Folder(path, database)
        path.mkdir(parents=True, exist_ok=True)
        signer = keys.generate(ORIGIN)
        keys.write_signer(folder.key, signer)
        world = World.founded(people or roster(), log_vkey=str(signer.verifier))
        found(folder, signer, from_bytes(world.entries[0]))
        return cls(path, database=database)

    @property
    def folder(self) -> Folder:
        return Folder(self.path, self.database)

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def put(self, document: Any) -> str:
        return self.folder.artefacts.put_json(document)

    def rules(self, *documents: Mapping[str, Any]) -> Activation:
        """Books, each in place of the one of its name, by an approved change."""
        moves = {f"book:{one['book']}": sha256_of(one) for one in documents}
        for document in documents:
            self.put(document)
        return self.change("rules", moves)

    def change(self, kind: str, moves: Mapping[str, str | None], territory: str = "PRY") -> Activation:
        """Propose, approve and activate."""
        return self.activate(self.approved(kind, moves, territory))

    def approved(self, kind: str, moves: Mapping[str, str | None], territory: str = "PRY") -> str:
        self.made += 1
        id_ = f"c-{self.made}"
        with House(self.folder) as house:
            self.now = max(self.now, house.state.newest_at or self.now)  # witnesses see checkpoints a second later
            moved = tuple(Move(target=one, base=house.state.value(one), new=new) for one, new in moves.items())
            effect = drafting.plain_effect(house.state, moved)
            sha256 = house.artefacts.put_json(effect)
            frozen = EffectFrozen(
                change=id_, effect=sha256, network=effect["network"], touched=losses.touched(effect),
                named=(territory,), ends=losses.ends(effect),
            )  # fmt: skip
            house.append([entry(self.now, self._proposed(id_, kind, moved)), entry(self.now, frozen)])
            for person in VOTERS:
                message = statement(house.state, house.state.change(id_), "approve")
                body = Approval(
                    change=id_, officer=person.id, statement=to_sign.sha256_of(message), signature=person.sign(message)
                )
                house.append([entry(self.now, body, "change.approval")])
        return id_

    def _proposed(self, id_: str, kind: str, moves: tuple[Move, ...]) -> Proposed:
        said = World().proposal(id_, *moves, kind=kind)
        window = Window(**{"from": instant(self.now), "until": instant(self.now + timedelta(days=30))})
        expires = instant(self.now + timedelta(days=14))
        return said.model_copy(update={"window": window, "expires": expires})

    def activate(self, id_: str) -> Activation:
        with House(self.folder) as house:
            change = house.state.change(id_)
            assert change.effect is not None
            effect = house.artefacts.get_json(change.effect.effect)
            return activate(house, id_, self.now, lambda _: effect)

    def act(self, target: str, new: str, terminals: int = 1) -> None:
        """A single act, below the rate."""
        with House(self.folder) as house:
            self.now = max(self.now, house.state.newest_at or self.now)
            move = Move(target=target, base=house.state.value(target), new=new)
            body = Act(change=None, move=move, actor="operator-1", reason="unpaid", terminals=terminals, territories={})
            type_ = {"account": "account.suspended" if new == "suspended" else "account.reinstated"}.get(
                move.kind, f"{move.kind}.changed"
            )
            house.append([entry(self.now, body, type_)])

    def break_glass(self, moves: Mapping[str, str | None], hours: float = 2, witnessed: bool = False) -> str:
        self.made += 1
        id_ = f"b-{self.made}"
        with House(self.folder) as house:
            self.now = max(self.now, house.state.newest_at or self.now)  # witnesses see checkpoints a second later
            active = house.state.active(self.now)
            moved = tuple(
                Move(target=one, base=active.get(one, house.state.value(one)), new=new) for one, new in moves.items()
            )
            unsigned = BreakGlassUsed(
                id=id_, moves=moved, reason="an earthquake", until=instant(self.now + timedelta(hours=hours)),
                nonce=f"{self.made:032x}", witnessed=witnessed, signatures=_nobody(),
            )  # fmt: skip
            message = to_sign.breaking_glass(house.state.origin, unsigned)
            signed = tuple(Signed(officer=one.id, signature=one.sign(message)) for one in OPERATORS[:2])
            house.append([entry(self.now, unsigned.model_copy(update={"signatures": signed}))])
        return id_

    def commit(self, kind: str, *names: str) -> dict[str, str]:
        with Registry(self.path) as registry:
            return registry.commitments(kind, names)


def _nobody() -> tuple[Signed, Signed]:
    one = Signed(officer="nobody", signature="")
    return one, one


__all__ = ["START", "Governed", "Person", "book", "dataclasses", "rule"]
