"""What a detector has to say, for somebody to review: of whom, by which rule, on what inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openleo.misuse.thresholds import Kind


@dataclass(frozen=True)
class Evidence:
    """`score`: what was counted, over what holds a renewal: 1 and more does, unless the network saw nothing of it."""

    kind: Kind
    terminal: str
    at_s: float  # the end of the window that it was seen in, UTC
    score: float
    holds_renewal: bool
    rule: str
    inputs: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "terminal": self.terminal,
            "at_s": self.at_s,
            "score": self.score,
            "holds_renewal": self.holds_renewal,
            "rule": self.rule,
            "inputs": dict(self.inputs),
        }

    def line(self) -> str:
        """One line of a file of evidence."""
        return json.dumps(self.as_json(), ensure_ascii=False, allow_nan=False)
