"""A data folder whose ledger was founded, for the controller's tests; the people are those of governance's tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from openleo.controller import door, problems, tokens, tracing
from openleo.controller.api import accounts, terminals
from openleo.controller.database import writing
from openleo.controller.jobs import Jobs
from openleo.controller.metrics import Metrics
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.controller.tracing import Span

sys.path.append(str(Path(__file__).parents[1] / "governance"))

from office import Office
from people_made import Person
from world_made import OPERATORS, TWN, roster

__all__ = ["NOW", "OPERATORS", "TWN", "Office", "Person", "Registered", "founded", "roster"]

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


def founded(path: Path) -> Office:
    """In `path`/ledger: single acts cut 20 terminals in 24 hours at most."""
    return Office.founded(path, roster(single_acts={"terminals": 20, "share_ppm": 1_000_000, "hours": 24}))


@dataclass
class Clock:
    """Stands until it is moved."""

    at: datetime = NOW

    def now_s(self) -> float:
        return self.at.timestamp()


@dataclass
class InForce:
    """What the ledger says, as far as routes of the registry ask."""

    active: dict[str, str | None] = field(default_factory=dict)


@dataclass
class Registered:
    """A runtime as far as the registry needs one: a founded ledger, a database, a clock."""

    engine: Engine
    data: Path
    settings: Settings = field(default_factory=Settings)
    metrics: Metrics = field(default_factory=Metrics)
    span: Span = tracing.nothing
    clock: Clock = field(default_factory=Clock)
    in_force: InForce | None = None

    def client(self, *roles: Role, party: str = "operator") -> TestClient:
        """Somebody's programme, whose token has these roles."""
        app = FastAPI()
        app.state.runtime, app.state.jobs = self, Jobs()
        problems.install(app)
        for one in (terminals, accounts):
            app.include_router(one.router)
        door.install(app, self)
        with writing(self.engine) as connection:
            _, secret = tokens.make(
                connection, name="t", party=party, owner="o", roles=set(roles), now_s=self.clock.now_s()
            )
        return TestClient(app, "http://127.0.0.1", headers={"Authorization": f"Bearer {secret}"})
