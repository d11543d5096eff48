"""No role and no token casts a vote: every way to change an open change is tried with every combination of roles."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import test_changes_api as made
from governed import PERMIT, Governed
from sqlalchemy import Engine, create_engine

from openleo.controller import tokens
from openleo.controller.database import writing
from openleo.controller.roles import Role
from openleo.controller.tables import metadata

DECISIONS = ("approve", "withdraw", "reject")
COMBINATIONS = [some for size in range(len(Role) + 1) for some in combinations(Role, size)]
VOTES = (
    {},
    {"officer": "operator-2"},
    {"officer": "operator-2", "signature": ""},
    {"officer": "operator-2", "signature": "x"},
)


@pytest.fixture
def asker(tmp_path: Path) -> made.Asker:
    engine: Engine = create_engine(f"sqlite:///{tmp_path / 'controller.sqlite'}")
    metadata.create_all(engine)
    governed = Governed.founded(tmp_path / "data")
    governed.rules(PERMIT)
    return made.asker_of(made.Runtime(engine, governed))


@pytest.mark.slow
def test_no_combination_of_roles_casts_a_vote_without_a_signature(asker):
    id_ = made.proposed(asker)
    before = asker.get(f"/v1/changes/{id_}").json()
    assert before["approved_by"] == []
    size = asker.client.get("/ledger/checkpoint").text.splitlines()[1]
    with writing(asker.runtime.engine) as connection:
        secret = tokens.make_administrator(connection, asker.runtime.clock.now_s())
    shown = [asker.token(*roles, party=party) for roles in COMBINATIONS for party in ("operator", "regulator:PRY")]
    shown += [{"Authorization": f"Bearer {secret}"}, {}]
    for number, headers in enumerate(shown):
        body = VOTES[number % len(VOTES)]
        said = {**body, "decision": DECISIONS[number // len(VOTES) % len(DECISIONS)]}
        answer = asker.client.post(f"/v1/changes/{id_}/approvals", json=said, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
    assert asker.get(f"/v1/changes/{id_}").json() == before
    assert asker.client.get("/ledger/checkpoint").text.splitlines()[1] == size  # nothing was logged at all
    assert len(shown) == 130
