"""Books tried before anybody proposes them: which are in force, and how cells are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from controller.governed import PERMIT, book, rule
from controller.test_changes_api import Asker, _permitting
from openleo.changes import sha256_of
from openleo.controller import tried
from openleo.controller.roles import Role
from openleo.service.effect_cells import Change, State


def test_the_books_in_force_are_told_by_their_hashes_and_their_documents_can_be_read(
    tmp_path: Any, engine: Any
) -> None:
    asker: Asker = _permitting(tmp_path, engine)
    other = book("regulator:TWN", rule("r-1", "forbid", "PRY"))
    asker.runtime.governed.rules(other)
    answer = asker.get("/v1/policy/books").json()
    assert answer["items"] == [
        {"book": "operator", "sha256": sha256_of(PERMIT)},
        {"book": "regulator:TWN", "sha256": sha256_of(other)},
    ]
    assert int(answer["ledger_size"]) > 0
    for one, document in zip(answer["items"], (PERMIT, other), strict=True):
        assert asker.client.get(f"/ledger/artefacts/sha256/{one['sha256']}").json() == document
    assert asker.client.get("/v1/policy/books").status_code == 401
    assert asker.get("/v1/policy/books", Role.AUDITOR).status_code == 200


def test_a_book_that_was_taken_away_is_not_in_force() -> None:
    lasting = {"book:b": "1" * 64, "book:a": "2" * 64, "book:gone": None, "account:x": "suspended"}
    assert [one["book"] for one in tried.books_in_force(lasting)] == ["a", "b"]


def test_cells_are_digits_in_the_order_of_the_network_and_none_where_nothing_was_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed = np.array([10, 20, 30], dtype=np.uint64)
    codes = SimpleNamespace(
        before=np.array([State.YES, State.NO, State.DEPENDS], np.uint8),
        after=np.array([State.NO, State.YES, State.DEPENDS], np.uint8),
        change=np.array([Change.LOST, Change.GAINED, Change.GETS_MORE], np.uint8),
    )
    monkeypatch.setattr(tried, "cell_effect", lambda _prepared, _class, _at: codes)
    parts = SimpleNamespace(reached=SimpleNamespace(parts=SimpleNamespace(cells=computed)))
    found: Any = SimpleNamespace(
        prepared=parts, classes=("fixed", "maritime"), effect=SimpleNamespace(rows=[SimpleNamespace(class_="fixed")])
    )
    told = tried.cells_told(found, np.array([5, 10, 20, 25, 30, 35], dtype=np.uint64), None)  # type: ignore[arg-type]
    assert told["classes"] == {"fixed": {"before": "320313", "after": "302313", "change": "5235a5"}}
    assert (told["states"][2], told["changes"][10]) == ("yes", "gets_more")
