"""The JSON Schema of a rule file (draft 2020-12), from the records that check it."""

from __future__ import annotations

from typing import Any

from openleo.policy.rule_records import WholeFileRecord
from openleo.policy.rules import SCHEMA


def json_schema() -> dict[str, Any]:
    """What a rule file written as JSON has to look like. What ids mean, `openleo policy check` alone knows."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:openleo:rules:{SCHEMA}",
        **WholeFileRecord.model_json_schema(by_alias=True),
        "title": "OpenLEO rule file",
    }
