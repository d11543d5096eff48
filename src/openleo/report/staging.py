"""All or nothing: files are written beside their place and moved into it when the last one is there.

An output folder that does not exist yet is written as a hidden sibling and renamed, in one step. One that exists keeps
whatever else is in it: files are written into a hidden folder within it (a folder may be a mount of its own, and
nothing can be renamed across mounts), the old ones are set aside, the new ones moved in, and any failure puts the old
ones back.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from openleo.errors import InputError, Problem

WAY_OUT = "Choose another folder with --out, or make room and give write access there."


@contextmanager
def blaming(folder: Path) -> Iterator[None]:
    """An OSError within is the folder's fault, and is said as one."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        place = f" ({error.filename})" if error.filename and Path(error.filename) != folder else ""
        raise InputError(Problem(str(folder), "", f"cannot be written: {why}{place}.", WAY_OUT)) from error


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
            self.path.rename(self.folder)
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
                source.rename(target)
        except BaseException:
            for source, target in reversed(moves):
                if os.path.lexists(target) and not os.path.lexists(source):
                    target.rename(source)
            self._holds_old = False
            raise
        self._holds_old = False
