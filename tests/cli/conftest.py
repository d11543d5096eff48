"""Runs that the tests of verbs share: from an empty folder, and of the starter scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Done, Run, run_openleo


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
