"""Arrays in the user's cache: whole or not there."""

from __future__ import annotations

import os

import numpy as np

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


def test_the_hash_of_code_is_of_what_it_names() -> None:
    assert kept.code_sha256("units.py") == kept.code_sha256("units.py")
    assert kept.code_sha256("units.py") != kept.code_sha256("units.py", "cells.py")
    assert kept.code_sha256("network") != kept.code_sha256("places")
