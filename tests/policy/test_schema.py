"""The published JSON Schema against files that are right and files that are wrong.

No validator is among what we depend on; the one below knows the keywords of draft 2020-12 that occur in the schema,
and fails on any other.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
from test_rule_language import FULL_JSON, FULL_TOML, book, rule

from openleo.policy.schema import json_schema

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/**/rules/*.toml"))
EXAMPLES += sorted(Path(__file__).parents[2].glob("src/openleo/data/starter/rules/*.toml"))
TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "null": type(None),
}  # fmt: skip
SAYS_NOTHING = {"$defs", "$schema", "$id", "title", "description", "default", "format"}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for keyword, said in schema.items():
        match keyword:
            case "$ref":
                found += faults(value, root["$defs"][said.removeprefix("#/$defs/")], root)
            case "type":
                if not isinstance(value, TYPES[said]) or isinstance(value, bool):
                    found.append(f"{value!r} is no {said}")
            case "anyOf":
                if all(faults(value, one, root) for one in said):
                    found.append(f"{value!r} is none of {said}")
            case "properties" if isinstance(value, dict):
                found += [f for key, one in said.items() if key in value for f in faults(value[key], one, root)]
            case "additionalProperties" if isinstance(value, dict):
                if said is False:
                    found += [f"{key} is unknown" for key in value if key not in schema.get("properties", {})]
            case "required" if isinstance(value, dict):
                found += [f"{key} is missing" for key in said if key not in value]
            case "items" if isinstance(value, list):
                found += [fault for one in value for fault in faults(one, said, root)]
            case "minItems" if isinstance(value, list):
                found += [f"{value} is too short"] if len(value) < said else []
            case "enum":
                found += [] if value in said else [f"{value!r} is not in {said}"]
            case "const":
                found += [] if value == said else [f"{value!r} is not {said}"]
            case "pattern" if isinstance(value, str):
                found += [] if re.search(said, value) else [f"{value!r} does not match {said}"]
            case "minimum" if isinstance(value, int | float):
                found += [] if value >= said else [f"{value} < {said}"]
            case "maximum" if isinstance(value, int | float):
                found += [] if value <= said else [f"{value} > {said}"]
            case "properties" | "required" | "items" | "minItems" | "pattern" | "minimum" | "maximum":
                pass  # says nothing of a value of another type
            case "additionalProperties":
                pass
            case _:
                assert keyword in SAYS_NOTHING, f"teach this test the keyword {keyword}"
    return found


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime | clock) else value


SCHEMA = json_schema()


def test_the_schema_is_json_and_names_its_draft_and_version() -> None:
    assert json.loads(json.dumps(SCHEMA, allow_nan=False)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["properties"]["schema"]["const"] == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_shipped_examples_are_valid(path: Path) -> None:
    assert faults(as_json(tomllib.loads(path.read_text(encoding="utf-8"))), SCHEMA, SCHEMA) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("content", [FULL_JSON, as_json(tomllib.loads(FULL_TOML)), book(rule())])
def test_the_whole_language_is_valid(content: dict[str, Any]) -> None:
    assert faults(content, SCHEMA, SCHEMA) == []


@pytest.mark.parametrize(
    "content",
    [
        {**book(), "schema": 2},
        {"schema": 1},
        {**book(), "rules": []},
        book(rule(reason=None)),
        book(rule(effect="allow")),
        book(rule(priority=3)),
        book(rule(who={"accounts": ["a"]})),
        book(rule(who={"classes": []})),
        book(rule(conditions={"speed_kmh_max": "75"})),
        book(rule(conditions={"speed_kmh_max": -1})),
        book(rule(conditions={"home_territory": []})),
        book(rule(land_in=[])),
        book(rule(weekly=[])),
        book(rule(weekly=[{"from": "8:00", "until": "09:00", "zone": "UTC"}])),
        book(rule(weekly=[{"from": "08:00", "until": "09:00", "zone": "UTC", "days": ["someday"]}])),
        book(rule(**{"except": {"speed": 3}})),
    ],
)
def test_what_is_wrong_by_its_form_is_invalid(content: dict[str, Any]) -> None:
    assert faults(content, SCHEMA, SCHEMA)
