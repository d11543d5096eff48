"""A data folder that was founded, and the command line on it: proposals, signatures, activations."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from people_made import Person
from world_made import OPERATORS, ORIGIN, TWN, World

from command_line import openleo
from openleo.governance.entries import from_bytes
from openleo.governance.house import Folder, House, found
from openleo.governance.roster import Roster
from openleo.ledger import keys

REQUEST = ("--requester", "operator-1", "--on-behalf-of", "operator", "--reason", "an example", "--legal", "none")


@dataclass(frozen=True)
class Office:
    """`path`: where the folder `ledger` and the folders of changes are."""

    path: Path

    @classmethod
    def founded(cls, path: Path, roster: Roster | None = None) -> Office:
        folder = Folder(path / "ledger")
        folder.path.mkdir(parents=True)
        signer = keys.generate(ORIGIN)
        keys.write_signer(folder.key, signer)
        found(folder, signer, from_bytes(World.founded(roster, log_vkey=str(signer.verifier)).entries[0]))
        return cls(path)

    @property
    def ledger(self) -> Path:
        return self.path / "ledger"

    def change(self, verb: str, *words: object, code: int = 0, of: str = "change") -> str:
        """What a verb prints; with its stderr where it is to fail."""
        found, out, err = openleo(of, verb, *words, "--ledger", self.ledger)
        assert found == code, out + err
        return out if code == 0 else out + err

    def propose(self, verb: str, name: str, *words: object, of: str = "change") -> dict[str, Any]:
        """The answer as JSON; the change's folder is called `name`."""
        said = self.change(verb, *words, *REQUEST, "--out", self.path / name, "--json", of=of)
        answer: dict[str, Any] = json.loads(said)
        return answer

    def effect(self, name: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.path / name / "effect.json").read_bytes())
        return read

    def sign(self, name: str, people: Iterable[Person] = (OPERATORS[1], TWN[0])) -> None:
        folder = self.path / name
        for person in people:
            signature = folder / f"{person.id}.sig"
            signature.write_text(person.sign((folder / "to-sign.json").read_bytes()))
            self.change("approve", folder, "--officer", person.id, "--signature", signature)

    def activate(self, name: str, *words: object, code: int = 0) -> str:
        return self.change("activate", self.path / name, *words, code=code)

    def audit(self, code: int = 0, *words: object) -> dict[str, Any]:
        found, out, err = openleo("change", "audit", self.ledger, *words, "--json")
        assert found == code, out + err
        answer: dict[str, Any] = json.loads(out)
        return answer

    def house(self) -> House:
        return House(Folder(self.ledger), write=False)

    def entries(self, first: int = 1) -> list[dict[str, Any]]:
        with self.house() as house:
            return [json.loads(data) for _, data in house.ledger.entries(first)]
