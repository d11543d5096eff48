"""A controller's people alone (no slots, no network), and who asks it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from openleo.controller import door, problems, sessions, tokens, tracing
from openleo.controller.api import audit, changes, login, people
from openleo.controller.api import jobs as api_jobs
from openleo.controller.api import tokens as api_tokens
from openleo.controller.database import reading, writing
from openleo.controller.jobs import Jobs
from openleo.controller.metrics import Metrics
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.controller.tables import audit as audit_table
from openleo.controller.tables import people as people_table
from openleo.controller.tracing import Span

ADDRESS = "http://127.0.0.1:8600"


@dataclass
class Clock:
    ahead_s: float = 0.0

    def now_s(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class House:
    """A runtime, as far as people need one."""

    engine: Engine
    settings: Settings = field(default_factory=Settings)
    metrics: Metrics = field(default_factory=Metrics)
    span: Span = tracing.nothing
    clock: Any = field(default_factory=Clock)
    jobs: Jobs = field(default_factory=Jobs)

    def client(self, app: FastAPI | None = None, host: str = "127.0.0.1") -> TestClient:
        return TestClient(app or self.app(), ADDRESS, client=(host, 50_000), follow_redirects=False)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url="/v1/openapi.json")
        app.state.runtime, app.state.jobs = self, self.jobs
        problems.install(app)
        for one in (api_tokens, people, login, audit, changes, api_jobs):
            app.include_router(one.router)
        door.install(app, self)
        return app

    def token(self, *roles: Role, party: str = "operator", owner: str = "o", **more: Any) -> dict[str, str]:
        """The header of a new token."""
        return {"Authorization": f"Bearer {self.made(*roles, party=party, owner=owner, **more)[1]}"}

    def made(self, *roles: Role, party: str = "operator", owner: str = "o", **more: Any) -> tuple[str, str]:
        with writing(self.engine) as connection:
            return tokens.make(
                connection, name="t", party=party, owner=owner, roles=roles, now_s=self.clock.now_s(), **more
            )

    def person(self, id_: str = "p1", *roles: Role, party: str = "operator", issuer: str = "i") -> str:
        row = {"id": id_, "issuer": issuer, "subject": id_, "party": party, "roles": json.dumps(sorted(roles))}
        with writing(self.engine) as connection:
            connection.execute(people_table.insert().values(row))
        return id_

    def session(self, person: str) -> tuple[dict[str, str], dict[str, str]]:
        """(cookies, the header that changes need)."""
        with writing(self.engine) as connection:
            cookie = sessions.begin(connection, person, self.clock.now_s(), 3600)
        return {sessions.COOKIE: cookie}, {"X-CSRF-Token": sessions.csrf_token(cookie)}

    def audited(self, what: str = "") -> list[Any]:
        rows = select(audit_table).order_by(audit_table.c.id)
        with reading(self.engine) as connection:
            return list(connection.execute(rows.where(audit_table.c.what == what) if what else rows))
