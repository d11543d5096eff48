"""The page as it was built: what is found of it, and what a wheel is refused without."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from openleo.console import pages

ROOT = Path(__file__).parents[2]
MOST_BYTES = 2_500_000  # that a browser is sent before it draws
INDEX = '<link rel="icon" href="data:," /><script type="module" src="./assets/a-12345678.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    (folder / "assets" / "glyphs").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "a-12345678.js").write_text("export {};")
    (folder / "assets" / "glyphs" / "0-255.pbf").write_bytes(b"\x0a")
    return folder


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("console_page", ROOT / "tools" / "console_page.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_file_of_the_page_is_found_by_its_path(built: Path) -> None:
    found = pages.read(built)
    assert list(found) == ["assets/a-12345678.js", "assets/glyphs/0-255.pbf", "index.html"]
    assert {name: one.media_type.partition(";")[0] for name, one in found.items()} == {
        "index.html": "text/html",
        "assets/a-12345678.js": "text/javascript",
        "assets/glyphs/0-255.pbf": "application/x-protobuf",
    }
    assert [name for name, one in found.items() if one.for_good] == ["assets/a-12345678.js"]


def test_without_a_page_there_is_nothing(built: Path, tmp_path: Path) -> None:
    assert pages.read(tmp_path / "none") == {}
    (built / "index.html").unlink()
    assert pages.read(built) == {}


def test_a_wheel_is_refused_without_the_whole_page(hook: ModuleType, built: Path) -> None:
    hook.check(built)
    (built / "assets" / "a-12345678.js").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"names assets/a-12345678\.js, not there\. Build it again: make console"
    ):
        hook.check(built)
    (built / "index.html").write_text("<!doctype html>")
    with pytest.raises(FileNotFoundError, match="names no script"):
        hook.check(built)
    (built / "index.html").unlink()
    with pytest.raises(FileNotFoundError, match=r"is not there: a wheel carries the console's page.*make console"):
        hook.check(built)


def test_the_page_that_is_built_here_is_whole(hook: ModuleType) -> None:
    if not pages.files():
        pytest.skip("the page is not built here: make console")
    hook.check(ROOT / hook.BUILT)
    assert sum(len(one.gzipped or one.content) for one in pages.files().values()) <= MOST_BYTES
