"""Commands that the page tells people to run: each is one that there is, in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from openleo.cli import app

WORDS = Path(__file__).parents[2] / "frontend" / "src" / "words"
GROUPS = {"change", "ledger", "policy", "territory", "officer", "controller", "export", "fleet"}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_commands_named_in_the_words_exist(language: str) -> None:
    told = re.findall(r"\bopenleo ([a-z-]+)(?: ([a-z-]+))?", (WORDS / f"{language}.ts").read_text(encoding="utf-8"))
    root = typer.main.get_command(app)
    assert told
    for verb, follows in told:
        command = root.commands.get(verb)  # type: ignore[attr-defined]
        assert command is not None, f"openleo {verb}"
        assert verb not in GROUPS or follows in command.commands, f"openleo {verb} {follows}"
