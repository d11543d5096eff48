"""Documents named by the sha256 of their bytes: rule books, effects, lists; beside the ledger, which holds the names.

An artefact is on the disk before an entry names it, and is never written over. What is read back is hashed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rfc8785

from openleo.governance.state import Refused

_NAME = re.compile(r"[0-9a-f]{64}")


class Artefacts:
    """A folder of them."""

    with_lists = True  # whether lists of groups, which are opened to auditors alone, may be among them

    def __init__(self, folder: Path):
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where one is or would be."""
        return self._folder / sha256

    def put(self, data: bytes) -> str:
        """Keep bytes; when this returns they are on the disk. Gives their name. Raises OSError."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if path.exists() and path.read_bytes() == data:
            return sha256
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{sha256}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync(self._folder)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        return sha256

    def put_json(self, document: Any) -> str:
        """Keep a document as its RFC 8785 bytes."""
        return self.put(rfc8785.dumps(document))

    def get(self, sha256: str) -> bytes:
        """Raises Refused where it is not there, or is not what its name says."""
        if not _NAME.fullmatch(sha256):
            raise Refused(f"{sha256[:80]!r} names no artefact")
        data = self.read(sha256)
        if data is None:
            raise Refused(f"the artefact {sha256} is not in {self}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Refused(f"the artefact {sha256} in {self} was altered: its bytes have another sha256")
        return data

    def read(self, sha256: str) -> bytes | None:
        """The bytes under a name, whatever they are; None if there are none."""
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, sha256: str) -> bool:
        """Whether there is anything under a name."""
        return self.path(sha256).exists()

    def __str__(self) -> str:
        return str(self._folder)

    def get_json(self, sha256: str) -> Any:
        """Raises Refused."""
        data = self.get(sha256)
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Refused(f"the artefact {sha256} is no JSON") from error

    def book(self, name: str, sha256: str) -> dict[str, Any]:
        """A book of rules under its own name: else its rules would take another book's place. Raises Refused."""
        found = self.get_json(sha256)
        if not isinstance(found, dict) or found.get("book") != name:
            raise Refused(f"the artefact {sha256} is not the book {name}")
        return found


class Shown(Artefacts):
    """Those that are shown beside a published ledger. `fetch` gives the file of a path below it, or None."""

    with_lists = False

    def __init__(self, fetch: Callable[[str], bytes | None], where: str):
        super().__init__(Path(where))
        self._fetch, self._where = fetch, where
        self._known: dict[str, bytes | None] = {}

    def read(self, sha256: str) -> bytes | None:
        if sha256 not in self._known:
            self._known[sha256] = self._fetch(sha256)
        return self._known[sha256]

    def has(self, sha256: str) -> bool:
        return self.read(sha256) is not None

    def __str__(self) -> str:
        return self._where


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
