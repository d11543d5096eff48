"""The form of every entry as JSON Schema (2020-12), for checkers that others write.

Made from the records that the programme itself reads entries with, so that it cannot say something else. It tells the
form alone: that the bytes are RFC 8785 and at most 64 KiB, and what may follow what, no schema can say.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from openleo.governance.entries import SCHEMA, TYPES, Instant

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = "#/$defs/{model}"


def json_schema() -> dict[str, Any]:
    """Of one entry, whatever its type."""
    bodies = dict.fromkeys(TYPES.values())
    found, defined = models_json_schema(
        [(body, "validation") for body in bodies], by_alias=True, ref_template=REFERENCE
    )
    return {
        "$schema": DIALECT,
        "title": "An entry of an OpenLEO governance ledger",
        "description": "RFC 8785 JSON of at most 65,535 bytes.",
        "oneOf": [_entry(type_, found[body, "validation"]) for type_, body in TYPES.items()],
        "$defs": defined["$defs"],
    }


def _entry(type_: str, body: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "schema": {"const": SCHEMA},
        "type": {"const": type_},
        "at": {**TypeAdapter(Instant).json_schema(), "description": "UTC, whole seconds."},
        "body": body,
    }
    return {
        "title": type_,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
