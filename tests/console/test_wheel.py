"""A wheel as it is built from a clone: it carries the console's page, and is not built without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from openleo.console import pages

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
LEFT = shutil.ignore_patterns("__pycache__", "built")
BUILD = "from hatchling.build import build_wheel, build_sdist; print({}('dist'))"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a build reads, without a page."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "console_page.py", tmp_path / "tools")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=LEFT)
    return tmp_path


def made(clone: Path, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BUILD.format(what)], cwd=clone, capture_output=True, text=True)


def test_a_wheel_carries_the_page(clone: Path) -> None:
    there = pages.files()
    if not there:
        pytest.skip("the page is not built here: make console")
    shutil.copytree(ROOT / "src/openleo/console/built", clone / "src/openleo/console/built")
    done = made(clone, "build_wheel")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(clone / "dist" / done.stdout.splitlines()[-1]) as wheel:
        for name, one in there.items():
            assert wheel.read(f"openleo/console/built/{name}") == one.content


def test_no_wheel_is_built_without_the_page_and_a_source_distribution_is(clone: Path) -> None:
    done = made(clone, "build_wheel")
    assert done.returncode != 0
    assert "a wheel carries the console's page. Build it: make console" in done.stderr
    assert made(clone, "build_sdist").returncode == 0
