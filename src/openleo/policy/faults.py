"""The problems of one place in one file, as they are found."""

from __future__ import annotations

from dataclasses import dataclass, field

from openleo.errors import Problem


@dataclass
class Faults:
    """Collects what is wrong with one rule, so that all of it is told at once."""

    file: str
    where: str
    found: list[Problem] = field(default_factory=list)

    def add(self, rule: str, way_out: str = "") -> None:
        self.found.append(Problem(self.file, self.where, rule, way_out))
