"""The index of a resolution: from the user's cache, or found now and kept there.

An index takes from seconds to a minute to find and depends on nothing but the embedded land and our code, which name
its file. What is in the cache carries its own hash; what does not match it is found anew.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import h3
import numpy as np
import shapely

from openleo import cells as h3cells
from openleo.places import cell_labels
from openleo.places import land as lands
from openleo.places.cell_index import CellIndex, indexed
from openleo.places.sea_reach import label_names

RESOLUTIONS = (3, 4, 5)
CODE = ("cells.py", "geodesy.py", "units.py", "places/land.py", "places/parts.py", "places/territories.py",
        "places/waters.py", "places/sea_reach.py", "places/cell_labels.py", "places/cell_index.py")  # fmt: skip
DATA = ("data/places/land-10m.parquet",)
DIGEST_BYTES = 32

Tell = Callable[[str], None]


def default_folder() -> Path:
    """The user's cache folder for indexes (XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openleo" / "cells"


@cache
def fingerprint() -> str:
    """sha256 of whatever an index is made from: embedded land, code, and the libraries that cut polygons."""
    digest = hashlib.sha256(f"h3 {h3.versions()['c']} geos {shapely.geos_version_string}".encode())
    for name in (*DATA, *CODE):
        content = files("openleo").joinpath(*name.split("/")).read_bytes()
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


_held: dict[int, CellIndex] = {}


def load(
    resolution: int,
    folder: Path | None = None,
    *,
    progress: cell_labels.OnProgress | None = None,
    tell: Tell | None = None,
) -> CellIndex:
    """The index of a resolution, made once a process and, where `folder` can be written, once a machine.

    `tell` is given a line where the cache could not be used.
    """
    if resolution not in _held:
        _held[resolution] = read_or_make(resolution, folder or default_folder(), progress, tell or (lambda _: None))
    return _held[resolution]


def read_or_make(
    resolution: int, folder: Path, progress: cell_labels.OnProgress | None, tell: Tell
) -> CellIndex:  # fmt: skip
    """As `load`, whatever this process already has."""
    path = folder / f"labels-h3-{resolution}-{fingerprint()[:16]}.npz"
    if (found := _read(path, resolution)) is not None:
        return found
    land = lands.load()
    made = indexed(cell_labels.touching(land, resolution, progress), label_names(land), resolution, fingerprint())
    try:
        _write(path, made)
    except OSError as error:
        tell(f"{folder} cannot be used as a cache ({error.strerror or error}): the labels of cells are found anew.")
    return made


def _read(path: Path, resolution: int) -> CellIndex | None:
    """What the cache has, or None where it has nothing whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, packed = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(packed).digest() != digest:
        return None
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            kind, first, member, labels = (arrays[name] for name in ("kind", "first", "member", "labels"))
            unproved, sha256 = int(arrays["unproved"]), str(arrays["sha256"])
    except (KeyError, ValueError, zipfile.BadZipFile):
        return None
    cells = h3cells.world(resolution)
    if sha256 != fingerprint() or len(kind) != len(cells):
        return None
    return CellIndex(resolution, cells, tuple(labels.tolist()), kind, first, member, unproved, sha256)


def _write(path: Path, index: CellIndex) -> None:
    """Whole or not at all: written beside its place and renamed."""
    packed = io.BytesIO()
    np.savez(
        packed,
        kind=index.kind,
        first=index.first,
        member=index.member,
        labels=np.array(index.labels),
        unproved=np.array(index.unproved),
        sha256=np.array(index.sha256),
    )
    content = packed.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        partial.write_bytes(hashlib.sha256(content).digest() + content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
