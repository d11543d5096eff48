"""The index of a resolution: from the user's cache, or found now and kept there.

An index takes from seconds to a minute to find and depends on nothing but the embedded land and our code, which name
its file. What is in the cache carries its own hash; what does not match it is found anew.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from openleo import cells as h3cells
from openleo import kept
from openleo.places import cell_labels
from openleo.places import land as lands
from openleo.places.cell_index import CellIndex, indexed
from openleo.places.sea_reach import label_names

LAND = "data/places/land-10m.parquet"

_held: dict[int, CellIndex] = {}


@cache
def fingerprint() -> str:
    """sha256 of whatever an index is made from: the embedded land, our code, and the libraries that cut polygons."""
    land = hashlib.sha256(files("openleo").joinpath(*LAND.split("/")).read_bytes()).hexdigest()
    return hashlib.sha256(f"{land} {kept.code_sha256('places.cell_cache')}".encode()).hexdigest()


def load(
    resolution: int,
    folder: Path | None = None,
    *,
    progress: cell_labels.OnProgress | None = None,
    tell: kept.Tell | None = None,
) -> CellIndex:
    """The index of a resolution, made once a process and, where `folder` can be written, once a machine.

    `tell` is given a line where the cache could not be used.
    """
    if resolution not in _held:
        _held[resolution] = read_or_make(resolution, folder or kept.default_folder("cells"), progress, tell)
    return _held[resolution]


def read_or_make(
    resolution: int, folder: Path, progress: cell_labels.OnProgress | None, tell: kept.Tell | None
) -> CellIndex:  # fmt: skip
    """As `load`, whatever this process already has."""
    name = f"labels-h3-{resolution}-{fingerprint()[:32]}"
    if (arrays := kept.read(folder, name)) is not None:
        return _index(arrays, resolution)
    land = lands.load()
    made = indexed(cell_labels.touching(land, resolution, progress), label_names(land), resolution, fingerprint())
    kept.keep(folder, name, _arrays(made), tell)
    return made


def _arrays(index: CellIndex) -> kept.Arrays:
    plain = {name: getattr(index, name) for name in ("kind", "first", "member")}
    return {**plain, "labels": np.array(index.labels), "unproved": np.array(index.unproved)}


def _index(arrays: kept.Arrays, resolution: int) -> CellIndex:
    kind, first, member = (arrays[name] for name in ("kind", "first", "member"))
    labels, unproved = tuple(arrays["labels"].tolist()), int(arrays["unproved"])
    return CellIndex(resolution, h3cells.world(resolution), labels, kind, first, member, unproved, fingerprint())
