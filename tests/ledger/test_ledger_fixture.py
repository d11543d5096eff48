"""The ledger on which the page's verifier is tested: made by our own, the same each time, with our own verdicts."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from openleo.ledger.faults import LedgerError
from openleo.ledger.keys import parse_verifier
from openleo.ledger.policy import of_log, open_checkpoint
from openleo.ledger.tiles import check_all

ROOT = Path(__file__).parents[2]


@cache
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_ledger_fixture", ROOT / "tools" / "build_ledger_fixture.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@cache
def fixture() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tool().FILE.read_text())
    return found


def files_of(case: dict[str, Any]) -> dict[str, bytes]:
    changed = {**fixture()["files"], **case["files"]}
    return {path: base64.b64decode(data) for path, data in changed.items() if data is not None}


def test_the_fixture_is_what_the_tool_writes() -> None:
    assert tool().FILE.read_text() == tool().text()


@pytest.mark.parametrize("name", [one["name"] for one in fixture()["cases"]])
def test_our_verifier_says_what_the_fixture_says(name: str) -> None:
    (case,) = (one for one in fixture()["cases"] if one["name"] == name)
    assert tool().verdict(lambda: tool().whole(files_of(case))) == case["verdict"]
    assert (case["verdict"] == {}) == (name == "nothing")


def test_one_byte_anywhere_in_hashes_or_entries_is_seen_and_in_hashes_of_entries_named() -> None:
    """Every file, at its first, a middle and its last byte."""
    files = files_of(fixture()["cases"][0])
    log = of_log(parse_verifier(fixture()["log"]))
    now = open_checkpoint(log, files["checkpoint"])[0].checkpoint
    for path, data in files.items():
        for at in {0, len(data) // 2, len(data) - 1} if path != "checkpoint" else ():
            changed = tool().Fetched({**files, path: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]})
            with pytest.raises(LedgerError) as refused:
                check_all(changed, now.size, now.root)
            if not path.startswith("tile/1"):
                first = 256 if "001" in path else 0
                assert refused.value.entry is not None
                assert first <= refused.value.entry <= first + 255
            if path.startswith("tile/0"):
                assert refused.value.entry == first + at // 32
