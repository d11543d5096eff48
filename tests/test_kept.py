"""Arrays in the user's cache: whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from openleo import kept


def test_what_is_kept_is_read_back(tmp_path) -> None:
    assert kept.read(tmp_path / "c", "a") is None
    kept.keep(tmp_path / "c", "a", {"x": np.arange(3), "names": np.array(["TON", "FJI"])})
    found = kept.read(tmp_path / "c", "a")
    assert found is not None
    assert found["x"].tolist() == [0, 1, 2]
    assert found["names"].tolist() == ["TON", "FJI"]
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["a.npz"]


def test_what_is_damaged_or_no_file_of_arrays_is_not_there(tmp_path) -> None:
    kept.keep(tmp_path, "a", {"x": np.arange(3)})
    whole = (tmp_path / "a.npz").read_bytes()
    for content in (whole[:-1], whole[:40] + b"!" + whole[41:], b"", b"short"):
        (tmp_path / "a.npz").write_bytes(content)
        assert kept.read(tmp_path, "a") is None


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    kept.keep(tmp_path / "file", "a", {"x": np.arange(3)}, said.append)
    assert len(said) == 1
    assert "cannot be used as a cache" in said[0]


def test_the_least_used_leave_when_there_are_many(tmp_path) -> None:
    for number in range(kept.MOST_FILES):
        kept.keep(tmp_path, f"n{number}", {"x": np.arange(1)})
        os.utime(tmp_path / f"n{number}.npz", (1e9 + number, 1e9 + number))
    assert kept.read(tmp_path, "n0") is not None  # used now
    kept.keep(tmp_path, "new", {"x": np.arange(1)})
    left = {path.stem for path in tmp_path.iterdir()}
    assert len(left) == kept.MOST_FILES
    assert {"n0", "new"} <= left
    assert "n1" not in left


def test_a_file_that_another_process_took_away_is_no_fault_of_the_folder(tmp_path) -> None:
    (tmp_path / "gone.npz").symlink_to(tmp_path / "nothing")  # it is listed, and has no age when asked
    said: list[str] = []
    kept.keep(tmp_path, "a", {"x": np.arange(3)}, said.append)
    assert said == []
    assert kept.read(tmp_path, "a") is not None


def test_many_at_once_keep_and_read_whole_files_or_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kept, "MOST_FILES", 2)
    said: list[str] = []

    def work(who: int) -> None:
        for number in range(20):
            kept.keep(tmp_path, f"{who}-{number % 4}", {"x": np.full(50, who)}, said.append)
            found = kept.read(tmp_path, f"{(who + 1) % 4}-{number % 4}")
            assert found is None or (found["x"] == (who + 1) % 4).all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert said == []
    assert len(list(tmp_path.iterdir())) <= 4  # each may have been the last to count
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_process_left_half_leaves_and_what_is_being_written_stays(tmp_path) -> None:
    old, new, other = (tmp_path / name for name in (".a.npz.partial-0", ".a.npz.partial-1", ".note"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (1e9, 1e9))
    kept.keep(tmp_path, "b", {"x": np.arange(3)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.npz.partial-1", ".note", "b.npz"]


# --- code ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in place of ours: `a` imports `part.b`, within a function; that imports `c`; nobody imports `d`."""
    folder = tmp_path / "openleo"
    (folder / "part").mkdir(parents=True)
    for name, text in {
        "__init__.py": "import d",
        "a.py": "def f():\n    from openleo.part import (\n        b,\n    )\n",
        "part/__init__.py": "",
        "part/b.py": "import numpy as np\nimport openleo.c as other\n",
        "c.py": "from openleo.a import f\n",
        "d.py": "",
    }.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(kept, "files", lambda _: folder)
    yield folder
    kept.code_sha256.cache_clear()


def sha256(*modules: str) -> str:
    kept.code_sha256.cache_clear()
    return kept.code_sha256(*modules)


@pytest.mark.parametrize("name", ["a.py", "part/__init__.py", "part/b.py", "c.py"])
def test_the_hash_of_code_changes_with_all_that_it_runs(package, name) -> None:
    before = sha256("a")
    (package / name).write_text((package / name).read_text() + "\nX = 1\n")
    assert sha256("a") != before


def test_the_hash_of_code_does_not_change_with_what_it_does_not_run(package) -> None:
    before = sha256("a")
    (package / "d.py").write_text("X = 1\n")
    assert sha256("a") == before
    assert sha256("a", "d") != before


def test_the_hash_of_code_changes_with_a_library(package, monkeypatch) -> None:
    before, of_other = sha256("a"), sha256("d")
    monkeypatch.setattr(kept.metadata, "version", lambda name: f"{name} 99")
    assert sha256("a") != before
    assert sha256("d") == of_other


def test_an_import_that_cannot_be_followed_is_a_fault(package) -> None:
    (package / "c.py").write_text("from . import d\n")
    with pytest.raises(ValueError, match=r"c\.py:1 imports relatively"):
        sha256("a")


@pytest.mark.parametrize("module", ["places.cell_cache", "effects"])
def test_all_that_python_loads_for_what_is_kept_is_in_its_hash(module) -> None:
    """Against the interpreter: the modules that an import really loads."""
    files = "[one.__file__ for name, one in sys.modules.items() if name.startswith('openleo.')]"
    code = f"import json, sys, openleo.{module}\nprint(json.dumps({files}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours, libraries = kept.code_of(module)
    assert {path for path in map(Path, json.loads(done.stdout)) if path.name != "__init__.py"} <= ours
    assert {"numpy", "shapely", "h3", "scipy"} <= libraries
