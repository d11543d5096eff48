"""The published form of entries: what it accepts is what is read, by a checker written here from JSON Schema's text."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
import rfc8785
from test_requests import asked
from world_made import OPERATORS, TWN, World, loss

from command_line import openleo
from openleo.governance.entries import TYPES, EntryRefused, from_bytes
from openleo.governance.schema import json_schema

SCHEMA = json_schema()
KNOWN = {
    "$ref", "$defs", "$schema", "title", "description", "oneOf", "anyOf", "const", "enum", "type", "properties",
    "required", "additionalProperties", "patternProperties", "items", "minItems", "maxItems", "minimum", "maximum",
    "maxLength", "pattern",
}  # fmt: skip
FORMS: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def fits(value: Any, form: Any) -> bool:
    """Validation by JSON Schema 2020-12, for the keywords that the schema uses."""
    if isinstance(form, bool):
        return form
    assert set(form) <= KNOWN, set(form) - KNOWN
    if "$ref" in form and not fits(value, SCHEMA["$defs"][form["$ref"].removeprefix("#/$defs/")]):
        return False
    if "oneOf" in form and sum(fits(value, one) for one in form["oneOf"]) != 1:
        return False
    if "anyOf" in form and not any(fits(value, one) for one in form["anyOf"]):
        return False
    if "type" in form and not _is_a(value, form["type"]):
        return False
    if ("const" in form and value != form["const"]) or ("enum" in form and value not in form["enum"]):
        return False
    if isinstance(value, dict):
        return _object_fits(value, form)
    if isinstance(value, list):
        within = form.get("minItems", 0) <= len(value) <= form.get("maxItems", len(value))
        return within and all(fits(one, form.get("items", True)) for one in value)
    if isinstance(value, str):
        within = len(value) <= form.get("maxLength", len(value))
        return within and re.search(form.get("pattern", ""), value) is not None
    if isinstance(value, int):
        return bool(form.get("minimum", value) <= value <= form.get("maximum", value))
    return True


def _is_a(value: Any, type_: str) -> bool:
    return isinstance(value, FORMS[type_]) and (type_ == "boolean" or not isinstance(value, bool))


def _object_fits(value: dict[str, Any], form: dict[str, Any]) -> bool:
    properties, patterns = form.get("properties", {}), form.get("patternProperties", {})
    for key, one in value.items():
        forms = [properties[key]] if key in properties else []
        forms += [found for pattern, found in patterns.items() if re.search(pattern, key)]
        if not all(fits(one, found) for found in forms or [form.get("additionalProperties", True)]):
            return False
    return set(form.get("required", [])) <= set(value)


@pytest.fixture(scope="module")
def entries() -> list[Any]:
    """Of a change's life."""
    world = World.founded()
    world.append(asked(world, OPERATORS[0], "c-0"))
    world.propose(touched=(loss(),))
    world.approve("c-1", OPERATORS[1], TWN[0])
    world.append(world.withdrawal("c-1", OPERATORS[1]))
    world.append(world.rejection("c-1", OPERATORS[2]))
    return [json.loads(data) for data in world.entries]


def test_every_type_of_entry_has_its_form() -> None:
    assert [form["title"] for form in SCHEMA["oneOf"]] == list(TYPES)
    for form in SCHEMA["oneOf"]:
        body = SCHEMA["$defs"][form["properties"]["body"]["$ref"].removeprefix("#/$defs/")]
        names = {field.alias or name for name, field in TYPES[form["title"]].model_fields.items()}
        may_lack = {"sponsor"} if form["title"] == "change.proposed" else set()  # older entries have none
        assert set(body["properties"]) == names == set(body["required"]) | may_lack
        assert not may_lack & set(body["required"])
        assert body["additionalProperties"] is False


def test_entries_of_a_ledger_fit(entries: list[Any]) -> None:
    assert len({one["type"] for one in entries}) == 6
    assert all(fits(one, SCHEMA) for one in entries)


def altered(entry: Any) -> list[Any]:
    """The entry with each of its keys left out, given something else, or joined by another."""
    found = []
    for place in ((), ("body",)):
        for key in entry["body"] if place else entry:
            for what in (None, "gone", -1, "", "\n", []):
                made = copy.deepcopy(entry)
                at = made["body"] if place else made
                if what == "gone":
                    del at[key]
                else:
                    at[key] = what
                found.append(made)
    return [*found, entry | {"more": 1}, entry | {"body": entry["body"] | {"more": 1}}]


def test_what_does_not_fit_is_not_read(entries: list[Any]) -> None:
    """And what is read, fits: over each key of each entry, altered."""
    refused = 0
    for entry in entries:
        for made in altered(entry):
            try:
                from_bytes(rfc8785.dumps(made))
            except EntryRefused:
                refused += 1
                continue
            assert fits(made, SCHEMA), made
            assert made["type"] == entry["type"]
    assert refused > 100


def test_the_command_prints_it() -> None:
    code, out, _ = openleo("change", "schema")
    assert (code, json.loads(out)) == (0, SCHEMA)
