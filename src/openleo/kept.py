"""Arrays kept in the user's cache: what takes seconds to compute and depends on nothing but its name.

A name holds a hash of all that the arrays are made from: what is given, and the code and libraries that make them
(`code_sha256`). A file carries its own hash; what does not match it is not there. Files are written beside their place
and renamed; the oldest ones leave when there are many. Several processes may read, write and make room at once.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import os
import secrets
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 32
MOST_FILES = 40  # of a folder
ABANDONED_S = 3600.0  # no write takes so long: who began an older partial file was ended on the way

Arrays = Mapping[str, NDArray[Any]]
Tell = Callable[[str], None]


def default_folder(name: str) -> Path:
    """A folder of the user's cache (XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openleo" / name


# --- files --------------------------------------------------------------------------------------------------------


def read(folder: Path, name: str) -> dict[str, NDArray[Any]] | None:
    """What is kept under a name, or None where there is nothing whole."""
    path = folder / f"{name}.npz"
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, packed = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(packed).digest() != digest:
        return None
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            found = {key: arrays[key] for key in arrays.files}
    except (ValueError, zipfile.BadZipFile):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used now, so that it stays
    return found


def keep(folder: Path, name: str, arrays: Arrays, tell: Tell | None = None) -> None:
    """Keep arrays under a name, where the folder can be written; `tell` is given a line where it cannot."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    content = packed.getvalue()
    path = folder / f"{name}.npz"
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(hashlib.sha256(content).digest() + content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if tell:
            tell(f"{folder} cannot be used as a cache ({error.strerror or error}): it is computed anew every time.")
        return
    _make_room(folder)


def _make_room(folder: Path) -> None:
    """Whole files beyond the newest leave, and partial ones that nobody writes any more."""
    used_s = {path: used for path in folder.glob("*.npz") if (used := _used_s(path)) is not None}
    leaving = sorted(used_s, key=used_s.__getitem__, reverse=True)[MOST_FILES:]
    for path in folder.glob(".*.npz.partial-*"):
        if (used := _used_s(path)) is not None and used < time.time() - ABANDONED_S:
            leaving.append(path)
    for path in leaving:
        with contextlib.suppress(OSError):  # another process was first, or the file is not ours: it is no fault of ours
            path.unlink()


def _used_s(path: Path) -> float | None:
    """When a file was last used, seconds of the Unix epoch; None where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


# --- code ---------------------------------------------------------------------------------------------------------


@cache
def code_sha256(*modules: str) -> str:
    """Of all code that some of our modules run: they, what they import of ours, and the versions of libraries.

    Modules are named from the package on: "places.cell_labels".
    """
    package, (ours, theirs) = _package(), code_of(*modules)
    digest = hashlib.sha256(_libraries(theirs).encode())
    for path in sorted(ours):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)} ".encode() + content)
    return digest.hexdigest()


def code_of(*modules: str) -> tuple[set[Path], set[str]]:
    """(the files of some modules and of all that they import of ours, the libraries that these import)."""
    package = _package()
    waiting = [_module_file(package, f"{package.name}.{name}") for name in modules]
    ours: set[Path] = set()
    theirs: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path is None or path in ours:
            continue
        ours.add(path)
        for name in _imported(path):
            top = name.partition(".")[0]
            if top == package.name:
                waiting.append(_module_file(package, name))
            elif top not in sys.stdlib_module_names:
                theirs.add(top)
    return ours, theirs


def _package() -> Path:
    return Path(str(files("openleo")))


def _module_file(package: Path, name: str) -> Path | None:
    """The file of one of our modules; None for a name within one, and for the facade, which only points to others."""
    steps = name.split(".")[1:]
    path = package.joinpath(*steps)
    found = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
    return found if steps and found.is_file() else None


def _imported(path: Path) -> Iterator[str]:
    """Names that a file imports anywhere, functions included; some of them are no modules but names within one."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path}:{node.lineno} imports relatively; what it runs cannot be told from here")
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _libraries(names: set[str]) -> str:
    said = ["python " + ".".join(map(str, sys.version_info[:3]))]
    for name in sorted(names):
        try:
            said.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            said.append(f"{name} absent")
    if "shapely" in names:
        import shapely

        said.append(f"geos {shapely.geos_version_string}")  # it cuts the polygons, and comes from elsewhere at times
    return "\n".join(said)
