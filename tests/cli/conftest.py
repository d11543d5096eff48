"""The command line, run in this process: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command_line import openleo


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer on stdout; NaN and Infinity are no JSON."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


Run = Callable[..., Done]


def run_openleo(*arguments: object) -> Done:
    return Done(*openleo(*arguments))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `openleo ARGUMENTS…` from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_openleo


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the starter scenario, as `openleo init` writes it."""
    folder = tmp_path_factory.mktemp("starter")
    assert run_openleo("init", folder).code == 0
    return folder / "scenario.toml"


@pytest.fixture(scope="session")
def planned(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """Four slots of the starter, planned with --json, and the folder that was written."""
    folder = tmp_path_factory.mktemp("planned") / "new" / "out"
    return run_openleo("plan", starter, "--slots", 4, "--out", folder, "--slots-out", "--json"), folder
