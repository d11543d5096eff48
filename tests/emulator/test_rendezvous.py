"""Where a running emulation is found, and what is left of one that has ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from openleo.emulator import rendezvous
from openleo.errors import InputError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return rendezvous.folder()


def test_a_run_is_found_by_any_spelling_of_a_place(place: Path) -> None:
    file = rendezvous.announce("demo", "/tmp/hosts", {"sao-paulo": "/proc/1/fd/5", "tokyo": "/proc/1/fd/6"})
    assert (place.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    run, name = rendezvous.find("São Paulo")
    assert (run.pid, run.name, name, run.namespaces["tokyo"]) == (os.getpid(), "demo", "sao-paulo", "/proc/1/fd/6")
    with pytest.raises(InputError, match="Did you mean tokyo"):
        rendezvous.find("tokio")


def test_what_ended_is_ignored_and_removed(place: Path) -> None:
    file = rendezvous.announce("demo", "/tmp/hosts", {"tokyo": "/proc/1/fd/6"})
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"started": told["started"] - 1}))  # the number of an older process
    (place / "half.json").write_text('{"pid": 1')
    with pytest.raises(InputError, match="no emulation of yours is running"):
        rendezvous.find("tokyo")
    assert not list(place.glob("*.json"))


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / rendezvous.FOLDER).mkdir(mode=0o700)
    (tmp_path / rendezvous.FOLDER).chmod(0o777)
    with pytest.raises(InputError, match="is not a folder of yours alone"):
        rendezvous.folder()


def test_when_a_process_started_is_told_apart() -> None:
    assert rendezvous.started(os.getpid()) == rendezvous.started(os.getpid())
    assert rendezvous.started(2**22 + 1) is None


def test_files_of_a_run_go_with_it_and_those_of_a_killed_one_with_the_next(place: Path) -> None:
    left = place / f"{os.getpid()}-1-abc.d"  # of a process that had our number before us
    left.mkdir()
    (left / "hosts").write_text("")
    with rendezvous.scratch() as first:
        (first / "hosts").write_text("127.0.0.1 localhost\n")
        with rendezvous.scratch() as second:
            assert sorted(place.iterdir()) == sorted([first, second])  # one that lives is left alone
    assert not list(place.iterdir())
