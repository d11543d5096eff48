"""Documents that anybody may have written, beside a ledger or in a folder: they are found, and stop no reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from office import Office
from world_made import BOOK, A, B, World

from command_line import openleo
from openleo.governance.drafting import plain_effect
from openleo.governance.entries import EffectFrozen, entry
from openleo.governance.house import Folder, House
from openleo.governance.losses import MOST, touched
from openleo.governance.moves import NETWORK, Move
from openleo.governance.state import State

BAD_BOOK = rfc8785.dumps({"book": "operator", "rule": 5})
UNWRITABLE = rfc8785.dumps({"book": "operator", "rule": [], "files": {"a" * 300: "x"}})
TWO_PLACES = rfc8785.dumps({"book": "operator", "rule": [], "files": {"a": "x", "a/b": "x"}})
EFFECT = rfc8785.dumps(plain_effect(State(), [], []))


def proposed(path: Path, kind: str, move: Move, effect: bytes, documents: Sequence[bytes] = ()) -> Office:
    """A ledger on which its operator proposed something, with documents of their own; nobody approved it."""
    office = Office.founded(path)
    with House(Folder(office.ledger)) as house:
        for data in (effect, *documents):
            house.artefacts.put(data)
        world = World(state=house.state, now=datetime.now(UTC).replace(microsecond=0))
        sha256 = hashlib.sha256(effect).hexdigest()
        frozen = EffectFrozen(change="c-1", effect=sha256, network=B, touched=(), named=(), ends=())
        house.append([entry(world.now, world.proposal("c-1", move, kind=kind)), entry(world.now, frozen)])
    return office


@pytest.mark.parametrize(
    ("kind", "move", "effect", "why"),
    [
        ("rules", Move(target=BOOK, base=None, new=A), b"[]", "cannot be judged"),
        ("network", Move(target=NETWORK, base=None, new=A), b"{}", "cannot be judged"),
        *(
            ("rules", Move(target=BOOK, base=None, new=hashlib.sha256(book).hexdigest()), EFFECT, "book operator")
            for book in (BAD_BOOK, UNWRITABLE, TWO_PLACES)
        ),
    ],
    ids=["a list", "an effect of nothing", "a book that is none", "a name too long", "a file that is a folder"],
)
def test_a_document_that_is_none_is_found_and_the_audit_goes_on(
    tmp_path: Path, kind: str, move: Move, effect: bytes, why: str
) -> None:
    office = proposed(tmp_path, kind, move, effect, [BAD_BOOK, UNWRITABLE, TWO_PLACES])
    code, out, err = openleo("change", "audit", office.ledger, "--json")
    assert code == 3, err
    said = json.loads(out)
    assert said["entries"] == 3
    assert any(one["entry"] == 2 and why in one["why"] for one in said["findings"])


def test_sums_that_no_entry_can_hold_stand_as_the_most_that_one_can() -> None:
    row: dict[str, Any] = {"territory": "TWN", "class": "fixed"}
    row |= {key: {"cells": 0, "area_km2": 0.0, "people": MOST, "terminals": MOST} for key in ("lost", "may_lose")}
    effect = {**plain_effect(State(), [], [row, row | {"class": "portable"}]), "terminals": "a table"}
    (found,) = touched(effect)
    assert (found.people_lost, found.terminals_lost) == (MOST, MOST)
