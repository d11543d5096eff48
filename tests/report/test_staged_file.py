"""A single file is there only when it is whole, whatever kind of thing it is written to."""

import os
import socket
import threading
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.report.rows import RowsWriter
from openleo.report.staging import Outputs, StagedFile


def write(target: Path, text: str = "whole") -> None:
    with StagedFile(target) as path:
        path.write_text(text)


def test_a_file_and_its_folders_are_made(tmp_path):
    write(tmp_path / "new" / "folder" / "f.csv")
    assert (tmp_path / "new" / "folder" / "f.csv").read_text() == "whole"
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "folder", "f.csv"]


def test_a_failure_leaves_the_earlier_file_and_no_trace(tmp_path):
    target = tmp_path / "f.csv"
    target.write_text("earlier")
    with pytest.raises(ZeroDivisionError), StagedFile(target) as path:  # noqa: PT012
        path.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    real, link = tmp_path / "data" / "real.csv", tmp_path / "link.csv"
    real.write_text("earlier")
    link.symlink_to(real)
    write(link)
    assert link.is_symlink()
    assert real.read_text() == "whole"


def test_a_link_to_nothing_yet_is_filled(tmp_path):
    link = tmp_path / "link.csv"
    link.symlink_to("later.csv")
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "later.csv").read_text() == "whole"


def test_a_pipe_is_given_the_content_and_stays_a_pipe(tmp_path):
    pipe, got = tmp_path / "pipe.csv", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with RowsWriter(pipe, {"a": int, "b": str}) as writer:
        writer.write([(1, "x"), (2, None)])
    reader.join(timeout=10)
    assert got == ["a,b\n1,x\n2,\n"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("kind", ["folder", "socket"])
def test_what_takes_no_content_is_refused_and_left(tmp_path, kind):
    target = tmp_path / "out"
    if kind == "folder":
        target.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(target))
    with pytest.raises(InputError, match="cannot be written"), StagedFile(target):
        pytest.fail("nothing is computed for it")
    assert list(tmp_path.iterdir()) == [target]


def test_a_loop_of_links_is_refused(tmp_path):
    target = tmp_path / "out"
    target.symlink_to(target)
    with pytest.raises(InputError, match="symbolic links"), StagedFile(target):
        pytest.fail("nothing is computed for it")


def test_outputs_are_moved_together_or_put_back(tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "new" / "second.csv"
    first.write_text("earlier")
    with Outputs({"--out": first, "--plot": second, "--paths": None}) as to:
        assert to.get("--paths") is None
        to["--out"].write_text("whole")
        write(to["--plot"])
        assert first.read_text() == "earlier"
        assert not second.exists()
    assert (first.read_text(), second.read_text()) == ("whole", "whole")
    with pytest.raises(InputError) as caught, Outputs({"--out": first, "--plot": second}) as to:  # noqa: PT012
        to["--out"].write_text("later")
        to["--plot"].write_text("later")
        second.unlink()
        second.mkdir()  # the second cannot be moved into place
    assert "new/second.csv: cannot be written: " in str(caught.value)
    assert "with --plot," in str(caught.value)
    assert first.read_text() == "whole"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["first.csv", "new", "second.csv"]


def test_outputs_pour_into_streams_last(tmp_path):
    pipe, file, got = tmp_path / "pipe", tmp_path / "f.csv", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with Outputs({"--out": pipe, "--plot": file}) as to:
        write(to["--out"], "poured")
        write(to["--plot"])
    reader.join(timeout=10)
    assert (got, file.read_text(), pipe.is_fifo()) == (["poured"], "whole", True)


def test_an_earlier_output_is_not_lost_where_it_cannot_be_put_back(tmp_path, monkeypatch):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("earlier")
    second.write_text("earlier, too")
    moves, rename = [], Path.rename

    def only_two(path, target):
        moves.append(path)
        if len(moves) > 2:
            raise OSError("the disk is gone")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", only_two)
    with pytest.raises(OSError, match="the disk is gone"), Outputs({"--out": first, "--plot": second}) as to:  # noqa: PT012
        to["--out"].write_text("later")
        to["--plot"].write_text("later")
    kept = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert {"earlier", "earlier, too"} <= set(kept)
