"""`openleo change schema`: the form of entries, for other programs."""

from __future__ import annotations

from openleo.cli.common import print_json


def schema() -> None:
    """Print the JSON Schema of the entries of a ledger that governs."""
    from openleo.governance.schema import json_schema

    print_json(json_schema())
