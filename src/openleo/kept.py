"""Arrays kept in the user's cache: what takes seconds to compute and depends on nothing but its name.

A name is a hash of all that the arrays are made from, code included. A file carries its own hash; what does not match
it is not there. Files are written beside their place and renamed; the oldest ones leave when there are many.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 32
MOST_FILES = 40  # of a folder

Arrays = Mapping[str, NDArray[Any]]
Tell = Callable[[str], None]


def default_folder(name: str) -> Path:
    """A folder of the user's cache (XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openleo" / name


@cache
def code_sha256(*names: str) -> str:
    """Of our own modules: files, or all modules within folders, named from the package on."""
    digest = hashlib.sha256()
    package = Path(str(files("openleo")))
    for name in names:
        found = sorted((package / name).rglob("*.py")) if (package / name).is_dir() else [package / name]
        for path in found:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(package)} {len(content)} ".encode() + content)
    return digest.hexdigest()


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
        _make_room(folder)
    except OSError as error:
        if tell:
            tell(f"{folder} cannot be used as a cache ({error.strerror or error}): it is computed anew every time.")


def _make_room(folder: Path) -> None:
    by_age = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[MOST_FILES:]:
        path.unlink(missing_ok=True)
