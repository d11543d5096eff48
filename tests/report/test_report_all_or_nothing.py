"""A run's files are written all or not at all, and a folder that cannot be written is said so before the run."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.report import write as writing
from openleo.report.slots import SlotsWriter
from openleo.report.staging import Staging
from openleo.report.write import check_writable, write


@pytest.fixture(autouse=True)
def plain_map(monkeypatch):
    """The map is not what is tested here."""
    monkeypatch.setitem(writing.FILES, "map.png", lambda results: b"a map")


def everything(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def disk_full_at(monkeypatch, name: str) -> None:
    real = Path.write_bytes

    def failing(self: Path, data: bytes) -> int:
        if self.name == name:
            real(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)


def interrupted_at(monkeypatch, name: str, times: int = 1) -> None:
    """The move of `name` from the staging into place is interrupted, `times` times."""
    real, left = Path.rename, [times]

    def failing(self: Path, target: Path) -> Path:
        if self.name == name and ".partial-" in str(self.parent) and left[0] > 0:
            left[0] -= 1
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)


def test_a_new_folder_leaves_no_trace_when_the_disk_is_full(tmp_path, compared, monkeypatch):
    disk_full_at(monkeypatch, "territories.csv")
    with pytest.raises(InputError, match="No space left on device"):
        write(compared, tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_stays_whole_when_the_disk_is_full(tmp_path, compared, fiji, monkeypatch):
    write(compared, tmp_path / "out")
    before = everything(tmp_path)
    disk_full_at(monkeypatch, "report.html")
    with pytest.raises(InputError):
        write(fiji, tmp_path / "out")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["cells.parquet", "map.png", "territories.csv"])
def test_an_earlier_run_stays_whole_when_the_move_is_interrupted(tmp_path, compared, fiji, monkeypatch, name):
    write(compared, tmp_path / "out")
    before = everything(tmp_path)
    interrupted_at(monkeypatch, name)
    with pytest.raises(KeyboardInterrupt):
        write(fiji, tmp_path / "out")
    assert everything(tmp_path) == before


def test_writers_of_one_folder_at_once_all_end_well(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()

    def write(number):
        for _ in range(40):
            with Staging(folder) as staging:
                (staging.path / "a.txt").write_text(f"of {number}")
                staging.commit(ours=("a.txt",))

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(write, range(4)))
    assert (folder / "a.txt").read_text().startswith("of ")
    assert [one.name for one in folder.iterdir()] == ["a.txt"]


def test_files_that_cannot_be_put_back_are_not_thrown_away(tmp_path, compared, fiji, monkeypatch):
    write(compared, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    interrupted_at(monkeypatch, "summary.json", times=2)
    with pytest.raises(KeyboardInterrupt):
        write(fiji, tmp_path / "out")
    kept = [path for path in (tmp_path / "out").rglob("*") if path.parent.name in ("out", ".before") and path.is_file()]
    left = {path.name: path.read_bytes() for path in kept}
    assert before.items() <= left.items()


def test_a_writer_that_fails_leaves_no_trace(tmp_path, compared, monkeypatch):
    def broken(results):
        raise ZeroDivisionError

    monkeypatch.setitem(writing.FILES, "cells.parquet", broken)
    with pytest.raises(ZeroDivisionError):
        write(compared, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_later_run_replaces_our_files_and_no_others(tmp_path, compared, fiji):
    write(compared, tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    written = write(fiji, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*(path.name for path in written), "mine.txt"}
    assert not (tmp_path / "out" / "effect.json").exists(), "the earlier run's effect would be read as this one's"
    assert '"scenario": "fiji"' in (tmp_path / "out" / "summary.json").read_text()


def test_written_files_can_be_read_as_any_file_made_here(tmp_path, compared):
    (tmp_path / "usual").mkdir()
    write(compared, tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    check_writable(tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="is a file; results are written to a folder") as refused:
        check_writable(tmp_path / "out")
    assert refused.value.problems[0].way_out
    assert (tmp_path / "out").read_text() == "a file"


def test_a_folder_below_a_file_is_refused(tmp_path, compared):
    (tmp_path / "file").write_text("a file")
    for folder in (tmp_path / "file" / "out", tmp_path / "file" / "deep" / "out"):
        with pytest.raises(InputError, match="Not a directory"):
            check_writable(folder)
        with pytest.raises(InputError, match="Not a directory"):
            write(compared, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_where_nothing_can_be_made_is_refused():
    with pytest.raises(InputError, match="cannot be written"):
        check_writable(Path("/proc/openleo/out"))


def test_a_read_only_file_system_is_said(tmp_path, monkeypatch):
    def read_only(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(InputError, match="Read-only file system"):
        check_writable(tmp_path / "out")
    with pytest.raises(InputError, match="Read-only file system"), SlotsWriter(tmp_path / "out", None):  # type: ignore[arg-type]
        pass


def test_leaving_a_staging_removes_it_and_the_parents_it_made(tmp_path):
    with Staging(tmp_path / "a" / "b" / "out") as staging:
        (staging.path / "half").write_text("…")
    assert list(tmp_path.iterdir()) == []
