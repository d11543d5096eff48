"""All or nothing: files are written beside their place and moved into it when the last one is there.

An output folder that does not exist yet is written as a hidden sibling and renamed, in one step. One that exists keeps
whatever else is in it: files are written into a hidden folder within it (a folder may be a mount of its own, and
nothing can be renamed across mounts), the old ones are set aside, the new ones moved in, and any failure puts the old
ones back. A single file is written beside its place likewise; through a link, beside what it points to; and what is a
stream, as a pipe or a terminal, is given the whole content at the end. Several files of one command are `Outputs`:
none is in its place before all are whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol

from openleo.errors import InputError, Problem

WAY_OUT = "Choose another place with --out, or make room and give write access there."
OUT = "--out"


@contextmanager
def blaming(folder: Path, option: str = OUT) -> Iterator[None]:
    """An OSError within is the folder's fault, and is said as one; `option` is how another place is chosen."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        place = f" ({error.filename})" if error.filename and Path(error.filename) != folder else ""
        way_out = WAY_OUT.replace(OUT, option)
        raise InputError(Problem(str(folder), "", f"cannot be written: {why}{place}.", way_out)) from error


def check_writable(folder: Path) -> None:
    """Raise InputError if results could not be written to `folder`. Leaves no trace, whatever the answer."""
    with blaming(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(Problem(str(folder), "", "is a file; results are written to a folder.", WAY_OUT))
    with blaming(folder), Staging(folder) as staging:
        (staging.path / "can-write").touch()


class Staging:
    """A hidden folder for files on their way to `folder`. Leaving it removes what was not moved into place."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.path = Path()
        self._made: list[Path] = []  # parents that did not exist, outermost first
        self._holds_old = False  # files of an earlier run are set aside here, and nowhere else

    def __enter__(self) -> Staging:
        within = self.folder if self.folder.is_dir() else self.folder.parent
        missing = [path for path in (within, *within.parents) if not path.exists()]
        try:
            for parent in reversed(missing):
                parent.mkdir(exist_ok=True)
                self._made.append(parent)
            path = within / f".{self.folder.name}.partial-{secrets.token_hex(4)}"
            path.mkdir()
            self.path = path
        except BaseException:
            self._remove_parents()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._holds_old:  # else putting them back failed, too: better a leftover than a loss
            shutil.rmtree(self.path, ignore_errors=True)
        self._remove_parents()

    def _remove_parents(self) -> None:
        """Those that this staging made and that nothing was put into."""
        for parent in reversed(self._made):
            with contextlib.suppress(OSError):
                parent.rmdir()

    def commit(self, ours: Collection[str]) -> None:
        """Move everything into place. Files of an earlier run, whose names are `ours`, do not outlive it."""
        if not self.folder.exists():
            try:
                self.path.rename(self.folder)
            except OSError:
                if not self.folder.is_dir():  # else another writer made it meanwhile
                    raise
            else:
                return
        new = sorted(entry.name for entry in self.path.iterdir())
        old = [name for name in sorted({*ours, *new}) if os.path.lexists(self.folder / name)]
        aside = self.path / ".before"
        aside.mkdir()
        moves = [(self.folder / name, aside / name) for name in old]
        moves += [(self.path / name, self.folder / name) for name in new]
        self._holds_old = True
        try:
            for source, target in moves:
                try:
                    source.rename(target)
                except FileNotFoundError:
                    if source.parent != self.folder:  # of the old, another writer of the folder may have been first
                        raise
        except BaseException:
            for source, target in reversed(moves):
                if os.path.lexists(target) and not os.path.lexists(source):
                    target.rename(source)
            self._holds_old = False
            raise
        self._holds_old = False


class Closes(Protocol):
    """Whatever holds a file open."""

    def close(self) -> None: ...


class StagedFile:
    """A file on its way: a context manager that gives the path to write to, and leaves the file only when whole.

    Errors of the file system are the target's fault, and raised as InputError.
    """

    def __init__(self, target: Path):
        self.target = target
        self._open = contextlib.ExitStack()
        self._path = Path()
        self._place: Path | None = None  # what is replaced; None for a stream

    def __enter__(self) -> Path:
        with blaming(self.target):
            self._place, folder = _staged(self.target, self._open)
        self._path = folder / self.target.name
        return self._path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open, blaming(self.target):
            if kind is not None:
                return
            if self._place is None:
                _pour(self._path, self.target)
            else:
                self._place.parent.mkdir(parents=True, exist_ok=True)
                self._path.replace(self._place)


def check_distinct(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """Raise InputError where two outputs are one file, or an output is what an input is read from; keys are options."""
    taken = {os.path.realpath(path): name for name, path in inputs.items() if path is not None and path.is_file()}
    problems = []
    for option, path in outputs.items():
        if path is None or str(path) == os.devnull:
            continue
        place = os.path.realpath(path)
        if place in taken:
            rule = f"is {taken[place]}, too; each file has a place of its own."
            problems.append(Problem(f"{option} {path}", "", rule, "Choose another name."))
        taken.setdefault(place, option)
    if problems:
        raise InputError(problems)


class Outputs:
    """The files of one command by option: a context manager that moves all into place when all are whole, or none.

    `outputs[option]` is the path to write to until then; `get` gives None for an option that was not given. What cannot
    be written is said of the file in the user's words, with the option that names it.
    """

    def __init__(self, targets: Mapping[str, Path | None]):
        self._targets = {option: target for option, target in targets.items() if target is not None}
        self._open = contextlib.ExitStack()
        self._staged: dict[str, Path] = {}
        self._places: dict[str, Path | None] = {}  # as of StagedFile

    def __getitem__(self, option: str) -> Path:
        return self._staged[option]

    def get(self, option: str) -> Path | None:
        return self._staged.get(option)

    def __enter__(self) -> Outputs:
        with contextlib.ExitStack() as opening:
            for option, target in self._targets.items():
                with blaming(target, option):
                    place, folder = _staged(target, opening)
                self._places[option], self._staged[option] = place, folder / target.name
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if kind is None:
                self._commit()
            elif isinstance(error, InputError):
                problems = [self._in_the_users_words(one) for one in error.problems]
                raise InputError(problems) from error

    def _in_the_users_words(self, said: Problem) -> Problem:
        for option, staged in self._staged.items():
            if said.file == str(staged):
                way_out = said.way_out.replace(OUT, option)
                return Problem(str(self._targets[option]), said.where, said.rule, way_out)
        return said

    def _commit(self) -> None:
        """Move all into place; a failure puts back what was there. Streams come last: they cannot be taken back."""
        moved: list[tuple[Path, Path]] = []
        try:
            for option in sorted(self._targets, key=lambda one: self._places[one] is None):
                place, staged = self._places[option], self._staged[option]
                with blaming(self._targets[option], option):
                    if place is None:
                        _pour(staged, self._targets[option])
                        continue
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if os.path.lexists(place) and not place.is_dir():
                        aside = staged.with_name(staged.name + ".before")
                        place.rename(aside)
                        moved.append((place, aside))
                    staged.rename(place)
                    moved.append((staged, place))
        except BaseException:
            kept = self._open.pop_all()  # if putting back fails, too: better a leftover than a loss
            for source, target in reversed(moved):
                target.rename(source)
            kept.close()
            raise


@contextmanager
def closed(handle: Closes, target: Path) -> Iterator[None]:
    """Close `handle` on the way out; that it cannot be closed is the target's fault."""
    try:
        yield
    finally:
        with blaming(target):
            handle.close()


def _staged(target: Path, open_: contextlib.ExitStack) -> tuple[Path | None, Path]:
    """(what is to be replaced, None for a stream; a hidden folder to write in, which leaves with `open_`)."""
    if is_stream(target):
        return None, Path(open_.enter_context(tempfile.TemporaryDirectory()))
    place = target.resolve()
    return place, open_.enter_context(Staging(place.parent)).path


def _pour(content: Path, stream: Path) -> None:
    with content.open("rb") as source, stream.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def is_stream(target: Path) -> bool:
    """Whether content is poured into `target`, not put in its place. Raises OSError for what takes no content."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise OSError(errno.EINVAL, "It is a disk or a socket, and no file")
    # /dev/stdout may be a regular file that the shell has open: it is written to, not replaced. /dev/shm holds files.
    parts = target.absolute().parts
    return not stat.S_ISREG(mode) or (parts[1:2] in (("dev",), ("proc",)) and parts[1:3] != ("dev", "shm"))
