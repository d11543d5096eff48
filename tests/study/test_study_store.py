"""Results on disk are there whole, or not there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.study.compute import Outcome
from openleo.study.store import Store

ADDRESS = "ab" + "0" * 62
OUTCOME = Outcome(ADDRESS, ({"territory": "LUX", "served": 0.25, "rtt_ms_p50": None},), 1.5)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path, "1-a")
    assert ADDRESS not in store
    store.keep(OUTCOME)
    assert store.get(ADDRESS) == OUTCOME
    assert list(store.addresses()) == [ADDRESS]
    assert not list(tmp_path.rglob("*.partial*"))


@pytest.mark.parametrize("harm", ["cut", "byte", "empty", "list", "elsewhere"])
def test_what_is_not_whole_is_not_there(tmp_path: Path, harm: str) -> None:
    store = Store(tmp_path, "1-a")
    store.keep(OUTCOME)
    path = store.path(ADDRESS)
    content = path.read_bytes()
    if harm == "elsewhere":
        path = store.path("ab" + "1" * 62)
    harmed = {"cut": content[:-9], "byte": content.replace(b"0.25", b"0.26"), "empty": b"", "list": b"[]"}
    path.write_bytes(harmed.get(harm, content))
    assert store.get(path.stem) is None
    store.keep(OUTCOME)
    assert store.get(ADDRESS) == OUTCOME


def test_another_version_has_its_own(tmp_path: Path) -> None:
    Store(tmp_path, "1-a").keep(OUTCOME)
    other = Store(tmp_path, "1-b")
    assert ADDRESS not in other
    assert other.others() == {"1-a": 1}
    other.keep(OUTCOME)
    other.path(ADDRESS).write_bytes(Store(tmp_path, "1-a").path(ADDRESS).read_bytes())
    assert ADDRESS not in other, "a file says itself of which version it is"


def test_what_writers_left_that_were_ended_goes(tmp_path: Path) -> None:
    store = Store(tmp_path, "1-a")
    store.keep(OUTCOME)
    left = store.path(ADDRESS).with_name(".ab00.partial-1234")
    now = left.with_name(".ab00.partial-5678")
    left.write_text("{")
    now.write_text("{")
    os.utime(left, (0.0, time.time() - 7200.0))
    store.clear_abandoned()
    assert not left.exists()
    assert now.exists()
    assert list(store.addresses()) == [ADDRESS]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(InputError, match="what is done is kept"):
        Store(tmp_path, "1-a").keep(OUTCOME)
