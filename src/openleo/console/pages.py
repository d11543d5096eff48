"""The console's page as it was built from frontend/: found beside this file, whether installed or in a clone.

files   every file of the page by its path: "index.html", "assets/index-4f2a9c01.js"
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

FOLDER, PAGE = "built", "index.html"
HOW = "The console's page is not built here. In a clone, `make console` builds it; a released wheel carries it."
PLAIN = "application/octet-stream"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".pbf": "application/x-protobuf",
}
PACKED = {".png", ".woff2"}  # gzip gains nothing
HASHED = re.compile(r"-[\w-]{8}\.\w+$")  # as Vite names what it made: other bytes, another name
GZIP_LEVEL = 6


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    name: str
    content: bytes

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES.get(PurePosixPath(self.name).suffix, PLAIN)

    @property
    def for_good(self) -> bool:
        """Whether its name is of these bytes alone."""
        return self.name.startswith("assets/") and HASHED.search(self.name) is not None

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def gzipped(self) -> bytes | None:
        """None where that gains nothing."""
        if PurePosixPath(self.name).suffix in PACKED:
            return None
        return gzip.compress(self.content, GZIP_LEVEL, mtime=0)


@cache
def files() -> Mapping[str, File]:
    """Read once; empty where the page is not built."""
    return read(resources.files(__package__) / FOLDER)


def read(folder: Traversable) -> dict[str, File]:
    """The files of a built page by their paths; none where there is no page."""
    if not (folder / PAGE).is_file():
        return {}
    return {name: File(name, one.read_bytes()) for name, one in _walk(folder, "")}


def _walk(folder: Traversable, before: str) -> Iterator[tuple[str, Traversable]]:
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            yield from _walk(one, f"{before}{one.name}/")
        else:
            yield before + one.name, one
