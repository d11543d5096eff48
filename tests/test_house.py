"""What the house promises: locked requirements that name no index, no file too long to hold in mind."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_FILE_LINES = 420


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_requirement_has_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text, "a lock names an address; renew it with `make lock`"
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text.strip()) if not entry.startswith("#")]
    assert len(entries) > 1
    for entry in entries:
        assert "==" in entry.splitlines()[0]
        assert "--hash=sha256:" in entry, f"{entry.splitlines()[0]} has no hash"


def test_core_lock_covers_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {
        line.split("==")[0] for line in (ROOT / "requirements" / "core.txt").read_text().splitlines() if "==" in line
    }
    named = {re.match(r"[a-z0-9-]+", dependency)[0] for dependency in project["dependencies"]}  # type: ignore[index]
    assert named <= locked


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_file_is_too_long_to_hold_in_mind(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST_FILE_LINES, f"{lines} lines: is a second idea hiding in it?"


def test_the_package_is_typed_and_licensed() -> None:
    assert (ROOT / "src" / "openleo" / "py.typed").exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    notice = (ROOT / "NOTICE").read_text()
    assert "Natural Earth" in notice
    assert "GeoNames" in notice


def test_git_keeps_nothing_that_is_built() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "src/openleo/console/built/" in ignored
    listed = subprocess.run(["git", "ls-files", "src/openleo/console/built"], cwd=ROOT, capture_output=True, text=True)
    assert listed.stdout == ""
