"""`openleo policy schema`: the form of a rule file, for editors and other programs."""

from __future__ import annotations

from openleo.cli.common import print_json


def schema() -> None:
    """Print the JSON Schema of a rule file."""
    from openleo.policy.schema import json_schema

    print_json(json_schema())
