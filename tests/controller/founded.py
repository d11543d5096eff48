"""A data folder whose ledger was founded, for the controller's tests; the people are those of governance's tests."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "governance"))

from office import Office
from people_made import Person
from world_made import OPERATORS, TWN, roster

__all__ = ["NOW", "OPERATORS", "TWN", "Office", "Person", "founded", "roster"]

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


def founded(path: Path) -> Office:
    """In `path`/ledger: single acts cut 20 terminals in 24 hours at most."""
    return Office.founded(path, roster(single_acts={"terminals": 20, "share_ppm": 1_000_000, "hours": 24}))
