"""What is wrong with an entry is told in words of ours, whatever is wrong: rule and way out, no type of a library."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from office import Office
from pydantic import BaseModel, ValidationError
from test_requests import asked
from world_made import OPERATORS, World

from openleo.governance.effect_form import checked
from openleo.governance.entries import TYPES
from openleo.governance.state import Refused
from openleo.governance.words import problems

LIBRARY = re.compile(
    r"Field required|[Ii]nput should|[Ss]tring should|[Tt]uple should|valid (string|integer|dictionary|tuple)|pydantic|"
    r"Value error|Extra inputs|not permitted|match pattern|\(\?|\\x"
)
DISCLOSURE = {
    "party": "a court",
    "what": "a list",
    "legal_reference": "order 5",
    "asked_at": "2026-11-01T00:00:00Z",
    "given": "nothing",
}
ODD: tuple[Any, ...] = (
    None, True, 5, -1, 2**60, 1.5, "", " ", "x", "a\u202eb", "2026-13-40T00:00:00Z", "9" * 5_000, [], {}, [1], {"x": 1},
)  # fmt: skip


def faults(form: type[BaseModel], said: Any) -> list[str]:
    try:
        form.model_validate_json(json.dumps(said))
    except ValidationError as error:
        return [str(one) for one in problems("f.json", error.errors(), form)]
    return []


def altered(value: Any) -> Any:
    """Every document that differs from one in one place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: one} for one in altered(inner))
        yield {**value, "odd": 1}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], one, *value[number + 1 :]] for one in altered(inner))
    yield from ODD


def bodies() -> list[tuple[str, Any]]:
    world = World.founded()
    world.propose()
    world.approve("c-1", OPERATORS[1])
    found = [(entry["type"], entry["body"]) for entry in map(json.loads, world.entries[1:])]
    signed = asked(world, OPERATORS[1], "c-2").model_dump(mode="json", by_alias=True)
    published = {"sha256": "a" * 64, "from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "note": ""}
    return [*found, ("change.proposed", signed), ("disclosure", DISCLOSURE), ("mask.published", published)]


@pytest.mark.parametrize(("type_", "body"), bodies(), ids=lambda one: one if isinstance(one, str) else "")
def test_whatever_is_wrong_is_said_in_words(type_: str, body: Any) -> None:
    assert not faults(TYPES[type_], body)
    told = {one for said in altered(body) for one in faults(TYPES[type_], said)}
    assert len(told) > 20
    assert not [one for one in told if LIBRARY.search(one)]
    assert not [one for one in told if len(one) > 500]


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"what": None}, "what: null is no text. Write it in quotation marks."),
        ({"what": " "}, "what: ' ' is blank, or holds control characters."),
        ({"asked_at": "yesterday"}, "asked_at: 'yesterday' is no instant. Write whole seconds of UTC"),
        ({"asked_at": "2026-13-01T00:00:00Z"}, "asked_at: cannot be '2026-13-01T00:00:00Z': month must be in 1..12."),
        ({"givn": "x"}, "givn: is no key that is known here. Did you mean given?"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_a_way_out(tmp_path: Path, update: dict[str, Any], said: str) -> None:
    office = Office.founded(tmp_path)
    file = tmp_path / "d2.json"
    file.write_text(json.dumps(DISCLOSURE | update))
    why = office.change("record", "disclosure", "--body", file, code=2)
    assert said in why.replace("\n", " ")
    assert len(office.entries(0)) == 1
    file.write_text(json.dumps({key: one for key, one in DISCLOSURE.items() if key != "what"}))
    why = office.change("record", "disclosure", "--body", file, code=2)
    assert "d2.json: what: is missing. It has no default; see `openleo change schema`." in why.replace("\n", " ")
    for text in ("[]", "{", "5", '{"what": 1, "what": 2}', ""):
        file.write_text(text)
        why = office.change("record", "disclosure", "--body", file, code=2)
        assert not LIBRARY.search(why), why


def test_an_effect_that_cannot_be_judged_is_told_in_words() -> None:
    for effect in (None, {}, {"network": 5}):
        with pytest.raises(Refused) as refused:
            checked(effect)
        assert not LIBRARY.search(str(refused.value))
    assert "people: is missing" in str(refused.value)
